package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Withdraw implements the street's withdrawal; see dispatcher.Withdrawer. What is withdrawn already is not said again: for a contact whom
// the event would change nothing the ledger's earlier entry is named, unless the address is stopped anew. What waits is canceled and what
// is open is named in any case. The error is fault.NotFound if nobody is concerned.
func (c *Consents) Withdraw(ctx context.Context, w dispatcher.Withdrawal, now time.Time, covered func(consent.Event, dispatcher.Message) bool) (dispatcher.Withdrawn, error) {
	var done dispatcher.Withdrawn
	err := c.db.tx(ctx, func(tx *tx) error {
		contacts, err := tx.guardConcerned(ctx, w)
		if err != nil {
			return err
		}
		done, err = c.withdrawFrom(ctx, tx, contacts, w, now, covered)
		return err
	})
	if err != nil {
		return dispatcher.Withdrawn{}, fmt.Errorf("withdraw: %w", err)
	}
	return done, nil
}

// withdrawFrom records a withdrawal for contacts whose guards the caller holds, with that of the address it came by.
func (c *Consents) withdrawFrom(ctx context.Context, tx *tx, contacts []vocab.ContactID, w dispatcher.Withdrawal, now time.Time, covered func(consent.Event, dispatcher.Message) bool) (done dispatcher.Withdrawn, err error) {
	stopped := false
	if w.StopAddress != "" && w.AddressID != "" {
		if stopped, err = tx.suppressAddress(ctx, w.AddressID, w.StopAddress, string(w.Event.Source), "", now); err != nil {
			return done, err
		}
	}
	for _, contact := range contacts {
		e := w.Event
		e.ID = vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix))
		e.ContactID, e.AddressID, e.At = contact, w.AddressID, now
		kept, err := c.withdrawOne(ctx, tx, e, w.Evidence, stopped)
		if err != nil {
			return done, err
		}
		done.Events = append(done.Events, kept.ID)
		if kept.ID == e.ID {
			done.At = now
		} else if kept.At.After(done.At) {
			done.At = kept.At
		}
	}
	if done.Canceled, err = tx.cancelCovered(ctx, contacts, w.Event, now, covered); err != nil {
		return done, err
	}
	if done.InFlight, err = tx.openCovered(ctx, contacts, w.Event, covered); err != nil {
		return done, err
	}
	return done, tx.answered(ctx, w, now)
}

// answered notes at the message what its recipient did, once for each thing.
func (tx *tx) answered(ctx context.Context, w dispatcher.Withdrawal, now time.Time) error {
	kind := ""
	switch w.Event.Source {
	case consent.SourceOneClick, consent.SourceMailto:
		kind = "unsubscribed"
	case consent.SourceComplaint:
		kind = "complained"
	case consent.SourceAPI, consent.SourcePreferencePage, consent.SourceConfirmLink, consent.SourceSignUpForm, consent.SourceOperator,
		consent.SourceImport, consent.SourceSMSKeyword, consent.SourceMerge, consent.SourceSystem:
	}
	if w.Message == "" || kind == "" {
		return nil
	}
	return tx.addEvents(ctx, []event{{message: w.Message, kind: kind, at: now, dedupe: kind}})
}

// guardConcerned guards the contacts of a withdrawal and the address it came by, and returns the contacts in the order of their guards.
// They are looked for again under the guards: a merge or a new link may have come between.
func (tx *tx) guardConcerned(ctx context.Context, w dispatcher.Withdrawal) ([]vocab.ContactID, error) {
	var addresses []vocab.AddressID
	if w.AddressID != "" {
		addresses = []vocab.AddressID{w.AddressID}
	}
	contacts, err := tx.concerned(ctx, w)
	for err == nil {
		if err = tx.guard(ctx, contacts, addresses); err != nil {
			break
		}
		var again []vocab.ContactID
		if again, err = tx.concerned(ctx, w); err == nil && slices.Equal(contacts, again) {
			return contacts, nil
		}
		contacts = again
	}
	return nil, err
}

// concerned returns the contacts of a withdrawal in the order of their guards. One that was merged stands for its survivor: a no is never
// refused because somebody tidied up.
func (tx *tx) concerned(ctx context.Context, w dispatcher.Withdrawal) ([]vocab.ContactID, error) {
	if w.ContactID != "" {
		return tx.survivorOf(ctx, w.ContactID)
	}
	var list []vocab.ContactID
	var id vocab.ContactID
	err := tx.each(ctx, []any{&id}, func() error {
		list = append(list, id)
		return nil
	}, `SELECT contact_id FROM contact_addresses WHERE address_id = $1 ORDER BY contact_id`, string(w.AddressID))
	if err != nil || len(list) > 0 {
		return list, err
	}
	if w.Writer != "" {
		return tx.survivorOf(ctx, w.Writer)
	}
	return nil, fault.Missing("address_not_found", "no contact has this address")
}

