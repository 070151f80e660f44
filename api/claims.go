package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// claimBook keeps claims.
type claimBook interface {
	Get(ctx context.Context, id vocab.ClaimID) (claims.Claim, error)
	// List returns claims without their texts, the newest first.
	List(ctx context.Context, f claims.Filter) ([]claims.Claim, error)
}

// claimDesk takes claims in and answers them; see claims.Desk.
type claimDesk interface {
	Open(ctx context.Context, x claims.New) (claims.Claim, error)
	Answer(ctx context.Context, id vocab.ClaimID, r claims.Reply) (claims.Claim, error)
	Close(ctx context.Context, id vocab.ClaimID, by, reason string) (claims.Claim, error)
}

func (a *API) registerClaims() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: "/v1/claims" + path, Summary: summary, Description: description, Tags: []string{"claims"},
		}
	}
	create := op("create-claim", http.MethodPost, "", "Record a claim",
		"It gets the next number of the year and is due at the end of the thirtieth calendar day after its receipt; that cannot be extended. The "+
			"claimant is told both by a legal message. An objection withdraws, in the same transaction, everything but legal, breach and security: "+
			"what waits is canceled, and in_flight names what was being handed over at that moment.")
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createClaim, http.StatusNotFound)
	register(a, op("list-claims", http.MethodGet, "", "List claims", "Without their texts, the newest first."), a.listClaims, statusInvalid)
	register(a, op("get-claim", http.MethodGet, "/{id}", "Read a claim", "With its text."), a.getClaim)
	register(a, op("answer-claim", http.MethodPost, "/{id}/answer", "Answer a claim",
		"The answer goes out as a message of purpose legal.claim, whose trigger is the claim. If the gate denies it, the claim stays open and "+
			"answer.reason says why. If it does not arrive, the claim becomes undelivered and may be answered again."),
		a.answerClaim, http.StatusConflict)
	register(a, op("close-claim", http.MethodPost, "/{id}/close", "Close a claim without an answer",
		"For example because it was taken back or answered in person."), a.closeClaim, http.StatusConflict)
	register(a, op("get-claim-evidence", http.MethodGet, "/{id}/evidence", "Read all the evidence about a claim",
		"One document: the claim, the contact with consents, the entries of the consent ledger with their hashes, every message with its "+
			"decision, attempts and events, and the suppressions of the contact's addresses; in a fixed order."), a.claimEvidence)
}

// claimBody is a claim to be recorded.
type claimBody struct {
	ContactID  vocab.ContactID `json:"contact_id" example:"con_06gywnjy01xbs0938nkrkaydxw" doc:"Who claims."`
	Kind       claims.Kind     `json:"kind" enum:"objection,access,rectification,erasure,restriction,portability,complaint,other" doc:"What they ask for. objection stops everything but legal, breach and security at once."`
	Via        claims.Via      `json:"via" enum:"letter,email,sms,phone,in_person,web_form,link,api,representative" doc:"The way it came in."`
	ReceivedAt moment          `json:"received_at,omitzero" doc:"When it was received; now if left out. Not in the future."`
	Text       string          `json:"text,omitempty" maxLength:"10000" doc:"What the claimant wrote; kept where erasing the contact deletes it."`
	Language   vocab.Language  `json:"language,omitempty" maxLength:"35" example:"kk" doc:"The language to answer in; the contact's if left out."`
}

type createClaimInput struct{ Body claimBody }

