package consent

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/orleu/elshi/vocab"
)

// Event is one entry of the consent ledger: what somebody granted, refused or took back, and what shows it. Entries are
// never changed; a hash chain shows whether one was. None of its fields may hold a name, an address or a number: personal
// evidence is kept beside the ledger, where it can be erased, and Commitment ties it to the entry.
type Event struct {
	Seq           int64 // 1, 2, 3 … without gaps; set by Chain
	ID            vocab.ConsentEventID
	Kind          EventKind
	ContactID     vocab.ContactID
	AddressID     vocab.AddressID // empty if it is about no address
	Scope         Scope           // how far a withdrawal reaches; a grant is exact whatever it says
	Purpose       vocab.Purpose
	Channel       vocab.Channel
	Topic         vocab.Topic
	Source        Source
	ActorKind     ActorKind
	ActorID       string // the id of a member, an API key or the contact; never a name
	Language      vocab.Language
	TextVersion   int       // which version of the consent text of its purpose and channel was shown; 0: none that is published here
	TextHash      string    // of the consent text that was shown, as it was shown
	PolicyVersion string    // of the privacy policy in force
	Proof         ProofKind // what shows it
	ProofRef      string    // the id or hash that Proof speaks of
	At            time.Time // when it happened; UTC, whole microseconds, Chain cuts it
	RecordedAt    time.Time // when it was written down, never before At; the zero time in entries of the first encoding
	ValidUntil    time.Time // exclusive end of a grant; zero: no end, or no grant
	Commitment    string    // see Commit; empty if there is no personal evidence
	PrevHash      string    // of the entry before; empty for the first
	Hash          string    // set by Chain
}

// EventKind is what happened to a consent.
type EventKind string

// The kinds of ledger entries: a closed list.
const (
	KindRequested          EventKind = "requested" // asked for, not yet confirmed
	KindGranted            EventKind = "granted"   // given by somebody whose address needs no further proof
	KindConfirmed          EventKind = "confirmed" // a request confirmed: double opt-in
	KindRefused            EventKind = "refused"
	KindWithdrawn          EventKind = "withdrawn"
	KindExpired            EventKind = "expired" // its time ran out
	KindLapsed             EventKind = "lapsed"  // a request nobody confirmed in time
	KindStale              EventKind = "stale"   // its text was superseded by a material change
	KindRenewed            EventKind = "renewed" // by the contact's own act; opens and clicks are none
	KindImported           EventKind = "imported"
	KindMerged             EventKind = "merged"               // two contacts became one, and not both had granted it, or not for so long
	KindPaused             EventKind = "paused"               // no mailings until ValidUntil; takes no grant away
	KindResumed            EventKind = "resumed"              // the end of a pause before its time
	KindPolicyContinuedUse EventKind = "policy_continued_use" // acceptance of the policy (clauses 7.1–7.3); never a grant
)

// EventKinds lists every kind of ledger entry.
func EventKinds() []EventKind {
	return []EventKind{
		KindRequested, KindGranted, KindConfirmed, KindRefused, KindWithdrawn, KindExpired, KindLapsed, KindStale,
		KindRenewed, KindImported, KindMerged, KindPaused, KindResumed, KindPolicyContinuedUse,
	}
}

// Agrees says whether an entry of the kind asks for a grant or gives one, so that it was made on words that somebody was shown.
func (k EventKind) Agrees() bool {
	switch k {
	case KindRequested, KindGranted, KindConfirmed, KindRenewed, KindImported:
		return true
	case KindRefused, KindWithdrawn, KindExpired, KindLapsed, KindStale, KindPolicyContinuedUse, KindPaused, KindResumed, KindMerged:
		return false
	}
	return false
}

// Scope is how far a withdrawal reaches.
type Scope string

// The scopes. An unknown one reaches everything.
const (
	ScopeAll        Scope = "all"     // every message that needs a grant
	ScopeChannel    Scope = "channel" // all on one channel
	ScopePurpose    Scope = "purpose" // one purpose with all its topics, on one channel or on all
	ScopeTopic      Scope = "topic"   // one topic of a purpose, or of every purpose
	ScopePartner    Scope = "partner" // one partner.<id> purpose
	ScopeAddress    Scope = "address" // all on the address's channel
	ScopeProcessing Scope = "processing"
)

// Scopes lists every scope.
func Scopes() []Scope {
	return []Scope{ScopeAll, ScopeChannel, ScopePurpose, ScopeTopic, ScopePartner, ScopeAddress, ScopeProcessing}
}

// Source is the way a ledger entry came in.
type Source string

// The sources: a closed list.
const (
	SourceAPI            Source = "api"
	SourcePreferencePage Source = "preference_page"
	SourceConfirmLink    Source = "confirm_link"
	SourceSignUpForm     Source = "sign_up_form"
	SourceOperator       Source = "operator"
	SourceImport         Source = "import"
	SourceOneClick       Source = "one_click" // RFC 8058
	SourceMailto         Source = "mailto"    // RFC 2369
	SourceSMSKeyword     Source = "sms_keyword"
	SourceComplaint      Source = "complaint" // RFC 5965, or the button of a contact page
	SourceMerge          Source = "merge"     // two contacts became one
	SourceSystem         Source = "system"
)

// Sources lists every source.
func Sources() []Source {
	return []Source{
		SourceAPI, SourcePreferencePage, SourceConfirmLink, SourceSignUpForm, SourceOperator, SourceImport, SourceOneClick,
		SourceMailto, SourceSMSKeyword, SourceComplaint, SourceMerge, SourceSystem,
	}
}

// ProofKind is what shows that a ledger entry is true.
type ProofKind string

