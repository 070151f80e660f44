package store

import (
	"context"
	"database/sql"
)

// Raw is the handle that writes, for tests that look behind the methods.
func (db *DB) Raw() *sql.DB { return db.write }

// Down takes every migration back.
func (db *DB) Down(ctx context.Context) error {
	provider, err := db.provider()
	if err != nil {
		return err
	}
	_, err = provider.DownTo(ctx, 0)
	return err
}
