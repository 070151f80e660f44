package store_test

import (
	"testing"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// Whoever brings an address while its only owner is being erased gets it whole, and not the blank that the erasure leaves. On SQLite one
// transaction writes at a time.
func TestAnAddressThatIsBeingErasedIsKeptForWhoeverBringsIt(t *testing.T) {
	const lookup = "shared@example.org"
	for name, bring := range map[string]func(t *testing.T, db *store.DB, registry *consent.Registry) (vocab.ContactID, error){
		"by the API": func(t *testing.T, db *store.DB, _ *consent.Registry) (vocab.ContactID, error) {
			t.Helper()
			people := store.NewContacts(db)
			other, err := people.Create(t.Context(), contacts.Contact{CreatedAt: noon}, nil)
			if err == nil {
				_, err = people.AddAddress(t.Context(), other.ID, contacts.NewAddress{Channel: vocab.Email, Value: lookup, Lookup: lookup}, noon)
			}
			return other.ID, err
		},
		"by a sign-up": func(t *testing.T, db *store.DB, registry *consent.Registry) (vocab.ContactID, error) {
			t.Helper()
			_, c, err := store.NewOptIns(db, registry).AskToConfirm(t.Context(), optin.Draft{
				Confirmation: optin.Confirmation{
					ID: vocab.ConfirmationID(vocab.NewID(vocab.ConfirmationPrefix)), Kind: optin.OptIn, Address: lookup, Channel: vocab.Email,
					Language: vocab.Russian, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour), Asked: []optin.Asked{{Purpose: "news.company", TextHash: "a"}},
				},
				Lookup: lookup, Source: consent.SourceSignUpForm, Actor: consent.ActorContact,
			})
			return c.ContactID, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := openPostgres(t)
			registry, err := consent.NewRegistry()
			if err != nil {
				t.Fatal(err)
			}
			exec(t, db, `INSERT INTO addresses (id, channel, value, lookup, hash, created_at) VALUES ('adr_1', 'email', $1, $2, 'h', 1)`, lookup, lookup)
			// What an erasure does: it holds the address, and forgets what it was.
			erasure, err := db.Raw().BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			run := func(text string) {
				t.Helper()
				if _, err := erasure.ExecContext(t.Context(), text); err != nil {
					t.Fatal(err)
				}
			}
			run(`SELECT id FROM addresses WHERE id = 'adr_1' FOR NO KEY UPDATE`)
			type brought struct {
				contact vocab.ContactID
				err     error
			}
			second := make(chan brought, 1)
			go func() {
				id, err := bring(t, db, registry)
				second <- brought{id, err}
			}()
			untilParked(t, db)
			run(`UPDATE addresses SET value = '', lookup = 'erased ' || id WHERE id = 'adr_1'`)
			if err := erasure.Commit(); err != nil {
				t.Fatal(err)
			}
			got := <-second
			if got.err != nil {
				t.Fatal(got.err)
			}
			p, err := store.NewContacts(db).Get(t.Context(), got.contact)
			if err != nil || len(p.Addresses) != 1 || p.Addresses[0].Value != lookup {
				t.Errorf("%v; the contact has %d addresses, and not the one that was brought", err, len(p.Addresses))
			}
		})
	}
}

// An address whose last message is forgotten stays if somebody is given it at that moment.
func TestAnAddressThatIsBeingForgottenIsKeptForWhoeverIsGivenIt(t *testing.T) {
	db := openPostgres(t)
	now := time.Now().UTC()
	var ids [2]vocab.ContactID
	for i := range ids {
		made, err := store.NewContacts(db).Create(t.Context(), contacts.Contact{CreatedAt: now}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = made.ID
	}
	exec(t, db, `INSERT INTO addresses (id, channel, value, lookup, hash, created_at) VALUES ('adr_1', 'sms', '+77010000000', '+77010000000', 'h', 1)`)
	old := now.AddDate(0, -8, 0)
	withHistory(t, db, idOf(old, 1), string(ids[0]), "adr_1", old)
	link, err := db.Raw().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		`SELECT id FROM addresses WHERE id = 'adr_1' FOR NO KEY UPDATE`,
		`INSERT INTO contact_addresses (contact_id, address_id, is_primary, created_at) VALUES ('` + string(ids[1]) + `', 'adr_1', true, 1)`,
	} {
		if _, err := link.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	forgotten := make(chan error, 1)
	go func() {
		_, err := store.NewLedger(db).Forget(t.Context(), forgetLegal(now.AddDate(0, -6, 0)))
		forgotten <- err
	}()
	untilParked(t, db)
	if err := link.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-forgotten; err != nil {
		t.Fatal(err)
	}
	if v := one[string](t, db, `SELECT value FROM addresses WHERE id = 'adr_1'`); v != "+77010000000" {
		t.Errorf("the contact's address is %q", v)
	}
}
