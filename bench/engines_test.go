package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// The size of a run; make bench takes the defaults, docs/performance.md says with which its figures were made.
var (
	messages = flag.Int("messages", 20_000, "messages of a campaign")
	told     = flag.String("events", "outcomes", "events.messages: which events of messages the feed takes (all, outcomes, none)")
	people   = flag.Int("people", 100_000, "contacts that the ledger holds when its parts are measured")
	profile  = flag.String("profile", "", "run the worker inside the benchmark and write its CPU profile here")
)

func TestMain(m *testing.M) { testkit.Main(m) }

// hashKey is also the commitment key of the processes that are measured.
var hashKey = []byte(strings.Repeat("k", 32))

// engine is one kind of ledger with the queue that belongs to it.
type engine struct {
	name string
	url  string // of the ledger for the service; empty: SQLite
	raw  string // driver and address for statements of the benchmark's own
	dir  string
	pg   *testkit.PG
	db   *store.DB
}

var engines = []string{"sqlite", "postgres"}

// onEach runs a benchmark over an empty, migrated ledger of each engine.
func onEach(b *testing.B, run func(b *testing.B, e *engine)) {
	b.Helper()
	for _, name := range engines {
		b.Run(name, func(b *testing.B) { run(b, open(b, name)) })
	}
}

func open(b *testing.B, name string) *engine {
	b.Helper()
	e := &engine{name: name, dir: b.TempDir()}
	owner := store.Options{Dir: e.dir, HashKey: hashKey}
	if name == "postgres" {
		e.pg = testkit.Postgres(b)
		database := e.pg.CreateDatabase(b)
		e.url, e.raw, owner.URL = database.Service, database.Admin, database.Owner
	}
	db := e.connect(b, owner)
	if err := db.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	if name == "postgres" {
		if err := db.Grant(b.Context(), testkit.ServiceRole); err != nil {
			b.Fatal(err)
		}
	}
	e.db = e.connect(b, store.Options{URL: e.url, Dir: e.dir, HashKey: hashKey, Feed: events.Feeding(*told)})
	return e
}

func (e *engine) connect(b *testing.B, o store.Options) *store.DB {
	b.Helper()
	db, err := store.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return db
}

// sql opens a handle of the benchmark's own.
func (e *engine) sql(b *testing.B) *sql.DB {
	b.Helper()
	driver, address := "pgx", e.raw
	if e.name == "sqlite" {
		driver, address = "sqlite", filepath.Join(e.dir, "elshi.db")+"?_pragma=busy_timeout(10000)&_pragma=cache_size(-262144)"
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		b.Fatal(err)
	}
	return db
}

// person is a contact with one proven address and a marketing grant.
type person struct {
	contact vocab.ContactID
	address vocab.AddressID
	email   string
}

// populate adds n people in statements of 5,000. The product takes people in one by one with a consent event each; for what is
// measured here only the rows count.
func (e *engine) populate(b *testing.B, n int) []person {
	b.Helper()
	db := e.sql(b)
	defer db.Close()
	rows := "json_each($1) AS j"
	if e.name == "postgres" {
		rows = "jsonb_array_elements(CAST($1 AS text)::jsonb) AS j(value)"
	}
	statements := []string{
		`INSERT INTO contacts (id, name, name_lookup, language, time_zone, attributes, minor, guardian_consented, created_at, updated_at)
		 SELECT j.value ->> 0, j.value ->> 1, j.value ->> 1, 'ru', 'Asia/Almaty', '{}', false, false, 0, 0 FROM ` + rows,
		`INSERT INTO addresses (id, channel, value, lookup, hash, created_at)
		 SELECT j.value ->> 2, 'email', j.value ->> 3, j.value ->> 3, j.value ->> 4, 0 FROM ` + rows,
		`INSERT INTO contact_addresses (contact_id, address_id, is_primary, verified_at, created_at)
		 SELECT j.value ->> 0, j.value ->> 2, true, 1, 0 FROM ` + rows,
		`INSERT INTO consents (contact_id, purpose, channel, topic, state, since, objected, cross_border, event_id)
		 SELECT j.value ->> 0, 'news.company', 'email', '', 'granted', 0, false, false, j.value ->> 5 FROM ` + rows,
	}
	all := make([]person, 0, n)
	for len(all) < n {
		var values [][]any
		for range min(5000, n-len(all)) {
			email := fmt.Sprintf("reader%07d@school%03d.example", len(all), len(all)%500)
			p := person{vocab.ContactID(vocab.NewID(vocab.ContactPrefix)), vocab.AddressID(vocab.NewID(vocab.AddressPrefix)), email}
			all = append(all, p)
			values = append(values, []any{
				p.contact, fmt.Sprintf("Айгүл Сәрсенова %d", len(all)), p.address, email, e.db.Hash(vocab.Email, email),
				vocab.NewID(vocab.ConsentEventPrefix),
			})
		}
		arg, err := json.Marshal(values)
		if err != nil {
			b.Fatal(err)
		}
		for _, statement := range statements {
			if _, err := db.ExecContext(b.Context(), statement, string(arg)); err != nil {
				b.Fatal(err)
			}
		}
	}
	if e.name == "postgres" { // as autovacuum would have it after a minute
		if _, err := db.ExecContext(b.Context(), "ANALYZE"); err != nil {
			b.Fatal(err)
		}
	}
	return all
}

