package dispatcher

import (
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/vocab"
)

// LateReport is what a provider said about a message after it had accepted it, and what that means (see Rules).
type LateReport struct {
	MessageID   vocab.MessageID // empty: found by Provider and ProviderRef
	Provider    vocab.ProviderID
	ProviderRef string
	EventID     string // the provider's own id of this report; the same one twice is recorded once. May be empty
	Next        Status // Delivered, Bounced or Undelivered
	At          time.Time
	Cause       channels.Cause // why it failed; empty when it arrived
	Code        int
	Enhanced    string
	Detail      string // the provider's words, kept as evidence; personal
	Suppress    Suppress
	Points      int // soft-bounce points; see SoftThreshold
}

// SentMark is a place in the order in which messages were sent: after the message, of those sent at the time. Many are sent at one
// time, so a time alone is no place to go on from. Without a message it is before all of that time.
type SentMark struct {
	At        time.Time
	MessageID vocab.MessageID
}

// Late says what a provider's report means; false if it changes nothing.
func Late(channel vocab.Channel, provider vocab.ProviderID, r channels.Report) (LateReport, bool) {
	late := LateReport{Provider: provider, ProviderRef: r.ProviderRef, EventID: r.EventID, At: r.At, Next: Delivered}
	switch r.Status {
	case channels.ReportDelivered:
		return late, true
	case channels.ReportPending:
		return late, false
	case channels.ReportFailed:
	}
	late.Next = Bounced
	if channel == vocab.SMS {
		late.Next = Undelivered
	}
	late.Cause = channels.Undelivered
	if r.Err != nil {
		late.Cause, late.Code, late.Enhanced, late.Detail = r.Err.Cause, r.Err.Code, r.Err.Enhanced, r.Err.Detail
	}
	rule := ruleOf(late.Cause)
	late.Suppress, late.Points = rule.Suppress, rule.Points
	return late, r.Status == channels.ReportFailed
}
