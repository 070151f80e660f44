package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hibiken/asynq"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

// redises are the Redis inside this process and a real one.
var redises = map[string]func(t *testing.T) *Redis{
	"inside": func(t *testing.T) *Redis {
		t.Helper()
		return open(t, RedisOptions{})
	},
	"server": func(t *testing.T) *Redis {
		t.Helper()
		return open(t, RedisOptions{URL: testkit.Redis(t).URL()})
	},
}

func open(t *testing.T, o RedisOptions) *Redis {
	t.Helper()
	r, err := OpenRedis(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// batch is n messages of a lane.
func batch(channel vocab.Channel, lane vocab.Lane, n int) dispatcher.Batch {
	b := dispatcher.Batch{Channel: channel, Lane: lane, Provider: "relay"}
	for range n {
		b.IDs = append(b.IDs, vocab.MessageID(vocab.NewID(vocab.MessagePrefix)))
	}
	return b
}

// door takes deliveries: each is announced, and lasts until the test lets it go.
type door struct {
	came chan dispatcher.Batch
	hold func(ctx context.Context)
}

func (d *door) Deliver(ctx context.Context, b dispatcher.Batch) {
	d.came <- b
	if d.hold != nil {
		d.hold(ctx)
	}
}

func newDoor() *door { return &door{came: make(chan dispatcher.Batch, 100)} }

// next is the next delivery.
func (d *door) next(t *testing.T) dispatcher.Batch {
	t.Helper()
	select {
	case b := <-d.came:
		return b
	case <-time.After(15 * time.Second):
		t.Fatal("nothing is delivered")
	}
	return dispatcher.Batch{}
}

// serve runs servers of every lane until the returned function is called, which waits for their end.
func serve(t *testing.T, r *Redis, d deliverer, log *slog.Logger) (stop func()) {
	t.Helper()
	servers := NewServers(r, d, ServerOptions{Concurrency: func(vocab.Channel, vocab.Lane) int { return 2 }, StopTimeout: 15 * time.Second}, log)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- servers.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("the servers do not stop")
		}
	})
	t.Cleanup(stop)
	return stop
}

// inspector looks at the queues as asynq's own tools do.
func inspector(r *Redis) *asynq.Inspector { return asynq.NewInspectorFromRedisClient(r.client) }

// left is how many tasks of a queue are anywhere but done.
func left(t *testing.T, r *Redis, channel vocab.Channel, lane vocab.Lane) (all, archived int) {
	t.Helper()
	info, err := inspector(r).GetQueueInfo(queueName(channel, lane))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size, info.Archived
}

func TestWhatIsRungForIsDelivered(t *testing.T) {
	for name, start := range redises {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			q, d := New(r, time.Minute), newDoor()
			stop := serve(t, r, d, slog.New(slog.DiscardHandler))
			var want, got []dispatcher.Batch
			for _, channel := range vocab.Channels() {
				for _, lane := range vocab.Lanes() {
					b := batch(channel, lane, 3)
					want = append(want, b)
					if err := q.Ring(t.Context(), b); err != nil {
						t.Fatal(err)
					}
				}
			}
			for range want {
				got = append(got, d.next(t))
			}
			order := func(a, b dispatcher.Batch) int { return strings.Compare(string(a.IDs[0]), string(b.IDs[0])) }
			slices.SortFunc(want, order)
			slices.SortFunc(got, order)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("deliveries (-rung +delivered):\n%s", diff)
			}
			stop()
			for _, channel := range vocab.Channels() {
				for _, lane := range vocab.Lanes() {
					if all, archived := left(t, r, channel, lane); all != 0 || archived != 0 {
						t.Errorf("%s %s: %d tasks are left, %d of them archived", channel, lane, all, archived)
					}
				}
			}
		})
	}
}

