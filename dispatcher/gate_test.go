package dispatcher

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

func reasons(ds []consent.Decision) []consent.Reason {
	var all []consent.Reason
	for _, d := range ds {
		all = append(all, d.Reason)
	}
	return all
}

func TestGateAsksEverything(t *testing.T) {
	tests := map[string]struct {
		class  vocab.Class
		change func(g *Gate, c *Candidate)
		want   consent.Reason
	}{
		"nothing is wrong": {vocab.Marketing, func(*Gate, *Candidate) {}, consent.OK},
		"the purpose is gone from the registry": {vocab.Service, func(_ *Gate, c *Candidate) {
			c.Message.Purpose = "service.gone"
		}, consent.PurposeUnregistered},
		"the row says another class than the registry": {vocab.Marketing, func(_ *Gate, c *Candidate) {
			c.Message.Class = vocab.Legal
		}, consent.PurposeUnregistered},
		"an SMS sender that is not registered": {vocab.Marketing, func(g *Gate, c *Candidate) {
			c.Message.Channel, c.Message.Sender = vocab.SMS, textSender
			s := g.Senders[textSender]
			s.Registered = false
			g.Senders[textSender] = s
		}, consent.SenderUnregistered},
		"an SMS sender that is gone from the settings": {vocab.Marketing, func(_ *Gate, c *Candidate) {
			c.Message.Channel, c.Message.Sender = vocab.SMS, "gone"
		}, consent.SenderUnregistered},
		"a test key needs no registered sender": {vocab.Marketing, func(g *Gate, c *Candidate) {
			c.Message.Channel, c.Message.Sender, c.Message.Mode = vocab.SMS, textSender, Test
			g.Senders[textSender] = Sender{ID: textSender, Channel: vocab.SMS}
		}, consent.OK},
		"a route abroad that the consent does not cover": {vocab.Marketing, func(g *Gate, c *Candidate) {
			s := g.Senders[mailSender]
			s.Abroad = true
			g.Senders[mailSender] = s
			c.Facts.Message.CrossBorderCovered = false
		}, consent.CrossBorderNotCovered},
		"a test key's message goes nowhere, so not abroad": {vocab.Marketing, func(g *Gate, c *Candidate) {
			s := g.Senders[mailSender]
			s.Abroad = true
			g.Senders[mailSender] = s
			c.Facts.Message.CrossBorderCovered, c.Message.Mode = false, Test
		}, consent.OK},
		"no way to unsubscribe":  {vocab.Marketing, func(_ *Gate, c *Candidate) { c.Message.HasUnsubscribe = false }, consent.UnsubscribeMissing},
		"a text nobody approved": {vocab.Legal, func(_ *Gate, c *Candidate) { c.Message.LocaleApproved = false }, consent.LocaleUnapproved},
		"no trigger":             {vocab.Transactional, func(_ *Gate, c *Candidate) { c.Message.TriggerID = "" }, consent.NoTrigger},
		"a request of ten minutes ago": {vocab.Security, func(_ *Gate, c *Candidate) {
			c.Message.TriggerAt = noon.Add(-10 * time.Minute)
		}, consent.OK},
		"an older request": {vocab.Security, func(_ *Gate, c *Candidate) {
			c.Message.TriggerAt = noon.Add(-10*time.Minute - time.Second)
		}, consent.NoFreshRequest},
		"its time is over":         {vocab.Legal, func(_ *Gate, c *Candidate) { c.Message.NotAfter = noon }, consent.MessageExpired},
		"the provider is paused":   {vocab.Security, func(_ *Gate, c *Candidate) { c.Facts.ProviderPaused = true }, consent.ProviderPaused},
		"the purpose is paused":    {vocab.Marketing, func(_ *Gate, c *Candidate) { c.Facts.CampaignPaused = true }, consent.CampaignPaused},
		"the cap is reached":       {vocab.Marketing, func(_ *Gate, c *Candidate) { c.Recent = sentRecently(vocab.Email, 2) }, consent.FrequencyCap},
		"the cap is for marketing": {vocab.Legal, func(_ *Gate, c *Candidate) { c.Recent = sentRecently(vocab.Email, 9) }, consent.OK},
		"what the ledger found stays found": {vocab.Transactional, func(_ *Gate, c *Candidate) {
			c.Facts.Address.HardBounced = true
		}, consent.SuppressedHardBounce},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g := newGate(t)
			c := Candidate{Message: mail(tc.class), Facts: sound()}
			tc.change(g, &c)
			got := g.At(noon)([]Candidate{c})
			if len(got) != 1 || got[0].Reason != tc.want {
				t.Errorf("decided %v, want %s", reasons(got), tc.want)
			}
		})
	}
}

func sentRecently(channel vocab.Channel, n int) []consent.Sent {
	var all []consent.Sent
	for i := range n {
		all = append(all, consent.Sent{Channel: channel, At: noon.Add(-time.Duration(i+1) * time.Hour)})
	}
	return all
}

