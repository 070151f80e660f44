package storetest

import (
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// texted is an SMS that a provider has taken, at the time that it is, and its reference. Ids grow with every call.
func (w *world) texted(provider vocab.ProviderID) (vocab.MessageID, string) {
	w.Helper()
	phone := unique("+7701%s")
	p := must(w.contacts.Create(w.ctx, contacts.Contact{Name: "Айгүл", Language: vocab.Kazakh, CreatedAt: w.now}, []contacts.NewAddress{
		{Channel: vocab.SMS, Value: vocab.Address(phone), Lookup: phone, Verified: true, Primary: true},
	}))(w)
	d := w.draft(person{p.ID, p.Addresses[0].AddressID, phone}, vocab.Security)
	d.Message.Channel, d.Message.Provider = vocab.SMS, provider
	permits := w.claim(w.submit(d)...)
	if len(permits) != 1 {
		w.Fatalf("%d permits, want 1", len(permits))
	}
	w.settle(w.settlement(permits[0]))
	return d.Message.ID, "ref-" + string(d.Message.ID)
}

var awaitedTests = map[string]func(*world){
	"texts that were sent at one time are all found, page by page": func(w *world) {
		provider := vocab.ProviderID(unique("%s"))
		var want []string
		for i := range 7 {
			if i == 5 {
				w.now = w.now.Add(time.Second) // five at once, then two
			}
			_, ref := w.texted(provider)
			want = append(want, ref)
		}
		w.texted("another")
		for _, size := range []int{1, 2, 3, 7, 10} {
			var got []string
			mark := dispatcher.SentMark{At: start.Add(-time.Hour)}
			for range len(want) + 1 {
				refs, last, err := w.ledger.Awaited(w.ctx, provider, mark, size)
				w.ok(err)
				if len(refs) > size {
					w.Errorf("%d texts in a page of %d", len(refs), size)
				}
				if len(refs) == 0 {
					break
				}
				got, mark = append(got, refs...), last
			}
			if diff := cmp.Diff(want, got); diff != "" {
				w.Errorf("in pages of %d mismatch (-want +got):\n%s", size, diff)
			}
		}
	},
	"what has its report is awaited no more": func(w *world) {
		provider := vocab.ProviderID(unique("%s"))
		id, _ := w.texted(provider)
		_, second := w.texted(provider)
		_, _, err := w.ledger.RecordReport(w.ctx, dispatcher.LateReport{MessageID: id, Next: dispatcher.Delivered, At: w.now})
		w.ok(err)
		for mark, want := range map[dispatcher.SentMark][]string{
			{At: w.now.Add(-time.Second)}: {second}, {At: w.now}: {second}, {At: w.now.Add(time.Microsecond)}: nil,
			{At: w.now, MessageID: id}: {second}, {At: w.now, MessageID: vocab.MessageID("msg_z")}: nil,
		} {
			refs, _, err := w.ledger.Awaited(w.ctx, provider, mark, 10)
			w.ok(err)
			if diff := cmp.Diff(want, refs); diff != "" {
				w.Errorf("after %s %s mismatch (-want +got):\n%s", mark.At, mark.MessageID, diff)
			}
		}
	},
}
