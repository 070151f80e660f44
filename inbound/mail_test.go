package inbound_test

import (
	"context"
	"errors"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/inbound"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

func TestBounceEndsTheMessage(t *testing.T) {
	w := newMailWorld(t, nil)
	hard := []contacts.SuppressionReason{contacts.HardBounce}
	for _, tc := range []struct {
		name, raw string
		want      dispatcher.Status
		cause     channels.Cause
		stopped   []contacts.SuppressionReason
	}{
		{"Postfix: no such mailbox", vector(t, "01.eml"), dispatcher.Bounced, channels.NoSuchMailbox, hard},
		{"Postfix: our authentication", vector(t, "03.eml"), dispatcher.Bounced, channels.OurAuthentication, nil},
		{"Postfix: delayed", vector(t, "06.eml"), dispatcher.Sent, "", nil},
		{"full", dsn("x1", "Action: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 5.2.2 over quota"), dispatcher.Bounced, channels.MailboxFull, nil},
		{"delivered", dsn("x2", "Action: delivered\nStatus: 2.0.0"), dispatcher.Delivered, "", nil},
		{"relayed", dsn("x3", "Action: relayed\nStatus: 2.0.0"), dispatcher.Sent, "", nil},
		{"a list that one of two did not take", dsn("x4", failedForGood, "Action: delivered\nStatus: 2.0.0"), dispatcher.Sent, "", nil},
		{"a list that nobody took", dsn("x5", failedForGood, failedForGood), dispatcher.Bounced, channels.NoSuchMailbox, hard},
		{"somebody answers", plainMail, dispatcher.Sent, "", nil},
		{"a vacation note", "Auto-Submitted: auto-replied (vacation)\nSubject: away\n\nUser unknown, status 5.1.1\n", dispatcher.Sent, "", nil},
		{"a report without a machine's part", "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nfailed 5.1.1\n--b--\n", dispatcher.Sent, "", nil},
		{"a report inside another mail", "Content-Type: multipart/mixed; boundary=a\n\n--a\n" + dsn("x6", failedForGood) + "\n--a--\n", dispatcher.Sent, "", nil},
		{"no mail at all", "\x00\xff\n\n", dispatcher.Sent, "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := w.reader(t)
			id := w.mailed(t, p, vocab.Transactional)
			raw := tc.raw
			for _, name := range []string{"nouser", "policy", "grey"} {
				raw = strings.ReplaceAll(raw, "b+t0k3n-"+name+"@bounces.orleu.test", bounceTo(id))
			}
			for range 2 { // the same bounce twice counts once
				w.take(t, "", raw, bounceTo(id))
			}
			m, err := w.ledger.Get(w.ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			if m.Status != tc.want || channels.Cause(m.LastCause) != tc.cause {
				t.Errorf("the message is %s (%s), want %s (%s)", m.Status, m.LastCause, tc.want, tc.cause)
			}
			w.wantStopped(t, p, tc.stopped...)
		})
	}
	w.wantResults(t, map[inbound.MailResult]int{inbound.MailBounced: 4, inbound.MailDelivered: 1, inbound.MailIgnored: 21})
	if got := strings.Count(w.log.String(), `"level":"ERROR"`); got != 1 {
		t.Errorf("%d errors in the log, want one: the bounce about our authentication\n%s", got, w.log)
	}
}

func TestOnlyAddressesWeHaveMadeGetMail(t *testing.T) {
	w := newMailWorld(t, nil)
	id := w.mailed(t, w.reader(t), vocab.Marketing)
	bounce, unsubscribe := bounceTo(id), unsubscribeTo(id)
	for _, to := range []string{
		strings.ToUpper("bounce") + strings.TrimPrefix(bounce, "bounce"),
		strings.Replace(unsubscribe, bounceDomain, strings.ToUpper(bounceDomain), 1),
	} {
		w.take(t, "", plainMail, to)
	}
	other := dispatcher.NewLinks("https://elshi.example", []byte("another key 1234"), []byte("another key 5678"))
	for _, to := range []string{
		"aigul@school.example", "postmaster@" + bounceDomain, "bounce@" + bounceDomain, "bounce+@" + bounceDomain, "bounce+abc@" + bounceDomain,
		strings.Replace(bounce, "bounce+", "unsubscribe+", 1), strings.Replace(unsubscribe, "unsubscribe+", "bounce+", 1),
		strings.Replace(bounce, "bounce+", "bounces+", 1), strings.Replace(bounce, "@", "a@", 1), strings.Replace(bounce, "@"+bounceDomain, "@elshi.example", 1),
		strings.Replace(bounce, "@", "@evil.example@", 1), "bounce+" + other.Token(dispatcher.LinkBounce, id) + "@" + bounceDomain,
	} {
		wantRefusal(t, w.deliver("", dsn("x", failedForGood), to), "550 5.1.1")
	}
	wantRefusal(t, w.deliver("", dsn("x", failedForGood), bounce, "aigul@school.example"), "550 5.1.1")
	w.wantMessage(t, id, dispatcher.Sent)
	w.wantResults(t, map[inbound.MailResult]int{inbound.MailIgnored: 2, inbound.MailRefused: 13})
}

func TestMailUnsubscribes(t *testing.T) {
	for _, tc := range []struct {
		name, from, raw string
		class           vocab.Class
		want            consent.State
	}{
		{"whatever it says", "aigul@school.example", plainMail, vocab.Marketing, consent.Withdrawn},
		{"even nothing", "aigul@school.example", "\n", vocab.Marketing, consent.Withdrawn},
		{"even what nobody can read", "aigul@school.example", "\xff\xfe\n", vocab.Marketing, consent.Withdrawn},
		{"by a program that says no", "aigul@school.example", "Auto-Submitted: no\n\n", vocab.Marketing, consent.Withdrawn},
		{"the null sender", "", plainMail, vocab.Marketing, consent.Granted},
		{"a vacation note", "aigul@school.example", "Auto-Submitted: auto-replied; owner-email=\"a@b\"\n\n", vocab.Marketing, consent.Granted},
		{"an older vacation note", "aigul@school.example", "Precedence: auto_reply\n\n", vocab.Marketing, consent.Granted},
		{"a list's mail", "aigul@school.example", "Precedence: Bulk\n\n", vocab.Marketing, consent.Granted},
		{"a bounce", "daemon@school.example", strings.Replace(dsn("x", failedForGood), "Auto-Submitted: auto-replied\n", "", 1), vocab.Marketing, consent.Granted},
		{"of a legal notice: nobody can end those", "aigul@school.example", plainMail, vocab.Legal, consent.Granted},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newMailWorld(t, nil)
			p := w.reader(t)
			id, next := w.mailed(t, p, tc.class), w.letter(t, p, tc.class)
			before := w.events(t)
			for range 2 {
				w.take(t, tc.from, tc.raw, unsubscribeTo(id))
			}
			w.wantNews(t, p, tc.want)
			w.wantStopped(t, p)
			if tc.want == consent.Granted {
				w.wantMessage(t, next, dispatcher.Queued)
				w.wantResults(t, map[inbound.MailResult]int{inbound.MailIgnored: 2})
				if after := w.events(t); after != before {
					t.Errorf("the consent ledger grew by %d", after-before)
				}
				return
			}
			w.wantMessage(t, next, dispatcher.Canceled)
			w.wantResults(t, map[inbound.MailResult]int{inbound.MailUnsubscribed: 2})
		})
	}
}

