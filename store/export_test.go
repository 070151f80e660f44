package store

import "database/sql"

// Raw is the handle that writes, for tests that look behind the methods.
func (db *DB) Raw() *sql.DB { return db.write }
