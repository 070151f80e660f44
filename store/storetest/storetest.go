// Package storetest says what must be true of the store on every engine. Each engine's tests call Run.
package storetest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// Run runs the whole suite. Open returns a migrated database without rows, in the role that the service has; whoever opened it closes it.
// All tests share it: each makes people of its own.
func Run(t *testing.T, open func(t *testing.T) *store.DB) {
	t.Helper()
	db := open(t)
	for _, part := range []struct {
		name  string
		tests map[string]func(*world)
	}{
		{"submit", submitTests},
		{"claim", claimTests},
		{"settle", settleTests},
		{"feed", feedTests},
		{"withdraw", withdrawTests},
		{"withdraw again", repeatTests},
		{"consents", consentTests},
		{"consent texts", consentTextTests},
		{"projection", projectionTests},
		{"time", timeTests},
		{"opt-ins", optInTests},
		{"opt-ins, kept", optInKeepTests},
		{"opt-ins, granted", optInGrantTests},
		{"opt-ins, forgotten", optInForgetTests},
		{"forms", formTests},
		{"suppressions and pauses", suppressionTests},
		{"lifting suppressions", liftTests},
		{"claims", claimBookTests},
		{"complaints about a message", complaintTests},
		{"receipts by mail", receiptMailTests},
		{"merges", mergeTests},
		{"merged", mergedTests},
		{"contacts", contactTests},
		{"recipients", recipientTests},
		{"erase", eraseTests},
		{"evidence", evidenceTests},
		{"messages", messageTests},
		{"reports", reportTests},
		{"awaited reports", awaitedTests},
		{"templates", templateTests},
		{"keys", keyTests},
		{"members", memberTests},
		{"audit", auditTests},
		{"disclosures", disclosureTests},
		{"inbox", inboxTests},
		{"text", textTests},
		{"histories", historyTests},
		{"feed of events", feedOfEventsTests},
		{"webhooks", webhookTests},
	} {
		t.Run(part.name, func(t *testing.T) {
			for name, test := range part.tests {
				t.Run(name, func(t *testing.T) { test(newWorld(t, db)) })
			}
		})
	}
}

// start is a Monday at noon in Almaty.
var start = time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)

// world is a store with what tests need around it.
type world struct {
	*testing.T

	ctx          context.Context //nolint:containedctx // the test's own
	now          time.Time
	db           *store.DB
	ledger       *store.Ledger
	contacts     *store.Contacts
	consents     *store.Consents
	optIns       *store.OptIns
	suppressions *store.Suppressions
	pauses       *store.Pauses
}

func newWorld(t *testing.T, db *store.DB) *world {
	t.Helper()
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	return &world{
		T: t, ctx: t.Context(), now: start, db: db, ledger: store.NewLedger(db), contacts: store.NewContacts(db),
		consents: store.NewConsents(db, registry), optIns: store.NewOptIns(db, registry), suppressions: store.NewSuppressions(db), pauses: store.NewPauses(db),
	}
}

