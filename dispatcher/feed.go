package dispatcher

import (
	"context"
	"log/slog"
	"time"

	"github.com/orleu/elshi/vocab"
)

// feedLedger is what a Feeder needs of the ledger.
type feedLedger interface {
	// LeadFeeding says whether the holder is the one who feeds until the given time.
	LeadFeeding(ctx context.Context, holder string, now, until time.Time) (bool, error)
	// Due returns the next n messages of a lane that are due behind the mark, grouped for the doorbell, and the mark behind them.
	Due(ctx context.Context, lane LaneQuery, after DueMark, now time.Time, n int) ([]Batch, DueMark, error)
	Reap(ctx context.Context, before, now time.Time, n int, once func(vocab.Class) bool) ([]Lost, error)
	ForgetKeys(ctx context.Context, before time.Time, n int) (int, error)
}

// feedBell rings and says how much is waiting to be picked up.
type feedBell interface {
	bell
	// Pending returns how many rings of a lane nobody has picked up yet.
	Pending(ctx context.Context, channel vocab.Channel, lane vocab.Lane) (int, error)
}

// FeederOptions are the settings of a Feeder.
type FeederOptions struct {
	Tick       time.Duration // how often due messages are looked for. If zero, 1 s
	RingWindow time.Duration // how long after a ring a message that still waits is rung for again. If zero, 15 s
	ReapTick   time.Duration // how often lost leases are looked for. If zero, 5 s
	// ReapAfter is how long after the end of a lease the attempt is given up: longer than any socket may still be writing. If zero,
	// 1 min.
	ReapAfter time.Duration
	BatchSize int // messages of one ring. If zero, 500
	// Depth is how many rings are kept in front of a lane at first; nil: 4. A lane that runs dry between two looks gets twice as many the
	// next time, up to mostGrowth times its first depth, so that about two ticks' work waits whatever the pace is.
	Depth    func(vocab.Channel, vocab.Lane) (rings int)
	KeepKeys time.Duration // how long idempotency keys are kept. If zero, 7 days
}

// Feeder finds what is due and rings for it: scheduled and retried messages, ends of holds, and everything whose first ring was
// lost. It also reaps: it closes attempts whose worker is gone. Any number of feeders may run, of which one feeds; each is for one goroutine.
type Feeder struct {
	ledger   feedLedger
	bell     feedBell
	options  FeederOptions
	observer Observer
	now      func() time.Time
	log      *slog.Logger

	name   string // among the feeders
	looked map[LaneQuery]*look
	growth map[LaneQuery]int // by channel and lane: times its Depth
	away   bool              // the ledger did not answer the last Reap
	back   time.Time         // when it answered again
}

// NewFeeder returns a Feeder.
func NewFeeder(l feedLedger, b feedBell, o FeederOptions, observer Observer, now func() time.Time, log *slog.Logger) *Feeder {
	defaultTo(&o.Tick, time.Second)
	defaultTo(&o.RingWindow, 15*time.Second)
	defaultTo(&o.ReapTick, 5*time.Second)
	defaultTo(&o.ReapAfter, time.Minute)
	defaultTo(&o.BatchSize, 500)
	defaultTo(&o.KeepKeys, 7*24*time.Hour)
	if o.Depth == nil {
		o.Depth = func(vocab.Channel, vocab.Lane) int { return 4 }
	}
	return &Feeder{
		ledger: l, bell: b, options: o, observer: observer, now: now, log: log,
		name: vocab.NewID("feeder"), looked: map[LaneQuery]*look{}, growth: map[LaneQuery]int{},
	}
}

// look is one walk through what is due in a lane, from the oldest on. When it began too long ago another one begins: whatever still waits
// is rung for again.
type look struct {
	began time.Time
	mark  DueMark
}

// leadTicks is for how many ticks the right to feed lasts: as long as nobody feeds when a feeder was killed.
const leadTicks = 3

// Run feeds and reaps until ctx ends. Errors of the ledger or the queue are logged and tried again at the next tick.
func (f *Feeder) Run(ctx context.Context) error {
	feed := time.NewTicker(f.options.Tick)
	defer feed.Stop()
	reap := time.NewTicker(f.options.ReapTick)
	defer reap.Stop()
	f.Feed(ctx) // what became due while nobody looked does not wait for the first tick
	for {
		select {
		case <-ctx.Done():
			f.leave(ctx)
			return nil
		case <-feed.C:
			f.Feed(ctx)
		case <-reap.C:
			f.Reap(ctx)
		}
	}
}

// leave lets another process feed at once.
func (f *Feeder) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	now := f.now()
	if _, err := f.ledger.LeadFeeding(ctx, f.name, now, now); err != nil {
		f.log.LogAttrs(ctx, slog.LevelInfo, "others feed a moment later", slog.String("error", err.Error()))
	}
}

