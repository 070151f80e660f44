package contacts

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// The lengths that RFC 5321 section 4.5.3.1 allows, in octets; 254 is what is left of a 256 octet path without its brackets.
const (
	maxLocalPart = 64
	maxEmail     = 254
)

// domains maps a domain to the ASCII form that DNS knows (UTS #46, non-transitional as browsers and mail systems do it) and
// refuses what no host can be called.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// ParseEmail reads an addr-spec (RFC 5322 section 3.4.1; letters beyond ASCII as in RFC 6531), without a display name, quotes,
// comments or a domain literal. White space around it is trimmed. The address keeps the local part as typed and has the domain
// in its ASCII form, so that a server without SMTPUTF8 can be given it where the local part allows.
//
// The key is equal for two addresses that we take for the same mailbox: the whole address in lower case, composed (NFC).
// RFC 5321 lets a host tell "Aigul" from "aigul", but none that we know does, and two rows would let a suppression be missed.
//
// The error is a *fault.Error of kind Invalid with code email_invalid, an empty pointer (see fault.At) and never the address.
func ParseEmail(s string) (address vocab.Address, key string, err error) {
	s = strings.TrimSpace(s)
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return "", "", badEmail("write the address as name@domain")
	}
	local, domain := s[:at], s[at+1:]
	if problem := checkLocalPart(local); problem != "" {
		return "", "", badEmail(problem)
	}
	// 254 octets bound the work before the domain is mapped; a domain is at most 253.
	if len(domain) > maxEmail {
		return "", "", badEmail("an address has at most 254 octets")
	}
	ascii, mapped := asciiDomain(domain)
	if !mapped || !isHostName(ascii) {
		return "", "", badEmail("after the @ there must be a domain such as example.kz")
	}
	whole := local + "@" + ascii
	if len(whole) > maxEmail {
		return "", "", badEmail("an address has at most 254 octets")
	}
	return vocab.Address(whole), norm.NFC.String(strings.ToLower(norm.NFC.String(local))) + "@" + ascii, nil
}

// badEmail leaves the address out: it is personal data, and the caller has it.
func badEmail(detail string) error {
	return fault.InvalidField("", "email_invalid", detail)
}

// checkLocalPart returns what is wrong with a dot-atom, or "".
func checkLocalPart(local string) string {
	switch {
	case local == "":
		return "there must be a name before the @"
	case len(local) > maxLocalPart:
		return "the name before the @ has at most 64 octets"
	case !utf8.ValidString(local):
		return "the address must be UTF-8"
	case local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, ".."):
		return "dots in the name before the @ must stand between other characters, one at a time"
	}
	for _, r := range local {
		if r != '.' && !isAtomText(r) {
			return "the name before the @ may have letters, digits and !#$%&'*+-/=?^_`{|}~. only, without spaces, quotes or comments"
		}
	}
	return ""
}

// isAtomText is atext of RFC 5322, with UTF8-non-ascii of RFC 6531 narrowed to characters that can be seen: an invisible one
// only ever helps somebody to register a mailbox twice.
func isAtomText(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
	}
	return unicode.IsGraphic(r) && !unicode.IsSpace(r)
}

// asciiDomain maps a domain to ASCII. Some characters that IDNA disallows map to a label that IDNA itself refuses to read back
// (found by fuzzing); no registry sells those.
func asciiDomain(domain string) (string, bool) {
	ascii, err := domains.ToASCII(domain)
	if err != nil {
		return "", false
	}
	again, err := domains.ToASCII(ascii)
	return ascii, err == nil && again == ascii
}

// isHostName asks for a dot and a top-level domain that is not a number, which keeps out "localhost" and IP addresses.
func isHostName(ascii string) bool {
	dot := strings.LastIndexByte(ascii, '.')
	if dot <= 0 || dot == len(ascii)-1 {
		return false
	}
	return strings.ContainsFunc(ascii[dot+1:], func(r rune) bool { return r < '0' || r > '9' })
}
