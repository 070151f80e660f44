package consent

import (
	"time"

	"github.com/orleu/elshi/vocab"
)

// Verdict is the answer to "may this message go to this person now?".
type Verdict string

// The three verdicts. The zero Verdict is not Allow.
const (
	Allow Verdict = "allow"
	Hold  Verdict = "hold" // not now; ask again at Decision.Until
	Deny  Verdict = "deny"
)

// Decision is the answer with its reasons and what it rests on. It is stored with every message.
type Decision struct {
	Verdict Verdict
	Reason  Reason   // the primary reason; OK if Verdict is Allow
	All     []Reason // every failing reason in the fixed order; empty if Verdict is Allow
	Until   time.Time
	Basis   Basis
	Earlier []vocab.MessageID // the messages that fill the frequency cap, if that is among the reasons
	At      time.Time         // the clock the decision was made by
}

// Basis is the ground a message stands on.
type Basis struct {
	Kind BasisKind
	// Event is the grant's, for BasisGrant. Of a message that is denied for what the contact said, or did not say in time, it is the event
	// that led there; empty if there was none.
	Event vocab.ConsentEventID
}

// BasisKind is the kind of legal ground.
type BasisKind string

// The grounds. A denied message has none.
const (
	BasisNone       BasisKind = ""
	BasisGrant      BasisKind = "consent"          // the contact's grant for this purpose
	BasisRequest    BasisKind = "contact_request"  // the contact asked for it: a code, an answer
	BasisService    BasisKind = "service"          // a service in use, not opted out
	BasisObligation BasisKind = "legal_obligation" // the law obliges the organisation to tell
)
