package storetest

import (
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

var consentTests = map[string]func(*world){
	"a grant is kept with what shows it": func(w *world) {
		p := w.person()
		e := consent.Event{
			Kind: consent.KindGranted, ContactID: p.contact, AddressID: p.address, Scope: consent.ScopePurpose, Purpose: "news.company",
			Channel: vocab.Email, Topic: "maths", Source: consent.SourceSignUpForm, ActorKind: consent.ActorContact, ActorID: string(p.contact),
			Language: vocab.Kazakh, TextHash: "abc", PolicyVersion: "2026-01", At: w.now, ValidUntil: w.now.AddDate(2, 0, 0),
		}
		kept, grant, err := w.consents.Record(w.ctx, e, "192.0.2.7", true)
		w.ok(err)
		list := must(w.consents.OfContact(w.ctx, p.contact))(w)
		want := []consent.HeldGrant{{
			Key:         consent.GrantKey{Purpose: "news.company", Channel: vocab.Email, Topic: "maths"},
			Grant:       consent.Grant{State: consent.Granted, Since: w.now, ValidUntil: e.ValidUntil, Event: kept.ID},
			CrossBorder: true,
		}}
		if diff := cmp.Diff(want, list); diff != "" {
			w.Errorf("consents mismatch (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want[0].Grant, grant); diff != "" {
			w.Errorf("grant mismatch (-want +got):\n%s", diff)
		}
		all := w.chain()
		if diff := cmp.Diff(kept, all[len(all)-1]); diff != "" || kept.Commitment == "" {
			w.Errorf("commitment %q, event mismatch (-answered +kept):\n%s", kept.Commitment, diff)
		}
	},
	"a no to a purpose is one to its topics, and a yes is not": func(w *world) {
		p := w.person()
		said := func(kind consent.EventKind, topic vocab.Topic) {
			_, _, err := w.consents.Record(w.ctx, consent.Event{
				Kind: kind, ContactID: p.contact, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email, Topic: topic,
				Source: consent.SourceSignUpForm, ActorKind: consent.ActorContact, ActorID: string(p.contact), At: w.now,
			}, "", false)
			w.ok(err)
			w.now = w.now.Add(time.Second)
		}
		states := func() map[vocab.Topic]consent.State {
			all := map[vocab.Topic]consent.State{}
			for _, g := range must(w.consents.OfContact(w.ctx, p.contact))(w) {
				all[g.Key.Topic] = g.Grant.State
			}
			return all
		}
		said(consent.KindGranted, "maths")
		said(consent.KindGranted, "physics")
		said(consent.KindRefused, "")
		if diff := cmp.Diff(map[vocab.Topic]consent.State{"": consent.Refusal, "maths": consent.Withdrawn, "physics": consent.Withdrawn}, states()); diff != "" {
			w.Errorf("after the no (-want +got):\n%s", diff)
		}
		said(consent.KindGranted, "")
		if diff := cmp.Diff(map[vocab.Topic]consent.State{"": consent.Granted, "maths": consent.Withdrawn, "physics": consent.Withdrawn}, states()); diff != "" {
			w.Errorf("after the yes (-want +got):\n%s", diff)
		}
	},
	"nobody grants": func(w *world) {
		_, _, err := w.consents.Record(w.ctx, consent.Event{Kind: consent.KindGranted, ContactID: "con_nobody", At: w.now}, "", false)
		w.refused(err, fault.NotFound, "contact_not_found")
	},
	"events written at once make one chain": func(w *world) {
		p, before := w.person(), len(w.chain())
		for _, err := range twins(12, func(int) error {
			_, _, err := w.consents.Record(w.ctx, consent.Event{
				Kind: consent.KindGranted, ContactID: p.contact, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email,
				Source: consent.SourceAPI, At: w.now,
			}, "", false)
			return err
		}) {
			w.ok(err)
		}
		if n := len(w.chain()); n != before+12 {
			w.Errorf("the chain has %d new events, want 12", n-before)
		}
	},
	"the projection is what the events amount to": func(w *world) {
		rapid.Check(w.T, func(t *rapid.T) {
			p, before := w.person(), must(w.consents.Head(w.ctx))(w)
			for range rapid.IntRange(1, 12).Draw(t, "events") {
				w.now = w.now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, 80 * time.Hour}).Draw(t, "later"))
				w.anyConsent(t, p)
			}
			all := must(w.consents.Events(w.ctx, before.Seq, 100))(w) // nobody else writes meanwhile
			for _, c := range must(w.consents.OfContact(w.ctx, p.contact))(w) {
				rebuilt := consent.Grant{State: consent.None}
				out := false
				for _, e := range all {
					rebuilt = consent.Apply(c.Key, rebuilt, e)
					out = consent.ApplyOptOut(out, e, c.Key.Purpose, c.Key.Channel)
				}
				if c.Key.Purpose == "service.notice" {
					if got := c.Grant.State == consent.Withdrawn; got != out {
						t.Fatalf("opted out of %v: kept %t, the events say %t", c.Key, got, out)
					}
					continue
				}
				if diff := cmp.Diff(rebuilt, c.Grant); diff != "" {
					t.Fatalf("%v mismatch (-events +kept):\n%s", c.Key, diff)
				}
			}
			unsubscribed := false
			for _, e := range all {
				unsubscribed = consent.ApplyUnsubscribed(unsubscribed, e)
			}
			if c := must(w.contacts.Get(w.ctx, p.contact))(w); (c.UnsubscribedAllAt != nil) != unsubscribed {
				t.Fatalf("unsubscribed since %v, the events say %t", c.UnsubscribedAllAt, unsubscribed)
			}
		})
		w.chain()
	},
}

// anyConsent records some event about the person's consents and returns it.
func (w *world) anyConsent(t *rapid.T, p person) consent.Event {
	e := consent.Event{
		ContactID: p.contact, At: w.now, ActorKind: consent.ActorMember,
		Scope:   rapid.SampledFrom(consent.Scopes()).Draw(t, "scope"),
		Purpose: rapid.SampledFrom([]vocab.Purpose{"news.company", "offers.company", "service.notice"}).Draw(t, "purpose"),
		Channel: rapid.SampledFrom(vocab.Channels()).Draw(t, "channel"),
		Source:  rapid.SampledFrom([]consent.Source{consent.SourceAPI, consent.SourceOperator, consent.SourceImport, consent.SourceOneClick}).Draw(t, "source"),
	}
	if e.Purpose != "service.notice" {
		e.Topic = rapid.SampledFrom([]vocab.Topic{"", "maths"}).Draw(t, "topic")
	}
	e.Kind = rapid.SampledFrom([]consent.EventKind{
		consent.KindRequested, consent.KindGranted, consent.KindConfirmed, consent.KindExpired, consent.KindStale, consent.KindRenewed,
		consent.KindImported, consent.KindLapsed, consent.KindPolicyContinuedUse, consent.KindWithdrawn, consent.KindRefused,
	}).Draw(t, "kind")
	if e.Kind != consent.KindWithdrawn && e.Kind != consent.KindRefused {
		_, _, err := w.consents.Record(w.ctx, e, "", false)
		if err != nil && codeOf(err) != "consent_unchanged" {
			t.Fatalf("record %+v: %v", e, err)
		}
		return e
	}
	if rapid.Bool().Draw(t, "wide") {
		e.Channel, e.Topic = "", ""
	}
	if _, err := w.consents.Withdraw(w.ctx, dispatcher.Withdrawal{ContactID: p.contact, Event: e}, w.now, dispatcher.Covered); err != nil {
		t.Fatalf("withdraw %+v: %v", e, err)
	}
	return e
}
