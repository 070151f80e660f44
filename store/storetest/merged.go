package storetest

import (
	"encoding/json"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/disclosures"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/proof"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// mergedTests are about what still stands under the id of somebody who has become another contact.
var mergedTests = map[string]func(*world){
	"nobody is asked to renew what a merged or erased contact had granted": func(w *world) {
		end := w.far()
		a, b, gone := w.person(), w.person(), w.person()
		mine := w.grantUntil(a, "", end)
		w.grantUntil(b, "", end)
		w.grantUntil(gone, "", end)
		w.merge(a, b)
		must(w.contacts.Erase(w.ctx, gone.contact, eraseOrder(w.now)))(w)
		var got []vocab.ConsentEventID
		for _, g := range must(w.consents.Ending(w.ctx, end.AddDate(0, 0, -7), end, 7, dispatcher.EndingGrant{}, 10))(w) {
			got = append(got, g.Event)
		}
		if diff := cmp.Diff([]vocab.ConsentEventID{mine.ID}, got); diff != "" {
			w.Errorf("grants that are asked about (-want +got):\n%s", diff)
		}
	},
	"the survivor learns to whom the data of the merged contact were given": func(w *world) {
		a, b := w.person(), w.person()
		both, theirs := w.draftDisclosure(a.contact, b.contact), w.draftDisclosure(b.contact)
		w.merge(a, b)
		var got []vocab.DisclosureID
		for _, d := range must(store.NewDisclosures(w.db).List(w.ctx, disclosures.Filter{ContactID: a.contact, Limit: 5}))(w) {
			got = append(got, d.ID)
		}
		if diff := cmp.Diff([]vocab.DisclosureID{theirs.ID, both.ID}, got); diff != "" {
			w.Errorf("disclosures (-want +got):\n%s", diff)
		}
	},
	"a certificate counts what remains under either name": func(w *world) {
		a, b := w.person(), w.person()
		w.grant(a, "news.company")
		w.grant(b, "news.company")
		w.settle(w.settlement(w.claimed(w.draft(b, vocab.Legal))))
		w.merge(a, b)
		must(w.contacts.Erase(w.ctx, a.contact, eraseOrder(w.now)))(w)
		var got contacts.Certificate
		w.ok(json.Unmarshal(must(proof.Document(must(w.contacts.ErasureCertificate(w.ctx, a.contact))(w)))(w), &got))
		remains := map[contacts.RemainingKind]int{}
		for _, x := range got.Remains {
			remains[x.Kind] = x.Count
		}
		if diff := cmp.Diff(map[contacts.RemainingKind]int{
			contacts.RemainingContact: 2, contacts.RemainingConsents: 2, contacts.RemainingMessages: 1, contacts.RemainingSuppressions: 2,
			contacts.RemainingShared: 0,
		}, remains); diff != "" {
			w.Errorf("remains (-want +got):\n%s", diff)
		}
	},
	"a merge is told of both": func(w *world) {
		a, b := w.person(), w.person()
		must(w.contacts.Update(w.ctx, b.contact, w.now, func(c contacts.Contact) (contacts.Contact, error) {
			c.TimeZone = "Asia/Almaty"
			return c, nil
		}))(w)
		from := w.mark()
		w.merge(a, b)
		told := w.follow(from)
		for who, want := range map[vocab.ContactID][]string{a.contact: {"time_zone", "addresses"}, b.contact: {"merged_into"}} {
			var got []string
			for _, e := range told {
				if e.Type == events.ContactUpdated && e.Data.ContactID == who {
					got = append(got, e.Data.Changed...)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				w.Errorf("told of %s (-want +got):\n%s", who, diff)
			}
		}
	},
	"what either has proved or lost of a shared address stays proved or lost": func(w *world) {
		a, b := w.person(), w.person()
		proved, lost := unique("%s@example.org"), unique("%s@example.org")
		must(w.contacts.AddAddress(w.ctx, a.contact, email(proved), w.now))(w)
		theirs := must(w.contacts.AddAddress(w.ctx, b.contact, email(proved), w.now))(w)
		w.ok(w.contacts.VerifyAddress(w.ctx, b.contact, theirs, w.now))
		must(w.contacts.AddAddress(w.ctx, a.contact, email(lost), w.now))(w)
		gone := must(w.contacts.AddAddress(w.ctx, b.contact, email(lost), w.now))(w)
		w.ok(w.contacts.MarkReassigned(w.ctx, b.contact, gone, w.now))
		w.merge(a, b)
		found := 0
		for _, x := range w.profile(a).Addresses {
			switch x.Key {
			case proved:
				found++
				if x.VerifiedAt == nil {
					w.Error("what the other one had proved is not proved")
				}
			case lost:
				found++
				if x.ReassignedAt == nil {
					w.Error("an address that went to somebody else is back")
				}
			}
		}
		if found != 2 {
			w.Errorf("%d of 2 addresses", found)
		}
	},
	"a pause of either goes on": func(w *world) {
		a, b := w.person(), w.person()
		e := w.event(b, consent.KindPaused)
		e.Scope, e.Purpose, e.Channel, e.ValidUntil = consent.ScopeAll, "", "", w.now.AddDate(0, 0, 30)
		until := must(w.consents.Pause(w.ctx, e))(w)
		w.merge(a, b)
		if got := w.profile(a).PausedUntil; got == nil || !got.Equal(until) {
			w.Errorf("paused until %v, want %s", got, until)
		}
	},
	"only what both agreed to goes abroad": func(w *world) {
		a, b := w.person(), w.person()
		for p, abroad := range map[person]bool{a: true, b: false} {
			must2(w.consents.Record(w.ctx, w.event(p, consent.KindGranted), "", abroad))(w)
		}
		w.merge(a, b)
		if g := w.grantOf(a.contact, "news.company"); g.Grant.State != consent.Granted || g.CrossBorder {
			w.Errorf("grant %+v", g)
		}
	},
	"an external id follows through two merges": func(w *world) {
		a, b, c := w.person(), w.person(), w.person()
		ids := map[vocab.ContactID]string{}
		for _, p := range []person{a, b, c} {
			ids[p.contact] = unique("%s")
			must(w.contacts.Update(w.ctx, p.contact, w.now, func(x contacts.Contact) (contacts.Contact, error) {
				x.ExternalID = ids[p.contact]
				return x, nil
			}))(w)
		}
		w.merge(b, c)
		w.merge(a, b)
		for _, id := range ids {
			if list := must(w.contacts.List(w.ctx, contacts.Filter{ExternalID: id, Limit: 2}))(w); len(list) != 1 || list[0].ID != a.contact {
				w.Errorf("the external id finds %+v", list)
			}
		}
	},
}
