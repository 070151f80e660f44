package fault_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// killed runs n messages through one worker that is killed in the middle and another that comes after it.
func killed(t *testing.T, n int, s settings) {
	t.Helper()
	w := newWorld(t, testkit.Postgres(t), 200, s)
	w.sink.Delay(5 * time.Millisecond)
	w.feeder(t)
	asked := w.submit(t, w.mixed(n))
	first := w.worker(t)
	w.sent(t, min(n/4, 5000))
	w.kill(t, first)
	open := w.holds(t)
	if len(open) == 0 {
		t.Fatal("the worker held no permit when it was killed; the test shows nothing")
	}
	w.worker(t)
	w.quiet(t, 2*time.Minute)
	y := w.account(t, asked, allowed{Doubt: open})
	t.Logf("permits open at the kill: %d", len(open))
	if y.Late > 0 {
		t.Errorf("%d settles came from a dead worker", y.Late)
	}
}

func TestAWorkerIsKilled(t *testing.T) {
	t.Parallel()
	killed(t, 20_000, hasty())
}

func TestTheFeederIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.Postgres(t), 200, usual())
	w.sink.Delay(3 * time.Millisecond)
	first := w.feeder(t)
	asked := w.submit(t, w.mixed(1000))
	w.redis.Flush(t) // the direct rings are lost: whatever is sent now, a feeder rang for it
	w.worker(t)
	w.sent(t, 100)
	w.kill(t, first)
	w.redis.Flush(t)
	second := w.feeder(t)
	w.quiet(t, time.Minute)
	w.account(t, asked, allowed{})
	if !second.Running() {
		t.Error("the second feeder has ended")
	}
}

// A caller whose door dies in the middle of a batch asks again with the same key, and the batch is there once.
func TestTheDoorIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.Postgres(t), 100, usual())
	w.feeder(t)
	w.worker(t)
	start := time.Now()
	asked := w.submit(t, w.mixed(300))
	takes := time.Since(start)
	unanswered := 0
	for i, percent := range []int{20, 40, 60, 75, 90, 100, 110} { // of the time that a batch takes
		orders, key := w.mixed(300), "batch-"+strconv.Itoa(i)
		first := make(chan error, 1)
		go func() {
			_, err := w.try(t.Context(), key, orders)
			first <- err
		}()
		lasts(t, part(takes, percent))
		w.kill(t, w.door)
		if err := <-first; err != nil {
			unanswered++
		}
		w.door = w.serve(t, "api")
		made, _ := w.insist(t, key, orders)
		asked = append(asked, made...)
		if again, _ := w.insist(t, key, orders); !slices.Equal(again, made) {
			t.Errorf("batch %d: the same key was answered with other messages", i)
		}
	}
	if unanswered == 0 {
		t.Error("every batch was answered before its door was killed; the test shows nothing")
	}
	w.quiet(t, time.Minute)
	w.account(t, asked, allowed{})
	t.Logf("batches whose caller got no answer: %d of 7", unanswered)
}

// The worst moment: the batch is in the ledger, and its door dies before it can say so, because it waits for a silent Redis.
func TestTheDoorIsKilledBetweenCommitAndAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.Postgres(t), 100, usual())
	orders := w.mixed(100)
	w.redis.Pause(t)
	first := make(chan error, 1)
	go func() {
		_, err := w.try(t.Context(), "key", orders)
		first <- err
	}()
	testkit.Eventually(t, 10*time.Second, func() error {
		if n := w.count(t); n != len(orders) {
			return fmt.Errorf("%d messages in the ledger", n)
		}
		return nil
	})
	w.kill(t, w.door)
	if err := <-first; err == nil {
		t.Error("the batch was answered before its door was killed; the test shows nothing")
	}
	w.redis.Resume(t)
	w.door = w.serve(t, "api")
	asked, _ := w.insist(t, "key", orders)
	w.feeder(t)
	w.worker(t)
	w.quiet(t, time.Minute)
	w.account(t, asked, allowed{})
}

// count is how many messages the ledger has.
func (w *world) count(t *testing.T) int {
	t.Helper()
	var n int
	if err := w.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM messages`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Workers and feeders overlap, and every bell rings twice: still each message goes once.
func TestManyProcessesAtOnce(t *testing.T) {
	t.Parallel()
	many(t, 2000)
}

func many(t *testing.T, n int) {
	t.Helper()
	w := newWorld(t, testkit.Postgres(t), 200, usual())
	ring := w.bell(t)
	asked := w.submit(t, w.mixed(n))
	ring(asked)
	for range 4 {
		w.worker(t)
	}
	for range 2 {
		w.feeder(t)
	}
	ring(asked)
	w.quiet(t, time.Minute+time.Duration(n)*5*time.Millisecond)
	w.account(t, asked, allowed{})
}

// The same with the binary that finds data races.
func TestTheRaceDetectorSeesNothing(t *testing.T) {
	t.Parallel()
	s := usual()
	s.Race = true
	w := newWorld(t, testkit.Postgres(t), 100, s)
	w.sink.Delay(2 * time.Millisecond)
	processes := []*process{w.door, w.feeder(t), w.worker(t), w.worker(t)}
	asked := w.submit(t, w.mixed(600))
	w.sent(t, 100)
	w.redis.Stop(t)
	lasts(t, time.Second)
	w.redis.Start(t)
	if _, err := w.withdraw(t.Context(), fmt.Sprintf(`{"contact_id": %q, "scope": "all"}`, w.people[0].contact), "1s"); err != nil {
		t.Error(err)
	}
	w.quiet(t, time.Minute)
	w.account(t, asked, allowed{Ends: w.endings(asked, w.people[0].contact)})
	for _, p := range processes {
		if code := w.stop(t, p); code != 0 { // 66 is the race detector's
			t.Errorf("%s: exit code %d\n%s", p.name, code, p.Stderr())
		}
	}
}
