package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Purposes remembers what each purpose was first registered as.
type Purposes struct{ db *DB }

// NewPurposes returns the remembered purposes of a database.
func NewPurposes(db *DB) *Purposes { return &Purposes{db} }

// Register remembers purposes that are new. A purpose that was registered with another class before is refused with fault.Conflict, and
// nothing is remembered: people have agreed to it as what it was.
func (p *Purposes) Register(ctx context.Context, all []consent.PurposeInfo, now time.Time) error {
	return p.db.tx(ctx, func(tx *tx) error {
		was := map[vocab.Purpose]vocab.Class{}
		var id vocab.Purpose
		var class vocab.Class
		if err := tx.each(ctx, []any{&id, &class}, func() error {
			was[id] = class
			return nil
		}, `SELECT id, class FROM purposes`); err != nil {
			return err
		}
		var rows rowset
		for _, x := range all {
			switch before, known := was[x.ID]; {
			case !known:
				rows = append(rows, []any{x.ID, x.Class, now.UnixMicro()})
			case before != x.Class:
				return &fault.Error{
					Kind: fault.Conflict, Code: "purpose_class_fixed",
					Detail: fmt.Sprintf("the purpose %s was registered with class %s, and a class is fixed for good; register another purpose instead", x.ID, before),
				}
			}
		}
		return tx.execRows(ctx, rows, `
			INSERT INTO purposes (id, class, since) SELECT j.value ->> 0, j.value ->> 1, CAST(j.value ->> 2 AS BIGINT) FROM {rows $1} WHERE true
			ON CONFLICT (id) DO NOTHING`)
	})
}
