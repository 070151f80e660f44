package app_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orleu/elshi/app"
	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// base is a small installation in a folder of its own: SQLite, any free ports, windows that are always open.
const base = `
server: {listen: "127.0.0.1:0", shutdown_timeout: 5s}
inbox: {listen: "127.0.0.1:0"}
dispatch: {feeder_tick: 100ms, settle_every: 50ms, ring_timeout: 2s}
consent:
  quiet_hours:
    sms: {from: "00:00", until: "24:00", working_days: false}
    marketing_email: {from: "00:00", until: "24:00", working_days: false}
`

// settings reads the small installation's settings with more of them: lines of the file, or variables as "ELSHI_…=…".
func settings(t *testing.T, more ...string) config.Config {
	t.Helper()
	text, variables := base, []string{"ELSHI_DATA_DIR=" + t.TempDir()}
	for _, m := range more {
		if strings.HasPrefix(m, "ELSHI_") {
			variables = append(variables, m)
		} else {
			text += m + "\n"
		}
	}
	file := filepath.Join(t.TempDir(), "elshi.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, variables)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// keys are what an installation needs to be told that keeps none in its folder.
func keys() string {
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, config.KeySize))
	return fmt.Sprintf("secrets: {link_key: %[1]q, payload_key: %[1]q, commitment_key: %[1]q, verp_key: %[1]q, signing_key: %[1]q}", key)
}

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends to the log.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns what was logged so far.
func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// house is a program that runs in this process.
type house struct {
	*app.App

	key   string
	log   *logged
	stop  context.CancelFunc
	ended chan error
}

// open builds a program that does not run yet.
func open(t *testing.T, cfg config.Config) *house {
	t.Helper()
	h := &house{log: &logged{}, ended: make(chan error, 1)}
	a, err := app.New(t.Context(), cfg, slog.New(slog.NewJSONHandler(h.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	h.App = a
	t.Cleanup(func() {
		if t.Failed() {
			text := h.log.String()
			t.Logf("the end of the log:\n%s", text[max(0, len(text)-3000):])
		}
	})
	return h
}

// start builds a program and runs it until it is closed or the test ends.
func start(t *testing.T, cfg config.Config) *house {
	t.Helper()
	h := open(t, cfg)
	h.run(t)
	return h
}

func (h *house) run(t *testing.T) {
	t.Helper()
	var ctx context.Context
	ctx, h.stop = context.WithCancel(context.WithoutCancel(t.Context()))
	go func() { h.ended <- h.Run(ctx) }()
	t.Cleanup(func() { h.close(t) })
}

// close stops the program and waits until it has ended, in order and in time. A second call does nothing.
func (h *house) close(t *testing.T) {
	t.Helper()
	if h.stop == nil {
		return
	}
	h.stop()
	h.stop = nil
	if err := h.wait(t); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// wait returns what Run does.
func (h *house) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-h.ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("Run has not returned 20 s after the stop; its parts have 5")
		return nil
	}
}

// seed adds the demonstration and takes its key.
func (h *house) seed(t *testing.T) {
	t.Helper()
	demo, err := h.Seed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.key = demo.Key
}

// client keeps no connection, so that tests can count goroutines.
var client = &http.Client{
	Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// call makes a request with the house's key and returns status and body.
func (h *house) call(t testing.TB, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+h.Addr()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if h.key != "" {
		r.Header.Set("Authorization", "Bearer "+h.key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// get makes a request that must be answered with the status, and reads its JSON.
func get[T any](t testing.TB, h *house, path string, status int) T {
	t.Helper()
	code, text := h.call(t, http.MethodGet, path, "")
	if code != status {
		t.Fatalf("GET %s: %d, want %d\n%s", path, code, status, text)
	}
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("GET %s: %v\n%s", path, err, text)
	}
	return v
}

// message is what tests look at of one.
type message struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Decision struct {
		Verdict string `json:"verdict"`
	} `json:"decision"`
}

// send submits a message, which must be taken.
func (h *house) send(t *testing.T, body string) message {
	t.Helper()
	code, text := h.call(t, http.MethodPost, "/v1/messages", body)
	var m message
	if err := json.Unmarshal([]byte(text), &m); err != nil || code != http.StatusAccepted {
		t.Fatalf("POST /v1/messages: %d %s", code, text)
	}
	return m
}

// becomes waits until a message has the status.
func (h *house) becomes(t *testing.T, id, status string) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, func() error {
		if m := get[message](t, h, "/v1/messages/"+id, http.StatusOK); m.Status != status {
			return fmt.Errorf("message is %s, want %s", m.Status, status)
		}
		return nil
	})
}

// code is a one-time code; to is the JSON of an address.
func code(to string) string {
	return `{"to": ` + to + `, "purpose": "account.identity", "template": "one-time-code", "trigger": {"id": "sign-in"}, ` +
		`"data": {"code": "482913", "minutes": 10, "action": "sign-in"}}`
}
