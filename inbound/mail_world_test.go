package inbound_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/smtp"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/inbound"
	"github.com/orleu/elshi/vocab"
)

const bounceDomain = "bounces.elshi.example"

var mailLinks = dispatcher.NewLinks("https://elshi.example", []byte("0123456789abcdef"), []byte("fedcba9876543210"))

// mailWorld is an inbound mail server over a ledger of its own.
type mailWorld struct {
	*world

	addr string
	stop func() // ends the server and waits for that

	mu      sync.Mutex
	results map[inbound.MailResult]int
}

// newMailWorld starts a server; change may set its options otherwise.
func newMailWorld(t *testing.T, change func(*inbound.MailOptions)) *mailWorld {
	t.Helper()
	w := &mailWorld{world: newWorld(t), results: map[inbound.MailResult]int{}}
	o := inbound.MailOptions{
		Listen: "127.0.0.1:0", Domain: bounceDomain, Links: mailLinks, Ledger: w.ledger,
		Withdrawals: dispatcher.NewWithdrawer(w.consents, clock), Now: clock, Log: w.log.logger(),
		Counted: func(r inbound.MailResult) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.results[r]++
		},
	}
	if change != nil {
		change(&o)
	}
	server, err := inbound.NewMailServer(o)
	if err != nil {
		t.Fatal(err)
	}
	w.addr = server.Addr().String()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(w.stop)
	return w
}

// wantResults checks what the mails so far came to.
func (w *mailWorld) wantResults(t *testing.T, want map[inbound.MailResult]int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if diff := cmp.Diff(want, maps.Clone(w.results)); diff != "" {
		t.Errorf("results mismatch (-want +got):\n%s", diff)
	}
}

