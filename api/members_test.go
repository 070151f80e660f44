package api

import (
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/members"
)

func TestAMemberIsTheActorOfWhatTheyDo(t *testing.T) {
	d := newDoor(t)
	d.contacts.byID[aContact] = planted
	d.messages.byID[aMessage] = dispatcher.Message{ID: aMessage, ContactID: aContact, Status: dispatcher.Unknown}
	operator := string(memberOfRole(members.Operator))
	who := as(members.Operator)
	d.call(t, "POST", "/v1/consents", `{"contact_id":"`+string(aContact)+`","kind":"grant","purpose":"news.company","channel":"email"}`, who).ok(201)
	if e := d.consents.recorded[0]; e.ActorKind != consent.ActorMember || e.ActorID != operator {
		t.Errorf("the consent's actor is %s %s", e.ActorKind, e.ActorID)
	}
	d.call(t, "POST", "/v1/consents/withdraw", `{"contact_id":"`+string(aContact)+`","scope":"all"}`, who).ok(200)
	if e := d.withdrawn[0].Event; e.ActorKind != consent.ActorMember || e.ActorID != operator {
		t.Errorf("the withdrawal's actor is %s %s", e.ActorKind, e.ActorID)
	}
	for _, x := range [][3]string{
		{"POST", "/v1/suppressions", `{"email":"a@example.org"}`},
		{"DELETE", "/v1/suppressions/sup_06gywnjy01xbs0938nkrkaydxw", ""},
		{"POST", "/v1/providers/relay/pause", `{}`},
	} {
		if r := d.call(t, x[0], x[1], x[2], who); r.Code >= 300 || !strings.Contains(r.Body.String(), operator) {
			t.Errorf("%s %s does not name the member: %d %s", x[0], x[1], r.Code, r.Body)
		}
	}
	d.call(t, "POST", "/v1/messages/"+string(aMessage)+"/resend", "", who).ok(200)
	if d.messages.by != operator {
		t.Errorf("sent again by %q", d.messages.by)
	}
	if log := d.log.String(); !strings.Contains(log, `"member_id":"`+operator+`"`) || strings.Contains(log, "planted") {
		t.Errorf("the log does not name the member, or names more: %s", log)
	}
}

func TestWhatTheCallerGaveAlongIsForThoseWhoReadMessages(t *testing.T) {
	d := newDoor(t)
	d.messages.byID[aMessage] = dispatcher.Message{ID: aMessage, ContactID: aContact}
	d.messages.payload = dispatcher.StoredContent{Metadata: []byte(`{"who":"planted"}`)}
	for who, want := range map[string]bool{as(members.Viewer): false, as(members.Operator): false, as(members.Legal): true, "Authorization: Bearer " + liveSecret: true} {
		body := d.call(t, "GET", "/v1/messages/"+string(aMessage), "", who).ok(200).Body.String()
		if strings.Contains(body, "planted") != want {
			t.Errorf("%s: %s", who, body)
		}
	}
}

func TestMembersAreMadeAndChanged(t *testing.T) {
	d := newDoor(t)
	admin := as(members.Administrator)
	var made memberView
	d.call(t, "POST", "/v1/members", `{"name":" Данияр ","email":"Daniyar@Orleu.example","roles":["legal","viewer","legal"]}`, admin).ok(201).into(&made)
	if made.Name != "Данияр" || made.Email != "Daniyar@orleu.example" || len(made.Roles) != 2 || made.Roles[0] != members.Viewer {
		t.Errorf("member %+v", made)
	}
	p := d.call(t, "POST", "/v1/members", `{"name":" ","email":"nobody","roles":[]}`, admin).problem(422, "invalid_request")
	if len(p.Errors) != 2 || p.Errors[0].Pointer != "/name" || p.Errors[1].Pointer != "/email" {
		t.Errorf("errors %+v", p.Errors)
	}
	d.call(t, "POST", "/v1/members", `{"name":"x","email":"x@orleu.example","roles":["god"]}`, admin).problem(422, "invalid_request")
	d.call(t, "PATCH", "/v1/members/"+string(made.ID), `{"roles":["god"]}`, admin).problem(422, "invalid_request")
	d.call(t, "PATCH", "/v1/members/"+string(made.ID), `{"roles":["author"]}`, admin).ok(200).into(&made)
	if len(made.Roles) != 1 || made.Roles[0] != members.Author || made.Name != "Данияр" {
		t.Errorf("changed %+v", made)
	}
	d.members.bySecret["elshi_member_daniyar"] = made.ID
	theirs := "Authorization: Bearer elshi_member_daniyar"
	d.call(t, "GET", "/v1/templates", "", theirs).ok(200)
	d.call(t, "POST", "/v1/members/"+string(made.ID)+"/deactivate", "", admin).ok(200)
	d.call(t, "GET", "/v1/templates", "", theirs).problem(401, "unauthorized")
	d.call(t, "POST", "/v1/members/"+string(made.ID)+"/reactivate", "", admin).ok(200)
	d.call(t, "GET", "/v1/templates", "", theirs).ok(200)

	var me memberView
	d.call(t, "GET", "/v1/members/me", "", as(members.Viewer)).ok(200).into(&me)
	if me.ID != memberOfRole(members.Viewer) {
		t.Errorf("me is %+v", me)
	}
	d.call(t, "GET", "/v1/members/"+string(made.ID), "", as(members.Viewer)).problem(403, "role_needed")
	d.call(t, "GET", "/v1/members/"+string(made.ID), "", as(members.Legal)).ok(200)
	d.call(t, "GET", "/v1/members/nobody", "", as(members.Legal)).problem(404, "member_not_found")
}

