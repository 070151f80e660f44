package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orleu/elshi/api"
	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/evidence"
	"github.com/orleu/elshi/export"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/proof"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// rings is a doorbell that nobody hears.
type rings struct{ batches []dispatcher.Batch }

func (r *rings) Ring(_ context.Context, b dispatcher.Batch) error {
	r.batches = append(r.batches, b)
	return nil
}

// street is the API over the real street and ledger on SQLite; nobody delivers.
type street struct {
	*api.API

	bell   *rings
	secret string
	log    *strings.Builder
}

func newStreet(t *testing.T) *street {
	t.Helper()
	now := func() time.Time { return time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC) } // a Monday, 10:00 in Astana
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key := []byte("a key of 32 bytes for tests only")
	db, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), HashKey: key})
	must(err)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	must(db.Migrate(t.Context()))
	purposes, err := consent.NewRegistry()
	must(err)
	calendar, err := consent.NewCalendar(consent.CalendarOptions{DefaultZone: "Asia/Almaty", Hours: consent.KazakhstanHours()})
	must(err)
	sealer, err := dispatcher.NewSealer(key)
	must(err)
	senders := map[vocab.SenderID]dispatcher.Sender{
		"mail": {ID: "mail", Channel: vocab.Email, Provider: "relay", From: "news@example.org", Default: true, Registered: true},
		"text": {ID: "text", Channel: vocab.SMS, Provider: "relay", From: "ORLEU", Default: true, Registered: true},
	}
	gate := &dispatcher.Gate{Purposes: purposes, Calendar: calendar, Senders: senders, Cap: consent.Cap{Marketing: 2, SMS: 1, Period: 7 * 24 * time.Hour}}
	ledger, book, consents := store.NewLedger(db), store.NewTemplates(db), store.NewConsents(db, purposes)
	links := dispatcher.NewLinks("https://elshi.example", key, key)
	renderer := dispatcher.NewRenderer(book, templates.Options{}, dispatcher.Org{Name: map[vocab.Language]string{"kk": "Өрлеу"}, URL: "https://orleu.example"}, links)
	s := &street{bell: &rings{}, log: &strings.Builder{}}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	submitter := dispatcher.NewSubmitter(dispatcher.Intaker{
		Ledger: ledger, Bell: s.bell, Gate: gate, Renderer: renderer, Sealer: sealer, Now: now, Log: log,
	}, dispatcher.SubmitOptions{})
	claimBook := store.NewClaims(db, consents)
	desk, err := claims.NewDesk(claims.Options{
		Book: claimBook, Closer: claimBook, Street: submitter, People: store.NewContacts(db), Purposes: purposes, Zone: time.FixedZone("Almaty", 5*3600),
		Now: now, Log: log,
	})
	must(err)
	shipped, err := templates.Builtins()
	must(err)
	for _, v := range shipped {
		_, err = book.Save(t.Context(), v, now())
		must(err)
	}
	texts := store.NewConsentTexts(db)
	signing, err := proof.SigningKey(key, "receipt")
	must(err)
	signer, err := proof.NewSigner(signing, proof.ReceiptType)
	must(err)
	receipts := proof.NewReceipts(consents, texts, purposes, proof.Controller{Name: map[vocab.Language]string{"kk": "Өрлеу"}}, signer)
	s.API, err = api.New(api.Options{
		Purposes: purposes, Now: now, Log: log, Submitter: submitter, Claims: claimBook, ClaimDesk: desk, Merger: consents,
		Messages: ledger, Orders: ledger, Payloads: ledger, Renderer: renderer, Contacts: store.NewContacts(db), Addresses: store.NewContacts(db),
		Consents: consents, Notary: ledgerDoor{notaryOf(t, consents, now)}, Withdrawer: dispatcher.NewWithdrawer(consents, now), Suppressions: store.NewSuppressions(db),
		Texts: streetTexts{texts}, Receipts: receipts,
		Events: store.NewFeed(db), Webhooks: store.NewWebhooks(db, sealer),
		Members: store.NewMembers(db), Tokens: store.NewMembers(db), Audit: store.NewAudit(db), Disclosures: store.NewDisclosures(db),
		Templates: book, Pauses: store.NewPauses(db), Keys: store.NewAPIKeys(db), Ready: func(context.Context) []api.Check { return nil },
		OptIns: noOptIns{}, Forms: store.NewForms(db),
		Retention: ledger,
		Evidence: evidence.New(evidence.Options{
			Messages: ledger, Ledger: consents, Texts: texts, Notary: notaryOf(t, consents, now), Suppressions: store.NewSuppressions(db), Templates: book,
			Renderer: renderer, Purposes: purposes, Org: map[vocab.Language]string{"kk": "Өрлеу"}, Zone: time.FixedZone("Almaty", 5*3600),
		}),
		Exporter: export.New(export.Options{
			People: store.NewContacts(db), Consents: consents, Messages: ledger, Renderer: renderer, Purposes: purposes,
		}),
		Certificates: api.Certificates{Certify: func(c contacts.Certificate) (string, error) {
			document, err := json.Marshal(c)
			return "e30." + base64.RawURLEncoding.EncodeToString(document) + ".c2ln", err
		}},
	})
	must(err)
	_, s.secret, err = store.NewAPIKeys(db).Create(t.Context(), "test", dispatcher.Live, nil, now())
	must(err)
	return s
}

