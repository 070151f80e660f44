package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

const goodMessage = `{"to":{"email":"aigul@example.org"},"purpose":"request.reply","template":"request-reply","trigger":{"id":"r-1"}}`

func TestEveryRefusalIsAProblemThatNamesItsPlace(t *testing.T) {
	big := `{"to":{"email":"a@example.org"},"purpose":"request.reply","template":"x","reference":"` + strings.Repeat("x", 2000) + `"}`
	message := func(member string) string { return strings.TrimSuffix(goodMessage, "}") + "," + member + "}" }
	for _, tc := range []struct {
		name, method, target, body string
		headers                    []string
		status                     int
		code                       string
		fields                     []problemField
	}{
		{name: "no key", method: "POST", target: "/v1/messages", body: goodMessage, headers: []string{"Authorization: "}, status: 401, code: "unauthorized"},
		{name: "another scheme", method: "GET", target: "/v1/purposes", headers: []string{"Authorization: Basic " + liveSecret}, status: 401, code: "unauthorized"},
		{name: "an unknown key", method: "GET", target: "/v1/purposes", headers: []string{"Authorization: Bearer elshi_live_x"}, status: 401, code: "unauthorized"},
		{name: "no such route", method: "GET", target: "/v1/nothing", status: 404, code: "route_not_found"},
		{name: "no such method", method: "PUT", target: "/v1/messages", status: 405, code: "method_not_allowed"},
		{name: "another media type", method: "POST", target: "/v1/messages", body: goodMessage, headers: []string{"Content-Type: text/plain"}, status: 415, code: "unsupported_media_type"},
		{name: "a body that is not declared", method: "POST", target: "/v1/messages", body: goodMessage, headers: []string{"Content-Type: "}, status: 415, code: "unsupported_media_type"},
		{name: "no body", method: "POST", target: "/v1/messages", status: 400, code: "body_required"},
		{name: "not JSON", method: "POST", target: "/v1/messages", body: `{"to":`, status: 400, code: "invalid_json"},
		{name: "two values", method: "POST", target: "/v1/messages", body: goodMessage + goodMessage, status: 400, code: "invalid_json"},
		{name: "a body above the limit", method: "POST", target: "/v1/messages", body: big, status: 413, code: "body_too_large"},
		{
			name: "an unknown field", method: "POST", target: "/v1/messages", body: message(`"colour":1`), status: 422, code: "invalid_request",
			fields: []problemField{{Pointer: "/colour", Code: "unknown_field"}},
		},
		{
			name: "an unknown field inside", method: "POST", target: "/v1/messages", body: message(`"trigger":{"why":"x"}`), status: 422, code: "invalid_request",
			fields: []problemField{{Pointer: "/trigger/why", Code: "unknown_field"}},
		},
		{
			name: "a missing field", method: "POST", target: "/v1/messages", body: `{"to":{},"template":"x"}`, status: 422, code: "invalid_request",
			fields: []problemField{{Pointer: "/purpose", Code: "required"}},
		},
		{
			name: "a wrong type in a batch", method: "POST", target: "/v1/messages/batch",
			body: `{"messages":[` + goodMessage + `,{"to":{"email":7},"purpose":"p","template":"x"}]}`, status: 422, code: "invalid_request",
			fields: []problemField{{Pointer: "/messages/1/to/email", Code: "type"}},
		},
		{
			name: "an empty batch", method: "POST", target: "/v1/messages/batch", body: `{"messages":[]}`, status: 422, code: "invalid_request",
			fields: []problemField{{Pointer: "/messages", Code: "length"}},
		},
		{
			name: "data that are no object", method: "POST", target: "/v1/messages", body: message(`"data":[1]`), status: 422, code: "invalid_request",
			fields: []problemField{{Pointer: "/data", Code: "type"}},
		},
		{
			name: "a time that is none", method: "POST", target: "/v1/messages", body: message(`"send_at":"tomorrow"`), status: 422, code: "invalid_request",
			fields: []problemField{{Pointer: "/send_at", Code: "date_time"}},
		},
		{
			name: "base64 that is none", method: "POST", target: "/v1/messages", body: message(`"attachments":[{"name":"a","content":"*"}]`), status: 422,
			code: "invalid_request", fields: []problemField{{Pointer: "/attachments/0/content", Code: "base64"}},
		},
		{
			name: "an Idempotency-Key with a control character", method: "POST", target: "/v1/messages", body: goodMessage,
			headers: []string{"Idempotency-Key: a\tb"}, status: 422, code: "invalid_request",
			fields: []problemField{{Parameter: "Idempotency-Key", Code: "idempotency_key_invalid"}},
		},
		{
			name: "a parameter out of range", method: "GET", target: "/v1/messages?limit=0", status: 422, code: "invalid_request",
			fields: []problemField{{Parameter: "limit", Code: "range"}},
		},
		{
			name: "a parameter that is none", method: "GET", target: "/v1/messages?colour=red", status: 422, code: "invalid_request",
			fields: []problemField{{Parameter: "colour", Code: "unknown_parameter"}},
		},
		{
			name: "a cursor of another list", method: "GET", target: "/v1/messages?cursor=con_06gywnjy01xbs0938nkrkaydxw", status: 422, code: "invalid_request",
			fields: []problemField{{Parameter: "cursor", Code: "invalid_id"}},
		},
		{name: "no such message", method: "GET", target: "/v1/messages/msg_06gywnjy01xbs0938nkrkaydxw", status: 404, code: "message_not_found"},
		{name: "an id that cannot be one", method: "GET", target: "/v1/messages/7", status: 404, code: "message_not_found"},
		{name: "a message that is gone", method: "POST", target: "/v1/messages/msg_06gywnjy01xbs0938nkrkaydxw/cancel", status: 409, code: "message_not_cancelable"},
		{
			name: "an address that is none", method: "POST", target: "/v1/contacts", body: `{"addresses":[{"email":"a@b.example"},{"phone":"12"}]}`, status: 422,
			code: "invalid_request", fields: []problemField{{Pointer: "/addresses/1/phone", Code: "phone_invalid"}},
		},
		{
			name: "several things wrong with a contact", method: "POST", target: "/v1/contacts",
			body: `{"language":"!","attributes":{"iin":"1"},"addresses":[{}]}`, status: 422, code: "invalid_request",
			fields: []problemField{
				{Pointer: "/language", Code: "language_invalid"},
				{Pointer: "/attributes/iin", Code: "forbidden_identifier"},
				{Pointer: "/addresses/0", Code: "required"},
			},
		},
		{name: "no such contact", method: "PATCH", target: "/v1/contacts/con_06gywnjy01xbs0938nkrkaydxw", body: `{}`, status: 404, code: "contact_not_found"},
		{
			name: "an unregistered purpose", method: "POST", target: "/v1/consents",
			body: `{"contact_id":"con_06gywnjy01xbs0938nkrkaydxw","kind":"grant","purpose":"news.other","channel":"email"}`, status: 422,
			code: "invalid_request", fields: []problemField{{Pointer: "/purpose", Code: "purpose_unregistered"}},
		},
		{
			name: "a consent to no channel", method: "POST", target: "/v1/consents",
			body: `{"contact_id":"con_06gywnjy01xbs0938nkrkaydxw","kind":"grant","purpose":"news.company"}`, status: 422,
			code: "invalid_request", fields: []problemField{{Pointer: "/channel", Code: "required"}},
		},
		{
			name: "a name in the ledger", method: "POST", target: "/v1/consents",
			body:   `{"contact_id":"con_06gywnjy01xbs0938nkrkaydxw","kind":"grant","purpose":"news.company","channel":"email","policy_version":"aigul@example.org"}`,
			status: 422, code: "invalid_request", fields: []problemField{{Pointer: "/policy_version", Code: "invalid"}},
		},
		{
			name: "a withdrawal by nobody", method: "POST", target: "/v1/consents/withdraw", body: `{"scope":"all"}`, status: 422,
			code: "invalid_request", fields: []problemField{{Pointer: "/contact_id", Code: "required"}},
		},
		{
			name: "a purpose withdrawal without purpose", method: "POST", target: "/v1/consents/withdraw",
			body: `{"contact_id":"con_06gywnjy01xbs0938nkrkaydxw","scope":"purpose"}`, status: 422,
			code: "invalid_request", fields: []problemField{{Pointer: "/purpose", Code: "required"}},
		},
		{
			name: "a wait that is none", method: "POST", target: "/v1/consents/withdraw?wait=long",
			body: `{"contact_id":"con_06gywnjy01xbs0938nkrkaydxw","scope":"all"}`, status: 422,
			code: "invalid_request", fields: []problemField{{Parameter: "wait", Code: "duration"}},
		},
		{
			name: "a withdrawal for an address nobody has", method: "POST", target: "/v1/consents/withdraw",
			body: `{"address":{"email":"nobody@example.org"},"scope":"address"}`, status: 404, code: "address_not_found",
		},
		{
			name: "email and phone", method: "POST", target: "/v1/suppressions", body: `{"email":"a@example.org","phone":"+77010000000"}`, status: 422,
			code: "invalid_request", fields: []problemField{{Code: "ambiguous"}},
		},
		{
			name: "a template with a hole", method: "POST", target: "/v1/templates",
			body: `{"template":"x","variants":[{"language":"kk","channel":"sms","sms":"{{ data.x"}]}`, status: 422,
			code: "invalid_request", fields: []problemField{{Pointer: "/variants/0/sms", Code: "bad_syntax"}},
		},
		{name: "a version of no template", method: "POST", target: "/v1/templates/none/versions", body: `{"variants":[{"language":"kk","channel":"sms"}]}`, status: 404, code: "template_not_found"},
		{name: "no such provider", method: "POST", target: "/v1/providers/none/pause", body: `{}`, status: 404, code: "provider_not_found"},
		{name: "no such purpose", method: "POST", target: "/v1/purposes/none/resume", status: 404, code: "purpose_not_found"},
		{
			name: "guests of a live key", method: "POST", target: "/v1/api-keys", body: `{"name":"x","mode":"live","guests":[{"email":"a@example.org"}]}`, status: 422,
			code: "invalid_request", fields: []problemField{{Pointer: "/guests", Code: "guests_for_guest_list"}},
		},
		{
			name: "a test key that makes a live one", method: "POST", target: "/v1/api-keys", body: `{"name":"x","mode":"live"}`,
			headers: []string{"Authorization: Bearer " + testSecret}, status: 403, code: "key_mode_forbidden",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDoor(t, func(o *Options) { o.MaxBody = 1500 })
			p := d.call(t, tc.method, tc.target, tc.body, tc.headers...).problem(tc.status, tc.code)
			for i := range p.Errors {
				if p.Errors[i].Detail == "" {
					t.Errorf("%+v says nothing to people", p.Errors[i])
				}
				p.Errors[i].Detail = ""
			}
			if diff := cmp.Diff(tc.fields, p.Errors); diff != "" {
				t.Errorf("errors mismatch (-want +got):\n%s", diff)
			}
			if len(d.submitter.calls) > 0 {
				t.Error("the street was asked although the door refused")
			}
		})
	}
}

