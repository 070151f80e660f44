package dispatcher

import (
	"context"
	"log/slog"
	"time"
)

// houseLedger is what a Housekeeper needs of the ledger.
type houseLedger interface {
	// ForgetMessages forgets at most n messages that came in before a time, and says whether there may be more.
	ForgetMessages(ctx context.Context, before time.Time, n int) (bool, error)
}

// Housekeeper forgets messages that have been kept long enough. It is no part of the Feeder, because it may have a month to forget, and
// nobody would be fed meanwhile. Any number of them may run.
type Housekeeper struct {
	ledger houseLedger
	keep   int // whole months; 0: for ever
	now    func() time.Time
	log    *slog.Logger
}

// NewHousekeeper returns a Housekeeper that keeps messages for so many months; 0: for ever.
func NewHousekeeper(l houseLedger, months int, now func() time.Time, log *slog.Logger) *Housekeeper {
	return &Housekeeper{l, months, now, log}
}

const (
	houseTick  = time.Hour
	forgetSize = 500
	forgetRest = 50 * time.Millisecond // between two portions: sending goes first
)

// Run keeps house at once and then every hour, until ctx ends. Errors are logged and tried again in the next hour.
func (h *Housekeeper) Run(ctx context.Context) error {
	tick := time.NewTicker(houseTick)
	defer tick.Stop()
	for {
		h.Keep(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Keep keeps house once.
func (h *Housekeeper) Keep(ctx context.Context) {
	if h.keep <= 0 {
		return
	}
	before := h.now().UTC().AddDate(0, -h.keep, 0)
	for {
		more, err := h.ledger.ForgetMessages(ctx, before, forgetSize)
		if err != nil && ctx.Err() == nil {
			h.log.LogAttrs(ctx, slog.LevelWarn, "old messages stay for now", slog.String("error", err.Error()))
		}
		if !more || err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(forgetRest):
		}
	}
}