// What a mail withdraws is what one-click withdraws, for everybody behind the address.
func TestMailUnsubscribesAsOneClickDoes(t *testing.T) {
	seen := &withdrawals{}
	w := newMailWorld(t, func(o *inbound.MailOptions) { o.Withdrawals = seen })
	p := w.reader(t)
	id := w.mailed(t, p, vocab.Service)
	w.take(t, "aigul@school.example", plainMail, unsubscribeTo(id))
	w.take(t, "", arf("abuse"), bounceTo(id))
	event := consent.Event{
		Kind: consent.KindWithdrawn, Scope: consent.ScopePurpose, Purpose: "service.notice", Channel: vocab.Email, Source: consent.SourceMailto,
		ActorKind: consent.ActorContact, ActorID: string(p.ID), Language: vocab.Kazakh,
	}
	complaint := event
	complaint.Source = consent.SourceComplaint
	want := []dispatcher.Withdrawal{
		{AddressID: p.Addresses[0].AddressID, Writer: p.ID, Message: id, Event: event, Evidence: "mail from aigul@school.example, Message-ID <m1@school.example>"},
		{
			AddressID: p.Addresses[0].AddressID, Writer: p.ID, Message: id, Event: complaint, Evidence: "feedback report, Message-ID <f1@provider.example>",
			StopAddress: contacts.Complaint,
		},
	}
	if diff := cmp.Diff(want, seen.all); diff != "" {
		t.Errorf("withdrawals mismatch (-want +got):\n%s", diff)
	}
}

