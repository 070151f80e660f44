package main

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/orleu/elshi/app"
	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/notary"
)

type serveCmd struct {
	Roles []string `help:"What this process does: api, worker, feeder (default: all)." sep:","`
	Demo  bool     `help:"Add demonstration contacts and an API key, and print how to begin."`
}

// Run serves until a signal.
func (s *serveCmd) Run(e *env) error {
	var flags []string
	if len(s.Roles) > 0 {
		flags = append(flags, "ELSHI_ROLES="+strings.Join(s.Roles, ","))
	}
	cfg, err := e.load(flags...)
	if err != nil {
		return err
	}
	if s.Demo && !cfg.Embedded() {
		return errors.New("--demo is for the embedded database alone: it makes a live API key")
	}
	if s.Demo && catchesAll(cfg) {
		// The catcher wakes nobody, and whoever tries Elshi at night should see the invitation arrive.
		cfg.Consent.QuietHours.MarketingEmail = config.Window{Until: 24 * 60}
	}
	if s.Demo && cfg.Org.PolicyVersion == "" {
		cfg.Org.PolicyVersion = app.DemoPolicy // a real one is the organisation's to name
	}
	lookLessOften()
	a, err := app.New(e.ctx, cfg, logger(cfg.Log))
	if err != nil {
		return err
	}
	if s.Demo {
		demo, err := a.Seed(e.ctx)
		if err != nil {
			return errors.Join(err, a.Close())
		}
		if _, err := fmt.Fprint(e.out, a.Welcome(demo)); err != nil {
			return errors.Join(err, a.Close())
		}
	}
	return a.Run(e.ctx)
}

// lookLessOften lets the heap grow to three times of what is in use before the collector looks through it, unless GOGC says otherwise: what is in
// use is some 20 MB, and a campaign makes 12 KB of garbage a message.
func lookLessOften() {
	const usual, ours = 100, 200
	if set := debug.SetGCPercent(ours); set != usual {
		debug.SetGCPercent(set)
	}
}

// catchesAll says whether no message can leave this machine.
func catchesAll(cfg config.Config) bool {
	return !slices.ContainsFunc(cfg.Providers, func(p config.Provider) bool { return p.Driver != config.DriverInbox })
}

type migrateCmd struct{}

// Run migrates as the owner of the tables and lets the service's role use them.
func (*migrateCmd) Run(e *env) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	return app.Migrate(e.ctx, cfg, e.out)
}

type seedCmd struct{}

// Help says what the one line of the list of commands has no room for.
func (*seedCmd) Help() string {
	return "Nobody is to find a live key in a shared database that nobody remembers making: on PostgreSQL, make one with elshi key."
}

// Run seeds and prints the key, or how to make one.
func (*seedCmd) Run(e *env) error {
	return e.with(func(a *app.App, _ config.Config) error {
		demo, err := a.Seed(e.ctx)
		if err != nil {
			return err
		}
		if demo.Key == "" {
			demo.Key = "the demonstration's contacts are there; make an API key with: elshi key NAME"
		}
		_, err = fmt.Fprintln(e.out, demo.Key)
		return err
	})
}

type keyCmd struct {
	Name   string   `arg:"" help:"Who will use it, for example crm."`
	Mode   string   `help:"live, guest_list (writes to its guests alone) or test (everything goes to the catcher)." enum:"live,guest_list,test" default:"live"`
	Guests []string `name:"guest" help:"An email address or phone number that a guest_list key may write to; repeat it for each. Kept as a keyed hash." sep:"none" placeholder:"ADDRESS"`
}

// maxGuests is the API's limit: a longer list is an audience and wants a live key.
const maxGuests = 100

// Validate is asked by kong: a key with the wrong guests reaches nobody, or everybody.
func (k *keyCmd) Validate() error {
	isList := k.Mode == string(dispatcher.GuestList)
	switch {
	case isList && len(k.Guests) == 0:
		return errors.New("--mode=guest_list: name its guests, each with --guest=ADDRESS")
	case !isList && len(k.Guests) > 0:
		return errors.New("--guest: only a key with --mode=guest_list has guests")
	case len(k.Guests) > maxGuests:
		return fmt.Errorf("--guest: at most %d", maxGuests)
	}
	return nil
}

// Run makes a key and prints its secret, which is not kept and not shown again.
func (k *keyCmd) Run(e *env) error {
	return e.with(func(a *app.App, _ config.Config) error {
		secret, err := a.NewKey(e.ctx, k.Name, dispatcher.Mode(k.Mode), k.Guests)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(e.out, secret)
		return err
	})
}

type verifyCmd struct {
	Checkpoints string `help:"A file of signed heads to hold the ledger against (default: ledger.checkpoint_file)." type:"path" placeholder:"FILE"`
	PublicKey   string `help:"The key whose signatures are believed, as GET /v1/consent-ledger/public-key showed it (default: that of secrets.signing_key)." placeholder:"KEY"`
}

// Run checks the ledger; the error names the first event that is not as it was written, or says that nobody can tell.
func (v *verifyCmd) Run(e *env) error {
	err := e.with(func(a *app.App, _ config.Config) error {
		return a.Verify(e.ctx, app.VerifyOptions{Checkpoints: v.Checkpoints, PublicKey: v.PublicKey}, e.out)
	})
	_, broken := errors.AsType[*notary.NotIntact](err)
	_, settings := errors.AsType[*config.Error](err)
	if err == nil || broken || settings {
		return err
	}
	return fmt.Errorf("cannot tell whether the consent ledger is intact: %w", err)
}

type rebuildCmd struct {
	Checkpoints string `help:"A file of signed heads to hold the ledger against first (default: ledger.checkpoint_file)." type:"path" placeholder:"FILE"`
}

// Run rebuilds from a ledger that is intact.
func (r *rebuildCmd) Run(e *env) error {
	return e.with(func(a *app.App, _ config.Config) error {
		return a.Rebuild(e.ctx, app.VerifyOptions{Checkpoints: r.Checkpoints}, e.out)
	})
}

// with runs f over an App that serves nothing.
func (e *env) with(f func(*app.App, config.Config) error) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	cfg.Log.Level = slog.LevelWarn // these commands print one thing
	a, err := app.Offline(e.ctx, cfg, logger(cfg.Log))
	if err != nil {
		return err
	}
	return errors.Join(f(a, cfg), a.Close())
}
