package consent

import (
	"maps"
	"slices"
	"time"

	"github.com/orleu/elshi/vocab"
)

// Side is one of two contacts that become one: what the ledger says of it at that moment.
type Side struct {
	Grants              map[GrantKey]Grant // its projection
	Events              []Event            // its entries, in the ledger's order
	Unsubscribed        bool               // from all
	ProcessingWithdrawn bool
	PausedUntil         time.Time // zero: no pause
}

// Merge returns the entries that the survivor's part of the ledger needs so that it says what both contacts agree on: a grant stands if
// both had it, until the earlier end (Intersect); every no that either said is kept, and so is each mark. They are returned in the order
// in which they are to be chained, without id, contact, actor and time; there is none if nothing changes. A rebuild from the survivor's
// entries alone then gives the merged state.
func (r *Registry) Merge(survivor, merged Side) []Event {
	list := lostGrants(survivor, merged)
	list = append(list, r.keptOptOuts(survivor, merged)...)
	list = append(list, r.keptRefusals(survivor, merged)...)
	if merged.Unsubscribed && !survivor.Unsubscribed {
		list = append(list, no(Event{Scope: ScopeAll}))
	}
	if merged.ProcessingWithdrawn && !survivor.ProcessingWithdrawn {
		list = append(list, no(Event{Scope: ScopeProcessing}))
	}
	if merged.PausedUntil.After(survivor.PausedUntil) {
		list = append(list, Event{Kind: KindPaused, Source: SourceMerge, Scope: ScopeAll, ValidUntil: merged.PausedUntil})
	}
	return list
}

func no(reach Event) Event {
	return Event{
		Kind: KindWithdrawn, Source: SourceMerge, Scope: reach.Scope, Purpose: reach.Purpose, Channel: reach.Channel, Topic: reach.Topic,
		AddressID: reach.AddressID,
	}
}

// lostGrants ends what only the survivor had granted, and brings the end forward of what the other had granted for less long.
func lostGrants(survivor, merged Side) []Event {
	var list []Event
	for _, key := range slices.SortedFunc(maps.Keys(survivor.Grants), GrantKey.Compare) {
		mine, other := survivor.Grants[key], merged.Grants[key]
		if mine.State != Granted {
			continue
		}
		e := Event{Kind: KindMerged, Source: SourceMerge, Scope: ScopePurpose, Purpose: key.Purpose, Channel: key.Channel, Topic: key.Topic}
		if key.Topic != "" {
			e.Scope = ScopeTopic
		}
		switch {
		case other.State != Granted:
		case endsBefore(other, mine):
			e.ValidUntil = other.ValidUntil
		default:
			continue
		}
		list = append(list, e)
	}
	return list
}

// keptOptOuts repeats the opt-outs of purposes that need no grant.
func (r *Registry) keptOptOuts(survivor, merged Side) []Event {
	out := func(g Grant) bool { return g.State == Withdrawn || g.State == Refusal }
	var list []Event
	for _, key := range slices.SortedFunc(maps.Keys(merged.Grants), GrantKey.Compare) {
		if !r.needsNoGrant(key.Purpose) || !out(merged.Grants[key]) || out(survivor.Grants[key]) {
			continue
		}
		list = append(list, no(Event{Scope: ScopePurpose, Purpose: key.Purpose, Channel: key.Channel}))
	}
	return list
}

func (r *Registry) needsNoGrant(purpose vocab.Purpose) bool {
	info, known := r.Lookup(purpose)
	return known && !info.NeedsGrant
}

// keptRefusals repeats every withdrawal and refusal of the merged contact that the survivor has not said: no import may beat them. They
// do not end what both have granted since; see Apply.
func (r *Registry) keptRefusals(survivor, merged Side) []Event {
	type reach struct {
		scope   Scope
		purpose vocab.Purpose
		channel vocab.Channel
		topic   vocab.Topic
	}
	reachOf := func(e Event) reach { return reach{e.Scope, e.Purpose, e.Channel, e.Topic} }
	said := map[reach]bool{}
	for _, e := range survivor.Events {
		if e.Kind == KindWithdrawn || e.Kind == KindRefused {
			said[reachOf(e)] = true
		}
	}
	var list []Event
	for _, e := range merged.Events {
		if e.Kind != KindWithdrawn && e.Kind != KindRefused || e.Scope == ScopePurpose && r.needsNoGrant(e.Purpose) {
			continue
		}
		for _, x := range unmarked(e) {
			if !said[reachOf(x)] {
				said[reachOf(x)] = true
				list = append(list, no(x))
			}
		}
	}
	return list
}

// unmarked says a withdrawal in words that reach the same grants and make no mark on the contact: a mark may have ended since.
func unmarked(e Event) []Event {
	all := e.Scope == ScopeAll
	processing := e.Scope == ScopeProcessing && (e.Purpose == "" || e.Purpose == ProcessingCore)
	if !all && !processing {
		return []Event{e}
	}
	var list []Event
	for _, channel := range vocab.Channels() {
		list = append(list, Event{Scope: ScopeChannel, Channel: channel})
	}
	if processing {
		for _, use := range ProcessingUses() {
			list = append(list, Event{Scope: ScopePurpose, Purpose: use.ID})
		}
	}
	return list
}
