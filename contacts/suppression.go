package contacts

import (
	"strings"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// OriginKind is what kind of somebody or something made a suppression.
type OriginKind string

// The kinds of origins: a closed list.
const (
	OriginMember         OriginKind = "member"
	OriginAPIKey         OriginKind = "api_key"
	OriginProviderReport OriginKind = "provider_report" // a bounce, at hand-over or later
	OriginKeyword        OriginKind = "keyword"         // a text such as STOP
	OriginComplaint      OriginKind = "complaint"       // a feedback report
	OriginErasure        OriginKind = "erasure"
	OriginImport         OriginKind = "import"
	OriginContact        OriginKind = "contact" // a page or link of ours
	OriginSystem         OriginKind = "system"
)

// Kind says what kind of origin made the suppression, from its id or name.
func (x Suppression) Kind() OriginKind {
	switch prefix, _, _ := strings.Cut(x.Origin, "_"); prefix {
	case vocab.APIKeyPrefix:
		return OriginAPIKey
	case "mem":
		return OriginMember
	}
	switch x.Origin {
	case "bounce":
		return OriginProviderReport
	case "sms_keyword":
		return OriginKeyword
	case "complaint":
		return OriginComplaint
	case "erasure":
		return OriginErasure
	case "import":
		return OriginImport
	case "preference_page", "one_click", "mailto":
		return OriginContact
	}
	return OriginSystem
}

// Lift says who ends a suppression and why.
type Lift struct {
	By     string               // the id of a member or key
	Reason string               // for people; no personal data
	Event  vocab.ConsentEventID // an entry of the consent ledger that shows it; see Check
}

// Check says whether a suppression of the reason may be lifted so. What an operator made they may lift; what the address or the person
// said needs a reason that is kept; and who was erased is written to again only by a fresh act of their own, which the ledger shows with
// its proof: no import and no operator speaks for them. The error is fault.Invalid.
func (l Lift) Check(reason SuppressionReason) error {
	switch reason {
	case Manual:
		return nil
	case HardBounce, Complaint, ChannelStop:
		if strings.TrimSpace(l.Reason) == "" {
			return fault.InvalidField("/reason", "required", "say why the address may be written to again, for example that its owner asked by phone")
		}
		return nil
	case ErasedContact:
		if l.Event == "" {
			return fault.InvalidField("/consent_event_id", "required",
				"only a new consent of the person's own, with its proof, lifts this; name its entry of the consent ledger")
		}
		return nil
	}
	return fault.InvalidField("/reason", "unknown", "nobody knows what this suppression is for")
}
