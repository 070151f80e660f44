package storetest

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

var historyTests = map[string]func(*world){
	"whatever happens, a message lives by the table": func(w *world) {
		rapid.Check(w.T, func(t *rapid.T) {
			h := &history{world: w, t: t, people: []person{w.person(), w.person()}, was: map[vocab.MessageID]dispatcher.Message{}}
			for _, p := range h.people {
				w.grant(p, "news.company")
			}
			h.intake()
			h.check()
			for range rapid.IntRange(3, 15).Draw(t, "steps") {
				h.step()
				h.check()
			}
			h.events()
		})
		w.chain()
	},
}

// history is a random life of a few messages.
type history struct {
	*world

	t       *rapid.T
	people  []person
	ids     []vocab.MessageID
	was     map[vocab.MessageID]dispatcher.Message
	permits []dispatcher.Permit // every one that was ever given, so that some are stale
}

func (h *history) step() {
	switch rapid.SampledFrom([]string{
		"intake", "claim", "claim", "claim", "settle", "settle", "settle", "wait", "reap", "report", "cancel", "requeue", "withdraw", "erase",
	}).Draw(h.t, "step") {
	case "intake":
		h.intake()
	case "claim":
		permits, err := h.ledger.ClaimBatch(h.ctx, h.claimOf(h.some()...), h.anyDecision)
		h.may(err)
		h.permits = append(h.permits, permits...)
	case "settle":
		h.settleOne()
	case "wait":
		h.now = h.now.Add(rapid.SampledFrom([]time.Duration{time.Second, 2 * time.Minute, 8 * 24 * time.Hour}).Draw(h.t, "time"))
	case "reap":
		h.reap()
	case "report":
		next := rapid.SampledFrom([]dispatcher.Status{dispatcher.Delivered, dispatcher.Bounced, dispatcher.Undelivered}).Draw(h.t, "report")
		r := h.report("", next, rapid.SampledFrom([]string{"", "e1", "e2"}).Draw(h.t, "event"))
		r.MessageID, r.Suppress = h.one(), dispatcher.SuppressNever
		_, _, err := h.ledger.RecordReport(h.ctx, r)
		h.may(err)
	case "cancel":
		_, err := h.ledger.Cancel(h.ctx, h.one(), h.now)
		h.may(err)
	case "requeue":
		_, err := h.ledger.Requeue(h.ctx, h.one(), "mem_x", h.now)
		h.may(err)
	case "withdraw":
		h.withdraw(dispatcher.Withdrawal{
			ContactID: rapid.SampledFrom(h.people).Draw(h.t, "who").contact,
			Event:     consent.Event{Scope: rapid.SampledFrom(consent.Scopes()).Draw(h.t, "scope"), Channel: vocab.Email, Purpose: "news.company"},
		})
	case "erase":
		_, err := h.contacts.Erase(h.ctx, h.people[0].contact, eraseOrder(h.now))
		h.may(err)
	}
}

// may ends the test if the error is none that a caller is told about.
func (h *history) may(err error) {
	if err != nil && fault.KindOf(err) != fault.Conflict {
		h.t.Fatal(err)
	}
}

func (h *history) intake() {
	class := rapid.SampledFrom(vocab.Classes()).Draw(h.t, "class")
	d := h.draft(rapid.SampledFrom(h.people).Draw(h.t, "to"), class)
	if rapid.Bool().Draw(h.t, "later") {
		d.SendAt = h.now.Add(time.Minute)
	}
	h.ids = append(h.ids, h.submit(d)...)
}

func (h *history) one() vocab.MessageID { return rapid.SampledFrom(h.ids).Draw(h.t, "message") }

func (h *history) some() []vocab.MessageID {
	return rapid.SliceOfN(rapid.SampledFrom(h.ids), 1, 5).Draw(h.t, "messages")
}

// anyDecision is mostly what the gate says, and sometimes a hold.
func (h *history) anyDecision(cs []dispatcher.Candidate) []consent.Decision {
	decisions := h.decide(cs)
	if h.now.Unix()%5 == 0 {
		for i := range decisions {
			if decisions[i].Verdict == consent.Allow {
				decisions[i] = consent.Decision{Verdict: consent.Hold, Reason: consent.QuietHours, Until: h.now.Add(time.Second)}
			}
		}
	}
	return decisions
}

func (h *history) settleOne() {
	if len(h.permits) == 0 {
		return
	}
	p := rapid.SampledFrom(h.permits).Draw(h.t, "permit")
	s := h.settlement(p)
	s.Next = rapid.SampledFrom(dispatcher.Sending.Next()).Draw(h.t, "next")
	if s.Next != dispatcher.Sent {
		s.Outcome, s.Cause, s.FinalizedAt = channels.Refused, channels.Temporary, h.now
	}
	if s.Next.Waits() {
		s.DueAt, s.FinalizedAt = h.now, time.Time{}
	}
	h.may(h.ledger.Settle(h.ctx, []dispatcher.Settlement{s}))
}

// check compares every message with what it was before the step.
func (h *history) check() {
	for _, id := range h.ids {
		m := h.message(id)
		was, known := h.was[id]
		h.was[id] = m
		if known && was.Status != m.Status && !slices.Contains(was.Status.Next(), m.Status) {
			h.t.Fatalf("message %s: %s became %s", id, was.Status, m.Status)
		}
		if m.Attempt < was.Attempt || m.Failures < was.Failures || was.PossibleDup && !m.PossibleDup {
			h.t.Fatalf("message %s went back: %+v, then %+v", id, was, m)
		}
		if active := m.Status.Waits() || m.Status == dispatcher.Sending; active == m.DueAt.IsZero() {
			h.t.Fatalf("message %s is %s and due %s", id, m.Status, m.DueAt)
		}
		if (m.Status == dispatcher.Sending) == m.LeaseUntil.IsZero() {
			h.t.Fatalf("message %s is %s with a lease until %s", id, m.Status, m.LeaseUntil)
		}
	}
}

// events compares the story of every message with the table.
func (h *history) events() {
	for _, id := range h.ids {
		status := dispatcher.Status("")
		for _, e := range must(h.ledger.Events(h.ctx, id))(h) {
			next := dispatcher.Status(e.Type)
			// A claim leaves no event, so an attempt may lie between two.
			claimed := status.Waits() && slices.Contains(dispatcher.Sending.Next(), next)
			if status != "" && !slices.Contains(status.Next(), next) && !claimed {
				h.t.Fatalf("message %s: the events say that %s became %s", id, status, next)
			}
			status = next
		}
		if m := h.message(id); m.Status != dispatcher.Sending && m.Status != status {
			h.t.Fatalf("message %s is %s, its events end with %s", id, m.Status, status)
		}
	}
}
