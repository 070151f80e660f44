package app

import (
	"context"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/public"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// pageRecords is what is known about a contact, as the preferences page shows it behind a proof.
type pageRecords struct{ stores }

// Reach returns the addresses that a contact's messages go to: of each channel the first that is theirs still.
func (r pageRecords) Reach(ctx context.Context, contact vocab.ContactID) ([]public.Reached, error) {
	who, err := r.contacts.Get(ctx, contact)
	if err != nil {
		return nil, err
	}
	var list []public.Reached
	had := map[vocab.Channel]bool{}
	for _, a := range who.Addresses {
		if had[a.Channel] || a.ReassignedAt != nil {
			continue
		}
		had[a.Channel] = true
		sharers, err := r.contacts.Sharers(ctx, a.AddressID)
		if err != nil {
			return nil, err
		}
		list = append(list, public.Reached{ID: a.AddressID, Channel: a.Channel, Address: a.Value, Shared: sharers > 1})
	}
	return list, nil
}

// Texts returns the published consent texts in force on a channel.
func (r pageRecords) Texts(ctx context.Context, channel vocab.Channel) (map[vocab.Purpose]optin.Text, error) {
	list, err := r.texts.List(ctx, store.ConsentTextFilter{Channel: &channel, Published: true})
	current := map[vocab.Purpose]optin.Text{}
	for _, t := range list { // a later version comes later
		current[t.Purpose] = optInText(t)
	}
	return current, err
}

// Entries returns the contact's entries of the consent ledger, the newest first.
func (r pageRecords) Entries(ctx context.Context, contact vocab.ContactID, n int) ([]consent.Event, error) {
	return r.consents.EventsOf(ctx, contact, "", n)
}

// Messages returns the contact's messages, the newest first.
func (r pageRecords) Messages(ctx context.Context, contact vocab.ContactID, n int) ([]dispatcher.Message, error) {
	found, err := r.ledger.List(ctx, dispatcher.MessageFilter{ContactID: contact, Limit: n})
	return found.Messages, err
}
