package storetest

import (
	"errors"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

func codeOf(err error) string {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Code
	}
	return ""
}

// twins runs f n times at once and returns what each came to.
func twins[T any](n int, f func(i int) T) []T {
	results := make([]T, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { results[i] = f(i) })
	}
	all.Wait()
	return results
}

type submitted struct {
	out dispatcher.Submitted
	err error
}

var submitTests = map[string]func(*world){
	"nothing is taken in": func(w *world) {
		out := must(w.ledger.Submit(w.ctx, w.intake(), w.decide))(w)
		if len(out.Results) != 0 || len(out.Ring) != 0 {
			w.Fatalf("got %+v", out)
		}
	},
	"a message is kept whole": func(w *world) {
		p := w.person()
		d := w.draft(p, vocab.Transactional)
		d.Message.Reference, d.Message.Topic = "order 17", "maths"
		d.Metadata = []byte(`{"a":1}`)
		d.Attachments = []channels.Attachment{{Name: "b.pdf", ContentType: "application/pdf", Content: []byte{0, 1, 255}}, {Name: "a.txt"}}
		out := must(w.ledger.Submit(w.ctx, w.intake(d), w.decide))(w)
		want := d.Message
		want.Status, want.DueAt, want.CreatedAt = dispatcher.Queued, w.now, w.now
		got := w.message(d.Message.ID)
		want.Decision = got.Decision
		if diff := cmp.Diff(want, got); diff != "" {
			w.Errorf("message mismatch (-want +got):\n%s", diff)
		}
		if got.Decision.Verdict != "allow" || got.Decision.Basis.Kind != "contact_request" {
			w.Errorf("decision: %+v", got.Decision)
		}
		content := must(w.ledger.Payload(w.ctx, d.Message.ID))(w)
		if diff := cmp.Diff(dispatcher.StoredContent{Payload: d.Payload, Metadata: d.Metadata, Attachments: []string{"b.pdf", "a.txt"}}, content); diff != "" {
			w.Errorf("content mismatch (-want +got):\n%s", diff)
		}
		ring := []dispatcher.Batch{{Channel: vocab.Email, Lane: vocab.Normal, Provider: "relay", IDs: []vocab.MessageID{d.Message.ID}}}
		if diff := cmp.Diff(ring, out.Ring); diff != "" {
			w.Errorf("ring mismatch (-want +got):\n%s", diff)
		}
		permit := w.claim(d.Message.ID)[0]
		if diff := cmp.Diff(d.Attachments, permit.Attachments, cmpopts.EquateEmpty()); diff != "" {
			w.Errorf("attachments of the permit mismatch (-want +got):\n%s", diff)
		}
		if permit.To.Reveal() != p.email || permit.ContactName != "Айгүл" || string(permit.Payload.Data) != string(d.Payload.Data) {
			w.Errorf("permit: %+v", permit)
		}
	},
	"a denied message is kept as suppressed, without a ring": func(w *world) {
		d := w.draft(w.person(), vocab.Marketing)
		out := must(w.ledger.Submit(w.ctx, w.intake(d), w.decide))(w)
		m := w.message(d.Message.ID)
		if m.Status != dispatcher.Suppressed || m.Decision.Reason != "no_consent" || !m.DueAt.IsZero() || m.FinalizedAt.IsZero() || len(out.Ring) != 0 {
			w.Fatalf("got %+v, ring %+v", m, out.Ring)
		}
	},
	"a one-time code that will not be sent leaves nothing to read": func(w *world) {
		d := w.draft(w.person(), vocab.Security)
		d.Message.NotAfter = w.now
		d.Payload.Sealed = true
		w.submit(d)
		w.status(dispatcher.Suppressed, d.Message.ID)
		if c := must(w.ledger.Payload(w.ctx, d.Message.ID))(w); c.Payload.Data != nil {
			w.Fatalf("the payload is still there")
		}
	},
	"a later time waits": func(w *world) {
		d := w.draft(w.person(), vocab.Transactional)
		d.SendAt = w.now.Add(time.Hour)
		w.submit(d)
		if m := w.message(d.Message.ID); m.Status != dispatcher.Scheduled || !m.DueAt.Equal(d.SendAt) {
			w.Fatalf("got %s due %s", m.Status, m.DueAt)
		}
		if permits := w.claim(d.Message.ID); len(permits) != 0 {
			w.Fatal("it was claimed before its time")
		}
	},
	"a thousand messages in one call": func(w *world) {
		p := w.person()
		drafts := make([]dispatcher.Draft, 1000)
		for i := range drafts {
			drafts[i] = w.draft(p, vocab.Transactional)
		}
		ids := w.submit(drafts...)
		if permits := w.claim(ids...); len(permits) != 1000 {
			w.Fatalf("got %d permits", len(permits))
		}
	},
	"a key replays its answer, and refuses another body": func(w *world) {
		in := w.intake(w.draft(w.person(), vocab.Transactional))
		in.Key = &dispatcher.IdempotencyKey{APIKey: "key_x", Route: "/v1/messages", Token: unique("%s"), BodyHash: "aa"}
		first := must(w.ledger.Submit(w.ctx, in, w.decide))(w)
		again := in
		again.Drafts = []dispatcher.Draft{w.draft(w.person(), vocab.Transactional)}
		again.Answer = make([]dispatcher.Result, 1)
		second := must(w.ledger.Submit(w.ctx, again, w.decide))(w)
		if diff := cmp.Diff(first.Results, second.Results); diff != "" || !second.Replayed || first.Replayed {
			w.Errorf("replayed %t, mismatch (-first +second):\n%s", second.Replayed, diff)
		}
		_, err := w.ledger.Get(w.ctx, again.Drafts[0].Message.ID)
		w.refused(err, fault.NotFound, "message_not_found")
		earlier, found, err := w.ledger.Replay(w.ctx, *in.Key)
		w.ok(err)
		if diff := cmp.Diff(first.Results, earlier); diff != "" || !found {
			w.Errorf("Replay: found %t, mismatch:\n%s", found, diff)
		}
		other := *in.Key
		other.BodyHash = "bb"
		again.Key = &other
		_, err = w.ledger.Submit(w.ctx, again, w.decide)
		w.refused(err, fault.Invalid, "idempotency_key_reused")
		n := must(w.ledger.ForgetKeys(w.ctx, w.now.Add(time.Microsecond), 1000))(w)
		if _, found, err := w.ledger.Replay(w.ctx, *in.Key); err != nil || found || n < 1 {
			w.Errorf("after ForgetKeys: forgot %d, found %t, %v", n, found, err)
		}
	},
	"a submission that fails frees its key": func(w *world) {
		d := w.draft(w.person(), vocab.Transactional)
		in := w.intake(d, d) // the same id twice
		in.Key = &dispatcher.IdempotencyKey{APIKey: "key_x", Route: "/v1/messages", Token: unique("%s"), BodyHash: "aa"}
		if _, err := w.ledger.Submit(w.ctx, in, w.decide); err == nil {
			w.Fatal("two messages with one id were taken")
		}
		if _, found, err := w.ledger.Replay(w.ctx, *in.Key); err != nil || found {
			w.Fatalf("found %t, %v", found, err)
		}
		_, err := w.ledger.Get(w.ctx, d.Message.ID)
		w.refused(err, fault.NotFound, "message_not_found")
	},
	"concurrent twins make one set of messages": func(w *world) {
		p := w.person()
		key := dispatcher.IdempotencyKey{APIKey: "key_x", Route: "/v1/messages", Token: unique("%s"), BodyHash: "aa"}
		reference := unique("%s")
		all := twins(16, func(int) submitted {
			d, e := w.draft(p, vocab.Transactional), w.draft(p, vocab.Transactional)
			d.Message.Reference, e.Message.Reference = reference, reference
			in := w.intake(d, e)
			in.Key = &key
			out, err := w.ledger.Submit(w.ctx, in, w.decide)
			return submitted{out, err}
		})
		fresh := 0
		for _, x := range all {
			w.ok(x.err)
			if !x.out.Replayed {
				fresh++
			}
			if diff := cmp.Diff(all[0].out.Results, x.out.Results); diff != "" {
				w.Errorf("twins were told different things:\n%s", diff)
			}
		}
		if list := must(w.ledger.List(w.ctx, dispatcher.MessageFilter{Reference: reference}))(w).Messages; len(list) != 2 || fresh != 1 {
			w.Errorf("%d messages by %d submissions, want 2 by 1", len(list), fresh)
		}
	},
	"a new recipient is made once, however many write at once": func(w *world) { oneContactOnly(w, unique("new.%s@example.org")) },
	"an address that everybody left gets one new contact": func(w *world) {
		p := w.person()
		w.submit(w.draft(p, vocab.Transactional)) // so that the address stays as evidence
		must(w.contacts.RemoveAddress(w.ctx, p.contact, p.address, w.now))(w)
		oneContactOnly(w, p.email)
	},
	"two submissions with the same new people do not wait for each other": func(w *world) {
		a, b := unique("a%s@example.org"), unique("b%s@example.org")
		all := twins(8, func(i int) submitted {
			first, second := w.stranger(a), w.stranger(b)
			if i%2 == 1 {
				first, second = second, first
			}
			out, err := w.ledger.Submit(w.ctx, w.intake(first, second), w.decide)
			return submitted{out, err}
		})
		for _, x := range all {
			w.ok(x.err)
		}
	},
}

