package store

import (
	"context"
	"slices"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// stretch is how many messages one page of List looks at, at most. No index holds the status (it would change with every claim and settle),
// so a rare one is looked for row by row: 20,000 rows take about 15 ms on PostgreSQL and 25 to 80 ms on SQLite.
const stretch = 20_000

// List returns messages, the newest first, at most a page of them. A contact or a reference finds its messages by an index, and so does
// what waits or is being sent, unless there is too much of it. Everything else is looked for from the newest of the time asked for on,
// a stretch at a time. The error is fault.Invalid (cursor_unknown) if After is no message.
func (l *Ledger) List(ctx context.Context, f dispatcher.MessageFilter) (dispatcher.MessagePage, error) {
	page, err := l.db.reader().list(ctx, f)
	return page, away(err)
}

func (r runner) list(ctx context.Context, f dispatcher.MessageFilter) (dispatcher.MessagePage, error) {
	if f.ContactID != "" || f.Reference != "" {
		return r.listOf(ctx, f)
	}
	var last place
	if f.After != "" {
		var err error
		if last, err = r.placeOf(ctx, f.After); err != nil {
			return dispatcher.MessagePage{}, err
		}
	}
	if f.Status.Waits() || f.Status == dispatcher.Sending {
		few, err := r.fewOpen(ctx)
		if err != nil {
			return dispatcher.MessagePage{}, err
		}
		if few {
			return r.listOpen(ctx, f, last)
		}
	}
	return r.listByTime(ctx, f, last)
}

// place is where a message stands in the order of time.
type place struct {
	created int64
	id      vocab.MessageID
}

func (r runner) placeOf(ctx context.Context, id vocab.MessageID) (place, error) {
	p := place{id: id}
	err := r.row(ctx, []any{&p.created}, `SELECT created_at FROM messages WHERE id = $1`, string(id))
	if isNone(err) {
		return p, &fault.Error{Kind: fault.Invalid, Code: "cursor_unknown", Detail: "this cursor is none of ours; begin again without one"}
	}
	return p, err
}

// fewOpen says whether what waits or is being sent is no more than a stretch.
func (r runner) fewOpen(ctx context.Context) (bool, error) {
	var n int
	err := r.row(ctx, []any{&n}, `
		SELECT COUNT(*) FROM (SELECT 1 AS one FROM dues LIMIT $1) o`, stretch+1)
	return n <= stretch, err
}

// search is a question for messages in the making: where they are looked for, and what must be true of each.
type search struct {
	conditions

	filters []filter
	order   string
	page    int
}

// filter is a condition with one value, which ? stands for.
type filter struct {
	text  string
	value any
}

// The orders of lists: the newest first.
const (
	byTime = ` ORDER BY m.created_at DESC, m.id DESC`
	byID   = ` ORDER BY m.id DESC`
)

// newSearch begins a question with the filters that no index serves.
func newSearch(f dispatcher.MessageFilter, order string) *search {
	s := &search{order: order, page: pageOf(f.Limit)}
	for _, c := range []struct{ text, value string }{
		{`m.status = ?`, string(f.Status)},
		{`m.purpose = ?`, string(f.Purpose)},
		{`m.class = ?`, string(f.Class)},
		{`m.channel = ?`, string(f.Channel)},
		{`m.api_key = ?`, string(f.APIKey)},
	} {
		if c.value != "" {
			s.filters = append(s.filters, filter{c.text, c.value})
		}
	}
	return s
}

// times are the conditions on when messages came in.
func times(f dispatcher.MessageFilter) []filter {
	var list []filter
	if !f.CreatedAfter.IsZero() {
		list = append(list, filter{`m.created_at >= ?`, f.CreatedAfter.UnixMicro()})
	}
	if !f.CreatedBefore.IsZero() {
		list = append(list, filter{`m.created_at < ?`, f.CreatedBefore.UnixMicro()})
	}
	return list
}

// demand narrows by filters.
func (s *search) demand(filters []filter) {
	for _, f := range filters {
		s.add(f.text, f.value)
	}
}

// behind narrows to what comes after a place in the order of time. Of two pairs SQLite looks up one, hence the time by itself.
func (s *search) behind(p place) {
	if p.id != "" {
		s.add(`m.created_at <= ? AND (m.created_at, m.id) < (?, ?)`, p.created, p.created, string(p.id))
	}
}

// listOf lists the messages of one contact or reference, in the order of their ids, which the index has.
func (r runner) listOf(ctx context.Context, f dispatcher.MessageFilter) (dispatcher.MessagePage, error) {
	s := newSearch(f, byID)
	s.filters = append(s.filters, times(f)...)
	switch {
	case f.ContactID == "":
		s.add(`m.reference = ?`, plain(f.Reference))
	case f.Reference == "":
		if err := r.demandContact(ctx, s, f.ContactID); err != nil {
			return dispatcher.MessagePage{}, err
		}
	default:
		if err := r.demandContact(ctx, s, f.ContactID); err != nil {
			return dispatcher.MessagePage{}, err
		}
		s.filters = append(s.filters, filter{`m.reference = ?`, plain(f.Reference)})
	}
	if f.After != "" {
		s.add(`m.id < ?`, string(f.After))
	}
	return r.walk(ctx, s)
}

// demandContact narrows to the messages of a contact and of those who were merged into it.
func (r runner) demandContact(ctx context.Context, s *search, contact vocab.ContactID) error {
	same, err := r.sameAs(ctx, contact)
	if err != nil {
		return err
	}
	if len(same) == 1 { // nearly everybody: the index has their messages in order
		s.add(`m.contact_id = ?`, string(contact))
		return nil
	}
	arg, err := jsonArg(same)
	s.add(`m.contact_id IN {ids ?}`, arg)
	return err
}

// listByTime lists the messages of a time.
func (r runner) listByTime(ctx context.Context, f dispatcher.MessageFilter, last place) (dispatcher.MessagePage, error) {
	s := newSearch(f, byTime)
	s.demand(times(f))
	s.behind(last)
	return r.walk(ctx, s)
}

// walk reads the rows of an index in its order until a page is full. What no index serves is looked for in one stretch, whose last row is
// found first: so the next page begins where this one ended, whatever comes in meanwhile.
func (r runner) walk(ctx context.Context, s *search) (dispatcher.MessagePage, error) {
	var end place
	if len(s.filters) > 0 {
		var err error
		if end, err = r.endOfStretch(ctx, s); err != nil {
			return dispatcher.MessagePage{}, err
		}
	}
	switch {
	case end.id == "":
	case s.order == byID:
		s.add(`m.id >= ?`, string(end.id))
	default:
		s.add(`m.created_at >= ? AND (m.created_at, m.id) >= (?, ?)`, end.created, end.created, string(end.id))
	}
	s.demand(s.filters)
	list, err := r.pageOf(ctx, s, `messages m`)
	if list.Next == "" {
		list.Next = end.id
	}
	return list, err
}

// endOfStretch returns the last row of the stretch if more rows may follow it; else an empty place.
func (r runner) endOfStretch(ctx context.Context, s *search) (place, error) {
	within := conditions{slices.Clone(s.texts), slices.Clone(s.args)}
	offset := within.numbered(` OFFSET ?`, stretch-1)
	var end place
	err := r.row(ctx, []any{&end.created, &end.id},
		`SELECT m.created_at, m.id FROM messages m`+within.where()+s.order+` LIMIT 1`+offset, within.args...)
	if isNone(err) {
		return place{}, nil
	}
	return end, err
}

// listOpen lists what waits or is being sent: all of it is looked at, because dues have another order.
func (r runner) listOpen(ctx context.Context, f dispatcher.MessageFilter, last place) (dispatcher.MessagePage, error) {
	s := newSearch(f, byTime)
	// Somewhat more may have come in since it was counted.
	open := s.numbered(`(SELECT messages.* FROM (SELECT message_id FROM dues LIMIT ?) d {probe messages.id = d.message_id}) m`, 2*stretch)
	s.demand(s.filters)
	s.demand(times(f))
	s.behind(last)
	return r.pageOf(ctx, s, open)
}

// pageOf reads a page of the rows that a question is for.
func (r runner) pageOf(ctx context.Context, s *search, from string) (dispatcher.MessagePage, error) {
	var page dispatcher.MessagePage
	var m dispatcher.Message
	err := r.each(ctx, messageDest(&m), func() error {
		page.Messages = append(page.Messages, m)
		return nil
	}, `SELECT `+messageColumns+` FROM `+from+s.where()+s.order+s.limit(s.page+1), s.args...)
	if len(page.Messages) > s.page { // one too much shows that there is another page
		page.Messages = page.Messages[:s.page]
		page.Next = page.Messages[s.page-1].ID
	}
	return page, err
}
