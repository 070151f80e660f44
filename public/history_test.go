package public

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

func TestTheHistoryInWords(t *testing.T) {
	c := newCounter(t)
	event := func(kind consent.EventKind, source consent.Source, change func(*consent.Event)) {
		e := consent.Event{ID: eventID, ContactID: contactID, Kind: kind, Source: source, At: granted, Scope: consent.ScopeAll}
		change(&e)
		c.entries = append(c.entries, e)
	}
	event(consent.KindGranted, consent.SourcePreferencePage, func(e *consent.Event) {
		e.Purpose, e.Channel, e.Topic, e.Scope, e.Proof = "event.invite", vocab.Email, "maths", consent.ScopeTopic, consent.ProofOneTimeCode
	})
	event(consent.KindWithdrawn, consent.SourceOneClick, func(*consent.Event) {})
	event(consent.KindWithdrawn, consent.SourceSMSKeyword, func(e *consent.Event) { e.Scope, e.Channel = consent.ScopeChannel, vocab.SMS })
	event(consent.KindPaused, consent.SourcePreferencePage, func(*consent.Event) {})
	event(consent.KindWithdrawn, consent.SourceOperator, func(e *consent.Event) { e.Scope = consent.ScopeProcessing })
	for i, status := range []dispatcher.Status{dispatcher.Held, dispatcher.Sent, dispatcher.Delivered, dispatcher.Bounced, dispatcher.Suppressed} {
		m := dispatcher.Message{Purpose: "news.company", Channel: vocab.SMS, AddressID: otherAddress, Status: status, CreatedAt: granted.AddDate(0, 0, i)}
		if i == 1 {
			m.SentAt, m.Channel, m.AddressID = granted.AddDate(0, 1, 0), vocab.Email, addressID
		}
		c.past = append(c.past, m)
	}
	page, token := c.proves(t)
	wantContains(t, page, "Consent was given: Invitations to events · Maths", "On this preferences page. You confirmed it by a code that we sent.",
		"Consent was taken back: every mailing<", "By the unsubscribe button of an email.", "Consent was taken back: every mailing on the channel", "SMS · By an SMS in reply.",
		"Mailings were paused<", "Consent was taken back: processing of data", "12 March 2026 at 09:00", "12 April 2026", "/r/"+c.links.ReceiptToken(eventID)+"?lang=en",
		"SMS · Waits to be sent", "Email · Sent", "SMS · Delivered", "SMS · Not delivered", "SMS · Not sent")
	if strings.Contains(page, "Only the newest") {
		t.Error("the page says that there is more")
	}
	c.entries = slices.Repeat(c.entries, 11)
	wantContains(t, c.press(t, 200, "do", "open", "proof", token), "Only the newest are shown")

	// An address of several people opens no more than what went to it.
	c.entries, c.shared = c.entries[:5], true
	shared := c.press(t, 200, "do", "open", "proof", token)
	wantContains(t, shared, "Several people use this address, so only what concerns this address is shown", "Consent was given: Invitations to events", "Email · Sent", "What you could receive")
	for _, other := range []string{"By an SMS in reply", "processing of data<", "SMS · Delivered", "Entered by our staff"} {
		if strings.Contains(shared, other) {
			t.Errorf("a shared address shows %q", other)
		}
	}
}

// What is said of every source, state and status is there in every language: an unknown text would stop the page.
func TestEveryEntryAndMessageHasItsWords(t *testing.T) {
	for _, source := range consent.Sources() {
		if _, err := sayWith(vocab.Kazakh, sourceText(source)); err != nil {
			t.Error(err)
		}
	}
	for _, status := range dispatcher.Statuses() {
		if _, err := sayWith(vocab.Kazakh, messageText(status)); err != nil {
			t.Error(err)
		}
	}
	if proofLeft(optin.Proof{Until: now.Add(59 * time.Second)}) != now {
		t.Error("a proof is said to hold longer than it does")
	}
}

func TestNoConsentIsOfferedThatWouldBringNothing(t *testing.T) {
	c := newCounter(t)
	c.to.ProcessingWithdrawn = true
	page, _ := c.proves(t)
	wantContains(t, page, "You took back the consent to the processing of your data")
	if strings.Contains(page, `value="agree"`) {
		t.Error("there is something to agree to")
	}
}