// streetTexts are the texts as app hands them over.
type streetTexts struct{ *store.ConsentTexts }

func (t streetTexts) Texts(ctx context.Context, f api.TextFilter) ([]consent.Text, error) {
	return t.List(ctx, store.ConsentTextFilter(f))
}

// call asks and returns the answer's members; it fails unless the status is as wanted.
func (s *street) call(t *testing.T, status int, method, target, body string, headers ...string) map[string]any {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.secret)
	r.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var v map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != status {
		t.Fatalf("%s %s: %d, want %d\n%s\n%s", method, target, w.Code, status, w.Body, s.log)
	}
	v["replayed"] = w.Header().Get("Idempotency-Replayed")
	return v
}

// at reads a member of a member.
func at(v any, names ...string) any {
	for _, n := range names {
		m, _ := v.(map[string]any)
		v = m[n]
	}
	return v
}

const newsletter = `{"template":"hello","variants":[
	{"language":"kk","channel":"email","subject":"Сәлем, {{ data.name }}","html":"<html><body><p>{{ data.name }}</p><a href=\"{{ links.unsubscribe }}\">x</a></body></html>","approved":true}]}`

func TestAGrantSendsAndAWithdrawalStops(t *testing.T) {
	s := newStreet(t)
	s.call(t, 201, "POST", "/v1/templates", newsletter)
	contact := at(s.call(t, 201, "POST", "/v1/contacts", `{"name":"Айгүл","addresses":[{"email":"aigul@example.org","verified":true}]}`), "id").(string)
	message := `{"to":{"contact_id":"` + contact + `"},"channel":"email","purpose":"news.company","template":"hello","data":{"name":"Айгүл"}`

	denied := s.call(t, 202, "POST", "/v1/messages", message+`}`)
	if denied["status"] != "suppressed" || at(denied, "decision", "reason", "code") != "no_consent" {
		t.Fatalf("without a grant: %v", denied)
	}
	grant := s.call(t, 201, "POST", "/v1/consents", `{"contact_id":"`+contact+`","kind":"grant","purpose":"news.company","channel":"email"}`)
	if grant["state"] != "granted" || grant["valid_until"] != "2028-11-23T05:00:00Z" {
		t.Fatalf("grant %v", grant)
	}
	sent := s.call(t, 202, "POST", "/v1/messages", message+`}`, "Idempotency-Key: one")
	again := s.call(t, 202, "POST", "/v1/messages", message+`}`, "Idempotency-Key: one")
	if sent["status"] != "queued" || again["id"] != sent["id"] || again["replayed"] != "true" || sent["replayed"] != "" {
		t.Fatalf("with a grant: %v, then %v", sent, again)
	}
	if len(s.bell.batches) != 1 {
		t.Errorf("rang %d times, want once", len(s.bell.batches))
	}
	reused := s.call(t, 422, "POST", "/v1/messages", message+`,"reference":"r"}`, "Idempotency-Key: one")
	if reused["code"] != "idempotency_key_reused" {
		t.Errorf("another body: %v", reused)
	}
	path := "/v1/messages/" + sent["id"].(string)
	if d := s.call(t, 200, "GET", path+"/decision", ""); d["basis"] != "consent" || d["consent_event_id"] != grant["event_id"] {
		t.Errorf("decision %v does not name the grant %v", d, grant["event_id"])
	}
	if c := s.call(t, 200, "GET", path+"/content", ""); c["subject"] != "Сәлем, Айгүл" {
		t.Errorf("content %v", c)
	}

	done := s.call(t, 200, "POST", "/v1/consents/withdraw?wait=1s", `{"address":{"email":"AIGUL@example.org"},"scope":"address"}`)
	if canceled, _ := done["canceled"].([]any); len(canceled) != 1 || canceled[0] != sent["id"] {
		t.Errorf("withdrawal %v, want %v canceled", done, sent["id"])
	}
	again = s.call(t, 200, "POST", "/v1/consents/withdraw", `{"address":{"email":"aigul@example.org"},"scope":"address"}`)
	if canceled, _ := again["canceled"].([]any); len(canceled) != 0 || !reflect.DeepEqual(again["events"], done["events"]) || again["at"] != done["at"] {
		t.Errorf("the same withdrawal is answered with %v, and before with %v", again, done)
	}
	if m := s.call(t, 200, "GET", path, ""); m["status"] != "canceled" {
		t.Errorf("message %v", m)
	}
	if v := s.call(t, 200, "GET", "/v1/consent-ledger/verify", ""); v["intact"] != true || v["head_seq"] != 2.0 {
		t.Errorf("ledger %v", v)
	}
	entries, _ := s.call(t, 200, "GET", "/v1/contacts/"+contact+"/timeline", "")["data"].([]any)
	var order []string
	for _, e := range entries {
		order = append(order, at(e, "type").(string))
	}
	if got := strings.Join(order, " "); got != "consent message consent message" {
		t.Errorf("timeline %s", got)
	}
}

