// Package channels is the contract between the street and those who carry messages. It decides nothing: a channel says
// what happened to each message, and package dispatcher's outcome table says what that means.
package channels

import (
	"context"
	"time"

	"github.com/orleu/elshi/vocab"
)

// Channel hands rendered messages to one provider.
//
// The street calls Send from several goroutines at once, each with a batch of its own. An implementation
//   - tries every message of the batch at most once, in any order, and calls report exactly once for each, as soon as its
//     outcome is known, from any goroutine but never from two at once for one Send; it returns after the last report;
//   - begins no hand-over after Message.Until, and checks it again right before the byte that commits the provider
//     (SMTP: before MAIL FROM and before the terminating dot; HTTP: before the request); a message that is too late is
//     reported NotHandedOver with Cause LeaseExpired;
//   - puts a deadline on every socket operation, so that Send ends soon after the last Until even when the peer is silent;
//   - reports NotHandedOver only if the provider cannot have taken the message, and InDoubt when it may have;
//   - stops early when ctx ends and reports what was not started as NotHandedOver with Cause Stopped;
//   - never logs, and never puts an address or a body into an Error's Error text.
//
// Every implementation runs channelstest.Run.
type Channel interface {
	Send(ctx context.Context, batch []Message, report func(Receipt))
	// Close ends idle connections; it is called once, after the last Send has returned.
	Close() error
}

// Message is one rendered message, ready for the wire: exactly one of Email and SMS is set.
type Message struct {
	ID      vocab.MessageID
	Attempt int       // the fencing token; echoed in the Receipt
	Until   time.Time // the permit's end on this process's monotonic clock, margin already taken off
	To      vocab.Address
	Email   *Email
	SMS     *SMS
}

// Email is a complete message except for its encoding. The text part is never empty.
type Email struct {
	EnvelopeFrom string // VERP bounce address (RFC 5321 reverse-path); empty only for null senders
	From         Mailbox
	ReplyTo      *Mailbox
	ToName       string // display name of the recipient; may be empty
	MessageID    string // without angle brackets; the same on every attempt (RFC 5322 section 3.6.4)
	Date         time.Time
	Subject      string
	Text         string
	HTML         string   // empty: text only
	Headers      []Header // further headers in order, for example List-Unsubscribe; values are UTF-8 and unfolded
	Attachments  []Attachment
	// TextMarks and HTMLMarks say where fixed texts stand in Text and HTML, ascending and apart. They save work and mean nothing else:
	// Text and HTML are the message, a channel may pass over the marks, and passes over those that are not true.
	TextMarks, HTMLMarks []Mark
}

// Mailbox is a display name and an address (RFC 5322 section 3.4).
type Mailbox struct {
	Name    string
	Address string
}

// Header is one further header field.
type Header struct{ Name, Value string }

// Attachment is a file that goes with an email.
type Attachment struct {
	Name        string
	ContentType string // a full media type; "text/calendar; method=REQUEST" also becomes an alternative part
	Content     []byte
}

// SMS is a text message.
type SMS struct {
	From string // sender name (at most 11 characters) or number
	Text string
}

// Outcome is what a hand-over came to.
type Outcome string

// The four outcomes of a hand-over. The zero Outcome is a bug and is treated as InDoubt.
const (
	Accepted      Outcome = "accepted"        // the provider took responsibility
	Refused       Outcome = "refused"         // the provider said no, for now or for good: see Cause
	NotHandedOver Outcome = "not_handed_over" // the provider cannot have it; any class may try again
	InDoubt       Outcome = "in_doubt"        // the provider may have it; the class's guarantee decides
)

// Receipt is the answer to one message of one Send.
type Receipt struct {
	MessageID   vocab.MessageID
	Attempt     int
	Outcome     Outcome
	ProviderRef string // the provider's own id for the message, if it gave one
	Err         *Error // nil if and only if Outcome is Accepted
	At          time.Time
	Reply       string // the provider's words on success, for evidence; may be empty
}

// Report is what a provider says later about a message it had accepted: a delivery receipt or a bounce.
type Report struct {
	ProviderRef string
	Status      ReportStatus
	Err         *Error // why, when it failed
	At          time.Time
	EventID     string // the provider's id of this very report, so that a repeated one is dropped; may be empty
}

// ReportStatus is the meaning of a Report.
type ReportStatus string

// The meanings of a Report.
const (
	ReportDelivered ReportStatus = "delivered" // the next hop or the handset took it
	ReportFailed    ReportStatus = "failed"    // it will not arrive
	ReportPending   ReportStatus = "pending"   // still on its way; changes nothing
)
