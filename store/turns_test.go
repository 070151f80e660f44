package store

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// queue lets everybody wait in this order, "b" for bulk, behind a turn that is taken, and returns in which order they had theirs.
func queue(t *testing.T, order string) string {
	t.Helper()
	var line turns
	if err := line.take(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var had []rune
	var all sync.WaitGroup
	for _, who := range order {
		all.Go(func() {
			if err := line.take(t.Context(), who == 'b'); err != nil {
				t.Error(err)
			}
			mu.Lock()
			had = append(had, who)
			mu.Unlock()
			line.done()
		})
		synctest.Wait()
	}
	line.done()
	all.Wait()
	if line.busy {
		t.Error("nobody waits and the turn is taken")
	}
	return string(had)
}

func TestWhatSomebodyWaitsForGoesBeforeBulk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for order, want := range map[string]string{
			"bbb": "bbb", "sss": "sss", "bsbs": "ssbb", "bbsssssssssss": "ssssssssbsssb",
		} {
			if got := queue(t, order); got != want {
				t.Errorf("%s had their turns as %s, want %s", order, got, want)
			}
		}
	})
}

func TestWhoeverLeavesTheLineHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var line turns
		if err := line.take(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		errs := make([]error, 3)
		for i := range errs {
			all.Go(func() {
				mine := ctx
				if i == 2 {
					mine = t.Context()
				}
				if errs[i] = line.take(mine, i == 1); errs[i] == nil {
					line.done()
				}
			})
			synctest.Wait()
		}
		leave()
		synctest.Wait()
		line.done()
		all.Wait()
		if !errors.Is(errs[0], context.Canceled) || !errors.Is(errs[1], context.Canceled) || errs[2] != nil || line.busy {
			t.Errorf("errors %v, busy: %t", slices.Clone(errs), line.busy)
		}
	})
}

// The line is no use if nobody stands in it: work on many messages waits behind a small one that came later.
func TestLargeTransactionsOfSQLiteAreBulk(t *testing.T) {
	db, err := Open(t.Context(), Options{Dir: t.TempDir(), HashKey: []byte("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	begun, goOn := make(chan struct{}), make(chan struct{})
	order := make(chan string, 2)
	var all sync.WaitGroup
	work := func(messages int, f func(*tx) error) {
		all.Go(func() {
			if err := db.txOf(t.Context(), messages, f); err != nil {
				t.Error(err)
			}
		})
	}
	work(1, func(*tx) error {
		close(begun)
		<-goOn
		return nil
	})
	<-begun
	for i, x := range []struct {
		name     string
		messages int
	}{{"bulk", smallIntake + 1}, {"small", smallIntake}} {
		work(x.messages, func(*tx) error {
			order <- x.name
			return nil
		})
		for db.turns.waiting() <= i {
			runtime.Gosched()
		}
	}
	close(goOn)
	all.Wait()
	if first := <-order; first != "small" {
		t.Errorf("%s wrote first", first)
	}
}
