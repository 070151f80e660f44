package events

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/orleu/elshi/vocab"
)

// Line is a webhook with what waits for it.
type Line struct {
	Webhook Webhook
	Secrets []string // the one in force first
	Place   Place    // how far of the feed it has got
	Waits   bool     // an event in line failed and is not due again yet
	Due     []Due    // in the order in which they are due
}

// Due is a delivery whose time has come.
type Due struct {
	Delivery Delivery
	Event    *Event // nil: it is no longer kept
}

// Page is a stretch of the feed.
type Page struct {
	Events []Event // those that were asked for
	Next   Place   // behind the last one that was looked at
	More   bool    // there is more behind it
}

// outbox is what a Sender needs of the store.
type outbox interface {
	// Lead says whether the holder is the one who sends until the given time: whoever was last, unless their time is over.
	Lead(ctx context.Context, holder string, now, until time.Time) (bool, error)
	// Lines returns every enabled webhook with what is due for it, at most n deliveries each.
	Lines(ctx context.Context, now time.Time, n int) ([]Line, error)
	// Read returns the events behind a place that match, of the next n; ErrForgotten if some behind it are gone. The zero Place is before
	// the oldest that is kept.
	Read(ctx context.Context, after Place, n int, match func(Type) bool) (Page, error)
	// Record writes an outcome and moves the webhook from one place to the other, in one transaction; an Outcome without an event moves it
	// alone. It returns false and writes nothing if the webhook is gone or disabled, or if somebody else has moved it or made the attempt.
	Record(ctx context.Context, id WebhookID, from, to Place, o Outcome) (bool, error)
}

// Observer counts what became of attempts. It must be safe for concurrent use.
type Observer interface {
	// WebhookAttempted counts an attempt by its result: delivered, failed, or dead.
	WebhookAttempted(result string)
	// WebhookSkipped counts how often events were forgotten before a webhook had them.
	WebhookSkipped()
}

// SenderOptions are how a Sender behaves.
type SenderOptions struct {
	Guard   Guard
	Tick    time.Duration                     // how often it looks. If zero, 1 s
	Timeout time.Duration                     // of one request; at most 10 s. If zero, 10 s
	Jitter  func(time.Duration) time.Duration // spreads a delay; if nil, it stays as it is
}

// Sender delivers events to webhooks: each webhook's in the order of the feed, webhooks beside each other. Several may run; one sends.
type Sender struct {
	outbox   outbox
	observer Observer
	o        SenderOptions
	client   *http.Client
	now      func() time.Time
	log      *slog.Logger
	holder   string

	parts sync.WaitGroup
	mu    sync.Mutex
	busy  map[WebhookID]bool
}

const (
	lead     = 15 * time.Second // longer than a request may take
	dueSize  = 20
	feedSize = 500
)

// NewSender returns a Sender.
func NewSender(box outbox, o SenderOptions, observer Observer, now func() time.Time, log *slog.Logger) *Sender {
	if o.Tick == 0 {
		o.Tick = time.Second
	}
	if o.Timeout == 0 || o.Timeout > postTimeout {
		o.Timeout = postTimeout
	}
	if o.Jitter == nil {
		o.Jitter = func(d time.Duration) time.Duration { return d }
	}
	return &Sender{
		outbox: box, observer: observer, o: o, client: newClient(o.Guard), now: now, log: log, holder: vocab.NewID("prc"),
		busy: map[WebhookID]bool{},
	}
}

// Run sends until ctx ends; requests that were begun are finished and recorded. Errors are logged and tried again.
func (s *Sender) Run(ctx context.Context) error {
	defer s.client.CloseIdleConnections()
	defer s.parts.Wait()
	tick := time.NewTicker(s.o.Tick)
	defer tick.Stop()
	var led term
	defer led.end()
	for {
		under := s.underWay() // before the look: what is read of these may be old when they end
		lines, leads, err := s.look(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, "webhooks wait", slog.String("error", err.Error()))
		}
		switch {
		case !leads:
			led.end()
		case led.ctx == nil:
			led.begin(ctx) // what was read may have been sent by who led before: look again
		default:
			for _, line := range lines {
				if !under[line.Webhook.ID] {
					s.start(led.ctx, line) //nolint:contextcheck // the term ends with ctx
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// term is the time in which this process is the one who sends.
type term struct {
	ctx    context.Context //nolint:containedctx // ends with the term
	cancel context.CancelFunc
}

func (t *term) begin(ctx context.Context) { t.ctx, t.cancel = context.WithCancel(ctx) }

func (t *term) end() {
	if t.ctx != nil {
		t.cancel()
		t.ctx = nil
	}
}

// look returns what waits, and whether it is this process's to send.
func (s *Sender) look(ctx context.Context) ([]Line, bool, error) {
	now := s.now()
	lines, err := s.outbox.Lines(ctx, now, dueSize)
	if err != nil || len(lines) == 0 {
		return nil, false, err
	}
	leads, err := s.outbox.Lead(ctx, s.holder, now, now.Add(lead))
	return lines, leads && err == nil, err
}

// underWay returns the webhooks that are being sent to.
func (s *Sender) underWay() map[WebhookID]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.busy)
}

// start sends what waits for a webhook.
func (s *Sender) start(ctx context.Context, line Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[line.Webhook.ID] = true
	s.parts.Go(func() {
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.busy, line.Webhook.ID)
		}()
		if err := s.deliver(ctx, line); err != nil && ctx.Err() == nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, "webhook waits", slog.String("webhook_id", string(line.Webhook.ID)), slog.String("error", err.Error()))
		}
	})
}