func TestMessagesOfTheValidatorThatMayRepeatAValueAreNotShown(t *testing.T) {
	for _, tc := range []struct {
		detail huma.ErrorDetail
		want   problemField
	}{
		{
			huma.ErrorDetail{Location: "body.to.email", Message: "expected string to be RFC 5322 email: mail: aigul.planted", Value: "aigul.planted"},
			problemField{Pointer: "/to/email", Code: "invalid", Detail: "this is not valid"},
		},
		{
			huma.ErrorDetail{Location: "body.messages[3].to.aigul.planted@example.org", Message: "unexpected property"},
			problemField{Pointer: "/messages/3", Code: "unknown_field", Detail: "there is no such field"},
		},
		{
			huma.ErrorDetail{Location: "query.created_after", Message: "invalid date/time for format 2006"},
			problemField{Parameter: "created_after", Code: "date_time", Detail: "want an RFC 3339 time such as 2026-11-22T09:00:00Z"},
		},
		{
			huma.ErrorDetail{Location: "body.messages[12].to", Message: "expected required property name to be present"},
			problemField{Pointer: "/messages/12/to/name", Code: "required", Detail: "expected required property name to be present"},
		},
	} {
		if diff := cmp.Diff(tc.want, shapeField(&tc.detail)); diff != "" {
			t.Errorf("%+v mismatch (-want +got):\n%s", tc.detail, diff)
		}
	}
}

