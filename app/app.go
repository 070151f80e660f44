// Package app is the composition root: it builds every part from the settings, starts what runs for long, and stops it in order. It
// decides nothing.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // the zones of contacts must be known on every machine

	"github.com/orleu/elshi/channels/inbox"
	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/dispatcher/queue"
	"github.com/orleu/elshi/notary"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/proof"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/templates"
)

// App is everything, wired. New binds its listeners, Run serves them.
type App struct {
	cfg      config.Config
	log      *slog.Logger
	now      func() time.Time
	db       *store.DB
	redis    *queue.Redis
	catcher  *inbox.Server // of the worker role
	keeper   inbox.Keeper
	listener net.Listener   // of the api role
	heads    *notary.Keeper // of the feeder role
	runners  []runner
	cleanups []cleanup
}

// runner is a part that runs for long.
type runner struct {
	stage stage
	name  string
	run   func(context.Context) error
}

// stage is when a part stops: senders before receivers.
type stage int

const (
	doors  stage = iota // let work in: HTTP, the feeder
	work                // does it: the workers
	ground              // what that stands on: the catcher, the in-process Redis
	stages
)

// cleanup undoes one step of New; they run in reverse order.
type cleanup struct {
	name string
	do   func() error
}

// street is what the doors are built over.
type street struct {
	gate       *dispatcher.Gate
	links      *dispatcher.Links
	renderer   *dispatcher.Renderer
	submitter  *dispatcher.Submitter
	withdrawer *dispatcher.Withdrawer
	receipts   *proof.Receipts
	sealer     *dispatcher.Sealer
	optIns     *optin.Desk
	stores     stores
	claims     *claims.Desk
}

// stores are the small types over the one database.
type stores struct {
	ledger       *store.Ledger
	contacts     *store.Contacts
	consents     *store.Consents
	suppressions *store.Suppressions
	templates    *store.Templates
	keys         *store.APIKeys
	members      *store.Members
	audit        *store.Audit
	disclosures  *store.Disclosures
	claims       *store.Claims
	pauses       *store.Pauses
	inbox        *store.Inbox
	notary       *notary.Notary
	texts        *store.ConsentTexts
	optIns       *store.OptIns
	forms        *store.Forms
	feed         *store.Feed
	webhooks     *store.Webhooks
}

// New builds the program. It connects to the database, which must be there and migrated (the embedded one is migrated here), and
// binds every listener, so that whoever gets an App may connect before Run. On an error everything is undone.
func New(ctx context.Context, cfg config.Config, log *slog.Logger) (_ *App, err error) {
	a := &App{cfg: cfg, log: log, now: time.Now}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err = a.cfg.EnsureKeys(rand.Reader); err != nil {
		return nil, err
	}
	if err = a.openStore(ctx); err != nil {
		return nil, err
	}
	if err = a.lockFolder(); err != nil {
		return nil, err
	}
	if err = a.openQueue(); err != nil {
		return nil, err
	}
	metrics := newMetrics()
	s, err := a.newStreet(ctx, metrics)
	if err != nil {
		return nil, err
	}
	if a.cfg.HasRole(config.RoleFeeder) {
		if err = a.addFeeder(ctx, s, metrics, metrics.watchRetention()); err != nil {
			return nil, err
		}
		if err = a.addKeeper(s); err != nil {
			return nil, err
		}
	}
	if a.cfg.HasRole(config.RoleWorker) {
		if err = a.addWorkers(s, metrics); err != nil {
			return nil, err
		}
	}
	if err = a.addHTTP(s, metrics); err != nil { //nolint:contextcheck // handlers have their requests' contexts
		return nil, err
	}
	if err = a.addInboundMail(s, metrics); err != nil {
		return nil, err
	}
	if err = a.addEvents(ctx, s, metrics); err != nil {
		return nil, err
	}
	return a, nil
}

// after registers how to undo a step that has just been done.
func (a *App) after(name string, do func() error) { a.cleanups = append(a.cleanups, cleanup{name, do}) }

// add registers a part that runs for long.
func (a *App) add(at stage, name string, run func(context.Context) error) {
	a.runners = append(a.runners, runner{at, name, run})
}

func (a *App) openStore(ctx context.Context) error {
	db, err := OpenStore(ctx, a.cfg, a.cfg.Database.URL)
	if err != nil {
		return err
	}
	a.db = db
	a.after("close the ledger", db.Close)
	if a.cfg.Embedded() {
		return db.Migrate(ctx)
	}
	ready, err := db.Migrated(ctx)
	if err != nil {
		return err
	}
	if !ready {
		return errors.New("the database is not at this program's version: run elshi migrate first")
	}
	return nil
}

// lockFolder keeps a second process from serving out of the same SQLite. Commands that only write beside it need no lock.
func (a *App) lockFolder() error {
	if !a.cfg.Embedded() {
		return nil
	}
	unlock, err := lockFolder(a.cfg.DataDir)
	if err != nil {
		return err
	}
	a.after("unlock the data folder", unlock)
	return nil
}

// OpenStore opens the database that the settings name; url chooses the role on PostgreSQL and is empty for the embedded one.
func OpenStore(ctx context.Context, cfg config.Config, url config.Secret) (*store.DB, error) {
	key, err := cfg.Secrets.CommitmentKey.Key()
	if err != nil {
		return nil, fmt.Errorf("secrets.commitment_key: %w", err)
	}
	return store.Open(ctx, store.Options{
		URL: url.Reveal(), Dir: cfg.DataDir, MaxConnections: cfg.Database.MaxConnections, HashKey: key[:], Feed: feeding(cfg.Events.Messages),
	})
}

