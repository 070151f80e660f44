package consent

import (
	"slices"
	"time"

	"github.com/orleu/elshi/vocab"
)

// Preference is one thing that a contact receives or not, as their preferences show it.
type Preference struct {
	Key   GrantKey
	State State // None: nobody was ever asked, and it needs no grant
	Comes bool  // it is received, or will be once it is confirmed (Pending)
	Since time.Time
	Until time.Time            // exclusive; zero: no end
	Event vocab.ConsentEventID // the entry of the ledger that led to it; empty: none
	Text  int                  // the version of the consent text that was agreed to; 0: none that is published here
}

// Endable says whether a contact can end messages of the class by a link.
func Endable(c vocab.Class) bool {
	switch c {
	case vocab.Marketing, vocab.Service:
		return true
	case vocab.Legal, vocab.Breach, vocab.Security, vocab.Transactional:
		return false
	}
	return false
}

// Preferences returns what a contact's grants come to at the moment, in their order: what comes and what does not. What cannot be ended
// and consents to uses of data are left out. Service messages come without a grant, so a purpose of that class stands on each of the
// channels at the end, also if the contact was never heard about it.
func (r *Registry) Preferences(held []HeldGrant, channels []vocab.Channel, now time.Time) []Preference {
	var all []Preference
	heard := map[GrantKey]bool{}
	for _, g := range held {
		heard[g.Key] = true
		info, known := r.Lookup(g.Key.Purpose)
		if g.Key.Channel == "" || known && !Endable(info.Class) {
			continue
		}
		p := Preference{Key: g.Key, State: g.Grant.State, Since: g.Grant.Since, Event: g.Grant.Event, Text: g.Grant.Text}
		switch g.Grant.State {
		case Granted:
			p.Comes, p.Until = true, g.Grant.ValidUntil
			if !p.Until.IsZero() && !now.Before(p.Until) { // the ledger has not got round to writing it down
				p.Comes, p.State, p.Since, p.Until = false, Expired, p.Until, time.Time{}
			}
		case Pending:
			p.Comes = true
		case None, "":
			if info.Class != vocab.Service {
				continue
			}
			p.State, p.Comes = None, true
		case Withdrawn, Refusal, Expired, Stale, Lapsed:
		}
		all = append(all, p)
	}
	for _, info := range r.All() {
		for _, channel := range channels {
			key := GrantKey{Purpose: info.ID, Channel: channel}
			if info.Class == vocab.Service && !heard[key] {
				all = append(all, Preference{Key: key, State: None, Comes: true})
			}
		}
	}
	return all
}

// Grantable returns what a contact with these preferences could agree to on a channel, sorted: every purpose that needs a grant, by itself
// and with each of its topics, but for what is granted. Whether there are words to agree to is for whoever shows it.
func (r *Registry) Grantable(have []Preference, channel vocab.Channel) []GrantKey {
	granted := map[GrantKey]bool{}
	for _, p := range have {
		granted[p.Key] = p.State == Granted
	}
	var open []GrantKey
	for _, info := range r.All() {
		if !info.NeedsGrant {
			continue
		}
		keys := []GrantKey{{Purpose: info.ID, Channel: channel}}
		for _, topic := range r.Topics(info.ID) {
			keys = append(keys, GrantKey{Purpose: info.ID, Channel: channel, Topic: topic.ID})
		}
		open = append(open, slices.DeleteFunc(keys, func(k GrantKey) bool { return granted[k] })...)
	}
	return open
}
