package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/orleu/elshi/dispatcher"
)

// KeepRun writes the report of a run of retention, or writes it anew when the run has come further.
func (l *Ledger) KeepRun(ctx context.Context, run dispatcher.RetentionRun) error {
	counts := run.Counts
	if counts == nil {
		counts = []dispatcher.RuleCount{}
	}
	text, err := json.Marshal(counts)
	if err != nil {
		return fmt.Errorf("report of retention run %s: %w", run.ID, err)
	}
	_, err = l.db.writer().exec(ctx, `
		INSERT INTO retention_runs (id, started_at, ended_at, failed, counts) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, failed = excluded.failed, counts = excluded.counts`,
		run.ID, run.StartedAt.UnixMicro(), micros(run.EndedAt), run.Failed, string(text))
	return away(err)
}

// Runs returns the reports of retention, the newest first, at most n of them; behind is the last one of the page before, or "".
func (l *Ledger) Runs(ctx context.Context, behind string, n int) ([]dispatcher.RetentionRun, error) {
	var is conditions
	if behind != "" {
		is.add(`id < ?`, behind)
	}
	var list []dispatcher.RetentionRun
	var run dispatcher.RetentionRun
	err := l.db.reader().each(ctx, []any{&run.ID, at(&run.StartedAt), at(&run.EndedAt), &run.Failed, jsonOf(&run.Counts)}, func() error {
		list = append(list, run)
		return nil
	}, `SELECT id, started_at, ended_at, failed, counts FROM retention_runs`+is.where()+` ORDER BY id DESC`+is.limit(n), is.args...)
	return list, away(err)
}
