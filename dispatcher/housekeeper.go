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
	// ForgetEvents forgets at most n events of the feed that happened before a time, and says whether there may be more.
	ForgetEvents(ctx context.Context, before time.Time, n int) (bool, error)
}

// Keeping is how long the house keeps what is done.
type Keeping struct {
	Months    int // messages; 0: for ever
	EventDays int // the feed of events; 0: for ever
}

// Housekeeper forgets messages and events that have been kept long enough. It is no part of the Feeder, because it may have a month to forget, and
// nobody would be fed meanwhile. Any number of them may run.
type Housekeeper struct {
	ledger houseLedger
	keep   Keeping
	now    func() time.Time
	log    *slog.Logger
}

// NewHousekeeper returns a Housekeeper.
func NewHousekeeper(l houseLedger, keep Keeping, now func() time.Time, log *slog.Logger) *Housekeeper {
	return &Housekeeper{l, keep, now, log}
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
	today := h.now().UTC()
	if h.keep.Months > 0 {
		h.forget(ctx, "old messages stay for now", today.AddDate(0, -h.keep.Months, 0), h.ledger.ForgetMessages)
	}
	if h.keep.EventDays > 0 {
		h.forget(ctx, "old events stay for now", today.AddDate(0, 0, -h.keep.EventDays), h.ledger.ForgetEvents)
	}
}

// forget forgets one kind of thing, portion by portion.
func (h *Housekeeper) forget(ctx context.Context, complaint string, before time.Time, portion func(context.Context, time.Time, int) (bool, error)) {
	for {
		more, err := portion(ctx, before, forgetSize)
		if err != nil && ctx.Err() == nil {
			h.log.LogAttrs(ctx, slog.LevelWarn, complaint, slog.String("error", err.Error()))
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
