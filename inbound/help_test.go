package inbound_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// street is what the submitter needs besides the ledger: a bell that remembers, and nobody who watches.
type street struct{ *world }

func (s street) Ring(_ context.Context, b dispatcher.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rings = append(s.rings, b)
	return nil
}

func (street) Decided(vocab.Class, dispatcher.Result)            {}
func (street) Settled(dispatcher.Message, dispatcher.Settlement) {}
func (street) Claimed(int, int)                                  {}
func (street) LeasesLost(vocab.Class, int)                       {}

// submitter is the street's own door over the templates that ship, with one SMS sender.
func (w *world) submitter(t *testing.T, registry *consent.Registry) *dispatcher.Submitter {
	t.Helper()
	book := store.NewTemplates(w.db)
	builtins, err := templates.Builtins()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range builtins {
		if _, err := book.Save(w.ctx, v, start); err != nil {
			t.Fatal(err)
		}
	}
	calendar, err := consent.NewCalendar(consent.CalendarOptions{
		DefaultZone: "Asia/Almaty",
		Hours: map[vocab.Channel]consent.Hours{
			vocab.SMS: {From: 9 * time.Hour, To: 21 * time.Hour, WorkingDays: true, Zone: "Asia/Almaty"}, vocab.Email: {To: 24 * time.Hour},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := dispatcher.NewSealer([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	links := dispatcher.NewLinks("https://elshi.example", []byte("link-key"), []byte("verp-key"))
	org := dispatcher.Org{
		Name:      map[vocab.Language]string{vocab.Kazakh: "«Өрлеу» біліктілікті арттыру ұлттық орталығы", vocab.English: "National Center"},
		ShortName: map[vocab.Language]string{vocab.Kazakh: "Өрлеу", vocab.Russian: "Өрлеу", vocab.English: "Orleu"},
		URL:       "https://orleu.example",
	}
	w.renderer = dispatcher.NewRenderer(book, templates.Options{}, org, links)
	w.door = dispatcher.NewSubmitter(dispatcher.Intaker{
		Ledger: w.ledger, Bell: street{w}, Renderer: w.renderer, Sealer: sealer, Observer: street{w},
		Gate: &dispatcher.Gate{
			Purposes: registry, Calendar: calendar, Cap: consent.Cap{Marketing: 2, SMS: 1, Period: 168 * time.Hour},
			Senders: map[vocab.SenderID]dispatcher.Sender{
				"main": {ID: "main", Channel: vocab.SMS, Provider: "kannel", From: "ORLEU", Default: true, Registered: true},
			},
		},
		Now: w.clock, Log: w.log.logger(),
	}, dispatcher.SubmitOptions{})
	return w.door
}

// asks is a text by the Kannel, which gives each an id.
func (w *world) asks(t *testing.T, event, from, to, text string) {
	t.Helper()
	query := url.Values{"from": {from}, "to": {to}, "text": {text}, "charset": {"UTF-8"}, "event": {event}}
	wantStatus(t, w.kannel(query.Encode()), http.StatusOK)
}

// answers are the messages to a contact, the oldest first.
func (w *world) answers(t *testing.T, p contacts.Profile) []dispatcher.Message {
	t.Helper()
	page, err := w.ledger.List(w.ctx, dispatcher.MessageFilter{ContactID: p.ID})
	if err != nil || page.Next != "" {
		t.Fatalf("messages go on at %q, %v", page.Next, err)
	}
	slices.Reverse(page.Messages)
	return page.Messages
}

// said is what a message's recipient reads.
func (w *world) said(t *testing.T, m dispatcher.Message) string {
	t.Helper()
	stored, err := w.ledger.Payload(w.ctx, m.ID)
	if err != nil {
		t.Fatal(err)
	}
	content, err := w.renderer.Content(w.ctx, m, stored.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return content.SMS
}

func TestHelpIsAnsweredInTheContactsLanguageElseInTheKeywords(t *testing.T) {
	for name, tc := range map[string]struct {
		language vocab.Language
		to, text string
		want     string
	}{
		"a Kazakh contact in English": {vocab.Kazakh, "1414", "HELP", "Өрлеу: https://orleu.example Тоқтату: 1414 нөміріне ТОҚТАТ"},
		"a Russian contact in Kazakh": {vocab.Russian, "77001234567", "көмек!", "Өрлеу: https://orleu.example Отписка: СТОП на +77001234567"},
		"an English contact":          {vocab.English, "+77001234567", "Info", "Orleu: https://orleu.example To stop: text STOP to +77001234567"},
		"nobody knows, in Russian":    {"", "1414", "помощь", "Өрлеу: https://orleu.example Отписка: СТОП на 1414"},
		"nobody knows, in Kazakh":     {"", "1414", "Комек", "Өрлеу: https://orleu.example Тоқтату: 1414 нөміріне ТОҚТАТ"},
		"nobody knows, in English":    {"", "1414", "help", "Orleu: https://orleu.example To stop: text STOP to 1414"},
		"a name takes no STOP":        {vocab.English, "ORLEU", "help", "Orleu: https://orleu.example To stop: text STOP"},
		"no number that was texted":   {vocab.Russian, "", "help", "Өрлеу: https://orleu.example Отписка: СТОП"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.speaking(t, number, tc.language)
			w.asks(t, "e1", "77012345678", tc.to, tc.text)
			list := w.answers(t, p)
			if len(list) != 1 {
				t.Fatalf("%d messages, want one answer", len(list))
			}
			m := list[0]
			if m.Status != dispatcher.Queued || m.Purpose != "request.reply" || m.Class != vocab.Transactional || m.Channel != vocab.SMS ||
				m.AddressID != p.Addresses[0].AddressID || m.TriggerID == "" || !m.TriggerAt.Equal(clock()) || m.Mode != dispatcher.Live {
				t.Errorf("the answer is %+v", m)
			}
			if strings.Contains(m.TriggerID, "7012345678") {
				t.Errorf("the trigger %s has the number", m.TriggerID)
			}
			got := w.said(t, m)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("answer mismatch (-want +got):\n%s", diff)
			}
			if s := sms.Count(got); s.Segments != 1 {
				t.Errorf("the answer costs %d segments", s.Segments)
			}
			if len(w.rings) != 1 || w.rings[0].Provider != "kannel" || !cmp.Equal(w.rings[0].IDs, []vocab.MessageID{m.ID}) {
				t.Errorf("rang %+v, want for the answer", w.rings)
			}
		})
	}
}

// step is a text and how many answers there are after it.
type step struct {
	after time.Duration // since the first
	event string
	want  int
}

func TestHelpIsAnsweredOnceForATextAndOnceAnHour(t *testing.T) {
	for name, steps := range map[string][]step{
		"the gateway repeats a text":                  {{0, "e1", 1}, {0, "e1", 1}, {50 * time.Minute, "e1", 1}, {3 * time.Hour, "e1", 1}, {70 * time.Hour, "e1", 1}},
		"somebody asks again and again":               {{0, "e1", 1}, {time.Minute, "e2", 1}, {45 * time.Minute, "e3", 1}, {61 * time.Minute, "e4", 2}, {62 * time.Minute, "e5", 2}},
		"an hour by the clock is no hour":             {{0, "e1", 1}, {31 * time.Minute, "e2", 1}, {59 * time.Minute, "e3", 1}},
		"a text that was not answered may come again": {{0, "e1", 1}, {time.Minute, "e2", 1}, {2 * time.Hour, "e2", 2}},
		"the gateway gives its texts no names":        {{0, "", 1}, {time.Minute, "", 1}, {40 * time.Minute, "", 1}, {2 * time.Hour, "", 2}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.now = w.now.Add(30 * time.Minute) // half past
			began := w.now
			p, other := w.person(t, number), w.person(t, "+77770000001")
			for _, s := range steps {
				w.now = began.Add(s.after)
				w.asks(t, s.event, number, "1414", "HELP")
				if n := len(w.answers(t, p)); n != s.want {
					t.Fatalf("after %s and text %q there are %d answers, want %d", s.after, s.event, n, s.want)
				}
			}
			// Another number, and another gateway's text of the same name, are answered by themselves.
			w.asks(t, "e1", "+77770000001", "1414", "HELP")
			if n := len(w.answers(t, other)); n != 1 {
				t.Errorf("somebody else has %d answers, want 1", n)
			}
		})
	}
}

func TestHelpThatIsAskedForManyTimesAtOnceIsAnsweredOnce(t *testing.T) {
	w := newWorld(t)
	p := w.person(t, number)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() { w.asks(t, string(rune('a'+i)), number, "1414", "HELP") })
	}
	wait.Wait()
	if n := len(w.answers(t, p)); n != 1 {
		t.Errorf("%d answers, want 1", n)
	}
}

func TestHelpThatIsNotAnswered(t *testing.T) {
	t.Run("to nobody of ours", func(t *testing.T) {
		w := newWorld(t)
		w.asks(t, "e1", number, "1414", "HELP")
		w.asks(t, "e2", "KASPI", "1414", "HELP")
		if page, err := w.ledger.List(w.ctx, dispatcher.MessageFilter{}); err != nil || len(page.Messages) != 0 {
			t.Errorf("messages are %+v, %v, want none", page.Messages, err)
		}
		if list, err := w.contacts.List(w.ctx, contacts.Filter{Limit: 10}); err != nil || len(list) != 0 {
			t.Errorf("contacts are %+v, %v, want none", list, err)
		}
	})
	for name, tc := range map[string]struct {
		before func(*testing.T, *world, contacts.Profile)
		want   consent.Reason
	}{
		"after STOP": {func(t *testing.T, w *world, _ contacts.Profile) {
			t.Helper()
			w.asks(t, "e0", number, "1414", "STOP")
		}, consent.ChannelStopped},
		"to a number that does not exist": {func(t *testing.T, w *world, _ contacts.Profile) {
			t.Helper()
			_, err := w.suppressions.Add(w.ctx, vocab.SMS, number, contacts.Suppression{Reason: contacts.HardBounce, Origin: "outcome", CreatedAt: start})
			if err != nil {
				t.Fatal(err)
			}
		}, consent.SuppressedHardBounce},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.person(t, number)
			tc.before(t, w, p)
			w.asks(t, "e1", number, "1414", "HELP")
			list := w.answers(t, p)
			// It is written down that there is none, and why.
			if len(list) != 1 || list[0].Status != dispatcher.Suppressed || list[0].Decision.Reason != tc.want {
				t.Errorf("answers are %+v, want one that was suppressed because of %s", list, tc.want)
			}
			if len(w.rings) != 0 {
				t.Errorf("rang %+v", w.rings)
			}
		})
	}
	t.Run("at night it waits for the morning", func(t *testing.T) {
		w := newWorld(t)
		p := w.person(t, number)
		w.now = start.Add(11 * time.Hour) // 23:00 in Almaty
		w.asks(t, "e1", number, "1414", "HELP")
		list := w.answers(t, p)
		if len(list) != 1 || list[0].Status != dispatcher.Held || !list[0].DueAt.Equal(start.Add(21*time.Hour)) {
			t.Errorf("answers are %+v, want one that is held until 09:00", list)
		}
	})
}

