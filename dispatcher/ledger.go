package dispatcher

import (
	"slices"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// The shapes that the street and the ledger exchange. The ledger (package store) owns every transaction and is handed pure
// functions; the street owns every decision.

// Candidate is a message that asks for its decision, with all the ledger knows about it.
type Candidate struct {
	Message  Message
	Facts    consent.Facts  // what the ledger looked up; the gate adds the clock, the calendar and the caps
	TimeZone string         // the contact's IANA zone; empty: the organisation's
	Recent   []consent.Sent // earlier marketing messages to this contact that reached them, or may have
}

// Decider decides a batch of candidates; it returns one decision for each, in order. It must be pure: a transaction that is
// rerun calls it again.
type Decider func([]Candidate) []consent.Decision

// Recipient is who a caller wants to reach: an existing contact, an address, or both.
type Recipient struct {
	ContactID vocab.ContactID
	Value     vocab.Address // as it goes on the wire; empty: the contact's own address for the channel
	Lookup    string        // the identity of Value
	Name      string        // for a contact that has to be made
}

// Known is what the ledger knows about a Recipient before anything is written.
type Known struct {
	ContactID vocab.ContactID // empty: nobody yet, Submit will make the contact
	AddressID vocab.AddressID // empty: no address for the channel, or not yet
	Lookup    string          // the identity of the address
	Name      string
	Language  vocab.Language
	Sharers   int  // contacts behind the address; above one the caller has to name the contact
	Missing   bool // the caller named a contact that does not exist
	Unlinked  bool // the caller named a contact and an address that is not theirs
}

// RecipientQuery asks who a recipient is and by which address of the channel they are reached.
type RecipientQuery struct {
	Channel   vocab.Channel
	Recipient Recipient
}

// Draft is a message on its way into the ledger.
type Draft struct {
	Message     Message   // all but contact, address, status and decision, which the transaction finds out
	Recipient   Recipient // found or made in the same transaction
	SendAt      time.Time // zero: now
	Payload     Payload
	Metadata    []byte // the caller's JSON object, never read by Elshi; may be nil
	Attachments []channels.Attachment
	Guests      *Guests
}

// Payload is what a message is rendered from.
type Payload struct {
	Data   []byte // JSON, or sealed bytes
	Sealed bool
}

// Guests are the keyed hashes of the addresses that a guest-list key may write to.
type Guests struct{ Hashes []string }

// IdempotencyKey names one request of one caller (Idempotency-Key header).
type IdempotencyKey struct {
	APIKey   vocab.APIKeyID
	Route    string
	Token    string
	BodyHash string // SHA-256 of the raw body, hex
	// Wait is how long a twin of a request that still runs waits for its answer; zero: 5 s. The Submitter sets it.
	Wait time.Duration
}

// Intake is one submission: it is written whole, or not at all.
type Intake struct {
	Key    *IdempotencyKey // nil: no replay wanted
	Drafts []Draft
	// Answer holds one result for each item of the request; Slots maps each draft to its place in it. Results of items that
	// were refused before they became drafts are filled in already.
	Answer []Result
	Slots  []int
	Now    time.Time
	// RingUntil is written to messages that the caller of Submit rings itself: no feeder rings for them before.
	RingUntil time.Time
}

// Result is what became of one item of a submission: ids and codes, nothing personal, because it is kept for replays.
type Result struct {
	ID        vocab.MessageID  `json:"id,omitempty"`
	ContactID vocab.ContactID  `json:"contact_id,omitempty"`
	Channel   vocab.Channel    `json:"channel,omitempty"`
	Purpose   vocab.Purpose    `json:"purpose,omitempty"`
	Status    Status           `json:"status,omitempty"`
	Verdict   consent.Verdict  `json:"verdict,omitempty"`
	Reason    consent.Reason   `json:"reason,omitempty"`
	Reasons   []consent.Reason `json:"reasons,omitempty"`
	Until     time.Time        `json:"until,omitzero"`
	Reference string           `json:"reference,omitempty"`
	Problem   []fault.Field    `json:"problem,omitempty"` // why no message was made
	Code      string           `json:"code,omitempty"`    // the problem's code
}

// Submitted is the answer of the ledger to an Intake.
type Submitted struct {
	Results  []Result
	Replayed bool
	Ring     []Batch // what is due now, grouped for the doorbell
}

// Batch is what one ring carries: messages of one channel, lane and provider that are due.
type Batch struct {
	Channel  vocab.Channel     `json:"channel"`
	Lane     vocab.Lane        `json:"lane"`
	Provider vocab.ProviderID  `json:"provider"`
	IDs      []vocab.MessageID `json:"ids"`
}

// AddToBatches adds messages to the batch of their channel, lane and provider, which it makes if there is none. The order of both is kept.
func AddToBatches(batches []Batch, channel vocab.Channel, lane vocab.Lane, provider vocab.ProviderID, ids ...vocab.MessageID) []Batch {
	for i := range batches {
		if b := &batches[i]; b.Channel == channel && b.Lane == lane && b.Provider == provider {
			b.IDs = append(b.IDs, ids...)
			return batches
		}
	}
	return append(batches, Batch{Channel: channel, Lane: lane, Provider: provider, IDs: slices.Clone(ids)})
}

// Permit is the right to hand one message over until Message.LeaseUntil: the claim is the permit. Its message lacks what only reports ask
// for: lane, API key, reference, time of creation and policy version.
type Permit struct {
	Message     Message
	To          vocab.Address
	ContactName string
	Payload     Payload
	Attachments []channels.Attachment
}

// Claim asks the ledger for permits.
type Claim struct {
	IDs   []vocab.MessageID
	Now   time.Time
	Lease time.Duration
}

// Settlement records how one attempt ended. The ledger applies it only if the attempt is still the message's newest and
// open, or was closed as unknown by the reaper.
type Settlement struct {
	MessageID   vocab.MessageID
	AddressID   vocab.AddressID
	Channel     vocab.Channel
	Attempt     int
	Provider    vocab.ProviderID
	Next        Status
	At          time.Time
	OpenedAt    time.Time
	DueAt       time.Time // when a waiting status is due
	FinalizedAt time.Time // when no report is awaited any more; zero while it waits
	Failure     bool      // counts against the retry schedule
	Outcome     channels.Outcome
	Cause       channels.Cause
	Code        int
	Enhanced    string
	Detail      string
	ProviderRef string
	ContentHash string
	PossibleDup bool
	Wipe        bool // delete the payload: a one-time code that is no longer needed
	Suppress    Suppress
	Points      int    // soft-bounce points; see SoftThreshold
	Pause       string // why the provider must stop now; empty: it need not
}

// Lost is an attempt whose lease ran out.
type Lost struct {
	MessageID vocab.MessageID
	Attempt   int
	Class     vocab.Class
}

// LaneQuery names the messages a feeder looks for: those of a channel and lane; an empty class means all of the lane.
type LaneQuery struct {
	Channel vocab.Channel
	Lane    vocab.Lane
	Class   vocab.Class
}

// DueMark is how far a feeder has looked through what is due, in the order of due times and ids. The zero mark is the beginning.
type DueMark struct {
	At time.Time
	ID vocab.MessageID
}

// LaneDepth is how full a lane is.
type LaneDepth struct {
	Channel vocab.Channel
	Lane    vocab.Lane
	Waiting int           // messages that are not done, whenever they are due; those being handed over too
	Due     int           // of these, due now
	Oldest  time.Duration // how long the oldest has been due; 0 if none is
}
