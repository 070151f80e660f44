package store_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// tablesOf lists the tables of a database with their columns.
func tablesOf(t *testing.T, db *store.DB) map[string][]string {
	t.Helper()
	tables := map[string][]string{}
	for _, c := range columns(t, db) {
		table, column, _ := strings.Cut(strings.TrimSuffix(c, "?"), ".")
		tables[table] = append(tables[table], column)
	}
	return tables
}

// found says where in the database one of these texts is, whatever column holds it: "text table.column" each.
func found(t *testing.T, db *store.DB, texts ...string) []string {
	t.Helper()
	at := map[string]bool{}
	for table, names := range tablesOf(t, db) {
		rows, err := db.Raw().QueryContext(t.Context(), `SELECT `+strings.Join(names, ", ")+` FROM `+table)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		values, dest := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			dest[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(dest...); err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				text := strings.ToLower(fmt.Sprint(v))
				if b, raw := v.([]byte); raw {
					text = strings.ToLower(string(b))
				}
				for _, wanted := range texts {
					if strings.Contains(text, strings.ToLower(wanted)) {
						at[wanted+" "+table+"."+names[i]] = true
					}
				}
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return slices.Sorted(maps.Keys(at))
}

// personal are texts that are the seeded contact's alone: one for each thing that we may know of somebody.
var personal = []string{
	"Жанаркүл-Q8X7", "zhanar.q8x7@person.example", "+77757654321", "hr-Q8X7", "school-Q8X7", "evidence-Q8X7", "data-Q8X7", "metadata-Q8X7",
	"attachment-Q8X7", "inside-Q8X7", "words-Q8X7", "said-Q8X7", "note-Q8X7", "lifted-Q8X7", "caught-Q8X7", "reference-Q8X7",
	"claim-Q8X7", "aiym.q8x7@person.example", "crm-Q8X7", "before-Q8X7",
}

// known is a store with one contact of whom everything is known that can be.
type known struct {
	db           *store.DB
	ledger       *store.Ledger
	contacts     *store.Contacts
	consents     *store.Consents
	suppressions *store.Suppressions
	who          contacts.Profile
	open         dispatcher.Permit // an attempt that is not settled yet
}

func newKnown(t *testing.T, db *store.DB) *known {
	t.Helper()
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	k := &known{db: db, ledger: store.NewLedger(db), contacts: store.NewContacts(db), consents: store.NewConsents(db, registry), suppressions: store.NewSuppressions(db)}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const mail, number = "zhanar.q8x7@person.example", "+77757654321"
	for channel, lookup := range map[vocab.Channel]string{vocab.Email: mail, vocab.SMS: number} { // before anybody had it
		_, err = k.suppressions.Add(t.Context(), channel, lookup, contacts.Suppression{Reason: contacts.Complaint, Note: "note-Q8X7", CreatedAt: noon})
		ok(err)
		lifted, err := k.suppressions.Add(t.Context(), channel, lookup, contacts.Suppression{Reason: contacts.Manual, Note: "lifted-Q8X7", CreatedAt: noon})
		ok(err)
		_, err = k.suppressions.Lift(t.Context(), lifted.ID, contacts.Lift{By: "mem_x", Reason: "mended"}, noon)
		ok(err)
	}
	k.who, err = k.contacts.Create(t.Context(), contacts.Contact{
		Name: "Жанаркүл-Q8X7", ExternalID: "hr-Q8X7", Language: vocab.Kazakh, TimeZone: "Asia/Almaty", Attributes: map[string]any{"school": "school-Q8X7"}, CreatedAt: noon,
	}, []contacts.NewAddress{
		{Channel: vocab.Email, Value: "Zhanar.Q8X7@person.example", Lookup: mail, Verified: true}, {Channel: vocab.SMS, Value: number, Lookup: number},
	})
	ok(err)
	_, _, err = k.consents.Record(t.Context(), consent.Event{
		Kind: consent.KindGranted, ContactID: k.who.ID, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email,
		Source: consent.SourceAPI, At: noon,
	}, "evidence-Q8X7", false)
	ok(err)
	for range 3 {
		d := k.draft()
		_, err = k.ledger.Submit(t.Context(), dispatcher.Intake{Drafts: []dispatcher.Draft{d}, Slots: []int{0}, Answer: make([]dispatcher.Result, 1), Now: noon}, allow)
		ok(err)
		k.claim(t, d.Message.ID)
		if err := k.ledger.Settle(t.Context(), []dispatcher.Settlement{k.refusal("words-Q8X7", dispatcher.Deferred)}); err != nil {
			t.Fatal(err)
		}
		k.claim(t, d.Message.ID)
		if err := k.ledger.Settle(t.Context(), []dispatcher.Settlement{k.refusal("said-Q8X7", dispatcher.Deferred)}); err != nil {
			t.Fatal(err)
		}
		k.claim(t, d.Message.ID)
	}
	k.merge(t)
	k.ask(t)
	box, err := store.NewInbox(db, 10)
	ok(err)
	_, err = box.Keep(t.Context(), store.Caught{Channel: vocab.Email, Recipient: "Zhanar.Q8X7@person.example", Body: "caught-Q8X7", Raw: []byte("caught-Q8X7"), At: noon})
	ok(err)
	return k
}

// merge makes one contact of this and another one, of whom more is known.
func (k *known) merge(t *testing.T) {
	t.Helper()
	other, err := k.contacts.Create(t.Context(), contacts.Contact{
		Name: "Айым", ExternalID: "crm-Q8X7", Language: vocab.Russian, Attributes: map[string]any{"club": "before-Q8X7"}, CreatedAt: noon,
	}, []contacts.NewAddress{{Channel: vocab.Email, Value: "aiym.q8x7@person.example", Lookup: "aiym.q8x7@person.example", Verified: true}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = k.consents.Record(t.Context(), consent.Event{
		Kind: consent.KindGranted, ContactID: other.ID, Scope: consent.ScopePurpose, Purpose: "event.invite", Channel: vocab.Email,
		Source: consent.SourceAPI, At: noon,
	}, "before-Q8X7", false); err != nil {
		t.Fatal(err)
	}
	survivor := k.who
	k.who = other
	d := k.draft()
	d.Message.TriggerID = "claim-8"
	if _, err := k.ledger.Submit(t.Context(), dispatcher.Intake{Drafts: []dispatcher.Draft{d}, Slots: []int{0}, Answer: make([]dispatcher.Result, 1), Now: noon}, allow); err != nil {
		t.Fatal(err)
	}
	open := k.open
	k.claim(t, d.Message.ID)
	s := k.refusal("said-Q8X7", dispatcher.Bounced)
	if err := k.ledger.Settle(t.Context(), []dispatcher.Settlement{s}); err != nil {
		t.Fatal(err)
	}
	k.who, k.open = survivor, open
	if _, err := k.consents.Merge(t.Context(), survivor.ID, other.ID, consent.Event{ActorKind: consent.ActorMember, ActorID: "mem_x"}, noon); err != nil {
		t.Fatal(err)
	}
}

// ask asks the contact to confirm, and lets them claim.
func (k *known) ask(t *testing.T) {
	t.Helper()
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.NewOptIns(k.db, registry).AskToConfirm(t.Context(), optin.Draft{Confirmation: optin.Confirmation{
		ID: vocab.ConfirmationID(vocab.NewID(vocab.ConfirmationPrefix)), Kind: optin.OptIn, ContactID: k.who.ID, Channel: vocab.SMS, Language: vocab.Kazakh,
		Asked: []optin.Asked{{Purpose: "news.company", TextHash: "f00d"}}, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.NewClaims(k.db, k.consents).Open(t.Context(), claims.New{
		ContactID: k.who.ID, Kind: claims.Access, Via: claims.ByLetter, Language: vocab.Kazakh, Text: "claim-Q8X7", ReceivedAt: noon, RecordedAt: noon,
		ActorKind: consent.ActorMember, ActorID: "mem_x", Year: 2026, DueAt: noon.AddDate(0, 0, 30),
	}); err != nil {
		t.Fatal(err)
	}
}

// draft is an email that says something personal in every place that it can.
func (k *known) draft() dispatcher.Draft {
	return dispatcher.Draft{
		Message: dispatcher.Message{
			ID: vocab.MessageID(vocab.NewID(vocab.MessagePrefix)), ContactID: k.who.ID, AddressID: k.who.Addresses[0].ID, Channel: vocab.Email, Class: vocab.Legal,
			Lane: vocab.Normal, Purpose: "legal.claim", Language: vocab.Kazakh, Template: "tpv_x", Provider: "relay", Mode: dispatcher.Live, APIKey: "key_x",
			TriggerID: "claim-7", TriggerAt: noon, Reference: "reference-Q8X7", NotAfter: noon.Add(24 * time.Hour),
		},
		Recipient: dispatcher.Recipient{ContactID: k.who.ID}, Payload: dispatcher.Payload{Data: []byte(`{"name":"Жанаркүл-Q8X7","data":{"x":"data-Q8X7"}}`)},
		Metadata:    []byte(`{"x":"metadata-Q8X7"}`),
		Attachments: []channels.Attachment{{Name: "attachment-Q8X7.pdf", ContentType: "application/pdf", Content: []byte("inside-Q8X7")}},
	}
}

func (k *known) claim(t *testing.T, id vocab.MessageID) {
	t.Helper()
	permits, err := k.ledger.ClaimBatch(t.Context(), dispatcher.Claim{IDs: []vocab.MessageID{id}, Now: noon, Lease: time.Minute}, allow)
	if err != nil || len(permits) != 1 {
		t.Fatalf("claim %s: %d permits, %v", id, len(permits), err)
	}
	k.open = permits[0]
}

// refusal is what the provider says about the open attempt.
func (k *known) refusal(words string, next dispatcher.Status) dispatcher.Settlement {
	m := k.open.Message
	s := dispatcher.Settlement{
		MessageID: m.ID, AddressID: m.AddressID, Channel: m.Channel, Attempt: m.Attempt, Provider: m.Provider, Next: next, At: noon, OpenedAt: noon,
		Outcome: channels.Refused, Cause: channels.Temporary, Code: 450, Detail: "450 <zhanar.q8x7@person.example> " + words, Failure: true,
	}
	if next == dispatcher.Deferred {
		s.DueAt = noon
	}
	return s
}

// erase erases the contact; the certificate is kept as text, so that it is looked into as well.
func (k *known) erase(t *testing.T) {
	t.Helper()
	if _, err := k.contacts.Erase(t.Context(), k.who.ID, contacts.EraseOrder{By: "mem_x", At: noon, Certify: func(c contacts.Certificate) (string, error) {
		return fmt.Sprintf("%+v", c), nil
	}}); err != nil {
		t.Fatal(err)
	}
}

func TestAfterErasureNoColumnOfAnyTableNamesThePerson(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			k := newKnown(t, e.open(t))
			before := found(t, k.db, personal...)
			for _, text := range personal {
				if !slices.ContainsFunc(before, func(at string) bool { return strings.HasPrefix(at, text+" ") }) {
					t.Errorf("%q was never kept, so nothing is shown by its absence", text)
				}
			}
			k.erase(t)
			if left := found(t, k.db, personal...); len(left) > 0 {
				t.Errorf("after the erasure there is still\n%s", strings.Join(left, "\n"))
			}

			// What comes later brings nothing back: the provider's words, a message to the contact, evidence.
			s := k.refusal("words-Q8X7", dispatcher.Bounced)
			if err := k.ledger.Settle(t.Context(), []dispatcher.Settlement{s}); err != nil {
				t.Fatal(err)
			}
			if _, _, err := k.ledger.RecordReport(t.Context(), dispatcher.LateReport{
				MessageID: k.open.Message.ID, Next: dispatcher.Bounced, At: noon, Cause: channels.NoSuchMailbox, Detail: "said-Q8X7",
			}); err != nil {
				t.Fatal(err)
			}
			d := k.draft()
			out, err := k.ledger.Submit(t.Context(), dispatcher.Intake{Drafts: []dispatcher.Draft{d}, Slots: []int{0}, Answer: make([]dispatcher.Result, 1), Now: noon}, decide)
			if err != nil || out.Results[0].Reason != consent.ContactErased {
				t.Fatalf("submit: %+v, %v", out, err)
			}
			_, _, err = k.consents.Record(t.Context(), consent.Event{
				Kind: consent.KindRefused, ContactID: k.who.ID, Scope: consent.ScopePurpose, Purpose: "survey.research", Channel: vocab.Email,
				Source: consent.SourceAPI, At: noon,
			}, "evidence-Q8X7", false)
			if err != nil {
				t.Fatal(err)
			}
			if left := found(t, k.db, personal...); len(left) > 0 {
				t.Errorf("later there is again\n%s", strings.Join(left, "\n"))
			}
		})
	}
}

// decide asks the real Decide.
func decide(cs []dispatcher.Candidate) []consent.Decision {
	list := make([]consent.Decision, len(cs))
	for i, c := range cs {
		c.Facts.Now, c.Facts.Class, c.Facts.Purpose, c.Facts.Channel, c.Facts.PurposeRegistered = noon, c.Message.Class, c.Message.Purpose, c.Message.Channel, true
		list[i] = consent.Decide(c.Facts)
	}
	return list
}
