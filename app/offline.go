package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// Offline opens the ledger and nothing else: for commands that do one thing and end.
func Offline(ctx context.Context, cfg config.Config, log *slog.Logger) (*App, error) {
	a := &App{cfg: cfg, log: log, now: time.Now}
	if err := a.cfg.EnsureKeys(rand.Reader); err != nil {
		return nil, err
	}
	if err := a.openStore(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// Migrate brings the database up to date and, on PostgreSQL with an owner of its own, grants the service's role what it needs.
func Migrate(ctx context.Context, cfg config.Config, out io.Writer) (err error) {
	if err := cfg.EnsureKeys(rand.Reader); err != nil {
		return err
	}
	owner := cfg.Database.OwnerURL
	if owner == "" {
		owner = cfg.Database.URL
	}
	db, err := OpenStore(ctx, cfg, owner)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	if owner != cfg.Database.URL {
		u, err := url.Parse(cfg.Database.URL.Reveal())
		if err != nil || u.User == nil {
			return errors.New("database.url: want postgres://role:password@host/name, to know whom to grant")
		}
		if err := db.Grant(ctx, u.User.Username()); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(out, "the database is up to date")
	return err
}

// NewKey makes an API key and returns its secret, which is not kept. The guests, whom alone a guest-list key may write to, are email
// addresses and phone numbers in any notation; the error names those that are neither by their place, from 1, and never repeats them.
func (a *App) NewKey(ctx context.Context, name string, mode dispatcher.Mode, guests []string) (string, error) {
	var addresses []contacts.Address
	var wrong []error
	for i, g := range guests {
		address, err := guest(g, a.cfg.DefaultRegion)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("guest %d: %w", i+1, err))
		}
		addresses = append(addresses, address)
	}
	if err := errors.Join(wrong...); err != nil {
		return "", err
	}
	_, secret, err := store.NewAPIKeys(a.db).Create(ctx, name, mode, addresses, a.now())
	return secret, err
}

// guest reads an email address or a phone number.
func guest(text, region string) (contacts.Address, error) {
	if strings.Contains(text, "@") {
		_, key, err := contacts.ParseEmail(text)
		return contacts.Address{Channel: vocab.Email, Key: key}, err
	}
	number, _, err := contacts.ParsePhone(text, region)
	return contacts.Address{Channel: vocab.SMS, Key: number.Reveal()}, err
}
