package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orleu/elshi/contacts"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// Erase forgets who a contact is, for good: name, attributes, external id, addresses that nobody else has, what messages were made from,
// what providers said about them, and the personal values beside the consent ledger. It keeps the ledger's own rows, the consent chain
// and the keyed hash of each address, which is suppressed as erased unless somebody else has it, so that a later import cannot bring it
// back unnoticed. What waits is canceled; InFlight names what was being handed over at that moment.
//
// There is no other way to delete a contact. A second call changes nothing. The error is fault.NotFound if there never was one.
func (c *Contacts) Erase(ctx context.Context, id vocab.ContactID, now time.Time) (dispatcher.Withdrawn, error) {
	var done dispatcher.Withdrawn
	err := c.db.tx(ctx, func(tx *tx) error {
		done = dispatcher.Withdrawn{At: now}
		if err := tx.guard(ctx, []vocab.ContactID{id}, nil); err != nil {
			return err
		}
		before, err := tx.contact(ctx, id)
		if err != nil {
			return err
		}
		if before.ErasedAt != nil {
			done.At = *before.ErasedAt
			return nil
		}
		// Nobody links an address to the contact while its guard is held, so these are all.
		addresses, err := tx.addressesEverUsed(ctx, id)
		if err != nil {
			return err
		}
		if err := tx.guard(ctx, nil, addresses); err != nil {
			return err
		}
		waiting, err := tx.messageIDs(ctx, `
			SELECT id FROM messages WHERE contact_id = $1 AND due_at IS NOT NULL AND status IN ('scheduled', 'queued', 'held', 'deferred') ORDER BY id`,
			string(id))
		if err != nil {
			return err
		}
		if done.Canceled, err = tx.cancel(ctx, waiting, contactErased, now); err != nil {
			return err
		}
		if done.InFlight, err = tx.messageIDs(ctx, `
			SELECT id FROM messages WHERE contact_id = $1 AND due_at IS NOT NULL AND status = 'sending' ORDER BY id`, string(id)); err != nil {
			return err
		}
		if err := tx.eraseAddresses(ctx, id, addresses, now); err != nil {
			return err
		}
		return tx.erasePerson(ctx, id, now)
	})
	if err != nil {
		return dispatcher.Withdrawn{}, fmt.Errorf("erase contact %s: %w", id, err)
	}
	return done, nil
}

// contactErased is the reason of messages whose contact was erased.
const contactErased = "contact_erased"

// addressesEverUsed returns the addresses that a contact has, or had when something was sent to it, in the order of their guards.
func (tx *tx) addressesEverUsed(ctx context.Context, id vocab.ContactID) ([]vocab.AddressID, error) {
	same, err := tx.sameAsArg(ctx, id)
	if err != nil {
		return nil, err
	}
	var list []vocab.AddressID
	var address vocab.AddressID
	err = tx.each(ctx, []any{&address}, func() error {
		list = append(list, address)
		return nil
	}, `
		SELECT address_id FROM contact_addresses WHERE contact_id IN {ids $1}
		UNION
		SELECT address_id FROM messages WHERE contact_id IN {ids $1} AND address_id IS NOT NULL
		ORDER BY 1`, same)
	return list, err
}

// eraseAddresses suppresses and forgets the addresses that nobody else has. Somebody whose number it once was does not have it.
func (tx *tx) eraseAddresses(ctx context.Context, id vocab.ContactID, addresses []vocab.AddressID, now time.Time) error {
	if len(addresses) == 0 {
		return nil
	}
	arg, err := jsonArg(addresses)
	if err != nil {
		return err
	}
	type gone struct {
		channel       vocab.Channel
		address, hash string
		value         string
		reassigned    time.Time
	}
	var mine []gone
	var x gone
	if err := tx.each(ctx, []any{&x.address, &x.channel, &x.hash, &x.value, at(&x.reassigned)}, func() error {
		mine = append(mine, x)
		return nil
	}, `
		SELECT a.id, a.channel, a.hash, a.value, l.reassigned_at
		FROM addresses a LEFT JOIN contact_addresses l ON l.address_id = a.id AND l.contact_id = $2
		WHERE a.id IN {ids $1} AND a.value <> ''
		  AND NOT EXISTS (SELECT 1 FROM contact_addresses o WHERE o.address_id = a.id AND o.contact_id <> $2 AND o.reassigned_at IS NULL)
		ORDER BY a.id`, arg, string(id)); err != nil {
		return err
	}
	for _, a := range mine {
		// A number that went to somebody else is not this contact's to suppress.
		if a.reassigned.IsZero() {
			if _, err := tx.suppress(ctx, a.channel, a.hash, "", contacts.Suppression{Reason: contacts.ErasedContact, Origin: "erasure", CreatedAt: now}); err != nil {
				return err
			}
		}
		if _, err := tx.exec(ctx, `UPDATE suppressions SET address_id = NULL, note = '', lift_reason = '' WHERE address_id = $1`, a.address); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `DELETE FROM inbox WHERE channel = $1 AND recipient = $2`, string(a.channel), a.value); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, blankAddress+` WHERE id = $1`, a.address); err != nil {
			return err
		}
	}
	_, err = tx.exec(ctx, `DELETE FROM contact_addresses WHERE contact_id = $1`, string(id))
	return err
}

// erasePerson forgets everything else that is about the person.
func (tx *tx) erasePerson(ctx context.Context, id vocab.ContactID, now time.Time) error {
	same, err := tx.sameAsArg(ctx, id)
	if err != nil {
		return err
	}
	for _, statement := range []string{
		`DELETE FROM message_payloads WHERE message_id IN (SELECT id FROM messages WHERE contact_id IN {ids $1})`,
		`DELETE FROM attachments WHERE message_id IN (SELECT id FROM messages WHERE contact_id IN {ids $1})`,
		// A provider's words often repeat the address.
		`UPDATE message_attempts SET detail = '' WHERE message_id IN (SELECT id FROM messages WHERE contact_id IN {ids $1})`,
		`UPDATE messages SET detail = '' WHERE contact_id IN {ids $1}`,
		`DELETE FROM consent_values WHERE event_id IN (SELECT id FROM consent_events WHERE contact_id IN {ids $1})`,
		`DELETE FROM claim_texts WHERE claim_id IN (SELECT id FROM claims WHERE contact_id IN {ids $1})`,
		`DELETE FROM external_ids WHERE contact_id IN {ids $1}`,
	} {
		if _, err := tx.exec(ctx, statement, same); err != nil {
			return err
		}
	}
	_, err = tx.exec(ctx, `
		UPDATE contacts SET external_id = NULL, name = '', name_lookup = '', language = '', time_zone = '', attributes = '{}', minor = false,
			guardian_consented = false, erased_at = $2, updated_at = $2
		WHERE id = $1`, string(id), now.UnixMicro())
	return err
}
