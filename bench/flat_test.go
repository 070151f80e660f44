package bench

import (
	"database/sql"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

var rows = flag.String("rows", "10000,200000,2000000", "old messages in the ledgers of BenchmarkFlat; the first are what the others are compared with")

// BenchmarkFlat submits, claims and settles in ledgers that hold more and more old messages. The ledgers take turns, a batch of 500 each,
// so that all have the same machine. Every contact has two old messages and five consents. New ones go to contacts in their order, as in a campaign to
// everybody, and in another batch to contacts from all over the ledger, where every one has pages of its own. Go runs a benchmark of more
// than one op twice, and so would fill the ledgers twice; one op has turns enough:
//
//	go test ./bench -run '^$' -bench Flat -benchtime 1x -timeout 0
//
// submit-µs, send-µs, which is claiming and settling, and claim-µs, which is its first half with the decision, are medians over the batches; database-µs is PostgreSQL's CPU time for all three,
// their mean. flat and flat-cpu compare the sum of the times, and the CPU time, with those of the smallest ledger.
func BenchmarkFlat(b *testing.B) {
	var sizes []int
	for field := range strings.SplitSeq(*rows, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 2*flatBatch {
			b.Fatalf("-rows: want numbers from %d, got %q", 2*flatBatch, field)
		}
		sizes = append(sizes, n)
	}
	for _, name := range engines {
		b.Run(name, func(b *testing.B) {
			ledgers := make([]*agedLedger, len(sizes))
			for i, n := range sizes {
				ledgers[i] = aged(b, open(b, name), n)
			}
			b.ResetTimer()
			for range b.N * flatTurns {
				for _, l := range ledgers {
					l.turn(b, "ordered", 1)
					l.turn(b, "scattered", 7919) // goes through all people before it meets one again, as a prime step does
				}
			}
			for _, l := range ledgers {
				l.report(b, ledgers[0])
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// What one op is, for each size.
const (
	flatTurns = 20
	flatBatch = 500
	// flatConsents is how many consents a contact has: the one that is asked for, and others.
	flatConsents = 5
)

// agedLedger is a ledger with a past.
type agedLedger struct {
	*engine
	doors
	rung             []vocab.MessageID
	messages, people int
	turns            map[string]*turns // by the order of contacts
}

// turns are what the batches cost, in microseconds a message.
type turns struct {
	submit, claim, send, cpu []float64
}

// aged fills a ledger: its first message is sent through the product, and the others are copies of what that left behind.
func aged(b *testing.B, e *engine, n int) *agedLedger {
	b.Helper()
	l := &agedLedger{engine: e, messages: n, people: n / 2, turns: map[string]*turns{"ordered": {}, "scattered": {}}}
	l.doors = e.doors(b, func(batch dispatcher.Batch) { l.rung = append(l.rung, batch.IDs...) })
	model := e.populate(b, 1)
	l.settle(b, l.claim(b, l.ask(b, model)))
	db := e.sql(b)
	defer db.Close()
	began := time.Now()
	numbers := func(n int) string {
		return fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", n)
	}
	of := func(prefix, number string) string { return fmt.Sprintf("'%s_%s' || (%s)", prefix, idZeros, number) }
	person, address := of(vocab.ContactPrefix, "1000000000 + i"), of(vocab.AddressPrefix, "1000000000 + i")
	// The same people from end to end, twice; numbers that are scattered stand for hashes.
	receiver, receiving := of(vocab.ContactPrefix, fmt.Sprintf("1000000001 + i %% %d", l.people)), of(vocab.AddressPrefix, fmt.Sprintf("1000000001 + i %% %d", l.people))
	message := of(vocab.MessagePrefix, "1000000000 + i")
	scattered := fmt.Sprintf("(1000000000 + CAST(i AS BIGINT) * 7919 %% %d)", l.people)
	ago := fmt.Sprintf("CAST(%d - i AS BIGINT) * %d", n, (90*24*time.Hour).Microseconds()/int64(n))
	for _, x := range []struct {
		table   string
		copies  int
		changes map[string]string
	}{
		{"contacts", l.people, map[string]string{"id": person, "name": "'Айгүл Сәрсенова ' || i", "name_lookup": "'айгүл сәрсенова ' || i"}},
		{"addresses", l.people, map[string]string{
			"id": address, "value": "'old' || i || '@school.example'", "lookup": "'old' || i || '@school.example'",
			"hash": "CAST(" + scattered + " AS TEXT) || SUBSTR(t.hash, 11)",
		}},
		{"contact_addresses", l.people, map[string]string{"contact_id": person, "address_id": address}},
		{"consents", l.people * flatConsents, map[string]string{
			"contact_id": of(vocab.ContactPrefix, fmt.Sprintf("1000000001 + (i - 1) / %d", flatConsents)), "event_id": of(vocab.ConsentEventPrefix, "1000000000 + i"),
			"topic": fmt.Sprintf("CASE i %% %d WHEN 0 THEN t.topic ELSE 'topic' || (i %% %[1]d) END", flatConsents),
		}},
		{"messages", n, map[string]string{
			"id": message, "contact_id": receiver, "address_id": receiving, "*_at": "t.%s - " + ago, "not_after": "t.not_after - " + ago,
		}},
		{"message_payloads", n, map[string]string{"message_id": message}},
		{"message_events", n, map[string]string{"message_id": message, "id": of("evt", "1000000000 + i"), "at": "t.at - " + ago}},
	} {
		into, from := copied(b, db, x.table, x.changes)
		statement := fmt.Sprintf("%sINSERT INTO %s (%s) SELECT %s FROM n CROSS JOIN (SELECT * FROM %s LIMIT 1) AS t", numbers(x.copies), x.table, into, from, x.table)
		if _, err := db.ExecContext(b.Context(), statement); err != nil {
			b.Fatalf("%v\n%s", err, statement)
		}
	}
	tidy := "VACUUM ANALYZE" // as autovacuum would have it after a while
	if e.name == "sqlite" {
		tidy = "PRAGMA wal_checkpoint(TRUNCATE)"
	}
	if _, err := db.ExecContext(b.Context(), tidy); err != nil {
		b.Fatal(err)
	}
	b.Logf("filled with %d messages in %v", n, time.Since(began).Round(time.Second))
	return l
}

// idZeros make an id older than those of today, and as long.
const idZeros = "0000000000000000"

// copied returns the columns of a table and what a copy of the row t has in them: changes name those that differ, "*_at" all that end so.
func copied(b *testing.B, db *sql.DB, table string, changes map[string]string) (into, from string) {
	b.Helper()
	found, err := db.QueryContext(b.Context(), "SELECT * FROM "+table+" LIMIT 0")
	if err != nil {
		b.Fatal(err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		b.Fatal(err)
	}
	if err := found.Err(); err != nil {
		b.Fatal(err)
	}
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = "t." + c
		if times, ok := changes["*_at"]; ok && strings.HasSuffix(c, "_at") {
			values[i] = fmt.Sprintf(times, c)
		}
		if changed, ok := changes[c]; ok {
			values[i] = changed
		}
	}
	return strings.Join(columns, ", "), strings.Join(values, ", ")
}

// turn sends one batch to people who are so many steps apart.
func (l *agedLedger) turn(b *testing.B, order string, step int) {
	b.Helper()
	t := l.turns[order]
	people := make([]person, flatBatch)
	for i := range people {
		n := (len(t.send)*flatBatch + i) * step % l.people
		people[i] = person{contact: vocab.ContactID(fmt.Sprintf("%s_%s%d", vocab.ContactPrefix, idZeros, 1_000_000_001+n))}
	}
	cpu := l.databaseUsed(b).cpu
	began := time.Now()
	ids := l.ask(b, people)
	asked := time.Now()
	permits := l.claim(b, ids)
	claimed := time.Now()
	l.settle(b, permits)
	done := time.Now()
	each := func(d time.Duration) float64 { return d.Seconds() * 1e6 / flatBatch }
	t.submit, t.claim, t.send = append(t.submit, each(asked.Sub(began))), append(t.claim, each(claimed.Sub(asked))), append(t.send, each(done.Sub(asked)))
	t.cpu = append(t.cpu, each(l.databaseUsed(b).cpu-cpu))
}

func (l *agedLedger) ask(b *testing.B, people []person) []vocab.MessageID {
	b.Helper()
	l.rung = nil
	if _, err := l.submitter.Submit(b.Context(), caller, nil, requestsFor(people, 0)); err != nil {
		b.Fatal(err)
	}
	if len(l.rung) != len(people) {
		b.Fatalf("%d of %d messages may go", len(l.rung), len(people))
	}
	return l.rung
}

func (l *agedLedger) claim(b *testing.B, ids []vocab.MessageID) []dispatcher.Permit {
	b.Helper()
	now := time.Now()
	permits, err := l.ledger.ClaimBatch(b.Context(), dispatcher.Claim{IDs: ids, Now: now, Lease: time.Minute}, l.gate.At(now))
	if err != nil || len(permits) != len(ids) {
		b.Fatalf("%d of %d permits, %v", len(permits), len(ids), err)
	}
	return permits
}

func (l *agedLedger) settle(b *testing.B, permits []dispatcher.Permit) {
	b.Helper()
	if err := l.ledger.Settle(b.Context(), accepted(permits, time.Now())); err != nil {
		b.Fatal(err)
	}
}

func (l *agedLedger) report(b *testing.B, smallest *agedLedger) {
	b.Helper()
	for order, t := range l.turns {
		least := smallest.turns[order]
		say := func(of string, x float64) { b.ReportMetric(x, fmt.Sprintf("%s-%s/%d", order, of, l.messages)) }
		say("submit-µs", median(t.submit))
		say("send-µs", median(t.send))
		say("claim-µs", median(t.claim))
		say("flat-claim", median(t.claim)/median(least.claim))
		say("flat", (median(t.submit)+median(t.send))/(median(least.submit)+median(least.send)))
		if l.pg != nil {
			say("database-µs", mean(t.cpu))
			say("flat-cpu", mean(t.cpu)/mean(least.cpu))
		}
	}
}

func median(of []float64) float64 {
	in := slices.Sorted(slices.Values(of))
	return in[len(in)/2]
}

// mean is for CPU times, which /proc counts in hundredths of a second.
func mean(of []float64) float64 {
	sum := 0.0
	for _, x := range of {
		sum += x
	}
	return sum / float64(len(of))
}
