package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Webhooks keeps the endpoints that events are sent to, with their secrets sealed.
type Webhooks struct {
	db     *DB
	sealer *dispatcher.Sealer
}

// NewWebhooks returns the webhooks of a database.
func NewWebhooks(db *DB, sealer *dispatcher.Sealer) *Webhooks { return &Webhooks{db, sealer} }

// maxWebhooks bounds what one installation has: each is looked at every second.
const maxWebhooks = 100

func noWebhook() error { return fault.Missing("webhook_not_found", "there is no webhook with this id") }

// Create keeps a new webhook, which hears of what happens from now on, and returns it with its secret, which is shown this once. Of what it
// is handed, URL, events, description and Enabled count. The error is fault.Conflict (too_many_webhooks) if there are too many.
func (w *Webhooks) Create(ctx context.Context, x events.Webhook, now time.Time) (events.Webhook, string, error) {
	secret, err := events.NewSecret(rand.Reader)
	if err != nil {
		return events.Webhook{}, "", err
	}
	id := events.WebhookID(vocab.NewID(events.WebhookPrefix))
	sealed, err := w.seal(id, secret)
	if err != nil {
		return events.Webhook{}, "", err
	}
	patterns, err := json.Marshal(x.Events)
	if err != nil {
		return events.Webhook{}, "", fmt.Errorf("create webhook: %w", err)
	}
	var kept events.Webhook
	err = w.db.tx(ctx, func(tx *tx) error {
		var n int
		if err := tx.row(ctx, []any{&n}, `SELECT COUNT(*) FROM webhooks`); err != nil {
			return err
		}
		if n >= maxWebhooks {
			return &fault.Error{Kind: fault.Conflict, Code: "too_many_webhooks", Detail: "there are 100 webhooks already; delete one that is not used"}
		}
		from, err := tx.feedEnd(ctx)
		if err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `
			INSERT INTO webhooks (id, url, events, description, enabled, disabled_reason, secret, old_secret, tx, seq, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, '', $8, $9, $10, $10)`,
			string(id), plain(x.URL), plain(string(patterns)), plain(x.Description), x.Enabled, string(orderIf(!x.Enabled)), sealed,
			from.Tx, from.Seq, now.UnixMicro()); err != nil {
			return err
		}
		kept, err = tx.webhook(ctx, id)
		return err
	})
	if err != nil {
		return events.Webhook{}, "", fmt.Errorf("create webhook: %w", err)
	}
	return kept, secret, w.Follow(ctx)
}

func orderIf(disabled bool) events.DisabledReason {
	if disabled {
		return events.DisabledByOrder
	}
	return ""
}

// seal encrypts a secret, bound to its webhook's id.
func (w *Webhooks) seal(id events.WebhookID, secret string) (string, error) {
	p, err := w.sealer.Seal(vocab.MessageID(id), []byte(secret)) // the sealer knows no other ids; prefixes keep them apart
	return string(p.Data), err
}

func (w *Webhooks) open(id events.WebhookID, sealed string) (string, error) {
	secret, err := w.sealer.Open(vocab.MessageID(id), dispatcher.Payload{Data: []byte(sealed), Sealed: true})
	return string(secret), err
}

const webhookColumns = `w.id, w.url, w.events, w.description, w.enabled, w.disabled_reason, w.failing_since, w.old_until, w.created_at, w.updated_at`

func webhookDest(x *events.Webhook) []any {
	return []any{
		&x.ID, &x.URL, jsonOf(&x.Events), &x.Description, &x.Enabled, &x.DisabledReason, at(&x.FailingSince), at(&x.OldUntil), at(&x.CreatedAt),
		at(&x.UpdatedAt),
	}
}

func (r runner) webhook(ctx context.Context, id events.WebhookID) (events.Webhook, error) {
	var x events.Webhook
	err := r.row(ctx, webhookDest(&x), `SELECT `+webhookColumns+` FROM webhooks w WHERE w.id = $1`, string(id))
	if isNone(err) {
		return x, noWebhook()
	}
	return x, err
}

// Get returns one webhook; fault.NotFound if there is none.
func (w *Webhooks) Get(ctx context.Context, id events.WebhookID) (events.Webhook, error) {
	x, err := w.db.reader().webhook(ctx, id)
	return x, away(err)
}

