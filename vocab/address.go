package vocab

import (
	"log/slog"
	"strings"
)

// Address is one email address or one phone number in E.164 as it is handed to a provider.
// It is personal data: printing it with fmt or as an attribute of slog masks it, and only Reveal shows it, on purpose.
//
// JSON carries it whole, because the API and the ledger do; so never hand slog.Any a value that holds one, which a JSON log
// would write out. Nor can fmt mask what stands in an unexported field.
type Address string

// Reveal returns the address itself, for the wire and for the contact's own pages. Never log it.
func (a Address) Reveal() string { return string(a) }

// String returns the masked address, for example "a***@example.org" or "+7***67", so that a stray %s leaks nothing. What is
// neither an email address nor a number of at least 7 digits is masked whole.
func (a Address) String() string {
	// The last @: a quoted local part may hold others (RFC 5321 section 4.1.2).
	if at := strings.LastIndexByte(string(a), '@'); at >= 0 {
		first := ""
		for _, r := range string(a[:at]) {
			first = string(r)
			break
		}
		return first + mask + string(a[at:])
	}
	digits := strings.TrimPrefix(string(a), "+")
	if len(digits) < 7 || strings.Trim(digits, "0123456789") != "" {
		return mask
	}
	return string(a[:2]) + mask + string(a[len(a)-2:])
}

const mask = "***"

// GoString masks the address for %#v.
func (a Address) GoString() string { return a.String() }

// LogValue masks the address in structured logs.
func (a Address) LogValue() slog.Value { return slog.StringValue(a.String()) }
