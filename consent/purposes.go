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

// TopicInfo is one entry of the registry of topics: what a contact picks inside a purpose.
type TopicInfo struct {
	ID      vocab.Topic
	Purpose vocab.Purpose
	Names   map[vocab.Language]string
}

// Registry is the closed list of purposes. It does not change after NewRegistry and is safe for concurrent use.
type Registry struct {
	byID   map[vocab.Purpose]PurposeInfo
	topics []TopicInfo
}

// RegistryOptions are the settings of a Registry. The zero value is the purposes that ship.
type RegistryOptions struct {
	// Extra are the organisation's own purposes (policy clause 3.1 b10), partners' among them. NeedsGrant may be left out, and for
	// marketing ValidMonths and LegalBasis too.
	Extra []PurposeInfo
	// ValidMonths is how long a marketing grant lasts where its purpose does not say, in calendar months. Default DefaultValidMonths.
	ValidMonths int
	// Topics are what contacts pick inside purposes. Default none.
	Topics []TopicInfo
}

// NewRegistry returns the purposes that ship and the organisation's own. See Registered for the error.
func NewRegistry(extra ...PurposeInfo) (*Registry, error) {
	return Registered(RegistryOptions{Extra: extra})
}

// Registered returns the registry that the options describe. The error is an Invalid fault that names every problem, with pointers such
// as "/1/id" into Extra and "/topics/0/id".
func Registered(o RegistryOptions) (*Registry, error) {
	if o.ValidMonths <= 0 {
		o.ValidMonths = DefaultValidMonths
	}
	r := &Registry{byID: map[vocab.Purpose]PurposeInfo{}}
	for _, p := range shipped() {
		r.byID[p.ID] = completed(p, o.ValidMonths)
	}
	var wrong []fault.Field
	for i, p := range o.Extra {
		problems := checkPurpose(p)
		if _, taken := r.byID[p.ID]; taken {
			problems = append(problems, fault.Field{Pointer: "/id", Code: "duplicate", Detail: "the purpose is already registered"})
		}
		for _, problem := range problems {
			problem.Pointer = "/" + strconv.Itoa(i) + problem.Pointer
			wrong = append(wrong, problem)
		}
		if len(problems) == 0 {
			r.byID[p.ID] = completed(p, o.ValidMonths)
		}
	}
	wrong = append(wrong, r.addTopics(o.Topics)...)
	if len(wrong) > 0 {
		return nil, fault.InvalidFields(wrong...)
	}
	return r, nil
}

// addTopics adds topics of purposes that are registered already.
func (r *Registry) addTopics(topics []TopicInfo) (wrong []fault.Field) {
	type key struct {
		purpose vocab.Purpose
		topic   vocab.Topic
	}
	taken := map[key]bool{}
	for i, t := range topics {
		refuse := func(pointer, code, detail string) {
			wrong = append(wrong, fault.Field{Pointer: "/topics/" + strconv.Itoa(i) + pointer, Code: code, Detail: detail})
		}
		if !plainID.MatchString(string(t.ID)) || t.ID == "" {
			refuse("/id", "format", "want letters, digits and _ . : - only, at most 128")
		}
		if p, known := r.byID[t.Purpose]; !known || !p.NeedsGrant {
			refuse("/purpose", "purpose_unregistered", "want a purpose that needs a grant")
		}
		if taken[key{t.Purpose, t.ID}] {
			refuse("/id", "duplicate", "the purpose already has this topic")
		}
		taken[key{t.Purpose, t.ID}] = true
		for _, lang := range vocab.Languages() {
			if strings.TrimSpace(t.Names[lang]) == "" {
				refuse("/names/"+string(lang), "required", "want a name in kk, ru and en")
			}
		}
	}
	r.topics = slices.Clone(topics)
	return wrong
}

// Topics returns the topics of a purpose in the order they were registered in. The slice is the caller's.
func (r *Registry) Topics(purpose vocab.Purpose) []TopicInfo {
	var mine []TopicInfo
	for _, t := range r.topics {
		if t.Purpose == purpose {
			mine = append(mine, t)
		}
	}
	return mine
}

// TopicName returns the name of a topic in the language; the id of one that is not registered.
func (r *Registry) TopicName(purpose vocab.Purpose, topic vocab.Topic, lang vocab.Language) string {
	for _, t := range r.topics {
		if t.Purpose == purpose && t.ID == topic && t.Names[lang] != "" {
			return t.Names[lang]
		}
	}
	return string(topic)
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

func completed(p PurposeInfo, validMonths int) PurposeInfo {
	p.NeedsGrant = p.Class == vocab.Marketing
	if p.NeedsGrant && p.ValidMonths == 0 {
		p.ValidMonths = validMonths
	}
	if p.LegalBasis == "" {
		p.LegalBasis = legalBases[p.Class]
	}
	return p
}
