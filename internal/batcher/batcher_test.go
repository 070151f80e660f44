package batcher_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orleu/elshi/internal/batcher"
)

// doubler answers each question with its double and remembers the calls. A call takes a second.
type doubler struct {
	mu    sync.Mutex
	calls [][]int
	fail  func(questions []int) error
}

func (d *doubler) do(_ context.Context, questions []int) ([]int, error) {
	<-time.After(time.Second)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, slices.Sorted(slices.Values(questions)))
	if d.fail != nil {
		if err := d.fail(questions); err != nil {
			return nil, err
		}
	}
	answers := make([]int, len(questions))
	for i, q := range questions {
		answers[i] = 2 * q
	}
	return answers, nil
}

var errOdd = errors.New("odd")

// ask asks so many questions, the first a moment before the others, and returns the errors.
func ask(t *testing.T, b *batcher.Batcher[int, int], n int) []error {
	t.Helper()
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			got, err := b.Do(t.Context(), i)
			if errs[i] = err; err == nil && got != 2*i {
				t.Errorf("question %d is answered %d", i, got)
			}
		})
		synctest.Wait()
	}
	all.Wait()
	return errs
}

func TestWhatComesMeanwhileGoesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d doubler
		b := batcher.New(1, 4, d.do)
		start := time.Now()
		for i, err := range ask(t, b, 7) {
			if err != nil {
				t.Errorf("question %d: %v", i, err)
			}
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("7 questions took %v", took)
		}
		want := [][]int{{0}, {1, 2, 3, 4}, {5, 6}}
		if !slices.EqualFunc(d.calls, want, slices.Equal) {
			t.Errorf("calls %v, want %v", d.calls, want)
		}
		synctest.Wait()
		if _, err := b.Do(t.Context(), 1); err != nil || len(d.calls) != 4 {
			t.Errorf("after a lull: %v, %d calls", err, len(d.calls))
		}
	})
}

func TestNobodyFailsForANeighbour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := doubler{fail: func(questions []int) error {
			if slices.ContainsFunc(questions, func(q int) bool { return q%2 == 1 }) {
				return errOdd
			}
			return nil
		}}
		for i, err := range ask(t, batcher.New(2, 10, d.do), 8) {
			if want := i%2 == 1; errors.Is(err, errOdd) != want {
				t.Errorf("question %d: %v", i, err)
			}
		}
	})
}

func TestWhoeverLeavesTakesNobodyAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d doubler
		b := batcher.New(1, 10, d.do)
		var left atomic.Bool
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := b.Do(t.Context(), 0); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		for i := 1; i <= 2; i++ {
			all.Go(func() {
				ctx := t.Context()
				if i == 1 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, 1500*time.Millisecond) // in the middle of its call
					defer cancel()
				}
				_, err := b.Do(ctx, i)
				if i == 1 {
					left.Store(errors.Is(err, context.DeadlineExceeded))
				} else if err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		all.Wait()
		if !left.Load() {
			t.Error("who left did not get away")
		}
	})
}