// withdrawOne appends the event for its contact and updates the projection, and returns the event as it is kept. An event that changes
// nothing is not appended unless it is to be said anew: the earlier one that says all of it is returned. The caller holds the contact's
// guard, so that of two at once the second one sees the first.
func (c *Consents) withdrawOne(ctx context.Context, tx *tx, e consent.Event, evidence string, anew bool) (consent.Event, error) {
	grants, err := tx.grants(ctx, e.ContactID)
	if err != nil {
		return e, err
	}
	missing, err := c.missingGrants(ctx, tx, e, grants)
	if err != nil {
		return e, err
	}
	had, err := tx.marks(ctx, e.ContactID)
	if err != nil {
		return e, err
	}
	changes := had.after(e) != had
	after := map[consent.GrantKey]keptGrant{}
	for key, g := range missing {
		next := c.apply(key, g, e)
		changes = changes || next != g
		if next.State != consent.None {
			after[key] = keptGrant{Grant: next}
		}
	}
	for key, g := range grants {
		if next := c.apply(key, g.Grant, e); next != g.Grant {
			changes = true
			after[key] = keptGrant{next, g.crossBorder}
		}
	}
	if !changes && !anew {
		earlier, said, err := c.saidBefore(ctx, tx, e)
		if err != nil || said {
			return earlier, err
		}
	}
	kept, err := tx.appendConsent(ctx, e, evidence)
	if err != nil {
		return e, err
	}
	for key, g := range after {
		if err := tx.keepGrant(ctx, e.ContactID, key, g.Grant, g.crossBorder); err != nil {
			return e, err
		}
	}
	return kept, tx.keepMarks(ctx, kept)
}

// saidBefore returns the newest earlier event of the contact that says all that e says, preferably in the same words. It answers for the
// grants that have no row: those rest on the wide events alone, because whatever names a grant makes its row.
func (c *Consents) saidBefore(ctx context.Context, tx *tx, e consent.Event) (consent.Event, bool, error) {
	events, err := tx.consentEvents(ctx, `contact_id = $1 AND kind IN ('withdrawn', 'refused') ORDER BY seq DESC`, string(e.ContactID))
	if err != nil {
		return e, false, err
	}
	for _, x := range events {
		if x.Scope == e.Scope && x.Purpose == e.Purpose && x.Channel == e.Channel && x.Topic == e.Topic {
			return x, true, nil
		}
	}
	if _, registered := c.registry.Lookup(e.Purpose); !registered && e.Purpose != "" {
		return e, false, nil // it may be registered one day as one that only a withdrawal by its name ends
	}
	for _, x := range events {
		if dispatcher.Includes(x, e) {
			return x, true, nil
		}
	}
	return e, false, nil
}

// cancelCovered cancels what waits and is covered.
func (tx *tx) cancelCovered(ctx context.Context, contacts []vocab.ContactID, e consent.Event, now time.Time, covered func(consent.Event, dispatcher.Message) bool) ([]vocab.MessageID, error) {
	ids, err := tx.coveredMessages(ctx, contacts, e, covered, `m.status IN ('scheduled', 'queued', 'held', 'deferred')`)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return tx.cancel(ctx, ids, string(consent.ConsentWithdrawn), now)
}

// openCovered reads the covered messages whose attempt is open. It is a later statement than the one that took the guards, so it sees
// every claim that was committed before them.
func (tx *tx) openCovered(ctx context.Context, contacts []vocab.ContactID, e consent.Event, covered func(consent.Event, dispatcher.Message) bool) ([]vocab.MessageID, error) {
	return tx.coveredMessages(ctx, contacts, e, covered, `m.status = 'sending'`)
}

func (tx *tx) coveredMessages(ctx context.Context, contacts []vocab.ContactID, e consent.Event, covered func(consent.Event, dispatcher.Message) bool, where string) ([]vocab.MessageID, error) {
	arg, err := jsonArg(contacts)
	if err != nil {
		return nil, err
	}
	var ids []vocab.MessageID
	var m dispatcher.Message
	err = tx.each(ctx, messageDest(&m), func() error {
		if covered(e, m) {
			ids = append(ids, m.ID)
		}
		return nil
	}, `SELECT `+messageColumns+` FROM messages m WHERE m.contact_id IN {ids $1} AND m.due_at IS NOT NULL AND `+where+` ORDER BY m.id`, arg)
	return ids, err
}

// cancel calls back messages that wait and returns those it got.
func (tx *tx) cancel(ctx context.Context, ids []vocab.MessageID, reason string, now time.Time) ([]vocab.MessageID, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return nil, err
	}
	var done, wipe []vocab.MessageID
	var dues []due
	var events []event
	m := dispatcher.Message{Status: dispatcher.Canceled}
	if err := tx.each(ctx, []any{&m.ID, &m.Class}, func() error {
		id := m.ID
		done = append(done, id)
		dues = append(dues, due{message: id})
		if !keepsPayload(m) {
			wipe = append(wipe, id)
		}
		events = append(events, event{message: id, kind: string(dispatcher.Canceled), at: now, reason: reason})
		return nil
	}, `
		UPDATE messages SET status = 'canceled', due_at = NULL, finalized_at = $2
		WHERE id IN {ids $1} AND status IN ('scheduled', 'queued', 'held', 'deferred')
		RETURNING id, class`, arg, now.UnixMicro()); err != nil {
		return nil, err
	}
	slices.Sort(done)
	if err := tx.setDues(ctx, dues); err != nil {
		return nil, err
	}
	if err := tx.wipe(ctx, wipe); err != nil {
		return nil, err
	}
	return done, tx.addEvents(ctx, events)
}

// Open returns those of the messages that have an open attempt.
func (c *Consents) Open(ctx context.Context, ids []vocab.MessageID) ([]vocab.MessageID, error) {
	arg, err := jsonArg(ids)
	if err != nil {
		return nil, err
	}
	var open []vocab.MessageID
	var id vocab.MessageID
	err = c.db.reader().each(ctx, []any{&id}, func() error {
		open = append(open, id)
		return nil
	}, `SELECT id FROM messages WHERE id IN {ids $1} AND status = 'sending' ORDER BY id`, arg)
	return open, away(err)
}
