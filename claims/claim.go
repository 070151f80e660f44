package claims

import (
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// Kind is what a contact asks for (privacy policy, clauses 6.1–6.2).
type Kind string

// The kinds of claims: a closed list.
const (
	Objection     Kind = "objection" // to the use of their data: stops all but legal, breach and security at once
	Access        Kind = "access"
	Rectification Kind = "rectification"
	Erasure       Kind = "erasure"
	Restriction   Kind = "restriction"
	Portability   Kind = "portability"
	Complaint     Kind = "complaint"
	Other         Kind = "other"
)

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{Objection, Access, Rectification, Erasure, Restriction, Portability, Complaint, Other}
}

// Via is the way a claim came in.
type Via string

// The ways: a closed list.
const (
	ByLetter   Via = "letter"
	ByEmail    Via = "email"
	BySMS      Via = "sms"
	ByPhone    Via = "phone"
	InPerson   Via = "in_person"
	ByWebForm  Via = "web_form"
	ByLink     Via = "link" // the button of a contact page
	BySystem   Via = "api"  // another system of the organisation passed it on
	ByDelegate Via = "representative"
)

// Vias lists every way.
func Vias() []Via {
	return []Via{ByLetter, ByEmail, BySMS, ByPhone, InPerson, ByWebForm, ByLink, BySystem, ByDelegate}
}

// State is how far a claim is.
type State string

// The states of a claim. An answered one whose answer does not arrive shows as undelivered, and may be answered again.
const (
	Open        State = "open"
	Answered    State = "answered"
	Undelivered State = "undelivered"
	Closed      State = "closed" // without an answer through the street, for a reason
)

// States lists every state.
func States() []State { return []State{Open, Answered, Undelivered, Closed} }

// StateOf is the state of a claim whose answer is a message of the status; an empty status says that nothing is known of it any more.
func StateOf(kept State, answer dispatcher.Status) State {
	if kept == Answered && slices.Contains(Lost(), answer) {
		return Undelivered
	}
	return kept
}

// Lost lists the statuses of an answer that has not arrived and will not.
func Lost() []dispatcher.Status {
	var list []dispatcher.Status
	for _, s := range dispatcher.Statuses() {
		if g := s.Group(true); g == dispatcher.GroupNotDelivered || g == dispatcher.GroupNotSent {
			list = append(list, s)
		}
	}
	return list
}

// Claim is a claim of a contact. Times are UTC; those that have not come are zero.
type Claim struct {
	ID         vocab.ClaimID
	Number     string // for people, such as 2026-000017; without gaps within a year
	ContactID  vocab.ContactID
	Kind       Kind
	Via        Via
	Language   vocab.Language
	Text       string // what the claimant wrote, personal; empty once erased, or if there is none
	Commitment string // to the text; stays when that is erased; see consent.Commit
	ReceivedAt time.Time
	RecordedAt time.Time
	ActorKind  consent.ActorKind // who recorded it
	ActorID    string
	DueAt      time.Time // exclusive: the end of the last day
	State      State
	About      vocab.MessageID // that whoever followed its link complains about; empty: none

	Acknowledged vocab.MessageID // the message that told the claimant the number; empty: none yet
	Answer       Answer
	ClosedAt     time.Time
	ClosedBy     string
	CloseReason  string
	Alarms       []Told

	// Of a claim that stopped something:
	Events   []vocab.ConsentEventID // what it wrote into the consent ledger
	Canceled []vocab.MessageID      // what waited and will not be sent
	InFlight []vocab.MessageID      // what was being handed over at that moment and may have arrived
}

// Overdue says whether the claim's time has run out without an answer that was sent.
func (c Claim) Overdue(now time.Time) bool {
	return (c.State == Open || c.State == Undelivered) && !now.Before(c.DueAt)
}

// Answer is what was sent to answer a claim.
type Answer struct {
	MessageID vocab.MessageID // empty: there is none
	Status    dispatcher.Status
	Reason    consent.Reason // of the message's decision
	Count     int            // how many answers were tried
	At        time.Time
	By        string
}

// Told is an alarm that the officer was told.
type Told struct {
	Day int
	At  time.Time
}

// New is a claim to be recorded.
type New struct {
	ContactID  vocab.ContactID
	Kind       Kind
	Via        Via
	Language   vocab.Language
	Text       string
	ReceivedAt time.Time
	RecordedAt time.Time
	ActorKind  consent.ActorKind
	ActorID    string

	Year       int             // whose next number it gets, in the organisation's zone
	DueAt      time.Time       // see Term
	Withdrawal []consent.Event // of an objection: what is written for the contact, in this order
	// Once: an objection of this contact that came the same way and is still open is answered instead of a second one; the withdrawal is
	// repeated all the same.
	Once bool
	// Complaint is what a complaint about a message ends; see dispatcher.Complained. About one message there is one claim, however often it
	// is opened, and what came since is ended each time. nil: it is no such claim.
	Complaint *dispatcher.Withdrawal
}

// Filter narrows a list of claims; empty fields do not.
type Filter struct {
	State     State
	ContactID vocab.ContactID
	DueBefore time.Time
	After     vocab.ClaimID
	Limit     int
}

// Count is how many claims want something done.
type Count struct {
	Open, Overdue, Undelivered int       // Overdue ones are not counted as Open
	OldestDue                  time.Time // of those; zero: none
}
