package storetest

import (
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// said returns how many events the consent ledger has.
func (w *world) said() int64 {
	w.Helper()
	return must(w.consents.Head(w.ctx))(w).Seq
}

// oneClick is what one-click ends.
func (w *world) oneClick(p person) dispatcher.Withdrawal {
	return dispatcher.Withdrawal{AddressID: p.address, Evidence: "POST /u/…", Event: consent.Event{
		Kind: consent.KindWithdrawn, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email, Source: consent.SourceOneClick,
		ActorKind: consent.ActorContact,
	}}
}

// stop is what a keyword ends.
func (w *world) stop(p person) dispatcher.Withdrawal {
	return dispatcher.Withdrawal{AddressID: p.address, StopAddress: contacts.ChannelStop, Event: consent.Event{
		Kind: consent.KindWithdrawn, Scope: consent.ScopeAddress, Channel: vocab.Email, Source: consent.SourceSMSKeyword,
		ActorKind: consent.ActorContact,
	}}
}

// allowed submits a message that waits whatever the gate would say.
func (w *world) allowed(d dispatcher.Draft) vocab.MessageID {
	w.Helper()
	out := must(w.ledger.Submit(w.ctx, w.intake(d), func(cs []dispatcher.Candidate) []consent.Decision {
		return slices.Repeat([]consent.Decision{{Verdict: consent.Allow, Reason: consent.OK}}, len(cs))
	}))(w)
	return out.Results[0].ID
}

var repeatTests = map[string]func(*world){
	"a withdrawal that is repeated is answered the same and written once": func(w *world) {
		contactOf := func(e consent.Event) func(person) dispatcher.Withdrawal {
			return func(p person) dispatcher.Withdrawal { return dispatcher.Withdrawal{ContactID: p.contact, Event: e} }
		}
		for name, of := range map[string]func(person) dispatcher.Withdrawal{
			"one-click":          w.oneClick,
			"a stop":             w.stop,
			"everything":         contactOf(consent.Event{Scope: consent.ScopeAll}),
			"a channel":          contactOf(consent.Event{Scope: consent.ScopeChannel, Channel: vocab.Email}),
			"a topic":            contactOf(consent.Event{Scope: consent.ScopeTopic, Topic: "maths"}),
			"a service purpose":  contactOf(consent.Event{Scope: consent.ScopePurpose, Purpose: "service.notice"}),
			"a partner":          contactOf(consent.Event{Scope: consent.ScopePartner, Purpose: "partner.acme"}),
			"the processing":     contactOf(consent.Event{Scope: consent.ScopeProcessing}),
			"one use of data":    contactOf(consent.Event{Scope: consent.ScopeProcessing, Purpose: consent.EventRegistry}),
			"nothing of a grant": contactOf(consent.Event{Scope: consent.ScopePurpose, Purpose: "offers.company", Channel: vocab.SMS}),
		} {
			p := w.person()
			w.grant(p, "news.company")
			w.now = start
			first, said := w.withdraw(of(p)), w.said()
			grants, suppressions := must(w.consents.OfContact(w.ctx, p.contact))(w), w.suppressed(p.email)
			w.now = start.Add(time.Hour)
			if diff := cmp.Diff(first, w.withdraw(of(p))); diff != "" {
				w.Errorf("%s is answered otherwise (-first +second):\n%s", name, diff)
			}
			if n := w.said() - said; n != 0 {
				w.Errorf("%s: %d events more", name, n)
			}
			if diff := cmp.Diff(grants, must(w.consents.OfContact(w.ctx, p.contact))(w)); diff != "" {
				w.Errorf("%s: grants mismatch (-first +second):\n%s", name, diff)
			}
			if diff := cmp.Diff(suppressions, w.suppressed(p.email)); diff != "" {
				w.Errorf("%s: suppressions mismatch (-first +second):\n%s", name, diff)
			}
		}
	},
	"what a wider withdrawal has ended is not ended again": func(w *world) {
		p := w.person()
		w.grant(p, "news.company")
		all := w.withdraw(dispatcher.Withdrawal{ContactID: p.contact, Event: consent.Event{Scope: consent.ScopeAll}})
		said := w.said()
		if diff := cmp.Diff(all, w.withdraw(w.oneClick(p))); diff != "" || w.said() != said {
			w.Errorf("%d events more, answer mismatch (-all +one-click):\n%s", w.said()-said, diff)
		}
		// Who unsubscribed from all mailings has not opted out of notices.
		w.withdraw(dispatcher.Withdrawal{ContactID: p.contact, Event: consent.Event{Scope: consent.ScopePurpose, Purpose: "service.notice"}})
		if n := w.said() - said; n != 1 {
			w.Errorf("opting out made %d events, want 1", n)
		}
	},
	"what was granted since, or stopped anew, is withdrawn anew": func(w *world) {
		p := w.person()
		w.grant(p, "news.company")
		first := w.withdraw(w.stop(p))
		w.now = w.now.Add(time.Hour)
		w.grant(p, "news.company")
		second := w.withdraw(w.stop(p))
		if !second.At.Equal(w.now) || slices.Equal(first.Events, second.Events) {
			w.Errorf("after a new grant: %+v", second)
		}
		list := must(w.suppressions.List(w.ctx, contacts.SuppressionFilter{Channel: vocab.Email, Lookup: p.email, Limit: 10}))(w)
		if len(list) != 1 {
			w.Fatalf("suppressions: %+v", list)
		}
		must(w.suppressions.Lift(w.ctx, list[0].ID, contacts.Lift{By: "mem_x", Reason: "by phone"}, w.now))(w)
		third := w.withdraw(w.stop(p))
		if slices.Equal(second.Events, third.Events) || len(w.suppressed(p.email)) != 1 {
			w.Errorf("after the stop was lifted: %+v", third)
		}
	},
	"of several people only those whom it changes get an event": func(w *world) {
		a, b := w.person(), w.person()
		w.grant(a, "news.company")
		first := w.withdraw(w.oneClick(a))
		must(w.contacts.AddAddress(w.ctx, b.contact, contacts.NewAddress{Channel: vocab.Email, Value: vocab.Address(a.email), Lookup: a.email, Verified: true}, w.now))(w)
		w.grant(b, "news.company")
		said := w.said()
		w.now = w.now.Add(time.Hour)
		done := w.withdraw(w.oneClick(a))
		if len(done.Events) != 2 || !slices.Contains(done.Events, first.Events[0]) || !done.At.Equal(w.now) || w.said() != said+1 {
			w.Errorf("%d events more, acknowledged with %+v; before with %+v", w.said()-said, done, first)
		}
	},
	"a repeated withdrawal cancels and names what came since": func(w *world) {
		p := w.person()
		covered := w.stop(p)
		w.withdraw(covered)
		open := w.allowed(w.draft(p, vocab.Service))
		permits := must(w.ledger.ClaimBatch(w.ctx, w.claimOf(open), func(cs []dispatcher.Candidate) []consent.Decision {
			return []consent.Decision{{Verdict: consent.Allow, Reason: consent.OK}}
		}))(w)
		if len(permits) != 1 {
			w.Fatalf("got %d permits", len(permits))
		}
		waiting, said := w.allowed(w.draft(p, vocab.Service)), w.said()
		done := must(w.consents.Withdraw(w.ctx, covered, w.now, func(_ consent.Event, m dispatcher.Message) bool { return m.Class == vocab.Service }))(w)
		if !slices.Equal(done.Canceled, []vocab.MessageID{waiting}) || !slices.Equal(done.InFlight, []vocab.MessageID{open}) || w.said() != said {
			w.Errorf("%d events more, acknowledged with %+v; %s waited and %s was open", w.said()-said, done, waiting, open)
		}
		w.status(dispatcher.Canceled, waiting)
	},
	"of withdrawals at once one is written": func(w *world) {
		for name, of := range map[string]func(person) dispatcher.Withdrawal{"one-click": w.oneClick, "a stop": w.stop} {
			p := w.person()
			w.grant(p, "news.company")
			said := w.said()
			type answer struct {
				done dispatcher.Withdrawn
				err  error
			}
			answers := twins(8, func(int) answer {
				done, err := w.consents.Withdraw(w.ctx, of(p), w.now, dispatcher.Covered)
				return answer{done, err}
			})
			for _, a := range answers {
				w.ok(a.err)
				if diff := cmp.Diff(answers[0].done, a.done); diff != "" {
					w.Errorf("%s is answered otherwise (-one +another):\n%s", name, diff)
				}
			}
			if n := w.said() - said; n != 1 || len(w.suppressed(p.email)) > 1 {
				w.Errorf("%s: %d events, suppressions %v", name, n, w.suppressed(p.email))
			}
		}
		w.chain()
	},
	"what is not written again would have changed nothing": func(w *world) {
		rapid.Check(w.T, func(t *rapid.T) {
			p, before := w.person(), must(w.consents.Head(w.ctx))(w)
			var meant []consent.Event // what is in the ledger, and in their places the events that were not written again
			for range rapid.IntRange(2, 10).Draw(t, "events") {
				w.now = w.now.Add(time.Second)
				said := w.said()
				e := w.anyConsent(t, p)
				if written := must(w.consents.Events(w.ctx, said, 10))(w); len(written) > 0 {
					meant = append(meant, written...)
				} else if e.Kind == consent.KindWithdrawn || e.Kind == consent.KindRefused {
					e.ID, e.At = "cev_not_written", w.now
					meant = append(meant, e)
				}
			}
			all := must(w.consents.Events(w.ctx, before.Seq, 100))(w)
			for _, key := range someKeys() {
				var kept, wanted consent.Grant
				for _, e := range all {
					kept = consent.Apply(key, kept, e)
				}
				for _, e := range meant {
					wanted = consent.Apply(key, wanted, e)
				}
				if diff := cmp.Diff(wanted, kept); diff != "" {
					t.Fatalf("%v mismatch (-with all that was meant +as written):\n%s", key, diff)
				}
			}
			for _, channel := range vocab.Channels() {
				kept, wanted := false, false
				for _, e := range all {
					kept = consent.ApplyOptOut(kept, e, "service.notice", channel)
				}
				for _, e := range meant {
					wanted = consent.ApplyOptOut(wanted, e, "service.notice", channel)
				}
				if kept != wanted {
					t.Fatalf("opted out by %s: written %t, meant %t", channel, kept, wanted)
				}
			}
			unsubscribed := false
			for _, e := range meant {
				unsubscribed = consent.ApplyUnsubscribed(unsubscribed, e)
			}
			if c := must(w.contacts.Get(w.ctx, p.contact))(w); (c.UnsubscribedAllAt != nil) != unsubscribed {
				t.Fatalf("unsubscribed since %v, what was meant says %t", c.UnsubscribedAllAt, unsubscribed)
			}
		})
	},
}

// someKeys are grants that events of anyConsent name, and others that they reach without naming them.
func someKeys() []consent.GrantKey {
	var keys []consent.GrantKey
	for _, purpose := range []vocab.Purpose{"news.company", "offers.company", "survey.research", consent.EventRegistry} {
		for _, channel := range vocab.Channels() {
			for _, topic := range []vocab.Topic{"", "maths", "art"} {
				keys = append(keys, consent.GrantKey{Purpose: purpose, Channel: channel, Topic: topic})
			}
		}
	}
	return keys
}
