package contacts

import (
	"time"

	"github.com/orleu/elshi/vocab"
)

// Profile is a contact with all its addresses.
type Profile struct {
	Contact

	Addresses []LinkedAddress // by channel; the one to use first
}

// LinkedAddress is an address of a contact.
type LinkedAddress struct {
	Address
	Link
}

// NewAddress is an address that a contact is given. Whoever makes one has parsed it.
type NewAddress struct {
	Channel  vocab.Channel
	Value    vocab.Address // as it goes on the wire
	Lookup   string        // its identity: Address.Key
	Verified bool          // the contact has proved to hold it
	Primary  bool          // the one to use on its channel; the last one given wins
}

// Filter narrows a list of contacts; empty fields do not.
type Filter struct {
	Channel    vocab.Channel // of Lookup
	Lookup     string        // an address's identity, exactly; needs Channel
	ExternalID string
	Query      string // the beginning of a name or of an address's identity, in any case
	Language   vocab.Language
	Erased     bool // also contacts that were erased
	After      vocab.ContactID
	Limit      int // 1 to 200; anything else is 200
}

// SuppressionReason is why nothing is sent to an address.
type SuppressionReason string

// The reasons of a suppression.
const (
	HardBounce    SuppressionReason = "hard_bounce"
	Complaint     SuppressionReason = "complaint"
	ChannelStop   SuppressionReason = "channel_stop" // SMS STOP
	Manual        SuppressionReason = "manual"
	ErasedContact SuppressionReason = "erased" // outlives the contact: a later import meets it
)

// SuppressionReasons lists every reason.
func SuppressionReasons() []SuppressionReason {
	return []SuppressionReason{HardBounce, Complaint, ChannelStop, Manual, ErasedContact}
}

// Suppression says not to send to an address. It knows the address by its keyed hash, and so survives its erasure.
type Suppression struct {
	ID        vocab.SuppressionID
	Channel   vocab.Channel
	AddressID vocab.AddressID // empty once the address is erased, or if it was never a contact's
	Address   vocab.Address   // empty likewise
	Reason    SuppressionReason
	Classes   []vocab.Class // of a manual one: only these are stopped; empty: all that its reason stops
	Origin    string        // the id of a member or key, or bounce, one_click, sms_keyword, complaint, erasure, import, …; see Kind
	Note      string
	CreatedAt time.Time
	LiftedAt  time.Time // zero: in force
	LiftedBy  string
	LiftedFor string               // why it was lifted
	LiftEvent vocab.ConsentEventID // the entry of the consent ledger that lifted it
}

// SuppressionFilter narrows a list of suppressions; empty fields do not.
type SuppressionFilter struct {
	Channel vocab.Channel
	Lookup  string // an address's identity; needs Channel
	Reason  SuppressionReason
	Lifted  bool // also those that were lifted
	After   vocab.SuppressionID
	Limit   int
}
