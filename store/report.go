package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// RecordReport records what a provider said later about a message: that it arrived, or that it will not. Reports count by rank and not
// by arrival: after delivered only a bounce changes anything, after a bounce nothing does, and the same event of a provider is recorded
// once. It returns the message as it is then and whether the report changed it.
//
// The error is fault.NotFound (message_not_found) if no message has the id or the provider's reference, and fault.Conflict
// (message_in_flight) while the hand-over that the report is about is not settled: both may pass, so the provider should come again.
func (l *Ledger) RecordReport(ctx context.Context, r dispatcher.LateReport) (dispatcher.Message, bool, error) {
	var m dispatcher.Message
	var changed bool
	err := l.db.tx(ctx, func(tx *tx) error {
		changed = false
		var err error
		if m, err = tx.reported(ctx, r); err != nil {
			return err
		}
		if r.Suppress != dispatcher.SuppressNever && m.AddressID != "" {
			if err := tx.guard(ctx, nil, []vocab.AddressID{m.AddressID}); err != nil {
				return err
			}
		}
		if changed, err = tx.moveReported(ctx, m, r); err != nil {
			return err
		}
		if m, err = tx.message(ctx, m.ID); err != nil {
			return err
		}
		if m.Status == dispatcher.Sending {
			return &fault.Error{Kind: fault.Conflict, Code: "message_in_flight", Detail: "the hand-over is not settled yet; report it again"}
		}
		if !changed {
			return nil
		}
		return tx.afterReport(ctx, m, r)
	})
	if err != nil {
		return dispatcher.Message{}, false, fmt.Errorf("record report: %w", err)
	}
	return m, changed, nil
}

// reported finds the message that a report is about.
func (tx *tx) reported(ctx context.Context, r dispatcher.LateReport) (dispatcher.Message, error) {
	if r.MessageID != "" {
		return tx.message(ctx, r.MessageID)
	}
	if r.ProviderRef == "" {
		return dispatcher.Message{}, errors.New("a report names neither a message nor a provider's reference")
	}
	var m dispatcher.Message
	// A provider that uses a reference again means its newest message.
	err := tx.row(ctx, messageDest(&m), `SELECT `+messageColumns+` FROM sms_refs r JOIN messages m ON m.id = r.message_id
		WHERE r.ref = $1 AND r.provider = $2 ORDER BY m.id DESC LIMIT 1`, plain(r.ProviderRef), string(r.Provider))
	if isNone(err) {
		return m, noMessage()
	}
	return m, err
}

// moveReported moves the message if the report outranks where it is, and says whether it did.
func (tx *tx) moveReported(ctx context.Context, m dispatcher.Message, r dispatcher.LateReport) (bool, error) {
	// How an open attempt ended is its worker's to say.
	from := slices.DeleteFunc(r.Next.Before(), func(s dispatcher.Status) bool { return s == dispatcher.Sending })
	if r.Next != dispatcher.Delivered && r.Next != dispatcher.Bounced && r.Next != dispatcher.Undelivered {
		return false, fmt.Errorf("message %s: a report may not say %s", m.ID, r.Next)
	}
	arg, err := jsonArg(from)
	if err != nil {
		return false, err
	}
	n, err := tx.exec(ctx, `
		UPDATE messages SET status = $2, finalized_at = $3, last_cause = CASE WHEN $4 = '' THEN last_cause ELSE $4 END
		WHERE id = $1 AND status IN {ids $5}
		  AND ($6 = '' OR NOT EXISTS (SELECT 1 FROM message_events e WHERE e.message_id = messages.id AND e.dedupe = $6))`,
		string(m.ID), string(r.Next), r.At.UnixMicro(), string(r.Cause), arg, plain(r.EventID))
	return n == 1, err
}

// afterReport writes the event and the provider's words, and judges the address.
func (tx *tx) afterReport(ctx context.Context, m dispatcher.Message, r dispatcher.LateReport) error {
	if err := tx.addEvents(ctx, []event{{
		message: m.ID, kind: string(r.Next), at: r.At, attempt: m.Attempt, reason: string(r.Cause), dedupe: plain(r.EventID),
	}}); err != nil {
		return err
	}
	if m.Class == vocab.Security {
		r.Detail = "" // it may repeat the text, which is a code
	}
	if r.Cause != "" {
		// The outcome stays: the provider did accept it, and this is what it said afterwards.
		if _, err := tx.exec(ctx, `
			UPDATE messages SET cause = $3, code = $4, enhanced = $5,
				detail = CASE WHEN EXISTS (SELECT 1 FROM contacts WHERE id = $7 AND erased_at IS NOT NULL) THEN '' ELSE $6 END
			WHERE id = $1 AND attempt = $2 AND cause = ''`,
			string(m.ID), m.Attempt, string(r.Cause), r.Code, plain(r.Enhanced), plain(r.Detail), string(m.ContactID)); err != nil {
			return err
		}
	}
	return tx.judgeAddresses(ctx, []dispatcher.Settlement{{
		MessageID: m.ID, AddressID: m.AddressID, Attempt: m.Attempt, At: r.At, Cause: r.Cause, Suppress: r.Suppress, Points: r.Points,
	}})
}

// Awaited returns the provider's references of SMS that were sent after the mark and have no report yet, at most n in order of sending,
// and the mark of the last of them: the next call goes on from there and leaves none out.
func (l *Ledger) Awaited(ctx context.Context, provider vocab.ProviderID, after dispatcher.SentMark, n int) ([]string, dispatcher.SentMark, error) {
	var refs []string
	var ref string
	var last dispatcher.SentMark
	// Not (sent_at, id) > ($2, $3): from that SQLite does not conclude that the index of what was sent serves, and reads all messages.
	err := l.db.reader().each(ctx, []any{&ref, at(&last.At), &last.MessageID}, func() error {
		refs = append(refs, ref)
		return nil
	}, `
		SELECT r.ref, r.sent_at, r.message_id FROM sms_refs r JOIN messages m ON m.id = r.message_id
		WHERE r.provider = $1 AND r.sent_at >= $2 AND (r.sent_at > $2 OR r.message_id > $3) AND m.status = 'sent'
		ORDER BY r.sent_at, r.message_id LIMIT $4`, string(provider), after.At.UnixMicro(), string(after.MessageID), n)
	return refs, last, away(err)
}
