package storetest

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// event is an act of a person about news by email.
func (w *world) event(p person, kind consent.EventKind) consent.Event {
	return consent.Event{
		Kind: kind, ContactID: p.contact, AddressID: p.address, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email,
		Source: consent.SourceSignUpForm, ActorKind: consent.ActorContact, ActorID: string(p.contact), At: w.now,
	}
}

// grantUntil grants news by email, or a topic of it, until a time.
func (w *world) grantUntil(p person, topic vocab.Topic, until time.Time) consent.Event {
	w.Helper()
	e := w.event(p, consent.KindGranted)
	e.Topic, e.ValidUntil, e.TextVersion = topic, until, 2
	kept, _, err := w.consents.Record(w.ctx, e, "", true)
	w.ok(err)
	return kept
}

// far is a time that no other test's grants end near.
func (w *world) far() time.Time {
	farYears++
	return w.now.AddDate(farYears*10, 0, 0)
}

var farYears int

var timeTests = map[string]func(*world){
	"a purpose stays what it was registered as": func(w *world) {
		book := store.NewPurposes(w.db)
		acme := consent.PurposeInfo{ID: vocab.Purpose(unique("partner.%s")), Class: vocab.Marketing}
		club := consent.PurposeInfo{ID: vocab.Purpose(unique("club.%s")), Class: vocab.Service}
		w.ok(book.Register(w.ctx, []consent.PurposeInfo{acme}, w.now))
		w.ok(book.Register(w.ctx, []consent.PurposeInfo{acme, club}, w.now))
		club.Class = vocab.Transactional
		w.refused(book.Register(w.ctx, []consent.PurposeInfo{club, acme}, w.now), fault.Conflict, "purpose_class_fixed")
		club.Class = vocab.Service
		w.ok(book.Register(w.ctx, []consent.PurposeInfo{club, acme}, w.now))
	},
	"grants that end soon are found once for each stage, page by page": func(w *world) {
		end := w.far()
		var want []vocab.ConsentEventID
		for range 5 { // all at the same moment, as an import leaves them
			want = append(want, w.grantUntil(w.person(), "", end).ID)
		}
		w.grantUntil(w.person(), "", end.Add(time.Second)) // after the window
		withdrawn := w.person()
		w.grantUntil(withdrawn, "", end)
		w.withdraw(dispatcher.Withdrawal{ContactID: withdrawn.contact, Event: consent.Event{Scope: consent.ScopeAll}})
		from := end.AddDate(0, 0, -7)
		found := func(days int) []vocab.ConsentEventID {
			var all []vocab.ConsentEventID
			var last dispatcher.EndingGrant
			for {
				page := must(w.consents.Ending(w.ctx, from, end, days, last, 2))(w)
				if len(page) == 0 {
					return all
				}
				for _, g := range page {
					all = append(all, g.Event)
				}
				last = page[len(page)-1]
			}
		}
		if diff := cmp.Diff(want, found(7)); diff != "" {
			w.Fatalf("grants mismatch (-want +got):\n%s", diff)
		}
		message := vocab.MessageID(vocab.NewID(vocab.MessagePrefix))
		w.ok(w.consents.KeepAsks(w.ctx, 7, map[vocab.ConsentEventID]vocab.MessageID{want[0]: message, want[1]: ""}, w.now))
		w.ok(w.consents.KeepAsks(w.ctx, 7, map[vocab.ConsentEventID]vocab.MessageID{want[0]: "msg_other"}, w.now)) // the first one stays
		if diff := cmp.Diff(want[2:], found(7)); diff != "" {
			w.Errorf("after two were asked mismatch (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, found(30)); diff != "" {
			w.Errorf("of another stage mismatch (-want +got):\n%s", diff)
		}
		if got := must(w.consents.AskedIn(w.ctx, message))(w); got != want[0] {
			w.Errorf("the message asked about %q, want %q", got, want[0])
		}
		if got := must(w.consents.AskedIn(w.ctx, "msg_nothing"))(w); got != "" {
			w.Errorf("a message that asked for nothing asked about %q", got)
		}
	},
	"what has ended is written down once, at the time it ended": func(w *world) {
		p, end := w.person(), w.far()
		w.grantUntil(p, "", end)
		w.grantUntil(p, "maths", end.Add(time.Second))
		expire := func(at time.Time) {
			for must(w.consents.Expire(w.ctx, at, 3))(w) > 0 {
			}
		}
		expire(end.Add(-time.Microsecond)) // whatever other tests left
		if len(must(w.consents.EventsOf(w.ctx, p.contact, "", 10))(w)) != 2 {
			w.Fatal("written down before its time")
		}
		expire(end)
		expire(end)
		grants := must(w.consents.OfContact(w.ctx, p.contact))(w)
		var states []consent.State
		for _, g := range grants {
			states = append(states, g.Grant.State)
		}
		if diff := cmp.Diff([]consent.State{consent.Expired, consent.Granted}, states); diff != "" {
			w.Fatalf("states mismatch (-want +got):\n%s", diff)
		}
		events := must(w.consents.EventsOf(w.ctx, p.contact, "", 10))(w)
		last := events[0]
		if len(events) != 3 || last.Kind != consent.KindExpired || !last.At.Equal(end) || !last.RecordedAt.Equal(end) || last.Source != consent.SourceSystem {
			w.Errorf("%d entries, the last one %+v", len(events), last)
		}
	},
	"a grant whose text has changed ends like any other and stands in nobody's way": func(w *world) {
		purpose, stale, later, end := purposeOfItsOwn(), w.person(), w.person(), w.far()
		grant := w.event(stale, consent.KindGranted)
		grant.Purpose, grant.ValidUntil = purpose, end
		_, _, err := w.consents.Record(w.ctx, grant, "", false)
		w.ok(err)
		changed := text(purpose)
		changed.Material, changed.Reason = true, "another carrier"
		ending := func() []dispatcher.EndingGrant {
			return must(w.consents.Ending(w.ctx, end.AddDate(0, 0, -1), end, 7, dispatcher.EndingGrant{}, 10))(w)
		}
		if n := len(ending()); n != 1 {
			w.Fatalf("%d grants end soon, want it alone", n)
		}
		w.publish(changed)
		if list := ending(); len(list) != 0 {
			w.Errorf("it is stale, and would be asked for a renewal that nothing may be sent for: %+v", list)
		}
		w.grantUntil(later, "", end.Add(time.Second))
		for must(w.consents.Expire(w.ctx, end.Add(-time.Second), 100))(w) > 0 { // whatever other tests left
		}
		for range 2 { // one portion each: what is stale must not be found for ever
			if n := must(w.consents.Expire(w.ctx, end.Add(time.Second), 1))(w); n != 1 {
				w.Fatalf("%d were written down, want 1", n)
			}
		}
		for _, p := range []person{stale, later} {
			if got := must(w.consents.OfContact(w.ctx, p.contact))(w)[0].Grant.State; got != consent.Expired {
				w.Errorf("it is %s, want expired", got)
			}
		}
	},
	"a pause holds mailings and takes nothing": func(w *world) {
		p, end := w.person(), w.now.AddDate(0, 0, 3)
		w.grant(p, "news.company")
		ids := w.submit(w.draft(p, vocab.Marketing), w.draft(p, vocab.Service))
		pause := consent.Event{
			Kind: consent.KindPaused, ContactID: p.contact, Scope: consent.ScopeAll, Source: consent.SourcePreferencePage,
			ActorKind: consent.ActorContact, ActorID: string(p.contact), At: w.now, ValidUntil: end,
		}
		for range 2 { // the second press says nothing new
			if until := must(w.consents.Pause(w.ctx, pause))(w); !until.Equal(end) {
				w.Fatalf("paused until %v, want %v", until, end)
			}
		}
		if n := len(must(w.consents.EventsOf(w.ctx, p.contact, "", 10))(w)); n != 2 {
			w.Errorf("%d entries, want the grant and one pause", n)
		}
		w.now = w.now.Add(time.Minute)
		if permits := w.claim(ids...); len(permits) != 1 || permits[0].Message.Class != vocab.Service {
			w.Fatalf("during the pause: %+v", permits)
		}
		held := w.message(ids[0])
		if held.Status != dispatcher.Held || held.Decision.Reason != consent.ContactPaused || !held.DueAt.Equal(end) {
			w.Errorf("the mailing is %s for %s until %v", held.Status, held.Decision.Reason, held.DueAt)
		}
		w.now = end
		if permits := w.claim(ids[0]); len(permits) != 1 {
			w.Errorf("after the pause: %+v", w.message(ids[0]).Decision)
		}
		again := pause
		again.At, again.ValidUntil = w.now, w.now.AddDate(0, 0, 30)
		must(w.consents.Pause(w.ctx, again))(w)
		again.Kind, again.ValidUntil = consent.KindResumed, time.Time{}
		if until := must(w.consents.Pause(w.ctx, again))(w); !until.IsZero() {
			w.Errorf("resumed, and still paused until %v", until)
		}
		again.Kind = consent.KindGranted
		_, err := w.consents.Pause(w.ctx, again)
		w.refused(err, fault.Invalid, "invalid_request")
		again.Kind, again.ContactID = consent.KindPaused, "con_nobody"
		_, err = w.consents.Pause(w.ctx, again)
		w.refused(err, fault.NotFound, "contact_not_found")
	},
	"a renewal keeps what was agreed to and moves its end": func(w *world) {
		p, end := w.person(), w.far()
		w.grantUntil(p, "", end)
		e := w.event(p, consent.KindRenewed)
		e.ValidUntil, e.TextVersion, e.Source = end.AddDate(2, 0, 0), 2, consent.SourceConfirmLink
		_, grant, err := w.consents.Record(w.ctx, e, "", false)
		w.ok(err)
		held := must(w.consents.OfContact(w.ctx, p.contact))(w)[0]
		if !grant.ValidUntil.Equal(e.ValidUntil) || !held.CrossBorder || held.Grant.Text != 2 || held.Grant.State != consent.Granted {
			w.Errorf("renewed: %+v, held %+v", grant, held)
		}
	},
}
