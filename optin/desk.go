package optin

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// ledger keeps confirmations. Its methods are called by many requests at once; each is one transaction.
type ledger interface {
	// AskToConfirm finds or makes the contact, appends the requests of a draft and keeps it, unless nothing may go to the address or it
	// was asked often enough. Only Sent comes with a confirmation. The error is fault.NotFound for a contact that does not exist, and
	// fault.Conflict (address_missing) for one who has no such address.
	AskToConfirm(ctx context.Context, d Draft) (Outcome, Confirmation, error)
	// Carried notes which message carries the link or the code.
	Carried(ctx context.Context, id vocab.ConfirmationID, message vocab.MessageID) error
	// Confirmation returns one; fault.NotFound if there is none.
	Confirmation(ctx context.Context, id vocab.ConfirmationID) (Confirmation, error)
	// Confirm applies a press, and counts a try where a code is typed. It acts once, however many press at the same time.
	Confirm(ctx context.Context, id vocab.ConfirmationID, p Press) (Answer, error)
}

// submitter takes messages in; dispatcher.Submitter is one.
type submitter interface {
	Submit(ctx context.Context, caller dispatcher.Caller, key *dispatcher.IdempotencyKey, requests []dispatcher.Request) (dispatcher.Submitted, error)
}

// Observer counts, for the operator. Nothing personal reaches it.
type Observer interface {
	// SignedUp is told what became of each request for a confirmation, and of each sign-up that was none.
	SignedUp(o Outcome)
}

// Options are what a Desk is made of.
type Options struct {
	Ledger    ledger            // required
	Counts    counts            // required; counts sign-ups by where they come from
	Submitter submitter         // required
	Texts     texts             // nil: none is published
	Purposes  *consent.Registry // required
	Links     *dispatcher.Links // required
	Observer  Observer          // nil: nobody counts
	Region    string            // of numbers without a country code. If empty, KZ
	Policy    string            // version of the privacy policy in force
	MinFill   time.Duration     // a form that comes back sooner was filled in by a robot. If zero, 3 s; below zero: however soon
	MaxAge    time.Duration     // a form that comes back later is shown again. If zero, 2 h
	PerSource int               // sign-ups in ten minutes from one IPv4 address or IPv6 /64. If zero, 30
	Level     time.Duration     // an answer takes at least so long, so that its time tells nothing. If zero, at once
	Random    io.Reader         // of codes. If nil, crypto/rand
	Now       func() time.Time  // required
	Log       *slog.Logger      // nil: nothing is logged
}

// Desk asks contacts to confirm, and takes their answers.
type Desk struct {
	Options

	ledger    ledger
	submitter submitter
	texts     texts
	purposes  *consent.Registry
	links     *dispatcher.Links
	now       func() time.Time
}

