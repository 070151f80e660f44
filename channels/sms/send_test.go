package sms_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/sms"
)

// received is a request as a gateway saw it.
type received struct {
	Method, URI string
	Header      http.Header
	Body        string
}

// answering is a gateway that gives one answer and keeps what it is asked.
func answering(t *testing.T, p sms.Profile, s sms.Settings, answer http.HandlerFunc) (*sms.Gateway, <-chan received) {
	t.Helper()
	requests := make(chan received, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		requests <- received{r.Method, r.URL.RequestURI(), r.Header, string(body)}
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	s.BaseURL = server.URL
	g, err := sms.NewGateway(p, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g, requests
}

func saying(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestMobizonOnTheWire(t *testing.T) {
	const text = "Құрметті! 50% & {to} + \"=\""
	g, requests := answering(t, sms.Mobizon(), sms.Settings{Secrets: map[string]sms.Secret{"api_key": apiKey}},
		saying(200, `{"code":0,"data":{"campaignId":"1759377","messageId":"12111324","status":1},"message":""}`))
	receipt := sendOne(t.Context(), t, g, text)
	if receipt.Outcome != channels.Accepted || receipt.ProviderRef != "12111324" {
		t.Errorf("receipt is %+v (%v), want accepted as 12111324", receipt, receipt.Err)
	}
	got := <-requests
	if got.Method != http.MethodPost || got.URI != "/service/message/sendsmsmessage" {
		t.Errorf("request is %s %s", got.Method, got.URI)
	}
	form, err := url.ParseQuery(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"recipient": {"77012345678"}, "from": {"ORLEU"}, "text": {text}, "apiKey": {apiKey}, "api": {"v1"}, "output": {"json"}}
	if diff := cmp.Diff(want, form); diff != "" {
		t.Errorf("form mismatch (-want +got):\n%s", diff)
	}
}

func TestRequestEncodesForItsPlace(t *testing.T) {
	const text = "\"әріп\" \\ </x> {id} {secret.key}\nжол"
	profile := sms.Profile{
		Name: "json",
		Send: sms.Request{
			Method: "PUT", Path: "/v2/{id}?mode=a",
			Headers: []sms.Field{{"Authorization", "Bearer {secret.key}"}, {"X-Callback", "{callback_url}"}},
			JSON:    `{"messages":[{"to":"{to_digits}","content":{"text":"{text}","unicode":true,"n":3}}],"from":"{from}"}`,
		},
	}
	g, requests := answering(t, profile, sms.Settings{Secrets: map[string]sms.Secret{"key": apiKey}}, saying(201, ""))
	receipt := sendOne(t.Context(), t, g, text)
	if receipt.Outcome != channels.Accepted || receipt.ProviderRef != "msg_1" {
		t.Errorf("receipt is %+v (%v), want accepted under our own id", receipt, receipt.Err)
	}
	got := <-requests
	if got.Method != http.MethodPut || got.URI != "/v2/msg_1?mode=a" || got.Header.Get("Authorization") != "Bearer "+apiKey || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("request is %s %s with %v", got.Method, got.URI, got.Header)
	}
	if _, present := got.Header["X-Callback"]; present {
		t.Error("a header whose placeholder is empty was sent")
	}
	const want = `{"from":"ORLEU","messages":[{"content":{"n":3,"text":"\"әріп\" \\ \u003c/x\u003e {id} {secret.key}\nжол","unicode":true},"to":"77012345678"}]}`
	if got.Body != want {
		t.Errorf("body is %s, want %s", got.Body, want)
	}
}

func TestAnswers(t *testing.T) {
	profile := minimal()
	profile.Send.Form = append(profile.Send.Form, sms.Field{Name: "key", Value: "{secret.key}"})
	profile.Answer = sms.Answer{
		Code: "json:code", Accepted: []string{"0"}, Ref: "json:data.0.id", Words: "json:message",
		Causes:   map[string]channels.Cause{"7": channels.NoSuchMailbox, "8": channels.RateLimited},
		Statuses: map[int]channels.Cause{418: channels.PolicyRefused},
	}
	hour := func(w http.ResponseWriter, status int) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(status)
	}
	type outcome struct {
		Outcome    channels.Outcome
		Cause      channels.Cause
		Code       int
		Enhanced   string
		Ref        string
		Detail     string
		RetryAfter time.Duration
	}
	refused := func(cause channels.Cause, status int, code, detail string) outcome {
		return outcome{Outcome: channels.Refused, Cause: cause, Code: status, Enhanced: code, Detail: detail}
	}
	doubt := func(status int, detail string) outcome {
		return outcome{Outcome: channels.InDoubt, Cause: channels.ConnectionLost, Code: status, Detail: detail}
	}
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		want   outcome
	}{
		{"accepted, the reference is a number", saying(200, `{"code":0,"data":[{"id":12345678901234567890}]}`), outcome{Outcome: channels.Accepted, Ref: "12345678901234567890"}},
		{"a listed code", saying(200, `{"code":"7","message":"no such number"}`), refused(channels.NoSuchMailbox, 200, "7", "no such number")},
		{"a listed code beats the status", saying(500, `{"code":7,"message":"x"}`), refused(channels.NoSuchMailbox, 500, "7", "x")},
		{"another code is permanent", saying(200, `{"code":99,"message":"x"}`), refused(channels.Permanent, 200, "99", "x")},
		{"another code with 5xx is unreachable", saying(500, `{"code":99,"message":"x"}`), refused(channels.Unreachable, 500, "99", "x")},
		{"an accepted code needs a good status", saying(400, `{"code":0,"message":"x"}`), refused(channels.Permanent, 400, "0", "x")},
		{"200 from somebody else", saying(200, "<html>Welcome</html>"), doubt(200, "<html>Welcome</html>")},
		{"200 without a body", saying(200, ""), doubt(200, "")},
		{"an answer that is too long", saying(200, `{"code":0,"message":"`+strings.Repeat("x", 70<<10)+`"}`), doubt(200, "")},
		{"a status that the profile lists", saying(418, "teapot"), refused(channels.PolicyRefused, 418, "", "teapot")},
		{"429 with Retry-After", func(w http.ResponseWriter, _ *http.Request) { hour(w, 429) }, outcome{Outcome: channels.Refused, Cause: channels.RateLimited, Code: 429, RetryAfter: time.Hour}},
		{"503 with Retry-After was not handled", func(w http.ResponseWriter, _ *http.Request) { hour(w, 503) }, outcome{Outcome: channels.Refused, Cause: channels.Unreachable, Code: 503, RetryAfter: time.Hour}},
		{"500: the program broke with the text in hand", saying(500, "oops"), doubt(500, "oops")},
		{"502: the proxy lost it", saying(502, ""), doubt(502, "")},
		{"504: the proxy waited in vain", saying(504, ""), doubt(504, "")},
		{"401", saying(401, ""), refused(channels.ProviderRefusedUs, 401, "", "")},
		{"402: no credit", saying(402, ""), refused(channels.ProviderRefusedUs, 402, "", "")},
		{"404: a wrong path", saying(404, ""), refused(channels.ProviderRefusedUs, 404, "", "")},
		{"408", saying(408, ""), refused(channels.Temporary, 408, "", "")},
		{"413", saying(413, ""), refused(channels.ContentRefused, 413, "", "")},
		{"422", saying(422, "bad"), refused(channels.Permanent, 422, "", "bad")},
		{"a credential in the words is taken out", saying(400, "bad key="+apiKey), refused(channels.Permanent, 400, "", "bad key=<redacted>")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g, requests := answering(t, profile, sms.Settings{Secrets: map[string]sms.Secret{"key": apiKey}}, tc.answer)
			receipt := sendOne(t.Context(), t, g, "Сәлем")
			got := outcome{Outcome: receipt.Outcome, Ref: receipt.ProviderRef}
			if e := receipt.Err; e != nil {
				got.Cause, got.Code, got.Enhanced, got.Detail, got.RetryAfter = e.Cause, e.Code, e.Enhanced, e.Detail, e.RetryAfter
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("outcome mismatch (-want +got):\n%s", diff)
			}
			if n := len(requests); n != 1 {
				t.Errorf("%d requests, want one", n)
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the text or the credentials went to somebody else")
	}))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect} {
		g, _ := answering(t, minimal(), sms.Settings{}, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, status)
		})
		receipt := sendOne(t.Context(), t, g, "x")
		if receipt.Outcome != channels.Refused || receipt.Err.Cause != channels.ProviderRefusedUs {
			t.Errorf("%d: receipt is %+v (%v), want refused with provider_refused_us", status, receipt, receipt.Err)
		}
	}
}