// count asks the ledger how many messages have a status.
func (e *engine) count(b *testing.B, status dispatcher.Status) int {
	b.Helper()
	db := e.sql(b)
	defer db.Close()
	var n int
	if err := db.QueryRowContext(b.Context(), "SELECT COUNT(*) FROM messages WHERE status = $1", string(status)).Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}

// doors are what takes messages in, built as package app builds it but for the queue.
type doors struct {
	ledger    *store.Ledger
	gate      *dispatcher.Gate
	renderer  *dispatcher.Renderer
	submitter *dispatcher.Submitter
}

// bell takes the batches of messages that were submitted.
type bell func(dispatcher.Batch)

// Ring hands the batch over.
func (f bell) Ring(_ context.Context, batch dispatcher.Batch) error {
	f(batch)
	return nil
}

// doors opens the intake of the ledger with the benchmark's mail in it.
func (e *engine) doors(b *testing.B, ring bell) doors {
	b.Helper()
	registry, err := consent.NewRegistry()
	if err != nil {
		b.Fatal(err)
	}
	calendar, err := consent.NewCalendar(consent.CalendarOptions{
		Hours: map[vocab.Channel]consent.Hours{vocab.Email: {To: 24 * time.Hour}},
	})
	if err != nil {
		b.Fatal(err)
	}
	kept := store.NewTemplates(e.db)
	versions, err := templates.Builtins()
	if err != nil {
		b.Fatal(err)
	}
	for _, v := range append(versions, mail()) {
		if _, err := kept.Save(b.Context(), v, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
	d := doors{ledger: store.NewLedger(e.db)}
	d.gate = &dispatcher.Gate{
		Purposes: registry, Calendar: calendar, Cap: consent.Cap{Marketing: 1000, SMS: 1, Period: 7 * 24 * time.Hour},
		Senders: map[vocab.SenderID]dispatcher.Sender{senderID: {
			ID: senderID, Channel: vocab.Email, Provider: providerID, From: "news@orleu.example", ReplyTo: "info@orleu.example", Default: true,
		}},
	}
	links := dispatcher.NewLinks("https://elshi.example", hashKey, hashKey)
	sealer, err := dispatcher.NewSealer(hashKey)
	if err != nil {
		b.Fatal(err)
	}
	org := dispatcher.Org{Name: map[vocab.Language]string{vocab.Russian: "Өрлеу"}, URL: "https://orleu.example"}
	d.renderer = dispatcher.NewRenderer(kept, templates.Options{}, org, links)
	d.submitter = dispatcher.NewSubmitter(dispatcher.Intaker{
		Ledger: d.ledger, Bell: ring, Gate: d.gate, Renderer: d.renderer, Sealer: sealer, Observer: unobserved{}, Now: time.Now, Log: quiet(),
	}, dispatcher.SubmitOptions{RingWindow: time.Microsecond}) // a bell that nobody hears must not keep the feeder waiting
	return d
}

// submit takes one marketing message in for each person, 1,000 to a call, and returns what was rung for.
func (e *engine) submit(b *testing.B, all []person) []vocab.MessageID {
	b.Helper()
	var ids []vocab.MessageID
	d := e.doors(b, func(batch dispatcher.Batch) { ids = append(ids, batch.IDs...) })
	for from := 0; from < len(all); from += dispatcher.MaxBatch {
		requests := requestsFor(all[from:min(from+dispatcher.MaxBatch, len(all))], from)
		if _, err := d.submitter.Submit(b.Context(), caller, nil, requests); err != nil {
			b.Fatal(err)
		}
	}
	if len(ids) != len(all) {
		b.Fatalf("%d of %d messages may go", len(ids), len(all))
	}
	return ids
}

var caller = dispatcher.Caller{APIKey: "key_bench", Mode: dispatcher.Live}

func requestsFor(all []person, first int) []dispatcher.Request {
	requests := make([]dispatcher.Request, len(all))
	for i, p := range all {
		requests[i] = dispatcher.Request{
			To: dispatcher.To{ContactID: p.contact}, Channel: vocab.Email, Purpose: "news.company", Template: mailTemplate,
			Language: vocab.Russian, Data: mailData(first + i),
		}
	}
	return requests
}
