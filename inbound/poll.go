package inbound

import (
	"context"
	"log/slog"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// asked is a gateway that can be asked for reports; sms.Gateway is one.
type asked interface {
	Poll(ctx context.Context, refs []string) ([]channels.Report, error)
}

// awaiting says which messages still wait for a report.
type awaiting interface {
	reportLedger
	// Awaited returns the provider's references of messages that were sent after the mark and have no report yet, at most n in the order
	// of sending, and the last one's mark, from which the next call goes on.
	Awaited(ctx context.Context, provider vocab.ProviderID, after dispatcher.SentMark, n int) (refs []string, last dispatcher.SentMark, err error)
}

// Poller asks the gateways that do not call back.
type Poller struct {
	gateways map[vocab.ProviderID]asked
	ledger   awaiting
	every    time.Duration
	window   time.Duration
	now      func() time.Time
	log      *slog.Logger
}

// PollerOptions are the settings of a Poller.
type PollerOptions struct {
	Every  time.Duration // how often. If zero, 1 min
	Window time.Duration // how long after sending a report is awaited. If zero, 72 h
}

// pollSize is how many messages one round asks about, for each gateway.
const pollSize = 1000

// NewPoller returns a Poller of the gateways.
func NewPoller[G asked](gateways map[vocab.ProviderID]G, ledger awaiting, o PollerOptions, now func() time.Time, log *slog.Logger) *Poller {
	p := &Poller{gateways: map[vocab.ProviderID]asked{}, ledger: ledger, every: o.Every, window: o.Window, now: now, log: log}
	for id, g := range gateways {
		p.gateways[id] = g
	}
	if p.every == 0 {
		p.every = time.Minute
	}
	if p.window == 0 {
		p.window = 72 * time.Hour
	}
	return p
}

// Run asks until ctx ends.
func (p *Poller) Run(ctx context.Context) error {
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	cursors := map[vocab.ProviderID]dispatcher.SentMark{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for id, g := range p.gateways {
			next, err := p.round(ctx, id, g, cursors[id])
			if err != nil && ctx.Err() == nil {
				p.log.LogAttrs(ctx, slog.LevelWarn, "reports could not be asked for; trying again", slog.String("provider", string(id)),
					slog.String("error", err.Error()))
			}
			cursors[id] = next
		}
	}
}

// round asks about the next page of messages and returns where the one after it begins.
func (p *Poller) round(ctx context.Context, id vocab.ProviderID, g asked, after dispatcher.SentMark) (dispatcher.SentMark, error) {
	oldest := p.now().Add(-p.window)
	if after.At.Before(oldest) {
		after = dispatcher.SentMark{At: oldest}
	}
	refs, last, err := p.ledger.Awaited(ctx, id, after, pollSize)
	if err != nil || len(refs) == 0 {
		return dispatcher.SentMark{}, err // from the beginning again
	}
	reports, err := g.Poll(ctx, refs)
	for _, report := range reports { // also those that came before an error
		if e := Record(ctx, p.ledger, id, report); e != nil && fault.KindOf(e) != fault.NotFound && err == nil {
			err = e
		}
	}
	if len(refs) < pollSize {
		last = dispatcher.SentMark{}
	}
	return last, err
}
