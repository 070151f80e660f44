package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// Retention walks the messages of a class in the order of their ids, which is the order of time, and remembers how far it has come: what is
// kept for longer, such as another class, is passed once and not at every run. What is old enough and must stay is remembered by itself.

// firstID is the lowest id of a message that can be made at a time: ids begin with their milliseconds (UUIDv7, RFC 9562 section 5.7).
func firstID(t time.Time) vocab.MessageID {
	var raw [16]byte
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(t.UnixMilli(), 0)))
	copy(raw[:6], ms[2:])
	return vocab.MessageID(vocab.FormatID(vocab.MessagePrefix, raw))
}

// forgetStretch is how many messages of any class one portion looks at.
const forgetStretch = 5_000

// Forget forgets one portion of what is old enough by a rule. Of messages, everything goes but the consent ledger; of content, what they
// were made from and what providers said about them. What has something left to do stays, and so does what had an attempt or a report since
// the rule's time, and what is to a contact whose data are blocked by law, or to one who became such a
// contact.
func (l *Ledger) Forget(ctx context.Context, s dispatcher.ForgetStep) (dispatcher.Forgotten, error) {
	var done dispatcher.Forgotten
	ids, done, err := l.old(ctx, s)
	if err == nil && done.Last != "" {
		err = l.db.txOf(ctx, s.Size, func(tx *tx) (err error) {
			if done.Counts, err = tx.forget(ctx, s, ids); err != nil || s.Stays {
				return err
			}
			return tx.markForgotten(ctx, s, done.Last)
		})
	}
	if err != nil {
		return dispatcher.Forgotten{}, fmt.Errorf("forget %s of class %s: %w", s.Kind, s.Class, away(err))
	}
	return done, nil
}

// old returns the next messages of the class that came in before the rule's time, without a lock.
func (l *Ledger) old(ctx context.Context, s dispatcher.ForgetStep) (ids []vocab.MessageID, done dispatcher.Forgotten, err error) {
	r := l.db.reader()
	before := string(firstID(s.Before))
	if s.Stays {
		ids, err = r.messageIDs(ctx, `
			SELECT message_id FROM retention_stays WHERE kind = $1 AND class = $2 AND message_id > $3 AND message_id < $4 ORDER BY message_id LIMIT $5`,
			string(s.Kind), string(s.Class), string(s.After), before, s.Size)
		if len(ids) > 0 {
			done.Last, done.More = ids[len(ids)-1], len(ids) == s.Size
		}
		return ids, done, err
	}
	var mark vocab.MessageID
	err = r.row(ctx, []any{&mark}, `SELECT message_id FROM retention_marks WHERE kind = $1 AND class = $2`, string(s.Kind), string(s.Class))
	if err != nil && !isNone(err) {
		return nil, done, err
	}
	var id vocab.MessageID
	var class vocab.Class
	seen := 0
	err = r.each(ctx, []any{&id, &class}, func() error {
		seen++
		if len(ids) == s.Size { // the rest is for the next portion
			done.More = true
			return nil
		}
		done.Last = id
		if class == s.Class {
			ids = append(ids, id)
		}
		return nil
	}, `SELECT id, class FROM messages WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3`, string(mark), before, forgetStretch)
	done.More = done.More || seen == forgetStretch
	return ids, done, err
}

// markForgotten remembers how far a rule has been applied. Of two who forget at once, the one who came further counts.
func (tx *tx) markForgotten(ctx context.Context, s dispatcher.ForgetStep, last vocab.MessageID) error {
	_, err := tx.exec(ctx, `
		INSERT INTO retention_marks (kind, class, message_id) VALUES ($1, $2, $3)
		ON CONFLICT (kind, class) DO UPDATE SET message_id = CASE WHEN excluded.message_id > retention_marks.message_id
			THEN excluded.message_id ELSE retention_marks.message_id END`, string(s.Kind), string(s.Class), string(last))
	return err
}

// addressee is whom a message that is forgotten went to, and where.
type addressee struct {
	contact vocab.ContactID
	address vocab.AddressID
}

