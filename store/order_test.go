package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// The order of withdrawals and claims: whoever holds the guard first goes first, and the other one sees all of it.

var noon = time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)

// street is a contact with a granted newsletter that waits.
type street struct {
	db       *store.DB
	ledger   *store.Ledger
	consents *store.Consents
	contact  vocab.ContactID
	message  vocab.MessageID
}

func newStreet(t *testing.T, db *store.DB) street {
	t.Helper()
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	s := street{db: db, ledger: store.NewLedger(db), consents: store.NewConsents(db, registry)}
	p, err := store.NewContacts(db).Create(t.Context(), contacts.Contact{CreatedAt: noon}, []contacts.NewAddress{
		{Channel: vocab.Email, Value: "a@example.org", Lookup: vocab.NewID("a") + "@example.org", Verified: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.contact = p.ID
	if _, _, err := s.consents.Record(t.Context(), consent.Event{
		Kind: consent.KindGranted, ContactID: p.ID, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email,
		Source: consent.SourceAPI, At: noon,
	}, "", false); err != nil {
		t.Fatal(err)
	}
	s.message = vocab.MessageID(vocab.NewID(vocab.MessagePrefix))
	if _, err := s.ledger.Submit(t.Context(), dispatcher.Intake{
		Drafts: []dispatcher.Draft{{
			Message: dispatcher.Message{
				ID: s.message, ContactID: p.ID, AddressID: p.Addresses[0].AddressID, Channel: vocab.Email, Class: vocab.Marketing,
				Lane: vocab.Bulk, Purpose: "news.company", Provider: "relay",
			},
			Payload: dispatcher.Payload{Data: []byte(`{}`)},
		}},
		Answer: make([]dispatcher.Result, 1), Slots: []int{0}, Now: noon, RingUntil: noon,
	}, decideByGrant); err != nil {
		t.Fatal(err)
	}
	return s
}

// decideByGrant allows what is granted.
func decideByGrant(cs []dispatcher.Candidate) []consent.Decision {
	decisions := make([]consent.Decision, len(cs))
	for i, c := range cs {
		decisions[i] = consent.Decision{Verdict: consent.Allow, Reason: consent.OK}
		if c.Facts.Grant.State != consent.Granted {
			decisions[i] = consent.Decision{Verdict: consent.Deny, Reason: consent.ConsentWithdrawn}
		}
	}
	return decisions
}

func (s street) claim(ctx context.Context, decide dispatcher.Decider) ([]dispatcher.Permit, error) {
	return s.ledger.ClaimBatch(ctx, dispatcher.Claim{IDs: []vocab.MessageID{s.message}, Now: noon, Lease: time.Minute}, decide)
}

func (s street) withdraw(ctx context.Context, covered func(consent.Event, dispatcher.Message) bool) (dispatcher.Withdrawn, error) {
	return s.consents.Withdraw(ctx, dispatcher.Withdrawal{ContactID: s.contact, Event: consent.Event{
		Kind: consent.KindWithdrawn, Scope: consent.ScopeAll, Source: consent.SourcePreferencePage,
	}}, noon, covered)
}

// untilParked waits until somebody waits for the guard: for a row's lock on PostgreSQL, for the turn to write on SQLite.
func untilParked(t *testing.T, db *store.DB) {
	t.Helper()
	testkit.Eventually(t, 10*time.Second, func() error {
		n := db.Waiting()
		if db.Engine() == "postgres" {
			if err := db.Raw().QueryRowContext(t.Context(),
				`SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n); err != nil {
				return err
			}
		}
		if n == 0 {
			return fmt.Errorf("nobody waits")
		}
		return nil
	})
}

func TestAClaimBehindAWithdrawalSeesIt(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			s := newStreet(t, e.open(t))
			inside, release := make(chan struct{}), make(chan struct{})
			type withdrawn struct {
				done dispatcher.Withdrawn
				err  error
			}
			first := make(chan withdrawn, 1)
			go func() {
				// The message is not covered, so that the claim has something to decide when its turn comes.
				asked := false
				done, err := s.withdraw(t.Context(), func(consent.Event, dispatcher.Message) bool {
					if !asked {
						asked = true
						close(inside)
						<-release
					}
					return false
				})
				first <- withdrawn{done, err}
			}()
			<-inside
			type claimed struct {
				permits []dispatcher.Permit
				err     error
			}
			second := make(chan claimed, 1)
			go func() {
				permits, err := s.claim(t.Context(), decideByGrant)
				second <- claimed{permits, err}
			}()
			untilParked(t, s.db)
			close(release)
			if w := <-first; w.err != nil {
				t.Fatal(w.err)
			}
			c := <-second
			if c.err != nil || len(c.permits) != 0 {
				t.Fatalf("the claim got %d permits, %v", len(c.permits), c.err)
			}
			m, err := s.ledger.Get(t.Context(), s.message)
			if err != nil || m.Status != dispatcher.Suppressed || m.Decision.Reason != consent.ConsentWithdrawn {
				t.Errorf("the message is %s because of %s, %v", m.Status, m.Decision.Reason, err)
			}
		})
	}
}

func TestAWithdrawalBehindAClaimNamesWhatIsInFlight(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			s := newStreet(t, e.open(t))
			inside, release := make(chan struct{}), make(chan struct{})
			first := make(chan error, 1)
			go func() {
				permits, err := s.claim(t.Context(), func(cs []dispatcher.Candidate) []consent.Decision {
					close(inside)
					<-release
					return decideByGrant(cs)
				})
				if err == nil && len(permits) != 1 {
					err = fmt.Errorf("the claim got %d permits", len(permits))
				}
				first <- err
			}()
			<-inside
			type withdrawn struct {
				done dispatcher.Withdrawn
				err  error
			}
			second := make(chan withdrawn, 1)
			go func() {
				done, err := s.withdraw(t.Context(), dispatcher.Covered)
				second <- withdrawn{done, err}
			}()
			untilParked(t, s.db)
			close(release)
			if err := <-first; err != nil {
				t.Fatal(err)
			}
			w := <-second
			if w.err != nil {
				t.Fatal(w.err)
			}
			want := dispatcher.Withdrawn{At: noon, Events: w.done.Events, InFlight: []vocab.MessageID{s.message}}
			if diff := cmp.Diff(want, w.done); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// A resume wakes what is held. What a claim is just about to hold must not sleep on.
func TestAResumeBehindAClaimWakesWhatItHolds(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			s := newStreet(t, e.open(t))
			pauses := store.NewPauses(s.db)
			if err := pauses.Pause(t.Context(), dispatcher.Pause{Kind: dispatcher.PauseProvider, Name: "relay", At: noon}); err != nil {
				t.Fatal(err)
			}
			inside, release := make(chan struct{}), make(chan struct{})
			first := make(chan error, 1)
			go func() {
				_, err := s.claim(t.Context(), func(cs []dispatcher.Candidate) []consent.Decision {
					close(inside)
					<-release
					return []consent.Decision{{Verdict: consent.Hold, Reason: consent.ProviderPaused}}
				})
				first <- err
			}()
			<-inside
			second := make(chan error, 1)
			go func() {
				_, err := pauses.Resume(t.Context(), dispatcher.PauseProvider, "relay", noon)
				second <- err
			}()
			untilParked(t, s.db)
			close(release)
			if err := errors.Join(<-first, <-second); err != nil {
				t.Fatal(err)
			}
			m, err := s.ledger.Get(t.Context(), s.message)
			if err != nil || m.Status != dispatcher.Held || !m.DueAt.Equal(noon) {
				t.Errorf("the message is %s and due %v, want held and due at once; %v", m.Status, m.DueAt, err)
			}
		})
	}
}

func TestADeadlockIsRunAgain(t *testing.T) {
	database := testkit.Postgres(t).CreateDatabase(t)
	owner := open(t, store.Options{URL: database.Owner, HashKey: hashKey})
	if err := owner.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, b := newStreet(t, owner), newStreet(t, owner) // a's guard comes first
	admin := open(t, store.Options{URL: database.Admin, HashKey: hashKey})
	other, err := admin.Raw().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	run := func(query string, args ...any) {
		t.Helper()
		if _, err := other.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	run(`SET LOCAL deadlock_timeout = '30s'`) // so that the claim is the one that is given up
	run(`SELECT id FROM contacts WHERE id = $1 FOR UPDATE`, string(b.contact))
	type claimed struct {
		permits []dispatcher.Permit
		err     error
	}
	got := make(chan claimed, 1)
	go func() {
		permits, err := a.ledger.ClaimBatch(t.Context(), dispatcher.Claim{
			IDs: []vocab.MessageID{a.message, b.message}, Now: noon, Lease: time.Minute,
		}, decideByGrant)
		got <- claimed{permits, err}
	}()
	untilParked(t, owner)
	run(`SELECT id FROM contacts WHERE id = $1 FOR UPDATE`, string(a.contact))
	if err := other.Commit(); err != nil {
		t.Fatal(err)
	}
	if c := <-got; c.err != nil || len(c.permits) != 2 {
		t.Fatalf("got %d permits, %v", len(c.permits), c.err)
	}
}
