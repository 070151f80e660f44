package storetest

import (
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// always decides everything alike.
func always(d consent.Decision) dispatcher.Decider {
	return func(cs []dispatcher.Candidate) []consent.Decision {
		all := make([]consent.Decision, len(cs))
		for i := range all {
			all[i] = d
		}
		return all
	}
}

// facts reads what the ledger knows about a message that waits.
func (w *world) facts(id vocab.MessageID) dispatcher.Candidate {
	w.Helper()
	var seen dispatcher.Candidate
	must(w.ledger.ClaimBatch(w.ctx, w.claimOf(id), func(cs []dispatcher.Candidate) []consent.Decision {
		seen = cs[0]
		return always(consent.Decision{Verdict: consent.Hold, Reason: consent.RateLimit, Until: w.now.Add(time.Microsecond)})(cs)
	}))(w)
	w.now = w.now.Add(time.Microsecond)
	return seen
}

var claimTests = map[string]func(*world){
	"nothing is claimed": func(w *world) {
		if permits := w.claim(); len(permits) != 0 {
			w.Fatalf("got %+v", permits)
		}
		if permits := w.claim("msg_unknown"); len(permits) != 0 {
			w.Fatalf("got %+v", permits)
		}
	},
	"a claim is the permit": func(w *world) {
		p := w.person()
		id := w.submit(w.draft(p, vocab.Transactional))[0]
		w.now = w.now.Add(time.Second)
		permits := w.claim(id)
		m := w.message(id)
		if m.Status != dispatcher.Sending || m.Attempt != 1 || !m.ClaimedAt.Equal(w.now) || !m.FirstAttemptAt.Equal(w.now) ||
			!m.LeaseUntil.Equal(w.now.Add(time.Minute)) || m.Decision.Verdict != consent.Allow || !m.Decision.At.Equal(w.now) {
			w.Errorf("message: %+v", m)
		}
		m.Lane, m.APIKey, m.Reference, m.PolicyVersion, m.CreatedAt = "", "", "", "", time.Time{} // what no sending asks for
		if diff := cmp.Diff(m, permits[0].Message); diff != "" {
			w.Errorf("the permit's message is not the row's (-row +permit):\n%s", diff)
		}
		if again := w.claim(id); len(again) != 0 {
			w.Errorf("it was claimed twice")
		}
	},
	"eight who claim the same messages get each once": func(w *world) {
		p := w.person()
		drafts := make([]dispatcher.Draft, 50)
		for i := range drafts {
			drafts[i] = w.draft(p, vocab.Transactional)
		}
		ids := w.submit(drafts...)
		type claimed struct {
			permits []dispatcher.Permit
			err     error
		}
		got := map[vocab.MessageID]int{}
		for _, c := range twins(8, func(int) claimed {
			permits, err := w.ledger.ClaimBatch(w.ctx, w.claimOf(ids...), w.decide)
			return claimed{permits, err}
		}) {
			w.ok(c.err)
			for _, p := range c.permits {
				got[p.Message.ID]++
			}
		}
		for _, id := range ids {
			if got[id] != 1 || w.message(id).Attempt != 1 {
				w.Errorf("message %s: %d permits, attempt %d", id, got[id], w.message(id).Attempt)
			}
		}
	},
	"a hold waits until its end, or is asked again soon": func(w *world) {
		ids := w.submit(w.draft(w.person(), vocab.Transactional), w.draft(w.person(), vocab.Transactional), w.draft(w.person(), vocab.Transactional))
		until := w.now.Add(9 * time.Hour)
		for i, d := range []consent.Decision{
			{Verdict: consent.Hold, Reason: consent.QuietHours, All: []consent.Reason{consent.QuietHours}, Until: until},
			{Verdict: consent.Hold, Reason: consent.ProviderPaused},
			{Verdict: consent.Hold, Reason: consent.QuietHours, Until: w.now.Add(30 * 24 * time.Hour)},
		} {
			must(w.ledger.ClaimBatch(w.ctx, w.claimOf(ids[i]), always(d)))(w)
			m := w.message(ids[i])
			want := []time.Time{until, w.now.Add(5 * time.Minute), m.NotAfter}[i]
			if m.Status != dispatcher.Held || !m.DueAt.Equal(want) || m.Attempt != 0 || m.Decision.Reason != d.Reason {
				w.Errorf("decision %d: %s due %s, want held due %s", i, m.Status, m.DueAt, want)
			}
		}
	},
	"no for an answer": func(w *world) {
		codes := w.draft(w.person(), vocab.Security)
		codes.Payload.Sealed = true
		ids := w.submit(w.draft(w.person(), vocab.Transactional), w.draft(w.person(), vocab.Transactional), w.draft(w.person(), vocab.Transactional), codes)
		for i, want := range []struct {
			decision consent.Decision
			status   dispatcher.Status
		}{
			{consent.Decision{Verdict: consent.Deny, Reason: consent.ServiceOptedOut}, dispatcher.Suppressed},
			{consent.Decision{Verdict: consent.Deny, Reason: consent.MessageExpired}, dispatcher.Expired},
			{consent.Decision{}, dispatcher.Suppressed},
			{consent.Decision{Verdict: consent.Deny, Reason: consent.MessageExpired}, dispatcher.Expired},
		} {
			permits := must(w.ledger.ClaimBatch(w.ctx, w.claimOf(ids[i]), always(want.decision)))(w)
			m := w.message(ids[i])
			if len(permits) != 0 || m.Status != want.status || !m.DueAt.IsZero() || !m.FinalizedAt.Equal(w.now) || m.Attempt != 0 {
				w.Errorf("decision %d: %d permits, %+v", i, len(permits), m)
			}
		}
		if c := must(w.ledger.Payload(w.ctx, ids[3]))(w); c.Payload.Data != nil {
			w.Error("the one-time code is still there")
		}
	},
	"the decision is about the facts of now": func(w *world) {
		p := w.person()
		granted := w.grant(p, "news.company")
		id := w.submit(w.draft(p, vocab.Marketing))[0]
		f := w.facts(id).Facts
		if f.Grant.State != consent.Granted || f.Grant.Event != granted.ID || !f.Address.Present || !f.Address.Verified || f.UnsubscribedAll {
			w.Errorf("facts: %+v", f)
		}
		must(w.suppressions.Add(w.ctx, vocab.Email, p.email, contacts.Suppression{Reason: contacts.Complaint, CreatedAt: w.now}))(w)
		must(w.contacts.Update(w.ctx, p.contact, w.now, func(c contacts.Contact) (contacts.Contact, error) {
			c.Minor, c.DataBlockedAt, c.TimeZone = true, &w.now, "Asia/Almaty"
			return c, nil
		}))(w)
		c := w.facts(id)
		if f := c.Facts; !f.Address.Complained || !f.Contact.Minor || !f.Contact.DataBlocked || c.TimeZone != "Asia/Almaty" {
			w.Errorf("facts: %+v", c)
		}
		w.claim(id)
		w.status(dispatcher.Suppressed, id)
	},
	"earlier marketing counts, whoever it came from": func(w *world) {
		p := w.person()
		w.grant(p, "news.company")
		ids := w.submit(w.draft(p, vocab.Marketing), w.draft(p, vocab.Marketing), w.draft(p, vocab.Transactional))
		w.claim(ids[0], ids[2])
		c := w.facts(ids[1])
		if diff := cmp.Diff([]consent.Sent{{ID: ids[0], Channel: vocab.Email, At: start}}, c.Recent); diff != "" {
			w.Errorf("recent mismatch (-want +got):\n%s", diff)
		}
	},
	"what is held for the cap names the messages that fill it, at intake and at claim": func(w *world) {
		p := w.person()
		w.grant(p, "news.company")
		earlier := []vocab.MessageID{"msg_first", "msg_second"}
		full := consent.Decision{
			Verdict: consent.Hold, Reason: consent.FrequencyCap, All: []consent.Reason{consent.FrequencyCap}, Until: w.now.Add(time.Second),
			Earlier: earlier, At: w.now,
		}
		d := w.draft(p, vocab.Marketing)
		id := d.Message.ID
		must(w.ledger.Submit(w.ctx, w.intake(d), always(full)))(w)
		if diff := cmp.Diff(earlier, w.message(id).Decision.Earlier); diff != "" {
			w.Errorf("at intake mismatch (-want +got):\n%s", diff)
		}
		w.now = w.now.Add(time.Second)
		full.Earlier, full.Until, full.At = earlier[:1], w.now.Add(time.Second), w.now
		must(w.ledger.ClaimBatch(w.ctx, w.claimOf(id), always(full)))(w)
		if diff := cmp.Diff(full, w.message(id).Decision, cmpopts.IgnoreFields(consent.Decision{}, "Until")); diff != "" {
			w.Errorf("at claim mismatch (-want +got):\n%s", diff)
		}
		w.now = w.now.Add(time.Second)
		w.claim(id)
		if m := w.message(id); m.Status != dispatcher.Sending || m.Decision.Earlier != nil {
			w.Errorf("allowed at last: %s, and it names %v", m.Status, m.Decision.Earlier)
		}
	},
	"a rehearsal counts for nothing": func(w *world) {
		p := w.person()
		w.grant(p, "news.company")
		news, notice, real := w.draft(p, vocab.Marketing), w.draft(p, vocab.Legal), w.draft(p, vocab.Legal)
		news.Message.Mode, notice.Message.Mode, real.Message.TriggerID = dispatcher.Test, dispatcher.Test, notice.Message.TriggerID
		w.claim(w.submit(news, notice)...)
		if c := w.facts(w.submit(w.draft(p, vocab.Marketing))[0]); len(c.Recent) != 0 {
			w.Errorf("a newsletter that reached nobody counts: %+v", c.Recent)
		}
		if permits := w.claim(w.submit(real)...); len(permits) != 1 {
			w.Errorf("the real notice may not go: %+v", w.message(real.Message.ID).Decision)
		}
	},
	"a legal notice is a duplicate while another one goes": func(w *world) {
		p := w.person()
		first, second := w.draft(p, vocab.Legal), w.draft(p, vocab.Legal)
		second.Message.TriggerID = first.Message.TriggerID
		w.submit(first)
		w.submit(second)
		w.status(dispatcher.Suppressed, second.Message.ID)
		if r := w.message(second.Message.ID).Decision.Reason; r != consent.Duplicate {
			w.Errorf("reason %s", r)
		}
		must(w.ledger.Cancel(w.ctx, first.Message.ID, w.now))(w)
		third := w.draft(p, vocab.Legal)
		third.Message.TriggerID = first.Message.TriggerID
		w.submit(third)
		w.status(dispatcher.Queued, third.Message.ID)
	},
	"an opt-out of a service counts for each of its topics": func(w *world) {
		p := w.person()
		w.withdraw(dispatcher.Withdrawal{ContactID: p.contact, Event: consent.Event{Scope: consent.ScopePurpose, Purpose: "service.notice"}})
		d := w.draft(p, vocab.Service)
		d.Message.Topic = "maths"
		w.submit(d)
		w.status(dispatcher.Suppressed, d.Message.ID)
	},
	"an address taken away from its contact is no address": func(w *world) {
		p, permit := w.sending(vocab.Legal)
		must(w.contacts.RemoveAddress(w.ctx, p.contact, p.address, w.now))(w)
		s := w.settlement(permit)
		s.Next, s.DueAt, s.Outcome, s.Cause, s.FinalizedAt = dispatcher.Deferred, w.now, "refused", "temporary", time.Time{}
		w.ok(w.ledger.Settle(w.ctx, []dispatcher.Settlement{s}))
		w.claim(permit.Message.ID)
		w.status(dispatcher.Suppressed, permit.Message.ID)
		if r := w.message(permit.Message.ID).Decision.Reason; r != consent.AddressMissing {
			w.Errorf("reason %s", r)
		}
	},
}
