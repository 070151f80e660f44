package email

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/orleu/elshi/channels"
)

// phase is where in the dialogue a reply came. The same code means different things: until RCPT the provider has not heard
// of the recipient, so nothing it says can be the recipient's fault.
type phase string

const (
	phaseHello phase = "hello" // greeting and EHLO
	phaseTLS   phase = "tls"
	phaseAuth  phase = "auth"
	phaseMail  phase = "mail"
	phaseRcpt  phase = "rcpt"
	phaseData  phase = "data" // the reply to DATA itself
	phaseDot   phase = "dot"  // the reply to the whole message
)

var (
	session   = []phase{phaseHello, phaseTLS, phaseAuth}
	recipient = []phase{phaseRcpt, phaseData, phaseDot}
)

// rule is one row of the reply table. Every field that is set must match.
type rule struct {
	phases   []phase        // nil: any
	code     int            // 4 or 5: any of that class; three digits: exactly that one; 0: any
	enhanced string         // "5.1.1", or "5.6." for all of a subject, or bare; "": with or without
	says     *regexp.Regexp // the words; nil: any
	cause    channels.Cause
	why      string
}

// bare means that there is no enhanced code, or one that says nothing (X.0.0).
const bare = "bare"

// pace is how providers say "slower" under 4.7.x, which has no code of its own for it.
var pace = regexp.MustCompile(`(?i)\brates?\b|rate-?limit|throttl|too (many|fast)|slow down`)

// rules is the reply table: the first row that matches counts. Enhanced codes (RFC 3463, RFC 7372, RFC 7505) come before
// basic ones (RFC 5321 section 4.2), except where a basic one says more.
var rules = []rule{
	// The basic code says more.
	{nil, 530, "", nil, channels.ProviderRefusedUs, "the provider wants authentication; it comes with various 5.7.x"},
	{nil, 534, "", nil, channels.ProviderRefusedUs, "the method of authentication is too weak for our account"},
	{nil, 535, "", nil, channels.ProviderRefusedUs, "wrong user name or password"},
	{nil, 538, "", nil, channels.ProviderRefusedUs, "authentication wants TLS first"},
	{recipient, 556, "", nil, channels.NoSuchDomain, "the domain takes no mail (RFC 7504); with 5.1.10 it is a null MX (RFC 7505)"},

	// Before there is a message.
	{[]phase{phaseAuth}, 4, "", nil, channels.Unreachable, "454: the provider's own authentication is away for now"},
	{[]phase{phaseAuth}, 0, "", nil, channels.ProviderRefusedUs, "whatever else AUTH answers is about our account"},
	{[]phase{phaseTLS}, 0, "", nil, channels.Unreachable, "454: TLS is not available for now"},

	// Enhanced codes of the sending system and of the network.
	{nil, 0, "4.7.28", nil, channels.RateLimited, "an unusual rate from our address"},
	{nil, 0, "4.7.23", nil, channels.OurAuthentication, "SPF or reverse name is missing, for now only slowed down"},
	{nil, 0, "4.7.27", nil, channels.OurAuthentication, "SPF did not pass, for now only slowed down"},
	{nil, 0, "4.7.29", nil, channels.OurAuthentication, "no TLS, for now only slowed down"},
	{nil, 0, "4.7.30", nil, channels.OurAuthentication, "DKIM did not pass, for now only slowed down"},
	{nil, 0, "4.7.32", nil, channels.OurAuthentication, "From is not aligned with SPF or DKIM, for now only slowed down"},
	{nil, 0, "5.7.26", nil, channels.OurAuthentication, "several checks of authentication failed (RFC 7372)"},
	{nil, 0, "5.7.27", nil, channels.OurAuthentication, "SPF did not pass, or our return address has a null MX (RFC 7505)"},
	{nil, 0, "5.7.30", nil, channels.OurAuthentication, "DKIM did not pass"},
	{nil, 0, "5.7.509", nil, channels.OurAuthentication, "DMARC did not pass and our policy is reject"},
	{nil, 0, "5.7.515", nil, channels.OurAuthentication, "we do not meet the level of authentication that bulk senders need"},
	{nil, 4, "4.7.", pace, channels.RateLimited, "4.7.x whose words speak of a rate"},
	{nil, 0, "5.7.1", nil, channels.PolicyRefused, "policy or a blocklist: about us, not about the address"},
	{nil, 0, "4.3.", nil, channels.Unreachable, "the receiving system is full, stopping or misconfigured"},
	{nil, 0, "4.4.", nil, channels.Unreachable, "no route, no answer or congestion behind the provider"},

	// Enhanced codes of the recipient and of the message.
	{recipient, 0, "4.2.2", nil, channels.MailboxFull, "over quota; it may be emptied"},
	{recipient, 0, "5.2.2", nil, channels.MailboxFull, "over quota; some say so for good at once"},
	{recipient, 0, "5.1.1", nil, channels.NoSuchMailbox, "no such mailbox"},
	{recipient, 0, "5.1.6", nil, channels.NoSuchMailbox, "the mailbox has moved and left no address"},
	{recipient, 0, "5.1.10", nil, channels.NoSuchMailbox, "no such recipient, as large hosts say it with 550"},
	{recipient, 0, "5.1.2", nil, channels.NoSuchDomain, "no such domain, or none that takes mail"},
	{recipient, 0, "5.1.3", nil, channels.BadSyntax, "the address is not one"},
	{recipient, 0, "5.2.1", nil, channels.MailboxDisabled, "the mailbox is there and takes nothing"},
	{recipient, 0, "5.2.3", nil, channels.ContentRefused, "longer than the mailbox takes: the message's fault, not the address's"},
	{recipient, 0, "5.3.4", nil, channels.ContentRefused, "longer than the system takes: the message's fault, not the address's"},
	{recipient, 0, "5.6.", nil, channels.ContentRefused, "the content or its encoding is not taken"},

	// Basic codes.
	{nil, 421, "", nil, channels.Unreachable, "the provider is closing the connection"},
	{[]phase{phaseHello}, 0, "", nil, channels.Unreachable, "554 and its like: no mail service for us at this address now"},
	{recipient, 452, bare, nil, channels.MailboxFull, "no room"},
	{[]phase{phaseMail}, 5, "", nil, channels.ProviderRefusedUs, "the provider does not take our return address; it has not heard of the recipient yet"},
	{nil, 4, "", nil, channels.Temporary, "any other refusal for now, greylisting among them"},
	{nil, 5, "", nil, channels.Permanent, "any other refusal for good"},
}

