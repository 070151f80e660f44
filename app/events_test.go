package app_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/orleu/elshi/internal/testkit"
)

// endpoint is somebody's receiver, as docs/webhooks.md describes one.
type endpoint struct {
	*httptest.Server

	mu     sync.Mutex
	secret string
	types  []string
	bodies string
	wrong  error
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	e := &endpoint{}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

// ServeHTTP verifies and takes an event.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	var event struct {
		Type string `json:"type"`
	}
	err = errors.Join(err, json.Unmarshal(body, &event))
	key, bad := standardwebhooks.NewWebhook(e.secret)
	if err = errors.Join(err, bad); err == nil {
		err = key.Verify(body, r.Header)
	}
	if err != nil {
		e.wrong = err
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	e.types, e.bodies = append(e.types, event.Type), e.bodies+string(body)
	w.WriteHeader(http.StatusNoContent)
}

func (e *endpoint) got() ([]string, string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.types), e.bodies, e.wrong
}

// has waits until events of all the types have come.
func (e *endpoint) has(t *testing.T, types ...string) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, func() error {
		got, _, wrong := e.got()
		for _, want := range types {
			if !slices.Contains(got, want) {
				return errors.Join(wrong, errors.New(want+" has not come, only "+strings.Join(got, " ")))
			}
		}
		return nil
	})
}

type eventPage struct {
	Data []struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	} `json:"data"`
	NextCursor string `json:"next_cursor"`
	HasMore    bool   `json:"has_more"`
}

func TestWhatHappensIsToldToAWebhookAndInTheFeed(t *testing.T) {
	cfg := settings(t)
	h := start(t, cfg)
	h.seed(t)
	to := newEndpoint(t)
	from := get[eventPage](t, h, "/v1/events?cursor=latest", http.StatusOK).NextCursor
	status, text := h.call(t, http.MethodPost, "/v1/webhooks", `{"url": "`+to.URL+`/in", "events": ["message.*", "contact.*", "suppression.*"]}`)
	var made struct{ ID, Secret string }
	if err := json.Unmarshal([]byte(text), &made); err != nil || status != http.StatusCreated {
		t.Fatalf("POST /v1/webhooks: %d %s", status, text)
	}
	to.mu.Lock()
	to.secret = made.Secret
	to.mu.Unlock()

	h.becomes(t, h.send(t, code(`{"email": "saule@demo.example", "name": "Сауле"}`)).ID, "sent")
	if status, text := h.call(t, http.MethodPost, "/v1/suppressions", `{"email": "saule@demo.example", "note": "by phone"}`); status != http.StatusCreated {
		t.Fatalf("POST /v1/suppressions: %d %s", status, text)
	}
	// The default leaves queued and sent out of the feed; the webhook subscribes to them.
	to.has(t, "contact.created", "message.queued", "message.sent", "suppression.created")

	// The process ends; what happens meanwhile is told by the next one.
	h.close(t)
	h = open(t, cfg)
	h.run(t)
	h.seed(t)
	if status, text := h.call(t, http.MethodPost, "/v1/webhooks/"+made.ID+"/test", ""); status != http.StatusAccepted {
		t.Fatalf("test: %d %s", status, text)
	}
	to.has(t, "webhook.test")
	types, bodies, _ := to.got()
	page := get[eventPage](t, h, "/v1/events?cursor="+from, http.StatusOK)
	var told []string
	for _, e := range page.Data {
		told = append(told, e.Type)
		if !strings.Contains(bodies, e.ID) {
			t.Errorf("the webhook has not got %s %s", e.Type, e.ID)
		}
	}
	if want := slices.DeleteFunc(types, func(s string) bool { return s == "webhook.test" }); !slices.Equal(told, want) || page.HasMore {
		t.Errorf("the feed tells %v, the webhook got %v", told, want)
	}
	log, _ := json.Marshal(page)
	for _, personal := range []string{"saule", "Сауле", "482913", "by phone"} {
		if strings.Contains(bodies+string(log), personal) {
			t.Errorf("%q is told", personal)
		}
	}
	if strings.Contains(h.log.String(), made.Secret) || strings.Contains(h.log.String(), to.URL) {
		t.Error("the log shows the secret or the endpoint")
	}
	_, exposition := h.call(t, http.MethodGet, "/metrics", "")
	if !strings.Contains(exposition, `elshi_webhook_attempts_total{result="delivered"} 1`) || !strings.Contains(exposition, "elshi_webhook_oldest_seconds 0") {
		t.Error("the metrics do not count webhooks")
	}
}

func TestAWebhookToThisMachineIsRefusedWhereOthersReachTheServer(t *testing.T) {
	cfg := settings(t)
	cfg.Server.PublicURL = "https://elshi.example"
	h := start(t, cfg)
	h.seed(t)
	for _, url := range []string{"http://127.0.0.1:9/", "https://127.0.0.1:9/", "https://[::1]/"} {
		if status, text := h.call(t, http.MethodPost, "/v1/webhooks", `{"url": "`+url+`", "events": ["*"]}`); status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", url, status, text)
		}
	}
}
