package events_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// request is what a receiver got.
type request struct {
	event  events.Event
	header http.Header
	body   []byte
}

// receiver is somebody's endpoint: a real HTTP server that answers as it is told.
type receiver struct {
	*httptest.Server

	mu     sync.Mutex
	got    []request
	answer func(n int, r request) int // the status of the nth request from 1 on; 0: none for a long time
	leave  chan struct{}
}

func newReceiver(t *testing.T, answer func(n int, r request) int) *receiver {
	t.Helper()
	r := &receiver{answer: answer, leave: make(chan struct{})}
	r.Server = httptest.NewServer(r)
	t.Cleanup(func() {
		close(r.leave)
		r.Close()
	})
	return r
}

// ServeHTTP takes a request.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	got := request{header: req.Header, body: body}
	if err == nil {
		err = json.Unmarshal(body, &got.event)
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.got = append(r.got, got)
	status := r.answer(len(r.got), got)
	r.mu.Unlock()
	switch {
	case status == 0:
		<-r.leave
	case status >= 300 && status < 400:
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	default:
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strings.Repeat("I am sorry. ", 10_000))
	}
}

func (r *receiver) requests() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// scene is a ledger whose events are sent to a receiver, at a time that the test sets.
type scene struct {
	db       *store.DB
	webhooks *store.Webhooks
	to       *receiver
	log      testkit.Diary

	mu      sync.Mutex
	now     time.Time
	results map[string]int
}

var monday = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

func newScene(t *testing.T, answer func(n int, r request) int) *scene {
	t.Helper()
	s := &scene{to: newReceiver(t, answer), now: monday, results: map[string]int{}}
	var err error
	if s.db, err = store.Open(t.Context(), store.Options{Dir: t.TempDir(), HashKey: []byte("a key that only tests may know")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	sealer, err := dispatcher.NewSealer([]byte("a key of 32 bytes for tests only"))
	if err != nil {
		t.Fatal(err)
	}
	s.webhooks = store.NewWebhooks(s.db, sealer)
	return s
}

func (s *scene) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *scene) wait(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// WebhookAttempted implements events.Observer.
func (s *scene) WebhookAttempted(result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results[result]++
}

// WebhookSkipped implements events.Observer.
func (s *scene) WebhookSkipped() { s.WebhookAttempted("skipped") }

// webhook makes one for the receiver and returns it with its secret.
func (s *scene) webhook(t *testing.T, patterns ...string) (events.WebhookID, string) {
	t.Helper()
	x, secret, err := s.webhooks.Create(t.Context(), events.Webhook{URL: s.to.URL + "/in", Events: patterns, Enabled: true}, s.clock())
	if err != nil {
		t.Fatal(err)
	}
	return x.ID, secret
}

// outbox is what a sender asks.
type outbox interface {
	Lead(ctx context.Context, holder string, now, until time.Time) (bool, error)
	Lines(ctx context.Context, now time.Time, n int) ([]events.Line, error)
	Read(ctx context.Context, after events.Place, n int, match func(events.Type) bool) (events.Page, error)
	Record(ctx context.Context, id events.WebhookID, from, to events.Place, o events.Outcome) (bool, error)
}

// send runs a sender until the test ends.
func (s *scene) send(t *testing.T, guard events.Guard) {
	t.Helper()
	_, stop := s.sendFrom(t, s.webhooks, guard)
	t.Cleanup(stop)
}

// sendFrom runs a sender until it is told to stop; wait does that and waits until it has.
func (s *scene) sendFrom(t *testing.T, box outbox, guard events.Guard) (stop, wait func()) {
	t.Helper()
	sender := events.NewSender(box, events.SenderOptions{Guard: guard, Tick: 5 * time.Millisecond, Timeout: time.Second}, s, s.clock,
		slog.New(slog.NewTextHandler(&s.log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sender.Run(ctx) }()
	return cancel, sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

var here = events.Guard{AllowLoopback: true}

// happen makes n events of suppressions and returns their ids in order.
func (s *scene) happen(t *testing.T, n int) []vocab.SuppressionID {
	t.Helper()
	var ids []vocab.SuppressionID
	for range n {
		x, err := store.NewSuppressions(s.db).Add(t.Context(), vocab.Email, vocab.NewID("a")+"@example.org",
			contacts.Suppression{Channel: vocab.Email, Reason: contacts.Manual, CreatedAt: s.clock()})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, x.ID)
	}
	return ids
}

// arrive waits until the receiver has had n requests, and returns what they were about.
func (s *scene) arrive(t *testing.T, n int) []vocab.SuppressionID {
	t.Helper()
	testkit.Eventually(t, 10*time.Second, func() error {
		if got := len(s.to.requests()); got < n {
			return fmt.Errorf("%d of %d requests have come", got, n)
		}
		return nil
	})
	var ids []vocab.SuppressionID
	for _, r := range s.to.requests() {
		ids = append(ids, r.event.Data.SuppressionID)
	}
	return ids
}

// logged waits until the newest entry of the log is as it should be, and returns the log, the newest first.
func (s *scene) logged(t *testing.T, id events.WebhookID, is func(events.Delivery) bool) []events.Delivery {
	t.Helper()
	var log []events.Delivery
	testkit.Eventually(t, 10*time.Second, func() error {
		var err error
		if log, err = s.webhooks.Deliveries(t.Context(), id, "", 100); err != nil {
			return err
		}
		if len(log) == 0 || !is(log[0]) {
			return fmt.Errorf("the log has %+v", log)
		}
		return nil
	})
	return log
}

func inState(want events.DeliveryState, attempt int) func(events.Delivery) bool {
	return func(d events.Delivery) bool { return d.State == want && d.Attempt == attempt }
}

func always(status int) func(int, request) int { return func(int, request) int { return status } }

func wantOrder(t *testing.T, want, got []vocab.SuppressionID) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