// Feed looks once through all lanes, the most urgent first, unless another process feeds.
func (f *Feeder) Feed(ctx context.Context) {
	now := f.now()
	leads, err := f.ledger.LeadFeeding(ctx, f.name, now, now.Add(leadTicks*f.options.Tick))
	if err != nil && ctx.Err() == nil {
		f.log.LogAttrs(ctx, slog.LevelWarn, "feed failed; trying again", slog.String("error", err.Error()))
	}
	if !leads {
		clear(f.looked)
		clear(f.growth)
		return
	}
	for _, lane := range vocab.Lanes() {
		for _, channel := range vocab.Channels() {
			if err := f.feedLane(ctx, channel, lane); err != nil && ctx.Err() == nil {
				f.log.LogAttrs(ctx, slog.LevelWarn, "feed failed; trying again", slog.String("channel", string(channel)),
					slog.String("lane", string(lane)), slog.String("error", err.Error()))
			}
		}
	}
}

// feedLane tops a lane up to its depth.
func (f *Feeder) feedLane(ctx context.Context, channel vocab.Channel, lane vocab.Lane) error {
	pending, err := f.bell.Pending(ctx, channel, lane)
	if err != nil {
		return err
	}
	room := f.depth(channel, lane, pending) - pending
	for _, class := range classesOf(lane) {
		for room > 0 {
			now := f.now()
			seen := f.lookAt(LaneQuery{channel, lane, class}, now)
			batches, mark, err := f.ledger.Due(ctx, LaneQuery{channel, lane, class}, seen.mark, now, f.options.BatchSize)
			if err != nil {
				return err
			}
			if len(batches) == 0 {
				break
			}
			for _, b := range batches {
				if err := f.bell.Ring(ctx, b); err != nil {
					return err
				}
				room--
			}
			seen.mark = mark
		}
	}
	if room > 0 { // nothing more is due: that the lane is dry then says nothing about its pace
		delete(f.growth, LaneQuery{Channel: channel, Lane: lane})
	}
	return nil
}

// lookAt returns the walk through a lane that is on its way.
func (f *Feeder) lookAt(lane LaneQuery, now time.Time) *look {
	seen, have := f.looked[lane]
	if !have || now.Sub(seen.began) >= f.options.RingWindow {
		seen = &look{began: now}
		f.looked[lane] = seen
	}
	return seen
}

// mostGrowth bounds how many times its first depth a lane gets.
const mostGrowth = 32

// depth is how many rings are to wait in front of a lane: more of them if it ran dry since it was last filled, fewer if most still wait.
func (f *Feeder) depth(channel vocab.Channel, lane vocab.Lane, pending int) int {
	key := LaneQuery{Channel: channel, Lane: lane}
	first := f.options.Depth(channel, lane)
	growth, filled := f.growth[key]
	switch {
	case !filled:
		growth = 1
	case pending == 0:
		growth = min(2*growth, mostGrowth)
	case pending > first*growth/2:
		growth = max(growth/2, 1)
	}
	f.growth[key] = growth
	return first * growth
}

// classesOf returns the order in which a lane is fed: in bulk, legal notices go first.
func classesOf(lane vocab.Lane) []vocab.Class {
	switch lane {
	case vocab.Bulk:
		return []vocab.Class{vocab.Legal, vocab.Marketing}
	case vocab.Urgent, vocab.Normal:
		return []vocab.Class{""}
	}
	return nil
}

// reapSize is how many lost attempts one transaction closes.
const reapSize = 500

// settleFirst is how long workers that kept outcomes have to record them when the ledger is back; they ask at least every two seconds.
const settleFirst = 5 * time.Second

// lostBefore is the end of lease before which an attempt is lost. Nobody is lost for not settling with a ledger that was away: what the
// workers know comes first, or messages would be sent again whose outcome is known.
func (f *Feeder) lostBefore(now time.Time) time.Time {
	if f.away || now.Sub(f.back) < settleFirst {
		return time.Time{}
	}
	return now.Add(-f.options.ReapAfter)
}

// Reap closes attempts whose lease ran out and whose worker has not been heard of since, and forgets old idempotency keys.
func (f *Feeder) Reap(ctx context.Context) {
	for ctx.Err() == nil {
		now := f.now()
		lost, err := f.ledger.Reap(ctx, f.lostBefore(now), now, reapSize, atMostOnce)
		if err != nil {
			f.away = true
			f.log.LogAttrs(ctx, slog.LevelWarn, "reap failed; trying again", slog.String("error", err.Error()))
			return
		}
		if f.away {
			f.away, f.back = false, now
		}
		count := map[vocab.Class]int{}
		for _, x := range lost {
			count[x.Class]++
		}
		for class, n := range count {
			f.observer.LeasesLost(class, n)
			f.log.LogAttrs(ctx, slog.LevelWarn, "attempts lost their worker", slog.String("class", string(class)), slog.Int("messages", n))
		}
		if len(lost) < reapSize {
			break
		}
	}
	if _, err := f.ledger.ForgetKeys(ctx, f.now().Add(-f.options.KeepKeys), reapSize); err != nil && ctx.Err() == nil {
		f.log.LogAttrs(ctx, slog.LevelWarn, "old idempotency keys stay for now", slog.String("error", err.Error()))
	}
}
