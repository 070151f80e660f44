package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Consents keeps the consent ledger, an append-only chain of events, and its projection, one row for each grant.
type Consents struct {
	db       *DB
	registry *consent.Registry
}

// NewConsents returns the consents of a database. The registry says which purposes need a grant.
func NewConsents(db *DB, registry *consent.Registry) *Consents { return &Consents{db, registry} }

// Record appends one event about one contact and updates the projection. Use Withdraw for withdrawals: it also stops what waits. The
// error is fault.NotFound if there is no such contact, and fault.Conflict if the event changes nothing because the contact said no
// before (an import) or there was nothing to confirm.
func (c *Consents) Record(ctx context.Context, e consent.Event, evidence string, crossBorder bool) (consent.Event, consent.Grant, error) {
	var grant consent.Grant
	var kept consent.Event
	err := c.db.tx(ctx, func(tx *tx) error {
		if err := tx.guard(ctx, []vocab.ContactID{e.ContactID}, nil); err != nil {
			return err
		}
		if err := tx.contactExists(ctx, e.ContactID); err != nil {
			return err
		}
		key := consent.GrantKey{Purpose: e.Purpose, Channel: e.Channel, Topic: e.Topic}
		before, err := tx.grant(ctx, e.ContactID, key)
		if err != nil {
			return err
		}
		e.ID = vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix))
		grant = c.apply(key, before, e)
		if grant.Event != e.ID {
			return &fault.Error{
				Kind: fault.Conflict, Code: "consent_unchanged",
				Detail: "the grant is " + string(before.State) + " and this event does not change that; an earlier no is not overridden by an import",
			}
		}
		if kept, err = tx.appendConsent(ctx, e, evidence); err != nil {
			return err
		}
		if err := tx.keepGrant(ctx, e.ContactID, key, grant, crossBorder); err != nil {
			return err
		}
		return tx.keepUnsubscribed(ctx, kept)
	})
	return kept, grant, err
}

// apply is the projection of one key: purposes that need no grant know opting out alone.
func (c *Consents) apply(key consent.GrantKey, g consent.Grant, e consent.Event) consent.Grant {
	info, known := c.registry.Lookup(key.Purpose)
	if !known || info.NeedsGrant {
		return consent.Apply(key, g, e)
	}
	out := g.State == consent.Withdrawn || g.State == consent.Refusal
	now := consent.ApplyOptOut(out, e, key.Purpose, key.Channel)
	if now == out && g.State != "" {
		return g
	}
	state := consent.None
	if now {
		state = consent.Withdrawn
	}
	return consent.Grant{State: state, Since: e.At, Event: e.ID, Objected: g.Objected || now}
}

// Withdraw implements the street's withdrawal; see dispatcher.Withdrawer. The error is fault.NotFound if nobody is concerned.
func (c *Consents) Withdraw(ctx context.Context, w dispatcher.Withdrawal, now time.Time, covered func(consent.Event, dispatcher.Message) bool) (dispatcher.Withdrawn, error) {
	var done dispatcher.Withdrawn
	err := c.db.tx(ctx, func(tx *tx) error {
		done = dispatcher.Withdrawn{At: now}
		contacts, err := tx.concerned(ctx, w)
		if err != nil {
			return err
		}
		var addresses []vocab.AddressID
		if w.AddressID != "" {
			addresses = []vocab.AddressID{w.AddressID}
		}
		if err := tx.guard(ctx, contacts, addresses); err != nil {
			return err
		}
		for _, contact := range contacts {
			e := w.Event
			e.ID = vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix))
			e.ContactID, e.AddressID, e.At = contact, w.AddressID, now
			if err := c.withdrawOne(ctx, tx, e, w.Evidence); err != nil {
				return err
			}
			done.Events = append(done.Events, e.ID)
		}
		if w.StopAddress != "" && w.AddressID != "" {
			if err := tx.suppressAddress(ctx, w.AddressID, SuppressionReason(w.StopAddress), string(w.Event.Source), "", now); err != nil {
				return err
			}
		}
		if done.Canceled, err = tx.cancelCovered(ctx, contacts, w.Event, now, covered); err != nil {
			return err
		}
		done.InFlight, err = tx.openCovered(ctx, contacts, w.Event, covered)
		return err
	})
	if err != nil {
		return dispatcher.Withdrawn{}, fmt.Errorf("withdraw: %w", err)
	}
	return done, nil
}

// concerned returns the contacts of a withdrawal in the order of their guards.
func (tx *tx) concerned(ctx context.Context, w dispatcher.Withdrawal) ([]vocab.ContactID, error) {
	if w.ContactID != "" {
		return []vocab.ContactID{w.ContactID}, tx.contactExists(ctx, w.ContactID)
	}
	var list []vocab.ContactID
	var id vocab.ContactID
	err := tx.each(ctx, []any{&id}, func() error {
		list = append(list, id)
		return nil
	}, `SELECT contact_id FROM contact_addresses WHERE address_id = $1 ORDER BY contact_id`, string(w.AddressID))
	if err == nil && len(list) == 0 {
		err = fault.Missing("address_not_found", "no contact has this address")
	}
	return list, err
}

