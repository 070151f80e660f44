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
		before, err := c.grant(ctx, tx, e.ContactID, key)
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
			if err := tx.suppressAddress(ctx, w.AddressID, w.StopAddress, string(w.Event.Source), "", now); err != nil {
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
	if err != nil || len(list) > 0 {
		return list, err
	}
	if w.Writer != "" {
		return []vocab.ContactID{w.Writer}, tx.contactExists(ctx, w.Writer)
	}
	return nil, fault.Missing("address_not_found", "no contact has this address")
}

func (c *Consents) withdrawOne(ctx context.Context, tx *tx, e consent.Event, evidence string) error {
	grants, err := tx.grants(ctx, e.ContactID)
	if err != nil {
		return err
	}
	missing, err := c.missingGrants(ctx, tx, e, grants)
	if err != nil {
		return err
	}
	kept, err := tx.appendConsent(ctx, e, evidence)
	if err != nil {
		return err
	}
	for key, g := range missing {
		after := c.apply(key, g, e)
		if after.State != consent.None {
			if err := tx.keepGrant(ctx, e.ContactID, key, after, false); err != nil {
				return err
			}
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
	if len(ids) == 0 {
		return nil, nil
	}
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

// Event returns one entry; fault.NotFound if there is none.
func (c *Consents) Event(ctx context.Context, id vocab.ConsentEventID) (consent.Event, error) {
	list, err := c.db.reader().consentEvents(ctx, `id = $1`, string(id))
	if err != nil {
		return consent.Event{}, away(err)
	}
	if len(list) == 0 {
		return consent.Event{}, fault.Missing("consent_event_not_found", "there is no entry of the consent ledger with this id")
	}
	return list[0], nil
}

// Head returns the end of the chain.
func (c *Consents) Head(ctx context.Context) (consent.Head, error) {
	var head consent.Head
	err := c.db.reader().row(ctx, []any{&head.Seq, &head.Hash}, `SELECT seq, hash FROM consent_head WHERE id = 1`)
	return head, away(err)
}

// EventsOf returns a contact's entries, the newest first, at most n of them; before is the id of the last one of the page before, or "".
func (c *Consents) EventsOf(ctx context.Context, contact vocab.ContactID, before vocab.ConsentEventID, n int) ([]consent.Event, error) {
	list, err := c.db.reader().consentEvents(ctx, `
		contact_id = $1 AND ($2 = '' OR seq < (SELECT b.seq FROM consent_events b WHERE b.id = $2)) ORDER BY seq DESC LIMIT $3`,
		string(contact), string(before), n)
	return list, away(err)
}
