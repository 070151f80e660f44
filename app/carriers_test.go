package app_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/app"
	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/internal/testkit"
)

// gate is an SMS gateway that nobody here knows, described by settings alone.
const gate = `
providers:
  - {id: mail, channel: email, driver: inbox}
  - id: gate
    channel: sms
    driver: http_sms
    gateway:
      url: %q
      callback_token: callback-token-0123456789
      headers: {Authorization: "Bearer header-secret"}
      secrets: {account: account-secret}
      settings:
        send.path: /v2/texts
        send.json: '{"to": "{to_digits}", "from": "{from}", "text": "{text}", "account": "{secret.account}", "report": "{callback_url}"}'
        answer.code: "json:code"
        answer.accepted: "0"
        answer.ref: "json:id"
        answer.cause.7: no_such_mailbox
        report.ref: "query:id"
        report.status: "query:state"
        report.is.ok: delivered
        reply.from: "query:from"
        reply.text: "query:text"
        reply.to: "query:to"
senders:
  - {id: news, channel: email, provider: mail, from: news@orleu.example, default: true}
  - {id: name, channel: sms, provider: gate, from: ORLEU, default: true, registered: true}
`

func TestGatewayFromSettings(t *testing.T) {
	requests := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		requests <- r.Method + " " + r.URL.Path + " " + r.Header.Get("Authorization") + " " + string(body)
		if strings.Contains(string(body), "77000000000") {
			_, _ = fmt.Fprint(w, `{"code": 7}`)
			return
		}
		_, _ = fmt.Fprint(w, `{"code": 0, "id": "g-1"}`)
	}))
	defer server.Close()
	h := start(t, settings(t, fmt.Sprintf(gate, server.URL)))
	h.seed(t)

	sent := h.send(t, code(`{"phone": "+77011234567"}`))
	h.becomes(t, sent.ID, "sent")
	request := <-requests
	for _, want := range []string{
		"POST /v2/texts Bearer header-secret {", `"to":"77011234567"`, `"from":"ORLEU"`, "482913", `"account":"account-secret"`,
		"/callbacks/gate/callback-token-0123456789",
	} {
		if !strings.Contains(request, want) {
			t.Errorf("the gateway was asked\n%s\nwant %s in it", request, want)
		}
	}

	callback := "/callbacks/gate/callback-token-0123456789?"
	if status, text := h.call(t, http.MethodGet, "/callbacks/gate/guessed?id=g-1&state=ok", ""); status != http.StatusNotFound {
		t.Errorf("a wrong token is answered %d %s", status, text)
	}
	if status, text := h.call(t, http.MethodGet, callback+"id=g-1&state=ok", ""); status != http.StatusOK {
		t.Errorf("the report is answered %d %s", status, text)
	}
	h.becomes(t, sent.ID, "delivered")

	h.becomes(t, h.send(t, code(`{"phone": "+77000000000"}`)).ID, "undelivered")

	<-requests
	if status, text := h.call(t, http.MethodPost, callback+url.Values{"from": {"77021234567"}, "to": {"1414"}, "text": {"КӨМЕК"}}.Encode(), ""); status != http.StatusOK {
		t.Errorf("HELP is answered %d %s", status, text)
	}
	help := ""
	select {
	case help = <-requests:
	case <-time.After(20 * time.Second):
	}
	for _, want := range []string{`"to":"77021234567"`, `Өрлеу: http://127.0.0.1:8080 Отписка: СТОП на 1414`} { // he speaks Russian
		if !strings.Contains(help, want) {
			t.Errorf("after HELP the gateway was asked\n%s\nwant %s in it", help, want)
		}
	}

	before := h.head(t)
	if status, text := h.call(t, http.MethodPost, callback+url.Values{"from": {"77011234567"}, "text": {"СТОП"}}.Encode(), ""); status != http.StatusOK {
		t.Errorf("STOP is answered %d %s", status, text)
	}
	if after := h.head(t); after != before+1 {
		t.Errorf("STOP wrote %d consent events, want 1", after-before)
	}
	for _, secret := range []string{"header-secret", "account-secret", "callback-token", "guessed", "7701123"} {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("the log shows %q", secret)
		}
	}
}

func TestWrongProviderSettingNamesTheProvider(t *testing.T) {
	sound := fmt.Sprintf(gate, "https://sms.example")
	for _, tc := range []struct{ name, old, harm, want string }{
		{"a setting that nobody knows", "answer.code:", "answer.kode:", "settings.answer.kode"},
		{"a cause that nobody knows", "no_such_mailbox", "gone", "settings.answer.cause.7"},
		{"a credential in the URL", "/v2/texts", "/v2/texts?key={secret.account}", "never into a URL"},
		{"a secret that is missing", "{account: account-secret}", "{}", `"account"`},
		{"a selector of no kind", `"json:id"`, `"xml:id"`, "xml:id"},
		{"a text that goes nowhere", "{text}", "text", "{text}"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.Replace(sound, tc.old, tc.harm, 1)
			if text == sound {
				t.Fatalf("the settings have no %s", tc.old)
			}
			// A worker sends through the provider, a door reads what it calls back.
			for _, role := range []config.Role{config.RoleWorker, config.RoleAPI} {
				cfg := settings(t, text)
				cfg.Roles = []config.Role{role}
				_, err := app.New(t.Context(), cfg, slog.New(slog.DiscardHandler))
				if err == nil || !strings.Contains(err.Error(), "provider gate: ") || !strings.Contains(err.Error(), tc.want) {
					t.Fatalf("New as %s: %v, want an error that names the provider gate and %s", role, err, tc.want)
				}
				if strings.Contains(err.Error(), "account-secret") || strings.Contains(err.Error(), "header-secret") {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
		})
	}
}

// Every driver that settings can name is built, and every one that calls back has its address.
func TestEveryDriverIsBuilt(t *testing.T) {
	sink := testkit.NewSMTPSink(t, testkit.SinkOptions{})
	h := start(t, settings(t, fmt.Sprintf(`
providers:
  - {id: relay, channel: email, driver: smtp, smtp: {host: 127.0.0.1, port: %d, tls: none, auth: none}}
  - {id: mobizon, channel: sms, driver: mobizon, gateway: {api_key: mobizon-api-key, callback_token: callback-token-0123456789}}
  - {id: kannel, channel: sms, driver: kannel, gateway: {url: "http://127.0.0.1:1", username: elshi, password: kannel-secret, callback_token: callback-token-0123456789}}
senders:
  - {id: news, channel: email, provider: relay, from: news@orleu.example, default: true}
  - {id: name, channel: sms, provider: kannel, from: ORLEU, default: true, registered: true}
`, sink.Port)))
	h.seed(t)
	h.becomes(t, h.send(t, code(`{"email": "aigul@demo.example"}`)).ID, "sent")
	if n := sink.Count(); n != 1 {
		t.Errorf("the relay has %d mails, want 1", n)
	}
	for _, provider := range []string{"mobizon", "kannel"} {
		if status, text := h.call(t, http.MethodGet, "/callbacks/"+provider+"/callback-token-0123456789", ""); status != http.StatusOK {
			t.Errorf("a call of %s is answered %d %s", provider, status, text)
		}
	}
	if status, _ := h.call(t, http.MethodGet, "/callbacks/relay/callback-token-0123456789", ""); status != http.StatusNotFound {
		t.Errorf("a call of a mail relay is answered %d, want 404", status)
	}
	began := time.Now()
	h.close(t)
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("the stop took %v, and its parts have 5 s", took)
	}
}
