package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/orleu/elshi/internal/testkit"
)

// A contact gets everything that is known about them, and then is forgotten with a certificate that anybody can check; who comes back by an
// import meets the suppression.
func TestAContactTakesTheirDataAndIsForgotten(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	const email, name = "zhanar.q8x7@person.example", "Жанаркүл-Q8X7"
	contact := w.meet(t, person{name: name, language: "ru", email: email, grants: []string{"event.invite"}})
	w.call(t, http.MethodPatch, "/v1/contacts/"+contact, `{"attributes": {"school": "school-Q8X7"}}`).want(t, http.StatusOK)
	id := w.sent(t, strings.Replace(reply(email, `, "reference": "reference-Q8X7"`), "Вот так.", "Ответ-Q8X7", 1))
	w.sent(t, code("email", email, "QX7Z2KW9"))

	document := w.get(t, "/v1/contacts/"+contact+"/export").want(t, http.StatusOK)
	document.has(t, "schema=elshi-contact-export/1", "contact.name="+name, "contact.attributes.school=school-Q8X7", "addresses.0.address="+email)
	for _, text := range []string{"Ответ-Q8X7", "reference-Q8X7", id, "••••", `"kind":"granted"`} {
		if !strings.Contains(string(document.Body), text) {
			t.Errorf("the export has no %q", text)
		}
	}
	files := testkit.Unzip(t, w.get(t, "/v1/contacts/"+contact+"/export?format=zip").want(t, http.StatusOK).Body)
	if page := files["messages/"+id+".html"]; !strings.Contains(page, `<html lang="ru">`) || !strings.Contains(page, "Ответ-Q8X7") {
		t.Errorf("the message's page: %.500s", page)
	}
	if !strings.Contains(files["index.html"], "Всё, что мы знаем о вас") || !strings.Contains(files["index.html"], name) {
		t.Errorf("index.html: %.500s", files["index.html"])
	}
	if strings.Contains(string(document.Body)+files["index.html"]+files["data.json"], "QX7Z2KW9") {
		t.Error("a one-time code is exported")
	}

	erased := w.call(t, http.MethodDelete, "/v1/contacts/"+contact, "").want(t, http.StatusOK)
	jws := erased.text(t, "certificate.jws")
	again := w.call(t, http.MethodDelete, "/v1/contacts/"+contact, "").want(t, http.StatusOK)
	if again.text(t, "certificate.jws") != jws || w.get(t, "/v1/contacts/"+contact+"/erasure-certificate").text(t, "jws") != jws {
		t.Error("there is another certificate")
	}
	var read struct {
		Certificate struct {
			Keys json.RawMessage `json:"keys"`
		} `json:"certificate"`
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(erased.Body, &read); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(read.Certificate.Keys, &keys); err != nil || len(keys.Keys) != 1 {
		t.Fatalf("%d keys, %v", len(keys.Keys), err)
	}
	signed, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := signed.Verify(keys.Keys[0])
	if err != nil || !strings.Contains(string(payload), contact) || !strings.Contains(string(payload), "Orleu") {
		t.Errorf("the certificate: %v %s", err, payload)
	}
	page := w.get(t, "/v1/contacts/"+contact+"/erasure-certificate?lang=ru", "Accept: text/html").want(t, http.StatusOK)
	if !strings.Contains(string(page.Body), "Свидетельство об уничтожении персональных данных") {
		t.Errorf("the page: %.500s", page.Body)
	}
	left := w.get(t, "/v1/contacts/"+contact+"/export").want(t, http.StatusOK)
	for _, text := range []string{name, email, "Q8X7", "q8x7"} {
		for what, body := range map[string]string{"export": string(left.Body), "certificate": string(payload), "page": string(page.Body)} {
			if strings.Contains(body, text) {
				t.Errorf("the %s after the erasure has %q", what, text)
			}
		}
	}
	left.has(t, "erasure.jws="+jws)

	// The address comes back with a list.
	back := w.post(t, "/v1/contacts", `{"name": "Somebody", "addresses": [{"email": "`+email+`", "verified": true}]}`).want(t, http.StatusCreated).text(t, "id")
	body := strings.Replace(reply(email, ""), `"email": "`+email+`"`, `"contact_id": "`+back+`"`, 1)
	w.send(t, strings.Replace(body, `"purpose"`, `"channel": "email", "purpose"`, 1), "Accept-Language: en").has(t, "status=suppressed",
		"decision.reason.code=suppressed_manual", "decision.reason.sentence=This address is blocked: by a member of staff, or because its owner's data were erased.")
	w.get(t, "/v1/suppressions?email="+email).has(t, "data.0.reason=erased")
}

func TestRetentionIsReported(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	testkit.Eventually(t, soon, func() error {
		if runs := w.get(t, "/v1/retention-runs"); runs.text(t, "data.0.failed") != "false" || runs.text(t, "data.0.ended_at") == "" {
			return fmt.Errorf("no run has ended: %s", runs.Body)
		}
		return nil
	})
	if metrics := string(w.with("").get(t, "/metrics").Body); !strings.Contains(metrics, "elshi_retention_last_run_timestamp_seconds") {
		t.Error("no metric says when retention ran")
	}
}
