package claims

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

var noon = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

// office is everything around a desk, in memory: the book keeps one claim.
type office struct {
	*Desk

	t         *testing.T
	now       time.Time
	claim     Claim
	opened    []New
	watchAt   time.Time
	sent      []dispatcher.Request
	keys      []dispatcher.IdempotencyKey
	told      []string
	named     []any // messages that the officer was told
	addresses []contacts.LinkedAddress
	away      error // of the street
	silent    error // of the officer
	denied    bool
	other     map[vocab.Channel]consent.Reason // why the gate denies a channel
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, now: noon}
	purposes, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	o.Desk, err = NewDesk(Options{
		Book: o, Closer: o, Street: o, People: directory{o}, Purposes: purposes, Zone: zone(t, "Asia/Almaty"), Now: func() time.Time { return o.now },
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *office) bookOpen(x New) Claim {
	o.opened = append(o.opened, x)
	o.claim = Claim{
		ID: "clm_1", Number: Number(x.Year, 1), ContactID: x.ContactID, Kind: x.Kind, ReceivedAt: x.ReceivedAt, RecordedAt: x.RecordedAt,
		DueAt: x.DueAt, State: Open, Language: x.Language, Via: x.Via,
	}
	if x.Complaint != nil {
		o.claim.About = x.Complaint.Message
	}
	o.watchAt = x.RecordedAt
	return o.claim
}

func (o *office) Open(_ context.Context, x New) (Claim, error)      { return o.bookOpen(x), nil }
func (o *office) Get(context.Context, vocab.ClaimID) (Claim, error) { return o.claim, nil }

func (o *office) Acknowledge(_ context.Context, _ vocab.ClaimID, m vocab.MessageID) error {
	o.claim.Acknowledged = m
	return nil
}

func (o *office) Answer(_ context.Context, _ vocab.ClaimID, a Answer, sent bool) (Claim, error) {
	o.claim.Answer = a
	if sent {
		o.claim.State = Answered
	}
	return o.claim, nil
}

func (o *office) Close(_ context.Context, _ vocab.ClaimID, by, reason string, at time.Time) (Claim, error) {
	o.claim.State, o.claim.ClosedBy, o.claim.CloseReason, o.claim.ClosedAt = Closed, by, reason, at
	return o.claim, nil
}

func (o *office) Watched(_ context.Context, now time.Time, _ int) ([]Claim, error) {
	if o.claim.ID == "" || o.watchAt.IsZero() || o.watchAt.After(now) {
		return nil, nil
	}
	return []Claim{o.claim}, nil
}

func (o *office) Told(_ context.Context, _ vocab.ClaimID, day int, now time.Time) error {
	o.claim.Alarms = append(o.claim.Alarms, Told{day, now})
	return nil
}

func (o *office) Watch(_ context.Context, _ vocab.ClaimID, next time.Time) error {
	o.watchAt = next
	return nil
}

func (o *office) Submit(_ context.Context, _ dispatcher.Caller, key *dispatcher.IdempotencyKey, rs []dispatcher.Request) (dispatcher.Submitted, error) {
	if o.away != nil {
		return dispatcher.Submitted{}, o.away
	}
	o.sent, o.keys = append(o.sent, rs...), append(o.keys, *key)
	r := dispatcher.Result{ID: vocab.MessageID(fmt.Sprintf("msg_%d", len(o.sent))), Verdict: consent.Allow}
	if o.denied {
		r.Verdict = consent.Deny
	}
	if o.other[rs[0].Channel] != "" {
		r.Verdict, r.Reason = consent.Deny, o.other[rs[0].Channel]
	}
	return dispatcher.Submitted{Results: []dispatcher.Result{r}}, nil
}

func (o *office) Tell(_ context.Context, key, template string, data map[string]any) error {
	if o.silent != nil {
		return o.silent
	}
	claim := data["claim"].(map[string]any)
	o.told = append(o.told, fmt.Sprintf("%s %s day %d, %d left", key, template, claim["day"], claim["days_left"]))
	o.named = append(o.named, claim["message_id"])
	return nil
}

type directory struct{ *office }

// Get implements people.
func (d directory) Get(context.Context, vocab.ContactID) (contacts.Profile, error) {
	return contacts.Profile{Addresses: d.addresses}, nil
}

// book is the office as the book of a desk: Desk has methods of the same names.
func (o *office) watch() *Watch { return NewWatch(o.Desk, o, o) }

func (o *office) record(kind Kind) Claim {
	o.t.Helper()
	c, err := o.Desk.Open(o.t.Context(), New{ContactID: "con_1", Kind: kind, Via: ByLetter, Language: vocab.Russian, ReceivedAt: o.now})
	if err != nil {
		o.t.Fatal(err)
	}
	return c
}

func TestTheOfficerIsToldOnceOnEachDayThatIsDue(t *testing.T) {
	o := newOffice(t)
	o.record(Access)
	w := o.watch()
	at := func(days int, hours int) {
		o.now = noon.AddDate(0, 0, days).Add(time.Duration(hours) * time.Hour)
		NewWatch(o.Desk, o, o).Look(t.Context()) // every time by a process that has just started
	}
	w.Look(t.Context())
	at(19, 11) // 23:00 in Almaty
	if len(o.told) != 0 {
		t.Fatalf("told too early: %v", o.told)
	}
	at(19, 12) // day 20 begins
	if len(o.told) != 1 {
		t.Fatalf("told %v at the beginning of the day, want once", o.told)
	}
	at(20, 0)
	at(24, 0)
	want := []string{"claim/clm_1/20 claim-alarm day 20, 10 left"}
	if diff := cmp.Diff(want, o.told); diff != "" {
		t.Fatalf("told mismatch (-want +got):\n%s", diff)
	}
	at(29, 0) // nobody watched on days 25 and 28
	at(29, 1)
	at(400, 0)
	want = append(want, "claim/clm_1/25 claim-alarm day 25, 1 left", "claim/clm_1/28 claim-alarm day 28, 1 left")
	if diff := cmp.Diff(want, o.told); diff != "" {
		t.Errorf("told mismatch (-want +got):\n%s", diff)
	}
	if !o.watchAt.IsZero() {
		t.Errorf("looked at again at %s", o.watchAt)
	}
}

func TestAnOfficerWhoCannotBeToldIsToldLater(t *testing.T) {
	o := newOffice(t)
	o.record(Access)
	o.now, o.silent = noon.AddDate(0, 0, 20), errors.New("no mail")
	o.watch().Look(t.Context())
	if len(o.claim.Alarms) != 0 || !o.watchAt.Equal(o.now.Add(time.Hour)) {
		t.Fatalf("recorded as told: %v; again at %s", o.claim.Alarms, o.watchAt)
	}
	o.now, o.silent = o.watchAt, nil
	o.watch().Look(t.Context())
	if len(o.told) != 1 || len(o.claim.Alarms) != 1 {
		t.Errorf("told %v", o.told)
	}
}

// A claimant who was erased, or a template that lacks a language, keeps the number from being told for good; the term runs all the same.
func TestTheOfficerIsToldOfAClaimThatCannotBeAcknowledged(t *testing.T) {
	o := newOffice(t)
	o.away = fault.InvalidField("/template", "locale_missing", "there is no variant in this language")
	o.record(Erasure)
	o.now = noon.AddDate(0, 0, 20)
	o.watch().Look(t.Context())
	if want := []string{"claim/clm_1/20 claim-alarm day 20, 10 left"}; !cmp.Equal(want, o.told) {
		t.Fatalf("told %v, want %v", o.told, want)
	}
	if !o.watchAt.Equal(o.now.Add(time.Hour)) {
		t.Errorf("tried again at %s, want in an hour", o.watchAt)
	}
	o.now, o.away = o.watchAt, nil
	o.watch().Look(t.Context())
	if len(o.told) != 1 || o.claim.Acknowledged == "" || !o.watchAt.Equal(AlarmAt(noon, o.Zone, 25)) {
		t.Errorf("told %v, acknowledged by %q, next look at %s", o.told, o.claim.Acknowledged, o.watchAt)
	}
}

func TestOnlyWhatIsStillOpenIsTold(t *testing.T) {
	for state, want := range map[State]int{Open: 3, Undelivered: 3, Answered: 0} {
		o := newOffice(t)
		o.record(Access)
		o.claim.State = state
		o.now = noon.AddDate(0, 0, 28)
		o.watch().Look(t.Context())
		if len(o.told) != want {
			t.Errorf("%s: told %v, want %d", state, o.told, want)
		}
	}
}

func TestAClaimIsAcknowledgedAlsoIfTheStreetWasAway(t *testing.T) {
	o := newOffice(t)
	o.away = fault.Away("ledger", nil)
	c := o.record(Objection)
	if c.Acknowledged != "" || c.State != Open {
		t.Fatalf("claim %+v", c)
	}
	o.away = nil
	o.watch().Look(t.Context())
	o.watch().Look(t.Context())
	if len(o.sent) != 1 || o.claim.Acknowledged != "msg_1" {
		t.Fatalf("sent %+v", o.sent)
	}
	r := o.sent[0]
	if r.Purpose != "legal.claim" || r.Template != "claim-received" || r.TriggerID != "clm_1:received" || r.Channel != vocab.Email || r.Language != vocab.Russian {
		t.Errorf("request %+v", r)
	}
	if want := `{"claim":{"due_on":"2026-12-22","number":"2026-000001","received_on":"2026-11-22"}}`; string(r.Data) != want {
		t.Errorf("data %s, want %s", r.Data, want)
	}
	if !o.watchAt.Equal(AlarmAt(noon, o.Zone, 20)) {
		t.Errorf("next look at %s", o.watchAt)
	}
}

func TestAnAnswerGoesThroughTheStreet(t *testing.T) {
	o := newOffice(t)
	o.addresses = []contacts.LinkedAddress{{Address: contacts.Address{Channel: vocab.SMS}}}
	o.record(Access)
	c, err := o.Desk.Answer(t.Context(), "clm_1", Reply{Text: "Вот ваши данные.", By: "mem_x"})
	if err != nil || c.State != Answered || c.Answer.MessageID != "msg_2" || c.Answer.By != "mem_x" {
		t.Fatalf("answered %+v, %v", c, err)
	}
	r := o.sent[1]
	if r.Channel != vocab.SMS || r.TriggerID != "clm_1" || r.Template != "claim-answered" || !strings.Contains(string(r.Data), "Вот ваши данные.") {
		t.Errorf("request %+v", r)
	}
	if o.keys[1].Token != "clm_1" || o.keys[1].BodyHash == "" {
		t.Errorf("key %+v", o.keys[1])
	}
	if _, err := o.Desk.Answer(t.Context(), "clm_1", Reply{Text: "Ещё"}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("answered twice: %v", err)
	}
	o.claim.State = Undelivered
	if _, err := o.Desk.Answer(t.Context(), "clm_1", Reply{Template: "own", Data: []byte(`{"a":1}`), Channel: vocab.Email, Language: vocab.English}); err != nil {
		t.Fatal(err)
	}
	if r := o.sent[2]; r.TriggerID != "clm_1:2" || r.Template != "own" || r.Channel != vocab.Email || r.Language != vocab.English {
		t.Errorf("second answer %+v", r)
	}
	for name, reply := range map[string]Reply{"neither": {}, "both": {Text: "x", Template: "y"}, "too long": {Text: strings.Repeat("ы", MaxText+1)}} {
		o.claim.State = Open
		if _, err := o.Desk.Answer(t.Context(), "clm_1", reply); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADeniedAnswerLeavesTheClaimOpen(t *testing.T) {
	o := newOffice(t)
	o.record(Access)
	o.denied = true
	c, err := o.Desk.Answer(t.Context(), "clm_1", Reply{Text: "x"})
	if err != nil || c.State != Open || c.Answer.MessageID == "" {
		t.Errorf("claim %+v, %v", c, err)
	}
}

func TestAnObjectionEndsEachThingByItsName(t *testing.T) {
	o := newOffice(t)
	o.record(Objection)
	var said []string
	for _, e := range o.opened[0].Withdrawal {
		e.ID, e.ContactID, e.At, e.ActorKind = "cev_1", "con_1", noon, consent.ActorMember
		if err := e.Check(); err != nil {
			t.Error(err)
		}
		said = append(said, strings.TrimSpace(string(e.Scope)+" "+string(e.Purpose)))
	}
	want := []string{"all", "purpose data.verification", "purpose service.notice", "processing"}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("entries mismatch (-want +got):\n%s", diff)
	}
	o.record(Access)
	if len(o.opened[1].Withdrawal) != 0 {
		t.Error("a claim that is no objection withdraws something")
	}
}

func TestTheButtonOfAPageObjects(t *testing.T) {
	o := newOffice(t)
	_, err := o.ObjectFromLink(t.Context(), FromLink{Message: dispatcher.Message{ID: "msg_9", ContactID: "con_9"}, Language: vocab.Kazakh, Text: "Тоқтатыңыз"})
	if err != nil {
		t.Fatal(err)
	}
	x := o.opened[0]
	e := x.Withdrawal[0]
	if !x.Once || x.Via != ByLink || x.ContactID != "con_9" || e.Proof != consent.ProofLink || e.ProofRef != "msg_9" || e.ActorKind != consent.ActorContact {
		t.Errorf("claim %+v", x)
	}
}

func TestWhatIsWrongWithAClaimIsSaidAtOnce(t *testing.T) {
	o := newOffice(t)
	_, err := o.Desk.Open(t.Context(), New{Kind: "rumour", Via: "pigeon", ReceivedAt: noon.Add(time.Hour), Text: "ИИН 900101300017"})
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, x := range f.Fields {
		got = append(got, x.Pointer)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"/contact_id", "/kind", "/received_at", "/text", "/via"}, slices.Compact(got)); diff != "" {
		t.Errorf("fields mismatch (-want +got):\n%s", diff)
	}
	if _, err := o.Desk.Close(t.Context(), "clm_1", "mem_x", "  "); fault.KindOf(err) != fault.Invalid {
		t.Errorf("closed without a reason: %v", err)
	}
}

func TestADeskIsWhole(t *testing.T) {
	if _, err := NewDesk(Options{}); err == nil {
		t.Error("a desk without anything")
	}
}
