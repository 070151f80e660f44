package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/orleu/elshi/vocab"
)

// firstID is the lowest id of a message that can be made at a time: ids begin with their milliseconds (UUIDv7, RFC 9562 section 5.7).
func firstID(t time.Time) vocab.MessageID {
	var raw [16]byte
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(t.UnixMilli(), 0)))
	copy(raw[:6], ms[2:])
	return vocab.MessageID(vocab.FormatID(vocab.MessagePrefix, raw))
}

// ForgetMessages forgets at most n messages that came in before a time, with all that refers to them but the consent ledger, and says whether
// there may be more. What has something left to do stays, and so does what had an attempt or a report since that time.
func (l *Ledger) ForgetMessages(ctx context.Context, before time.Time, n int) (bool, error) {
	var forgotten int
	err := l.db.txOf(ctx, n, func(tx *tx) (err error) {
		forgotten, err = tx.forgetMessages(ctx, before, n)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("forget messages: %w", err)
	}
	return forgotten == n, nil
}

// addressee is whom a message that is forgotten went to, and where.
type addressee struct {
	contact vocab.ContactID
	address vocab.AddressID
}

func (tx *tx) forgetMessages(ctx context.Context, before time.Time, n int) (int, error) {
	var ids []vocab.MessageID
	var id vocab.MessageID
	var who addressee
	to := map[addressee]bool{}
	// What is being sent has a due, too. Of two who forget at once each takes its own.
	if err := tx.each(ctx, []any{&id, &who.contact, textOf(&who.address)}, func() error {
		ids = append(ids, id)
		if who.address != "" {
			to[who] = true
		}
		return nil
	}, `
		SELECT m.id, m.contact_id, m.address_id FROM messages m
		WHERE m.id < $1 AND COALESCE(m.claimed_at, 0) < $2 AND COALESCE(m.settled_at, 0) < $2 AND COALESCE(m.finalized_at, 0) < $2
		  AND NOT EXISTS (SELECT 1 FROM dues d WHERE d.message_id = m.id)
		ORDER BY m.id LIMIT $3 {skip}`, string(firstID(before)), before.UnixMicro(), n); err != nil || len(ids) == 0 {
		return 0, err
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return 0, err
	}
	for _, statement := range []string{
		`DELETE FROM message_payloads WHERE message_id IN {ids $1}`,
		`DELETE FROM message_events WHERE message_id IN {ids $1}`,
		`DELETE FROM message_attempts WHERE message_id IN {ids $1}`,
		`DELETE FROM attachments WHERE message_id IN {ids $1}`,
		`DELETE FROM message_once WHERE message_id IN {ids $1}`,
		`DELETE FROM sms_refs WHERE message_id IN {ids $1}`,
		`DELETE FROM cap_evidence WHERE message_id IN {ids $1}`,
		`DELETE FROM address_bounces WHERE message_id IN {ids $1}`,
		`DELETE FROM messages WHERE id IN {ids $1}`,
	} {
		if _, err := tx.exec(ctx, statement, arg); err != nil {
			return 0, err
		}
	}
	return len(ids), tx.forgetUnused(ctx, to)
}

// forgetUnused forgets the addresses that nobody has any more and that were kept as the evidence of messages that are gone now.
func (tx *tx) forgetUnused(ctx context.Context, to map[addressee]bool) error {
	var rows rowset
	for who := range to {
		rows = append(rows, []any{who.contact, who.address})
	}
	return tx.execRows(ctx, rows, blankAddress+`
		WHERE value <> '' AND NOT EXISTS (SELECT 1 FROM contact_addresses l WHERE l.address_id = addresses.id) AND id IN (
			SELECT j.value ->> 1 FROM {rows $1}
			WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.contact_id = j.value ->> 0 AND m.address_id = j.value ->> 1))`)
}
