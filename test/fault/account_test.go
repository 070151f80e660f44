package fault_test

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

// ids is a set of messages.
type ids map[vocab.MessageID]bool

// allowed is what an audit may find besides "sent, once".
type allowed struct {
	// Doubt are messages whose attempt was open when the fault came: they may end as unknown or, at least once, be sent twice.
	Doubt ids
	// AnyDoubt is how many others may. It is for faults that have no single moment.
	AnyDoubt int
	// Ends are the endings that the fault means for a message, beside sent.
	Ends map[vocab.MessageID][]dispatcher.Status
}

// tally is what an audit counted.
type tally struct {
	ByStatus map[dispatcher.Status]int
	Unknown  int            // the ledger cannot tell
	Late     int            // were unknown until their worker was heard of again
	Doubled  int            // the server has them more than once
	Marked   int            // possible_dup
	Attempts map[string]int // closed attempts by outcome and cause
}

// String is for the log; docs/faults.md quotes it.
func (y tally) String() string {
	return fmt.Sprintf("%s; still unknown %d, settled late %d, doubled %d, marked possible duplicates %d; attempts: %s",
		counts(y.ByStatus), y.Unknown, y.Late, y.Doubled, y.Marked, counts(y.Attempts))
}

// counts writes numbers by name.
func counts[K ~string](m map[K]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(parts, ", ")
}

// row is a message as the ledger has it.
type row struct {
	id               vocab.MessageID
	class            vocab.Class
	status           dispatcher.Status
	attempt          int
	failures         int
	marked           bool
	due, lease, done sql.NullInt64
	cause            string
	events           []string
	attempts         []attempt
}

// attempt is an attempt that was closed.
type attempt struct {
	number  int
	outcome channels.Outcome
	cause   string
}

// account audits the ledger against the mail server: every message that was asked for is there once, none is open, what was sent is what
// the server has, and nothing arrived twice but what may. It is called when nothing is to be done any more.
func (w *world) account(t *testing.T, asked []message, a allowed) tally {
	t.Helper()
	rows := w.rows(t)
	taken := w.taken(t)
	y := tally{ByStatus: map[dispatcher.Status]int{}, Attempts: map[string]int{}}
	wrong := map[string][]string{}
	var doubts []string
	for _, m := range asked {
		r, have := rows[m.id]
		if !have {
			wrong["is not in the ledger"] = append(wrong["is not in the ledger"], string(m.id))
			continue
		}
		y.count(r, taken[m.id])
		if !a.Doubt[m.id] && (r.status == dispatcher.Unknown || r.marked) {
			doubts = append(doubts, r.story(taken[m.id]))
		}
		for _, complaint := range slices.Concat(r.kept(), m.told(r, taken[m.id], a)) {
			wrong[complaint] = append(wrong[complaint], r.story(taken[m.id]))
		}
		delete(rows, m.id)
		delete(taken, m.id)
	}
	for id, r := range rows {
		wrong["was never asked for"] = append(wrong["was never asked for"], r.story(taken[id]))
		delete(taken, id)
	}
	for id := range taken {
		wrong["is at the mail server and not in the ledger"] = append(wrong["is at the mail server and not in the ledger"], string(id))
	}
	if len(doubts) > a.AnyDoubt {
		t.Errorf("%d messages are unknown or marked as possible duplicates that had no attempt open when the fault came, want at most %d; for example\n%s",
			len(doubts), a.AnyDoubt, strings.Join(doubts[:min(5, len(doubts))], "\n"))
	}
	for complaint, stories := range wrong {
		t.Errorf("%d messages: %s; for example\n%s", len(stories), complaint, strings.Join(stories[:min(5, len(stories))], "\n"))
	}
	t.Logf("%d asked for: %s", len(asked), y)
	return y
}

// kept says what of a row contradicts itself.
func (r row) kept() []string {
	var wrong []string
	say := func(is bool, what string) {
		if is {
			wrong = append(wrong, what)
		}
	}
	open := r.status.Waits() || r.status == dispatcher.Sending
	say(open, "is not done, but nothing is to be done any more")
	say(!open && (r.due.Valid || r.lease.Valid || !r.done.Valid), "is done and has a due time, a lease or no end")
	say(r.failures > r.attempt, "has more failures than attempts")
	say(len(r.attempts) != r.attempt, "was claimed more often than attempts were closed, or less")
	for i, x := range r.attempts {
		say(x.number != i+1, "has attempts that do not follow one another")
	}
	say(!slices.ContainsFunc(r.events, func(e string) bool { return strings.HasPrefix(e, string(r.status)+"@") }), "has no event for its status")
	accepted := r.accepted()
	say(r.status == dispatcher.Sent && accepted == 0, "is sent and no attempt was accepted")
	say(r.status != dispatcher.Sent && accepted > 0, "has an attempt that was accepted and is not sent")
	say(accepted > 1 && !r.marked, "was accepted twice and is not marked as a possible duplicate")
	return wrong
}

func (r row) accepted() int {
	n := 0
	for _, x := range r.attempts {
		if x.outcome == channels.Accepted {
			n++
		}
	}
	return n
}

