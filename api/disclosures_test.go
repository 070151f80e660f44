package api

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/disclosures"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/members"
	"github.com/orleu/elshi/vocab"
)

// court is who asks in tests, with the key that opens what it gets.
var court = func() *age.X25519Identity {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		panic(err)
	}
	return id
}()

func disclosureBody(parts string) string {
	return fmt.Sprintf(`{"body":"Court","bin":"","ground":"article 8","reference":"7599-26","requested_on":"2026-11-20","contact_ids":[%q],"parts":[%s],"recipient":%q}`,
		aContact, parts, court.Recipient())
}

func aDisclosure(t *testing.T, d *door) vocab.DisclosureID {
	t.Helper()
	var made disclosureView
	d.call(t, "POST", "/v1/disclosures", disclosureBody(`"identity"`), as(members.Legal)).ok(201).into(&made)
	return made.ID
}

// secondLegal adds a member of the role legal.
func (d *door) secondLegal() string {
	id := vocab.MemberID("mem_06gywnjy01xbs0938nkrkaydxm")
	d.members.byID[id] = members.Member{ID: id, Roles: []members.Role{members.Legal}}
	d.members.bySecret["elshi_member_second"] = id
	return "Authorization: Bearer elshi_member_second"
}

func TestADisclosureNeedsTwoOthers(t *testing.T) {
	d := newDoor(t)
	d.contacts.byID[aContact] = planted
	target := "/v1/disclosures/" + string(aDisclosure(t, d))
	author, first, second := as(members.Legal), as(members.Approver), d.secondLegal()
	export := func() answered { return d.call(t, "POST", target+"/export", "", author) }
	export().problem(409, "disclosure_state")
	d.call(t, "POST", target+"/approve", "", author).problem(403, "own_draft")
	d.call(t, "POST", target+"/approve", "", first).ok(200)
	d.call(t, "POST", target+"/approve", "", first).problem(403, "approved_before")
	export().problem(409, "disclosure_state")
	var approved disclosureView
	d.call(t, "POST", target+"/approve", "", second).ok(200).into(&approved)
	if approved.State != disclosures.Approved || len(approved.Approvals) != 2 {
		t.Errorf("approved %+v", approved)
	}
	var out exportView
	export().ok(200).into(&out)
	if out.Disclosure.State != disclosures.Exported || out.Disclosure.ExportedBy != memberOfRole(members.Legal) {
		t.Errorf("exported %+v", out.Disclosure)
	}
	export().problem(409, "disclosure_state") // once
	d.call(t, "POST", target+"/refuse", `{"reason":"late"}`, first).problem(409, "disclosure_state")

	other := "/v1/disclosures/" + string(aDisclosure(t, d))
	d.call(t, "POST", other+"/refuse", `{"reason":" "}`, first).problem(422, "invalid_request")
	d.call(t, "POST", other+"/refuse", `{"reason":"no ground"}`, first).ok(200)
	d.call(t, "POST", other+"/approve", "", second).problem(409, "disclosure_state")
	d.call(t, "GET", "/v1/disclosures/nobody", "", author).problem(404, "disclosure_not_found")
	if list := d.call(t, "GET", "/v1/disclosures?contact_id="+string(aContact), "", author).ok(200).Body.String(); strings.Count(list, `"id":"dis_`) != 2 {
		t.Errorf("disclosures of the contact: %s", list)
	}
	d.call(t, "GET", "/v1/disclosures?contact_id=x", "", author).problem(422, "invalid_request")
}

