package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/vocab"
)

// Merge makes one contact of two, for good: what the ledger says of the survivor afterwards is what both agree on (consent.Registry.Merge),
// with every mark and suppression of either. Addresses, external id and open claims go over; what the survivor lacks of name, language,
// zone and attributes is taken from the other, whose row is emptied and names the survivor from then on. Messages and entries of the
// ledger keep their contact and are found through the survivor.
//
// Messages that wait go over too, so that nobody loses a notice or an answer by a merge, and are decided again for the survivor when
// their turn comes; marketing is canceled, because a campaign had one for each of the two. A second call changes nothing. The error is
// fault.NotFound (contact_not_found), or fault.Conflict (contact_merged, contact_erased).
func (c *Consents) Merge(ctx context.Context, survivor, from vocab.ContactID, actor consent.Event, now time.Time) (contacts.Merged, error) {
	var done contacts.Merged
	err := c.db.tx(ctx, func(tx *tx) error {
		done = contacts.Merged{SurvivorID: survivor, MergedID: from, At: now}
		ids := []vocab.ContactID{survivor, from}
		slices.Sort(ids)
		if err := tx.guard(ctx, ids, nil); err != nil {
			return err
		}
		if at, already, err := tx.mergedBefore(ctx, survivor, from); err != nil || already {
			done.At = at
			return err
		}
		kept, err := tx.living(ctx, survivor)
		if err != nil {
			return err
		}
		gone, err := tx.living(ctx, from)
		if err != nil {
			return err
		}
		addresses, err := tx.linkedTo(ctx, ids)
		if err != nil {
			return err
		}
		if err := tx.guard(ctx, nil, addresses); err != nil {
			return err
		}
		if done.Moved, done.Canceled, done.InFlight, err = tx.moveMessages(ctx, survivor, from, now); err != nil {
			return err
		}
		if done.Events, err = c.mergeConsents(ctx, tx, kept, gone, actor, now); err != nil {
			return err
		}
		if err := tx.moveAddresses(ctx, survivor, from); err != nil {
			return err
		}
		return tx.mergePeople(ctx, kept, gone, now)
	})
	if err != nil {
		return contacts.Merged{}, fmt.Errorf("merge contact %s into %s: %w", from, survivor, err)
	}
	return done, nil
}

// mergedBefore says whether and when the one was merged into the other; anything else that either was merged into is an error.
func (tx *tx) mergedBefore(ctx context.Context, survivor, from vocab.ContactID) (time.Time, bool, error) {
	var when time.Time
	var into vocab.ContactID
	err := tx.row(ctx, []any{textOf(&into), at(&when)}, `SELECT merged_into, merged_at FROM contacts WHERE id = $1`, string(from))
	if isNone(err) {
		return when, false, noContact()
	}
	return when, err == nil && into == survivor, err
}

// linkedTo returns the addresses behind contacts, in the order of their guards.
func (tx *tx) linkedTo(ctx context.Context, ids []vocab.ContactID) ([]vocab.AddressID, error) {
	arg, err := jsonArg(ids)
	if err != nil {
		return nil, err
	}
	var list []vocab.AddressID
	var id vocab.AddressID
	err = tx.each(ctx, []any{&id}, func() error {
		list = append(list, id)
		return nil
	}, `SELECT DISTINCT address_id FROM contact_addresses WHERE contact_id IN {ids $1} ORDER BY address_id`, arg)
	return list, err
}

