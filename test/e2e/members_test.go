package e2e_test

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// hire makes a member with one role and returns a client that acts as them, and their id.
func (c client) hire(t *testing.T, role string) (colleague client, id string) {
	t.Helper()
	id = c.post(t, "/v1/members", fmt.Sprintf(`{"name": %q, "email": "%s@orleu.example", "roles": [%q]}`, role, role, role)).want(t, http.StatusCreated).text(t, "id")
	secret := c.post(t, "/v1/members/"+id+"/tokens", `{"name": "first"}`).want(t, http.StatusCreated).text(t, "secret")
	return c.with(secret), id
}

func TestMembersActByTheirRolesAndLeaveATrace(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	admin := w.with(w.run(t, "member", "first@orleu.example", "--name=First"))
	viewer, _ := admin.hire(t, "viewer")
	legal, legalID := admin.hire(t, "legal")
	operator, operatorID := admin.hire(t, "operator")
	contact := w.meet(t, person{name: "Сәуле Плантина", language: "kk", email: "planted@members.example", grants: []string{"event.invite"}})

	t.Run("a viewer changes nothing and sees nobody", func(t *testing.T) {
		refused := viewer.post(t, "/v1/suppressions", `{"email": "planted@members.example"}`).want(t, http.StatusForbidden)
		refused.has(t, "code=role_needed")
		for _, role := range []string{"legal", "operator", "viewer"} {
			if !strings.Contains(refused.text(t, "detail"), role) {
				t.Errorf("%s does not name %s", refused.Body, role)
			}
		}
		viewer.get(t, "/v1/contacts/"+contact).want(t, http.StatusForbidden)
		viewer.get(t, "/v1/templates").want(t, http.StatusOK)
		admin.get(t, "/v1/contacts/"+contact).want(t, http.StatusForbidden)
		w.get(t, "/v1/members").want(t, http.StatusForbidden).has(t, "code=member_needed")
	})
	t.Run("a look at a contact is in the log", func(t *testing.T) {
		legal.get(t, "/v1/contacts/"+contact, "X-Reason: complaint 17").want(t, http.StatusOK)
		log := admin.get(t, "/v1/audit-events?operation=get-contact&contact_id="+contact).want(t, http.StatusOK)
		// The newest is the look; before it the viewer and the administrator were refused.
		log.has(t, "data.0.actor_kind=member", "data.0.actor_id="+legalID, "data.0.status=200", "data.0.reason=complaint 17", "data.0.contact_ids.0="+contact,
			"data.0.resource_id="+contact)
		table := admin.get(t, "/v1/audit-events/export?format=csv").want(t, http.StatusOK)
		rows, err := csv.NewReader(strings.NewReader(string(table.Body))).ReadAll()
		if err != nil || len(rows) < 10 {
			t.Fatalf("%d rows, %v\n%s", len(rows), err, table.Body)
		}
		for _, value := range []string{"planted", "Плантина"} {
			if strings.Contains(string(table.Body), value) {
				t.Errorf("the log holds %q\n%s", value, table.Body)
			}
		}
	})
	t.Run("the ledger names the member", func(t *testing.T) {
		operator.post(t, "/v1/consents/withdraw", fmt.Sprintf(`{"contact_id": %q, "scope": "purpose", "purpose": "event.invite", "source": "operator"}`, contact)).want(t, http.StatusOK)
		legal.get(t, "/v1/contacts/"+contact+"/timeline").want(t, http.StatusOK).
			has(t, "data.0.consent.kind=withdrawn", "data.0.consent.actor_kind=member", "data.0.consent.actor_id="+operatorID)
		admin.get(t, "/v1/audit-events?operation=withdraw-consent").want(t, http.StatusOK).
			has(t, "data.0.actor_id="+operatorID, "data.0.status=200", "data.0.contact_ids.0="+contact)
	})
	t.Run("who left is out, and the last administrator stays", func(t *testing.T) {
		admin.post(t, "/v1/members/"+operatorID+"/deactivate", "").want(t, http.StatusOK)
		operator.get(t, "/v1/templates").want(t, http.StatusUnauthorized)
		admin.post(t, "/v1/members/me/deactivate", "").want(t, http.StatusConflict).has(t, "code=last_administrator")
	})
}

func TestADisclosureIsApprovedTwiceAndOpenedByTheAuthorityAlone(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	admin := w.with(w.run(t, "member", "first@orleu.example", "--name=First"))
	legal, _ := admin.hire(t, "legal")
	approver, _ := admin.hire(t, "approver")
	second := w.with(w.run(t, "member", "second@orleu.example", "--name=Second", "--role=legal"))
	contact := w.meet(t, person{name: "Сәуле Плантина", language: "kk", email: "asked@members.example", grants: []string{"event.invite"}})
	w.meet(t, person{name: "Bystander", language: "en", email: "bystander@members.example"})
	message := w.sent(t, invitation("asked@members.example"))

	court, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	id := legal.post(t, "/v1/disclosures", fmt.Sprintf(`{"body": "Алматы қаласының соты", "ground": "статья 10 закона о персональных данных", "reference": "7599-26-00",
		"requested_on": "2026-01-20", "contact_ids": [%q], "parts": ["identity", "messages"], "recipient": %q}`, contact, court.Recipient())).
		want(t, http.StatusCreated).text(t, "id")
	target := "/v1/disclosures/" + id
	legal.post(t, target+"/approve", "").want(t, http.StatusForbidden).has(t, "code=own_draft")
	legal.post(t, target+"/export", "").want(t, http.StatusConflict)
	approver.post(t, target+"/approve", "").want(t, http.StatusOK).has(t, "state=first_approval")
	second.post(t, target+"/approve", "").want(t, http.StatusOK).has(t, "state=approved")
	out := legal.post(t, target+"/export", "").want(t, http.StatusOK).has(t, "disclosure.state=exported")
	legal.post(t, target+"/export", "").want(t, http.StatusConflict)
	opened, err := age.Decrypt(armor.NewReader(strings.NewReader(out.text(t, "export"))), court)
	if err != nil {
		t.Fatal(err)
	}
	document, err := io.ReadAll(opened)
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]bool{"asked@members.example": true, "Сәуле Плантина": true, message: true, "bystander": false, `"grants"`: false} {
		if strings.Contains(string(document), value) != want {
			t.Errorf("%q is in the document: %t\n%s", value, !want, document)
		}
	}
	legal.get(t, "/v1/disclosures?contact_id="+contact).want(t, http.StatusOK).has(t, "data.0.id="+id, "data.0.state=exported")
	legal.get(t, "/v1/contacts/"+contact+"/timeline").want(t, http.StatusOK).has(t, "data.0.type=disclosure", "data.0.disclosure.id="+id)
	admin.get(t, "/v1/audit-events?operation=export-disclosure&resource_id="+id).want(t, http.StatusOK).has(t, "data.0.status=409", "data.1.status=200", "data.1.contact_ids.0="+contact)
}
