package store

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// event is one change of a message, as it is kept.
type event struct {
	message vocab.MessageID
	id      string // set when it is written
	kind    string // a status, or complained, unsubscribed, …: the part after "message." of domain section 5
	at      time.Time
	attempt int
	reason  string
	dedupe  string // the provider's own id of the event; the same one twice is kept once
	actor   string // the id of whoever ordered it
}

const eventPrefix = "evt"

// Two events are not written here, because the message's row says the same: that it was queued when it came in, and that it was sent. They
// are what nearly every message has, and writing them would cost as much as settling it. The feed is told of them if somebody wants to know:
// see tellMessages.

// Events returns what happened to a message in order; fault.NotFound if there is no such message.
func (l *Ledger) Events(ctx context.Context, id vocab.MessageID) ([]dispatcher.MessageEvent, error) {
	r := l.db.reader()
	var u unwritten
	err := r.row(ctx, u.dest(), `SELECT began_queued, created_at, sent_at, attempt FROM messages WHERE id = $1`, string(id))
	if isNone(err) {
		return nil, noMessage()
	}
	if err != nil {
		return nil, away(err)
	}
	u.id = id
	var list []dispatcher.MessageEvent
	var e dispatcher.MessageEvent
	if err := r.each(ctx, []any{&e.ID, &e.Type, at(&e.At), &e.Attempt, &e.Reason, &e.Actor}, func() error {
		list = append(list, e)
		return nil
	}, `SELECT id, type, at, attempt, reason, actor FROM message_events WHERE message_id = $1 ORDER BY at, id`, string(id)); err != nil {
		return nil, away(err)
	}
	return u.among(list), nil
}

// unwritten is what a message's row says about the two events that are not written.
type unwritten struct {
	id           vocab.MessageID
	beganQueued  bool
	queued, sent dispatcher.MessageEvent
}

// dest reads began_queued, created_at, sent_at and attempt.
func (u *unwritten) dest() []any {
	return []any{&u.beganQueued, at(&u.queued.At), at(&u.sent.At), &u.sent.Attempt}
}

// among returns a message's events with those that are not written in their places.
func (u unwritten) among(events []dispatcher.MessageEvent) []dispatcher.MessageEvent {
	var list []dispatcher.MessageEvent
	if u.beganQueued {
		u.queued.ID, u.queued.Type, u.queued.Reason = derivedEvent(u.id, dispatcher.Queued), string(dispatcher.Queued), string(consent.OK)
		list = append(list, u.queued)
	}
	list = append(list, events...)
	written := slices.ContainsFunc(list, func(e dispatcher.MessageEvent) bool { return e.Type == string(dispatcher.Sent) })
	if written || u.sent.At.IsZero() { // until version 7 of the schema it was written
		return list
	}
	u.sent.ID, u.sent.Type = derivedEvent(u.id, dispatcher.Sent), string(dispatcher.Sent)
	behind := slices.IndexFunc(list, func(e dispatcher.MessageEvent) bool { return sentBefore(u.sent, e) })
	if behind < 0 {
		behind = len(list)
	}
	return slices.Insert(list, behind, u.sent)
}

// sentBefore says whether a message's event happened after it was sent. Of the same instant are what the attempt before led to, and what the
// provider reported at once.
func sentBefore(sent, e dispatcher.MessageEvent) bool {
	if !e.At.Equal(sent.At) {
		return e.At.After(sent.At)
	}
	from := dispatcher.Status(e.Type)
	return e.Attempt == sent.Attempt && !from.Waits() && from != dispatcher.Unknown
}

// derivedEvent is the id of an event that is not written: the same each time.
func derivedEvent(id vocab.MessageID, kind dispatcher.Status) string {
	sum := sha256.Sum256([]byte(string(kind) + " " + string(id)))
	return vocab.FormatID(eventPrefix, [16]byte(sum[:16]))
}

// addEvents appends events. Those whose dedupe id the message already has are dropped.
func (r runner) addEvents(ctx context.Context, list []event) error {
	if len(list) == 0 {
		return nil
	}
	rows := make(rowset, len(list))
	for i := range list {
		e := &list[i]
		e.id = vocab.NewID(eventPrefix)
		rows[i] = []any{e.message, e.id, e.kind, micros(e.at), e.attempt, e.reason, null(e.dedupe), e.actor}
	}
	arg, err := jsonArg(rows)
	if err != nil {
		return err
	}
	kept := make(map[string]bool, len(list))
	var id string
	if err := r.each(ctx, []any{&id}, func() error {
		kept[id] = true
		return nil
	}, `
		INSERT INTO message_events (message_id, id, type, at, attempt, reason, dedupe, actor)
		SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, CAST(j.value ->> 3 AS BIGINT), CAST(j.value ->> 4 AS BIGINT), j.value ->> 5,
		       j.value ->> 6, j.value ->> 7
		FROM {rows $1} WHERE true
		ON CONFLICT DO NOTHING
		RETURNING id`, arg); err != nil {
		return err
	}
	return r.tellMessages(ctx, slices.DeleteFunc(list, func(e event) bool { return !kept[e.id] }))
}
