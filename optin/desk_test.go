package optin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

var monday = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

// office is a desk over a ledger in memory that decides nothing.
type office struct {
	*optin.Desk

	t        *testing.T
	mu       sync.Mutex
	now      time.Time
	away     error
	outcome  optin.Outcome // of the next request
	drafts   []optin.Draft
	kept     map[vocab.ConfirmationID]optin.Confirmation
	carried  map[vocab.ConfirmationID]vocab.MessageID
	presses  []optin.Press
	answer   optin.Result
	sent     []dispatcher.Request
	counted  map[string]int
	became   map[optin.Outcome]int
	text     map[vocab.Purpose]optin.Text // published
	numbered map[int]optin.Text
}

func newOffice(t *testing.T, change ...func(*optin.Options)) *office {
	t.Helper()
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	o := &office{
		t: t, now: monday, outcome: optin.Sent, kept: map[vocab.ConfirmationID]optin.Confirmation{}, carried: map[vocab.ConfirmationID]vocab.MessageID{},
		counted: map[string]int{}, became: map[optin.Outcome]int{}, text: map[vocab.Purpose]optin.Text{}, numbered: map[int]optin.Text{}, answer: optin.Confirmed,
	}
	options := optin.Options{
		Ledger: o, Counts: o, Submitter: o, Texts: o, Purposes: registry, Observer: o, Policy: "2026-01", Random: bytes.NewReader(make([]byte, 64)),
		Links: dispatcher.NewLinks("https://elshi.example", []byte("a key of 16 bytes or more"), []byte("another key of 16 bytes")),
		Now:   func() time.Time { return o.now },
	}
	for _, c := range change {
		c(&options)
	}
	if o.Desk, err = optin.NewDesk(options); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *office) AskToConfirm(_ context.Context, d optin.Draft) (optin.Outcome, optin.Confirmation, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.drafts = append(o.drafts, d)
	if o.away != nil || o.outcome != optin.Sent {
		return o.outcome, optin.Confirmation{}, o.away
	}
	c := d.Confirmation
	c.ContactID, c.AddressID = "con_x", "adr_x"
	o.kept[c.ID] = c
	return optin.Sent, c, nil
}

func (o *office) Carried(_ context.Context, id vocab.ConfirmationID, message vocab.MessageID) error {
	o.carried[id] = message
	return o.away
}

func (o *office) Confirmation(_ context.Context, id vocab.ConfirmationID) (optin.Confirmation, error) {
	c, found := o.kept[id]
	if o.away == nil && !found {
		return c, fault.Missing("confirmation_not_found", "")
	}
	return c, o.away
}

func (o *office) Confirm(_ context.Context, id vocab.ConfirmationID, p optin.Press) (optin.Answer, error) {
	o.presses = append(o.presses, p)
	c := o.kept[id]
	if o.answer == optin.Confirmed {
		c.UsedAt = p.At
		for i := range c.Asked {
			c.Asked[i].Granted = "cev_x"
		}
		o.kept[id] = c
	}
	return optin.Answer{Result: o.answer, Confirmation: c}, o.away
}

func (o *office) Submit(_ context.Context, _ dispatcher.Caller, _ *dispatcher.IdempotencyKey, rs []dispatcher.Request) (dispatcher.Submitted, error) {
	o.sent = append(o.sent, rs...)
	return dispatcher.Submitted{Results: []dispatcher.Result{{ID: "msg_x"}}}, o.away
}

func (o *office) CountSignUp(_ context.Context, source string, _ time.Time) (int, error) {
	o.counted[source]++
	return o.counted[source], o.away
}

func (o *office) SignedUp(x optin.Outcome) { o.became[x]++ }

func (o *office) Current(_ context.Context, p vocab.Purpose, _ vocab.Channel) (optin.Text, error) {
	t, found := o.text[p]
	if o.away == nil && !found {
		return t, fault.Missing("consent_text_not_found", "")
	}
	return t, o.away
}

func (o *office) Numbered(_ context.Context, _ vocab.Purpose, _ vocab.Channel, n int) (optin.Text, error) {
	t, found := o.numbered[n]
	if o.away == nil && !found {
		return t, fault.Missing("consent_text_not_found", "")
	}
	return t, o.away
}

