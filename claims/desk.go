package claims

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Limits of what people write about a claim, in characters.
const (
	MaxText   = 10_000
	MaxReason = 500
)

// Templates that ship for claims, and their purpose.
const (
	ReceivedTemplate = "claim-received"
	AnsweredTemplate = "claim-answered"

	Purpose = vocab.Purpose("legal.claim")
)

// book keeps claims.
type book interface {
	// Open records a claim, and with an objection withdraws in the same transaction what it names.
	Open(ctx context.Context, x New) (Claim, error)
	Get(ctx context.Context, id vocab.ClaimID) (Claim, error)
	// Acknowledge keeps the message that told the number; the first one stays.
	Acknowledge(ctx context.Context, id vocab.ClaimID, message vocab.MessageID) error
	// Answer keeps the n-th answer; fault.Conflict if another came first. The same again changes nothing.
	Answer(ctx context.Context, id vocab.ClaimID, a Answer, sent bool) (Claim, error)
}

// closer ends claims without an answer.
type closer interface {
	Close(ctx context.Context, id vocab.ClaimID, by, reason string, now time.Time) (Claim, error)
}

// submitter is the one door of the street.
type submitter interface {
	Submit(ctx context.Context, caller dispatcher.Caller, key *dispatcher.IdempotencyKey, requests []dispatcher.Request) (dispatcher.Submitted, error)
}

// people says by which addresses a contact is reached.
type people interface {
	Get(ctx context.Context, id vocab.ContactID) (contacts.Profile, error)
}

// Desk takes claims in and answers them.
type Desk struct{ Options }

// Options are what a Desk is made of; all are required.
type Options struct {
	Book     book
	Closer   closer
	Street   submitter
	People   people
	Purposes *consent.Registry
	Zone     *time.Location // the organisation's: its days and years count
	Now      func() time.Time
	Log      *slog.Logger
}

// NewDesk returns a Desk.
func NewDesk(o Options) (*Desk, error) {
	if o.Book == nil || o.Closer == nil || o.Street == nil || o.People == nil || o.Purposes == nil || o.Zone == nil || o.Now == nil || o.Log == nil {
		return nil, errors.New("claims: an option of the desk is not set")
	}
	return &Desk{o}, nil
}

// Open records a claim and acknowledges it: number and due date go to the claimant as a message of purpose legal.claim. With an objection
// the same transaction ends everything that an objection stops, so the claim is never there and still sent against. The acknowledgement
// comes after; if it cannot be taken in now, the watch sends it. The error is fault.Invalid, or fault.NotFound if there is no such contact.
func (d *Desk) Open(ctx context.Context, x New) (Claim, error) {
	now := d.Now().UTC().Truncate(time.Microsecond)
	if x.ReceivedAt.IsZero() {
		x.ReceivedAt = now
	}
	if err := check(x, now); err != nil {
		return Claim{}, err
	}
	x.RecordedAt = now
	x.Year = now.In(d.Zone).Year()
	x.DueAt = Term(x.ReceivedAt, d.Zone)
	if x.Kind == Objection && len(x.Withdrawal) == 0 {
		x.Withdrawal = ObjectionEvents(d.Purposes, consent.Event{
			Source: sourceOf(x.Via), ActorKind: x.ActorKind, ActorID: x.ActorID, Language: x.Language,
		})
	}
	c, err := d.Book.Open(ctx, x)
	if err != nil {
		return Claim{}, err
	}
	told, err := d.acknowledge(ctx, c)
	if err != nil {
		d.Log.LogAttrs(ctx, slog.LevelWarn, "a claim is not acknowledged yet; the watch will", slog.String("claim_id", string(c.ID)), slog.String("error", err.Error()))
		return c, nil
	}
	return told, nil
}

// check wants what a claim needs, and reports all of it at once.
func check(x New, now time.Time) error {
	var wrong []fault.Field
	refuse := func(bad bool, pointer, code, detail string) {
		if bad {
			wrong = append(wrong, fault.Field{Pointer: pointer, Code: code, Detail: detail})
		}
	}
	refuse(x.ContactID == "", "/contact_id", "required", "name the contact who claims")
	refuse(!slices.Contains(Kinds(), x.Kind), "/kind", "unknown", "want objection, access, rectification, erasure, restriction, portability, complaint or other")
	refuse(!slices.Contains(Vias(), x.Via), "/via", "unknown", "want the way it came in: letter, email, sms, phone, in_person, web_form, link, api or representative")
	refuse(x.ReceivedAt.After(now.Add(time.Minute)), "/received_at", "in_the_future", "a claim has been received already")
	refuse(x.ReceivedAt.Before(now.AddDate(-1, 0, 0)), "/received_at", "too_old", "at most a year ago")
	refuse(utf8.RuneCountInString(x.Text) > MaxText, "/text", "too_long", fmt.Sprintf("at most %d characters", MaxText))
	wrong = append(wrong, consent.RefuseForbidden("/text", x.Text)...)
	if len(wrong) == 0 {
		return nil
	}
	return fault.InvalidFields(wrong...)
}

