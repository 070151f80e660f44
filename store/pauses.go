package store

import (
	"context"
	"time"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// Pauses keeps what is paused. Pauses live here and not in Redis: losing Redis un-pauses nothing.
type Pauses struct{ db *DB }

// NewPauses returns the pauses of a database.
func NewPauses(db *DB) *Pauses { return &Pauses{db} }

// Pause sets a pause. The first reason stays if there is one already.
func (p *Pauses) Pause(ctx context.Context, pause dispatcher.Pause) error {
	return p.db.tx(ctx, func(tx *tx) error { return tx.pause(ctx, pause) })
}

// pause sets a pause. Who asked for one over the API is in the audit log by the door's doing; one that comes of an outcome is written here.
func (tx *tx) pause(ctx context.Context, p dispatcher.Pause) error {
	n, err := tx.exec(ctx, `INSERT INTO pauses (kind, name, reason, origin, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		string(p.Kind), p.Name, p.Reason, p.Origin, p.At.UnixMicro())
	if err != nil || n == 0 || p.Origin != audit.ByOutcome {
		return err
	}
	return tx.audit(ctx, audit.Event{
		At: p.At, Actor: audit.System(p.Origin), Operation: "pause-" + string(p.Kind), Resource: audit.Resource{Kind: string(p.Kind), ID: p.Name},
		Reason: p.Reason, Status: 200,
	})
}

// Resume lifts a pause and makes what it held due now. It says whether there was one.
func (p *Pauses) Resume(ctx context.Context, kind dispatcher.PauseKind, name string, now time.Time) (bool, error) {
	var lifted bool
	err := p.db.tx(ctx, func(tx *tx) error {
		n, err := tx.exec(ctx, `DELETE FROM pauses WHERE kind = $1 AND name = $2`, string(kind), name)
		if err != nil {
			return err
		}
		lifted = n > 0
		column := "provider"
		if kind == dispatcher.PausePurpose {
			column = "purpose"
		}
		var dues []due
		var id vocab.MessageID
		if err := tx.each(ctx, []any{&id}, func() error {
			dues = append(dues, due{id, now})
			return nil
		}, `
			UPDATE messages SET due_at = $2
			FROM dues
			WHERE messages.id = dues.message_id AND messages.`+column+` = $1 AND messages.status = 'held'
			  AND messages.reason IN ('provider_paused', 'campaign_paused')
			RETURNING messages.id`, name, now.UnixMicro()); err != nil {
			return err
		}
		return tx.setDues(ctx, dues)
	})
	return lifted, err
}

// List returns every pause, the oldest first.
func (p *Pauses) List(ctx context.Context) ([]dispatcher.Pause, error) {
	var list []dispatcher.Pause
	var x dispatcher.Pause
	err := p.db.reader().each(ctx, []any{&x.Kind, &x.Name, &x.Reason, &x.Origin, at(&x.At)}, func() error {
		list = append(list, x)
		return nil
	}, `SELECT kind, name, reason, origin, at FROM pauses ORDER BY at`)
	return list, away(err)
}
