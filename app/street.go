package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/dispatcher/queue"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// What the settings say, in the words of the street.

// testProviders carry the messages of test keys: always the catcher. An operator cannot name a provider so.
var testProviders = map[vocab.Channel]vocab.ProviderID{vocab.Email: "test:email", vocab.SMS: "test:sms"}

// reports is how long a delivery report is awaited after hand-over (domain section 4).
var reports = map[vocab.Channel]time.Duration{vocab.Email: 5 * 24 * time.Hour, vocab.SMS: 72 * time.Hour}

// newRegistry returns the purposes that ship and those of the settings.
func newRegistry(cfg config.Config) (*consent.Registry, error) {
	o := consent.RegistryOptions{ValidMonths: cfg.Consent.MarketingValidityMonths}
	for _, p := range cfg.Purposes {
		o.Extra = append(o.Extra, consent.PurposeInfo{
			ID: p.ID, Class: p.Class, Clause: p.Clause, LegalBasis: p.LegalBasis, Names: p.Names, ValidMonths: p.ValidMonths,
		})
	}
	for _, t := range cfg.Topics {
		o.Topics = append(o.Topics, consent.TopicInfo{ID: t.ID, Purpose: t.Purpose, Names: t.Names})
	}
	registry, err := consent.Registered(o)
	if err != nil {
		return nil, fmt.Errorf("purposes and topics of the settings: %w", err)
	}
	return registry, nil
}

func newGate(cfg config.Config, registry *consent.Registry) (*dispatcher.Gate, error) {
	q := cfg.Consent.QuietHours
	hours := func(w config.Window, zone string) consent.Hours {
		return consent.Hours{
			From: w.From.SinceMidnight(), To: w.Until.SinceMidnight(), WorkingDays: w.WorkingDays, NotHolidays: w.NotHolidays, Zone: zone,
		}
	}
	own := map[vocab.Class]map[vocab.Channel]consent.Hours{}
	for _, w := range q.Own {
		if own[w.Class] == nil {
			own[w.Class] = map[vocab.Channel]consent.Hours{}
		}
		zone := cfg.TimeZone
		if w.ContactZone {
			zone = ""
		}
		own[w.Class][w.Channel] = hours(config.Window{From: w.From, Until: w.Until, WorkingDays: w.WorkingDays, NotHolidays: w.NotHolidays}, zone)
	}
	year := time.Now().Year()
	working := []string{}
	for _, d := range cfg.Consent.MovedWorkingDays {
		working = append(working, d.String())
	}
	calendar, err := consent.NewCalendar(consent.CalendarOptions{
		DefaultZone: cfg.TimeZone,
		Hours:       map[vocab.Channel]consent.Hours{vocab.SMS: hours(q.SMS, cfg.TimeZone), vocab.Email: hours(q.MarketingEmail, "")},
		Own:         own,
		Holidays:    cfg.Consent.HolidayDates(year-1, year+10),
		WorkingDays: working,
	})
	if err != nil {
		return nil, fmt.Errorf("consent settings: %w", err)
	}
	c := cfg.Consent.Cap
	return &dispatcher.Gate{
		Purposes: registry, Calendar: calendar, Cap: consent.Cap{Marketing: c.Marketing, SMS: c.SMS, Period: c.Period}, Senders: senders(cfg),
	}, nil
}

func senders(cfg config.Config) map[vocab.SenderID]dispatcher.Sender {
	abroad := map[vocab.ProviderID]bool{}
	for _, p := range cfg.Providers {
		abroad[p.ID] = p.Abroad
	}
	all := map[vocab.SenderID]dispatcher.Sender{}
	for _, s := range cfg.Senders {
		all[s.ID] = dispatcher.Sender{
			ID: s.ID, Channel: s.Channel, Provider: s.Provider, From: s.From, Name: s.Name, ReplyTo: s.ReplyTo, Classes: s.Classes,
			Purposes: s.Purposes, Default: s.Default, Registered: s.Registered, Abroad: abroad[s.Provider],
		}
	}
	return all
}

func newOrg(cfg config.Config) dispatcher.Org {
	url := cfg.Org.URL
	if url == "" {
		url = cfg.Server.PublicURL
	}
	return dispatcher.Org{Name: cfg.Org.Name, ShortName: cfg.Org.ShortName, Address: cfg.Org.Address, URL: url}
}

func newSecrets(cfg config.Config) (*dispatcher.Links, *dispatcher.Sealer, error) {
	link, err := cfg.Secrets.LinkKey.Key()
	if err != nil {
		return nil, nil, fmt.Errorf("secrets.link_key: %w", err)
	}
	verp, err := cfg.Secrets.VERPKey.Key()
	if err != nil {
		return nil, nil, fmt.Errorf("secrets.verp_key: %w", err)
	}
	payload, err := cfg.Secrets.PayloadKey.Key()
	if err != nil {
		return nil, nil, fmt.Errorf("secrets.payload_key: %w", err)
	}
	sealer, err := dispatcher.NewSealer(payload[:])
	return dispatcher.NewLinks(cfg.Server.PublicURL, link[:], verp[:]), sealer, err
}

