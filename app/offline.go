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
	"github.com/orleu/elshi/consent"
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

// verifyPage is how many events are read at a time.
const verifyPage = 5000

// Verify reads the consent ledger from its first event and prints whether the chain and the values kept beside it are intact. The error
// names the first event that is not as it was written. What it cannot see: a chain that was cut or written anew as a whole together with
// its head, and a projection that was changed.
func (a *App) Verify(ctx context.Context, out io.Writer) error {
	registry, err := newRegistry(a.cfg)
	if err != nil {
		return err
	}
	consents := store.NewConsents(a.db, registry)
	head, err := consents.Head(ctx)
	if err != nil {
		return err
	}
	v := consent.NewVerifier(consent.Head{})
	for after := int64(0); after < head.Seq; {
		events, err := consents.Events(ctx, after, verifyPage)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			if e.Seq > head.Seq {
				break // written since we began
			}
			v.Feed(e)
		}
		after = events[len(events)-1].Seq
	}
	if broken, intact := v.Finish(head); !intact {
		at := fmt.Sprintf("event %d", broken.Seq)
		if broken.ID != "" {
			at += fmt.Sprintf(" (%s)", broken.ID)
		}
		return fmt.Errorf("the consent ledger is not intact at %s: %s", at, broken.Why)
	}
	stray, err := consents.Stray(ctx)
	if err != nil {
		return err
	}
	if stray > 0 {
		return fmt.Errorf("the consent ledger is not intact at event %d: it stands behind the end of the chain", stray)
	}
	if err := verifyEvidence(ctx, consents); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "the consent ledger is intact from 1 to %d\n", head.Seq)
	return err
}

// verifyEvidence checks the personal values that are kept beside the chain against the commitments in it.
func verifyEvidence(ctx context.Context, consents *store.Consents) error {
	for after := int64(0); ; {
		page, err := consents.Evidence(ctx, after, verifyPage)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			if consent.Commit(e.Salt, e.Value) != e.Commitment {
				return fmt.Errorf("the consent ledger is not intact at event %d (%s): the value kept with it is not the one that was committed to", e.Seq, e.Event)
			}
		}
		after = page[len(page)-1].Seq
	}
}