// Pending reads what asynq writes; should its layout change, the feeder would ring without end.
func TestPendingIsWhatAsynqSays(t *testing.T) {
	for name, start := range redises {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			q := New(r, time.Minute)
			if n, err := q.Pending(t.Context(), vocab.Email, vocab.Bulk); n != 0 || err != nil {
				t.Errorf("a queue that was never used: %d, %v", n, err)
			}
			for i := range 5 {
				if err := q.Ring(t.Context(), batch(vocab.Email, vocab.Bulk, 1)); err != nil {
					t.Fatal(err)
				}
				info, err := inspector(r).GetQueueInfo(queueName(vocab.Email, vocab.Bulk))
				if err != nil {
					t.Fatal(err)
				}
				got, err := q.Pending(t.Context(), vocab.Email, vocab.Bulk)
				if err != nil || got != i+1 || got != info.Pending {
					t.Errorf("after %d rings: Pending = %d, %v; asynq says %d", i+1, got, err, info.Pending)
				}
			}
			if n, err := q.Pending(t.Context(), vocab.SMS, vocab.Bulk); n != 0 || err != nil {
				t.Errorf("another lane: %d, %v", n, err)
			}
			d := newDoor()
			stop := serve(t, r, d, slog.New(slog.DiscardHandler))
			for range 5 {
				d.next(t)
			}
			stop()
			if n, err := q.Pending(t.Context(), vocab.Email, vocab.Bulk); n != 0 || err != nil {
				t.Errorf("after all were picked up: %d, %v", n, err)
			}
		})
	}
}

// A batch in progress learns that the process stops, and the process waits for it.
func TestStopWaitsForTheBatchInProgress(t *testing.T) {
	for name, start := range redises {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			d := newDoor()
			var cause error
			finished := false
			told, release := make(chan struct{}), make(chan struct{})
			d.hold = func(ctx context.Context) {
				<-ctx.Done()
				cause = context.Cause(ctx)
				close(told)
				<-release // it gives its messages back, which takes a while
				finished = true
			}
			stop := serve(t, r, d, slog.New(slog.DiscardHandler))
			if err := New(r, time.Minute).Ring(t.Context(), batch(vocab.SMS, vocab.Urgent, 1)); err != nil {
				t.Fatal(err)
			}
			d.next(t)
			stopped := make(chan struct{})
			go func() {
				stop()
				close(stopped)
			}()
			select {
			case <-told:
			case <-time.After(15 * time.Second):
				t.Fatal("the batch was not told")
			}
			select {
			case <-stopped:
				t.Error("the servers stopped before their batch")
			default:
			}
			close(release)
			<-stopped
			if !finished || !errors.Is(cause, errStopping) {
				t.Errorf("finished %t, told %v", finished, cause)
			}
			if all, _ := left(t, r, vocab.SMS, vocab.Urgent); all != 0 {
				t.Errorf("%d tasks are left: the batch was delivered and must not come again", all)
			}
		})
	}
}

func TestABatchEndsWithItsTimeout(t *testing.T) {
	for name, start := range redises {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			d := newDoor()
			ended := make(chan bool, 10)
			d.hold = func(ctx context.Context) {
				_, has := ctx.Deadline()
				ended <- has
			}
			serve(t, r, d, slog.New(slog.DiscardHandler))
			if err := New(r, time.Minute).Ring(t.Context(), batch(vocab.Email, vocab.Normal, 1)); err != nil {
				t.Fatal(err)
			}
			d.next(t)
			if !<-ended {
				t.Error("a batch may take for ever")
			}
		})
	}
}

// noted is a log that can be read while it is written.
type noted struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (n *noted) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.Write(p)
}

func (n *noted) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.String()
}

