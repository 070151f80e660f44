package email

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// wireAddress is an address as it goes over the wire: its domain is ASCII, its local part may need SMTPUTF8 (RFC 6531).
type wireAddress struct {
	text string
	utf8 bool // the local part is not ASCII
}

// errBadAddress never names the address: errors are logged.
var errBadAddress = errors.New("not an email address")

// The limits of RFC 5321 section 4.5.3.1, in bytes.
const (
	maxLocalPart = 64
	maxAddress   = 254
)

// parseAddress prepares one address. Quoted local parts are refused: nobody has one, and their quoting is a way to smuggle.
func parseAddress(address string) (wireAddress, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return wireAddress{}, errBadAddress
	}
	local, domain := address[:at], address[at+1:]
	if !isDotAtom(local) || len(local) > maxLocalPart {
		return wireAddress{}, errBadAddress
	}
	text := address
	if !isPlainDomain(domain) {
		var err error
		if domain, err = idna.Lookup.ToASCII(domain); err != nil || !isDotAtom(domain) {
			return wireAddress{}, errBadAddress
		}
		text = local + "@" + domain
	}
	if strings.IndexByte(domain, '.') < 0 && domain != "localhost" {
		return wireAddress{}, errBadAddress
	}
	if len(text) > maxAddress {
		return wireAddress{}, errBadAddress
	}
	return wireAddress{text: text, utf8: !isASCII(local)}, nil
}

// isPlainDomain says whether a domain is one that idna leaves as it is: small ASCII letters, digits, and hyphens only where none has a
// meaning. Nearly all are, and asking idna costs more than the rest of an address.
func isPlainDomain(domain string) bool {
	before := byte('.')
	for i := range len(domain) {
		c := domain[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case c == '-' && before != '.' && before != '-':
		case c == '.' && before != '.' && before != '-':
		default:
			return false
		}
		before = c
	}
	return before != '.' && before != '-'
}

var atomBytes = func() (table [utf8.RuneSelf]bool) {
	for c := range table {
		table[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", rune(c))
	}
	return table
}()

// isDotAtom follows RFC 5322 section 3.2.3, widened by RFC 6532 to letters and digits beyond ASCII. Marks count too:
// many scripts write letters with them.
func isDotAtom(s string) bool {
	before := '.'
	for _, r := range s {
		switch {
		case r == '.' && before == '.':
			return false
		case r < utf8.RuneSelf && atomBytes[r]:
		case r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)): // none is what stands for bad UTF-8
		default:
			return false
		}
		before = r
	}
	return before != '.'
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