// forget forgets what may be forgotten of these messages, and notes which must stay.
func (tx *tx) forget(ctx context.Context, s dispatcher.ForgetStep, ids []vocab.MessageID) (dispatcher.ForgetCounts, error) {
	var counts dispatcher.ForgetCounts
	if len(ids) == 0 {
		return counts, nil
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return counts, err
	}
	var (
		gone  []vocab.MessageID
		stay  rowset
		to    = map[addressee]bool{}
		id    vocab.MessageID
		who   addressee
		stays bool
	)
	// What is being sent has a due, too.
	if err := tx.each(ctx, []any{&id, &who.contact, textOf(&who.address), &stays}, func() error {
		if stays {
			stay = append(stay, []any{s.Kind, s.Class, id})
			return nil
		}
		gone = append(gone, id)
		if who.address != "" {
			to[who] = true
		}
		return nil
	}, `
		SELECT m.id, m.contact_id, m.address_id,
			COALESCE(m.claimed_at, 0) >= $2 OR COALESCE(m.settled_at, 0) >= $2 OR COALESCE(m.finalized_at, 0) >= $2
			OR EXISTS (SELECT 1 FROM dues d WHERE d.message_id = m.id)
			OR EXISTS (SELECT 1 FROM contacts c WHERE c.id = m.contact_id AND (c.data_blocked_at IS NOT NULL
				OR EXISTS (SELECT 1 FROM contacts s WHERE s.id = c.merged_into AND s.data_blocked_at IS NOT NULL)))
		FROM messages m WHERE m.id IN {ids $1} ORDER BY m.id {guard}`, arg, s.Before.UnixMicro()); err != nil {
		return counts, err
	}
	if arg, err = jsonArg(gone); err != nil {
		return counts, err
	}
	switch s.Kind {
	case dispatcher.RetainMessages:
		err = tx.forgetMessages(ctx, arg, to, &counts)
	case dispatcher.RetainContent:
		err = tx.forgetContent(ctx, arg, &counts)
	}
	if err != nil {
		return counts, err
	}
	if _, err := tx.exec(ctx, `DELETE FROM retention_stays WHERE kind = $2 AND class = $3 AND message_id IN {ids $1}`,
		arg, string(s.Kind), string(s.Class)); err != nil {
		return counts, err
	}
	if counts != (dispatcher.ForgetCounts{}) {
		if err := tx.audit(ctx, audit.Event{
			Actor: audit.System(audit.ByRetention), Operation: "forget-" + string(s.Kind), Resource: audit.Resource{Kind: "message"}, Status: 200,
			Reason: fmt.Sprintf("%d of class %s from before %s", len(gone), s.Class, s.Before.UTC().Format(time.DateOnly)),
		}); err != nil {
			return counts, err
		}
	}
	if !s.Stays {
		counts.Stayed = len(stay)
	}
	return counts, tx.execRows(ctx, stay, `
		INSERT INTO retention_stays (kind, class, message_id) SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2 FROM {rows $1} WHERE true
		ON CONFLICT DO NOTHING`)
}

// counted runs a statement over ids and counts its rows.
func (tx *tx) counted(ctx context.Context, n *int, statement, ids string) error {
	rows, err := tx.exec(ctx, statement, ids)
	*n += int(rows)
	return err
}

