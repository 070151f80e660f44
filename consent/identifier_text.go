package consent

import (
	"regexp"
	"strings"
	"time"
)

// inText returns the kinds of identifiers in a text.
func inText(s string) (kinds []Identifier) {
	longest, total := countDigits(s)
	if longest >= 11 && holdsIIN(s) || longest >= 3 && total >= 12 && holdsGroupedIIN(s) {
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
	for start := 0; start < len(s); start++ {
		if s[start] < '0' || s[start] > '9' {
			continue
		}
		end := start
		for end < len(s) && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		afterPlus := start > 0 && s[start-1] == '+' // a phone number
		if end-start == 12 && !afterPlus && isIIN(s[start:end]) {
			return true
		}
		start = end
	}
	return false
}

// grouped finds numbers that are written in groups of three digits or more. The groups are taken as far as they go, so
// that a part of a bank card's or a phone's number is not taken for a whole.
var grouped = regexp.MustCompile(`\+?\d{3,}(?:[ \x{00a0}\x{202f}-]\d{3,})+`)

func holdsGroupedIIN(s string) bool {
	for _, number := range grouped.FindAllString(s, -1) {
		if strings.HasPrefix(number, "+") {
			continue
		}
		digits := strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, number)
		if len(digits) == 12 && isIIN(digits) {
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

func holdsDocument(s string) bool {
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