// mergeConsents appends what the merge says to the survivor's part of the ledger and brings the projection along.
func (c *Consents) mergeConsents(ctx context.Context, tx *tx, kept, gone contacts.Contact, actor consent.Event, now time.Time) ([]vocab.ConsentEventID, error) {
	mine, err := tx.side(ctx, kept)
	if err != nil {
		return nil, err
	}
	theirs, err := tx.side(ctx, gone)
	if err != nil {
		return nil, err
	}
	var ids []vocab.ConsentEventID
	for _, e := range c.registry.Merge(mine.Side, theirs.Side) {
		e.ID, e.ContactID, e.At = vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix)), kept.ID, now
		e.ActorKind, e.ActorID, e.PolicyVersion, e.ProofRef = actor.ActorKind, actor.ActorID, actor.PolicyVersion, string(gone.ID)
		if err := e.Check(); err != nil {
			return nil, err
		}
		if _, err := c.withdrawOne(ctx, tx, e, "", true); err != nil {
			return nil, err
		}
		ids = append(ids, e.ID)
	}
	// Whether a text covers a transfer abroad no entry says: both must have agreed to one that does.
	for key, g := range mine.kept {
		if g.crossBorder && !theirs.kept[key].crossBorder {
			if _, err := tx.exec(ctx, `UPDATE consents SET cross_border = false WHERE contact_id = $1 AND purpose = $2 AND channel = $3 AND topic = $4`,
				string(kept.ID), string(key.Purpose), string(key.Channel), string(key.Topic)); err != nil {
				return nil, err
			}
		}
	}
	return ids, nil
}

// mergeSide is one of the two with what the projection holds besides grants.
type mergeSide struct {
	consent.Side

	kept map[consent.GrantKey]keptGrant
}

func (tx *tx) side(ctx context.Context, x contacts.Contact) (mergeSide, error) {
	grants, err := tx.grants(ctx, x.ID)
	if err != nil {
		return mergeSide{}, err
	}
	s := mergeSide{kept: grants, Side: consent.Side{
		Grants: make(map[consent.GrantKey]consent.Grant, len(grants)), Unsubscribed: x.UnsubscribedAllAt != nil, ProcessingWithdrawn: x.ProcessingWithdrawnAt != nil,
	}}
	for key, g := range grants {
		s.Grants[key] = g.Grant
	}
	if x.PausedUntil != nil {
		s.PausedUntil = *x.PausedUntil
	}
	s.Events, err = tx.consentEvents(ctx, `contact_id = $1 ORDER BY seq`, string(x.ID))
	return s, err
}

// moveMessages gives what waits or is being handed over to the survivor, and what the other was told once. Waiting marketing is canceled.
func (tx *tx) moveMessages(ctx context.Context, survivor, from vocab.ContactID, now time.Time) (moved, canceled, open []vocab.MessageID, err error) {
	waiting, err := tx.messageIDs(ctx, `
		SELECT id FROM messages
		WHERE contact_id = $1 AND due_at IS NOT NULL AND class = 'marketing' AND status IN ('scheduled', 'queued', 'held', 'deferred') ORDER BY id`, string(from))
	if err != nil {
		return nil, nil, nil, err
	}
	if canceled, err = tx.cancel(ctx, waiting, contactMergedReason, now); err != nil {
		return nil, nil, nil, err
	}
	var id vocab.MessageID
	var status dispatcher.Status
	err = tx.each(ctx, []any{&id, &status}, func() error {
		if status == dispatcher.Sending {
			open = append(open, id)
		} else {
			moved = append(moved, id)
		}
		return nil
	}, `UPDATE messages SET contact_id = $2 WHERE contact_id = $1 AND due_at IS NOT NULL RETURNING id, status`, string(from), string(survivor))
	if err != nil {
		return nil, nil, nil, err
	}
	slices.Sort(moved)
	slices.Sort(open)
	// Who was told of a version or a case under either name was told. Of two that wait, the survivor's own goes and the other is a duplicate.
	_, err = tx.exec(ctx, `
		INSERT INTO message_once (contact_id, purpose, channel, trigger_id, message_id)
		SELECT CAST($2 AS id_text), purpose, channel, trigger_id, message_id FROM message_once WHERE contact_id = $1
		ON CONFLICT (contact_id, purpose, channel, trigger_id) DO NOTHING`, string(from), string(survivor))
	return moved, canceled, open, err
}

// contactMergedReason is the reason of marketing messages whose contact was merged into another one.
const contactMergedReason = "contact_merged"

