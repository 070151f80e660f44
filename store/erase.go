package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orleu/elshi/contacts"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/vocab"
)

// Erase forgets who a contact is, for good: name, attributes, external id, addresses that nobody else has, what messages were made from,
// what providers said about them, and the personal values beside the consent ledger. It keeps the ledger's own rows, the consent chain
// and the keyed hash of each address, which is suppressed as erased unless somebody else has it, so that a later import cannot bring it
// back unnoticed. What waits is canceled; InFlight names what was being handed over at that moment.
//
// It is certified in the same transaction (see ErasureCertificate). There is no other way to delete a contact. A second call forgets what the contact claimed since, and nothing else.
// The error is fault.NotFound if there never was one.
func (c *Contacts) Erase(ctx context.Context, id vocab.ContactID, order contacts.EraseOrder) (dispatcher.Withdrawn, error) {
	var done dispatcher.Withdrawn
	err := c.db.tx(ctx, func(tx *tx) error {
		if err := tx.guard(ctx, []vocab.ContactID{id}, nil); err != nil {
			return err
		}
		before, err := tx.contact(ctx, id)
		if err != nil {
			return err
		}
		if before.ErasedAt != nil {
			done = dispatcher.Withdrawn{At: *before.ErasedAt}
			return tx.forgetClaims(ctx, id)
		}
		done, err = tx.erase(ctx, id, order)
		return err
	})
	if err != nil {
		return dispatcher.Withdrawn{}, fmt.Errorf("erase contact %s: %w", id, err)
	}
	return done, nil
}

// forgetClaims forgets what was claimed since a contact was erased: about the erasure itself, for example.
func (tx *tx) forgetClaims(ctx context.Context, id vocab.ContactID) error {
	same, err := tx.sameAsArg(ctx, id)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, forgetClaimTexts, same)
	return err
}

const forgetClaimTexts = `DELETE FROM claim_texts WHERE claim_id IN (SELECT id FROM claims WHERE contact_id IN {ids $1})`

// erase erases a contact whose guard is held.
func (tx *tx) erase(ctx context.Context, id vocab.ContactID, order contacts.EraseOrder) (dispatcher.Withdrawn, error) {
	done := dispatcher.Withdrawn{At: order.At}
	// Nobody links an address to the contact while its guard is held, so these are all.
	addresses, err := tx.addressesEverUsed(ctx, id)
	if err != nil {
		return done, err
	}
	if err := tx.guard(ctx, nil, addresses); err != nil {
		return done, err
	}
	waiting, err := tx.messageIDs(ctx, `
		SELECT id FROM messages WHERE contact_id = $1 AND due_at IS NOT NULL AND status IN ('scheduled', 'queued', 'held', 'deferred') ORDER BY id`,
		string(id))
	if err != nil {
		return done, err
	}
	if done.Canceled, err = tx.cancel(ctx, waiting, contactErased, order.At); err != nil {
		return done, err
	}
	if done.InFlight, err = tx.messageIDs(ctx, `
		SELECT id FROM messages WHERE contact_id = $1 AND due_at IS NOT NULL AND status = 'sending' ORDER BY id`, string(id)); err != nil {
		return done, err
	}
	e := newErasure()
	if err := tx.eraseAddresses(ctx, e, id, addresses, order); err != nil {
		return done, err
	}
	if err := tx.erasePerson(ctx, e, id, order.At); err != nil {
		return done, err
	}
	if err := tx.tellContact(ctx, events.ContactErased, order.At, id); err != nil {
		return done, err
	}
	if err := tx.audit(ctx, audit.Event{
		At: order.At, Actor: audit.System(audit.ByErasure), Operation: "erase-contact", Resource: audit.Resource{Kind: "contact", ID: string(id)},
		Contacts: []vocab.ContactID{id}, Status: 200,
	}); err != nil {
		return done, err
	}
	return done, tx.certify(ctx, id, e, order, done.InFlight)
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
func (tx *tx) eraseAddresses(ctx context.Context, e *erasure, id vocab.ContactID, addresses []vocab.AddressID, order contacts.EraseOrder) error {
	if len(addresses) == 0 {
		return nil
	}
	arg, err := jsonArg(addresses)
	if err != nil {
		return err
	}
	// The catcher's copies are of no use to those who share an address, and name this contact.
	if err := e.erase(ctx, tx, contacts.ErasedInbox, `DELETE FROM inbox WHERE recipient IN (SELECT value FROM addresses WHERE id IN {ids $1} AND value <> '')`, arg); err != nil {
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
		if a.reassigned.IsZero() && !order.LeaveOpen {
			if _, err := tx.suppress(ctx, a.channel, a.hash, "", contacts.Suppression{Reason: contacts.ErasedContact, Origin: "erasure", CreatedAt: order.At}); err != nil {
				return err
			}
		}
		if err := e.erase(ctx, tx, contacts.ErasedSuppressionNotes,
			`UPDATE suppressions SET note = '', lift_reason = '' WHERE address_hash = $1 AND (note <> '' OR lift_reason <> '')`, a.hash); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `UPDATE suppressions SET address_id = NULL WHERE address_hash = $1`, a.hash); err != nil {
			return err
		}
		var hashes int
		if err := tx.row(ctx, []any{&hashes}, `SELECT COUNT(*) FROM suppressions WHERE address_hash = $1 AND lifted_at IS NULL`, a.hash); err != nil {
			return err
		}
		e.remains[contacts.RemainingSuppressions] += hashes
		if err := e.erase(ctx, tx, contacts.ErasedAddresses, blankAddress+` WHERE id = $1`, a.address); err != nil {
			return err
		}
	}
	var shared int
	if err := tx.row(ctx, []any{&shared}, `
		SELECT COUNT(*) FROM contact_addresses l JOIN addresses a ON a.id = l.address_id WHERE l.contact_id = $1 AND a.value <> ''`, string(id)); err != nil {
		return err
	}
	e.remains[contacts.RemainingShared] = shared
	_, err = tx.exec(ctx, `DELETE FROM contact_addresses WHERE contact_id = $1`, string(id))
	return err
}

