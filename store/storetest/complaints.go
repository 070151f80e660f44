package storetest

import (
	"slices"
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// complaint is the button of a contact page, pressed about a message.
func (w *world) complaint(id vocab.MessageID) claims.New {
	w.Helper()
	m := w.message(id)
	c := dispatcher.Complained(m)
	return claims.New{
		ContactID: m.ContactID, Kind: claims.Complaint, Via: claims.ByLink, Language: vocab.Kazakh, Text: "Келіспегенмін", ReceivedAt: w.now, RecordedAt: w.now,
		ActorKind: consent.ActorContact, ActorID: string(m.ContactID), Year: 2026, DueAt: w.now.AddDate(0, 0, 31), Complaint: &c,
	}
}

var complaintTests = map[string]func(*world){
	"it ends what a feedback report ends, and the claim names all of it": func(w *world) {
		p := w.person()
		w.grant(p, "news.company")
		sent := w.submit(w.draft(p, vocab.Marketing))[0]
		w.claim(sent) // is being handed over
		waiting := w.submit(w.draft(p, vocab.Marketing), w.draft(p, vocab.Service), w.draft(p, vocab.Transactional))
		c := w.open(w.complaint(sent))
		if c.About != sent || c.Kind != claims.Complaint || c.State != claims.Open || c.Text != "Келіспегенмін" {
			w.Errorf("claim %+v", c)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(waiting[:2])), slices.Sorted(slices.Values(c.Canceled))); diff != "" {
			w.Errorf("canceled mismatch (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]vocab.MessageID{sent}, c.InFlight); diff != "" {
			w.Errorf("in flight mismatch (-want +got):\n%s", diff)
		}
		w.status(dispatcher.Queued, waiting[2]) // what the contact asked for
		if diff := cmp.Diff([]contacts.SuppressionReason{contacts.Complaint}, w.suppressed(p.email)); diff != "" {
			w.Errorf("suppressions mismatch (-want +got):\n%s", diff)
		}
		if !slices.Contains(w.types(sent), "complained") {
			w.Errorf("the message does not say that it was complained about: %v", w.types(sent))
		}
		entry := must(w.consents.EventsOf(w.ctx, p.contact, "", 1))(w)[0]
		if entry.Kind != consent.KindWithdrawn || entry.Source != consent.SourceComplaint || entry.Purpose != "news.company" || !slices.Equal(c.Events, []vocab.ConsentEventID{entry.ID}) {
			w.Errorf("entry %+v, the claim names %v", entry, c.Events)
		}
		w.chain()
	},
	"about one message there is one claim for good, which ends what came since": func(w *world) {
		p := w.person()
		w.grant(p, "news.company")
		ids := w.submit(w.draft(p, vocab.Marketing), w.draft(p, vocab.Marketing))
		first := w.open(w.complaint(ids[0]))
		must(w.claimBook().Close(w.ctx, first.ID, "mem_x", "it was explained", w.now))(w)
		w.now = w.now.AddDate(0, 0, 1)
		w.grant(p, "news.company")
		again := w.open(w.complaint(ids[0]))
		if again.ID != first.ID || again.State != claims.Closed {
			w.Errorf("pressed again: %+v", again)
		}
		if len(again.Events) != 2 {
			w.Errorf("it names %d entries, want that of the second no, too", len(again.Events))
		}
		if other := w.open(w.complaint(ids[1])); other.ID == first.ID || other.About != ids[1] {
			w.Errorf("about another message: %+v", other)
		}
		letter := w.newClaim(p, claims.Complaint)
		if by := w.open(letter); by.About != "" || by.ID == first.ID || len(w.open(letter).Canceled) != 0 {
			w.Errorf("a letter is no press: %+v", by)
		}
	},
	"presses at once are one claim": func(w *world) {
		p := w.person()
		id := w.submit(w.draft(p, vocab.Service))[0]
		x := w.complaint(id)
		opened := make([]claims.Claim, 8)
		var all sync.WaitGroup
		for i := range opened {
			all.Go(func() { opened[i], _ = w.claimBook().Open(w.ctx, x) })
		}
		all.Wait()
		for _, c := range opened {
			if c.ID == "" || c.ID != opened[0].ID {
				w.Errorf("claim %q, want %q", c.ID, opened[0].ID)
			}
		}
		if n := len(must(w.consents.EventsOf(w.ctx, p.contact, "", 10))(w)); n != 1 {
			w.Errorf("%d entries, want one", n)
		}
		w.chain()
	},
	"everybody behind a shared address is spared, and the claim is the addressee's": func(w *world) {
		a, b := w.person(), w.person()
		must(w.contacts.AddAddress(w.ctx, b.contact, contacts.NewAddress{Channel: vocab.Email, Value: vocab.Address(a.email), Lookup: a.email, Verified: true}, w.now))(w)
		shared := person{b.contact, a.address, a.email}
		w.grant(a, "news.company")
		w.grant(shared, "news.company")
		ids := w.submit(w.draft(a, vocab.Marketing), w.draft(shared, vocab.Marketing))
		c := w.open(w.complaint(ids[0]))
		if c.ContactID != a.contact || len(c.Events) != 2 || len(c.Canceled) != 2 {
			w.Errorf("claim %+v", c)
		}
	},
	"who has left the address may complain still": func(w *world) {
		p := w.person()
		id := w.submit(w.draft(p, vocab.Service))[0]
		other := w.person()
		w.merge(other, p) // the contact is another one by now
		c := w.open(w.complaint(id))
		if c.ContactID != other.contact || len(c.Events) == 0 {
			w.Errorf("claim %+v", c)
		}
		x := w.complaint(id)
		x.ContactID = "con_nobody"
		_, err := w.claimBook().Open(w.ctx, x)
		w.refused(err, fault.NotFound, "contact_not_found")
	},
}

var receiptMailTests = map[string]func(*world){
	"the mark moves on from where it was and from nowhere else": func(w *world) {
		seq := must(w.consents.ReceiptsMailed(w.ctx))(w)
		w.ok(w.consents.KeepReceiptsMailed(w.ctx, seq, seq+5))
		w.ok(w.consents.KeepReceiptsMailed(w.ctx, seq, seq+1)) // by one who looked earlier
		if got := must(w.consents.ReceiptsMailed(w.ctx))(w); got != seq+5 {
			w.Errorf("the mark is %d, want %d", got, seq+5)
		}
	},
	"one at a time has the duty": func(w *world) {
		first := must(w.consents.Lead(w.ctx, "receipts", "a", w.now, w.now.Add(1)))(w)
		if !first {
			w.Error("nobody can have the duty")
		}
	},
}
