package fault_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

// meaning is what a mail server's fault means for a message whose hand-over met it.
type meaning int

const (
	again  meaning = iota // nothing has happened: it is tried again and arrives once
	doubt                 // nobody can tell: marketing ends as unknown, everything else is sent again and marked
	timing                // again or doubt: the dot may be on its way already
	ends                  // it is over
	paused                // our account is at fault: everything waits for an operator
)

// smtpFault is one fault of a mail server.
type smtpFault struct {
	name  string
	fault testkit.Fault
	means meaning
	ends  dispatcher.Status // of ends
	stops bool              // the provider is paused beside it
}

func smtpFaults(silence time.Duration) []smtpFault {
	var all []smtpFault
	add := func(name string, f testkit.Fault, means meaning) {
		all = append(all, smtpFault{name: name, fault: f, means: means})
	}
	for _, x := range []struct {
		at          testkit.Point
		temporary   string // empty: no reply of its own
		cut, silent meaning
	}{
		{testkit.AtBanner, "421 4.3.2 busy", again, again},
		{testkit.AtEHLO, "451 4.3.0 later", again, again},
		{testkit.AtMail, "451 4.3.0 later", again, again},
		{testkit.AtRcpt, "450 4.2.0 greylisted", again, again},
		{testkit.AtData, "451 4.3.0 later", again, again},
		{testkit.MidBody, "", timing, doubt}, // the text is shorter than what sockets hold
		{testkit.AfterDot, "451 4.3.0 later", doubt, doubt},
		{testkit.AfterReply, "", again, again},
	} {
		add("cuts the connection at "+string(x.at), testkit.Fault{At: x.at, Cut: true}, x.cut)
		add("is silent at "+string(x.at), testkit.Fault{At: x.at, Stall: silence, Cut: true}, x.silent)
		if x.temporary != "" {
			add("says 4xx at "+string(x.at), testkit.Fault{At: x.at, Reply: x.temporary}, again)
		}
	}
	add("says 5xx at banner", testkit.Fault{At: testkit.AtBanner, Reply: "554 5.3.2 no service"}, again)
	add("says 5xx at ehlo", testkit.Fault{At: testkit.AtEHLO, Reply: "550 5.3.2 no service"}, again)
	add("says 5xx at mail", testkit.Fault{At: testkit.AtMail, Reply: "550 5.1.8 bad return address"}, paused)
	for at, reply := range map[testkit.Point]string{
		testkit.AtRcpt: "550 5.1.1 no such mailbox", testkit.AtData: "554 5.6.0 not taken", testkit.AfterDot: "554 5.6.0 not taken",
	} {
		all = append(all, smtpFault{"says 5xx at " + string(at), testkit.Fault{At: at, Reply: reply}, ends, dispatcher.Bounced, false})
	}
	return append(all, smtpFault{"says that we are on a blocklist", testkit.Fault{At: testkit.AfterDot, Reply: "550 5.7.1 blocked"}, ends, dispatcher.Bounced, true})
}

// Each fault meets a few messages of a batch while the others pass.
func TestTheMailServerFails(t *testing.T) {
	t.Parallel()
	s := usual()
	s.Command, s.DotReply, s.MessagesPerConnection = 2*time.Second, 2*time.Second, 3 // new connections all the time: greetings fail too
	faults := smtpFaults(s.DotReply + 500*time.Millisecond)
	w := newWorld(t, testkit.Postgres(t), smtpEach*len(faults)*sharedEvery/(sharedEvery-2)+sharedEvery, s)
	w.feeder(t)
	w.worker(t)
	// Those that know whose message they meet come together, the others one by one.
	rounds := [][]smtpFault{nil}
	for _, f := range faults {
		if f.knows() && !f.stops {
			rounds[0] = append(rounds[0], f)
		} else {
			rounds = append(rounds, []smtpFault{f})
		}
	}
	to := w.people.alone()
	var asked []message
	a := allowed{Doubt: ids{}, Ends: map[vocab.MessageID][]dispatcher.Status{}}
	for _, round := range rounds {
		batches := make([][]message, len(round))
		for i, f := range round {
			orders := make([]order, smtpEach)
			for k := range orders {
				orders[k] = order{to[0], []vocab.Purpose{news, answer}[k%2]} // everybody gets one: an address may be suppressed
				to = to[1:]
			}
			f.meet(w.sink, orders[:smtpHits])
			batches[i] = w.submit(t, orders)
		}
		if round[0].means == paused || round[0].stops {
			w.resume(t)
		}
		w.quiet(t, time.Minute)
		w.sink.Clear()
		for i, f := range round {
			f.check(t, w.outcomes(t, batches[i]))
			for _, m := range batches[i] {
				switch f.means {
				case doubt, timing:
					a.Doubt[m.id] = true
				case ends:
					a.Ends[m.id] = []dispatcher.Status{f.ends}
				case again, paused:
				}
			}
			asked = append(asked, batches[i]...)
		}
	}
	w.account(t, asked, a)
}

