package store

import (
	"context"
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// The projection of the consent ledger: one row for each grant, and what a wide event says about the contact as a whole.

// keptGrant is a grant as the projection holds it.
type keptGrant struct {
	consent.Grant

	crossBorder bool
}

// grants reads the projection of one contact, under the changes of the texts that were agreed to.
func (r runner) grants(ctx context.Context, contact vocab.ContactID) (map[consent.GrantKey]keptGrant, error) {
	all, err := r.grantRows(ctx, contact)
	if err != nil || len(all) == 0 {
		return all, err
	}
	changes, err := r.textChanges(ctx)
	for key, g := range all {
		g.Grant = g.Under(key, changes)
		all[key] = g
	}
	return all, err
}

// grantRows reads the projection of one contact as its rows say.
func (r runner) grantRows(ctx context.Context, contact vocab.ContactID) (map[consent.GrantKey]keptGrant, error) {
	all := map[consent.GrantKey]keptGrant{}
	var key consent.GrantKey
	var g keptGrant
	err := r.each(ctx, []any{
		&key.Purpose, &key.Channel, &key.Topic, &g.State, at(&g.Since), at(&g.ValidUntil), &g.Objected, &g.crossBorder, &g.Event, &g.Text,
	}, func() error {
		all[key] = g
		return nil
	}, `SELECT purpose, channel, topic, state, since, valid_until, objected, cross_border, event_id, text_version FROM consents WHERE contact_id = $1`,
		string(contact))
	return all, err
}

// grant returns one grant.
func (c *Consents) grant(ctx context.Context, tx *tx, contact vocab.ContactID, key consent.GrantKey) (keptGrant, error) {
	all, err := tx.grants(ctx, contact)
	if err != nil {
		return keptGrant{}, err
	}
	if g, have := all[key]; have {
		return g, nil
	}
	g, err := c.rebuilt(ctx, tx, contact, key)
	return keptGrant{Grant: g}, err
}

func (tx *tx) keepGrant(ctx context.Context, contact vocab.ContactID, key consent.GrantKey, g consent.Grant, crossBorder bool) error {
	_, err := tx.exec(ctx, `
		INSERT INTO consents (contact_id, purpose, channel, topic, state, since, valid_until, objected, cross_border, event_id, text_version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (contact_id, purpose, channel, topic) DO UPDATE SET state = excluded.state, since = excluded.since,
			valid_until = excluded.valid_until, objected = excluded.objected, cross_border = excluded.cross_border, event_id = excluded.event_id,
			text_version = excluded.text_version`,
		string(contact), string(key.Purpose), string(key.Channel), string(key.Topic), string(g.State), g.Since.UnixMicro(), micros(g.ValidUntil),
		g.Objected, crossBorder, string(g.Event), g.Text)
	return err
}

// marks are what wide events say about a contact as a whole; zero times: nothing.
type marks struct{ unsubscribed, processing, paused time.Time }

// marks reads the marks of one contact.
func (r runner) marks(ctx context.Context, contact vocab.ContactID) (marks, error) {
	var m marks
	err := r.row(ctx, []any{at(&m.unsubscribed), at(&m.processing), at(&m.paused)},
		`SELECT unsubscribed_all_at, processing_withdrawn_at, paused_until FROM contacts WHERE id = $1`, string(contact))
	return m, err
}

// after is the marks after an event.
func (m marks) after(e consent.Event) marks {
	had := !m.unsubscribed.IsZero()
	if out := consent.ApplyUnsubscribed(had, e); out != had {
		m.unsubscribed = time.Time{}
		if out {
			m.unsubscribed = e.At
		}
	}
	m.paused = consent.ApplyPause(m.paused, e)
	had = !m.processing.IsZero()
	if out := consent.ApplyProcessing(had, e); out != had {
		m.processing = time.Time{}
		if out {
			m.processing = e.At
		}
	}
	return m
}

// keepMarks updates the marks of the event's contact.
func (tx *tx) keepMarks(ctx context.Context, e consent.Event) error {
	had, err := tx.marks(ctx, e.ContactID)
	if err != nil {
		return err
	}
	now := had.after(e)
	if now == had {
		return nil
	}
	_, err = tx.exec(ctx, `UPDATE contacts SET unsubscribed_all_at = $2, processing_withdrawn_at = $3, paused_until = $4 WHERE id = $1`,
		string(e.ContactID), micros(now.unsubscribed), micros(now.processing), micros(now.paused))
	return err
}

// missingGrants returns the grants that a withdrawal names and that have no row yet, as they were before it: a purpose that needs no
// grant has no row until somebody opts out of it.
func (c *Consents) missingGrants(ctx context.Context, tx *tx, e consent.Event, grants map[consent.GrantKey]keptGrant) (map[consent.GrantKey]consent.Grant, error) {
	missing := map[consent.GrantKey]consent.Grant{}
	for _, key := range c.namedByNo(e) {
		if _, have := grants[key]; have {
			continue
		}
		g, err := c.rebuilt(ctx, tx, e.ContactID, key)
		if err != nil {
			return nil, err
		}
		missing[key] = g
	}
	return missing, nil
}

// namedByNo are the grants that a withdrawal or refusal names.
func (c *Consents) namedByNo(e consent.Event) []consent.GrantKey {
	var keys []consent.GrantKey
	if info, known := c.registry.Lookup(e.Purpose); known && !info.NeedsGrant {
		for _, ch := range vocab.Channels() {
			if e.Channel == "" || e.Channel == ch {
				keys = append(keys, consent.GrantKey{Purpose: e.Purpose, Channel: ch})
			}
		}
	} else if known && e.Channel != "" {
		keys = append(keys, consent.GrantKey{Purpose: e.Purpose, Channel: e.Channel, Topic: e.Topic})
	}
	return keys
}

// rebuilt is what a contact's events amount to for a grant without a row: an earlier wide withdrawal counts for it too.
func (c *Consents) rebuilt(ctx context.Context, tx *tx, contact vocab.ContactID, key consent.GrantKey) (consent.Grant, error) {
	events, err := tx.consentEvents(ctx, `contact_id = $1 ORDER BY seq`, string(contact))
	g := consent.Grant{State: consent.None}
	for _, e := range events {
		g = c.apply(key, g, e)
	}
	return g, err
}

// OfContact returns the grants of a contact, sorted by purpose, channel and topic.
func (c *Consents) OfContact(ctx context.Context, contact vocab.ContactID) ([]consent.HeldGrant, error) {
	all, err := c.db.reader().grants(ctx, contact)
	if err != nil {
		return nil, away(err)
	}
	list := make([]consent.HeldGrant, 0, len(all))
	for key, g := range all {
		list = append(list, consent.HeldGrant{Key: key, Grant: g.Grant, CrossBorder: g.crossBorder})
	}
	slices.SortFunc(list, func(a, b consent.HeldGrant) int { return a.Key.Compare(b.Key) })
	return list, nil
}
