package consent

import (
	"time"

	"github.com/orleu/elshi/vocab"
)

// TextChange says that a version of a consent text says something else than those before it. Who agreed to an earlier one is asked again.
type TextChange struct {
	Purpose vocab.Purpose
	Channel vocab.Channel
	Version int                  // of the text
	Event   vocab.ConsentEventID // the entry of the ledger that says so, about everybody
	At      time.Time
}

// Under returns the grant of the key as it is under the changes of its text: one that was given on words that a later version changed
// materially is Stale, by the first such change, whatever its row says. It changes no other state, and the order of the changes does not
// matter. Everybody who reads a grant reads it through Under, so a change counts for all from one moment without writing a row for each.
func (g Grant) Under(k GrantKey, changes []TextChange) Grant {
	if g.State != Granted {
		return g
	}
	first := TextChange{}
	for _, c := range changes {
		if c.Purpose == k.Purpose && c.Channel == k.Channel && c.Version > g.Text && (first.Version == 0 || c.Version < first.Version) {
			first = c
		}
	}
	if first.Version == 0 {
		return g
	}
	return moved(g, Event{ID: first.Event, At: first.At}, Stale)
}

// Under is Grant.Under for the facts of a decision: what the decision then names is the entry of the change.
func (f GrantFacts) Under(k GrantKey, changes []TextChange) GrantFacts {
	if g := (Grant{State: f.State, Event: f.Event, Text: f.Text}).Under(k, changes); g.State != f.State {
		f.State, f.Event, f.ValidUntil = g.State, g.Event, g.ValidUntil
	}
	return f
}

// ChangeOf returns the change that an entry of the ledger speaks of, and false if it speaks of none.
func ChangeOf(e Event) (TextChange, bool) {
	if e.Kind != KindStale || e.ContactID != "" {
		return TextChange{}, false
	}
	return TextChange{Purpose: e.Purpose, Channel: e.Channel, Version: e.TextVersion, Event: e.ID, At: e.At}, true
}

// Replay returns what entries of the ledger amount to for the grant of the key, as anybody would read it now: those of one contact and those
// about everybody, in the ledger's order. It is what a projection is rebuilt and compared with.
func Replay(k GrantKey, events []Event) Grant {
	g := Grant{State: None}
	var changes []TextChange
	for _, e := range events {
		if c, about := ChangeOf(e); about {
			changes = append(changes, c)
			continue
		}
		g = Apply(k, g.Under(k, changes), e)
	}
	return g.Under(k, changes)
}