// published is version n of a consent text.
func published(n int, words string) optin.Text {
	t := optin.Text{Version: n, Words: map[vocab.Language]optin.Words{}, Hash: map[vocab.Language]string{}, Abroad: true}
	for _, lang := range vocab.Languages() {
		t.Words[lang] = optin.Words{Statement: words + " " + string(lang), Full: "all of it"}
		t.Hash[lang] = words + "-" + string(lang)
	}
	return t
}

func (o *office) publish(p vocab.Purpose, t optin.Text) { o.text[p], o.numbered[t.Version] = t, t }

// news is a stranger's request by email.
func news() optin.Request {
	return optin.Request{
		Channel: vocab.Email, Value: "aigul@example.org", Lookup: "aigul@example.org", Name: "Айгүл", Language: vocab.Russian,
		Wishes: []optin.Wish{{Purpose: "news.company"}}, FormID: "frm_x", Source: consent.SourceSignUpForm, Evidence: optin.Evidence{IP: "192.0.2.7", UserAgent: "Mozilla", Form: "news"},
	}
}

func (o *office) ask(r optin.Request) optin.Reply {
	o.t.Helper()
	reply, err := o.Ask(o.t.Context(), r)
	if err != nil {
		o.t.Fatal(err)
	}
	return reply
}

func (o *office) only() optin.Confirmation {
	o.t.Helper()
	for _, c := range o.kept {
		if len(o.kept) == 1 {
			return c
		}
	}
	o.t.Fatalf("%d confirmations, want one", len(o.kept))
	return optin.Confirmation{}
}

func TestARequestByEmailSendsALink(t *testing.T) {
	o := newOffice(t)
	o.publish("news.company", published(3, "words"))
	reply := o.ask(news())
	c := o.only()
	want := optin.Draft{
		Confirmation: optin.Confirmation{
			ID: reply.ID, Kind: optin.OptIn, Address: "aigul@example.org", Channel: vocab.Email, Language: vocab.Russian, FormID: "frm_x", CreatedAt: monday,
			ExpiresAt: monday.Add(72 * time.Hour), RemindAt: monday.Add(24 * time.Hour),
			Asked: []optin.Asked{{Purpose: "news.company", TextVersion: 3, TextHash: "words-ru", Abroad: true}},
		},
		Lookup: "aigul@example.org", Name: "Айгүл", Source: consent.SourceSignUpForm, Actor: consent.ActorContact, Policy: "2026-01",
		Evidence: `{"ip":"192.0.2.7","user_agent":"Mozilla","form":"news"}`,
	}
	if diff := cmp.Diff([]optin.Draft{want}, o.drafts); diff != "" {
		t.Errorf("draft mismatch (-want +got):\n%s", diff)
	}
	m := o.sent[0]
	var data struct {
		URL      string
		Hours    int
		Items    []string
		Reminder bool
	}
	if err := json.Unmarshal(m.Data, &data); err != nil {
		t.Fatal(err)
	}
	if m.Purpose != "account.identity" || m.Template != "confirm-sign-up" || m.To.Email != "aigul@example.org" || m.To.ContactID != "con_x" ||
		m.Language != vocab.Russian || m.TriggerID != string(c.ID) || !m.TriggerAt.Equal(monday) || data.Hours != 72 || data.Reminder || data.Items[0] != "Новости" {
		t.Errorf("message %+v with %+v", m, data)
	}
	token, ours := strings.CutPrefix(data.URL, "https://elshi.example/c/")
	if l, err := o.Open(token); !ours || err != nil || l != (optin.Link{ID: c.ID}) {
		t.Errorf("the link %s opens %+v, %v", data.URL, l, err)
	}
	if o.carried[c.ID] != "msg_x" || reply.CodePage != "" || o.became[optin.Sent] != 1 {
		t.Errorf("carried %v, reply %+v, became %v", o.carried, reply, o.became)
	}
}

