package app

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/vocab"
)

// Headers are sent with every request: the one that hands a text over and the one that asks for its report.
func TestHeadersOfAGatewayGoWithEveryRequest(t *testing.T) {
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization")+" "+r.Header.Get("X-Account"))
		_, _ = fmt.Fprint(w, `{"id": "1", "state": "ok"}`)
	}))
	defer server.Close()
	a := &App{now: time.Now}
	g, err := a.newGateway(config.Provider{ID: "gate", Channel: vocab.SMS, Driver: config.DriverHTTPSMS, Gateway: config.Gateway{
		URL: server.URL, Headers: map[string]config.Secret{"X-Account": "orleu", "Authorization": "Bearer secret"},
		Settings: map[string]string{
			"send.path": "/send", "send.form.to": "{to}", "send.form.text": "{text}", "answer.ref": "json:id",
			"poll.method": "GET", "poll.path": "/status/{refs}", "poll.max": "1", "poll.report.ref": "json:id", "poll.report.status": "json:state",
			"poll.report.is.ok": "delivered",
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	g.Send(t.Context(), []channels.Message{{
		ID: "msg_x", Attempt: 1, Until: time.Now().Add(time.Minute), To: "+77011234567", SMS: &channels.SMS{From: "ORLEU", Text: "x"},
	}}, func(r channels.Receipt) {
		if r.Outcome != channels.Accepted || r.ProviderRef != "1" {
			t.Errorf("receipt is %+v (%v), want accepted as 1", r, r.Err)
		}
	})
	reports, err := g.Poll(t.Context(), []string{"1"})
	if err != nil || len(reports) != 1 || reports[0].Status != channels.ReportDelivered {
		t.Errorf("Poll = %+v, %v, want one that was delivered", reports, err)
	}
	want := []string{"POST /send Bearer secret orleu", "GET /status/1 Bearer secret orleu"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("requests mismatch (-want +got):\n%s", diff)
	}
}
