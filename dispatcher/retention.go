package dispatcher

import (
	"time"

	"github.com/orleu/elshi/vocab"
)

// RetentionKind is what a rule of retention forgets of a message.
type RetentionKind string

// The kinds of rules.
const (
	// RetainMessages is about the whole message: its row and all that hangs on it.
	RetainMessages RetentionKind = "messages"
	// RetainContent is about what it says: payload, attachments and the provider's words. The row, its events and attempts stay.
	RetainContent RetentionKind = "content"
)

// RetentionKinds lists every kind.
func RetentionKinds() []RetentionKind { return []RetentionKind{RetainMessages, RetainContent} }

// Retention says for how many months something of a class is kept after its last event.
type Retention struct {
	Kind   RetentionKind
	Class  vocab.Class
	Months int // 0: for ever
}

// ForgetStep is one portion of what a rule forgets.
type ForgetStep struct {
	Kind   RetentionKind
	Class  vocab.Class
	Before time.Time // what came in before this, and was not touched since
	Size   int       // messages of one transaction

	// Stays asks for those that had to stay earlier, behind After, instead of those that no run has looked at.
	Stays bool
	After vocab.MessageID
}

// Forgotten is what one portion came to.
type Forgotten struct {
	Counts ForgetCounts
	Last   vocab.MessageID // the last one that was looked at
	More   bool            // there may be more behind it
}

// ForgetCounts is how much was forgotten. The zero value is nothing.
type ForgetCounts struct {
	Messages    int `json:"messages,omitempty"`
	Payloads    int `json:"payloads,omitempty"`
	Attachments int `json:"attachments,omitempty"`
	Details     int `json:"details,omitempty"`   // what providers said about attempts
	Addresses   int `json:"addresses,omitempty"` // that nobody had any more
	Stayed      int `json:"stayed,omitempty"`    // were old enough and had to stay; looked at again in the next run
}

// plus adds two counts.
func (c ForgetCounts) plus(d ForgetCounts) ForgetCounts {
	return ForgetCounts{
		c.Messages + d.Messages, c.Payloads + d.Payloads, c.Attachments + d.Attachments, c.Details + d.Details, c.Addresses + d.Addresses,
		c.Stayed + d.Stayed,
	}
}

// RetentionRun is the report of one run.
type RetentionRun struct {
	ID        string
	StartedAt time.Time
	EndedAt   time.Time // zero: it is under way, or its process is gone
	Failed    bool      // a part of it could not be done and is tried again in the next run
	Counts    []RuleCount
}

// RuleCount is what a run did by one rule.
type RuleCount struct {
	Kind   RetentionKind `json:"kind"`
	Class  vocab.Class   `json:"class"`
	Before time.Time     `json:"before"` // what came in before this was old enough
	ForgetCounts
}

// RetentionRunPrefix is how the ids of runs begin.
const RetentionRunPrefix = "ret"