// forgetMessages forgets messages with all that hangs on them.
func (tx *tx) forgetMessages(ctx context.Context, ids string, to map[addressee]bool, counts *dispatcher.ForgetCounts) error {
	if err := tx.forgetSMSRefs(ctx, ids); err != nil {
		return err
	}
	var beside int
	for _, part := range []struct {
		n         *int
		statement string
	}{
		{&counts.Payloads, `DELETE FROM message_payloads WHERE message_id IN {ids $1}`},
		{&counts.Attachments, `DELETE FROM attachments WHERE message_id IN {ids $1}`},
		{&beside, `DELETE FROM message_events WHERE message_id IN {ids $1}`},
		// By their keys: there is no index of messages.
		{&beside, `DELETE FROM message_once WHERE (contact_id, purpose, channel, trigger_id) IN
			(SELECT contact_id, purpose, channel, trigger_id FROM messages WHERE id IN {ids $1}) AND message_id IN {ids $1}`},
		{&beside, `DELETE FROM cap_evidence WHERE message_id IN {ids $1}`},
		{&beside, `DELETE FROM message_attempts WHERE message_id IN {ids $1}`},
		{&beside, `DELETE FROM address_bounces WHERE message_id IN {ids $1}`},
		{&beside, `DELETE FROM retention_stays WHERE kind = 'content' AND class IN (SELECT class FROM messages WHERE id IN {ids $1}) AND message_id IN {ids $1}`},
		{&counts.Messages, `DELETE FROM messages WHERE id IN {ids $1}`},
	} {
		if err := tx.counted(ctx, part.n, part.statement, ids); err != nil {
			return err
		}
	}
	return tx.forgetUnused(ctx, to, counts)
}

// forgetSMSRefs forgets by what names providers reported on messages. There is no index of messages, and for a set of keys PostgreSQL would read the
// whole table while its statistics are young; so each goes by its key.
func (tx *tx) forgetSMSRefs(ctx context.Context, ids string) error {
	type key struct{ provider, ref, message string }
	var keys []key
	var k key
	for _, query := range []string{
		`SELECT provider, provider_ref, id FROM messages WHERE id IN {ids $1} AND channel = 'sms' AND provider_ref <> ''`,
		`SELECT a.provider, a.provider_ref, a.message_id FROM message_attempts a JOIN messages m ON m.id = a.message_id
			WHERE a.message_id IN {ids $1} AND m.channel = 'sms' AND a.provider_ref <> ''`,
	} {
		if err := tx.each(ctx, []any{&k.provider, &k.ref, &k.message}, func() error {
			keys = append(keys, k)
			return nil
		}, query, ids); err != nil {
			return err
		}
	}
	for _, k := range keys {
		if _, err := tx.exec(ctx, `DELETE FROM sms_refs WHERE provider = $1 AND ref = $2 AND message_id = $3`, k.provider, k.ref, k.message); err != nil {
			return err
		}
	}
	return nil
}

// forgetContent forgets what messages say, and keeps that they were sent and why.
func (tx *tx) forgetContent(ctx context.Context, ids string, counts *dispatcher.ForgetCounts) error {
	for _, part := range []struct {
		n         *int
		statement string
	}{
		{&counts.Payloads, `DELETE FROM message_payloads WHERE message_id IN {ids $1}`},
		{&counts.Attachments, `DELETE FROM attachments WHERE message_id IN {ids $1}`},
		{&counts.Details, `UPDATE message_attempts SET detail = '' WHERE message_id IN {ids $1} AND detail <> ''`},
		{&counts.Details, `UPDATE messages SET detail = '' WHERE id IN {ids $1} AND detail <> ''`},
	} {
		if err := tx.counted(ctx, part.n, part.statement, ids); err != nil {
			return err
		}
	}
	return nil
}

// forgetUnused forgets the addresses that nobody has any more and that were kept as the evidence of messages that are gone now.
func (tx *tx) forgetUnused(ctx context.Context, to map[addressee]bool, counts *dispatcher.ForgetCounts) error {
	var rows rowset
	var addresses []vocab.AddressID
	for who := range to {
		rows = append(rows, []any{who.contact, who.address})
		addresses = append(addresses, who.address)
	}
	if len(rows) == 0 {
		return nil
	}
	// Whoever is giving one to a contact holds it: what they did is seen by the next statement, and not by one that waited for them.
	if err := tx.guard(ctx, nil, addresses); err != nil {
		return err
	}
	arg, err := jsonArg(rows)
	if err != nil {
		return err
	}
	return tx.counted(ctx, &counts.Addresses, blankAddress+`
		WHERE value <> '' AND NOT EXISTS (SELECT 1 FROM contact_addresses l WHERE l.address_id = addresses.id) AND id IN (
			SELECT j.value ->> 1 FROM {rows $1}
			WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.contact_id = j.value ->> 0 AND m.address_id = j.value ->> 1))`, arg)
}
