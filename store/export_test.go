package store

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/vocab"
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

// Tell writes one event for each suppression in a transaction, and calls before with it just before it commits; an error takes all of it back.
func (db *DB) Tell(ctx context.Context, ids []vocab.SuppressionID, at time.Time, before func(statement func() error) error) error {
	return db.tx(ctx, func(tx *tx) error {
		for _, id := range ids {
			if err := tx.tell(ctx, told{events.SuppressionCreated, at, events.Data{SuppressionID: id}}); err != nil {
				return err
			}
		}
		return before(func() error {
			var one int
			return tx.row(ctx, []any{&one}, `SELECT 1`)
		})
	})
}

// Queued is how many submissions wait for a transaction.
func (l *Ledger) Queued() int {
	l.intake.mu.Lock()
	defer l.intake.mu.Unlock()
	return len(l.intake.waiting)
}
