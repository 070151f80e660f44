package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// LeadFeeding says whether the holder is the one who feeds until the given time: whoever fed last, unless their time is over. Two who rang
// for the same messages would do no harm but cost twice.
func (l *Ledger) LeadFeeding(ctx context.Context, holder string, now, until time.Time) (bool, error) {
	if l.db.dialect.name == "sqlite" {
		return true, nil // one process has the folder, and an idle one must not write every second
	}
	n, err := l.db.writer().exec(ctx, `UPDATE feeder SET holder = $1, until = $2 WHERE holder = $1 OR until < $3`,
		holder, until.UnixMicro(), now.UnixMicro())
	return n == 1, away(err)
}

// Due returns the next n messages of a lane behind the mark that are due and not rung for by whoever submitted them, grouped for the doorbell,
// and the mark behind them. An empty class takes every class of the lane. Nothing is written: who rings twice rings in vain.
func (l *Ledger) Due(ctx context.Context, lane dispatcher.LaneQuery, after dispatcher.DueMark, now time.Time, n int) ([]dispatcher.Batch, dispatcher.DueMark, error) {
	// Two texts instead of one with OR: a plan that is kept for every class cannot read the index in the order of due_at.
	class := `class = $3`
	if lane.Class == "" {
		class = `CAST($3 AS TEXT) = ''`
	}
	var (
		batches  []dispatcher.Batch
		provider vocab.ProviderID
		mark     = after
		from     = int64(0) // no message was due before 1970
	)
	if !after.At.IsZero() {
		from = after.At.UnixMicro()
	}
	err := l.db.reader().each(ctx, []any{&mark.ID, at(&mark.At), &provider}, func() error {
		batches = dispatcher.AddToBatches(batches, lane.Channel, lane.Lane, provider, mark.ID)
		return nil
	}, `
		SELECT message_id, due_at, provider FROM dues
		WHERE channel = $1 AND lane = $2 AND `+class+` AND due_at <= $4 AND ring_until <= $4 AND (due_at, message_id) > ($6, $7)
		ORDER BY due_at, message_id LIMIT $5`,
		string(lane.Channel), string(lane.Lane), string(lane.Class), now.UnixMicro(), n, from, string(after.ID))
	if err != nil {
		return nil, after, fmt.Errorf("due messages of %s %s: %w", lane.Channel, lane.Lane, away(err))
	}
	return batches, mark, nil
}

// ForgetRings lets everything that is due be rung for at once, by anybody: the queue that was rung before is gone, and whoever fed it.
func (l *Ledger) ForgetRings(ctx context.Context, now time.Time) error {
	return l.db.tx(ctx, func(tx *tx) error {
		if _, err := tx.exec(ctx, `UPDATE feeder SET until = 0 WHERE until > 0`); err != nil {
			return err
		}
		_, err := tx.exec(ctx, `UPDATE dues SET ring_until = 0 WHERE ring_until > $1`, now.UnixMicro())
		return err
	})
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
