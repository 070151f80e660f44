package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// Reap closes attempts whose lease ran out before the given time: nobody can tell how they ended. Messages of classes that must not
// arrive twice become unknown; the others are due again, marked as possibly sent. It returns what it closed, at most n.
func (l *Ledger) Reap(ctx context.Context, before, now time.Time, n int, once func(vocab.Class) bool) ([]dispatcher.Lost, error) {
	for {
		var lost []dispatcher.Lost
		var more bool
		err := l.db.tx(ctx, func(tx *tx) (err error) {
			lost, more, err = tx.reap(ctx, before, now, n, once)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("reap: %w", err)
		}
		if len(lost) > 0 || !more { // most leases end with nothing left to be done
			return lost, nil
		}
	}
}

// leasesAtOnce is how many leases are looked at in one transaction.
const leasesAtOnce = 100

func (tx *tx) reap(ctx context.Context, before, now time.Time, n int, once func(vocab.Class) bool) (lost []dispatcher.Lost, more bool, err error) {
	ended, err := tx.endedLeases(ctx, before)
	if err != nil || len(ended) == 0 {
		return nil, false, err
	}
	overdue, err := tx.overdue(ctx, ended, before)
	if err != nil {
		return nil, false, err
	}
	if lost, err = tx.lockOverdue(ctx, overdue, before, n); err != nil {
		return nil, false, err
	}
	if err := tx.giveUp(ctx, lost, now, once); err != nil {
		return nil, false, err
	}
	// A message that somebody else has locked, or that was one too many, keeps its lease for the next look.
	for _, x := range lost {
		delete(overdue, x.MessageID)
	}
	var over []string
	for _, x := range ended {
		if !slices.ContainsFunc(x.messages, func(id vocab.MessageID) bool { return overdue[id] }) {
			over = append(over, x.id)
		}
	}
	return lost, len(ended) == leasesAtOnce && len(over) > 0, tx.forgetLeases(ctx, over)
}

// endedLease is a claim whose time is over.
type endedLease struct {
	id       string
	messages []vocab.MessageID
}

// endedLeases returns ended leases, passing over those that another reaper looks at.
func (tx *tx) endedLeases(ctx context.Context, before time.Time) ([]endedLease, error) {
	var ended []endedLease
	var x endedLease
	var text string
	err := tx.each(ctx, []any{&x.id, &text}, func() error {
		x.messages = nil
		if err := json.Unmarshal([]byte(text), &x.messages); err != nil {
			return fmt.Errorf("lease %s: %w", x.id, err)
		}
		ended = append(ended, x)
		return nil
	}, `SELECT id, messages FROM leases WHERE until < $1 ORDER BY until LIMIT $2 {skip}`, before.UnixMicro(), leasesAtOnce)
	return ended, err
}

// overdue returns what of the leases nobody has settled.
func (tx *tx) overdue(ctx context.Context, ended []endedLease, before time.Time) (map[vocab.MessageID]bool, error) {
	var ids []vocab.MessageID
	for _, x := range ended {
		ids = append(ids, x.messages...)
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return nil, err
	}
	overdue := map[vocab.MessageID]bool{}
	var id vocab.MessageID
	err = tx.each(ctx, []any{&id}, func() error {
		overdue[id] = true
		return nil
	}, `
		SELECT m.id FROM dues d JOIN messages m ON m.id = d.message_id
		WHERE d.message_id IN {ids $1} AND m.status = 'sending' AND m.lease_until < $2`, arg, before.UnixMicro())
	return overdue, err
}

// lockOverdue locks and returns up to n of the messages, if they are still overdue.
func (tx *tx) lockOverdue(ctx context.Context, ids map[vocab.MessageID]bool, before time.Time, n int) ([]dispatcher.Lost, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	arg, err := jsonArg(slices.Sorted(maps.Keys(ids)))
	if err != nil {
		return nil, err
	}
	var lost []dispatcher.Lost
	var x dispatcher.Lost
	err = tx.each(ctx, []any{&x.MessageID, &x.Attempt, &x.Class}, func() error {
		lost = append(lost, x)
		return nil
	}, `
		SELECT id, attempt, class FROM messages
		WHERE id IN {ids $1} AND status = 'sending' AND lease_until < $2
		ORDER BY id LIMIT $3 {skip}`, arg, before.UnixMicro(), n)
	return lost, err
}

// giveUp closes the attempts.
func (tx *tx) giveUp(ctx context.Context, lost []dispatcher.Lost, now time.Time, once func(vocab.Class) bool) error {
	rows := make(rowset, len(lost))
	dues := make([]due, len(lost))
	events := make([]event, len(lost))
	for i, x := range lost {
		next, again := dispatcher.Queued, now
		if once(x.Class) {
			next, again = dispatcher.Unknown, time.Time{}
		}
		rows[i] = []any{x.MessageID, x.Attempt, next, micros(again)}
		dues[i] = due{x.MessageID, again}
		events[i] = event{message: x.MessageID, kind: string(next), at: now, attempt: x.Attempt, reason: workerLost}
	}
	if err := tx.execRows(ctx, rows, `
		UPDATE messages SET status = j.status, due_at = j.due_at, lease_until = NULL, settled_at = $2, last_cause = '`+workerLost+`',
			outcome = '`+string(channels.InDoubt)+`', cause = '`+workerLost+`', code = 0, enhanced = '', detail = '', provider_ref = '',
			possible_dup = true, finalized_at = CASE WHEN j.due_at IS NULL THEN CAST($2 AS BIGINT) ELSE NULL END
		FROM (
			SELECT j.value ->> 0 AS id, CAST(j.value ->> 1 AS BIGINT) AS attempt, j.value ->> 2 AS status, CAST(j.value ->> 3 AS BIGINT) AS due_at
			FROM {rows $1}
		) j
		WHERE messages.id = j.id AND messages.attempt = j.attempt AND messages.status = 'sending'`, now.UnixMicro()); err != nil {
		return err
	}
	if err := tx.setDues(ctx, dues); err != nil {
		return err
	}
	return tx.addEvents(ctx, events)
}

func (tx *tx) forgetLeases(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `DELETE FROM leases WHERE id IN {ids $1}`, arg)
	return err
}