func TestARequestBySMSSendsACode(t *testing.T) {
	o := newOffice(t)
	r := news()
	r.Channel, r.Value, r.Lookup = vocab.SMS, "+77010000000", "+77010000000"
	reply := o.ask(r)
	d := o.drafts[0]
	if d.Code != "000000" || !d.ByCode || !d.ExpiresAt.Equal(monday.Add(10*time.Minute)) || !d.RemindAt.IsZero() {
		t.Errorf("draft %+v", d)
	}
	if m := o.sent[0]; m.Template != "one-time-code" || m.To.Phone != "+77010000000" || !strings.Contains(string(m.Data), `"code":"000000"`) {
		t.Errorf("message %+v", m)
	}
	if l, err := o.Open(reply.CodePage); err != nil || l != (optin.Link{ID: reply.ID, ByCode: true}) {
		t.Errorf("the page %s opens %+v, %v", reply.CodePage, l, err)
	}
}

func TestTheAnswerIsTheSameWhereNothingIsSent(t *testing.T) {
	for _, outcome := range []optin.Outcome{optin.Limited, optin.Suppressed} {
		for _, channel := range vocab.Channels() {
			o := newOffice(t)
			o.outcome = outcome
			r := news()
			r.Channel = channel
			reply := o.ask(r)
			if len(o.sent) != 0 || o.became[outcome] != 1 {
				t.Errorf("%s: sent %+v, became %v", outcome, o.sent, o.became)
			}
			if _, err := vocab.ParseID(vocab.ConfirmationPrefix, string(reply.ID)); err != nil || (reply.CodePage != "") != (channel == vocab.SMS) {
				t.Errorf("%s by %s: reply %+v", outcome, channel, reply)
			}
			if channel != vocab.SMS {
				continue
			}
			// The page to type a code opens, and no code is the right one.
			l, err := o.Open(reply.CodePage)
			if err != nil {
				t.Fatal(err)
			}
			o.answer = optin.Gone
			if v, err := o.Enter(t.Context(), l, "123456", optin.Evidence{}); err != nil || v.Result != optin.Gone {
				t.Errorf("a code for nobody: %+v, %v", v, err)
			}
		}
	}
}

func TestAWishThatNobodyCanHave(t *testing.T) {
	for _, p := range []vocab.Purpose{"account.identity", "service.notice", "news.nobody", ""} {
		o := newOffice(t)
		r := news()
		r.Wishes = append(r.Wishes, optin.Wish{Purpose: p})
		if _, err := o.Ask(t.Context(), r); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "/grants/1/purpose") || len(o.drafts) != 0 {
			t.Errorf("%q: error %v, drafts %+v", p, err, o.drafts)
		}
	}
}

func TestATextThatWasNotTheOneShown(t *testing.T) {
	o := newOffice(t)
	o.publish("news.company", published(1, "old"))
	r := news()
	r.Wishes[0].TextHash = "old-ru"
	o.ask(r)
	o.publish("news.company", published(2, "new"))
	if _, err := o.Ask(t.Context(), r); fault.KindOf(err) != fault.Conflict {
		t.Errorf("error %v, want a conflict", err)
	}
	// What was asked with the old words is confirmed with the old words.
	v, err := o.Look(t.Context(), optin.Link{ID: o.only().ID})
	if err != nil || v.Result != "" || v.Items[0].Text.Words[vocab.Kazakh].Statement != "old kk" {
		t.Errorf("view %+v, %v", v, err)
	}
	if v, err = o.Press(t.Context(), optin.Link{ID: o.only().ID}, vocab.Kazakh, optin.Evidence{IP: "198.51.100.7"}); err != nil || v.Result != optin.Confirmed {
		t.Errorf("press %+v, %v", v, err)
	}
	want := []optin.Press{{At: monday, Language: vocab.Kazakh, Hashes: map[vocab.Purpose]string{"news.company": "old-kk"}, Policy: "2026-01", Evidence: `{"ip":"198.51.100.7"}`}}
	if diff := cmp.Diff(want, o.presses); diff != "" {
		t.Errorf("press mismatch (-want +got):\n%s", diff)
	}
	if len(v.Items) != 1 || !v.Confirmation.UsedAt.Equal(monday) {
		t.Errorf("view %+v", v)
	}
}

func TestWordsThatAreNoMoreWhatWasShownAreNotConfirmed(t *testing.T) {
	for name, spoil := range map[string]func(*office){
		"another text under the number": func(o *office) { o.numbered[1] = published(1, "other") },
		"no such version":               func(o *office) { delete(o.numbered, 1) },
		"out of time":                   func(o *office) { o.now = o.now.Add(72 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.publish("news.company", published(1, "old"))
			o.ask(news())
			spoil(o)
			if v, err := o.Press(t.Context(), optin.Link{ID: o.only().ID}, vocab.Kazakh, optin.Evidence{}); err != nil || v.Result != optin.Gone || len(o.presses) != 0 {
				t.Errorf("view %+v, %v, presses %+v", v, err, o.presses)
			}
		})
	}
}

