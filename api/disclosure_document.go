package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/orleu/elshi/disclosures"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// disclosed is the document of a disclosure: the request it answers, and of each contact the parts that were approved and no other. It is
// what the API answers elsewhere, so a reader of one can read the other.
type disclosed struct {
	Disclosure  vocab.DisclosureID `json:"disclosure_id"`
	Body        string             `json:"body"`
	Ground      string             `json:"ground"`
	Reference   string             `json:"reference"`
	RequestedOn string             `json:"requested_on"`
	MadeAt      time.Time          `json:"made_at"`
	Parts       []disclosures.Part `json:"parts"`
	Contacts    []disclosedContact `json:"contacts"`
}

// disclosedContact is one contact's data; a part that was not approved is null.
type disclosedContact struct {
	ID       vocab.ContactID    `json:"id"`
	Identity *contactView       `json:"identity,omitempty"`
	Consents *disclosedConsents `json:"consents,omitempty"`
	Messages []disclosedMessage `json:"messages,omitempty"`
	Timeline []timelineEntry    `json:"timeline,omitempty"`
}

// disclosedConsents are grants and what led to them.
type disclosedConsents struct {
	Grants []consentView      `json:"grants"`
	Events []consentEventView `json:"events"`
}

// disclosedMessage is a message and why it was sent.
type disclosedMessage struct {
	messageView

	Decision decisionView `json:"decision"`
}

func (a *API) disclosureDocument(ctx context.Context, d disclosures.Disclosure, now time.Time) ([]byte, error) {
	document := disclosed{
		Disclosure: d.ID, Body: d.Body, Ground: d.Ground, Reference: d.Reference, RequestedOn: d.RequestedOn, MadeAt: now.UTC(), Parts: d.Parts,
	}
	for _, id := range d.Contacts {
		c, err := a.disclosedContact(ctx, d, id)
		if err != nil {
			return nil, fmt.Errorf("disclose contact %s: %w", id, err)
		}
		document.Contacts = append(document.Contacts, c)
	}
	return json.MarshalIndent(document, "", "  ")
}

func (a *API) disclosedContact(ctx context.Context, d disclosures.Disclosure, id vocab.ContactID) (disclosedContact, error) {
	out := disclosedContact{ID: id}
	profile, err := a.Contacts.Get(ctx, id)
	if err != nil {
		return out, err
	}
	var events []consentEventView
	if d.Covers(disclosures.Consents) || d.Covers(disclosures.Timeline) {
		if events, err = a.allConsentEvents(ctx, id); err != nil {
			return out, err
		}
	}
	var messages []dispatcher.Message
	if d.Covers(disclosures.Messages) || d.Covers(disclosures.Timeline) {
		if messages, err = a.allMessages(ctx, id); err != nil {
			return out, err
		}
	}
	for _, part := range d.Parts {
		switch part {
		case disclosures.Identity:
			view := contactOf(profile)
			out.Identity = &view
		case disclosures.Consents:
			grants, err := a.Consents.OfContact(ctx, id)
			if err != nil {
				return out, err
			}
			out.Consents = &disclosedConsents{Grants: []consentView{}, Events: orEmpty(events)}
			for _, g := range grants {
				out.Consents.Grants = append(out.Consents.Grants, consentOf(g))
			}
		case disclosures.Messages:
			for _, m := range messages {
				out.Messages = append(out.Messages, disclosedMessage{messageOf(m), decisionOf(m, vocab.Russian)})
			}
		case disclosures.Timeline:
			out.Timeline = slices.Concat(messageEntries(messages), consentEntries(events))
			sortTimeline(out.Timeline)
		}
	}
	return out, nil
}

// allConsentEvents reads the consent ledger's entries about a contact to the end, the newest first.
func (a *API) allConsentEvents(ctx context.Context, id vocab.ContactID) ([]consentEventView, error) {
	var all []consentEventView
	var before vocab.ConsentEventID
	for {
		list, err := a.Consents.EventsOf(ctx, id, before, maxPage)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			all = append(all, *consentEventOf(e))
		}
		if len(list) < maxPage {
			return all, nil
		}
		before = list[len(list)-1].ID
	}
}

// allMessages reads the messages to a contact to the end, the newest first.
func (a *API) allMessages(ctx context.Context, id vocab.ContactID) ([]dispatcher.Message, error) {
	var all []dispatcher.Message
	f := dispatcher.MessageFilter{ContactID: id, Limit: maxPage}
	for {
		found, err := a.Messages.List(ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, found.Messages...)
		if found.Next == "" {
			return all, nil
		}
		f.After = found.Next
	}
}
