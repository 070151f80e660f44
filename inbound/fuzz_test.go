package inbound_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/inbound"
	"github.com/orleu/elshi/vocab"
)

// willing records everything and keeps nothing but that it was asked.
type willing struct{ asked int }

// RecordReport takes any report.
func (w *willing) RecordReport(context.Context, dispatcher.LateReport) (dispatcher.Message, bool, error) {
	w.asked++
	return dispatcher.Message{}, true, nil
}

// Withdraw takes any withdrawal.
func (w *willing) Withdraw(context.Context, dispatcher.Withdrawal, time.Duration) (dispatcher.Withdrawn, error) {
	w.asked++
	return dispatcher.Withdrawn{}, nil
}

// AddressID knows every number.
func (w *willing) AddressID(context.Context, vocab.Channel, string) (vocab.AddressID, error) {
	w.asked++
	return "adr_x", nil
}

// Stop takes any stop.
func (w *willing) Stop(context.Context, string, time.Time) error {
	w.asked++
	return nil
}

// LiftStop takes any start.
func (w *willing) LiftStop(context.Context, string, time.Time) error {
	w.asked++
	return nil
}

func FuzzCallback(f *testing.F) {
	const form = "application/x-www-form-urlencoded"
	f.Add("GET", "/callbacks/kannel/"+kannelToken, "id=msg_1&status=1", "", "")
	f.Add("GET", "/callbacks/kannel/"+kannelToken, "from=77012345678&text=STOP", "", "")
	f.Add("POST", "/callbacks/form/"+formToken, "", form, "id=1&state=UNDELIV&error=1&from=87012345678&msg=START")
	f.Add("POST", "/callbacks/form/"+kannelToken, "", form, "id=1&state=DELIVRD")
	f.Add("DELETE", "/callbacks/form/"+formToken, "%zz", "application/json", `{"id":1}`)
	f.Add("", "callbacks//", "", "\x00", "\xff")
	f.Add("POST", "/callbacks/form/"+formToken+"/../"+formToken, "", "multipart/form-data; boundary=x", "--x\r\n")
	gateways := newGateways(f, clock)
	tokens := map[string]string{"kannel": kannelToken, "form": formToken}
	f.Fuzz(func(t *testing.T, method, path, query, contentType, body string) {
		ledger := &willing{}
		callbacks := inbound.New(inbound.Options{
			Gateways: gateways, Ledger: ledger, Withdrawals: ledger, Stops: ledger, Log: slog.New(slog.DiscardHandler),
		})
		r := &http.Request{
			Method: method, URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{"Content-Type": {contentType}},
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}
		answer := httptest.NewRecorder()
		callbacks.ServeHTTP(answer, r.WithContext(t.Context()))

		provider, token, _ := strings.Cut(strings.TrimPrefix(path, "/callbacks/"), "/")
		genuine := tokens[provider] != "" && tokens[provider] == token
		possible := []int{http.StatusNotFound}
		if genuine {
			possible = []int{http.StatusOK, http.StatusBadRequest}
		} else if len(body) > 64<<10 {
			possible = append(possible, http.StatusBadRequest) // too long to look for a proof in
		}
		if !slices.Contains(possible, answer.Code) || !genuine && ledger.asked > 0 || answer.Code != http.StatusOK && ledger.asked > 0 {
			t.Errorf("%q %q?%q answered %d and asked the ledger %d times, want one of %v", method, path, query, answer.Code, ledger.asked, possible)
		}
		if strings.Contains(answer.Body.String(), kannelToken) || strings.Contains(answer.Body.String(), formToken) {
			t.Errorf("the answer shows a token: %s", answer.Body)
		}
	})
}
