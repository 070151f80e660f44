// Package store keeps the ledger in SQL: one body of code for PostgreSQL and SQLite, one method per transaction. It owns
// every transaction and decides nothing: what a message may do is asked of the pure functions it is handed.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/fault"
)

// DB is one handle on one database. It is safe for concurrent use.
type DB struct {
	write   *sql.DB // SQLite: a single connection, so that writers queue here and not on the file lock
	read    *sql.DB
	dialect *dialect
	hashKey []byte
	turns   *turns // SQLite: who writes next
	feed    feedPolicy
}

// Options are the settings of Open.
type Options struct {
	// URL is postgres://… ; empty means SQLite in Dir.
	URL string
	// Dir holds elshi.db when URL is empty. It is made if it is missing.
	Dir string
	// MaxConnections bounds the pool of PostgreSQL. If zero, 20.
	MaxConnections int
	// HashKey keys the hashes by which suppressions remember addresses; at least 16 bytes.
	HashKey []byte
	// Feed says which events of messages are told. If empty, all.
	Feed events.Feeding
}

// Open opens the database and checks that it answers. It does not migrate. The error is fault.Unavailable when the database
// is away.
func Open(ctx context.Context, o Options) (*DB, error) {
	if len(o.HashKey) < 16 {
		return nil, errors.New("open store: HashKey needs at least 16 bytes")
	}
	db := &DB{hashKey: o.HashKey}
	db.feed.least = o.Feed
	var err error
	if o.URL == "" {
		err = db.openSQLite(o)
	} else {
		err = db.openPostgres(o)
	}
	if err != nil {
		return nil, err
	}
	if err := db.Ping(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) openSQLite(o Options) error {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	file := filepath.Join(o.Dir, "elshi.db")
	common := url.Values{"_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "temp_store(MEMORY)", "cache_size(-16384)",
	}}
	dsn := func(extra url.Values) string {
		v := url.Values{"_pragma": append([]string(nil), common["_pragma"]...)}
		for k, vals := range extra {
			v[k] = append(v[k], vals...)
		}
		return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: file}).EscapedPath(), RawQuery: v.Encode()}).String()
	}
	var err error
	// BEGIN IMMEDIATE is the guard of SQLite: a transaction that will write holds the only write lock from its start.
	if db.write, err = sql.Open("sqlite", dsn(url.Values{"_txlock": {"immediate"}})); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	db.write.SetMaxOpenConns(1)
	db.turns = &turns{}
	// Each connection has a cache of its own: the readers' are small, because what they look up is in the system's.
	if db.read, err = sql.Open("sqlite", dsn(url.Values{"_pragma": {"query_only(1)", "cache_size(-4096)"}})); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	db.read.SetMaxOpenConns(max(4, runtime.NumCPU()))
	db.dialect = newSQLite()
	return nil
}

func (db *DB) openPostgres(o Options) error {
	config, err := postgresConfig(o)
	if err != nil {
		return err
	}
	pool := stdlib.OpenDB(*config)
	limit := o.MaxConnections
	if limit == 0 {
		limit = 20
	}
	pool.SetMaxOpenConns(limit)
	pool.SetMaxIdleConns(limit)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(planLife)
	db.write, db.read, db.dialect = pool, pool, newPostgres()
	return nil
}

// planLife is how long a connection lives, and with it the plans that PostgreSQL keeps for it.
const planLife = time.Minute

// postgresConfig reads the URL and adds our settings of a session, unless the URL says otherwise.
func postgresConfig(o Options) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", redacted(err))
	}
	for name, value := range session {
		if _, set := config.RuntimeParams[name]; !set {
			config.RuntimeParams[name] = value
		}
	}
	return config, nil
}

// session are settings of every session. A process that is stopped or cut off in a transaction would hold the guards of its contacts for
// good: nobody could withdraw, and others would wait behind it. So PostgreSQL gives such a transaction up; ours wait for nothing but the
// database. And it gives up a statement that waits for a lock sooner than that: else one sleeper's statements would inherit the guard
// from one another. Whoever is awake asks again (see tx).
//
// What is looked up is hot and by its key: with PostgreSQL's default, which is made for disks that turn, a batch of a few would read a table
// of 50,000 contacts whole while its statistics are young. PostgreSQL also keeps the plan of a prepared statement, and one made while a table
// was empty reads all of it when it has grown; planning each time anew would cost more than the statements of a small submission. So no
// table that has an index for the question is read whole, and connections do not live long. See plans_test.go.
var session = map[string]string{
	"idle_in_transaction_session_timeout": "5s", "lock_timeout": "3s", "random_page_cost": "1.1", "enable_seqscan": "off", "jit": "off",
}

// redacted drops the text of an error that may repeat a connection string with its password.
func redacted(err error) error {
	if err == nil {
		return nil
	}
	return errors.New("the database URL is not valid")
}

