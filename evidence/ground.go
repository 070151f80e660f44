package evidence

import (
	"context"
	"math"
	"slices"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// ground is what the contact had granted, how it was confirmed, and in which words; of messages that need a grant, or were refused for
// something that the contact said.
func (w *work) ground(ctx context.Context) error {
	info, _ := w.o.Purposes.Lookup(w.m.Purpose)
	named := w.m.Decision.Basis.Event
	if named == "" && !info.NeedsGrant {
		return nil
	}
	key := consent.GrantKey{Purpose: w.m.Purpose, Channel: w.m.Channel, Topic: w.m.Topic}
	history, groundAt, err := w.history(ctx, named)
	if err != nil {
		return err
	}
	g := &Grant{Purpose: key.Purpose, Channel: key.Channel, Topic: key.Topic, StateThen: consent.None, StateNow: consent.None}
	w.d.Grant = g
	if err := w.stateNow(ctx, g, key); err != nil {
		return err
	}
	steps := stepsOf(key, history, named)
	for i, s := range steps {
		if groundAt == 0 || s.event.Seq > groundAt {
			steps[i].role = RoleLater
			continue
		}
		g.StateThen, g.ValidUntilThen = s.grant.State, s.grant.ValidUntil.UTC()
		if s.event.Kind.Agrees() && s.grant.State == consent.Granted {
			g.AgreedAt = s.event.At.UTC()
		}
	}
	if groundAt == 0 && !slices.Contains(w.m.Decision.All, consent.NoConsent) { // what was there at that time, by the clock
		for i, s := range steps {
			if s.event.RecordedAt.After(w.m.Decision.At) || s.event.At.After(w.m.Decision.At) {
				break
			}
			steps[i].role = RoleEarlier
			g.StateThen, g.ValidUntilThen = s.grant.State, s.grant.ValidUntil.UTC()
		}
	}
	if at := w.m.Decision.At; g.StateThen == consent.Granted && !g.ValidUntilThen.IsZero() && !at.Before(g.ValidUntilThen) {
		g.StateThen = consent.Expired // by the clock; the ledger may say so later, or not at all
	}
	markRequest(steps, named)
	if err := w.entries(ctx, steps); err != nil {
		return err
	}
	return w.words(ctx, steps)
}

// history returns the contact's entries and the number of the one that the decision names; 0 if it names none, or that is not there.
func (w *work) history(ctx context.Context, named vocab.ConsentEventID) ([]consent.Event, int64, error) {
	contact, at := w.m.ContactID, int64(0)
	var general *consent.Event // an entry about everybody, such as a material change of a text
	if named != "" {
		e, err := w.o.Ledger.Event(ctx, named)
		switch {
		case fault.KindOf(err) == fault.NotFound:
		case err != nil:
			return nil, 0, err
		default:
			at = e.Seq
			if e.ContactID == "" {
				general = &e
			} else {
				contact = e.ContactID // of somebody who was merged, it may be another id
			}
		}
	}
	history, err := w.o.Ledger.History(ctx, contact, math.MaxInt64)
	if general != nil {
		i, _ := slices.BinarySearchFunc(history, general.Seq, func(e consent.Event, seq int64) int { return int(e.Seq - seq) })
		history = slices.Insert(history, i, *general)
	}
	return history, at, err
}

func (w *work) stateNow(ctx context.Context, g *Grant, key consent.GrantKey) error {
	held, err := w.o.Ledger.OfContact(ctx, w.m.ContactID)
	for _, h := range held {
		if h.Key == key {
			g.StateNow, g.SinceNow = h.Grant.State, h.Grant.Since.UTC()
		}
	}
	return err
}

// step is an entry and what the grant was after it.
type step struct {
	event consent.Event
	grant consent.Grant
	role  Role
}

// stepsOf replays the life of one grant: from its first question since the last no before the entry that is named, to the end. An entry that
// changes nothing is left out, unless it is the one, or the request that it confirms.
func stepsOf(key consent.GrantKey, history []consent.Event, named vocab.ConsentEventID) []step {
	var steps []step
	g := consent.Grant{State: consent.None}
	passed := false
	for _, e := range history {
		before := g
		g = consent.Apply(key, g, e)
		own := e.Kind == consent.KindRequested && e.Purpose == key.Purpose && e.Channel == key.Channel && e.Topic == key.Topic
		if g == before && e.ID != named && !own {
			continue
		}
		if !passed && e.Kind.Agrees() && ended(before.State) {
			steps = nil // what came before a no is another life
		}
		passed = passed || e.ID == named
		after := g
		if e.Kind == consent.KindStale && e.ID == named {
			after.State = consent.Stale // of everybody who agreed to an earlier text
		}
		role := RoleEarlier
		if e.ID == named {
			role = RoleGround
		}
		steps = append(steps, step{e, after, role})
	}
	return steps
}

// ended says whether a grant of the state is over until it is given anew.
func ended(s consent.State) bool {
	switch s {
	case consent.Withdrawn, consent.Refusal, consent.Lapsed:
		return true
	case consent.None, consent.Pending, consent.Granted, consent.Expired, consent.Stale:
		return false
	}
	return false
}

// markRequest finds the first half of the pair: the request that the newest yes up to the ground confirmed.
func markRequest(steps []step, named vocab.ConsentEventID) {
	var yes *step
	for i := range steps {
		if s := &steps[i]; s.role != RoleLater && s.event.Kind.Agrees() && s.event.Kind != consent.KindRequested {
			yes = s
		}
	}
	if yes == nil {
		return
	}
	for i := len(steps) - 1; i >= 0; i-- {
		s := &steps[i]
		if s.event.Kind != consent.KindRequested || s.event.Seq > yes.event.Seq || s.event.ID == named {
			continue
		}
		switch yes.event.Proof {
		case consent.ProofDoubleOptIn:
			if yes.event.ProofRef == string(s.event.ID) {
				s.role = RoleRequest
				return
			}
		case consent.ProofOneTimeCode:
			s.role = RoleRequest // the newest one before the code
			return
		case consent.ProofNone, consent.ProofSignedForm, consent.ProofOperatorNote, consent.ProofRenewalLink, consent.ProofLink:
			if yes.event.Kind == consent.KindConfirmed {
				s.role = RoleRequest
			}
			return
		}
	}
}

// entries adds the steps, with proofs of the two that matter most.
func (w *work) entries(ctx context.Context, steps []step) error {
	ids := make([]vocab.ConsentEventID, len(steps))
	for i, s := range steps {
		ids[i] = s.event.ID
	}
	beside := map[vocab.ConsentEventID]consent.Beside{}
	if w.r.Full && len(ids) > 0 {
		var err error
		if beside, err = w.o.Ledger.ValuesBeside(ctx, ids); err != nil {
			return err
		}
	}
	for _, s := range steps {
		e := Entry{Role: s.role, Entry: consent.EntryOf(s.event), StateAfter: s.grant.State}
		if v, kept := beside[s.event.ID]; kept {
			e.Beside = &v
		}
		if s.role == RoleGround || s.role == RoleRequest {
			p, err := w.o.Notary.Inclusion(ctx, s.event.ID)
			switch fault.KindOf(err) { //nolint:exhaustive // any other error means that nothing is known
			case fault.Conflict, fault.NotFound:
				e.Unproved = err.Error()
			default:
				if err != nil {
					return err
				}
				e.Proof = &p
			}
		}
		w.d.Entries = append(w.d.Entries, e)
	}
	return nil
}

// words are those that the newest yes up to the ground names, or the request that it confirmed.
func (w *work) words(ctx context.Context, steps []step) error {
	var shown consent.Event
	for _, s := range steps {
		if s.role != RoleLater && s.event.Kind.Agrees() && (s.event.TextVersion > 0 || s.event.TextHash != "") {
			shown = s.event
		}
	}
	w.d.Words = &Words{State: WordsUnknown}
	if shown.ID == "" {
		return nil
	}
	*w.d.Words = Words{State: WordsElsewhere, EventID: shown.ID, Hash: shown.TextHash, Version: shown.TextVersion, Language: shown.Language}
	versions, err := w.o.Texts.Versions(ctx, shown.Purpose, shown.Channel)
	if err != nil {
		return err
	}
	for _, t := range versions {
		lang, fits := t.LanguageOf(shown.TextHash)
		if !fits || shown.TextVersion != 0 && t.Version != shown.TextVersion {
			continue
		}
		variant := t.Variants[lang]
		*w.d.Words = Words{
			State: WordsKept, EventID: shown.ID, Hash: shown.TextHash, Version: t.Version, Purpose: t.Purpose, Channel: t.Channel, Language: lang,
			BIN: t.BIN, PolicyVersion: t.PolicyVersion, PublishedAt: t.PublishedAt.UTC(), Text: &variant,
		}
		return nil
	}
	return nil
}
