package storetest

import (
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

var projectionTests = map[string]func(*world){
	// Whatever happens through the doors, what was kept step by step is what the entries amount to: so the comparison finds nothing and a
	// rebuild changes nothing.
	"what was kept step by step is what a rebuild makes": func(w *world) {
		rapid.Check(w.T, func(t *rapid.T) {
			people := []person{w.person(), w.person()}
			for range rapid.IntRange(1, 12).Draw(t, "events") {
				w.now = w.now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, 80 * time.Hour}).Draw(t, "later"))
				who := rapid.SampledFrom(people).Draw(t, "who")
				if rapid.IntRange(0, 9).Draw(t, "use of data") > 0 {
					w.anyConsent(t, who)
					continue
				}
				if _, _, err := w.consents.Record(w.ctx, consent.Event{
					Kind: rapid.SampledFrom([]consent.EventKind{consent.KindGranted, consent.KindRefused}).Draw(t, "said"), ContactID: who.contact,
					Purpose: consent.ProcessingCore, Scope: consent.ScopeProcessing, Source: consent.SourceOperator, At: w.now,
				}, "", false); err != nil && codeOf(err) != "consent_unchanged" {
					t.Fatal(err)
				}
			}
			before := w.kept(people)
			if b := w.firstDifference(people); b.Why != "" {
				t.Fatalf("what is kept differs: %s", b)
			}
			if n := w.rebuild(people); n != 0 {
				t.Fatalf("a rebuild mended %d contacts", n)
			}
			if diff := cmp.Diff(before, w.kept(people)); diff != "" {
				t.Fatalf("a rebuild changed what was right (-before +after):\n%s", diff)
			}
		})
	},
	"contacts are gone through some at a time, each once": func(w *world) {
		people := []person{w.person(), w.person(), w.person(), w.person(), w.person()}
		for _, p := range people {
			w.grant(p, "news.company")
		}
		after, portions := beforeAll(people), 0
		for last := people[4].contact; after != "" && after < last; portions++ {
			next, b, err := w.consents.CompareProjection(w.ctx, after, 2)
			w.ok(err)
			if b.Why != "" || next != "" && next <= after {
				w.Fatalf("behind %s: %s, then %s", after, b, next)
			}
			after = next
		}
		if portions != 3 {
			w.Errorf("%d portions of two for five contacts", portions)
		}
	},
}

// beforeAll is an id before those of the people, who were made in order, and behind everybody else's.
func beforeAll(people []person) vocab.ContactID {
	id := []byte(people[0].contact)
	id[len(id)-1]--
	return vocab.ContactID(id)
}

// firstDifference compares the people's projection.
func (w *world) firstDifference(people []person) consent.Break {
	w.Helper()
	_, b, err := w.consents.CompareProjection(w.ctx, beforeAll(people), len(people))
	w.ok(err)
	return b
}

func (w *world) rebuild(people []person) int {
	w.Helper()
	_, n, err := w.consents.RebuildProjection(w.ctx, beforeAll(people), len(people))
	w.ok(err)
	return n
}

// keptOf is what is kept of one contact's consents.
type keptOf struct {
	Grants       []consent.HeldGrant
	Unsubscribed *time.Time
	Processing   *time.Time
}

func (w *world) kept(people []person) []keptOf {
	w.Helper()
	var all []keptOf
	for _, p := range people {
		c := must(w.contacts.Get(w.ctx, p.contact))(w)
		all = append(all, keptOf{must(w.consents.OfContact(w.ctx, p.contact))(w), c.UnsubscribedAllAt, c.ProcessingWithdrawnAt})
	}
	return all
}
