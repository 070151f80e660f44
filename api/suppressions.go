package api

import (
	"context"
	"net/http"
	"time"

	"github.com/orleu/elshi/contacts"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/vocab"
)

// suppressionBook keeps suppressions.
type suppressionBook interface {
	// Add suppresses an address, whether or not a contact has it, and returns the suppression in force.
	Add(ctx context.Context, channel vocab.Channel, lookup string, x contacts.Suppression) (contacts.Suppression, error)
	Get(ctx context.Context, id vocab.SuppressionID) (contacts.Suppression, error)
	// List returns suppressions, the newest first.
	List(ctx context.Context, f contacts.SuppressionFilter) ([]contacts.Suppression, error)
	// Lift ends a suppression; one that was lifted before stays as it is.
	Lift(ctx context.Context, id vocab.SuppressionID, by string, now time.Time) (contacts.Suppression, error)
}

func (a *API) registerSuppressions() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: "/v1/suppressions" + path, Summary: summary, Description: description, Tags: []string{"suppressions"},
		}
	}
	create := op("create-suppression", http.MethodPost, "", "Suppress an address",
		"Whether or not a contact has it. An earlier one with the same reason stays and is answered.")
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createSuppression)
	register(a, op("list-suppressions", http.MethodGet, "", "List and search suppressions", "The newest first."), a.listSuppressions, statusInvalid)
	register(a, op("get-suppression", http.MethodGet, "/{id}", "Read a suppression", "Also one that was lifted."), a.getSuppression)
	register(a, op("lift-suppression", http.MethodDelete, "/{id}", "Lift a suppression",
		"Messages may go to the address again. It grants nothing, and revives no consent."), a.liftSuppression)
}

// suppressionBody is an address not to send to.
type suppressionBody struct {
	Email  string `json:"email,omitempty" example:"aigul@example.org" doc:"An email address; or phone."`
	Phone  string `json:"phone,omitempty" example:"+77010000000" doc:"A phone number."`
	Reason string `json:"reason,omitempty" enum:"manual,hard_bounce,complaint,channel_stop" doc:"manual if left out; the others for what another system knows."`
	Note   string `json:"note,omitempty" maxLength:"500" doc:"Why, for people. No personal data."`
}

type createSuppressionInput struct{ Body suppressionBody }

// suppressionView is a suppression.
type suppressionView struct {
	ID        vocab.SuppressionID `json:"id" example:"sup_06gywnjy01xbs0938nkrkaydxw" doc:"The suppression."`
	Channel   vocab.Channel       `json:"channel" enum:"email,sms" doc:"What is not sent."`
	AddressID vocab.AddressID     `json:"address_id,omitempty" doc:"The address, if a contact has it."`
	Email     string              `json:"email,omitempty" doc:"The email address, unless it was erased or is known by its keyed hash alone."`
	Phone     string              `json:"phone,omitempty" doc:"The phone number, likewise."`
	Reason    string              `json:"reason" enum:"manual,hard_bounce,complaint,channel_stop,erased" doc:"Why."`
	Origin    string              `json:"origin" doc:"Where it comes from."`
	Note      string              `json:"note,omitempty" doc:"Why, for people."`
	CreatedAt time.Time           `json:"created_at" doc:"Since when."`
	LiftedAt  time.Time           `json:"lifted_at,omitzero" doc:"Until when; absent while it is in force."`
	LiftedBy  string              `json:"lifted_by,omitempty" doc:"Who lifted it."`
}

func suppressionOf(x contacts.Suppression) suppressionView {
	view := suppressionView{
		ID: x.ID, Channel: x.Channel, AddressID: x.AddressID, Reason: string(x.Reason), Origin: x.Origin, Note: x.Note, CreatedAt: x.CreatedAt.UTC(),
		LiftedAt: x.LiftedAt.UTC(), LiftedBy: x.LiftedBy,
	}
	view.Email, view.Phone = revealed(x.Channel, x.Address)
	return view
}

func (a *API) createSuppression(ctx context.Context, in *createSuppressionInput) (*reply[suppressionView], error) {
	b := in.Body
	if err := refuseForbidden("/note", b.Note); err != nil {
		return nil, err
	}
	x, err := a.newAddress(addressBody{Email: b.Email, Phone: b.Phone})
	if err != nil {
		return nil, err
	}
	orElse(&b.Reason, "manual")
	kept, err := a.Suppressions.Add(ctx, x.Channel, x.Lookup, contacts.Suppression{
		Channel: x.Channel, Reason: contacts.SuppressionReason(b.Reason), Origin: actorOf(ctx).ID, Note: b.Note, CreatedAt: a.now(),
	})
	if err != nil {
		return nil, err
	}
	return answer(suppressionOf(kept)), nil
}

type listSuppressionsInput struct {
	Email   string `query:"email" maxLength:"320" doc:"Those of this email address."`
	Phone   string `query:"phone" maxLength:"40" doc:"Those of this phone number."`
	Channel string `query:"channel" enum:"email,sms" doc:"Only this channel."`
	Reason  string `query:"reason" enum:"manual,hard_bounce,complaint,channel_stop,erased" doc:"Only this reason."`
	Lifted  bool   `query:"lifted" doc:"Also those that were lifted."`
	Cursor  string `query:"cursor" doc:"next_cursor of the page before."`
	Limit   int    `query:"limit" minimum:"1" maximum:"199" default:"50" doc:"Entries of a page."`
}

func (a *API) listSuppressions(ctx context.Context, in *listSuppressionsInput) (*reply[page[suppressionView]], error) {
	f := contacts.SuppressionFilter{Reason: contacts.SuppressionReason(in.Reason), Lifted: in.Lifted, After: vocab.SuppressionID(in.Cursor), Limit: pageLimit(in.Limit) + 1}
	var wrong idCheck
	wrong.look("cursor", vocab.SuppressionPrefix, in.Cursor)
	f.Channel, f.Lookup = a.searched(in.Email, in.Phone, &wrong)
	if in.Channel != "" && f.Channel != "" && in.Channel != string(f.Channel) {
		wrong.add("channel", "channel_mismatch", "the address is of another channel")
	}
	orElse(&f.Channel, vocab.Channel(in.Channel))
	if err := wrong.err(); err != nil {
		return nil, err
	}
	list, err := a.Suppressions.List(ctx, f)
	if err != nil {
		return nil, err
	}
	return pageOf(list, pageLimit(in.Limit), func(x contacts.Suppression) string { return string(x.ID) }, suppressionOf), nil
}

type suppressionInput struct {
	ID string `path:"id" doc:"The suppression."`
}

func (in suppressionInput) check() error {
	return checkID(vocab.SuppressionPrefix, in.ID, "suppression_not_found", "there is no suppression with this id")
}

func (a *API) getSuppression(ctx context.Context, in *suppressionInput) (*reply[suppressionView], error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	x, err := a.Suppressions.Get(ctx, vocab.SuppressionID(in.ID))
	if err != nil {
		return nil, err
	}
	return answer(suppressionOf(x)), nil
}

func (a *API) liftSuppression(ctx context.Context, in *suppressionInput) (*reply[suppressionView], error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	x, err := a.Suppressions.Lift(ctx, vocab.SuppressionID(in.ID), actorOf(ctx).ID, a.now())
	if err != nil {
		return nil, err
	}
	return answer(suppressionOf(x)), nil
}