func TestGateHoldsAtNight(t *testing.T) {
	g := newGate(t)
	night := time.Date(2026, 3, 2, 18, 0, 0, 0, time.UTC) // 23:00 in Almaty
	text := mail(vocab.Service)
	text.Channel, text.Sender = vocab.SMS, textSender
	code := mail(vocab.Security)
	code.TriggerAt = night
	abroad := Candidate{Message: mail(vocab.Marketing), Facts: sound(), TimeZone: "America/New_York"}
	got := g.At(night)([]Candidate{
		{Message: mail(vocab.Marketing), Facts: sound()},
		{Message: text, Facts: sound()},
		{Message: mail(vocab.Service), Facts: sound()},
		{Message: code, Facts: sound()},
		abroad,
	})
	if diff := cmp.Diff([]consent.Reason{consent.QuietHours, consent.QuietHours, consent.OK, consent.OK, consent.OK}, reasons(got)); diff != "" {
		t.Errorf("decisions at night (-want +got):\n%s", diff)
	}
	if morning := time.Date(2026, 3, 3, 3, 0, 0, 0, time.UTC); !got[0].Until.Equal(morning) {
		t.Errorf("marketing waits until %v, want %v", got[0].Until, morning)
	}
}

// Of a batch, what is allowed first counts for what comes after it: two candidates read the same facts.
func TestCapCountsWithinABatch(t *testing.T) {
	g := newGate(t)
	one := newContactID()
	candidate := func(contact vocab.ContactID, change func(*Candidate)) Candidate {
		c := Candidate{Message: mail(vocab.Marketing), Facts: sound(), Recent: sentRecently(vocab.Email, 1)}
		c.Message.ContactID = contact
		if change != nil {
			change(&c)
		}
		return c
	}
	batch := []Candidate{
		candidate(one, func(c *Candidate) { c.Facts.Address.Complained = true }), // denied: counts for nobody
		candidate(one, nil),
		candidate(one, nil),
		candidate(newContactID(), nil),
	}
	recent := batch[1].Recent
	want := []consent.Reason{consent.SuppressedComplaint, consent.OK, consent.FrequencyCap, consent.OK}
	decide := g.At(noon)
	for range 2 { // a transaction that is rerun asks again
		if diff := cmp.Diff(want, reasons(decide(batch))); diff != "" {
			t.Errorf("decisions of one batch (-want +got):\n%s", diff)
		}
	}
	if len(recent) != 1 {
		t.Errorf("the decider changed what it was handed: %v", recent)
	}
}

func TestOneNoticeForEachVersionWithinABatch(t *testing.T) {
	g := newGate(t)
	one := newContactID()
	notice := func(class vocab.Class, trigger string, change func(*Candidate)) Candidate {
		c := Candidate{Message: mail(class), Facts: sound()}
		c.Message.ContactID, c.Message.TriggerID = one, trigger
		if change != nil {
			change(&c)
		}
		return c
	}
	got := g.At(noon)([]Candidate{
		notice(vocab.Legal, "v4", func(c *Candidate) { c.Facts.Address.HardBounced = true }), // denied: nobody was told
		notice(vocab.Legal, "v4", nil),
		notice(vocab.Legal, "v4", nil),
		notice(vocab.Legal, "v5", nil),
		notice(vocab.Legal, "v4", func(c *Candidate) { c.Message.Channel, c.Message.Sender = vocab.SMS, textSender }),
		notice(vocab.Transactional, "v4", nil),
		notice(vocab.Transactional, "v4", nil),
		notice(vocab.Legal, "", nil),
		notice(vocab.Legal, "", nil),
	})
	want := []consent.Reason{
		consent.SuppressedHardBounce, consent.OK, consent.Duplicate, consent.OK, consent.OK, consent.OK, consent.OK, consent.OK, consent.OK,
	}
	if diff := cmp.Diff(want, reasons(got)); diff != "" {
		t.Errorf("decisions of one batch (-want +got):\n%s", diff)
	}
}

func TestSenderServes(t *testing.T) {
	s := Sender{Classes: []vocab.Class{vocab.Legal, vocab.Marketing}, Purposes: []vocab.Purpose{"news.company"}}
	for _, tc := range []struct {
		sender  Sender
		class   vocab.Class
		purpose vocab.Purpose
		want    bool
	}{
		{Sender{}, vocab.Legal, "legal.claim", true},
		{s, vocab.Marketing, "news.company", true},
		{s, vocab.Marketing, "offers.company", false},
		{s, vocab.Service, "news.company", false},
	} {
		if got := tc.sender.serves(tc.class, tc.purpose); got != tc.want {
			t.Errorf("%+v serves %s %s: %t, want %t", tc.sender, tc.class, tc.purpose, got, tc.want)
		}
	}
}
