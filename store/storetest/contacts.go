package storetest

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// email is an address as a parser would give it.
func email(lookup string) contacts.NewAddress {
	return contacts.NewAddress{Channel: vocab.Email, Value: vocab.Address(lookup), Lookup: lookup}
}

// lookups lists the identities of a contact's addresses in order.
func lookups(p contacts.Profile) []string {
	var list []string
	for _, a := range p.Addresses {
		list = append(list, a.Key)
	}
	return list
}

var contactTests = map[string]func(*world){
	"a contact is kept whole": func(w *world) {
		blocked := w.now.Add(-time.Hour)
		a := contacts.NewAddress{Channel: vocab.Email, Value: "Aigul@example.org", Lookup: unique("%s@example.org"), Verified: true, Primary: true}
		want := contacts.Contact{
			ExternalID: unique("%s"), Name: "Айгүл О'Нил", Language: vocab.Kazakh, TimeZone: "Asia/Almaty",
			Attributes: map[string]any{"n": json.Number("12345678901234567890"), "list": []any{"ә", true, nil}}, Minor: true, GuardianConsented: true,
			DataBlockedAt: &blocked, CreatedAt: w.now,
		}
		made := must(w.contacts.Create(w.ctx, want, []contacts.NewAddress{a}))(w)
		want.ID, want.UpdatedAt = made.ID, w.now
		id := made.Addresses[0].AddressID
		profile := contacts.Profile{Contact: want, Addresses: []contacts.LinkedAddress{{
			Address: contacts.Address{ID: id, Channel: vocab.Email, Value: "Aigul@example.org", Key: a.Lookup, CreatedAt: w.now},
			Link:    contacts.Link{ContactID: made.ID, AddressID: id, VerifiedAt: &w.now, Primary: true},
		}}}
		if diff := cmp.Diff(profile, made); diff != "" {
			w.Errorf("Create mismatch (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(profile, must(w.contacts.Get(w.ctx, made.ID))(w)); diff != "" {
			w.Errorf("Get mismatch (-want +got):\n%s", diff)
		}
	},
	"an external id is one contact's": func(w *world) {
		id := unique("%s")
		must(w.contacts.Create(w.ctx, contacts.Contact{ExternalID: id, CreatedAt: w.now}, nil))(w)
		other := email(unique("%s@example.org"))
		_, err := w.contacts.Create(w.ctx, contacts.Contact{ExternalID: id, CreatedAt: w.now}, []contacts.NewAddress{other})
		w.refused(err, fault.Conflict, "external_id_taken")
		if list := must(w.contacts.List(w.ctx, contacts.Filter{Channel: vocab.Email, Lookup: other.Lookup}))(w); len(list) != 0 {
			w.Errorf("half a contact was kept: %+v", list)
		}
		_, err = w.contacts.Update(w.ctx, w.person().contact, w.now, func(c contacts.Contact) (contacts.Contact, error) {
			c.ExternalID = id
			return c, nil
		})
		w.refused(err, fault.Conflict, "external_id_taken")
	},
	"changes at once are all kept": func(w *world) {
		p := w.person()
		for _, err := range twins(10, func(i int) error {
			_, err := w.contacts.Update(w.ctx, p.contact, w.now.Add(time.Second), func(c contacts.Contact) (contacts.Contact, error) {
				c.Attributes[string(rune('a'+i))] = json.Number("1")
				return c, nil
			})
			return err
		}) {
			w.ok(err)
		}
		c := must(w.contacts.Get(w.ctx, p.contact))(w)
		if len(c.Attributes) != 10 || !c.UpdatedAt.Equal(w.now.Add(time.Second)) {
			w.Errorf("got %+v", c.Contact)
		}
	},
	"a change that is refused changes nothing": func(w *world) {
		p, why := w.person(), errors.New("why")
		_, err := w.contacts.Update(w.ctx, p.contact, w.now, func(c contacts.Contact) (contacts.Contact, error) { return contacts.Contact{}, why })
		if !errors.Is(err, why) || must(w.contacts.Get(w.ctx, p.contact))(w).Name != "Айгүл" {
			w.Errorf("got %v", err)
		}
		_, err = w.contacts.Update(w.ctx, "con_nobody", w.now, func(c contacts.Contact) (contacts.Contact, error) { return c, nil })
		w.refused(err, fault.NotFound, "contact_not_found")
		_, err = w.contacts.Get(w.ctx, "con_nobody")
		w.refused(err, fault.NotFound, "contact_not_found")
	},
	"contacts are found by the beginning of a name or an address, in any case": func(w *world) {
		mark := unique("%s")
		id := must(w.contacts.Create(w.ctx, contacts.Contact{Name: "ӘСЕЛ_100% " + mark, CreatedAt: w.now}, []contacts.NewAddress{
			email(mark + ".әсел@example.org"), {Channel: vocab.SMS, Value: "+77011234567", Lookup: "+7701" + mark},
		}))(w).ID
		for query, found := range map[string]bool{
			"әсел_100% " + mark: true, "Әсел_100% " + mark[:9]: true, mark + ".ӘС": true, "+7701" + mark: true,
			"сел_100% " + mark: false, "әсел%" + mark: false, "ӘсеЛX100": false, "+7702" + mark: false,
		} {
			list := must(w.contacts.List(w.ctx, contacts.Filter{Query: query}))(w)
			got := false
			for _, p := range list {
				got = got || p.ID == id
			}
			if got != found {
				w.Errorf("query %q: found %t, want %t", query, got, found)
			}
		}
	},
	"lists have pages, the newest first": func(w *world) {
		language := vocab.Language(unique("%s"))
		var want []vocab.ContactID
		for range 5 {
			c := must(w.contacts.Create(w.ctx, contacts.Contact{Language: language, CreatedAt: w.now}, []contacts.NewAddress{email(unique("%s@example.org"))}))(w)
			want = append([]vocab.ContactID{c.ID}, want...)
		}
		var got []vocab.ContactID
		for after := vocab.ContactID(""); ; after = got[len(got)-1] {
			page := must(w.contacts.List(w.ctx, contacts.Filter{Language: language, After: after, Limit: 2}))(w)
			if len(page) == 0 {
				break
			}
			for _, p := range page {
				got = append(got, p.ID)
				if len(p.Addresses) != 1 {
					w.Errorf("contact %s came with %d addresses", p.ID, len(p.Addresses))
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			w.Errorf("mismatch (-want +got):\n%s", diff)
		}
		c := must(w.contacts.Create(w.ctx, contacts.Contact{ExternalID: unique("%s"), CreatedAt: w.now}, nil))(w)
		if list := must(w.contacts.List(w.ctx, contacts.Filter{ExternalID: c.ExternalID}))(w); len(list) != 1 || list[0].ID != c.ID {
			w.Errorf("by external id: %+v", list)
		}
	},
	"one address of a channel is the primary one": func(w *world) {
		a, b, c := unique("a%s@example.org"), unique("b%s@example.org"), unique("c%s@example.org")
		first, second := email(a), email(b)
		first.Primary, second.Primary = true, true
		p := must(w.contacts.Create(w.ctx, contacts.Contact{CreatedAt: w.now}, []contacts.NewAddress{first, second}))(w)
		if diff := cmp.Diff([]string{b, a}, lookups(p)); diff != "" || p.Addresses[1].Primary {
			w.Errorf("mismatch (-want +got):\n%s", diff)
		}
		w.now = w.now.Add(time.Second)
		third := email(c)
		third.Verified = true
		must(w.contacts.AddAddress(w.ctx, p.ID, third, w.now))(w)
		if diff := cmp.Diff([]string{b, c, a}, lookups(must(w.contacts.Get(w.ctx, p.ID))(w))); diff != "" {
			w.Errorf("mismatch (-want +got):\n%s", diff)
		}
		first.Verified = true
		must(w.contacts.AddAddress(w.ctx, p.ID, first, w.now))(w)
		if diff := cmp.Diff([]string{a, c, b}, lookups(must(w.contacts.Get(w.ctx, p.ID))(w))); diff != "" {
			w.Errorf("mismatch (-want +got):\n%s", diff)
		}
	},
	"an address is proved, goes to somebody else and comes back": func(w *world) {
		lookup := unique("%s@example.org")
		p := must(w.contacts.Create(w.ctx, contacts.Contact{CreatedAt: w.now}, []contacts.NewAddress{email(lookup)}))(w)
		id := p.Addresses[0].AddressID
		w.ok(w.contacts.VerifyAddress(w.ctx, p.ID, id, w.now))
		w.ok(w.contacts.VerifyAddress(w.ctx, p.ID, id, w.now.Add(time.Hour)))
		d := w.draft(person{p.ID, id, lookup}, vocab.Legal)
		w.submit(d)
		w.ok(w.contacts.MarkReassigned(w.ctx, p.ID, id, w.now.Add(time.Minute)))
		a := must(w.contacts.Get(w.ctx, p.ID))(w).Addresses[0]
		if !a.VerifiedAt.Equal(w.now) || a.ReassignedAt == nil {
			w.Errorf("address: %+v", a)
		}
		w.status(dispatcher.Queued, d.Message.ID)
		w.claim(d.Message.ID)
		w.status(dispatcher.Suppressed, d.Message.ID)
		w.refused(w.contacts.VerifyAddress(w.ctx, p.ID, id, w.now), fault.NotFound, "address_not_found")
		must(w.contacts.AddAddress(w.ctx, p.ID, email(lookup), w.now))(w)
		if a := must(w.contacts.Get(w.ctx, p.ID))(w).Addresses[0]; a.VerifiedAt != nil || a.ReassignedAt != nil {
			w.Errorf("address: %+v", a)
		}
		w.refused(w.contacts.MarkReassigned(w.ctx, "con_nobody", id, w.now), fault.NotFound, "address_not_found")
	},
	"what waits for an address that is taken away is canceled": func(w *world) {
		p := w.person()
		other := must(w.contacts.AddAddress(w.ctx, p.contact, email(unique("%s@example.org")), w.now))(w)
		ids := w.submit(w.draft(p, vocab.Legal), w.draft(person{p.contact, other, ""}, vocab.Legal), w.draft(p, vocab.Legal))
		w.claim(ids[2])
		canceled := must(w.contacts.RemoveAddress(w.ctx, p.contact, p.address, w.now))(w)
		if diff := cmp.Diff(ids[:1], canceled); diff != "" {
			w.Errorf("canceled mismatch (-want +got):\n%s", diff)
		}
		w.status(dispatcher.Canceled, ids[0])
		w.status(dispatcher.Queued, ids[1])
		w.status(dispatcher.Sending, ids[2])
		if to := must(w.ledger.Recipient(w.ctx, ids[0]))(w); to.Address.Reveal() != p.email {
			w.Error("who it was for is forgotten")
		}
		_, err := w.contacts.RemoveAddress(w.ctx, p.contact, p.address, w.now)
		w.refused(err, fault.NotFound, "address_not_found")
		_, err = w.contacts.AddAddress(w.ctx, "con_nobody", email("x"), w.now)
		w.refused(err, fault.NotFound, "contact_not_found")
	},
}

// recipient asks for one recipient by email.
func (w *world) recipient(r dispatcher.Recipient) dispatcher.Known {
	w.Helper()
	return must(w.ledger.Recipients(w.ctx, []dispatcher.RecipientQuery{{Channel: vocab.Email, Recipient: r}}))(w)[0]
}

var recipientTests = map[string]func(*world){
	"who is known, and how": func(w *world) {
		if known := must(w.ledger.Recipients(w.ctx, nil))(w); len(known) != 0 {
			w.Fatalf("got %+v", known)
		}
		a, b, nobody := w.person(), w.person(), unique("%s@example.org")
		must(w.contacts.AddAddress(w.ctx, b.contact, email(a.email), w.now))(w)
		var queries []dispatcher.RecipientQuery
		var want []dispatcher.Known
		for _, c := range []struct {
			ask     dispatcher.Recipient
			channel vocab.Channel
			know    dispatcher.Known
		}{
			{dispatcher.Recipient{ContactID: a.contact}, vocab.Email, dispatcher.Known{ContactID: a.contact, AddressID: a.address, Lookup: a.email, Name: "Айгүл", Language: "kk"}},
			{dispatcher.Recipient{ContactID: a.contact}, vocab.SMS, dispatcher.Known{ContactID: a.contact, Name: "Айгүл", Language: "kk"}},
			{dispatcher.Recipient{ContactID: "con_nobody"}, vocab.Email, dispatcher.Known{Missing: true}},
			{dispatcher.Recipient{ContactID: "con_nobody", Lookup: a.email}, vocab.Email, dispatcher.Known{Missing: true, Lookup: a.email}},
			{dispatcher.Recipient{Lookup: b.email}, vocab.Email, dispatcher.Known{ContactID: b.contact, AddressID: b.address, Lookup: b.email, Name: "Айгүл", Language: "kk", Sharers: 1}},
			{dispatcher.Recipient{Lookup: a.email}, vocab.Email, dispatcher.Known{ContactID: a.contact, AddressID: a.address, Lookup: a.email, Name: "Айгүл", Language: "kk", Sharers: 2}},
			{dispatcher.Recipient{Lookup: nobody}, vocab.Email, dispatcher.Known{Lookup: nobody}},
			{dispatcher.Recipient{Lookup: a.email}, vocab.SMS, dispatcher.Known{Lookup: a.email}},
			{dispatcher.Recipient{ContactID: b.contact, Lookup: a.email}, vocab.Email, dispatcher.Known{ContactID: b.contact, AddressID: a.address, Lookup: a.email, Name: "Айгүл", Language: "kk"}},
			{dispatcher.Recipient{ContactID: a.contact, Lookup: b.email}, vocab.Email, dispatcher.Known{ContactID: a.contact, Lookup: b.email, Name: "Айгүл", Language: "kk", Unlinked: true}},
			{dispatcher.Recipient{ContactID: a.contact, Lookup: nobody}, vocab.Email, dispatcher.Known{ContactID: a.contact, Lookup: nobody, Name: "Айгүл", Language: "kk", Unlinked: true}},
		} {
			queries = append(queries, dispatcher.RecipientQuery{Channel: c.channel, Recipient: c.ask})
			want = append(want, c.know)
		}
		if diff := cmp.Diff(want, must(w.ledger.Recipients(w.ctx, queries))(w)); diff != "" {
			w.Errorf("mismatch (-want +got):\n%s", diff)
		}
	},
	"the primary address, then one that was proved, then the oldest": func(w *world) {
		oldest, proved, primary := unique("z%s@example.org"), unique("y%s@example.org"), unique("x%s@example.org")
		c := must(w.contacts.Create(w.ctx, contacts.Contact{CreatedAt: w.now}, []contacts.NewAddress{email(oldest)}))(w)
		ask := dispatcher.Recipient{ContactID: c.ID}
		w.now = w.now.Add(time.Second)
		must(w.contacts.AddAddress(w.ctx, c.ID, email(unique("a%s@example.org")), w.now))(w)
		if got := w.recipient(ask).Lookup; got != oldest {
			w.Errorf("got %s, want the oldest", got)
		}
		a := email(proved)
		a.Verified = true
		must(w.contacts.AddAddress(w.ctx, c.ID, a, w.now))(w)
		if got := w.recipient(ask).Lookup; got != proved {
			w.Errorf("got %s, want the one that was proved", got)
		}
		b := email(primary)
		b.Primary = true
		id := must(w.contacts.AddAddress(w.ctx, c.ID, b, w.now))(w)
		if got := w.recipient(ask).Lookup; got != primary {
			w.Errorf("got %s, want the primary one", got)
		}
		w.ok(w.contacts.MarkReassigned(w.ctx, c.ID, id, w.now))
		if got := w.recipient(ask).Lookup; got != proved {
			w.Errorf("got %s, want none that went to somebody else", got)
		}
		if got := w.recipient(dispatcher.Recipient{Lookup: primary}); got.ContactID != "" || got.AddressID != id || got.Sharers != 0 {
			w.Errorf("the former owner is still behind the address: %+v", got)
		}
	},
	"a thousand at once": func(w *world) {
		p := w.person()
		queries := make([]dispatcher.RecipientQuery, 1000)
		for i := range queries {
			queries[i] = dispatcher.RecipientQuery{Channel: vocab.Email, Recipient: dispatcher.Recipient{Lookup: p.email}}
			if i%2 == 0 {
				queries[i].Recipient = dispatcher.Recipient{ContactID: p.contact}
			}
		}
		for i, k := range must(w.ledger.Recipients(w.ctx, queries))(w) {
			if k.ContactID != p.contact || k.AddressID != p.address {
				w.Fatalf("query %d: %+v", i, k)
			}
		}
	},
}
