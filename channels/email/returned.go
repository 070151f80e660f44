package email

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/orleu/elshi/channels"
)

var (
	statusPattern = regexp.MustCompile(`^\s*([245]\.\d{1,3}\.\d{1,3})(?:[^\d.]|$)`)
	// replyPattern is an SMTP reply that a diagnostic quotes; the first line of one with several has a hyphen after its code.
	replyPattern = regexp.MustCompile(`^([45]\d\d)[ -]\s*`)
)

// Returned reads why a mail came back: Status and Diagnostic-Code of one recipient whose delivery failed (RFC 3464 sections 2.3.4 and
// 2.3.6), unfolded. The cause is what the same reply would have meant on the wire. The reply that the diagnostic quotes comes before
// the status, which many mail servers leave at 5.0.0; a status whose class contradicts that reply is not believed. Code is 0 if no reply
// is quoted. Detail is the diagnostic, which may name the address.
func Returned(status, diagnostic string) *channels.Error {
	kind, words, typed := strings.Cut(diagnostic, ";")
	if !typed {
		kind, words = "smtp", diagnostic
	}
	words = strings.TrimSpace(words)
	code, class := 0, 500
	m := replyPattern.FindStringSubmatch(words)
	quoted := m != nil && strings.EqualFold(strings.TrimSpace(kind), "smtp")
	if quoted {
		code, _ = strconv.Atoi(m[1]) // three digits, so there is no error
		class, words = code, words[len(m[0]):]
	}
	if m := statusPattern.FindStringSubmatch(status); m != nil && enhancedCode(class, words) == "" {
		if !quoted && m[1][0] == '4' {
			class = 400
		}
		words = m[1] + " " + words
	}
	e := classify(phaseDot, class, words)
	e.Code, e.Detail = code, clip(strings.TrimSpace(diagnostic))
	return e
}
