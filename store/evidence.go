package store

import (
	"context"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/evidence"
	"github.com/orleu/elshi/vocab"
)

// What the evidence of one message reads besides what others read, too.

// Addressee returns whom a message is for, also if the contact was erased or merged: name and erasure are then those of who it has become. The
// error is fault.NotFound if there is no such message.
func (l *Ledger) Addressee(ctx context.Context, id vocab.MessageID) (evidence.Addressee, error) {
	var a evidence.Addressee
	err := l.db.reader().row(ctx, []any{textOf(&a.Address), &a.Name, at(&a.ErasedAt), textOf(&a.MergedInto)}, `
		SELECT a.value, COALESCE(s.name, c.name), COALESCE(s.erased_at, c.erased_at), c.merged_into
		FROM messages m JOIN contacts c ON c.id = m.contact_id LEFT JOIN contacts s ON s.id = c.merged_into
		LEFT JOIN addresses a ON a.id = m.address_id
		WHERE m.id = $1`, string(id))
	if isNone(err) {
		return a, noMessage()
	}
	return a, away(err)
}

// ValuesBeside returns the personal values that are kept beside entries of the ledger; those without one, or whose value was erased, are not
// in it.
func (c *Consents) ValuesBeside(ctx context.Context, ids []vocab.ConsentEventID) (map[vocab.ConsentEventID]consent.Beside, error) {
	arg, err := jsonArg(ids)
	if err != nil {
		return nil, err
	}
	values := map[vocab.ConsentEventID]consent.Beside{}
	var id vocab.ConsentEventID
	var v consent.Beside
	err = c.db.reader().each(ctx, []any{&id, &v.Salt, &v.Value}, func() error {
		values[id] = v
		return nil
	}, `SELECT event_id, salt, value FROM consent_values WHERE event_id IN {ids $1}`, arg)
	return values, away(err)
}

// OfAddress returns the suppressions of an address, those that were lifted too, the oldest first. The keyed hash outlives the address, so they
// are found after its erasure as well.
func (s *Suppressions) OfAddress(ctx context.Context, id vocab.AddressID) ([]contacts.Suppression, error) {
	var list []contacts.Suppression
	var x contacts.Suppression
	err := s.db.reader().each(ctx, suppressionDest(&x), func() error {
		list = append(list, x)
		return nil
	}, `SELECT `+suppressionColumns+` WHERE s.address_hash = (SELECT o.hash FROM addresses o WHERE o.id = $1) ORDER BY s.id`, string(id))
	return list, away(err)
}
