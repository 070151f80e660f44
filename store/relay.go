package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/vocab"
)

// What whoever sends webhooks asks of the ledger; see events.Sender.

// Lead says whether the holder is the one who sends until the given time: whoever was last, unless their time is over.
func (w *Webhooks) Lead(ctx context.Context, holder string, now, until time.Time) (bool, error) {
	if w.db.dialect.name == "sqlite" {
		return true, nil // one process has the folder
	}
	n, err := w.db.writer().exec(ctx, `UPDATE webhook_relay SET holder = $1, until = $2 WHERE holder = $1 OR until < $3`,
		holder, until.UnixMicro(), now.UnixMicro())
	return n == 1, away(err)
}

// Lines returns every enabled webhook with what is due for it, at most n deliveries each.
func (w *Webhooks) Lines(ctx context.Context, now time.Time, n int) ([]events.Line, error) {
	r := w.db.reader()
	var (
		lines       []events.Line
		x           events.Line
		secret, old string
	)
	if err := r.each(ctx, append(webhookDest(&x.Webhook), &secret, &old, &x.Place.Tx, &x.Place.Seq), func() error {
		line := x
		line.Secrets = nil
		for i, sealed := range []string{secret, old} {
			if sealed == "" || i == 1 && !line.Webhook.OldUntil.After(now) {
				continue
			}
			plain, err := w.open(line.Webhook.ID, sealed)
			if err != nil {
				return err
			}
			line.Secrets = append(line.Secrets, plain)
		}
		lines = append(lines, line)
		return nil
	}, `SELECT `+webhookColumns+`, w.secret, w.old_secret, w.tx, w.seq FROM webhooks w WHERE w.enabled ORDER BY w.id`); err != nil {
		return nil, fmt.Errorf("webhooks: %w", away(err))
	}
	for i := range lines {
		if err := r.fillLine(ctx, &lines[i], now, n); err != nil {
			return nil, fmt.Errorf("what is due for webhook %s: %w", lines[i].Webhook.ID, away(err))
		}
	}
	return lines, nil
}

// fillLine adds what is due, and whether the line waits for what is not.
func (r runner) fillLine(ctx context.Context, line *events.Line, now time.Time, n int) error {
	due, err := r.deliveries(ctx, `d.webhook_id = $1 AND d.next_at <= $2 ORDER BY d.next_at, d.id LIMIT $3`,
		string(line.Webhook.ID), now.UnixMicro(), n)
	if err != nil {
		return err
	}
	for _, d := range due {
		e, err := r.eventOf(ctx, d)
		if err != nil {
			return err
		}
		line.Due = append(line.Due, events.Due{Delivery: d, Event: e})
	}
	return r.row(ctx, []any{&line.Waits}, `
		SELECT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = $1 AND d.next_at > $2 AND d.in_line)`,
		string(line.Webhook.ID), now.UnixMicro())
}

