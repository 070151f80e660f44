package store_test

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/notary"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/tlog"
	"github.com/orleu/elshi/vocab"
)

// What somebody can do to the ledger who owns the database, and by what name the audit calls it.

// crime is a ledger of twelve entries with signed heads of 3, 6, 9 and 12, whose triggers are gone.
type crime struct {
	*testing.T

	owner    *sql.DB
	consents *store.Consents
	notary   *notary.Notary
	outside  notary.Outside // the signed heads of before
	events   []consent.Event
	contact  vocab.ContactID
}

// guarded are the tables that a case may harm.
var guarded = []string{"consent_values", "consent_events", "consent_head", "consent_checkpoints", "consent_nodes", "consents", "contacts"}

func newCrime(t *testing.T, engine string) *crime {
	t.Helper()
	options := store.Options{HashKey: hashKey}
	service := options
	if engine == "sqlite" {
		options.Dir = t.TempDir()
		service = options
	} else {
		database := testkit.Postgres(t).CreateDatabase(t)
		options.URL, service.URL = database.Owner, database.Service
	}
	owner := open(t, options)
	if err := owner.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := owner.Grant(t.Context(), testkit.ServiceRole); err != nil {
		t.Fatal(err)
	}
	db := open(t, service)
	now := noon
	c := &crime{T: t, owner: owner.Raw(), consents: newConsents(t, db)}
	path := filepath.Join(t.TempDir(), "heads.txt")
	c.notary = newNotary(t, c.consents, path, func() time.Time { return now })
	c.outside.Key = c.notary.Verifier()
	people := store.NewContacts(db)
	for range 2 {
		p, err := people.Create(t.Context(), contacts.Contact{Language: vocab.Kazakh, CreatedAt: now}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.contact = p.ID
		c.grant(p.ID, "news.company", vocab.Email, now)
		c.grant(p.ID, "event.invite", vocab.Email, now)
		c.withdraw(p.ID, consent.Event{Scope: consent.ScopePurpose, Purpose: "service.notice", Channel: vocab.SMS}, now)
		c.seal(&now)
		c.grant(p.ID, "offers.company", vocab.SMS, now)
		c.withdraw(p.ID, consent.Event{Scope: consent.ScopeAll}, now)
		c.withdraw(p.ID, consent.Event{Scope: consent.ScopeProcessing}, now)
		c.seal(&now)
	}
	var err error
	if c.events, err = c.consents.Events(t.Context(), 0, 100); err != nil || len(c.events) != 12 {
		t.Fatalf("%d events, %v", len(c.events), err)
	}
	if err := os.WriteFile(path, []byte(strings.Join(c.outside.Notes, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"consent_events", "consent_checkpoints"} {
		if _, err := db.Raw().ExecContext(t.Context(), `DELETE FROM `+table); err == nil {
			t.Errorf("the service may delete from %s", table)
		}
		if _, err := c.owner.ExecContext(t.Context(), `DELETE FROM `+table); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("the owner deletes from %s by mistake: %v", table, err)
		}
		if engine == "sqlite" {
			for _, trigger := range []string{"update", "delete", "replace"} {
				c.run(`DROP TRIGGER ` + table + `_no_` + trigger)
			}
		} else {
			c.run(`DROP TRIGGER ` + table + `_no_change ON ` + table)
		}
	}
	for _, table := range guarded {
		c.run(`CREATE TABLE kept_` + table + ` AS SELECT * FROM ` + table)
	}
	return c
}

func newConsents(t testing.TB, db *store.DB) *store.Consents {
	t.Helper()
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	return store.NewConsents(db, registry)
}

func newNotary(t testing.TB, consents *store.Consents, path string, now func() time.Time) *notary.Notary {
	t.Helper()
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	signer, err := tlog.NewSigner("elshi.example/consent-ledger", key)
	if err != nil {
		t.Fatal(err)
	}
	return notary.New(consents, signer, path, now)
}

func (c *crime) run(query string, args ...any) {
	c.Helper()
	if _, err := c.owner.ExecContext(c.Context(), query, args...); err != nil {
		c.Fatalf("%s: %v", query, err)
	}
}

func (c *crime) grant(who vocab.ContactID, purpose vocab.Purpose, channel vocab.Channel, at time.Time) {
	c.Helper()
	if _, _, err := c.consents.Record(c.Context(), consent.Event{
		Kind: consent.KindGranted, ContactID: who, Scope: consent.ScopePurpose, Purpose: purpose, Channel: channel, Source: consent.SourceSignUpForm,
		ActorKind: consent.ActorContact, TextVersion: 2, At: at, ValidUntil: at.AddDate(2, 0, 0),
	}, "192.0.2.7", true); err != nil {
		c.Fatal(err)
	}
}

func (c *crime) withdraw(who vocab.ContactID, e consent.Event, at time.Time) {
	c.Helper()
	e.Kind, e.Source = consent.KindWithdrawn, consent.SourcePreferencePage
	if _, err := c.consents.Withdraw(c.Context(), dispatcher.Withdrawal{ContactID: who, Event: e}, at, dispatcher.Covered); err != nil {
		c.Fatal(err)
	}
}

// seal signs the ledger a minute later.
func (c *crime) seal(now *time.Time) {
	c.Helper()
	head, err := c.consents.Head(c.Context())
	if err != nil {
		c.Fatal(err)
	}
	*now = now.Add(time.Minute)
	signed, err := c.notary.Seal(c.Context())
	if err != nil || signed.Size != head.Seq {
		c.Fatalf("%+v, %v", signed, err)
	}
	c.outside.Notes = append(c.outside.Notes, signed.Note)
}

// restore makes everything as it was.
func (c *crime) restore() {
	c.Helper()
	for _, table := range slices.Backward(guarded[:len(guarded)-1]) {
		c.run(`DELETE FROM ` + table)
	}
	for _, table := range guarded[:len(guarded)-1] {
		c.run(`INSERT INTO ` + table + ` SELECT * FROM kept_` + table)
	}
	c.run(`UPDATE contacts SET unsubscribed_all_at = (SELECT k.unsubscribed_all_at FROM kept_contacts k WHERE k.id = contacts.id),
		processing_withdrawn_at = (SELECT k.processing_withdrawn_at FROM kept_contacts k WHERE k.id = contacts.id)`)
}

// rewrite replaces the whole chain by other events, hashed and linked as the program does it, and the head.
func (c *crime) rewrite(events []consent.Event) {
	c.Helper()
	c.run(`DELETE FROM consent_events`)
	var head consent.Head
	for _, e := range events {
		e, head = consent.Chain(head, e)
		c.insert(e)
	}
	c.run(`UPDATE consent_head SET seq = $1, hash = $2`, head.Seq, head.Hash)
}

func (c *crime) insert(e consent.Event) {
	c.Helper()
	var until any
	if !e.ValidUntil.IsZero() {
		until = e.ValidUntil.UnixMicro()
	}
	c.run(`INSERT INTO consent_events (seq, id, kind, contact_id, address_id, scope, purpose, channel, topic, source, actor_kind, actor_id, language, text_hash,
			policy_version, at, valid_until, commitment, prev_hash, hash, text_version, proof, proof_ref, recorded_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)`,
		e.Seq, string(e.ID), string(e.Kind), string(e.ContactID), string(e.AddressID), string(e.Scope), string(e.Purpose), string(e.Channel),
		string(e.Topic), string(e.Source), string(e.ActorKind), e.ActorID, string(e.Language), e.TextHash, e.PolicyVersion, e.At.UnixMicro(), until, e.Commitment,
		e.PrevHash, e.Hash, e.TextVersion, string(e.Proof), e.ProofRef, e.RecordedAt.UnixMicro())
}

// move gives entries from one number on other numbers.
func (c *crime) move(from, by int64) {
	c.Helper()
	c.run(`UPDATE consent_events SET seq = -seq WHERE seq >= $1`, from)
	c.run(`UPDATE consent_events SET seq = -seq + $1 WHERE seq < 0`, by)
	c.run(`UPDATE consent_head SET seq = seq + $1`, by)
}

// forget takes the signed heads out of the table.
func (c *crime) forget() { c.Helper(); c.run(`DELETE FROM consent_checkpoints`) }

var crimes = []struct {
	name   string
	commit func(c *crime)
	want   func(c *crime) consent.Break // Head is filled in; only its size counts
	rest   string                       // of the sentence, where the place alone does not say it
}{
	{"nothing", func(*crime) {}, func(*crime) consent.Break { return consent.Break{} }, ""},
	{
		"one changed", func(c *crime) { c.run(`UPDATE consent_events SET purpose = 'ads.campaign' WHERE seq = 5`) },
		func(c *crime) consent.Break { return consent.Break{Why: consent.Changed, Seq: 5, ID: c.events[4].ID} }, "",
	},
	{
		"a withdrawal became a grant", func(c *crime) { c.run(`UPDATE consent_events SET kind = 'granted' WHERE seq = 11`) },
		func(c *crime) consent.Break { return consent.Break{Why: consent.Changed, Seq: 11, ID: c.events[10].ID} }, "",
	},
	{
		"one changed and hashed anew", func(c *crime) {
			e, _ := consent.Chain(consent.Head{Seq: 4, Hash: c.events[3].Hash}, func() consent.Event { e := c.events[4]; e.Topic = "x"; return e }())
			c.run(`DELETE FROM consent_events WHERE seq = 5`)
			c.insert(e)
		},
		func(c *crime) consent.Break { return consent.Break{Why: consent.Unlinked, Seq: 6, ID: c.events[5].ID} }, "",
	},
	{
		"one deleted", func(c *crime) { c.run(`DELETE FROM consent_events WHERE seq = 5`) },
		func(c *crime) consent.Break {
			return consent.Break{Why: consent.Gap, Seq: 5, Until: 5, ID: c.events[5].ID}
		}, "",
	},
	{
		"two deleted and the numbers closed up", func(c *crime) {
			c.run(`DELETE FROM consent_events WHERE seq IN (5, 6)`)
			c.move(7, -2)
		},
		func(c *crime) consent.Break {
			return consent.Break{Why: consent.Gap, Seq: 5, Until: 6, ID: c.events[6].ID}
		}, "",
	},
	{
		"two swapped", func(c *crime) {
			c.run(`UPDATE consent_events SET seq = 100 WHERE seq = 3`)
			c.run(`UPDATE consent_events SET seq = 3 WHERE seq = 9`)
			c.run(`UPDATE consent_events SET seq = 9 WHERE seq = 100`)
		},
		func(c *crime) consent.Break {
			return consent.Break{Why: consent.Swapped, Seq: 3, Until: 9, ID: c.events[8].ID}
		}, "",
	},
	{
		"one inserted, the rest moved up", func(c *crime) {
			c.move(7, 1)
			e := c.events[1]
			e.ID = "cev_planted"
			e, _ = consent.Chain(consent.Head{Seq: 6, Hash: c.events[5].Hash}, e)
			c.insert(e)
		},
		func(*crime) consent.Break {
			return consent.Break{Why: consent.Inserted, Seq: 7, Until: 7, ID: "cev_planted"}
		}, "",
	},
	{
		"one put behind the end", func(c *crime) {
			e := c.events[1]
			e.ID = "cev_planted"
			e, _ = consent.Chain(consent.Head{Seq: 12, Hash: c.events[11].Hash}, e)
			c.insert(e)
		},
		func(*crime) consent.Break { return consent.Break{Why: consent.Stray, Seq: 13} }, "",
	},
	{
		"the tail cut off", func(c *crime) { c.run(`DELETE FROM consent_events WHERE seq > 10`) },
		func(*crime) consent.Break {
			return consent.Break{Why: consent.TailCut, Seq: 11, Until: 12, Head: tlog.Checkpoint{Size: 12}}
		}, "",
	},
	{
		"the tail cut off, with the head and the signed heads of the table", func(c *crime) {
			c.run(`DELETE FROM consent_events WHERE seq > 10`)
			c.run(`UPDATE consent_head SET seq = 10, hash = $1`, c.events[9].Hash)
			c.run(`DELETE FROM consent_checkpoints WHERE size > 10`)
		},
		func(*crime) consent.Break {
			return consent.Break{Why: consent.TailCut, Seq: 11, Until: 12, Head: tlog.Checkpoint{Size: 12}}
		}, "",
	},
	{
		"the whole chain rebuilt without one, with everything that stands in the database", func(c *crime) {
			c.rewrite(slices.Delete(slices.Clone(c.events), 4, 5))
			c.forget()
			c.run(`DELETE FROM consent_nodes`)
			c.run(`DELETE FROM consents WHERE event_id = $1`, string(c.events[4].ID))
		},
		func(*crime) consent.Break {
			return consent.Break{Why: consent.Rebuilt, Seq: 4, Until: 6, Head: tlog.Checkpoint{Size: 6}}
		}, "",
	},
	{
		"the chain rebuilt from its middle, its heads signed by another key", func(c *crime) {
			events := slices.Clone(c.events)
			events[9].Purpose = "ads.campaign"
			c.rewrite(events)
			c.forget()
			other := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
			signer, err := tlog.NewSigner("elshi.example/consent-ledger", other)
			if err != nil {
				c.Fatal(err)
			}
			if _, err := notary.New(c.consents, signer, "", func() time.Time { return noon }).Seal(c.Context()); err != nil {
				c.Fatal(err)
			}
		},
		func(*crime) consent.Break {
			return consent.Break{Why: consent.Rebuilt, Seq: 10, Until: 12, Head: tlog.Checkpoint{Size: 12}}
		}, "",
	},
	{
		"a signed head changed", func(c *crime) {
			c.run(`UPDATE consent_checkpoints SET note = REPLACE(note, 'time 2', 'time 3') WHERE number = 2`)
		},
		func(*crime) consent.Break { return consent.Break{Why: consent.Forged} }, "number 2 of the table",
	},
	{
		"a signed head deleted", func(c *crime) { c.run(`DELETE FROM consent_checkpoints WHERE number = 2`) },
		func(*crime) consent.Break { return consent.Break{Why: consent.Forged} }, "number 2 is missing in the table",
	},
	{
		"the newest signed head deleted", func(c *crime) { c.run(`DELETE FROM consent_checkpoints WHERE number = 4`) },
		func(*crime) consent.Break { return consent.Break{Why: consent.Forged} }, "head of 12 entries that was signed at 2026-",
	},
	{
		"a value beside the chain changed", func(c *crime) {
			c.run(`UPDATE consent_values SET value = '198.51.100.1' WHERE event_id = $1`, string(c.events[7].ID))
		},
		func(c *crime) consent.Break {
			return consent.Break{Why: consent.OtherValue, Seq: 8, ID: c.events[7].ID}
		}, "",
	},
	{
		"a grant brought back", func(c *crime) {
			c.run(`UPDATE consents SET state = 'granted', objected = false WHERE contact_id = $1 AND purpose = 'news.company'`, string(c.contact))
		},
		projectionOf, "the grant news.company/email is granted",
	},
	{
		"a grant prolonged by somebody", func(c *crime) {
			c.run(`UPDATE consents SET valid_until = 4000000000000000 WHERE contact_id = $1 AND purpose = 'event.invite'`, string(c.contact))
		},
		projectionOf, "the grant event.invite/email is withdrawn",
	},
	{
		"a grant that nobody gave", func(c *crime) {
			c.run(`INSERT INTO consents (contact_id, purpose, channel, topic, state, since, objected, cross_border, event_id, text_version)
				VALUES ($1, 'ads.campaign', 'email', '', 'granted', 1, false, true, 'cev_planted', 0)`, string(c.contact))
		},
		projectionOf, "the grant ads.campaign/email is granted by cev_planted",
	},
	{
		"an opt-out deleted", func(c *crime) {
			c.run(`DELETE FROM consents WHERE contact_id = $1 AND purpose = 'service.notice'`, string(c.contact))
		},
		projectionOf, "the grant service.notice/sms is missing, the events say withdrawn",
	},
	{
		"an unsubscription forgotten", func(c *crime) {
			c.run(`UPDATE contacts SET unsubscribed_all_at = NULL WHERE id = $1`, string(c.contact))
		},
		projectionOf, "unsubscribed_all_at is not set, the events say 2026-",
	},
	{
		"a withdrawal of processing dated back", func(c *crime) {
			c.run(`UPDATE contacts SET processing_withdrawn_at = 1 WHERE id = $1`, string(c.contact))
		},
		projectionOf, "processing_withdrawn_at is 1970-01-01T00:00:00.000001Z, the events say 2026-",
	},
}

func projectionOf(c *crime) consent.Break {
	return consent.Break{Why: consent.Projection, Contact: c.contact}
}

func TestWhateverIsDoneToTheLedgerIsNamed(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			scene := newCrime(t, e.name)
			for _, tc := range crimes {
				t.Run(tc.name, func(t *testing.T) {
					c := *scene
					c.T = t
					tc.commit(&c)
					found, err := c.notary.Audit(t.Context(), c.outside)
					if err != nil {
						t.Fatal(err)
					}
					got, want := found.Break, tc.want(&c)
					if !strings.Contains(got.Detail, tc.rest) {
						t.Errorf("%s: %s, want %q in it", got.Why, got.Detail, tc.rest)
					}
					got.Detail, got.Head = "", tlog.Checkpoint{Size: got.Head.Size}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s (-want +got):\n%s", found.Break, diff)
					}
					if want.Why == "" {
						if found.Head.Seq != 12 || found.Signed != 4 || found.Outside != 4 || found.Newest.Size != 12 {
							t.Errorf("%+v", found)
						}
					}
					// Nothing is signed that does not go on from what was signed.
					if want.Why == consent.Rebuilt || want.Why == consent.TailCut {
						_, err := c.notary.Seal(t.Context())
						if _, refused := errors.AsType[*notary.NotIntact](err); !refused {
							t.Errorf("asked to sign it: %v, want a refusal", err)
						}
					}
					c.restore()
				})
			}
			found, err := scene.notary.Audit(t.Context(), scene.outside)
			if err != nil || !found.Intact() {
				t.Errorf("after all: %+v, %v", found, err)
			}
		})
	}
}

