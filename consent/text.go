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

// Text is what a contact is shown beside the box: the words of one consent, for one purpose on one channel (none for a use of data), in kk,
// ru and en, with what article 8 of Kazakhstan's law on personal data asks a consent to contain. Once it is published it never changes.
type Text struct {
	ID            vocab.ConsentTextID
	Purpose       vocab.Purpose
	Channel       vocab.Channel
	Version       int    // of its purpose and channel: 1, 2, 3 …; 0 while it is a draft
	BIN           string // of the operator: 12 digits
	Variants      map[vocab.Language]TextVariant
	ThirdParties  *bool    // whether anybody else is given the data; nil: nobody has said
	CrossBorder   *bool    // whether the data leave the country
	Countries     []string // where to (ISO 3166-1 alpha-2); none unless CrossBorder
	OpenSources   *bool    // whether the data are published where everybody can see them
	PolicyVersion string   // of the privacy policy that the text goes with
	Material      bool     // it says something else than the version before it: who agreed to that one is asked again
	Reason        string   // why it is material, or what was changed
	CreatedAt     time.Time
	CreatedBy     string // the id of a key or a member; "system"
	PublishedAt   time.Time
	PublishedBy   string
}

// TextVariant is a consent text in one language: exactly the words that are shown.
type TextVariant struct {
	Title        string   `json:"title" doc:"Its title."`
	Statement    string   `json:"statement" doc:"What is agreed to, as it stands beside the box."`
	Operator     string   `json:"operator" doc:"The operator's name."`
	Data         []string `json:"data" nullable:"false" doc:"The data that are collected."`
	Uses         string   `json:"uses" doc:"What the data are used for."`
	Actions      []string `json:"actions" nullable:"false" doc:"What is done with the data."`
	Term         string   `json:"term" doc:"For how long the consent is good."`
	ThirdParties string   `json:"third_parties" doc:"To whom the data are given, or that they are given to nobody."`
	CrossBorder  string   `json:"cross_border" doc:"Whether and where they leave the country."`
	OpenSources  string   `json:"open_sources" doc:"Whether they are published where everybody can see them."`
	Withdrawal   string   `json:"withdrawal" doc:"How the consent is taken back."`
}

// Published says whether the text can be shown and agreed to.
func (t Text) Published() bool { return t.Version > 0 }

// Covers says whether who agreed to the text agreed to a transfer of the data abroad.
func (t Text) Covers() bool { return t.CrossBorder != nil && *t.CrossBorder }

// Limits of a text: it is read by people, and each of its versions is kept for ever.
const (
	maxWords   = 4000 // bytes of one field
	maxEntries = 40   // of a list
)

