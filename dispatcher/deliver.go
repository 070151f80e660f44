package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// workLedger is what a Worker needs of the ledger.
type workLedger interface {
	// ClaimBatch decides messages and returns a permit for each that may go now; see store.Ledger.
	ClaimBatch(ctx context.Context, claim Claim, decide Decider) ([]Permit, error)
	// Settle records how attempts ended; it may be called again with the same settlements.
	Settle(ctx context.Context, settlements []Settlement) error
}

// limiter hands out the right to send so and so many messages now, over all processes.
type limiter interface {
	// Take grants between 0 and n messages of a provider; if 0, the time after which to ask again.
	Take(ctx context.Context, provider vocab.ProviderID, n int) (granted int, after time.Duration, err error)
	// Slow halves a provider's rate for a while, for all processes.
	Slow(ctx context.Context, provider vocab.ProviderID) error
}

// Observer counts what happens on the street; see package app for the metrics. Its methods return at once.
type Observer interface {
	Decided(class vocab.Class, r Result)
	Settled(m Message, s Settlement)
	Claimed(asked, permits int)
	LeasesLost(class vocab.Class, n int)
}

// Route is one way out: a provider as one lane uses it. Each has its own connections, so that stalled bulk holds no one-time code.
type Route struct {
	Provider vocab.ProviderID
	Lane     vocab.Lane
}

// WorkerOptions are the settings of a Worker.
type WorkerOptions struct {
	Lease       time.Duration // how long a permit lasts. If zero, 1 min
	Margin      time.Duration // taken off the lease before every hand-over: clocks differ. If zero, 5 s
	ClaimSize   int           // messages of one claim at most. If zero, 100
	SettleEvery time.Duration // how long an outcome waits for company. If zero, 100 ms
	SettleSize  int           // outcomes that are worth a settle; what waits by then goes with them. If zero, 64
	StopGrace   time.Duration // how long outcomes are kept trying to be recorded after a stop. If zero, 20 s
}

// Worker delivers batches: claim, render, hand over, settle.
type Worker struct {
	ledger   workLedger
	gate     *Gate
	renderer *Renderer
	sealer   *Sealer
	letters  *Letters
	carriers map[Route]channels.Channel
	limiter  limiter
	schedule Schedule
	options  WorkerOptions
	observer Observer
	now      func() time.Time
	log      *slog.Logger
	pace     *pace
}

// Street is what a Worker is made of.
type Street struct {
	Ledger   workLedger
	Gate     *Gate
	Renderer *Renderer
	Sealer   *Sealer
	Letters  *Letters
	Carriers map[Route]channels.Channel
	Limiter  limiter
	Schedule Schedule
	Observer Observer
	Now      func() time.Time
	Log      *slog.Logger
}

// NewWorker returns a Worker.
func NewWorker(s Street, o WorkerOptions) *Worker {
	defaultTo(&o.Lease, time.Minute)
	defaultTo(&o.Margin, 5*time.Second)
	defaultTo(&o.ClaimSize, 100)
	defaultTo(&o.SettleEvery, 100*time.Millisecond)
	defaultTo(&o.SettleSize, 64)
	defaultTo(&o.StopGrace, 20*time.Second)
	return &Worker{
		ledger: s.Ledger, gate: s.Gate, renderer: s.Renderer, sealer: s.Sealer, letters: s.Letters, carriers: s.Carriers, limiter: s.Limiter,
		schedule: s.Schedule, options: o, observer: s.Observer, now: s.Now, log: s.Log, pace: newPace(),
	}
}

// defaultTo sets a zero setting to its default.
func defaultTo[T comparable](setting *T, value T) {
	var zero T
	if *setting == zero {
		*setting = value
	}
}

