package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

func noMessage() error { return fault.Missing("message_not_found", "there is no message with this id") }

// Get returns one message; fault.NotFound if there is none.
func (l *Ledger) Get(ctx context.Context, id vocab.MessageID) (dispatcher.Message, error) {
	m, err := l.db.reader().message(ctx, id)
	return m, away(err)
}

func (r runner) message(ctx context.Context, id vocab.MessageID) (dispatcher.Message, error) {
	var m dispatcher.Message
	err := r.row(ctx, messageDest(&m), `SELECT `+messageColumns+` FROM messages m WHERE m.id = $1`, string(id))
	if isNone(err) {
		return m, noMessage()
	}
	if err != nil {
		return m, err
	}
	return m, r.readEarlier(ctx, &m)
}

// Attempts returns the attempts of a message in order, the open one too; fault.NotFound if there is no such message.
func (l *Ledger) Attempts(ctx context.Context, id vocab.MessageID) ([]dispatcher.Attempt, error) {
	r := l.db.reader()
	// The message is read first: an attempt that closes between the two reads is then seen closed, not lost.
	m, err := r.message(ctx, id)
	if err != nil {
		return nil, away(err)
	}
	var list []dispatcher.Attempt
	var a dispatcher.Attempt
	dest := []any{
		&a.Number, at(&a.OpenedAt), at(&a.ClosedAt), &a.Provider, &a.Outcome, &a.Cause, &a.Code, &a.Enhanced, &a.Detail, &a.ProviderRef,
	}
	if err := r.each(ctx, dest, func() error {
		list = append(list, a)
		return nil
	}, `
		SELECT attempt, opened_at, closed_at, provider, outcome, cause, code, enhanced, detail, provider_ref
		FROM closed_attempts WHERE message_id = $1 ORDER BY attempt`, string(id)); err != nil {
		return nil, away(err)
	}
	closed := slices.ContainsFunc(list, func(a dispatcher.Attempt) bool { return a.Number >= m.Attempt })
	if m.Status == dispatcher.Sending && !closed {
		list = append(list, dispatcher.Attempt{Number: m.Attempt, OpenedAt: m.ClaimedAt, Provider: m.Provider})
	}
	return list, nil
}

// Payload returns what a message was made from; fault.NotFound if there is no such message.
func (l *Ledger) Payload(ctx context.Context, id vocab.MessageID) (dispatcher.StoredContent, error) {
	r := l.db.reader()
	var c dispatcher.StoredContent
	var data, metadata string
	var sealed nullBool
	err := r.row(ctx, []any{textOf(&data), &sealed, textOf(&metadata)}, `
		SELECT p.data, p.sealed, p.metadata FROM messages m LEFT JOIN message_payloads p ON p.message_id = m.id WHERE m.id = $1`, string(id))
	if isNone(err) {
		return c, noMessage()
	}
	if err != nil {
		return c, away(err)
	}
	c.Payload.Sealed = sealed.is
	if data != "" {
		c.Payload.Data = []byte(data)
	}
	if metadata != "" {
		c.Metadata = []byte(metadata)
	}
	var name string
	err = r.each(ctx, []any{&name}, func() error {
		c.Attachments = append(c.Attachments, name)
		return nil
	}, `SELECT name FROM attachments WHERE message_id = $1 ORDER BY id`, string(id))
	return c, away(err)
}

// Addressee is who a message is for.
type Addressee struct {
	Address  vocab.Address // empty if there is none, or it was erased
	Name     string        // of the contact now
	Language vocab.Language
}

// Recipient returns who a message is for; fault.NotFound if there is no such message.
func (l *Ledger) Recipient(ctx context.Context, id vocab.MessageID) (Addressee, error) {
	var a Addressee
	err := l.db.reader().row(ctx, []any{textOf(&a.Address), &a.Name, &a.Language}, `
		SELECT a.value, c.name, m.language
		FROM messages m JOIN contacts c ON c.id = m.contact_id LEFT JOIN addresses a ON a.id = m.address_id
		WHERE m.id = $1`, string(id))
	if isNone(err) {
		return a, noMessage()
	}
	return a, away(err)
}

// Cancel calls a message back that still waits, and returns it. The error is fault.NotFound, or fault.Conflict
// (message_not_cancelable), which says how far it is.
func (l *Ledger) Cancel(ctx context.Context, id vocab.MessageID, now time.Time) (dispatcher.Message, error) {
	var m dispatcher.Message
	err := l.db.tx(ctx, func(tx *tx) error {
		canceled, err := tx.cancel(ctx, []vocab.MessageID{id}, cancelOrder, now)
		if err != nil {
			return err
		}
		if m, err = tx.message(ctx, id); err != nil || len(canceled) == 1 {
			return err
		}
		return &fault.Error{
			Kind: fault.Conflict, Code: "message_not_cancelable",
			Detail: "the message is " + string(m.Status) + "; only one that waits (scheduled, queued, held, deferred) can be canceled",
		}
	})
	if err != nil {
		return dispatcher.Message{}, fmt.Errorf("cancel message %s: %w", id, err)
	}
	return m, nil
}

// Reasons of what somebody ordered.
const (
	cancelOrder   = "cancel_order"
	operatorOrder = "operator_order"
)

// Requeue sends a message again that may have arrived: unknown becomes queued, due now and marked as possibly sent twice. Only an
// operator may order that, and by is their id. It returns the message. The error is fault.NotFound, or fault.Conflict:
// message_not_requeueable says how far it is, message_content_gone that what it was made from is wiped.
func (l *Ledger) Requeue(ctx context.Context, id vocab.MessageID, by string, now time.Time) (dispatcher.Message, error) {
	var m dispatcher.Message
	err := l.db.tx(ctx, func(tx *tx) error {
		n, err := tx.exec(ctx, `
			UPDATE messages SET status = 'queued', due_at = $2, finalized_at = NULL, possible_dup = true
			WHERE id = $1 AND status = 'unknown'`, string(id), now.UnixMicro())
		if err != nil {
			return err
		}
		if m, err = tx.message(ctx, id); err != nil {
			return err
		}
		if n == 0 {
			return &fault.Error{
				Kind: fault.Conflict, Code: "message_not_requeueable",
				Detail: "the message is " + string(m.Status) + "; only one that is unknown can be sent again",
			}
		}
		var one int
		err = tx.row(ctx, []any{&one}, `SELECT 1 FROM message_payloads WHERE message_id = $1`, string(id))
		if isNone(err) {
			return &fault.Error{
				Kind: fault.Conflict, Code: "message_content_gone", Detail: "what the message was made from is wiped; submit a new one",
			}
		}
		if err != nil {
			return err
		}
		if err := tx.setDues(ctx, []due{{id, now}}); err != nil {
			return err
		}
		return tx.addEvents(ctx, []event{{
			message: id, kind: string(dispatcher.Queued), at: now, attempt: m.Attempt, reason: operatorOrder, actor: by,
		}})
	})
	if err != nil {
		return dispatcher.Message{}, fmt.Errorf("requeue message %s: %w", id, err)
	}
	return m, nil
}
