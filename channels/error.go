package channels

import (
	"strconv"
	"time"
)

// Cause is the kind of error of one hand-over or report. It says what happened; dispatcher's outcome table says, by cause
// and class, what to do about it.
type Cause string

// The causes: a closed list, so that the outcome table can be complete.
const (
	// Unreachable: connecting, DNS, 421, 4.3.x or 4.4.x; or HTTP 5xx of a gateway.
	Unreachable Cause = "unreachable"
	// MailboxFull: 4.2.2, 452 or 5.2.2.
	MailboxFull Cause = "mailbox_full"
	// RateLimited: 4.7.x with a rate, 4.7.28, or HTTP 429.
	RateLimited Cause = "rate_limited"
	// OurAuthentication: the receiver rejects our SPF, DKIM or DMARC (4.7.23/27/29/30/32, 5.7.26/27/30, 5.7.515, 5.7.509).
	OurAuthentication Cause = "our_authentication"
	// NoSuchMailbox: 5.1.1, 5.1.6, 5.1.10, or a number that does not exist.
	NoSuchMailbox Cause = "no_such_mailbox"
	// NoSuchDomain: 5.1.2 or a null MX (RFC 7505).
	NoSuchDomain Cause = "no_such_domain"
	// BadSyntax: 5.1.3, or a number that is not valid.
	BadSyntax Cause = "bad_syntax"
	// MailboxDisabled: 5.2.1.
	MailboxDisabled Cause = "mailbox_disabled"
	// ContentRefused: 5.6.x, or a text the gateway does not take.
	ContentRefused Cause = "content_refused"
	// PolicyRefused: 5.7.1, a blocklist.
	PolicyRefused Cause = "policy_refused"
	// Temporary: any other 4xx.
	Temporary Cause = "temporary"
	// Permanent: 5xx without an enhanced code, or with one that is not listed.
	Permanent Cause = "permanent"
	// ConnectionLost: no answer after the byte that commits the provider; always InDoubt.
	ConnectionLost Cause = "connection_lost"
	// ProviderRefusedUs: our account is wrong: SMTP 530/535, HTTP 401/403, no credit, an unregistered sender name.
	ProviderRefusedUs Cause = "provider_refused_us"
	// LeaseExpired: the permit ended before the hand-over was complete; always NotHandedOver.
	LeaseExpired Cause = "lease_expired"
	// Stopped: this process is stopping and did not start the message; always NotHandedOver. It is not a failure.
	Stopped Cause = "stopped"
	// Unrenderable: our own template or data do not make a message.
	Unrenderable Cause = "unrenderable"
	// Undelivered: an SMS receipt says it expired or was rejected at the handset.
	Undelivered Cause = "undelivered"
)

// Causes lists every cause.
func Causes() []Cause {
	return []Cause{
		Unreachable, MailboxFull, RateLimited, OurAuthentication, NoSuchMailbox, NoSuchDomain, BadSyntax, MailboxDisabled,
		ContentRefused, PolicyRefused, Temporary, Permanent, ConnectionLost, ProviderRefusedUs, LeaseExpired, Stopped,
		Unrenderable, Undelivered,
	}
}

// Error is why a message was not accepted.
type Error struct {
	Cause      Cause
	Code       int           // SMTP basic code or HTTP status; 0 if there was no answer
	Enhanced   string        // RFC 3463 enhanced code such as "5.1.1", or the gateway's own code
	Detail     string        // the provider's words, for evidence only: it may name the address, so never log it
	RetryAfter time.Duration // what the provider asked for; 0 if it did not
}

// Error names the cause and the codes. It leaves Detail out, which may hold personal data.
func (e *Error) Error() string {
	text := string(e.Cause)
	if e.Code != 0 {
		text += " " + strconv.Itoa(e.Code)
	}
	if e.Enhanced != "" {
		text += " " + e.Enhanced
	}
	return text
}
