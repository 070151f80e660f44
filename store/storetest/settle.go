package storetest

import (
	"slices"
	"time"

	"github.com/orleu/elshi/contacts"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// failure says that an attempt was refused.
func (w *world) failure(p dispatcher.Permit, next dispatcher.Status, cause channels.Cause) dispatcher.Settlement {
	s := w.settlement(p)
	s.Next, s.Outcome, s.Cause, s.Code, s.Enhanced, s.Detail, s.ProviderRef = next, channels.Refused, cause, 550, "5.1.1", "no such user", ""
	s.FinalizedAt = time.Time{}
	if next.Waits() {
		s.DueAt, s.Failure = w.now.Add(time.Minute), true
	}
	return s
}

func (w *world) settle(settlements ...dispatcher.Settlement) {
	w.Helper()
	w.ok(w.ledger.Settle(w.ctx, settlements))
}

// reap closes the attempts whose lease has run out.
func (w *world) reap() []dispatcher.Lost {
	w.Helper()
	return must(w.ledger.Reap(w.ctx, w.now, w.now, 1_000_000, func(c vocab.Class) bool { return c == vocab.Marketing }))(w)
}

// suppressed returns the reasons for which nothing goes to an address.
func (w *world) suppressed(email string) []contacts.SuppressionReason {
	w.Helper()
	var reasons []contacts.SuppressionReason
	for _, s := range must(w.suppressions.List(w.ctx, contacts.SuppressionFilter{Channel: vocab.Email, Lookup: email, Limit: 10}))(w) {
		reasons = append(reasons, s.Reason)
	}
	return reasons
}

var settleTests = map[string]func(*world){
	"nothing is settled": func(w *world) { w.settle() },
	"what was accepted is sent": func(w *world) {
		_, permit := w.sending(vocab.Transactional)
		want := w.message(permit.Message.ID)
		w.now = w.now.Add(time.Second)
		s := w.settlement(permit)
		w.settle(s)
		m := w.message(permit.Message.ID)
		want.Status, want.SettledAt, want.SentAt, want.FinalizedAt = dispatcher.Sent, w.now, w.now, s.FinalizedAt
		want.DueAt, want.LeaseUntil, want.ContentHash, want.ProviderRef = time.Time{}, time.Time{}, "c0ffee", s.ProviderRef
		if diff := cmp.Diff(want, m); diff != "" {
			w.Errorf("message mismatch (-want +got):\n%s", diff)
		}
		attempts := must(w.ledger.Attempts(w.ctx, m.ID))(w)
		if diff := cmp.Diff([]dispatcher.Attempt{{
			Number: 1, OpenedAt: start, ClosedAt: w.now, Provider: "relay", Outcome: channels.Accepted, Detail: "250 ok", ProviderRef: s.ProviderRef,
		}}, attempts); diff != "" {
			w.Errorf("attempts mismatch (-want +got):\n%s", diff)
		}
	},
	"the same settlement again changes nothing": func(w *world) {
		_, permit := w.sending(vocab.Transactional)
		s := w.failure(permit, dispatcher.Deferred, channels.Temporary)
		w.settle(s)
		before := w.message(permit.Message.ID)
		events := must(w.ledger.Events(w.ctx, before.ID))(w)
		w.settle(s)
		if diff := cmp.Diff(before, w.message(before.ID)); diff != "" || before.Failures != 1 || before.LastCause != "temporary" {
			w.Errorf("failures %d, changed (-before +after):\n%s", before.Failures, diff)
		}
		if diff := cmp.Diff(events, must(w.ledger.Events(w.ctx, before.ID))(w)); diff != "" {
			w.Errorf("events changed (-before +after):\n%s", diff)
		}
	},
	"a stale attempt changes nothing but its own row": func(w *world) {
		_, first := w.sending(vocab.Transactional)
		w.now = first.Message.LeaseUntil.Add(time.Second)
		w.reap()
		second := w.claim(first.Message.ID)[0]
		before := w.message(first.Message.ID)
		w.settle(w.failure(first, dispatcher.Bounced, channels.NoSuchMailbox))
		if diff := cmp.Diff(before, w.message(before.ID)); diff != "" {
			w.Errorf("changed (-before +after):\n%s", diff)
		}
		attempts := must(w.ledger.Attempts(w.ctx, before.ID))(w)
		if len(attempts) != 2 || attempts[0].Cause != channels.NoSuchMailbox || !attempts[1].ClosedAt.IsZero() || attempts[1].Number != 2 {
			w.Errorf("attempts: %+v", attempts)
		}
		w.settle(w.settlement(second))
		w.status(dispatcher.Sent, before.ID)
	},
	"an attempt that was accepted after all marks the next as possibly the second": func(w *world) {
		_, first := w.sending(vocab.Transactional)
		w.now = first.Message.LeaseUntil.Add(time.Second)
		w.reap()
		w.settle(w.settlement(first))
		m := w.message(first.Message.ID)
		if m.Status != dispatcher.Queued || !m.PossibleDup {
			w.Errorf("%s, possible duplicate %t", m.Status, m.PossibleDup)
		}
	},
	"every attempt is told once, whatever became of the next": func(w *world) {
		_, permit := w.sending(vocab.Legal)
		id := permit.Message.ID
		again := func() {
			s := w.failure(permit, dispatcher.Deferred, channels.Temporary)
			s.DueAt = w.now
			w.settle(s)
		}
		again()
		for _, d := range []consent.Decision{
			{Verdict: consent.Hold, Reason: consent.ProviderPaused}, {Verdict: consent.Allow, Reason: consent.OK}, {Verdict: consent.Deny, Reason: consent.AddressInvalid},
		} {
			permits := must(w.ledger.ClaimBatch(w.ctx, w.claimOf(id), always(d)))(w)
			w.now = w.now.Add(10 * time.Minute) // longer than any hold
			if len(permits) == 1 {
				permit = permits[0]
				again()
			}
			var numbers []int
			for _, a := range must(w.ledger.Attempts(w.ctx, id))(w) {
				numbers = append(numbers, a.Number)
			}
			want := []int{1, 2}[:permit.Message.Attempt]
			if diff := cmp.Diff(want, numbers); diff != "" {
				w.Errorf("after %s: attempts mismatch (-want +got):\n%s", d.Verdict, diff)
			}
		}
	},
	"a late settlement beats unknown": func(w *world) {
		for _, next := range []dispatcher.Status{dispatcher.Sent, dispatcher.Bounced, dispatcher.Undelivered} {
			_, permit := w.sending(vocab.Marketing)
			w.now = permit.Message.LeaseUntil.Add(time.Second)
			w.reap()
			w.status(dispatcher.Unknown, permit.Message.ID)
			s := w.settlement(permit)
			if next != dispatcher.Sent {
				s = w.failure(permit, next, channels.ContentRefused)
			}
			w.settle(s)
			w.status(next, permit.Message.ID)
			attempts := must(w.ledger.Attempts(w.ctx, permit.Message.ID))(w)
			if len(attempts) != 1 || attempts[0].Outcome != s.Outcome {
				w.Errorf("attempts: %+v", attempts)
			}
		}
	},
	"a late word that it was never started does not send it again": func(w *world) {
		_, permit := w.sending(vocab.Marketing)
		w.now = permit.Message.LeaseUntil.Add(time.Second)
		w.reap()
		w.settle(w.failure(permit, dispatcher.Queued, channels.Stopped))
		w.settle(w.failure(permit, dispatcher.Deferred, channels.Temporary))
		w.status(dispatcher.Unknown, permit.Message.ID)
	},
	"a one-time code is wiped when it is settled": func(w *world) {
		_, permit := w.sending(vocab.Security)
		s := w.settlement(permit)
		s.Wipe = true
		w.settle(s)
		if c := must(w.ledger.Payload(w.ctx, permit.Message.ID))(w); c.Payload.Data != nil {
			w.Error("the payload is still there")
		}
	},
	"a mailbox that does not exist is suppressed at once": func(w *world) {
		p, permit := w.sending(vocab.Legal)
		s := w.failure(permit, dispatcher.Bounced, channels.NoSuchMailbox)
		s.Suppress = dispatcher.SuppressNow
		w.settle(s)
		if diff := cmp.Diff([]contacts.SuppressionReason{contacts.HardBounce}, w.suppressed(p.email)); diff != "" {
			w.Errorf("mismatch (-want +got):\n%s", diff)
		}
		next := w.draft(p, vocab.Legal)
		w.submit(next)
		w.status(dispatcher.Suppressed, next.Message.ID)
	},
	"five full mailboxes in a fortnight suppress, attempts of one message count once": func(w *world) {
		p := w.person()
		for i := range 5 {
			ids := w.submit(w.draft(p, vocab.Legal))
			for attempt := range 2 {
				if i == 4 && attempt == 1 {
					break // the first one of the fifth message was enough
				}
				permit := w.claim(ids...)[0]
				s := w.failure(permit, dispatcher.Deferred, channels.MailboxFull)
				s.Suppress, s.Points, s.DueAt = dispatcher.SuppressSoft, 1, w.now
				w.settle(s)
			}
			want := 0
			if i == 4 {
				want = 1
			}
			if got := w.suppressed(p.email); len(got) != want {
				w.Fatalf("after message %d: suppressions %v", i+1, got)
			}
			w.now = w.now.Add(24 * time.Hour)
		}
	},
	"a domain that is away suppresses on the second day": func(w *world) {
		p := w.person()
		for i, pause := range []time.Duration{23 * time.Hour, time.Hour, 0} {
			permit := w.claim(w.submit(w.draft(p, vocab.Legal))...)[0]
			s := w.failure(permit, dispatcher.Bounced, channels.NoSuchDomain)
			s.Suppress = dispatcher.SuppressTwice
			w.settle(s)
			if got := w.suppressed(p.email); len(got) != map[int]int{2: 1}[i] {
				w.Fatalf("bounce %d: suppressions %v", i+1, got)
			}
			w.now = w.now.Add(pause)
		}
	},
	"a provider that refuses us is paused": func(w *world) {
		_, permit := w.sending(vocab.Transactional)
		s := w.failure(permit, dispatcher.Deferred, channels.ProviderRefusedUs)
		s.Pause, s.Provider = "provider_refused_us", vocab.ProviderID(unique("%s"))
		w.settle(s)
		for _, p := range must(w.pauses.List(w.ctx))(w) {
			if p.Kind == dispatcher.PauseProvider && p.Name == string(s.Provider) && p.Reason == s.Pause && p.At.Equal(w.now) {
				return
			}
		}
		w.Error("there is no pause")
	},
	"a thousand settlements in one call": func(w *world) {
		p := w.person()
		drafts := make([]dispatcher.Draft, 1000)
		for i := range drafts {
			drafts[i] = w.draft(p, vocab.Transactional)
		}
		settlements := make([]dispatcher.Settlement, 1000)
		for i, permit := range w.claim(w.submit(drafts...)...) {
			settlements[i] = w.settlement(permit)
		}
		w.settle(settlements...)
		w.status(dispatcher.Sent, drafts[0].Message.ID, drafts[999].Message.ID)
	},
}

var feedTests = map[string]func(*world){
	"what is due is found, the longest due first": func(w *world) {
		lane := dispatcher.LaneQuery{Channel: vocab.Email, Lane: vocab.Lane(unique("%s"))}
		p := w.person()
		ids := make([]vocab.MessageID, 5)
		for i, seconds := range []int{4, 3, 2, 1, 3} { // two are due at the same instant
			d := w.draft(p, vocab.Transactional)
			d.Message.Lane, d.SendAt = lane.Lane, w.now.Add(time.Duration(seconds)*time.Second)
			ids[i] = w.submit(d)[0]
		}
		w.now = w.now.Add(3 * time.Second)
		var mark dispatcher.DueMark
		look := func(n int) []vocab.MessageID {
			var seen []vocab.MessageID
			batches, next, err := w.ledger.Due(w.ctx, lane, mark, w.now, n)
			w.ok(err)
			for _, b := range batches {
				seen = append(seen, b.IDs...)
			}
			mark = next
			return seen
		}
		for i, want := range [][]vocab.MessageID{{ids[3]}, {ids[2]}, {ids[1]}, {ids[4]}, nil} {
			if diff := cmp.Diff(want, look(1)); diff != "" {
				w.Errorf("look %d (-want +got):\n%s", i, diff)
			}
		}
		w.now = w.now.Add(time.Minute)
		if seen := look(10); len(seen) != 1 || seen[0] != ids[0] {
			w.Errorf("what became due meanwhile: %v", seen)
		}
		mark = dispatcher.DueMark{}
		if seen := look(10); len(seen) != 5 {
			w.Errorf("from the beginning: %v", seen)
		}
		class := lane
		class.Class = vocab.Legal
		batches, _, err := w.ledger.Due(w.ctx, class, dispatcher.DueMark{}, w.now.Add(time.Hour), 10)
		w.ok(err)
		if len(batches) != 0 {
			w.Errorf("found for another class: %v", batches)
		}
		depths := must(w.ledger.Lanes(w.ctx, w.now))(w)
		want := dispatcher.LaneDepth{Channel: vocab.Email, Lane: lane.Lane, Waiting: 5, Due: 5, Oldest: time.Minute + 2*time.Second}
		for _, d := range depths {
			if d.Lane == lane.Lane {
				if diff := cmp.Diff(want, d); diff != "" {
					w.Errorf("depth mismatch (-want +got):\n%s", diff)
				}
				return
			}
		}
		w.Errorf("no depth of the lane in %+v", depths)
	},
	"what its submitter rings for is left alone for a while": func(w *world) {
		lane := dispatcher.LaneQuery{Channel: vocab.Email, Lane: vocab.Lane(unique("%s"))}
		d := w.draft(w.person(), vocab.Transactional)
		d.Message.Lane = lane.Lane
		w.submit(d)
		due := func() int {
			batches, _, err := w.ledger.Due(w.ctx, lane, dispatcher.DueMark{}, w.now, 10)
			w.ok(err)
			return len(batches)
		}
		if n := due(); n != 0 {
			w.Errorf("found at once: %d batches", n)
		}
		at := w.now
		w.now = w.now.Add(15 * time.Second)
		if n := due(); n != 1 {
			w.Errorf("after 15 s: %d batches", n)
		}
		w.now = at
		w.ok(w.ledger.ForgetRings(w.ctx, w.now))
		if n := due(); n != 1 {
			w.Errorf("after the queue was lost: %d batches", n)
		}
	},
	"one feeder leads": func(w *world) {
		leads := func(holder string, now time.Time) bool {
			return must(w.ledger.LeadFeeding(w.ctx, holder, now, now.Add(3*time.Second)))(w)
		}
		if w.db.Engine() == "sqlite" {
			if !leads("a", w.now) || !leads("b", w.now) {
				w.Error("on SQLite there is one process, and it does not lead")
			}
			return
		}
		w.ok(w.ledger.ForgetRings(w.ctx, w.now))
		if !leads("a", w.now) || leads("b", w.now.Add(time.Second)) || !leads("a", w.now.Add(2*time.Second)) || leads("b", w.now.Add(5*time.Second)) {
			w.Error("the first one does not lead alone")
		}
		if !leads("b", w.now.Add(5*time.Second+time.Microsecond)) || leads("a", w.now.Add(6*time.Second)) {
			w.Error("the second one does not follow when the first one's time is over")
		}
	},
	"a worker that is lost": func(w *world) {
		_, once := w.sending(vocab.Marketing)
		_, again := w.sending(vocab.Transactional)
		w.now = w.now.Add(time.Minute)
		w.reap()
		w.status(dispatcher.Sending, once.Message.ID, again.Message.ID) // the lease has not run out before its end
		w.now = w.now.Add(time.Microsecond)
		lost := w.reap()
		for _, want := range []dispatcher.Lost{
			{MessageID: once.Message.ID, Attempt: 1, Class: vocab.Marketing}, {MessageID: again.Message.ID, Attempt: 1, Class: vocab.Transactional},
		} {
			if !slices.Contains(lost, want) {
				w.Errorf("%+v is not among the lost: %+v", want, lost)
			}
		}
		m := w.message(once.Message.ID)
		if m.Status != dispatcher.Unknown || !m.DueAt.IsZero() || !m.PossibleDup {
			w.Errorf("at most once: %+v", m)
		}
		m = w.message(again.Message.ID)
		if m.Status != dispatcher.Queued || !m.DueAt.Equal(w.now) || !m.PossibleDup || m.LastCause != "worker_lost" {
			w.Errorf("at least once: %+v", m)
		}
		attempts := must(w.ledger.Attempts(w.ctx, m.ID))(w)
		if len(attempts) != 1 || attempts[0].Outcome != channels.InDoubt || !attempts[0].ClosedAt.Equal(w.now) {
			w.Errorf("attempts: %+v", attempts)
		}
		if lost := w.reap(); len(lost) != 0 {
			w.Errorf("reaped twice: %+v", lost)
		}
	},
}
