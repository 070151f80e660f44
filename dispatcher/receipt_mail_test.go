package dispatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

var pressedAt = time.Date(2026, 11, 23, 5, 4, 0, 0, time.UTC)

// receiptBook is a consent ledger and a street in memory; what it is told to fail, fails.
type receiptBook struct {
	entries  []consent.Event
	seq      int64
	led      bool
	keepFail func() error
	sendFail func(key string) error
	sent     map[string]Request // by idempotency key: the street takes each once
	order    []string
}

func newReceiptBook() *receiptBook {
	return &receiptBook{led: true, sent: map[string]Request{}, keepFail: func() error { return nil }, sendFail: func(string) error { return nil }}
}

func (b *receiptBook) Lead(context.Context, string, string, time.Time, time.Time) (bool, error) {
	return b.led, nil
}

func (b *receiptBook) Events(_ context.Context, after int64, n int) ([]consent.Event, error) {
	rest := b.entries[after:]
	return rest[:min(n, len(rest))], nil
}

func (b *receiptBook) ReceiptsMailed(context.Context) (int64, error) { return b.seq, nil }

func (b *receiptBook) KeepReceiptsMailed(_ context.Context, from, to int64) error {
	if err := b.keepFail(); err != nil {
		return err
	}
	if b.seq == from {
		b.seq = to
	}
	return nil
}

func (b *receiptBook) Submit(_ context.Context, _ Caller, key *IdempotencyKey, rs []Request) (Submitted, error) {
	if err := b.sendFail(key.Token); err != nil {
		return Submitted{}, err
	}
	if _, again := b.sent[key.Token]; !again {
		b.sent[key.Token] = rs[0]
		b.order = append(b.order, key.Token)
	}
	return Submitted{Results: []Result{{ID: "msg_1"}}}, nil
}

// write appends entries to the ledger.
func (b *receiptBook) write(list ...consent.Event) {
	for _, e := range list {
		e.Seq = int64(len(b.entries) + 1)
		e.ID = vocab.ConsentEventID(vocab.FormatID(vocab.ConsentEventPrefix, [16]byte([]byte(fmt.Sprintf("entry %010d", e.Seq)))))
		b.entries = append(b.entries, e)
	}
}

func (b *receiptBook) mailer(t testing.TB, mail ReceiptMail) *ReceiptMailer {
	t.Helper()
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	return NewReceiptMailer(ReceiptMailerOptions{
		Ledger: b, Submitter: b, Links: NewLinks("https://elshi.example", []byte("a key of 16 bytes or more"), []byte("another key of 16 bytes")),
		Purposes: registry, Mail: mail, Now: func() time.Time { return pressedAt.Add(time.Minute) }, Log: slog.New(slog.DiscardHandler),
	})
}

// yes is a grant that a contact has confirmed by a link.
func yes(contact vocab.ContactID, purpose vocab.Purpose) consent.Event {
	return consent.Event{
		Kind: consent.KindConfirmed, ContactID: contact, Scope: consent.ScopePurpose, Purpose: purpose, Channel: vocab.Email, Source: consent.SourceConfirmLink,
		ActorKind: consent.ActorContact, ActorID: string(contact), Language: vocab.Russian, Proof: consent.ProofDoubleOptIn, At: pressedAt,
	}
}

