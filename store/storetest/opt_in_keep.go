package storetest

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// reminded returns which of the confirmations are reminded now. Other tests' may be among those that are taken.
func (w *world) reminded(cs ...optin.Confirmation) map[vocab.ConfirmationID]bool {
	w.Helper()
	mine := map[vocab.ConfirmationID]bool{}
	for _, c := range cs {
		mine[c.ID] = false
	}
	for more := true; more; {
		var due []optin.Confirmation
		var err error
		due, more, err = w.optIns.Remind(w.ctx, w.now, 3)
		w.ok(err)
		for _, c := range due {
			if _, asked := mine[c.ID]; asked {
				mine[c.ID] = true
			}
			if !c.RemindedAt.IsZero() || c.Address == "" {
				w.Errorf("reminder of %+v", c)
			}
		}
	}
	return mine
}

var optInKeepTests = map[string]func(*world){
	"one reminder after a day, for those who have not answered": func(w *world) {
		silent, pressed, refused, bounced := w.asked(w.optIn(unique("%s@example.org"))), w.asked(w.optIn(unique("%s@example.org"))),
			w.asked(w.optIn(unique("%s@example.org"))), w.asked(w.optIn(unique("%s@example.org")))
		coded := w.asked(byCode(w.optIn(unique("%s@example.org")), "123456"))
		w.press(pressed, optin.Press{})
		must(w.consents.Withdraw(w.ctx, dispatcher.Withdrawal{ContactID: refused.ContactID, Event: consent.Event{
			Kind: consent.KindWithdrawn, Scope: consent.ScopeAll, Source: consent.SourceAPI, ActorKind: consent.ActorContact,
		}}, w.now, dispatcher.Covered))(w)
		must(w.suppressions.Add(w.ctx, vocab.Email, bounced.Address.Reveal(), contacts.Suppression{Reason: contacts.HardBounce, CreatedAt: w.now}))(w)
		all := []optin.Confirmation{silent, pressed, refused, bounced, coded}
		none := map[vocab.ConfirmationID]bool{silent.ID: false, pressed.ID: false, refused.ID: false, bounced.ID: false, coded.ID: false}
		w.now = w.now.Add(optin.RemindAfter - time.Second)
		if diff := cmp.Diff(none, w.reminded(all...)); diff != "" {
			w.Errorf("too early (-want +got):\n%s", diff)
		}
		w.now = w.now.Add(time.Second)
		want := map[vocab.ConfirmationID]bool{silent.ID: true, pressed.ID: false, refused.ID: false, bounced.ID: false, coded.ID: false}
		if diff := cmp.Diff(want, w.reminded(all...)); diff != "" {
			w.Errorf("after a day (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(none, w.reminded(all...)); diff != "" {
			w.Errorf("a second time (-want +got):\n%s", diff)
		}
		if c := must(w.optIns.Confirmation(w.ctx, silent.ID))(w); !c.RemindedAt.Equal(w.now) {
			w.Errorf("reminded at %v", c.RemindedAt)
		}
	},
	"no reminder of a link that has ended": func(w *world) {
		c := w.asked(w.optIn(unique("%s@example.org")))
		w.now = w.now.Add(optin.LinkWithin)
		if w.reminded(c)[c.ID] {
			w.Error("reminded of a link that cannot be pressed any more")
		}
	},
	"a request that nobody confirms lapses": func(w *world) {
		c := w.asked(w.optIn(unique("%s@example.org")))
		w.lapse()
		w.state(c.ContactID, "news.company", consent.Pending)
		asked := w.now
		w.now = w.now.Add(consent.ConfirmWithin + time.Hour)
		w.lapse()
		w.state(c.ContactID, "news.company", consent.Lapsed)
		w.state(c.ContactID, "event.invite", consent.Lapsed)
		g := w.grantOf(c.ContactID, "news.company")
		e := must(w.consents.Event(w.ctx, g.Grant.Event))(w)
		if e.Kind != consent.KindLapsed || !e.At.Equal(asked.Add(consent.ConfirmWithin)) || !e.RecordedAt.Equal(w.now) {
			w.Errorf("entry %+v", e)
		}
		n := len(must(w.consents.EventsOf(w.ctx, c.ContactID, "", 50))(w))
		w.lapse()
		if again := len(must(w.consents.EventsOf(w.ctx, c.ContactID, "", 50))(w)); again != n {
			w.Errorf("lapsed twice: %d entries became %d", n, again)
		}
		if again := w.asked(w.optIn(c.Address.Reveal())); again.ContactID != c.ContactID {
			w.Errorf("asked again: %+v", again)
		}
		w.state(c.ContactID, "news.company", consent.Pending)
		w.chain()
	},
	"sign-ups are counted by where they come from, for a while": func(w *world) {
		source, until := unique("192.0.2.%s"), w.now.Add(10*time.Minute)
		for want := 1; want <= 3; want++ {
			if n := must(w.optIns.CountSignUp(w.ctx, source, until))(w); n != want {
				w.Errorf("count %d, want %d", n, want)
			}
		}
		for _, err := range twins(9, func(int) error {
			_, err := w.optIns.CountSignUp(w.ctx, source, until)
			return err
		}) {
			w.ok(err)
		}
		if n := must(w.optIns.CountSignUp(w.ctx, source, until))(w); n != 13 {
			w.Errorf("count %d after all at once, want 13", n)
		}
		if n := must(w.optIns.CountSignUp(w.ctx, source, until.Add(time.Minute)))(w); n != 1 {
			w.Errorf("count %d in the next while, want 1", n)
		}
		w.ok(w.optIns.ForgetSignUps(w.ctx, until))
		if n := must(w.optIns.CountSignUp(w.ctx, source, until))(w); n != 1 {
			w.Errorf("count %d after it ended, want 1", n)
		}
		if n := must(w.optIns.CountSignUp(w.ctx, source, until.Add(time.Minute)))(w); n != 2 {
			w.Errorf("count %d of a while that goes on, want 2", n)
		}
	},
}

// lapse writes down all that has lapsed, in small portions.
func (w *world) lapse() {
	w.Helper()
	for more := true; more; {
		more = must(w.optIns.Lapse(w.ctx, w.now, 3))(w)
	}
}

var formTests = map[string]func(*world){
	"a form is kept as it was made": func(w *world) {
		forms := store.NewForms(w.db)
		f := w.form()
		kept := must(forms.Create(w.ctx, f))(w)
		f.ID, f.UpdatedAt = kept.ID, f.CreatedAt
		if diff := cmp.Diff(f, kept); diff != "" {
			w.Errorf("form mismatch (-made +kept):\n%s", diff)
		}
		if diff := cmp.Diff(f, must(forms.FormBySlug(w.ctx, f.Slug))(w)); diff != "" {
			w.Errorf("by slug (-made +kept):\n%s", diff)
		}
		if list := must(forms.List(w.ctx, "", 1))(w); len(list) != 1 {
			w.Errorf("list %+v", list)
		}
		if list := must(forms.List(w.ctx, kept.ID, 50))(w); len(list) > 0 && list[0].ID >= kept.ID {
			w.Errorf("list before %s: %s", kept.ID, list[0].ID)
		}
	},
	"a slug is one form's": func(w *world) {
		forms := store.NewForms(w.db)
		a, b := must(forms.Create(w.ctx, w.form()))(w), must(forms.Create(w.ctx, w.form()))(w)
		_, err := forms.Create(w.ctx, a)
		w.refused(err, fault.Conflict, "slug_taken")
		_, err = forms.Update(w.ctx, b.ID, w.now, func(f optin.Form) (optin.Form, error) {
			f.Slug = a.Slug
			return f, nil
		})
		w.refused(err, fault.Conflict, "slug_taken")
		if kept := must(forms.Form(w.ctx, b.ID))(w); kept.Slug != b.Slug {
			w.Errorf("slug %q", kept.Slug)
		}
	},
	"a form is changed and forgotten": func(w *world) {
		forms := store.NewForms(w.db)
		f := must(forms.Create(w.ctx, w.form()))(w)
		changed := must(forms.Update(w.ctx, f.ID, w.now.Add(time.Hour), func(f optin.Form) (optin.Form, error) {
			f.Enabled, f.ID = false, "frm_other"
			return f, nil
		}))(w)
		if kept := must(forms.Form(w.ctx, f.ID))(w); kept.Enabled || !kept.UpdatedAt.Equal(w.now.Add(time.Hour)) || changed.ID != f.ID {
			w.Errorf("form %+v", kept)
		}
		w.ok(forms.Delete(w.ctx, f.ID))
		w.refused(forms.Delete(w.ctx, f.ID), fault.NotFound, "form_not_found")
		_, err := forms.Form(w.ctx, f.ID)
		w.refused(err, fault.NotFound, "form_not_found")
	},
}

func (w *world) form() optin.Form {
	return optin.Form{
		Slug: unique("%s"), Title: map[vocab.Language]string{vocab.Kazakh: "Жаңалықтар", vocab.Russian: "Новости", vocab.English: "News"},
		Boxes: []optin.Box{{Purpose: "news.company", Channel: vocab.Email}, {Purpose: "news.company", Channel: vocab.SMS, Topic: "maths"}}, AskName: true,
		Origins: []string{"https://orleu.example"}, Enabled: true, CreatedAt: w.now,
	}
}
