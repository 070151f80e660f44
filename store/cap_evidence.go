package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
)

// keepEarlier keeps which earlier messages fill the frequency cap of those that are held or ended for it. What a decision before said of
// them is replaced.
func (tx *tx) keepEarlier(ctx context.Context, messages []dispatcher.Message) error {
	var rows rowset
	for _, m := range messages {
		earlier, err := json.Marshal(m.Decision.Earlier)
		if err != nil {
			return fmt.Errorf("earlier messages of %s: %w", m.ID, err)
		}
		rows = append(rows, []any{m.ID, string(earlier)})
	}
	if len(rows) == 0 {
		return nil
	}
	return tx.execRows(ctx, rows, `
		INSERT INTO cap_evidence (message_id, earlier) SELECT j.value ->> 0, j.value ->> 1 FROM {rows $1} WHERE true
		ON CONFLICT (message_id) DO UPDATE SET earlier = excluded.earlier`)
}

// readEarlier adds to a decision which earlier messages fill the cap, if that is among its reasons.
func (r runner) readEarlier(ctx context.Context, m *dispatcher.Message) error {
	if !slices.Contains(m.Decision.All, consent.FrequencyCap) {
		return nil
	}
	var text string
	err := r.row(ctx, []any{&text}, `SELECT earlier FROM cap_evidence WHERE message_id = $1`, string(m.ID))
	if isNone(err) {
		return nil // decided before it was kept
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), &m.Decision.Earlier); err != nil {
		return fmt.Errorf("earlier messages of %s: %w", m.ID, err)
	}
	return nil
}
