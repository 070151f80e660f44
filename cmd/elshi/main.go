// Command elshi sends an organisation's messages and can prove for each that it was allowed to. See elshi --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/orleu/elshi/app"
	"github.com/orleu/elshi/config"
)

// cli is what can be typed.
type cli struct {
	Config string `help:"Settings file (YAML); settings also come from ELSHI_… in the environment." type:"path" short:"c" env:"ELSHI_CONFIG"`

	Version kong.VersionFlag `help:"Print the version and exit."`

	Serve   serveCmd   `cmd:"" help:"Run: answer HTTP, send what is due, feed the queues."`
	Migrate migrateCmd `cmd:"" help:"Bring the database up to date."`
	Seed    seedCmd    `cmd:"" help:"Add the demonstration's contacts; in the embedded database also its API key, which is printed."`
	Key     keyCmd     `cmd:"" help:"Make an API key and print its secret once."`
	Verify  verifyCmd  `cmd:"" help:"Check the consent ledger from its first event to its last, its signed heads, and what is kept of it."`
	Rebuild rebuildCmd `cmd:"" help:"Make what is kept of the contacts' consents anew from the consent ledger."`
	Member  memberCmd  `cmd:"" help:"Make a member, by default an administrator, and print a personal token once."`
}

// env is what every command gets.
type env struct {
	ctx    context.Context //nolint:containedctx // kong hands commands one value; this one lives as long as the process
	out    io.Writer
	config string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks for an orderly stop; after it the second one ends the process as usual.
	context.AfterFunc(ctx, stop)

	var c cli
	k := kong.Parse(&c, kong.Name("elshi"), kong.UsageOnError(), kong.Vars{"version": app.Version()},
		kong.Description("Elshi sends consent-checked messages by email and SMS, and proves for each why it was allowed."))
	if err := k.Run(&env{ctx: ctx, out: os.Stdout, config: c.Config}); err != nil {
		fmt.Fprintln(os.Stderr, "elshi: "+err.Error())
		os.Exit(exitCode(err))
	}
}

// exitCode is 2 for settings that are wrong, so that a supervisor need not try again, and 1 for everything else.
func exitCode(err error) int {
	if _, ok := errors.AsType[*config.Error](err); ok {
		return 2
	}
	return 1
}

// load reads the settings; flags are variables that win over the environment.
func (e *env) load(flags ...string) (config.Config, error) {
	return config.Load(e.config, append(os.Environ(), flags...))
}

// logger makes the operator's log.
func logger(l config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.Level}
	if l.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}