func TestARebuildMendsWhatIsKeptAndRefusesABrokenLedger(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			c := newCrime(t, e.name)
			for _, tc := range crimes {
				if want := tc.want(c); want.Why != consent.Projection {
					continue
				}
				tc.commit(c)
			}
			for mended := range []int{1, 0} {
				done, err := c.notary.Rebuild(t.Context(), c.outside)
				if err != nil || done.Entries != 12 || done.Mended != 1-mended {
					t.Errorf("%+v, %v", done, err)
				}
			}
			if found, err := c.notary.Audit(t.Context(), c.outside); err != nil || !found.Intact() {
				t.Errorf("after the rebuild: %+v, %v", found, err)
			}
			var abroad bool
			if err := c.owner.QueryRowContext(t.Context(), `SELECT cross_border FROM consents WHERE contact_id = $1 AND purpose = 'news.company'`,
				string(c.contact)).Scan(&abroad); err != nil || !abroad {
				t.Errorf("what no entry says is lost: %t, %v", abroad, err)
			}
			c.run(`UPDATE consents SET state = 'pending' WHERE contact_id = $1`, string(c.contact))
			c.run(`UPDATE consent_events SET kind = 'granted' WHERE seq = 11`)
			if _, err := c.notary.Rebuild(t.Context(), c.outside); err == nil || !strings.Contains(err.Error(), "event 11 ("+string(c.events[10].ID)+"): changed") {
				t.Errorf("rebuilt from a ledger that was changed: %v", err)
			}
			var pending int
			if err := c.owner.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM consents WHERE state = 'pending'`).Scan(&pending); err != nil || pending != 5 {
				t.Errorf("%d grants as they were, %v; want 5: four and the planted one, which the wide withdrawals reach", pending, err)
			}
		})
	}
}

func TestALedgerThatDoesNotAnswerIsNotIntact(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			c := newCrime(t, e.name)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if found, err := c.notary.Audit(ctx, c.outside); err == nil {
				t.Errorf("without an answer: %+v", found)
			}
		})
	}
}
