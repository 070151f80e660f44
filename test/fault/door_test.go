package fault_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/dispatcher/queue"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// door is the way in: submissions and withdrawals.
type door struct {
	submitter  *dispatcher.Submitter
	withdrawer *dispatcher.Withdrawer
	bell       *queue.Queue
}

type nobody struct{}

func (nobody) Decided(vocab.Class, dispatcher.Result)            {}
func (nobody) Settled(dispatcher.Message, dispatcher.Settlement) {}
func (nobody) Claimed(int, int)                                  {}
func (nobody) LeasesLost(vocab.Class, int)                       {}

func newDoor(t *testing.T, w *world, db *store.DB) *door {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	registry, err := consent.NewRegistry()
	must(err)
	calendar, err := consent.NewCalendar(consent.CalendarOptions{
		DefaultZone: "Asia/Almaty", Hours: map[vocab.Channel]consent.Hours{vocab.SMS: {To: 24 * time.Hour, Zone: "Asia/Almaty"}, vocab.Email: {To: 24 * time.Hour}},
	})
	must(err)
	key, err := base64.StdEncoding.DecodeString(w.Keys[0])
	must(err)
	sealer, err := dispatcher.NewSealer(key)
	must(err)
	url := w.Redis
	if url == "" {
		url = "redis://127.0.0.1:1/0"
	}
	r, err := queue.OpenRedis(queue.RedisOptions{URL: url})
	must(err)
	t.Cleanup(func() { _ = r.Close() })
	saved := store.NewTemplates(db)
	builtins, err := templates.Builtins()
	must(err)
	for _, v := range builtins {
		_, err := saved.Save(t.Context(), v, time.Now())
		must(err)
	}
	gate := &dispatcher.Gate{
		Purposes: registry, Calendar: calendar, Cap: consent.Cap{Marketing: 1000, SMS: 1000, Period: 168 * time.Hour},
		Senders: map[vocab.SenderID]dispatcher.Sender{"main": {ID: "main", Channel: vocab.Email, Provider: "relay", From: "noreply@fault.example", Default: true, Registered: true}},
	}
	d := &door{bell: queue.New(r, time.Minute)}
	d.submitter = dispatcher.NewSubmitter(dispatcher.Intaker{
		Ledger: store.NewLedger(db), Bell: d.bell, Gate: gate, Renderer: dispatcher.NewRenderer(saved, templates.Options{Zone: time.UTC},
			dispatcher.Org{Name: map[vocab.Language]string{"en": "Orleu"}, URL: "https://fault.example"}, dispatcher.NewLinks("http://127.0.0.1:8080", key, key)),
		Sealer: sealer, Observer: nobody{}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}, dispatcher.SubmitOptions{RingWindow: w.RingTimeout})
	d.withdrawer = dispatcher.NewWithdrawer(store.NewConsents(db, registry), time.Now)
	return d
}

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

var bodies = map[vocab.Purpose]struct {
	template string
	data     json.RawMessage
}{
	news:       {"newsletter", json.RawMessage(`{"title": "News", "intro": "What is new.", "url": "https://fault.example/n", "articles": [{"title": "One", "summary": "First.", "url": "https://fault.example/1"}]}`)},
	invitation: {"event-invitation", json.RawMessage(`{"event": {"title": "Workshop", "description": "A workshop.", "starts_at": "2030-11-24T15:00:00+05:00", "ends_at": "2030-11-24T17:30:00+05:00", "place": "Hall 2", "url": "https://fault.example/e"}}`)},
	answer:     {"request-answered", json.RawMessage(`{"request": {"number": "1", "question": "How?", "answer": "So.", "url": "https://fault.example/r"}}`)},
}

// submit asks for messages in batches and returns what was made.
func (w *world) submit(t *testing.T, orders []order) []message {
	t.Helper()
	var all []message
	for len(orders) > 0 {
		n := min(len(orders), 500)
		made, err := w.try(t.Context(), "", orders[:n])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, made...)
		orders = orders[n:]
	}
	return all
}

// try asks for messages once.
func (w *world) try(ctx context.Context, key string, orders []order) ([]message, error) {
	requests := make([]dispatcher.Request, len(orders))
	for i, o := range orders {
		b := bodies[o.purpose]
		requests[i] = dispatcher.Request{To: dispatcher.To{ContactID: o.to.contact}, Channel: vocab.Email, Purpose: o.purpose, Template: b.template, Data: b.data}
		if o.purpose == answer {
			requests[i].TriggerID = "request-1"
		}
	}
	for i := range requests {
		requests[i].Sender = "main"
	}
	var k *dispatcher.IdempotencyKey
	if key != "" {
		k = &dispatcher.IdempotencyKey{APIKey: "key_x", Route: "batch", Token: key, BodyHash: "x"}
	}
	out, err := w.door.submitter.Submit(ctx, dispatcher.Caller{Mode: dispatcher.Live}, k, requests)
	if err != nil {
		return nil, err
	}
	made := make([]message, len(orders))
	for i, r := range out.Results {
		if r.ID == "" || r.Verdict != consent.Allow {
			return nil, fmt.Errorf("message %d: %+v", i, r)
		}
		made[i] = message{r.ID, r.ContactID, orders[i].purpose}
	}
	return made, nil
}
