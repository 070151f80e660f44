package consent

import (
	"slices"
	"time"

	"github.com/orleu/elshi/vocab"
)

// Cap is how many marketing messages one contact may get within a period that ends now. Other classes do not count.
type Cap struct {
	Marketing int           // on all channels together; 0: 2; negative: none at all
	SMS       int           // of these by SMS; 0: 1; negative: none at all
	Period    time.Duration // 0 or less: 7 days
}

// Sent is one earlier marketing message to the contact: handed over, or claimed to be.
type Sent struct {
	ID      vocab.MessageID
	Channel vocab.Channel
	At      time.Time
}

// CapState is what a cap says of one more message. The zero CapState lets it through.
type CapState struct {
	Reached bool
	FreeAt  time.Time         // when the next one may go; zero if the cap is not reached, or is none at all
	Earlier []vocab.MessageID // the messages that fill it, the oldest first
}

// Reached says whether one more marketing message on the channel would go over the cap at now, and if so when the next
// may go and which messages stand before it. A message counts from its time for less than a whole Period; one in the
// future (another machine's clock) counts already. The order of earlier does not matter, and it is not changed.
func (c Cap) Reached(channel vocab.Channel, earlier []Sent, now time.Time) CapState {
	if c.Marketing == 0 {
		c.Marketing = 2
	}
	if c.SMS == 0 {
		c.SMS = 1
	}
	if c.Period <= 0 {
		c.Period = 7 * 24 * time.Hour
	}
	var all, sms []Sent // what still counts
	for _, x := range earlier {
		if !x.At.Add(c.Period).After(now) {
			continue
		}
		all = append(all, x)
		if x.Channel == vocab.SMS {
			sms = append(sms, x)
		}
	}
	whole := c.full(all, c.Marketing)
	if channel != vocab.SMS {
		return whole
	}
	texts := c.full(sms, c.SMS)
	switch {
	case c.Marketing < 0 || c.SMS < 0:
		return CapState{Reached: true}
	case !whole.Reached:
		return texts
	case texts.FreeAt.After(whole.FreeAt):
		whole.FreeAt = texts.FreeAt // the texts are among the messages that it names
	}
	return whole
}

// full says whether limit messages count, and when one fewer than limit will.
func (c Cap) full(counting []Sent, limit int) CapState {
	if limit < 0 {
		return CapState{Reached: true}
	}
	if len(counting) < limit {
		return CapState{}
	}
	slices.SortFunc(counting, func(a, b Sent) int { return a.At.Compare(b.At) })
	state := CapState{Reached: true, FreeAt: counting[len(counting)-limit].At.Add(c.Period)}
	for _, x := range counting {
		if x.ID != "" {
			state.Earlier = append(state.Earlier, x.ID)
		}
	}
	return state
}
