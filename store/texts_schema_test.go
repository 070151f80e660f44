package store_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/store"
)

// withTexts publishes a text whose change is material.
func withTexts(t *testing.T, db *store.DB) {
	t.Helper()
	texts := store.NewConsentTexts(db)
	text := consent.BuiltinTexts(consent.Operator{})[0]
	text.Material = true
	draft, err := texts.Draft(t.Context(), text, noon)
	if err != nil {
		t.Fatal(err)
	}
	by := consent.Event{Source: consent.SourceSystem, ActorKind: consent.ActorSystem, At: noon}
	if _, err := texts.Publish(t.Context(), draft.ID, by, func(consent.Text) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// refusesAll checks that each statement is refused for the reason and that the published texts and changes stay as they were.
func refusesAll(t *testing.T, db *store.DB, raw *sql.DB, why string, statements ...string) {
	t.Helper()
	state := func() (all string) {
		if err := db.Raw().QueryRowContext(t.Context(), `
			SELECT CAST(COUNT(*) AS TEXT) || MIN(body) || MIN(version) || (SELECT CAST(COUNT(*) AS TEXT) || MIN(version) FROM consent_text_changes)
			FROM consent_texts`).Scan(&all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := state()
	for _, statement := range statements {
		if _, err := raw.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: got error %v, want %q", statement, err, why)
		}
		if after := state(); after != before {
			t.Fatalf("after %s there is %s, before %s", statement, after, before)
		}
	}
}

func TestPublishedConsentTextsNeverChange(t *testing.T) {
	change := []string{
		`UPDATE consent_texts SET body = '{}'`, `DELETE FROM consent_texts`, `UPDATE consent_text_changes SET version = 9`, `DELETE FROM consent_text_changes`,
	}
	t.Run("sqlite", func(t *testing.T) {
		db := openSQLite(t)
		withTexts(t, db)
		refusesAll(t, db, db.Raw(), "append-only", append(change,
			`INSERT OR REPLACE INTO consent_texts SELECT id, purpose, channel, 2, '{}', created_at, created_by, published_at, published_by FROM consent_texts`,
			`INSERT OR REPLACE INTO consent_texts SELECT 'txt_x', purpose, channel, version, '{}', created_at, created_by, published_at, published_by FROM consent_texts`,
			`INSERT OR REPLACE INTO consent_text_changes SELECT purpose, channel, version, 'cev_x', at FROM consent_text_changes`)...)
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
		withTexts(t, service)
		change = append(change, `TRUNCATE consent_texts`, `TRUNCATE consent_text_changes`)
		refusesAll(t, service, service.Raw(), "permission denied", change...)
		refusesAll(t, service, service.Raw(), "must be owner", `DROP TRIGGER consent_texts_no_change ON consent_texts`, `DROP TABLE consent_text_changes`)
		refusesAll(t, service, owner.Raw(), "append-only", change...)
	})
}