func TestLookingChangesNothing(t *testing.T) {
	o := newOffice(t)
	o.ask(news())
	before := o.only()
	for range 3 {
		if v, err := o.Look(t.Context(), optin.Link{ID: before.ID}); err != nil || v.Result != "" || len(v.Items) != 1 {
			t.Errorf("view %+v, %v", v, err)
		}
	}
	if diff := cmp.Diff(before, o.only()); diff != "" || len(o.presses) != 0 {
		t.Errorf("looking pressed %+v and changed (-before +after):\n%s", o.presses, diff)
	}
	for _, l := range []optin.Link{{ID: before.ID, ByCode: true}, {ID: "cnf_other"}} {
		if v, err := o.Look(t.Context(), l); err != nil || v.Result != optin.Gone || v.Confirmation.ID != "" {
			t.Errorf("%+v shows %+v, %v", l, v, err)
		}
	}
}

func TestALinkOfOneKindIsNoneOfAnother(t *testing.T) {
	o := newOffice(t)
	r := news()
	r.Channel = vocab.SMS
	l := optin.Link{ID: o.ask(r).ID}
	if v, err := o.Press(t.Context(), l, vocab.Kazakh, optin.Evidence{}); err != nil || v.Result != optin.Gone || len(o.presses) != 0 {
		t.Errorf("a press where a code is wanted: %+v, %v", v, err)
	}
	links := dispatcher.NewLinks("https://elshi.example", []byte("a key of 16 bytes or more"), []byte("another key of 16 bytes"))
	for _, kind := range []dispatcher.LinkKind{dispatcher.LinkPreferences, dispatcher.LinkForm, "c2"} {
		if _, err := o.Open(links.Sign(kind, [16]byte{1})); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a token of %s opens: %v", kind, err)
		}
	}
}

func TestAskingAgainAsksTheSame(t *testing.T) {
	o := newOffice(t)
	o.ask(news())
	first := o.only()
	o.now = o.now.Add(100 * time.Hour)
	if _, err := o.Again(t.Context(), optin.Link{ID: first.ID}, vocab.English, optin.Evidence{}); err != nil {
		t.Fatal(err)
	}
	d := o.drafts[1]
	if d.ContactID != "con_x" || d.AddressID != "adr_x" || d.Language != vocab.English || d.Asked[0].Purpose != "news.company" || d.ID == first.ID {
		t.Errorf("draft %+v", d)
	}
	for name, l := range map[string]optin.Link{"nobody's": {ID: "cnf_other"}, "of another kind": {ID: first.ID, ByCode: true}} {
		if reply, err := o.Again(t.Context(), l, vocab.English, optin.Evidence{}); err != nil || reply.ID == "" || (reply.CodePage != "") != l.ByCode || len(o.drafts) != 2 {
			t.Errorf("%s: %+v, %v, %d drafts", name, reply, err, len(o.drafts))
		}
	}
}

func TestALedgerThatIsAwayIsSaidToBe(t *testing.T) {
	o := newOffice(t)
	o.ask(news())
	l := optin.Link{ID: o.only().ID}
	o.away = fault.Away("ledger", errors.New("gone"))
	for name, do := range map[string]func() error{
		"ask":   func() error { _, err := o.Ask(t.Context(), news()); return err },
		"look":  func() error { _, err := o.Look(t.Context(), l); return err },
		"press": func() error { _, err := o.Press(t.Context(), l, vocab.Kazakh, optin.Evidence{}); return err },
		"enter": func() error {
			_, err := o.Enter(t.Context(), optin.Link{ID: l.ID, ByCode: true}, "123456", optin.Evidence{})
			return err
		},
		"again": func() error { _, err := o.Again(t.Context(), l, vocab.Kazakh, optin.Evidence{}); return err },
		"shown": func() error { _, err := o.Shown(t.Context(), "news.company", vocab.Email); return err },
	} {
		if err := do(); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: error %v, want unavailable", name, err)
		}
	}
}
