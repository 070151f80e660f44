package store_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// small is a submission of one message to the street's contact.
func (s street) small(key string) dispatcher.Intake {
	in := dispatcher.Intake{
		Drafts: []dispatcher.Draft{{
			Message: dispatcher.Message{
				ID: vocab.MessageID(vocab.NewID(vocab.MessagePrefix)), ContactID: s.contact, Channel: vocab.Email, Class: vocab.Marketing,
				Lane: vocab.Bulk, Purpose: "news.company", Provider: "relay",
			},
			Payload: dispatcher.Payload{Data: []byte(`{}`)},
		}},
		Answer: make([]dispatcher.Result, 1), Slots: []int{0}, Now: noon, RingUntil: noon,
	}
	if key != "" {
		in.Key = &dispatcher.IdempotencyKey{APIKey: "key_x", Route: "messages", Token: key, BodyHash: "aa", Wait: 5 * time.Second}
	}
	return in
}

// answered is what became of a submission.
type answered struct {
	out dispatcher.Submitted
	err error
}

// together makes submissions wait behind others that are being written, so that they share a transaction, and returns their answers.
func (s street) together(t *testing.T, decide dispatcher.Decider, all ...dispatcher.Intake) []answered {
	t.Helper()
	held, entered := make(chan struct{}), make(chan struct{}, 8)
	release := sync.OnceFunc(func() { close(held) })
	t.Cleanup(release)
	before := make(chan error, 2)
	inside := map[string]int{"postgres": 2, "sqlite": 1}[s.db.Engine()] // how many are written at once
	for i := range 2 {
		go func() {
			_, err := s.ledger.Submit(t.Context(), s.small(""), func(cs []dispatcher.Candidate) []consent.Decision {
				entered <- struct{}{}
				<-held
				return decideByGrant(cs)
			})
			before <- err
		}()
		if i < inside {
			<-entered // one after the other, or they would share
		}
	}
	answers := make([]chan answered, len(all))
	for i, in := range all {
		answers[i] = make(chan answered, 1)
		go func() {
			out, err := s.ledger.Submit(t.Context(), in, decide)
			answers[i] <- answered{out, err}
		}()
	}
	testkit.Eventually(t, 10*time.Second, func() error {
		if n := s.ledger.Queued(); n < len(all)+2-inside {
			return fmt.Errorf("%d submissions wait", n)
		}
		return nil
	})
	release()
	list := make([]answered, len(all))
	for i := range all {
		list[i] = <-answers[i]
	}
	for range 2 {
		if err := <-before; err != nil {
			t.Error(err)
		}
	}
	return list
}

func TestSubmissionsAtOnceShareATransaction(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			s := newStreet(t, e.open(t))
			var all []dispatcher.Intake
			for i := range 20 {
				all = append(all, s.small("shared-"+strconv.Itoa(i)))
			}
			asked := 0
			for i, a := range s.together(t, func(cs []dispatcher.Candidate) []consent.Decision {
				asked++ // the detector would see it if two were decided at the same time
				return decideByGrant(cs)
			}, all...) {
				if a.err != nil || len(a.out.Results) != 1 || a.out.Results[0].ID != all[i].Drafts[0].Message.ID || len(a.out.Ring) != 1 {
					t.Errorf("submission %d: %+v, %v", i, a.out, a.err)
				}
				again, err := s.ledger.Submit(t.Context(), all[i], decideByGrant)
				if err != nil || !again.Replayed || again.Results[0].ID != a.out.Results[0].ID {
					t.Errorf("submission %d again: %+v, %v", i, again, err)
				}
			}
			if asked != len(all) {
				t.Errorf("%d of %d were decided", asked, len(all))
			}
		})
	}
}

// A twin that somebody else is still writing is waited for by its own caller alone.
func TestNobodyWaitsForANeighboursTwin(t *testing.T) {
	database := testkit.Postgres(t).CreateDatabase(t)
	db := open(t, store.Options{URL: database.Owner, HashKey: hashKey})
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := newStreet(t, db)
	other, err := db.Raw().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.ExecContext(t.Context(), `SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
		t.Fatal(err)
	}
	names := []string{"one", "two", "three"} // more than are written at once
	answers := make(chan error, len(names))
	for _, name := range names {
		if _, err := other.ExecContext(t.Context(), `INSERT INTO idempotency_keys (api_key, route, token, body_hash, answer, created_at)
			VALUES ('key_x', 'messages', $1, 'aa', '[]', 0)`, name); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		in := s.small(name)
		in.Key.Wait = time.Minute
		go func() {
			out, err := s.ledger.Submit(t.Context(), in, decideByGrant)
			if err == nil && !out.Replayed {
				err = fmt.Errorf("%s was made twice", name)
			}
			answers <- err
		}()
	}
	untilParked(t, db)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range 5 {
		if _, err := s.ledger.Submit(ctx, s.small(""), decideByGrant); err != nil {
			t.Fatalf("a neighbour of twins: %v", err)
		}
	}
	if err := other.Commit(); err != nil {
		t.Fatal(err)
	}
	for range names {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

func TestNobodyFailsForANeighbour(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			s := newStreet(t, e.open(t))
			if _, err := s.ledger.Submit(t.Context(), s.small("used"), decideByGrant); err != nil {
				t.Fatal(err)
			}
			reused := s.small("used")
			reused.Key.BodyHash = "bb"
			taken := s.small("taken")
			taken.Drafts[0].Message.ID = s.message
			all := []dispatcher.Intake{s.small("a"), taken, s.small("b"), reused, s.small(""), s.small("twin"), s.small("twin")}
			got := s.together(t, decideByGrant, all...)
			for i, a := range got {
				switch i {
				case 1:
					if a.err == nil {
						t.Error("two messages have one id")
					}
					if _, found, err := s.ledger.Replay(t.Context(), *taken.Key); found || err != nil {
						t.Errorf("its key is kept: %t, %v", found, err)
					}
				case 3:
					if f, ok := errors.AsType[*fault.Error](a.err); !ok || f.Code != "idempotency_key_reused" {
						t.Errorf("a key with another body: %v", a.err)
					}
				default:
					if a.err != nil || len(a.out.Results) != 1 || a.out.Results[0].Status != dispatcher.Queued {
						t.Errorf("neighbour %d: %+v, %v", i, a.out, a.err)
					}
				}
			}
			if got[5].out.Results[0].ID != got[6].out.Results[0].ID || got[5].out.Replayed == got[6].out.Replayed {
				t.Errorf("twins: %+v and %+v", got[5].out, got[6].out)
			}
		})
	}
}
