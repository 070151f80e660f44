package claims

import (
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// ObjectionEvents are what an objection says in the consent ledger, in the order in which it is written. They are said one by one, because
// each ends by an act of its own: the mark of who unsubscribed from all, by a later grant; each opt-out of a service, by a choice of just
// that service; the end of processing, by a new consent to it. So a contact who takes up with us again gets back what they ask for and
// nothing else.
//
// It stops marketing, service and transactional messages. Legal and breach messages are duties, and a security message answers the
// contact's own request of the last ten minutes (docs/adr/0019).
func ObjectionEvents(registry *consent.Registry, base consent.Event) []consent.Event {
	base.Kind, base.Purpose, base.Channel, base.Topic = consent.KindWithdrawn, "", "", ""
	say := func(scope consent.Scope, purpose vocab.Purpose) consent.Event {
		e := base
		e.Scope, e.Purpose = scope, purpose
		return e
	}
	list := []consent.Event{say(consent.ScopeAll, "")}
	for _, p := range registry.All() {
		if p.Class == vocab.Service {
			list = append(list, say(consent.ScopePurpose, p.ID))
		}
	}
	// The widest last: it is the one that a repetition is told about.
	return append(list, say(consent.ScopeProcessing, ""))
}
