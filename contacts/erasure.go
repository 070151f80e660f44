package contacts

import (
	"time"

	"github.com/orleu/elshi/vocab"
)

// EraseOrder is somebody's order to erase a contact.
type EraseOrder struct {
	By string    // the id of whoever orders it; never a name
	At time.Time // now
	// LeaveOpen leaves the addresses open for whoever holds them: they are forgotten, but not suppressed. For contacts who never agreed to be
	// kept; whoever asks to be erased does not want to be brought back by an import.
	LeaveOpen bool
	// Certify signs the certificate and returns it as a JWS. It must be pure: a transaction that is rerun calls it again.
	Certify func(Certificate) (string, error)
}

// ErasurePrefix is how the ids of certificates begin.
const ErasurePrefix = "era"

// Certificate says what an erasure deleted, what it left and why. Nothing in it is personal, so it may be kept for ever and shown to
// anybody; a repeated erasure makes no second one.
type Certificate struct {
	ID        string            `json:"id"`
	ContactID vocab.ContactID   `json:"contact_id"`
	Operator  Operator          `json:"operator"`
	ErasedAt  time.Time         `json:"erased_at"`
	ErasedBy  string            `json:"erased_by"`
	Deleted   []ErasedItem      `json:"deleted"`
	Remains   []RemainingItem   `json:"remains"`
	InFlight  []vocab.MessageID `json:"in_flight"`   // were being handed over at that moment and may still arrive
	Ledger    LedgerHead        `json:"ledger_head"` // of the consent ledger at that moment
}

// Operator is the organisation that answers for the data.
type Operator struct {
	Name map[vocab.Language]string `json:"name"`
	BIN  string                    `json:"bin,omitempty"`
}

// LedgerHead is the end of the consent ledger: the chain up to it is unbroken by the erasure, and can be checked against this.
type LedgerHead struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// ErasedItem is one kind of what was deleted.
type ErasedItem struct {
	Kind  ErasedKind                `json:"kind"`
	Count int                       `json:"count"`
	What  map[vocab.Language]string `json:"what"`
}

// RemainingItem is one kind of what was not deleted, and why.
type RemainingItem struct {
	Kind   RemainingKind             `json:"kind"`
	Count  int                       `json:"count"`
	What   map[vocab.Language]string `json:"what"`
	Why    map[vocab.Language]string `json:"why"`
	Ground map[vocab.Language]string `json:"ground"` // in law
}

// ErasedKind is a kind of data that an erasure deletes.
type ErasedKind string

// What an erasure deletes: a closed list.
const (
	ErasedProfile          ErasedKind = "profile"
	ErasedAddresses        ErasedKind = "addresses"
	ErasedEvidence         ErasedKind = "evidence_values"
	ErasedPayloads         ErasedKind = "message_data"
	ErasedAttachments      ErasedKind = "attachments"
	ErasedDetails          ErasedKind = "attempt_details"
	ErasedReferences       ErasedKind = "references"
	ErasedSuppressionNotes ErasedKind = "suppression_notes"
	ErasedInbox            ErasedKind = "inbox_copies"
)

// ErasedKinds lists every kind in the order of a certificate.
func ErasedKinds() []ErasedKind {
	return []ErasedKind{
		ErasedProfile, ErasedAddresses, ErasedEvidence, ErasedPayloads, ErasedAttachments, ErasedDetails, ErasedReferences,
		ErasedSuppressionNotes, ErasedInbox,
	}
}

// RemainingKind is a kind of data that an erasure leaves.
type RemainingKind string

// What an erasure leaves: a closed list.
const (
	RemainingContact      RemainingKind = "contact_row"
	RemainingConsents     RemainingKind = "consent_events"
	RemainingMessages     RemainingKind = "messages"
	RemainingSuppressions RemainingKind = "suppressed_hashes"
	RemainingShared       RemainingKind = "shared_addresses"
)

// RemainingKinds lists every kind in the order of a certificate.
func RemainingKinds() []RemainingKind {
	return []RemainingKind{RemainingContact, RemainingConsents, RemainingMessages, RemainingSuppressions, RemainingShared}
}

// Describe fills in what was deleted and what remains, from how many of each there are. Every kind is named, also one of which there is none,
// so that nobody has to guess what was looked for.
func (c *Certificate) Describe(deleted map[ErasedKind]int, remains map[RemainingKind]int) {
	c.Deleted, c.Remains = nil, nil
	for _, kind := range ErasedKinds() {
		c.Deleted = append(c.Deleted, ErasedItem{kind, deleted[kind], erasedWords[kind].all()})
	}
	for _, kind := range RemainingKinds() {
		w := remainingWords[kind]
		c.Remains = append(c.Remains, RemainingItem{kind, remains[kind], w.what.all(), w.why.all(), w.ground.all()})
	}
}
