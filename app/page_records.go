package app

import (
	"context"
	"slices"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/public"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// pageRecords is what is known about a contact, as the preferences page shows it behind a proof.
type pageRecords struct{ stores }

// Shared says whether more than one contact is behind an address.
func (r pageRecords) Shared(ctx context.Context, address vocab.AddressID) (bool, error) {
	n, err := r.contacts.Sharers(ctx, address)
	return n > 1, err
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

// reach returns the addresses that a contact's messages go to: of each channel the first that is theirs still.
func reach(who contacts.Profile) []public.Reached {
	var list []public.Reached
	for _, a := range who.Addresses {
		had := slices.ContainsFunc(list, func(x public.Reached) bool { return x.Channel == a.Channel })
		if a.ReassignedAt == nil && !had {
			list = append(list, public.Reached{ID: a.AddressID, Channel: a.Channel})
		}
	}
	return list
}
