package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// suppressionBook keeps suppressions.
type suppressionBook interface {
	// Add suppresses an address, whether or not a contact has it, and returns the suppression in force.
	Add(ctx context.Context, channel vocab.Channel, lookup string, x contacts.Suppression) (contacts.Suppression, error)
	Get(ctx context.Context, id vocab.SuppressionID) (contacts.Suppression, error)
	// List returns suppressions, the newest first.
	List(ctx context.Context, f contacts.SuppressionFilter) ([]contacts.Suppression, error)
	// Lift ends a suppression; one that was lifted before stays as it is. fault.Invalid if its reason may not be lifted so.
	Lift(ctx context.Context, id vocab.SuppressionID, l contacts.Lift, now time.Time) (contacts.Suppression, error)
}

func (a *API) registerSuppressions() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: "/v1/suppressions" + path, Summary: summary, Description: description, Tags: []string{"suppressions"},
		}
	}
	create := op("create-suppression", http.MethodPost, "", "Suppress an address",
		"Whether or not a contact has it. An earlier one with the same reason stays and is answered, unless it is about fewer classes.")
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createSuppression)
	register(a, op("list-suppressions", http.MethodGet, "", "List and search suppressions", "The newest first."), a.listSuppressions, statusInvalid)
	register(a, op("get-suppression", http.MethodGet, "/{id}", "Read a suppression", "Also one that was lifted."), a.getSuppression)
	register(a, op("lift-suppression", http.MethodDelete, "/{id}", "Lift a manual suppression",
		"Messages may go to the address again. It grants nothing, and revives no consent. Every other reason needs POST …/lift."), a.liftSuppression)
	register(a, op("lift-suppression-for", http.MethodPost, "/{id}/lift", "Lift a suppression and say why",
		"hard_bounce, complaint and channel_stop need a reason. erased is lifted only by a new consent of the person's own, with its proof, which "+
			"the consent ledger shows: nobody else brings an erased address back."), a.liftSuppressionFor)
}

// suppressionBody is an address not to send to.
type suppressionBody struct {
	Email  string `json:"email,omitempty" example:"aigul@example.org" doc:"An email address; or phone."`
	Phone  string `json:"phone,omitempty" example:"+77010000000" doc:"A phone number."`
	Reason string `json:"reason,omitempty" enum:"manual,hard_bounce,complaint,channel_stop" doc:"manual if left out; the others for what another system knows."`
	Note   string `json:"note,omitempty" maxLength:"500" doc:"Why, for people. No personal data."`

	Classes []vocab.Class `json:"classes,omitempty" maxItems:"3" nullable:"false" enum:"transactional,service,marketing" doc:"Of a manual one: stop only these classes. Left out: all three, which is as far as it reaches."`
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
	Classes   []vocab.Class       `json:"classes,omitempty" nullable:"false" doc:"Only these classes are stopped; absent: all that the reason stops."`
	Origin    string              `json:"origin" doc:"Where it comes from: the id of a member or key, or what reported it."`

	OriginKind contacts.OriginKind `json:"origin_kind" enum:"member,api_key,provider_report,keyword,complaint,erasure,import,contact,system" doc:"What kind of origin that is."`

	Note      string    `json:"note,omitempty" doc:"Why, for people."`
	CreatedAt time.Time `json:"created_at" doc:"Since when."`
	LiftedAt  time.Time `json:"lifted_at,omitzero" doc:"Until when; absent while it is in force."`
	LiftedBy  string    `json:"lifted_by,omitempty" doc:"Who lifted it."`

	LiftReason  string               `json:"lift_reason,omitempty" doc:"Why it was lifted."`
	LiftEventID vocab.ConsentEventID `json:"lift_consent_event_id,omitempty" doc:"The entry of the consent ledger that lifted it."`
}

func suppressionOf(x contacts.Suppression) suppressionView {
	view := suppressionView{
		ID: x.ID, Channel: x.Channel, AddressID: x.AddressID, Reason: string(x.Reason), Origin: x.Origin, Note: x.Note, CreatedAt: x.CreatedAt.UTC(),
		Classes: x.Classes, OriginKind: x.Kind(), LiftedAt: x.LiftedAt.UTC(), LiftedBy: x.LiftedBy, LiftReason: x.LiftedFor, LiftEventID: x.LiftEvent,
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
	for i, class := range b.Classes {
		if b.Reason != "manual" || !consent.ManualStops(class) {
			return nil, fault.InvalidField("/classes/"+strconv.Itoa(i), "not_scoped", "only a manual suppression may be about some of transactional, service and marketing")
		}
	}
	kept, err := a.Suppressions.Add(ctx, x.Channel, x.Lookup, contacts.Suppression{
		Channel: x.Channel, Reason: contacts.SuppressionReason(b.Reason), Origin: actorOf(ctx).ID, Note: b.Note, Classes: b.Classes, CreatedAt: a.now(),
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
	Include string `query:"include" enum:"lifted" doc:"lifted: also those that were lifted."`
	Cursor  string `query:"cursor" doc:"next_cursor of the page before."`
	Limit   int    `query:"limit" minimum:"1" maximum:"199" default:"50" doc:"Entries of a page."`
}

func (a *API) listSuppressions(ctx context.Context, in *listSuppressionsInput) (*reply[page[suppressionView]], error) {
	f := contacts.SuppressionFilter{Reason: contacts.SuppressionReason(in.Reason), Lifted: in.Include == "lifted", After: vocab.SuppressionID(in.Cursor), Limit: pageLimit(in.Limit) + 1}
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
	return a.lift(ctx, in.ID, contacts.Lift{})
}

type liftInput struct {
	ID   string `path:"id" doc:"The suppression."`
	Body struct {
		Reason         string               `json:"reason,omitempty" maxLength:"500" doc:"Why, for people. No personal data."`
		ConsentEventID vocab.ConsentEventID `json:"consent_event_id,omitempty" maxLength:"40" doc:"For erased: the entry of the consent ledger by which the person came back."`
	} `nameHint:"LiftBody"`
}

func (a *API) liftSuppressionFor(ctx context.Context, in *liftInput) (*reply[suppressionView], error) {
	if err := (suppressionInput{in.ID}).check(); err != nil {
		return nil, err
	}
	if err := refuseForbidden("/reason", in.Body.Reason); err != nil {
		return nil, err
	}
	return a.lift(ctx, in.ID, contacts.Lift{Reason: in.Body.Reason, Event: in.Body.ConsentEventID})
}

func (a *API) lift(ctx context.Context, id string, l contacts.Lift) (*reply[suppressionView], error) {
	l.By = actorOf(ctx).ID
	x, err := a.Suppressions.Lift(ctx, vocab.SuppressionID(id), l, a.now())
	if err != nil {
		return nil, err
	}
	return answer(suppressionOf(x)), nil
}
