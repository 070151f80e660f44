package dispatcher

import (
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/vocab"
)

// Bounce is one earlier refusal of an address.
type Bounce struct {
	Message vocab.MessageID
	Cause   channels.Cause
	Points  int
	At      time.Time
}

// Met says whether an address with this history of bounces, the newest included, is suppressed now because of the cause.
func (s Suppress) Met(cause channels.Cause, history []Bounce, now time.Time) bool {
	switch s {
	case SuppressNever:
		return false
	case SuppressNow:
		return true
	case SuppressSoft:
		// A message that meets a full mailbox on each of its attempts counts once.
		worst := map[vocab.MessageID]int{}
		for _, b := range history {
			if b.At.After(now.Add(-SoftWindow)) {
				worst[b.Message] = max(worst[b.Message], b.Points)
			}
		}
		points := 0
		for _, p := range worst {
			points += p
		}
		return points >= SoftThreshold
	case SuppressTwice, SuppressTwice3:
		for _, b := range history {
			if b.Cause == cause && now.Sub(b.At) >= s.Apart() {
				return true
			}
		}
		return false
	}
	return false
}