func (c *Consents) withdrawOne(ctx context.Context, tx *tx, e consent.Event, evidence string) error {
	kept, err := tx.appendConsent(ctx, e, evidence)
	if err != nil {
		return err
	}
	grants, err := tx.grants(ctx, e.ContactID)
	if err != nil {
		return err
	}
	// A purpose that needs no grant has no row until somebody opts out of it.
	if info, known := c.registry.Lookup(e.Purpose); known && !info.NeedsGrant {
		for _, ch := range vocab.Channels() {
			key := consent.GrantKey{Purpose: e.Purpose, Channel: ch}
			if _, have := grants[key]; !have && (e.Channel == "" || e.Channel == ch) {
				grants[key] = keptGrant{}
			}
		}
	} else if key := (consent.GrantKey{Purpose: e.Purpose, Channel: e.Channel, Topic: e.Topic}); known && e.Channel != "" {
		if _, have := grants[key]; !have {
			grants[key] = keptGrant{}
		}
	}
	for key, g := range grants {
		after := c.apply(key, g.Grant, e)
		if after.Event == e.ID || after.Objected != g.Objected {
			if err := tx.keepGrant(ctx, e.ContactID, key, after, g.crossBorder); err != nil {
				return err
			}
		}
	}
	return tx.keepUnsubscribed(ctx, kept)
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
	arg, err := jsonArg(ids)
	if err != nil {
		return nil, err
	}
	var done, wipe []vocab.MessageID
	var events []event
	m := dispatcher.Message{Status: dispatcher.Canceled}
	if err := tx.each(ctx, []any{&m.ID, &m.Class}, func() error {
		id := m.ID
		done = append(done, id)
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

// appendConsent puts an event at the end of the chain. The head is locked last of all, after every guard.
func (tx *tx) appendConsent(ctx context.Context, e consent.Event, evidence string) (consent.Event, error) {
	if evidence != "" {
		salt := make([]byte, 16)
		if _, err := rand.Read(salt); err != nil {
			return e, fmt.Errorf("salt of a commitment: %w", err)
		}
		e.Commitment = consent.Commit(salt, evidence)
		if _, err := tx.exec(ctx, `INSERT INTO consent_values (event_id, salt, value) VALUES ($1, $2, $3)`,
			string(e.ID), hex.EncodeToString(salt), evidence); err != nil {
			return e, err
		}
	}
	var head consent.Head
	if err := tx.row(ctx, []any{&head.Seq, &head.Hash}, `SELECT seq, hash FROM consent_head WHERE id = 1 {guard}`); err != nil {
		return e, err
	}
	e, head = consent.Chain(head, e)
	if _, err := tx.exec(ctx, `
		INSERT INTO consent_events (seq, id, kind, contact_id, address_id, scope, purpose, channel, topic, source, actor_kind, actor_id, language,
		                            text_hash, policy_version, at, valid_until, commitment, prev_hash, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
		e.Seq, string(e.ID), string(e.Kind), string(e.ContactID), string(e.AddressID), string(e.Scope), string(e.Purpose), string(e.Channel),
		string(e.Topic), string(e.Source), string(e.ActorKind), e.ActorID, string(e.Language), e.TextHash, e.PolicyVersion, micros(e.At),
		micros(e.ValidUntil), e.Commitment, e.PrevHash, e.Hash); err != nil {
		return e, err
	}
	_, err := tx.exec(ctx, `UPDATE consent_head SET seq = $1, hash = $2 WHERE id = 1`, head.Seq, head.Hash)
	return e, err
}

// keptGrant is a grant as the projection holds it.
type keptGrant struct {
	consent.Grant

	crossBorder bool
}

// grants reads the projection of one contact.
func (r runner) grants(ctx context.Context, contact vocab.ContactID) (map[consent.GrantKey]keptGrant, error) {
	all := map[consent.GrantKey]keptGrant{}
	var key consent.GrantKey
	var g keptGrant
	err := r.each(ctx, []any{
		&key.Purpose, &key.Channel, &key.Topic, &g.State, at(&g.Since), at(&g.ValidUntil), &g.Objected, &g.crossBorder, &g.Event,
	}, func() error {
		all[key] = g
		return nil
	}, `SELECT purpose, channel, topic, state, since, valid_until, objected, cross_border, event_id FROM consents WHERE contact_id = $1`,
		string(contact))
	return all, err
}

// grant returns one grant. One without a row is rebuilt from the contact's events: an earlier wide withdrawal counts for it too.
func (tx *tx) grant(ctx context.Context, contact vocab.ContactID, key consent.GrantKey) (consent.Grant, error) {
	all, err := tx.grants(ctx, contact)
	if err != nil {
		return consent.Grant{}, err
	}
	if g, have := all[key]; have {
		return g.Grant, nil
	}
	events, err := tx.consentEvents(ctx, `contact_id = $1 ORDER BY seq`, string(contact))
	g := consent.Grant{State: consent.None}
	for _, e := range events {
		g = consent.Apply(key, g, e)
	}
	return g, err
}

func (tx *tx) keepGrant(ctx context.Context, contact vocab.ContactID, key consent.GrantKey, g consent.Grant, crossBorder bool) error {
	_, err := tx.exec(ctx, `
		INSERT INTO consents (contact_id, purpose, channel, topic, state, since, valid_until, objected, cross_border, event_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (contact_id, purpose, channel, topic) DO UPDATE SET state = excluded.state, since = excluded.since,
			valid_until = excluded.valid_until, objected = excluded.objected, cross_border = excluded.cross_border, event_id = excluded.event_id`,
		string(contact), string(key.Purpose), string(key.Channel), string(key.Topic), string(g.State), g.Since.UnixMicro(), micros(g.ValidUntil),
		g.Objected, crossBorder, string(g.Event))
	return err
}

// keepUnsubscribed updates what a wide event says about the contact as a whole.
func (tx *tx) keepUnsubscribed(ctx context.Context, e consent.Event) error {
	var since time.Time
	if err := tx.row(ctx, []any{at(&since)}, `SELECT unsubscribed_all_at FROM contacts WHERE id = $1`, string(e.ContactID)); err != nil {
		return err
	}
	before := !since.IsZero()
	after := consent.ApplyUnsubscribed(before, e)
	if before != after {
		mark := any(nil)
		if after {
			mark = micros(e.At)
		}
		if _, err := tx.exec(ctx, `UPDATE contacts SET unsubscribed_all_at = $2 WHERE id = $1`, string(e.ContactID), mark); err != nil {
			return err
		}
	}
	core := e.Purpose == consent.ProcessingCore || e.Purpose == ""
	switch {
	case e.Scope == consent.ScopeProcessing && e.Kind == consent.KindWithdrawn && core:
		_, err := tx.exec(ctx, `UPDATE contacts SET processing_withdrawn_at = $2 WHERE id = $1 AND processing_withdrawn_at IS NULL`,
			string(e.ContactID), micros(e.At))
		return err
	case e.Purpose == consent.ProcessingCore && e.Kind == consent.KindGranted:
		_, err := tx.exec(ctx, `UPDATE contacts SET processing_withdrawn_at = NULL WHERE id = $1`, string(e.ContactID))
		return err
	}
	return nil
}

const consentEventColumns = `seq, id, kind, contact_id, address_id, scope, purpose, channel, topic, source, actor_kind, actor_id, language, text_hash,
	policy_version, at, valid_until, commitment, prev_hash, hash`

func (r runner) consentEvents(ctx context.Context, where string, args ...any) ([]consent.Event, error) {
	var list []consent.Event
	var e consent.Event
	err := r.each(ctx, []any{
		&e.Seq, &e.ID, &e.Kind, &e.ContactID, &e.AddressID, &e.Scope, &e.Purpose, &e.Channel, &e.Topic, &e.Source, &e.ActorKind, &e.ActorID,
		&e.Language, &e.TextHash, &e.PolicyVersion, at(&e.At), at(&e.ValidUntil), &e.Commitment, &e.PrevHash, &e.Hash,
	}, func() error {
		list = append(list, e)
		return nil
	}, `SELECT `+consentEventColumns+` FROM consent_events WHERE `+where, args...)
	return list, err
}

// Events returns the ledger's entries after seq in order, at most n of them.
func (c *Consents) Events(ctx context.Context, after int64, n int) ([]consent.Event, error) {
	list, err := c.db.reader().consentEvents(ctx, `seq > $1 ORDER BY seq LIMIT $2`, after, n)
	return list, away(err)
}

// Head returns the end of the chain.
func (c *Consents) Head(ctx context.Context) (consent.Head, error) {
	var head consent.Head
	err := c.db.reader().row(ctx, []any{&head.Seq, &head.Hash}, `SELECT seq, hash FROM consent_head WHERE id = 1`)
	return head, away(err)
}

// ContactConsent is the present state of one grant of a contact.
type ContactConsent struct {
	Key         consent.GrantKey
	Grant       consent.Grant
	CrossBorder bool
}

// OfContact returns the grants of a contact, sorted by purpose, channel and topic.
func (c *Consents) OfContact(ctx context.Context, contact vocab.ContactID) ([]ContactConsent, error) {
	all, err := c.db.reader().grants(ctx, contact)
	if err != nil {
		return nil, away(err)
	}
	list := make([]ContactConsent, 0, len(all))
	for key, g := range all {
		list = append(list, ContactConsent{key, g.Grant, g.crossBorder})
	}
	slices.SortFunc(list, func(a, b ContactConsent) int {
		return slices.Compare([]string{string(a.Key.Purpose), string(a.Key.Channel), string(a.Key.Topic)},
			[]string{string(b.Key.Purpose), string(b.Key.Channel), string(b.Key.Topic)})
	})
	return list, nil
}