// Deliver sends what of a batch may go now. Whatever becomes of a message is recorded in the ledger, so there is nothing to report
// here and nothing to retry: messages that were not claimed still wait and are rung for again. Deliver returns when every permit it
// took is settled, or its outcome could not be recorded within the grace after ctx ended.
func (w *Worker) Deliver(ctx context.Context, b Batch) {
	route := Route{b.Provider, b.Lane}
	carrier, known := w.carriers[route]
	if !known {
		w.log.LogAttrs(ctx, slog.LevelError, "no such provider; its messages wait", slog.String("provider", string(b.Provider)))
		return
	}
	for ids := b.IDs; len(ids) > 0 && ctx.Err() == nil && !w.pace.resting(route, w.now()); {
		n, ok := w.tokens(ctx, b.Provider, min(len(ids), w.pace.size(route, w.options.ClaimSize)))
		if !ok {
			return
		}
		start := w.now() // before the claim: the lease is counted from here
		permits, err := w.claim(ctx, ids[:n], start)
		if err != nil {
			w.log.LogAttrs(ctx, slog.LevelWarn, "claim failed; the messages wait", slog.String("error", err.Error()))
			return
		}
		w.observer.Claimed(n, len(permits))
		met := w.send(ctx, carrier, permits, start.Add(w.options.Lease-w.options.Margin))
		w.adapt(ctx, route, len(permits), met, w.now().Sub(start))
		ids = ids[n:]
	}
}

// adapt sets the pace of a route by what its last claim met.
func (w *Worker) adapt(ctx context.Context, r Route, permits int, met weather, took time.Duration) {
	switch {
	case permits > 0 && met.away == permits:
		w.pace.rest(r, w.now())
		return
	case met.tooFast:
		w.pace.halve(r)
		if err := w.limiter.Slow(ctx, r.Provider); err != nil {
			w.log.LogAttrs(ctx, slog.LevelWarn, "the shared rate stays as it is", slog.String("error", err.Error()))
		}
		return
	}
	w.pace.learn(r, permits, took)
}

// weather is what the hand-overs of one claim say about the provider.
type weather struct {
	away    int  // messages that could not be handed over because it did not answer
	tooFast bool // it asked for a slower pace
}

// claim takes permits. A stop does not cut it short: a commit that nobody hears of would leave its messages to the reaper, and
// marketing among them unknown although nothing was sent.
func (w *Worker) claim(ctx context.Context, ids []vocab.MessageID, now time.Time) ([]Permit, error) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), claimTimeout, errClaimSlow)
	defer cancel()
	return w.ledger.ClaimBatch(ctx, Claim{IDs: ids, Now: now, Lease: w.options.Lease}, w.gate.At(now))
}

const claimTimeout = 10 * time.Second

// patience is how long a batch waits for its provider's rate before it leaves the rest to a later ring.
const patience = 5 * time.Second

// tokens takes the right to send up to n messages, before anything is claimed: nobody sleeps holding a permit.
func (w *Worker) tokens(ctx context.Context, provider vocab.ProviderID, n int) (int, bool) {
	for end := w.now().Add(patience); w.now().Before(end); {
		granted, after, err := w.limiter.Take(ctx, provider, n)
		if err != nil {
			w.log.LogAttrs(ctx, slog.LevelWarn, "no rate from the limiter; the messages wait", slog.String("error", err.Error()))
			return 0, false
		}
		if granted > 0 {
			return granted, true
		}
		select {
		case <-ctx.Done():
			return 0, false
		case <-time.After(after):
		}
	}
	return 0, false
}

// send renders permits, hands them over and settles them as their outcomes come. It returns when all of them are settled.
func (w *Worker) send(ctx context.Context, carrier channels.Channel, permits []Permit, until time.Time) (met weather) {
	if len(permits) == 0 {
		return met
	}
	outcomes := make(chan Settlement, len(permits))
	recorded := make(chan struct{})
	go func() {
		defer close(recorded)
		w.record(ctx, outcomes)
	}()
	byID := make(map[vocab.MessageID]*Permit, len(permits))
	messages := make([]channels.Message, 0, len(permits))
	settle := func(r channels.Receipt) {
		p := byID[r.MessageID]
		if p == nil || r.Attempt != p.Message.Attempt {
			return // not ours: a channel that invents receipts is a bug its conformance suite finds
		}
		s := w.schedule.settle(*p, r)
		if s.Outcome == channels.NotHandedOver && s.Cause == channels.Unreachable {
			met.away++
		}
		met.tooFast = met.tooFast || ruleOf(s.Cause).Stream == StreamHalve
		w.observer.Settled(p.Message, s)
		outcomes <- s
	}
	for i := range permits {
		p := &permits[i]
		byID[p.Message.ID] = p
		made, err := w.content(ctx, *p)
		if err != nil {
			settle(w.unrendered(*p, err))
			continue
		}
		p.Message.ContentHash = contentHash(made.Content)
		messages = append(messages, w.letters.message(*p, made, until))
	}
	if len(messages) > 0 {
		carrier.Send(ctx, messages, settle)
	}
	close(outcomes)
	<-recorded
	return met
}

