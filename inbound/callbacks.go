// Package inbound takes what comes back: delivery reports and texts from SMS gateways. It finds out what they are about and hands them
// to the ledger; it decides nothing about messages and believes nothing that does not prove where it comes from.
package inbound

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// gateway reads what one provider calls back; sms.Gateway is one.
type gateway interface {
	ParseCallback(r *http.Request, token string) (sms.Callback, error)
}

// reportLedger records what providers say later.
type reportLedger interface {
	// RecordReport records a report; fault.NotFound and fault.Conflict mean that it may come again. See store.Ledger.
	RecordReport(ctx context.Context, r dispatcher.LateReport) (dispatcher.Message, bool, error)
}

// withdrawer records withdrawals; dispatcher.Withdrawer is one.
type withdrawer interface {
	Withdraw(ctx context.Context, w dispatcher.Withdrawal, wait time.Duration) (dispatcher.Withdrawn, error)
}

// stops keeps numbers that want no more texts.
type stops interface {
	// AddressID returns the address of a number; fault.NotFound if no contact ever had it.
	AddressID(ctx context.Context, channel vocab.Channel, lookup string) (vocab.AddressID, error)
	// Stop suppresses a number that is no contact's.
	Stop(ctx context.Context, lookup string, at time.Time) error
	// LiftStop ends the stop of a number; it revives no grant.
	LiftStop(ctx context.Context, lookup string, at time.Time) error
}

// Options are what Callbacks is made of.
type Options struct {
	Gateways    map[vocab.ProviderID]*sms.Gateway
	Ledger      reportLedger
	Withdrawals withdrawer
	Stops       stops
	Messages    correspondence
	Submitter   submitter // of answers to HELP
	Region      string    // of numbers without a country code (ISO 3166-1). If empty, KZ
	// Patience is how long a call waits for what its reports are about. A gateway may report a text before the worker has recorded its
	// acceptance, and not every gateway calls again: Kannel does only if its http-request-retry says so. If zero, 2 s; below zero, not at all.
	Patience time.Duration
	Log      *slog.Logger
}

// Callbacks answers /callbacks/{provider}/{token}. What is recorded is answered with 200; what cannot be recorded now with 503, so
// that the gateway calls again; what does not prove where it comes from with 404, which teaches a guesser nothing.
type Callbacks struct{ o Options }

// New returns the handler.
func New(o Options) *Callbacks {
	if o.Region == "" {
		o.Region = "KZ"
	}
	if o.Patience == 0 {
		o.Patience = 2 * time.Second
	}
	return &Callbacks{o}
}

// ServeHTTP implements http.Handler.
func (c *Callbacks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	provider, token, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/callbacks/"), "/")
	g, known := c.o.Gateways[vocab.ProviderID(provider)]
	status := http.StatusNotFound
	if known {
		status = c.take(r, vocab.ProviderID(provider), g, token)
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "30")
	}
	http.Error(w, http.StatusText(status), status)
}

// take records one call and returns the status of the answer.
func (c *Callbacks) take(r *http.Request, provider vocab.ProviderID, g gateway, token string) int {
	ctx := r.Context()
	call, err := g.ParseCallback(r, token)
	if err != nil {
		c.o.Log.LogAttrs(ctx, slog.LevelWarn, "callback refused", slog.String("provider", string(provider)), slog.String("error", err.Error()))
		if fault.KindOf(err) == fault.Invalid {
			return http.StatusBadRequest
		}
		return http.StatusNotFound
	}
	status := http.StatusOK
	patience := c.o.Patience
	for _, report := range call.Reports {
		if err := c.await(ctx, provider, report, &patience); err != nil {
			c.o.Log.LogAttrs(ctx, slog.LevelWarn, "report not recorded; the gateway may call again", slog.String("provider", string(provider)),
				slog.String("error", err.Error()))
			status = http.StatusServiceUnavailable
		}
	}
	for _, text := range call.Texts {
		if err := c.text(ctx, provider, text); err != nil {
			c.o.Log.LogAttrs(ctx, slog.LevelWarn, "text not recorded; the gateway may call again", slog.String("provider", string(provider)),
				slog.String("error", err.Error()))
			status = http.StatusServiceUnavailable
		}
	}
	return status
}

// await records one report, and waits for what it is about as long as there is patience left.
func (c *Callbacks) await(ctx context.Context, provider vocab.ProviderID, report channels.Report, patience *time.Duration) error {
	const rest = 100 * time.Millisecond
	for {
		err := Record(ctx, c.o.Ledger, provider, report)
		if kind := fault.KindOf(err); err == nil || kind != fault.NotFound && kind != fault.Conflict || *patience <= 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(rest):
			*patience -= rest
		}
	}
}

// Record hands one report to the ledger. A report that changes nothing is no error.
func Record(ctx context.Context, ledger reportLedger, provider vocab.ProviderID, report channels.Report) error {
	late, changes := dispatcher.Late(vocab.SMS, provider, report)
	if !changes {
		return nil
	}
	_, _, err := ledger.RecordReport(ctx, late)
	return err
}

// text acts on what somebody wrote to one of our numbers: STOP ends everything that a person may end by it, START lifts that stop and
// gives no grant back, HELP is answered. Anything else is for people to read, not for us.
func (c *Callbacks) text(ctx context.Context, provider vocab.ProviderID, t sms.InboundText) error {
	word, language := sms.MatchKeyword(t.Text)
	if word == sms.NoKeyword {
		return nil
	}
	number, _, err := contacts.ParsePhone(t.From.Reveal(), c.o.Region)
	if err != nil {
		return nil //nolint:nilerr // a sender name or a short code: nobody is behind it who could be stopped
	}
	lookup := number.Reveal()
	switch word {
	case sms.Help:
		return c.help(ctx, provider, number, language, t)
	case sms.Start:
		return c.o.Stops.LiftStop(ctx, lookup, t.At)
	case sms.Stop:
		err = c.withdraw(ctx, lookup)
		if fault.KindOf(err) == fault.NotFound {
			// Nobody is behind the number, or nobody any more: whoever gets it later is met by the stop.
			return c.o.Stops.Stop(ctx, lookup, t.At)
		}
		return err
	case sms.NoKeyword:
	}
	return nil
}

// withdraw ends everything for everybody behind a number and stops it; fault.NotFound if nobody is.
func (c *Callbacks) withdraw(ctx context.Context, lookup string) error {
	address, err := c.o.Stops.AddressID(ctx, vocab.SMS, lookup)
	if err != nil {
		return err
	}
	_, err = c.o.Withdrawals.Withdraw(ctx, dispatcher.Withdrawal{
		AddressID: address, StopAddress: contacts.ChannelStop,
		Event: consent.Event{
			Kind: consent.KindWithdrawn, Scope: consent.ScopeAddress, Channel: vocab.SMS, Source: consent.SourceSMSKeyword,
			ActorKind: consent.ActorContact,
		},
	}, 0)
	if errors.Is(err, context.Canceled) {
		return fault.Away("ledger", err)
	}
	return err
}