func TestConnectionCutAfterTheRequestIsInDoubt(t *testing.T) {
	for _, partial := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\""} {
		profile := minimal()
		profile.Answer = sms.Answer{Code: "json:code", Accepted: []string{"0"}}
		g, requests := answering(t, profile, sms.Settings{}, func(w http.ResponseWriter, _ *http.Request) {
			conn, buffer, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = buffer.WriteString(partial)
			_ = buffer.Flush()
			_ = conn.Close()
		})
		receipt := sendOne(t.Context(), t, g, "x")
		if receipt.Outcome != channels.InDoubt || receipt.Err.Cause != channels.ConnectionLost {
			t.Errorf("after %q: receipt is %+v (%v), want in doubt", partial, receipt, receipt.Err)
		}
		if n := len(requests); n != 1 {
			t.Errorf("after %q: %d requests, want one: a text is never sent twice by itself", partial, n)
		}
	}
}

func TestConnectionCutBeforeTheBodyIsNotHandedOver(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // takes the connection and never speaks TLS
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	g, err := sms.NewGateway(minimal(), sms.Settings{BaseURL: "https://" + listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	receipt := sendOne(t.Context(), t, g, "x")
	if receipt.Outcome != channels.NotHandedOver || receipt.Err.Cause != channels.Unreachable {
		t.Errorf("receipt is %+v (%v), want not handed over, unreachable", receipt, receipt.Err)
	}
}

func TestPermitThatEndsWhileConnectingStopsTheText(t *testing.T) {
	var now atomic.Int64
	start := time.Now()
	clock := func() time.Time { return start.Add(time.Duration(now.Add(int64(40 * time.Second)))) } // a look at the clock costs 40 s
	g, requests := answering(t, minimal(), sms.Settings{Now: clock}, saying(200, ""))
	var got channels.Receipt
	g.Send(t.Context(), []channels.Message{{ID: "msg_1", Until: start.Add(time.Minute), To: "+77012345678", SMS: &channels.SMS{Text: "x"}}},
		func(r channels.Receipt) { got = r })
	if got.Outcome != channels.NotHandedOver || got.Err.Cause != channels.LeaseExpired {
		t.Errorf("receipt is %+v (%v), want not handed over, lease_expired", got, got.Err)
	}
	if n := len(requests); n != 0 {
		t.Errorf("%d whole requests arrived, want none", n)
	}
}

func TestStoppingWaitsForAnAnswerThatIsUnderWay(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	g, _ := answering(t, minimal(), sms.Settings{MaxParallel: 1}, func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-answer
	})
	ctx, cancel := context.WithCancel(t.Context())
	batch := make([]channels.Message, 3)
	for i := range batch {
		batch[i] = channels.Message{ID: "msg_1", Attempt: i, Until: time.Now().Add(time.Minute), To: "+77012345678", SMS: &channels.SMS{Text: "x"}}
	}
	go func() {
		<-asked
		cancel()
		close(answer)
	}()
	got := make([]string, 3)
	g.Send(ctx, batch, func(r channels.Receipt) {
		got[r.Attempt] = string(r.Outcome)
		if r.Err != nil {
			got[r.Attempt] += " " + string(r.Err.Cause)
		}
	})
	want := []string{"accepted", "not_handed_over stopped", "not_handed_over stopped"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes mismatch (-want +got):\n%s", diff)
	}
}

func TestMaxParallelHoldsOverAllSends(t *testing.T) {
	const limit, sends, each = 2, 4, 5
	var inFlight, most atomic.Int32
	arrived, release := make(chan struct{}, sends*each), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/send" {
			return
		}
		n := inFlight.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		arrived <- struct{}{}
		<-release
		inFlight.Add(-1)
	}))
	t.Cleanup(server.Close)
	g, err := sms.NewGateway(minimal(), sms.Settings{BaseURL: server.URL, MaxParallel: limit})
	if err != nil {
		t.Fatal(err)
	}
	batch := make([]channels.Message, each)
	for i := range batch {
		batch[i] = channels.Message{ID: "msg_1", Until: time.Now().Add(time.Minute), To: "+77012345678", SMS: &channels.SMS{Text: "x"}}
	}
	var wg sync.WaitGroup
	for range sends {
		wg.Go(func() { g.Send(t.Context(), batch, func(channels.Receipt) {}) })
	}
	for range limit {
		<-arrived
	}
	for range 50 { // as long as one too many would need to arrive, without a clock
		response, err := http.Get(server.URL + "/")
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	for range sends * each {
		release <- struct{}{}
	}
	wg.Wait()
	if got := most.Load(); got != limit {
		t.Errorf("%d requests at once, want %d", got, limit)
	}
}

func TestMessagesThatFitNoWire(t *testing.T) {
	g, requests := answering(t, minimal(), sms.Settings{}, saying(200, ""))
	for name, m := range map[string]channels.Message{
		"an email":                 {To: "a@example.kz", Email: &channels.Email{}},
		"no recipient":             {SMS: &channels.SMS{Text: "x"}},
		"no text":                  {To: "+77012345678", SMS: &channels.SMS{}},
		"text that is not UTF-8":   {To: "+77012345678", SMS: &channels.SMS{Text: "\xff"}},
		"a sender that is too big": {To: "+77012345678", SMS: &channels.SMS{From: "Orleu Astana", Text: "x"}},
	} {
		m.Until = time.Now().Add(time.Minute)
		g.Send(t.Context(), []channels.Message{m}, func(r channels.Receipt) {
			if r.Outcome != channels.NotHandedOver || r.Err.Cause != channels.Unrenderable {
				t.Errorf("%s: receipt is %+v (%v), want not handed over, unrenderable", name, r, r.Err)
			}
		})
	}
	if n := len(requests); n != 0 {
		t.Errorf("%d requests, want none", n)
	}
}
