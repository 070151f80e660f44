// Package templates decides what a message says: it parses, compiles and renders authored texts. It never sends, knows no
// store, and would rather make no message than one with a hole in it.
//
// The language is Liquid with a closed list of tags and filters (docs of Validate), and three promises on top of it: a
// missing variable is an error that names it, every output is escaped for the place it stands in, and rendering ends.
package templates

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
	"strings"

	"github.com/orleu/elshi/vocab"
)

// Variant is one text of a version: one language on one channel. All texts are Liquid source.
type Variant struct {
	Language  vocab.Language
	Channel   vocab.Channel
	Subject   string // email: required, one line
	Preheader string // email: the line a mailbox shows after the subject; HTML reads it as message.preheader
	HTML      string // email: a whole document; required
	Text      string // email: the text part; empty: derived from the rendered HTML
	SMS       string // SMS: required
	Approved  bool   // somebody who may has read this text; deciding what that means is up to package consent
}

// Version is one immutable version of a template.
type Version struct {
	ID       vocab.TemplateVersionID
	Template string         // slug, for example "event-invitation"
	Number   int            // 1, 2, 3 …
	Purpose  vocab.Purpose  // suggested to whoever sends; may be empty
	Sample   map[string]any // sample of the caller's data; the entry "by_language" holds what differs, per language
	Calendar string         // name of the entry of data that becomes an .ics (RFC 5545); empty: none
	Variants []Variant
	Hash     string // ContentHash when the version was made
}

// ContentHash returns the hex SHA-256 of what recipients could read: template, purpose, calendar and every text, each
// with its length before it so that no two versions share an encoding. Id, number, sample and approval do not count, and
// neither does the order of variants.
func (v Version) ContentHash() string {
	variants := slices.Clone(v.Variants)
	slices.SortStableFunc(variants, func(a, b Variant) int {
		return strings.Compare(string(a.Channel)+" "+string(a.Language), string(b.Channel)+" "+string(b.Language))
	})
	sum := sha256.New()
	writeCounted(sum, "elshi-template-1", v.Template, string(v.Purpose), v.Calendar)
	for _, w := range variants {
		writeCounted(sum, string(w.Channel), string(w.Language), w.Subject, w.Preheader, w.HTML, w.Text, w.SMS)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func writeCounted(sum hash.Hash, texts ...string) {
	for _, text := range texts {
		sum.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
		sum.Write([]byte(text))
	}
}

// Pick returns the variant for a channel in the language asked for, else in the first of kk, ru, en that exists, else false.
// Languages are compared as BCP 47 (RFC 5646) tags: an exact tag wins, then "ru-KZ" and "ru" stand for each other.
func Pick(v Version, channel vocab.Channel, lang vocab.Language) (Variant, bool) {
	i := pick(v.Variants, channel, lang)
	if i < 0 {
		return Variant{}, false
	}
	return v.Variants[i], true
}

func pick(variants []Variant, channel vocab.Channel, lang vocab.Language) int {
	for i := range variants {
		if w := &variants[i]; w.Channel == channel && strings.EqualFold(string(w.Language), string(lang)) {
			return i
		}
	}
	for _, want := range append([]vocab.Language{lang}, vocab.Languages()...) {
		sameBase := func(w Variant) bool { return w.Channel == channel && base(w.Language) == base(want) }
		if i := slices.IndexFunc(variants, sameBase); i >= 0 {
			return i
		}
	}
	return -1
}

// base is the primary language of a tag: "ru" of "ru-KZ".
func base(lang vocab.Language) string {
	primary, _, _ := strings.Cut(string(lang), "-")
	return strings.ToLower(primary)
}

// SampleVars returns a complete set of variables for a preview in a language: the version's sample as data, with what its
// "by_language" entry says laid over it, and invented reserved variables. None of it belongs to a real person.
func (v Version) SampleVars(lang vocab.Language) map[string]any {
	data := maps.Clone(v.Sample)
	if data == nil {
		data = map[string]any{}
	}
	if byLanguage, ok := data["by_language"].(map[string]any); ok {
		if over, ok := byLanguage[base(lang)].(map[string]any); ok {
			overlay(data, over)
		}
	}
	delete(data, "by_language")
	who, known := samplePeople[base(lang)]
	if !known {
		who = samplePeople[string(vocab.English)]
	}
	return map[string]any{
		"data":    data,
		"contact": map[string]any{"name": who.name, "language": string(lang)},
		"org":     map[string]any{"name": who.org, "short_name": who.short, "address": who.address, "url": "https://orleu.example"},
		"links": map[string]any{
			"unsubscribe": "https://orleu.example/u/k7f3q9", "preferences": "https://orleu.example/p/k7f3q9",
			"why":  "https://orleu.example/w/k7f3q9",
			"keep": "https://orleu.example/n/k7f3q9",
		},
		"message": map[string]any{"id": "msg_06gywnjy01xbs0938nkrkaydxw", "purpose": string(v.Purpose)},
	}
}

// overlay lays over on base, into nested maps, without writing to maps that the sample still owns.
func overlay(base, over map[string]any) {
	for key, value := range over {
		inner, isMap := value.(map[string]any)
		under, wasMap := base[key].(map[string]any)
		if !isMap || !wasMap {
			base[key] = value
			continue
		}
		under = maps.Clone(under)
		overlay(under, inner)
		base[key] = under
	}
}

var samplePeople = map[string]struct{ name, org, short, address string }{
	"kk": {"Айгүл Сәрсенова", "«Өрлеу» біліктілікті арттыру ұлттық орталығы", "Өрлеу", "Астана қ., Бейбітшілік к-сі, 1"},
	"ru": {"Айгуль Сарсенова", "Национальный центр повышения квалификации «Өрлеу»", "Өрлеу", "г. Астана, ул. Бейбитшилик, 1"},
	"en": {"Aigul Sarsenova", "National Center for Professional Development “Orleu”", "Orleu", "1 Beibitshilik St, Astana"},
}