// What was answered is found also behind a page of other answers to the contact.
func TestHelpIsAnsweredOnceToSomebodyWhoGetsManyTexts(t *testing.T) {
	w := newWorld(t)
	p := w.person(t, number)
	w.asks(t, "e1", number, "1414", "HELP")
	data := json.RawMessage(`{"number": "1414"}`)
	var many []dispatcher.Request
	for range 205 {
		many = append(many, dispatcher.Request{
			To: dispatcher.To{ContactID: p.ID}, Channel: vocab.SMS, Purpose: "request.reply", Template: "keyword-help", Data: data, TriggerID: "case",
		})
	}
	w.now = w.now.Add(time.Minute)
	if _, err := w.door.Submit(w.ctx, dispatcher.Caller{APIKey: "key_x", Mode: dispatcher.Live}, nil, many); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(2 * time.Hour)
	w.asks(t, "e1", number, "1414", "HELP")
	page, err := w.ledger.List(w.ctx, dispatcher.MessageFilter{ContactID: p.ID, CreatedAfter: w.now.Add(-time.Minute)})
	if err != nil || len(page.Messages) != 0 {
		t.Errorf("the text that comes again is answered by %+v, %v", page.Messages, err)
	}
}

func TestHelpFromANumberThatSeveralShare(t *testing.T) {
	w := newWorld(t)
	mother, son := w.person(t, number), w.person(t, number)
	w.asks(t, "e1", number, "1414", "HELP")
	w.asks(t, "e1", number, "1414", "HELP")
	if n := len(w.answers(t, mother)) + len(w.answers(t, son)); n != 1 {
		t.Errorf("%d answers to one number, want 1", n)
	}
}
