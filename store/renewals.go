package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// Ending returns grants that end after one time and not after another, the earliest first, at most n, without those whose contact was
// asked already so many days before the end, without the stale ones (consent.Grant.Under), which a renewal does not mend, and without those
// of contacts who were erased or merged into another one: what a survivor has stands in its own grants. after is the last one of the page
// before, or the zero value.
func (c *Consents) Ending(ctx context.Context, from, until time.Time, days int, after dispatcher.EndingGrant, n int) ([]dispatcher.EndingGrant, error) {
	since := from.UnixMicro()
	if !after.ValidUntil.IsZero() {
		since = after.ValidUntil.UnixMicro()
	}
	var list []dispatcher.EndingGrant
	var g dispatcher.EndingGrant
	err := c.db.reader().each(ctx, []any{
		&g.ContactID, &g.Key.Purpose, &g.Key.Channel, &g.Key.Topic, &g.Event, at(&g.ValidUntil), &g.Language,
	}, func() error {
		list = append(list, g)
		return nil
	}, `
		SELECT g.contact_id, g.purpose, g.channel, g.topic, g.event_id, g.valid_until, p.language
		FROM consents g JOIN contacts p ON p.id = g.contact_id
		WHERE g.state = 'granted' AND g.valid_until IS NOT NULL AND (g.valid_until, g.event_id) > ($1, $2) AND g.valid_until <= $3
		  AND p.merged_into IS NULL AND p.erased_at IS NULL
		  AND NOT EXISTS (SELECT 1 FROM renewal_asks r WHERE r.event_id = g.event_id AND r.days = $4)
		  AND NOT EXISTS (SELECT 1 FROM consent_text_changes t WHERE t.purpose = g.purpose AND t.channel = g.channel AND t.version > g.text_version)
		ORDER BY g.valid_until, g.event_id LIMIT $5`, since, string(after.Event), until.UnixMicro(), days, n)
	return list, away(err)
}

// KeepAsks remembers which grants were asked about and with which messages. What is remembered already stays as it is.
func (c *Consents) KeepAsks(ctx context.Context, days int, asks map[vocab.ConsentEventID]vocab.MessageID, now time.Time) error {
	var rows rowset
	for event, message := range asks {
		rows = append(rows, []any{event, message})
	}
	return c.db.tx(ctx, func(tx *tx) error {
		return tx.execRows(ctx, rows, `
			INSERT INTO renewal_asks (event_id, days, message_id, at)
			SELECT j.value ->> 0, CAST($2 AS BIGINT), j.value ->> 1, CAST($3 AS BIGINT) FROM {rows $1} WHERE true
			ON CONFLICT (event_id, days) DO NOTHING`, days, now.UnixMicro())
	})
}

// AskedIn returns the entry of the grant that a message asked to renew; empty if the message asked for nothing.
func (c *Consents) AskedIn(ctx context.Context, message vocab.MessageID) (vocab.ConsentEventID, error) {
	var event vocab.ConsentEventID
	err := c.db.reader().row(ctx, []any{&event}, `SELECT event_id FROM renewal_asks WHERE message_id = $1`, string(message))
	if isNone(err) {
		return "", nil
	}
	return event, away(err)
}

// Expire writes down which grants have ended by a time, at most n of them, and returns how many it wrote. It says what the gate says
// already: whoever asks in between is told that the grant has expired, too.
func (c *Consents) Expire(ctx context.Context, now time.Time, n int) (int, error) {
	var written int
	err := c.db.txOf(ctx, n, func(tx *tx) error {
		written = 0
		ended, err := tx.ended(ctx, now, n)
		if err != nil || len(ended) == 0 {
			return err
		}
		if err := tx.guard(ctx, ended, nil); err != nil {
			return err
		}
		for _, contact := range ended {
			k, err := c.expireOf(ctx, tx, contact, now)
			if err != nil {
				return err
			}
			written += k
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("expire grants: %w", err)
	}
	return written, nil
}

// ended returns the contacts of the n grants that ended first, in the order of their guards.
func (tx *tx) ended(ctx context.Context, now time.Time, n int) ([]vocab.ContactID, error) {
	var list []vocab.ContactID
	var id vocab.ContactID
	err := tx.each(ctx, []any{&id}, func() error {
		list = append(list, id)
		return nil
	}, `
		SELECT contact_id FROM consents WHERE state = 'granted' AND valid_until IS NOT NULL AND valid_until <= $1
		ORDER BY valid_until, event_id LIMIT $2`, now.UnixMicro(), n)
	slices.Sort(list)
	return slices.Compact(list), err
}

// expireOf appends an entry for each grant of a contact that has ended, also for one whose text has changed meanwhile: its row would be found
// again for ever. The caller holds the contact's guard.
func (c *Consents) expireOf(ctx context.Context, tx *tx, contact vocab.ContactID, now time.Time) (int, error) {
	grants, err := tx.grantRows(ctx, contact)
	if err != nil {
		return 0, err
	}
	written := 0
	for _, key := range slices.SortedFunc(maps.Keys(grants), consent.GrantKey.Compare) {
		g := grants[key]
		if g.State != consent.Granted || g.ValidUntil.IsZero() || now.Before(g.ValidUntil) {
			continue
		}
		e := consent.Event{
			ID: vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix)), Kind: consent.KindExpired, ContactID: contact, Scope: scopeOf(key),
			Purpose: key.Purpose, Channel: key.Channel, Topic: key.Topic, Source: consent.SourceSystem, ActorKind: consent.ActorSystem,
			At: g.ValidUntil, RecordedAt: now,
		}
		if e, err = tx.appendConsent(ctx, e, ""); err != nil {
			return 0, err
		}
		if err := tx.keepGrant(ctx, contact, key, c.apply(key, g.Grant, e), g.crossBorder); err != nil {
			return 0, err
		}
		written++
	}
	return written, nil
}

// scopeOf is how far an entry reaches that is about one grant.
func scopeOf(key consent.GrantKey) consent.Scope {
	if key.Topic != "" {
		return consent.ScopeTopic
	}
	return consent.ScopePurpose
}
