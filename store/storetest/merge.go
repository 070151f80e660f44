package storetest

import (
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

func (w *world) merge(survivor, from person) contacts.Merged {
	w.Helper()
	return must(w.consents.Merge(w.ctx, survivor.contact, from.contact, consent.Event{ActorKind: consent.ActorMember, ActorID: "mem_x"}, w.now))(w)
}

// rebuilt is what a contact's own entries amount to, for every grant that the projection holds and some that it does not.
func (w *world) rebuilt(p person) map[consent.GrantKey]consent.Grant {
	w.Helper()
	registry := must(consent.NewRegistry())(w)
	all := map[consent.GrantKey]consent.Grant{}
	for _, g := range w.projection(p) {
		all[g.Key] = consent.Grant{State: consent.None}
	}
	for key, g := range all {
		info, known := registry.Lookup(key.Purpose)
		for _, e := range w.own(p) {
			if !known || info.NeedsGrant {
				g = consent.Apply(key, g, e)
				continue
			}
			out := consent.ApplyOptOut(g.State == consent.Withdrawn, e, key.Purpose, key.Channel)
			if out != (g.State == consent.Withdrawn) {
				g = consent.Grant{State: map[bool]consent.State{true: consent.Withdrawn, false: consent.None}[out], Since: e.At, Event: e.ID, Objected: g.Objected || out}
			}
		}
		all[key] = g
	}
	return all
}

func (w *world) projection(p person) []consent.HeldGrant {
	w.Helper()
	return must(w.consents.OfContact(w.ctx, p.contact))(w)
}

// own are the entries about the contact itself, in order.
func (w *world) own(p person) []consent.Event {
	w.Helper()
	list := must(w.consents.EventsOf(w.ctx, p.contact, "", 200))(w)
	slices.Reverse(list)
	return slices.DeleteFunc(list, func(e consent.Event) bool { return e.ContactID != p.contact })
}

func (w *world) profile(p person) contacts.Profile {
	w.Helper()
	return must(w.contacts.Get(w.ctx, p.contact))(w)
}

var mergeTests = map[string]func(*world){
	"a merge never allows what either denied, and a rebuild gives the same": func(w *world) {
		rapid.Check(w.T, func(t *rapid.T) {
			a, b := w.person(), w.person()
			for range rapid.IntRange(0, 6).Draw(t, "of the survivor") {
				w.anyConsent(t, a)
			}
			for range rapid.IntRange(0, 6).Draw(t, "of the merged") {
				w.anyConsent(t, b)
			}
			mine, theirs := grantsByKey(w.projection(a)), grantsByKey(w.projection(b))
			one, two := w.profile(a), w.profile(b)
			done, err := w.consents.Merge(w.ctx, a.contact, b.contact, consent.Event{ActorKind: consent.ActorMember, ActorID: "mem_x"}, w.now)
			if err != nil {
				t.Fatal(err)
			}
			after := w.projection(a)
			for _, g := range after {
				if both := consent.Intersect(mine[g.Key], theirs[g.Key]); g.Grant.State == consent.Granted && both.State != consent.Granted || both.Objected && !g.Grant.Objected {
					t.Fatalf("%v: %+v and %+v became %+v", g.Key, mine[g.Key], theirs[g.Key], g.Grant)
				}
			}
			for key, g := range mine {
				if g.State == consent.Granted && theirs[key].State == consent.Granted && grantsByKey(after)[key].State != consent.Granted {
					t.Fatalf("%v: what both had granted is %s", key, grantsByKey(after)[key].State)
				}
			}
			for key, g := range theirs {
				if (g.State == consent.Withdrawn || g.State == consent.Refusal) && grantsByKey(after)[key].State == consent.Granted {
					t.Fatalf("%v: a no became granted", key)
				}
			}
			if diff := cmp.Diff(grantsByKey(after), w.rebuilt(a)); diff != "" {
				t.Fatalf("rebuild mismatch (-live +rebuilt), entries %v:\n%s", done.Events, diff)
			}
			x := w.profile(a)
			if (x.UnsubscribedAllAt != nil) != (one.UnsubscribedAllAt != nil || two.UnsubscribedAllAt != nil) ||
				(x.ProcessingWithdrawnAt != nil) != (one.ProcessingWithdrawnAt != nil || two.ProcessingWithdrawnAt != nil) {
				t.Fatalf("marks: %+v and %+v became %+v", one.Contact, two.Contact, x.Contact)
			}
			again, err := w.consents.Merge(w.ctx, a.contact, b.contact, consent.Event{ActorKind: consent.ActorMember}, w.now.Add(time.Hour))
			if diff := cmp.Diff(contacts.Merged{SurvivorID: a.contact, MergedID: b.contact, At: w.now}, again); err != nil || diff != "" {
				t.Fatalf("again: %v (-want +got):\n%s", err, diff)
			}
		})
		w.chain()
	},
	"the survivor has what both had, and the stronger protection": func(w *world) {
		a, b := w.person(), w.person()
		update := func(p person, change func(*contacts.Contact)) {
			must(w.contacts.Update(w.ctx, p.contact, w.now, func(c contacts.Contact) (contacts.Contact, error) {
				change(&c)
				return c, nil
			}))(w)
		}
		first, second := unique("%s"), unique("%s")
		blocked := w.now.Add(-time.Hour)
		update(a, func(c *contacts.Contact) {
			c.ExternalID, c.Attributes, c.Minor, c.GuardianConsented = first, map[string]any{"school": "7"}, true, true
		})
		update(b, func(c *contacts.Contact) {
			c.ExternalID, c.Name, c.Attributes, c.Minor, c.DataBlockedAt, c.TimeZone = second, "Other", map[string]any{"school": "8", "grade": "5"}, true, &blocked, "Asia/Almaty"
		})
		must(w.contacts.AddAddress(w.ctx, b.contact, email(a.email), w.now))(w)
		must(w.suppressions.Add(w.ctx, vocab.Email, b.email, contacts.Suppression{Reason: contacts.Complaint, CreatedAt: w.now}))(w)
		open := w.open(w.newClaim(b, claims.Access))
		w.merge(a, b)
		x := w.profile(a)
		want := contacts.Contact{
			ID: a.contact, ExternalID: first, Name: "Айгүл", Language: vocab.Kazakh, TimeZone: "Asia/Almaty", Attributes: map[string]any{"school": "7", "grade": "5"},
			Minor: true, DataBlockedAt: &blocked, CreatedAt: w.now, UpdatedAt: w.now,
		}
		if diff := cmp.Diff(want, x.Contact); diff != "" {
			w.Errorf("survivor mismatch (-want +got):\n%s", diff)
		}
		if len(x.Addresses) != 2 || x.Addresses[0].AddressID != a.address || !x.Addresses[0].Primary || x.Addresses[1].AddressID != b.address ||
			x.Addresses[1].Primary || x.Addresses[1].VerifiedAt == nil {
			w.Errorf("addresses: %+v", x.Addresses)
		}
		for _, id := range []string{first, second} {
			list := must(w.contacts.List(w.ctx, contacts.Filter{ExternalID: id, Erased: true}))(w)
			if len(list) != 1 || list[0].ID != a.contact {
				w.Errorf("external id finds %+v", list)
			}
			_, err := w.contacts.Create(w.ctx, contacts.Contact{ExternalID: id, CreatedAt: w.now}, nil)
			w.refused(err, fault.Conflict, "external_id_taken")
		}
		if got := must(w.claimBook().Get(w.ctx, open.ID))(w); got.ContactID != a.contact {
			w.Errorf("the claim is %s's", got.ContactID)
		}
		_, err := w.contacts.Get(w.ctx, b.contact)
		w.refused(err, fault.Conflict, "contact_merged")
		for _, f := range []func() error{
			func() error {
				_, err := w.contacts.AddAddress(w.ctx, b.contact, email(unique("%s@example.org")), w.now)
				return err
			},
			func() error { _, err := w.contacts.Erase(w.ctx, b.contact, eraseOrder(w.now)); return err },
			func() error {
				_, err := w.consents.Merge(w.ctx, w.person().contact, b.contact, consent.Event{}, w.now)
				return err
			},
			func() error {
				_, err := w.consents.Merge(w.ctx, b.contact, w.person().contact, consent.Event{}, w.now)
				return err
			},
		} {
			w.refused(f(), fault.Conflict, "contact_merged")
		}
		_, err = w.consents.Merge(w.ctx, a.contact, "con_nobody", consent.Event{}, w.now)
		w.refused(err, fault.NotFound, "contact_not_found")
	},
	"what waits goes over and is decided again, marketing is canceled": func(w *world) {
		a, b := w.person(), w.person()
		w.grant(a, "news.company")
		w.grant(b, "news.company")
		legal, service, news, open := w.draft(b, vocab.Legal), w.draft(b, vocab.Service), w.draft(b, vocab.Marketing), w.draft(b, vocab.Transactional)
		w.submit(legal, service, news, open)
		w.claim(open.Message.ID)
		w.withdraw(dispatcher.Withdrawal{ContactID: a.contact, Event: consent.Event{Scope: consent.ScopePurpose, Purpose: "service.notice"}})
		done := w.merge(a, b)
		moved := []vocab.MessageID{legal.Message.ID, service.Message.ID}
		slices.Sort(moved)
		if !cmp.Equal(done.Moved, moved) || !cmp.Equal(done.Canceled, []vocab.MessageID{news.Message.ID}) || !cmp.Equal(done.InFlight, []vocab.MessageID{open.Message.ID}) {
			w.Errorf("merged: %+v", done)
		}
		if permits := w.claim(legal.Message.ID, service.Message.ID); len(permits) != 1 || permits[0].Message.ContactID != a.contact || permits[0].To != vocab.Address(b.email) {
			w.Errorf("permits: %+v", permits)
		}
		if r := w.message(service.Message.ID).Decision.Reason; r != consent.ServiceOptedOut {
			w.Errorf("the service message is denied for %s", r)
		}
		list := must(w.ledger.List(w.ctx, dispatcher.MessageFilter{ContactID: a.contact}))(w)
		if len(list.Messages) != 4 {
			w.Errorf("%d messages are found through the survivor, want 4", len(list.Messages))
		}
	},
	"who was told once was told": func(w *world) {
		a, b := w.person(), w.person()
		told, twin := w.draft(b, vocab.Legal), w.draft(a, vocab.Legal)
		told.Message.TriggerID, twin.Message.TriggerID = "2026-07", "2026-07"
		w.submit(told)
		w.merge(a, b)
		w.submit(twin)
		if r := w.message(twin.Message.ID).Decision.Reason; r != consent.Duplicate {
			w.Errorf("told again: %s", r)
		}
	},
	"what reached either name counts for the cap": func(w *world) {
		a, b := w.person(), w.person()
		for _, p := range []person{a, b} {
			w.grant(p, "news.company")
			w.settle(w.settlement(w.claimed(w.draft(p, vocab.Marketing))))
		}
		w.merge(a, b)
		third := w.draft(a, vocab.Marketing)
		var recent int
		must(w.ledger.Submit(w.ctx, w.intake(third), func(cs []dispatcher.Candidate) []consent.Decision {
			recent = len(cs[0].Recent)
			return w.decide(cs)
		}))(w)
		if recent != 2 {
			w.Errorf("%d earlier ones are known, want 2", recent)
		}
	},
	"a message of a merged contact that is sent again is the survivor's": func(w *world) {
		a, b := w.person(), w.person()
		d := w.draft(b, vocab.Legal)
		s := w.settlement(w.claimed(d))
		s.Next = dispatcher.Unknown
		w.settle(s)
		w.merge(a, b)
		must(w.ledger.Requeue(w.ctx, d.Message.ID, "mem_x", w.now))(w)
		if permits := w.claim(d.Message.ID); len(permits) != 0 {
			w.Fatal("the survivor's guard was not held")
		}
		if permits := w.claim(d.Message.ID); len(permits) != 1 || permits[0].Message.ContactID != a.contact {
			w.Errorf("permits: %+v", permits)
		}
	},
	"a no to the merged contact is one of the survivor": func(w *world) {
		a, b, c := w.person(), w.person(), w.person()
		w.grant(a, "news.company")
		w.grant(b, "news.company")
		w.merge(a, b)
		waits := w.draft(a, vocab.Marketing)
		w.submit(waits)
		done := w.withdraw(dispatcher.Withdrawal{ContactID: b.contact, Event: consent.Event{Scope: consent.ScopeAll}})
		if !cmp.Equal(done.Canceled, []vocab.MessageID{waits.Message.ID}) || w.profile(a).UnsubscribedAllAt == nil {
			w.Errorf("withdrawn: %+v", done)
		}
		w.merge(c, a)
		if got := must(w.contacts.Survivor(w.ctx, b.contact))(w); got != c.contact {
			w.Errorf("the first merged contact has become %s, want %s", got, c.contact)
		}
		if k := w.recipient(dispatcher.Recipient{ContactID: b.contact}); k.ContactID != c.contact || k.AddressID == "" {
			w.Errorf("known as %+v", k)
		}
		if w.profile(c).UnsubscribedAllAt == nil {
			w.Error("the mark was lost")
		}
	},
	"erasing the survivor reaches those who were merged into it": func(w *world) {
		a, b := w.person(), w.person()
		must2(w.consents.Record(w.ctx, consent.Event{
			Kind: consent.KindGranted, ContactID: b.contact, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email, Source: consent.SourceAPI, At: w.now,
		}, "192.0.2.7", false))(w)
		sent := w.draft(b, vocab.Legal)
		w.settle(w.settlement(w.claimed(sent)))
		w.merge(a, b)
		must(w.contacts.Erase(w.ctx, a.contact, eraseOrder(w.now)))(w)
		if diff := cmp.Diff(dispatcher.StoredContent{}, must(w.ledger.Payload(w.ctx, sent.Message.ID))(w)); diff != "" {
			w.Errorf("payload (-want +got):\n%s", diff)
		}
		for _, x := range must(w.ledger.Attempts(w.ctx, sent.Message.ID))(w) {
			if x.Detail != "" {
				w.Errorf("the provider's words are still there: %q", x.Detail)
			}
		}
		entries := must(w.consents.EventsOf(w.ctx, a.contact, "", 10))(w)
		for _, e := range must(w.consents.Evidence(w.ctx, 0, 100_000))(w) {
			if slices.ContainsFunc(entries, func(x consent.Event) bool { return x.ID == e.Event }) {
				w.Errorf("the evidence of %s is still there", e.Event)
			}
		}
		if got := w.suppressed(b.email); !slices.Contains(got, contacts.ErasedContact) {
			w.Errorf("suppressions: %v", got)
		}
	},
}

func grantsByKey(list []consent.HeldGrant) map[consent.GrantKey]consent.Grant {
	all := map[consent.GrantKey]consent.Grant{}
	for _, g := range list {
		all[g.Key] = g.Grant
	}
	return all
}