func TestWhatTheStreetRefusesKeepsItsPointers(t *testing.T) {
	d := newDoor(t)
	wrong := []fault.Field{{Pointer: "/to/email", Code: "email_invalid", Detail: "want an address"}}
	d.submitter.answer = func(rs []dispatcher.Request) (dispatcher.Submitted, error) {
		out := dispatcher.Submitted{Results: make([]dispatcher.Result, len(rs))}
		for i := range rs {
			out.Results[i] = dispatcher.Result{Code: "invalid_request", Problem: wrong}
		}
		out.Results[0] = dispatcher.Result{ID: aMessage, Status: dispatcher.Suppressed, Verdict: "deny", Reason: "no_consent", Reasons: nil}
		if len(rs) == 1 {
			out.Results[0] = dispatcher.Result{Code: "invalid_request", Problem: wrong}
		}
		return out, nil
	}
	p := d.call(t, "POST", "/v1/messages", goodMessage).problem(422, "invalid_request")
	if want := []problemField{{Pointer: "/to/email", Code: "email_invalid", Detail: "want an address"}}; !cmp.Equal(want, p.Errors) {
		t.Errorf("errors %+v, want %+v", p.Errors, want)
	}

	var batch batchView
	d.call(t, "POST", "/v1/messages/batch", `{"messages":[`+goodMessage+`,`+goodMessage+`]}`).ok(202).into(&batch)
	if batch.Data[0].Message == nil || batch.Data[0].Message.Status != dispatcher.Suppressed || batch.Data[0].Problem != nil {
		t.Errorf("item 0 is %+v, want the suppressed message", batch.Data[0])
	}
	if x := batch.Data[1]; x.Problem == nil || x.Problem.Errors[0].Pointer != "/messages/1/to/email" || x.Problem.Status != 422 {
		t.Errorf("item 1 is %+v, want a problem at /messages/1/to/email", x)
	}
}

