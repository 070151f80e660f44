package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/fault"
)

// webhookBook keeps webhooks and the log of what was delivered to them.
type webhookBook interface {
	// Create keeps a webhook and returns it with its secret, which cannot be read again.
	Create(ctx context.Context, x events.Webhook, now time.Time) (events.Webhook, string, error)
	Get(ctx context.Context, id events.WebhookID) (events.Webhook, error)
	List(ctx context.Context) ([]events.Webhook, error)
	// Update changes a webhook as the pure function says.
	Update(ctx context.Context, id events.WebhookID, now time.Time, change func(events.Webhook) (events.Webhook, error)) (events.Webhook, error)
	// Rotate makes a new secret; the one before signs beside it for events.SecretOverlap.
	Rotate(ctx context.Context, id events.WebhookID, now time.Time) (events.Webhook, string, error)
	Delete(ctx context.Context, id events.WebhookID) error
	// Deliveries returns a webhook's log, the newest first.
	Deliveries(ctx context.Context, id events.WebhookID, before events.DeliveryID, n int) ([]events.Delivery, error)
	Redeliver(ctx context.Context, webhook events.WebhookID, id events.DeliveryID, now time.Time) (events.Delivery, error)
	Test(ctx context.Context, webhook events.WebhookID, now time.Time) (events.Delivery, error)
}

func (a *API) registerWebhooks() {
	op := func(id, method, path, summary, description string, status int) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: "/v1/webhooks" + path, Summary: summary, Description: description, Tags: []string{"events"},
			DefaultStatus: status,
		}
	}
	register(a, op("create-webhook", http.MethodPost, "", "Make a webhook",
		"It hears of what happens from now on. Its secret is answered this once and cannot be read again. Requests are signed as Standard Webhooks says.",
		http.StatusCreated), a.createWebhook, http.StatusConflict)
	register(a, op("list-webhooks", http.MethodGet, "", "List webhooks", "Without secrets, the newest first.", http.StatusOK), a.listWebhooks)
	register(a, op("get-webhook", http.MethodGet, "/{id}", "Read a webhook", "Without its secret; failing_since and disabled_reason say how it is.",
		http.StatusOK), a.getWebhook)
	register(a, op("update-webhook", http.MethodPatch, "/{id}", "Change a webhook",
		"A merge patch (RFC 7396). One that is enabled again goes on where it stopped.", http.StatusOK), a.updateWebhook)
	register(a, op("delete-webhook", http.MethodDelete, "/{id}", "Delete a webhook", "With its log.", http.StatusNoContent), a.deleteWebhook)
	register(a, op("rotate-webhook", http.MethodPost, "/{id}/rotate", "Change a webhook's secret",
		"The new one is answered this once. For 24 hours every request carries two signatures, by the new one and by the one before.",
		http.StatusOK), a.rotateWebhook)
	register(a, op("test-webhook", http.MethodPost, "/{id}/test", "Send a test event",
		"An event of type `webhook.test`, within a second or two; the log says how it went.", http.StatusAccepted), a.testWebhook, http.StatusConflict)
	register(a, op("list-webhook-deliveries", http.MethodGet, "/{id}/deliveries", "Read a webhook's log",
		"One entry for each event that was sent, with its last attempt; the newest first. Kept as long as events are.", http.StatusOK), a.listDeliveries)
	register(a, op("redeliver-webhook-event", http.MethodPost, "/{id}/deliveries/{delivery}/redeliver", "Send an event again",
		"Now, whatever became of it, with the same id, and with retries as at first.", http.StatusAccepted), a.redeliver, http.StatusConflict)
}

// webhookView is a webhook without its secret.
type webhookView struct {
	ID             events.WebhookID `json:"id" example:"whk_06gywnjy01xbs0938nkrkaydxw" doc:"The webhook."`
	URL            string           `json:"url" example:"https://example.org/elshi" doc:"Where events are sent."`
	Events         events.Patterns  `json:"events" nullable:"false" doc:"Which events."`
	Description    string           `json:"description,omitempty" doc:"What it is for."`
	Enabled        bool             `json:"enabled" doc:"Events are sent."`
	DisabledReason string           `json:"disabled_reason,omitempty" enum:"order,gone,failing" doc:"Why not: somebody said so, the endpoint answered 410, or nothing was delivered for five days."`
	FailingSince   time.Time        `json:"failing_since,omitzero" doc:"Since when nothing was delivered; absent while it works."`
	OldSecretUntil time.Time        `json:"old_secret_until,omitzero" doc:"Until when the secret before signs as well."`
	CreatedAt      time.Time        `json:"created_at" doc:"When it was made."`
	UpdatedAt      time.Time        `json:"updated_at" doc:"When it was changed last."`
	Secret         string           `json:"secret,omitempty" example:"whsec_…" doc:"Only in the answer that made it."`
}

func (a *API) webhookOf(x events.Webhook) webhookView {
	view := webhookView{
		ID: x.ID, URL: x.URL, Events: orEmpty(x.Events), Description: x.Description, Enabled: x.Enabled, DisabledReason: string(x.DisabledReason),
		FailingSince: x.FailingSince.UTC(), CreatedAt: x.CreatedAt.UTC(), UpdatedAt: x.UpdatedAt.UTC(),
	}
	if x.OldUntil.After(a.now()) {
		view.OldSecretUntil = x.OldUntil.UTC()
	}
	return view
}