// The kinds of proof: a closed list.
const (
	ProofNone         ProofKind = ""              // the entry's source alone
	ProofDoubleOptIn  ProofKind = "double_opt_in" // ProofRef is the entry of the request that was confirmed
	ProofOneTimeCode  ProofKind = "one_time_code" // ProofRef is the id of the confirmation whose code was typed
	ProofSignedForm   ProofKind = "signed_form"   // ProofRef is the SHA-256 of the form, in hexadecimal
	ProofOperatorNote ProofKind = "operator_note" // the note stands beside the chain; Commitment ties it to the entry
	ProofRenewalLink  ProofKind = "renewal_link"  // ProofRef is the message that asked and whose link was followed
	ProofLink         ProofKind = "personal_link" // ProofRef is the message whose link was followed; enough to withdraw, never to grant
)

// ProofKinds lists every kind of proof.
func ProofKinds() []ProofKind {
	return []ProofKind{ProofNone, ProofDoubleOptIn, ProofOneTimeCode, ProofSignedForm, ProofOperatorNote, ProofRenewalLink, ProofLink}
}

// ActorKind is what kind of somebody acted.
type ActorKind string

// The kinds of actors.
const (
	ActorContact ActorKind = "contact"
	ActorMember  ActorKind = "member"
	ActorAPIKey  ActorKind = "api_key"
	ActorSystem  ActorKind = "system"
)

// Head is the end of the chain: the last entry's number and hash. The zero Head is an empty ledger.
type Head struct {
	Seq  int64
	Hash string
}

// Chain appends the event after prev: it returns the event with Seq, PrevHash, Hash set and its times in UTC, cut to the
// microseconds that every database keeps, and the new head. The caller holds the chain's head locked meanwhile.
func Chain(prev Head, e Event) (Event, Head) {
	e.Seq = prev.Seq + 1
	e.PrevHash = prev.Hash
	e.At = e.At.UTC().Truncate(time.Microsecond)
	if e.RecordedAt.IsZero() || e.RecordedAt.Before(e.At) {
		e.RecordedAt = e.At
	}
	e.RecordedAt = e.RecordedAt.UTC().Truncate(time.Microsecond)
	if !e.ValidUntil.IsZero() {
		e.ValidUntil = e.ValidUntil.UTC().Truncate(time.Microsecond)
	}
	e.Hash = hashV2(e)
	return e, Head{Seq: e.Seq, Hash: e.Hash}
}

// The domains of the hashes: no input of one can be an input of another. A new encoding gets a new version here and in
// the hash's prefix, and the old one stays for old entries.
const (
	eventDomainV1    = "elshi consent event v1"
	eventDomainV2    = "elshi consent event v2"
	commitmentDomain = "elshi consent commitment v1"
	prefixV1         = "v1:"
	prefixV2         = "v2:"
)

// hashTime is a time in UTC with exactly six decimals.
const hashTime = "2006-01-02T15:04:05.000000Z"

// sound says whether an entry's hash is the one of its fields, in the encoding that the hash names.
func sound(e Event) bool {
	switch {
	case strings.HasPrefix(e.Hash, prefixV2):
		return e.Hash == hashV2(e)
	case strings.HasPrefix(e.Hash, prefixV1):
		later := e.TextVersion != 0 || e.Proof != "" || e.ProofRef != "" || !e.RecordedAt.IsZero()
		return !later && e.Hash == hashV1(e)
	}
	return false
}

// hashV2 returns "v2:" and the hexadecimal SHA-256 over the domain and then every field of the event but Hash, in the
// order below. Each, the domain too, is written as its length in bytes (4 bytes, big-endian) and its UTF-8 bytes: numbers
// in decimal, times as hashTime, the zero time as nothing.
func hashV2(e Event) string {
	return prefixV2 + digest(
		eventDomainV2,
		strconv.FormatInt(e.Seq, 10), string(e.ID), string(e.Kind), string(e.ContactID), string(e.AddressID),
		string(e.Scope), string(e.Purpose), string(e.Channel), string(e.Topic), string(e.Source),
		string(e.ActorKind), e.ActorID, string(e.Language), strconv.Itoa(e.TextVersion), e.TextHash, e.PolicyVersion,
		string(e.Proof), e.ProofRef, hashInstant(e.At), hashInstant(e.RecordedAt), hashInstant(e.ValidUntil), e.Commitment, e.PrevHash,
	)
}

// hashV1 is the same over the fields that entries had at first, with "v1:".
func hashV1(e Event) string {
	return prefixV1 + digest(
		eventDomainV1,
		strconv.FormatInt(e.Seq, 10), string(e.ID), string(e.Kind), string(e.ContactID), string(e.AddressID),
		string(e.Scope), string(e.Purpose), string(e.Channel), string(e.Topic), string(e.Source),
		string(e.ActorKind), e.ActorID, string(e.Language), e.TextHash, e.PolicyVersion,
		hashInstant(e.At), hashInstant(e.ValidUntil), e.Commitment, e.PrevHash,
	)
}

func hashInstant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(hashTime)
}

// Commit returns the commitment to a personal value (an IP address, the text a person typed): "v1:" and the hexadecimal
// SHA-256 over a domain, the salt and the value, each with its length. The salt is at least 16 random bytes, its own for
// each value, and is kept with the value: when both are erased the commitment says nothing about anybody.
func Commit(salt []byte, value string) string {
	return prefixV1 + digest(commitmentDomain, string(salt), value)
}

func digest(fields ...string) string {
	var input []byte
	for _, f := range fields {
		input = binary.BigEndian.AppendUint32(input, uint32(len(f))) //nolint:gosec // no field comes near 4 GiB
		input = append(input, f...)
	}
	sum := sha256.Sum256(input)
	return hex.EncodeToString(sum[:])
}