// moveAddresses links the addresses of the merged contact to the survivor. What either has proved is proved, for they are one person; what
// went to somebody else according to either stays gone. The survivor's primary address stays the primary one.
func (tx *tx) moveAddresses(ctx context.Context, survivor, from vocab.ContactID) error {
	if _, err := tx.exec(ctx, `
		INSERT INTO contact_addresses (contact_id, address_id, is_primary, verified_at, reassigned_at, created_at)
		SELECT CAST($2 AS id_text), l.address_id, l.is_primary AND NOT EXISTS (
		         SELECT 1 FROM contact_addresses o JOIN addresses b ON b.id = o.address_id
		         WHERE o.contact_id = $2 AND o.is_primary AND b.channel = a.channel), l.verified_at, l.reassigned_at, l.created_at
		FROM contact_addresses l JOIN addresses a ON a.id = l.address_id WHERE l.contact_id = $1
		ON CONFLICT (contact_id, address_id) DO UPDATE SET
			verified_at   = COALESCE(contact_addresses.verified_at, excluded.verified_at),
			reassigned_at = COALESCE(contact_addresses.reassigned_at, excluded.reassigned_at)`, string(from), string(survivor)); err != nil {
		return err
	}
	_, err := tx.exec(ctx, `DELETE FROM contact_addresses WHERE contact_id = $1`, string(from))
	return err
}

// mergePeople brings the two rows together and everything that names the merged contact along.
func (tx *tx) mergePeople(ctx context.Context, kept, gone contacts.Contact, now time.Time) error {
	x := contacts.Together(kept, gone)
	attributes, err := attributesText(x.Attributes)
	if err != nil {
		return err
	}
	type statement struct {
		text string
		args []any
	}
	for _, s := range []statement{
		{`UPDATE contacts SET external_id = NULL, name = '', name_lookup = '', language = '', time_zone = '', attributes = '{}', absorbed = false,
			merged_into = $2, merged_at = $3, updated_at = $3 WHERE id = $1`, []any{string(gone.ID), string(kept.ID), now.UnixMicro()}},
		{`UPDATE contacts SET merged_into = $2 WHERE merged_into = $1`, []any{string(gone.ID), string(kept.ID)}},
		{`UPDATE contacts SET name = $2, name_lookup = $3, language = $4, time_zone = $5, attributes = $6, minor = $7, guardian_consented = $8,
			data_blocked_at = $9, absorbed = true, external_id = $10, updated_at = $11 WHERE id = $1`, []any{
			string(kept.ID), x.Name, folded(x.Name), string(x.Language), x.TimeZone, attributes, x.Minor, x.GuardianConsented,
			microsOrNil(x.DataBlockedAt), null(x.ExternalID), now.UnixMicro(),
		}},
		{`UPDATE external_ids SET contact_id = $2 WHERE contact_id = $1`, []any{string(gone.ID), string(kept.ID)}},
		{`UPDATE claims SET contact_id = $2 WHERE contact_id = $1`, []any{string(gone.ID), string(kept.ID)}},
	} {
		if _, err := tx.exec(ctx, s.text, s.args...); err != nil {
			return err
		}
	}
	if gone.ExternalID != "" && gone.ExternalID != x.ExternalID {
		if err := tx.alsoCalled(ctx, kept.ID, gone.ExternalID); err != nil {
			return err
		}
	}
	had, err := attributesText(kept.Attributes)
	if err != nil {
		return err
	}
	changed := append(changesOf(kept, x, had, attributes), changedAddresses)
	if err := tx.tellContact(ctx, events.ContactUpdated, now, kept.ID, changed...); err != nil {
		return err
	}
	return tx.tellContact(ctx, events.ContactUpdated, now, gone.ID, changedMergedInto)
}

// changedMergedInto is what contact.updated says of a contact that has become another one.
const changedMergedInto = "merged_into"

// alsoCalled lets an external id find a contact that has another one itself.
func (tx *tx) alsoCalled(ctx context.Context, id vocab.ContactID, externalID string) error {
	_, err := tx.exec(ctx, `INSERT INTO external_ids (external_id, contact_id) VALUES ($1, $2)
		ON CONFLICT (external_id) DO UPDATE SET contact_id = excluded.contact_id`, externalID, string(id))
	return err
}
