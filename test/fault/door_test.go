package fault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

// Everything goes in through HTTP, as callers send it.

// message is what a test asked for.
type message struct {
	id      vocab.MessageID
	contact vocab.ContactID
	purpose vocab.Purpose
}

func (m message) atMostOnce() bool { return m.purpose != answer }

// order is one message to ask for.
type order struct {
	to      person
	purpose vocab.Purpose
}

// mixed orders n messages to all people in turn, half of them marketing.
func (w *world) mixed(n int) []order {
	orders := make([]order, n)
	for i := range orders {
		orders[i] = order{w.people[i%len(w.people)], []vocab.Purpose{news, answer, invitation, answer}[i%4]}
	}
	return orders
}

// bodies are what a message of each purpose is made from.
var bodies = map[vocab.Purpose]string{
	news: `"template": "newsletter", "data": {"title": "News", "intro": "What is new.", "url": "https://fault.example/n",
		"articles": [{"title": "One", "summary": "First.", "url": "https://fault.example/1"}]}`,
	invitation: `"template": "event-invitation", "data": {"event": {"title": "Workshop", "description": "A workshop.", "place": "Hall 2",
		"starts_at": "2030-11-24T15:00:00+05:00", "ends_at": "2030-11-24T17:30:00+05:00", "url": "https://fault.example/e"}}`,
	answer: `"template": "request-answered", "trigger": {"id": "request-1"},
		"data": {"request": {"number": "1", "question": "How?", "answer": "So.", "url": "https://fault.example/r"}}`,
}

// refusal is an answer that is none.
type refusal struct {
	status int
	code   string
}

// Error implements error.
func (r *refusal) Error() string { return fmt.Sprintf("HTTP %d %s", r.status, r.code) }

// post sends one request to the door and reads the answer.
func (w *world) post(ctx context.Context, path, key string, body []byte, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.door.addr+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+w.key)
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		var problem struct{ Code string }
		if err := json.NewDecoder(resp.Body).Decode(&problem); err != nil {
			problem.Code = "and no problem: " + err.Error()
		}
		return &refusal{resp.StatusCode, problem.Code}
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// try asks for messages once. With a key the same call may be repeated until it is answered.
func (w *world) try(ctx context.Context, key string, orders []order) ([]message, error) {
	var body bytes.Buffer
	for i, o := range orders {
		open := ","
		if i == 0 {
			open = `{"messages": [`
		}
		fmt.Fprintf(&body, `%s{"to": {"contact_id": %q}, "channel": "email", "purpose": %q, %s}`, open, o.to.contact, o.purpose, bodies[o.purpose])
	}
	body.WriteString("]}")
	var made struct {
		Data []struct {
			Message *struct {
				ID     vocab.MessageID
				Status string
			}
			Problem json.RawMessage
		}
	}
	if err := w.post(ctx, "/v1/messages/batch", key, body.Bytes(), &made); err != nil {
		return nil, err
	}
	if len(made.Data) != len(orders) {
		return nil, fmt.Errorf("%d answers to %d messages", len(made.Data), len(orders))
	}
	asked := make([]message, len(orders))
	for i, x := range made.Data {
		if x.Message == nil || x.Message.Status != "queued" {
			return nil, fmt.Errorf("message %d: %+v %s", i, x.Message, x.Problem)
		}
		asked[i] = message{x.Message.ID, orders[i].to.contact, orders[i].purpose}
	}
	return asked, nil
}

// submit asks for messages in batches of 500 and returns what was made.
func (w *world) submit(t *testing.T, orders []order) []message {
	t.Helper()
	var all []message
	for len(orders) > 0 {
		n := min(len(orders), 500)
		asked, err := w.try(t.Context(), "", orders[:n])
		if err != nil {
			t.Fatal(err)
		}
		all, orders = append(all, asked...), orders[n:]
	}
	return all
}

// insist asks for messages with a key until they are taken in, however often the door fails, and returns how often it did.
func (w *world) insist(t *testing.T, key string, orders []order) (asked []message, failed int) {
	t.Helper()
	testkit.Eventually(t, 40*time.Second, func() error {
		var err error
		if asked, err = w.try(t.Context(), key, orders); err == nil {
			return nil
		}
		failed++
		if r, ok := errors.AsType[*refusal](err); ok && r.status != http.StatusServiceUnavailable && r.status != http.StatusConflict {
			t.Fatalf("the door says %v; want an answer, 503 or 409", r)
		}
		return err
	})
	return asked, failed
}

// acknowledged is the answer to a withdrawal.
type acknowledged struct {
	at       time.Time // when the caller had it in hands
	inFlight ids
	canceled ids
}

// withdraw takes consents back. The body is that of POST /v1/consents/withdraw.
func (w *world) withdraw(ctx context.Context, body, wait string) (acknowledged, error) {
	var done struct {
		Canceled []vocab.MessageID `json:"canceled"`
		InFlight []vocab.MessageID `json:"in_flight"`
	}
	if err := w.post(ctx, "/v1/consents/withdraw?wait="+wait, "", []byte(body), &done); err != nil {
		return acknowledged{}, err
	}
	return acknowledged{time.Now(), setOf(done.InFlight), setOf(done.Canceled)}, nil
}

func setOf(list []vocab.MessageID) ids {
	set := ids{}
	for _, id := range list {
		set[id] = true
	}
	return set
}
