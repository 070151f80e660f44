package storetest

import (
	"time"

	"github.com/orleu/elshi/contacts"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// types lists what happened to a message.
func (w *world) types(id vocab.MessageID) []string {
	w.Helper()
	var list []string
	for _, e := range must(w.ledger.Events(w.ctx, id))(w) {
		list = append(list, e.Type)
	}
	return list
}

var messageTests = map[string]func(*world){
	"what is not there": func(w *world) {
		const id = "msg_nobody"
		_, err := w.ledger.Get(w.ctx, id)
		w.refused(err, fault.NotFound, "message_not_found")
		_, err = w.ledger.Events(w.ctx, id)
		w.refused(err, fault.NotFound, "message_not_found")
		_, err = w.ledger.Attempts(w.ctx, id)
		w.refused(err, fault.NotFound, "message_not_found")
		_, err = w.ledger.Payload(w.ctx, id)
		w.refused(err, fault.NotFound, "message_not_found")
		_, err = w.ledger.Recipient(w.ctx, id)
		w.refused(err, fault.NotFound, "message_not_found")
		_, err = w.ledger.Cancel(w.ctx, id, w.now)
		w.refused(err, fault.NotFound, "message_not_found")
		_, err = w.ledger.Requeue(w.ctx, id, "mem_x", w.now)
		w.refused(err, fault.NotFound, "message_not_found")
	},
	"messages are found by each of their marks, the newest first": func(w *world) {
		p := w.person()
		w.grant(p, "news.company")
		one, two := w.draft(p, vocab.Marketing), w.draft(p, vocab.Legal)
		one.Message.Reference, one.Message.APIKey = "ref 1", "key_one"
		two.Message.Channel, two.Message.AddressID = vocab.SMS, ""
		a := w.submit(one)[0]
		w.now = w.now.Add(time.Hour)
		b := w.submit(two)[0] // no number, hence suppressed
		for name, x := range map[string]struct {
			f    dispatcher.MessageFilter
			want []vocab.MessageID
		}{
			"contact":        {dispatcher.MessageFilter{}, []vocab.MessageID{b, a}},
			"status":         {dispatcher.MessageFilter{Status: dispatcher.Suppressed}, []vocab.MessageID{b}},
			"purpose":        {dispatcher.MessageFilter{Purpose: "news.company"}, []vocab.MessageID{a}},
			"class":          {dispatcher.MessageFilter{Class: vocab.Legal}, []vocab.MessageID{b}},
			"channel":        {dispatcher.MessageFilter{Channel: vocab.SMS}, []vocab.MessageID{b}},
			"reference":      {dispatcher.MessageFilter{Reference: "ref 1"}, []vocab.MessageID{a}},
			"API key":        {dispatcher.MessageFilter{APIKey: "key_one"}, []vocab.MessageID{a}},
			"created after":  {dispatcher.MessageFilter{CreatedAfter: w.now}, []vocab.MessageID{b}},
			"created before": {dispatcher.MessageFilter{CreatedBefore: w.now}, []vocab.MessageID{a}},
			"after":          {dispatcher.MessageFilter{After: b}, []vocab.MessageID{a}},
			"limit":          {dispatcher.MessageFilter{Limit: 1}, []vocab.MessageID{b}},
			"all together": {dispatcher.MessageFilter{
				Status: dispatcher.Queued, Purpose: "news.company", Class: vocab.Marketing, Channel: vocab.Email, Reference: "ref 1", APIKey: "key_one",
				CreatedAfter: w.now.Add(-time.Hour), CreatedBefore: w.now, After: b, Limit: 5,
			}, []vocab.MessageID{a}},
			"nothing": {dispatcher.MessageFilter{Purpose: "news.company", Class: vocab.Legal}, nil},
		} {
			x.f.ContactID = p.contact
			var got []vocab.MessageID
			for _, m := range must(w.ledger.List(w.ctx, x.f))(w).Messages {
				got = append(got, m.ID)
			}
			if diff := cmp.Diff(x.want, got); diff != "" {
				w.Errorf("by %s mismatch (-want +got):\n%s", name, diff)
			}
		}
	},
	"a list goes on from a message and from nothing else": func(w *world) {
		_, err := w.ledger.List(w.ctx, dispatcher.MessageFilter{After: "msg_nobody"})
		w.refused(err, fault.Invalid, "cursor_unknown")
	},
	"the story of a message": func(w *world) {
		_, permit := w.sending(vocab.Transactional)
		id := permit.Message.ID
		if diff := cmp.Diff([]dispatcher.Attempt{{Number: 1, OpenedAt: w.now, Provider: "relay"}}, must(w.ledger.Attempts(w.ctx, id))(w)); diff != "" {
			w.Errorf("open attempt mismatch (-want +got):\n%s", diff)
		}
		s := w.failure(permit, dispatcher.Deferred, channels.Temporary)
		w.settle(s)
		w.now = s.DueAt
		w.settle(w.settlement(w.claim(id)[0]))
		events := must(w.ledger.Events(w.ctx, id))(w)
		for i := range events {
			events[i].ID = ""
		}
		if diff := cmp.Diff([]dispatcher.MessageEvent{
			{Type: "queued", At: start, Reason: "ok"}, {Type: "deferred", At: start, Attempt: 1, Reason: "temporary"}, {Type: "sent", At: w.now, Attempt: 2},
		}, events); diff != "" {
			w.Errorf("events mismatch (-want +got):\n%s", diff)
		}
	},
	"only what waits is canceled": func(w *world) {
		p := w.person()
		code := w.draft(p, vocab.Security)
		code.Payload.Sealed = true
		ids := w.submit(w.draft(p, vocab.Transactional), w.draft(p, vocab.Transactional), code)
		m := must(w.ledger.Cancel(w.ctx, ids[0], w.now))(w)
		if m.Status != dispatcher.Canceled || !m.FinalizedAt.Equal(w.now) || !m.DueAt.IsZero() {
			w.Errorf("got %+v", m)
		}
		_, err := w.ledger.Cancel(w.ctx, ids[0], w.now)
		w.refused(err, fault.Conflict, "message_not_cancelable")
		w.claim(ids[1])
		_, err = w.ledger.Cancel(w.ctx, ids[1], w.now)
		w.refused(err, fault.Conflict, "message_not_cancelable")
		w.status(dispatcher.Sending, ids[1])
		must(w.ledger.Cancel(w.ctx, ids[2], w.now))(w)
		if c := must(w.ledger.Payload(w.ctx, ids[2]))(w); c.Payload.Data != nil {
			w.Error("the one-time code is still there")
		}
	},
	"an operator orders what is unknown to go again": func(w *world) {
		_, permit := w.sending(vocab.Marketing)
		id := permit.Message.ID
		_, err := w.ledger.Requeue(w.ctx, id, "mem_x", w.now)
		w.refused(err, fault.Conflict, "message_not_requeueable")
		w.now = permit.Message.LeaseUntil.Add(time.Second)
		w.reap()
		m := must(w.ledger.Requeue(w.ctx, id, "mem_x", w.now))(w)
		if m.Status != dispatcher.Queued || !m.DueAt.Equal(w.now) || !m.PossibleDup || !m.FinalizedAt.IsZero() {
			w.Errorf("got %+v", m)
		}
		events := must(w.ledger.Events(w.ctx, id))(w)
		if e := events[len(events)-1]; e.Type != "queued" || e.Reason != "operator_order" || e.Actor != "mem_x" || e.Attempt != 1 {
			w.Errorf("event: %+v", e)
		}
		if permits := w.claim(id); len(permits) != 1 || permits[0].Message.Attempt != 2 {
			w.Errorf("permits: %+v", permits)
		}
	},
	"nothing but what is unknown goes again": func(w *world) {
		for _, next := range dispatcher.Sending.Next() {
			if next == dispatcher.Unknown {
				continue
			}
			_, permit := w.sending(vocab.Transactional)
			s := w.failure(permit, next, channels.Temporary)
			w.settle(s)
			_, err := w.ledger.Requeue(w.ctx, permit.Message.ID, "mem_x", w.now)
			w.refused(err, fault.Conflict, "message_not_requeueable")
			w.status(next, permit.Message.ID)
		}
	},
	"what was wiped cannot go again": func(w *world) {
		_, permit := w.sending(vocab.Security)
		s := w.settlement(permit)
		s.Next, s.Outcome, s.Cause, s.Wipe = dispatcher.Unknown, channels.InDoubt, channels.ConnectionLost, true
		w.settle(s)
		_, err := w.ledger.Requeue(w.ctx, permit.Message.ID, "mem_x", w.now)
		w.refused(err, fault.Conflict, "message_content_gone")
		w.status(dispatcher.Unknown, permit.Message.ID)
	},
}

// report is what a provider says about a message it had accepted.
func (w *world) report(id vocab.MessageID, next dispatcher.Status, event string) dispatcher.LateReport {
	r := dispatcher.LateReport{Provider: "relay", ProviderRef: "ref-" + string(id), EventID: event, Next: next, At: w.now}
	if next != dispatcher.Delivered {
		r.Cause, r.Code, r.Enhanced, r.Detail, r.Suppress = channels.NoSuchMailbox, 550, "5.1.1", "no such user", dispatcher.SuppressNow
	}
	return r
}

var reportTests = map[string]func(*world){
	"reports count by rank and not by arrival": func(w *world) {
		p, permit := w.texting()
		id := permit.Message.ID
		w.settle(w.settlement(permit))
		for i, x := range []struct {
			next    dispatcher.Status
			event   string
			changed bool
			status  dispatcher.Status
		}{
			{dispatcher.Delivered, "e1", true, dispatcher.Delivered},
			{dispatcher.Delivered, "e1", false, dispatcher.Delivered},
			{dispatcher.Delivered, "", false, dispatcher.Delivered},
			{dispatcher.Bounced, "e1", false, dispatcher.Delivered}, // the same event cannot say two things
			{dispatcher.Bounced, "e2", true, dispatcher.Bounced},
			{dispatcher.Delivered, "e3", false, dispatcher.Bounced},
			{dispatcher.Undelivered, "e4", false, dispatcher.Bounced},
		} {
			m, changed, err := w.ledger.RecordReport(w.ctx, w.report(id, x.next, x.event))
			w.ok(err)
			if changed != x.changed || m.Status != x.status || m.ID != id || !m.FinalizedAt.Equal(w.now) {
				w.Fatalf("report %d: changed %t, %s, finalized %s", i+1, changed, m.Status, m.FinalizedAt)
			}
		}
		if diff := cmp.Diff([]string{"queued", "sent", "delivered", "bounced"}, w.types(id)); diff != "" {
			w.Errorf("events mismatch (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]contacts.SuppressionReason{contacts.HardBounce}, w.suppressed(p.email)); diff != "" {
			w.Errorf("suppressions mismatch (-want +got):\n%s", diff)
		}
		a := must(w.ledger.Attempts(w.ctx, id))(w)[0]
		if a.Outcome != channels.Accepted || a.Cause != channels.NoSuchMailbox || a.Enhanced != "5.1.1" || w.message(id).LastCause != "no_such_mailbox" {
			w.Errorf("attempt: %+v", a)
		}
	},
	"a report ends what was unknown": func(w *world) {
		_, permit := w.sending(vocab.Marketing)
		w.now = permit.Message.LeaseUntil.Add(time.Second)
		w.reap()
		r := w.report("", dispatcher.Delivered, "")
		r.MessageID, r.ProviderRef = permit.Message.ID, ""
		m, changed, err := w.ledger.RecordReport(w.ctx, r)
		w.ok(err)
		if !changed || m.Status != dispatcher.Delivered {
			w.Errorf("changed %t, %s", changed, m.Status)
		}
	},
	"reports at once change a message once": func(w *world) {
		_, permit := w.texting()
		w.settle(w.settlement(permit))
		type answer struct {
			changed bool
			err     error
		}
		n := 0
		for _, a := range twins(8, func(int) (a answer) {
			_, a.changed, a.err = w.ledger.RecordReport(w.ctx, w.report(permit.Message.ID, dispatcher.Delivered, "e1"))
			return a
		}) {
			w.ok(a.err)
			if a.changed {
				n++
			}
		}
		if events := w.types(permit.Message.ID); n != 1 || len(events) != 3 {
			w.Errorf("%d changes, events %v", n, events)
		}
	},
	"a report that comes too early, or is about nothing": func(w *world) {
		_, permit := w.texting()
		r := w.report("", dispatcher.Delivered, "")
		r.MessageID = permit.Message.ID
		_, _, err := w.ledger.RecordReport(w.ctx, r)
		w.refused(err, fault.Conflict, "message_in_flight")
		w.status(dispatcher.Sending, permit.Message.ID)
		_, _, err = w.ledger.RecordReport(w.ctx, w.report("nobody", dispatcher.Delivered, ""))
		w.refused(err, fault.NotFound, "message_not_found")
		w.settle(w.settlement(permit))
		elsewhere := w.report(permit.Message.ID, dispatcher.Delivered, "")
		elsewhere.Provider = "another"
		_, _, err = w.ledger.RecordReport(w.ctx, elsewhere)
		w.refused(err, fault.NotFound, "message_not_found")
		for _, next := range []dispatcher.Status{dispatcher.Sent, dispatcher.Queued, ""} {
			if _, _, err := w.ledger.RecordReport(w.ctx, w.report(permit.Message.ID, next, "")); err == nil {
				w.Errorf("a report said %q and was believed", next)
			}
		}
		r.MessageID, r.ProviderRef = "", ""
		if _, _, err := w.ledger.RecordReport(w.ctx, r); err == nil {
			w.Error("a report about nothing was taken")
		}
	},
	"a report about an attempt that is made again changes nothing": func(w *world) {
		_, permit := w.sending(vocab.Transactional)
		w.now = permit.Message.LeaseUntil.Add(time.Second)
		w.reap()
		r := w.report("", dispatcher.Bounced, "")
		r.MessageID = permit.Message.ID
		m, changed, err := w.ledger.RecordReport(w.ctx, r)
		w.ok(err)
		if changed || m.Status != dispatcher.Queued {
			w.Errorf("changed %t, %s", changed, m.Status)
		}
	},
}