func TestOfTemplatesMadeAtOnceOneIsMade(t *testing.T) {
	s := newStreet(t)
	codes := make([]int, 8)
	var all sync.WaitGroup
	for i := range codes {
		all.Go(func() {
			body := strings.Replace(newsletter, "Сәлем", "Сәлем "+strconv.Itoa(i), 1)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/templates", strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+s.secret)
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			codes[i] = w.Code
		})
	}
	all.Wait()
	slices.Sort(codes)
	if codes[0] != http.StatusCreated || codes[1] != http.StatusConflict || codes[7] != http.StatusConflict {
		t.Errorf("answered %v, want one 201 and else 409", codes)
	}
	if v := s.call(t, 200, "GET", "/v1/templates/hello", ""); v["number"] != 1.0 {
		t.Errorf("the newest version has number %v", v["number"])
	}
}

func TestABatchOverTheLedgerAnswersEachItem(t *testing.T) {
	s := newStreet(t)
	s.call(t, 201, "POST", "/v1/templates", strings.Replace(newsletter, `<a href=\"{{ links.unsubscribe }}\">x</a>`, "", 1))
	item := `{"to":{"email":"a@example.org"},"purpose":"request.reply","trigger":{"id":"r-1"},"template":"hello","data":{"name":"x"}}`
	answer := s.call(t, 202, "POST", "/v1/messages/batch", `{"messages":[`+item+`,`+strings.Replace(item, "a@example.org", "a@", 1)+`,`+
		strings.Replace(item, `{"name":"x"}`, `{}`, 1)+`]}`)
	data, _ := answer["data"].([]any)
	var pointers []string
	for _, x := range data {
		if list, _ := at(x, "problem", "errors").([]any); len(list) == 1 {
			pointers = append(pointers, at(list[0], "pointer").(string)+" "+at(list[0], "code").(string))
		}
	}
	if len(data) != 3 || at(data[0], "message", "id") == nil {
		t.Fatalf("answer %v", answer)
	}
	if got := strings.Join(pointers, ", "); got != "/messages/1/to/email email_invalid, /messages/2/data/name missing_variable" {
		t.Errorf("problems at %s", got)
	}
	if list, _ := s.call(t, 200, "GET", "/v1/messages", "")["data"].([]any); len(list) != 1 {
		t.Errorf("%d messages, want the one that was made", len(list))
	}
}