// content renders one message whole, before the first byte goes out.
func (w *Worker) content(ctx context.Context, p Permit) (content, error) {
	version, err := w.renderer.version(ctx, p.Message.Template)
	if err != nil {
		return content{}, err
	}
	data, err := w.sealer.Open(p.Message.ID, p.Payload)
	if err != nil {
		return content{}, err
	}
	return w.renderer.render(version, p.Message, data)
}

// unrendered is the receipt of a message that could not be made: for good if its template and data make none, else not started.
func (w *Worker) unrendered(p Permit, err error) channels.Receipt {
	cause := channels.Unrenderable
	if fault.KindOf(err) == fault.Unavailable {
		cause = channels.Stopped
	}
	return channels.Receipt{
		MessageID: p.Message.ID, Attempt: p.Message.Attempt, Outcome: channels.NotHandedOver, At: w.now(),
		Err: &channels.Error{Cause: cause, Detail: err.Error()},
	}
}

// record writes outcomes down in company: when enough have come, or the first has waited long enough. After a stop it keeps trying
// for the grace, all outcomes of a claim together.
func (w *Worker) record(ctx context.Context, outcomes <-chan Settlement) {
	patient, giveUp := context.WithCancelCause(context.WithoutCancel(ctx))
	defer giveUp(nil)
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(w.options.StopGrace, func() { giveUp(errStopped) })
	})
	defer stop()
	var pending []Settlement
	timer := time.NewTimer(w.options.SettleEvery)
	defer timer.Stop()
	flush := func() {
		if len(pending) > 0 {
			w.settle(patient, pending)
			pending = nil
		}
	}
	for {
		select {
		case s, open := <-outcomes:
			if !open {
				flush()
				return
			}
			if len(pending) == 0 {
				timer.Reset(w.options.SettleEvery)
			}
			if pending = append(pending, s); len(pending) >= w.options.SettleSize {
				for range len(outcomes) { // those that came during the last settle need not wait for one of their own
					pending = append(pending, <-outcomes)
				}
				flush()
			}
		case <-timer.C:
			flush()
		}
	}
}

var (
	errClaimSlow  = errors.New("the ledger did not answer a claim in time")
	errSettleSlow = errors.New("the ledger did not record outcomes in time")
	errStopped    = errors.New("stopping, and the grace for recording outcomes is over")
)

// settle records outcomes. While the ledger is away it keeps them and tries again, also during a stop: what happened must be written
// down. Only when ctx ends does it give up; then the reaper calls these messages unknown or sends them again. One try is made all the
// same: a silent provider may have held the hand-over for as long as the grace is.
func (w *Worker) settle(ctx context.Context, batch []Settlement) {
	err := w.settleOnce(context.WithoutCancel(ctx), batch)
	for wait := 100 * time.Millisecond; err != nil; wait = min(2*wait, 2*time.Second) {
		w.log.LogAttrs(ctx, slog.LevelWarn, "outcomes are not recorded yet; trying again", slog.Int("messages", len(batch)),
			slog.String("error", err.Error()))
		select {
		case <-ctx.Done():
			w.log.LogAttrs(ctx, slog.LevelError, "outcomes could not be recorded", slog.Int("messages", len(batch)),
				slog.String("error", fmt.Sprint(context.Cause(ctx))))
			return
		case <-time.After(wait):
		}
		err = w.settleOnce(ctx, batch)
	}
}

func (w *Worker) settleOnce(ctx context.Context, batch []Settlement) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Second, errSettleSlow)
	defer cancel()
	return w.ledger.Settle(ctx, batch)
}
