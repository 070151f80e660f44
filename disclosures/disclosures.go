// Package disclosures decides when a contact's data may be given to an authority (policy clause 4.2): who asked and on what ground, whose
// data and which parts, two approvals of others than the author, and one export that only the recipient can read. It collects no data.
package disclosures

import (
	"slices"
	"time"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/members"
	"github.com/orleu/elshi/vocab"
)

// State is where a disclosure is in its life.
type State string

// The states: draft → first_approval → approved → exported; refused ends all but exported.
const (
	Draft         State = "draft"
	FirstApproval State = "first_approval"
	Approved      State = "approved"
	Exported      State = "exported"
	Refused       State = "refused"
)

// States lists every state.
func States() []State { return []State{Draft, FirstApproval, Approved, Exported, Refused} }

// Part is a part of what is known about a contact.
type Part string

// The parts: a closed list.
const (
	Identity Part = "identity" // name, language, attributes, addresses
	Consents Part = "consents" // grants, and the events of the consent ledger
	Messages Part = "messages" // what was sent, with the decision of each; not the texts
	Timeline Part = "timeline" // messages and consent events in one list
)

// Parts lists every part.
func Parts() []Part { return []Part{Identity, Consents, Messages, Timeline} }

// MaxContacts is how many contacts one disclosure may be about: there is no door for more at once.
const MaxContacts = 10

// Disclosure is one entry of the register. It is never deleted.
type Disclosure struct {
	ID          vocab.DisclosureID
	State       State
	Body        string // who asks
	BIN         string // its business identification number; empty if it has none
	Ground      string // the rule of law
	Reference   string // the number of the request
	RequestedOn string // its date, YYYY-MM-DD
	Contacts    []vocab.ContactID
	Parts       []Part
	Recipient   string // the age public key (age1…) that alone can open the export

	DraftedBy  vocab.MemberID
	DraftedAt  time.Time
	First      Approval
	Second     Approval
	RefusedBy  vocab.MemberID
	RefusedAt  time.Time
	Refusal    string // why it was refused
	ExportedBy vocab.MemberID
	ExportedAt time.Time
	PlainHash  string // SHA-256 of the document, hex
	SealedHash string // SHA-256 of what was handed out, hex
}

// Approval is one member's yes.
type Approval struct {
	By vocab.MemberID
	At time.Time
}

// Approvers are the roles that may approve and refuse.
func Approvers() []members.Role { return []members.Role{members.Legal, members.Approver} }

// Approve returns the disclosure with one approval more. The errors are fault.Forbidden for who may not approve this one and
// fault.Conflict for a state that waits for no approval.
func (d Disclosure) Approve(by members.Member, at time.Time) (Disclosure, error) {
	if !by.Active() || !by.HasAny(Approvers()...) {
		return d, forbidden("approver_role_needed", "an approval is given by a member with the role "+members.Names(Approvers()))
	}
	switch {
	case by.ID == d.DraftedBy:
		return d, forbidden("own_draft", "whoever drafted a disclosure cannot approve it")
	case by.ID == d.First.By && d.State == FirstApproval:
		return d, forbidden("approved_before", "the second approval is another member's")
	}
	switch d.State {
	case Draft:
		d.State, d.First = FirstApproval, Approval{by.ID, at}
	case FirstApproval:
		d.State, d.Second = Approved, Approval{by.ID, at}
	case Approved, Exported, Refused:
		return d, conflict(d.State, "only a draft, or one with a single approval, can be approved")
	}
	return d, nil
}

// Refuse returns the disclosure refused for good. The errors are like those of Approve; the author may take it back too.
func (d Disclosure) Refuse(by members.Member, why string, at time.Time) (Disclosure, error) {
	if !by.Active() || !by.HasAny(Approvers()...) {
		return d, forbidden("approver_role_needed", "a disclosure is refused by a member with the role "+members.Names(Approvers()))
	}
	switch d.State {
	case Draft, FirstApproval, Approved:
		d.State, d.RefusedBy, d.RefusedAt, d.Refusal = Refused, by.ID, at, why
	case Exported, Refused:
		return d, conflict(d.State, "it has ended")
	}
	return d, nil
}

// Export returns the disclosure as handed out. The error is fault.Conflict unless it was approved twice and never exported.
func (d Disclosure) Export(by members.Member, s Sealed, at time.Time) (Disclosure, error) {
	if err := d.Exportable(); err != nil {
		return d, err
	}
	d.State, d.ExportedBy, d.ExportedAt, d.PlainHash, d.SealedHash = Exported, by.ID, at, s.PlainHash, s.SealedHash
	return d, nil
}

// Exportable says whether the disclosure may be exported now; see Export.
func (d Disclosure) Exportable() error {
	twice := d.First.By != "" && d.Second.By != "" && d.First.By != d.Second.By && d.First.By != d.DraftedBy && d.Second.By != d.DraftedBy
	if d.State != Approved || !twice {
		return conflict(d.State, "an export is made once, after two approvals")
	}
	return nil
}

// Covers says whether a part is in the scope.
func (d Disclosure) Covers(p Part) bool { return slices.Contains(d.Parts, p) }

func forbidden(code, detail string) error {
	return &fault.Error{Kind: fault.Forbidden, Code: code, Detail: detail}
}

func conflict(is State, detail string) error {
	return &fault.Error{Kind: fault.Conflict, Code: "disclosure_state", Detail: "the disclosure is " + string(is) + ": " + detail}
}

// Filter narrows a list of disclosures; empty fields do not.
type Filter struct {
	ContactID vocab.ContactID
	State     State
	After     vocab.DisclosureID
	Limit     int
}
