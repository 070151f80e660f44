package store

import (
	"context"
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Stretch is how many messages one page of a list looks at.
const Stretch = stretch

// SessionConfig is how a session of PostgreSQL is opened.
func SessionConfig(t *testing.T, o Options) *pgx.ConnConfig {
	t.Helper()
	config, err := postgresConfig(o)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// OpenTraced opens PostgreSQL and shows every statement to the tracer.
func OpenTraced(t *testing.T, o Options, tracer pgx.QueryTracer) *DB {
	t.Helper()
	config := SessionConfig(t, o)
	config.Tracer = tracer
	pool := stdlib.OpenDB(*config)
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return &DB{write: pool, read: pool, dialect: newPostgres(), hashKey: o.HashKey}
}

// Statements are the texts that were run so far, as the engine reads them.
func (db *DB) Statements() []string {
	var list []string
	db.dialect.cache.Range(func(_, text any) bool {
		list = append(list, text.(string))
		return true
	})
	return list
}

// Raw is the handle that writes, for tests that look behind the methods.
func (db *DB) Raw() *sql.DB { return db.write }

// Waiting is how many wait for their turn to write on SQLite.
func (db *DB) Waiting() int {
	if db.turns == nil {
		return 0
	}
	return db.turns.waiting()
}

// Down takes every migration back.
func (db *DB) Down(ctx context.Context) error {
	provider, err := db.provider()
	if err != nil {
		return err
	}
	_, err = provider.DownTo(ctx, 0)
	return err
}

// Queued is how many submissions wait for a transaction.
func (l *Ledger) Queued() int {
	l.intake.mu.Lock()
	defer l.intake.mu.Unlock()
	return len(l.intake.waiting)
}
