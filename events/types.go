// Package events says what there is to be told: which events exist and what each means, who wants to hear of them, how a webhook is signed,
// guarded and tried again. It never reads or writes the ledger, and never decides what happens to a message.
package events

import (
	"strings"
)

// Type names a kind of event, "<subject>.<what>".
type Type string

// The types of events: a closed list. Those of messages are the statuses and what people did.
const (
	MessageScheduled    Type = "message.scheduled"
	MessageQueued       Type = "message.queued"
	MessageHeld         Type = "message.held"
	MessageSent         Type = "message.sent"
	MessageDeferred     Type = "message.deferred"
	MessageDelivered    Type = "message.delivered"
	MessageBounced      Type = "message.bounced"
	MessageUndelivered  Type = "message.undelivered"
	MessageFailed       Type = "message.failed"
	MessageSuppressed   Type = "message.suppressed"
	MessageExpired      Type = "message.expired"
	MessageCanceled     Type = "message.canceled"
	MessageUnknown      Type = "message.unknown"
	MessageComplained   Type = "message.complained"
	MessageUnsubscribed Type = "message.unsubscribed"

	ConsentGranted   Type = "consent.granted"
	ConsentConfirmed Type = "consent.confirmed"
	ConsentWithdrawn Type = "consent.withdrawn"
	ConsentExpired   Type = "consent.expired"

	PreferenceUpdated Type = "preference.updated"

	SuppressionCreated Type = "suppression.created"
	SuppressionDeleted Type = "suppression.deleted"

	ContactCreated Type = "contact.created"
	ContactUpdated Type = "contact.updated"
	ContactErased  Type = "contact.erased"
)

// Test is the type of what a webhook is tested with. It is no event: nothing happened, and the feed does not have it.
const Test Type = "webhook.test"

// Meaning is what an event says, and what it does not.
type Meaning struct {
	Type    Type
	Meaning string
}

// Meanings lists every type of the feed with what it means, in the order in which they are documented.
func Meanings() []Meaning {
	return []Meaning{
		{MessageScheduled, "It was taken in, to be sent at a later time."},
		{MessageQueued, "It was taken in and may go now, or waits for its turn again: an attempt was not begun, or its worker was lost."},
		{MessageHeld, "It may go, but not now; reason says what it waits for."},
		{MessageSent, "The provider took responsibility. It does not say that the message arrived."},
		{MessageDeferred, "An attempt failed for now; it is tried again."},
		{MessageDelivered, "The provider reports that the next hop took it. It does not say that anybody read it."},
		{MessageBounced, "An email will not arrive; reason is the cause."},
		{MessageUndelivered, "An SMS will not arrive; reason is the cause."},
		{MessageFailed, "It was given up before a provider took it."},
		{MessageSuppressed, "It may not be sent; reason is the primary one of the decision."},
		{MessageExpired, "It waited past its not_after."},
		{MessageCanceled, "It was called back before it went: by order, a withdrawal or an erasure."},
		{MessageUnknown, "Nobody can tell whether the provider has it, and its class must not arrive twice."},
		{MessageComplained, "Its recipient reported it: by their mail service as spam, or on the page of its why link. A message may have this beside any status."},
		{MessageUnsubscribed, "Its recipient unsubscribed by the message's own link or mail address."},
		{ConsentGranted, "The consent ledger has a grant: given, renewed or imported, as kind says."},
		{ConsentConfirmed, "A request was confirmed by its contact (double opt-in): the grant is in force."},
		{ConsentWithdrawn, "A grant was taken back or a request refused, as kind says; scope says how far it reaches."},
		{ConsentExpired, "A grant or a request ended by itself: expired, lapsed, stale or merged away, as kind says."},
		{PreferenceUpdated, "Something changed on the preference page, or mailings were paused or resumed, as kind says. What ends or makes a grant has its own event beside this one."},
		{SuppressionCreated, "An address must not be sent to any more; reason says why."},
		{SuppressionDeleted, "A suppression was lifted. It revives no consent."},
		{ContactCreated, "There is a contact that was not known before."},
		{ContactUpdated, "A contact changed; changed names the fields, never their values. merged_into: it has become another contact."},
		{ContactErased, "A contact was erased, for good."},
	}
}

// Types lists every type of the feed.
func Types() []Type {
	all := Meanings()
	types := make([]Type, len(all))
	for i, m := range all {
		types[i] = m.Type
	}
	return types
}

const messagePrefix = "message."

// OfMessage is the type of an event of a message: a status, or what somebody did.
func OfMessage(kind string) Type { return Type(messagePrefix + kind) }

// AboutMessage says whether an event is about a message.
func (t Type) AboutMessage() bool { return strings.HasPrefix(string(t), messagePrefix) }

// Feeding says which events of messages the feed takes of itself. Whatever an enabled webhook subscribes to it takes as well, and all other
// events always.
type Feeding string

// What the feed takes of messages.
const (
	FeedAll      Feeding = "all"
	FeedOutcomes Feeding = "outcomes" // all but that a message was queued and sent, which nearly every message has
	FeedNone     Feeding = "none"
)

// Feedings lists them.
func Feedings() []Feeding { return []Feeding{FeedAll, FeedOutcomes, FeedNone} }

// Takes says whether the feed takes a type of event of itself. An empty Feeding takes all.
func (f Feeding) Takes(t Type) bool {
	switch f {
	case FeedOutcomes:
		return t != MessageQueued && t != MessageSent
	case FeedNone:
		return !t.AboutMessage()
	case FeedAll:
	}
	return true
}
