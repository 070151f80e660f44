package notary

import (
	"context"
	"time"

	"github.com/orleu/elshi/tlog"
)

// officer is told what the database's administrator must not be able to change. The same key twice is one mail.
type officer interface {
	Tell(ctx context.Context, key, template string, data map[string]any) error
}

const officerTemplate = "ledger-checkpoint"

// mail sends the day's head, once a day, whoever asks and however often.
func (k *Keeper) mail(ctx context.Context, s tlog.Signed, now time.Time) error {
	day := k.day(now)
	if k.o.Officer == nil || k.mailed == day {
		return nil
	}
	err := k.o.Officer.Tell(ctx, "checkpoint "+day, officerTemplate, map[string]any{"checkpoint": map[string]any{
		"size": s.Size, "root": s.Root.String(), "at": s.At.Format(time.RFC3339), "note": s.Note, "public_key": k.notary.PublicKey(),
	}})
	if err == nil {
		k.mailed = day
	}
	return err
}
