package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/vocab"
)

// An identity number with a right check digit; nobody has it.
const (
	anIIN      = "990101300003"
	inGroups   = "990101-300003"
	fullWidth  = "９９０１０１３００００３"
	noWidth    = "990101\u200b300003"
	contactURL = "/v1/contacts/con_06gywnjy01xbs0938nkrkaydxw"
)

func TestNoDoorLetsAnIdentifierIn(t *testing.T) {
	const grant = `{"contact_id":"con_06gywnjy01xbs0938nkrkaydxw","kind":"grant","purpose":"news.company","channel":"email",`
	for _, tc := range []struct{ name, method, target, body, pointer string }{
		{"a contact's name", "POST", "/v1/contacts", `{"name":"Айгүл ` + anIIN + `"}`, "/name"},
		{"a new name", "PATCH", contactURL, `{"name":"` + fullWidth + `"}`, "/name"},
		{"an external id", "POST", "/v1/contacts", `{"external_id":"` + inGroups + `"}`, "/external_id"},
		{"a new external id", "PATCH", contactURL, `{"external_id":"9901 0130 0003"}`, "/external_id"},
		{"an attribute", "POST", "/v1/contacts", `{"attributes":{"a":"990101 300 003"}}`, "/attributes/a"},
		{"a new attribute", "PATCH", contactURL, `{"attributes":{"identity_number":"x"}}`, "/attributes/identity_number"},
		{"an address of a new contact", "POST", "/v1/contacts", `{"addresses":[{"phone":"+77010000000"},{"email":"` + anIIN + `@example.org"}]}`, "/addresses/1/email"},
		{"a new address", "POST", contactURL + "/addresses", `{"email":"` + anIIN + `@example.org"}`, "/email"},
		{"a template's text", "POST", "/v1/templates", `{"template":"x","variants":[{"language":"kk","channel":"sms","sms":"` + inGroups + `"}]}`, "/variants/0/sms"},
		{"a template's sample", "POST", "/v1/templates", `{"template":"x","sample":{"a":"` + anIIN + `"},"variants":[{"language":"kk","channel":"sms","sms":"x"}]}`, "/sample/a"},
		{"an API key's name", "POST", "/v1/api-keys", `{"name":"` + inGroups + `","mode":"live"}`, "/name"},
		{"a suppression's note", "POST", "/v1/suppressions", `{"email":"a@example.org","note":"` + noWidth + `"}`, "/note"},
		{"evidence", "POST", "/v1/consents", grant + `"evidence":"` + fullWidth + `"}`, "/evidence"},
		{"a consent's topic", "POST", "/v1/consents", grant + `"topic":"` + anIIN + `"}`, "/topic"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDoor(t)
			kept := contacts.Profile{Contact: contacts.Contact{ID: aContact, Name: "Айгүл"}}
			d.contacts.byID[aContact] = kept
			got := d.call(t, tc.method, tc.target, tc.body)
			p := got.problem(422, "invalid_request")
			if len(p.Errors) != 1 || p.Errors[0].Pointer != tc.pointer || p.Errors[0].Code != "forbidden_identifier" {
				t.Errorf("errors %+v, want forbidden_identifier at %s", p.Errors, tc.pointer)
			}
			if answer := got.Body.String() + d.log.String(); strings.Contains(answer, "300003") || strings.Contains(answer, fullWidth) {
				t.Errorf("the value is repeated: %s", answer)
			}
			if diff := cmp.Diff(map[vocab.ContactID]contacts.Profile{aContact: kept}, d.contacts.byID); diff != "" {
				t.Errorf("what is stored changed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnOldNameKeepsNobodyFromBeingBlocked(t *testing.T) {
	d := newDoor(t)
	d.contacts.byID[aContact] = contacts.Profile{Contact: contacts.Contact{
		ID: aContact, Name: anIIN, ExternalID: inGroups, Attributes: map[string]any{"iin": anIIN},
	}}
	d.call(t, "PATCH", contactURL, `{"data_blocked":true}`).ok(200)
	if d.contacts.byID[aContact].DataBlockedAt == nil {
		t.Error("the contact is not blocked")
	}
	d.call(t, "PATCH", contactURL, `{"name":"Айгүл","external_id":"7","attributes":{"iin":null}}`).ok(200)
	if got := d.contacts.byID[aContact].Contact; got.Name != "Айгүл" || got.ExternalID != "7" || len(got.Attributes) != 0 {
		t.Errorf("the contact is not corrected: %+v", got)
	}
	d.call(t, "GET", "/v1/contacts?email="+anIIN+"@example.org", "").ok(200)
	d.call(t, "POST", "/v1/suppressions", `{"email":"`+anIIN+`@example.org"}`).ok(201)
}