// erasePerson forgets everything else that is about the person.
func (tx *tx) erasePerson(ctx context.Context, e *erasure, id vocab.ContactID, now time.Time) error {
	same, err := tx.sameAsArg(ctx, id)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		kind      contacts.ErasedKind
		statement string
	}{
		{contacts.ErasedPayloads, `DELETE FROM message_payloads WHERE message_id IN (SELECT id FROM messages WHERE contact_id IN {ids $1})`},
		{contacts.ErasedAttachments, `DELETE FROM attachments WHERE message_id IN (SELECT id FROM messages WHERE contact_id IN {ids $1})`},
		// A provider's words often repeat the address.
		{contacts.ErasedDetails, `UPDATE message_attempts SET detail = '' WHERE message_id IN (SELECT id FROM messages WHERE contact_id IN {ids $1}) AND detail <> ''`},
		{contacts.ErasedDetails, `UPDATE messages SET detail = '' WHERE contact_id IN {ids $1} AND detail <> ''`},
		// What a caller calls a message leads to the person in the caller's books.
		{contacts.ErasedReferences, `UPDATE messages SET reference = NULL WHERE contact_id IN {ids $1} AND reference IS NOT NULL`},
		{contacts.ErasedEvidence, forgetClaimTexts},
		{contacts.ErasedEvidence, `DELETE FROM consent_values WHERE event_id IN (SELECT id FROM consent_events WHERE contact_id IN {ids $1})`},
	} {
		if err := e.erase(ctx, tx, part.kind, part.statement, same); err != nil {
			return err
		}
	}
	if _, err := tx.exec(ctx, `DELETE FROM external_ids WHERE contact_id IN {ids $1}`, same); err != nil {
		return err
	}
	return e.erase(ctx, tx, contacts.ErasedProfile, `
		UPDATE contacts SET external_id = NULL, name = '', name_lookup = '', language = '', time_zone = '', attributes = '{}', minor = false,
			guardian_consented = false, erased_at = $2, updated_at = $2
		WHERE id = $1`, string(id), now.UnixMicro())
}