// reader makes a contact with a mailbox that was proved, and grants newsletters by email.
func (w *mailWorld) reader(t *testing.T) contacts.Profile {
	t.Helper()
	address := fmt.Sprintf("aigul%d@school.example", w.log.next())
	p, err := w.contacts.Create(w.ctx, contacts.Contact{Name: "Айгүл", Language: vocab.Kazakh, CreatedAt: start}, []contacts.NewAddress{
		{Channel: vocab.Email, Value: vocab.Address(address), Lookup: address, Verified: true, Primary: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.consents.Record(w.ctx, consent.Event{
		Kind: consent.KindGranted, ContactID: p.ID, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email,
		Source: consent.SourceOperator, ActorKind: consent.ActorMember, ActorID: "mem_x", Language: vocab.Kazakh, At: start,
		ValidUntil: start.AddDate(2, 0, 0),
	}, "", false); err != nil {
		t.Fatal(err)
	}
	return p
}

var mailPurposes = map[vocab.Class]vocab.Purpose{
	vocab.Marketing: "news.company", vocab.Service: "service.notice", vocab.Legal: "legal.policy_change", vocab.Transactional: "request.reply",
}

// letter submits an email to somebody, which waits.
func (w *mailWorld) letter(t *testing.T, p contacts.Profile, class vocab.Class) vocab.MessageID {
	t.Helper()
	id := vocab.MessageID(vocab.NewID(vocab.MessagePrefix))
	draft := dispatcher.Draft{
		Message: dispatcher.Message{
			ID: id, ContactID: p.ID, AddressID: p.Addresses[0].AddressID, Channel: vocab.Email, Class: class, Lane: vocab.Normal,
			Purpose: mailPurposes[class], Language: vocab.Kazakh, Template: "tpv_x", Sender: "main", Provider: "relay", Mode: dispatcher.Live,
			APIKey: "key_x", NotAfter: start.AddDate(0, 0, 7), TriggerID: string(id), TriggerAt: start,
		},
		Recipient: dispatcher.Recipient{ContactID: p.ID}, Payload: dispatcher.Payload{Data: []byte(`{}`)},
	}
	in := dispatcher.Intake{Drafts: []dispatcher.Draft{draft}, Answer: make([]dispatcher.Result, 1), Slots: []int{0}, Now: start}
	if _, err := w.ledger.Submit(w.ctx, in, allowAll); err != nil {
		t.Fatal(err)
	}
	return id
}

// mailed is an email that the relay has accepted.
func (w *mailWorld) mailed(t *testing.T, p contacts.Profile, class vocab.Class) vocab.MessageID {
	t.Helper()
	id := w.letter(t, p, class)
	w.settle(t, w.claim(t, id), dispatcher.Sent, "")
	return id
}

// wantNews checks the grant of newsletters by email.
func (w *mailWorld) wantNews(t *testing.T, p contacts.Profile, want consent.State) {
	t.Helper()
	list, err := w.consents.OfContact(w.ctx, p.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range list {
		if g.Key.Purpose == "news.company" && g.Grant.State == want {
			return
		}
	}
	t.Errorf("the grants are %+v, want news.company %s", list, want)
}

// wantStopped checks why nothing is sent to a mailbox.
func (w *mailWorld) wantStopped(t *testing.T, p contacts.Profile, want ...contacts.SuppressionReason) {
	t.Helper()
	list, err := w.suppressions.List(w.ctx, contacts.SuppressionFilter{Channel: vocab.Email, Lookup: p.Addresses[0].Value.Reveal(), Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var got []contacts.SuppressionReason
	for _, s := range list {
		got = append(got, s.Reason)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("suppressions mismatch (-want +got):\n%s", diff)
	}
}

func bounceTo(id vocab.MessageID) string {
	return "bounce+" + mailLinks.Token(dispatcher.LinkBounce, id) + "@" + bounceDomain
}

func unsubscribeTo(id vocab.MessageID) string {
	return "unsubscribe+" + mailLinks.Token(dispatcher.LinkUnsubscribe, id) + "@" + bounceDomain
}

// deliver sends a mail to the server; from is empty for the null sender. Line ends are put right.
func (w *mailWorld) deliver(from, raw string, to ...string) error {
	return smtp.SendMail(w.addr, nil, from, to, []byte(strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")))
}

// take delivers a mail that must be taken.
func (w *mailWorld) take(t *testing.T, from, raw string, to ...string) {
	t.Helper()
	if err := w.deliver(from, raw, to...); err != nil {
		t.Fatalf("mail to %v: %v", to, err)
	}
}

// wantRefusal checks that an error is the server's answer with this beginning.
func wantRefusal(t *testing.T, err error, want string) {
	t.Helper()
	var refusal *textproto.Error
	if !errors.As(err, &refusal) || !strings.HasPrefix(fmt.Sprintf("%d %s", refusal.Code, refusal.Msg), want) {
		t.Errorf("the answer is %v, want %s", err, want)
	}
}

// vector is a real bounce that a stock Postfix made.
func vector(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/dsn/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")))
}

// dsn is a bounce with these blocks about recipients, each of lines "Name: value".
func dsn(id string, recipients ...string) string {
	return "From: Mail Delivery System <MAILER-DAEMON@mx.example>\nSubject: Undelivered\nMessage-ID: <" + id + "@mx.example>\n" +
		"Auto-Submitted: auto-replied\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n" +
		"--b\nContent-Type: text/plain\n\nIt came back.\n--b\nContent-Type: message/delivery-status\n\n" +
		"Reporting-MTA: dns; mx.example\n\n" + strings.Join(slices.Concat(recipients, []string{""}), "\n\n") +
		"--b\nContent-Type: text/rfc822-headers\n\nSubject: news\n--b--\n"
}

const failedForGood = "Final-Recipient: rfc822; aigul@school.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no such user"

// arf is a feedback report (RFC 5965) of a type.
func arf(kind string) string {
	return "From: <fbl@provider.example>\nSubject: FW: news\nMessage-ID: <f1@provider.example>\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/report; report-type=feedback-report; boundary=\"b\"\n\n--b\nContent-Type: text/plain\n\nSomebody complained.\n" +
		"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: " + kind + "\nUser-Agent: Some/1.0\nVersion: 1\n" +
		"--b\nContent-Type: message/rfc822\n\nSubject: news\n\nhello\n--b--\n"
}

const plainMail = "From: Айгүл <aigul@school.example>\nSubject: unsubscribe\nMessage-ID: <m1@school.example>\n\nПожалуйста, не надо.\n"

// within fails the test when something takes longer than it may.
func within[T any](t *testing.T, d time.Duration, c <-chan T) T {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case v := <-c:
		return v
	case <-timer.C:
		t.Fatal("it takes too long")
		panic("unreachable")
	}
}