// eventOf returns the event of a delivery; nil if it is no longer kept.
func (r runner) eventOf(ctx context.Context, d events.Delivery) (*events.Event, error) {
	if d.EventType == events.Test {
		return &events.Event{ID: d.EventID, Type: d.EventType, Timestamp: d.EventAt}, nil
	}
	var x feedRow
	err := r.row(ctx, feedDest(&x), `SELECT `+feedColumns+` FROM feed f WHERE f.tx = $1 AND f.seq = $2`, d.Place.Tx, d.Place.Seq)
	if isNone(err) {
		return nil, nil //nolint:nilnil // that it is gone is the answer
	}
	if err != nil {
		return nil, err
	}
	list, err := r.eventsOf(ctx, []feedRow{x})
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

// Read returns the events behind a place that match, among the next n of them; see Feed.Read.
func (w *Webhooks) Read(ctx context.Context, after events.Place, n int, match func(events.Type) bool) (events.Page, error) {
	return NewFeed(w.db).Read(ctx, after, n, match)
}

// Record writes an outcome and moves the webhook from one place to the other, in one transaction; an outcome without an event moves it
// alone. It returns false and writes nothing if the webhook is gone or disabled, or if somebody else has moved it or made the attempt.
func (w *Webhooks) Record(ctx context.Context, id events.WebhookID, from, to events.Place, o events.Outcome) (bool, error) {
	recorded := false
	err := w.db.tx(ctx, func(tx *tx) (err error) {
		recorded, err = tx.record(ctx, id, from, to, o)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("record a delivery to webhook %s: %w", id, err)
	}
	return recorded, nil
}

func (tx *tx) record(ctx context.Context, id events.WebhookID, from, to events.Place, o events.Outcome) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE webhooks SET tx = $4, seq = $5 WHERE id = $1 AND enabled AND tx = $2 AND seq = $3`,
		string(id), from.Tx, from.Seq, to.Tx, to.Seq)
	if err != nil || n == 0 || o.Delivery.EventID == "" {
		return n == 1, err
	}
	d := o.Delivery
	d.Webhook = id
	if d.ID == "" {
		if err := tx.addDelivery(ctx, events.DeliveryID(vocab.NewID(events.DeliveryPrefix)), d); err != nil {
			return false, err
		}
	} else {
		// A redelivery that was ordered meanwhile begins anew, and is left alone.
		n, err := tx.exec(ctx, `
			UPDATE webhook_deliveries SET state = $3, attempt = $4, in_line = $5, next_at = $6, attempted_at = $7, duration = $8, status_code = $9,
				error = $10
			WHERE webhook_id = $1 AND id = $2 AND attempt = $11`,
			string(id), string(d.ID), string(d.State), d.Attempt, d.InLine, micros(d.NextAt), micros(d.AttemptedAt), d.Duration.Microseconds(),
			d.StatusCode, string(d.Error), d.Attempt-1)
		if err != nil || n == 0 {
			return false, err
		}
	}
	if d.Error == events.ErrorEvent { // which says nothing about the endpoint
		return true, nil
	}
	if d.State == events.Delivered {
		_, err = tx.exec(ctx, `UPDATE webhooks SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL`, string(id))
		return true, err
	}
	_, err = tx.exec(ctx, `
		UPDATE webhooks SET failing_since = COALESCE(failing_since, $2), enabled = CASE WHEN $3 = '' THEN enabled ELSE false END,
			disabled_reason = CASE WHEN $3 = '' THEN disabled_reason ELSE $3 END
		WHERE id = $1`, string(id), micros(d.AttemptedAt), string(o.Disable))
	return true, err
}

// Undelivered returns when the oldest event happened that some enabled webhook has not got to yet, or that is tried again; zero if there is
// none. It may be one that nobody wants, as long as nobody has looked.
func (w *Webhooks) Undelivered(ctx context.Context) (time.Time, error) {
	r := w.db.reader()
	state, err := r.feedState(ctx)
	if err != nil {
		return time.Time{}, away(err)
	}
	var places []events.Place
	var p events.Place
	if err := r.each(ctx, []any{&p.Tx, &p.Seq}, func() error {
		places = append(places, p)
		return nil
	}, `SELECT tx, seq FROM webhooks WHERE enabled ORDER BY tx, seq LIMIT 1`); err != nil {
		return time.Time{}, away(err)
	}
	var oldest, then time.Time
	earliest := func() error {
		if !then.IsZero() && (oldest.IsZero() || then.Before(oldest)) {
			oldest = then
		}
		return nil
	}
	for _, p := range places {
		if err := r.each(ctx, []any{at(&then)}, earliest,
			`SELECT at FROM feed f WHERE (f.tx, f.seq) > ($1, $2) AND f.tx < $3 ORDER BY f.tx, f.seq LIMIT 1`, p.Tx, p.Seq, state.horizon); err != nil {
			return time.Time{}, away(err)
		}
	}
	err = r.each(ctx, []any{at(&then)}, earliest, `
		SELECT MIN(d.event_at) FROM webhooks w JOIN webhook_deliveries d ON d.webhook_id = w.id WHERE w.enabled AND d.next_at IS NOT NULL`)
	return oldest, away(err)
}
