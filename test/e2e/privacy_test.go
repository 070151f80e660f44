package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/orleu/elshi/internal/testkit"
)

// gateway is an SMS gateway as docs/providers.md lets one be described. It repeats what it was sent in its refusals, as some do.
type gateway struct {
	*httptest.Server

	mu    sync.Mutex
	texts []string
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if strings.Contains(string(body), "9999999") { // the number that is refused
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"code": 22, "words": "refused: %s"}`, url.QueryEscape(string(body)))
			return
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.texts = append(g.texts, string(body))
		_, _ = fmt.Fprintf(w, `{"code": 0, "id": %d}`, len(g.texts))
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) all() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return strings.Join(g.texts, "\n")
}

// withGateway sends mail to a server and SMS through a gateway that settings describe.
func withGateway(port int, g *gateway) settings {
	return settings{
		Providers: "[" + relay(port) + `, {id: gate, channel: sms, driver: http_sms, gateway: {url: "` + g.URL + `", secrets: {key: gate-secret-1}, settings:
  {send.path: /send, send.json: '{"key": "{secret.key}", "to": "{to}", "text": "{text}"}', answer.code: "json:code", answer.accepted: "0", answer.ref: "json:id", answer.words: "json:words"}}}]`,
		Senders: "[" + relaySender + `, {id: name, channel: sms, provider: gate, from: ORLEU, default: true, registered: true}]`,
	}
}

// stored returns every file of an installation as one text.
func (w *world) stored(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(w.settings.DataDir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(all.String(), "account.identity") {
		t.Fatal("the database is not where this test looks")
	}
	return all.String()
}

// A one-time code is with its recipient and nowhere else: encrypted while it waits, gone when it was sent, never in an answer.
func TestACodeIsNowhereElse(t *testing.T) {
	t.Parallel()
	sink, gate := testkit.NewSMTPSink(t, testkit.SinkOptions{KeepRaw: true}), newGateway(t)
	w := startWorld(t, withGateway(sink.Port, gate))
	const secret = "QX7Z2KW9"
	contact := w.meet(t, person{name: "Aigul", language: "en", email: "code@orleu.example", phone: "+77010000003"})
	for _, provider := range []string{"relay", "gate"} {
		w.post(t, "/v1/providers/"+provider+"/pause", `{"reason": "test"}`).want(t, http.StatusOK)
	}
	var answered strings.Builder
	var ids []string
	for _, to := range [][2]string{{"email", "code@orleu.example"}, {"phone", "+77010000003"}} {
		body := strings.Replace(code(to[0], to[1], secret), `"data"`, `"metadata": {"note": "`+secret+`"}, "reference": "r", "data"`, 1)
		first := w.send(t, body, "Idempotency-Key: "+to[0]).has(t, "status=held")
		replay := w.send(t, body, "Idempotency-Key: "+to[0])
		preview := w.post(t, "/v1/messages/preview", body)
		answered.Write(first.Body)
		answered.Write(replay.Body)
		answered.Write(preview.Body)
		ids = append(ids, first.text(t, "id"))
	}
	read := func() {
		t.Helper()
		for _, id := range ids {
			for _, part := range []string{"", "/events", "/attempts", "/decision", "/content"} {
				answered.Write(w.get(t, "/v1/messages/"+id+part).want(t, http.StatusOK).Body)
			}
			w.get(t, "/v1/messages/"+id+"/content").has(t, "hidden=true")
		}
		answered.Write(w.get(t, "/v1/messages").want(t, http.StatusOK).Body)
		answered.Write(w.get(t, "/v1/contacts/"+contact+"/timeline").want(t, http.StatusOK).Body)
		answered.Write(w.with("").get(t, "/metrics").Body)
	}
	read()
	if strings.Contains(w.stored(t), secret) {
		t.Error("the code is readable in the database while it waits")
	}

	for _, provider := range []string{"relay", "gate"} {
		w.post(t, "/v1/providers/"+provider+"/resume", "").want(t, http.StatusOK)
	}
	for _, id := range ids {
		w.becomes(t, id, soon, "sent")
	}
	if !strings.Contains(sink.Messages()[0].Raw, secret) || !strings.Contains(gate.all(), secret) {
		t.Fatal("the recipient did not get the code")
	}
	read()
	// A gateway that repeats the text in its refusal, and requests that are no messages.
	refused := w.send(t, code("phone", "+77019999999", secret)).text(t, "id")
	w.becomes(t, refused, soon, "failed", "bounced", "undelivered", "held", "deferred")
	ids = append(ids, refused)
	read()
	for _, body := range []string{
		strings.Replace(code("email", "code@orleu.example", secret), `"minutes": 10, `, "", 1), code("email", secret, secret), code("phone", secret, secret),
		strings.Replace(code("email", "code@orleu.example", secret), `"trigger": {"id": "sign-in"}`, `"trigger": "`+secret+`"`, 1),
		strings.Replace(code("email", "code@orleu.example", secret), "account.identity", secret, 1), secret,
	} {
		if a := w.post(t, "/v1/messages", body); a.Status < 400 {
			t.Errorf("%s: %d", body, a.Status)
		} else if strings.Contains(string(a.Body), secret) {
			t.Errorf("a refusal repeats what was sent: %s", a.Body)
		}
	}
	if strings.Contains(answered.String(), secret) {
		at := strings.Index(answered.String(), secret)
		t.Errorf("an answer has the code: …%s", answered.String()[max(0, at-500):at+len(secret)])
	}
	if text := w.stored(t); strings.Contains(text, secret) {
		at := strings.Index(text, secret)
		t.Errorf("the code is in the database after it was sent: …%q", text[max(0, at-300):at+len(secret)])
	}
	w.quietAbout(t, secret)
}

// quietAbout fails if logs or metrics have any of these texts.
func (w *world) quietAbout(t *testing.T, secrets ...string) {
	t.Helper()
	logs, metrics := w.logs(), string(w.with("").get(t, "/metrics").want(t, http.StatusOK).Body)
	if !strings.Contains(logs, "level=") || !strings.Contains(metrics, "elshi_messages_decided_total") {
		t.Fatal("no logs or metrics to look into")
	}
	for _, secret := range secrets {
		for name, text := range map[string]string{"the logs": logs, "the metrics": metrics} {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s have %q: …%s", name, secret, text[max(0, at-300):min(len(text), at+100)])
			}
		}
	}
}

// Logs, metrics and refusals name ids and never people, whatever happens to their messages.
func TestNobodyIsNamedInLogs(t *testing.T) {
	t.Parallel()
	sink, gate := testkit.NewSMTPSink(t, testkit.SinkOptions{KeepRaw: true}), newGateway(t)
	w := startWorld(t, withGateway(sink.Port, gate))
	const (
		local, name, value, secret = "zhanar.q8x7", "Жанаркүл-Q8X7", "VALUE-Q8X7-SECRET", "CODE-Q8X7"
		email, phone, digits       = local + "@person.example", "+77757654321", "7757654321"
	)
	contact := w.meet(t, person{name: name, language: "kk", email: email, phone: phone, grants: []string{"event.invite"}})
	w.call(t, http.MethodPatch, "/v1/contacts/"+contact, `{"attributes": {"school": "`+value+`"}}`).want(t, http.StatusOK)
	answerBody := strings.Replace(reply(email, `, "metadata": {"note": "`+value+`"}`), "Вот так.", value, 1)

	w.sent(t, invitation(email))
	w.sent(t, answerBody)
	w.sent(t, code("phone", phone, secret))
	w.sent(t, code("email", email, secret))
	w.sent(t, sms(phone, strings.Replace(smsAnswer, "2026-1187", value, 1)))
	for _, fault := range []testkit.Fault{
		{At: testkit.AtRcpt, Times: 1, Reply: "450 4.2.2 <" + email + "> of " + name + " is full"},
		{At: testkit.AfterDot, Times: 1, Reply: "451 4.3.0 cannot take " + value + " for <" + email + ">"},
		{At: testkit.AfterDot, Times: 1, Cut: true},
		{At: testkit.AtMail, Times: 1, Reply: "421 4.3.2 go away, " + email},
	} {
		sink.Fail(fault)
		w.sent(t, answerBody)
	}
	w.meet(t, person{name: name, language: "ru", phone: "+77019999999"})
	w.becomes(t, w.send(t, sms("+77019999999", smsAnswer)).text(t, "id"), soon, "failed", "bounced", "undelivered", "held", "deferred")

	mail := sink.Messages()[0].Raw
	token := between(t, mail, "List-Unsubscribe: <"+w.base+"/u/", ">")
	nobody := w.with("")
	for _, kind := range []string{"u", "p", "w"} {
		nobody.get(t, "/"+kind+"/"+token)
	}
	nobody.post(t, "/u/"+token, "List-Unsubscribe=One-Click", "Content-Type: application/x-www-form-urlencoded").want(t, http.StatusOK)
	nobody.get(t, "/callbacks/gate/"+callbackToken+"?from="+phone)
	for _, call := range [][3]string{
		{http.MethodGet, "/v1/contacts?email=" + email, ""},
		{http.MethodGet, "/v1/contacts?q=" + url.QueryEscape(name), ""},
		{http.MethodGet, "/v1/suppressions?phone=%2B" + phone[1:], ""},
		{http.MethodGet, "/v1/contacts/" + email, ""},
		{http.MethodGet, "/v1/" + email, ""},
		{http.MethodGet, "/" + email, ""},
		{http.MethodGet, "/v1/messages?reference=" + value, ""},
		{http.MethodPost, "/v1/consents/withdraw", `{"address": {"email": "` + email + `"}, "scope": "address"}`},
		{http.MethodPost, "/v1/suppressions", `{"email": "` + email + `"}`},
		{http.MethodDelete, "/v1/contacts/" + contact, ""},
	} {
		w.call(t, call[0], call[1], call[2])
	}
	for _, body := range []string{
		reply(email+" x", ""), `{"to": {"email": "` + email + `", "phone": "` + phone + `"}, "reference": ["` + value + `"]}`, `{"to": "` + email + `"}`, email, `{"` + value + `"`,
		strings.Replace(reply(email, ""), `"request-1"`, `["`+value+`"]`, 1), strings.Replace(reply(email, ""), `"request-answered"`, `"`+value+`"`, 1),
		strings.Replace(reply(email, ""), `"Как?"`, `{"x": "`+value+`"}`, 1), `{"to": {"phone": "` + phone + `0000"}}`,
		`{"messages": [` + reply(email+" x", "") + `]}`,
	} {
		for _, path := range []string{"/v1/messages", "/v1/messages/batch", "/v1/messages/preview", "/v1/contacts", "/v1/consents", "/v1/templates"} {
			a := w.post(t, path, body)
			for _, secret := range []string{local, digits, name, value} {
				if a.Status >= 400 && strings.Contains(string(a.Body), secret) {
					t.Errorf("POST %s: a refusal repeats %q: %s", path, secret, a.Body)
				}
			}
		}
	}
	w.serving[0].Interrupt(t)
	if exit := w.serving[0].Wait(t, soon); exit != 0 {
		t.Errorf("exit code %d", exit)
	}
	w.serve(t, "")
	w.send(t, code("email", "someone@orleu.example", secret)) // the new process has something to count
	w.quietAbout(t, local, "person.example", digits, name, value, secret, token, callbackToken, w.key, w.key[len("elshi_live_"):], "gate-secret-1")
}
