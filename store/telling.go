package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/vocab"
)

// Feed tells what happened, in an order in which nothing is missed: see Read.
type Feed struct{ db *DB }

// NewFeed returns the feed of a database.
func NewFeed(db *DB) *Feed { return &Feed{db} }

// feedState is where the feed begins and how far it may be read.
type feedState struct {
	pruned  events.Place // the last place forgotten
	horizon int64        // every transaction below it has ended: whoever reads up to it misses nothing that is committed later
}

// feedState is read by a statement of its own, before the events: what had ended then is seen by every later statement.
func (r runner) feedState(ctx context.Context) (feedState, error) {
	var s feedState
	err := r.row(ctx, []any{&s.pruned.Tx, &s.pruned.Seq, &s.horizon},
		`SELECT pruned_tx, pruned_seq, base + {xmin} FROM feed_state WHERE id = 1`)
	return s, err
}

// Read returns the events behind a place whose type matches, among the next n of them, and the place to go on from. A transaction that
// commits late is not passed over: nothing is told that stands behind one which still runs. The error is events.ErrForgotten if events
// behind the place are not kept any more; the zero Place is before the oldest that is.
func (f *Feed) Read(ctx context.Context, after events.Place, n int, match func(events.Type) bool) (events.Page, error) {
	page, err := f.db.reader().readFeed(ctx, after, n, match)
	if err != nil {
		return events.Page{}, fmt.Errorf("read the feed: %w", away(err))
	}
	return page, nil
}

// feedRow is an event as it is kept.
type feedRow struct {
	event   events.Event
	subject vocab.MessageID
	attempt int
	reason  string
	data    string
}

const feedColumns = `f.tx, f.seq, f.id, f.type, f.at, f.subject, f.attempt, f.reason, f.data`

func feedDest(x *feedRow) []any {
	e := &x.event
	return []any{&e.Place.Tx, &e.Place.Seq, &e.ID, &e.Type, at(&e.Timestamp), &x.subject, &x.attempt, &x.reason, &x.data}
}

func (r runner) readFeed(ctx context.Context, after events.Place, n int, match func(events.Type) bool) (events.Page, error) {
	state, err := r.feedState(ctx)
	if err != nil {
		return events.Page{}, err
	}
	if after == (events.Place{}) {
		after = state.pruned
	}
	if after.Tx < state.pruned.Tx || after.Tx == state.pruned.Tx && after.Seq < state.pruned.Seq {
		return events.Page{}, events.ErrForgotten
	}
	page := events.Page{Next: after}
	var rows []feedRow
	var x feedRow
	looked := 0
	if err := r.each(ctx, feedDest(&x), func() error {
		looked++
		page.Next = x.event.Place
		if match(x.event.Type) {
			rows = append(rows, x)
		}
		return nil
	}, `SELECT `+feedColumns+` FROM feed f WHERE (f.tx, f.seq) > ($1, $2) AND f.tx < $3 ORDER BY f.tx, f.seq LIMIT $4`,
		after.Tx, after.Seq, state.horizon, n); err != nil {
		return events.Page{}, err
	}
	page.More = looked == n
	page.Events, err = r.eventsOf(ctx, rows)
	return page, err
}

