package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/members"
	"github.com/orleu/elshi/vocab"
)

func as(r members.Role) string { return "Authorization: Bearer " + secretOf(r) }

// planted is a contact whose every value can be found again.
var planted = contacts.Profile{
	Contact: contacts.Contact{ID: aContact, ExternalID: "planted-external", Name: "Planted Сәрсенова", Attributes: map[string]any{"city": "planted city"}},
	Addresses: []contacts.LinkedAddress{
		{Address: contacts.Address{ID: "adr_06gywnjy01xbs0938nkrkaydxw", Channel: vocab.Email, Value: "planted@example.org", Key: "planted@example.org"}},
	},
}

func TestALookIsInTheLogBeforeItIsShown(t *testing.T) {
	d := newDoor(t)
	d.contacts.byID[aContact] = planted
	d.messages.byID[aMessage] = dispatcher.Message{ID: aMessage, ContactID: aContact, Class: vocab.Security}
	contact, message := "/v1/contacts/"+string(aContact), "/v1/messages/"+string(aMessage)
	for _, tc := range []struct {
		target string
		want   audit.Event
	}{
		{contact, audit.Event{Operation: "get-contact", Resource: audit.Resource{Kind: "contact", ID: string(aContact)}}},
		{contact + "/consents", audit.Event{Operation: "list-contact-consents", Resource: audit.Resource{Kind: "contact", ID: string(aContact)}}},
		{contact + "/preferences", audit.Event{Operation: "get-preferences", Resource: audit.Resource{Kind: "contact", ID: string(aContact)}}},
		{contact + "/timeline?limit=3", audit.Event{Operation: "get-contact-timeline", Resource: audit.Resource{Kind: "contact", ID: string(aContact)}}},
		{"/v1/contacts?q=Planted&email=planted@example.org", audit.Event{Operation: "list-contacts", Resource: audit.Resource{Kind: "contact"}, Fields: []string{"q", "email"}}},
		{"/v1/messages?reference=planted", audit.Event{Operation: "list-messages", Resource: audit.Resource{Kind: "message"}, Fields: []string{"reference"}}},
		{message, audit.Event{Operation: "get-message", Resource: audit.Resource{Kind: "message", ID: string(aMessage)}}},
		{message + "/content", audit.Event{Operation: "get-message-content", Resource: audit.Resource{Kind: "message", ID: string(aMessage)}}},
		{message + "/attempts", audit.Event{Operation: "list-message-attempts", Resource: audit.Resource{Kind: "message", ID: string(aMessage)}}},
	} {
		d.audit.events, d.audit.broken = nil, nil
		r := d.call(t, "GET", tc.target, "", as(members.Legal), "X-Reason: %D0%B6%D0%B0%D0%BB%D0%BE%D0%B1%D0%B0 7").ok(200)
		tc.want.Actor = audit.Actor{Kind: consent.ActorMember, ID: string(memberOfRole(members.Legal))}
		tc.want.At, tc.want.Status, tc.want.Reason, tc.want.Contacts = monday, 200, "жалоба 7", []vocab.ContactID{aContact}
		tc.want.RequestID = r.Header().Get("X-Request-Id")
		if diff := cmp.Diff([]audit.Event{tc.want}, d.audit.events, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(audit.Event{}, "ID")); diff != "" {
			t.Errorf("GET %s: events mismatch (-want +got):\n%s", tc.target, diff)
		}
		d.audit.broken = errors.New("disk full")
		refused := d.call(t, "GET", tc.target, "", as(members.Legal))
		refused.problem(503, "audit_log_unavailable")
		for _, shown := range []string{"planted", "Planted", string(aMessage) + `","status`} {
			if strings.Contains(refused.Body.String(), shown) {
				t.Errorf("GET %s: shown without a trace: %s", tc.target, refused.Body)
			}
		}
	}
}

func TestASystemsQuestionsAfterItsMessagesAreNotLooks(t *testing.T) {
	d := newDoor(t)
	d.messages.byID[aMessage] = dispatcher.Message{ID: aMessage, ContactID: aContact}
	for _, path := range []string{"", "/events", "/decision"} {
		d.call(t, "GET", "/v1/messages/"+string(aMessage)+path, "").ok(200)
	}
	d.call(t, "POST", "/v1/messages", goodMessage).ok(202)
	if len(d.audit.events) > 0 {
		t.Errorf("the log holds %+v", d.audit.events)
	}
	d.call(t, "GET", "/v1/messages", "").ok(200)
	if len(d.audit.events) != 1 || d.audit.events[0].Actor != (audit.Actor{Kind: consent.ActorAPIKey, ID: string(liveKey.ID)}) {
		t.Errorf("a list is a look: %+v", d.audit.events)
	}
}

