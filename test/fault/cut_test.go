package fault_test

import (
	"fmt"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// wire is a way to PostgreSQL that can go silent: connections stay open and nothing comes through, as when a network is cut.
type wire struct {
	addr string

	mu   sync.Mutex
	open *sync.Cond
	cut  bool
	all  []net.Conn
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &wire{addr: listener.Addr().String()}
	x.open = sync.NewCond(&x.mu)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			x.mu.Lock()
			x.all = append(x.all, near, far)
			x.mu.Unlock()
			running.Go(func() { x.pass(far, near) })
			running.Go(func() { x.pass(near, far) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		x.set(false)
		x.mu.Lock()
		for _, c := range x.all {
			_ = c.Close()
		}
		x.mu.Unlock()
		running.Wait()
	})
	return x
}

// pass copies bytes as long as the wire is whole, and keeps them while it is cut.
func (x *wire) pass(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		x.mu.Lock()
		for x.cut {
			x.open.Wait()
		}
		x.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// set cuts the wire, or makes it whole.
func (x *wire) set(cut bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cut = cut
	x.open.Broadcast()
}

// One worker is cut off from the ledger while everybody else is not, and it can still reach the mail server: it must stop by itself when
// its permits end, and what it knows must count when it is heard of again.
func TestAWorkerIsCutOffFromTheLedger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.Postgres(t), 200, hasty())
	w.sink.Delay(10 * time.Millisecond)
	w.feeder(t)
	asked := w.submit(t, w.mixed(1000))
	u, err := url.Parse(w.Database)
	if err != nil {
		t.Fatal(err)
	}
	line := newWire(t, u.Host)
	direct := w.Database
	u.Host = line.addr
	w.Database = u.String()
	first := w.worker(t)
	w.Database = direct
	w.sent(t, 150)
	testkit.Eventually(t, 30*time.Second, func() error { // only marketing becomes unknown
		open := 0
		err := w.read(t, `SELECT COUNT(*) FROM messages WHERE status = 'sending' AND class = 'marketing'`, func(scan func(...any) error) error { return scan(&open) })
		if err == nil && open < 20 {
			err = fmt.Errorf("%d marketing messages are being sent", open)
		}
		return err
	})
	line.set(true)
	lasts(t, w.Lease) // by now it has stopped
	at := w.sink.Count()
	lasts(t, time.Second)
	if after := w.sink.Count(); after != at {
		t.Errorf("the worker handed over %d messages on permits that had run out", after-at)
	}
	open := w.holds(t)
	w.worker(t)
	w.quiet(t, time.Minute)
	byStatus, err := w.byStatus(t)
	if err != nil {
		t.Fatal(err)
	}
	unknown := byStatus["unknown"]
	line.set(false)
	testkit.Eventually(t, 30*time.Second, func() error {
		byStatus, err := w.byStatus(t)
		if err == nil && byStatus["unknown"] == unknown {
			err = fmt.Errorf("no late settle yet: %v", byStatus)
		}
		return err
	})
	w.stop(t, first)
	y := w.account(t, asked, allowed{Doubt: open})
	t.Logf("permits open at the cut: %d; unknown while it was cut off: %d", len(open), unknown)
	if y.Late == 0 {
		t.Error("no late settle beat unknown")
	}
}