// eventsOf completes events with what the rows of their messages say. Of class security that is the class alone.
func (r runner) eventsOf(ctx context.Context, rows []feedRow) ([]events.Event, error) {
	var ids []vocab.MessageID
	for _, x := range rows {
		if x.subject != "" {
			ids = append(ids, x.subject)
		}
	}
	slices.Sort(ids)
	messages, err := r.toldMessages(ctx, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	list := make([]events.Event, len(rows))
	for i, x := range rows {
		e := x.event
		if x.subject == "" {
			if err := json.Unmarshal([]byte(x.data), &e.Data); err != nil {
				return nil, fmt.Errorf("event %s: %w", e.ID, err)
			}
			list[i] = e
			continue
		}
		e.Data = messages[x.subject]
		e.Data.MessageID = x.subject
		if e.Data.Class != vocab.Security {
			e.Data.Attempt, e.Data.Reason = x.attempt, x.reason
		}
		if e.ID == "" {
			e.ID = derivedEvent(x.subject, dispatcher.Status(string(e.Type)[len("message."):]))
		}
		list[i] = e
	}
	return list, nil
}

// toldMessages is what is told of messages.
func (r runner) toldMessages(ctx context.Context, ids []vocab.MessageID) (map[vocab.MessageID]events.Data, error) {
	all := make(map[vocab.MessageID]events.Data, len(ids))
	if len(ids) == 0 {
		return all, nil
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return nil, err
	}
	var id vocab.MessageID
	var d events.Data
	err = r.each(ctx, []any{&id, &d.ContactID, textOf(&d.AddressID), &d.Channel, &d.Class, &d.Purpose, &d.Topic, &d.Mode}, func() error {
		if d.Class == vocab.Security {
			d = events.Data{ContactID: d.ContactID, Class: d.Class}
		}
		all[id] = d
		return nil
	}, `SELECT id, contact_id, address_id, channel, class, purpose, topic, mode FROM messages WHERE id IN {ids $1}`, arg)
	return all, err
}

// End returns the place behind all that has happened: what is read from there on was committed later.
func (f *Feed) End(ctx context.Context) (events.Place, error) {
	p, err := f.db.reader().feedEnd(ctx)
	return p, away(err)
}

func (r runner) feedEnd(ctx context.Context) (events.Place, error) {
	state, err := r.feedState(ctx)
	if err != nil {
		return events.Place{}, err
	}
	if r.dialect.name != "sqlite" {
		return events.Place{Tx: state.horizon - 1, Seq: math.MaxInt64}, nil
	}
	p := state.pruned
	err = r.row(ctx, []any{&p.Tx, &p.Seq}, `SELECT tx, seq FROM feed ORDER BY tx DESC, seq DESC LIMIT 1`)
	if isNone(err) {
		err = nil
	}
	return p, err
}

// ForgetEvents forgets at most n of the oldest events, as long as they happened before a time, and says whether there may be more. Deliveries
// that are done go with them.
func (l *Ledger) ForgetEvents(ctx context.Context, before time.Time, n int) (bool, error) {
	var more bool
	err := l.db.tx(ctx, func(tx *tx) error {
		old, err := tx.forgetEvents(ctx, before, n)
		if err != nil {
			return err
		}
		done, err := tx.forgetDeliveries(ctx, before, n)
		more = old == n || done == n
		return err
	})
	if err != nil {
		return false, fmt.Errorf("forget events: %w", err)
	}
	return more, nil
}

func (tx *tx) forgetEvents(ctx context.Context, before time.Time, n int) (int, error) {
	state, err := tx.feedState(ctx)
	if err != nil {
		return 0, err
	}
	var last, x events.Place
	var then time.Time
	forgotten, young := 0, false
	if err := tx.each(ctx, []any{&x.Tx, &x.Seq, at(&then)}, func() error {
		if young = young || !then.Before(before); !young {
			last = x
			forgotten++
		}
		return nil
	}, `SELECT tx, seq, at FROM feed f WHERE (f.tx, f.seq) > ($1, $2) AND f.tx < $3 ORDER BY f.tx, f.seq LIMIT $4`,
		state.pruned.Tx, state.pruned.Seq, state.horizon, n); err != nil || forgotten == 0 {
		return 0, err
	}
	if _, err := tx.exec(ctx, `DELETE FROM feed WHERE (tx, seq) > ($1, $2) AND (tx, seq) <= ($3, $4)`,
		state.pruned.Tx, state.pruned.Seq, last.Tx, last.Seq); err != nil {
		return 0, err
	}
	// Of two who forget at once one comes later, and leaves the mark where it is farther.
	_, err = tx.exec(ctx, `UPDATE feed_state SET pruned_tx = $1, pruned_seq = $2 WHERE id = 1 AND (pruned_tx, pruned_seq) < ($1, $2)`, last.Tx, last.Seq)
	return forgotten, err
}

// Resume makes the feed go on where it was in a database that was restored from a dump: there the numbers of transactions begin anew, and
// what they write would stand before what everybody has read. It is called before anything is served.
func (f *Feed) Resume(ctx context.Context) error {
	if f.db.dialect.name == "sqlite" {
		return nil
	}
	return f.db.tx(ctx, func(tx *tx) error {
		var base, pruned, running int64
		if err := tx.row(ctx, []any{&base, &pruned, &running}, `SELECT base, pruned_tx, {xid} FROM feed_state WHERE id = 1 {guard}`); err != nil {
			return err
		}
		newest := pruned
		err := tx.row(ctx, []any{&newest}, `SELECT tx FROM feed ORDER BY tx DESC, seq DESC LIMIT 1`)
		if err != nil && !isNone(err) {
			return err
		}
		newest = max(newest, pruned)
		if newest < base+running {
			return nil
		}
		_, err = tx.exec(ctx, `UPDATE feed_state SET base = $1 WHERE id = 1`, newest)
		return err
	})
}