func TestAChangeIsInTheLogBeforeItIsBegun(t *testing.T) {
	begun := errors.New("not yet")
	for name, tc := range map[string]struct {
		method, target, body string
		who                  string
		status               int
		want                 audit.Event
		made                 string // what the outcome names
	}{
		"a contact": {
			"PATCH", "/v1/contacts/" + string(aContact), `{"name":"Planted","minor":false}`, as(members.Legal), 200,
			audit.Event{Operation: "update-contact", Resource: audit.Resource{Kind: "contact", ID: string(aContact)}, Fields: []string{"name", "minor"}, Contacts: []vocab.ContactID{aContact}},
			"",
		},
		"a new contact": {
			"POST", "/v1/contacts", `{"name":"Planted","addresses":[{"email":"planted@example.org"}]}`, as(members.Operator), 201,
			audit.Event{Operation: "create-contact", Resource: audit.Resource{Kind: "contact"}, Fields: []string{"name", "addresses"}},
			"con_",
		},
		"a consent": {
			"POST", "/v1/consents", `{"contact_id":"` + string(aContact) + `","kind":"grant","purpose":"news.company","channel":"email"}`, as(members.Operator), 201,
			audit.Event{Operation: "record-consent", Resource: audit.Resource{Kind: "consent"}, Fields: []string{"contact_id", "kind", "purpose", "channel"}, Contacts: []vocab.ContactID{aContact}},
			"cev_",
		},
		"a pause": {
			"POST", "/v1/providers/relay/pause", `{"reason":"planted"}`, as(members.Operator), 200,
			audit.Event{Operation: "pause-provider", Resource: audit.Resource{Kind: "provider"}, Fields: []string{"reason"}},
			"relay",
		},
		"a provider that is none": {
			"POST", "/v1/providers/planted/pause", `{}`, as(members.Operator), 404, audit.Event{Operation: "pause-provider", Resource: audit.Resource{Kind: "provider"}}, "",
		},
		"a key's suppression": {
			"POST", "/v1/suppressions", `{"email":"planted@example.org"}`, "Authorization: Bearer " + liveSecret, 201,
			audit.Event{Operation: "create-suppression", Resource: audit.Resource{Kind: "suppression"}, Fields: []string{"email"}},
			"sup_",
		},
		"one's own token": {
			"POST", "/v1/members/me/tokens", `{"name":"planted"}`, as(members.Viewer), 201,
			audit.Event{Operation: "create-member-token", Resource: audit.Resource{Kind: "member", ID: string(memberOfRole(members.Viewer))}, Fields: []string{"name"}},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			d.contacts.byID[aContact] = planted
			did := func() int {
				return len(d.contacts.created) + len(d.consents.recorded) + len(d.pauses) + len(d.members.tokens)
			}
			d.audit.broken = begun
			d.call(t, tc.method, tc.target, tc.body, tc.who).problem(503, "audit_log_unavailable")
			if did() > 0 || d.contacts.byID[aContact].Name != planted.Name {
				t.Error("something was changed without a trace")
			}
			d.audit.broken = nil
			d.audit.after = func(audit.Event) {
				if did() > 0 {
					t.Error("it was changed before it was written down")
				}
			}
			r := d.call(t, tc.method, tc.target, tc.body, tc.who).ok(tc.status)
			tc.want.At, tc.want.RequestID = monday, r.Header().Get("X-Request-Id")
			tc.want.Actor = audit.Actor{Kind: consent.ActorAPIKey, ID: string(liveKey.ID)}
			if id := d.members.bySecret[strings.TrimPrefix(tc.who, "Authorization: Bearer ")]; id != "" {
				tc.want.Actor = audit.Actor{Kind: consent.ActorMember, ID: string(id)}
			}
			if diff := cmp.Diff([]audit.Event{tc.want}, d.audit.events, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(audit.Event{}, "ID")); diff != "" {
				t.Errorf("events mismatch (-want +got):\n%s", diff)
			}
			if len(d.audit.outcomes) != 1 {
				t.Fatalf("outcomes %+v", d.audit.outcomes)
			}
			o := d.audit.outcomes[0]
			if o.Event != d.audit.events[0].ID || o.Status != tc.status || !strings.HasPrefix(o.ResourceID, tc.made) || (o.ResourceID == "") != (tc.made == "") {
				t.Errorf("outcome %+v, want %d and %q", o, tc.status, tc.made)
			}
		})
	}
}

