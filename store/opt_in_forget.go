package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// stranger is a contact whom a sign-up made, and the confirmation that says so.
type stranger struct {
	confirmation vocab.ConfirmationID
	contact      vocab.ContactID
}

// Forget erases contacts whom a sign-up made and of whom nothing else is known when their time has come: nobody has confirmed, so nobody has
// agreed that we keep the address. It looks at no more than n, each in a transaction of its own, and returns how many it erased and whether
// there may be more. Their addresses are not suppressed: whoever holds one has said neither yes nor no, and may sign up again.
func (o *OptIns) Forget(ctx context.Context, order contacts.EraseOrder, n int) (forgotten int, more bool, err error) {
	var due []stranger
	var s stranger
	if err := o.db.reader().each(ctx, []any{&s.confirmation, &s.contact}, func() error {
		due = append(due, s)
		return nil
	}, `SELECT id, contact_id FROM confirmations WHERE forget_at <= $1 ORDER BY forget_at LIMIT $2`, order.At.UnixMicro(), n); err != nil {
		return 0, false, away(err)
	}
	for _, s := range due {
		erased := false
		if err := o.db.tx(ctx, func(tx *tx) (err error) {
			erased, err = tx.forgetStranger(ctx, s, order)
			return err
		}); err != nil {
			return forgotten, false, fmt.Errorf("forget contact %s: %w", s.contact, err)
		}
		if erased {
			forgotten++
		}
	}
	return forgotten, len(due) == n, nil
}

// forgetStranger erases a contact if it is still one; one who was asked again lately is looked at again.
func (tx *tx) forgetStranger(ctx context.Context, s stranger, order contacts.EraseOrder) (bool, error) {
	if err := tx.guard(ctx, []vocab.ContactID{s.contact}, nil); err != nil {
		return false, err
	}
	var known bool
	var asked time.Time
	if err := tx.row(ctx, []any{&known, at(&asked)}, `
		SELECT EXISTS (SELECT 1 FROM contacts c WHERE c.id = $1 AND (c.external_id IS NOT NULL OR c.attributes <> '{}' OR c.absorbed
		            OR c.merged_into IS NOT NULL OR c.data_blocked_at IS NOT NULL OR c.erased_at IS NOT NULL))
		    OR EXISTS (SELECT 1 FROM consent_events e WHERE e.contact_id = $1 AND e.kind NOT IN ('requested', 'lapsed'))
		    OR EXISTS (SELECT 1 FROM contact_addresses l WHERE l.contact_id = $1 AND l.verified_at IS NOT NULL)
		    OR EXISTS (SELECT 1 FROM claims x WHERE x.contact_id = $1)
		    OR EXISTS (SELECT 1 FROM messages m WHERE m.contact_id = $1 AND m.purpose <> $2),
		    (SELECT MAX(created_at) FROM confirmations f WHERE f.contact_id = $1 AND f.address_id IN (
		        SELECT address_id FROM contact_addresses WHERE contact_id = $1))`,
		string(s.contact), string(optin.ProofPurpose)); err != nil {
		return false, err
	}
	var next any
	if again := asked.Add(optin.AskedLately); !known && again.After(order.At) {
		next = again.UnixMicro()
	}
	if _, err := tx.exec(ctx, `UPDATE confirmations SET forget_at = $2 WHERE id = $1`, string(s.confirmation), next); err != nil || known || next != nil {
		return false, err
	}
	_, err := tx.erase(ctx, s.contact, order)
	return err == nil, err
}
