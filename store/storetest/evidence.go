package storetest

import (
	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/evidence"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

var evidenceTests = map[string]func(*world){
	"who a message is for is said before and after the erasure": func(w *world) {
		p := w.person()
		d := w.draft(p, vocab.Legal)
		w.submit(d)
		want := evidence.Addressee{Address: vocab.Address(p.email), Name: "Айгүл"}
		if diff := cmp.Diff(want, must(w.ledger.Addressee(w.ctx, d.Message.ID))(w)); diff != "" {
			w.Errorf("addressee mismatch (-want +got):\n%s", diff)
		}
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		if diff := cmp.Diff(evidence.Addressee{ErasedAt: w.now}, must(w.ledger.Addressee(w.ctx, d.Message.ID))(w)); diff != "" {
			w.Errorf("erased addressee mismatch (-want +got):\n%s", diff)
		}
		_, err := w.ledger.Addressee(w.ctx, "msg_nobody")
		w.refused(err, fault.NotFound, "message_not_found")
	},
	"who a message is for is said after a merge": func(w *world) {
		p, survivor := w.person(), w.person()
		d := w.draft(p, vocab.Legal)
		w.submit(d)
		w.settle(w.settlement(w.claim(d.Message.ID)[0])) // of one that is not over, the survivor becomes the recipient
		must(w.consents.Merge(w.ctx, survivor.contact, p.contact, consent.Event{ActorKind: consent.ActorMember, ActorID: "mem_x"}, w.now))(w)
		want := evidence.Addressee{Address: vocab.Address(p.email), Name: "Айгүл", MergedInto: survivor.contact}
		if diff := cmp.Diff(want, must(w.ledger.Addressee(w.ctx, d.Message.ID))(w)); diff != "" {
			w.Errorf("addressee mismatch (-want +got):\n%s", diff)
		}
	},
	"the value beside an entry is the one it commits to, until it is erased": func(w *world) {
		p := w.person()
		var ids []vocab.ConsentEventID
		for _, value := range []string{"192.0.2.7", ""} {
			e, _, err := w.consents.Record(w.ctx, consent.Event{
				Kind: consent.KindGranted, ContactID: p.contact, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email,
				Source: consent.SourceAPI, At: w.now,
			}, value, false)
			w.ok(err)
			ids = append(ids, e.ID)
		}
		first := must(w.consents.Event(w.ctx, ids[0]))(w)
		values := must(w.consents.ValuesBeside(w.ctx, append(ids, "cev_nobody")))(w)
		if v, kept := values[ids[0]]; !kept || len(values) != 1 || v.Value != "192.0.2.7" || v.Check(first.Commitment) != nil {
			w.Errorf("values %+v of %v", values, ids)
		}
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		if values := must(w.consents.ValuesBeside(w.ctx, ids))(w); len(values) != 0 {
			w.Errorf("values after the erasure: %+v", values)
		}
	},
	"suppressions of an address are found when it is erased": func(w *world) {
		p, other := w.person(), w.person()
		manual := must(w.suppressions.Add(w.ctx, vocab.Email, p.email, contacts.Suppression{Reason: contacts.Manual, Origin: "mem_x", CreatedAt: w.now}))(w)
		must(w.suppressions.Add(w.ctx, vocab.Email, other.email, contacts.Suppression{Reason: contacts.Manual, Origin: "mem_x", CreatedAt: w.now}))(w)
		must(w.suppressions.Lift(w.ctx, manual.ID, contacts.Lift{By: "mem_y"}, w.now))(w)
		if list := must(w.suppressions.OfAddress(w.ctx, p.address))(w); len(list) != 1 || list[0].ID != manual.ID || !list[0].LiftedAt.Equal(w.now) {
			w.Errorf("suppressions %+v", list)
		}
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		list := must(w.suppressions.OfAddress(w.ctx, p.address))(w)
		if len(list) != 2 || list[1].Reason != contacts.ErasedContact {
			w.Errorf("suppressions after the erasure: %+v", list)
		}
		if list := must(w.suppressions.OfAddress(w.ctx, "adr_nobody"))(w); len(list) != 0 {
			w.Errorf("suppressions of nobody's address: %+v", list)
		}
	},
}