func TestATaskThatIsNoBatchIsDropped(t *testing.T) {
	for name, start := range redises {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			client := asynq.NewClientFromRedisClient(r.client)
			for _, payload := range []string{"", "{", `["aigul@example.org"]`, `{"ids":7}`} {
				if _, err := client.EnqueueContext(t.Context(), asynq.NewTask(taskType, []byte(payload)), asynq.Queue(queueName(vocab.Email, vocab.Bulk))); err != nil {
					t.Fatal(err)
				}
			}
			d, log := newDoor(), &noted{}
			stop := serve(t, r, d, slog.New(slog.NewTextHandler(log, nil)))
			good := batch(vocab.Email, vocab.Bulk, 1)
			if err := New(r, time.Minute).Ring(t.Context(), good); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(good, d.next(t)); diff != "" {
				t.Errorf("the batch behind them (-rung +delivered):\n%s", diff)
			}
			testkit.Eventually(t, 15*time.Second, func() error {
				if all, _ := left(t, r, vocab.Email, vocab.Bulk); all != 0 {
					return fmt.Errorf("%d tasks are left", all)
				}
				return nil
			})
			stop()
			if n := strings.Count(log.String(), "a task is no batch"); n != 4 || strings.Contains(log.String(), "aigul") {
				t.Errorf("logged %d times: %s", n, log)
			}
		})
	}
}

// A lane that this process does not serve keeps its batches for one that does.
func TestLanesThatAreNotServedHere(t *testing.T) {
	r := open(t, RedisOptions{})
	d := newDoor()
	servers := NewServers(r, d, ServerOptions{Concurrency: func(_ vocab.Channel, lane vocab.Lane) int {
		if lane == vocab.Urgent {
			return 1
		}
		return 0
	}}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- servers.Run(ctx) }()
	q := New(r, time.Minute)
	bulk, urgent := batch(vocab.Email, vocab.Bulk, 1), batch(vocab.Email, vocab.Urgent, 1)
	for _, b := range []dispatcher.Batch{bulk, urgent} {
		if err := q.Ring(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(urgent, d.next(t)); diff != "" {
		t.Errorf("delivered (-want +got):\n%s", diff)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n, err := q.Pending(t.Context(), vocab.Email, vocab.Bulk); n != 1 || err != nil {
		t.Errorf("%d bulk batches wait, %v", n, err)
	}
}

func TestRedisAwayIsSaidSo(t *testing.T) {
	away := func(t *testing.T, r *Redis) {
		t.Helper()
		q := New(r, time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, pendingErr := q.Pending(ctx, vocab.Email, vocab.Bulk)
		_, _, takeErr := NewLimiter(r, map[vocab.ProviderID]Rate{"relay": {PerSecond: 5}}).Take(ctx, "relay", 1)
		for name, err := range map[string]error{
			"Ring": q.Ring(ctx, batch(vocab.Email, vocab.Bulk, 1)), "Pending": pendingErr, "Take": takeErr, "Ping": r.Ping(ctx),
			"Slow": NewLimiter(r, map[vocab.ProviderID]Rate{"relay": {PerSecond: 5}}).Slow(ctx, "relay"),
		} {
			if fault.KindOf(err) != fault.Unavailable {
				t.Errorf("%s: %v, want unavailable", name, err)
			}
		}
		if n, _, err := NewLimiter(r, nil).Take(ctx, "relay", 7); n != 7 || err != nil {
			t.Errorf("a provider without a rate needs no Redis: %d, %v", n, err)
		}
	}
	t.Run("nobody listens", func(t *testing.T) {
		r := open(t, RedisOptions{URL: fmt.Sprintf("redis://127.0.0.1:%d/0", testkit.Free(t))})
		away(t, r)
	})
	t.Run("it was killed", func(t *testing.T) {
		peer := testkit.Redis(t)
		r := open(t, RedisOptions{URL: peer.URL()})
		if err := r.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		peer.Kill(t)
		away(t, r)
		peer.Start(t)
		testkit.Eventually(t, 15*time.Second, func() error { return r.Ping(t.Context()) })
		if err := New(r, time.Minute).Ring(t.Context(), batch(vocab.Email, vocab.Bulk, 1)); err != nil {
			t.Errorf("after it came back: %v", err)
		}
	})
}
