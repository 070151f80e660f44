package consent

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// DefaultValidMonths is how long a marketing grant lasts unless its purpose says otherwise, in calendar months.
const DefaultValidMonths = 24

// partnerPrefix begins the purposes on behalf of one named partner: "partner.<id>".
const partnerPrefix = "partner."

// PurposeInfo is one entry of the registry of purposes. Its class is fixed once it is registered.
type PurposeInfo struct {
	ID          vocab.Purpose
	Class       vocab.Class
	Clause      string // of the organisation's privacy policy, for example "3.1 b7"
	LegalBasis  string // one phrase for people; the ground of a decision is a BasisKind and follows from the class
	NeedsGrant  bool   // true for every marketing purpose and no other: the class decides
	Names       map[vocab.Language]string
	ValidMonths int // how long a grant lasts, in calendar months; 0 where no grant is needed
}

// ValidUntil returns when a grant given at the instant ends, exclusive, in UTC; the zero time if the purpose needs no
// grant. Where the last month is too short it ends on that month's last day, to the contact's favour.
func (p PurposeInfo) ValidUntil(granted time.Time) time.Time {
	if p.ValidMonths <= 0 {
		return time.Time{}
	}
	granted = granted.UTC()
	until := granted.AddDate(0, p.ValidMonths, 0)
	if until.Day() != granted.Day() { // AddDate has run over into the next month
		until = until.AddDate(0, 0, -until.Day())
	}
	return until
}

// Registry is the closed list of purposes. It does not change after NewRegistry and is safe for concurrent use.
type Registry struct {
	byID map[vocab.Purpose]PurposeInfo
}

// NewRegistry returns the purposes that ship and the organisation's own (policy clause 3.1 b10), partners' among them.
// In an extra purpose NeedsGrant may be left out, and for marketing ValidMonths and LegalBasis too. The error is an
// Invalid fault that names every problem, with pointers such as "/1/id" into extra.
func NewRegistry(extra ...PurposeInfo) (*Registry, error) {
	r := &Registry{byID: map[vocab.Purpose]PurposeInfo{}}
	for _, p := range shipped() {
		r.byID[p.ID] = p
	}
	var wrong []fault.Field
	for i, p := range extra {
		problems := checkPurpose(p)
		if _, taken := r.byID[p.ID]; taken {
			problems = append(problems, fault.Field{Pointer: "/id", Code: "duplicate", Detail: "the purpose is already registered"})
		}
		for _, problem := range problems {
			problem.Pointer = "/" + strconv.Itoa(i) + problem.Pointer
			wrong = append(wrong, problem)
		}
		if len(problems) == 0 {
			r.byID[p.ID] = completed(p)
		}
	}
	if len(wrong) > 0 {
		return nil, fault.InvalidFields(wrong...)
	}
	return r, nil
}

// Lookup returns the purpose's entry, and false if there is none: then nothing may be sent for it.
func (r *Registry) Lookup(id vocab.Purpose) (PurposeInfo, bool) {
	p, found := r.byID[id]
	return p, found
}

// All returns every purpose, sorted by id. The slice is the caller's.
func (r *Registry) All() []PurposeInfo {
	all := make([]PurposeInfo, 0, len(r.byID))
	for _, p := range r.byID {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b PurposeInfo) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return all
}

// PartnerOf returns the id of the partner a purpose speaks for, and false if it speaks for none.
func PartnerOf(id vocab.Purpose) (string, bool) {
	return strings.CutPrefix(string(id), partnerPrefix)
}

var purposeID = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_-]*)+$`)

func checkPurpose(p PurposeInfo) (wrong []fault.Field) {
	refuse := func(pointer, code, detail string) {
		wrong = append(wrong, fault.Field{Pointer: pointer, Code: code, Detail: detail})
	}
	if !purposeID.MatchString(string(p.ID)) || len(p.ID) > 64 {
		refuse("/id", "format", `want lower-case words joined by dots, for example "partner.acme", at most 64 bytes`)
	}
	if isProcessingUse(p.ID) {
		refuse("/id", "processing_use", "this is a use of data and never a reason to write")
	}
	if !slices.Contains(vocab.Classes(), p.Class) {
		refuse("/class", "unknown", "want one of the six classes")
	}
	if _, partner := PartnerOf(p.ID); partner && p.Class != vocab.Marketing {
		refuse("/class", "partner_is_marketing", "what is sent on behalf of a partner is marketing")
	}
	// A flag that the gate would not look at must not be believed.
	if p.NeedsGrant && p.Class != vocab.Marketing {
		refuse("/needs_grant", "class_decides", "only marketing needs a grant of its own")
	}
	if p.ValidMonths < 0 || p.ValidMonths > 0 && p.Class != vocab.Marketing {
		refuse("/valid_months", "range", "want 1 or more calendar months for marketing, 0 for any other class")
	}
	for _, lang := range vocab.Languages() {
		if strings.TrimSpace(p.Names[lang]) == "" {
			refuse("/names/"+string(lang), "required", "want a name in kk, ru and en")
		}
	}
	return wrong
}

func completed(p PurposeInfo) PurposeInfo {
	p.NeedsGrant = p.Class == vocab.Marketing
	if p.NeedsGrant && p.ValidMonths == 0 {
		p.ValidMonths = DefaultValidMonths
	}
	if p.LegalBasis == "" {
		p.LegalBasis = legalBases[p.Class]
	}
	return p
}
