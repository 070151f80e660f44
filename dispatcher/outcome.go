package dispatcher

import (
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/vocab"
)

// What a failure means is decided here and nowhere else: cause (what happened) by class (the rules of the message). The table is
// data, golden-tested, and printed in docs/outcomes.md.

// Suppress is what an outcome does to the address.
type Suppress string

// What an outcome may do to the address.
const (
	SuppressNever  Suppress = ""
	SuppressNow    Suppress = "now"     // hard: at once
	SuppressSoft   Suppress = "soft"    // points; suppressed at SoftThreshold within SoftWindow
	SuppressTwice  Suppress = "twice"   // on the second, at least a day apart
	SuppressTwice3 Suppress = "twice_3" // on the second, at least 72 hours apart
)

// SoftThreshold is how many soft-bounce points within SoftWindow suppress an address: five full mailboxes, or three
// refusals that gave no enhanced code (two points each).
const (
	SoftThreshold = 5
	SoftWindow    = 14 * 24 * time.Hour
)

// Apart returns the time that must lie between the two occurrences of a suppression "on the second"; zero for the others.
func (s Suppress) Apart() time.Duration {
	switch s {
	case SuppressTwice:
		return 24 * time.Hour
	case SuppressTwice3:
		return 72 * time.Hour
	case SuppressNever, SuppressNow, SuppressSoft:
		return 0
	}
	return 0
}

// Stream is what an outcome does to the provider's stream.
type Stream string

// What an outcome may do to the stream.
const (
	StreamKeep    Stream = ""
	StreamBackOff Stream = "back_off" // the message's own delay is the back-off; nothing else waits for it
	StreamHalve   Stream = "halve"    // halve the provider's rate for a while
	StreamStop    Stream = "stop"     // pause the provider and alert: every further message would fail alike
)

// Retry is how an outcome is tried again.
type Retry string

// How an outcome is tried again.
const (
	RetryNo       Retry = "no"       // the end, see Rule.End
	RetrySchedule Retry = "schedule" // by the retry schedule, counted as a failure, until the class gives up
	RetrySoft     Retry = "soft"     // by the schedule if the reply was temporary (4xx), else no
	RetryOnce     Retry = "once"     // one more time, a day later
	RetryPause    Retry = "pause"    // when the provider is resumed; not a failure of the message
	RetryFree     Retry = "free"     // at once and not counted: the message was never started
	RetryDoubt    Retry = "doubt"    // by the class's guarantee: at most once ends as unknown
)

// Rule is one row of the outcome table.
type Rule struct {
	Cause    channels.Cause
	Retry    Retry
	End      Status // the status when it is not tried again; Bounced means the channel's word for it
	Suppress Suppress
	Points   int
	Stream   Stream
	Why      string
}

// rules is the outcome table (domain section 6). Every cause has one row; a test compares it with channels.Causes.
var rules = []Rule{
	{channels.Unreachable, RetrySchedule, Failed, SuppressNever, 0, StreamBackOff, "the server is away; the address may be fine"},
	{channels.Temporary, RetrySchedule, Failed, SuppressNever, 0, StreamKeep, "the server asks to come again"},
	{channels.MailboxFull, RetrySoft, Bounced, SuppressSoft, 1, StreamKeep, "people empty mailboxes; five times in a fortnight nobody does"},
	{channels.RateLimited, RetrySchedule, Failed, SuppressNever, 0, StreamHalve, "we are too fast, the recipient is innocent"},
	{channels.OurAuthentication, RetryPause, Failed, SuppressNever, 0, StreamStop, "our SPF, DKIM or DMARC is wrong: each further message harms our name"},
	{channels.NoSuchMailbox, RetryNo, Bounced, SuppressNow, 0, StreamKeep, "the receiver says that nobody has this address"},
	{channels.NoSuchDomain, RetryOnce, Bounced, SuppressTwice, 0, StreamKeep, "a domain can be away for a day by mistake"},
	{channels.BadSyntax, RetryNo, Bounced, SuppressNow, 0, StreamKeep, "it never was an address"},
	{channels.MailboxDisabled, RetryNo, Bounced, SuppressTwice3, 0, StreamKeep, "accounts are locked and opened again"},
	{channels.ContentRefused, RetryNo, Bounced, SuppressNever, 0, StreamKeep, "our text, not their address"},
	{channels.PolicyRefused, RetryNo, Bounced, SuppressNever, 0, StreamStop, "a blocklist holds us, not them"},
	{channels.Permanent, RetryNo, Bounced, SuppressSoft, 2, StreamKeep, "a refusal without a reason: three in a fortnight are one"},
	{channels.ConnectionLost, RetryDoubt, Unknown, SuppressNever, 0, StreamKeep, "it may have arrived"},
	{channels.ProviderRefusedUs, RetryPause, Failed, SuppressNever, 0, StreamStop, "our account is wrong; messages wait for an operator"},
	{channels.LeaseExpired, RetryFree, Failed, SuppressNever, 0, StreamKeep, "the permit ended before the hand-over"},
	{channels.Stopped, RetryFree, Failed, SuppressNever, 0, StreamKeep, "this process stopped before it started the message"},
	{channels.Unrenderable, RetryNo, Failed, SuppressNever, 0, StreamKeep, "template and data make no message, tomorrow neither"},
	{channels.Undelivered, RetryNo, Bounced, SuppressNever, 0, StreamKeep, "the network gave up; the number may be switched off"},
}

