package storetest

import (
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// withdraw records a withdrawal by the contact's own act.
func (w *world) withdraw(x dispatcher.Withdrawal) dispatcher.Withdrawn {
	w.Helper()
	x.Event.Kind = consent.KindWithdrawn
	if x.Event.Source == "" {
		x.Event.Source, x.Event.ActorKind = consent.SourcePreferencePage, consent.ActorContact
	}
	return must(w.consents.Withdraw(w.ctx, x, w.now, dispatcher.Covered))(w)
}

// chain reads the whole consent ledger and checks it.
func (w *world) chain() []consent.Event {
	w.Helper()
	v := consent.NewVerifier(consent.Head{})
	var all []consent.Event
	for {
		part := must(w.consents.Events(w.ctx, int64(len(all)), 100))(w)
		if len(part) == 0 {
			break
		}
		for _, e := range part {
			v.Feed(e)
		}
		all = append(all, part...)
	}
	if broken, intact := v.Finish(must(w.consents.Head(w.ctx))(w)); !intact {
		w.Fatalf("the ledger is broken: %+v", broken)
	}
	return all
}

var withdrawTests = map[string]func(*world){
	"what waits is canceled, what is open is named, what is not covered goes": func(w *world) {
		p := w.person()
		w.grant(p, "news.company")
		later := w.draft(p, vocab.Marketing)
		later.SendAt = w.now.Add(time.Hour)
		ids := w.submit(w.draft(p, vocab.Marketing), w.draft(p, vocab.Marketing), w.draft(p, vocab.Transactional), later)
		w.claim(ids[0])
		w.now = w.now.Add(time.Second)
		done := w.withdraw(dispatcher.Withdrawal{ContactID: p.contact, Event: consent.Event{Scope: consent.ScopeAll}})
		if len(done.Events) != 1 || !done.At.Equal(w.now) {
			w.Errorf("acknowledged with %+v", done)
		}
		canceled := []vocab.MessageID{ids[1], later.Message.ID}
		slices.Sort(canceled)
		if diff := cmp.Diff(canceled, done.Canceled); diff != "" {
			w.Errorf("canceled mismatch (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]vocab.MessageID{ids[0]}, done.InFlight); diff != "" {
			w.Errorf("in flight mismatch (-want +got):\n%s", diff)
		}
		w.status(dispatcher.Canceled, done.Canceled...)
		w.status(dispatcher.Queued, ids[2])
		if open := must(w.consents.Open(w.ctx, ids))(w); !slices.Equal(open, ids[:1]) {
			w.Errorf("open: %v", open)
		}
		if c := must(w.contacts.Get(w.ctx, p.contact))(w); c.UnsubscribedAllAt == nil || !c.UnsubscribedAllAt.Equal(w.now) {
			w.Errorf("unsubscribed at %v", c.UnsubscribedAllAt)
		}
		next := w.draft(p, vocab.Marketing)
		w.submit(next)
		w.status(dispatcher.Suppressed, next.Message.ID)
		if permits := w.claim(ids...); len(permits) != 1 {
			w.Errorf("got %d permits, want the transactional one", len(permits))
		}
	},
	"a message that fails for now after the withdrawal is not tried again": func(w *world) {
		p, permit := w.sending(vocab.Marketing)
		w.withdraw(dispatcher.Withdrawal{ContactID: p.contact, Event: consent.Event{Scope: consent.ScopePurpose, Purpose: "news.company"}})
		s := w.failure(permit, dispatcher.Deferred, "temporary")
		s.DueAt = w.now
		w.settle(s)
		w.claim(permit.Message.ID)
		w.status(dispatcher.Suppressed, permit.Message.ID)
	},
	"everybody behind a shared address": func(w *world) {
		a, b := w.person(), w.person()
		must(w.contacts.AddAddress(w.ctx, b.contact, contacts.NewAddress{Channel: vocab.Email, Value: vocab.Address(a.email), Lookup: a.email, Verified: true}, w.now))(w)
		shared := person{b.contact, a.address, a.email}
		w.grant(a, "news.company")
		w.grant(b, "news.company")
		ids := w.submit(w.draft(a, vocab.Marketing), w.draft(shared, vocab.Marketing))
		done := w.withdraw(dispatcher.Withdrawal{
			AddressID: a.address, Event: consent.Event{Scope: consent.ScopeAddress, Channel: vocab.Email, Source: consent.SourceOneClick},
			StopAddress: contacts.ChannelStop, Evidence: "POST /u/…",
		})
		slices.Sort(ids)
		if diff := cmp.Diff(ids, done.Canceled); diff != "" || len(done.Events) != 2 {
			w.Errorf("%d events, canceled mismatch (-want +got):\n%s", len(done.Events), diff)
		}
		if diff := cmp.Diff([]contacts.SuppressionReason{contacts.ChannelStop}, w.suppressed(a.email)); diff != "" {
			w.Errorf("suppressions mismatch (-want +got):\n%s", diff)
		}
		for _, e := range w.chain() {
			if slices.Contains(done.Events, e.ID) && (e.AddressID != a.address || e.Commitment == "") {
				w.Errorf("event: %+v", e)
			}
		}
	},
	"nobody is concerned": func(w *world) {
		_, err := w.consents.Withdraw(w.ctx, dispatcher.Withdrawal{ContactID: "con_nobody"}, w.now, dispatcher.Covered)
		w.refused(err, fault.NotFound, "contact_not_found")
		_, err = w.consents.Withdraw(w.ctx, dispatcher.Withdrawal{AddressID: "adr_nobody"}, w.now, dispatcher.Covered)
		w.refused(err, fault.NotFound, "address_not_found")
	},
	"a withdrawal before anything was granted beats a later import": func(w *world) {
		p := w.person()
		w.withdraw(dispatcher.Withdrawal{ContactID: p.contact, Event: consent.Event{Scope: consent.ScopeChannel, Channel: vocab.Email}})
		_, _, err := w.consents.Record(w.ctx, consent.Event{
			Kind: consent.KindImported, ContactID: p.contact, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email,
			Source: consent.SourceImport, At: w.now,
		}, "", false)
		w.refused(err, fault.Conflict, "consent_unchanged")
	},
	"processing is withdrawn and given again": func(w *world) {
		p := w.person()
		ids := w.submit(w.draft(p, vocab.Transactional), w.draft(p, vocab.Legal))
		done := w.withdraw(dispatcher.Withdrawal{ContactID: p.contact, Event: consent.Event{Scope: consent.ScopeProcessing, Purpose: consent.ProcessingCore}})
		if diff := cmp.Diff(ids[:1], done.Canceled); diff != "" {
			w.Errorf("canceled mismatch (-want +got):\n%s", diff)
		}
		if c := must(w.contacts.Get(w.ctx, p.contact))(w); c.ProcessingWithdrawnAt == nil {
			w.Error("the contact does not say so")
		}
		must2(w.consents.Record(w.ctx, consent.Event{
			Kind: consent.KindGranted, ContactID: p.contact, Scope: consent.ScopeProcessing, Purpose: consent.ProcessingCore,
			Source: consent.SourceOperator, At: w.now,
		}, "", false))(w)
		if c := must(w.contacts.Get(w.ctx, p.contact))(w); c.ProcessingWithdrawnAt != nil {
			w.Error("the contact still says so")
		}
	},
	"withdrawals, claims and settlements at once end without a deadlock": func(w *world) {
		a, b := w.person(), w.person()
		w.grant(a, "news.company")
		w.grant(b, "news.company")
		var drafts []dispatcher.Draft
		for range 40 {
			drafts = append(drafts, w.draft(a, vocab.Marketing), w.draft(b, vocab.Marketing))
		}
		ids := w.submit(drafts...)
		errs := twins(12, func(i int) error {
			switch i % 3 {
			case 0:
				part := slices.Clone(ids[i*6 : i*6+20])
				if i%2 == 0 {
					slices.Reverse(part)
				}
				permits, err := w.ledger.ClaimBatch(w.ctx, w.claimOf(part...), w.decide)
				if err != nil {
					return err
				}
				var settlements []dispatcher.Settlement
				for _, p := range permits {
					s := w.settlement(p)
					s.Suppress, s.Points = dispatcher.SuppressSoft, 0
					settlements = append(settlements, s)
				}
				return w.ledger.Settle(w.ctx, settlements)
			case 1:
				x := dispatcher.Withdrawal{ContactID: []vocab.ContactID{a.contact, b.contact}[i%2], Event: consent.Event{
					Kind: consent.KindWithdrawn, Scope: consent.ScopeTopic, Topic: "nobody's", Source: consent.SourceAPI,
				}}
				_, err := w.consents.Withdraw(w.ctx, x, w.now, dispatcher.Covered)
				return err
			default:
				_, err := w.suppressions.Add(w.ctx, vocab.Email, a.email, contacts.Suppression{Reason: contacts.Manual, CreatedAt: w.now})
				return err
			}
		})
		for _, err := range errs {
			w.ok(err)
		}
		w.chain()
	},
}

// must2 is must for two values of which the test needs none.
func must2[A, B any](_ A, _ B, err error) func(*world) {
	return func(w *world) {
		w.Helper()
		w.ok(err)
	}
}

var suppressionTests = map[string]func(*world){
	"one suppression for each reason": func(w *world) {
		lookup := unique("%s@example.org")
		first := must(w.suppressions.Add(w.ctx, vocab.Email, lookup, contacts.Suppression{Reason: contacts.Manual, Origin: "api", Note: "by phone", CreatedAt: w.now}))(w)
		again := must(w.suppressions.Add(w.ctx, vocab.Email, lookup, contacts.Suppression{Reason: contacts.Manual, Origin: "import", CreatedAt: w.now.Add(1)}))(w)
		if diff := cmp.Diff(first, again); diff != "" {
			w.Errorf("the second replaced the first (-first +second):\n%s", diff)
		}
		lifted := must(w.suppressions.Lift(w.ctx, first.ID, contacts.Lift{By: "mem_x", Reason: "by phone"}, w.now))(w)
		if !lifted.LiftedAt.Equal(w.now) || lifted.LiftedBy != "mem_x" || len(w.suppressed(lookup)) != 0 {
			w.Errorf("lifted: %+v", lifted)
		}
		third := must(w.suppressions.Add(w.ctx, vocab.Email, lookup, contacts.Suppression{Reason: contacts.Manual, CreatedAt: w.now}))(w)
		if third.ID == first.ID {
			w.Error("a lifted one came back")
		}
		_, err := w.suppressions.Lift(w.ctx, "sup_nobody", contacts.Lift{By: "mem_x", Reason: "by phone"}, w.now)
		w.refused(err, fault.NotFound, "suppression_not_found")
	},
	"an address that comes later is met by its suppression": func(w *world) {
		email := unique("%s@example.org")
		must(w.suppressions.Add(w.ctx, vocab.Email, email, contacts.Suppression{Reason: contacts.HardBounce, CreatedAt: w.now}))(w)
		c := must(w.contacts.Create(w.ctx, contacts.Contact{CreatedAt: w.now}, []contacts.NewAddress{{Channel: vocab.Email, Value: vocab.Address(email), Lookup: email}}))(w)
		d := w.draft(person{c.ID, c.Addresses[0].AddressID, email}, vocab.Legal)
		w.submit(d)
		w.status(dispatcher.Suppressed, d.Message.ID)
	},
	"a pause holds and a resume wakes": func(w *world) {
		d := w.draft(w.person(), vocab.Transactional)
		d.Message.Provider = vocab.ProviderID(unique("%s"))
		pause := dispatcher.Pause{Kind: dispatcher.PauseProvider, Name: string(d.Message.Provider), Reason: "maintenance", Origin: "mem_x", At: w.now}
		w.ok(w.pauses.Pause(w.ctx, pause))
		w.ok(w.pauses.Pause(w.ctx, dispatcher.Pause{Kind: dispatcher.PauseProvider, Name: pause.Name, Reason: "another", At: w.now}))
		w.submit(d)
		w.status(dispatcher.Held, d.Message.ID)
		if list := must(w.pauses.List(w.ctx))(w); !slices.Contains(list, pause) {
			w.Errorf("pauses: %+v", list)
		}
		if !must(w.pauses.Resume(w.ctx, pause.Kind, pause.Name, w.now))(w) || must(w.pauses.Resume(w.ctx, pause.Kind, pause.Name, w.now))(w) {
			w.Error("a resume must say whether there was a pause")
		}
		if permits := w.claim(d.Message.ID); len(permits) != 1 {
			w.Errorf("not due after the resume: %+v", w.message(d.Message.ID))
		}
	},
}