var (
	binShape     = regexp.MustCompile(`^[0-9]{12}$`)
	countryShape = regexp.MustCompile(`^[A-Z]{2}$`)
	versionShape = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,128}$`)
)

// CheckDraft says whether the text may be kept as a draft: what is there has the right shape, and nothing in its words is an identifier of
// policy clause 2.2. The operator's own BIN is none. The error is an Invalid fault that names every problem.
func (t Text) CheckDraft() error { return faultOf(t.malformed()) }

// CheckPublish says whether the text may be published: it is a sound draft and nothing is missing that the law, or whoever reads it, asks
// for, in each of kk, ru and en. The error is an Invalid fault that names everything that is missing at once, with pointers such as
// "/variants/kk/term".
func (t Text) CheckPublish() error {
	wrong := t.malformed()
	missing := func(absent bool, pointer, detail string) {
		if absent {
			wrong = append(wrong, fault.Field{Pointer: pointer, Code: "required", Detail: detail})
		}
	}
	missing(t.BIN == "", "/bin", "want the operator's business identification number: 12 digits")
	missing(t.ThirdParties == nil, "/third_parties", "say true or false: is the data given to anybody else")
	missing(t.CrossBorder == nil, "/covers_cross_border", "say true or false: does the data leave the country")
	missing(t.OpenSources == nil, "/open_sources", "say true or false: is the data published where everybody can see it")
	missing(t.Covers() && len(t.Countries) == 0, "/countries", "name the countries that the data goes to (ISO 3166-1 alpha-2)")
	missing(t.PolicyVersion == "", "/policy_version", "name the version of the privacy policy that the text goes with")
	missing(t.Material && strings.TrimSpace(t.Reason) == "", "/reason", "say why the change is material")
	for _, lang := range vocab.Languages() {
		variant, written := t.Variants[lang]
		at := "/variants/" + string(lang)
		if !written {
			missing(true, at, "want the text in kk, ru and en")
			continue
		}
		for _, part := range variant.parts() {
			empty := len(part.words) == 0 || slices.ContainsFunc(part.words, func(s string) bool { return strings.TrimSpace(s) == "" })
			missing(empty, at+"/"+part.name, part.want)
		}
	}
	return faultOf(wrong)
}

func faultOf(wrong []fault.Field) error {
	if len(wrong) == 0 {
		return nil
	}
	slices.SortStableFunc(wrong, func(a, b fault.Field) int { return strings.Compare(a.Pointer, b.Pointer) })
	return fault.InvalidFields(wrong...)
}

// malformed is what is wrong with what is there.
func (t Text) malformed() (wrong []fault.Field) {
	refuse := func(bad bool, pointer, code, detail string) {
		if bad {
			wrong = append(wrong, fault.Field{Pointer: pointer, Code: code, Detail: detail})
		}
	}
	refuse(t.BIN != "" && !binShape.MatchString(t.BIN), "/bin", "format", "want 12 digits")
	refuse(t.PolicyVersion != "" && !versionShape.MatchString(t.PolicyVersion), "/policy_version", "format", "want letters, digits and _ . : - only, at most 128")
	refuse(len(t.Reason) > maxWords, "/reason", "length", "want at most 4000 bytes")
	wrong = append(wrong, t.forbidden("/reason", t.Reason)...)
	refuse(len(t.Countries) > maxEntries, "/countries", "length", "want at most 40 entries")
	refuse(len(t.Countries) > 0 && t.CrossBorder != nil && !*t.CrossBorder, "/countries", "contradiction", "the text does not cover a transfer abroad")
	for i, c := range t.Countries {
		refuse(!countryShape.MatchString(c), "/countries/"+strconv.Itoa(i), "format", "want two capital letters (ISO 3166-1 alpha-2), for example DE")
	}
	for lang, variant := range t.Variants {
		at := "/variants/" + string(lang)
		if !slices.Contains(vocab.Languages(), lang) {
			refuse(true, "/variants", "language", "want kk, ru and en")
			continue
		}
		for _, part := range variant.parts() {
			refuse(len(part.words) > maxEntries, at+"/"+part.name, "length", "want at most 40 entries")
			for i, words := range part.words {
				pointer := at + "/" + part.name
				if part.list {
					pointer += "/" + strconv.Itoa(i)
				}
				refuse(len(words) > maxWords, pointer, "length", "want at most 4000 bytes")
				refuse(strings.ContainsRune(words, 0), pointer, "character", "the character U+0000 cannot be kept")
				wrong = append(wrong, t.forbidden(pointer, words)...)
			}
		}
	}
	return wrong
}

// forbidden looks for identifiers of people; the operator's own number stands in its texts by law.
func (t Text) forbidden(pointer, words string) []fault.Field {
	if t.BIN != "" {
		words = strings.ReplaceAll(words, t.BIN, "")
	}
	return RefuseForbidden(pointer, words)
}

// part is one field of a variant.
type part struct {
	name  string // in JSON
	words []string
	list  bool
	want  string // what it should say
}

// parts lists the fields in the order in which they are shown and hashed.
func (v TextVariant) parts() []part {
	one := func(name, words, want string) part { return part{name, []string{words}, false, want} }
	return []part{
		one("title", v.Title, "want a title"),
		one("statement", v.Statement, "want what is agreed to, as it stands beside the box"),
		one("operator", v.Operator, "want the operator's name (article 8)"),
		{"data", v.Data, true, "want the list of the data (article 8)"},
		one("uses", v.Uses, "want what the data are used for"),
		{"actions", v.Actions, true, "want what is done with the data"},
		one("term", v.Term, "want how long the consent is good for (article 8)"),
		one("third_parties", v.ThirdParties, "say to whom the data are given, or that it is nobody (article 8)"),
		one("cross_border", v.CrossBorder, "say where abroad the data go, or that they stay in the country (article 8)"),
		one("open_sources", v.OpenSources, "say what is published in open sources, or that it is nothing (article 8)"),
		one("withdrawal", v.Withdrawal, "want how the consent is taken back"),
	}
}