// stranger is a message to an address alone.
func (w *world) stranger(email string) dispatcher.Draft {
	d := w.draft(person{}, vocab.Legal)
	d.Recipient = dispatcher.Recipient{Value: vocab.Address(email), Lookup: email, Name: "Дәулет"}
	return d
}

func oneContactOnly(w *world, email string) {
	w.Helper()
	all := twins(16, func(int) submitted {
		out, err := w.ledger.Submit(w.ctx, w.intake(w.stranger(email)), w.decide)
		return submitted{out, err}
	})
	made := map[vocab.ContactID]bool{}
	for _, x := range all {
		w.ok(x.err)
		made[x.out.Results[0].ContactID] = true
	}
	list := must(w.contacts.List(w.ctx, contacts.Filter{Channel: vocab.Email, Lookup: email}))(w)
	if len(made) != 1 || len(list) != 1 || !made[list[0].ID] {
		w.Fatalf("got %d contacts in the answers and %d behind the address, want one", len(made), len(list))
	}
	want := contacts.Contact{ID: list[0].ID, Name: "Дәулет", Language: vocab.Kazakh, Attributes: map[string]any{}, CreatedAt: w.now, UpdatedAt: w.now}
	if diff := cmp.Diff(want, list[0].Contact); diff != "" {
		w.Errorf("contact mismatch (-want +got):\n%s", diff)
	}
}
