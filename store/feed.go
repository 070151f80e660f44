package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// TakeDue marks up to n messages of a lane that are due and not rung as rung until the given time, and returns them. An empty class
// takes every class of the lane. Two feeders never take the same message, because each passes over what the other has locked.
func (l *Ledger) TakeDue(ctx context.Context, lane dispatcher.LaneQuery, now, ringUntil time.Time, n int) ([]dispatcher.Batch, error) {
	// Two texts instead of one with OR: a plan that is kept for every class cannot read the index in the order of due_at.
	class := `class = $3`
	if lane.Class == "" {
		class = `CAST($3 AS TEXT) = ''`
	}
	var batches []dispatcher.Batch
	err := l.db.tx(ctx, func(tx *tx) error {
		batches = nil
		var id vocab.MessageID
		var provider vocab.ProviderID
		return tx.each(ctx, []any{&id, &provider}, func() error {
			batches = appendRing(batches, lane.Channel, lane.Lane, provider, id)
			return nil
		}, `
			UPDATE dues SET ring_until = $6
			WHERE message_id IN (
				SELECT message_id FROM dues
				WHERE channel = $1 AND lane = $2 AND `+class+` AND due_at <= $4 AND ring_until <= $4
				ORDER BY due_at LIMIT $5 {skip}
			)
			RETURNING message_id, provider`,
			string(lane.Channel), string(lane.Lane), string(lane.Class), now.UnixMicro(), n, ringUntil.UnixMicro())
	})
	if err != nil {
		return nil, fmt.Errorf("take due messages of %s %s: %w", lane.Channel, lane.Lane, err)
	}
	return batches, nil
}

// ForgetRings lets everything that is due be rung for at once: the queue that was rung before is gone.
func (l *Ledger) ForgetRings(ctx context.Context) error {
	_, err := l.db.writer().exec(ctx, `UPDATE dues SET ring_until = 0 WHERE ring_until > 0`)
	return away(err)
}

// Lanes returns the depth and the age of the oldest due message of every lane, for metrics and readiness. What is
// being handed over at this moment counts too: it may come back.
func (l *Ledger) Lanes(ctx context.Context, now time.Time) ([]dispatcher.LaneDepth, error) {
	var list []dispatcher.LaneDepth
	var d dispatcher.LaneDepth
	var oldest time.Time
	err := l.db.reader().each(ctx, []any{&d.Channel, &d.Lane, &d.Waiting, &d.Due, at(&oldest)}, func() error {
		d.Oldest = 0
		if !oldest.IsZero() && oldest.Before(now) {
			d.Oldest = now.Sub(oldest)
		}
		list = append(list, d)
		return nil
	}, `
		SELECT channel, lane, COUNT(*), COUNT(CASE WHEN due_at <= $1 THEN 1 END), MIN(due_at) FROM dues GROUP BY channel, lane`, now.UnixMicro())
	return list, away(err)
}