func TestTokensAreTheirOwnersAffair(t *testing.T) {
	d := newDoor(t)
	viewer, author := "/v1/members/"+string(memberOfRole(members.Viewer))+"/tokens", "/v1/members/"+string(memberOfRole(members.Author))+"/tokens"
	var made tokenView
	d.call(t, "POST", "/v1/members/me/tokens", `{"name":"laptop","expires_at":"2026-12-01T00:00:00Z"}`, as(members.Viewer)).ok(201).into(&made)
	if made.Secret == "" || made.MemberID != memberOfRole(members.Viewer) || made.CreatedBy != string(made.MemberID) || !made.ExpiresAt.Equal(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("token %+v", made)
	}
	list := d.call(t, "GET", viewer, "", as(members.Viewer)).ok(200).Body.String()
	if !strings.Contains(list, `"name":"laptop"`) || strings.Contains(list, `"secret"`) {
		t.Errorf("list %s", list)
	}
	d.call(t, "POST", viewer, `{"name":"late","expires_at":"2026-11-22T00:00:00Z"}`, as(members.Viewer)).problem(422, "invalid_request")
	for _, x := range [][3]string{{"POST", author, `{"name":"x"}`}, {"GET", author, ""}, {"DELETE", author + "/mtk_06gywnjy01xbs0938nkrkaydxw", ""}} {
		d.call(t, x[0], x[1], x[2], as(members.Viewer)).problem(403, "role_needed")
	}
	// An administrator hands the first one over, and cannot act as somebody who has one.
	d.call(t, "POST", author, `{"name":"first"}`, as(members.Administrator)).ok(201)
	d.call(t, "POST", author, `{"name":"second"}`, as(members.Administrator)).problem(409, "member_has_token")
	d.members.tokens[1].RevokedAt = monday
	d.call(t, "POST", author, `{"name":"again"}`, as(members.Administrator)).ok(201)
	d.call(t, "DELETE", author+"/mtk_06gywnjy01xbs0938nkrkaydxw", "", as(members.Administrator)).ok(200).into(&made)
	if made.RevokedBy != string(memberOfRole(members.Administrator)) {
		t.Errorf("revoked by %q", made.RevokedBy)
	}
	d.call(t, "DELETE", author+"/x", "", as(members.Administrator)).problem(404, "member_token_not_found")
	for _, secret := range []string{"elshi_member_x", "elshi_member_"} {
		d.call(t, "GET", "/v1/templates", "", "Authorization: Bearer "+secret).problem(401, "unauthorized")
	}
}

func TestTheTimelineShowsDisclosures(t *testing.T) {
	d := newDoor(t)
	d.contacts.byID[aContact] = planted
	first := aDisclosure(t, d)
	d.messages.byID[aMessage] = dispatcher.Message{ID: aMessage, ContactID: aContact}
	var list page[timelineEntry]
	d.call(t, "GET", "/v1/contacts/"+string(aContact)+"/timeline", "", as(members.Legal)).ok(200).into(&list)
	if len(list.Data) != 2 || list.Data[0].Disclosure == nil || list.Data[0].Disclosure.ID != first || list.Data[1].Message == nil {
		t.Errorf("timeline %+v", list.Data)
	}
}
