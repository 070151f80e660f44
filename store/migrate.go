package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// Migrate brings the schema up to date. A database that is newer than this program is refused. Several processes may call
// it at once. On PostgreSQL it must run as the owner of the tables; see Grant for the service's role.
func (db *DB) Migrate(ctx context.Context) error {
	provider, err := db.provider()
	if err != nil {
		return err
	}
	have, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", away(err))
	}
	sources := provider.ListSources()
	if newest := sources[len(sources)-1].Version; have > newest {
		return fmt.Errorf("migrate: the database is at version %d and this program knows %d: use a newer program", have, newest)
	}
	return db.up(ctx, provider)
}

// up migrates. goose locks PostgreSQL but not SQLite: there the loser of a race between processes looks again, since each migration is
// one transaction and the winner's counts for both.
func (db *DB) up(ctx context.Context, provider *goose.Provider) error {
	const patience = 50
	for try := 0; ; try++ {
		_, err := provider.Up(ctx)
		if err == nil {
			return nil
		}
		if db.dialect.name != "sqlite" || try == patience || ctx.Err() != nil {
			return fmt.Errorf("migrate: %w", away(err))
		}
		if pending, asked := provider.HasPending(ctx); asked == nil && !pending {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Migrated says whether the schema is the one this program needs.
func (db *DB) Migrated(ctx context.Context) (bool, error) {
	if db.dialect.name == "postgres" {
		// goose would make its table if there is none, which the service's role may not, and say something else than what is the matter.
		var begun bool
		err := db.write.QueryRowContext(ctx, `SELECT to_regclass('goose_db_version') IS NOT NULL`).Scan(&begun)
		if err != nil || !begun {
			return false, away(err)
		}
	}
	provider, err := db.provider()
	if err != nil {
		return false, err
	}
	pending, err := provider.HasPending(ctx)
	return !pending, away(err)
}

// provider merges the migrations that both engines share with the engine's own, by number. Two files of one name are two halves of one
// migration.
func (db *DB) provider() (*goose.Provider, error) {
	merged := fstest.MapFS{}
	for _, dir := range []string{"common", db.dialect.name} {
		entries, err := fs.ReadDir(migrations, "migrations/"+dir)
		if err != nil {
			return nil, fmt.Errorf("migrate: %w", err)
		}
		for _, e := range entries {
			data, err := fs.ReadFile(migrations, "migrations/"+dir+"/"+e.Name())
			if err != nil {
				return nil, fmt.Errorf("migrate: %w", err)
			}
			if shared := merged[e.Name()]; shared != nil {
				if data, err = oneMigration(shared.Data, data); err != nil {
					return nil, fmt.Errorf("migrate: %s: %w", e.Name(), err)
				}
			}
			merged[e.Name()] = &fstest.MapFile{Data: data}
		}
	}
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption{}
	if db.dialect.name == "postgres" {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, fmt.Errorf("migrate: %w", err)
		}
		dialect, options = goose.DialectPostgres, append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, db.write, merged, options...)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return provider, nil
}

// oneMigration joins the half that both engines share with the engine's own, which stands on it: it goes up second and down first.
func oneMigration(shared, own []byte) ([]byte, error) {
	const down = "-- +goose Down\n"
	sharedUp, sharedDown, first := strings.Cut(string(shared), down)
	ownUp, ownDown, second := strings.Cut(string(own), down)
	if !first || !second {
		return nil, errors.New("want " + strings.TrimSpace(down))
	}
	return []byte(sharedUp + strings.Replace(ownUp, "-- +goose Up\n", "", 1) + down + ownDown + sharedDown), nil
}

// Grant lets the service's role of PostgreSQL work: it may read and write rows, may only append consent events, their signed heads,
// published consent texts, entries of the audit log and certificates of erasures, may delete no claim and no disclosure, and owns nothing. It runs as the owner, after Migrate. On SQLite, which has no roles, it does nothing.
func (db *DB) Grant(ctx context.Context, role string) error {
	if db.dialect.name != "postgres" {
		return nil
	}
	if role == "" {
		return errors.New("grant: the service's role has no name")
	}
	name := pgx.Identifier{role}.Sanitize()
	for _, statement := range []string{
		"GRANT USAGE ON SCHEMA public TO " + name,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO " + name,
		"REVOKE UPDATE, DELETE, TRUNCATE ON consent_events FROM " + name,
		"REVOKE UPDATE, DELETE, TRUNCATE ON audit_events, audit_outcomes, audit_subjects FROM " + name,
		"REVOKE UPDATE, DELETE, TRUNCATE ON consent_texts, consent_text_changes FROM " + name,
		"REVOKE UPDATE, DELETE, TRUNCATE ON consent_checkpoints FROM " + name,
		"REVOKE UPDATE, DELETE, TRUNCATE ON erasures FROM " + name,
		"REVOKE DELETE, TRUNCATE ON claims, claim_events, claim_stops, claim_alarms, claim_numbers, disclosures, disclosure_contacts FROM " + name,
	} {
		if _, err := db.write.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("grant: %w", away(err))
		}
	}
	return nil
}

// isNone says whether a read found nothing, which is an answer and not an error.
func isNone(err error) bool { return errors.Is(err, sql.ErrNoRows) }
