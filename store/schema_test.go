package store_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// columns lists the columns of every table but goose's own.
func columns(t *testing.T, db *store.DB) []string {
	t.Helper()
	query := `SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'YES' THEN '?' ELSE '' END
		FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
		WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`
	if db.Engine() == "sqlite" {
		query = `SELECT m.name || '.' || c.name || CASE WHEN c."notnull" OR c.pk THEN '' ELSE '?' END
			FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'`
	}
	rows, err := db.Raw().QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(name, "goose_") && !strings.HasPrefix(name, "sqlite_") {
			list = append(list, name)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

func TestBothEnginesHaveTheSameTables(t *testing.T) {
	var first []string
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			got := columns(t, e.open(t))
			if len(got) < 100 {
				t.Fatalf("only %d columns were found", len(got))
			}
			if first == nil {
				first = got
			}
			if diff := cmp.Diff(first, got); diff != "" {
				t.Errorf("columns mismatch (-%s +%s):\n%s", engines[0].name, e.name, diff)
			}
		})
	}
}

func TestMigrationsGoUpDownAndUp(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			db := open(t, e.empty(t))
			if migrated, err := db.Migrated(t.Context()); err != nil || migrated {
				t.Fatalf("an empty database is migrated: %t, %v", migrated, err)
			}
			var before []string
			for range 2 {
				if err := db.Migrate(t.Context()); err != nil {
					t.Fatal(err)
				}
				if migrated, err := db.Migrated(t.Context()); err != nil || !migrated {
					t.Fatalf("migrated: %t, %v", migrated, err)
				}
				if err := db.Migrate(t.Context()); err != nil {
					t.Fatalf("migrate again: %v", err)
				}
				now := columns(t, db)
				if before != nil {
					if diff := cmp.Diff(before, now); diff != "" {
						t.Errorf("columns mismatch (-first +second):\n%s", diff)
					}
				}
				before = now
				if err := db.Down(t.Context()); err != nil {
					t.Fatal(err)
				}
				if left := columns(t, db); len(left) != 0 {
					t.Errorf("left behind: %v", left)
				}
			}
		})
	}
}