type createWebhookInput struct {
	Body struct {
		URL         string   `json:"url" maxLength:"2000" example:"https://example.org/elshi" doc:"https; plain http only on this machine, while the server's own URL is a loopback address."`
		Events      []string `json:"events" minItems:"1" maxItems:"50" nullable:"false" example:"[\"message.bounced\",\"consent.*\"]" doc:"Types, <subject>.* or *."`
		Description string   `json:"description,omitempty" maxLength:"500" doc:"What it is for. No personal data."`
		Enabled     *bool    `json:"enabled,omitempty" doc:"true if left out."`
	} `nameHint:"WebhookBody"`
}

// checkWebhook refuses what cannot work, all of it at once.
func (a *API) checkWebhook(x events.Webhook) error {
	wrong := a.WebhookGuard.CheckURL("/url", x.URL)
	wrong = append(wrong, consent.RefuseForbidden("/url", x.URL)...)
	wrong = append(wrong, x.Events.Check("/events")...)
	if len(x.Events) == 0 || len(x.Events) > 50 {
		wrong = append(wrong, fault.Field{Pointer: "/events", Code: "length", Detail: "want 1 to 50 types or patterns"})
	}
	if len([]rune(x.Description)) > 500 {
		wrong = append(wrong, fault.Field{Pointer: "/description", Code: "length", Detail: "want at most 500 characters"})
	}
	wrong = append(wrong, consent.RefuseForbidden("/description", x.Description)...)
	if len(wrong) > 0 {
		return fault.InvalidFields(wrong...)
	}
	return nil
}

func (a *API) createWebhook(ctx context.Context, in *createWebhookInput) (*reply[webhookView], error) {
	b := in.Body
	x := events.Webhook{URL: b.URL, Events: b.Events, Description: b.Description, Enabled: b.Enabled == nil || *b.Enabled}
	if err := a.checkWebhook(x); err != nil {
		return nil, err
	}
	kept, secret, err := a.Webhooks.Create(ctx, x, a.now())
	if err != nil {
		return nil, err
	}
	view := a.webhookOf(kept)
	view.Secret = secret
	return answer(view), nil
}

func (a *API) listWebhooks(ctx context.Context, _ *struct{}) (*reply[page[webhookView]], error) {
	list, err := a.Webhooks.List(ctx)
	if err != nil {
		return nil, err
	}
	return pageOf(list, len(list), nil, a.webhookOf), nil
}

type webhookInput struct {
	ID string `path:"id" doc:"The webhook."`
}

func webhookID(id string) (events.WebhookID, error) {
	return events.WebhookID(id), checkID(events.WebhookPrefix, id, "webhook_not_found", "there is no webhook with this id")
}

func (a *API) getWebhook(ctx context.Context, in *webhookInput) (*reply[webhookView], error) {
	id, err := webhookID(in.ID)
	if err != nil {
		return nil, err
	}
	x, err := a.Webhooks.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return answer(a.webhookOf(x)), nil
}

type updateWebhookInput struct {
	ID   string `path:"id" doc:"The webhook."`
	Body struct {
		URL         change[string]   `json:"url,omitzero" doc:"Where events are sent."`
		Events      change[[]string] `json:"events,omitzero" doc:"Which events, all of them anew."`
		Description change[string]   `json:"description,omitzero" doc:"What it is for. No personal data."`
		Enabled     change[bool]     `json:"enabled,omitzero" doc:"Whether events are sent."`
	} `nameHint:"WebhookPatch"`
}

func (a *API) updateWebhook(ctx context.Context, in *updateWebhookInput) (*reply[webhookView], error) {
	id, err := webhookID(in.ID)
	if err != nil {
		return nil, err
	}
	x, err := a.Webhooks.Update(ctx, id, a.now(), func(x events.Webhook) (events.Webhook, error) {
		patterns := []string(x.Events)
		in.Body.URL.apply(&x.URL)
		in.Body.Events.apply(&patterns)
		in.Body.Description.apply(&x.Description)
		in.Body.Enabled.apply(&x.Enabled)
		x.Events = patterns
		return x, a.checkWebhook(x)
	})
	if err != nil {
		return nil, err
	}
	return answer(a.webhookOf(x)), nil
}

func (a *API) deleteWebhook(ctx context.Context, in *webhookInput) (*struct{}, error) {
	id, err := webhookID(in.ID)
	if err != nil {
		return nil, err
	}
	return nil, a.Webhooks.Delete(ctx, id)
}

func (a *API) rotateWebhook(ctx context.Context, in *webhookInput) (*reply[webhookView], error) {
	id, err := webhookID(in.ID)
	if err != nil {
		return nil, err
	}
	x, secret, err := a.Webhooks.Rotate(ctx, id, a.now())
	if err != nil {
		return nil, err
	}
	view := a.webhookOf(x)
	view.Secret = secret
	return answer(view), nil
}
