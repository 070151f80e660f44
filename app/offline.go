package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/members"
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
	log, begun := store.NewAudit(a.db), audit.Event{
		ID: vocab.AuditEventID(vocab.NewID(vocab.AuditEventPrefix)), At: a.now(), Actor: audit.System(audit.ByCommandLine), Operation: "create-api-key",
		Resource: audit.Resource{Kind: "api_key"},
	}
	if err := log.Record(ctx, begun); err != nil {
		return "", err
	}
	key, secret, err := store.NewAPIKeys(a.db).Create(ctx, name, mode, addresses, a.now())
	if err != nil {
		return "", err
	}
	return secret, log.Complete(ctx, audit.Outcome{Event: begun.ID, At: a.now(), Status: http.StatusCreated, ResourceID: string(key.ID)})
}

// NewMember makes a member with a personal token and returns the token's secret, which is not kept. For an email address that a member has
// already it makes a further token alone, and name and roles must not be given.
func (a *App) NewMember(ctx context.Context, name, email string, roles []members.Role) (string, error) {
	address, key, err := contacts.ParseEmail(email)
	if err != nil {
		return "", fmt.Errorf("email: %w", err)
	}
	people, now := store.NewMembers(a.db), a.now()
	m := members.Member{ID: vocab.MemberID(vocab.NewID(vocab.MemberPrefix)), Name: name, Email: address, EmailKey: key, Roles: roles, CreatedAt: now}
	_, err = people.ByEmail(ctx, key)
	switch {
	case err == nil && (name != "" || len(roles) > 0):
		return "", errors.New("a member has this email address: leave --name and --role out to make a further token; roles are changed over the API")
	case err == nil: // Enrol finds them again
	case fault.KindOf(err) != fault.NotFound:
		return "", err
	default:
		if len(m.Roles) == 0 {
			m.Roles = []members.Role{members.Administrator}
		}
		if m, err = members.Clean(m); err != nil {
			return "", err
		}
	}
	_, secret, err := people.Enrol(ctx, m, members.Token{
		ID: vocab.MemberTokenID(vocab.NewID(vocab.MemberTokenPrefix)), Name: "command line", CreatedBy: audit.ByCommandLine, CreatedAt: now,
	}, now)
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
