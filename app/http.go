package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/orleu/elshi/api"
	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/inbound"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// machinePaths are served by every process, also one that is no door: operators look at all of them.
var machinePaths = []string{"/healthz", "/readyz", "/metrics"}

// doorPaths are the API's; everything else is a contact page.
var doorPaths = append([]string{"/v1/", "/openapi.json", "/openapi.yaml", "/docs", "/docs/", "/callbacks/"}, machinePaths...)

// addHTTP builds the HTTP door and binds it.
func (a *App) addHTTP(s *street, m *metrics) error {
	gateways, err := a.gateways()
	if err != nil {
		return err
	}
	metricsHandler := m.handler()
	if !a.cfg.Metrics.Enabled || a.cfg.Metrics.Listen != "" {
		metricsHandler = nil
	}
	door, err := a.newAPI(s, metricsHandler, gateways)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	if a.cfg.HasRole(config.RoleAPI) {
		pages, err := a.newPages(s)
		if err != nil {
			return err
		}
		for _, path := range doorPaths {
			mux.Handle(path, door)
		}
		mux.Handle("/", pages)
	} else {
		for _, path := range machinePaths {
			mux.Handle(path, door)
		}
	}
	if a.cfg.HasRole(config.RoleFeeder) {
		a.addPoller(s, gateways)
	}
	if a.listener, err = a.listen("http", a.cfg.Server.Listen, mux); err != nil {
		return err
	}
	if a.cfg.Metrics.Enabled && a.cfg.Metrics.Listen != "" {
		own := http.NewServeMux()
		own.Handle("/metrics", m.handler())
		_, err = a.listen("metrics", a.cfg.Metrics.Listen, own)
	}
	return err
}

// listen binds an address and serves it while the App runs.
func (a *App) listen(name, address string, handler http.Handler) (net.Listener, error) {
	listener, err := net.Listen("tcp", address) //nolint:noctx // binding does not wait
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
	a.after("close "+name, func() error {
		_ = listener.Close() // Run has closed it already, unless it never ran
		return nil
	})
	a.add(doors, name, func(ctx context.Context) error {
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		select {
		case err := <-served:
			return err
		case <-ctx.Done():
		}
		patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.Server.ShutdownTimeout)
		defer cancel()
		if err := server.Shutdown(patient); err != nil {
			return errors.Join(err, server.Close())
		}
		return nil
	})
	return listener, nil
}

func (a *App) newAPI(s *street, metricsHandler http.Handler, gateways map[vocab.ProviderID]*sms.Gateway) (http.Handler, error) {
	certificates, err := a.newCertificates()
	if err != nil {
		return nil, err
	}
	o := api.Options{
		Version: Version(), PublicURL: a.cfg.Server.PublicURL, MaxBody: int64(a.cfg.Server.MaxBody), RatePerSecond: a.cfg.Server.RatePerSecond,
		RateBurst: a.cfg.Server.RateBurst, WithdrawWait: a.cfg.Dispatch.WithdrawWait, Region: a.cfg.DefaultRegion, Purposes: s.gate.Purposes,
		Dates: templates.Options{Zone: a.cfg.Location()}, Now: a.now, Log: a.log,
		Submitter: s.submitter, Messages: s.stores.ledger, Orders: s.stores.ledger, Payloads: s.stores.ledger, Renderer: s.renderer,
		Contacts: s.stores.contacts, Addresses: s.stores.contacts, Consents: s.stores.consents, Notary: &ledgerDoor{notary: s.stores.notary, file: a.cfg.CheckpointFile()},
		Withdrawer: s.withdrawer, Suppressions: s.stores.suppressions, Templates: s.stores.templates, Pauses: s.stores.pauses,
		Claims: s.stores.claims, ClaimDesk: s.claims, Merger: s.stores.consents,
		Texts: apiTexts{s.stores.texts}, Receipts: s.receipts,
		OptIns: s.optIns, Forms: s.stores.forms,
		Events: s.stores.feed, Webhooks: s.stores.webhooks, WebhookGuard: guard(a.cfg),
		Members: s.stores.members, Tokens: s.stores.members, Audit: s.stores.audit, Disclosures: s.stores.disclosures,
		Keys: s.stores.keys, Ready: a.ready(s.stores.pauses), Metrics: metricsHandler,
		Evidence: a.newEvidence(s),
		Exporter: a.newExporter(s), Retention: s.stores.ledger, Certificates: certificates,
		Callbacks: inbound.New(inbound.Options{
			Gateways: gateways, Ledger: s.stores.ledger, Withdrawals: s.withdrawer, Stops: s.stores.suppressions,
			Messages: s.stores.ledger, Submitter: s.submitter, Region: a.cfg.DefaultRegion, Log: a.log,
		}),
	}
	if a.cfg.InboxOn() {
		o.Inbox = apiInbox{s.stores.inbox}
	}
	for _, p := range a.cfg.Providers {
		o.Providers = append(o.Providers, api.Provider{
			ID: p.ID, Channel: p.Channel, Driver: string(p.Driver), Abroad: p.Abroad, RatePerSecond: p.RatePerSecond,
		})
	}
	for _, x := range a.cfg.Senders {
		o.Senders = append(o.Senders, s.gate.Senders[x.ID])
	}
	return api.New(o)
}

