package store

import (
	"context"
	"slices"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/export"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// What an export reads, a page at a time. What a contact has are also the messages, entries and addresses of those who were merged into it.

// OtherExternalIDs returns the external ids of those who were merged into a contact.
func (c *Contacts) OtherExternalIDs(ctx context.Context, id vocab.ContactID) ([]string, error) {
	var list []string
	var external string
	err := c.db.reader().each(ctx, []any{&external}, func() error {
		list = append(list, external)
		return nil
	}, `SELECT external_id FROM external_ids WHERE contact_id = $1 ORDER BY external_id`, string(id))
	return list, away(err)
}

// SuppressionsOf returns the suppressions of a contact's addresses, the lifted ones too, the oldest first: of those it has, and of those it had
// that nobody has now.
func (c *Contacts) SuppressionsOf(ctx context.Context, id vocab.ContactID) ([]contacts.Suppression, error) {
	r := c.db.reader()
	same, err := r.sameAsArg(ctx, id)
	if err != nil {
		return nil, away(err)
	}
	var hashes []string
	var hash string
	if err := r.each(ctx, []any{&hash}, func() error {
		hashes = append(hashes, hash)
		return nil
	}, `
		SELECT a.hash FROM addresses a WHERE a.id IN (
			SELECT address_id FROM contact_addresses WHERE contact_id = $1
			UNION SELECT address_id FROM messages WHERE contact_id IN {ids $2} AND address_id IS NOT NULL)
		AND NOT EXISTS (SELECT 1 FROM contact_addresses o WHERE o.address_id = a.id AND o.contact_id <> $1
			AND NOT EXISTS (SELECT 1 FROM contact_addresses l WHERE l.address_id = a.id AND l.contact_id = $1))`, string(id), same); err != nil {
		return nil, away(err)
	}
	arg, err := jsonArg(hashes)
	if err != nil {
		return nil, err
	}
	var list []contacts.Suppression
	var x contacts.Suppression
	err = r.each(ctx, suppressionDest(&x), func() error {
		list = append(list, x)
		return nil
	}, `SELECT `+suppressionColumns+` WHERE s.address_hash IN {ids $1} ORDER BY s.id`, arg)
	return list, away(err)
}

// RecordsOf returns entries of the ledger about a contact behind a number, in order, with the values kept beside them, at most n of them.
func (c *Consents) RecordsOf(ctx context.Context, id vocab.ContactID, behind int64, n int) ([]export.ConsentRecord, error) {
	r := c.db.reader()
	same, err := r.sameAsArg(ctx, id)
	if err != nil {
		return nil, away(err)
	}
	events, err := r.consentEvents(ctx, `contact_id IN {ids $1} AND seq > $2 ORDER BY seq LIMIT $3`, same, behind, n)
	if err != nil {
		return nil, away(err)
	}
	list := make([]export.ConsentRecord, len(events))
	ids, index := make([]vocab.ConsentEventID, len(events)), map[vocab.ConsentEventID]int{}
	for i, e := range events {
		list[i].Event, ids[i], index[e.ID] = e, e.ID, i
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return nil, err
	}
	var event vocab.ConsentEventID
	var value string
	err = r.each(ctx, []any{&event, &value}, func() error {
		list[index[event]].Evidence = value
		return nil
	}, `SELECT event_id, value FROM consent_values WHERE event_id IN {ids $1}`, arg)
	return list, away(err)
}

// RecordsOf returns messages to a contact with all that hangs on them, the newest first, at most n of them; behind is the last one of the page
// before, or "".
func (l *Ledger) RecordsOf(ctx context.Context, id vocab.ContactID, behind vocab.MessageID, n int) ([]export.MessageRecord, error) {
	r := l.db.reader()
	page, err := r.listOf(ctx, dispatcher.MessageFilter{ContactID: id, After: behind, Limit: n})
	if err != nil {
		return nil, away(err)
	}
	list := make([]export.MessageRecord, len(page.Messages))
	for i, m := range page.Messages {
		list[i].Message = m
	}
	return list, away(r.fillRecords(ctx, list))
}

// fillRecords reads what hangs on messages.
func (r runner) fillRecords(ctx context.Context, list []export.MessageRecord) error {
	if len(list) == 0 {
		return nil
	}
	ids, of := make([]vocab.MessageID, len(list)), make(map[vocab.MessageID]*export.MessageRecord, len(list))
	for i := range list {
		ids[i] = list[i].Message.ID
		of[ids[i]] = &list[i]
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return err
	}
	for _, read := range []func(context.Context, string, map[vocab.MessageID]*export.MessageRecord) error{
		r.recordAddresses, r.recordEvents, r.recordAttempts, r.recordContents, r.recordBounces,
	} {
		if err := read(ctx, arg, of); err != nil {
			return err
		}
	}
	return nil
}

func (r runner) recordAddresses(ctx context.Context, ids string, of map[vocab.MessageID]*export.MessageRecord) error {
	var id vocab.MessageID
	var value vocab.Address
	return r.each(ctx, []any{&id, &value}, func() error {
		of[id].Address = value
		return nil
	}, `SELECT m.id, a.value FROM messages m JOIN addresses a ON a.id = m.address_id WHERE m.id IN {ids $1}`, ids)
}

func (r runner) recordEvents(ctx context.Context, ids string, of map[vocab.MessageID]*export.MessageRecord) error {
	var id vocab.MessageID
	var e dispatcher.MessageEvent
	if err := r.each(ctx, []any{&id, &e.ID, &e.Type, at(&e.At), &e.Attempt, &e.Reason, &e.Actor}, func() error {
		of[id].Events = append(of[id].Events, e)
		return nil
	}, `SELECT message_id, id, type, at, attempt, reason, actor FROM message_events WHERE message_id IN {ids $1} ORDER BY message_id, at, id`, ids); err != nil {
		return err
	}
	var u unwritten
	return r.each(ctx, append([]any{&u.id}, u.dest()...), func() error {
		of[u.id].Events = u.among(of[u.id].Events)
		return nil
	}, `SELECT id, began_queued, created_at, sent_at, attempt FROM messages WHERE id IN {ids $1}`, ids)
}

// recordAttempts reads attempts as Attempts does. Not from the view: joined with a list of ids, PostgreSQL would read all of it.
func (r runner) recordAttempts(ctx context.Context, ids string, of map[vocab.MessageID]*export.MessageRecord) error {
	var id vocab.MessageID
	var a dispatcher.Attempt
	dest := []any{
		&id, &a.Number, at(&a.OpenedAt), at(&a.ClosedAt), &a.Provider, &a.Outcome, &a.Cause, &a.Code, &a.Enhanced, &a.Detail, &a.ProviderRef,
	}
	keep := func() error {
		of[id].Attempts = append(of[id].Attempts, a)
		return nil
	}
	if err := r.each(ctx, dest, keep, `
		SELECT message_id, attempt, opened_at, closed_at, provider, outcome, cause, code, enhanced, detail, provider_ref
		FROM message_attempts WHERE message_id IN {ids $1} ORDER BY message_id, attempt`, ids); err != nil {
		return err
	}
	if err := r.each(ctx, dest, keep, `
		SELECT id, attempt, claimed_at, settled_at, provider, outcome, cause, code, enhanced, detail, provider_ref
		FROM messages WHERE id IN {ids $1} AND outcome <> ''`, ids); err != nil {
		return err
	}
	for _, x := range of {
		m := x.Message
		closed := slices.ContainsFunc(x.Attempts, func(a dispatcher.Attempt) bool { return a.Number >= m.Attempt })
		if m.Status == dispatcher.Sending && !closed {
			x.Attempts = append(x.Attempts, dispatcher.Attempt{Number: m.Attempt, OpenedAt: m.ClaimedAt, Provider: m.Provider})
		}
	}
	return nil
}

func (r runner) recordContents(ctx context.Context, ids string, of map[vocab.MessageID]*export.MessageRecord) error {
	var id vocab.MessageID
	var data, metadata string
	var sealed bool
	if err := r.each(ctx, []any{&id, &data, &sealed, &metadata}, func() error {
		of[id].Payload = dispatcher.Payload{Data: []byte(data), Sealed: sealed}
		if metadata != "" {
			of[id].Metadata = []byte(metadata)
		}
		return nil
	}, `SELECT message_id, data, sealed, metadata FROM message_payloads WHERE message_id IN {ids $1}`, ids); err != nil {
		return err
	}
	var f export.File
	return r.each(ctx, []any{&id, &f.Name, &f.ContentType, &f.Size}, func() error {
		of[id].Files = append(of[id].Files, f)
		return nil
	}, `SELECT message_id, name, content_type, length(content) FROM attachments WHERE message_id IN {ids $1} ORDER BY message_id, id`, ids)
}

func (r runner) recordBounces(ctx context.Context, ids string, of map[vocab.MessageID]*export.MessageRecord) error {
	var id vocab.MessageID
	var b export.Bounce
	var when time.Time
	return r.each(ctx, []any{&id, &b.Attempt, &b.Cause, &b.Points, at(&when)}, func() error {
		b.At = when
		of[id].Bounces = append(of[id].Bounces, b)
		return nil
	}, `SELECT message_id, attempt, cause, points, at FROM address_bounces WHERE message_id IN {ids $1} ORDER BY message_id, attempt`, ids)
}

// EachFile calls f with each attachment of a message, in the order they were given; one is in memory at a time.
func (l *Ledger) EachFile(ctx context.Context, id vocab.MessageID, f func(channels.Attachment) error) error {
	var a channels.Attachment
	return away(l.db.reader().each(ctx, []any{&a.Name, &a.ContentType, &a.Content}, func() error {
		defer func() { a.Content = nil }()
		return f(a)
	}, `SELECT name, content_type, content FROM attachments WHERE message_id = $1 ORDER BY id`, string(id)))
}

// RecordsOf returns the claims of a contact with their texts, the oldest first.
func (c *Claims) RecordsOf(ctx context.Context, id vocab.ContactID) ([]export.ClaimRecord, error) {
	r := c.db.reader()
	found, err := r.claims(ctx, ` WHERE c.contact_id = $1 ORDER BY c.id`, string(id)) // a merge takes them along
	if err != nil {
		return nil, away(err)
	}
	list := make([]export.ClaimRecord, len(found))
	for i := range found { // nobody has many
		x, err := r.claim(ctx, found[i].ID)
		if err != nil {
			return nil, away(err)
		}
		list[i] = export.ClaimRecord{
			ID: x.ID, Number: x.Number, Kind: string(x.Kind), Via: string(x.Via), Language: x.Language, About: x.About, Text: x.Text, State: string(x.State),
			ReceivedAt: x.ReceivedAt, DueAt: x.DueAt, Acknowledged: x.Acknowledged, Answer: x.Answer.MessageID, AnsweredAt: x.Answer.At,
			ClosedAt: x.ClosedAt, CloseReason: x.CloseReason, Events: x.Events, Canceled: x.Canceled, InFlight: x.InFlight,
		}
	}
	return list, nil
}

// RecordsOf returns what a contact was asked to confirm at the addresses that it ever had, the oldest first.
func (o *OptIns) RecordsOf(ctx context.Context, id vocab.ContactID) ([]export.ConfirmationRecord, error) {
	r := o.db.reader()
	same, err := r.sameAsArg(ctx, id)
	if err != nil {
		return nil, away(err)
	}
	var list []export.ConfirmationRecord
	var c optin.Confirmation
	var asked, hash string
	err = r.each(ctx, confirmationDest(&c, &asked, &hash), func() error {
		if err := readAsked(&c, asked, hash); err != nil {
			return err
		}
		x := export.ConfirmationRecord{
			ID: c.ID, Kind: string(c.Kind), AddressID: c.AddressID, Channel: c.Channel, Language: c.Language, FormID: c.FormID, MessageID: c.MessageID,
			CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt, RemindedAt: c.RemindedAt, Tries: c.Tries, UsedAt: c.UsedAt,
		}
		for _, a := range c.Asked {
			x.Asked = append(x.Asked, export.AskedRecord{
				Purpose: a.Purpose, Topic: a.Topic, TextVersion: a.TextVersion, TextHash: a.TextHash, Request: a.Request, Granted: a.Granted,
			})
		}
		list = append(list, x)
		return nil
	}, `SELECT `+confirmationColumns+confirmationFrom+`
		WHERE c.contact_id IN {ids $1} AND c.address_id IN (
			SELECT address_id FROM contact_addresses WHERE contact_id = $2
			UNION SELECT address_id FROM messages WHERE contact_id IN {ids $1} AND address_id IS NOT NULL)
		ORDER BY c.id`, same, string(id))
	return list, away(err)
}
