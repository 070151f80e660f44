package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/config"
)

// diary is what happened, in order.
type diary struct {
	mu      sync.Mutex
	entries []string
}

func (d *diary) write(entry string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries = append(d.entries, entry)
}

// part runs until it is told to stop and then needs some time for it.
func (d *diary) part(name string, takes time.Duration, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		<-time.After(takes) // the bubble's clock
		d.write(name)
		return err
	}
}

// newStaged is an App of parts that note when they have stopped. They are added in the wrong order on purpose.
func newStaged(d *diary) *App {
	a := &App{log: slog.New(slog.DiscardHandler)}
	a.after("first", func() error { d.write("undo first"); return nil })
	a.after("second", func() error { d.write("undo second"); return nil })
	a.add(ground, "redis", d.part("redis", 0, nil))
	a.add(work, "workers", d.part("workers", 2*time.Second, nil))
	a.add(doors, "http", d.part("http", 3*time.Second, nil))
	a.add(doors, "feeder", d.part("feeder", time.Second, nil))
	a.add(ground, "catcher", d.part("catcher", time.Second, nil))
	return a
}

// inOrder is how they stop: what lets work in, what does it, what that needs; then what New has done is undone.
var inOrder = []string{"feeder", "http", "workers", "redis", "catcher", "undo second", "undo first"}

func TestRunStopsStageByStage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- newStaged(d).Run(ctx) }()
		synctest.Wait()
		if len(d.entries) > 0 {
			t.Errorf("before the stop %v has stopped", d.entries)
		}
		began := time.Now()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if diff := cmp.Diff(inOrder, d.entries); diff != "" {
			t.Errorf("order mismatch (-want +got):\n%s", diff)
		}
		// Parts of a stage stop together: 3 s, 2 s and 1 s.
		if took := time.Since(began); took != 6*time.Second {
			t.Errorf("the stop took %v, want 6 s", took)
		}
	})
}

func TestPartThatFailsStopsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		a := newStaged(d)
		broken, late, undo := errors.New("the listener is gone"), errors.New("a batch was cut off"), errors.New("disk full")
		a.add(work, "broken", func(context.Context) error {
			<-time.After(time.Minute)
			return broken
		})
		a.add(work, "late", d.part("late", 5*time.Second, late))
		a.after("third", func() error { return undo })
		err := a.Run(t.Context())
		for want, text := range map[error]string{broken: "broken: ", late: "late: ", undo: "third: "} {
			if !errors.Is(err, want) || !strings.Contains(err.Error(), text+want.Error()) {
				t.Errorf("Run: %v, want %q with its part's name among the errors", err, want)
			}
		}
		want := slices.Insert(slices.Clone(inOrder), 3, "late")
		if diff := cmp.Diff(want, d.entries); diff != "" {
			t.Errorf("order mismatch (-want +got):\n%s", diff)
		}
		if err := a.Close(); err != nil {
			t.Errorf("a second Close: %v, want nothing to undo", err)
		}
	})
}

func TestPartThatEndsByItselfStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &diary{}
		a := newStaged(d)
		a.add(doors, "done", func(context.Context) error { return nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		if err := a.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
		if took := time.Since(began); took != time.Hour+6*time.Second {
			t.Errorf("Run took %v, want an hour and the stop's 6 s", took)
		}
	})
}

// A request that is being answered ends before the door closes; one that never ends is cut off when the time is over.
func TestHTTPDrainsWithinItsTimeout(t *testing.T) {
	for _, tc := range []struct {
		name    string
		timeout time.Duration
		cut     bool
	}{
		{"an answer that comes", 20 * time.Second, false},
		{"an answer that never comes", 50 * time.Millisecond, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := &App{cfg: config.Config{Server: config.Server{ShutdownTimeout: tc.timeout}}, log: slog.New(slog.DiscardHandler)}
			asked, say := make(chan struct{}), make(chan struct{})
			listener, err := a.listen("http", "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(asked)
				select {
				case <-say:
					w.WriteHeader(http.StatusTeapot)
				case <-r.Context().Done():
				}
			}))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended, answered := make(chan error, 1), make(chan int, 1)
			go func() { ended <- a.Run(ctx) }()
			go func() {
				answer, err := http.Get("http://" + listener.Addr().String())
				if err != nil {
					answered <- 0
					return
				}
				_ = answer.Body.Close()
				answered <- answer.StatusCode
			}()
			<-asked
			cancel()
			// Nobody new is let in.
			for {
				conn, err := net.Dial("tcp", listener.Addr().String())
				if err != nil {
					break
				}
				_ = conn.Close()
			}
			if !tc.cut {
				close(say)
			}
			err = <-ended
			if status := <-answered; (status == http.StatusTeapot) == tc.cut {
				t.Errorf("the request was answered %d, cut off: %v", status, tc.cut)
			}
			if errors.Is(err, context.DeadlineExceeded) != tc.cut || err != nil != tc.cut {
				t.Errorf("Run: %v, want an error: %v", err, tc.cut)
			}
		})
	}
}
