package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orleu/elshi/contacts"

	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// AddAddress puts an address behind a contact and returns its id. One that the contact has already is proved or made primary if the
// new one is; one that went to somebody else is the contact's again. The error is fault.NotFound if there is no such contact, and
// fault.Conflict (contact_erased).
func (c *Contacts) AddAddress(ctx context.Context, contact vocab.ContactID, a contacts.NewAddress, now time.Time) (vocab.AddressID, error) {
	var id vocab.AddressID
	err := c.db.tx(ctx, func(tx *tx) error {
		if err := tx.guard(ctx, []vocab.ContactID{contact}, nil); err != nil {
			return err
		}
		if _, err := tx.living(ctx, contact); err != nil {
			return err
		}
		var err error
		// Guarded: whoever withdraws for everybody behind the address must meet this contact or come before it.
		if id, err = tx.makeGuarded(ctx, a.Channel, a.Value, a.Lookup, c.db.Hash(a.Channel, a.Lookup), now); err != nil {
			return err
		}
		if err := tx.linkGiven(ctx, contact, id, a, now); err != nil {
			return err
		}
		return tx.tellContact(ctx, events.ContactUpdated, now, contact, changedAddresses)
	})
	if err != nil {
		return "", fmt.Errorf("add an address to contact %s: %w", contact, err)
	}
	return id, nil
}

// changedAddresses is what contact.updated calls a change of a contact's addresses.
const changedAddresses = "addresses"

// linkGiven puts an address behind a contact as it was given.
func (tx *tx) linkGiven(ctx context.Context, contact vocab.ContactID, address vocab.AddressID, a contacts.NewAddress, now time.Time) error {
	if a.Primary {
		if _, err := tx.exec(ctx, `
			UPDATE contact_addresses SET is_primary = false
			WHERE contact_id = $1 AND is_primary AND address_id IN (SELECT id FROM addresses WHERE channel = $2)`,
			string(contact), string(a.Channel)); err != nil {
			return err
		}
	}
	var verified any
	if a.Verified {
		verified = now.UnixMicro()
	}
	_, err := tx.exec(ctx, `
		INSERT INTO contact_addresses (contact_id, address_id, is_primary, verified_at, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (contact_id, address_id) DO UPDATE SET
			is_primary    = contact_addresses.is_primary OR excluded.is_primary,
			-- What was proved before the number went away proves nothing any more.
			verified_at   = CASE WHEN contact_addresses.reassigned_at IS NULL THEN COALESCE(contact_addresses.verified_at, excluded.verified_at)
			                     ELSE excluded.verified_at END,
			reassigned_at = NULL`,
		string(contact), string(address), a.Primary, verified, now.UnixMicro())
	return err
}

// VerifyAddress records that the contact has proved to hold the address; the first proof stays. The error is fault.NotFound
// (address_not_found) if it is not one of theirs, or not any more.
func (c *Contacts) VerifyAddress(ctx context.Context, contact vocab.ContactID, address vocab.AddressID, now time.Time) error {
	return c.db.tx(ctx, func(tx *tx) error {
		n, err := tx.exec(ctx, `
			UPDATE contact_addresses SET verified_at = COALESCE(verified_at, $3)
			WHERE contact_id = $1 AND address_id = $2 AND reassigned_at IS NULL`, string(contact), string(address), now.UnixMicro())
		if err != nil {
			return err
		}
		if n == 0 {
			return notTheirs()
		}
		return tx.tellContact(ctx, events.ContactUpdated, now, contact, changedAddresses)
	})
}

func notTheirs() error {
	return fault.Missing("address_not_found", "the contact has no address with this id")
}

// MarkReassigned records that the number went to somebody else. Nothing more is sent to it for this contact: what waits is denied when
// its turn comes. The error is fault.NotFound (address_not_found) if it is not one of theirs.
func (c *Contacts) MarkReassigned(ctx context.Context, contact vocab.ContactID, address vocab.AddressID, now time.Time) error {
	return c.db.tx(ctx, func(tx *tx) error {
		if err := tx.guard(ctx, []vocab.ContactID{contact}, []vocab.AddressID{address}); err != nil {
			return err
		}
		n, err := tx.exec(ctx, `
			UPDATE contact_addresses SET reassigned_at = COALESCE(reassigned_at, $3), is_primary = false
			WHERE contact_id = $1 AND address_id = $2`, string(contact), string(address), now.UnixMicro())
		if err != nil {
			return err
		}
		if n == 0 {
			return notTheirs()
		}
		return tx.tellContact(ctx, events.ContactUpdated, now, contact, changedAddresses)
	})
}

// RemoveAddress takes an address from a contact, cancels what waits to go there and returns it. The address itself stays as the
// evidence of what was sent to it until the contact is erased; one that nothing was sent to and nobody else has is forgotten at once.
// Suppressions stay. The error is fault.NotFound (address_not_found) if it is not one of theirs.
func (c *Contacts) RemoveAddress(ctx context.Context, contact vocab.ContactID, address vocab.AddressID, now time.Time) ([]vocab.MessageID, error) {
	var canceled []vocab.MessageID
	err := c.db.tx(ctx, func(tx *tx) error {
		if err := tx.guard(ctx, []vocab.ContactID{contact}, []vocab.AddressID{address}); err != nil {
			return err
		}
		n, err := tx.exec(ctx, `DELETE FROM contact_addresses WHERE contact_id = $1 AND address_id = $2`, string(contact), string(address))
		if err != nil {
			return err
		}
		if n == 0 {
			return notTheirs()
		}
		waiting, err := tx.messageIDs(ctx, `
			SELECT id FROM messages
			WHERE contact_id = $1 AND address_id = $2 AND due_at IS NOT NULL AND status IN ('scheduled', 'queued', 'held', 'deferred')
			ORDER BY id`, string(contact), string(address))
		if err != nil {
			return err
		}
		if canceled, err = tx.cancel(ctx, waiting, addressRemoved, now); err != nil {
			return err
		}
		_, err = tx.exec(ctx, blankAddress+`
			WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM contact_addresses l WHERE l.address_id = addresses.id)
			  AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.contact_id = $2 AND m.address_id = addresses.id)`, string(address), string(contact))
		if err != nil {
			return err
		}
		return tx.tellContact(ctx, events.ContactUpdated, now, contact, changedAddresses)
	})
	if err != nil {
		return nil, fmt.Errorf("remove address %s from contact %s: %w", address, contact, err)
	}
	return canceled, nil
}

// addressRemoved is the reason of messages whose address was taken from their contact.
const addressRemoved = "address_removed"

// blankAddress forgets what an address was. Its hash stays, by which suppressions know it; its identity becomes one that no address has.
const blankAddress = `UPDATE addresses SET value = '', lookup = 'erased ' || id`

// messageIDs reads a column of message ids.
func (r runner) messageIDs(ctx context.Context, query string, args ...any) ([]vocab.MessageID, error) {
	var ids []vocab.MessageID
	var id vocab.MessageID
	err := r.each(ctx, []any{&id}, func() error {
		ids = append(ids, id)
		return nil
	}, query, args...)
	return ids, err
}

// Sharers returns how many contacts are behind an address.
func (c *Contacts) Sharers(ctx context.Context, address vocab.AddressID) (int, error) {
	var n int
	err := c.db.reader().row(ctx, []any{&n}, `SELECT COUNT(*) FROM contact_addresses WHERE address_id = $1`, string(address))
	return n, away(err)
}
