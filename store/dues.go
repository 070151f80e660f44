package store

import (
	"context"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// due is when a message must be looked at next; the zero time: never again.
type due struct {
	message vocab.MessageID
	at      time.Time
}

// setDues writes when messages are due, for whoever rings: those with a time wait for it, and whose time has come may be rung for at
// once; those without are done. It follows every change of messages.due_at, in the same transaction.
func (tx *tx) setDues(ctx context.Context, dues []due) error {
	var done []vocab.MessageID
	var rows rowset
	for _, d := range dues {
		if d.at.IsZero() {
			done = append(done, d.message)
		} else {
			rows = append(rows, []any{d.message, micros(d.at)})
		}
	}
	if len(done) > 0 {
		arg, err := jsonArg(done)
		if err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `DELETE FROM dues WHERE message_id IN {ids $1}`, arg); err != nil {
			return err
		}
	}
	return tx.execRows(ctx, rows, `
		INSERT INTO dues (message_id, channel, lane, class, provider, due_at, ring_until)
		SELECT messages.id, messages.channel, messages.lane, messages.class, messages.provider, CAST(j.value ->> 1 AS BIGINT), 0
		FROM {rows $1} {probe messages.id = j.value ->> 0} WHERE true
		ON CONFLICT (message_id) DO UPDATE SET due_at = excluded.due_at, ring_until = 0`)
}

// lease notes a claim for the reaper. Nothing in dues changes: whoever rings again for what is being sent rings in vain.
func (tx *tx) lease(ctx context.Context, permits []dispatcher.Permit, until time.Time) error {
	if len(permits) == 0 {
		return nil
	}
	ids := make([]vocab.MessageID, len(permits))
	for i, p := range permits {
		ids[i] = p.Message.ID
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO leases (id, until, messages) VALUES ($1, $2, $3)`, vocab.NewID(leasePrefix), until.UnixMicro(), arg)
	return err
}

const leasePrefix = "lse"

// duesOf are the dues of what settlements moved.
func duesOf(settlements []dispatcher.Settlement, applied map[vocab.MessageID]bool) []due {
	dues := make([]due, 0, len(applied))
	for _, s := range settlements {
		if applied[s.MessageID] {
			dues = append(dues, due{s.MessageID, s.DueAt})
		}
	}
	return dues
}
