package consent

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold writes a text as it looks to a reader, so that a number cannot be dressed up: compatibility forms become plain (NFKC),
// every script's digits 0 to 9, every blank a space, every dash a hyphen, every dot a full stop; what has no width, and marks over a digit, goes.
func fold(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r':
			return r // the end of a line ends a document number's words
		case unicode.IsDigit(r):
			return digit(r)
		case r == '\t' || r == '\u2800' || unicode.In(r, unicode.Z):
			return ' '
		case r == '\u2212' || unicode.Is(unicode.Pd, r):
			return '-'
		case r == '·' || r == '•':
			return '.'
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Cc, unicode.Other_Default_Ignorable_Code_Point):
			return -1
		}
		return r
	}, norm.NFKC.String(s))
}

// digit is the ASCII digit of a decimal digit of any script: Unicode keeps ten of a script in a row, from zero on.
func digit(r rune) rune {
	for _, x := range unicode.Nd.R16 {
		if r >= rune(x.Lo) && r <= rune(x.Hi) {
			return '0' + (r-rune(x.Lo))%10
		}
	}
	for _, x := range unicode.Nd.R32 {
		if r >= rune(x.Lo) && r <= rune(x.Hi) { //nolint:gosec // a code point
			return '0' + (r-rune(x.Lo))%10 //nolint:gosec // a code point
		}
	}
	return r
}
