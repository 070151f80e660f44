package storetest

import (
	"encoding/json"

	"github.com/google/go-cmp/cmp"

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
}
