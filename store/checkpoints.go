package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/orleu/elshi/tlog"
)

// What proves the consent ledger, beside its entries: the whole subtrees of its Merkle tree, and its signed heads.

// Lead says whether the holder is the one who does the duty until the given time: whoever did it last, unless their time is over.
func (c *Consents) Lead(ctx context.Context, duty, holder string, now, until time.Time) (bool, error) {
	if c.db.dialect.name == "sqlite" {
		return true, nil // one process has the folder
	}
	n, err := c.db.writer().exec(ctx, `UPDATE leads SET holder = $2, until = $3 WHERE duty = $1 AND (holder = $2 OR until < $4)`,
		duty, holder, until.UnixMicro(), now.UnixMicro())
	return n == 1, away(err)
}

// Links returns the chain hashes of the entries from one number to another, in order.
func (c *Consents) Links(ctx context.Context, from, to int64) ([]string, error) {
	var list []string
	var hash string
	err := c.db.reader().each(ctx, []any{&hash}, func() error {
		list = append(list, hash)
		return nil
	}, `SELECT hash FROM consent_events WHERE seq >= $1 AND seq <= $2 ORDER BY seq`, from, to)
	return list, away(err)
}

// Nodes returns the hashes of whole subtrees of a level that are kept, from one place to another, in order.
func (c *Consents) Nodes(ctx context.Context, level uint, from, to int64) ([]tlog.Hash, error) {
	var list []tlog.Hash
	var text string
	err := c.db.reader().each(ctx, []any{&text}, func() error {
		h, err := nodeOf(text)
		list = append(list, h)
		return err
	}, `SELECT hash FROM consent_nodes WHERE level = $1 AND place >= $2 AND place <= $3 ORDER BY place`, int64(level), from, to) //nolint:gosec // at most 64
	return list, away(err)
}

func nodeOf(text string) (tlog.Hash, error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != tlog.HashSize {
		return tlog.Hash{}, fmt.Errorf("a node of the ledger's tree is kept as %d characters, which are no hash", len(text))
	}
	return tlog.Hash(raw), nil
}

// NodeCount is how many whole subtrees of a level are kept; they are kept from the left without gaps.
func (c *Consents) NodeCount(ctx context.Context, level uint) (int64, error) {
	var n int64
	err := c.db.reader().row(ctx, []any{&n}, `SELECT COALESCE(MAX(place) + 1, 0) FROM consent_nodes WHERE level = $1`, int64(level)) //nolint:gosec // at most 64
	return n, away(err)
}

// AddNodes keeps whole subtrees; one that is there stays as it is, because a whole subtree never changes.
func (c *Consents) AddNodes(ctx context.Context, nodes map[tlog.Node]tlog.Hash) error {
	var rows rowset
	for n, h := range nodes {
		rows = append(rows, []any{n.Level, n.Index, hex.EncodeToString(h[:])})
	}
	return away(c.db.writer().execRows(ctx, rows, `
		INSERT INTO consent_nodes (level, place, hash)
		SELECT CAST(j.value ->> 0 AS BIGINT), CAST(j.value ->> 1 AS BIGINT), j.value ->> 2 FROM {rows $1} WHERE true
		ON CONFLICT (level, place) DO NOTHING`))
}

// ForgetNodes forgets the kept subtrees, which can be made from the entries again.
func (c *Consents) ForgetNodes(ctx context.Context) error {
	_, err := c.db.writer().exec(ctx, `DELETE FROM consent_nodes`)
	return away(err)
}

// AddCheckpoint appends a signed head and returns it with its number. Two at once stand one behind the other.
func (c *Consents) AddCheckpoint(ctx context.Context, s tlog.Signed) (tlog.Signed, error) {
	err := c.db.tx(ctx, func(tx *tx) error {
		var last int64 // whoever appends holds the head of the chain meanwhile
		if err := tx.row(ctx, []any{&last}, `SELECT seq FROM consent_head WHERE id = 1 {guard}`); err != nil {
			return err
		}
		if err := tx.row(ctx, []any{&s.Number}, `SELECT COALESCE(MAX(number), 0) + 1 FROM consent_checkpoints`); err != nil {
			return err
		}
		_, err := tx.exec(ctx, `INSERT INTO consent_checkpoints (number, size, at, note) VALUES ($1, $2, $3, $4)`,
			s.Number, s.Size, s.At.UnixMicro(), s.Note)
		return err
	})
	return s, err
}

// Checkpoints returns signed heads, the oldest first: those with a number above after, at most n. Size and time are what the table
// says; whoever believes them opens the note.
func (c *Consents) Checkpoints(ctx context.Context, after int64, n int) ([]tlog.Signed, error) {
	return c.checkpoints(ctx, `number > $1 ORDER BY number LIMIT $2`, after, n)
}

// NewestCheckpoints returns the newest n signed heads with a number below before, the newest first; 0: from the end.
func (c *Consents) NewestCheckpoints(ctx context.Context, before int64, n int) ([]tlog.Signed, error) {
	if before == 0 {
		before = 1 << 62
	}
	return c.checkpoints(ctx, `number < $1 ORDER BY number DESC LIMIT $2`, before, n)
}

func (c *Consents) checkpoints(ctx context.Context, where string, args ...any) ([]tlog.Signed, error) {
	var list []tlog.Signed
	var s tlog.Signed
	err := c.db.reader().each(ctx, []any{&s.Number, &s.Size, at(&s.At), &s.Note}, func() error {
		list = append(list, s)
		return nil
	}, `SELECT number, size, at, note FROM consent_checkpoints WHERE `+where, args...)
	return list, away(err)
}
