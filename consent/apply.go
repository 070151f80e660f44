package consent

import (
	"cmp"
	"time"

	"github.com/orleu/elshi/vocab"
)

// ConfirmWithin is how long a requested consent may be confirmed; after it the request has lapsed.
const ConfirmWithin = 72 * time.Hour

// GrantKey is what one grant is for. A grant is exact: one purpose (a partner's is a purpose of its own), one channel, one
// topic or none. The consent to a use of data has no channel and no topic.
type GrantKey struct {
	Purpose vocab.Purpose
	Channel vocab.Channel
	Topic   vocab.Topic
}

// Compare orders keys by purpose, channel and topic.
func (k GrantKey) Compare(other GrantKey) int {
	return cmp.Or(cmp.Compare(k.Purpose, other.Purpose), cmp.Compare(k.Channel, other.Channel), cmp.Compare(k.Topic, other.Topic))
}

// Grant is the present state of one grant: what a contact's events amount to. The zero Grant was never asked for.
type Grant struct {
	State      State
	Since      time.Time            // of this state
	ValidUntil time.Time            // exclusive; zero: no end, or not granted
	Event      vocab.ConsentEventID // that led to this state
	Text       int                  // the version of the consent text that was agreed to; 0: none that is published here, or not granted
	Objected   bool                 // the contact once said no; kept for good, because no import may beat it
}

// Apply returns what the grant of the key becomes by one event of the same contact. Feed it every event of the contact, in
// the ledger's order; those that do not concern the key change nothing.
//
//   - A withdrawal or refusal takes all that Covers says, also where nothing was granted yet.
//   - A grant, a request, a confirmation or a renewal is exact, and comes from the contact or an operator on their behalf.
//   - An import grants only where the contact was never heard to say no.
//   - policy_continued_use changes no grant.
//   - A merge never grants: it ends a grant, or brings its end forward. A no that the other contact once said is kept, and does not end
//     what both have granted since.
//
// Apply believes ValidUntil of the event: whoever writes a marketing grant sets it (PurposeInfo.ValidUntil).
func Apply(k GrantKey, g Grant, e Event) Grant {
	if Covers(e, k.Purpose, k.Channel, k.Topic) {
		if e.Source == SourceMerge && g.State == Granted {
			g.Objected = true
			return g
		}
		return objected(g, e)
	}
	if e.Purpose != k.Purpose || e.Channel != k.Channel || e.Topic != k.Topic {
		return g
	}
	if g.State == "" {
		g.State = None
	}
	switch e.Kind {
	case KindRequested:
		// The organisation may not turn a no into a question again by itself.
		if g.State != Granted && (ownAct(e) || !g.Objected) {
			return moved(g, e, Pending)
		}
	case KindConfirmed:
		if g.State != Pending || !ownAct(e) {
			return g
		}
		if e.At.Sub(g.Since) >= ConfirmWithin {
			return moved(g, e, Lapsed) // the clock says so before the ledger has got round to it
		}
		return moved(g, e, Granted)
	case KindGranted, KindImported:
		if ownAct(e) || imported(e) && importable(g) {
			return moved(g, e, Granted)
		}
	case KindRenewed:
		if ownAct(e) && (g.State == Granted || g.State == Expired || g.State == Stale) {
			return moved(g, e, Granted)
		}
	case KindExpired: // also one whose text has changed: its row still has an end, and says so when that has come
		if g.State == Granted || g.State == Stale {
			return moved(g, e, Expired)
		}
	case KindStale:
		if g.State == Granted {
			return moved(g, e, Stale)
		}
	case KindLapsed:
		if g.State == Pending {
			return moved(g, e, Lapsed)
		}
	case KindMerged:
		return agreed(g, e)
	case KindWithdrawn, KindRefused: // Covers has said that it does not reach this grant
	case KindPolicyContinuedUse: // acceptance of the policy, of nothing else
	case KindPaused, KindResumed: // see ApplyPause
	}
	return g
}

// Covers says whether a withdrawal or refusal reaches the grant for the purpose, channel and topic; false for any other
// kind of event. A field that its scope needs and that is empty counts as "all", and so does an unknown scope: in doubt a
// withdrawal is wide.
//
// ScopeAll, ScopeChannel and ScopeAddress are about messages and leave the consents to uses of data alone.
// ScopeProcessing without a purpose, or with ProcessingCore, reaches everything. For purposes that need no grant ask
// ApplyOptOut instead.
func Covers(w Event, purpose vocab.Purpose, channel vocab.Channel, topic vocab.Topic) bool {
	if w.Kind != KindWithdrawn && w.Kind != KindRefused {
		return false
	}
	samePurpose := w.Purpose == "" || w.Purpose == purpose
	sameChannel := w.Channel == "" || w.Channel == channel
	switch w.Scope {
	case ScopeAll:
		return !isProcessingUse(purpose)
	case ScopeChannel, ScopeAddress: // a grant names no address, so the address's whole channel is meant
		return sameChannel && !isProcessingUse(purpose)
	case ScopePurpose, ScopePartner:
		return samePurpose && sameChannel
	case ScopeTopic:
		return samePurpose && sameChannel && (w.Topic == "" || w.Topic == topic)
	case ScopeProcessing:
		return samePurpose || w.Purpose == ProcessingCore
	}
	return true
}