// NewDesk returns a Desk. The error names what is missing.
func NewDesk(o Options) (*Desk, error) {
	if o.Ledger == nil || o.Counts == nil || o.Submitter == nil || o.Purposes == nil || o.Links == nil || o.Now == nil {
		return nil, errors.New("opt-ins: want Ledger, Counts, Submitter, Purposes, Links and Now")
	}
	if o.Texts == nil {
		o.Texts = NoTexts{}
	}
	if o.Observer == nil {
		o.Observer = unobserved{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	orElse(&o.Region, "KZ")
	orElse(&o.MinFill, 3*time.Second)
	orElse(&o.MaxAge, 2*time.Hour)
	orElse(&o.PerSource, 30)
	return &Desk{Options: o, ledger: o.Ledger, submitter: o.Submitter, texts: o.Texts, purposes: o.Purposes, links: o.Links, now: o.Now}, nil
}

func orElse[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

type unobserved struct{}

func (unobserved) SignedUp(Outcome) {}

// Request asks one address to confirm some wishes.
type Request struct {
	ContactID vocab.ContactID // or Value with Lookup, or all three
	AddressID vocab.AddressID // of the contact; empty: the one to use on the channel
	Channel   vocab.Channel
	Value     vocab.Address
	Lookup    string
	Name      string // of a contact that has to be made
	Language  vocab.Language
	Wishes    []Wish
	FormID    vocab.FormID
	Source    consent.Source // sign_up_form or api
	Caller    dispatcher.Caller
	Evidence  Evidence
}

// Evidence is what shows that somebody did something on a page or by the API. It is personal: it is kept beside the chain, which holds
// a commitment to it, and it goes with the contact.
type Evidence struct {
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	Form      string `json:"form,omitempty"` // the form's slug
	Note      string `json:"note,omitempty"` // what the caller of the API brings
}

const maxUserAgent = 400

// text is the evidence as it is committed to; "" if there is none.
func (e Evidence) text() string {
	if e == (Evidence{}) {
		return ""
	}
	if len(e.UserAgent) > maxUserAgent {
		e.UserAgent = e.UserAgent[:maxUserAgent]
	}
	b, err := json.Marshal(e)
	if err != nil { // four texts always encode
		return ""
	}
	return string(b)
}

// Reply is what whoever asks is told. It is made the same way whether or not anybody is asked, and says nothing about it.
type Reply struct {
	ID       vocab.ConfirmationID
	CodePage string // where the code is typed that came by SMS: the last segment of a path; empty on other channels
}

// Ask asks for a confirmation: a link by email, a code by SMS. Its answer is the same, and takes as long, whether the address is known
// or not, suppressed, or was asked too often; then nothing is sent. The error is fault.Invalid for wishes that nobody can have, and
// those of AskToConfirm where a contact is named.
func (d *Desk) Ask(ctx context.Context, r Request) (Reply, error) {
	defer d.level(ctx, d.now())
	return d.ask(ctx, r)
}

// ask is Ask without the wait.
func (d *Desk) ask(ctx context.Context, r Request) (Reply, error) {
	now := d.now().UTC().Truncate(time.Microsecond)
	id, reply := d.newID(r.Channel)
	draft := Draft{
		Confirmation: Confirmation{
			ID: id, Kind: OptIn, ContactID: r.ContactID, AddressID: r.AddressID, Address: r.Value, Channel: r.Channel, Language: r.Language, FormID: r.FormID,
			CreatedAt: now, ExpiresAt: now.Add(LinkWithin), RemindAt: now.Add(RemindAfter),
		},
		Lookup: r.Lookup, Name: r.Name, Source: r.Source, Actor: consent.ActorContact, Policy: d.Policy, Evidence: r.Evidence.text(),
	}
	if r.Caller.APIKey != "" {
		draft.Actor, draft.ActorID = consent.ActorAPIKey, string(r.Caller.APIKey)
	}
	for i, w := range r.Wishes {
		text, err := d.Shown(ctx, w.Purpose, r.Channel)
		if fault.KindOf(err) == fault.NotFound {
			return Reply{}, fault.InvalidField(fmt.Sprintf("/grants/%d/purpose", i), "purpose_unregistered",
				"want a purpose that a contact can agree to; GET /v1/purposes lists them")
		}
		if err != nil {
			return Reply{}, err
		}
		if w.TextHash != "" && w.TextHash != text.Hash[r.Language] {
			return Reply{}, &fault.Error{Kind: fault.Conflict, Code: "consent_text_changed", Detail: "the consent text is another one by now; show the contact the new one and ask again"}
		}
		draft.Asked = append(draft.Asked, Asked{
			Purpose: w.Purpose, Topic: w.Topic, TextVersion: text.Version, TextHash: text.Hash[r.Language], Abroad: text.Abroad,
		})
	}
	if r.Channel == vocab.SMS {
		if err := d.byCode(&draft); err != nil {
			return Reply{}, err
		}
	}
	return reply, d.put(ctx, r.Caller, draft)
}

// newID makes the id of a confirmation and what whoever asks for it is told.
func (d *Desk) newID(channel vocab.Channel) (vocab.ConfirmationID, Reply) {
	id := vocab.ConfirmationID(vocab.NewID(vocab.ConfirmationPrefix))
	reply := Reply{ID: id}
	if channel == vocab.SMS {
		reply.CodePage = d.CodeToken(id)
	}
	return id, reply
}

// byCode makes a draft one that is confirmed by a code.
func (d *Desk) byCode(draft *Draft) error {
	n, err := rand.Int(d.Random, big.NewInt(1_000_000))
	if err != nil {
		return fmt.Errorf("make a code: %w", err)
	}
	draft.Code, draft.ByCode = fmt.Sprintf("%0*d", codeDigits, n), true
	draft.ExpiresAt, draft.RemindAt = draft.CreatedAt.Add(CodeWithin), time.Time{}
	return nil
}

// put keeps a draft and sends what it is confirmed by.
func (d *Desk) put(ctx context.Context, caller dispatcher.Caller, draft Draft) error {
	outcome, c, err := d.ledger.AskToConfirm(ctx, draft)
	if err != nil {
		return err
	}
	d.Observer.SignedUp(outcome)
	if outcome != Sent {
		return nil
	}
	return d.send(ctx, caller, c, draft.Code, false)
}

// The templates of what is sent; both ship.
const (
	linkTemplate = "confirm-sign-up"
	codeTemplate = "one-time-code"
)

// send submits the message that carries the link or the code: of class security, so that what it holds is sealed while it waits and is
// wiped when it has gone.
func (d *Desk) send(ctx context.Context, caller dispatcher.Caller, c Confirmation, code string, again bool) error {
	template, trigger := codeTemplate, string(c.ID)
	data := map[string]any{"code": code, "minutes": int(CodeWithin.Minutes()), "action": codeAction(c.Language)}
	if !c.ByCode {
		template = linkTemplate
		data = map[string]any{"url": d.links.PageOf(dispatcher.LinkConfirm, rawID(c.ID)), "hours": int(LinkWithin.Hours()), "items": d.names(c), "reminder": again}
	}
	if again {
		trigger += ":reminder"
	}
	body, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("confirmation %s: %w", c.ID, err)
	}
	to := dispatcher.To{ContactID: c.ContactID}
	if c.Channel == vocab.SMS {
		to.Phone = c.Address.Reveal()
	} else {
		to.Email = c.Address.Reveal()
	}
	caller.Guests = nil
	out, err := d.submitter.Submit(ctx, caller, nil, []dispatcher.Request{{
		To: to, Channel: c.Channel, Purpose: ProofPurpose, Template: template, Language: c.Language, Data: body, TriggerID: trigger, TriggerAt: d.now(),
	}})
	if err != nil {
		return fmt.Errorf("send confirmation %s: %w", c.ID, err)
	}
	r := out.Results[0]
	if len(r.Problem) > 0 { // our own mistake, or that of the settings: it is the same for everybody
		return fmt.Errorf("send confirmation %s: %s %s", c.ID, r.Problem[0].Code, r.Problem[0].Detail)
	}
	if again {
		return nil
	}
	return d.ledger.Carried(ctx, c.ID, r.ID)
}

// names are what is asked for, each once, in the language of the request.
func (d *Desk) names(c Confirmation) []string {
	names := make([]string, 0, len(c.Asked))
	for _, a := range c.Asked {
		info, _ := d.purposes.Lookup(a.Purpose)
		name := info.Names[c.Language]
		if a.Topic != "" {
			name += " · " + string(a.Topic)
		}
		names = append(names, name)
	}
	return names
}

func codeAction(lang vocab.Language) string {
	switch lang {
	case vocab.Russian:
		return "подтверждение адреса"
	case vocab.English:
		return "confirming your address"
	case vocab.Kazakh:
	}
	return "мекенжайды растау"
}

// rawID is the bytes of an id of ours.
func rawID(id vocab.ConfirmationID) [16]byte {
	raw, err := vocab.ParseID(vocab.ConfirmationPrefix, string(id))
	if err != nil { // one that is none names nothing: no token of it will be found
		return [16]byte{}
	}
	return raw
}

// level waits until an answer has taken as long as any other.
func (d *Desk) level(ctx context.Context, begun time.Time) {
	rest := d.Level - d.now().Sub(begun)
	if rest <= 0 {
		return
	}
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