// claimView is a claim.
type claimView struct {
	ID                    vocab.ClaimID          `json:"id" example:"clm_06gywnjy01xbs0938nkrkaydxw" doc:"The claim."`
	Number                string                 `json:"number" example:"2026-000017" doc:"Its number for people; without gaps within a year."`
	ContactID             vocab.ContactID        `json:"contact_id" doc:"Who claims."`
	Kind                  claims.Kind            `json:"kind" enum:"objection,access,rectification,erasure,restriction,portability,complaint,other" doc:"What they ask for."`
	Via                   claims.Via             `json:"via" doc:"The way it came in."`
	MessageID             vocab.MessageID        `json:"message_id,omitempty" doc:"The message that a complaint by the link in it is about; its decision and attempts are at /v1/messages/{id}."`
	State                 claims.State           `json:"state" enum:"open,answered,undelivered,closed" doc:"open, answered (sent), undelivered (the answer did not arrive, or was not sent after all) or closed."`
	Language              vocab.Language         `json:"language,omitempty" doc:"The language to answer in."`
	Text                  string                 `json:"text,omitempty" doc:"What the claimant wrote; not in lists, and gone once the contact is erased."`
	TextCommitment        string                 `json:"text_commitment,omitempty" doc:"Ties the text to the claim; it stays when the text is erased."`
	ReceivedAt            time.Time              `json:"received_at" doc:"When it was received."`
	RecordedAt            time.Time              `json:"recorded_at" doc:"When it was recorded."`
	RecordedByKind        consent.ActorKind      `json:"recorded_by_kind" doc:"What kind of somebody recorded it."`
	RecordedBy            string                 `json:"recorded_by" doc:"Their id."`
	DueAt                 time.Time              `json:"due_at" doc:"The end of the thirtieth calendar day after receipt in the organisation's zone (exclusive)."`
	Overdue               bool                   `json:"overdue" doc:"It is due and was not answered."`
	AcknowledgedMessageID vocab.MessageID        `json:"acknowledged_message_id,omitempty" doc:"The message that told the claimant number and due date."`
	Answer                *claimAnswerView       `json:"answer,omitempty" doc:"The newest answer."`
	ClosedAt              time.Time              `json:"closed_at,omitzero" doc:"When it was closed without an answer."`
	ClosedBy              string                 `json:"closed_by,omitempty" doc:"By whom."`
	CloseReason           string                 `json:"close_reason,omitempty" doc:"Why."`
	Alarms                []claimAlarmView       `json:"alarms" nullable:"false" doc:"On which days after receipt the officer was told that it is open; 0: that it came, by a link."`
	Events                []vocab.ConsentEventID `json:"events,omitempty" nullable:"false" doc:"Of an objection or a complaint by a link: the entries of the consent ledger that say so."`
	Canceled              []vocab.MessageID      `json:"canceled,omitempty" nullable:"false" doc:"Of the same: what waited and will not be sent."`
	InFlight              []vocab.MessageID      `json:"in_flight,omitempty" nullable:"false" doc:"Of the same: what was being handed over at that moment and may have arrived."`
}

// claimAnswerView is what was sent to answer a claim.
type claimAnswerView struct {
	MessageID vocab.MessageID `json:"message_id" doc:"The message."`
	Status    string          `json:"status,omitempty" doc:"Where it is in its life; absent once retention has forgotten it."`
	Reason    consent.Reason  `json:"reason,omitempty" doc:"The primary reason of its decision."`
	Count     int             `json:"count" doc:"How many answers were tried."`
	At        time.Time       `json:"at" doc:"When."`
	By        string          `json:"by" doc:"By whom."`
}

// claimAlarmView is an alarm that was told.
type claimAlarmView struct {
	Day int       `json:"day" doc:"The day after receipt."`
	At  time.Time `json:"at" doc:"When the officer was told."`
}

func (a *API) claimOf(c claims.Claim) claimView {
	view := claimView{
		ID: c.ID, Number: c.Number, ContactID: c.ContactID, Kind: c.Kind, Via: c.Via, MessageID: c.About, State: c.State, Language: c.Language, Text: c.Text,
		TextCommitment: c.Commitment, ReceivedAt: c.ReceivedAt.UTC(), RecordedAt: c.RecordedAt.UTC(), RecordedByKind: c.ActorKind, RecordedBy: c.ActorID,
		DueAt: c.DueAt.UTC(), Overdue: c.Overdue(a.now()), AcknowledgedMessageID: c.Acknowledged, ClosedAt: c.ClosedAt.UTC(), ClosedBy: c.ClosedBy,
		CloseReason: c.CloseReason, Alarms: []claimAlarmView{}, Events: c.Events, Canceled: c.Canceled, InFlight: c.InFlight,
	}
	for _, x := range c.Alarms {
		view.Alarms = append(view.Alarms, claimAlarmView{x.Day, x.At.UTC()})
	}
	if x := c.Answer; x.MessageID != "" {
		view.Answer = &claimAnswerView{x.MessageID, string(x.Status), x.Reason, x.Count, x.At.UTC(), x.By}
	}
	return view
}