// ApplyUnsubscribed returns whether the contact is unsubscribed from all after the event: a withdrawal of everything says
// so, and only a later grant by the contact's own act ends it. That grant revives no other.
func ApplyUnsubscribed(before bool, e Event) bool {
	if e.Kind == KindWithdrawn && e.Scope == ScopeAll {
		return true
	}
	return before && !givenByOwnAct(e)
}

// ApplyProcessing returns whether the consent to processing as such is withdrawn after the event. Only a grant of it ends that.
func ApplyProcessing(before bool, e Event) bool {
	if e.Scope == ScopeProcessing && e.Kind == KindWithdrawn && (e.Purpose == "" || e.Purpose == ProcessingCore) {
		return true
	}
	return before && (e.Kind != KindGranted || e.Purpose != ProcessingCore)
}

// ApplyPause returns until when the contact wants no mailings, after the event; zero: there is no pause. The later end of two pauses
// counts. A pause is ended early by the contact's own act alone.
func ApplyPause(before time.Time, e Event) time.Time {
	switch {
	case e.Kind == KindPaused && e.ValidUntil.After(before):
		return e.ValidUntil
	case e.Kind == KindResumed && ownAct(e):
		return time.Time{}
	}
	return before
}

// ApplyOptOut returns whether the contact has opted out of a purpose that needs no grant, after the event. Only a
// withdrawal of that very purpose does it: unsubscribing from all mailings is about mailings.
func ApplyOptOut(before bool, e Event, purpose vocab.Purpose, channel vocab.Channel) bool {
	if e.Purpose != purpose || e.Channel != "" && e.Channel != channel {
		return before
	}
	if e.Scope == ScopePurpose && (e.Kind == KindWithdrawn || e.Kind == KindRefused) {
		return true
	}
	return before && !givenByOwnAct(e)
}

// Intersect returns the grant of a contact that two were merged into: granted only if both had it, until the earlier end.
func Intersect(a, b Grant) Grant {
	kept := a
	weakest := []State{Withdrawn, Refusal, Stale, Expired, Lapsed, Pending, None, "", Granted}
	for _, s := range weakest {
		if a.State == s {
			break
		}
		if b.State == s {
			kept = b
			break
		}
	}
	if a.State == Granted && b.State == Granted && endsBefore(b, a) {
		kept = b
	}
	kept.Objected = a.Objected || b.Objected
	return kept
}

func endsBefore(a, b Grant) bool {
	return !a.ValidUntil.IsZero() && (b.ValidUntil.IsZero() || a.ValidUntil.Before(b.ValidUntil))
}

// agreed is a grant after a merge with a contact who had not granted it (no end), or until an earlier time. What is left stands on the
// contact's own entry, so that stays its evidence.
func agreed(g Grant, e Event) Grant {
	switch {
	case g.State != Granted:
	case e.ValidUntil.IsZero():
		return moved(g, e, Withdrawn)
	case endsBefore(Grant{ValidUntil: e.ValidUntil}, g):
		g.ValidUntil = e.ValidUntil
	}
	return g
}

func moved(g Grant, e Event, to State) Grant {
	next := Grant{State: to, Since: e.At, Event: e.ID, Objected: g.Objected}
	if to == Granted {
		next.ValidUntil, next.Text = e.ValidUntil, e.TextVersion
	}
	return next
}

// objected is the grant after a no: a question that was open is refused, anything else is withdrawn.
func objected(g Grant, e Event) Grant {
	g.Objected = true
	switch g.State {
	case Withdrawn, Refusal:
		return g // the first no is the one that counts
	case Pending:
		return moved(g, e, Refusal)
	case Granted, Expired, Stale:
		return moved(g, e, Withdrawn)
	case None, Lapsed:
	}
	if e.Kind == KindRefused {
		return moved(g, e, Refusal)
	}
	return moved(g, e, Withdrawn)
}

func imported(e Event) bool { return e.Kind == KindImported || e.Source == SourceImport }

// importable says whether an import may grant: nobody said no, nobody is being asked, and the grant is not there already,
// which an import must not prolong.
func importable(g Grant) bool {
	switch g.State {
	case None, Lapsed, Expired:
		return !g.Objected
	case Pending, Granted, Withdrawn, Stale, Refusal:
		return false
	}
	return false
}

// ownAct says whether the event is an act of the contact, or of somebody who records one. A keyword such as START lifts a
// stop and grants nothing; links that unsubscribe, reports and the program itself cannot consent for anybody.
func ownAct(e Event) bool {
	if imported(e) {
		return false
	}
	switch e.Source {
	case SourceAPI, SourcePreferencePage, SourceConfirmLink, SourceSignUpForm, SourceOperator:
		return true
	case SourceImport, SourceOneClick, SourceMailto, SourceSMSKeyword, SourceComplaint, SourceMerge, SourceSystem:
		return false
	}
	return false
}

// OwnProof says whether an entry is a grant by the person's own act that more shows than the word of whoever recorded it.
func OwnProof(e Event) bool {
	if !givenByOwnAct(e) {
		return false
	}
	switch e.Proof {
	case ProofDoubleOptIn, ProofOneTimeCode, ProofSignedForm:
		return true
	case ProofNone, ProofOperatorNote, ProofLink, ProofRenewalLink:
		return false
	}
	return false
}

func givenByOwnAct(e Event) bool {
	return ownAct(e) && (e.Kind == KindGranted || e.Kind == KindConfirmed || e.Kind == KindRenewed)
}
