package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/disclosures"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

var monday = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)

const (
	liveSecret  = "elshi_live_0123456789abcdefghjkmnpqrstvwxyz"
	testSecret  = "elshi_test_0123456789abcdefghjkmnpqrstvwxyz"
	guestSecret = "elshi_guest_list_0123456789abcdefghjkmnpq"
)

var (
	liveKey  = dispatcher.APIKey{ID: "key_06gywnjy01xbs0938nkrkaydx0", Name: "live", Mode: dispatcher.Live}
	testKey  = dispatcher.APIKey{ID: "key_06gywnjy01xbs0938nkrkaydx4", Name: "test", Mode: dispatcher.Test}
	guestKey = dispatcher.APIKey{ID: "key_06gywnjy01xbs0938nkrkaydx8", Name: "guests", Mode: dispatcher.GuestList, Guests: []string{"aa", "bb"}}

	aContact = vocab.ContactID("con_06gywnjy01xbs0938nkrkaydxw")
	aMessage = vocab.MessageID("msg_06gywnjy01xbs0938nkrkaydxw")
)

// door is an API over fakes.
type door struct {
	*API

	log       *bytes.Buffer
	submitter *fakeSubmitter
	messages  *fakeMessages
	contacts  *fakeContacts
	consents  *fakeConsents
	notary    *fakeNotary
	keys      *fakeKeys
	withdrawn []dispatcher.Withdrawal
	waited    []time.Duration
	pauses    []dispatcher.Pause
	templates *fakeTemplates

	claims       *fakeClaims
	suppressions *fakeSuppressions

	optIns   *fakeOptIns
	forms    *fakeForms
	exporter *fakeExporter
	feed     *fakeFeed
	webhooks *fakeWebhooks
	checks   []Check
	members  *fakeMembers
	audit    *fakeAudit
	register *fakeDisclosures
	away     error // of the ledger, for every fake that asks it
	texts    *fakeTexts
	evidence *fakeEvidence
}

func newDoor(t testing.TB, change ...func(*Options)) *door {
	t.Helper()
	d := &door{log: &bytes.Buffer{}}
	o := d.options(t)
	for _, c := range change {
		c(&o)
	}
	var err error
	if d.API, err = New(o); err != nil {
		t.Fatal(err)
	}
	return d
}

// newDoorOptions are the options of a door over fakes.
func newDoorOptions(t testing.TB) Options {
	t.Helper()
	return (&door{log: &bytes.Buffer{}}).options(t)
}