// sourceOf is how the consent ledger calls the way an objection came in.
func sourceOf(via Via) consent.Source {
	switch via {
	case ByLink:
		return consent.SourcePreferencePage
	case BySystem, ByWebForm:
		return consent.SourceAPI
	case ByLetter, ByEmail, BySMS, ByPhone, InPerson, ByDelegate:
		return consent.SourceOperator
	}
	return consent.SourceOperator
}

// Reply is what answers a claim: a text of the organisation's, or a template with its data.
type Reply struct {
	Text     string
	Template string
	Data     json.RawMessage
	Language vocab.Language // empty: the claim's
	Channel  vocab.Channel  // empty: email if the contact has an address there, else SMS
	By       string         // the id of who answers
	APIKey   vocab.APIKeyID // that asked; empty if none
}

// Answer sends the answer through the street, as a message of purpose legal.claim whose trigger is the claim. A claim whose answer was sent
// is answered; if the gate denies the message, which is kept with its reasons, the claim stays as it was. Only an answer that did not
// arrive may be followed by another. The error is fault.Conflict (claim_answered, claim_closed, claim_changed), or fault.Invalid.
func (d *Desk) Answer(ctx context.Context, id vocab.ClaimID, r Reply) (Claim, error) {
	c, err := d.Book.Get(ctx, id)
	if err != nil {
		return Claim{}, err
	}
	switch c.State {
	case Open, Undelivered:
	case Answered:
		return Claim{}, &fault.Error{Kind: fault.Conflict, Code: "claim_answered", Detail: "the claim is answered; another answer can follow only if this one does not arrive"}
	case Closed:
		return Claim{}, &fault.Error{Kind: fault.Conflict, Code: "claim_closed", Detail: "the claim was closed"}
	}
	n := c.Answer.Count + 1
	request, err := d.reply(ctx, c, r, n)
	if err != nil {
		return Claim{}, err
	}
	result, err := d.send(ctx, c, dispatcher.Caller{APIKey: r.APIKey, Mode: dispatcher.Live}, request, r.Channel != "")
	if err != nil {
		return Claim{}, err
	}
	return d.Book.Answer(ctx, id, Answer{MessageID: result.ID, Count: n, At: d.Now().UTC(), By: r.By}, !result.Denied())
}

// reply makes the request of the n-th answer.
func (d *Desk) reply(ctx context.Context, c Claim, r Reply, n int) (dispatcher.Request, error) {
	hasText, hasTemplate := strings.TrimSpace(r.Text) != "", r.Template != ""
	switch {
	case hasText == hasTemplate:
		return dispatcher.Request{}, fault.InvalidField("/text", "required", "give the answer's text, or a template with data, and not both")
	case utf8.RuneCountInString(r.Text) > MaxText:
		return dispatcher.Request{}, fault.InvalidField("/text", "too_long", fmt.Sprintf("at most %d characters", MaxText))
	}
	channel, err := d.channel(ctx, c, r.Channel)
	if err != nil {
		return dispatcher.Request{}, err
	}
	request := dispatcher.Request{
		To: dispatcher.To{ContactID: c.ContactID}, Channel: channel, Purpose: Purpose, Template: r.Template, Data: r.Data,
		Language: cmp.Or(r.Language, c.Language), TriggerID: string(c.ID), TriggerAt: c.ReceivedAt, Reference: c.Number,
	}
	if n > 1 { // a legal message goes out once per case and channel, and this is another try
		request.TriggerID = fmt.Sprintf("%s:%d", c.ID, n)
	}
	if hasText {
		request.Template = AnsweredTemplate
		if request.Data, err = json.Marshal(map[string]any{"claim": d.shown(c, r.Text)}); err != nil {
			return request, fmt.Errorf("answer to claim %s: %w", c.ID, err)
		}
	}
	return request, nil
}

