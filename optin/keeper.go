package optin

import (
	"context"
	"log/slog"
	"time"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
)

// houseLedger is what a Keeper needs of the ledger. Its methods take at most n at a time.
type houseLedger interface {
	// Remind marks confirmations whose reminder is due as reminded, each once whoever asks, and returns those that still wait for their
	// press and may be written to. It says whether there may be more.
	Remind(ctx context.Context, now time.Time, n int) ([]Confirmation, bool, error)
	// Lapse writes down that requests which nobody confirmed within LinkWithin have lapsed, and says whether there may be more.
	Lapse(ctx context.Context, now time.Time, n int) (bool, error)
	// Forget erases contacts whom a sign-up made and who confirmed nothing for AskedLately. It returns how many, and whether there may be more.
	Forget(ctx context.Context, order contacts.EraseOrder, n int) (int, bool, error)
	// ForgetSignUps forgets counts that have ended.
	ForgetSignUps(ctx context.Context, now time.Time) error
}

// Keeper reminds, once, of what was not confirmed, writes down what has lapsed, and forgets who never confirmed. Any number of them may run.
type Keeper struct {
	ledger  houseLedger
	desk    *Desk
	certify func(contacts.Certificate) (string, error)
}

// NewKeeper returns a Keeper. Each erasure has a certificate, which certify signs.
func NewKeeper(l houseLedger, d *Desk, certify func(contacts.Certificate) (string, error)) *Keeper {
	return &Keeper{l, d, certify}
}

const (
	keepTick = time.Minute
	keepSize = 100
	keepRest = 50 * time.Millisecond // between two portions: sending goes first
)

// Run keeps house at once and then every minute, until ctx ends. Errors are logged and tried again in the next minute.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(keepTick)
	defer tick.Stop()
	for {
		k.Keep(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Keep keeps house once.
func (k *Keeper) Keep(ctx context.Context) {
	k.inPortions(ctx, "reminders wait", k.remind)
	k.inPortions(ctx, "lapsed requests stay pending", func(ctx context.Context) (bool, error) {
		return k.ledger.Lapse(ctx, k.desk.now(), keepSize)
	})
	k.inPortions(ctx, "contacts who never confirmed stay", k.forget)
	k.inPortions(ctx, "counts of sign-ups stay", func(ctx context.Context) (bool, error) {
		return false, k.ledger.ForgetSignUps(ctx, k.desk.now())
	})
}

func (k *Keeper) inPortions(ctx context.Context, otherwise string, do func(context.Context) (bool, error)) {
	for {
		more, err := do(ctx)
		if err != nil && ctx.Err() == nil {
			k.desk.Log.LogAttrs(ctx, slog.LevelWarn, "opt-ins: not kept for now", slog.String("because", otherwise), slog.String("error", err.Error()))
		}
		if !more || err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(keepRest):
		}
	}
}

func (k *Keeper) forget(ctx context.Context) (bool, error) {
	n, more, err := k.ledger.Forget(ctx, contacts.EraseOrder{By: "sign-up", At: k.desk.now(), LeaveOpen: true, Certify: k.certify}, keepSize)
	if n > 0 {
		k.desk.Log.LogAttrs(ctx, slog.LevelInfo, "contacts who never confirmed were forgotten", slog.Int("contacts", n))
	}
	return more, err
}

// remind sends a portion of reminders. One that cannot be sent is not tried again: it is a courtesy, and a second one would be none.
func (k *Keeper) remind(ctx context.Context) (bool, error) {
	due, more, err := k.ledger.Remind(ctx, k.desk.now(), keepSize)
	for _, c := range due {
		if err := k.desk.send(ctx, dispatcher.Caller{Mode: dispatcher.Live}, c, "", true); err != nil {
			k.desk.Log.LogAttrs(ctx, slog.LevelWarn, "a reminder was not sent", slog.String("confirmation_id", string(c.ID)), slog.String("error", err.Error()))
		}
	}
	return more, err
}
