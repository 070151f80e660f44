package storetest

import (
	"slices"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// proves makes a proof of the person's address and returns a grant that rests on it, of a text that is published.
func (w *world) proves(p person) (optin.Confirmation, optin.ProvedGrant) {
	w.Helper()
	c := w.asked(byCode(optin.Draft{Confirmation: optin.Confirmation{
		ID: vocab.ConfirmationID(vocab.NewID(vocab.ConfirmationPrefix)), Kind: optin.AddressProof, ContactID: p.contact, AddressID: p.address,
		Language: vocab.Kazakh, CreatedAt: w.now,
	}}, "123456"))
	if got := w.press(c, optin.Press{Code: "123456"}); got.Result != optin.Confirmed {
		w.Fatalf("the code is answered %s", got.Result)
	}
	t := w.publish(text(purposeOfItsOwn()))
	return c, optin.ProvedGrant{
		Proof: c.ID, ContactID: p.contact, Language: vocab.Kazakh, Policy: "2026-01", Evidence: "192.0.2.7", At: w.now,
		Asked: optin.Asked{Purpose: t.Purpose, TextVersion: t.Version, TextHash: t.Hash(vocab.Kazakh), Abroad: t.Covers()},
	}
}

// grants presses and checks what becomes of it, and that nothing is written unless it is granted.
func (w *world) grants(g optin.ProvedGrant, want optin.GrantOutcome) optin.GrantAnswer {
	w.Helper()
	before := w.ofPurpose(g)
	got := must(w.optIns.GrantProved(w.ctx, g))(w)
	wrote := len(w.ofPurpose(g)) - len(before)
	if got.Outcome != want || (wrote == 1) != (want == optin.Granted) || wrote > 1 || (got.Event != "") != (want == optin.Granted || want == optin.GrantStands) {
		w.Fatalf("got %+v and %d entries, want %s", got, wrote, want)
	}
	return got
}

// ofPurpose are the entries about the purpose of a grant, the newest first.
func (w *world) ofPurpose(g optin.ProvedGrant) []consent.Event {
	w.Helper()
	return slices.DeleteFunc(must(w.consents.EventsOf(w.ctx, g.ContactID, "", 100))(w), func(e consent.Event) bool { return e.Purpose != g.Asked.Purpose })
}

var optInGrantTests = map[string]func(*world){
	"a grant on a proof says what was shown and what shows it": func(w *world) {
		p := w.person()
		c, g := w.proves(p)
		must(w.consents.Withdraw(w.ctx, dispatcher.Withdrawal{ContactID: p.contact, Event: consent.Event{
			Kind: consent.KindWithdrawn, Scope: consent.ScopeAll, Source: consent.SourcePreferencePage, ActorKind: consent.ActorContact, ActorID: string(p.contact),
		}}, w.now, dispatcher.Covered))(w)
		w.now = w.now.Add(time.Minute)
		g.At = w.now
		got := w.grants(g, optin.Granted)
		entry := w.ofPurpose(g)[0]
		want := consent.Event{
			Seq: entry.Seq, ID: got.Event, Kind: consent.KindGranted, ContactID: p.contact, AddressID: p.address, Scope: consent.ScopePurpose,
			Purpose: g.Asked.Purpose, Channel: vocab.Email, Source: consent.SourcePreferencePage, ActorKind: consent.ActorContact, ActorID: string(p.contact),
			Language: vocab.Kazakh, TextVersion: 1, TextHash: g.Asked.TextHash, PolicyVersion: "2026-01", Proof: consent.ProofOneTimeCode, ProofRef: string(c.ID),
			At: w.now, RecordedAt: w.now, Commitment: entry.Commitment, PrevHash: entry.PrevHash, Hash: entry.Hash,
		}
		if diff := cmp.Diff(want, entry); diff != "" || entry.Commitment == "" {
			w.Errorf("the entry (-want +got):\n%s", diff)
		}
		held := w.grantFor(p, g.Asked.Purpose)
		if held.State != consent.Granted || held.Text != 1 || held.Event != got.Event {
			w.Errorf("the grant is %+v", held)
		}
		if w.profile(p).UnsubscribedAllAt != nil {
			w.Error("a new grant leaves the contact unsubscribed from all")
		}
		// A second press, and a topic of the same purpose: the one stands, the other is a grant of its own.
		if again := w.grants(g, optin.GrantStands); again.Event != got.Event || !again.At.Equal(got.At) {
			w.Errorf("pressed twice: %+v, first %+v", again, got)
		}
		g.Asked.Topic = "maths"
		if topic := w.grants(g, optin.Granted); topic.Event == got.Event {
			w.Error("a topic shares the entry of its purpose")
		}
	},
	"of many presses at once one is written": func(w *world) {
		_, g := w.proves(w.person())
		before := len(w.ofPurpose(g))
		answers := make([]optin.GrantAnswer, 8)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() {
				var err error
				if answers[i], err = w.optIns.GrantProved(w.ctx, g); err != nil {
					w.Error(err)
				}
			})
		}
		all.Wait()
		granted := 0
		for _, a := range answers {
			if a.Outcome == optin.Granted {
				granted++
			}
			if a.Event != answers[0].Event {
				w.Errorf("one press names %s, another %s", a.Event, answers[0].Event)
			}
		}
		if n := len(w.ofPurpose(g)) - before; granted != 1 || n != 1 {
			w.Errorf("%d presses granted and %d entries were written, want one", granted, n)
		}
	},
	"what does not prove does not grant": func(w *world) {
		p, other := w.person(), w.person()
		c, g := w.proves(p)
		for name, change := range map[string]func(*optin.ProvedGrant){
			"no such confirmation":     func(g *optin.ProvedGrant) { g.Proof = "cnf_nobody" },
			"another contact's proof":  func(g *optin.ProvedGrant) { g.ContactID = other.contact },
			"half an hour later":       func(g *optin.ProvedGrant) { g.At = g.At.Add(optin.ProofLasts) },
			"a sign-up's confirmation": func(g *optin.ProvedGrant) { g.Proof = w.asked(w.optIn(p.email)).ID },
			"a code that nobody typed in": func(g *optin.ProvedGrant) {
				g.Proof = w.asked(byCode(optin.Draft{Confirmation: optin.Confirmation{ID: vocab.ConfirmationID(vocab.NewID(vocab.ConfirmationPrefix)), Kind: optin.AddressProof, ContactID: p.contact, AddressID: p.address, CreatedAt: w.now}}, "654321")).ID
			},
		} {
			wrong := g
			change(&wrong)
			if got := must(w.optIns.GrantProved(w.ctx, wrong))(w); got.Outcome != optin.NotProved {
				w.Errorf("%s: %+v", name, got)
			}
		}
		if len(w.ofPurpose(g)) != 0 {
			w.Error("something was written")
		}
		g.At = g.At.Add(optin.ProofLasts - time.Microsecond)
		w.grants(g, optin.Granted)
		// Mail goes to another address from now on: who holds the old one agrees to nothing that goes there.
		second := unique("%s@example.org")
		must(w.contacts.AddAddress(w.ctx, p.contact, contacts.NewAddress{Channel: vocab.Email, Value: vocab.Address(second), Lookup: second, Primary: true}, w.now))(w)
		g.Asked.Topic = "maths"
		w.grants(g, optin.NotProved)
		must(w.contacts.RemoveAddress(w.ctx, p.contact, c.AddressID, w.now))(w)
		w.grants(g, optin.NotProved)
	},
	"nobody who is gone agrees": func(w *world) {
		erased, merged := w.person(), w.person()
		_, a := w.proves(erased)
		_, b := w.proves(merged)
		must(w.contacts.Erase(w.ctx, erased.contact, eraseOrder(w.now)))(w)
		w.merge(w.person(), merged)
		for name, g := range map[string]optin.ProvedGrant{"erased": a, "merged": b} {
			if got := must(w.optIns.GrantProved(w.ctx, g))(w); got.Outcome != optin.NotProved {
				w.Errorf("%s: %+v", name, got)
			}
		}
	},
	"a text that was superseded between the look and the press is not agreed to": func(w *world) {
		_, g := w.proves(w.person())
		next := text(g.Asked.Purpose)
		next.Material, next.Reason = true, "more data"
		now := w.publish(next)
		w.grants(g, optin.TextChanged)
		g.Asked.TextVersion, g.Asked.TextHash = now.Version, now.Hash(vocab.Kazakh)
		w.grants(g, optin.Granted)
		g.Asked.Purpose = purposeOfItsOwn()
		w.grants(g, optin.TextChanged)
	},
	"what would bring nothing is not granted": func(w *world) {
		p := w.person()
		_, g := w.proves(p)
		added := must(w.suppressions.Add(w.ctx, vocab.Email, p.email, contacts.Suppression{Reason: contacts.Complaint, CreatedAt: w.now}))(w)
		w.grants(g, optin.Pointless)
		must(w.suppressions.Lift(w.ctx, added.ID, contacts.Lift{By: "mem_x", Reason: "asked for it"}, w.now))(w)
		w.grants(g, optin.Granted)
		q := w.person()
		_, g = w.proves(q)
		must(w.consents.Withdraw(w.ctx, dispatcher.Withdrawal{ContactID: q.contact, Event: consent.Event{
			Kind: consent.KindWithdrawn, Scope: consent.ScopeProcessing, Source: consent.SourceAPI, ActorKind: consent.ActorContact, ActorID: string(q.contact),
		}}, w.now, dispatcher.Covered))(w)
		w.grants(g, optin.Pointless)
	},
	"who ends a pause gets what it held": func(w *world) {
		p := w.person()
		w.grant(p, "news.company")
		ids := w.submit(w.draft(p, vocab.Marketing))
		pause := consent.Event{
			Kind: consent.KindPaused, ContactID: p.contact, Scope: consent.ScopeAll, Source: consent.SourcePreferencePage,
			ActorKind: consent.ActorContact, ActorID: string(p.contact), At: w.now, ValidUntil: w.now.AddDate(0, 0, 3),
		}
		must(w.consents.Pause(w.ctx, pause))(w)
		if permits := w.claim(ids...); len(permits) != 0 {
			w.Fatalf("during the pause: %+v", permits)
		}
		w.now = w.now.Add(time.Hour)
		pause.Kind, pause.At, pause.ValidUntil = consent.KindResumed, w.now, time.Time{}
		must(w.consents.Pause(w.ctx, pause))(w)
		if permits := w.claim(ids...); len(permits) != 1 {
			w.Errorf("after it was ended: %+v", w.message(ids[0]))
		}
	},
}