func TestFaultsAreMappedToOneStatus(t *testing.T) {
	for _, tc := range []struct {
		err    error
		status int
		code   string
	}{
		{fault.Away("ledger", errors.New("connection refused")), 503, "ledger_unavailable"},
		{fmt.Errorf("submit: %w", fault.Away("ledger", nil)), 503, "ledger_unavailable"},
		{fault.Missing("thing_not_found", "no thing"), 404, "thing_not_found"},
		{&fault.Error{Kind: fault.Conflict, Code: "idempotency_key_in_use", Detail: "still running"}, 409, "idempotency_key_in_use"},
		{&fault.Error{Kind: fault.Invalid, Code: "idempotency_key_reused", Detail: "another body"}, 422, "idempotency_key_reused"},
		{&fault.Error{Kind: fault.Forbidden, Code: "forbidden", Detail: "no"}, 403, "forbidden"},
		{errors.New("disk full"), 500, "internal"},
	} {
		t.Run(tc.err.Error(), func(t *testing.T) {
			d := newDoor(t)
			d.away = tc.err
			r := d.call(t, "POST", "/v1/messages", goodMessage)
			r.problem(tc.status, tc.code)
			if got := r.Header().Get("Retry-After"); (got != "") != (tc.status == 503) {
				t.Errorf("Retry-After %q with %d", got, tc.status)
			}
			if strings.Contains(r.Body.String(), "disk full") || strings.Contains(r.Body.String(), "connection refused") {
				t.Errorf("the answer tells what went wrong inside: %s", r.Body)
			}
			if logged := strings.Contains(d.log.String(), `"level":"ERROR"`); logged != (tc.status == 500) {
				t.Errorf("error logged: %t, for %d\n%s", logged, tc.status, d.log)
			}
		})
	}
}