// List returns every webhook, the newest first.
func (w *Webhooks) List(ctx context.Context) ([]events.Webhook, error) {
	var list []events.Webhook
	var x events.Webhook
	err := w.db.reader().each(ctx, webhookDest(&x), func() error {
		list = append(list, x)
		return nil
	}, `SELECT `+webhookColumns+` FROM webhooks w ORDER BY w.id DESC`)
	return list, away(err)
}

// Update changes a webhook and returns it as it is then. The change is handed what is kept now and returns what is to be: URL, events,
// description and Enabled; it must be pure. One that is enabled again goes on where it stopped. The error is fault.NotFound, or the change's.
func (w *Webhooks) Update(ctx context.Context, id events.WebhookID, now time.Time, change func(events.Webhook) (events.Webhook, error)) (events.Webhook, error) {
	var kept events.Webhook
	err := w.db.tx(ctx, func(tx *tx) error {
		if err := tx.lockWebhook(ctx, id); err != nil {
			return err
		}
		before, err := tx.webhook(ctx, id)
		if err != nil {
			return err
		}
		x, err := change(before)
		if err != nil {
			return err
		}
		patterns, err := json.Marshal(x.Events)
		if err != nil {
			return err
		}
		reason, failing := before.DisabledReason, before.FailingSince
		if x.Enabled != before.Enabled {
			reason, failing = orderIf(!x.Enabled), time.Time{}
		}
		if _, err := tx.exec(ctx, `
			UPDATE webhooks SET url = $2, events = $3, description = $4, enabled = $5, disabled_reason = $6, failing_since = $7, updated_at = $8
			WHERE id = $1`,
			string(id), plain(x.URL), plain(string(patterns)), plain(x.Description), x.Enabled, string(reason), micros(failing), now.UnixMicro()); err != nil {
			return err
		}
		kept, err = tx.webhook(ctx, id)
		return err
	})
	if err != nil {
		return events.Webhook{}, fmt.Errorf("update webhook %s: %w", id, err)
	}
	return kept, w.Follow(ctx)
}

func (tx *tx) lockWebhook(ctx context.Context, id events.WebhookID) error {
	var one int
	err := tx.row(ctx, []any{&one}, `SELECT 1 FROM webhooks WHERE id = $1 {guard}`, string(id))
	if isNone(err) {
		return noWebhook()
	}
	return err
}

// Rotate gives a webhook a new secret and returns it; the one before signs beside it for events.SecretOverlap. The error is fault.NotFound.
func (w *Webhooks) Rotate(ctx context.Context, id events.WebhookID, now time.Time) (events.Webhook, string, error) {
	secret, err := events.NewSecret(rand.Reader)
	if err != nil {
		return events.Webhook{}, "", err
	}
	sealed, err := w.seal(id, secret)
	if err != nil {
		return events.Webhook{}, "", err
	}
	var kept events.Webhook
	err = w.db.tx(ctx, func(tx *tx) error {
		n, err := tx.exec(ctx, `UPDATE webhooks SET old_secret = secret, old_until = $3, secret = $2, updated_at = $4 WHERE id = $1`,
			string(id), sealed, now.Add(events.SecretOverlap).UnixMicro(), now.UnixMicro())
		if err != nil {
			return err
		}
		if n == 0 {
			return noWebhook()
		}
		kept, err = tx.webhook(ctx, id)
		return err
	})
	if err != nil {
		return events.Webhook{}, "", fmt.Errorf("rotate the secret of webhook %s: %w", id, err)
	}
	return kept, secret, nil
}

// Delete forgets a webhook with its log; fault.NotFound if there is none.
func (w *Webhooks) Delete(ctx context.Context, id events.WebhookID) error {
	n, err := w.db.writer().exec(ctx, `DELETE FROM webhooks WHERE id = $1`, string(id))
	if err != nil {
		return away(err)
	}
	if n == 0 {
		return noWebhook()
	}
	return w.Follow(ctx)
}

// Follow reads which events enabled webhooks subscribe to, so that from then on this process's transactions tell of them, whatever the
// settings leave out. It is called every few seconds, because other processes change webhooks, too.
func (w *Webhooks) Follow(ctx context.Context) error {
	var asked, patterns events.Patterns
	if err := w.db.reader().each(ctx, []any{jsonOf(&patterns)}, func() error {
		asked = append(asked, patterns...)
		return nil
	}, `SELECT events FROM webhooks WHERE enabled ORDER BY id`); err != nil {
		return fmt.Errorf("what webhooks subscribe to: %w", away(err))
	}
	w.db.feed.asked.Store(&asked)
	return nil
}
