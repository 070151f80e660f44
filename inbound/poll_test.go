package inbound_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/inbound"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

// outstanding are messages that wait for a report, in the order of sending, one a second or all at once.
type outstanding struct {
	first   time.Time
	atOnce  bool
	refs    []string
	settled map[string]bool
	away    time.Time // until then the ledger does not answer
	refuse  map[string]error
	asked   []dispatcher.SentMark
}

func newOutstanding(n int, first time.Time) *outstanding {
	o := &outstanding{first: first, settled: map[string]bool{}, refuse: map[string]error{}}
	for i := range n {
		o.refs = append(o.refs, fmt.Sprint("ref-", i))
	}
	return o
}

// Awaited answers as the ledger does.
func (o *outstanding) Awaited(_ context.Context, _ vocab.ProviderID, after dispatcher.SentMark, n int) (refs []string, last dispatcher.SentMark, err error) {
	o.asked = append(o.asked, after)
	if time.Now().Before(o.away) {
		return nil, last, fault.Away("ledger", nil)
	}
	for i, ref := range o.refs {
		mark := dispatcher.SentMark{At: o.first, MessageID: vocab.MessageID(fmt.Sprintf("msg_%06d", i))}
		if !o.atOnce {
			mark.At = o.first.Add(time.Duration(i) * time.Second)
		}
		later := mark.At.After(after.At) || mark.At.Equal(after.At) && mark.MessageID > after.MessageID
		if later && !o.settled[ref] && len(refs) < n {
			refs, last = append(refs, ref), mark
		}
	}
	return refs, last, nil
}

// RecordReport settles a message.
func (o *outstanding) RecordReport(_ context.Context, r dispatcher.LateReport) (dispatcher.Message, bool, error) {
	if err := o.refuse[r.ProviderRef]; err != nil {
		return dispatcher.Message{}, false, err
	}
	o.settled[r.ProviderRef] = true
	return dispatcher.Message{}, true, nil
}

// talking is a gateway that is asked; it knows reports about some messages.
type talking struct {
	asked   [][]string
	arrived map[string]bool
	err     error // given beside the reports
}

// Poll answers what it knows.
func (g *talking) Poll(_ context.Context, refs []string) ([]channels.Report, error) {
	g.asked = append(g.asked, refs)
	var reports []channels.Report
	for _, ref := range refs {
		status := channels.ReportPending
		if g.arrived[ref] {
			status = channels.ReportDelivered
		}
		reports = append(reports, channels.Report{ProviderRef: ref, Status: status})
	}
	return reports, g.err
}

// sizes are how many messages each round asked about.
func (g *talking) sizes() []int {
	var n []int
	for _, refs := range g.asked {
		n = append(n, len(refs))
	}
	return n
}

// polling runs a poller, a round a minute, until the bubble's clock has gone on by d.
func polling(t *testing.T, d time.Duration, gateways map[vocab.ProviderID]*talking, ledger *outstanding, log *logged) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	p := inbound.NewPoller(gateways, ledger, inbound.PollerOptions{}, time.Now, log.logger())
	if err := p.Run(ctx); err != nil {
		t.Errorf("Run: %v", err)
	}
}

// rounds is a time in which n rounds pass.
func rounds(n int) time.Duration { return time.Duration(n)*time.Minute + time.Second }

func TestPollerGoesPageByPageAndRoundAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger, gateway := newOutstanding(2300, time.Now().Add(-time.Hour)), &talking{arrived: map[string]bool{"ref-0": true, "ref-2299": true}}
		polling(t, rounds(4), map[vocab.ProviderID]*talking{"g": gateway}, ledger, newLogged(t))
		if diff := cmp.Diff([]int{1000, 1000, 300, 1000}, gateway.sizes()); diff != "" {
			t.Fatalf("pages mismatch (-want +got):\n%s", diff)
		}
		for round, first := range []string{"ref-0", "ref-1000", "ref-2000", "ref-1"} {
			if got := gateway.asked[round][0]; got != first {
				t.Errorf("round %d begins with %s, want %s", round, got, first)
			}
		}
		if diff := cmp.Diff(map[string]bool{"ref-0": true, "ref-2299": true}, ledger.settled); diff != "" {
			t.Errorf("recorded reports mismatch (-want +got):\n%s", diff)
		}
	})
}

// A campaign's texts are settled together, so that more than one page may have been sent at one time.
func TestPollerSkipsNoneOfManyThatWereSentAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger, gateway := newOutstanding(2300, time.Now().Add(-time.Hour)), &talking{}
		ledger.atOnce = true
		polling(t, rounds(3), map[vocab.ProviderID]*talking{"g": gateway}, ledger, newLogged(t))
		if diff := cmp.Diff(ledger.refs, slices.Concat(gateway.asked...)); diff != "" {
			t.Errorf("asked about mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestPollerKeepsWhatItLearntBeforeAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := newOutstanding(3, time.Now().Add(-time.Hour))
		ledger.refuse["ref-0"] = &fault.Error{Kind: fault.Conflict, Code: "message_in_flight"}
		ledger.refuse["ref-1"] = fault.Missing("message_not_found", "")
		gateway := &talking{arrived: map[string]bool{"ref-0": true, "ref-1": true, "ref-2": true}, err: errors.New("cut off")}
		log := newLogged(t)
		polling(t, rounds(2), map[vocab.ProviderID]*talking{"g": gateway}, ledger, log)
		if diff := cmp.Diff(map[string]bool{"ref-2": true}, ledger.settled); diff != "" {
			t.Errorf("recorded reports mismatch (-want +got):\n%s", diff)
		}
		// What could not be recorded is asked for again.
		if diff := cmp.Diff([][]string{{"ref-0", "ref-1", "ref-2"}, {"ref-0", "ref-1"}}, gateway.asked); diff != "" {
			t.Errorf("questions mismatch (-want +got):\n%s", diff)
		}
		if n := strings.Count(log.String(), "cut off"); n != 2 {
			t.Errorf("the log tells %d times of the error, want once a round:\n%s", n, log)
		}
	})
}

func TestPollerSaysWhatItCouldNotRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := newOutstanding(2, time.Now().Add(-time.Hour))
		ledger.refuse["ref-0"] = fault.Away("ledger", nil)
		ledger.refuse["ref-1"] = fault.Missing("message_not_found", "") // it is nobody's any more; nothing to say
		gateway := &talking{arrived: map[string]bool{"ref-0": true, "ref-1": true}}
		log := newLogged(t)
		polling(t, rounds(1), map[vocab.ProviderID]*talking{"g": gateway}, ledger, log)
		if !strings.Contains(log.String(), "ledger_unavailable") || strings.Contains(log.String(), "message_not_found") {
			t.Errorf("the log is\n%s\nwant ledger_unavailable alone", log)
		}
	})
}

func TestPollerOutlivesALedgerThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger, gateway := newOutstanding(1, time.Now().Add(-time.Hour)), &talking{arrived: map[string]bool{"ref-0": true}}
		ledger.away = time.Now().Add(rounds(2))
		polling(t, rounds(4), map[vocab.ProviderID]*talking{"g": gateway}, ledger, newLogged(t))
		if !ledger.settled["ref-0"] || len(gateway.asked) != 1 {
			t.Errorf("settled %v after asking %v, want ref-0 after one question", ledger.settled, gateway.asked)
		}
	})
}

func TestPollerForgetsWhatIsOlderThanItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ledger, gateway := newOutstanding(10, began.Add(-72*time.Hour+time.Minute-time.Second)), &talking{}
		polling(t, rounds(2), map[vocab.ProviderID]*talking{"g": gateway}, ledger, newLogged(t))
		// At the first round the second message is 72 hours old to the second, at the second all are older.
		if diff := cmp.Diff([]int{9}, gateway.sizes()); diff != "" {
			t.Errorf("pages mismatch (-want +got):\n%s", diff)
		}
		want := []dispatcher.SentMark{{At: began.Add(time.Minute - 72*time.Hour)}, {At: began.Add(2*time.Minute - 72*time.Hour)}}
		if diff := cmp.Diff(want, ledger.asked); diff != "" {
			t.Errorf("cursors mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestPollerAsksTheOtherGatewaysToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ledger := newOutstanding(1, time.Now().Add(-time.Hour))
		broken, sound := &talking{err: errors.New("cut off")}, &talking{}
		polling(t, rounds(3), map[vocab.ProviderID]*talking{"broken": broken, "sound": sound}, ledger, newLogged(t))
		if len(broken.asked) != 3 || len(sound.asked) != 3 {
			t.Errorf("asked %d and %d times, want each once a round", len(broken.asked), len(sound.asked))
		}
	})
}

func TestPollerOverHTTP(t *testing.T) {
	w := newWorld(t)
	questions := make(chan []string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		select {
		case questions <- r.Form["ids[]"]:
		default:
		}
		_, _ = fmt.Fprint(rw, `{"code":0,"data":[{"id":"11","status":"DELIVRD"},{"id":"12","status":"EXPIRED"},{"id":"13","status":"ACCEPTD"}]}`)
	}))
	defer server.Close()
	g, err := sms.NewGateway(sms.Mobizon(), sms.Settings{BaseURL: server.URL, Secrets: map[string]sms.Secret{"api_key": "0123456789abcdef"}, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	var ids []vocab.MessageID
	for _, ref := range []string{"11", "12", "13"} {
		ids = append(ids, w.sent(t, "mobizon", ref).ID)
	}
	w.sent(t, "form", "14") // another provider's

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	p := inbound.NewPoller(map[vocab.ProviderID]*sms.Gateway{"mobizon": g}, w.ledger, inbound.PollerOptions{Every: 10 * time.Millisecond}, clock, slog.New(slog.DiscardHandler))
	go func() { ended <- p.Run(ctx) }()

	question := func() []string {
		t.Helper()
		select {
		case q := <-questions:
			return q
		case <-time.After(10 * time.Second):
			t.Fatal("nothing was asked for 10 s")
		}
		return nil
	}
	if diff := cmp.Diff([]string{"11", "12", "13"}, question()); diff != "" {
		t.Errorf("first question mismatch (-want +got):\n%s", diff)
	}
	// What has its report is not asked about again.
	testkit.Eventually(t, 10*time.Second, func() error {
		if q := question(); !slices.Equal(q, []string{"13"}) {
			return fmt.Errorf("asked about %v, want 13 alone", q)
		}
		return nil
	})
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	for i, want := range []dispatcher.Status{dispatcher.Delivered, dispatcher.Undelivered, dispatcher.Sent} {
		w.wantMessage(t, ids[i], want)
	}
}
