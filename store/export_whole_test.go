package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/export"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// notExported are tables about a contact, an address or a message that an export leaves out, each with its reason.
var notExported = map[string]string{
	"dues":            "when to ring for a message: its own due_at says the same",
	"message_once":    "the message's own purpose, channel and trigger",
	"sms_refs":        "the provider's reference, which stands with the attempt",
	"retention_marks": "up to which message a rule has been applied: about no contact",
	"retention_stays": "which messages wait to be forgotten: ids that stand with the messages",

	"audit_outcomes":       "how a look or a change ended; the audit log has an export of its own, for those who may read it",
	"audit_subjects":       "whom entries of the audit log are about; it has an export of its own",
	"cap_evidence":         "which earlier messages held one back: ids that stand with the messages",
	"consent_text_changes": "changes of texts, which are about nobody",
	"disclosure_contacts":  "to whom data were given: an authority may forbid to tell, so a lawyer answers from GET /v1/disclosures?contact_id=",
	"renewal_asks":         "which message asked to renew which grant: both are exported",
	"webhook_deliveries":   "where events were sent; they name the contact by id alone",
}

func TestEveryTableAboutAContactIsExportedOrHasAReason(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			about := 0
			tables := tablesOf(t, e.open(t))
			for table, names := range tables {
				if !slices.ContainsFunc(names, func(name string) bool {
					return slices.Contains([]string{"contact_id", "address_id", "address_hash", "message_id", "event_id"}, name)
				}) {
					continue
				}
				about++
				section, why := export.Tables()[table], notExported[table]
				if section == "" && why == "" || section != "" && why != "" {
					t.Errorf("%s is about a contact: it must stand either in a section of the export or in notExported with a reason", table)
				}
			}
			for table := range export.Tables() {
				if tables[table] == nil {
					t.Errorf("the export names %s, and there is no such table", table)
				}
			}
			if about < 12 {
				t.Errorf("only %d tables are about a contact; the walk has lost its way", about)
			}
		})
	}
}

// plainText renders a payload as it is.
type plainText struct{}

func (plainText) Content(_ context.Context, m dispatcher.Message, p dispatcher.Payload) (templates.Content, error) {
	return templates.Content{Language: m.Language, Subject: "Тақырып", Text: string(p.Data), HTML: "<p>" + string(p.Data) + "</p>"}, nil
}

func newExporter(t *testing.T, db *store.DB) *export.Exporter {
	t.Helper()
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	return export.New(export.Options{
		People: store.NewContacts(db), Consents: store.NewConsents(db, registry), OptIns: store.NewOptIns(db, registry),
		Claims: store.NewClaims(db, store.NewConsents(db, registry)), Messages: store.NewLedger(db), Renderer: plainText{}, Purposes: registry,
		Org: map[vocab.Language]string{vocab.Kazakh: "Өрлеу"},
	})
}

