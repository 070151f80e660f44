package dispatcher

import (
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
)

// Complained is what a complaint about a message ends, whoever brings it: the message's purpose on its channel for everybody behind its
// address, and the address for what a complaint stops (domain section 6), also if the message was of a class that goes on.
func Complained(m Message) Withdrawal {
	return Withdrawal{
		AddressID: m.AddressID, Writer: m.ContactID, Message: m.ID, StopAddress: contacts.Complaint,
		Event: consent.Event{
			Kind: consent.KindWithdrawn, Scope: consent.ScopePurpose, Purpose: m.Purpose, Channel: m.Channel, Source: consent.SourceComplaint,
			ActorKind: consent.ActorContact, ActorID: string(m.ContactID), Language: m.Language,
		},
	}
}
