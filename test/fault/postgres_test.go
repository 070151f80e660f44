package fault_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// outage runs messages through two workers while PostgreSQL crashes (an immediate shutdown) and is away for a time.
func outage(t *testing.T, s settings, away time.Duration) {
	t.Helper()
	pg := testkit.OwnPostgres(t)
	w := newWorld(t, pg, 200, s)
	w.sink.Delay(5 * time.Millisecond)
	w.feeder(t)
	asked := w.submit(t, w.mixed(1200))
	processes := []*process{w.door, w.worker(t), w.worker(t)}
	w.sent(t, 300)
	pg.Crash(t)
	at := w.sink.Count()
	_, err := w.try(t.Context(), "while-away", w.mixed(50))
	if r, ok := errors.AsType[*refusal](err); !ok || r.status != http.StatusServiceUnavailable {
		t.Errorf("a submission without a ledger was answered %v; want 503", err)
	}
	lasts(t, away)
	handed := w.sink.Count() - at
	pg.Start(t)
	// Whoever held a permit at the crash, or had asked for one whose answer was lost.
	open := w.holds(t)
	more, _ := w.insist(t, "while-away", w.mixed(50))
	w.quiet(t, time.Minute)
	w.account(t, append(asked, more...), allowed{Doubt: open})
	t.Logf("permits open at the crash: %d; handed over without a ledger: %d", len(open), handed)
	if handed > len(open) {
		t.Errorf("%d messages were handed over while the ledger was away, and only %d permits were open", handed, len(open))
	}
	for _, p := range processes {
		if !p.Running() {
			t.Errorf("a process has ended: %s", p.Stderr())
		}
	}
}

func TestPostgresCrashes(t *testing.T) {
	t.Parallel()
	outage(t, usual(), time.Second)
}

// Longer than every lease: the workers keep what they know, and it still counts when the ledger is back.
func TestPostgresIsAwayLongerThanALease(t *testing.T) {
	t.Parallel()
	outage(t, hasty(), hasty().reaped())
}
