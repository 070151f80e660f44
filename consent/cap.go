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
	Channel vocab.Channel
	At      time.Time
}

// Reached says whether one more marketing message on the channel would go over the cap at now, and if so when the next
// may go; that is zero if the cap is none at all. A message counts from its time for less than a whole Period; one in the
// future (another machine's clock) counts already. The order of earlier does not matter, and it is not changed.
func (c Cap) Reached(channel vocab.Channel, earlier []Sent, now time.Time) (reached bool, freeAt time.Time) {
	if c.Marketing == 0 {
		c.Marketing = 2
	}
	if c.SMS == 0 {
		c.SMS = 1
	}
	if c.Period <= 0 {
		c.Period = 7 * 24 * time.Hour
	}
	var all, sms []time.Time // when each message that still counts stops counting
	for _, s := range earlier {
		end := s.At.Add(c.Period)
		if !end.After(now) {
			continue
		}
		all = append(all, end)
		if s.Channel == vocab.SMS {
			sms = append(sms, end)
		}
	}
	reached, freeAt = full(all, c.Marketing)
	if channel != vocab.SMS {
		return reached, freeAt
	}
	smsReached, smsFreeAt := full(sms, c.SMS)
	if c.Marketing < 0 || c.SMS < 0 {
		return true, time.Time{}
	}
	if smsFreeAt.After(freeAt) {
		freeAt = smsFreeAt
	}
	return reached || smsReached, freeAt
}

// full says whether limit messages still count, and when one fewer than limit will.
func full(ends []time.Time, limit int) (bool, time.Time) {
	if limit < 0 {
		return true, time.Time{}
	}
	if len(ends) < limit {
		return false, time.Time{}
	}
	slices.SortFunc(ends, time.Time.Compare)
	return true, ends[len(ends)-limit]
}
