package fault_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// Everything in one process: SQLite, the in-process Redis, every role.

func TestTheOneProcessIsKilled(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t, t.TempDir(), 200, hasty())
	w.sink.Delay(5 * time.Millisecond)
	asked := w.submit(t, w.mixed(1000))
	doubt := ids{}
	for _, n := range []int{200, 500} {
		w.sent(t, n)
		w.door.Kill(t)
		open := w.holds(t)
		if len(open) == 0 {
			t.Error("the process held no permit when it was killed; the test shows nothing")
		}
		t.Logf("permits open at the kill: %d", len(open))
		for id := range open {
			doubt[id] = true
		}
		w.door = w.serve(t, "")
	}
	w.quiet(t, time.Minute)
	w.account(t, asked, allowed{Doubt: doubt})
}

// The door of one process dies with everything else; the key makes the batch whole.
func TestTheOneProcessIsKilledWhileItTakesABatchIn(t *testing.T) {
	t.Parallel()
	w := newEmbedded(t, t.TempDir(), 100, hasty())
	start := time.Now()
	asked := w.submit(t, w.mixed(300))
	takes := time.Since(start)
	w.quiet(t, time.Minute)
	unanswered := 0
	for i, percent := range []int{30, 60, 80, 95} { // of the time that a batch takes
		orders, key := w.mixed(300), "batch-"+strconv.Itoa(i)
		first := make(chan error, 1)
		go func() {
			_, err := w.try(t.Context(), key, orders)
			first <- err
		}()
		lasts(t, part(takes, percent))
		w.door.Kill(t)
		if err := <-first; err != nil {
			unanswered++
		}
		w.door = w.serve(t, "")
		made, _ := w.insist(t, key, orders)
		asked = append(asked, made...)
		w.quiet(t, time.Minute)
	}
	w.account(t, asked, allowed{AnyDoubt: 2 * 300})
	t.Logf("batches whose caller got no answer: %d of 4", unanswered)
}

// A full disk is a refusal, not a loss: the door says 503, what was promised before is kept, and it goes on when there is room.
func TestTheDiskIsFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m,mode=0700"); err != nil {
		testkit.LeaveOut(t, "a full disk", "a small file system cannot be mounted: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	w := newEmbedded(t, dir, 100, usual())
	w.sink.Delay(2 * time.Millisecond)
	asked := w.submit(t, w.mixed(200))
	fill(t, filepath.Join(dir, "filler"))
	refused := 0
	testkit.Eventually(t, 20*time.Second, func() error {
		made, err := w.try(t.Context(), "", w.mixed(200))
		if err == nil {
			asked = append(asked, made...)
			return errors.New("the disk has room for another batch")
		}
		if r, ok := errors.AsType[*refusal](err); !ok || r.status != http.StatusServiceUnavailable {
			t.Errorf("on a full disk a submission was answered %v; want 503", err)
		}
		refused++
		return nil
	})
	lasts(t, time.Second)
	if !w.door.Running() {
		t.Fatalf("the process has ended: %s", w.door.Stderr())
	}
	if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
		t.Fatal(err)
	}
	more, failed := w.insist(t, "when-there-is-room", w.mixed(50))
	w.quiet(t, time.Minute)
	w.account(t, append(asked, more...), allowed{})
	t.Logf("refused on a full disk: %d, and %d before there was room again", refused, failed)
}

// fill writes a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
