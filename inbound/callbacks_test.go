package inbound_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/inbound"
	"github.com/orleu/elshi/store"
)

func TestReportsReachTheMessage(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		name       string
		fields     []string
		want       dispatcher.Status
		suppressed []contacts.SuppressionReason
	}{
		{"delivered", []string{"state", "DELIVRD"}, dispatcher.Delivered, nil},
		{"not delivered, nobody knows why", []string{"state", "UNDELIV"}, dispatcher.Undelivered, nil},
		{"not delivered: the number does not exist", []string{"state", "UNDELIV", "error", "1"}, dispatcher.Undelivered, []contacts.SuppressionReason{contacts.HardBounce}},
		{"not delivered: an operator refused us", []string{"state", "UNDELIV", "error", "2"}, dispatcher.Undelivered, nil},
		{"on its way", []string{"state", "ENROUTE"}, dispatcher.Sent, nil},
		{"a state that nobody knows", []string{"state", "QUARK"}, dispatcher.Sent, nil},
		{"another kind of call", []string{"balance", "12"}, dispatcher.Sent, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ref := url.PathEscape(tc.name)
			m := w.sent(t, "form", ref)
			wantStatus(t, w.form(append(tc.fields, "id", ref, "why", "aigul is absent")...), http.StatusOK)
			w.wantMessage(t, m.ID, tc.want)
			to, err := w.ledger.Recipient(w.ctx, m.ID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.suppressed, w.suppressed(t, to.Address.Reveal())); diff != "" {
				t.Errorf("suppressions mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKannelReportsByOurOwnID(t *testing.T) {
	w := newWorld(t)
	p := w.sending(t, "kannel")
	w.settle(t, p, dispatcher.Sent, string(p.Message.ID))
	for _, tc := range []struct {
		status string
		want   dispatcher.Status
	}{
		{"8", dispatcher.Sent},
		{"1", dispatcher.Delivered},
		{"1", dispatcher.Delivered}, // a gateway that did not hear our answer
		{"8", dispatcher.Delivered}, // reports overtake each other
	} {
		wantStatus(t, w.kannel("id="+string(p.Message.ID)+"&status="+tc.status), http.StatusOK)
		w.wantMessage(t, p.Message.ID, tc.want)
	}
	events, err := w.ledger.Events(w.ctx, p.Message.ID)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range events {
		if e.Type == "delivered" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d events say delivered, want 1: %+v", n, events)
	}
}

func TestReportThatComesTooEarlyComesAgain(t *testing.T) {
	w := newWorld(t)
	p := w.sending(t, "form")
	report := func() *httptest.ResponseRecorder { return w.form("id", "ref-1", "state", "DELIVRD") }

	// The gateway is faster than our own record of its answer.
	wantStatus(t, report(), http.StatusServiceUnavailable)
	w.wantMessage(t, p.Message.ID, dispatcher.Sending)

	// The reference is known from an attempt that failed, and the next one is open.
	w.settle(t, p, dispatcher.Deferred, "ref-1")
	p = w.claim(t, p.Message.ID)
	wantStatus(t, report(), http.StatusServiceUnavailable)
	w.wantMessage(t, p.Message.ID, dispatcher.Sending)

	w.settle(t, p, dispatcher.Sent, "ref-1")
	wantStatus(t, report(), http.StatusOK)
	w.wantMessage(t, p.Message.ID, dispatcher.Delivered)
}

// asked is a ledger that says when it is asked about a report for the first time.
type asked struct {
	*store.Ledger

	once  sync.Once
	first chan struct{}
}

func (a *asked) RecordReport(ctx context.Context, r dispatcher.LateReport) (dispatcher.Message, bool, error) {
	m, moved, err := a.Ledger.RecordReport(ctx, r)
	a.once.Do(func() { close(a.first) })
	return m, moved, err
}

// Kannel does not call again unless it is told to, so a report is awaited that is faster than our own record of the gateway's answer.
func TestAReportWaitsForWhatItIsAbout(t *testing.T) {
	w := newWorld(t)
	p := w.sending(t, "form")
	ledger := &asked{Ledger: w.ledger, first: make(chan struct{})}
	w.callbacks = inbound.New(inbound.Options{Gateways: newGateways(t, w.clock), Ledger: ledger, Patience: time.Minute, Log: w.log.logger()})
	answer := make(chan *httptest.ResponseRecorder, 1)
	go func() { answer <- w.form("id", "ref-1", "state", "DELIVRD") }()
	<-ledger.first
	w.settle(t, p, dispatcher.Sent, "ref-1")
	wantStatus(t, <-answer, http.StatusOK)
	w.wantMessage(t, p.Message.ID, dispatcher.Delivered)
}

func TestReportOfAnotherProviderIsNotTaken(t *testing.T) {
	w := newWorld(t)
	m := w.sent(t, "form", "ref-1")
	wantStatus(t, w.kannel("id=ref-1&status=1"), http.StatusServiceUnavailable)
	w.wantMessage(t, m.ID, dispatcher.Sent)
}

func TestWhoeverDoesNotProveWhereACallComesFromLearnsNothing(t *testing.T) {
	w := newWorld(t)
	m := w.sent(t, "form", "ref-1")
	p := w.person(t, number)
	w.grant(t, p)
	const body = "id=ref-1&state=DELIVRD&from=77012345678&msg=STOP"
	nobody := w.call(http.MethodPost, "/callbacks/nobody/"+formToken, body)
	for name, target := range map[string]string{
		"a wrong token":             "/callbacks/form/guessed",
		"another provider's token":  "/callbacks/form/" + kannelToken,
		"no token":                  "/callbacks/form/",
		"no token and no slash":     "/callbacks/form",
		"more than the token":       "/callbacks/form/" + formToken + "/",
		"the token in the query":    "/callbacks/form/x?token=" + formToken,
		"a provider nobody knows":   "/callbacks/sms/" + formToken,
		"no provider":               "/callbacks/",
		"a provider in capitals":    "/callbacks/FORM/" + formToken,
		"a query that is malformed": "/callbacks/form/guessed?a=%zz",
	} {
		t.Run(name, func(t *testing.T) {
			answer := w.call(http.MethodPost, target, body)
			wantStatus(t, answer, http.StatusNotFound)
			if answer.Body.String() != nobody.Body.String() || !cmp.Equal(answer.Header(), nobody.Header()) {
				t.Errorf("answered %v %q, and %v %q for a provider that does not exist", answer.Header(), answer.Body, nobody.Header(), nobody.Body)
			}
			wantStatus(t, w.call(http.MethodPost, target, strings.Repeat("x", 100<<10)), http.StatusNotFound)
		})
	}
	w.wantMessage(t, m.ID, dispatcher.Sent)
	w.wantGrant(t, p, consent.Granted)
	if !strings.Contains(w.log.String(), "callback refused") {
		t.Error("the log does not tell of refused callbacks")
	}
}

func TestCallThatCannotBeReadIsRefused(t *testing.T) {
	w := newWorld(t)
	for name, answer := range map[string]*httptest.ResponseRecorder{
		"the query":  w.kannel("id=%zz&status=1"),
		"a long one": w.form("id", strings.Repeat("1", 100<<10)),
	} {
		t.Run(name, func(t *testing.T) { wantStatus(t, answer, http.StatusBadRequest) })
	}
}

func TestLedgerThatIsAwayIsAskedAgain(t *testing.T) {
	w := newWorld(t)
	w.sent(t, "form", "ref-1")
	w.person(t, number)
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, fields := range map[string][]string{
		"a report":                  {"id", "ref-1", "state", "DELIVRD"},
		"a STOP":                    {"from", number, "msg", "STOP"},
		"a STOP of somebody new":    {"from", "+77770000001", "msg", "стоп"},
		"a START":                   {"from", number, "msg", "START"},
		"a HELP":                    {"from", number, "msg", "HELP"},
		"a report and a text":       {"id", "ref-1", "state", "UNDELIV", "from", number, "msg", "STOP"},
		"a report and small talk":   {"id", "ref-1", "state", "DELIVRD", "from", number, "msg", "рахмет"},
		"a report that is an error": {"id", "ref-1", "state", "UNDELIV", "error", "1", "why", "aigul is absent"},
	} {
		t.Run(name, func(t *testing.T) { wantStatus(t, w.form(fields...), http.StatusServiceUnavailable) })
	}
	// What needs no ledger is answered.
	wantStatus(t, w.form("id", "ref-1", "state", "ENROUTE"), http.StatusOK)
	wantStatus(t, w.form("from", number, "msg", "рахмет"), http.StatusOK)
	if !strings.Contains(w.log.String(), "the gateway may call again") {
		t.Error("the log does not say that something could not be recorded")
	}
}

func TestOneCallMayReportAndTell(t *testing.T) {
	w := newWorld(t)
	m := w.sent(t, "form", "ref-1")
	p := w.person(t, number)
	w.grant(t, p)
	wantStatus(t, w.form("id", "ref-1", "state", "DELIVRD", "from", "77012345678", "msg", "стоп"), http.StatusOK)
	w.wantMessage(t, m.ID, dispatcher.Delivered)
	w.wantGrant(t, p, consent.Withdrawn)
}
