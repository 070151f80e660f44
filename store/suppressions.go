package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Suppressions keeps suppressions.
type Suppressions struct{ db *DB }

// NewSuppressions returns the suppressions of a database.
func NewSuppressions(db *DB) *Suppressions { return &Suppressions{db} }

// Add suppresses an address, whether or not a contact has it, and returns the suppression in force: an earlier one with the same
// reason stays, unless it is about fewer classes. Then a new one that is about all of them takes its place.
func (s *Suppressions) Add(ctx context.Context, channel vocab.Channel, lookup string, x contacts.Suppression) (contacts.Suppression, error) {
	hash := s.db.Hash(channel, lookup)
	var kept contacts.Suppression
	err := s.db.tx(ctx, func(tx *tx) error {
		var address vocab.AddressID
		err := tx.row(ctx, []any{&address}, `SELECT id FROM addresses WHERE channel = $1 AND lookup = $2`, string(channel), plain(lookup))
		if err != nil && !isNone(err) {
			return err
		}
		if address != "" {
			if err := tx.guard(ctx, nil, []vocab.AddressID{address}); err != nil {
				return err
			}
		}
		if _, err := tx.suppress(ctx, channel, hash, address, x); err != nil {
			return err
		}
		const inForce = `s.address_hash = $1 AND s.reason = $2 AND s.lifted_at IS NULL`
		if kept, err = tx.suppression(ctx, inForce, hash, string(x.Reason)); err != nil {
			return err
		}
		wider := union(kept.Classes, x.Classes)
		if slices.Equal(wider, kept.Classes) {
			return nil
		}
		if err := tx.lift(ctx, x.CreatedAt, contacts.Lift{By: x.Origin, Reason: "a wider one took its place"}, `id = $5`, string(kept.ID)); err != nil {
			return err
		}
		x.Classes = wider
		if _, err := tx.suppress(ctx, channel, hash, address, x); err != nil {
			return err
		}
		kept, err = tx.suppression(ctx, inForce, hash, string(x.Reason))
		return err
	})
	return kept, err
}

