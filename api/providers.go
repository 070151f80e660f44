package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Provider is an account that carries messages, as settings name it; never its credentials.
type Provider struct {
	ID            vocab.ProviderID
	Channel       vocab.Channel
	Driver        string
	Abroad        bool    // messages leave the country on this route
	RatePerSecond float64 // messages a second of all processes together; 0: no limit
}

func (a *API) registerProviders() {
	register(a, huma.Operation{
		OperationID: "list-providers", Method: http.MethodGet, Path: "/v1/providers", Tags: []string{"operation"},
		Summary: "List who carries messages", Description: "As settings name them, with the pause in force.",
	}, a.listProviders)
	register(a, huma.Operation{
		OperationID: "pause-provider", Method: http.MethodPost, Path: "/v1/providers/{id}/pause", Tags: []string{"operation"},
		Summary: "Stop handing messages to a provider", Description: "What waits for it is held until it is resumed. Pausing twice keeps the first reason.",
	}, a.pauseProvider)
	register(a, huma.Operation{
		OperationID: "resume-provider", Method: http.MethodPost, Path: "/v1/providers/{id}/resume", Tags: []string{"operation"},
		Summary: "Hand messages to a provider again", Description: "What was held because of the pause is due at once. Harmless if there is no pause.",
	}, a.resumeProvider)
	register(a, huma.Operation{
		OperationID: "list-senders", Method: http.MethodGet, Path: "/v1/senders", Tags: []string{"operation"},
		Summary: "List who messages come from", Description: "As settings name them.",
	}, a.listSenders)
}

// providerView is a provider.
type providerView struct {
	ID            vocab.ProviderID `json:"id" example:"relay" doc:"The provider."`
	Channel       vocab.Channel    `json:"channel" enum:"email,sms" doc:"What it carries."`
	Driver        string           `json:"driver" example:"smtp" doc:"How it is spoken to."`
	Abroad        bool             `json:"abroad" doc:"Messages leave the country on this route."`
	RatePerSecond float64          `json:"rate_per_second,omitempty" doc:"Messages a second; absent: no limit."`
	Paused        *pauseView       `json:"paused,omitempty" doc:"The pause in force, if there is one."`
}

func (a *API) listProviders(ctx context.Context, _ *struct{}) (*reply[page[providerView]], error) {
	paused, err := a.paused(ctx, dispatcher.PauseProvider)
	if err != nil {
		return nil, err
	}
	return pageOf(a.Providers, len(a.Providers), nil, func(p Provider) providerView {
		return providerView{p.ID, p.Channel, p.Driver, p.Abroad, p.RatePerSecond, paused[string(p.ID)]}
	}), nil
}

func (a *API) checkProvider(id string) error {
	if slices.ContainsFunc(a.Providers, func(p Provider) bool { return string(p.ID) == id }) {
		return nil
	}
	return fault.Missing("provider_not_found", "there is no such provider; GET /v1/providers lists them")
}

func (a *API) pauseProvider(ctx context.Context, in *pauseInput) (*reply[pauseView], error) {
	if err := a.checkProvider(in.ID); err != nil {
		return nil, err
	}
	return a.pause(ctx, dispatcher.PauseProvider, in)
}

func (a *API) resumeProvider(ctx context.Context, in *resumeInput) (*reply[resumedView], error) {
	if err := a.checkProvider(in.ID); err != nil {
		return nil, err
	}
	return a.resume(ctx, dispatcher.PauseProvider, in.ID)
}

// senderView is a sender.
type senderView struct {
	ID         vocab.SenderID    `json:"id" example:"news" doc:"The sender."`
	Channel    vocab.Channel     `json:"channel" enum:"email,sms" doc:"What it sends."`
	Provider   vocab.ProviderID  `json:"provider" doc:"Who carries it."`
	From       string            `json:"from" example:"news@example.org" doc:"The email address, or the SMS sender name or number."`
	Name       map[string]string `json:"name,omitempty" doc:"The display name by language."`
	ReplyTo    string            `json:"reply_to,omitempty" doc:"Where answers go."`
	Classes    []vocab.Class     `json:"classes" nullable:"false" doc:"Classes it may be used for; none: all."`
	Purposes   []vocab.Purpose   `json:"purposes" nullable:"false" doc:"Purposes it may be used for; none: all."`
	Default    bool              `json:"default" doc:"Used if a message names no sender."`
	Registered bool              `json:"registered" doc:"SMS: the operators know the name."`
}

func (a *API) listSenders(context.Context, *struct{}) (*reply[page[senderView]], error) {
	return pageOf(a.Senders, len(a.Senders), nil, func(s dispatcher.Sender) senderView {
		return senderView{
			s.ID, s.Channel, s.Provider, s.From, namesOf(s.Name), s.ReplyTo, orEmpty(s.Classes), orEmpty(s.Purposes), s.Default,
			s.Registered || s.Channel == vocab.Email,
		}
	}), nil
}
