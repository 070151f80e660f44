package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/vocab"
)

// The feed is written in the transaction whose change it tells of, so that nothing is told that did not happen and nothing that happened
// is not told. See docs/adr/0014.

// feedPolicy says which events are told: those of the settings, and those that an enabled webhook subscribes to.
type feedPolicy struct {
	least events.Feeding
	asked atomic.Pointer[events.Patterns] // by webhooks, as they were a few seconds ago
}

func (p *feedPolicy) takes(t events.Type) bool {
	if p.least.Takes(t) {
		return true
	}
	asked := p.asked.Load()
	return asked != nil && asked.Match(t)
}

// toldOfMessage is what events of messages mostly share: those of a campaign all but the message and the time. A statement writes all that
// share one.
type toldOfMessage struct {
	kind    string
	attempt int
	reason  string
}

// tellMessages puts events of messages into the feed. Those without an id are derived (see Events) and get theirs when they are read.
func (r runner) tellMessages(ctx context.Context, list []event) error {
	var order []toldOfMessage
	groups := map[toldOfMessage]rowset{}
	for _, e := range list {
		if !r.feed.takes(events.OfMessage(e.kind)) {
			continue
		}
		key := toldOfMessage{e.kind, e.attempt, e.reason}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], []any{e.message, micros(e.at), e.id})
	}
	for _, key := range order {
		if err := r.execRows(ctx, groups[key], `
			INSERT INTO feed (tx, id, type, at, subject, attempt, reason, data)
			SELECT s.base + {xid}, j.value ->> 2, $2, CAST(j.value ->> 1 AS BIGINT), j.value ->> 0, $3, $4, ''
			FROM {rows $1} CROSS JOIN feed_state s`, string(events.OfMessage(key.kind)), key.attempt, key.reason); err != nil {
			return err
		}
	}
	return nil
}

// told is one event that is not a message's.
type told struct {
	kind events.Type
	at   time.Time
	data events.Data
}

// tell puts events into the feed that are not a message's.
func (r runner) tell(ctx context.Context, list ...told) error {
	rows := make(rowset, len(list))
	for i, t := range list {
		data, err := json.Marshal(t.data)
		if err != nil {
			return fmt.Errorf("tell %s: %w", t.kind, err)
		}
		rows[i] = []any{vocab.NewID(eventPrefix), t.kind, micros(t.at), string(data)}
	}
	return r.execRows(ctx, rows, `
		INSERT INTO feed (tx, id, type, at, subject, attempt, reason, data)
		SELECT s.base + {xid}, j.value ->> 0, j.value ->> 1, CAST(j.value ->> 2 AS BIGINT), '', 0, '', j.value ->> 3
		FROM {rows $1} CROSS JOIN feed_state s`)
}

// tellConsent tells of an entry of the consent ledger.
func (r runner) tellConsent(ctx context.Context, e consent.Event) error {
	data := events.Data{
		ConsentID: e.ID, ContactID: e.ContactID, AddressID: e.AddressID, Channel: e.Channel, Purpose: e.Purpose, Topic: e.Topic,
		Kind: string(e.Kind), Scope: string(e.Scope), Source: string(e.Source),
	}
	if !e.ValidUntil.IsZero() {
		until := e.ValidUntil.UTC()
		data.ValidUntil = &until
	}
	var list []told
	if kind, is := typeOfConsent(e); is {
		list = append(list, told{kind, e.At, data})
	}
	paused := e.Kind == consent.KindPaused || e.Kind == consent.KindResumed
	if e.Source == consent.SourcePreferencePage || paused { // a pause is a preference wherever it is set
		list = append(list, told{events.PreferenceUpdated, e.At, data})
	}
	return r.tell(ctx, list...)
}

// typeOfConsent is what an entry of the ledger is told as; false if it changes no grant.
func typeOfConsent(e consent.Event) (events.Type, bool) {
	switch e.Kind {
	case consent.KindGranted, consent.KindRenewed, consent.KindImported:
		return events.ConsentGranted, true
	case consent.KindConfirmed:
		return events.ConsentConfirmed, true
	case consent.KindWithdrawn, consent.KindRefused:
		return events.ConsentWithdrawn, true
	case consent.KindExpired, consent.KindLapsed, consent.KindStale:
		return events.ConsentExpired, true
	case consent.KindMerged: // it ends a grant, or only makes it shorter
		return events.ConsentExpired, e.ValidUntil.IsZero()
	case consent.KindRequested, consent.KindPaused, consent.KindResumed, consent.KindPolicyContinuedUse:
		return "", false
	}
	return "", false
}

// tellContacts tells that contacts were made, changed or erased; changed names fields.
func (r runner) tellContacts(ctx context.Context, kind events.Type, now time.Time, ids []vocab.ContactID, changed ...string) error {
	list := make([]told, len(ids))
	for i, id := range ids {
		list[i] = told{kind, now, events.Data{ContactID: id, Changed: changed}}
	}
	return r.tell(ctx, list...)
}

// tellContact is tellContacts of one.
func (r runner) tellContact(ctx context.Context, kind events.Type, now time.Time, id vocab.ContactID, changed ...string) error {
	return r.tellContacts(ctx, kind, now, []vocab.ContactID{id}, changed...)
}

// ofSuppression is what is told of a suppression: neither its note nor the hash of its address.
func ofSuppression(x contacts.Suppression) events.Data {
	return events.Data{SuppressionID: x.ID, Channel: x.Channel, AddressID: x.AddressID, Reason: string(x.Reason)}
}

// changesOf names the fields in which two states of a contact differ, as the API calls them.
func changesOf(before, after contacts.Contact, attributesBefore, attributesAfter string) []string {
	var changed []string
	for _, f := range []struct {
		name  string
		equal bool
	}{
		{"attributes", attributesBefore == attributesAfter},
		{"data_blocked_at", (before.DataBlockedAt == nil) == (after.DataBlockedAt == nil)},
		{"external_id", before.ExternalID == after.ExternalID},
		{"guardian_consented", before.GuardianConsented == after.GuardianConsented},
		{"language", before.Language == after.Language},
		{"minor", before.Minor == after.Minor},
		{"name", before.Name == after.Name},
		{"time_zone", before.TimeZone == after.TimeZone},
	} {
		if !f.equal {
			changed = append(changed, f.name)
		}
	}
	return slices.Clip(changed)
}
