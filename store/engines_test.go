package store_test

import (
	"context"
	"testing"

	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/store/storetest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var hashKey = []byte("a key that only tests may know")

// engine is a way to get an empty database.
type engine struct {
	name string
	// open returns a migrated database in the role of the service.
	open func(t *testing.T) *store.DB
	// empty returns options for a database that was never migrated, in the role of the owner.
	empty func(t *testing.T) store.Options
}

var engines = []engine{
	{"sqlite", openSQLite, emptySQLite},
	{"postgres", openPostgres, emptyPostgres},
}

func emptySQLite(t *testing.T) store.Options {
	t.Helper()
	return store.Options{Dir: t.TempDir(), HashKey: hashKey}
}

func emptyPostgres(t *testing.T) store.Options {
	t.Helper()
	return store.Options{URL: testkit.Postgres(t).CreateDatabase(t).Owner, HashKey: hashKey}
}

func openSQLite(t *testing.T) *store.DB {
	t.Helper()
	db := open(t, emptySQLite(t))
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

func openPostgres(t *testing.T) *store.DB {
	t.Helper()
	database := testkit.Postgres(t).CreateDatabase(t)
	owner := open(t, store.Options{URL: database.Owner, HashKey: hashKey})
	if err := owner.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := owner.Grant(t.Context(), testkit.ServiceRole); err != nil {
		t.Fatal(err)
	}
	return open(t, store.Options{URL: database.Service, HashKey: hashKey})
}

func open(t *testing.T, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestEveryEngineKeepsThePromises(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) *store.DB {
				t.Helper()
				db := e.open(t)
				t.Cleanup(func() { duesAgree(t, db) })
				return db
			})
		})
	}
}

// duesAgree checks that messages and dues say the same, whatever was done to them, and that every open attempt has a lease.
func duesAgree(t *testing.T, db *store.DB) {
	t.Helper()
	var messages, dues, wrong int
	if err := db.Raw().QueryRowContext(context.Background(), `
		SELECT COUNT(*), COUNT(CASE WHEN d.message_id IS NOT NULL THEN 1 END), COUNT(CASE
			WHEN (m.due_at IS NULL) <> (d.due_at IS NULL) OR m.due_at <> d.due_at
			  OR m.channel <> d.channel OR m.lane <> d.lane OR m.class <> d.class OR m.provider <> d.provider
			  OR m.status = 'sending' AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.until >= m.lease_until AND l.messages LIKE '%"' || m.id || '"%')
			THEN 1 END)
		FROM messages m LEFT JOIN dues d ON d.message_id = m.id`).Scan(&messages, &dues, &wrong); err != nil {
		t.Fatal(err)
	}
	if messages == 0 || dues == 0 || wrong > 0 {
		t.Errorf("%d of %d messages, %d of them with dues, do not agree with their dues and leases", wrong, messages, dues)
	}
}
