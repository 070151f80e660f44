package storetest

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// optIn is a draft of a stranger who signs up for news.
func (w *world) optIn(email string) optin.Draft {
	return optin.Draft{
		Confirmation: optin.Confirmation{
			ID: vocab.ConfirmationID(vocab.NewID(vocab.ConfirmationPrefix)), Kind: optin.OptIn, Address: vocab.Address(email), Channel: vocab.Email,
			Language: vocab.Russian, FormID: "frm_x", CreatedAt: w.now, ExpiresAt: w.now.Add(optin.LinkWithin), RemindAt: w.now.Add(optin.RemindAfter),
			Asked: []optin.Asked{{Purpose: "news.company", TextVersion: 3, TextHash: "abc", Abroad: true}, {Purpose: "event.invite", Topic: "maths", TextHash: "def"}},
		},
		Lookup: email, Name: "Айгүл", Source: consent.SourceSignUpForm, Actor: consent.ActorContact, Policy: "2026-01", Evidence: "192.0.2.7",
	}
}

// byCode makes a draft one that is confirmed by a code.
func byCode(d optin.Draft, code string) optin.Draft {
	d.Code, d.ByCode, d.ExpiresAt, d.RemindAt = code, true, d.CreatedAt.Add(optin.CodeWithin), time.Time{}
	return d
}

// asked keeps a draft that must be sent.
func (w *world) asked(d optin.Draft) optin.Confirmation {
	w.Helper()
	outcome, c, err := w.optIns.AskToConfirm(w.ctx, d)
	w.ok(err)
	if outcome != optin.Sent {
		w.Fatalf("got outcome %s, want it sent", outcome)
	}
	return c
}

func (w *world) outcome(d optin.Draft, want optin.Outcome) {
	w.Helper()
	got, c, err := w.optIns.AskToConfirm(w.ctx, d)
	w.ok(err)
	if got != want || (c.ID != "") != (want == optin.Sent) {
		w.Fatalf("got outcome %s with confirmation %q, want %s", got, c.ID, want)
	}
}

func (w *world) press(c optin.Confirmation, p optin.Press) optin.Answer {
	w.Helper()
	if p.At.IsZero() {
		p.At = w.now
	}
	return must(w.optIns.Confirm(w.ctx, c.ID, p))(w)
}

// grantOf returns the state of a contact's grant.
func (w *world) grantOf(contact vocab.ContactID, purpose vocab.Purpose) consent.HeldGrant {
	w.Helper()
	for _, g := range must(w.consents.OfContact(w.ctx, contact))(w) {
		if g.Key.Purpose == purpose {
			return g
		}
	}
	return consent.HeldGrant{Grant: consent.Grant{State: consent.None}}
}

func (w *world) state(contact vocab.ContactID, purpose vocab.Purpose, want consent.State) {
	w.Helper()
	if got := w.grantOf(contact, purpose).Grant.State; got != want {
		w.Fatalf("%s is %s, want %s", purpose, got, want)
	}
}

