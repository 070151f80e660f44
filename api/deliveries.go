package api

import (
	"context"
	"time"

	"github.com/orleu/elshi/events"
)

// deliveryView is an entry of a webhook's log.
type deliveryView struct {
	ID          events.DeliveryID `json:"id" example:"whd_06gywnjy01xbs0938nkrkaydxw" doc:"The delivery."`
	EventID     string            `json:"event_id" doc:"The event, and the webhook-id that it is sent with."`
	EventType   events.Type       `json:"event_type" example:"message.bounced" doc:"What happened."`
	State       string            `json:"state" enum:"pending,delivered,dead" doc:"pending is tried again at next_at; dead was given up."`
	Attempt     int               `json:"attempt" doc:"Attempts so far."`
	AttemptedAt time.Time         `json:"attempted_at,omitzero" doc:"When the last one was made."`
	DurationMS  int64             `json:"duration_ms" doc:"How long the last one took."`
	StatusCode  int               `json:"status_code,omitempty" doc:"The HTTP status of the last answer; absent if none came."`
	Error       string            `json:"error,omitempty" enum:"status,redirect,gone,timeout,dns,tls,connect,address,event_removed" doc:"Why the last one failed. What the endpoint said is not kept."`
	NextAt      time.Time         `json:"next_at,omitzero" doc:"When the next one is made."`
	CreatedAt   time.Time         `json:"created_at" doc:"When the event was sent first."`
}

func deliveryOf(d events.Delivery) deliveryView {
	return deliveryView{
		ID: d.ID, EventID: d.EventID, EventType: d.EventType, State: string(d.State), Attempt: d.Attempt, AttemptedAt: d.AttemptedAt.UTC(),
		DurationMS: d.Duration.Milliseconds(), StatusCode: d.StatusCode, Error: string(d.Error), NextAt: d.NextAt.UTC(), CreatedAt: d.CreatedAt.UTC(),
	}
}

type listDeliveriesInput struct {
	ID     string `path:"id" doc:"The webhook."`
	Cursor string `query:"cursor" maxLength:"64" doc:"next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"199" default:"50" doc:"Entries of a page."`
}

func (a *API) listDeliveries(ctx context.Context, in *listDeliveriesInput) (*reply[page[deliveryView]], error) {
	id, err := webhookID(in.ID)
	if err != nil {
		return nil, err
	}
	var wrong idCheck
	wrong.look("cursor", events.DeliveryPrefix, in.Cursor)
	if err := wrong.err(); err != nil {
		return nil, err
	}
	list, err := a.Webhooks.Deliveries(ctx, id, events.DeliveryID(in.Cursor), pageLimit(in.Limit)+1)
	if err != nil {
		return nil, err
	}
	return pageOf(list, pageLimit(in.Limit), func(d events.Delivery) string { return string(d.ID) }, deliveryOf), nil
}

type deliveryInput struct {
	ID       string `path:"id" doc:"The webhook."`
	Delivery string `path:"delivery" doc:"The delivery."`
}

func (a *API) redeliver(ctx context.Context, in *deliveryInput) (*reply[deliveryView], error) {
	id, err := webhookID(in.ID)
	if err != nil {
		return nil, err
	}
	if err := checkID(events.DeliveryPrefix, in.Delivery, "delivery_not_found", "this webhook has no delivery with this id"); err != nil {
		return nil, err
	}
	d, err := a.Webhooks.Redeliver(ctx, id, events.DeliveryID(in.Delivery), a.now())
	if err != nil {
		return nil, err
	}
	return answer(deliveryOf(d)), nil
}

func (a *API) testWebhook(ctx context.Context, in *webhookInput) (*reply[deliveryView], error) {
	id, err := webhookID(in.ID)
	if err != nil {
		return nil, err
	}
	d, err := a.Webhooks.Test(ctx, id, a.now())
	if err != nil {
		return nil, err
	}
	return answer(deliveryOf(d)), nil
}
