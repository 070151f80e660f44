package store

import (
	"context"
	"time"

	"github.com/orleu/elshi/contacts"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// recentPeriod is how far back earlier marketing messages are looked up; caps may not be longer.
const recentPeriod = 31 * 24 * time.Hour

// readFacts fills the facts of every candidate from its message's contact, address, purpose, channel and topic. Inside a claim it
// runs after the guards are held, in statements of its own: under READ COMMITTED each sees what was committed before the guard.
//
// It returns who each candidate is for.
func (tx *tx) readFacts(ctx context.Context, now time.Time, cs []dispatcher.Candidate) ([]person, error) {
	people, err := tx.readPeople(ctx, cs)
	if err != nil {
		return nil, err
	}
	for _, read := range []func() error{
		func() error { return tx.readSuppressions(ctx, cs, people) },
		func() error { return tx.readOtherChannels(ctx, cs) },
		func() error { return tx.readPauses(ctx, cs) },
		func() error { return tx.readDuplicates(ctx, cs) },
		func() error { return tx.readRecent(ctx, now, cs) },
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return people, nil
}

// person is who a message is for.
type person struct {
	name    string
	address vocab.Address // empty if there is none
	hash    string        // of the address, if it is the contact's
}

// readPeople reads contact, address, link and grant. Candidates that ask for the same grant are read together.
func (tx *tx) readPeople(ctx context.Context, cs []dispatcher.Candidate) ([]person, error) {
	groups := map[consent.GrantKey]rowset{}
	for i, c := range cs {
		m := c.Message
		key := consent.GrantKey{Purpose: m.Purpose, Channel: m.Channel, Topic: m.Topic}
		if m.Class != vocab.Marketing {
			key.Topic = "" // who opts out of a purpose that needs no grant opts out of all its topics
		}
		groups[key] = append(groups[key], []any{i, m.ContactID, m.AddressID})
	}
	people := make([]person, len(cs))
	for key, rows := range groups {
		if err := tx.readPeopleFor(ctx, key, rows, cs, people); err != nil {
			return nil, err
		}
	}
	return people, nil
}

func (tx *tx) readPeopleFor(ctx context.Context, key consent.GrantKey, rows rowset, cs []dispatcher.Candidate, people []person) error {
	arg, err := jsonArg(rows)
	if err != nil {
		return err
	}
	var (
		n                                                                           int
		zone                                                                        string
		minor, guardian                                                             bool
		blocked, withdrawn, unsubscribed, erased, verified, reassigned, grantedTill time.Time
		state                                                                       string
		who                                                                         person
		event                                                                       vocab.ConsentEventID
		abroad                                                                      nullBool
	)
	dest := []any{
		&n, &who.name, textOf(&who.address), &zone, &minor, &guardian, at(&blocked), at(&withdrawn), at(&unsubscribed), at(&erased),
		textOf(&who.hash), at(&verified), at(&reassigned), textOf(&state), at(&grantedTill), textOf(&event), &abroad,
	}
	return tx.each(ctx, dest, func() error {
		c := &cs[n]
		f := &c.Facts
		c.TimeZone, people[n] = zone, who
		f.Contact = consent.ContactFacts{
			Erased: !erased.IsZero(), DataBlocked: !blocked.IsZero(), ProcessingWithdrawn: !withdrawn.IsZero(), Minor: minor,
			GuardianConsented: guardian,
		}
		f.UnsubscribedAll = !unsubscribed.IsZero()
		f.Address.Present = who.hash != ""
		f.Address.Valid = who.hash != ""
		f.Address.Verified = !verified.IsZero()
		f.Address.Reassigned = !reassigned.IsZero()
		f.Grant = consent.GrantFacts{State: consent.State(state), ValidUntil: grantedTill, Event: event, PartnerNamed: true}
		f.ServiceOptedOut = f.Grant.State == consent.Withdrawn || f.Grant.State == consent.Refusal
		f.Message.CrossBorderCovered = abroad.is
		return nil
	}, `
		SELECT CAST(j.value ->> 0 AS BIGINT), c.name, a.value, c.time_zone, c.minor, c.guardian_consented, c.data_blocked_at, c.processing_withdrawn_at,
		       c.unsubscribed_all_at, c.erased_at, CASE WHEN l.contact_id IS NOT NULL THEN a.hash END, l.verified_at, l.reassigned_at, g.state, g.valid_until, g.event_id, g.cross_border
		FROM {rows $1}
		JOIN contacts c ON c.id = j.value ->> 1
		LEFT JOIN addresses a ON a.id = j.value ->> 2
		LEFT JOIN contact_addresses l ON l.contact_id = c.id AND l.address_id = a.id
		LEFT JOIN consents g ON g.contact_id = c.id AND g.purpose = $2 AND g.channel = $3 AND g.topic = $4`,
		arg, string(key.Purpose), string(key.Channel), string(key.Topic))
}

// nullBool reads a nullable truth value; NULL is false.
type nullBool struct{ is bool }

// Scan implements sql.Scanner.
func (b *nullBool) Scan(v any) error {
	switch x := v.(type) {
	case bool:
		b.is = x
	case int64:
		b.is = x != 0
	default:
		b.is = false
	}
	return nil
}

func (tx *tx) readSuppressions(ctx context.Context, cs []dispatcher.Candidate, people []person) error {
	hashes := make([]string, len(people))
	for i, who := range people {
		hashes[i] = who.hash
	}
	arg, err := jsonArg(hashes)
	if err != nil {
		return err
	}
	byHash := map[string][]string{}
	var hash, reason string
	err = tx.each(ctx, []any{&hash, &reason}, func() error {
		byHash[hash] = append(byHash[hash], reason)
		return nil
	}, `SELECT address_hash, reason FROM suppressions WHERE address_hash IN {ids $1} AND lifted_at IS NULL`, arg)
	if err != nil || len(byHash) == 0 {
		return err
	}
	for i, h := range hashes {
		a := &cs[i].Facts.Address
		for _, reason := range byHash[h] {
			switch contacts.SuppressionReason(reason) {
			case contacts.HardBounce:
				a.HardBounced = true
			case contacts.Complaint:
				a.Complained = true
			case contacts.ChannelStop:
				a.ChannelStopped = true
			case contacts.Manual, contacts.ErasedContact:
				a.Manual = true
			}
		}
	}
	return nil
}

// readOtherChannels looks for another usable channel, which only a legal message to a troubled address asks about.
func (tx *tx) readOtherChannels(ctx context.Context, cs []dispatcher.Candidate) error {
	var rows rowset
	for i, c := range cs {
		a := c.Facts.Address
		if c.Message.Class == vocab.Legal && (a.Complained || a.ChannelStopped) {
			rows = append(rows, []any{i, c.Message.ContactID, c.Message.Channel})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	arg, err := jsonArg(rows)
	if err != nil {
		return err
	}
	var n int
	return tx.each(ctx, []any{&n}, func() error {
		cs[n].Facts.OtherChannel = true
		return nil
	}, `
		SELECT DISTINCT CAST(j.value ->> 0 AS BIGINT)
		FROM {rows $1}
		JOIN contact_addresses l ON l.contact_id = j.value ->> 1 AND l.reassigned_at IS NULL
		JOIN addresses a ON a.id = l.address_id AND a.channel <> j.value ->> 2
		WHERE NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.address_hash = a.hash AND s.lifted_at IS NULL)`, arg)
}

// readPauses also keeps what is paused from being resumed until this transaction is over: a resume wakes what it finds held, and must find
// what is held here.
func (tx *tx) readPauses(ctx context.Context, cs []dispatcher.Candidate) error {
	paused := map[string]bool{}
	var kind, name string
	err := tx.each(ctx, []any{&kind, &name}, func() error {
		paused[kind+"/"+name] = true
		return nil
	}, `SELECT kind, name FROM pauses {share}`)
	if err != nil || len(paused) == 0 {
		return err
	}
	for i := range cs {
		m := cs[i].Message
		cs[i].Facts.ProviderPaused = paused[string(dispatcher.PauseProvider)+"/"+string(m.Provider)]
		cs[i].Facts.CampaignPaused = paused[string(dispatcher.PausePurpose)+"/"+string(m.Purpose)]
	}
	return nil
}

// readDuplicates asks whether another message already tells the contact about the same version or case. A rehearsal with a test key tells
// nobody anything.
func (tx *tx) readDuplicates(ctx context.Context, cs []dispatcher.Candidate) error {
	var rows rowset
	for i, c := range cs {
		m := c.Message
		if dispatcher.OncePerTrigger(m) {
			rows = append(rows, []any{i, m.ContactID, m.Purpose, m.Channel, m.TriggerID, m.ID})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	arg, err := jsonArg(rows)
	if err != nil {
		return err
	}
	var n int
	return tx.each(ctx, []any{&n}, func() error {
		cs[n].Facts.Message.Duplicate = true
		return nil
	}, `
		SELECT CAST(j.value ->> 0 AS BIGINT)
		FROM {rows $1}
		JOIN message_once o ON o.contact_id = j.value ->> 1 AND o.purpose = j.value ->> 2 AND o.channel = j.value ->> 3
		                   AND o.trigger_id = j.value ->> 4
		JOIN messages m ON m.id = o.message_id
		WHERE o.message_id <> j.value ->> 5 AND m.mode <> 'test' AND m.status NOT IN ('suppressed', 'canceled', 'expired', 'failed')`, arg)
}

// readRecent reads the earlier marketing messages that reached a contact, or may have, for the frequency cap. Rehearsals reach nobody.
func (tx *tx) readRecent(ctx context.Context, now time.Time, cs []dispatcher.Candidate) error {
	byContact := map[vocab.ContactID][]int{}
	var rows rowset
	for i, c := range cs {
		if c.Message.Class != vocab.Marketing {
			continue
		}
		if _, known := byContact[c.Message.ContactID]; !known {
			rows = append(rows, []any{c.Message.ContactID})
		}
		byContact[c.Message.ContactID] = append(byContact[c.Message.ContactID], i)
	}
	if len(rows) == 0 {
		return nil
	}
	arg, err := jsonArg(rows)
	if err != nil {
		return err
	}
	var (
		contact vocab.ContactID
		id      vocab.MessageID
		send    consent.Sent
	)
	return tx.each(ctx, []any{&contact, &id, &send.Channel, at(&send.At)}, func() error {
		for _, i := range byContact[contact] {
			if cs[i].Message.ID != id {
				cs[i].Recent = append(cs[i].Recent, send)
			}
		}
		return nil
	}, `
		SELECT messages.contact_id, messages.id, messages.channel, messages.claimed_at
		FROM {rows $1}
		{probe messages.contact_id = j.value ->> 0}
		WHERE messages.claimed_at > $2 AND messages.class = 'marketing' AND messages.mode <> 'test' AND messages.status IN ('sending', 'sent', 'delivered', 'unknown')`,
		arg, now.Add(-recentPeriod).UnixMicro())
}