// Rules returns the outcome table.
func Rules() []Rule { return append([]Rule(nil), rules...) }

// ruleOf returns the row of a cause. A cause without a row is a bug that the table's test finds; it is taken as doubt.
func ruleOf(c channels.Cause) Rule {
	for _, r := range rules {
		if r.Cause == c {
			return r
		}
	}
	return Rule{Cause: c, Retry: RetryDoubt, End: Unknown}
}

// Schedule says when failed attempts are tried again and when a class gives up.
type Schedule struct {
	Delays  []time.Duration                   // after the first, second, … failure; the last repeats
	GiveUp  map[vocab.Class]time.Duration     // counted from the first attempt
	Reports map[vocab.Channel]time.Duration   // how long a report is awaited after hand-over
	Jitter  func(time.Duration) time.Duration // spreads retries, ±20 %; must not be nil
}

// settle turns a receipt into what the ledger records. now is the end of the attempt.
func (s Schedule) settle(p Permit, r channels.Receipt) Settlement {
	m := p.Message
	out := Settlement{
		MessageID: m.ID, AddressID: m.AddressID, Channel: m.Channel, Attempt: m.Attempt, Provider: m.Provider, At: r.At, OpenedAt: m.ClaimedAt,
		Outcome: r.Outcome, ProviderRef: r.ProviderRef, ContentHash: m.ContentHash, PossibleDup: m.PossibleDup, Detail: words(m, r.Reply),
	}
	if r.Outcome == channels.Accepted {
		out.Next = Sent
		out.FinalizedAt = r.At.Add(s.Reports[m.Channel])
		out.Wipe = m.Class == vocab.Security
		return out
	}
	failure := r.Err
	if failure == nil {
		failure = &channels.Error{Cause: channels.ConnectionLost}
	}
	out.Cause, out.Code, out.Enhanced, out.Detail = failure.Cause, failure.Code, failure.Enhanced, words(m, failure.Detail)
	s.apply(&out, m, r.Outcome, failure)
	if !out.Next.Waits() {
		out.FinalizedAt = r.At
		out.Wipe = m.Class == vocab.Security
	}
	return out
}

// words is what is kept of a provider's words: nothing if they may repeat a code.
func words(m Message, detail string) string {
	if m.Class == vocab.Security {
		return ""
	}
	return detail
}

// apply finds the next status of a message that was not accepted, and what else the failure does.
func (s Schedule) apply(out *Settlement, m Message, outcome channels.Outcome, failure *channels.Error) {
	rule := ruleOf(failure.Cause)
	if outcome != channels.Accepted && outcome != channels.Refused && outcome != channels.NotHandedOver {
		// In doubt by the channel's own word, whatever the cause: the class's guarantee decides.
		rule = ruleOf(channels.ConnectionLost)
	}
	out.Suppress, out.Points = rule.Suppress, rule.Points
	if rule.Stream == StreamStop {
		out.Pause = string(failure.Cause)
	}
	end := rule.End
	if end == Bounced && m.Channel == vocab.SMS {
		end = Undelivered
	}
	switch rule.Retry {
	case RetryNo:
		out.Next = end
	case RetryFree:
		out.Next, out.DueAt = Queued, out.At
		if failure.Cause == channels.LeaseExpired {
			out.DueAt = out.At.Add(time.Second) // a channel too slow for its leases must not spin
		}
	case RetryPause:
		out.Next, out.DueAt = Deferred, out.At
	case RetrySoft:
		if failure.Code >= 500 {
			out.Next = end
			return
		}
		s.again(out, m, s.delay(m.Failures, failure.RetryAfter), end)
	case RetrySchedule:
		s.again(out, m, s.delay(m.Failures, failure.RetryAfter), end)
	case RetryOnce:
		// The one retry is its own bound: it comes after the day in which most classes give up.
		out.Next = end
		if m.Failures == 0 {
			out.Failure, out.Next, out.DueAt = true, Deferred, out.At.Add(SuppressTwice.Apart())
		}
	case RetryDoubt:
		if atMostOnce(m.Class) {
			out.Next = Unknown
			return
		}
		out.PossibleDup = true
		s.again(out, m, s.delay(m.Failures, failure.RetryAfter), Unknown)
	}
}

// again defers the message by d, or ends it when that would be later than its class is willing to try.
func (s Schedule) again(out *Settlement, m Message, d time.Duration, end Status) {
	out.Failure = true
	due := out.At.Add(d)
	first := m.FirstAttemptAt
	if first.IsZero() {
		first = m.ClaimedAt
	}
	limit := first.Add(s.GiveUp[m.Class])
	if due.After(limit) {
		out.Next = end
		return
	}
	out.Next, out.DueAt = Deferred, due
}

// delay returns the pause before the next attempt after the given number of earlier failures.
func (s Schedule) delay(failures int, asked time.Duration) time.Duration {
	d := s.Jitter(s.Delays[min(failures, len(s.Delays)-1)])
	return max(d, asked)
}