// deliver sends what is due, and then what comes next in the feed, until an event fails or there is no more.
func (s *Sender) deliver(ctx context.Context, line Line) error {
	waits := line.Waits
	for _, due := range line.Due {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // told to stop: what is left waits
		}
		after, goOn, err := s.retry(ctx, &line, due)
		if err != nil || !goOn {
			return err
		}
		waits = waits || after.InLine
	}
	for !waits && ctx.Err() == nil {
		page, err := s.outbox.Read(ctx, line.Place, feedSize, line.Webhook.Events.Match)
		if errors.Is(err, ErrForgotten) {
			s.observer.WebhookSkipped()
			s.log.LogAttrs(ctx, slog.LevelError, "events were forgotten before a webhook had them", slog.String("webhook_id", string(line.Webhook.ID)))
			page, err = s.outbox.Read(ctx, Place{}, feedSize, line.Webhook.Events.Match)
		}
		if err != nil {
			return err
		}
		goOn, err := s.next(ctx, &line, page)
		if err != nil || !goOn || !page.More {
			return err
		}
	}
	return nil
}

// retry makes another attempt at a delivery and returns it as it is then. It returns false if nothing more is to be sent to the webhook.
func (s *Sender) retry(ctx context.Context, line *Line, due Due) (Delivery, bool, error) {
	a := attempted{class: ErrorEvent}
	if due.Event != nil {
		var err error
		if a, err = s.post(ctx, *line, *due.Event); err != nil {
			return due.Delivery, false, err
		}
	}
	o := outcomeOf(line.Webhook, due.Delivery, a, s.now(), s.o.Jitter)
	recorded, err := s.record(ctx, line.Webhook.ID, line.Place, line.Place, o)
	if o.Delivery.State == Delivered {
		line.Webhook.FailingSince = time.Time{}
	}
	return o.Delivery, recorded && o.Disable == "", err
}

// next sends the events of a page in order and moves the line behind them. It returns false when one failed.
func (s *Sender) next(ctx context.Context, line *Line, page Page) (bool, error) {
	for _, e := range page.Events {
		if ctx.Err() != nil {
			return false, nil //nolint:nilerr // told to stop: what is left waits
		}
		a, err := s.post(ctx, *line, e)
		if err != nil {
			return false, err
		}
		d := Delivery{Webhook: line.Webhook.ID, EventID: e.ID, EventType: e.Type, EventAt: e.Timestamp, Place: e.Place, InLine: true, CreatedAt: s.now()}
		o := outcomeOf(line.Webhook, d, a, s.now(), s.o.Jitter)
		if recorded, err := s.record(ctx, line.Webhook.ID, line.Place, e.Place, o); err != nil || !recorded {
			return false, err
		}
		line.Place = e.Place
		if o.Delivery.State != Delivered {
			return false, nil
		}
		line.Webhook.FailingSince = time.Time{}
	}
	if page.Next == line.Place {
		return true, nil
	}
	moved, err := s.record(ctx, line.Webhook.ID, line.Place, page.Next, Outcome{})
	line.Place = page.Next
	return moved, err
}

// recordTimeout bounds the writing of what happened, which a stop does not cut short.
const recordTimeout = 10 * time.Second

var errRecordSlow = errors.New("the ledger took too long to record a delivery")

// record writes what happened, counts it, and says who was disabled.
func (s *Sender) record(ctx context.Context, id WebhookID, from, to Place, o Outcome) (bool, error) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), recordTimeout, errRecordSlow)
	defer cancel()
	recorded, err := s.outbox.Record(ctx, id, from, to, o)
	if err != nil || !recorded || o.Delivery.EventID == "" {
		return recorded, err
	}
	switch o.Delivery.State {
	case Delivered:
		s.observer.WebhookAttempted("delivered")
	case Pending:
		s.observer.WebhookAttempted("failed")
	case Dead:
		s.observer.WebhookAttempted("dead")
	}
	if o.Disable != "" {
		s.log.LogAttrs(ctx, slog.LevelError, "a webhook was disabled", slog.String("webhook_id", string(id)), slog.String("reason", string(o.Disable)))
	}
	return true, nil
}
