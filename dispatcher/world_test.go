package dispatcher

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

var update = flag.Bool("update", false, "write golden files and docs/outcomes.md anew")

// golden compares a text with a file that -update writes.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not current; look at the difference, then go test ./dispatcher -update (-want +got):\n%s", filepath.Base(path), diff)
	}
}

// noon is a Monday at noon in Almaty: no quiet hours hold anything.
var noon = time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)

// The senders of the tests.
const (
	mailSender vocab.SenderID = "news"
	textSender vocab.SenderID = "orleu"
)

// purposeOf is a shipped purpose of each class.
var purposeOf = map[vocab.Class]vocab.Purpose{
	vocab.Security: "account.identity", vocab.Transactional: "request.reply", vocab.Service: "service.notice",
	vocab.Legal: "legal.policy_change", vocab.Breach: "legal.breach", vocab.Marketing: "news.company",
}

func newGate(t testing.TB) *Gate {
	t.Helper()
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	calendar, err := consent.NewCalendar(consent.CalendarOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &Gate{Purposes: registry, Calendar: calendar, Senders: map[vocab.SenderID]Sender{
		mailSender: {
			ID: mailSender, Channel: vocab.Email, Provider: "relay", From: "news@orleu.example", ReplyTo: "office@orleu.example",
			Name:    map[vocab.Language]string{vocab.Kazakh: "«Өрлеу»", vocab.English: "Orleu"},
			Default: true, Registered: true,
		},
		textSender: {ID: textSender, Channel: vocab.SMS, Provider: "gateway", From: "Orleu", Default: true, Registered: true},
		"ads": {
			ID: "ads", Channel: vocab.Email, Provider: "relay", From: "ads@orleu.example", Classes: []vocab.Class{vocab.Marketing},
			Registered: true,
		},
	}}
}

func newLinks() *Links {
	return NewLinks("https://elshi.example/", []byte("0123456789abcdef"), []byte("fedcba9876543210"))
}

func newSealer(t testing.TB) *Sealer {
	t.Helper()
	s, err := NewSealer([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// defaultSchedule is the schedule that ships, without chance.
func defaultSchedule() Schedule {
	d := config.Default().Dispatch
	giveUp := map[vocab.Class]time.Duration{}
	for _, class := range vocab.Classes() {
		giveUp[class] = d.GiveUp.For(class)
	}
	return Schedule{
		Delays: d.RetryDelays, GiveUp: giveUp, Jitter: func(d time.Duration) time.Duration { return d },
		Reports: map[vocab.Channel]time.Duration{vocab.Email: 5 * 24 * time.Hour, vocab.SMS: 72 * time.Hour},
	}
}

// shelf is a template source: the templates that ship and two small ones. It may be away.
type shelf struct {
	mu   sync.Mutex
	all  []templates.Version
	away bool
}

func newShelf(t testing.TB) *shelf {
	t.Helper()
	all, err := templates.Builtins()
	if err != nil {
		t.Fatal(err)
	}
	all = append(all,
		templates.Version{Template: "note", Number: 1, Variants: []templates.Variant{
			{Language: vocab.English, Channel: vocab.Email, Subject: "Note", HTML: "<p>{{ data.text }}</p>", Text: "{{ data.text }}", Approved: true},
			{Language: vocab.English, Channel: vocab.SMS, SMS: "{{ data.text }}", Approved: true},
		}},
		templates.Version{Template: "names", Number: 1, Variants: []templates.Variant{{
			Language: vocab.English, Channel: vocab.SMS, SMS: "{{ contact.name }}: {% for a in data.articles %}{{ a.url }}{% endfor %}", Approved: true,
		}}},
		templates.Version{Template: "leaving", Number: 1, Variants: []templates.Variant{
			{Language: vocab.English, Channel: vocab.SMS, SMS: "Leave: {{ links.unsubscribe }}", Approved: true},
		}})
	for i := range all {
		all[i].ID = vocab.TemplateVersionID(vocab.NewID(vocab.TemplateVersionPrefix))
		for j := range all[i].Variants {
			all[i].Variants[j].Approved = true
		}
	}
	return &shelf{all: all}
}

func (s *shelf) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func (s *shelf) find(match func(templates.Version) bool) (templates.Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return templates.Version{}, fault.Away("ledger", errGone)
	}
	for _, v := range s.all {
		if match(v) {
			return v, nil
		}
	}
	return templates.Version{}, fault.Missing("template_not_found", "there is no such template")
}

func (s *shelf) Version(_ context.Context, id vocab.TemplateVersionID) (templates.Version, error) {
	return s.find(func(v templates.Version) bool { return v.ID == id })
}

func (s *shelf) Resolve(_ context.Context, template string, number int) (vocab.TemplateVersionID, error) {
	v, err := s.find(func(v templates.Version) bool { return v.Template == template && (number == 0 || v.Number == number) })
	return v.ID, err
}

// id returns the version of a template.
func (s *shelf) id(t testing.TB, template string) vocab.TemplateVersionID {
	t.Helper()
	id, err := s.Resolve(t.Context(), template, 0)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

var errGone = fmt.Errorf("connection refused")

func newRenderer(source templateSource) *Renderer {
	return NewRenderer(source, templates.Options{}, Org{
		Name: map[vocab.Language]string{vocab.Kazakh: "Өрлеу", vocab.English: "Orleu"}, Address: "Astana", URL: "https://orleu.example",
	}, newLinks())
}

// tally is an Observer that remembers.
type tally struct {
	mu      sync.Mutex
	decided []Result
	settled []Settlement
	asked   []int
	permits int
	lost    map[vocab.Class]int
}

func (o *tally) Decided(_ vocab.Class, r Result) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.decided = append(o.decided, r)
}

func (o *tally) Settled(_ Message, s Settlement) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.settled = append(o.settled, s)
}

func (o *tally) Claimed(asked, permits int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, asked)
	o.permits += permits
}

func (o *tally) LeasesLost(class vocab.Class, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost == nil {
		o.lost = map[vocab.Class]int{}
	}
	o.lost[class] += n
}

// ringer is a bell that remembers. err is what it answers.
type ringer struct {
	mu    sync.Mutex
	rings []Batch
	err   error
}

func (r *ringer) Ring(_ context.Context, b Batch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	r.rings = append(r.rings, b)
	return nil
}

func logTo(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newMessageID() vocab.MessageID { return vocab.MessageID(vocab.NewID(vocab.MessagePrefix)) }

func newContactID() vocab.ContactID { return vocab.ContactID(vocab.NewID(vocab.ContactPrefix)) }

// sound are the facts of a contact and an address that nothing is wrong with.
func sound() consent.Facts {
	return consent.Facts{
		Address: consent.AddressFacts{Present: true, Valid: true, Verified: true},
		Grant:   consent.GrantFacts{State: consent.Granted, PartnerNamed: true},
		Message: consent.MessageFacts{CrossBorderCovered: true},
	}
}

// mail is a message of the class that the gate would allow at noon.
func mail(class vocab.Class) Message {
	m := Message{
		ID: newMessageID(), ContactID: newContactID(), AddressID: "adr_1", Channel: vocab.Email, Class: class, Lane: laneOf(class, 1),
		Purpose: purposeOf[class], Language: vocab.English, Sender: mailSender, Provider: "relay", Mode: Live, HasUnsubscribe: true,
		LocaleApproved: true, Status: Queued, TriggerID: "case-1", TriggerAt: noon, NotAfter: noon.Add(14 * 24 * time.Hour), CreatedAt: noon,
	}
	return m
}