func TestAnExportIsExactlyTheScope(t *testing.T) {
	everything := map[string]string{
		"identity": `"planted@example.org"`, "consents": `"grants"`, "messages": `"decision"`, "timeline": `"type": "message"`,
	}
	for _, parts := range []string{`"identity"`, `"consents"`, `"messages"`, `"timeline"`, `"identity","messages"`, `"timeline","consents","identity","messages"`} {
		d := newDoor(t)
		d.contacts.byID[aContact] = planted
		other := vocab.ContactID("con_06gywnjy01xbs0938nkrkaydx0")
		d.contacts.byID[other] = contacts.Profile{Contact: contacts.Contact{ID: other, Name: "Bystander"}}
		d.messages.byID[aMessage] = dispatcher.Message{ID: aMessage, ContactID: aContact, Purpose: "request.reply"}
		d.consents.events = []consent.Event{{ID: "cev_06gywnjy01xbs0938nkrkaydx2", Kind: consent.KindGranted, At: monday}}
		var made disclosureView
		d.call(t, "POST", "/v1/disclosures", disclosureBody(parts), as(members.Legal)).ok(201).into(&made)
		target := "/v1/disclosures/" + string(made.ID)
		for _, who := range []string{as(members.Approver), d.secondLegal()} {
			d.call(t, "POST", target+"/approve", "", who).ok(200)
		}
		answer := d.call(t, "POST", target+"/export", "", as(members.Legal)).ok(200)
		var out exportView
		answer.into(&out)
		if strings.Contains(answer.Body.String(), "planted") {
			t.Errorf("the answer shows data: %s", answer.Body)
		}
		opened, err := age.Decrypt(armor.NewReader(strings.NewReader(out.Export)), court)
		if err != nil {
			t.Fatal(err)
		}
		document, err := io.ReadAll(opened)
		if err != nil {
			t.Fatal(err)
		}
		for part, mark := range everything {
			if got, want := bytes.Contains(document, []byte(mark)), strings.Contains(parts, `"`+part+`"`); got != want {
				t.Errorf("%s: %s is in the document: %t\n%s", parts, part, got, document)
			}
		}
		if bytes.Contains(document, []byte("Bystander")) || !json.Valid(document) {
			t.Errorf("%s: somebody else's data, or no JSON:\n%s", parts, document)
		}
		again, err := disclosures.Seal(court.Recipient().String(), document)
		if err != nil {
			t.Fatal(err)
		}
		kept := d.register.byID[made.ID]
		if kept.PlainHash != again.PlainHash || kept.SealedHash == again.SealedHash || len(kept.SealedHash) != 64 {
			t.Errorf("registered hashes %s and %s, the document's is %s", kept.PlainHash, kept.SealedHash, again.PlainHash)
		}
		if register := fmt.Sprintf("%+v", kept); strings.Contains(register, "planted") {
			t.Errorf("the register holds data: %s", register)
		}
	}
}

func TestTheLogIsSearchedAndExported(t *testing.T) {
	d := newDoor(t)
	for i := range 3 * exportPage {
		d.audit.events = append(d.audit.events, audit.Event{
			ID: vocab.AuditEventID(vocab.NewID(vocab.AuditEventPrefix)), At: monday, Actor: audit.System("outcome"), Operation: "pause-provider",
			Reason: "=1+1", Fields: []string{"a", "b"}, Contacts: []vocab.ContactID{aContact}, Status: 200 + i%2*201,
		})
	}
	var lines []auditEventView
	raw := d.call(t, "GET", "/v1/audit-events/export?operation=pause-provider&from=2026-11-01T00:00:00Z", "", as(members.Administrator), "X-Reason: inspection").ok(200)
	for line := range strings.Lines(raw.Body.String()) {
		var e auditEventView
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, e)
	}
	if len(lines) != 3*exportPage || raw.Header().Get("Content-Type") != mediaJSONLines || lines[0].ID <= lines[1].ID {
		t.Errorf("%d lines of %s", len(lines), raw.Header().Get("Content-Type"))
	}
	last := d.audit.events[len(d.audit.events)-1]
	if last.Operation != "export-audit-events" || last.Reason != "inspection" || !cmp.Equal(last.Fields, []string{"operation", "from", "format"}) {
		t.Errorf("the export is in the log as %+v", last)
	}
	want := audit.Filter{Operation: "pause-provider", From: lines[0].At.AddDate(0, 0, -22).Add(-5 * 3600e9), Limit: exportPage}
	if diff := cmp.Diff(want, d.audit.filters[0]); diff != "" {
		t.Errorf("filter mismatch (-want +got):\n%s", diff)
	}
	table := d.call(t, "GET", "/v1/audit-events/export?format=csv", "", as(members.Legal)).ok(200)
	rows, err := csv.NewReader(table.Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3*exportPage+2 || rows[0][0] != "id" || rows[2][9] != "'=1+1" || rows[2][7] != string(aContact) || rows[2][8] != "a b" {
		t.Errorf("%d rows, such as %q", len(rows), rows[2])
	}
	var found page[auditEventView]
	d.call(t, "GET", "/v1/audit-events?limit=2&contact_id="+string(aContact), "", as(members.Legal)).ok(200).into(&found)
	if len(found.Data) != 2 || found.NextCursor == "" || d.audit.filters[len(d.audit.filters)-1].Subject != string(aContact) {
		t.Errorf("page %+v", found)
	}
	if e := d.audit.events[len(d.audit.events)-1]; e.Operation != "list-audit-events" || !cmp.Equal(e.Fields, []string{"contact_id"}) {
		t.Errorf("the search is in the log as %+v", e)
	}
	d.call(t, "GET", "/v1/audit-events?cursor=x&contact_id=y&resource_id=z", "", as(members.Legal)).problem(422, "invalid_request")
}
