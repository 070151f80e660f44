package dispatcher

import (
	"context"
	"log/slog"
	"time"

	"github.com/orleu/elshi/vocab"
)

// houseLedger is what a Housekeeper needs of the ledger.
type houseLedger interface {
	// Forget forgets one portion of what is old enough, in one transaction.
	Forget(ctx context.Context, step ForgetStep) (Forgotten, error)
	// ForgetEvents forgets at most n events of the feed that happened before a time, and says whether there may be more.
	ForgetEvents(ctx context.Context, before time.Time, n int) (bool, error)
	// KeepRun writes the report of a run, or writes it anew.
	KeepRun(ctx context.Context, run RetentionRun) error
	// Runs returns the reports of runs, the newest first, at most n of them; behind is the last one of the page before, or "".
	Runs(ctx context.Context, behind string, n int) ([]RetentionRun, error)
}

// houseObserver counts what is forgotten.
type houseObserver interface {
	Forgot(kind RetentionKind, class vocab.Class, n ForgetCounts)
	// HouseKept says when a run ended, and whether a part of it failed.
	HouseKept(at time.Time, failed bool)
}

// Keeping is how long the house keeps what is done.
type Keeping struct {
	Rules     []Retention // of messages, in the order they are applied in
	EventDays int         // the feed of events; 0: for ever
}

// Housekeeper forgets what has been kept long enough, class by class, and reports it. It is no part of the Feeder, because it may have a
// month to forget, and nobody would be fed meanwhile. Any number of them may run: what one forgets, another does not find.
type Housekeeper struct {
	ledger   houseLedger
	keep     Keeping
	observer houseObserver
	now      func() time.Time
	log      *slog.Logger
}

// NewHousekeeper returns a Housekeeper that keeps by these rules.
func NewHousekeeper(l houseLedger, keep Keeping, o houseObserver, now func() time.Time, log *slog.Logger) *Housekeeper {
	return &Housekeeper{l, keep, o, now, log}
}

const (
	houseTick  = time.Hour
	forgetSize = 500
	forgetRest = 50 * time.Millisecond // between two portions that changed something: sending goes first
	reportTick = 24 * time.Hour        // a run that found nothing is reported this often: that nothing was found is a finding too
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

// Keep keeps house once. A rule that fails does not keep the others from being applied.
func (h *Housekeeper) Keep(ctx context.Context) {
	h.forgetEvents(ctx)
	run := RetentionRun{ID: vocab.NewID(RetentionRunPrefix), StartedAt: h.now().UTC()}
	ruled := false
	for _, rule := range h.keep.Rules {
		if rule.Months <= 0 {
			continue
		}
		ruled = true
		count := RuleCount{Kind: rule.Kind, Class: rule.Class, Before: run.StartedAt.AddDate(0, -rule.Months, 0)}
		err := h.apply(ctx, &count)
		if count.ForgetCounts != (ForgetCounts{}) {
			run.Counts = append(run.Counts, count)
			h.report(ctx, run) // so that a run whose process ends is known by what it did
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			run.Failed = true
			h.log.LogAttrs(ctx, slog.LevelWarn, "what is old stays for now",
				slog.String("kind", string(rule.Kind)), slog.String("class", string(rule.Class)), slog.String("error", err.Error()))
		}
	}
	if !ruled {
		return
	}
	run.EndedAt = h.now().UTC()
	if run.Failed || len(run.Counts) > 0 || h.reportIsOld(ctx, run.StartedAt) {
		h.report(ctx, run)
	}
	h.observer.HouseKept(run.EndedAt, run.Failed)
}

// forgetEvents forgets the feed's old events, portion by portion. They only repeat what the ledger says, so nothing is reported.
func (h *Housekeeper) forgetEvents(ctx context.Context) {
	if h.keep.EventDays <= 0 {
		return
	}
	before := h.now().UTC().AddDate(0, 0, -h.keep.EventDays)
	for {
		more, err := h.ledger.ForgetEvents(ctx, before, forgetSize)
		if err != nil && ctx.Err() == nil {
			h.log.LogAttrs(ctx, slog.LevelWarn, "old events stay for now", slog.String("error", err.Error()))
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

// apply applies one rule: first to those that had to stay before, then to what no run has seen. It counts into count.
func (h *Housekeeper) apply(ctx context.Context, count *RuleCount) error {
	for _, stays := range []bool{true, false} {
		step := ForgetStep{Kind: count.Kind, Class: count.Class, Before: count.Before, Size: forgetSize, Stays: stays}
		for {
			f, err := h.ledger.Forget(ctx, step)
			if err != nil {
				return err
			}
			if f.Counts != (ForgetCounts{}) {
				count.ForgetCounts = count.plus(f.Counts)
				h.observer.Forgot(count.Kind, count.Class, f.Counts)
			}
			if !f.More {
				break
			}
			step.After = f.Last
			if f.Counts == (ForgetCounts{}) {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				continue
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(forgetRest):
			}
		}
	}
	return nil
}

// report keeps a run's report, also when the process is told to stop: what was forgotten is written down.
func (h *Housekeeper) report(ctx context.Context, run RetentionRun) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := h.ledger.KeepRun(ctx, run); err != nil {
		h.log.LogAttrs(ctx, slog.LevelWarn, "the report of a retention run is not kept",
			slog.String("run_id", run.ID), slog.String("error", err.Error()))
	}
}

// reportIsOld says whether no run has been reported for a day.
func (h *Housekeeper) reportIsOld(ctx context.Context, now time.Time) bool {
	last, err := h.ledger.Runs(ctx, "", 1)
	return err == nil && (len(last) == 0 || !last[0].StartedAt.After(now.Add(-reportTick)))
}