func (a *App) openQueue() error {
	r := a.cfg.Redis
	redis, err := queue.OpenRedis(queue.RedisOptions{
		URL: r.URL.Reveal(), SentinelName: r.Sentinel.Master, Sentinels: r.Sentinel.Addresses, SentinelPass: r.Sentinel.Password.Reveal(),
		SentinelRedis: r.Sentinel.RedisPassword.Reveal(), Log: a.log,
	})
	if err != nil {
		return err
	}
	a.redis = redis
	a.after("close redis", redis.Close)
	a.add(ground, "redis clock", redis.Run)
	return nil
}

// newStreet builds what every door leads to.
func (a *App) newStreet(ctx context.Context, m *metrics) (*street, error) {
	registry, err := newRegistry(a.cfg)
	if err != nil {
		return nil, err
	}
	if err := store.NewPurposes(a.db).Register(ctx, registry.All(), a.now()); err != nil {
		return nil, err
	}
	caught, err := store.NewInbox(a.db, a.cfg.Inbox.Keep)
	if err != nil {
		return nil, err
	}
	st := stores{
		ledger: store.NewLedger(a.db), contacts: store.NewContacts(a.db), consents: store.NewConsents(a.db, registry),
		suppressions: store.NewSuppressions(a.db), templates: store.NewTemplates(a.db), keys: store.NewAPIKeys(a.db),
		pauses: store.NewPauses(a.db), inbox: caught,
		texts:  store.NewConsentTexts(a.db),
		optIns: store.NewOptIns(a.db, registry), forms: store.NewForms(a.db),
		members: store.NewMembers(a.db), audit: store.NewAudit(a.db), disclosures: store.NewDisclosures(a.db),
	}
	st.claims = store.NewClaims(a.db, st.consents)
	if err := saveBuiltins(ctx, st.templates, a.now()); err != nil {
		return nil, err
	}
	if st.notary, err = newNotary(a.cfg, st.consents, a.now); err != nil {
		return nil, err
	}
	m.watchLanes(st.ledger, a.now)
	gate, err := newGate(a.cfg, registry)
	if err != nil {
		return nil, err
	}
	links, sealer, err := newSecrets(a.cfg)
	if err != nil {
		return nil, err
	}
	st.feed, st.webhooks = store.NewFeed(a.db), store.NewWebhooks(a.db, sealer)
	s := &street{gate: gate, links: links, sealer: sealer, stores: st}
	if s.receipts, err = newReceipts(a.cfg, st, registry); err != nil {
		return nil, err
	}
	s.renderer = dispatcher.NewRenderer(st.templates, templates.Options{Zone: a.cfg.Location()}, newOrg(a.cfg), links)
	bell := queue.New(a.redis, batchTimeout)
	s.submitter = dispatcher.NewSubmitter(dispatcher.Intaker{
		Ledger: st.ledger, Bell: bell, Gate: gate, Renderer: s.renderer, Sealer: sealer, Observer: m, Now: a.now, Log: a.log,
	}, submitOptions(a.cfg))
	s.withdrawer = dispatcher.NewWithdrawer(st.consents, a.now)
	if s.claims, err = a.newClaimDesk(s); err != nil {
		return nil, err
	}
	m.watchClaims(st.claims, a.now)
	s.optIns, err = a.newOptIns(s, m)
	return s, err
}

// batchTimeout is how long a batch may take before its handler gives the rest back; it bounds what a slow provider keeps of a lane.
const batchTimeout = 10 * time.Minute

// Run serves until ctx ends or a part fails, then stops stage by stage: first what lets work in, then what does it, last what that
// needs. It returns what failed, nil after an orderly stop.
func (a *App) Run(ctx context.Context) error {
	failed := make(chan error, len(a.runners))
	var all [stages]*group
	for s := range all {
		all[s] = newGroup(ctx)
	}
	for _, r := range a.runners {
		all[r.stage].start(r, failed)
	}
	var failures []error
	select {
	case <-ctx.Done():
		a.log.LogAttrs(ctx, slog.LevelInfo, "stopping")
	case err := <-failed:
		failures = append(failures, err)
	}
	for _, g := range all {
		g.stop()
	}
	close(failed)
	for err := range failed {
		failures = append(failures, err)
	}
	return errors.Join(append(failures, a.Close())...)
}

// group is the parts of one stage.
type group struct {
	ctx    context.Context //nolint:containedctx // the stage's own, which outlives the one that Run was given
	cancel context.CancelFunc
	parts  sync.WaitGroup
}

// newGroup returns a group that ends when it is stopped, not when ctx ends.
func newGroup(ctx context.Context) *group {
	g := &group{}
	g.ctx, g.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return g
}

func (g *group) start(r runner, failed chan<- error) {
	g.parts.Go(func() {
		if err := r.run(g.ctx); err != nil {
			failed <- fmt.Errorf("%s: %w", r.name, err)
		}
	})
}

// stop ends every part of the group and waits for it.
func (g *group) stop() {
	g.cancel()
	g.parts.Wait()
}

// Close undoes New in reverse order. Run does it too; it is for an App that is not run.
func (a *App) Close() error {
	var all []error
	for _, c := range slices.Backward(a.cleanups) {
		if err := c.do(); err != nil {
			all = append(all, fmt.Errorf("%s: %w", c.name, err))
		}
	}
	a.cleanups = nil
	return errors.Join(all...)
}

// Addr is the address that HTTP is served on.
func (a *App) Addr() string { return a.listener.Addr().String() }
