package dispatcher

import (
	"fmt"
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// Status is where a message is in its life (docs/state-machine.md).
type Status string

// The statuses of a message.
const (
	Scheduled   Status = "scheduled" // waits for the caller's send_at
	Queued      Status = "queued"    // waits for a worker
	Held        Status = "held"      // allowed, but not now: quiet hours, cap, pause
	Deferred    Status = "deferred"  // an attempt failed for now; waits for the next one
	Sending     Status = "sending"   // a worker holds the permit
	Sent        Status = "sent"      // the provider took it
	Delivered   Status = "delivered" // the provider reported that it arrived
	Bounced     Status = "bounced"   // email: the receiver refused it for good
	Undelivered Status = "undelivered"
	Failed      Status = "failed"     // our side could not hand it over in time, or could not make it
	Suppressed  Status = "suppressed" // the gate said no
	Expired     Status = "expired"    // not_after passed while it waited
	Canceled    Status = "canceled"   // somebody called it back before it was sent
	Unknown     Status = "unknown"    // it may have arrived; nobody can tell
)

// transitions is the whole life of a message; docs/state-machine.md is compared with it by a test. Sending follows Unknown
// only over Queued and an operator's explicit order.
var transitions = map[Status][]Status{
	Scheduled:   waitingNext,
	Queued:      waitingNext,
	Held:        waitingNext,
	Deferred:    waitingNext,
	Sending:     {Sent, Bounced, Undelivered, Failed, Deferred, Queued, Unknown},
	Sent:        {Delivered, Bounced, Undelivered},
	Unknown:     {Sent, Delivered, Bounced, Undelivered, Queued},
	Delivered:   {Bounced, Undelivered},
	Bounced:     nil,
	Undelivered: nil,
	Failed:      nil,
	Suppressed:  nil,
	Expired:     nil,
	Canceled:    nil,
}

// waitingNext is where a message that waits may go. All who wait are claimed directly when due.
var waitingNext = []Status{Sending, Held, Suppressed, Expired, Canceled}

// Statuses lists every status in the order of a message's life.
func Statuses() []Status {
	return []Status{
		Scheduled, Queued, Held, Deferred, Sending, Sent, Delivered, Bounced, Undelivered, Failed, Suppressed, Expired, Canceled,
		Unknown,
	}
}

// Next lists the statuses that may follow s.
func (s Status) Next() []Status { return slices.Clone(transitions[s]) }

// Before lists the statuses from which a message may become s. The ledger compares with it when it sets s.
func (s Status) Before() []Status {
	var from []Status
	for _, f := range Statuses() {
		if slices.Contains(transitions[f], s) {
			from = append(from, f)
		}
	}
	return from
}

// Waits says whether a message of this status waits for a worker and is claimed when due.
func (s Status) Waits() bool { return slices.Contains(transitions[s], Sending) }

// Waiting lists the statuses that wait.
func Waiting() []Status { return []Status{Scheduled, Queued, Held, Deferred} }

// Group is what a report counts a message under.
type Group string

// The groups of domain section 4.
const (
	GroupPending      Group = "pending"
	GroupDelivered    Group = "delivered"
	GroupUnconfirmed  Group = "unconfirmed"
	GroupNotDelivered Group = "not_delivered"
	GroupNotSent      Group = "not_sent"
)

// Group returns what a report counts the status under. finalized says that no report is awaited any more, which is what
// turns Sent from pending into unconfirmed.
func (s Status) Group(finalized bool) Group {
	switch s {
	case Scheduled, Queued, Held, Deferred, Sending:
		return GroupPending
	case Sent:
		if finalized {
			return GroupUnconfirmed
		}
		return GroupPending
	case Delivered:
		return GroupDelivered
	case Unknown:
		return GroupUnconfirmed
	case Bounced, Undelivered, Failed, Expired:
		return GroupNotDelivered
	case Suppressed, Canceled:
		return GroupNotSent
	}
	return GroupPending
}

// Mode is what an API key's messages may reach.
type Mode string

// The modes of an API key.
const (
	Live      Mode = "live"
	GuestList Mode = "guest_list" // only contacts on the key's guest list
	Test      Mode = "test"       // only the catcher, never a real provider
)

// Message is a row of the ledger: one recipient, one channel, one content. It holds no address and no text.
type Message struct {
	ID        vocab.MessageID
	ContactID vocab.ContactID
	AddressID vocab.AddressID // empty: the contact has no address for the channel
	Channel   vocab.Channel
	Class     vocab.Class
	Lane      vocab.Lane
	Purpose   vocab.Purpose
	Topic     vocab.Topic
	Language  vocab.Language
	Template  vocab.TemplateVersionID
	Sender    vocab.SenderID
	Provider  vocab.ProviderID
	Mode      Mode
	APIKey    vocab.APIKeyID

	Status   Status
	Attempt  int // the fencing token: claims so far; it never goes back
	Failures int // attempts that count against the retry schedule

	Reference      string
	TriggerID      string
	TriggerAt      time.Time
	HasUnsubscribe bool // the variant leads to the unsubscribe page; fixed with the template version
	LocaleApproved bool

	DueAt          time.Time // when a worker may claim it; zero once nothing is to be done
	NotAfter       time.Time
	CreatedAt      time.Time
	FirstAttemptAt time.Time
	ClaimedAt      time.Time // start of the newest attempt
	LeaseUntil     time.Time
	SettledAt      time.Time // end of the newest attempt
	SentAt         time.Time
	FinalizedAt    time.Time // no report is awaited after this

	Decision      consent.Decision
	PolicyVersion string
	ContentHash   string // SHA-256 of what was rendered, set by the first attempt
	ProviderRef   string
	LastCause     string // channels.Cause of the newest failed attempt
	PossibleDup   bool   // an earlier attempt may have arrived too
}

// move checks that m may become next and makes it so. It is the only way a status changes in memory; the ledger's statements
// compare with Before.
func move(m *Message, next Status) error {
	if !slices.Contains(transitions[m.Status], next) {
		return fmt.Errorf("message %s: %s may not become %s", m.ID, m.Status, next)
	}
	m.Status = next
	return nil
}

// atMostOnce says whether a message of the class must never arrive twice, even if that means that it may not arrive.
func atMostOnce(c vocab.Class) bool {
	switch c {
	case vocab.Marketing:
		return true
	case vocab.Security, vocab.Transactional, vocab.Service, vocab.Legal, vocab.Breach:
		return false
	}
	return true
}

// laneOf returns the lane of a message; recipients is how many the submission it came with has.
func laneOf(c vocab.Class, recipients int) vocab.Lane {
	switch c {
	case vocab.Security, vocab.Breach:
		return vocab.Urgent
	case vocab.Transactional, vocab.Service:
		return vocab.Normal
	case vocab.Legal:
		if recipients < largeNotice {
			return vocab.Normal
		}
		return vocab.Bulk
	case vocab.Marketing:
		return vocab.Bulk
	}
	return vocab.Bulk
}

// largeNotice is the number of recipients from which a legal notice travels with the bulk.
const largeNotice = 100
