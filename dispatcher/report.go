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
