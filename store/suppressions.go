package store

import (
	"context"
	"time"

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
// reason stays.
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
		if _, err := tx.suppress(ctx, channel, hash, address, x.Reason, x.Origin, x.Note, x.CreatedAt); err != nil {
			return err
		}
		kept, err = tx.suppression(ctx, `s.address_hash = $1 AND s.reason = $2 AND s.lifted_at IS NULL`, hash, string(x.Reason))
		return err
	})
	return kept, err
}

// suppressAddress suppresses a known address and says whether it was not before; the caller holds its guard.
func (tx *tx) suppressAddress(ctx context.Context, address vocab.AddressID, reason contacts.SuppressionReason, origin, note string, now time.Time) (bool, error) {
	var channel vocab.Channel
	var hash string
	if err := tx.row(ctx, []any{&channel, &hash}, `SELECT channel, hash FROM addresses WHERE id = $1`, string(address)); err != nil {
		return false, err
	}
	return tx.suppress(ctx, channel, hash, address, reason, origin, note, now)
}

func (tx *tx) suppress(ctx context.Context, channel vocab.Channel, hash string, address vocab.AddressID, reason contacts.SuppressionReason, origin, note string, now time.Time) (bool, error) {
	id := vocab.SuppressionID(vocab.NewID(vocab.SuppressionPrefix))
	n, err := tx.exec(ctx, `
		INSERT INTO suppressions (id, channel, address_hash, address_id, reason, origin, note, created_at, lifted_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '') ON CONFLICT DO NOTHING`,
		string(id), string(channel), hash, null(address), string(reason), plain(origin), plain(note), now.UnixMicro())
	if err != nil || n == 0 {
		return false, err
	}
	x := contacts.Suppression{ID: id, Channel: channel, AddressID: address, Reason: reason}
	return true, tx.tell(ctx, told{events.SuppressionCreated, now, ofSuppression(x)})
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

// Lift ends a suppression and returns it; fault.NotFound if there is none. One that was lifted before stays as it is.
func (s *Suppressions) Lift(ctx context.Context, id vocab.SuppressionID, by string, now time.Time) (contacts.Suppression, error) {
	if err := s.db.tx(ctx, func(tx *tx) error { return tx.lift(ctx, now, by, `id = $3`, string(id)) }); err != nil {
		return contacts.Suppression{}, err
	}
	return s.Get(ctx, id)
}

// lift ends suppressions; where counts its values from $3 on.
func (tx *tx) lift(ctx context.Context, now time.Time, by, where string, args ...any) error {
	var lifted []told
	var x contacts.Suppression
	if err := tx.each(ctx, []any{&x.ID, &x.Channel, textOf(&x.AddressID), &x.Reason}, func() error {
		lifted = append(lifted, told{events.SuppressionDeleted, now, ofSuppression(x)})
		return nil
	}, `UPDATE suppressions SET lifted_at = $1, lifted_by = $2 WHERE lifted_at IS NULL AND `+where+` RETURNING id, channel, address_id, reason`,
		append([]any{now.UnixMicro(), by}, args...)...); err != nil {
		return err
	}
	return tx.tell(ctx, lifted...)
}

const suppressionColumns = `s.id, s.channel, s.address_id, a.value, s.reason, s.origin, s.note, s.created_at, s.lifted_at, s.lifted_by
	FROM suppressions s LEFT JOIN addresses a ON a.id = s.address_id`

func suppressionDest(x *contacts.Suppression) []any {
	return []any{
		&x.ID, &x.Channel, textOf(&x.AddressID), textOf(&x.Address), &x.Reason, &x.Origin, &x.Note, at(&x.CreatedAt), at(&x.LiftedAt), &x.LiftedBy,
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
		return tx.lift(ctx, at, "sms_keyword", `address_hash = $3 AND reason = $4`, s.db.Hash(vocab.SMS, lookup), string(contacts.ChannelStop))
	})
}