// must returns v, or ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// eraseOrder is a member's order to erase a contact; its certificate is signed in name only.
func eraseOrder(at time.Time) contacts.EraseOrder {
	return contacts.EraseOrder{By: "mem_x", At: at, Certify: func(c contacts.Certificate) (string, error) {
		document, err := json.Marshal(c)
		return "e30." + base64.RawURLEncoding.EncodeToString(document) + ".e30", err
	}}
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// refused checks the kind and the code of an error.
func (w *world) refused(err error, kind fault.Kind, code string) {
	w.Helper()
	if fault.KindOf(err) != kind || codeOf(err) != code {
		w.Fatalf("got error %v, want %s (%s)", err, code, kind)
	}
}

// unique makes texts that no other test has.
func unique(format string) string { return fmt.Sprintf(format, vocab.NewID("t")) }

// person is a contact with one email address.
type person struct {
	contact vocab.ContactID
	address vocab.AddressID
	email   string
}

// person makes a contact with a verified email address.
func (w *world) person() person {
	w.Helper()
	email := unique("%s@example.org")
	p := must(w.contacts.Create(w.ctx, contacts.Contact{Name: "Айгүл", Language: vocab.Kazakh, CreatedAt: w.now}, []contacts.NewAddress{
		{Channel: vocab.Email, Value: vocab.Address(email), Lookup: email, Verified: true, Primary: true},
	}))(w)
	return person{p.ID, p.Addresses[0].AddressID, email}
}

var purposes = map[vocab.Class]vocab.Purpose{
	vocab.Security: "account.identity", vocab.Transactional: "request.reply", vocab.Service: "service.notice",
	vocab.Legal: "legal.policy_change", vocab.Breach: "legal.breach", vocab.Marketing: "news.company",
}

// draft is an email of the class to the person.
func (w *world) draft(p person, class vocab.Class) dispatcher.Draft {
	d := dispatcher.Draft{
		Message: dispatcher.Message{
			ID: vocab.MessageID(vocab.NewID(vocab.MessagePrefix)), ContactID: p.contact, AddressID: p.address, Channel: vocab.Email,
			Class: class, Lane: vocab.Normal, Purpose: purposes[class], Language: vocab.Kazakh, Template: "tpv_x", Sender: "main",
			Provider: "relay", Mode: dispatcher.Live, APIKey: "key_x", NotAfter: w.now.Add(7 * 24 * time.Hour), HasUnsubscribe: true,
			LocaleApproved: true, PolicyVersion: "2026-01",
		},
		Recipient: dispatcher.Recipient{ContactID: p.contact, Lookup: p.email},
		Payload:   dispatcher.Payload{Data: []byte(`{"name":"Айгүл","data":{}}`)},
	}
	if class != vocab.Marketing {
		d.Message.TriggerID, d.Message.TriggerAt = string(d.Message.ID), w.now
	}
	return d
}

// decide asks the real Decide with every fact that the ledger does not hold as good as it can be.
func (w *world) decide(cs []dispatcher.Candidate) []consent.Decision {
	decisions := make([]consent.Decision, len(cs))
	for i, c := range cs {
		f, m := c.Facts, c.Message
		f.Now, f.Class, f.Purpose, f.Channel, f.PurposeRegistered, f.WindowOpen = w.now, m.Class, m.Purpose, m.Channel, true, true
		f.Message.SenderRegistered, f.Message.HasUnsubscribe, f.Message.LocaleApproved = true, m.HasUnsubscribe, m.LocaleApproved
		f.Message.NotAfter, f.Message.Trigger = m.NotAfter, m.TriggerID != ""
		decisions[i] = consent.Decide(f)
	}
	return decisions
}

// intake is a submission of drafts without a key.
func (w *world) intake(drafts ...dispatcher.Draft) dispatcher.Intake {
	in := dispatcher.Intake{Drafts: drafts, Answer: make([]dispatcher.Result, len(drafts)), Now: w.now, RingUntil: w.now.Add(15 * time.Second)}
	for i := range drafts {
		in.Slots = append(in.Slots, i)
	}
	return in
}

// submit writes drafts and returns the ids of their messages.
func (w *world) submit(drafts ...dispatcher.Draft) []vocab.MessageID {
	w.Helper()
	out := must(w.ledger.Submit(w.ctx, w.intake(drafts...), w.decide))(w)
	ids := make([]vocab.MessageID, len(out.Results))
	for i, r := range out.Results {
		ids[i] = r.ID
	}
	return ids
}

// claim claims messages for a minute.
func (w *world) claim(ids ...vocab.MessageID) []dispatcher.Permit {
	w.Helper()
	return must(w.ledger.ClaimBatch(w.ctx, w.claimOf(ids...), w.decide))(w)
}

func (w *world) claimOf(ids ...vocab.MessageID) dispatcher.Claim {
	return dispatcher.Claim{IDs: ids, Now: w.now, Lease: time.Minute}
}

// sending submits one email of the class to a new person and claims it.
func (w *world) sending(class vocab.Class) (person, dispatcher.Permit) {
	w.Helper()
	p := w.person()
	if class == vocab.Marketing {
		w.grant(p, purposes[class])
	}
	return p, w.claimed(w.draft(p, class))
}

// texting is sending by SMS: providers report on it by their own reference.
func (w *world) texting() (person, dispatcher.Permit) {
	w.Helper()
	p := w.person()
	d := w.draft(p, vocab.Transactional)
	d.Message.Channel = vocab.SMS
	return p, w.claimed(d)
}

func (w *world) claimed(d dispatcher.Draft) dispatcher.Permit {
	w.Helper()
	ids := w.submit(d)
	permits := w.claim(ids...)
	if len(permits) != 1 {
		w.Fatalf("no permit: %+v", w.message(ids[0]))
	}
	return permits[0]
}

func (w *world) message(id vocab.MessageID) dispatcher.Message {
	w.Helper()
	return must(w.ledger.Get(w.ctx, id))(w)
}

// status checks where messages are.
func (w *world) status(want dispatcher.Status, ids ...vocab.MessageID) {
	w.Helper()
	for _, id := range ids {
		if m := w.message(id); m.Status != want {
			w.Fatalf("message %s is %s because of %s, want %s", id, m.Status, m.Decision.Reason, want)
		}
	}
}

// grant records a grant by the person's own act.
func (w *world) grant(p person, purpose vocab.Purpose) consent.Event {
	w.Helper()
	kept, _, err := w.consents.Record(w.ctx, consent.Event{
		Kind: consent.KindGranted, ContactID: p.contact, Scope: consent.ScopePurpose, Purpose: purpose, Channel: vocab.Email,
		Source: consent.SourceOperator, ActorKind: consent.ActorMember, ActorID: "mem_x", Language: vocab.Kazakh, At: w.now,
		ValidUntil: w.now.AddDate(2, 0, 0),
	}, "", false)
	w.ok(err)
	return kept
}

// settlement says that an attempt was accepted.
func (w *world) settlement(p dispatcher.Permit) dispatcher.Settlement {
	m := p.Message
	return dispatcher.Settlement{
		MessageID: m.ID, AddressID: m.AddressID, Channel: m.Channel, Attempt: m.Attempt, Provider: m.Provider, Next: dispatcher.Sent, At: w.now,
		OpenedAt: m.ClaimedAt, FinalizedAt: w.now.Add(5 * 24 * time.Hour), Outcome: "accepted", ProviderRef: "ref-" + string(m.ID),
		ContentHash: "c0ffee", Detail: "250 ok",
	}
}
