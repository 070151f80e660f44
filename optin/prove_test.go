package optin_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// proved is a ledger that grants whatever it is asked to.
type proved struct {
	*office

	grants []optin.ProvedGrant
}

func (p *proved) GrantProved(_ context.Context, g optin.ProvedGrant) (optin.GrantAnswer, error) {
	if p.away != nil {
		return optin.GrantAnswer{}, p.away
	}
	p.grants = append(p.grants, g)
	return optin.GrantAnswer{Outcome: optin.Granted, Event: "cev_x", At: g.At}, nil
}

// underWay is a proof that was asked for: the prover, its ledger, its token and its id.
func underWay(t *testing.T) (*optin.Prover, *proved, string, vocab.ConfirmationID) {
	t.Helper()
	o := &proved{office: newOffice(t)}
	p := optin.NewProver(o.Desk, o)
	token, err := p.Send(t.Context(), "con_x", "adr_x", vocab.Russian)
	if err != nil {
		t.Fatal(err)
	}
	id := o.drafts[0].ID
	c := o.kept[id]
	c.Address, c.Channel = "+77010000000", vocab.SMS
	o.kept[id] = c
	return p, o, token, id
}

func TestAProofOfAnAddress(t *testing.T) {
	p, o, token, id := underWay(t)
	d := o.drafts[0]
	if d.Kind != optin.AddressProof || d.ContactID != "con_x" || d.AddressID != "adr_x" || !d.ByCode || len(d.Asked) != 0 || o.sent[0].Template != "one-time-code" {
		t.Errorf("draft %+v, sent %+v", d, o.sent)
	}
	check := func(contact vocab.ContactID, code string, want bool) {
		t.Helper()
		got, ok, err := p.Check(t.Context(), token, contact, code)
		if err != nil || ok != want || ok && (got.ID != id || !got.At.Equal(o.now) || !got.Until.Equal(o.now.Add(30*time.Minute))) {
			t.Errorf("%s by %s: %+v, %t, %v", code, contact, got, ok, err)
		}
	}
	holds := func(contact vocab.ContactID, want bool) {
		t.Helper()
		if _, ok, err := p.Proved(t.Context(), token, contact); err != nil || ok != want {
			t.Errorf("proved for %s: %t, %v", contact, ok, err)
		}
	}
	holds("con_x", false)
	check("con_other", "000000", false)
	check("con_x", "no code", false)
	o.answer = optin.Gone
	check("con_x", "999999", false)
	o.answer = optin.Confirmed
	check("con_x", "000 000", true)
	holds("con_x", true)
	holds("con_other", false)
	o.now = o.now.Add(30*time.Minute - time.Second)
	holds("con_x", true)
	o.now = o.now.Add(time.Second)
	holds("con_x", false)
}

// A confirmation's id stands in receipts, which are passed on, so it is no token; nor is that of another kind, or of a sign-up.
func TestOnlyItsOwnTokenIsAProof(t *testing.T) {
	p, o, token, id := underWay(t)
	if _, ok, err := p.Check(t.Context(), token, "con_x", "000000"); !ok || err != nil {
		t.Fatalf("the right code: %t, %v", ok, err)
	}
	o.ask(news())
	for other := range o.kept {
		if other == id {
			continue
		}
		c := o.kept[other]
		c.ContactID, c.Address, c.UsedAt = "con_x", "a@example.org", o.now
		o.kept[other] = c
		raw, err := vocab.ParseID(vocab.ConfirmationPrefix, string(other))
		if err != nil {
			t.Fatal(err)
		}
		links := dispatcher.NewLinks("https://elshi.example", []byte("a key of 16 bytes or more"), []byte("another key of 16 bytes"))
		if _, ok, err := p.Proved(t.Context(), links.Sign(dispatcher.LinkProof, raw), "con_x"); ok || err != nil {
			t.Errorf("a sign-up's confirmation proves an address to the preference centre: %v", err)
		}
	}
	for _, bad := range []string{"", string(id), token[:len(token)-1] + "!", o.CodeToken(id)} {
		if _, ok, err := p.Proved(t.Context(), bad, "con_x"); ok || err != nil {
			t.Errorf("%q proves: %t, %v", bad, ok, err)
		}
		if got, err := p.Grant(t.Context(), "con_x", optin.Agreement{Token: bad}); got.Outcome != optin.NotProved || err != nil {
			t.Errorf("%q grants: %+v, %v", bad, got, err)
		}
	}
}

func TestAGrantOnAProof(t *testing.T) {
	p, o, token, id := underWay(t)
	text := published(3, "I agree")
	o.text["news.company"] = text
	agree := func(purpose vocab.Purpose, topic vocab.Topic, hash string) (optin.GrantAnswer, error) {
		return p.Grant(t.Context(), "con_x", optin.Agreement{
			Wish: optin.Wish{Purpose: purpose, Topic: topic, TextHash: hash}, Token: token, Language: vocab.Kazakh, Evidence: optin.Evidence{IP: "192.0.2.7"},
		})
	}
	want := func(name string, got optin.GrantAnswer, err error, outcome optin.GrantOutcome) {
		t.Helper()
		if err != nil || got.Outcome != outcome || (len(o.grants) > 0) != (outcome == optin.Granted) {
			t.Errorf("%s: %+v, %v with %d grants, want %s", name, got, err, len(o.grants), outcome)
		}
	}
	got, err := agree("news.company", "", text.Hash[vocab.Kazakh])
	want("before the code was typed", got, err, optin.NotProved)
	if _, ok, err := p.Check(t.Context(), token, "con_x", "000000"); !ok || err != nil {
		t.Fatalf("the right code: %t, %v", ok, err)
	}
	for name, hash := range map[string]string{"other words": "v1:ff", "no words": "", "the words of another language": text.Hash[vocab.Russian]} {
		got, err := agree("news.company", "", hash)
		want(name, got, err, optin.TextChanged)
	}
	got, err = agree("offers.company", "", "")
	want("nothing is published", got, err, optin.TextChanged)
	for _, x := range []struct {
		purpose vocab.Purpose
		topic   vocab.Topic
	}{{"service.notice", ""}, {"nothing.at_all", ""}, {"news.company", "maths"}} {
		if _, err := agree(x.purpose, x.topic, text.Hash[vocab.Kazakh]); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v: %v", x, err)
		}
	}
	got, err = agree("news.company", "", text.Hash[vocab.Kazakh])
	want("the words in force", got, err, optin.Granted)
	if diff := cmp.Diff([]optin.ProvedGrant{{
		Proof: id, ContactID: "con_x", Language: vocab.Kazakh, Policy: "2026-01", Evidence: `{"ip":"192.0.2.7"}`, At: o.now,
		Asked: optin.Asked{Purpose: "news.company", TextVersion: 3, TextHash: text.Hash[vocab.Kazakh], Abroad: true},
	}}, o.grants); diff != "" {
		t.Errorf("what is granted (-want +got):\n%s", diff)
	}
	o.now = o.now.Add(optin.ProofLasts)
	if got, err := agree("news.company", "", text.Hash[vocab.Kazakh]); got.Outcome != optin.NotProved || err != nil || len(o.grants) != 1 {
		t.Errorf("after half an hour: %+v, %v", got, err)
	}
	o.away = fault.Away("ledger", context.DeadlineExceeded)
	if _, err := agree("news.company", "", text.Hash[vocab.Kazakh]); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("while the ledger is away: %v", err)
	}
}
