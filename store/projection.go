package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// The projection of the consent ledger compared with the ledger, and made from it again, some contacts at a time.

// standing is what is kept of a contact's consents, and what its entries amount to.
type standing struct {
	contact  vocab.ContactID
	known    bool // there is such a contact
	kept     map[consent.GrantKey]keptGrant
	marks    marks
	events   []consent.Event
	grants   map[consent.GrantKey]consent.Grant
	amountTo marks
}

// CompareProjection compares the next n contacts behind one: what is kept of their consents with what their entries amount to. It returns
// the last of them, empty when there is none behind it, and the first difference; its Why is empty if there is none.
func (c *Consents) CompareProjection(ctx context.Context, after vocab.ContactID, n int) (next vocab.ContactID, first consent.Break, err error) {
	err = c.db.snapshot(ctx, func(r runner) error {
		var all []*standing
		if all, next, err = c.fold(ctx, r, after, n, nil); err != nil {
			return err
		}
		for _, f := range all {
			if diff := f.difference(); diff != "" {
				first = consent.Break{Why: consent.Projection, Contact: f.contact, Detail: diff}
				return nil
			}
		}
		return nil
	})
	return next, first, away(err)
}

// RebuildProjection makes the projection of the next n contacts behind one from their entries, under their guards, and returns the last
// of them, empty when there is none behind it, and how many contacts were not as they should be. What no entry says stays: whether a
// grant covers a transfer abroad is kept of the row that is there, and a row that was lost covers none.
func (c *Consents) RebuildProjection(ctx context.Context, after vocab.ContactID, n int) (next vocab.ContactID, changed int, err error) {
	err = c.db.txOf(ctx, n, func(tx *tx) error {
		changed = 0
		var all []*standing
		if all, next, err = c.fold(ctx, tx.runner, after, n, tx); err != nil {
			return err
		}
		for _, f := range all {
			if f.difference() == "" || !f.known {
				continue
			}
			changed++
			if err := tx.mend(ctx, f); err != nil {
				return fmt.Errorf("contact %s: %w", f.contact, err)
			}
		}
		return nil
	})
	return next, changed, err
}

// fold reads the next n contacts behind one with everything that is about their consents; tx, if there is one, takes their guards first.
func (c *Consents) fold(ctx context.Context, r runner, after vocab.ContactID, n int, tx *tx) ([]*standing, vocab.ContactID, error) {
	byID := map[vocab.ContactID]*standing{}
	of := func(id vocab.ContactID) *standing {
		f, have := byID[id]
		if !have {
			f = &standing{contact: id, kept: map[consent.GrantKey]keptGrant{}}
			byID[id] = f
		}
		return f
	}
	var ids []vocab.ContactID
	var id vocab.ContactID
	if err := r.each(ctx, []any{&id}, func() error {
		ids = append(ids, id)
		return nil
	}, `SELECT id FROM contacts WHERE id > $1 ORDER BY id LIMIT $2`, string(after), n); err != nil {
		return nil, "", err
	}
	last, next := behindAll, vocab.ContactID("")
	if len(ids) == n {
		last, next = ids[n-1], ids[n-1]
	}
	if tx != nil {
		if err := tx.guard(ctx, ids, nil); err != nil {
			return nil, "", err
		}
	}
	var m marks
	if err := r.each(ctx, []any{&id, at(&m.unsubscribed), at(&m.processing), at(&m.paused)}, func() error {
		f := of(id)
		f.known, f.marks = true, m
		return nil
	}, `SELECT id, unsubscribed_all_at, processing_withdrawn_at, paused_until FROM contacts WHERE id > $1 AND id <= $2 ORDER BY id`,
		string(after), string(last)); err != nil {
		return nil, "", err
	}
	var key consent.GrantKey
	var g keptGrant
	if err := r.each(ctx, []any{
		&id, &key.Purpose, &key.Channel, &key.Topic, &g.State, at(&g.Since), at(&g.ValidUntil), &g.Objected, &g.crossBorder, &g.Event, &g.Text,
	}, func() error {
		of(id).kept[key] = g
		return nil
	}, `
		SELECT contact_id, purpose, channel, topic, state, since, valid_until, objected, cross_border, event_id, text_version FROM consents
		WHERE contact_id > $1 AND contact_id <= $2 ORDER BY contact_id`, string(after), string(last)); err != nil {
		return nil, "", err
	}
	changes, err := r.changesInOrder(ctx)
	if err != nil {
		return nil, "", err
	}
	var e consent.Event
	if err := r.each(ctx, []any{
		&e.Seq, &e.ID, &e.Kind, &e.ContactID, &e.Scope, &e.Purpose, &e.Channel, &e.Topic, &e.Source, &e.TextVersion, &e.Proof, at(&e.At), at(&e.ValidUntil),
	}, func() error {
		f := of(e.ContactID)
		f.events = append(f.events, e)
		return nil
	}, `
		SELECT seq, id, kind, contact_id, scope, purpose, channel, topic, source, text_version, proof, at, valid_until FROM consent_events
		WHERE contact_id > $1 AND contact_id <= $2 ORDER BY contact_id, seq`, string(after), string(last)); err != nil {
		return nil, "", err
	}
	all := make([]*standing, 0, len(byID))
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		f := byID[id]
		f.grants, f.amountTo = c.amountTo(f.events, changes, maps.Keys(f.kept))
		all = append(all, f)
	}
	return all, next, nil
}

// behindAll sorts behind every id.
const behindAll vocab.ContactID = "~"