func TestALedgerThatIsAwayIsNeverNotFound(t *testing.T) {
	d := newDoor(t)
	d.away = fault.Away("ledger", nil)
	contact, message := "/v1/contacts/"+string(aContact), "/v1/messages/"+string(aMessage)
	for _, target := range []string{
		"/v1/messages", message, message + "/events", message + "/attempts", message + "/decision", message + "/content", "/v1/contacts", contact,
		contact + "/consents", contact + "/timeline", "/v1/consent-ledger/verify", "/v1/consent-ledger/checkpoints",
		"/v1/consent-ledger/entries/cev_06gywnjy01xbs0938nkrkaydxw/proof", "/v1/purposes", "/v1/providers", "/v1/suppressions",
		"/v1/suppressions/sup_06gywnjy01xbs0938nkrkaydxw", "/v1/templates", "/v1/templates/x", "/v1/templates/x/versions/1", "/v1/api-keys",
		"/v1/inbox", "/v1/inbox/cgt_06gywnjy01xbs0938nkrkaydxw",
	} {
		if r := d.call(t, "GET", target, ""); r.Code != 503 {
			t.Errorf("GET %s: %d, want 503", target, r.Code)
		}
	}
}

func TestAPanicIsAnsweredAndLoggedWithoutItsValue(t *testing.T) {
	d := newDoor(t)
	d.messages.panics = "aigul@example.org"
	d.call(t, "GET", "/v1/messages/"+string(aMessage), "").problem(500, "internal")
	if log := d.log.String(); strings.Count(log, `"msg":"panic"`) != 1 || strings.Contains(log, "aigul") || !strings.Contains(log, "string") {
		t.Errorf("want one panic with the type of its value alone, got\n%s", log)
	}
}

func TestTheRateOfAKeyIsBounded(t *testing.T) {
	d := newDoor(t, func(o *Options) { o.RatePerSecond, o.RateBurst = 0.5, 2 })
	first := d.call(t, "GET", "/v1/purposes", "").ok(200)
	if got := first.Header().Get("RateLimit") + " " + first.Header().Get("RateLimit-Policy"); got != `"key";r=1;t=2 "key";q=2;w=4` {
		t.Errorf("headers %s", got)
	}
	d.call(t, "GET", "/v1/purposes", "").ok(200)
	third := d.call(t, "GET", "/v1/purposes", "")
	third.problem(429, "rate_limited")
	if got := third.Header().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After %q, want 2", got)
	}
	d.call(t, "GET", "/v1/purposes", "", "Authorization: Bearer "+testSecret).ok(200) // another key has a bucket of its own
}