func TestSeveralProcessesMigrateAtOnce(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			o := e.empty(t)
			errs := make(chan error)
			for range 3 {
				db := open(t, o)
				go func() { errs <- db.Migrate(t.Context()) }()
			}
			for range 3 {
				if err := <-errs; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestANewerDatabaseIsRefused(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			db := open(t, e.empty(t))
			if err := db.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Raw().ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`); err != nil {
				t.Fatal(err)
			}
			if err := db.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "use a newer program") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// withEvent writes one consent event.
func withEvent(t *testing.T, db *store.DB) {
	t.Helper()
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	p, err := store.NewContacts(db).Create(t.Context(), contacts.Contact{CreatedAt: noon}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.NewConsents(db, registry).Record(t.Context(), consent.Event{
		Kind: consent.KindGranted, ContactID: p.ID, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email,
		Source: consent.SourceAPI, At: noon,
	}, "", false); err != nil {
		t.Fatal(err)
	}
}

// refusesChange checks that nobody behind the handle can change the consent ledger.
func refusesChange(t *testing.T, db *store.DB, raw *sql.DB, why string, statements ...string) {
	t.Helper()
	count := func() (n, kind int) {
		if err := db.Raw().QueryRowContext(t.Context(), `SELECT COUNT(*), COUNT(CASE WHEN kind = 'granted' THEN 1 END) FROM consent_events`).Scan(&n, &kind); err != nil {
			t.Fatal(err)
		}
		return n, kind
	}
	for _, statement := range statements {
		_, err := raw.ExecContext(t.Context(), statement)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: got error %v, want %q", statement, err, why)
		}
		if n, granted := count(); n != 1 || granted != 1 {
			t.Fatalf("after %s there are %d events, %d grants", statement, n, granted)
		}
	}
}

func TestTheConsentLedgerOnlyGrows(t *testing.T) {
	change := []string{`UPDATE consent_events SET kind = 'withdrawn'`, `DELETE FROM consent_events`}
	t.Run("sqlite", func(t *testing.T) {
		db := openSQLite(t)
		withEvent(t, db)
		refusesChange(t, db, db.Raw(), "append-only", change...)
		refusesChange(t, db, db.Raw(), "append-only", `INSERT OR REPLACE INTO consent_events (seq, id, kind, contact_id, address_id, scope, purpose, channel, topic, source,
			actor_kind, actor_id, language, text_hash, policy_version, at, valid_until, commitment, prev_hash, hash)
			SELECT seq, id, 'withdrawn', contact_id, address_id,
			scope, purpose, channel, topic, source, actor_kind, actor_id, language, text_hash, policy_version, at, valid_until, commitment,
			prev_hash, hash FROM consent_events`)
	})
	t.Run("postgres", func(t *testing.T) {
		database := testkit.Postgres(t).CreateDatabase(t)
		owner := open(t, store.Options{URL: database.Owner, HashKey: hashKey})
		if err := owner.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := owner.Grant(t.Context(), testkit.ServiceRole); err != nil {
			t.Fatal(err)
		}
		if err := owner.Grant(t.Context(), ""); err == nil {
			t.Error("a role without a name was granted something")
		}
		service := open(t, store.Options{URL: database.Service, HashKey: hashKey})
		withEvent(t, service)
		refusesChange(t, service, service.Raw(), "permission denied", append(change, `TRUNCATE consent_events`)...)
		refusesChange(t, service, service.Raw(), "must be owner", `DROP TRIGGER consent_events_no_change ON consent_events`,
			`ALTER TABLE consent_events DISABLE TRIGGER ALL`, `DROP TABLE consent_events`)
		refusesChange(t, service, owner.Raw(), "append-only", append(change, `TRUNCATE consent_events`, `TRUNCATE consent_events CASCADE`)...)
	})
}

// withEntry writes an entry of the audit log with its outcome.
func withEntry(t *testing.T, db *store.DB) {
	t.Helper()
	log := store.NewAudit(db)
	if err := log.Record(t.Context(), audit.Event{ID: "aud_1", At: noon, Operation: "get-contact", Contacts: []vocab.ContactID{"con_1"}}); err != nil {
		t.Fatal(err)
	}
	if err := log.Complete(t.Context(), audit.Outcome{Event: "aud_1", At: noon, Status: 200}); err != nil {
		t.Fatal(err)
	}
}

func TestTheAuditLogOnlyGrows(t *testing.T) {
	change := map[string][]string{
		"audit_events":   {`UPDATE audit_events SET operation = 'nothing'`, `DELETE FROM audit_events`},
		"audit_outcomes": {`UPDATE audit_outcomes SET status = 500`, `DELETE FROM audit_outcomes`},
		"audit_subjects": {`UPDATE audit_subjects SET subject_id = 'con_2'`, `DELETE FROM audit_subjects`},
	}
	refuses := func(t *testing.T, db *store.DB, raw *sql.DB, why, statement string) {
		t.Helper()
		if _, err := raw.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: got error %v, want %q", statement, err, why)
		}
		list, err := store.NewAudit(db).List(t.Context(), audit.Filter{Subject: "con_1", Limit: 2})
		if err != nil || len(list) != 1 || list[0].Operation != "get-contact" || list[0].Status != 200 {
			t.Fatalf("after %s the log holds %+v, %v", statement, list, err)
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		db := openSQLite(t)
		withEntry(t, db)
		for table, statements := range change {
			for _, s := range append(statements, `INSERT OR REPLACE INTO `+table+` SELECT * FROM `+table) {
				refuses(t, db, db.Raw(), "append-only", s)
			}
		}
	})
	t.Run("postgres", func(t *testing.T) {
		database := testkit.Postgres(t).CreateDatabase(t)
		owner := open(t, store.Options{URL: database.Owner, HashKey: hashKey})
		if err := owner.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := owner.Grant(t.Context(), testkit.ServiceRole); err != nil {
			t.Fatal(err)
		}
		service := open(t, store.Options{URL: database.Service, HashKey: hashKey})
		withEntry(t, service)
		for table, statements := range change {
			for _, s := range append(statements, `TRUNCATE `+table) {
				refuses(t, service, service.Raw(), "permission denied", s)
				refuses(t, service, owner.Raw(), "append-only", s)
			}
			refuses(t, service, service.Raw(), "must be owner", `ALTER TABLE `+table+` DISABLE TRIGGER ALL`)
		}
		for _, s := range []string{
			`UPDATE erasures SET jws = ''`, `DELETE FROM erasures`, `DELETE FROM claims`, `DELETE FROM claim_events`, `DELETE FROM claim_stops`,
			`DELETE FROM claim_alarms`, `DELETE FROM claim_numbers`, `DELETE FROM disclosures`, `DELETE FROM disclosure_contacts`,
		} {
			refuses(t, service, service.Raw(), "permission denied", s)
		}
	})
}