// changesInOrder returns the entries about everybody: the material changes of texts, in the ledger's order.
func (r runner) changesInOrder(ctx context.Context) ([]consent.Event, error) {
	return r.consentEvents(ctx, `contact_id = '' AND kind = 'stale' ORDER BY seq`)
}

// amountTo is what a contact's events come to: the marks, and the grants that they name or that are kept.
func (c *Consents) amountTo(events, changes []consent.Event, kept func(yield func(consent.GrantKey) bool)) (map[consent.GrantKey]consent.Grant, marks) {
	grants := map[consent.GrantKey]consent.Grant{}
	for key := range kept {
		grants[key] = consent.Grant{State: consent.None}
	}
	var m marks
	for _, e := range events {
		m = m.after(e)
		for _, key := range c.named(e) {
			grants[key] = consent.Grant{State: consent.None}
		}
	}
	for key := range grants {
		grants[key] = c.row(key, events, changes)
	}
	return grants, m
}

// row is what the row of a grant says after a contact's events. Whoever appended one read the grant under the changes of its text that came
// before (Grant.Under), and wrote the row only if the event changed what was read: a change of a text alone writes none.
func (c *Consents) row(key consent.GrantKey, events, changes []consent.Event) consent.Grant {
	g := consent.Grant{State: consent.None}
	var known []consent.TextChange
	for _, e := range events {
		for len(changes) > 0 && changes[0].Seq < e.Seq {
			if change, is := consent.ChangeOf(changes[0]); is {
				known = append(known, change)
			}
			changes = changes[1:]
		}
		read := g.Under(key, known)
		if next := c.apply(key, read, e); next != read {
			g = next
		}
	}
	return g
}

// named are the grants that get a row by an event, unless it leaves them at none.
func (c *Consents) named(e consent.Event) []consent.GrantKey {
	if e.Kind == consent.KindWithdrawn || e.Kind == consent.KindRefused {
		return c.namedByNo(e)
	}
	return []consent.GrantKey{{Purpose: e.Purpose, Channel: e.Channel, Topic: e.Topic}}
}

// difference says what is not as the entries say, and nothing if all is.
func (f *standing) difference() string {
	if !f.known {
		if len(f.events) == 0 {
			return ""
		}
		return "there are entries about this contact, and the contact is gone"
	}
	for _, mark := range []struct {
		name      string
		kept, say time.Time
	}{
		{"unsubscribed_all_at", f.marks.unsubscribed, f.amountTo.unsubscribed},
		{"processing_withdrawn_at", f.marks.processing, f.amountTo.processing},
		{"paused_until", f.marks.paused, f.amountTo.paused},
	} {
		if !mark.kept.Equal(mark.say) {
			return mark.name + " is " + instant(mark.kept) + ", the events say " + instant(mark.say)
		}
	}
	keys := slices.SortedFunc(maps.Keys(f.grants), func(a, b consent.GrantKey) int { return strings.Compare(grantName(a), grantName(b)) })
	for _, key := range keys {
		want := f.grants[key]
		got, have := f.kept[key]
		switch {
		case !have && want == consent.Grant{State: consent.None}:
		case !have:
			return "the grant " + grantName(key) + " is missing, the events say " + grantText(want)
		case got.Grant != want:
			return "the grant " + grantName(key) + " is " + grantText(got.Grant) + ", the events say " + grantText(want)
		}
	}
	return ""
}

func grantName(k consent.GrantKey) string {
	return strings.TrimRight(string(k.Purpose)+"/"+string(k.Channel)+"/"+string(k.Topic), "/")
}

func grantText(g consent.Grant) string {
	text := string(g.State)
	if g.Event != "" {
		text += " by " + string(g.Event) + " since " + instant(g.Since)
	}
	if !g.ValidUntil.IsZero() {
		text += " until " + instant(g.ValidUntil)
	}
	if g.Text != 0 {
		text += fmt.Sprintf(" by text %d", g.Text)
	}
	if g.Objected {
		text += " after a no"
	}
	return text
}

func instant(t time.Time) string {
	if t.IsZero() {
		return "not set"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// mend makes what is kept of a contact what its entries amount to.
func (tx *tx) mend(ctx context.Context, f *standing) error {
	for key, want := range f.grants {
		got, have := f.kept[key]
		if want == (consent.Grant{State: consent.None}) {
			if _, err := tx.exec(ctx, `DELETE FROM consents WHERE contact_id = $1 AND purpose = $2 AND channel = $3 AND topic = $4`,
				string(f.contact), string(key.Purpose), string(key.Channel), string(key.Topic)); err != nil {
				return err
			}
			continue
		}
		if have && got.Grant == want {
			continue
		}
		if err := tx.keepGrant(ctx, f.contact, key, want, got.crossBorder); err != nil {
			return err
		}
	}
	if f.marks == f.amountTo {
		return nil
	}
	_, err := tx.exec(ctx, `UPDATE contacts SET unsubscribed_all_at = $2, processing_withdrawn_at = $3, paused_until = $4 WHERE id = $1`,
		string(f.contact), micros(f.amountTo.unsubscribed), micros(f.amountTo.processing), micros(f.amountTo.paused))
	return err
}

// snapshot runs reads that see one state of the database.
func (db *DB) snapshot(ctx context.Context, f func(r runner) error) error {
	var options *sql.TxOptions // on SQLite every transaction is one
	if db.dialect.name == "postgres" {
		options = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	raw, err := db.read.BeginTx(ctx, options)
	if err != nil {
		return err
	}
	defer raw.Rollback() //nolint:errcheck // it has read and nothing else
	return f(runner{raw, db.dialect, &db.feed})
}