// Ping asks the database for an answer. Its error is fault.Unavailable.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	if err := db.read.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return away(err)
	}
	return nil
}

// Engine names the engine, "sqlite" or "postgres".
func (db *DB) Engine() string { return db.dialect.name }

// Close closes the pools. On SQLite it also folds the write-ahead log into the file.
func (db *DB) Close() error {
	if db.dialect.name == "postgres" {
		return db.write.Close()
	}
	return errors.Join(db.read.Close(), db.write.Close())
}

// reruns is how often a transaction is run again after the engine gave it up for another one's sake.
const reruns = 3

// tx runs f in one transaction and commits. When the engine gives the transaction up (deadlock, serialisation, busy, a lock that is held
// for too long) the whole of f runs again, at most three times, so f must have no effect outside of the transaction.
func (db *DB) tx(ctx context.Context, f func(tx *tx) error) error { return db.run(ctx, false, f) }

// txOf is tx for work on so many messages: what is not small is bulk, and waits for its turn behind what somebody waits for.
func (db *DB) txOf(ctx context.Context, messages int, f func(tx *tx) error) error {
	return db.run(ctx, messages > smallIntake, f)
}

func (db *DB) run(ctx context.Context, bulk bool, f func(tx *tx) error) error {
	var err error
	for try := 0; try <= reruns; try++ {
		if try > 0 {
			select {
			case <-ctx.Done():
				return away(ctx.Err())
			case <-time.After(time.Duration(1+rand.IntN(10*try)) * time.Millisecond): //nolint:gosec // jitter, not a secret
			}
		}
		if err = db.once(ctx, bulk, f); err == nil || !db.dialect.gaveUp(err) {
			break
		}
	}
	return away(err)
}

func (db *DB) once(ctx context.Context, bulk bool, f func(tx *tx) error) (err error) {
	if db.turns != nil {
		if err := db.turns.take(ctx, bulk); err != nil {
			return err
		}
		defer db.turns.done()
	}
	raw, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// The rollback's own error says nothing new: the connection is gone or the transaction is already over.
			_ = raw.Rollback()
		}
	}()
	if err = f(&tx{runner{raw, db.dialect, &db.feed}}); err != nil {
		return err
	}
	return raw.Commit()
}

// reader returns what plain reads run on.
func (db *DB) reader() runner { return runner{db.read, db.dialect, &db.feed} }

// writer returns what single statements that write run on.
func (db *DB) writer() runner { return runner{db.write, db.dialect, &db.feed} }

// tx is one running transaction.
type tx struct{ runner }

// executor is the part of *sql.DB and *sql.Tx that statements need.
type executor interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// runner runs statements written in the common text of both engines (dialect.go).
type runner struct {
	db      executor
	dialect *dialect
	feed    *feedPolicy
}

// exec runs a statement and returns how many rows it changed.
func (r runner) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := r.db.ExecContext(ctx, r.dialect.text(query), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// row reads one row into dest; sql.ErrNoRows when there is none.
func (r runner) row(ctx context.Context, dest []any, query string, args ...any) error {
	return r.db.QueryRowContext(ctx, r.dialect.text(query), args...).Scan(dest...)
}

// each reads every row into dest and calls f after each.
func (r runner) each(ctx context.Context, dest []any, f func() error, query string, args ...any) error {
	rows, err := r.db.QueryContext(ctx, r.dialect.text(query), args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err below says what matters
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if err := f(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// away marks an error of the engine that means "the database is not there" as fault.Unavailable, so that nobody takes it for
// an answer. Errors that are answers, and our own mistakes, pass unchanged.
func away(err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if _, already := errors.AsType[*fault.Error](err); already {
		return err
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "57"),
			strings.HasPrefix(pg.Code, "58"), strings.HasPrefix(pg.Code, "40"), pg.Code == "55P03", pg.Code == "25006", pg.Code == "25P03":
			return fault.Away("ledger", errors.New("postgres code "+pg.Code))
		}
		// The message of a PostgreSQL error can repeat the values of a row; its code and constraint cannot.
		return fmt.Errorf("postgres code %s %s", pg.Code, pg.ConstraintName)
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
			sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT:
			return fault.Away("ledger", lite)
		}
		return err
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return fault.Away("ledger", errors.New("no connection"))
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, sql.ErrConnDone) {
		return fault.Away("ledger", err)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return fault.Away("ledger", errors.New("no connection"))
	}
	if pgconn.SafeToRetry(err) || strings.Contains(err.Error(), "bad connection") || strings.Contains(err.Error(), "unexpected EOF") ||
		strings.Contains(err.Error(), "conn closed") {
		return fault.Away("ledger", errors.New("connection lost"))
	}
	return err
}