func TestAnExportHasEverythingThatIsKnownAndIsTheSameEachTime(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			k := newKnown(t, e.open(t))
			code := k.draft()
			code.Message.Class, code.Message.Purpose = vocab.Security, "account.identity"
			code.Payload = dispatcher.Payload{Data: []byte("c2VhbGVkLWNvZGUtUThYNw=="), Sealed: true}
			if _, err := k.ledger.Submit(t.Context(), dispatcher.Intake{
				Drafts: []dispatcher.Draft{code}, Slots: []int{0}, Answer: make([]dispatcher.Result, 1), Now: noon,
			}, allow); err != nil {
				t.Fatal(err)
			}
			exporter, now := newExporter(t, k.db), time.Now().Add(time.Hour)
			var whole, again, archive, twin bytes.Buffer
			for _, run := range []struct {
				to    *bytes.Buffer
				write func(context.Context, io.Writer, vocab.ContactID, time.Time) error
			}{{&whole, exporter.JSON}, {&again, exporter.JSON}, {&archive, exporter.Archive}, {&twin, exporter.Archive}} {
				if err := run.write(t.Context(), run.to, k.who.ID, now); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(whole.Bytes(), again.Bytes()) || !bytes.Equal(archive.Bytes(), twin.Bytes()) {
				t.Error("the same data at the same time are other bytes")
			}
			var document map[string]json.RawMessage
			if err := json.Unmarshal(whole.Bytes(), &document); err != nil {
				t.Fatalf("%v\n%s", err, whole.String())
			}
			files := testkit.Unzip(t, archive.Bytes())
			if files["data.json"] != whole.String() {
				t.Error("data.json is another document")
			}
			everything := strings.ToLower(whole.String())
			for _, text := range personal {
				in := everything
				switch text {
				case "inside-Q8X7": // what is in a file is in the archive
					in = fmt.Sprint(files)
				case "caught-Q8X7": // the catcher holds what a demonstration sent; it is none of the contact's data
					continue
				}
				if !strings.Contains(strings.ToLower(in), strings.ToLower(text)) {
					t.Errorf("%q is known and not exported", text)
				}
			}
			for _, secret := range []string{"c2VhbGVk", "sealed-code"} {
				if strings.Contains(whole.String()+fmt.Sprint(files), secret) {
					t.Error("a one-time code is exported")
				}
			}
			var messages []struct {
				ID          string
				Class       string
				Content     struct{ Text string }
				Attachments []struct{ Path string }
				Events      []struct{ Type string }
				Attempts    []struct{ Number int }
			}
			if err := json.Unmarshal(document["messages"], &messages); err != nil || len(messages) != 5 {
				t.Fatalf("%d messages, %v", len(messages), err)
			}
			for _, m := range messages {
				pg := files["messages/"+m.ID+".html"]
				if !strings.Contains(pg, m.ID) || !strings.Contains(files["index.html"], "messages/"+m.ID+".html") {
					t.Errorf("message %s has no page, or nothing leads to it", m.ID)
				}
				if m.Class == "security" {
					if m.Content.Text != "••••" || len(m.Attachments) > 0 || !strings.Contains(pg, "••••") {
						t.Errorf("a one-time code is shown: %+v", m)
					}
					continue
				}
				if len(m.Attachments) != 1 || files[m.Attachments[0].Path] != "inside-Q8X7" {
					t.Errorf("attachments of %s: %+v", m.ID, m.Attachments)
				}
				events, err := k.ledger.Events(t.Context(), vocab.MessageID(m.ID))
				if err != nil || len(events) != len(m.Events) || len(events) < 2 {
					t.Errorf("%d events of %s, want %d, %v", len(m.Events), m.ID, len(events), err)
				}
				attempts, err := k.ledger.Attempts(t.Context(), vocab.MessageID(m.ID))
				if err != nil || len(attempts) != len(m.Attempts) || len(attempts) < 1 {
					t.Errorf("%d attempts of %s, want %d, %v", len(m.Attempts), m.ID, len(attempts), err)
				}
			}
			if page := files["index.html"]; !strings.Contains(page, `<html lang="kk">`) || !strings.Contains(page, "evidence-Q8X7") {
				t.Errorf("index.html: %.300s", page)
			}

			// After an erasure the export says so, and what remains.
			k.erase(t)
			whole.Reset()
			if err := exporter.JSON(t.Context(), &whole, k.who.ID, now); err == nil { // the certificate of these tests is no JWS
				t.Error("a certificate that cannot be read is passed over")
			}
			if strings.Contains(whole.String(), "Q8X7") {
				t.Error("something personal is left")
			}
		})
	}
}

func TestAnExportIsReadPageByPage(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			db := e.open(t)
			fill(t, db, 1, 1000)
			exec(t, db, `UPDATE messages SET contact_id = 'con_100000001'`)
			var whole bytes.Buffer
			if err := newExporter(t, db).JSON(t.Context(), &whole, con(1), time.Now().AddDate(10, 0, 0)); err != nil {
				t.Fatal(err)
			}
			var document struct {
				Messages []struct{ ID vocab.MessageID }
			}
			if err := json.Unmarshal(whole.Bytes(), &document); err != nil {
				t.Fatal(err)
			}
			if len(document.Messages) != 1000 {
				t.Fatalf("%d messages, want 1000", len(document.Messages))
			}
			for i, m := range document.Messages {
				if m.ID != msg(1000-i) {
					t.Fatalf("message %d is %s, want %s", i, m.ID, msg(1000-i))
				}
			}
		})
	}
}
