package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

const deliveryColumns = `d.id, d.webhook_id, d.event_id, d.event_type, d.event_at, d.tx, d.seq, d.state, d.attempt, d.in_line, d.next_at,
	d.attempted_at, d.duration, d.status_code, d.error, d.created_at`

func deliveryDest(d *events.Delivery) []any {
	return []any{
		&d.ID, &d.Webhook, &d.EventID, &d.EventType, at(&d.EventAt), &d.Place.Tx, &d.Place.Seq, &d.State, &d.Attempt, &d.InLine, at(&d.NextAt),
		at(&d.AttemptedAt),
		microseconds{&d.Duration},
		&d.StatusCode, &d.Error, at(&d.CreatedAt),
	}
}

// microseconds reads a duration.
type microseconds struct{ d *time.Duration }

// Scan implements sql.Scanner.
func (m microseconds) Scan(v any) error {
	n, is := v.(int64)
	if !is {
		return fmt.Errorf("a duration is kept as an integer, not as %T", v)
	}
	*m.d = time.Duration(n) * time.Microsecond
	return nil
}

func (r runner) deliveries(ctx context.Context, where string, args ...any) ([]events.Delivery, error) {
	var list []events.Delivery
	var d events.Delivery
	err := r.each(ctx, deliveryDest(&d), func() error {
		list = append(list, d)
		return nil
	}, `SELECT `+deliveryColumns+` FROM webhook_deliveries d WHERE `+where, args...)
	return list, err
}

// Deliveries returns what a webhook's log has, the newest first, at most n; before is the last one of the page before, or empty. The error
// is fault.NotFound if there is no such webhook.
func (w *Webhooks) Deliveries(ctx context.Context, id events.WebhookID, before events.DeliveryID, n int) ([]events.Delivery, error) {
	r := w.db.reader()
	if _, err := r.webhook(ctx, id); err != nil {
		return nil, away(err)
	}
	if before == "" {
		before = "~" // behind every id
	}
	list, err := r.deliveries(ctx, `d.webhook_id = $1 AND d.id < $2 ORDER BY d.id DESC LIMIT $3`, string(id), string(before), n)
	return list, away(err)
}

// delivery returns one delivery; fault.NotFound if there is none.
func (r runner) delivery(ctx context.Context, webhook events.WebhookID, id events.DeliveryID) (events.Delivery, error) {
	list, err := r.deliveries(ctx, `d.webhook_id = $1 AND d.id = $2`, string(webhook), string(id))
	if err == nil && len(list) == 0 {
		err = fault.Missing("delivery_not_found", "this webhook has no delivery with this id")
	}
	if err != nil {
		return events.Delivery{}, err
	}
	return list[0], nil
}

// Redeliver sends an event to a webhook once more, now and with as many retries as at first, whatever became of it before. The error is
// fault.NotFound, or fault.Conflict: event_removed if the event is not kept any more, webhook_disabled.
func (w *Webhooks) Redeliver(ctx context.Context, webhook events.WebhookID, id events.DeliveryID, now time.Time) (events.Delivery, error) {
	var d events.Delivery
	err := w.db.tx(ctx, func(tx *tx) error {
		if err := tx.enabledWebhook(ctx, webhook); err != nil {
			return err
		}
		var err error
		if d, err = tx.delivery(ctx, webhook, id); err != nil {
			return err
		}
		e, err := tx.eventOf(ctx, d)
		if err != nil {
			return err
		}
		if e == nil {
			return &fault.Error{Kind: fault.Conflict, Code: "event_removed", Detail: "the event is no longer kept; retention.events_days says for how long"}
		}
		if _, err := tx.exec(ctx, `
			UPDATE webhook_deliveries SET state = 'pending', attempt = 0, in_line = false, next_at = $3 WHERE webhook_id = $1 AND id = $2`,
			string(webhook), string(id), now.UnixMicro()); err != nil {
			return err
		}
		d, err = tx.delivery(ctx, webhook, id)
		return err
	})
	if err != nil {
		return events.Delivery{}, fmt.Errorf("redeliver %s: %w", id, err)
	}
	return d, nil
}

// enabledWebhook locks a webhook; fault.NotFound, or fault.Conflict (webhook_disabled).
func (tx *tx) enabledWebhook(ctx context.Context, id events.WebhookID) error {
	if err := tx.lockWebhook(ctx, id); err != nil {
		return err
	}
	x, err := tx.webhook(ctx, id)
	if err == nil && !x.Enabled {
		err = &fault.Error{Kind: fault.Conflict, Code: "webhook_disabled", Detail: "the webhook is disabled (" + string(x.DisabledReason) + "); enable it first"}
	}
	return err
}

// Test sends an event of type webhook.test to a webhook, now, and returns the delivery in which its answer will stand. The error is
// fault.NotFound, or fault.Conflict (webhook_disabled).
func (w *Webhooks) Test(ctx context.Context, webhook events.WebhookID, now time.Time) (events.Delivery, error) {
	var d events.Delivery
	err := w.db.tx(ctx, func(tx *tx) error {
		if err := tx.enabledWebhook(ctx, webhook); err != nil {
			return err
		}
		id := events.DeliveryID(vocab.NewID(events.DeliveryPrefix))
		if err := tx.addDelivery(ctx, id, events.Delivery{
			Webhook: webhook, EventID: vocab.NewID(eventPrefix), EventType: events.Test, EventAt: now, State: events.Pending, NextAt: now, CreatedAt: now,
		}); err != nil {
			return err
		}
		var err error
		d, err = tx.delivery(ctx, webhook, id)
		return err
	})
	if err != nil {
		return events.Delivery{}, fmt.Errorf("test webhook %s: %w", webhook, err)
	}
	return d, nil
}

func (tx *tx) addDelivery(ctx context.Context, id events.DeliveryID, d events.Delivery) error {
	_, err := tx.exec(ctx, `
		INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, event_at, tx, seq, state, attempt, in_line, next_at, attempted_at,
		                                duration, status_code, error, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		string(id), string(d.Webhook), d.EventID, string(d.EventType), micros(d.EventAt), d.Place.Tx, d.Place.Seq, string(d.State), d.Attempt,
		d.InLine, micros(d.NextAt), micros(d.AttemptedAt), d.Duration.Microseconds(), d.StatusCode, string(d.Error), micros(d.CreatedAt))
	return err
}

// firstDelivery is the lowest id of a delivery that can be made at a time.
func firstDelivery(t time.Time) events.DeliveryID {
	var raw [16]byte
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(t.UnixMilli(), 0)))
	copy(raw[:6], ms[2:])
	return events.DeliveryID(vocab.FormatID(events.DeliveryPrefix, raw))
}

// forgetDeliveries forgets at most n deliveries of each webhook that are done and were made before a time; it returns the most that one had.
func (tx *tx) forgetDeliveries(ctx context.Context, before time.Time, n int) (int, error) {
	var ids []string
	var id string
	if err := tx.each(ctx, []any{&id}, func() error {
		ids = append(ids, id)
		return nil
	}, `SELECT id FROM webhooks ORDER BY id`); err != nil {
		return 0, err
	}
	most := 0
	for _, id := range ids {
		forgotten, err := tx.exec(ctx, `
			DELETE FROM webhook_deliveries WHERE webhook_id = $1 AND id IN (
				SELECT d.id FROM webhook_deliveries d WHERE d.webhook_id = $1 AND d.id < $2 AND d.next_at IS NULL ORDER BY d.id LIMIT $3)`,
			id, string(firstDelivery(before)), n)
		if err != nil {
			return 0, err
		}
		most = max(most, int(forgotten))
	}
	return most, nil
}