var optInTests = map[string]func(*world){
	"a stranger is asked, and a press grants": func(w *world) {
		email := unique("%s@example.org")
		c := w.asked(w.optIn(email))
		w.state(c.ContactID, "news.company", consent.Pending)
		p := must(w.contacts.Get(w.ctx, c.ContactID))(w)
		if p.Name != "Айгүл" || p.Language != vocab.Russian || p.Addresses[0].VerifiedAt != nil {
			w.Errorf("contact %+v", p)
		}
		kept := must(w.optIns.Confirmation(w.ctx, c.ID))(w)
		if diff := cmp.Diff(c, kept); diff != "" {
			w.Errorf("confirmation mismatch (-asked +kept):\n%s", diff)
		}
		w.now = w.now.Add(time.Hour)
		done := w.press(c, optin.Press{Language: vocab.Kazakh, Hashes: map[vocab.Purpose]string{"news.company": "kk-abc"}, Policy: "2026-02", Evidence: "198.51.100.7"})
		if done.Result != optin.Confirmed || !done.Confirmation.UsedAt.Equal(w.now) {
			w.Fatalf("answer %+v", done)
		}
		g := w.grantOf(c.ContactID, "news.company")
		e := must(w.consents.Event(w.ctx, g.Grant.Event))(w)
		got := consent.Event{
			Kind: e.Kind, Source: e.Source, Proof: e.Proof, ProofRef: e.ProofRef, Language: e.Language, TextVersion: e.TextVersion, TextHash: e.TextHash,
			PolicyVersion: e.PolicyVersion, AddressID: e.AddressID, At: e.At, ValidUntil: e.ValidUntil, ActorKind: e.ActorKind,
		}
		want := consent.Event{
			Kind: consent.KindConfirmed, Source: consent.SourceConfirmLink, Proof: consent.ProofDoubleOptIn, ProofRef: string(c.Asked[0].Request),
			Language: vocab.Kazakh, TextVersion: 3, TextHash: "kk-abc", PolicyVersion: "2026-02", AddressID: c.AddressID, At: w.now,
			ValidUntil: w.now.AddDate(2, 0, 0), ActorKind: consent.ActorContact,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			w.Errorf("event mismatch (-want +got):\n%s", diff)
		}
		if e.Commitment == "" || !g.CrossBorder || g.Grant.Text != 3 {
			w.Errorf("grant %+v with commitment %q", g, e.Commitment)
		}
		w.state(c.ContactID, "event.invite", consent.Granted)
		if p := must(w.contacts.Get(w.ctx, c.ContactID))(w); p.Addresses[0].VerifiedAt == nil || !p.Addresses[0].VerifiedAt.Equal(w.now) {
			w.Errorf("address %+v is not proved", p.Addresses[0])
		}
		first := w.now
		w.now = w.now.Add(30 * 24 * time.Hour)
		if again := w.press(c, optin.Press{}); again.Result != optin.Already || !again.Confirmation.UsedAt.Equal(first) {
			w.Errorf("second press: %+v", again)
		}
		w.chain()
	},
	"of many presses at once one acts": func(w *world) {
		c := w.asked(w.optIn(unique("%s@example.org")))
		var now, before atomic.Int32
		for _, err := range twins(12, func(int) error {
			a, err := w.optIns.Confirm(w.ctx, c.ID, optin.Press{At: w.now})
			switch a.Result {
			case optin.Confirmed:
				now.Add(1)
			case optin.Already:
				before.Add(1)
			case optin.Gone:
			}
			return err
		}) {
			w.ok(err)
		}
		if now.Load() != 1 || before.Load() != 11 {
			w.Errorf("%d presses confirmed and %d came later, want 1 and 11", now.Load(), before.Load())
		}
		confirmed := 0
		for _, e := range must(w.consents.EventsOf(w.ctx, c.ContactID, "", 50))(w) {
			if e.Kind == consent.KindConfirmed {
				confirmed++
			}
		}
		if confirmed != 2 {
			w.Errorf("%d entries of confirmations, want one for each wish", confirmed)
		}
	},
	"of many requests at once three are sent, and one contact is made": func(w *world) {
		email := unique("%s@example.org")
		var sent atomic.Int32
		for _, err := range twins(10, func(int) error {
			outcome, _, err := w.optIns.AskToConfirm(w.ctx, w.optIn(email))
			if outcome == optin.Sent {
				sent.Add(1)
			}
			return err
		}) {
			w.ok(err)
		}
		list := must(w.contacts.List(w.ctx, contacts.Filter{Channel: vocab.Email, Lookup: email}))(w)
		if sent.Load() != optin.MaxPerDay || len(list) != 1 {
			w.Errorf("%d were sent to %d contacts, want %d to one", sent.Load(), len(list), optin.MaxPerDay)
		}
		w.now = w.now.Add(24*time.Hour - time.Microsecond)
		w.outcome(w.optIn(email), optin.Limited)
		w.now = w.now.Add(time.Microsecond)
		w.outcome(w.optIn(email), optin.Sent)
	},
	"a link ends after 72 hours": func(w *world) {
		c := w.asked(w.optIn(unique("%s@example.org")))
		w.now = w.now.Add(optin.LinkWithin)
		if a := w.press(c, optin.Press{}); a.Result != optin.Gone {
			w.Errorf("answer %+v", a)
		}
		w.state(c.ContactID, "news.company", consent.Pending)
		w.now = w.now.Add(-time.Microsecond)
		if a := w.press(c, optin.Press{}); a.Result != optin.Confirmed {
			w.Errorf("a moment before: %+v", a)
		}
	},
	"a code has five tries and ten minutes": func(w *world) {
		a := w.asked(byCode(w.optIn(unique("%s@example.org")), "012345"))
		if !a.ByCode {
			w.Errorf("confirmation %+v", a)
		}
		for range optin.MaxTries {
			if got := w.press(a, optin.Press{Code: "543210"}); got.Result != optin.Gone {
				w.Fatalf("a wrong code: %+v", got)
			}
		}
		if got := w.press(a, optin.Press{Code: "012345"}); got.Result != optin.Gone {
			w.Errorf("the right code after %d wrong ones: %+v", optin.MaxTries, got)
		}
		b := w.asked(byCode(w.optIn(unique("%s@example.org")), "012345"))
		if got := w.press(b, optin.Press{Code: "012345", At: w.now.Add(optin.CodeWithin)}); got.Result != optin.Gone {
			w.Errorf("after ten minutes: %+v", got)
		}
		if got := w.press(b, optin.Press{}); got.Result != optin.Gone {
			w.Errorf("without the code: %+v", got)
		}
		for range optin.MaxTries - 1 {
			w.press(b, optin.Press{Code: "000000"})
		}
		if got := w.press(b, optin.Press{Code: "012345"}); got.Result != optin.Confirmed {
			w.Errorf("the fifth try: %+v", got)
		}
		g := w.grantOf(b.ContactID, "news.company")
		if e := must(w.consents.Event(w.ctx, g.Grant.Event))(w); e.Proof != consent.ProofOneTimeCode || e.ProofRef != string(b.ID) {
			w.Errorf("entry %+v", e)
		}
	},
	"of many guesses at once five count": func(w *world) {
		c := w.asked(byCode(w.optIn(unique("%s@example.org")), "012345"))
		for _, err := range twins(12, func(int) error {
			_, err := w.optIns.Confirm(w.ctx, c.ID, optin.Press{At: w.now, Code: "111111"})
			return err
		}) {
			w.ok(err)
		}
		if got := must(w.optIns.Confirmation(w.ctx, c.ID))(w); got.Tries != optin.MaxTries {
			w.Errorf("%d tries, want %d", got.Tries, optin.MaxTries)
		}
	},
	"nothing is written about an address that is suppressed": func(w *world) {
		for _, reason := range []contacts.SuppressionReason{contacts.HardBounce, contacts.Complaint, contacts.ChannelStop, contacts.Manual} {
			known, unknown := w.person(), unique("%s@example.org")
			for _, email := range []string{known.email, unknown} {
				must(w.suppressions.Add(w.ctx, vocab.Email, email, contacts.Suppression{Reason: reason, CreatedAt: w.now}))(w)
				w.outcome(w.optIn(email), optin.Suppressed)
			}
			w.state(known.contact, "news.company", consent.None)
			if list := must(w.contacts.List(w.ctx, contacts.Filter{Channel: vocab.Email, Lookup: unknown}))(w); len(list) != 0 {
				w.Errorf("%s: a contact was made: %+v", reason, list)
			}
		}
	},
	"nor about a contact whose data are blocked": func(w *world) {
		p := w.person()
		must(w.contacts.Update(w.ctx, p.contact, w.now, func(c contacts.Contact) (contacts.Contact, error) {
			c.DataBlockedAt = &w.now
			return c, nil
		}))(w)
		w.outcome(w.optIn(p.email), optin.Suppressed)
		w.state(p.contact, "news.company", consent.None)
	},
	"who is known by an address is asked, unless they are written to at another": func(w *world) {
		p := w.person()
		if c := w.asked(w.optIn(p.email)); c.ContactID != p.contact || c.AddressID != p.address {
			w.Errorf("confirmation %+v, want it of contact %s", c, p.contact)
		}
		shared := unique("%s@example.org")
		must(w.contacts.AddAddress(w.ctx, p.contact, contacts.NewAddress{Channel: vocab.Email, Value: vocab.Address(shared), Lookup: shared}, w.now))(w)
		c := w.asked(w.optIn(shared))
		if c.ContactID == p.contact {
			w.Error("whoever reads the second mailbox can agree to mail to the first")
		}
		if again := w.asked(w.optIn(shared)); again.ContactID != c.ContactID {
			w.Errorf("asked again, contact %s became %s", c.ContactID, again.ContactID)
		}
	},
	"a contact that is named": func(w *world) {
		p := w.person()
		d := w.optIn("")
		d.ContactID, d.Address, d.Lookup = p.contact, "", ""
		if c := w.asked(d); c.AddressID != p.address || c.Address.Reveal() != p.email {
			w.Errorf("confirmation %+v", c)
		}
		d.Channel = vocab.SMS
		_, _, err := w.optIns.AskToConfirm(w.ctx, d)
		w.refused(err, fault.Conflict, "address_missing")
		d.ContactID = vocab.ContactID(vocab.NewID(vocab.ContactPrefix))
		_, _, err = w.optIns.AskToConfirm(w.ctx, d)
		w.refused(err, fault.NotFound, "contact_not_found")
	},
	"a no that came meanwhile stands": func(w *world) {
		c := w.asked(w.optIn(unique("%s@example.org")))
		must(w.consents.Withdraw(w.ctx, dispatcher.Withdrawal{ContactID: c.ContactID, Event: consent.Event{
			Kind: consent.KindWithdrawn, Scope: consent.ScopeAll, Source: consent.SourceAPI, ActorKind: consent.ActorContact,
		}}, w.now.Add(time.Minute), dispatcher.Covered))(w)
		w.now = w.now.Add(time.Hour)
		if a := w.press(c, optin.Press{}); a.Result != optin.Gone {
			w.Errorf("answer %+v", a)
		}
		w.state(c.ContactID, "news.company", consent.Refusal)
		if p := must(w.contacts.Get(w.ctx, c.ContactID))(w); p.Addresses[0].VerifiedAt != nil {
			w.Error("the press that did nothing proved the address")
		}
		w.now = w.now.Add(time.Hour)
		again := w.asked(w.optIn(c.Address.Reveal()))
		if a := w.press(again, optin.Press{}); a.Result != optin.Confirmed {
			w.Errorf("asked again: %+v", a)
		}
		if p := must(w.contacts.Get(w.ctx, c.ContactID))(w); p.UnsubscribedAllAt != nil {
			w.Error("still unsubscribed from all after signing up and confirming")
		}
	},
	"what is granted already is renewed, and two links grant once": func(w *world) {
		p := w.person()
		w.grant(p, "news.company")
		w.now = w.now.Add(time.Hour)
		a := w.asked(w.optIn(p.email))
		b := w.asked(w.optIn(p.email))
		w.state(p.contact, "news.company", consent.Granted)
		w.now = w.now.Add(time.Hour)
		w.press(a, optin.Press{})
		w.press(b, optin.Press{})
		var kinds []consent.EventKind
		for _, e := range must(w.consents.EventsOf(w.ctx, p.contact, "", 50))(w) {
			if e.Purpose == "news.company" {
				kinds = append(kinds, e.Kind)
			}
		}
		slices.Reverse(kinds)
		want := []consent.EventKind{consent.KindGranted, consent.KindRequested, consent.KindRequested, consent.KindRenewed}
		if diff := cmp.Diff(want, kinds); diff != "" {
			w.Errorf("entries mismatch (-want +got):\n%s", diff)
		}
		if g := w.grantOf(p.contact, "news.company"); !g.Grant.ValidUntil.Equal(w.now.AddDate(2, 0, 0)) {
			w.Errorf("valid until %v", g.Grant.ValidUntil)
		}
		w.chain()
	},
	"an address that went away confirms nothing": func(w *world) {
		p := w.person()
		c := w.asked(w.optIn(p.email))
		w.ok(w.contacts.MarkReassigned(w.ctx, p.contact, p.address, w.now))
		if a := w.press(c, optin.Press{}); a.Result != optin.Gone {
			w.Errorf("answer %+v", a)
		}
	},
	"a proof of an address proves it and grants nothing": func(w *world) {
		p := w.person()
		d := byCode(w.optIn(""), "424242")
		d.Kind, d.Asked, d.ContactID, d.AddressID, d.Address, d.Lookup, d.Channel = optin.AddressProof, nil, p.contact, p.address, "", "", ""
		c := w.asked(d)
		if c.Channel != vocab.Email || c.Address.Reveal() != p.email {
			w.Errorf("confirmation %+v", c)
		}
		if a := w.press(c, optin.Press{Code: "424242"}); a.Result != optin.Confirmed {
			w.Errorf("answer %+v", a)
		}
		if a := w.press(c, optin.Press{Code: "424243"}); a.Result != optin.Gone {
			w.Errorf("another code for a proof that is used: %+v", a)
		}
		if n := len(must(w.consents.EventsOf(w.ctx, p.contact, "", 50))(w)); n != 0 {
			w.Errorf("%d entries of the ledger", n)
		}
	},
}
