package inbound_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/inbound"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

const (
	kannelToken = "kannel-token-0123456789"
	formToken   = "form-token-0123456789abc"
	number      = "+77012345678"
)

// start is a Monday at noon in Almaty.
var start = time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)

func clock() time.Time { return start.Add(time.Hour) }

// newGateways are a Kannel, which calls by GET, and a gateway that is described by settings and posts forms.
func newGateways(t testing.TB, now func() time.Time) map[vocab.ProviderID]*sms.Gateway {
	t.Helper()
	profile, err := sms.ParseProfile("form", map[string]string{
		"send.path": "/send", "send.form.to": "{to}", "send.form.text": "{text}",
		"report.ref": "form:id", "report.status": "form:state", "report.code": "form:error", "report.words": "form:why",
		"report.event_id": "form:event", "report.is.DELIVRD": "delivered", "report.is.UNDELIV": "failed", "report.is.ENROUTE": "pending",
		"report.cause.1": "no_such_mailbox", "report.cause.2": "policy_refused",
		"reply.from": "form:from", "reply.text": "form:msg",
	})
	if err != nil {
		t.Fatal(err)
	}
	kannel, err := sms.NewGateway(sms.Kannel(), sms.Settings{
		BaseURL: "https://kannel.example", Secrets: map[string]sms.Secret{"username": "elshi", "password": "kannel-secret"},
		Verify: sms.Verify{Token: kannelToken}, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	form, err := sms.NewGateway(profile, sms.Settings{BaseURL: "https://sms.example", Verify: sms.Verify{Token: formToken}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return map[vocab.ProviderID]*sms.Gateway{"kannel": kannel, "form": form}
}

// world is the callbacks over a ledger of their own.
type world struct {
	ctx          context.Context //nolint:containedctx // the test's own
	db           *store.DB
	ledger       *store.Ledger
	contacts     *store.Contacts
	consents     *store.Consents
	suppressions *store.Suppressions
	callbacks    *inbound.Callbacks
	log          *logged
	now          time.Time
	renderer     *dispatcher.Renderer
	door         *dispatcher.Submitter
	mu           sync.Mutex
	rings        []dispatcher.Batch
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), HashKey: []byte("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // a test may have closed it
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		ctx: t.Context(), db: db, ledger: store.NewLedger(db), contacts: store.NewContacts(db), consents: store.NewConsents(db, registry),
		suppressions: store.NewSuppressions(db), log: newLogged(t), now: clock(),
	}
	w.callbacks = inbound.New(inbound.Options{
		Gateways: newGateways(t, w.clock), Ledger: w.ledger, Withdrawals: dispatcher.NewWithdrawer(w.consents, w.clock), Stops: w.suppressions,
		Messages: w.ledger, Submitter: w.submitter(t, registry), Patience: -1, Log: w.log.logger(),
	})
	return w
}

// clock is the world's own, which a test may move.
func (w *world) clock() time.Time { return w.now }

// kannel is a call of the Kannel.
func (w *world) kannel(query string) *httptest.ResponseRecorder {
	return w.call(http.MethodGet, "/callbacks/kannel/"+kannelToken+"?"+query, "")
}

// form is a call of the gateway that posts forms; pairs are names and values.
func (w *world) form(pairs ...string) *httptest.ResponseRecorder {
	fields := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	return w.call(http.MethodPost, "/callbacks/form/"+formToken, fields.Encode())
}

func (w *world) call(method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(w.ctx, method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer := httptest.NewRecorder()
	w.callbacks.ServeHTTP(answer, r)
	return answer
}

// wantStatus checks an answer; one that asks to come again says when.
func wantStatus(t *testing.T, answer *httptest.ResponseRecorder, want int) {
	t.Helper()
	if answer.Code != want {
		t.Errorf("answered %d, want %d", answer.Code, want)
	}
	if again := answer.Header().Get("Retry-After"); (again != "") != (want == http.StatusServiceUnavailable) {
		t.Errorf("answered %d with Retry-After %q", answer.Code, again)
	}
}

// person makes a contact with a number that was proved.
func (w *world) person(t *testing.T, phone string) contacts.Profile {
	t.Helper()
	return w.speaking(t, phone, vocab.Kazakh)
}

// speaking makes a contact of a language, empty if nobody knows it.
func (w *world) speaking(t *testing.T, phone string, lang vocab.Language) contacts.Profile {
	t.Helper()
	p, err := w.contacts.Create(w.ctx, contacts.Contact{Name: "Айгүл", Language: lang, CreatedAt: start}, []contacts.NewAddress{
		{Channel: vocab.SMS, Value: vocab.Address(phone), Lookup: phone, Verified: true, Primary: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// grant records a grant of newsletters by SMS.
func (w *world) grant(t *testing.T, p contacts.Profile) {
	t.Helper()
	_, _, err := w.consents.Record(w.ctx, consent.Event{
		Kind: consent.KindGranted, ContactID: p.ID, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.SMS,
		Source: consent.SourceOperator, ActorKind: consent.ActorMember, ActorID: "mem_x", Language: vocab.Kazakh, At: start,
		ValidUntil: start.AddDate(2, 0, 0),
	}, "", false)
	if err != nil {
		t.Fatal(err)
	}
}

// wantGrant checks what a contact says to newsletters by SMS.
func (w *world) wantGrant(t *testing.T, p contacts.Profile, want consent.State) {
	t.Helper()
	list, err := w.consents.OfContact(w.ctx, p.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range list {
		if g.Key.Purpose == "news.company" && g.Key.Channel == vocab.SMS {
			if g.Grant.State != want {
				t.Errorf("the grant is %s, want %s", g.Grant.State, want)
			}
			return
		}
	}
	t.Errorf("there is no grant, want one that is %s", want)
}

// suppressed returns the reasons why nothing is sent to a number.
func (w *world) suppressed(t *testing.T, phone string) []contacts.SuppressionReason {
	t.Helper()
	list, err := w.suppressions.List(w.ctx, contacts.SuppressionFilter{Channel: vocab.SMS, Lookup: phone, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var reasons []contacts.SuppressionReason
	for _, s := range list {
		reasons = append(reasons, s.Reason)
	}
	return reasons
}

// events is how long the consent ledger is.
func (w *world) events(t *testing.T) int64 {
	t.Helper()
	head, err := w.consents.Head(w.ctx)
	if err != nil {
		t.Fatal(err)
	}
	return head.Seq
}

// waiting submits a text to a contact, which waits.
func (w *world) waiting(t *testing.T, p contacts.Profile, provider vocab.ProviderID, class vocab.Class) vocab.MessageID {
	t.Helper()
	id := vocab.MessageID(vocab.NewID(vocab.MessagePrefix))
	draft := dispatcher.Draft{
		Message: dispatcher.Message{
			ID: id, ContactID: p.ID, AddressID: p.Addresses[0].AddressID, Channel: vocab.SMS, Class: class, Lane: vocab.Normal,
			Purpose: "news.company", Language: vocab.Kazakh, Template: "tpv_x", Sender: "main", Provider: provider, Mode: dispatcher.Live,
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

// sending submits a text to somebody new and claims it.
func (w *world) sending(t *testing.T, provider vocab.ProviderID) dispatcher.Permit {
	t.Helper()
	id := w.waiting(t, w.person(t, fmt.Sprintf("+7701%07d", w.log.next())), provider, vocab.Transactional)
	return w.claim(t, id)
}

func (w *world) claim(t *testing.T, id vocab.MessageID) dispatcher.Permit {
	t.Helper()
	permits, err := w.ledger.ClaimBatch(w.ctx, dispatcher.Claim{IDs: []vocab.MessageID{id}, Now: start, Lease: time.Minute}, allowAll)
	if err != nil || len(permits) != 1 {
		t.Fatalf("claim: %d permits, %v", len(permits), err)
	}
	return permits[0]
}

// settle records what came of an attempt: accepted, or to be tried again.
func (w *world) settle(t *testing.T, p dispatcher.Permit, next dispatcher.Status, ref string) {
	t.Helper()
	m := p.Message
	s := dispatcher.Settlement{
		MessageID: m.ID, AddressID: m.AddressID, Channel: m.Channel, Attempt: m.Attempt, Provider: m.Provider, Next: next, At: start, OpenedAt: m.ClaimedAt,
		Outcome: channels.Accepted, ProviderRef: ref,
	}
	if next == dispatcher.Deferred {
		s.Outcome, s.Cause, s.DueAt = channels.Refused, channels.Temporary, start
	} else {
		s.FinalizedAt = start.AddDate(0, 0, 3)
	}
	if err := w.ledger.Settle(w.ctx, []dispatcher.Settlement{s}); err != nil {
		t.Fatal(err)
	}
}

// sent is a text that a provider has accepted under a reference.
func (w *world) sent(t *testing.T, provider vocab.ProviderID, ref string) dispatcher.Message {
	t.Helper()
	p := w.sending(t, provider)
	w.settle(t, p, dispatcher.Sent, ref)
	return p.Message
}

func (w *world) wantMessage(t *testing.T, id vocab.MessageID, want dispatcher.Status) {
	t.Helper()
	m, err := w.ledger.Get(w.ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if m.Status != want {
		t.Errorf("message is %s, want %s", m.Status, want)
	}
}

func allowAll(cs []dispatcher.Candidate) []consent.Decision {
	decisions := make([]consent.Decision, len(cs))
	for i := range cs {
		decisions[i] = consent.Decision{Verdict: consent.Allow, Reason: consent.OK, At: start}
	}
	return decisions
}

// logged is a log that a test looks into at its end: it may hold no number, no token and no text.
type logged struct {
	mu    sync.Mutex
	text  bytes.Buffer
	count int
}

func newLogged(t *testing.T) *logged {
	t.Helper()
	l := &logged{}
	t.Cleanup(func() {
		for _, personal := range []string{"7012345678", "+7701", "\"7701", "\"8701", kannelToken, formToken, "guessed", "СТОП", "STOP", "aigul"} {
			if strings.Contains(l.String(), personal) {
				t.Errorf("the log shows %q:\n%s", personal, l)
			}
		}
	})
	return l
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(io.Writer(l), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// next numbers things of a test.
func (l *logged) next() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	return l.count
}

// Write appends to the log.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns what was logged so far.
func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
