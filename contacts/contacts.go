// Package contacts says what a contact and an address are and whether one that is offered can be taken: it parses email
// addresses and phone numbers to one identity each, and checks a contact's fields. It never stores, and never decides whether
// somebody may be written to.
package contacts

import (
	"time"

	"github.com/orleu/elshi/vocab"
)

// Contact is a person we may write to. Times that have not come are nil; all are UTC.
type Contact struct {
	ID                    vocab.ContactID
	ExternalID            string // the organisation's own id, unique if not empty
	Name                  string
	Language              vocab.Language // empty: the organisation's default
	TimeZone              string         // IANA name; empty: the organisation's default
	Attributes            map[string]any // JSON values for segments and templates
	Minor                 bool           // under 18: marketing and service need the guardian's consent
	GuardianConsented     bool
	DataBlockedAt         *time.Time      // blocked by law: nothing but legal and breach
	ProcessingWithdrawnAt *time.Time      // consent to processing withdrawn: nothing but legal, breach and security
	UnsubscribedAllAt     *time.Time      // no marketing at all
	PausedUntil           *time.Time      // no mailings before; set by the contact
	MergedInto            vocab.ContactID // the contact it has become; empty: it is itself
	ErasedAt              *time.Time      // nothing is left but what the law wants kept
	CreatedAt             time.Time
	UpdatedAt             time.Time
}

// Address is one email address or one phone number. Several contacts may share one, such as a school's mailbox.
type Address struct {
	ID        vocab.AddressID
	Channel   vocab.Channel
	Value     vocab.Address // as it is handed to a provider
	Key       string        // identity: equal for two spellings of one address; personal data like Value
	CreatedAt time.Time
}

// Link says that a contact is reached at an address.
type Link struct {
	ContactID    vocab.ContactID
	AddressID    vocab.AddressID
	VerifiedAt   *time.Time // the contact proved to hold the address
	ReassignedAt *time.Time // the number went to somebody else; the link is kept as evidence and never used again
	Primary      bool       // the one to use on its channel
}
