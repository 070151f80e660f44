package proof

import (
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// life is one consent from its first question or grant since the last no, to the entry that a receipt is for.
type life struct {
	key   consent.GrantKey
	steps []step
	until time.Time // exclusive end of the grant after the last step; zero: none
}

// step is an entry and what the consent was after it.
type step struct {
	event consent.Event
	state consent.State
}

// concerned returns the consents that an entry is about: the one it names, and of a withdrawal each that it ended. history is what the
// ledger holds of the contact, and about everybody, up to the entry, which is its last.
func concerned(e consent.Event, history []consent.Event) []life {
	keys := map[consent.GrantKey]bool{}
	named := consent.GrantKey{Purpose: e.Purpose, Channel: e.Channel, Topic: e.Topic}
	wide := e.Kind == consent.KindWithdrawn || e.Kind == consent.KindRefused
	if e.Purpose != "" && (!wide || e.Scope == consent.ScopePurpose && e.Channel != "" || e.Scope == consent.ScopeTopic && e.Channel != "" ||
		e.Scope == consent.ScopeProcessing) {
		keys[named] = true
	}
	for _, h := range history {
		key := consent.GrantKey{Purpose: h.Purpose, Channel: h.Channel, Topic: h.Topic}
		if h.Seq < e.Seq && h.Kind.Agrees() && consent.Covers(e, key.Purpose, key.Channel, key.Topic) {
			keys[key] = true
		}
	}
	var lives []life
	for key := range keys {
		if l := lifeOf(key, e, history); key == named || l.ended() {
			lives = append(lives, l)
		}
	}
	if len(lives) == 0 && e.Purpose != "" {
		lives = []life{lifeOf(named, e, history)}
	}
	slices.SortFunc(lives, func(a, b life) int { return a.key.Compare(b.key) })
	return lives
}

// lifeOf replays the history of one consent up to the entry e.
func lifeOf(key consent.GrantKey, e consent.Event, history []consent.Event) life {
	l := life{key: key}
	g := consent.Grant{State: consent.None}
	var changes []consent.TextChange
	for _, h := range history {
		before := g
		if change, about := consent.ChangeOf(h); about {
			changes = append(changes, change)
			g = g.Under(key, changes)
		} else {
			g = consent.Apply(key, g, h).Under(key, changes)
		}
		if h.ID == e.ID {
			l.steps, l.until = append(l.steps, step{h, g.State}), g.ValidUntil
			break
		}
		if g == before {
			continue
		}
		l.steps = append(l.steps, step{h, g.State})
		if g.State == consent.Withdrawn || g.State == consent.Refusal {
			l.steps = nil // what came before a no is another life
		}
	}
	if len(l.steps) == 0 {
		l.steps = []step{{e, endState(e)}}
	}
	return l
}

// ended says whether the last step ended something.
func (l life) ended() bool { return len(l.steps) > 1 }

// agreed returns the newest entry that says which words were agreed to, or asked to agree to; the zero Event if there is none.
func (l life) agreed() (found consent.Event) {
	for _, s := range l.steps {
		if s.event.Kind.Agrees() && (s.event.TextVersion > 0 || s.event.TextHash != "" || found.ID == "") {
			found = s.event
		}
	}
	return found
}

// language is the one in which the words were shown.
func (l life) language() vocab.Language {
	if a := l.agreed(); a.Language != "" {
		return a.Language
	}
	return l.steps[len(l.steps)-1].event.Language
}

// endState is what an entry leaves of a consent that was never there before.
func endState(e consent.Event) consent.State {
	if e.Kind == consent.KindRefused {
		return consent.Refusal
	}
	if e.Kind == consent.KindWithdrawn {
		return consent.Withdrawn
	}
	return consent.None
}
