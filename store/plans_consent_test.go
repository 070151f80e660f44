package store_test

import (
	"fmt"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// consentLedger records, reads, checks and rebuilds consents.
func (d *driver) consentLedger() {
	d.Helper()
	_, err := d.consents.Withdraw(d.ctx, dispatcher.Withdrawal{
		AddressID: adr(d.n/4 + 10*d.round), StopAddress: contacts.ChannelStop,
		Event: consent.Event{Kind: consent.KindWithdrawn, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email, Source: consent.SourceOneClick},
	}, d.now, dispatcher.Covered)
	d.ok("withdraw", err)
	_, err = d.consents.OfContact(d.ctx, con(d.n/4))
	d.ok("consents", err)
	_, err = d.consents.EventsOf(d.ctx, con(d.n/4), "", 50)
	d.ok("consent events", err)
	_, err = d.consents.History(d.ctx, con(d.n/4), 1_000_000)
	d.ok("consent history", err)
	grant := consent.Event{
		Kind: consent.KindGranted, ContactID: con(d.n / 4), Scope: consent.ScopePurpose, Purpose: "survey.research", Channel: vocab.SMS,
		Source: consent.SourceOperator, At: noon, RecordedAt: d.now.Add(time.Hour),
	}
	if _, _, err = d.consents.Record(d.ctx, grant, "", false); fault.KindOf(err) != fault.Conflict { // an earlier d.round's is there
		d.ok("paper form", err)
	}
	texts := store.NewConsentTexts(d.db)
	draft, err := texts.Draft(d.ctx, consent.Text{Purpose: "ads.campaign", Channel: vocab.SMS, Material: true}, d.now)
	d.ok("draft of a text", err)
	_, err = texts.Publish(d.ctx, draft.ID, consent.Event{Source: consent.SourceAPI, ActorKind: consent.ActorAPIKey, At: d.now}, func(consent.Text) error { return nil })
	d.ok("publish a text", err)
	_, err = texts.Versions(d.ctx, "ads.campaign", vocab.SMS)
	d.ok("versions of a text", err)
	_, err = d.consents.Links(d.ctx, int64(d.n/8), int64(d.n/8+255))
	d.ok("chain hashes", err)
	d.ok("entries", d.consents.Walk(d.ctx, int64(d.n/8), int64(d.n/8+255), func(consent.Event) error { return nil }))
	_, err = d.consents.Misvalued(d.ctx, int64(d.n/8), int64(d.n/8+255))
	d.ok("values beside entries", err)
	_, err = d.consents.Nodes(d.ctx, 8, 0, 255)
	d.ok("subtrees", err)
	_, _, err = d.consents.CompareProjection(d.ctx, con(d.n/4), 100)
	d.ok("compare the projection", err)
	_, _, err = d.consents.RebuildProjection(d.ctx, con(d.n/4), 100)
	d.ok("rebuild the projection", err)
	_, err = d.consents.Ending(d.ctx, d.now, d.now.AddDate(0, 0, 30), 30, dispatcher.EndingGrant{}, 200)
	d.ok("grants that end", err)
	_, err = d.consents.AskedIn(d.ctx, msg(d.n/2))
	d.ok("what a message asked about", err)
	_, err = d.consents.Expire(d.ctx, noon.Add(-1000*time.Hour), 200)
	d.ok("expire grants", err)
}

// house does what is done about addresses and by the clock.
func (d *driver) house() {
	d.Helper()
	_, err := d.suppressions.Add(d.ctx, vocab.Email, "nobody@example.org", contacts.Suppression{Reason: contacts.Manual, CreatedAt: d.now})
	d.ok("suppress", err)
	_, err = store.NewContacts(d.db).Get(d.ctx, con(d.n/4))
	d.ok("contact", err)
	_, err = d.suppressions.AddressID(d.ctx, vocab.Email, "a1@example.org")
	if fault.KindOf(err) != fault.NotFound { // these hashes are made up
		d.Errorf("address: %v", err)
	}
	_, err = d.suppressions.OfAddress(d.ctx, adr(1))
	d.ok("suppressions of an address", err)
	_, err = d.ledger.Addressee(d.ctx, msg(1))
	d.ok("addressee", err)
	_, err = d.consents.ValuesBeside(d.ctx, []vocab.ConsentEventID{"cev_1", "cev_2"})
	d.ok("values beside entries", err)
	_, _, err = d.ledger.Awaited(d.ctx, "relay", dispatcher.SentMark{At: noon}, 10)
	d.ok("awaited reports", err)
	_, err = d.ledger.ForgetKeys(d.ctx, noon.Add(-1000*time.Hour), 10)
	d.ok("forget keys", err)
	for _, kind := range dispatcher.RetentionKinds() {
		for _, class := range []vocab.Class{vocab.Marketing, vocab.Transactional} {
			for _, stays := range []bool{false, true} {
				_, err = d.ledger.Forget(d.ctx, dispatcher.ForgetStep{Kind: kind, Class: class, Before: time.Now(), Size: 10, Stays: stays})
				d.ok("forget "+string(kind), err)
			}
		}
	}
}

// export reads everything about somebody, and forgets somebody else.
func (d *driver) export() {
	d.Helper()
	_, err := d.book.SuppressionsOf(d.ctx, con(d.n/4))
	d.ok("suppressions of a contact", err)
	_, err = d.consents.RecordsOf(d.ctx, con(d.n/4), 0, 100)
	d.ok("entries to export", err)
	for _, behind := range []vocab.MessageID{"", msg(d.n)} {
		_, err = d.ledger.RecordsOf(d.ctx, con(d.n/4), behind, 100)
		d.ok("messages to export", err)
	}
	d.ok("files to export", d.ledger.EachFile(d.ctx, msg(d.n/2), func(channels.Attachment) error { return nil }))
	_, err = d.book.Erase(d.ctx, con(d.n/4+40+d.round), contacts.EraseOrder{At: d.now, Certify: func(contacts.Certificate) (string, error) { return "", nil }})
	d.ok("erase", err)
}

// optIns asks people to confirm.
func (d *driver) optIns() {
	d.Helper()
	desk := store.NewOptIns(d.db, d.registry)
	asked := optin.Draft{
		Confirmation: optin.Confirmation{
			ID: vocab.ConfirmationID(vocab.NewID(vocab.ConfirmationPrefix)), Kind: optin.OptIn, ContactID: con(d.n / 4), Channel: vocab.Email, Language: "kk",
			Asked: []optin.Asked{{Purpose: "offers.company"}}, CreatedAt: d.now, ExpiresAt: d.now.Add(time.Hour), RemindAt: d.now,
		},
		Source: consent.SourceSignUpForm, Actor: consent.ActorContact,
	}
	_, _, err := desk.AskToConfirm(d.ctx, asked)
	d.ok("ask to confirm", err)
	asked.ContactID, asked.Lookup = "", fmt.Sprintf("a%d@example.org", d.n/4)
	asked.ID = vocab.ConfirmationID(vocab.NewID(vocab.ConfirmationPrefix))
	_, _, err = desk.AskToConfirm(d.ctx, asked)
	d.ok("ask an address to confirm", err)
	d.ok("carried", desk.Carried(d.ctx, asked.ID, msg(d.n/2)))
	_, err = desk.Confirm(d.ctx, asked.ID, optin.Press{At: d.now})
	d.ok("confirm", err)
	_, _, err = desk.Remind(d.ctx, d.now, 10)
	d.ok("remind", err)
	_, err = desk.Lapse(d.ctx, d.now, 10)
	d.ok("lapse", err)
	_, _, err = desk.Forget(d.ctx, contacts.EraseOrder{At: d.now.AddDate(1, 0, 0), LeaveOpen: true, Certify: func(contacts.Certificate) (string, error) { return "", nil }}, 10)
	d.ok("forget strangers", err)
	_, err = desk.CountSignUp(d.ctx, "192.0.2.7", d.now)
	d.ok("count a sign-up", err)
	d.ok("forget counts", desk.ForgetSignUps(d.ctx, d.now))
}