// maxDetail bounds the provider's words that are kept, in bytes.
const maxDetail = 500

// classify turns a reply that is not a success into an error. words is the reply's text without the code.
func classify(at phase, code int, words string) *channels.Error {
	e := &channels.Error{Cause: channels.Temporary, Code: code, Enhanced: enhancedCode(code, words), Detail: clip(words)}
	for _, r := range rules {
		if r.matches(at, code, e.Enhanced, words) {
			e.Cause = r.cause
			return e
		}
	}
	// Neither 4xx nor 5xx: the provider has lost the thread. Another connection may find it.
	if slices.Contains(session, at) {
		e.Cause = channels.Unreachable
	}
	return e
}

func (r rule) matches(at phase, code int, enhanced, words string) bool {
	if r.phases != nil && !slices.Contains(r.phases, at) {
		return false
	}
	if r.code != 0 && r.code != code && r.code != code/100 {
		return false
	}
	if r.says != nil && !r.says.MatchString(words) {
		return false
	}
	switch {
	case r.enhanced == "":
		return true
	case r.enhanced == bare:
		return enhanced == "" || strings.HasSuffix(enhanced, ".0.0")
	case strings.HasSuffix(r.enhanced, "."):
		return strings.HasPrefix(enhanced, r.enhanced)
	}
	return enhanced == r.enhanced
}

// enhancedPattern is an RFC 3463 code at the beginning of a reply's text; some appliances put a # before it.
var enhancedPattern = regexp.MustCompile(`^#?([245])\.(\d{1,3})\.(\d{1,3})(?:[^\d.]|$)`)

// enhancedCode returns the reply's enhanced code or "". One whose class contradicts the basic code is not believed: a
// "450 5.1.1" must not cost an address its place.
func enhancedCode(code int, words string) string {
	m := enhancedPattern.FindStringSubmatch(words)
	if m == nil || m[1] != strconv.Itoa(code/100) {
		return ""
	}
	subject, _ := strconv.Atoi(m[2]) // at most three digits, so there is no error
	detail, _ := strconv.Atoi(m[3])
	return m[1] + "." + strconv.Itoa(subject) + "." + strconv.Itoa(detail)
}

// clip keeps the beginning of a text that others wrote, valid and short enough to store.
func clip(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
	if len(text) <= maxDetail {
		return text
	}
	end := maxDetail
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// maxReference is the longest reference of a provider that is kept, in bytes.
const maxReference = 128

// providerRef finds the provider's own id in the words of an acceptance: "queued as 4dXyz" (Postfix and others), "id=1abc-…" (Exim). It looks at
// every accepted message, hence no regular expression.
func providerRef(words string) string {
	for i := range len(words) {
		var rest string
		switch {
		case hasPrefixFold(words[i:], "queued as "):
			rest = words[i+len("queued as "):]
		case hasPrefixFold(words[i:], "id=") && (i == 0 || !isWordByte(words[i-1])):
			rest = words[i+len("id="):]
		default:
			continue
		}
		rest = strings.TrimPrefix(rest, "<")
		end := 0
		for end < min(len(rest), maxReference) && (isAlphanumeric(rest[end]) || end > 0 && strings.IndexByte("._@-", rest[end]) >= 0) {
			end++
		}
		if end > 0 {
			return strings.TrimRight(rest[:end], ".")
		}
	}
	return ""
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && s[0]|0x20 == prefix[0] && strings.EqualFold(s[:len(prefix)], prefix)
}

func isAlphanumeric(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' }

func isWordByte(c byte) bool { return isAlphanumeric(c) || c == '_' }