// union is the classes that two suppressions stop; empty: all.
func union(a, b []vocab.Class) []vocab.Class {
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// classesOf reads what classesText wrote.
func classesOf(text string) []vocab.Class {
	var list []vocab.Class
	for c := range strings.FieldsSeq(text) {
		list = append(list, vocab.Class(c))
	}
	return list
}

func classesText(list []vocab.Class) string {
	texts := make([]string, len(list))
	for i, c := range list {
		texts[i] = string(c)
	}
	slices.Sort(texts)
	return strings.Join(slices.Compact(texts), " ")
}

// listOfClasses reads classes.
type listOfClasses struct{ list *[]vocab.Class }

// Scan implements sql.Scanner.
func (l listOfClasses) Scan(v any) error {
	var text string
	err := textOf(&text).Scan(v)
	*l.list = classesOf(text)
	return err
}

// suppressAddress suppresses a known address and says whether it was not before; the caller holds its guard.
func (tx *tx) suppressAddress(ctx context.Context, address vocab.AddressID, reason contacts.SuppressionReason, origin, note string, now time.Time) (bool, error) {
	var channel vocab.Channel
	var hash string
	if err := tx.row(ctx, []any{&channel, &hash}, `SELECT channel, hash FROM addresses WHERE id = $1`, string(address)); err != nil {
		return false, err
	}
	return tx.suppress(ctx, channel, hash, address, contacts.Suppression{Reason: reason, Origin: origin, Note: note, CreatedAt: now})
}

// suppress suppresses an address by its keyed hash and says whether it was not before. What members and keys ask for is in the audit log by
// the door's doing; what comes of a bounce, a text or an erasure is written here.
func (tx *tx) suppress(ctx context.Context, channel vocab.Channel, hash string, address vocab.AddressID, x contacts.Suppression) (bool, error) {
	x.ID, x.Channel, x.AddressID = vocab.SuppressionID(vocab.NewID(vocab.SuppressionPrefix)), channel, address
	n, err := tx.exec(ctx, `
		INSERT INTO suppressions (id, channel, address_hash, address_id, reason, classes, origin, note, created_at, lifted_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '') ON CONFLICT DO NOTHING`,
		string(x.ID), string(channel), hash, null(address), string(x.Reason), classesText(x.Classes), plain(x.Origin), plain(x.Note),
		x.CreatedAt.UnixMicro())
	if err != nil || n == 0 {
		return false, err
	}
	if err := tx.tell(ctx, told{events.SuppressionCreated, x.CreatedAt, ofSuppression(x)}); err != nil || isActorID(x.Origin) {
		return true, err
	}
	return true, tx.audit(ctx, audit.Event{
		At: x.CreatedAt, Actor: audit.System(x.Origin), Operation: "create-suppression", Resource: audit.Resource{Kind: "suppression", ID: string(x.ID)},
		Reason: string(x.Reason), Status: 201,
	})
}

// isActorID says whether an origin is somebody who came through the API.
func isActorID(origin string) bool {
	return strings.HasPrefix(origin, vocab.APIKeyPrefix+"_") || strings.HasPrefix(origin, vocab.MemberPrefix+"_")
}

// Get returns one suppression; fault.NotFound if there is none.
func (s *Suppressions) Get(ctx context.Context, id vocab.SuppressionID) (contacts.Suppression, error) {
	x, err := s.db.reader().suppression(ctx, `s.id = $1`, string(id))
	if isNone(err) {
		return x, fault.Missing("suppression_not_found", "there is no suppression with this id")
	}
	return x, away(err)
}

// List returns suppressions, the newest first.
func (s *Suppressions) List(ctx context.Context, f contacts.SuppressionFilter) ([]contacts.Suppression, error) {
	hash := ""
	if f.Lookup != "" {
		hash = s.db.Hash(f.Channel, f.Lookup)
	}
	var list []contacts.Suppression
	var x contacts.Suppression
	err := s.db.reader().each(ctx, suppressionDest(&x), func() error {
		list = append(list, x)
		return nil
	}, `SELECT `+suppressionColumns+`
		WHERE ($1 = '' OR s.channel = $1) AND ($2 = '' OR s.address_hash = $2) AND ($3 = '' OR s.reason = $3)
		  AND ($4 OR s.lifted_at IS NULL) AND ($5 = '' OR s.id < $5)
		ORDER BY s.id DESC LIMIT $6`, string(f.Channel), hash, string(f.Reason), f.Lifted, string(f.After), f.Limit)
	return list, away(err)
}

// Lift ends a suppression and returns it. One that was lifted before stays as it is. The error is fault.NotFound if there is none, and
// fault.Invalid if its reason may not be lifted so (contacts.Lift.Check), or the entry of the ledger does not show it: that must be a grant
// of the person's own with proof, younger than the suppression, for the channel, by a contact who has the address.
func (s *Suppressions) Lift(ctx context.Context, id vocab.SuppressionID, l contacts.Lift, now time.Time) (contacts.Suppression, error) {
	var lifted contacts.Suppression
	err := s.db.tx(ctx, func(tx *tx) error {
		x, err := tx.suppression(ctx, `s.id = $1`, string(id))
		if isNone(err) {
			return fault.Missing("suppression_not_found", "there is no suppression with this id")
		}
		if lifted = x; err != nil || !x.LiftedAt.IsZero() {
			return err
		}
		if err := l.Check(x.Reason); err != nil {
			return err
		}
		if x.Reason == contacts.ErasedContact {
			if err := tx.shown(ctx, x, l.Event); err != nil {
				return err
			}
		}
		if err := tx.lift(ctx, now, l, `id = $5`, string(id)); err != nil {
			return err
		}
		lifted, err = tx.suppression(ctx, `s.id = $1`, string(id))
		return err
	})
	return lifted, err
}

// lift ends suppressions; where counts its values from $5 on.
func (tx *tx) lift(ctx context.Context, now time.Time, l contacts.Lift, where string, args ...any) error {
	var lifted []told
	var x contacts.Suppression
	if err := tx.each(ctx, []any{&x.ID, &x.Channel, textOf(&x.AddressID), &x.Reason}, func() error {
		lifted = append(lifted, told{events.SuppressionDeleted, now, ofSuppression(x)})
		return nil
	}, `UPDATE suppressions SET lifted_at = $1, lifted_by = $2, lift_reason = $3, lift_event = $4
		WHERE lifted_at IS NULL AND `+where+` RETURNING id, channel, address_id, reason`,
		append([]any{now.UnixMicro(), l.By, plain(l.Reason), string(l.Event)}, args...)...); err != nil {
		return err
	}
	return tx.tell(ctx, lifted...)
}

// shown asks the consent ledger whether the entry is a person's own grant with proof, at the address of the suppression and younger.
func (tx *tx) shown(ctx context.Context, x contacts.Suppression, event vocab.ConsentEventID) error {
	refuse := func(detail string) error { return fault.InvalidField("/consent_event_id", "not_shown", detail) }
	events, err := tx.consentEvents(ctx, `id = $1`, string(event))
	if err != nil {
		return err
	}
	if len(events) == 0 {
		return refuse("there is no such entry of the consent ledger")
	}
	e := events[0]
	if !consent.OwnProof(e) || e.Channel != x.Channel {
		return refuse("want a grant for this channel by the person's own act, with double opt-in, one-time code or signed form")
	}
	if !e.At.After(x.CreatedAt) {
		return refuse("the entry is older than the suppression")
	}
	var theirs bool
	if err := tx.row(ctx, []any{&theirs}, `
		SELECT EXISTS (
			SELECT 1 FROM suppressions s JOIN addresses a ON a.hash = s.address_hash
			JOIN contact_addresses l ON l.address_id = a.id AND l.reassigned_at IS NULL
			WHERE s.id = $1 AND l.contact_id = $2)`, string(x.ID), string(e.ContactID)); err != nil {
		return err
	}
	if !theirs {
		return refuse("the contact of this entry does not have the address")
	}
	return nil
}

const suppressionColumns = `s.id, s.channel, s.address_id, a.value, s.reason, s.classes, s.origin, s.note, s.created_at, s.lifted_at, s.lifted_by,
	s.lift_reason, s.lift_event
	FROM suppressions s LEFT JOIN addresses a ON a.id = s.address_id`

func suppressionDest(x *contacts.Suppression) []any {
	return []any{
		&x.ID, &x.Channel, textOf(&x.AddressID), textOf(&x.Address), &x.Reason,
		listOfClasses{&x.Classes},
		&x.Origin, &x.Note, at(&x.CreatedAt),
		at(&x.LiftedAt), &x.LiftedBy, &x.LiftedFor, &x.LiftEvent,
	}
}

func (r runner) suppression(ctx context.Context, where string, args ...any) (contacts.Suppression, error) {
	var x contacts.Suppression
	err := r.row(ctx, suppressionDest(&x), `SELECT `+suppressionColumns+` WHERE `+where, args...)
	return x, err
}

// AddressID returns the address with this identity; fault.NotFound if no contact ever had it.
func (s *Suppressions) AddressID(ctx context.Context, channel vocab.Channel, lookup string) (vocab.AddressID, error) {
	var id vocab.AddressID
	err := s.db.reader().row(ctx, []any{&id}, `SELECT id FROM addresses WHERE hash = $1`, s.db.Hash(channel, lookup))
	if isNone(err) {
		return "", fault.Missing("address_not_found", "no contact has this address")
	}
	return id, away(err)
}

// Stop suppresses a number that sent STOP and is no contact's.
func (s *Suppressions) Stop(ctx context.Context, lookup string, at time.Time) error {
	_, err := s.Add(ctx, vocab.SMS, lookup, contacts.Suppression{Reason: contacts.ChannelStop, Origin: "sms_keyword", CreatedAt: at})
	return err
}

// LiftStop ends the stop of a number that sent START. It revives no grant.
func (s *Suppressions) LiftStop(ctx context.Context, lookup string, at time.Time) error {
	return s.db.tx(ctx, func(tx *tx) error {
		return tx.lift(ctx, at, contacts.Lift{By: "sms_keyword", Reason: "START"}, `address_hash = $5 AND reason = $6`, s.db.Hash(vocab.SMS, lookup),
			string(contacts.ChannelStop))
	})
}
