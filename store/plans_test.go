package store_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// The plans of the hot statements: none may read a large table whole, neither with the statistics of a table that was small a moment ago
// nor with good ones, neither planned for its own values nor for any.

// large are the tables that grow with every message or contact.
var large = []string{
	"messages", "message_attempts", "message_payloads", "message_events", "message_once", "consents", "consent_events", "contacts", "addresses",
	"contact_addresses", "suppressions", "idempotency_keys", "sms_refs", "confirmations", "feed",
	"webhook_deliveries",
	"audit_events", "audit_outcomes", "audit_subjects", "disclosures",
	"disclosure_contacts",
}

const (
	small = 40
	grown = 80_000
)

func msg(i int) vocab.MessageID {
	return vocab.MessageID(fmt.Sprintf("%s_%d", vocab.MessagePrefix, 100_000_000+i))
}

func con(i int) vocab.ContactID {
	return vocab.ContactID(fmt.Sprintf("%s_%d", vocab.ContactPrefix, 100_000_000+i))
}

func adr(i int) vocab.AddressID {
	return vocab.AddressID(fmt.Sprintf("%s_%d", vocab.AddressPrefix, 100_000_000+i))
}

// allow allows everything.
func allow(cs []dispatcher.Candidate) []consent.Decision {
	return slices.Repeat([]consent.Decision{{Verdict: consent.Allow, Reason: consent.OK}}, len(cs))
}

// statement is a text with the values it was run with.
type statement struct {
	text string
	args []any
}

// diary is a tracer that keeps every statement once.
type diary struct {
	mu   sync.Mutex
	seen map[string]statement
}

// TraceQueryStart implements pgx.QueryTracer.
func (d *diary) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	args := q.Args
	if len(args) > 0 {
		if _, asked := args[0].(pgx.QueryResultFormatsByOID); asked { // database/sql's own wish
			args = args[1:]
		}
	}
	if isPlanned.MatchString(q.SQL) {
		d.seen[q.SQL] = statement{q.SQL, args}
	}
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*diary) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// isPlanned matches statements that have a plan.
var isPlanned = regexp.MustCompile(`(?i)^\s*(SELECT|INSERT|UPDATE|DELETE)\b`)

var (
	seqScan   = regexp.MustCompile(`Seq Scan on (\w+)`)
	indexScan = regexp.MustCompile(`Index (?:Only )?Scan (?:Backward )?using (\w+) on (\w+)[^\n]*\n\s*(\w+ \w+)?`)
)

// indexUse matches the use of an index in a plan.
var indexUse = regexp.MustCompile(`(?:Scan (?:Backward )?using|Bitmap Index Scan on) (\w+)`)