func TestAOneTimeCodeIsNeverShown(t *testing.T) {
	s := newStreet(t)
	s.call(t, 201, "POST", "/v1/templates", `{"template":"code","variants":[{"language":"kk","channel":"sms","sms":"Код: {{ data.code }}","approved":true}]}`)
	body := `{"to":{"phone":"+77010000000"},"purpose":"account.identity","trigger":{"id":"sign-in"},"template":"code","data":{"code":"481516"}}`
	m := s.call(t, 202, "POST", "/v1/messages", body, "Idempotency-Key: c")
	for _, v := range []map[string]any{
		m, s.call(t, 202, "POST", "/v1/messages", body, "Idempotency-Key: c"), s.call(t, 200, "GET", "/v1/messages/"+m["id"].(string), ""),
		s.call(t, 200, "GET", "/v1/messages/"+m["id"].(string)+"/content", ""), s.call(t, 200, "POST", "/v1/messages/preview", body),
	} {
		if text, err := json.Marshal(v); err != nil || strings.Contains(string(text), "481516") {
			t.Errorf("the code is shown: %s %v", text, err)
		}
	}
	if strings.Contains(s.log.String(), "481516") {
		t.Error("the code is logged")
	}
}

// noOptIns asks nobody: what comes of opt-ins is told end to end.
type noOptIns struct{}

func (noOptIns) Ask(context.Context, optin.Request) (optin.Reply, error) { return optin.Reply{}, nil }

func TestAnErasedAddressThatComesBackMeetsItsSuppression(t *testing.T) {
	s := newStreet(t)
	s.call(t, 201, "POST", "/v1/templates", newsletter)
	const who = `{"name":"Айгүл","external_id":"t-1","addresses":[{"email":"aigul@example.org","verified":true}]}`
	contact := at(s.call(t, 201, "POST", "/v1/contacts", who), "id").(string)
	erased := s.call(t, 200, "DELETE", "/v1/contacts/"+contact, "")
	if id, _ := at(erased, "certificate", "certificate", "contact_id").(string); id != contact {
		t.Errorf("certificate: %v", erased)
	}
	again := at(s.call(t, 201, "POST", "/v1/contacts", who), "id").(string)
	s.call(t, 201, "POST", "/v1/consents", `{"contact_id":"`+again+`","kind":"grant","purpose":"news.company","channel":"email"}`)
	for name, to := range map[string]string{"the new contact": `{"contact_id":"` + again + `"}`, "the address": `{"email":"Aigul@Example.org"}`} {
		got := s.call(t, 202, "POST", "/v1/messages", `{"to":`+to+`,"channel":"email","purpose":"news.company","template":"hello","data":{"name":"Айгүл"}}`, "Accept-Language: en")
		sentence, _ := at(got, "decision", "reason", "sentence").(string)
		if at(got, "status") != "suppressed" || at(got, "decision", "reason", "code") != "suppressed_manual" || !strings.Contains(sentence, "data were erased") {
			t.Errorf("%s: %v", name, got)
		}
	}
	to := s.call(t, 202, "POST", "/v1/messages", `{"to":{"contact_id":"`+contact+`"},"channel":"email","purpose":"news.company","template":"hello","data":{"name":"Айгүл"}}`)
	if at(to, "decision", "reason", "code") != "contact_erased" {
		t.Errorf("the erased contact: %v", to)
	}
}
