package storetest

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/proof"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

var eraseTests = map[string]func(*world){
	"nothing personal is left, the evidence is": func(w *world) {
		p := w.person()
		must(w.contacts.Update(w.ctx, p.contact, w.now, func(c contacts.Contact) (contacts.Contact, error) {
			c.ExternalID, c.Attributes, c.TimeZone, c.Minor = unique("%s"), map[string]any{"school": "No. 7"}, "Asia/Almaty", true
			return c, nil
		}))(w)
		must2(w.consents.Record(w.ctx, consent.Event{
			Kind: consent.KindGranted, ContactID: p.contact, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email,
			Source: consent.SourceAPI, At: w.now,
		}, "192.0.2.7", false))(w)
		waits, open, done := w.draft(p, vocab.Legal), w.draft(p, vocab.Legal), w.draft(p, vocab.Legal)
		done.Attachments = []channels.Attachment{{Name: "passport.pdf"}}
		w.submit(waits, open, done)
		w.claim(open.Message.ID)
		w.settle(w.failure(w.claim(done.Message.ID)[0], dispatcher.Bounced, channels.NoSuchMailbox))
		must(w.suppressions.Add(w.ctx, vocab.Email, p.email, contacts.Suppression{Reason: contacts.Manual, Note: "asked by Айгүл", CreatedAt: w.now}))(w)

		erased := must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		want := dispatcher.Withdrawn{At: w.now, Canceled: []vocab.MessageID{waits.Message.ID}, InFlight: []vocab.MessageID{open.Message.ID}}
		if diff := cmp.Diff(want, erased); diff != "" {
			w.Errorf("answer mismatch (-want +got):\n%s", diff)
		}
		c := must(w.contacts.Get(w.ctx, p.contact))(w)
		left := contacts.Profile{Contact: contacts.Contact{ID: p.contact, Attributes: map[string]any{}, ErasedAt: &w.now, CreatedAt: w.now, UpdatedAt: w.now}}
		if diff := cmp.Diff(left, c); diff != "" {
			w.Errorf("contact mismatch (-want +got):\n%s", diff)
		}
		for _, id := range []vocab.MessageID{waits.Message.ID, open.Message.ID, done.Message.ID} {
			if diff := cmp.Diff(dispatcher.StoredContent{}, must(w.ledger.Payload(w.ctx, id))(w)); diff != "" {
				w.Errorf("payload of %s (-want +got):\n%s", id, diff)
			}
			if diff := cmp.Diff(store.Addressee{Language: vocab.Kazakh}, must(w.ledger.Recipient(w.ctx, id))(w)); diff != "" {
				w.Errorf("recipient of %s (-want +got):\n%s", id, diff)
			}
			for _, a := range must(w.ledger.Attempts(w.ctx, id))(w) {
				if a.Detail != "" {
					w.Errorf("the provider's words are still there: %q", a.Detail)
				}
			}
		}
		for _, s := range must(w.suppressions.List(w.ctx, contacts.SuppressionFilter{Channel: vocab.Email, Lookup: p.email, Limit: 10}))(w) {
			if s.AddressID != "" || s.Address != "" || s.Note != "" {
				w.Errorf("suppression: %+v", s)
			}
		}
		if got := w.suppressed(p.email); !slices.Contains(got, contacts.ErasedContact) || !slices.Contains(got, contacts.Manual) {
			w.Errorf("suppressions: %v", got)
		}
		if n := len(must(w.consents.OfContact(w.ctx, p.contact))(w)); n != 1 {
			w.Errorf("%d grants are left, want the one", n)
		}
		w.chain()
	},
	"it is certified once, without a name": func(w *world) {
		p, other := w.person(), w.person()
		must(w.contacts.AddAddress(w.ctx, p.contact, email(other.email), w.now))(w)
		event, _, err := w.consents.Record(w.ctx, consent.Event{
			Kind: consent.KindGranted, ContactID: p.contact, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email,
			Source: consent.SourceAPI, At: w.now,
		}, "192.0.2.7", false)
		w.ok(err)
		open, done := w.draft(p, vocab.Legal), w.draft(p, vocab.Legal)
		done.Attachments, done.Message.Reference = []channels.Attachment{{Name: "a.pdf"}, {Name: "b.pdf"}}, "teacher-1184"
		w.submit(open, done)
		w.claim(open.Message.ID)
		w.settle(w.settlement(w.claim(done.Message.ID)[0]))
		must(w.suppressions.Add(w.ctx, vocab.Email, p.email, contacts.Suppression{Reason: contacts.Manual, Note: "asked", CreatedAt: w.now}))(w)
		_, err = w.contacts.ErasureCertificate(w.ctx, p.contact)
		w.refused(err, fault.NotFound, "certificate_not_found")
		_, err = w.contacts.ErasureCertificate(w.ctx, "con_nobody")
		w.refused(err, fault.NotFound, "contact_not_found")

		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		jws := must(w.contacts.ErasureCertificate(w.ctx, p.contact))(w)
		var got contacts.Certificate
		w.ok(json.Unmarshal(must(proof.Document(jws))(w), &got))
		deleted, remains := map[contacts.ErasedKind]int{}, map[contacts.RemainingKind]int{}
		for _, x := range got.Deleted {
			deleted[x.Kind] = x.Count
		}
		for _, x := range got.Remains {
			remains[x.Kind] = x.Count
		}
		if diff := cmp.Diff(map[contacts.ErasedKind]int{
			contacts.ErasedProfile: 1, contacts.ErasedAddresses: 1, contacts.ErasedEvidence: 1, contacts.ErasedPayloads: 2, contacts.ErasedAttachments: 2,
			contacts.ErasedDetails: 1, contacts.ErasedReferences: 1, contacts.ErasedSuppressionNotes: 1, contacts.ErasedInbox: 0,
		}, deleted); diff != "" {
			w.Errorf("deleted (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[contacts.RemainingKind]int{
			contacts.RemainingContact: 1, contacts.RemainingConsents: 1, contacts.RemainingMessages: 2, contacts.RemainingSuppressions: 2,
			contacts.RemainingShared: 1,
		}, remains); diff != "" {
			w.Errorf("remains (-want +got):\n%s", diff)
		}
		head := must(w.consents.Head(w.ctx))(w)
		want := contacts.Certificate{
			ID: got.ID, ContactID: p.contact, ErasedAt: w.now, ErasedBy: "mem_x", Deleted: got.Deleted, Remains: got.Remains,
			InFlight: []vocab.MessageID{open.Message.ID}, Ledger: contacts.LedgerHead{Seq: head.Seq, Hash: head.Hash},
		}
		if diff := cmp.Diff(want, got); diff != "" || head.Seq < event.Seq {
			w.Errorf("certificate (-want +got):\n%s", diff)
		}
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now.Add(time.Hour))))(w)
		if again := must(w.contacts.ErasureCertificate(w.ctx, p.contact))(w); again != jws {
			w.Error("a second erasure made another certificate")
		}
	},
	"a certificate that cannot be signed erases nobody": func(w *world) {
		p := w.person()
		order := eraseOrder(w.now)
		order.Certify = func(contacts.Certificate) (string, error) { return "", errors.New("no key") }
		if _, err := w.contacts.Erase(w.ctx, p.contact, order); err == nil {
			w.Fatal("it was erased")
		}
		if c := must(w.contacts.Get(w.ctx, p.contact))(w); c.ErasedAt != nil || c.Addresses[0].Value == "" {
			w.Errorf("contact: %+v", c)
		}
	},
	"what fails for now after the erasure is not tried again": func(w *world) {
		p, permit := w.sending(vocab.Legal)
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		s := w.failure(permit, dispatcher.Deferred, channels.Temporary)
		s.DueAt = w.now
		w.settle(s)
		if permits := w.claim(permit.Message.ID); len(permits) != 0 {
			w.Fatal("there is a permit")
		}
		if r := w.message(permit.Message.ID).Decision.Reason; r != consent.ContactErased {
			w.Errorf("reason %s", r)
		}
		for _, a := range must(w.ledger.Attempts(w.ctx, permit.Message.ID))(w) {
			if a.Detail != "" {
				w.Errorf("the provider's words came back: %q", a.Detail)
			}
		}
	},
	"an erased contact is known, cannot change, and is not listed": func(w *world) {
		p := w.person()
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		again := must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now.Add(1e9))))(w)
		if !again.At.Equal(w.now) {
			w.Errorf("erased again at %s", again.At)
		}
		if k := w.recipient(dispatcher.Recipient{ContactID: p.contact}); k.Missing || k.AddressID != "" {
			w.Errorf("known as %+v", k)
		}
		d := w.draft(person{contact: p.contact}, vocab.Breach)
		w.submit(d)
		if m := w.message(d.Message.ID); m.Decision.Reason != consent.ContactErased {
			w.Errorf("reason %s", m.Decision.Reason)
		}
		_, err := w.contacts.Update(w.ctx, p.contact, w.now, func(c contacts.Contact) (contacts.Contact, error) { return c, nil })
		w.refused(err, fault.Conflict, "contact_erased")
		_, err = w.contacts.AddAddress(w.ctx, p.contact, email(p.email), w.now)
		w.refused(err, fault.Conflict, "contact_erased")
		_, err = w.contacts.Erase(w.ctx, "con_nobody", eraseOrder(w.now))
		w.refused(err, fault.NotFound, "contact_not_found")
		for _, erased := range []bool{false, true} {
			found := slices.ContainsFunc(must(w.contacts.List(w.ctx, contacts.Filter{Erased: erased}))(w), func(x contacts.Profile) bool { return x.ID == p.contact })
			if found != erased {
				w.Errorf("listed %t with Erased %t", found, erased)
			}
		}
	},
	"an address that comes back is new and meets its suppression": func(w *world) {
		p := w.person()
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		c := must(w.contacts.Create(w.ctx, contacts.Contact{CreatedAt: w.now}, []contacts.NewAddress{email(p.email)}))(w)
		if c.Addresses[0].AddressID == p.address {
			w.Error("the erased address came back")
		}
		d := w.draft(person{c.ID, c.Addresses[0].AddressID, p.email}, vocab.Transactional)
		w.submit(d)
		w.status(dispatcher.Suppressed, d.Message.ID)
		added := must(w.suppressions.Add(w.ctx, vocab.Email, p.email, contacts.Suppression{Reason: contacts.Complaint, CreatedAt: w.now}))(w)
		if added.AddressID != c.Addresses[0].AddressID {
			w.Errorf("a suppression is about address %s, want the living one", added.AddressID)
		}
	},
	"a shared address stays with the others": func(w *world) {
		a, b := w.person(), w.person()
		must(w.contacts.AddAddress(w.ctx, b.contact, email(a.email), w.now))(w)
		must(w.contacts.Erase(w.ctx, a.contact, eraseOrder(w.now)))(w)
		if got := w.suppressed(a.email); len(got) != 0 {
			w.Errorf("suppressions: %v", got)
		}
		if k := w.recipient(dispatcher.Recipient{Lookup: a.email}); k.ContactID != b.contact || k.Sharers != 1 {
			w.Errorf("known as %+v", k)
		}
	},
	"an address that was taken away before is forgotten too": func(w *world) {
		p := w.person()
		id := w.submit(w.draft(p, vocab.Legal))[0]
		must(w.contacts.RemoveAddress(w.ctx, p.contact, p.address, w.now))(w)
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		if to := must(w.ledger.Recipient(w.ctx, id))(w); to.Address != "" {
			w.Error("the address is still there")
		}
	},
	"a number that went to a stranger is forgotten and not suppressed": func(w *world) {
		p := w.person()
		w.ok(w.contacts.MarkReassigned(w.ctx, p.contact, p.address, w.now))
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		if got := w.suppressed(p.email); len(got) != 0 {
			w.Errorf("suppressions: %v", got)
		}
		if k := w.recipient(dispatcher.Recipient{Lookup: p.email}); k.AddressID != "" {
			w.Errorf("known as %+v", k)
		}
	},
}
