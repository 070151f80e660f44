package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/orleu/elshi/app"
	"github.com/orleu/elshi/config"
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

// Run seeds and prints the key.
func (*seedCmd) Run(e *env) error {
	return e.with(func(a *app.App, _ config.Config) error {
		demo, err := a.Seed(e.ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(e.out, demo.Key)
		return err
	})
}

type keyCmd struct {
	Name string `arg:"" help:"Who will use it, for example crm."`
	Mode string `help:"live, guest_list (writes to its guests alone) or test (everything goes to the catcher)." enum:"live,guest_list,test" default:"live"`
}

// Run makes a key and prints its secret, which is not kept and not shown again.
func (k *keyCmd) Run(e *env) error {
	return e.with(func(a *app.App, _ config.Config) error {
		secret, err := a.NewKey(e.ctx, k.Name, k.Mode)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(e.out, secret)
		return err
	})
}

type verifyCmd struct{}

// Run checks the chain; the error names the first event that is not as it was written.
func (*verifyCmd) Run(e *env) error {
	return e.with(func(a *app.App, _ config.Config) error { return a.Verify(e.ctx, e.out) })
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
