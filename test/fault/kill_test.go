package fault_test

import (
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

func TestAWorkerIsKilled(t *testing.T) {
	w := newWorld(t, testkit.Postgres(t), 200, usual())
	w.sink.Delay(5 * time.Millisecond)
	w.feeder(t)
	asked := w.submit(t, w.mixed(2000))
	first := w.worker(t)
	w.sent(t, 500)
	w.kill(t, first)
	open := w.holds(t)
	if len(open) == 0 {
		t.Fatal("the worker held no permit when it was killed; the test shows nothing")
	}
	w.worker(t)
	w.quiet(t, time.Minute)
	y := w.account(t, asked, allowed{Doubt: open})
	t.Logf("permits open at the kill: %d", len(open))
	_ = y
}