// shown is what the built-in templates say of a claim.
func (d *Desk) shown(c Claim, answer string) map[string]string {
	x := map[string]string{
		"number": c.Number, "received_on": c.ReceivedAt.In(d.Zone).Format(time.DateOnly), "due_on": LastDay(c.DueAt, d.Zone).Format(time.DateOnly),
	}
	if answer != "" {
		x["answer"] = answer
	}
	return x
}

// channel is by which way a claimant is written to.
func (d *Desk) channel(ctx context.Context, c Claim, asked vocab.Channel) (vocab.Channel, error) {
	if asked != "" {
		return asked, nil
	}
	p, err := d.People.Get(ctx, c.ContactID)
	if err != nil {
		return "", err
	}
	for _, channel := range vocab.Channels() {
		for _, a := range p.Addresses {
			if a.Channel == channel && a.ReassignedAt == nil {
				return channel, nil
			}
		}
	}
	return vocab.Email, nil // the gate says that there is no address, and the refusal is kept
}

// acknowledge tells the claimant number and due date, once.
func (d *Desk) acknowledge(ctx context.Context, c Claim) (Claim, error) {
	if c.Acknowledged != "" {
		return c, nil
	}
	channel, err := d.channel(ctx, c, "")
	if err != nil {
		return c, err
	}
	data, err := json.Marshal(map[string]any{"claim": d.shown(c, "")})
	if err != nil {
		return c, fmt.Errorf("acknowledge claim %s: %w", c.ID, err)
	}
	result, err := d.send(ctx, c, dispatcher.Caller{Mode: dispatcher.Live}, dispatcher.Request{
		To: dispatcher.To{ContactID: c.ContactID}, Channel: channel, Purpose: Purpose, Template: ReceivedTemplate, Data: data, Language: c.Language,
		TriggerID: string(c.ID) + ":received", TriggerAt: c.RecordedAt, Reference: c.Number,
	}, false)
	if err != nil {
		return c, err
	}
	if err := d.Book.Acknowledge(ctx, c.ID, result.ID); err != nil {
		return c, err
	}
	return d.Book.Get(ctx, c.ID)
}

// send submits a message about a claim, and another by the other channel if the gate asks for that one: whoever complained about an address
// or stopped its channel is rather told by another (domain section 3). A channel that somebody chose is not left.
func (d *Desk) send(ctx context.Context, c Claim, caller dispatcher.Caller, r dispatcher.Request, chosen bool) (dispatcher.Result, error) {
	result, err := d.submit(ctx, c, caller, r.TriggerID, r)
	if err != nil || chosen || result.Reason != consent.ComplainedUseOther && result.Reason != consent.ChannelStoppedUseOther {
		return result, err
	}
	for _, channel := range vocab.Channels() {
		if channel == r.Channel {
			continue
		}
		r.Channel = channel
		other, err := d.submit(ctx, c, caller, r.TriggerID+"/"+string(channel), r)
		if err != nil || !other.Denied() {
			return other, err
		}
	}
	return result, nil
}

// submit puts one message about a claim on the street, exactly once for its token: whoever fails between the street and the book says the
// same again and gets the same message.
func (d *Desk) submit(ctx context.Context, c Claim, caller dispatcher.Caller, token string, r dispatcher.Request) (dispatcher.Result, error) {
	said, err := json.Marshal([]any{r.To.ContactID, r.Channel, r.Template, r.Language, r.Data})
	if err != nil {
		return dispatcher.Result{}, fmt.Errorf("submit about claim %s: %w", c.ID, err)
	}
	hash := sha256.Sum256(said)
	key := &dispatcher.IdempotencyKey{Route: "claims", Token: token, BodyHash: hex.EncodeToString(hash[:])}
	out, err := d.Street.Submit(ctx, caller, key, []dispatcher.Request{r})
	if err != nil {
		return dispatcher.Result{}, fmt.Errorf("submit about claim %s: %w", c.ID, err)
	}
	if result := out.Results[0]; len(result.Problem) == 0 {
		return result, nil
	}
	return dispatcher.Result{}, fault.InvalidFields(out.Results[0].Problem...)
}

// Close ends a claim without an answer through the street, for a reason that is kept: it was taken back, or answered in person.
func (d *Desk) Close(ctx context.Context, id vocab.ClaimID, by, reason string) (Claim, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" || utf8.RuneCountInString(reason) > MaxReason {
		return Claim{}, fault.InvalidField("/reason", "required", fmt.Sprintf("say why it is closed without an answer, in at most %d characters", MaxReason))
	}
	return d.Closer.Close(ctx, id, by, reason, d.Now().UTC())
}
