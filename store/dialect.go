package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is all in which the two engines differ. Statements are written once, in a text that both accept after these
// replacements:
//
//	$1            a parameter
//	{rows $1}     a table "j" with one column "value": the elements of the JSON array in parameter 1. j.value ->> 0 is the first
//	              field of an element that is an array; each is CAST to its type.
//	{probe t.c = x}  joins table t (as t) by looking x up in the index of column c, once for each row to the left and whatever the
//	              planner believes: with the statistics of a table that was small a moment ago it would read all of it instead
//	{ids $1}      the elements of a JSON array of strings, for use behind IN
//	{guard}       locks the rows a SELECT returns until the end of the transaction, against other guards but not against foreign keys
//	{share}       locks the rows against their end alone, as many at once as want to
//	{skip}        {guard}, passing over rows that somebody else has locked
//	{xid}         the number of the transaction that writes, and {xmin} that of the oldest one that still runs; on SQLite, where one
//	              writes at a time, 0 and 1
type dialect struct {
	name     string
	replacer func(string) string
	gaveUp   func(error) bool
	cache    sync.Map // common text -> engine's text; the texts are constants of this package, so it does not grow
}

func (d *dialect) text(common string) string {
	if t, ok := d.cache.Load(common); ok {
		return t.(string)
	}
	t := d.replacer(common)
	d.cache.Store(common, t)
	return t
}

func newPostgres() *dialect {
	return &dialect{name: "postgres", gaveUp: postgresGaveUp, replacer: func(s string) string {
		s = macro(s, "{rows ", func(p string) string { return "jsonb_array_elements(CAST(" + p + " AS text)::jsonb) AS j(value)" })
		s = macro(s, "{ids ", func(p string) string { return "(SELECT jsonb_array_elements_text(CAST(" + p + " AS text)::jsonb))" })
		s = macro(s, "{probe ", func(p string) string {
			table, _, _ := strings.Cut(p, ".")
			return "CROSS JOIN LATERAL (SELECT * FROM " + table + " WHERE " + p + " OFFSET 0) AS " + table // OFFSET keeps it a subquery
		})
		return strings.NewReplacer("{guard}", "FOR NO KEY UPDATE", "{skip}", "FOR NO KEY UPDATE SKIP LOCKED", "{share}", "FOR KEY SHARE",
			"{xid}", "CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)",
			"{xmin}", "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)").Replace(s)
	}}
}

func newSQLite() *dialect {
	return &dialect{name: "sqlite", gaveUp: sqliteGaveUp, replacer: func(s string) string {
		s = macro(s, "{rows ", func(p string) string { return "json_each(" + p + ") AS j" })
		s = macro(s, "{ids ", func(p string) string { return "(SELECT value FROM json_each(" + p + "))" })
		s = macro(s, "{probe ", func(p string) string {
			table, _, _ := strings.Cut(p, ".")
			return "CROSS JOIN " + table + " ON " + p // SQLite never changes the order of a CROSS JOIN
		})
		return strings.NewReplacer("{guard}", "", "{skip}", "", "{share}", "", "{xid}", "0", "{xmin}", "1", "$", "?").Replace(s)
	}}
}

// macro replaces every "{name $n}" in s.
func macro(s, open string, with func(param string) string) string {
	for {
		before, rest, found := strings.Cut(s, open)
		if !found {
			return s
		}
		param, after, _ := strings.Cut(rest, "}")
		s = before + with(param) + after
	}
}

func postgresGaveUp(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "40P01" || pg.Code == "55P03")
}

func sqliteGaveUp(err error) bool {
	lite, ok := errors.AsType[*sqlite.Error](err)
	return ok && lite.Code()&0xff == sqlite3.SQLITE_BUSY
}

// micros is how a time is kept: microseconds since 1970 UTC, nil for the zero time.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// moment reads what micros wrote.
type moment struct{ t *time.Time }

func at(t *time.Time) moment { return moment{t} }

// Scan implements sql.Scanner.
func (m moment) Scan(v any) error {
	switch n := v.(type) {
	case nil:
		*m.t = time.Time{}
	case int64:
		*m.t = time.UnixMicro(n).UTC()
	default:
		return fmt.Errorf("a time is kept as an integer, not as %T", v)
	}
	return nil
}

// nullText reads a nullable text; NULL is "".
type nullText[T ~string] struct{ s *T }

func textOf[T ~string](s *T) nullText[T] { return nullText[T]{s} }

// Scan implements sql.Scanner.
func (n nullText[T]) Scan(v any) error {
	switch s := v.(type) {
	case nil:
		*n.s = ""
	case string:
		*n.s = T(s)
	case []byte:
		*n.s = T(s)
	default:
		return fmt.Errorf("want text, not %T", v)
	}
	return nil
}

// null returns nil for an empty text, so that it is kept as NULL.
func null[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// jsonArg is the JSON of the slice v for {rows} and {ids}; nil is a list of nothing. PostgreSQL's jsonb refuses the code point U+0000, which no text of ours needs.
func jsonArg(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode rows: %w", err)
	}
	if string(b) == "null" {
		return "[]", nil
	}
	return dropNUL(string(b)), nil
}

// dropNUL removes the escape of U+0000 from a JSON text, and leaves the six characters alone where a text quotes them (\\u0000).
func dropNUL(text string) string {
	const nul = `\u0000`
	if !strings.Contains(text, nul) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], nul):
			i += len(nul) - 1
		case text[i] == '\\' && i+1 < len(text):
			out.WriteString(text[i : i+2]) // an escape is read whole, so that its second half begins none
			i++
		default:
			out.WriteByte(text[i])
		}
	}
	return out.String()
}

// rowset is rows of a set-based statement, for {rows}.
type rowset [][]any

// execRows runs a set-based statement whose first parameter is rows; without rows it does nothing.
func (r runner) execRows(ctx context.Context, rows rowset, query string, args ...any) error {
	if len(rows) == 0 {
		return nil
	}
	arg, err := jsonArg(rows)
	if err != nil {
		return err
	}
	_, err = r.exec(ctx, query, append([]any{arg}, args...)...)
	return err
}
