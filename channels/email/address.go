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
	var err error
	if !isPlainDomain(domain) {
		domain, err = idna.Lookup.ToASCII(domain)
	}
	if err != nil || !isDotAtom(domain) || strings.IndexByte(domain, '.') < 0 && domain != "localhost" {
		return wireAddress{}, errBadAddress
	}
	text := local + "@" + domain
	if len(text) > maxAddress {
		return wireAddress{}, errBadAddress
	}
	return wireAddress{text: text, utf8: !isASCII(local)}, nil
}

// isPlainDomain says whether a domain is one that idna leaves as it is: small ASCII letters, digits, and hyphens only where none has a
// meaning. Nearly all are, and asking idna costs more than the rest of an address.
func isPlainDomain(domain string) bool {
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' || strings.Contains(label, "--") {
			return false
		}
		for i := range len(label) {
			if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	return true
}

// isDotAtom follows RFC 5322 section 3.2.3, widened by RFC 6532 to letters and digits beyond ASCII. Marks count too:
// many scripts write letters with them.
func isDotAtom(s string) bool {
	if s == "" || !utf8.ValidString(s) || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		case r < utf8.RuneSelf && strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", byte(r)) >= 0: //nolint:gosec // it is ASCII
		case r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)):
		default:
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