// gateways builds the SMS gateways once more for what they call back: the ones that send belong to their lanes.
func (a *App) gateways() (map[vocab.ProviderID]*sms.Gateway, error) {
	all := map[vocab.ProviderID]*sms.Gateway{}
	for _, p := range a.cfg.Providers {
		switch p.Driver {
		case config.DriverHTTPSMS, config.DriverMobizon, config.DriverKannel:
			g, err := a.newGateway(p)
			if err != nil {
				return nil, fmt.Errorf("provider %s: %w", p.ID, err)
			}
			all[p.ID] = g
			a.after("close gateway "+string(p.ID), g.Close)
		case config.DriverInbox, config.DriverSMTP:
		}
	}
	return all, nil
}

// addPoller asks the gateways that can be asked for reports.
func (a *App) addPoller(s *street, gateways map[vocab.ProviderID]*sms.Gateway) {
	polled := map[vocab.ProviderID]*sms.Gateway{}
	for id, g := range gateways {
		if g.CanPoll() {
			polled[id] = g
		}
	}
	if len(polled) > 0 {
		poller := inbound.NewPoller(polled, s.stores.ledger, inbound.PollerOptions{}, a.now, a.log)
		a.add(doors, "reports", poller.Run)
	}
}

// checkTimeout bounds one check of readiness.
const checkTimeout = 2 * time.Second

// ready says what this process needs, and what works without it.
func (a *App) ready(pauses *store.Pauses) func(context.Context) []api.Check {
	return func(ctx context.Context) []api.Check {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		ledger := api.Check{Name: "ledger", OK: true, Essential: true}
		stopped, err := pauses.List(ctx)
		if err != nil {
			ledger.OK, ledger.Detail = false, "the database does not answer"
			ledger.Affects = "nothing is taken in and nothing is sent; workers keep the outcomes they have and record them when it is back"
		}
		bell := api.Check{Name: "queue", OK: true}
		if err := a.redis.Ping(ctx); err != nil {
			bell.OK, bell.Detail = false, "Redis does not answer"
			bell.Affects = "messages are taken in and kept; sending goes on when it is back"
		}
		flow := api.Check{Name: "providers", OK: true}
		for _, p := range stopped {
			if p.Kind == dispatcher.PauseProvider {
				flow.OK, flow.Detail = false, "provider "+p.Name+" is paused ("+p.Reason+")"
				flow.Affects = "its messages wait; everything else goes on"
			}
		}
		return append(append([]api.Check{ledger, bell}, a.headsCheck()...), flow)
	}
}

// apiInbox is the catcher as the API reads it.
type apiInbox struct{ inbox *store.Inbox }

// List returns what was caught, the newest first.
func (i apiInbox) List(ctx context.Context, f api.InboxFilter) ([]api.Caught, error) {
	list, err := i.inbox.List(ctx, store.InboxFilter(f))
	out := make([]api.Caught, len(list))
	for k, c := range list {
		out[k] = api.Caught(c)
	}
	return out, err
}

// Get returns one message.
func (i apiInbox) Get(ctx context.Context, id string) (api.Caught, error) {
	c, err := i.inbox.Get(ctx, id)
	return api.Caught(c), err
}

// Clear empties the catcher.
func (i apiInbox) Clear(ctx context.Context) (int, error) { return i.inbox.Clear(ctx) }
