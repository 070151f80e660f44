package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Caught is a message that went into the catcher and to nobody.
type Caught struct {
	ID        string // set by Keep
	Channel   vocab.Channel
	Sender    string
	Recipient string
	Subject   string // email
	Body      string // the text
	HTML      string // email
	Raw       []byte // as it would have gone on the wire
	At        time.Time
}

const caughtPrefix = "cgt"

// Inbox keeps what the catcher caught. It is never written in production.
type Inbox struct {
	db  *DB
	cap int
}

// NewInbox returns the inbox of a database, which keeps the newest n messages; n is at least 1.
func NewInbox(db *DB, n int) (*Inbox, error) {
	if n < 1 {
		return nil, errors.New("inbox: it must keep at least one message")
	}
	return &Inbox{db, n}, nil
}

// Keep adds messages in order and forgets the oldest beyond the cap. It returns them with their ids.
func (b *Inbox) Keep(ctx context.Context, caught ...Caught) ([]Caught, error) {
	kept := append([]Caught(nil), caught...)
	for i := range kept {
		kept[i].ID = vocab.NewID(caughtPrefix)
	}
	err := b.db.tx(ctx, func(tx *tx) error {
		for _, c := range kept {
			raw := c.Raw
			if raw == nil {
				raw = []byte{}
			}
			if _, err := tx.exec(ctx, `
				INSERT INTO inbox (id, channel, sender, recipient, subject, body, html, raw, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
				c.ID, string(c.Channel), plain(c.Sender), plain(c.Recipient), plain(c.Subject), plain(c.Body), plain(c.HTML), raw,
				c.At.UnixMicro()); err != nil {
				return err
			}
		}
		_, err := tx.exec(ctx, `DELETE FROM inbox WHERE id <= (SELECT id FROM inbox ORDER BY id DESC LIMIT 1 OFFSET $1)`, b.cap)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keep %d caught messages: %w", len(caught), err)
	}
	return kept, nil
}

// InboxFilter narrows List; empty fields do not.
type InboxFilter struct {
	Channel   vocab.Channel
	Recipient string // part of it, in any case
	After     string
	Limit     int // 1 to 200; anything else is 200
}

// List returns what was caught, the newest first, without Raw.
func (b *Inbox) List(ctx context.Context, f InboxFilter) ([]Caught, error) {
	var is conditions
	if f.Channel != "" {
		is.add(`channel = ?`, string(f.Channel))
	}
	if f.After != "" {
		is.add(`id < ?`, f.After)
	}
	var list []Caught
	var c Caught
	limit, wanted := pageOf(f.Limit), folded(f.Recipient)
	// Who it was for is compared here, because only Go knows the case of every letter; the inbox is small by its cap.
	err := b.db.reader().each(ctx, []any{&c.ID, &c.Channel, &c.Sender, &c.Recipient, &c.Subject, &c.Body, &c.HTML, at(&c.At)}, func() error {
		if len(list) < limit && strings.Contains(folded(c.Recipient), wanted) {
			list = append(list, c)
		}
		return nil
	}, `SELECT id, channel, sender, recipient, subject, body, html, at FROM inbox`+is.where()+` ORDER BY id DESC`, is.args...)
	return list, away(err)
}

// Get returns one message with Raw; fault.NotFound if there is none, or not any more.
func (b *Inbox) Get(ctx context.Context, id string) (Caught, error) {
	var c Caught
	err := b.db.reader().row(ctx, []any{&c.ID, &c.Channel, &c.Sender, &c.Recipient, &c.Subject, &c.Body, &c.HTML, &c.Raw, at(&c.At)},
		`SELECT id, channel, sender, recipient, subject, body, html, raw, at FROM inbox WHERE id = $1`, id)
	if isNone(err) {
		return c, fault.Missing("caught_not_found", "the inbox has no message with this id")
	}
	return c, away(err)
}

// Clear empties the inbox and returns how many messages it held.
func (b *Inbox) Clear(ctx context.Context) (int, error) {
	n, err := b.db.writer().exec(ctx, `DELETE FROM inbox`)
	return int(n), away(err)
}
