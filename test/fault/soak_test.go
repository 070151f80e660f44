package fault_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

// The same tests at full size; make soak runs them.

func TestSoakAWorkerIsKilled(t *testing.T) {
	testkit.Soak(t)
	killed(t, 60_000, hasty())
}

func TestSoakManyProcesses(t *testing.T) {
	testkit.Soak(t)
	many(t, 20_000)
}

func TestSoakWithdrawalsHold(t *testing.T) {
	testkit.Soak(t)
	withdrawals(t, 1000, 10)
}

// Faults of every kind, one after another in random order, while messages keep coming and people withdraw.
func TestSoakEverythingFails(t *testing.T) {
	until := time.Now().Add(testkit.Soak(t))
	pg := testkit.OwnPostgres(t)
	w := newWorld(t, pg, 1000, hasty())
	workers := []*process{w.worker(t), w.worker(t), w.worker(t)}
	feeders := []*process{w.feeder(t), w.feeder(t)}
	faults := map[string]func(i int){
		"a worker is killed": func(i int) {
			workers[i%3].Kill(t)
			workers[i%3] = w.worker(t)
		},
		"a worker sleeps": func(i int) {
			workers[i%3].Pause(t)
			lasts(t, w.Lease+w.Socket)
			workers[i%3].Resume(t)
		},
		"a worker is stopped": func(i int) {
			w.stop(t, workers[i%3])
			workers[i%3] = w.worker(t)
		},
		"a feeder is killed": func(i int) {
			feeders[i%2].Kill(t)
			feeders[i%2] = w.feeder(t)
		},
		"Redis is emptied": func(int) { w.redis.Flush(t) },
		"Redis is away": func(int) {
			w.redis.Stop(t)
			lasts(t, 2*time.Second)
			w.redis.Start(t)
		},
		"Redis is silent": func(int) {
			w.redis.Pause(t)
			lasts(t, 2*time.Second)
			w.redis.Resume(t)
		},
		"PostgreSQL crashes": func(i int) {
			pg.Crash(t)
			lasts(t, time.Duration(i%4)*3*time.Second)
			pg.Start(t)
		},
		"the mail server is gone": func(int) {
			w.sink.Away()
			lasts(t, time.Second)
			w.sink.Back(t)
		},
		"the mail server cuts connections": func(int) {
			for _, at := range []testkit.Point{testkit.AtBanner, testkit.AtMail, testkit.AtData, testkit.MidBody, testkit.AfterDot, testkit.AfterReply} {
				w.sink.Fail(testkit.Fault{At: at, Cut: true, Times: 3})
			}
			lasts(t, time.Second)
			w.sink.Clear()
		},
		"the mail server is slow": func(int) {
			w.sink.Delay(30 * time.Millisecond)
			lasts(t, 2*time.Second)
			w.sink.Delay(time.Millisecond)
		},
	}
	var asked []message
	var done []withdrawal
	count := map[string]int{}
	for i := 0; time.Now().Before(until); i++ {
		made, _ := w.insist(t, fmt.Sprintf("batch-%d", i), w.mixed(400))
		asked = append(asked, made...)
		for name, cause := range faults { // in random order
			cause(rand.IntN(12))
			count[name]++
			break
		}
		x, body, wait := w.wish(w.people[i%len(w.people)], i)
		var err error
		if x.acknowledged, err = w.withdraw(t.Context(), body, wait); err == nil {
			done = append(done, x)
		}
		w.people = w.people.without(x)
	}
	w.quiet(t, 5*time.Minute)
	ends := allowed{AnyDoubt: len(asked), Ends: map[vocab.MessageID][]dispatcher.Status{}}
	w.hold(t, asked, done, ends.Ends)
	w.account(t, asked, ends)
	t.Logf("faults: %s", counts(count))
}
