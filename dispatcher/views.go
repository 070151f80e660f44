package dispatcher

import (
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/vocab"
)

// How the ledger is read by the doors.

// MessageFilter narrows a list of messages; empty fields do not.
type MessageFilter struct {
	Status        Status
	Purpose       vocab.Purpose
	Class         vocab.Class
	Channel       vocab.Channel
	ContactID     vocab.ContactID
	Reference     string
	APIKey        vocab.APIKeyID
	CreatedAfter  time.Time       // inclusive
	CreatedBefore time.Time       // exclusive
	After         vocab.MessageID // Next of the page before; empty: from the newest on
	Limit         int             // 1 to 200; anything else is 200
}

// MessagePage is one page of a list of messages, the newest first. It may hold fewer than the limit, or none, and still not be the last
// one: rare messages are looked for a stretch at a time.
type MessagePage struct {
	Messages []Message
	Next     vocab.MessageID // where the next page begins; empty: this is the last one
}

// MessageEvent is one thing that happened to a message.
type MessageEvent struct {
	ID      string
	Type    string // the status it came to, or opened, complained, …
	At      time.Time
	Attempt int    // the newest attempt at that time; 0 before the first
	Reason  string // a decision's reason, a cause, or an order
	Actor   string // the id of whoever ordered it; empty if nobody did
}

// Attempt is one call to a provider. The open one has no outcome and no end yet.
type Attempt struct {
	Number      int
	OpenedAt    time.Time
	ClosedAt    time.Time
	Provider    vocab.ProviderID
	Outcome     channels.Outcome
	Cause       channels.Cause // why it failed, or why a report said so later
	Code        int
	Enhanced    string
	Detail      string // the provider's words; personal, because they may name the address
	ProviderRef string
}

// StoredContent is what a message was made from.
type StoredContent struct {
	Payload     Payload
	Metadata    []byte   // the caller's JSON object; empty if there was none
	Attachments []string // their names
}

// PauseKind is what a pause stops.
type PauseKind string

// What can be paused.
const (
	PauseProvider PauseKind = "provider"
	PausePurpose  PauseKind = "purpose"
)

// Pause is a standing order not to send. Messages it concerns are held, and go when it is lifted.
type Pause struct {
	Kind   PauseKind
	Name   string
	Reason string
	Origin string // who said so: a member, an API key, or "outcome"
	At     time.Time
}

// APIKey is what is known of a key; never its secret.
type APIKey struct {
	ID        vocab.APIKeyID
	Name      string
	Mode      Mode
	Guests    []string // keyed hashes of the addresses that a guest-list key may write to
	CreatedAt time.Time
	RevokedAt time.Time // zero: in force
}
