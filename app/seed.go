package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// Demo is what the demonstration shows to whoever started it.
type Demo struct {
	Key string // a live API key; empty unless the database is the embedded one
}

// demoFormHash is the SHA-256 of the paper form that the demonstration's people would have signed: there is none, so it is that of nothing.
const demoFormHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// demoContact is one made-up person.
type demoContact struct {
	external, name, email, phone string
	language                     vocab.Language
	grants                       []vocab.Purpose // by email and, if there is a phone, by SMS
	withdraws                    vocab.Purpose
}

// demoContacts are the people of the demonstration: one for each language, and one who has taken a grant back.
func demoContacts() []demoContact {
	grants := []vocab.Purpose{"news.company", "event.invite"}
	return []demoContact{
		{external: "demo-kk", name: "Айгүл Серікқызы", email: "aigul@demo.example", phone: "+77011234567", language: vocab.Kazakh, grants: grants},
		{external: "demo-ru", name: "Дмитрий Орлов", email: "dmitry@demo.example", phone: "+77021234567", language: vocab.Russian, grants: grants},
		{external: "demo-en", name: "Emily Carter", email: "emily@demo.example", phone: "+77051234567", language: vocab.English, grants: grants},
		{
			external: "demo-left", name: "Ерлан Тасқынұлы", email: "yerlan@demo.example", language: vocab.Kazakh, grants: grants,
			withdraws: "news.company",
		},
	}
}

// Seed publishes the consent texts that ship, adds the demonstration's contacts and, in the embedded database, its API key: a database that others share gets no live key that
// is kept in a file. What is there already stays as it is, so it may run at every start.
func (a *App) Seed(ctx context.Context) (Demo, error) {
	registry, err := newRegistry(a.cfg)
	if err != nil {
		return Demo{}, err
	}
	s := seeder{store.NewContacts(a.db), store.NewConsents(a.db, registry), store.NewConsentTexts(a.db), registry, a.now()}
	if err := s.publishTexts(ctx, a.cfg.Org, a.cfg.Consent.MarketingValidityMonths); err != nil {
		return Demo{}, fmt.Errorf("seed: %w", err)
	}
	for _, d := range demoContacts() {
		if err := s.contact(ctx, d); err != nil {
			return Demo{}, fmt.Errorf("seed contact %s: %w", d.external, err)
		}
	}
	if err := seedForm(ctx, store.NewForms(a.db), a.now()); err != nil {
		return Demo{}, fmt.Errorf("seed the form: %w", err)
	}
	if !a.cfg.Embedded() {
		return Demo{}, nil
	}
	key, err := a.demoKey(ctx)
	return Demo{Key: key}, err
}

// seeder adds what a demonstration shows.
type seeder struct {
	people   *store.Contacts
	consents *store.Consents
	texts    *store.ConsentTexts
	registry *consent.Registry
	now      time.Time
}

// contact adds one made-up person, unless it is there.
func (s seeder) contact(ctx context.Context, d demoContact) error {
	email, lookup, err := contacts.ParseEmail(d.email)
	if err != nil {
		return err
	}
	addresses := []contacts.NewAddress{{Channel: vocab.Email, Value: email, Lookup: lookup, Verified: true, Primary: true}}
	channels := []vocab.Channel{vocab.Email}
	if d.phone != "" {
		phone, _, err := contacts.ParsePhone(d.phone, "KZ")
		if err != nil {
			return err
		}
		addresses = append(addresses, contacts.NewAddress{Channel: vocab.SMS, Value: phone, Lookup: phone.Reveal(), Verified: true, Primary: true})
		channels = append(channels, vocab.SMS)
	}
	made, err := s.people.Create(ctx, contacts.Contact{
		ExternalID: d.external, Name: d.name, Language: d.language, TimeZone: "Asia/Almaty", CreatedAt: s.now,
	}, addresses)
	if fault.KindOf(err) == fault.Conflict {
		return nil // seeded before
	}
	if err != nil {
		return err
	}
	event := consent.Event{
		Kind: consent.KindGranted, ContactID: made.ID, Scope: consent.ScopePurpose, Source: consent.SourceSignUpForm,
		ActorKind: consent.ActorContact, ActorID: string(made.ID), Language: d.language, At: s.now,
		Proof: consent.ProofSignedForm, ProofRef: demoFormHash,
	}
	for _, purpose := range d.grants {
		info, _ := s.registry.Lookup(purpose)
		for _, channel := range channels {
			e, err := s.grant(ctx, event, purpose, channel)
			if err != nil {
				return err
			}
			e.ValidUntil = info.ValidUntil(s.now)
			if _, _, err := s.consents.Record(ctx, e, "demonstration", false); err != nil {
				return err
			}
		}
	}
	if d.withdraws == "" {
		return nil
	}
	event.Kind, event.Purpose, event.Source = consent.KindWithdrawn, d.withdraws, consent.SourcePreferencePage
	event.Proof, event.ProofRef = consent.ProofNone, ""
	_, err = s.consents.Withdraw(ctx, dispatcher.Withdrawal{ContactID: made.ID, Event: event}, s.now, dispatcher.Covered)
	return err
}

// demoKey returns the demonstration's API key, which it makes at the first start and keeps beside the embedded database.
func (a *App) demoKey(ctx context.Context) (string, error) {
	path := filepath.Join(a.cfg.DataDir, "keys", "demo_api_key")
	keys := store.NewAPIKeys(a.db)
	kept, err := os.ReadFile(path) //nolint:gosec // a fixed name below the operator's own folder
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("demonstration's API key: %w", err)
	}
	if secret := strings.TrimSpace(string(kept)); secret != "" {
		_, err := keys.Authenticate(ctx, secret)
		if err == nil {
			return secret, nil
		}
		if fault.KindOf(err) != fault.NotFound {
			return "", err
		}
	}
	// The folder first: a key that cannot be kept is a live key that nobody knows.
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("keep the demonstration's API key: %w", err)
	}
	_, secret, err := keys.Create(ctx, "demonstration", dispatcher.Live, nil, a.now())
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the demonstration's API key: %w", err)
	}
	return secret, nil
}