func submitOptions(cfg config.Config) dispatcher.SubmitOptions {
	notAfter := map[vocab.Class]time.Duration{}
	for _, class := range vocab.Classes() {
		notAfter[class] = cfg.Dispatch.NotAfter.For(class)
	}
	return dispatcher.SubmitOptions{
		Region: cfg.DefaultRegion, Language: cfg.Languages[0], NotAfter: notAfter, RingWindow: cfg.Dispatch.RingTimeout,
		BatchSize: cfg.Dispatch.BatchSize, TestProviders: testProviders, KeyWait: cfg.Idempotency.Wait, PolicyVersion: cfg.Org.PolicyVersion,
	}
}

func schedule(cfg config.Config) dispatcher.Schedule {
	giveUp := map[vocab.Class]time.Duration{}
	for _, class := range vocab.Classes() {
		giveUp[class] = cfg.Dispatch.GiveUp.For(class)
	}
	return dispatcher.Schedule{Delays: cfg.Dispatch.RetryDelays, GiveUp: giveUp, Reports: reports, Jitter: jitter}
}

// jitter spreads a delay by ±20 %, so that what failed together does not come back together.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64())) //nolint:gosec // not a secret
}

func (a *App) addFeeder(ctx context.Context, s *street, observer dispatcher.Observer, keeper *retentionMetrics) error {
	if a.redis.Inside() { // it has just begun empty: what was rung before is lost, and nobody else can hold it
		if err := s.stores.ledger.ForgetRings(ctx, time.Now()); err != nil {
			return err
		}
	}
	d := a.cfg.Dispatch
	feeder := dispatcher.NewFeeder(s.stores.ledger, queue.New(a.redis, batchTimeout), dispatcher.FeederOptions{
		Tick: d.FeederTick, RingWindow: d.RingTimeout, ReapTick: d.ReaperTick, ReapAfter: d.SocketTimeout, BatchSize: d.BatchSize,
		Depth:    func(c vocab.Channel, l vocab.Lane) int { return 2 * max(1, d.Lanes.For(c, l)) },
		KeepKeys: a.cfg.Idempotency.Keep,
	}, observer, a.now, a.log)
	a.add(doors, "feeder", feeder.Run)
	a.add(doors, "claims", a.newClaimWatch(s).Run)
	a.add(doors, "renewer", dispatcher.NewRenewer(dispatcher.RenewerOptions{
		Ledger: s.stores.consents, Submitter: s.submitter, Purposes: s.gate.Purposes, Zone: a.cfg.Location(), Language: a.cfg.Languages[0],
		Now: a.now, Log: a.log,
	}).Run)
	a.add(doors, "receipts", a.newReceiptMailer(s).Run)
	certificates, err := a.newCertificates()
	if err != nil {
		return err
	}
	a.add(doors, "opt-ins", optin.NewKeeper(s.stores.optIns, s.optIns, certificates.Certify).Run)
	keeping := dispatcher.Keeping{Rules: retentionRules(a.cfg.Retention), EventDays: a.cfg.Retention.EventsDays}
	a.add(doors, "housekeeper", dispatcher.NewHousekeeper(s.stores.ledger, keeping, keeper, a.now, a.log).Run)
	return nil
}

func (a *App) addWorkers(s *street, observer dispatcher.Observer) error {
	if err := a.startCatcher(s.stores.inbox); err != nil {
		return err
	}
	carriers, err := a.newCarriers()
	if err != nil {
		return err
	}
	rates := map[vocab.ProviderID]queue.Rate{}
	for _, p := range a.cfg.Providers {
		rates[p.ID] = queue.Rate{PerSecond: p.RatePerSecond, Burst: p.RateBurst}
	}
	d := a.cfg.Dispatch
	worker := dispatcher.NewWorker(dispatcher.Street{
		Ledger: s.stores.ledger, Gate: s.gate, Renderer: s.renderer, Sealer: s.sealer, Letters: a.letters(s), Carriers: carriers,
		Limiter: queue.NewLimiter(a.redis, rates), Schedule: schedule(a.cfg), Observer: observer, Now: a.now, Log: a.log,
	}, dispatcher.WorkerOptions{
		Lease: d.Lease, Margin: d.LeaseMargin, ClaimSize: d.ClaimSize, SettleEvery: d.SettleEvery, SettleSize: d.SettleSize,
		StopGrace: a.cfg.Server.ShutdownTimeout / 2,
	})
	servers := queue.NewServers(a.redis, worker, queue.ServerOptions{
		Concurrency: d.Lanes.For, StopTimeout: a.cfg.Server.ShutdownTimeout,
	}, a.log)
	a.add(work, "workers", servers.Run)
	return nil
}

func (a *App) letters(s *street) *dispatcher.Letters {
	return &dispatcher.Letters{
		Senders: s.gate.Senders, Links: s.links, Org: newOrg(a.cfg), MessageIDDomain: a.messageIDDomain(), BounceDomain: a.cfg.BounceDomain(),
		UnsubscribeByMail: a.cfg.Inbound.Listen != "", // a link that leads nowhere is worse than none
	}
}

// messageIDDomain is the right-hand side of Message-ID and the name we greet mail servers with.
func (a *App) messageIDDomain() string { return a.cfg.MailDomain() }

// saveBuiltins keeps the templates that ship: a new version when a release changed one.
func saveBuiltins(ctx context.Context, s *store.Templates, now time.Time) error {
	all, err := templates.Builtins()
	if err != nil {
		return err
	}
	for _, v := range all {
		if _, err := s.Save(ctx, v, now); err != nil {
			return fmt.Errorf("template %s: %w", v.Template, err)
		}
	}
	return nil
}