func TestAPressIsOneMailWithAReceiptForEachThing(t *testing.T) {
	b := newReceiptBook()
	b.write(yes("con_1", "news.company"), yes("con_1", "event.invite"), yes("con_2", "news.company"))
	m := b.mailer(t, ReceiptsOfGrants)
	if err := m.Mail(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(b.order) != 2 || b.order[0] != string(b.entries[0].ID) || b.order[1] != string(b.entries[2].ID) || b.seq != 3 {
		t.Fatalf("sent %v up to %d", b.order, b.seq)
	}
	got := b.sent[b.order[0]]
	var data struct {
		Receipt struct {
			Withdrawn bool
			On        string
			Items     []struct{ Name, URL string }
		}
	}
	if err := json.Unmarshal(got.Data, &data); err != nil {
		t.Fatal(err)
	}
	items := []struct{ Name, URL string }{
		{"Новости", m.o.Links.ReceiptURL(b.entries[0].ID)}, {"Приглашения на мероприятия", m.o.Links.ReceiptURL(b.entries[1].ID)},
	}
	if diff := cmp.Diff(items, data.Receipt.Items); diff != "" || data.Receipt.Withdrawn || data.Receipt.On != "2026-11-23" {
		t.Errorf("data %s (-want +got):\n%s", got.Data, diff)
	}
	got.Data = nil
	want := Request{
		To: To{ContactID: "con_1"}, Channel: vocab.Email, Purpose: "consent.receipt", Template: "consent-receipt", Language: vocab.Russian,
		TriggerID: b.order[0], TriggerAt: pressedAt, Reference: b.order[0],
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request mismatch (-want +got):\n%s", diff)
	}
}

func TestWhichActsAreMailed(t *testing.T) {
	with := func(change func(*consent.Event)) consent.Event {
		e := yes("con_1", "news.company")
		change(&e)
		return e
	}
	no := func(scope consent.Scope, source consent.Source) consent.Event {
		return with(func(e *consent.Event) {
			e.Kind, e.Scope, e.Source, e.Purpose, e.Channel = consent.KindWithdrawn, scope, source, "", ""
		})
	}
	for _, tc := range []struct {
		name        string
		event       consent.Event
		grants, all bool
	}{
		{"confirmed", yes("con_1", "news.company"), true, true},
		{"renewed", with(func(e *consent.Event) { e.Kind, e.Proof = consent.KindRenewed, consent.ProofRenewalLink }), true, true},
		{"granted on a page", with(func(e *consent.Event) { e.Kind, e.Source = consent.KindGranted, consent.SourcePreferencePage }), true, true},
		{"confirmed by SMS", with(func(e *consent.Event) { e.Channel, e.Proof = vocab.SMS, consent.ProofOneTimeCode }), false, false},
		{"everything stopped", no(consent.ScopeAll, consent.SourcePreferencePage), false, true},
		{"one click", no(consent.ScopeAll, consent.SourceOneClick), false, true},
		{"a complaint", no(consent.ScopeAll, consent.SourceComplaint), false, false},
		{"requested", with(func(e *consent.Event) { e.Kind = consent.KindRequested }), false, false},
		{"paused", with(func(e *consent.Event) { e.Kind = consent.KindPaused }), false, false},
		{"expired", with(func(e *consent.Event) { e.Kind, e.ActorKind = consent.KindExpired, consent.ActorSystem }), false, false},
		{"imported", with(func(e *consent.Event) { e.Kind = consent.KindImported }), false, false},
		{"written down by an operator", with(func(e *consent.Event) { e.Kind, e.ActorKind = consent.KindGranted, consent.ActorMember }), false, false},
		{"recorded by a key", with(func(e *consent.Event) { e.Kind, e.ActorKind = consent.KindGranted, consent.ActorAPIKey }), false, false},
		{"on paper", with(func(e *consent.Event) { e.Proof = consent.ProofSignedForm }), false, false},
		{"without a proof", with(func(e *consent.Event) { e.Proof = consent.ProofNone }), false, false},
		{"about everybody", with(func(e *consent.Event) { e.ContactID, e.Kind = "", consent.KindStale }), false, false},
		{"days ago", with(func(e *consent.Event) { e.At = pressedAt.Add(-72 * time.Hour) }), false, false},
	} {
		for mail, want := range map[ReceiptMail]bool{ReceiptsOfGrants: tc.grants, ReceiptsOfAll: tc.all, ReceiptsOfNone: false, "": false} {
			b := newReceiptBook()
			b.write(tc.event)
			if err := b.mailer(t, mail).Mail(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := len(b.order) == 1; got != want || b.seq != 1 {
				t.Errorf("%s with %q: mailed %t, want %t; up to %d", tc.name, mail, got, want, b.seq)
			}
		}
	}
}

func TestAReceiptThatNobodyCanTakeHoldsUpNoOther(t *testing.T) {
	b := newReceiptBook()
	b.write(yes("con_1", "news.company"), yes("con_2", "news.company"))
	b.sendFail = func(key string) error {
		if key == string(b.entries[0].ID) {
			return fault.Missing("contact_not_found", "there is no such contact")
		}
		return nil
	}
	if err := b.mailer(t, ReceiptsOfGrants).Mail(t.Context()); err != nil || len(b.order) != 1 || b.seq != 2 {
		t.Errorf("%v: sent %v up to %d", err, b.order, b.seq)
	}
}

func TestOnlyTheLeaderMails(t *testing.T) {
	b := newReceiptBook()
	b.write(yes("con_1", "news.company"))
	b.led = false
	if err := b.mailer(t, ReceiptsOfGrants).Mail(t.Context()); err != nil || len(b.order) != 0 || b.seq != 0 {
		t.Errorf("%v: sent %v up to %d", err, b.order, b.seq)
	}
}

func TestAPressIsNotCutByAPage(t *testing.T) {
	b := newReceiptBook()
	for range receiptSize - 1 {
		b.write(consent.Event{Kind: consent.KindExpired, ContactID: "con_0", ActorKind: consent.ActorSystem, At: pressedAt})
		b.entries[len(b.entries)-1].At = pressedAt.Add(time.Duration(len(b.entries)) * time.Microsecond)
	}
	b.write(yes("con_1", "news.company"), yes("con_1", "event.invite"))
	if err := b.mailer(t, ReceiptsOfGrants).Mail(t.Context()); err != nil || len(b.order) != 1 || int(b.seq) != len(b.entries) {
		t.Errorf("%v: sent %v up to %d", err, b.order, b.seq)
	}
}

// Whatever fails and whenever the process dies, every press is mailed once and only once.
func TestNoReceiptIsLostOrDoubled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newReceiptBook()
		var want []string
		for range rapid.IntRange(1, 30).Draw(t, "presses") {
			contact := vocab.ContactID(fmt.Sprintf("con_%d", len(b.entries)))
			first := len(b.entries)
			for range rapid.IntRange(1, 3).Draw(t, "things") {
				b.write(yes(contact, "news.company"))
			}
			want = append(want, string(b.entries[first].ID))
		}
		failing := true
		fails := func(what string) error {
			if failing && rapid.IntRange(0, 3).Draw(t, what) == 0 {
				return fault.Away("ledger", nil)
			}
			return nil
		}
		b.keepFail = func() error { return fails("keep") }
		b.sendFail = func(string) error { return fails("send") }
		registry, err := consent.NewRegistry()
		if err != nil {
			t.Fatal(err)
		}
		run := func() error { // each time by a process that has just started
			return NewReceiptMailer(ReceiptMailerOptions{
				Ledger: b, Submitter: b, Links: NewLinks("https://elshi.example", []byte("a key of 16 bytes or more"), []byte("another key of 16 bytes")),
				Purposes: registry, Mail: ReceiptsOfGrants, Now: func() time.Time { return pressedAt }, Log: slog.New(slog.DiscardHandler),
			}).Mail(context.Background())
		}
		for range rapid.IntRange(0, 20).Draw(t, "runs") {
			_ = run()
		}
		failing = false
		if err := run(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.order); diff != "" || int(b.seq) != len(b.entries) {
			t.Errorf("up to %d, mails mismatch (-want +got):\n%s", b.seq, diff)
		}
	})
}
