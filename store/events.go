package store

import (
	"context"
	"time"

	"github.com/orleu/elshi/vocab"
)

// event is one change of a message, as it is kept.
type event struct {
	message vocab.MessageID
	kind    string // a status, or complained, unsubscribed, …: the part after "message." of domain section 5
	at      time.Time
	attempt int
	reason  string
	dedupe  string // the provider's own id of the event; the same one twice is kept once
	actor   string // the id of whoever ordered it
}

const eventPrefix = "evt"

// addEvents appends events. Those whose dedupe id the message already has are dropped.
func (r runner) addEvents(ctx context.Context, events []event) error {
	rows := make(rowset, len(events))
	for i, e := range events {
		rows[i] = []any{e.message, vocab.NewID(eventPrefix), e.kind, micros(e.at), e.attempt, e.reason, null(e.dedupe), e.actor}
	}
	err := r.execRows(ctx, rows, `
		INSERT INTO message_events (message_id, id, type, at, attempt, reason, dedupe, actor)
		SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, CAST(j.value ->> 3 AS BIGINT), CAST(j.value ->> 4 AS BIGINT), j.value ->> 5,
		       j.value ->> 6, j.value ->> 7
		FROM {rows $1} WHERE true
		ON CONFLICT DO NOTHING`)
	return err
}