// told says where the ledger and the mail server do not tell the same.
func (m message) told(r row, copies []testkit.Mail, a allowed) []string {
	var wrong []string
	say := func(is bool, what string) {
		if is {
			wrong = append(wrong, what)
		}
	}
	acknowledged := slices.ContainsFunc(copies, func(c testkit.Mail) bool { return c.Acknowledged })
	say(r.status == dispatcher.Sent && !acknowledged, "is sent in the ledger and the server never acknowledged it")
	say(r.status != dispatcher.Sent && r.status != dispatcher.Unknown && len(copies) > 0, "is at the server and the ledger says that it was not sent")
	if m.atMostOnce() {
		say(len(copies) > 1, "must arrive at most once and arrived twice")
		say(r.attempt > 1 && r.attempts[0].outcome == channels.InDoubt, "must be sent at most once and was tried again after a doubt")
	} else {
		say(r.status == dispatcher.Unknown, "must arrive at least once and was given up as unknown")
		say(len(copies) > 1 && !r.marked, "arrived twice and is not marked as a possible duplicate")
		say(len(copies) > r.attempt, "arrived more often than it was tried")
	}
	fine := r.status == dispatcher.Sent || r.status == dispatcher.Unknown || slices.Contains(a.Ends[m.id], r.status)
	say(!fine, "ended as "+string(r.status)+", which this fault does not mean")
	return wrong
}

func (y *tally) count(r row, copies []testkit.Mail) {
	y.ByStatus[r.status]++
	for _, x := range r.attempts {
		y.Attempts[strings.TrimSpace(string(x.outcome)+" "+x.cause)]++
	}
	if len(copies) > 1 {
		y.Doubled++
	}
	if r.marked {
		y.Marked++
	}
	was := slices.ContainsFunc(r.events, func(e string) bool { return strings.HasPrefix(e, "unknown@") })
	switch {
	case r.status == dispatcher.Unknown:
		y.Unknown++
	case was:
		y.Late++
	}
}

// story tells all that is known of a message.
func (r row) story(copies []testkit.Mail) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s (%s): %s after %d attempts, %d failures", r.id, r.class, r.status, r.attempt, r.failures)
	if r.cause != "" {
		b.WriteString(", " + r.cause)
	}
	if r.marked {
		b.WriteString(", possible duplicate")
	}
	fmt.Fprintf(&b, "\n    events: %s", strings.Join(r.events, ", "))
	for _, x := range r.attempts {
		fmt.Fprintf(&b, "\n    attempt %d: %s %s", x.number, x.outcome, x.cause)
	}
	for _, c := range copies {
		fmt.Fprintf(&b, "\n    the server read the dot at %s, acknowledged: %v", c.At.UTC().Format(clock), c.Acknowledged)
	}
	if len(copies) == 0 {
		b.WriteString("\n    the server does not have it")
	}
	return b.String()
}

const clock = "15:04:05.000"

// rows reads the whole ledger.
func (w *world) rows(t *testing.T) map[vocab.MessageID]row {
	t.Helper()
	all := map[vocab.MessageID]row{}
	w.each(t, `
		SELECT id, class, status, attempt, failures, possible_dup, due_at, lease_until, finalized_at, last_cause FROM messages`,
		func(scan func(...any) error) error {
			var r row
			err := scan(&r.id, &r.class, &r.status, &r.attempt, &r.failures, &r.marked, &r.due, &r.lease, &r.done, &r.cause)
			all[r.id] = r
			return err
		})
	// That a message was queued at first and that it was sent its row says itself.
	w.each(t, `
		SELECT message_id, type, at, reason FROM message_events
		UNION ALL SELECT id, 'queued', created_at, 'ok' FROM messages WHERE began_queued
		UNION ALL SELECT id, 'sent', sent_at, '' FROM messages WHERE sent_at IS NOT NULL
		ORDER BY 3`, func(scan func(...any) error) error {
		var id vocab.MessageID
		var kind, reason string
		var at int64
		err := scan(&id, &kind, &at, &reason)
		r := all[id]
		r.events = append(r.events, kind+"@"+time.UnixMicro(at).UTC().Format(clock)+" "+reason)
		all[id] = r
		return err
	})
	w.each(t, `SELECT message_id, attempt, outcome, cause FROM closed_attempts ORDER BY attempt`, func(scan func(...any) error) error {
		var id vocab.MessageID
		var x attempt
		err := scan(&id, &x.number, &x.outcome, &x.cause)
		r := all[id]
		r.attempts = append(r.attempts, x)
		all[id] = r
		return err
	})
	return all
}

// each reads rows of a database that must be there.
func (w *world) each(t *testing.T, query string, row func(scan func(...any) error) error, args ...any) {
	t.Helper()
	if err := w.read(t, query, row, args...); err != nil {
		t.Fatal(err)
	}
}

// read reads rows.
func (w *world) read(t *testing.T, query string, row func(scan func(...any) error) error, args ...any) error {
	t.Helper()
	rows, err := w.db.QueryContext(t.Context(), query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// holds returns the messages that a worker holds a permit for at this moment.
func (w *world) holds(t *testing.T) ids {
	t.Helper()
	open := ids{}
	w.each(t, `SELECT id FROM messages WHERE status = 'sending'`, func(scan func(...any) error) error {
		var id vocab.MessageID
		err := scan(&id)
		open[id] = true
		return err
	})
	return open
}

// taken returns what the mail server has, by message.
func (w *world) taken(t *testing.T) map[vocab.MessageID][]testkit.Mail {
	t.Helper()
	all := map[vocab.MessageID][]testkit.Mail{}
	for _, m := range w.sink.Messages() {
		raw, _, found := strings.Cut(m.MessageID, "@fault.example")
		if !found {
			t.Errorf("the mail server has a message that is not ours: %q", m.MessageID)
		}
		id := vocab.MessageID(vocab.MessagePrefix + "_" + raw)
		all[id] = append(all[id], m)
	}
	return all
}
