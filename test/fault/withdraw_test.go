package fault_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

// withdrawal is one that was acknowledged.
type withdrawal struct {
	acknowledged

	contacts []vocab.ContactID // whom it concerns
	purpose  vocab.Purpose     // empty: every marketing purpose
}

// The promise to a contact: once a withdrawal is acknowledged, nothing it covers is handed over but what it names. Meanwhile workers are
// killed and put to sleep past their leases, and the mail server is slow and fast in turn.
func TestWithdrawalsHold(t *testing.T) {
	t.Parallel()
	withdrawals(t, 300, 10)
}

func withdrawals(t *testing.T, contacts, each int) {
	t.Helper()
	w := newWorld(t, testkit.Postgres(t), contacts, hasty())
	w.sink.Delay(10 * time.Millisecond)
	w.feeder(t)
	var orders []order
	for i := range each {
		for _, p := range w.people {
			orders = append(orders, order{p, []vocab.Purpose{news, invitation}[i%2]})
		}
	}
	asked := w.submit(t, orders)
	over := make(chan []withdrawal)
	go func() { over <- w.withdrawAll(t) }()
	done := w.trouble(t, over)
	w.sink.Delay(0)
	w.quiet(t, 2*time.Minute)

	ends := allowed{AnyDoubt: len(asked), Ends: map[vocab.MessageID][]dispatcher.Status{}}
	if w.hold(t, asked, done, ends.Ends) == 0 {
		t.Error("no withdrawal stopped anything; the test shows nothing")
	}
	w.account(t, asked, ends)
}

// hold checks the promise against the times at which the server read the dots, and returns how many messages the withdrawals stopped. It
// adds the endings that withdrawals mean.
func (w *world) hold(t *testing.T, asked []message, done []withdrawal, ends map[vocab.MessageID][]dispatcher.Status) (stopped int) {
	t.Helper()
	taken := w.taken(t)
	byContact := map[vocab.ContactID][]message{}
	for _, m := range asked {
		byContact[m.contact] = append(byContact[m.contact], m)
	}
	var named, after int
	for _, x := range done {
		named += len(x.inFlight)
		for _, contact := range x.contacts {
			for _, m := range byContact[contact] {
				if !m.atMostOnce() || x.purpose != "" && x.purpose != m.purpose {
					continue // it does not cover this one
				}
				ends[m.id] = []dispatcher.Status{dispatcher.Canceled, dispatcher.Suppressed}
				if x.canceled[m.id] {
					stopped++
				}
				for _, c := range taken[m.id] {
					switch {
					case x.canceled[m.id]:
						t.Errorf("%s was canceled by the withdrawal, and the server has it", m.id)
					case !c.At.After(x.at):
					case x.inFlight[m.id]:
						after++
					default:
						t.Errorf("%s was handed over %v after the withdrawal that covers it was acknowledged, and in_flight does not name it",
							m.id, c.At.Sub(x.at))
					}
				}
			}
		}
	}
	t.Logf("%d withdrawals stopped %d messages and named %d in flight, of which %d arrived after the acknowledgement", len(done), stopped, named, after)
	return stopped
}

// withdrawAll lets half of the people withdraw, one after another, each in one of four ways.
func (w *world) withdrawAll(t *testing.T) []withdrawal {
	t.Helper()
	some := slices.Clone(w.people)
	rand.Shuffle(len(some), func(i, k int) { some[i], some[k] = some[k], some[i] })
	var mu sync.Mutex
	var done []withdrawal
	work := make(chan int)
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for i := range work {
				x, body, wait := w.wish(some[i], i)
				ack, err := w.withdraw(t.Context(), body, wait)
				if err != nil {
					t.Errorf("withdrawal: %v", err)
					continue
				}
				x.acknowledged = ack
				mu.Lock()
				done = append(done, x)
				mu.Unlock()
			}
		})
	}
	for i := range some[:len(some)/2] {
		work <- i
		lasts(t, time.Duration(rand.IntN(120))*time.Millisecond)
	}
	close(work)
	callers.Wait()
	return done
}

// wish says what somebody withdraws: everything, a purpose, or by the one click of a message, for everybody behind the address.
func (w *world) wish(p person, i int) (x withdrawal, body, wait string) {
	wait = []string{"0s", "300ms"}[i/4%2]
	x.contacts = []vocab.ContactID{p.contact}
	switch i % 4 {
	case 0:
		return x, fmt.Sprintf(`{"contact_id": %q, "scope": "all"}`, p.contact), wait
	case 1:
		x.purpose = news
		return x, fmt.Sprintf(`{"contact_id": %q, "scope": "purpose", "purpose": %q}`, p.contact, news), wait
	case 2:
		return x, fmt.Sprintf(`{"contact_id": %q, "scope": "channel", "channel": "email"}`, p.contact), wait
	}
	x.purpose, x.contacts = invitation, nil
	for _, other := range w.people {
		if other.address == p.address {
			x.contacts = append(x.contacts, other.contact)
		}
	}
	return x, fmt.Sprintf(`{"address": {"email": %q}, "scope": "purpose", "purpose": %q, "channel": "email", "source": "one_click"}`,
		p.email, invitation), wait
}

// trouble keeps two workers running and breaks one after another until the withdrawals are over.
func (w *world) trouble(t *testing.T, over <-chan []withdrawal) []withdrawal {
	t.Helper()
	workers := []*process{w.worker(t), w.worker(t)}
	kills, pauses := 0, 0
	delays := [4]time.Duration{40 * time.Millisecond, 2 * time.Millisecond, 15 * time.Millisecond, 5 * time.Millisecond}
	for round := 0; ; round++ {
		select {
		case done := <-over:
			t.Logf("workers killed: %d, put to sleep past their lease: %d", kills, pauses)
			return done
		case <-time.After(700 * time.Millisecond):
		}
		w.sink.Delay(delays[round%4])
		victim := workers[round%2]
		if round%4 == 3 {
			victim.Pause(t)
			pauses++
			lasts(t, w.Lease+500*time.Millisecond)
			victim.Resume(t)
			continue
		}
		victim.Kill(t)
		kills++
		workers[round%2] = w.worker(t)
	}
}

// without are the people whom a withdrawal does not concern.
func (p people) without(x withdrawal) people {
	return slices.DeleteFunc(slices.Clone(p), func(y person) bool { return slices.Contains(x.contacts, y.contact) })
}
