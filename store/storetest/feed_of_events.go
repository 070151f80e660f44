package storetest

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

func all(events.Type) bool { return true }

// mark makes an event, waits until it is told, and returns its place: everything before it is told then, too. On PostgreSQL that may take
// a moment, because any transaction of the server that still runs holds the feed up.
func (w *world) mark() events.Place {
	w.Helper()
	feed := store.NewFeed(w.db)
	from := must(feed.End(w.ctx))(w)
	id := must(w.contacts.Create(w.ctx, contacts.Contact{CreatedAt: w.now}, nil))(w).ID
	var place events.Place
	testkit.Eventually(w, 20*time.Second, func() error {
		for after := from; ; {
			page, err := feed.Read(w.ctx, after, 500, all)
			if err != nil {
				return err
			}
			for _, e := range page.Events {
				if e.Data.ContactID == id {
					place = e.Place
					return nil
				}
			}
			if after = page.Next; !page.More {
				return errors.New("the mark is not told yet")
			}
		}
	})
	return place
}

// follow reads the feed from a place to now.
func (w *world) follow(from events.Place) []events.Event {
	w.Helper()
	end := w.mark()
	var list []events.Event
	for {
		page := must(store.NewFeed(w.db).Read(w.ctx, from, 7, all))(w)
		list, from = append(list, page.Events...), page.Next
		if i := slices.IndexFunc(list, func(e events.Event) bool { return e.Place == end }); i >= 0 {
			return list[:i]
		}
	}
}

// told returns what the feed says of a contact behind a place.
func (w *world) told(from events.Place, contact vocab.ContactID) []events.Event {
	w.Helper()
	list := w.follow(from)
	return slices.DeleteFunc(list, func(e events.Event) bool { return e.Data.ContactID != contact })
}

func typesOf(list []events.Event) []events.Type {
	types := make([]events.Type, len(list))
	for i, e := range list {
		types[i] = e.Type
	}
	return types
}

func (w *world) tells(from events.Place, contact vocab.ContactID, want ...events.Type) []events.Event {
	w.Helper()
	got := w.told(from, contact)
	if diff := cmp.Diff(want, typesOf(got)); diff != "" {
		w.Fatalf("the feed (-want +got):\n%s", diff)
	}
	return got
}

