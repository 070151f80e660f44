package claims

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/orleu/elshi/vocab"
)

// watchBook is what a Watch needs of the book.
type watchBook interface {
	// Watched returns at most n claims about which there is something to do.
	Watched(ctx context.Context, now time.Time, n int) ([]Claim, error)
	// Told records that the officer was told of a day; again changes nothing.
	Told(ctx context.Context, id vocab.ClaimID, day int, now time.Time) error
	// Watch sets when there is something to do next; the zero time: never.
	Watch(ctx context.Context, id vocab.ClaimID, next time.Time) error
}

// officer is told what the organisation must not miss. It may be called again with the same key, after a crash or by another process, and
// then tells nothing twice. An error means that nobody was told.
type officer interface {
	Tell(ctx context.Context, key, template string, data map[string]any) error
}

// The templates of what the officer is told: that a claim is still open, and that one has come by a link.
const (
	AlarmTemplate  = "claim-alarm"
	OpenedTemplate = "claim-opened"
)

// Watch acknowledges claims that are not acknowledged yet and tells the officer at once of those that came by a link, which nobody here has
// recorded, and on days 20, 25 and 28 of those that are still open, or whose answer did not arrive. What is due next is kept with the claim, so a day on which nobody watched is made up for. Any number may run.
type Watch struct {
	desk    *Desk
	book    watchBook
	officer officer
}

// NewWatch returns a Watch over the claims of a desk.
func NewWatch(desk *Desk, b watchBook, o officer) *Watch { return &Watch{desk, b, o} }

const (
	watchTick   = time.Minute
	watchSize   = 100
	watchRetry  = time.Hour // after a failure that the next minute will not mend
	claimIDName = "claim_id"
)

// Run watches at once and then every minute, until ctx ends. Errors are logged and tried again.
func (w *Watch) Run(ctx context.Context) error {
	tick := time.NewTicker(watchTick)
	defer tick.Stop()
	for {
		w.Look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Look does once what there is to do.
func (w *Watch) Look(ctx context.Context) {
	for ctx.Err() == nil {
		now := w.desk.Now().UTC()
		list, err := w.book.Watched(ctx, now, watchSize)
		if err != nil {
			w.desk.Log.LogAttrs(ctx, slog.LevelWarn, "claims are not watched for now", slog.String("error", err.Error()))
			return
		}
		for _, c := range list {
			next, err := w.one(ctx, c, now)
			if err != nil {
				w.desk.Log.LogAttrs(ctx, slog.LevelError, "a claim needs attention and nobody could be told",
					slog.String(claimIDName, string(c.ID)), slog.String("error", err.Error()))
				next = now.Add(watchRetry)
			}
			if err := w.book.Watch(ctx, c.ID, next); err != nil {
				w.desk.Log.LogAttrs(ctx, slog.LevelWarn, "claims are not watched for now", slog.String("error", err.Error()))
				return
			}
		}
		if len(list) < watchSize {
			return
		}
	}
}

// one does what there is to do about a claim and returns when to look again; the zero time: never. What keeps the number from being told
// does not keep the officer from being told: the term runs all the same.
func (w *Watch) one(ctx context.Context, c Claim, now time.Time) (time.Time, error) {
	_, untold := w.desk.acknowledge(ctx, c)
	unannounced := w.announce(ctx, c, now)
	next, err := w.alarms(ctx, c, now)
	return next, errors.Join(untold, unannounced, err)
}

// alarms tells the officer of the days that have begun and returns when the next one does; the zero time: there is none.
func (w *Watch) alarms(ctx context.Context, c Claim, now time.Time) (time.Time, error) {
	for _, day := range AlarmDays() {
		at := AlarmAt(c.ReceivedAt, w.desk.Zone, day)
		if at.After(now) {
			return at, nil
		}
		if wasTold(c.Alarms, day) || c.State != Open && c.State != Undelivered {
			continue
		}
		if err := w.officer.Tell(ctx, "claim/"+string(c.ID)+"/"+strconv.Itoa(day), AlarmTemplate, w.alarm(c, day, now)); err != nil {
			return time.Time{}, fmt.Errorf("tell of day %d: %w", day, err)
		}
		if err := w.book.Told(ctx, c.ID, day, now); err != nil {
			return time.Time{}, err
		}
	}
	return time.Time{}, nil
}

// announce tells the officer of a claim that came by a link: until then nobody here knows of it. It is kept as the alarm of day 0.
func (w *Watch) announce(ctx context.Context, c Claim, now time.Time) error {
	if c.Via != ByLink || wasTold(c.Alarms, 0) {
		return nil
	}
	if err := w.officer.Tell(ctx, "claim/"+string(c.ID)+"/0", OpenedTemplate, w.alarm(c, 0, now)); err != nil {
		return fmt.Errorf("tell that it is there: %w", err)
	}
	return w.book.Told(ctx, c.ID, 0, now)
}

// alarm is what the officer is told: nothing about the person.
func (w *Watch) alarm(c Claim, day int, now time.Time) map[string]any {
	claim := map[string]any{
		"id": string(c.ID), "number": c.Number, "kind": string(c.Kind), "state": string(c.State), "day": day,
		"due_on": LastDay(c.DueAt, w.desk.Zone).Format(time.DateOnly), "days_left": DaysLeft(c.DueAt, now, w.desk.Zone),
	}
	if c.About != "" {
		claim["message_id"] = string(c.About)
	}
	return map[string]any{"claim": claim}
}
