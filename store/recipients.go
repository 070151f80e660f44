package store

import (
	"context"
	"slices"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// Recipients says who the recipients of a submission are: one answer for each query, in order. It writes nothing. A contact that was
// erased is known like any other; the gate is who says no.
func (l *Ledger) Recipients(ctx context.Context, queries []dispatcher.RecipientQuery) ([]dispatcher.Known, error) {
	if len(queries) > smallIntake {
		known, err := l.db.reader().recipients(ctx, queries)
		return known, away(err)
	}
	known, err := l.lookUp.Do(ctx, queries)
	return known, away(err)
}

// The look-ups that every request makes share their statements, as the small submissions share transactions.
const (
	readsAtOnce   = 1
	readsTogether = 100
)

// recipientsOf answers several lists of queries at once.
func (r runner) recipientsOf(ctx context.Context, lists [][]dispatcher.RecipientQuery) ([][]dispatcher.Known, error) {
	known, err := r.recipients(ctx, slices.Concat(lists...))
	if err != nil {
		return nil, err
	}
	answers := make([][]dispatcher.Known, len(lists))
	for i, list := range lists {
		answers[i], known = known[:len(list):len(list)], known[len(list):]
	}
	return answers, nil
}

func (r runner) recipients(ctx context.Context, queries []dispatcher.RecipientQuery) ([]dispatcher.Known, error) {
	known := make([]dispatcher.Known, len(queries))
	var named, unnamed rowset
	for i, q := range queries {
		known[i].Lookup = q.Recipient.Lookup
		row := []any{i, q.Channel, q.Recipient.Lookup, q.Recipient.ContactID}
		switch {
		case q.Recipient.ContactID != "":
			known[i].Missing = true // until it is found
			named = append(named, row)
		case q.Recipient.Lookup != "":
			unnamed = append(unnamed, row)
		}
	}
	merged, err := r.namedContacts(ctx, named, queries, known)
	if err != nil {
		return nil, err
	}
	if len(merged) > 0 { // they are reached by the name of their survivors, who are merged into nobody
		if _, err := r.namedContacts(ctx, merged, queries, known); err != nil {
			return nil, err
		}
	}
	return known, r.contactsBehind(ctx, unnamed, known)
}

// namedContacts answers the queries that name a contact: with the address they name, or the contact's best one. It returns the queries
// that name a contact that was merged, with the name of its survivor.
func (r runner) namedContacts(ctx context.Context, rows rowset, queries []dispatcher.RecipientQuery, known []dispatcher.Known) (rowset, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	arg, err := jsonArg(rows)
	if err != nil {
		return nil, err
	}
	var n int
	var x dispatcher.Known
	var into vocab.ContactID
	var merged rowset
	err = r.each(ctx, []any{&n, &x.ContactID, &x.Name, &x.Language, &into, textOf(&x.AddressID), textOf(&x.Lookup)}, func() error {
		if into != "" { // it has no addresses any more, so this is its only row
			q := queries[n]
			merged = append(merged, []any{n, q.Channel, q.Recipient.Lookup, into})
			return nil
		}
		if !known[n].Missing {
			return nil // the first address is the one to use
		}
		asked := queries[n].Recipient.Lookup
		x.Unlinked = asked != "" && x.AddressID == ""
		if x.Unlinked {
			x.Lookup = asked
		}
		known[n] = x
		return nil
	}, `
		SELECT CAST(j.value ->> 0 AS BIGINT), c.id, c.name, c.language, COALESCE(c.merged_into, ''), a.id, a.lookup
		FROM {rows $1}
		JOIN contacts c ON c.id = j.value ->> 3
		LEFT JOIN contact_addresses l ON l.contact_id = c.id
		LEFT JOIN addresses a ON a.id = l.address_id AND a.channel = j.value ->> 1
			AND (j.value ->> 2 = '' AND l.reassigned_at IS NULL OR a.lookup = j.value ->> 2)
		ORDER BY 1, CASE WHEN a.id IS NULL THEN 1 ELSE 0 END, `+usableFirst, arg)
	return merged, err
}

// contactsBehind answers the queries that name an address alone: with the first contact behind it, and how many there are. Somebody
// whose number it once was is not behind it.
func (r runner) contactsBehind(ctx context.Context, rows rowset, known []dispatcher.Known) error {
	if len(rows) == 0 {
		return nil
	}
	arg, err := jsonArg(rows)
	if err != nil {
		return err
	}
	var n int
	var address vocab.AddressID
	var contact vocab.ContactID
	var name string
	var language vocab.Language
	return r.each(ctx, []any{&n, &address, textOf(&contact), textOf(&name), textOf(&language)}, func() error {
		k := &known[n]
		k.AddressID = address
		if contact == "" {
			return nil
		}
		if k.Sharers == 0 {
			k.ContactID, k.Name, k.Language = contact, name, language
		}
		k.Sharers++
		return nil
	}, `
		SELECT CAST(j.value ->> 0 AS BIGINT), a.id, c.id, c.name, c.language
		FROM {rows $1}
		JOIN addresses a ON a.channel = j.value ->> 1 AND a.lookup = j.value ->> 2
		LEFT JOIN contact_addresses l ON l.address_id = a.id AND l.reassigned_at IS NULL
		LEFT JOIN contacts c ON c.id = l.contact_id
		ORDER BY 1, c.id`, arg)
}
