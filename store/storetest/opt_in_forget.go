package storetest

import (
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// forget forgets every stranger whose time has come.
func (w *world) forget() {
	w.Helper()
	order := eraseOrder(w.now)
	order.LeaveOpen = true
	for more := true; more; {
		var err error
		_, more, err = w.optIns.Forget(w.ctx, order, 20)
		w.ok(err)
	}
}

// stillKnown checks whether it is still known who a contact is.
func (w *world) stillKnown(id vocab.ContactID, want bool) {
	w.Helper()
	p := must(w.contacts.Get(w.ctx, id))(w)
	if got := p.ErasedAt == nil; got != want {
		w.Fatalf("contact is kept: %t, want %t", got, want)
	}
	if !want && (p.Name != "" || len(p.Addresses) > 0) {
		w.Fatalf("there is still %+v", p)
	}
}

// choose records that a contact said yes or no to invitations.
func (w *world) choose(id vocab.ContactID, kind consent.EventKind) error {
	_, _, err := w.consents.Record(w.ctx, consent.Event{
		Kind: kind, ContactID: id, Scope: consent.ScopePurpose, Purpose: "event.invite", Channel: vocab.Email, Source: consent.SourceAPI, At: w.now,
	}, "", false)
	return err
}

func (w *world) changed(id vocab.ContactID, change func(*contacts.Contact)) {
	w.Helper()
	must(w.contacts.Update(w.ctx, id, w.now, func(c contacts.Contact) (contacts.Contact, error) {
		change(&c)
		return c, nil
	}))(w)
}

var optInForgetTests = map[string]func(*world){
	"who never confirmed is forgotten after thirty days, and may come back": func(w *world) {
		email := unique("%s@example.org")
		c := w.asked(w.optIn(email))
		w.now = w.now.Add(optin.AskedLately - time.Microsecond)
		w.forget()
		w.stillKnown(c.ContactID, true)
		w.now = w.now.Add(time.Microsecond)
		w.forget()
		w.stillKnown(c.ContactID, false)
		if got := w.suppressed(email); len(got) > 0 {
			w.Errorf("the address is suppressed: %v", got)
		}
		for _, e := range must(w.consents.RecordsOf(w.ctx, c.ContactID, 0, 100))(w) {
			if e.Evidence != "" {
				w.Errorf("the evidence of %s is still there", e.Event.ID)
			}
		}
		if jws := must(w.contacts.ErasureCertificate(w.ctx, c.ContactID))(w); jws == "" {
			w.Error("there is no certificate")
		}
		if a := w.press(c, optin.Press{}); a.Result != optin.Gone {
			w.Errorf("the old link: %+v", a)
		}
		again := w.asked(w.optIn(email))
		if again.ContactID == c.ContactID {
			w.Error("the forgotten contact is asked")
		}
		if a := w.press(again, optin.Press{}); a.Result != optin.Confirmed {
			w.Errorf("the new link: %+v", a)
		}
		w.chain()
	},
	"who is asked again is kept thirty days from then": func(w *world) {
		email := unique("%s@example.org")
		c := w.asked(w.optIn(email))
		first := w.now
		w.now = w.now.AddDate(0, 0, 20)
		if again := w.asked(w.optIn(email)); again.ContactID != c.ContactID {
			w.Fatal("another contact is asked")
		}
		w.now = first.Add(optin.AskedLately)
		w.forget()
		w.stillKnown(c.ContactID, true)
		w.now = first.AddDate(0, 0, 20).Add(optin.AskedLately)
		w.forget()
		w.stillKnown(c.ContactID, false)
	},
	"who is known otherwise is kept": func(w *world) {
		type stranger struct {
			optin.Confirmation

			email string
		}
		for name, meet := range map[string]func(stranger){
			"by a press":        func(s stranger) { w.press(s.Confirmation, optin.Press{}) },
			"by a grant":        func(s stranger) { w.ok(w.choose(s.ContactID, consent.KindGranted)) },
			"by a no":           func(s stranger) { w.ok(w.choose(s.ContactID, consent.KindRefused)) },
			"by an external id": func(s stranger) { w.changed(s.ContactID, func(c *contacts.Contact) { c.ExternalID = unique("hr-%s") }) },
			"by attributes": func(s stranger) {
				w.changed(s.ContactID, func(c *contacts.Contact) { c.Attributes = map[string]any{"school": "7"} })
			},
			"by a message": func(s stranger) {
				p := must(w.contacts.Get(w.ctx, s.ContactID))(w)
				w.submit(w.draft(person{contact: s.ContactID, address: p.Addresses[0].ID, email: s.email}, vocab.Legal))
			},
			"by a merge": func(s stranger) {
				must(w.consents.Merge(w.ctx, s.ContactID, w.person().contact, consent.Event{ActorKind: consent.ActorMember, ActorID: "mem_x"}, w.now))(w)
			},
		} {
			email := unique("%s@example.org")
			s := stranger{w.asked(w.optIn(email)), email}
			meet(s)
			now := w.now
			w.now = w.now.AddDate(1, 0, 0)
			w.forget()
			if must(w.contacts.Get(w.ctx, s.ContactID))(w).ErasedAt != nil {
				w.Errorf("who is known %s was forgotten", name)
			}
			w.now = now
		}
	},
	"a contact whom no sign-up made is kept": func(w *world) {
		p := w.person()
		d := w.optIn(p.email)
		d.ContactID, d.Lookup = p.contact, ""
		w.asked(d)
		w.now = w.now.AddDate(1, 0, 0)
		w.forget()
		w.stillKnown(p.contact, true)
	},
	"who confirms while everybody is forgotten is either known or gone": func(w *world) {
		c := w.asked(w.optIn(unique("%s@example.org")))
		w.now = w.now.Add(optin.AskedLately)
		errs := twins(8, func(i int) error {
			if i%2 == 0 {
				return w.choose(c.ContactID, consent.KindRefused)
			}
			order := eraseOrder(w.now)
			order.LeaveOpen = true
			_, _, err := w.optIns.Forget(w.ctx, order, 20)
			return err
		})
		for _, err := range errs {
			if err != nil && fault.KindOf(err) != fault.Conflict && fault.KindOf(err) != fault.NotFound {
				w.Error(err)
			}
		}
		said := slices.ContainsFunc(must(w.consents.EventsOf(w.ctx, c.ContactID, "", 50))(w), func(e consent.Event) bool { return e.Kind == consent.KindRefused })
		erased := must(w.contacts.Get(w.ctx, c.ContactID))(w).ErasedAt != nil
		if !said && !erased {
			w.Error("neither came through")
		}
		w.chain()
	},
}
