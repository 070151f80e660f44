package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/text/unicode/norm"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// plain drops what PostgreSQL's text cannot hold, so that both engines keep the same: the code point U+0000, and bytes that are not
// UTF-8.
func plain(s string) string {
	if !utf8.ValidString(s) {
		s = string([]rune(s)) // U+FFFD for each byte, as encoding/json does it
	}
	return strings.ReplaceAll(s, "\x00", "")
}

// folded is a text as searches compare it. It is made here and kept beside the original, because SQLite knows the case of ASCII alone.
func folded(s string) string {
	return norm.NFC.String(strings.ToLower(norm.NFC.String(plain(s))))
}

// afterPrefix ends the range of the texts that begin with p, in the order of bytes.
func afterPrefix(p string) string { return p + "\U0010ffff" }

// conditions is a WHERE clause in the making. Its texts are constants of this package and only their number varies, so that every
// question gets the plan that suits it, and the cache of texts stays small.
type conditions struct {
	texts []string
	args  []any
}

// add narrows by text, in which each ? stands for the next of args.
func (c *conditions) add(text string, args ...any) {
	c.texts = append(c.texts, c.numbered(text, args...))
}

// numbered returns text with the next numbers in the places of its ?, and keeps args.
func (c *conditions) numbered(text string, args ...any) string {
	for _, arg := range args {
		c.args = append(c.args, arg)
		text = strings.Replace(text, "?", "$"+strconv.Itoa(len(c.args)), 1)
	}
	return text
}

// where is the clause, empty if nothing was added.
func (c *conditions) where() string {
	if len(c.texts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.texts, " AND ")
}

// limit is the LIMIT clause.
func (c *conditions) limit(n int) string {
	c.args = append(c.args, n)
	return " LIMIT $" + strconv.Itoa(len(c.args))
}

// momentPointer reads what micros wrote into a pointer; NULL is nil.
type momentPointer struct{ t **time.Time }

func atOrNil(t **time.Time) momentPointer { return momentPointer{t} }

// Scan implements sql.Scanner.
func (m momentPointer) Scan(v any) error {
	*m.t = nil
	if v == nil {
		return nil
	}
	var t time.Time
	if err := at(&t).Scan(v); err != nil {
		return err
	}
	*m.t = &t
	return nil
}

// microsOrNil is how a time that may not have come is kept.
func microsOrNil(t *time.Time) any {
	if t == nil {
		return nil
	}
	return micros(*t)
}

// jsonText reads a JSON text into a value, which is emptied first.
type jsonText[T any] struct{ v *T }

func jsonOf[T any](v *T) jsonText[T] { return jsonText[T]{v} }

// Scan implements sql.Scanner.
func (j jsonText[T]) Scan(v any) error {
	var text string
	if err := textOf(&text).Scan(v); err != nil {
		return err
	}
	var fresh T
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber() // a number keeps the digits it was given
	if err := decoder.Decode(&fresh); err != nil {
		return fmt.Errorf("JSON that was kept: %w", err)
	}
	*j.v = fresh
	return nil
}

// isTaken says whether a statement failed because a unique value is somebody else's.
func isTaken(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "23505"
	}
	lite, ok := errors.AsType[*sqlite.Error](err)
	return ok && lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE
}