func TestNoPersonalValueIsLoggedOrRepeated(t *testing.T) {
	personal := []string{"aigul", "77011234567", "Сәрсенова", "481516"}
	d := newDoor(t)
	d.messages.byID[aMessage] = dispatcher.Message{ID: aMessage, Class: vocab.Security, Status: dispatcher.Sent}
	bad := []answered{
		d.call(t, "POST", "/v1/messages", `{"to":{"email":"aigul.planted@example.org","name":"Сәрсенова"},"purpose":7,"template":"x","data":{"code":"481516"}}`),
		d.call(t, "POST", "/v1/messages", `{"to":{"email":"aigul.planted@example.org"},"purpose":"p","template":"x","aigul.planted@example.org":"481516","77011234567":1}`),
		d.call(t, "POST", "/v1/messages", `{"to":{"phone":"+77011234567"},"channel":"Сәрсенова","purpose":"p","template":"x","send_at":"481516"}`),
		d.call(t, "POST", "/v1/messages", `{"to":"aigul.planted@example.org" 481516`),
		d.call(t, "POST", "/v1/contacts", `{"name":"Сәрсенова\n","addresses":[{"email":"aigul.planted@"},{"phone":"7701123456777011234567"}]}`),
		d.call(t, "POST", "/v1/suppressions", `{"email":"aigul.planted"}`),
		d.call(t, "GET", "/v1/contacts?email=aigul.planted&limit=481516", ""),
		d.call(t, "GET", "/v1/contacts?aigul.planted@example.org=1", ""),
		d.call(t, "GET", "/v1/messages/aigul.planted@example.org", ""),
		d.call(t, "GET", "/v1/77011234567/aigul.planted", ""),
		d.call(t, "AIGUL.PLANTED", "/v1/messages", ""),
		d.call(t, "GET", "/v1/messages?cursor=aigul.planted", "", "X-Request-Id: 77011234567"),
		d.call(t, "POST", "/v1/messages", goodMessage, "Idempotency-Key: Сәрсенова"),
		d.call(t, "GET", "/v1/purposes", "", "Authorization: Bearer 481516"),
	}
	good := []answered{
		d.call(t, "POST", "/v1/messages", `{"to":{"email":"aigul.planted@example.org","name":"Сәрсенова"},"purpose":"account.identity","template":"x","data":{"code":"481516"}}`).ok(202),
		d.call(t, "POST", "/v1/messages/preview", `{"to":{"phone":"+77011234567"},"purpose":"account.identity","template":"x","data":{"code":"481516"}}`).ok(200),
		d.call(t, "GET", "/v1/messages/"+string(aMessage)+"/content", "").ok(200),
	}
	for i, r := range append(bad, good...) {
		if i < len(bad) && r.Code < 400 {
			t.Errorf("request %d was not refused: %d", i, r.Code)
		}
		for _, p := range personal {
			if strings.Contains(r.Body.String(), p) || strings.Contains(fmt.Sprint(r.Header()), p) {
				t.Errorf("answer %d repeats %q: %s %v", i, p, r.Body, r.Header())
			}
		}
	}
	for _, p := range append(personal, "AIGUL") {
		if strings.Contains(d.log.String(), p) {
			t.Errorf("the log holds %q:\n%s", p, d.log)
		}
	}
	if d.messages.rendered > 0 {
		t.Error("a one-time code was rendered to be shown")
	}
}

func TestTheLogNamesTheRouteAndTheKey(t *testing.T) {
	d := newDoor(t)
	d.call(t, "GET", "/v1/messages/"+string(aMessage)+"?x=1", "")
	for _, want := range []string{`"method":"GET"`, `"route":"/v1/messages/:id"`, `"status":`, `"request_id":"req_`, `"api_key_id":"` + string(liveKey.ID)} {
		if !strings.Contains(d.log.String(), want) {
			t.Errorf("no %s in %s", want, d.log)
		}
	}
	if n := strings.Count(d.log.String(), "\n"); n != 1 {
		t.Errorf("%d lines, want 1", n)
	}
	trace := "6f1c2a34-9a9a-4d21-8a3c-0123456789ab"
	if got := d.call(t, "GET", "/healthz", "", "X-Request-Id: "+trace).Header().Get("X-Request-Id"); got != trace {
		t.Errorf("a UUID of the caller's became %q", got)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := newDoor(t).Options
	for name, change := range map[string]func(*Options){
		"no submitter":    func(o *Options) { o.Submitter = nil },
		"no clock":        func(o *Options) { o.Now = nil },
		"a negative rate": func(o *Options) { o.RatePerSecond = -1 },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: New took it", name)
		}
	}
}
