package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"github.com/orleu/elshi/consent"
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
		if err := tx.notOvertaken(ctx, before.Grant, e); err != nil {
			return err
		}
		covers := crossBorder
		if e.Kind == consent.KindRenewed && e.TextVersion == before.Text { // of what was agreed to before
			covers = before.crossBorder
		}
		e.ID = vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix))
		grant = c.apply(key, before.Grant, e)
		if grant.Event != e.ID {
			return &fault.Error{
				Kind: fault.Conflict, Code: "consent_unchanged",
				Detail: "the grant is " + string(before.State) + " and this event does not change that; an earlier no is not overridden by an import",
			}
		}
		if kept, err = tx.appendConsent(ctx, e, evidence); err != nil {
			return err
		}
		if err := tx.keepGrant(ctx, e.ContactID, key, grant, covers); err != nil {
			return err
		}
		if err := c.reachOthers(ctx, tx, kept, key); err != nil {
			return err
		}
		return tx.keepMarks(ctx, kept)
	})
	return kept, grant, err
}

// notOvertaken says by a nil error that a yes is news. One that was given some time ago, on paper or in another system, is not if the
// contact has said no since, or has said yes again since.
func (tx *tx) notOvertaken(ctx context.Context, before consent.Grant, e consent.Event) error {
	if e.Kind == consent.KindRefused || !e.At.Before(e.RecordedAt) {
		return nil
	}
	overtaken := before.State == consent.Granted && e.At.Before(before.Since)
	noes, err := tx.consentEvents(ctx, `contact_id = $1 AND kind IN ('withdrawn', 'refused') AND at > $2`, string(e.ContactID), e.At.UnixMicro())
	if err != nil {
		return err
	}
	for _, no := range noes {
		overtaken = overtaken || consent.Covers(no, e.Purpose, e.Channel, e.Topic)
	}
	if overtaken {
		return &fault.Error{
			Kind: fault.Conflict, Code: "consent_unchanged",
			Detail: "this was given before something the contact said later, which the ledger holds already: an earlier yes changes nothing",
		}
	}
	return nil
}

