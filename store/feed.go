package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orleu/elshi/channels"
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
			UPDATE messages SET ring_until = $6
			WHERE id IN (
				SELECT id FROM messages
				WHERE channel = $1 AND lane = $2 AND `+class+` AND due_at IS NOT NULL AND due_at <= $4 AND ring_until <= $4
				  AND status IN ('scheduled', 'queued', 'held', 'deferred')
				ORDER BY due_at LIMIT $5 {skip}
			)
			RETURNING id, provider`,
			string(lane.Channel), string(lane.Lane), string(lane.Class), now.UnixMicro(), n, ringUntil.UnixMicro())
	})
	if err != nil {
		return nil, fmt.Errorf("take due messages of %s %s: %w", lane.Channel, lane.Lane, err)
	}
	return batches, nil
}

// Reap closes attempts whose lease ran out before the given time: nobody can tell how they ended. Messages of classes that must not
// arrive twice become unknown; the others are due again, marked as possibly sent. It returns what it closed, at most n.
func (l *Ledger) Reap(ctx context.Context, before, now time.Time, n int, once func(vocab.Class) bool) ([]dispatcher.Lost, error) {
	var lost []dispatcher.Lost
	err := l.db.tx(ctx, func(tx *tx) error {
		lost = nil
		var attempts rowset
		var m dispatcher.Message
		dest := []any{&m.ID, &m.Attempt, &m.Class, &m.Provider, at(&m.ClaimedAt)}
		// In the order of the index of what is due, so that no engine walks all messages to give them back in the order of their ids.
		if err := tx.each(ctx, dest, func() error {
			lost = append(lost, dispatcher.Lost{MessageID: m.ID, Attempt: m.Attempt, Class: m.Class})
			attempts = append(attempts, []any{
				m.ID, m.Attempt, micros(m.ClaimedAt), micros(now), m.Provider, channels.InDoubt, workerLost, 0, "", "", "",
			})
			return nil
		}, `
			SELECT id, attempt, class, provider, claimed_at FROM messages
			WHERE due_at IS NOT NULL AND status = 'sending' AND lease_until < $1
			ORDER BY channel, lane, class, due_at LIMIT $2 {skip}`, before.UnixMicro(), n); err != nil || len(lost) == 0 {
			return err
		}
		rows := make(rowset, len(lost))
		events := make([]event, len(lost))
		for i, x := range lost {
			next, due := dispatcher.Queued, now
			if once(x.Class) {
				next, due = dispatcher.Unknown, time.Time{}
			}
			rows[i] = []any{x.MessageID, x.Attempt, next, micros(due)}
			events[i] = event{message: x.MessageID, kind: string(next), at: now, attempt: x.Attempt, reason: workerLost}
		}
		if err := tx.execRows(ctx, rows, `
			UPDATE messages SET status = j.status, due_at = j.due_at, ring_until = 0, lease_until = NULL, settled_at = $2, last_cause = '`+workerLost+`',
				possible_dup = true, finalized_at = CASE WHEN j.due_at IS NULL THEN CAST($2 AS BIGINT) ELSE NULL END
			FROM (
				SELECT j.value ->> 0 AS id, CAST(j.value ->> 1 AS BIGINT) AS attempt, j.value ->> 2 AS status, CAST(j.value ->> 3 AS BIGINT) AS due_at
				FROM {rows $1}
			) j
			WHERE messages.id = j.id AND messages.attempt = j.attempt AND messages.status = 'sending'`, now.UnixMicro()); err != nil {
			return err
		}
		if err := tx.addAttempts(ctx, attempts); err != nil {
			return err
		}
		return tx.addEvents(ctx, events)
	})
	if err != nil {
		return nil, fmt.Errorf("reap: %w", err)
	}
	return lost, nil
}

// Lanes returns the depth and the age of the oldest due message of every lane, for metrics and readiness.
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
		SELECT channel, lane, COUNT(*), COUNT(CASE WHEN due_at <= $1 THEN 1 END), MIN(due_at) FROM messages
		WHERE due_at IS NOT NULL AND status IN ('scheduled', 'queued', 'held', 'deferred')
		GROUP BY channel, lane`, now.UnixMicro())
	return list, away(err)
}