// options makes the fakes.
func (d *door) options(t testing.TB) Options {
	t.Helper()
	d.submitter = &fakeSubmitter{door: d}
	d.messages = &fakeMessages{door: d, byID: map[vocab.MessageID]dispatcher.Message{}}
	d.contacts = &fakeContacts{door: d, byID: map[vocab.ContactID]contacts.Profile{}}
	d.consents = &fakeConsents{door: d}
	d.notary = &fakeNotary{door: d}
	d.keys = &fakeKeys{door: d, bySecret: map[string]dispatcher.APIKey{liveSecret: liveKey, testSecret: testKey, guestSecret: guestKey}}
	d.texts = &fakeTexts{door: d}
	d.templates = &fakeTemplates{door: d, bySlug: map[string][]templates.Version{}}
	d.claims, d.suppressions = &fakeClaims{door: d}, &fakeSuppressions{door: d}
	d.optIns, d.forms = &fakeOptIns{door: d}, &fakeForms{door: d, byID: map[vocab.FormID]optin.Form{}}
	d.exporter = &fakeExporter{door: d}
	d.evidence = &fakeEvidence{door: d}
	d.feed = &fakeFeed{door: d}
	d.webhooks = &fakeWebhooks{door: d, byID: map[events.WebhookID]events.Webhook{}}
	purposes, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	d.members, d.audit, d.register = newFakeMembers(d), &fakeAudit{door: d}, &fakeDisclosures{door: d, byID: map[vocab.DisclosureID]disclosures.Disclosure{}}
	return Options{
		Version: "1.0.0", PublicURL: "https://elshi.example",
		Purposes: purposes, Now: func() time.Time { return monday }, Log: slog.New(slog.NewJSONHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Providers: []Provider{{ID: "relay", Channel: vocab.Email, Driver: "smtp"}},
		Senders:   []dispatcher.Sender{{ID: "news", Channel: vocab.Email, Provider: "relay", From: "news@example.org", Default: true}},
		Submitter: d.submitter, Messages: d.messages, Orders: d.messages, Payloads: d.messages, Renderer: d.messages,
		Contacts: d.contacts, Addresses: d.contacts, Consents: d.consents, Notary: d.notary, Withdrawer: d,
		Suppressions: d.suppressions, Claims: d.claims, ClaimDesk: d.claims, Merger: d.claims, Templates: d.templates, Pauses: d, Keys: d.keys,
		Events: d.feed, Webhooks: d.webhooks, Inbox: &fakeInbox{door: d},
		Texts: d.texts, Receipts: &fakeReceipts{door: d},
		OptIns: d.optIns, Forms: d.forms,
		Ready:    func(context.Context) []Check { return d.checks },
		Evidence: d.evidence,
		Exporter: d.exporter, Retention: &fakeRetention{d},
		Certificates: Certificates{Keys: []byte(`{"keys":[]}`), Certify: func(c contacts.Certificate) (string, error) {
			document, err := json.Marshal(c)
			return "e30." + base64.RawURLEncoding.EncodeToString(document) + ".c2ln", err
		}},
		Members: d.members, Tokens: d.members, Audit: d.audit, Disclosures: d.register,
	}
}

// answered is an answer of the door.
type answered struct {
	*httptest.ResponseRecorder

	t testing.TB
}

// call asks with a live key. Extra headers are given as "Name: value".
func (d *door) call(t testing.TB, method, target, body string, headers ...string) answered {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, target, reader)
	r.Header.Set("Authorization", "Bearer "+liveSecret)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return answered{w, t}
}

// into decodes the answer.
func (a answered) into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.Body.Bytes(), v); err != nil {
		a.t.Fatalf("answer %d is not JSON: %v\n%s", a.Code, err, a.Body)
	}
}

// problem checks that the answer is a refusal and returns it.
func (a answered) problem(status int, code string) problem {
	a.t.Helper()
	if a.Code != status || a.Header().Get("Content-Type") != "application/problem+json" {
		a.t.Fatalf("got %d %s, want %d application/problem+json\n%s", a.Code, a.Header().Get("Content-Type"), status, a.Body)
	}
	var p problem
	a.into(&p)
	if p.Code != code || p.Status != status || p.Title == "" || p.Detail == "" || p.RequestID != a.Header().Get("X-Request-Id") {
		a.t.Fatalf("problem %+v, want code %q, status %d, a title, a detail and the request id", p, code, status)
	}
	return p
}

func (a answered) ok(status int) answered {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("got %d, want %d\n%s", a.Code, status, a.Body)
	}
	return a
}

func (d *door) Withdraw(_ context.Context, x dispatcher.Withdrawal, wait time.Duration) (dispatcher.Withdrawn, error) {
	d.withdrawn, d.waited = append(d.withdrawn, x), append(d.waited, wait)
	return dispatcher.Withdrawn{
		At: monday, Events: []vocab.ConsentEventID{"cev_1"}, Canceled: []vocab.MessageID{"msg_1"}, InFlight: []vocab.MessageID{"msg_2"},
	}, d.away
}

func (d *door) Pause(_ context.Context, p dispatcher.Pause) error {
	d.pauses = append(d.pauses, p)
	return d.away
}

func (d *door) Resume(_ context.Context, kind dispatcher.PauseKind, name string, _ time.Time) (bool, error) {
	n := len(d.pauses)
	d.pauses = slices.DeleteFunc(d.pauses, func(p dispatcher.Pause) bool { return p.Kind == kind && p.Name == name })
	return len(d.pauses) < n, d.away
}

func (d *door) List(context.Context) ([]dispatcher.Pause, error) { return d.pauses, d.away }
