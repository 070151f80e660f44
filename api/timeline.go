package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/dispatcher"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/disclosures"
	"github.com/orleu/elshi/vocab"
)

func (a *API) registerTimeline() {
	register(a, huma.Operation{
		OperationID: "get-contact-timeline", Method: http.MethodGet, Path: "/v1/contacts/{id}/timeline", Tags: []string{"contacts"},
		Summary: "Read a contact's messages, consents and disclosures together", Description: "The newest first.",
	}, a.timeline)
}

type timelineInput struct {
	ID     string `path:"id" doc:"The contact."`
	Cursor string `query:"cursor" maxLength:"26" doc:"next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"199" default:"50" doc:"Entries of a page."`
}

// timelineEntry is a message, a consent event or a disclosure.
type timelineEntry struct {
	Type       string            `json:"type" enum:"message,consent,disclosure" doc:"Which of them it is."`
	At         time.Time         `json:"at" doc:"When it came in."`
	Message    *messageView      `json:"message,omitempty" doc:"The message, as it is now."`
	Consent    *consentEventView `json:"consent,omitempty" doc:"The entry of the consent ledger."`
	Disclosure *disclosureView   `json:"disclosure,omitempty" doc:"To whom the contact's data are or were to be given."`

	order string // the part of the id after the prefix: ids of all kinds sort by time
}

// consentEventView is an entry of the consent ledger.
type consentEventView struct {
	ID            vocab.ConsentEventID `json:"id" example:"cev_06gywnjy01xbs0938nkrkaydxw" doc:"The entry."`
	Seq           int64                `json:"seq" doc:"Its number in the ledger."`
	Kind          consent.EventKind    `json:"kind" example:"granted" doc:"What happened."`
	Scope         consent.Scope        `json:"scope" doc:"How far a withdrawal reaches."`
	Purpose       vocab.Purpose        `json:"purpose,omitempty" doc:"What for."`
	Channel       vocab.Channel        `json:"channel,omitempty" doc:"How."`
	Topic         vocab.Topic          `json:"topic,omitempty" doc:"The topic, if any."`
	Source        consent.Source       `json:"source" doc:"The way it came in."`
	ActorKind     consent.ActorKind    `json:"actor_kind" doc:"What kind of somebody acted."`
	ActorID       string               `json:"actor_id,omitempty" doc:"Their id."`
	Language      vocab.Language       `json:"language,omitempty" doc:"The language of the text that was shown."`
	TextVersion   int                  `json:"text_version,omitempty" doc:"Which version of the consent text was shown."`
	TextHash      string               `json:"text_hash,omitempty" doc:"Of the consent text as it was shown."`
	PolicyVersion string               `json:"policy_version,omitempty" doc:"The privacy policy in force."`
	Proof         consent.ProofKind    `json:"proof,omitempty" doc:"What shows it: double_opt_in, one_time_code, signed_form, operator_note, personal_link; absent: the source alone."`
	ProofRef      string               `json:"proof_ref,omitempty" doc:"The id or hash that proof speaks of."`
	At            time.Time            `json:"at" doc:"When."`
	RecordedAt    time.Time            `json:"recorded_at,omitzero" doc:"When it was written down."`
	ValidUntil    time.Time            `json:"valid_until,omitzero" doc:"When a grant ends (exclusive)."`
	Hash          string               `json:"hash" doc:"The entry's link in the chain."`
}

func consentEventOf(e consent.Event) *consentEventView {
	return &consentEventView{
		e.ID, e.Seq, e.Kind, e.Scope, e.Purpose, e.Channel, e.Topic, e.Source, e.ActorKind, e.ActorID, e.Language, e.TextVersion, e.TextHash, e.PolicyVersion,
		e.Proof, e.ProofRef, e.At.UTC(), e.RecordedAt.UTC(), e.ValidUntil.UTC(), e.Hash,
	}
}

// timeline merges three lists by the time that their ids hold. The cursor is that part of the last id.
func (a *API) timeline(ctx context.Context, in *timelineInput) (*reply[page[timelineEntry]], error) {
	if err := checkContactID(in.ID); err != nil {
		return nil, err
	}
	var wrong idCheck
	if in.Cursor != "" {
		wrong.look("cursor", vocab.MessagePrefix, vocab.MessagePrefix+"_"+in.Cursor)
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	contact, limit := vocab.ContactID(in.ID), pageLimit(in.Limit)
	if _, err := a.Contacts.Get(ctx, contact); err != nil {
		return nil, err
	}
	f := dispatcher.MessageFilter{ContactID: contact, Limit: limit + 1}
	var before vocab.ConsentEventID
	var disclosedBefore vocab.DisclosureID
	if in.Cursor != "" {
		f.After = vocab.MessageID(vocab.MessagePrefix + "_" + in.Cursor)
		before = vocab.ConsentEventID(vocab.ConsentEventPrefix + "_" + in.Cursor)
		disclosedBefore = vocab.DisclosureID(vocab.DisclosurePrefix + "_" + in.Cursor)
	}
	found, err := a.Messages.List(ctx, f)
	if err != nil {
		return nil, err
	}
	events, err := a.Consents.EventsOf(ctx, contact, before, limit+1)
	if err != nil {
		return nil, err
	}
	given, err := a.Disclosures.List(ctx, disclosures.Filter{ContactID: contact, After: disclosedBefore, Limit: limit + 1})
	if err != nil {
		return nil, err
	}
	views := make([]consentEventView, len(events))
	for i, e := range events {
		views[i] = *consentEventOf(e)
	}
	entries := slices.Concat(messageEntries(found.Messages), consentEntries(views), disclosureEntries(given))
	sortTimeline(entries)
	return pageOf(entries, limit, func(e timelineEntry) string { return e.order }, func(e timelineEntry) timelineEntry { return e }), nil
}

func messageEntries(list []dispatcher.Message) []timelineEntry {
	entries := make([]timelineEntry, len(list))
	for i, m := range list {
		view := messageOf(m)
		entries[i] = timelineEntry{Type: "message", At: view.CreatedAt, Message: &view, order: afterPrefix(string(m.ID))}
	}
	return entries
}

func consentEntries(list []consentEventView) []timelineEntry {
	entries := make([]timelineEntry, len(list))
	for i, e := range list {
		entries[i] = timelineEntry{Type: "consent", At: e.At, Consent: &e, order: afterPrefix(string(e.ID))}
	}
	return entries
}

func disclosureEntries(list []disclosures.Disclosure) []timelineEntry {
	entries := make([]timelineEntry, len(list))
	for i, d := range list {
		view := disclosureOf(d)
		entries[i] = timelineEntry{Type: "disclosure", At: view.DraftedAt, Disclosure: &view, order: afterPrefix(string(d.ID))}
	}
	return entries
}

func sortTimeline(entries []timelineEntry) {
	slices.SortStableFunc(entries, func(x, y timelineEntry) int { return strings.Compare(y.order, x.order) })
}

func afterPrefix(id string) string {
	_, after, _ := strings.Cut(id, "_")
	return after
}
