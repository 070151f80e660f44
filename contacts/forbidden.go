package contacts

import (
	"regexp"
	"strings"
	"time"
	"unicode"
)

// forbiddenKeys are names under which organisations keep what the privacy policy (clause 2.2) wants refused: the identity
// number (IIN, ИИН, ЖСН), document numbers and home addresses. Letters and digits in lower case, without separators.
var forbiddenKeys = map[string]bool{
	"iin": true, "иин": true, "жсн": true, "jsn": true, "zhsn": true, "identitynumber": true, "individualid": true, "nationalid": true,
	"passport": true, "passportnumber": true, "passportno": true, "паспорт": true, "номерпаспорта": true,
	"document": true, "documentnumber": true, "documentno": true, "docnumber": true, "idcard": true, "idcardnumber": true,
	"удостоверение": true, "номерудостоверения": true, "номердокумента": true, "құжатнөмірі": true, "жекекуәлік": true,
	"homeaddress": true, "residentialaddress": true, "домашнийадрес": true, "адреспроживания": true, "үймекенжайы": true,
}

// IsForbiddenKey says whether an attribute or an import column has a name under which an identity number, a document number or
// a home address is kept; spaces, case and punctuation do not matter.
func IsForbiddenKey(name string) bool {
	return forbiddenKeys[strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)]
}

var digitRuns = regexp.MustCompile(`[0-9]+`)

// ContainsIIN says whether a text has a Kazakh individual identity number: twelve digits in a row, a birth date YYMMDD, a
// century and sex digit from 0 to 6, and a check digit that fits. About one twelve-digit number in 430 fits by chance, so whoever
// refuses must leave another way.
func ContainsIIN(text string) bool {
	for _, run := range digitRuns.FindAllString(text, -1) {
		if len(run) == 12 && isIIN(run) {
			return true
		}
	}
	return false
}

func isIIN(digits string) bool {
	if digits[6] > '6' {
		return false
	}
	if _, err := time.Parse("060102", digits[:6]); err != nil {
		return false
	}
	// The second row of weights is for the one case in eleven in which the first gives 10.
	for _, weights := range [][11]int{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2}} {
		sum := 0
		for i, w := range weights {
			sum += w * int(digits[i]-'0')
		}
		if rest := sum % 11; rest < 10 {
			return rest == int(digits[11]-'0')
		}
	}
	return false
}
