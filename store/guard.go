package store

import (
	"context"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// guard locks the guards of contacts and addresses until the end of the transaction: contacts by id, then addresses by id. Every
// write that can turn an allow into a deny holds the guards it concerns, and so does every claim: a claim after a withdrawal's
// commit sees it, a claim before it is named in_flight; a claim takes them while it reads their rows (readPeople). The rows of contacts and addresses are the guards themselves. On SQLite the
// transaction's own write lock guards everything.
func (tx *tx) guard(ctx context.Context, contacts []vocab.ContactID, addresses []vocab.AddressID) error {
	if tx.dialect.name == "sqlite" {
		return nil
	}
	var id string
	none := func() error { return nil }
	if len(contacts) > 0 {
		arg, err := jsonArg(contacts)
		if err != nil {
			return err
		}
		if err := tx.each(ctx, []any{&id}, none, `SELECT id FROM contacts WHERE id IN {ids $1} ORDER BY id {guard}`, arg); err != nil {
			return err
		}
	}
	if len(addresses) > 0 {
		arg, err := jsonArg(addresses)
		if err != nil {
			return err
		}
		return tx.each(ctx, []any{&id}, none, `SELECT id FROM addresses WHERE id IN {ids $1} ORDER BY id {guard}`, arg)
	}
	return nil
}

// contactExists says so by a nil error; fault.NotFound if there is no such contact, and fault.Conflict (contact_merged) if it was merged
// into another one.
func (tx *tx) contactExists(ctx context.Context, id vocab.ContactID) error {
	var into vocab.ContactID
	err := tx.row(ctx, []any{textOf(&into)}, `SELECT merged_into FROM contacts WHERE id = $1`, string(id))
	if isNone(err) {
		return fault.Missing("contact_not_found", "there is no contact with this id")
	}
	if err == nil && into != "" {
		err = contactMerged(into)
	}
	return err
}