// withdrawals keeps what it is asked.
type withdrawals struct{ all []dispatcher.Withdrawal }

// Withdraw keeps a withdrawal.
func (w *withdrawals) Withdraw(_ context.Context, x dispatcher.Withdrawal, _ time.Duration) (dispatcher.Withdrawn, error) {
	w.all = append(w.all, x)
	return dispatcher.Withdrawn{}, nil
}

func TestComplaintStopsTheAddress(t *testing.T) {
	complained := []contacts.SuppressionReason{contacts.Complaint}
	for _, tc := range []struct {
		kind    string
		to      func(vocab.MessageID) string
		class   vocab.Class
		want    consent.State
		stopped []contacts.SuppressionReason
	}{
		{"abuse", bounceTo, vocab.Marketing, consent.Withdrawn, complained},
		{"Abuse", unsubscribeTo, vocab.Marketing, consent.Withdrawn, complained},
		{"something-new", bounceTo, vocab.Marketing, consent.Withdrawn, complained},
		{"abuse", bounceTo, vocab.Legal, consent.Granted, complained}, // another purpose than that of the grant
		{"not-spam", bounceTo, vocab.Marketing, consent.Granted, nil},
		{"auth-failure", unsubscribeTo, vocab.Marketing, consent.Granted, nil},
	} {
		t.Run(tc.kind+" about "+string(tc.class), func(t *testing.T) {
			w := newMailWorld(t, nil)
			p := w.reader(t)
			id := w.mailed(t, p, tc.class)
			for range 2 {
				w.take(t, "", arf(tc.kind), tc.to(id))
			}
			w.wantNews(t, p, tc.want)
			w.wantStopped(t, p, tc.stopped...)
			w.wantMessage(t, id, dispatcher.Sent) // a complaint is an event, never a status
		})
	}
}

// The ledger is away, or the hand-over is not settled yet: the sender comes again and nothing is lost.
func TestMailComesAgain(t *testing.T) {
	ledger := &moody{err: fault.Away("ledger", errors.New("gone"))}
	w := newMailWorld(t, func(o *inbound.MailOptions) {
		ledger.Ledger = o.Ledger.(inner)
		o.Ledger = ledger
	})
	p := w.reader(t)
	id, sending := w.mailed(t, p, vocab.Marketing), w.letter(t, p, vocab.Transactional)
	bounce, unsubscribe := dsn("x", failedForGood), plainMail
	wantRefusal(t, w.deliver("", bounce, bounceTo(id)), "451 4.3.0")
	wantRefusal(t, w.deliver("aigul@school.example", unsubscribe, unsubscribeTo(id)), "451 4.3.0")
	ledger.err = nil
	permit := w.claim(t, sending)
	wantRefusal(t, w.deliver("", bounce, bounceTo(id), bounceTo(sending)), "451 4.3.0") // one of two: it comes again for both
	w.settle(t, permit, dispatcher.Sent, "")
	w.take(t, "", bounce, bounceTo(id), bounceTo(sending))
	w.take(t, "aigul@school.example", unsubscribe, unsubscribeTo(id))
	w.wantMessage(t, id, dispatcher.Bounced)
	w.wantMessage(t, sending, dispatcher.Bounced)
	w.wantNews(t, p, consent.Withdrawn)
	w.wantResults(t, map[inbound.MailResult]int{
		inbound.MailAway: 3, inbound.MailBounced: 2, inbound.MailIgnored: 1, inbound.MailUnsubscribed: 1,
	})
	// A message that is not there any more never comes back.
	gone := vocab.MessageID(vocab.NewID(vocab.MessagePrefix))
	w.take(t, "", bounce, bounceTo(gone))
	w.take(t, "aigul@school.example", unsubscribe, unsubscribeTo(gone))
}

// inner is what a MailServer needs of a ledger.
type inner interface {
	RecordReport(ctx context.Context, r dispatcher.LateReport) (dispatcher.Message, bool, error)
	Get(ctx context.Context, id vocab.MessageID) (dispatcher.Message, error)
}

// moody is a ledger that may be away.
type moody struct {
	Ledger inner
	err    error
}

