package consent

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// inText returns the kinds of identifiers in a text, as it is written and as it looks: folding may also put a footnote's
// digit next to a number.
func inText(s string) (kinds []Identifier) {
	kinds = inForm(s)
	if looks := fold(s); looks != s {
		kinds = append(kinds, inForm(looks)...)
	}
	return kinds
}

func inForm(s string) (kinds []Identifier) {
	longest, total := countDigits(s)
	if longest >= 11 && holdsIIN(s) || total >= 12 && holdsGroupedIIN(s) {
		kinds = append(kinds, IdentifierIIN)
	}
	if longest >= 7 && holdsDocument(s) {
		kinds = append(kinds, IdentifierDocument)
	}
	if strings.Contains(s, "{{") || strings.Contains(s, "{%") {
		for _, tag := range mergeTag.FindAllString(s, -1) {
			if kind, forbidden := nameAsks(tag); forbidden {
				kinds = append(kinds, kind)
			}
		}
	}
	return kinds
}

// mergeTag is a place where a template puts data.
var mergeTag = regexp.MustCompile(`(?s)\{\{.*?\}\}|\{%.*?%\}`)

// countDigits is the length of the longest run of ASCII digits and how many there are: most texts have too few to be
// worth a second look.
func countDigits(s string) (longest, total int) {
	run := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			run = 0
			continue
		}
		run++
		total++
		longest = max(longest, run)
	}
	return longest, total
}

// holdsIIN looks for a run of exactly twelve digits, and for eleven digits that are the whole text: a spreadsheet drops
// the leading zero. No Kazakh or Russian phone number passes for such an IIN, for its second digit makes the month 70 or more.
func holdsIIN(s string) bool {
	if alone := strings.TrimSpace(s); len(alone) == 11 {
		longest, _ := countDigits(alone)
		return longest == 11 && isIIN("0"+alone)
	}
	return holdsRun(s, "+") // a number after a plus is a phone number
}

// holdsRun looks for an IIN of exactly twelve digits in a row that does not stand right after one of these characters.
func holdsRun(s, notAfter string) bool {
	for start := 0; start < len(s); start++ {
		if s[start] < '0' || s[start] > '9' {
			continue
		}
		end := start
		for end < len(s) && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		after := start > 0 && strings.IndexByte(notAfter, s[start-1]) >= 0
		if end-start == 12 && !after && isIIN(s[start:end]) {
			return true
		}
		start = end
	}
	return false
}

// grouping is a way to write a number in groups. The groups are taken as far as they go, so that a part of a bank card's or
// a phone's number is not taken for a whole.
type grouping struct {
	least int    // digits of a group
	gaps  string // characters that stand between groups
	wide  int    // how many of them may
	// narrow groups have the same gap between all of them, and one begins after the birth date ("90-01-01-301233"): else one
	// in eleven periods ("05.02-16.02.2026") and numbers that begin with a date ("23-11-2026-0012") would pass.
	narrow bool
}

var groupings = []grouping{
	{least: 3, gaps: " -", wide: 1}, // by itself, because the next one may run on into a neighbour ("125/900101 301233")
	{least: 3, gaps: " \r\n._/-", wide: 3},
	{least: 1, gaps: " ._/-", wide: 1, narrow: true},
}

func holdsGroupedIIN(s string) bool {
	return slices.ContainsFunc(groupings, func(g grouping) bool { return g.holdsIIN(s) })
}

func (g grouping) holdsIIN(s string) bool {
	for at := 0; at < len(s); {
		run := lengthOf(s[at:], "0123456789")
		if run == 0 || run < g.least {
			at += max(run, 1)
			continue
		}
		phone := at > 0 && s[at-1] == '+'
		number, end, parted, gap := s[at:at+run], at+run, run == 6, ""
		at = end
		for {
			apart := lengthOf(s[end:], g.gaps)
			run = lengthOf(s[end+apart:], "0123456789")
			if apart == 0 || apart > g.wide || run < g.least {
				at = end
				break
			}
			if between := s[end : end+apart]; g.narrow && gap != "" && gap != between {
				break // the last group may begin another number
			} else {
				gap = between
			}
			at = end + apart
			end = at + run
			if len(number) <= 12 { // a longer one is none, however long
				number += s[at:end]
			}
			parted = parted || len(number) == 6
		}
		if !phone && len(number) == 12 && (!g.narrow || parted) && isIIN(number) {
			return true
		}
	}
	return false
}

