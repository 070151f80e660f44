package sms_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/fault"
)

var callbackTime = time.Date(2026, 6, 1, 4, 0, 0, 0, time.UTC)

func reading(t testing.TB, p sms.Profile, v sms.Verify) *sms.Gateway {
	t.Helper()
	secrets := map[string]sms.Secret{"api_key": apiKey}
	if p.Name == "kannel" {
		secrets = map[string]sms.Secret{"username": "elshi", "password": "kannel-secret"}
	}
	g, err := sms.NewGateway(p, sms.Settings{
		BaseURL: "https://sms.example.kz", Secrets: secrets, Verify: v, MaxAnswer: 4096, Now: func() time.Time { return callbackTime },
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestParseCallback(t *testing.T) {
	token := sms.Verify{Token: callbackToken}
	failed := func(ref, status string, cause channels.Cause) channels.Report {
		return channels.Report{
			ProviderRef: ref, Status: channels.ReportFailed, At: callbackTime, EventID: ref + "/" + status,
			Err: &channels.Error{Cause: cause, Enhanced: status},
		}
	}
	for _, tc := range []struct {
		name              string
		profile           sms.Profile
		target, kind, say string
		want              sms.Callback
	}{
		{
			"Kannel: delivered", sms.Kannel(), "/cb?id=msg_1&status=1", "", "",
			sms.Callback{Reports: []channels.Report{{ProviderRef: "msg_1", Status: channels.ReportDelivered, At: callbackTime, EventID: "msg_1/1"}}},
		},
		{"Kannel: failed", sms.Kannel(), "/cb?id=msg_1&status=2", "", "", sms.Callback{Reports: []channels.Report{failed("msg_1", "2", channels.Undelivered)}}},
		{"Kannel: rejected", sms.Kannel(), "/cb?id=msg_1&status=16", "", "", sms.Callback{Reports: []channels.Report{failed("msg_1", "16", channels.Permanent)}}},
		{
			"Kannel: on its way", sms.Kannel(), "/cb?id=msg_1&status=8", "", "",
			sms.Callback{Reports: []channels.Report{{ProviderRef: "msg_1", Status: channels.ReportPending, At: callbackTime, EventID: "msg_1/8"}}},
		},
		{
			"a status nobody knows changes nothing", sms.Kannel(), "/cb?id=msg_1&status=64", "", "",
			sms.Callback{Reports: []channels.Report{{ProviderRef: "msg_1", Status: channels.ReportPending, At: callbackTime, EventID: "msg_1/64"}}},
		},
		{
			"Kannel: a text in UTF-8", sms.Kannel(), "/cb?from=%2B77012345678&to=1414&text=%D0%A1%D0%A2%D0%9E%D0%9F&charset=UTF-8&event=e1", "", "",
			sms.Callback{Texts: []sms.InboundText{{From: "+77012345678", To: "1414", Text: "СТОП", At: callbackTime, EventID: "e1"}}},
		},
		{
			"Kannel: a text in UTF-16BE", sms.Kannel(), "/cb?from=77012345678&to=1414&text=%04%9A%04%E9%00!&charset=UTF-16BE", "", "",
			sms.Callback{Texts: []sms.InboundText{{From: "77012345678", To: "1414", Text: "Қө!", At: callbackTime}}},
		},
		{
			"Kannel: a text in Latin-1", sms.Kannel(), "/cb?from=77012345678&text=%E9&charset=ISO-8859-1", "", "",
			sms.Callback{Texts: []sms.InboundText{{From: "77012345678", Text: "é", At: callbackTime}}},
		},
		{"a text that is no text", sms.Kannel(), "/cb?from=77012345678&text=%FF", "", "", sms.Callback{}},
		{
			"Mobizon: a webhook", sms.Mobizon(), "/cb", "application/json",
			`{"eventId":40,"eventType":"sms-delivery-report","attempt":1,"data":{"messageId":169275418,"status":"REJECTD","to":"77012345678"}}`,
			sms.Callback{Reports: []channels.Report{{
				ProviderRef: "169275418", Status: channels.ReportFailed, At: callbackTime, EventID: "40",
				Err: &channels.Error{Cause: channels.Permanent, Enhanced: "REJECTD"},
			}}},
		},
		{"Mobizon: another event", sms.Mobizon(), "/cb", "application/json", `{"eventId":41,"eventType":"form-submission","data":{"formId":1}}`, sms.Callback{}},
		{"nothing we know", sms.Mobizon(), "/cb", "text/html", `<html>`, sms.Callback{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			method := http.MethodGet
			if tc.say != "" {
				method = http.MethodPost
			}
			r := httptest.NewRequest(method, tc.target, strings.NewReader(tc.say))
			r.Header.Set("Content-Type", tc.kind)
			got, err := reading(t, tc.profile, token).ParseCallback(r, callbackToken)
			if err != nil {
				t.Fatalf("ParseCallback: %v", err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("ParseCallback mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseCallbackReadsSeveralReportsOfAForm(t *testing.T) {
	profile := minimal()
	profile.Send.Form = append(profile.Send.Form, sms.Field{Name: "key", Value: "{secret.api_key}"})
	profile.Reports = &sms.ReportRule{
		Ref: "form:id", Status: "form:state", Code: "form:error", Words: "form:why", EventID: "header:X-Event",
		Statuses: map[string]channels.ReportStatus{"no": channels.ReportFailed}, Causes: map[string]channels.Cause{"7": channels.NoSuchMailbox},
	}
	r := httptest.NewRequest(http.MethodPost, "/cb", strings.NewReader("id=5&state=no&error=7&why=absent"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("X-Event", "ev9")
	got, err := reading(t, profile, sms.Verify{Token: callbackToken}).ParseCallback(r, callbackToken)
	if err != nil {
		t.Fatal(err)
	}
	want := []channels.Report{{
		ProviderRef: "5", Status: channels.ReportFailed, At: callbackTime, EventID: "ev9",
		Err: &channels.Error{Cause: channels.NoSuchMailbox, Enhanced: "7", Detail: "absent"},
	}}
	if diff := cmp.Diff(want, got.Reports); diff != "" {
		t.Errorf("reports mismatch (-want +got):\n%s", diff)
	}
}

func TestCallbackMustProveWhereItComesFrom(t *testing.T) {
	const key, body = "hmac-key-0123456789", `{"data":{"messageId":1,"status":"DELIVRD"}}`
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	sum := mac.Sum(nil)
	byHMAC := sms.Verify{HMACHeader: "X-Signature", HMACKey: key}
	byHeader := sms.Verify{Header: "Authorization", HeaderSecret: "Bearer 0123456789abcdef"}
	byToken := sms.Verify{Token: callbackToken}
	both := sms.Verify{Token: callbackToken, HMACHeader: "X-Signature", HMACKey: key}
	for _, tc := range []struct {
		name          string
		verify        sms.Verify
		token         string
		header, value string
		ok            bool
	}{
		{"nothing is configured", sms.Verify{}, "", "", "", false},
		{"the right token", byToken, callbackToken, "", "", true},
		{"a wrong token", byToken, callbackToken + "x", "", "", false},
		{"no token", byToken, "", "", "", false},
		{"the right header", byHeader, "", "Authorization", "Bearer 0123456789abcdef", true},
		{"a wrong header", byHeader, "", "Authorization", "Bearer 0123456789abcdeF", false},
		{"no header", byHeader, "", "", "", false},
		{"HMAC in hexadecimal", byHMAC, "", "X-Signature", hex.EncodeToString(sum), true},
		{"HMAC with its name", byHMAC, "", "X-Signature", "sha256=" + hex.EncodeToString(sum), true},
		{"HMAC in base64", byHMAC, "", "X-Signature", base64.StdEncoding.EncodeToString(sum), true},
		{"HMAC of another body", byHMAC, "", "X-Signature", strings.Repeat("ab", 32), false},
		{"an empty HMAC", byHMAC, "", "X-Signature", "", false},
		{"the token without the HMAC", both, callbackToken, "", "", false},
		{"both", both, callbackToken, "X-Signature", hex.EncodeToString(sum), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/cb", strings.NewReader(body))
			if tc.header != "" {
				r.Header.Set(tc.header, tc.value)
			}
			got, err := reading(t, sms.Mobizon(), tc.verify).ParseCallback(r, tc.token)
			if (err == nil) != tc.ok || (len(got.Reports) == 1) != tc.ok {
				t.Errorf("ParseCallback = %+v, %v, want ok %v", got, err, tc.ok)
			}
			if err != nil && fault.KindOf(err) != fault.Forbidden {
				t.Errorf("error has kind %q, want forbidden", fault.KindOf(err))
			}
		})
	}
}

// Who cannot prove where a call comes from must not learn from its length that there is such a gateway.
func TestCallbackThatIsTooLarge(t *testing.T) {
	byToken := sms.Verify{Token: callbackToken}
	byHMAC := sms.Verify{HMACHeader: "X-Signature", HMACKey: "hmac-key-0123456789"}
	for _, tc := range []struct {
		name, token string
		verify      sms.Verify
		want        string
		read        bool
	}{
		{"with the token", callbackToken, byToken, "callback_too_large", true},
		{"with another token", "guessed", byToken, "callback_not_authentic", false},
		{"without a token", "", byToken, "callback_not_authentic", false},
		{"without the header", "", sms.Verify{Header: "Authorization", HeaderSecret: "Bearer 0123456789abcdef"}, "callback_not_authentic", false},
		{"with a signature that nobody can check", "", byHMAC, "callback_not_authentic", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			body := strings.NewReader(strings.Repeat("x", 5000))
			r := httptest.NewRequest(http.MethodPost, "/cb", body)
			r.Header.Set("X-Signature", strings.Repeat("ab", 32))
			_, err := reading(t, sms.Mobizon(), tc.verify).ParseCallback(r, tc.token)
			if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != tc.want {
				t.Errorf("ParseCallback error is %v, want %s", err, tc.want)
			}
			if read := body.Len() < 5000; read != tc.read {
				t.Errorf("the body was read: %t, want %t", read, tc.read)
			}
		})
	}
}

func TestPoll(t *testing.T) {
	profile := sms.Mobizon()
	profile.Poll.Max = 2
	g, requests := answering(t, profile, sms.Settings{Secrets: map[string]sms.Secret{"api_key": apiKey}, Now: func() time.Time { return callbackTime }},
		func(w http.ResponseWriter, _ *http.Request) {
			saying(200, `{"code":0,"data":[{"id":11,"status":"DELIVRD","segNum":1},{"id":"13","status":"EXPIRED"},{"id":99,"status":"DELIVRD"}],"message":""}`)(w, nil)
		})
	got, err := g.Poll(t.Context(), []string{"11", "12", "13"})
	if err != nil {
		t.Fatal(err)
	}
	want := []channels.Report{
		{ProviderRef: "11", Status: channels.ReportDelivered, At: callbackTime, EventID: "11/DELIVRD"},
		{
			ProviderRef: "13", Status: channels.ReportFailed, At: callbackTime, EventID: "13/EXPIRED",
			Err: &channels.Error{Cause: channels.Undelivered, Enhanced: "EXPIRED"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Poll mismatch (-want +got):\n%s", diff)
	}
	for _, ids := range [][]string{{"11", "12"}, {"13"}} {
		r := <-requests
		form, err := url.ParseQuery(r.Body)
		if err != nil || r.URI != "/service/message/getsmsstatus" || form.Get("apiKey") != apiKey {
			t.Errorf("request is %s %s (%v)", r.Method, r.URI, err)
		}
		if diff := cmp.Diff(ids, form["ids[]"]); diff != "" {
			t.Errorf("ids mismatch (-want +got):\n%s", diff)
		}
	}
}

func TestPollByGetPutsReferencesIntoThePath(t *testing.T) {
	profile := minimal()
	profile.Poll = &sms.Poll{
		Request: sms.Request{Method: "GET", Path: "/status/{refs}?v=1", Headers: []sms.Field{{"X-Key", "{secret.key}"}}},
		Rule:    sms.ReportRule{Ref: "json:id", Status: "json:state", Statuses: map[string]channels.ReportStatus{"ok": channels.ReportDelivered}},
		Max:     1,
	}
	g, requests := answering(t, profile, sms.Settings{Secrets: map[string]sms.Secret{"key": apiKey}}, saying(200, `{"id":"a/b c","state":"ok"}`))
	reports, err := g.Poll(t.Context(), []string{"a/b c"})
	if err != nil || len(reports) != 1 {
		t.Fatalf("Poll = %+v, %v, want one report", reports, err)
	}
	if r := <-requests; r.URI != "/status/a%2Fb%20c?v=1" || r.Header.Get("X-Key") != apiKey {
		t.Errorf("request is %s with %v", r.URI, r.Header)
	}
}

func TestPollThatFails(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		cause  channels.Cause
	}{
		{"our key", saying(200, `{"code":8,"data":null,"message":"x"}`), channels.ProviderRefusedUs},
		{"their program", saying(500, `oops`), channels.ConnectionLost},
		{"somebody else", saying(200, `<html>`), channels.ConnectionLost},
		{"too long an answer", saying(200, strings.Repeat("x", 70<<10)), channels.Unreachable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g, _ := answering(t, sms.Mobizon(), sms.Settings{Secrets: map[string]sms.Secret{"api_key": apiKey}}, tc.answer)
			reports, err := g.Poll(t.Context(), []string{"1"})
			e, ok := errors.AsType[*channels.Error](err)
			if !ok || e.Cause != tc.cause || fault.KindOf(err) != fault.Unavailable || len(reports) != 0 {
				t.Errorf("Poll = %v, %v, want nothing and cause %s", reports, err, tc.cause)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g, _ := answering(t, sms.Mobizon(), sms.Settings{Secrets: map[string]sms.Secret{"api_key": apiKey}}, saying(200, ""))
	if _, err := g.Poll(ctx, []string{"1"}); err == nil {
		t.Error("Poll with an ended context succeeded")
	}
}

func FuzzParseCallback(f *testing.F) {
	f.Add("id=msg_1&status=1", "", "")
	f.Add("from=1&text=%04%9A&charset=UTF-16BE", "", "")
	f.Add("", "application/json", `{"eventId":40,"data":{"messageId":1,"status":"DELIVRD"}}`)
	f.Add("a=%zz", "application/x-www-form-urlencoded", "id=5&state=%")
	kannel, mobizon := reading(f, sms.Kannel(), sms.Verify{Token: callbackToken}), reading(f, sms.Mobizon(), sms.Verify{Token: callbackToken})
	f.Fuzz(func(t *testing.T, query, contentType, body string) {
		for _, g := range []*sms.Gateway{kannel, mobizon} {
			r := httptest.NewRequest(http.MethodPost, "/cb", strings.NewReader(body))
			r.URL.RawQuery = query
			r.Header.Set("Content-Type", contentType)
			got, err := g.ParseCallback(r, callbackToken)
			if err != nil {
				if fault.KindOf(err) != fault.Invalid {
					t.Errorf("ParseCallback: %v, want an invalid fault", err)
				}
				continue
			}
			for _, report := range got.Reports {
				if report.ProviderRef == "" || report.EventID == "" || (report.Status == channels.ReportFailed) != (report.Err != nil) {
					t.Errorf("report is %+v", report)
				}
			}
			for _, text := range got.Texts {
				if text.From == "" || text.Text == "" {
					t.Errorf("text is %+v", text)
				}
			}
		}
	})
}