func TestNoPersonalValueIsInTheLog(t *testing.T) {
	d := newDoor(t, func(o *Options) { o.RateBurst = 1000 })
	d.contacts.byID[aContact] = planted
	d.messages.byID[aMessage] = dispatcher.Message{ID: aMessage, ContactID: aContact, Status: dispatcher.Held}
	person := "/v1/contacts/" + string(aContact)
	for _, x := range [][3]string{
		{"GET", person, ""},
		{"GET", "/v1/contacts?q=planted&external_id=planted&phone=%2B77017777777", ""},
		{"GET", "/v1/contacts/planted@example.org", ""},
		{"PATCH", "/v1/contacts/planted@example.org", `{"name":"planted"}`},
		{"DELETE", "/v1/contacts/planted", ""},
		{"POST", "/v1/contacts", `{"name":"planted","external_id":"planted","attributes":{"planted":"planted"},"addresses":[{"email":"planted@example.org"},{"phone":"+77017777777"}]}`},
		{"PATCH", person, `{"name":"planted","attributes":{"planted":"planted"}}`},
		{"POST", person + "/addresses", `{"email":"planted@example.org"}`},
		{"DELETE", person + "/addresses/planted@example.org", ""},
		{"POST", "/v1/suppressions", `{"email":"planted@example.org","note":"planted"}`},
		{"POST", "/v1/consents", `{"contact_id":"` + string(aContact) + `","kind":"grant","purpose":"news.company","channel":"email","evidence":"planted"}`},
		{"POST", "/v1/consents/withdraw", `{"address":{"email":"planted@example.org"},"scope":"address","evidence":"planted"}`},
		{"POST", "/v1/messages/planted@example.org/cancel", ""},
		{"POST", "/v1/messages/" + string(aMessage) + "/cancel", ""},
		{"POST", "/v1/purposes/planted/pause", `{"reason":"planted"}`},
		{"POST", "/v1/purposes/news.company/pause", `{"reason":"planted"}`},
		{"GET", "/v1/messages?reference=planted", ""},
		{"GET", "/v1/suppressions?email=planted@example.org", ""},
		{"POST", "/v1/messages/preview", strings.ReplaceAll(goodMessage, "aigul", "planted")},
	} {
		for _, who := range []string{"Authorization: Bearer " + liveSecret, as(members.Legal), as(members.Operator), as(members.Viewer)} {
			d.call(t, x[0], x[1], x[2], who)
		}
	}
	for _, reason := range []string{"asked by planted@example.org", "call +7 701 777 77 77", "87017777777", "ИИН 950101300006", "a%0Ab", strings.Repeat("x", 301)} {
		p := d.call(t, "GET", person, "", as(members.Legal), "X-Reason: "+reason).problem(422, "invalid_request")
		if len(p.Errors) != 1 || p.Errors[0].Parameter != "X-Reason" || strings.Contains(fmt.Sprint(p), "planted") {
			t.Errorf("reason %q: %+v", reason, p.Errors)
		}
	}
	if len(d.audit.events) < 40 || len(d.audit.outcomes) < 20 {
		t.Fatalf("only %d events and %d outcomes", len(d.audit.events), len(d.audit.outcomes))
	}
	log, err := json.Marshal([]any{d.audit.events, d.audit.outcomes})
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"planted", "Planted", "77017777777", "Сәрсенова", "950101300006"} {
		if strings.Contains(string(log), value) {
			t.Errorf("the log holds %q:\n%s", value, log)
		}
	}
}

func TestAnEndThatCannotBeWrittenChangesNoAnswer(t *testing.T) {
	d := newDoor(t)
	d.audit.after = func(audit.Event) { d.audit.broken = fault.Away("ledger", nil) }
	d.call(t, "POST", "/v1/suppressions", `{"email":"a@example.org"}`).ok(http.StatusCreated)
	if !strings.Contains(d.log.String(), `"an audit event stays without its outcome"`) {
		t.Errorf("not logged: %s", d.log)
	}
}
