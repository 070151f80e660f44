package store

import (
	"context"
	"slices"
	"time"

	"github.com/orleu/elshi/contacts"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// recentPeriod is how far back earlier marketing messages are looked up; caps may not be longer.
const recentPeriod = 31 * 24 * time.Hour

// readFacts fills the facts of every candidate from its message's contact, address, purpose, channel and topic, and returns who each is
// for. A claim takes the guards of contacts and addresses first (guarded); all else is read in statements of its own after them: under READ
// COMMITTED each sees what was committed before the guards.
func (tx *tx) readFacts(ctx context.Context, now time.Time, cs []dispatcher.Candidate, guarded bool) ([]person, error) {
	people, err := tx.readPeople(ctx, cs, guarded)
	if err != nil {
		return nil, err
	}
	for _, read := range []func() error{
		func() error { return tx.readSuppressions(ctx, cs, people) },
		func() error { return tx.readOtherChannels(ctx, cs) },
		func() error { return tx.readPauses(ctx, cs) },
		func() error { return tx.readDuplicates(ctx, cs) },
		func() error { return tx.readRecent(ctx, now, cs, people) },
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return people, nil
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
	var hash, reason, classes string
	narrow := map[string][]vocab.Class{} // by the hash of an address whose manual suppression is about some classes alone
	err = tx.each(ctx, []any{&hash, &reason, &classes}, func() error {
		byHash[hash] = append(byHash[hash], reason)
		if classes != "" {
			narrow[hash] = classesOf(classes)
		}
		return nil
	}, `SELECT address_hash, reason, classes FROM suppressions WHERE address_hash IN {ids $1} AND lifted_at IS NULL`, arg)
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
			case contacts.Manual:
				only := narrow[h]
				a.Manual = a.Manual || len(only) == 0 || slices.Contains(only, cs[i].Message.Class)
			case contacts.ErasedContact:
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
func (tx *tx) readRecent(ctx context.Context, now time.Time, cs []dispatcher.Candidate, people []person) error {
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
	// What reached somebody by the name of a contact that was merged into theirs has reached them.
	was := map[vocab.ContactID]vocab.ContactID{}
	for i, c := range cs {
		if _, known := byContact[c.Message.ContactID]; !known || !people[i].absorbed || was[c.Message.ContactID] != "" {
			continue
		}
		same, err := tx.sameAs(ctx, c.Message.ContactID)
		if err != nil {
			return err
		}
		for _, id := range same {
			was[id] = c.Message.ContactID
			if id != c.Message.ContactID {
				rows = append(rows, []any{id})
			}
		}
	}
	arg, err := jsonArg(rows)
	if err != nil {
		return err
	}
	var (
		contact vocab.ContactID
		send    consent.Sent
	)
	return tx.each(ctx, []any{&contact, &send.ID, &send.Channel, at(&send.At)}, func() error {
		if survivor, merged := was[contact]; merged {
			contact = survivor
		}
		for _, i := range byContact[contact] {
			if cs[i].Message.ID != send.ID {
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
