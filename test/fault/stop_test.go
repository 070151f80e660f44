package fault_test

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

// stop asks a process to end in order and returns its exit code. It fails the test when that takes longer than the settings allow.
func (w *world) stop(t *testing.T, p *process) int {
	t.Helper()
	if err := syscall.Kill(p.PID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return p.Wait(t, w.Shutdown+3*time.Second)
}

// A stop is no failure: what was not begun waits as if nobody had claimed it.
func TestAWorkerIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.Postgres(t), 200, usual())
	w.sink.Delay(20 * time.Millisecond)
	w.feeder(t)
	asked := w.submit(t, w.mixed(1000))
	for n := range 3 {
		p := w.worker(t)
		w.sent(t, 100*(n+1))
		if code := w.stop(t, p); code != 0 {
			t.Errorf("exit code %d", code)
		}
		if open := w.holds(t); len(open) > 0 {
			t.Errorf("after stop %d, %d permits are open", n+1, len(open))
		}
	}
	unstarted := 0
	for _, r := range w.rows(t) {
		if r.failures > 0 || r.marked || !slices.Contains([]dispatcher.Status{dispatcher.Queued, dispatcher.Sent}, r.status) {
			t.Errorf("after orderly stops:\n%s", r.story(nil))
		}
		if r.status == dispatcher.Queued && r.attempt > 0 {
			unstarted++
		}
	}
	if unstarted == 0 {
		t.Error("no claimed message was given back; the test shows nothing")
	}
	w.sink.Delay(0)
	w.worker(t)
	w.quiet(t, time.Minute)
	w.account(t, asked, allowed{})
	t.Logf("given back by three stops: %d", unstarted)
}

// A silent mail server does not keep a process from stopping in time; what hangs is in doubt, and nothing else.
func TestAWorkerIsStoppedWhileTheServerIsSilent(t *testing.T) {
	t.Parallel()
	stoppedInSilence(t, usual())
}

// The reply would be waited for longer than the stop may take.
func TestAWorkerIsStoppedBeforeItMayGiveUpTheServer(t *testing.T) {
	t.Parallel()
	s := hasty()
	s.Shutdown, s.DotReply, s.Socket = 3*time.Second, 8*time.Second, 8*time.Second
	stoppedInSilence(t, s)
}

func stoppedInSilence(t *testing.T, s settings) {
	t.Helper()
	w := newWorld(t, testkit.Postgres(t), 200, s)
	w.feeder(t)
	asked := w.submit(t, w.mixed(400))
	w.sink.Fail(testkit.Fault{At: testkit.AfterDot, Stall: time.Minute})
	p := w.worker(t)
	testkit.Eventually(t, 10*time.Second, func() error {
		if n := w.sink.Reached(testkit.AfterDot); n < 2*w.Connections {
			return fmt.Errorf("%d connections wait for their reply", n)
		}
		return nil
	})
	w.stop(t, p)
	doubt := w.holds(t) // whoever was begun when the stop's time was over
	for id := range w.taken(t) {
		doubt[id] = true
	}
	// On each connection one waits for its reply, and the next may have been begun.
	if most := 2 * 2 * w.Connections; len(doubt) > most {
		t.Errorf("%d messages are in doubt after the stop, want at most %d", len(doubt), most)
	}
	w.sink.Clear()
	w.worker(t)
	w.quiet(t, time.Minute)
	w.account(t, asked, allowed{Doubt: doubt})
}

// endings allows messages of contacts to have been canceled, or refused at claim.
func (w *world) endings(asked []message, contacts ...vocab.ContactID) map[vocab.MessageID][]dispatcher.Status {
	ends := map[vocab.MessageID][]dispatcher.Status{}
	for _, m := range asked {
		if m.atMostOnce() && slices.Contains(contacts, m.contact) {
			ends[m.id] = []dispatcher.Status{dispatcher.Canceled, dispatcher.Suppressed}
		}
	}
	return ends
}

// contacts lists everybody.
func (w *world) contacts() []vocab.ContactID {
	var all []vocab.ContactID
	for _, p := range w.people {
		all = append(all, p.contact)
	}
	return all
}