// RecordReport records unless the ledger is away.
func (l *moody) RecordReport(ctx context.Context, r dispatcher.LateReport) (dispatcher.Message, bool, error) {
	if l.err != nil {
		return dispatcher.Message{}, false, l.err
	}
	return l.Ledger.RecordReport(ctx, r)
}

// Get reads unless the ledger is away.
func (l *moody) Get(ctx context.Context, id vocab.MessageID) (dispatcher.Message, error) {
	if l.err != nil {
		return dispatcher.Message{}, l.err
	}
	return l.Ledger.Get(ctx, id)
}

func TestMailServerHasLimits(t *testing.T) {
	w := newMailWorld(t, func(o *inbound.MailOptions) { o.MaxBytes, o.MaxRecipients = 4096, 2 })
	id := w.mailed(t, w.reader(t), vocab.Marketing)
	wantRefusal(t, w.deliver("", dsn("x", failedForGood)+strings.Repeat("more text\n", 500), bounceTo(id)), "552 5.3.4")
	wantRefusal(t, w.deliver("", dsn("x", failedForGood), bounceTo(id), bounceTo(id), bounceTo(id)), "452")

	w.wantMessage(t, id, dispatcher.Sent)

	w = newMailWorld(t, func(o *inbound.MailOptions) { o.MaxConnections = 1 })
	held, err := smtp.Dial(w.addr)
	if err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, w.deliver("", dsn("x", failedForGood), bounceTo(id)), "421 4.3.2")
	if ok, _ := held.Extension("AUTH"); ok {
		t.Error("it offers AUTH")
	}
	if err := held.Quit(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 10*time.Second, func() error { // whoever leaves makes room
		return w.deliver("", plainMail, bounceTo(w.mailed(t, w.reader(t), vocab.Marketing)))
	})
}

func TestConnectionsEnd(t *testing.T) {
	w := newMailWorld(t, func(o *inbound.MailOptions) { o.Lifetime = 50 * time.Millisecond })
	c, err := smtp.Dial(w.addr)
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan error, 1)
	go func() {
		_, _, err := c.Text.ReadResponse(250) // nothing was asked
		said <- err
	}()
	wantRefusal(t, within(t, 10*time.Second, said), "421")
	_ = c.Close()

	if c, err = smtp.Dial(w.addr); err != nil {
		t.Fatal(err)
	}
	go func() {
		err := c.Noop()
		for err == nil { // also whoever never stops talking
			err = c.Noop()
		}
		said <- err
	}()
	if err := within(t, 10*time.Second, said); err == nil {
		t.Error("whoever never stops talking was not shown the door")
	}
	_ = c.Close()
}

// A stop waits for what is being recorded, and for nobody who is only thinking.
func TestStopRecordsWhatWasRead(t *testing.T) {
	slow := &patientLedger{begun: make(chan struct{}), end: make(chan struct{})}
	w := newMailWorld(t, func(o *inbound.MailOptions) {
		slow.inner = o.Ledger.(inner)
		o.Ledger = slow
	})
	id := w.mailed(t, w.reader(t), vocab.Transactional)
	idle, err := smtp.Dial(w.addr)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		c, err := smtp.Dial(w.addr)
		if err == nil {
			err = errors.Join(c.Mail(""), c.Rcpt(bounceTo(id)))
		}
		if err == nil {
			text, dataErr := c.Data()
			_, writeErr := text.Write([]byte(strings.ReplaceAll(dsn("x", failedForGood), "\n", "\r\n")))
			err = errors.Join(dataErr, writeErr, text.Close())
		}
		answered <- err
	}()
	within(t, 10*time.Second, slow.begun)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		w.stop()
	}()
	_, _, err = idle.Text.ReadResponse(250)
	wantRefusal(t, err, "421") // whoever was idle
	close(slow.end)
	if err := within(t, 10*time.Second, answered); err != nil {
		t.Errorf("the mail that was read: %v", err)
	}
	within(t, 10*time.Second, stopped)
	w.wantMessage(t, id, dispatcher.Bounced)
}

// patientLedger says when a report has come and records it when it may.
type patientLedger struct {
	inner

	begun, end chan struct{}
}

// RecordReport records when it may.
func (l *patientLedger) RecordReport(ctx context.Context, r dispatcher.LateReport) (dispatcher.Message, bool, error) {
	close(l.begun)
	<-l.end
	return l.inner.RecordReport(ctx, r)
}
