package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

func (a *API) registerPreferences() {
	register(a, huma.Operation{
		OperationID: "get-preferences", Method: http.MethodGet, Path: "/v1/contacts/{id}/preferences", Tags: []string{"contacts"},
		Summary: "Read what a contact receives, has stopped and could receive",
		Description: "What the contact's own page shows: consents as they are at this moment, service notices that come without one, and what there are words to agree to. " +
			"Change it by POST /v1/consents and POST /v1/consents/withdraw.",
	}, a.contactPreferences)
}

// preferencesView is the picture of a contact's preferences.
type preferencesView struct {
	ContactID             vocab.ContactID  `json:"contact_id" example:"con_06gywnjy01xbs0938nkrkaydxw" doc:"Whose they are."`
	UnsubscribedAllAt     *time.Time       `json:"unsubscribed_all_at,omitempty" doc:"No mailings at all since then."`
	PausedUntil           *time.Time       `json:"paused_until,omitempty" doc:"No mailings before; absent: no pause at the moment."`
	ProcessingWithdrawnAt *time.Time       `json:"processing_withdrawn_at,omitempty" doc:"Consent to processing withdrawn since then: no consent to mailings would bring any."`
	Receives              []preferenceView `json:"receives" nullable:"false" doc:"What comes, or will once it is confirmed."`
	Stopped               []preferenceView `json:"stopped" nullable:"false" doc:"What was agreed to, asked or known once and does not come."`
	Available             []availableView  `json:"available" nullable:"false" doc:"What could be agreed to on the contact's channels, with the consent text in force."`
}

// preferenceView is one thing that comes or not.
type preferenceView struct {
	Purpose     vocab.Purpose        `json:"purpose" doc:"What for."`
	Channel     vocab.Channel        `json:"channel" doc:"How."`
	Topic       vocab.Topic          `json:"topic,omitempty" doc:"The topic, if any."`
	State       consent.State        `json:"state" enum:"none,pending,granted,refused,withdrawn,expired,stale,lapsed" doc:"none: a service notice that comes without a consent."`
	Since       time.Time            `json:"since,omitzero" doc:"When it came to this."`
	ValidUntil  time.Time            `json:"valid_until,omitzero" doc:"When a grant ends (exclusive)."`
	EventID     vocab.ConsentEventID `json:"event_id,omitempty" doc:"The entry of the ledger that led to it."`
	TextVersion int                  `json:"text_version,omitempty" doc:"The version of the consent text that was agreed to."`
}

// availableView is one thing that could be agreed to.
type availableView struct {
	Purpose     vocab.Purpose     `json:"purpose" doc:"What for."`
	Channel     vocab.Channel     `json:"channel" doc:"How."`
	Topic       vocab.Topic       `json:"topic,omitempty" doc:"The topic, if any."`
	TextVersion int               `json:"text_version" doc:"The version of the consent text in force."`
	TextHash    map[string]string `json:"text_hash" doc:"The hash of its words by language."`
}

func (a *API) contactPreferences(ctx context.Context, in *contactInput) (*reply[preferencesView], error) {
	if err := checkContactID(in.ID); err != nil {
		return nil, err
	}
	who, err := a.Contacts.Get(ctx, vocab.ContactID(in.ID))
	if err != nil {
		return nil, err
	}
	held, err := a.Consents.OfContact(ctx, who.ID)
	if err != nil {
		return nil, err
	}
	texts, err := a.Texts.Texts(ctx, TextFilter{Published: true})
	if err != nil {
		return nil, err
	}
	view := preferencesView{
		ContactID: who.ID, UnsubscribedAllAt: inUTC(who.UnsubscribedAllAt), ProcessingWithdrawnAt: inUTC(who.ProcessingWithdrawnAt),
		Receives: []preferenceView{}, Stopped: []preferenceView{}, Available: []availableView{},
	}
	now := a.now()
	if who.PausedUntil != nil && who.PausedUntil.After(now) {
		view.PausedUntil = inUTC(who.PausedUntil)
	}
	var channels []vocab.Channel
	for _, x := range who.Addresses {
		if x.ReassignedAt == nil && !slices.Contains(channels, x.Channel) {
			channels = append(channels, x.Channel)
		}
	}
	all := a.Purposes.Preferences(held, channels, now)
	for _, p := range all {
		one := preferenceView{
			p.Key.Purpose, p.Key.Channel, p.Key.Topic, p.State, p.Since.UTC(), p.Until.UTC(), p.Event, p.Text,
		}
		if p.Comes {
			view.Receives = append(view.Receives, one)
		} else {
			view.Stopped = append(view.Stopped, one)
		}
	}
	current := currentTexts(texts)
	for _, channel := range channels {
		for _, key := range a.Purposes.Grantable(all, channel) {
			t, published := current[consent.GrantKey{Purpose: key.Purpose, Channel: channel}]
			if !published {
				continue
			}
			hashes := map[string]string{}
			for lang := range t.Variants {
				hashes[string(lang)] = t.Hash(lang)
			}
			view.Available = append(view.Available, availableView{key.Purpose, channel, key.Topic, t.Version, hashes})
		}
	}
	return answer(view), nil
}

// currentTexts are the newest of published texts by purpose and channel.
func currentTexts(texts []consent.Text) map[consent.GrantKey]consent.Text {
	current := map[consent.GrantKey]consent.Text{}
	for _, t := range texts {
		key := consent.GrantKey{Purpose: t.Purpose, Channel: t.Channel}
		if t.Version > current[key].Version {
			current[key] = t
		}
	}
	return current
}
