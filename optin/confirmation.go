package optin

import (
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// How long and how often (domain section 4 and the rules of double opt-in).
const (
	LinkWithin  = consent.ConfirmWithin // how long a link may be pressed
	RemindAfter = 24 * time.Hour        // when somebody who has not pressed it is reminded, once
	CodeWithin  = 10 * time.Minute      // how long a code may be typed
	MaxTries    = 5                     // of a code; then it is dead
	AskedLately = 30 * 24 * time.Hour   // after the last request, a contact whom a sign-up made and who confirmed nothing is forgotten
	MaxPerDay   = 3                     // confirmations of one kind that one address is asked for in 24 hours, by whatever door
	codeDigits  = 6
)

// ProofPurpose is the purpose of what carries a link or a code.
const ProofPurpose = vocab.Purpose("account.identity")

// Kind is what a confirmation confirms.
type Kind string

// The kinds of confirmations.
const (
	OptIn        Kind = "opt_in"        // grants, and with them the address
	AddressProof Kind = "address_proof" // that the contact holds the address
)

// Wish is one grant that somebody asks for, on the channel of the request.
type Wish struct {
	Purpose  vocab.Purpose
	Topic    vocab.Topic
	TextHash string // of the text that was shown, in the language of the request; empty: whoever asks shows the one in force
}

// Asked is a wish as it was put to the contact. It is kept as JSON.
type Asked struct {
	Purpose     vocab.Purpose        `json:"purpose"`
	Topic       vocab.Topic          `json:"topic,omitempty"`
	TextVersion int                  `json:"text_version,omitempty"` // 0: none was published; the sentence that stands in for one was shown
	TextHash    string               `json:"text_hash"`              // of the text in the language of the request
	Abroad      bool                 `json:"abroad,omitempty"`       // the text covers a transfer abroad
	Request     vocab.ConsentEventID `json:"request,omitempty"`      // the ledger's entry of the request
	Granted     vocab.ConsentEventID `json:"granted,omitempty"`      // the entry that granted it; empty: not granted
}

// Key is the grant that a wish is for.
func (a Asked) Key(channel vocab.Channel) consent.GrantKey {
	return consent.GrantKey{Purpose: a.Purpose, Channel: channel, Topic: a.Topic}
}

// Confirmation is one request to confirm.
type Confirmation struct {
	ID         vocab.ConfirmationID
	Kind       Kind
	ContactID  vocab.ContactID
	AddressID  vocab.AddressID
	Address    vocab.Address // empty if the contact has it no more
	Channel    vocab.Channel
	Language   vocab.Language
	FormID     vocab.FormID // empty: it came by another way
	Asked      []Asked      // none for an address proof
	ByCode     bool         // a code is typed, no link is pressed
	MessageID  vocab.MessageID
	CreatedAt  time.Time
	ExpiresAt  time.Time // exclusive
	RemindAt   time.Time // zero: no reminder is due any more
	RemindedAt time.Time
	Tries      int
	UsedAt     time.Time // zero: not confirmed
}

// Open says whether it may still be confirmed.
func (c Confirmation) Open(now time.Time) bool {
	return c.UsedAt.IsZero() && now.Before(c.ExpiresAt) && (!c.ByCode || c.Tries < MaxTries)
}

// Draft is a confirmation that is about to be asked for, of a contact's address or of any.
type Draft struct {
	Confirmation // without contact and address where Lookup says who is asked

	Lookup   string // the identity of Address; empty: ContactID's AddressID, or their address of the channel
	Name     string // of a contact that has to be made
	Code     string // what will have to be typed; the ledger keeps a keyed hash of it
	Source   consent.Source
	Actor    consent.ActorKind
	ActorID  string // empty: the contact
	Policy   string // version of the privacy policy in force
	Evidence string // personal: what shows the request; kept beside the chain
}

// Outcome is what became of a request. Nobody who asks is told which.
type Outcome string

// The outcomes: a closed list.
const (
	Sent       Outcome = "sent"       // the contact is being asked
	Limited    Outcome = "limited"    // the address was asked often enough today
	Suppressed Outcome = "suppressed" // nothing may go to the address, or to its contact
)

// Press is the act that confirms.
type Press struct {
	At       time.Time
	Code     string                   // as it was typed; empty: a link was pressed
	Language vocab.Language           // of the page on which it was done
	Hashes   map[vocab.Purpose]string // of the texts that the page showed; empty: those of the request
	Policy   string
	Evidence string // personal; kept beside the chain
}

// Result is what a press has done.
type Result string

// The results: a closed list.
const (
	Confirmed Result = "confirmed" // now
	Already   Result = "already"   // before; nothing was done
	Gone      Result = "gone"      // unknown, out of time, out of tries, not the code, or ended by a no meanwhile: it is not said which
)

// Answer is what the ledger says to a press. With Gone the confirmation is empty.
type Answer struct {
	Result       Result
	Confirmation Confirmation
}