// lengthOf is how many characters of a kind a text begins with.
func lengthOf(s, kind string) int {
	return len(s) - len(strings.TrimLeft(s, kind))
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// inLocalPart says whether the part of an email address before the @ is an IIN in groups or holds one whole. Shorter
// look-alikes pass: people have phone numbers, years and birthdays in their addresses.
func inLocalPart(local string) bool {
	for _, s := range [...]string{local, fold(local)} {
		digits := onlyDigits(s)
		if holdsRun(s, "") || strings.Trim(s, "0123456789._-/+") == "" && len(digits) == 12 && isIIN(digits) {
			return true
		}
	}
	return false
}

// isIIN says whether twelve digits are an IIN: YYMMDD, a digit for century and sex (0 to 6; 0 is a foreigner), four of a
// serial number and a check digit. In the BIN of an organisation the fifth digit is 4, 5 or 6, where an IIN has the tens
// of a day: a BIN never passes.
func isIIN(s string) bool {
	var d [12]int
	for i := range d {
		d[i] = int(s[i] - '0')
	}
	year, month, day := d[0]*10+d[1], d[2]*10+d[3], d[4]*10+d[5]
	switch d[6] {
	case 0: // the century is not told; 2000 is the one with every leap day
		year += 2000
	case 1, 2:
		year += 1800
	case 3, 4:
		year += 1900
	case 5, 6:
		year += 2000
	default:
		return false
	}
	born := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if int(born.Month()) != month || born.Day() != day {
		return false
	}
	return d[11] == checkDigit(d)
}

// checkDigit weighs the first eleven digits by 1 to 11 modulo 11; if that gives 10, by 3 to 11, 1, 2. If that gives 10
// again there is no such IIN, and no digit equals 10.
func checkDigit(d [12]int) int {
	sum := func(shift int) (total int) {
		for i := range 11 {
			total += d[i] * ((i+shift)%11 + 1)
		}
		return total % 11
	}
	if first := sum(0); first != 10 {
		return first
	}
	return sum(2)
}

// The words that make a number a document's, in what a person writes before it, and the number itself. Between them are
// at most 40 characters without a digit or an end of sentence: "№", "нөмірі:", "личности гражданина РК".
var (
	cardNumber = regexp.MustCompile(`(?i)(удостоверени\p{L}*|жеке\s+куәлі\p{L}*|\b(?:id|identity)[\s-]+card)([^\d;!?\n]{0,40})\d{9}(?:\D|$)`)
	passport   = regexp.MustCompile(`(?i)(?:passport|паспорт|төлқұжат)[^\d;!?\n]{0,40}\d{7,9}(?:\D|$)`)
)

// documentWords are in every text that passport and cardNumber match: looking for them is cheap, and most texts have none.
var documentWords = []string{"passport", "паспорт", "төлқұжат", "удостоверени", "куәлі", "card"}

func holdsDocument(s string) bool {
	lower := strings.ToLower(s)
	if !slices.ContainsFunc(documentWords, func(word string) bool { return strings.Contains(lower, word) }) {
		return false
	}
	if passport.MatchString(s) {
		return true
	}
	for _, match := range cardNumber.FindAllStringSubmatch(s, -1) {
		about := strings.TrimSpace(strings.ToLower(match[2])) + " "
		// "Удостоверение о повышении квалификации" is a certificate, and its number identifies a course.
		if !strings.HasPrefix(about, "о ") && !strings.HasPrefix(about, "об ") {
			return true
		}
	}
	return false
}