// Of a batch of smtpEach messages smtpHits meet the fault, half of them marketing.
const smtpEach, smtpHits = 24, 6

// knows says whether the fault comes late enough in the dialogue to know whose message it meets.
func (f smtpFault) knows() bool {
	switch f.fault.At {
	case testkit.AtBanner, testkit.AtEHLO, testkit.AtMail:
		return false
	case testkit.AtRcpt, testkit.AtData, testkit.MidBody, testkit.AfterDot, testkit.AfterReply:
		return true
	}
	return false
}

// meet makes the fault happen: once to each of some messages if it knows whose it is, else as often.
func (f smtpFault) meet(sink *testkit.SMTPSink, orders []order) {
	if !f.knows() {
		f.fault.Times = len(orders)
		sink.Fail(f.fault)
		return
	}
	for _, o := range orders {
		f.fault.To, f.fault.Times = o.to.email, 1
		sink.Fail(f.fault)
	}
}

// alone are the people whose mailbox nobody shares.
func (p people) alone() people {
	var all people
	for i, x := range p {
		if i%sharedEvery > 1 {
			all = append(all, x)
		}
	}
	return all
}

// counted is how the messages of one batch ended.
type counted struct {
	sent, unknown, bounced, marked, doubled, attempts int
}

// String is one line for the log.
func (c counted) String() string {
	return fmt.Sprintf("sent %d, unknown %d, bounced %d, marked %d, doubled %d, attempts %d", c.sent, c.unknown, c.bounced, c.marked, c.doubled, c.attempts)
}

func (w *world) outcomes(t *testing.T, batch []message) counted {
	t.Helper()
	rows, taken := w.rows(t), w.taken(t)
	var c counted
	for _, m := range batch {
		r := rows[m.id]
		c.attempts += r.attempt
		if r.marked {
			c.marked++
		}
		if len(taken[m.id]) > 1 {
			c.doubled++
		}
		switch r.status { //nolint:exhaustive // the audit finds the others
		case dispatcher.Sent:
			c.sent++
		case dispatcher.Unknown:
			c.unknown++
		case dispatcher.Bounced:
			c.bounced++
		}
	}
	return c
}

// check says what must be true of a batch that met the fault.
func (f smtpFault) check(t *testing.T, c counted) {
	t.Helper()
	t.Logf("the server %s: %s", f.name, c)
	expect := func(is bool, what string) {
		t.Helper()
		if !is {
			t.Errorf("the server %s: %s; %s", f.name, what, c)
		}
	}
	const half = smtpHits / 2
	switch f.means {
	case again, paused:
		expect(c.sent == smtpEach && c.marked == 0 && c.doubled == 0, "every message must arrive once and be free of doubt")
	case doubt:
		expect(c.unknown == half && c.marked == half, "of the messages it met, marketing must end as unknown and the others be sent again")
		expect(c.sent == smtpEach-half, "messages are missing")
	case timing:
		expect(c.unknown <= half && c.marked <= half && c.sent+c.unknown == smtpEach, "it is doubtful for more messages than it met")
	case ends:
		// The pause comes before the fault has met everybody.
		fine := c.bounced == smtpHits || f.stops && c.bounced > 0 && c.bounced < smtpHits
		expect(fine && c.sent == smtpEach-c.bounced, "it must end the messages it met and no other")
	}
	if f.fault.At != testkit.AfterReply && f.means != ends {
		expect(c.attempts >= smtpEach+half, "the fault cost no attempts: it met nobody")
	}
}

// resume waits until the provider is paused and lifts that.
func (w *world) resume(t *testing.T) {
	t.Helper()
	testkit.Eventually(t, 20*time.Second, func() error {
		var n int
		if err := w.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM pauses`).Scan(&n); err != nil || n == 0 {
			return fmt.Errorf("the provider is not paused: %w", err)
		}
		return nil
	})
	w.sink.Clear()
	var done struct{}
	if err := w.post(t.Context(), "/v1/providers/relay/resume", "", []byte(`{}`), &done); err != nil {
		t.Fatal(err)
	}
}

// While no server is there at all, everything waits.
func TestTheMailServerIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, testkit.Postgres(t), 200, usual())
	w.sink.Delay(3 * time.Millisecond)
	w.feeder(t)
	asked := w.submit(t, w.mixed(1000))
	w.worker(t)
	w.sent(t, 200)
	w.sink.Away()
	lasts(t, 2*time.Second)
	doubtful := ids{}
	for id, copies := range w.taken(t) { // cut off between the dot and its reply
		if !copies[len(copies)-1].Acknowledged {
			doubtful[id] = true
		}
	}
	w.sink.Back(t)
	w.quiet(t, time.Minute)
	w.account(t, asked, allowed{Doubt: doubtful, AnyDoubt: 2 * w.Connections})
}
