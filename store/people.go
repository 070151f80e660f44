package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// person is who a message is for.
type person struct {
	name    string
	address vocab.Address // empty if there is none
	hash    string        // of the address, if it is the contact's

	mergedInto vocab.ContactID // who the contact has become; empty: it is itself
	absorbed   bool            // others were merged into it
}

// readPeople reads contacts, addresses, links and grants. Inside a claim it takes the guards with them: of a row that it locks, PostgreSQL
// returns what was committed last, and links and grants are read by a later statement.
func (tx *tx) readPeople(ctx context.Context, cs []dispatcher.Candidate, guarded bool) ([]person, error) {
	contacts, addresses := guardsOf(cs)
	people := make([]person, len(cs))
	if err := tx.readContacts(ctx, contacts, cs, people, guarded); err != nil {
		return nil, err
	}
	if err := tx.readAddresses(ctx, addresses, cs, people, guarded); err != nil {
		return nil, err
	}
	return people, tx.readGrants(ctx, cs, people)
}

func (tx *tx) readContacts(ctx context.Context, ids []vocab.ContactID, cs []dispatcher.Candidate, people []person, guarded bool) error {
	arg, err := jsonArg(ids)
	if err != nil {
		return err
	}
	text := `
		SELECT id, name, time_zone, minor, guardian_consented, data_blocked_at, processing_withdrawn_at, unsubscribed_all_at, erased_at, paused_until, merged_into, absorbed
		FROM contacts WHERE id IN {ids $1} ORDER BY id`
	if guarded {
		text += ` {guard}`
	}
	var (
		id                                       vocab.ContactID
		name, zone                               string
		minor, guardian                          bool
		blocked, withdrawn, unsubscribed, erased time.Time
		into                                     vocab.ContactID
		absorbed                                 bool
		paused                                   time.Time
	)
	mine := map[vocab.ContactID][]int{}
	for i, c := range cs {
		mine[c.Message.ContactID] = append(mine[c.Message.ContactID], i)
	}
	return tx.each(ctx, []any{&id, &name, &zone, &minor, &guardian, at(&blocked), at(&withdrawn), at(&unsubscribed), at(&erased), at(&paused), textOf(&into), &absorbed}, func() error {
		for _, i := range mine[id] {
			cs[i].TimeZone, people[i].name = zone, name
			people[i].mergedInto, people[i].absorbed = into, absorbed
			cs[i].Facts.Contact = consent.ContactFacts{
				Erased: !erased.IsZero(), DataBlocked: !blocked.IsZero(), ProcessingWithdrawn: !withdrawn.IsZero(), Minor: minor,
				GuardianConsented: guardian,
			}
			cs[i].Facts.UnsubscribedAll, cs[i].Facts.PausedUntil = !unsubscribed.IsZero(), paused
		}
		return nil
	}, text, arg)
}

func (tx *tx) readAddresses(ctx context.Context, ids []vocab.AddressID, cs []dispatcher.Candidate, people []person, guarded bool) error {
	if len(ids) == 0 {
		return nil
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return err
	}
	text := `SELECT id, value, hash FROM addresses WHERE id IN {ids $1} ORDER BY id`
	if guarded {
		text += ` {guard}`
	}
	mine := map[vocab.AddressID][]int{}
	for i, c := range cs {
		mine[c.Message.AddressID] = append(mine[c.Message.AddressID], i)
	}
	var id vocab.AddressID
	var value vocab.Address
	var hash string
	return tx.each(ctx, []any{&id, &value, &hash}, func() error {
		for _, i := range mine[id] {
			people[i].address, people[i].hash = value, hash
		}
		return nil
	}, text, arg)
}

// readGrants reads who has which address, and the grants; candidates that ask for the same grant are read together. Grants are read under
// the changes of their texts, which are asked for only where a message needs a grant.
func (tx *tx) readGrants(ctx context.Context, cs []dispatcher.Candidate, people []person) error {
	groups := map[consent.GrantKey]rowset{}
	needed := false
	for i, c := range cs {
		m := c.Message
		key := consent.GrantKey{Purpose: m.Purpose, Channel: m.Channel, Topic: m.Topic}
		if m.Class != vocab.Marketing {
			key.Topic = "" // who opts out of a purpose that needs no grant opts out of all its topics
		}
		groups[key] = append(groups[key], []any{i, m.ContactID, m.AddressID})
		needed = needed || m.Class == vocab.Marketing
	}
	for key, rows := range groups {
		if err := tx.readGrantsFor(ctx, key, rows, cs, people); err != nil {
			return err
		}
	}
	if !needed {
		return nil
	}
	changes, err := tx.textChanges(ctx) // after the grants, so that no change is missed that came before one of them
	if err != nil || len(changes) == 0 {
		return err
	}
	for key, rows := range groups {
		for _, row := range rows {
			f := &cs[row[0].(int)].Facts //nolint:forcetypeassert // put in above
			f.Grant = f.Grant.Under(key, changes)
		}
	}
	return nil
}

func (tx *tx) readGrantsFor(ctx context.Context, key consent.GrantKey, rows rowset, cs []dispatcher.Candidate, people []person) error {
	arg, err := jsonArg(rows)
	if err != nil {
		return err
	}
	var (
		n                                 int
		linked, abroad                    nullBool
		verified, reassigned, grantedTill time.Time
		state                             string
		event                             vocab.ConsentEventID
		text                              sql.NullInt64
	)
	dest := []any{&n, &linked, at(&verified), at(&reassigned), textOf(&state), at(&grantedTill), textOf(&event), &abroad, &text}
	return tx.each(ctx, dest, func() error {
		f := &cs[n].Facts
		if !linked.is {
			people[n].hash = "" // it is not theirs, or no longer
		}
		f.Address.Present = people[n].hash != ""
		f.Address.Valid = people[n].hash != ""
		f.Address.Verified = !verified.IsZero()
		f.Address.Reassigned = !reassigned.IsZero()
		f.Grant = consent.GrantFacts{State: consent.State(state), ValidUntil: grantedTill, Event: event, PartnerNamed: true, Text: int(text.Int64)}
		f.ServiceOptedOut = f.Grant.State == consent.Withdrawn || f.Grant.State == consent.Refusal
		f.Message.CrossBorderCovered = abroad.is
		return nil
	}, `
		SELECT CAST(j.value ->> 0 AS BIGINT), l.contact_id IS NOT NULL, l.verified_at, l.reassigned_at, g.state, g.valid_until, g.event_id, g.cross_border,
			g.text_version
		FROM {rows $1}
		LEFT JOIN contact_addresses l ON l.contact_id = j.value ->> 1 AND l.address_id = j.value ->> 2
		LEFT JOIN consents g ON g.contact_id = j.value ->> 1 AND g.purpose = $2 AND g.channel = $3 AND g.topic = $4`,
		arg, string(key.Purpose), string(key.Channel), string(key.Topic))
}
