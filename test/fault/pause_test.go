package fault_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// A worker that sleeps past its lease must not hand over what it was permitted then, and what it knows counts more than the reaper's guess.
func TestAWorkerSleepsPastItsLease(t *testing.T) {
	t.Parallel()
	s := hasty()
	s.SettleEvery, s.SettleSize = 2*time.Second, 10_000 // what the server has taken waits to be settled when the worker falls asleep
	w := newWorld(t, testkit.Postgres(t), 100, s)
	w.sink.Delay(20 * time.Millisecond)
	w.feeder(t)
	asked := w.submit(t, w.mixed(600))
	first := w.worker(t)
	w.sent(t, 100)
	w.pause(t, first)
	open := w.holds(t)
	w.worker(t)
	w.quiet(t, time.Minute)
	byStatus, err := w.byStatus(t)
	if err != nil {
		t.Fatal(err)
	}
	unknown := byStatus["unknown"]
	before := w.sink.Count()
	first.Resume(t)
	testkit.Eventually(t, 20*time.Second, func() error {
		byStatus, err := w.byStatus(t)
		if err == nil && byStatus["unknown"] == unknown {
			err = fmt.Errorf("no late settle yet: %v", byStatus)
		}
		return err
	})
	w.stop(t, first) // it settles all it knows before it ends
	if after := w.sink.Count(); after != before {
		t.Errorf("the worker handed over %d messages on permits that had run out", after-before)
	}
	y := w.account(t, asked, allowed{Doubt: open})
	t.Logf("permits open at the pause: %d; unknown while it slept: %d", len(open), unknown)
	if y.Late == 0 {
		t.Error("no late settle beat unknown")
	}
}

// The worker is stopped where its next step would be to hand over: it waits for the server's leave to send the text.
func TestAWorkerSleepsBeforeTheText(t *testing.T) {
	t.Parallel()
	s := hasty()
	w := newWorld(t, testkit.Postgres(t), 40, s)
	w.feeder(t)
	asked := w.submit(t, w.mixed(40))
	w.sink.Fail(testkit.Fault{At: testkit.AtData, Stall: time.Hour})
	first := w.worker(t)
	testkit.Eventually(t, 10*time.Second, func() error {
		if n := w.sink.Reached(testkit.AtData); n < 2*s.Connections {
			return fmt.Errorf("%d connections wait for their 354", n)
		}
		return nil
	})
	w.pause(t, first)
	open := w.holds(t)
	w.sink.Clear() // the 354 is there when it wakes
	w.worker(t)
	w.quiet(t, time.Minute)
	before := w.sink.Count()
	first.Resume(t)
	w.stop(t, first)
	if after := w.sink.Count(); after != before {
		t.Errorf("the worker handed over %d messages on permits that had run out", after-before)
	}
	y := w.account(t, asked, allowed{Doubt: open})
	if y.Doubled > 0 {
		t.Errorf("%d messages arrived twice, and the first worker had begun none", y.Doubled)
	}
}

// A worker that stops in a transaction holds the guards of its contacts. Nobody may wait for it for long: not the other workers, not the
// reaper, and not a contact who withdraws.
func TestAWorkerSleepsInATransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.Postgres(t), 100, hasty())
	w.sink.Delay(2 * time.Millisecond)
	w.feeder(t)
	asked := w.submit(t, w.mixed(2000))
	first := w.worker(t)
	w.sent(t, 50)
	caught := false
	for try := 0; try < 200 && !caught; try++ {
		first.Pause(t)
		lasts(t, 10*time.Millisecond) // PostgreSQL ends the statement it has
		caught = w.inTransaction(t, first)
		if !caught {
			first.Resume(t)
			lasts(t, time.Duration(try%7)*time.Millisecond)
		}
	}
	if !caught {
		t.Fatal("the worker was never caught in a transaction; the test shows nothing")
	}
	open := w.holds(t)
	longest := time.Duration(0)
	for i, p := range w.people {
		start := time.Now()
		if _, err := w.withdraw(t.Context(), fmt.Sprintf(`{"contact_id": %q, "scope": "purpose", "purpose": %q}`, p.contact, invitation), "0s"); err != nil {
			t.Fatalf("withdrawal %d, which waited %v: %v", i, time.Since(start), err)
		}
		longest = max(longest, time.Since(start))
	}
	t.Logf("the longest wait of a withdrawal: %v", longest.Round(100*time.Millisecond))
	w.worker(t)
	w.quiet(t, time.Minute)
	first.Resume(t)
	w.stop(t, first)
	ends := allowed{Doubt: open, Ends: w.endings(asked, w.contacts()...)}
	w.account(t, asked, ends)
}

// inTransaction says whether PostgreSQL waits for the next statement of a process.
func (w *world) inTransaction(t *testing.T, p *process) bool {
	t.Helper()
	var n int
	err := w.db.QueryRowContext(t.Context(), `
		SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = $1 AND state = 'idle in transaction'`, p.name).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}
