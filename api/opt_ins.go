package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// optInDesk asks contacts to confirm; see optin.Desk.
type optInDesk interface {
	Ask(ctx context.Context, r optin.Request) (optin.Reply, error)
}

func (a *API) registerOptIns() {
	register(a, huma.Operation{
		OperationID: "create-opt-in", Method: http.MethodPost, Path: "/v1/opt-ins", Tags: []string{"consents"}, DefaultStatus: http.StatusAccepted,
		Summary: "Ask an address to confirm what somebody signed up for",
		Description: "Double opt-in: by email a link that opens a page with the words and one button, for 72 h, with one reminder after 24 h; by SMS a code of six digits, for " +
			"10 minutes and five tries. The answer is the same for an address that is known, unknown, suppressed, or was asked three times in the last 24 h; in the last " +
			"two cases nothing is sent. A contact is made for an address that nobody has.",
	}, a.createOptIn, http.StatusConflict, http.StatusNotFound)
}

// optInBody is what somebody signed up for.
type optInBody struct {
	ContactID vocab.ContactID `json:"contact_id,omitempty" example:"con_06gywnjy01xbs0938nkrkaydxw" doc:"A known contact; or email, or phone, or one of these with it."`
	Email     string          `json:"email,omitempty" example:"aigul@example.org" doc:"An email address."`
	Phone     string          `json:"phone,omitempty" example:"+77010000000" doc:"A phone number."`
	Name      string          `json:"name,omitempty" maxLength:"200" doc:"Of a contact who is not known yet."`
	Channel   vocab.Channel   `json:"channel,omitempty" enum:"email,sms" doc:"Needed with contact_id alone; else that of the address."`
	Grants    []optInGrant    `json:"grants" minItems:"1" maxItems:"30" nullable:"false" doc:"What was ticked, each by the contact."`
	Language  vocab.Language  `json:"language" enum:"kk,ru,en" doc:"In which the texts were shown, and in which the confirmation is asked for."`
	Evidence  string          `json:"evidence,omitempty" maxLength:"4000" doc:"What shows the request (a form's name, an IP address). Kept beside the ledger, erased with the contact; the ledger holds a commitment to it."`
}

// optInGrant is one thing that somebody signed up for.
type optInGrant struct {
	Purpose  vocab.Purpose `json:"purpose" example:"news.company" doc:"A purpose that needs a consent."`
	Topic    vocab.Topic   `json:"topic,omitempty" maxLength:"128" pattern:"^[A-Za-z0-9_.:-]*$" doc:"One topic of the purpose; none means the purpose without topic."`
	TextHash string        `json:"text_hash,omitempty" maxLength:"128" doc:"Of the consent text that was shown. If another is in force by now, nothing is asked: 409 consent_text_changed."`
}

type createOptInInput struct{ Body optInBody }

// optInView says that the request was taken, whatever becomes of it.
type optInView struct {
	ID      vocab.ConfirmationID `json:"id" example:"cnf_06gywnjy01xbs0938nkrkaydxw" doc:"The request."`
	Channel vocab.Channel        `json:"channel" enum:"email,sms" doc:"By which it is asked."`
	CodeURL string               `json:"code_url,omitempty" doc:"The page where the contact types the code that comes by SMS."`
}

func (a *API) createOptIn(ctx context.Context, in *createOptInInput) (*reply[optInView], error) {
	b := in.Body
	r := optin.Request{
		ContactID: b.ContactID, Channel: b.Channel, Name: b.Name, Language: b.Language, Source: consent.SourceAPI,
		Caller: dispatcher.Caller{APIKey: callerOf(ctx).ID, Mode: dispatcher.Live}, Evidence: optin.Evidence{Note: b.Evidence},
	}
	for pointer, text := range map[string]string{"/evidence": b.Evidence, "/name": b.Name} {
		if err := refuseForbidden(pointer, text); err != nil {
			return nil, err
		}
	}
	if b.ContactID != "" {
		if err := checkBodyContact(b.ContactID); err != nil {
			return nil, err
		}
	}
	if b.Email != "" || b.Phone != "" {
		x, err := a.contactAddress(addressBody{Email: b.Email, Phone: b.Phone})
		if err != nil {
			return nil, err
		}
		if r.Channel != "" && r.Channel != x.Channel {
			return nil, fault.InvalidField("/channel", "channel_mismatch", "the address is of another channel")
		}
		r.Channel, r.Value, r.Lookup = x.Channel, x.Value, x.Lookup
	}
	switch {
	case b.ContactID == "" && r.Value == "":
		return nil, fault.InvalidField("", "required", "give email, phone or contact_id")
	case r.Channel == "":
		return nil, fault.InvalidField("/channel", "required", "with a contact_id alone, say which channel: email or sms")
	}
	for i, g := range b.Grants {
		if slices.Contains(b.Grants[:i], g) {
			continue
		}
		r.Wishes = append(r.Wishes, optin.Wish{Purpose: g.Purpose, Topic: g.Topic, TextHash: g.TextHash})
	}
	done, err := a.OptIns.Ask(ctx, r)
	if err != nil {
		return nil, err
	}
	view := optInView{ID: done.ID, Channel: r.Channel}
	if done.CodePage != "" {
		view.CodeURL = a.public("/c/" + done.CodePage)
	}
	return answer(view), nil
}