// reachOthers applies an event to the contact's other grants: a no to a purpose is one to all its topics.
func (c *Consents) reachOthers(ctx context.Context, tx *tx, e consent.Event, own consent.GrantKey) error {
	grants, err := tx.grants(ctx, e.ContactID)
	if err != nil {
		return err
	}
	for key, g := range grants {
		next := c.apply(key, g.Grant, e)
		if key == own || next == g.Grant {
			continue
		}
		if err := tx.keepGrant(ctx, e.ContactID, key, next, g.crossBorder); err != nil {
			return err
		}
	}
	return nil
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

// appendConsent puts an event at the end of the chain. The head is locked last of all, after every guard.
func (tx *tx) appendConsent(ctx context.Context, e consent.Event, evidence string) (consent.Event, error) {
	if evidence != "" {
		who, err := tx.contact(ctx, e.ContactID)
		if err != nil {
			return e, err
		}
		if who.ErasedAt != nil {
			evidence = "" // nothing about the person comes back
		}
	}
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
	if err := tx.tellConsent(ctx, e); err != nil { // before the head is locked, for which everybody waits
		return e, err
	}
	var head consent.Head
	if err := tx.row(ctx, []any{&head.Seq, &head.Hash}, `SELECT seq, hash FROM consent_head WHERE id = 1 {guard}`); err != nil {
		return e, err
	}
	e, head = consent.Chain(head, e)
	if _, err := tx.exec(ctx, `
		INSERT INTO consent_events (seq, id, kind, contact_id, address_id, scope, purpose, channel, topic, source, actor_kind, actor_id, language,
		                            text_version, text_hash, policy_version, proof, proof_ref, at, recorded_at, valid_until, commitment, prev_hash, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)`,
		e.Seq, string(e.ID), string(e.Kind), string(e.ContactID), string(e.AddressID), string(e.Scope), string(e.Purpose), string(e.Channel),
		string(e.Topic), string(e.Source), string(e.ActorKind), e.ActorID, string(e.Language), e.TextVersion, e.TextHash, e.PolicyVersion,
		string(e.Proof), e.ProofRef, micros(e.At), micros(e.RecordedAt), micros(e.ValidUntil), e.Commitment, e.PrevHash, e.Hash); err != nil {
		return e, err
	}
	_, err := tx.exec(ctx, `UPDATE consent_head SET seq = $1, hash = $2 WHERE id = 1`, head.Seq, head.Hash)
	return e, err
}

const consentEventColumns = `seq, id, kind, contact_id, address_id, scope, purpose, channel, topic, source, actor_kind, actor_id, language, text_version,
	text_hash, policy_version, proof, proof_ref, at, recorded_at, valid_until, commitment, prev_hash, hash`

func consentEventDest(e *consent.Event) []any {
	return []any{
		&e.Seq, &e.ID, &e.Kind, &e.ContactID, &e.AddressID, &e.Scope, &e.Purpose, &e.Channel, &e.Topic, &e.Source, &e.ActorKind, &e.ActorID,
		&e.Language, &e.TextVersion, &e.TextHash, &e.PolicyVersion, &e.Proof, &e.ProofRef, at(&e.At), at(&e.RecordedAt), at(&e.ValidUntil),
		&e.Commitment, &e.PrevHash, &e.Hash,
	}
}

func (r runner) consentEvents(ctx context.Context, where string, args ...any) ([]consent.Event, error) {
	var list []consent.Event
	var e consent.Event
	err := r.each(ctx, consentEventDest(&e), func() error {
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

// Stray returns the number of the first entry behind the head, which nobody who appends leaves there; 0 if there is none.
func (c *Consents) Stray(ctx context.Context) (int64, error) {
	var seq int64
	err := c.db.reader().row(ctx, []any{&seq},
		`SELECT COALESCE(MIN(seq), 0) FROM consent_events WHERE seq > (SELECT seq FROM consent_head WHERE id = 1)`)
	return seq, away(err)
}

// Misvalued returns the first entry from one number to another beside which a value is kept that it does not commit to; its Why is empty
// if there is none. A value that is gone was erased.
func (c *Consents) Misvalued(ctx context.Context, from, to int64) (consent.Break, error) {
	var first consent.Break
	var seq int64
	var id vocab.ConsentEventID
	var commitment, salt, value string
	err := c.db.reader().each(ctx, []any{&seq, &id, &commitment, &salt, &value}, func() error {
		raw, _ := hex.DecodeString(salt) // a salt that is none makes another commitment
		if first.Why == "" && consent.Commit(raw, value) != commitment {
			first = consent.Break{Why: consent.OtherValue, Seq: seq, ID: id}
		}
		return nil
	}, `
		SELECT e.seq, e.id, e.commitment, v.salt, v.value FROM consent_events e JOIN consent_values v ON v.event_id = e.id
		WHERE e.seq >= $1 AND e.seq <= $2 ORDER BY e.seq`, from, to)
	return first, away(err)
}

// EventsOf returns a contact's entries with those of contacts that were merged into it, the newest first, at most n of them; before is the id of the last one of the page before, or "".
func (c *Consents) EventsOf(ctx context.Context, contact vocab.ContactID, before vocab.ConsentEventID, n int) ([]consent.Event, error) {
	same, err := c.db.reader().sameAs(ctx, contact)
	if err != nil {
		return nil, away(err)
	}
	if len(same) > 1 {
		arg, err := jsonArg(same)
		if err != nil {
			return nil, err
		}
		list, err := c.db.reader().consentEvents(ctx, `
			contact_id IN {ids $1} AND ($2 = '' OR seq < (SELECT b.seq FROM consent_events b WHERE b.id = $2)) ORDER BY seq DESC LIMIT $3`,
			arg, string(before), n)
		return list, away(err)
	}
	list, err := c.db.reader().consentEvents(ctx, `
		contact_id = $1 AND ($2 = '' OR seq < (SELECT b.seq FROM consent_events b WHERE b.id = $2)) ORDER BY seq DESC LIMIT $3`,
		string(contact), string(before), n)
	return list, away(err)
}

// History returns a contact's entries, and those about everybody (the material changes of texts), up to the number seq, the oldest first.
func (c *Consents) History(ctx context.Context, contact vocab.ContactID, seq int64) ([]consent.Event, error) {
	list, err := c.db.reader().consentEvents(ctx, `contact_id IN ('', $1) AND seq <= $2 ORDER BY seq`, string(contact), seq)
	return list, away(err)
}

// Walk calls f with the entries from one number to another, in order.
func (c *Consents) Walk(ctx context.Context, from, to int64, f func(consent.Event) error) error {
	var e consent.Event
	return away(c.db.reader().each(ctx, consentEventDest(&e), func() error { return f(e) },
		`SELECT `+consentEventColumns+` FROM consent_events WHERE seq >= $1 AND seq <= $2 ORDER BY seq`, from, to))
}