func (a *API) createClaim(ctx context.Context, in *createClaimInput) (*reply[claimView], error) {
	b := in.Body
	if err := checkBodyContact(b.ContactID); err != nil {
		return nil, err
	}
	c, err := a.ClaimDesk.Open(ctx, claims.New{
		ContactID: b.ContactID, Kind: b.Kind, Via: b.Via, Language: b.Language, Text: b.Text, ReceivedAt: b.ReceivedAt.Time,
		ActorKind: actorOf(ctx).Kind, ActorID: actorOf(ctx).ID,
	})
	if err != nil {
		return nil, err
	}
	return answer(a.claimOf(c)), nil
}

type listClaimsInput struct {
	State     string    `query:"state" enum:"open,answered,undelivered,closed" doc:"Only this state."`
	ContactID string    `query:"contact_id" doc:"Only this contact's."`
	DueBefore time.Time `query:"due_before" doc:"Only those due before this time."`
	Cursor    string    `query:"cursor" doc:"next_cursor of the page before."`
	Limit     int       `query:"limit" minimum:"1" maximum:"199" default:"50" doc:"Entries of a page."`
}

func (a *API) listClaims(ctx context.Context, in *listClaimsInput) (*reply[page[claimView]], error) {
	var wrong idCheck
	wrong.look("contact_id", vocab.ContactPrefix, in.ContactID)
	wrong.look("cursor", vocab.ClaimPrefix, in.Cursor)
	if err := wrong.err(); err != nil {
		return nil, err
	}
	list, err := a.Claims.List(ctx, claims.Filter{
		State: claims.State(in.State), ContactID: vocab.ContactID(in.ContactID), DueBefore: in.DueBefore, After: vocab.ClaimID(in.Cursor),
		Limit: pageLimit(in.Limit) + 1,
	})
	if err != nil {
		return nil, err
	}
	return pageOf(list, pageLimit(in.Limit), func(c claims.Claim) string { return string(c.ID) }, a.claimOf), nil
}

type claimInput struct {
	ID string `path:"id" example:"clm_06gywnjy01xbs0938nkrkaydxw" doc:"The claim."`
}

func checkClaimID(id string) error {
	return checkID(vocab.ClaimPrefix, id, "claim_not_found", "there is no claim with this id")
}

func (a *API) getClaim(ctx context.Context, in *claimInput) (*reply[claimView], error) {
	if err := checkClaimID(in.ID); err != nil {
		return nil, err
	}
	c, err := a.Claims.Get(ctx, vocab.ClaimID(in.ID))
	if err != nil {
		return nil, err
	}
	return answer(a.claimOf(c)), nil
}

type answerClaimInput struct {
	ID   string `path:"id" doc:"The claim."`
	Body struct {
		Text     string         `json:"text,omitempty" maxLength:"10000" doc:"The answer, in the built-in template claim-answered; or template."`
		Template string         `json:"template,omitempty" maxLength:"60" doc:"A template of yours; with data."`
		Data     object         `json:"data,omitempty" doc:"What the template asks for."`
		Language vocab.Language `json:"language,omitempty" maxLength:"35" example:"kk" doc:"The claim's if left out."`
		Channel  vocab.Channel  `json:"channel,omitempty" enum:"email,sms" doc:"If left out: email if the contact has an address there, else SMS."`
	} `nameHint:"ClaimAnswerBody"`
}

func (a *API) answerClaim(ctx context.Context, in *answerClaimInput) (*reply[claimView], error) {
	if err := checkClaimID(in.ID); err != nil {
		return nil, err
	}
	b := in.Body
	if err := refuseForbidden("/text", b.Text); err != nil {
		return nil, err
	}
	key := callerOf(ctx).ID
	c, err := a.ClaimDesk.Answer(ctx, vocab.ClaimID(in.ID), claims.Reply{
		Text: b.Text, Template: b.Template, Data: []byte(b.Data), Language: b.Language, Channel: b.Channel, By: actorOf(ctx).ID, APIKey: key,
	})
	if err != nil {
		return nil, err
	}
	return answer(a.claimOf(c)), nil
}

type closeClaimInput struct {
	ID   string `path:"id" doc:"The claim."`
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, for people. No personal data."`
	} `nameHint:"ClaimCloseBody"`
}

func (a *API) closeClaim(ctx context.Context, in *closeClaimInput) (*reply[claimView], error) {
	if err := checkClaimID(in.ID); err != nil {
		return nil, err
	}
	if err := refuseForbidden("/reason", in.Body.Reason); err != nil {
		return nil, err
	}
	c, err := a.ClaimDesk.Close(ctx, vocab.ClaimID(in.ID), actorOf(ctx).ID, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return answer(a.claimOf(c)), nil
}