// indexesOf returns the indexes that are there for speed alone.
func indexesOf(t *testing.T, db *store.DB) []string {
	t.Helper()
	rows, err := db.Raw().QueryContext(t.Context(), `
		SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE NOT i.indisunique AND c.relnamespace = 'public'::regnamespace ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil || len(names) < 8 {
		t.Fatalf("%d indexes, %v", len(names), err)
	}
	return names
}

// readWhole returns the large tables of which a plan reads every row, be it in the order of an index.
func readWhole(plan string) []string {
	var whole []string
	for _, scan := range seqScan.FindAllStringSubmatch(plan, -1) {
		whole = append(whole, scan[1])
	}
	for _, scan := range indexScan.FindAllStringSubmatch(plan, -1) {
		if scan[3] != "Index Cond" && !slices.Contains(inOrder, scan[1]) {
			whole = append(whole, scan[2])
		}
	}
	return slices.DeleteFunc(whole, func(table string) bool { return !slices.Contains(large, table) })
}

func TestNoHotStatementOfPostgreSQLReadsATableWhole(t *testing.T) {
	server := testkit.Postgres(t)
	options := store.Options{URL: server.CreateDatabase(t).Owner, HashKey: hashKey}
	owner := open(t, options)
	if err := owner.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	run := func(text string) {
		t.Helper()
		if _, err := owner.Raw().ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range large {
		run(`ALTER TABLE ` + table + ` SET (autovacuum_enabled = false)`) // or the statistics would grow old by themselves
	}
	analyse := `ANALYZE ` + strings.Join(large, `, `)
	fill(t, owner, 1, small)
	run(analyse)
	fill(t, owner, small+1, grown)
	run(`UPDATE consent_head SET seq = 1000000`)
	var seen *diary
	used := map[string]bool{}
	look := func(options store.Options, age, with string) {
		t.Helper()
		conn, err := pgx.ConnectConfig(t.Context(), store.SessionConfig(t, options))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range seen.seen {
			if !strings.Contains(s.text, with) {
				continue
			}
			for kind, plan := range map[string]string{"own": planOf(t, conn, s), "generic": genericPlanOf(t, conn, s)} {
				for _, index := range indexUse.FindAllStringSubmatch(plan, -1) {
					used[index[1]] = true
				}
				if whole := readWhole(plan); len(whole) > 0 {
					t.Errorf("%s statistics, %s plan reads %v whole:\n%s\n%s", age, kind, whole, s.text, plan)
				}
			}
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for round, age := range []string{"young", "analysed"} {
		if age == "analysed" {
			run(analyse)
		}
		seen = &diary{seen: map[string]statement{}}
		drive(t, store.OpenTraced(t, options, seen), grown, round)
		if len(seen.seen) < 50 {
			t.Fatalf("only %d statements were seen", len(seen.seen))
		}
		look(options, age, "")
	}
	for _, index := range indexesOf(t, owner) {
		if !used[index] && index != "contacts_by_name" { // which only people ask for, in a search
			t.Errorf("no hot statement uses the index %s, which every row pays for", index)
		}
	}
	// A plan that was made on the first day is kept while the tables grow, for as long as its connection lives. What is asked for each contact
	// of a claim cannot bear even that.
	options = store.Options{URL: server.CreateDatabase(t).Owner, HashKey: hashKey}
	empty := open(t, options)
	if err := empty.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	look(options, "no", "LATERAL")
	if _, err := empty.Raw().ExecContext(t.Context(), analyse); err != nil {
		t.Fatal(err)
	}
	look(options, "an empty table's", "LATERAL")
}

// planOf is the plan of a statement for its own values.
func planOf(t *testing.T, conn *pgx.Conn, s statement) string {
	t.Helper()
	return explained(t, conn, `EXPLAIN `+s.text, s.args...)
}

// genericPlanOf is its plan for any values, which PostgreSQL keeps after a few runs if it looks no dearer.
func genericPlanOf(t *testing.T, conn *pgx.Conn, s statement) string {
	t.Helper()
	run := func(text string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	run(`SET plan_cache_mode = force_generic_plan`)
	run(`PREPARE hot AS ` + s.text)
	execute := `EXPLAIN EXECUTE hot`
	if n := len(s.args); n > 0 {
		execute += `(` + strings.Join(slices.Repeat([]string{"NULL"}, n), ", ") + `)`
	}
	plan := explained(t, conn, execute)
	run(`DEALLOCATE hot`)
	run(`RESET plan_cache_mode`)
	return plan
}

func explained(t *testing.T, conn *pgx.Conn, text string, args ...any) string {
	t.Helper()
	rows, err := conn.Query(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return strings.Join(lines, "\n")
}

var (
	aliases = regexp.MustCompile(`(?i)\b(?:FROM|JOIN|UPDATE|INTO)\s+\(?(\w+)(?:\s+(?:AS\s+)?(\w+))?`)
	scanned = regexp.MustCompile(`^SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?`)
)

// inOrder are indexes that may be read from one end on: the newest messages of a list, the newest event, and what waits.
var inOrder = []string{"messages_by_time", "dues_by_time", "feed_by_place", "webhook_deliveries_due"}

func TestNoHotStatementOfSQLiteReadsATableWhole(t *testing.T) {
	db := openSQLite(t)
	fill(t, db, 1, grown/4)
	if _, err := db.Raw().ExecContext(t.Context(), `UPDATE consent_head SET seq = 1000000`); err != nil {
		t.Fatal(err)
	}
	drive(t, db, grown/4, 0)
	for _, age := range []string{"no", "good"} {
		if age == "good" {
			if _, err := db.Raw().ExecContext(t.Context(), `ANALYZE`); err != nil {
				t.Fatal(err)
			}
		}
		planned := 0
		for _, text := range db.Statements() {
			if !isPlanned.MatchString(text) {
				continue
			}
			planned++
			tables := map[string]string{}
			for _, a := range aliases.FindAllStringSubmatch(text, -1) {
				tables[a[1]], tables[a[2]] = a[1], a[1]
			}
			plan := sqlitePlanOf(t, db, text)
			for _, line := range plan {
				s := scanned.FindStringSubmatch(line)
				if s == nil || s[2] == "" && slices.Contains(plan, "CO-ROUTINE "+s[1]) {
					continue // the second is an inner question that goes by the same name
				}
				if slices.Contains(large, tables[s[1]]) && !slices.Contains(inOrder, s[2]) {
					t.Errorf("with %s statistics %s is read whole:\n%s\n%s", age, tables[s[1]], text, strings.Join(plan, "\n"))
				}
			}
		}
		if planned < 50 {
			t.Fatalf("only %d statements were seen", planned)
		}
	}
}

func sqlitePlanOf(t *testing.T, db *store.DB, text string) []string {
	t.Helper()
	values := 0
	for i := 1; i <= 30; i++ {
		if regexp.MustCompile(fmt.Sprintf(`\?%d\b`, i)).MatchString(text) {
			values = i
		}
	}
	rows, err := db.Raw().QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+text, make([]any, values)...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var line string
		if err := rows.Scan(&id, &parent, &unused, &line); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}
