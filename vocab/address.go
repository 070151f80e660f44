package vocab

import (
	"log/slog"
	"strings"
)

// Address is one email address or one phone number in E.164 as it is handed to a provider.
// It is personal data: printing it through slog or %v masks it, only Reveal shows it, on purpose.
type Address string

// Reveal returns the address itself, for the wire and for the contact's own pages. Never log it.
func (a Address) Reveal() string { return string(a) }

// String returns the masked address, for example "a***@example.org" or "+7***67", so that a stray %s leaks nothing.
func (a Address) String() string {
	if local, domain, found := strings.Cut(string(a), "@"); found {
		first := ""
		for _, r := range local {
			first = string(r)
			break
		}
		return first + "***@" + domain
	}
	if len(a) < 6 {
		return "***"
	}
	return string(a[:2]) + "***" + string(a[len(a)-2:])
}

// GoString masks the address for %#v.
func (a Address) GoString() string { return a.String() }

// LogValue masks the address in structured logs.
func (a Address) LogValue() slog.Value { return slog.StringValue(a.String()) }