var feedOfEventsTests = map[string]func(*world){
	"a message that is sent and arrives is told with what its row says": func(w *world) {
		from := w.mark()
		p, permit := w.sending(vocab.Transactional)
		s := w.settlement(permit)
		w.ok(w.ledger.Settle(w.ctx, []dispatcher.Settlement{s}))
		_, _, err := w.ledger.RecordReport(w.ctx, dispatcher.LateReport{MessageID: s.MessageID, Next: dispatcher.Delivered, At: w.now.Add(time.Minute)})
		w.ok(err)
		got := w.tells(from, p.contact, events.ContactCreated, events.MessageQueued, events.MessageSent, events.MessageDelivered)
		m := permit.Message
		want := events.Data{
			MessageID: m.ID, ContactID: p.contact, AddressID: p.address, Channel: vocab.Email, Class: vocab.Transactional, Purpose: m.Purpose,
			Mode: "live", Attempt: 1,
		}
		if diff := cmp.Diff(want, got[2].Data); diff != "" {
			w.Errorf("data of sent (-want +got):\n%s", diff)
		}
		kept := must(w.ledger.Events(w.ctx, m.ID))(w)
		for i, e := range kept {
			x := got[i+1]
			if e.ID != x.ID || !e.At.Equal(x.Timestamp) || "message."+e.Type != string(x.Type) {
				w.Errorf("the feed has %+v, the message %+v", x, e)
			}
		}
		if len(kept) != 3 {
			w.Errorf("the message has %d events", len(kept))
		}
	},
	"of a one-time code only ids and the class are told": func(w *world) {
		from := w.mark()
		p, permit := w.sending(vocab.Security)
		s := w.settlement(permit)
		s.Next, s.Cause, s.Outcome, s.FinalizedAt = dispatcher.Failed, "no_such_mailbox", "refused", w.now
		w.ok(w.ledger.Settle(w.ctx, []dispatcher.Settlement{s}))
		got := w.tells(from, p.contact, events.ContactCreated, events.MessageQueued, events.MessageFailed)
		for _, e := range got[1:] {
			want := events.Data{MessageID: permit.Message.ID, ContactID: p.contact, Class: vocab.Security}
			if diff := cmp.Diff(want, e.Data); diff != "" {
				w.Errorf("data of %s (-want +got):\n%s", e.Type, diff)
			}
		}
	},
	"consents are told with their entry of the ledger": func(w *world) {
		p := w.person()
		from := w.mark()
		granted := w.grant(p, "news.company")
		id := w.submit(w.draft(p, vocab.Marketing))[0]
		done := must(w.consents.Withdraw(w.ctx, dispatcher.Withdrawal{
			AddressID: p.address, Writer: p.contact, Message: id, StopAddress: contacts.Complaint,
			Event: consent.Event{
				Kind: consent.KindWithdrawn, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email, Source: consent.SourceComplaint,
			},
		}, w.now, dispatcher.Covered))(w)
		got := w.tells(from, p.contact, events.ConsentGranted, events.MessageQueued, events.ConsentWithdrawn, events.MessageCanceled, events.MessageComplained)
		until := granted.ValidUntil
		if diff := cmp.Diff(events.Data{
			ConsentID: granted.ID, ContactID: p.contact, Channel: vocab.Email, Purpose: "news.company", Kind: "granted", Scope: "purpose",
			Source: "operator", ValidUntil: &until,
		}, got[0].Data); diff != "" {
			w.Errorf("data of the grant (-want +got):\n%s", diff)
		}
		if got[2].Data.ConsentID != done.Events[0] || got[4].Data.MessageID != id {
			w.Errorf("got %+v and %+v", got[2].Data, got[4].Data)
		}
	},
	"the same unsubscribe twice is told once": func(w *world) {
		p := w.person()
		w.grant(p, "news.company")
		id := w.submit(w.draft(p, vocab.Marketing))[0]
		from := w.mark()
		for range 2 {
			must(w.consents.Withdraw(w.ctx, dispatcher.Withdrawal{
				AddressID: p.address, Message: id,
				Event: consent.Event{
					Kind: consent.KindWithdrawn, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email, Source: consent.SourceOneClick,
				},
			}, w.now, dispatcher.Covered))(w)
		}
		w.tells(from, p.contact, events.ConsentWithdrawn, events.MessageCanceled, events.MessageUnsubscribed)
	},
	"a change on the preference page is told as such": func(w *world) {
		p := w.person()
		w.grant(p, "news.company")
		from := w.mark()
		must(w.consents.Withdraw(w.ctx, dispatcher.Withdrawal{ContactID: p.contact, Event: consent.Event{
			Kind: consent.KindWithdrawn, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email, Source: consent.SourcePreferencePage,
		}}, w.now, dispatcher.Covered))(w)
		w.tells(from, p.contact, events.ConsentWithdrawn, events.PreferenceUpdated)
	},
	"suppressions are told when they are made and lifted, and not when nothing changes": func(w *world) {
		from := w.mark()
		email := unique("%s@example.org")
		var made contacts.Suppression
		for range 2 {
			made = must(w.suppressions.Add(w.ctx, vocab.Email, email, contacts.Suppression{Channel: vocab.Email, Reason: contacts.Manual, Origin: "key_x", CreatedAt: w.now}))(w)
		}
		for range 2 {
			must(w.suppressions.Lift(w.ctx, made.ID, contacts.Lift{By: "key_x"}, w.now))(w)
		}
		list := w.follow(from)
		list = slices.DeleteFunc(list, func(e events.Event) bool { return e.Data.SuppressionID != made.ID })
		want := []events.Type{events.SuppressionCreated, events.SuppressionDeleted}
		if diff := cmp.Diff(want, typesOf(list)); diff != "" {
			w.Fatalf("the feed (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(events.Data{SuppressionID: made.ID, Channel: vocab.Email, Reason: "manual"}, list[0].Data); diff != "" {
			w.Errorf("data (-want +got):\n%s", diff)
		}
	},
	"a contact's changes are told by the names of fields, and its erasure": func(w *world) {
		from := w.mark()
		p := w.person()
		change := func(f func(*contacts.Contact)) {
			must(w.contacts.Update(w.ctx, p.contact, w.now, func(c contacts.Contact) (contacts.Contact, error) {
				f(&c)
				return c, nil
			}))(w)
		}
		change(func(c *contacts.Contact) { c.Name, c.Attributes = "Дана", map[string]any{"school": "7"} })
		change(func(*contacts.Contact) {})
		must(w.contacts.AddAddress(w.ctx, p.contact, contacts.NewAddress{Channel: vocab.SMS, Value: "+77010000000", Lookup: unique("+7%s")}, w.now))(w)
		w.ok(w.contacts.VerifyAddress(w.ctx, p.contact, p.address, w.now))
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		got := w.tells(from, p.contact, events.ContactCreated, events.ContactUpdated, events.ContactUpdated, events.ContactUpdated, events.ContactErased)
		if diff := cmp.Diff([][]string{{"attributes", "name"}, {"addresses"}}, [][]string{got[1].Data.Changed, got[2].Data.Changed}); diff != "" {
			w.Errorf("changed (-want +got):\n%s", diff)
		}
	},
	"a contact that a submission makes is told, and an attempt that is taken back is not": func(w *world) {
		from := w.mark()
		d := w.draft(person{}, vocab.Transactional)
		email := unique("%s@example.org")
		d.Recipient = dispatcher.Recipient{Value: vocab.Address(email), Lookup: email}
		_, err := w.ledger.Try(w.ctx, w.intake(d), w.decide)
		w.ok(err)
		if list := w.follow(from); len(list) > 0 {
			w.Fatalf("a preview is told: %v", typesOf(list))
		}
		from = w.mark()
		w.submit(d)
		list := w.follow(from)
		if diff := cmp.Diff([]events.Type{events.ContactCreated, events.MessageSuppressed}, typesOf(list)); diff != "" {
			w.Errorf("the feed (-want +got):\n%s", diff)
		}
	},
	"nothing personal is told": func(w *world) {
		from := w.mark()
		p, permit := w.sending(vocab.Marketing)
		s := w.settlement(permit)
		s.Next, s.Cause, s.Outcome, s.FinalizedAt, s.Suppress = dispatcher.Bounced, "no_such_mailbox", "refused", w.now, dispatcher.SuppressNow
		s.Detail = "550 5.1.1 <" + p.email + "> no such user"
		w.ok(w.ledger.Settle(w.ctx, []dispatcher.Settlement{s}))
		_, err := w.suppressions.Add(w.ctx, vocab.Email, p.email, contacts.Suppression{Channel: vocab.Email, Reason: contacts.Manual, Origin: "key_x", Note: "Айгүл сұрады", CreatedAt: w.now})
		w.ok(err)
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		list := w.follow(from)
		text := string(must(json.Marshal(list))(w))
		if !strings.Contains(text, "message.bounced") || !strings.Contains(text, "suppression.created") || !strings.Contains(text, "contact.erased") {
			w.Fatalf("too little is told: %s", text)
		}
		for _, personal := range []string{p.email, "Айгүл", "550", w.db.Hash(vocab.Email, p.email)} {
			if strings.Contains(text, personal) {
				w.Errorf("the feed tells %q", personal)
			}
		}
	},
	"a page goes on from where the one before ended, whatever its size": func(w *world) {
		from := w.mark()
		p := w.person()
		for range 5 {
			w.submit(w.draft(p, vocab.Transactional), w.draft(p, vocab.Transactional))
		}
		want := w.told(from, p.contact)
		for _, n := range []int{1, 2, 3, 50} {
			var got []events.Event
			place := from
			for len(got) < 10 {
				page := must(store.NewFeed(w.db).Read(w.ctx, place, n, func(t events.Type) bool { return t == events.MessageQueued }))(w)
				got, place = append(got, page.Events...), page.Next
			}
			if diff := cmp.Diff(want[1:], got); diff != "" {
				w.Errorf("%d at a time (-want +got):\n%s", n, diff)
			}
		}
		if cursor, err := events.ParseCursor(want[3].Place.String()); err != nil || cursor != want[3].Place {
			w.Errorf("cursor %v, %v", cursor, err)
		}
	},
}
