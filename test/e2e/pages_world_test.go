package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

// visit is an installation in which there is something to see on every page.
type visit struct {
	*world

	links    *dispatcher.Links // the same as the installation's, so that every page can be had without a mail that leads to it
	contacts map[string]string // ids, by the part of their address before the @
}

// more is what an organisation sets that has a partner and topics.
const more = `
purposes: [{id: partner.acme, class: marketing, names: {kk: "«Білім әлемі» баспасының жаңалықтары", ru: "Новости издательства «Мир знаний»", en: "News of the publisher World of Knowledge"}}]
topics: [{id: maths, purpose: event.invite, names: {kk: "Математика мұғалімдері", ru: "Учителя математики", en: "Maths teachers"}}]
`

// ending are people whose consent ends soon.
var ending = []string{"keeper", "kept", "ended", "keys-keep"}

func newVisit(t *testing.T) *visit {
	t.Helper()
	s := settings{More: more}
	for i := range 5 {
		s.Keys = append(s.Keys, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{byte(i + 1)}, 32)))
	}
	v := &visit{newWorld(t, s), nil, map[string]string{}}
	v.links = dispatcher.NewLinks(v.base, bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{4}, 32))
	first := v.serve(t, "")
	v.key = v.newKey(t, "live")
	for _, name := range ending {
		v.known(t, name)
		v.post(t, "/v1/consents", fmt.Sprintf(`{"contact_id": %q, "kind": "import", "purpose": "news.company", "channel": "email", "given_at": %q}`,
			v.contacts[name], time.Now().UTC().AddDate(0, -24, 20).Format(time.RFC3339))).want(t, http.StatusCreated)
	}
	v.publishTexts(t)
	v.post(t, "/v1/forms", newsForm).want(t, http.StatusCreated)
	// Grants that end are looked for at the start of a process.
	first.Interrupt(t)
	if exit := first.Wait(t, soon); exit != 0 {
		t.Fatalf("exit code %d", exit)
	}
	v.serve(t, "")
	return v
}

// publishTexts publishes consent texts that say all the law asks for: a page without them shows less than people see.
func (v *visit) publishTexts(t *testing.T) {
	t.Helper()
	org := map[vocab.Language]string{"kk": "«Өрлеу» біліктілікті арттыру ұлттық орталығы", "ru": "Национальный центр повышения квалификации «Өрлеу»", "en": "National Center for Professional Development “Orleu”"}
	for _, text := range consent.BuiltinTexts(consent.Operator{Name: org, BIN: "990740000008", PolicyVersion: "2026-05"}) {
		if text.Purpose != "news.company" {
			continue
		}
		body, err := json.Marshal(map[string]any{
			"purpose": text.Purpose, "channel": text.Channel, "bin": text.BIN, "variants": text.Variants, "third_parties": true,
			"covers_cross_border": false, "open_sources": false, "policy_version": text.PolicyVersion, "reason": "first",
		})
		if err != nil {
			t.Fatal(err)
		}
		id := v.post(t, "/v1/consent-texts", string(body)).want(t, http.StatusCreated).text(t, "id")
		v.post(t, "/v1/consent-texts/"+id+"/publish", "").want(t, http.StatusOK)
	}
}

func mailOf(name string) string { return name + "@pages.example" }

// known makes a contact with grants by email.
func (v *visit) known(t *testing.T, name string, purposes ...string) {
	t.Helper()
	v.contacts[name] = v.meet(t, person{name: name, language: "en", email: mailOf(name), grants: purposes})
}

// invited makes a contact with some grants, sends them an invitation, and returns its id.
func (v *visit) invited(t *testing.T, name string, purposes ...string) vocab.MessageID {
	t.Helper()
	v.known(t, name, append(purposes, "event.invite", "survey.research")...)
	return vocab.MessageID(v.send(t, invitation(mailOf(name))).text(t, "id"))
}

// at returns the path of a page about a message.
func (v *visit) at(kind dispatcher.LinkKind, id vocab.MessageID) string {
	return "/" + string(kind) + "/" + v.links.Token(kind, id)
}

// grounds sends a message of each class that the page "why" explains otherwise, and returns their ids by class.
func (v *visit) grounds(t *testing.T) map[string]vocab.MessageID {
	t.Helper()
	v.post(t, "/v1/templates", serviceTemplate).want(t, http.StatusCreated)
	v.known(t, "grounds")
	ids := map[string]vocab.MessageID{}
	for _, k := range kinds {
		if k.class != "marketing" {
			ids[k.class] = vocab.MessageID(v.send(t, `{"to": {"email": "`+mailOf("grounds")+`"}, `+k.body+`}`).text(t, "id"))
		}
	}
	return ids
}

// optIn asks somebody to confirm and returns the path of the page where they do.
func (v *visit) optIn(t *testing.T, name string) string {
	t.Helper()
	v.post(t, "/v1/opt-ins", `{"email": "`+mailOf(name)+`", "language": "kk", "grants": [{"purpose": "news.company"}, {"purpose": "event.invite", "topic": "maths"}]}`).want(t, http.StatusAccepted)
	return strings.TrimPrefix(link(t, v.arrives(t, mailOf(name), 1)[0].Text, "c"), v.base)
}

// codePage asks somebody to confirm by SMS and returns the path of the page where they type the code.
func (v *visit) codePage(t *testing.T, phone string) string {
	t.Helper()
	asked := v.post(t, "/v1/opt-ins", `{"phone": "`+phone+`", "language": "kk", "grants": [{"purpose": "event.invite"}]}`).want(t, http.StatusAccepted)
	return strings.TrimPrefix(asked.text(t, "code_url"), v.base)
}

// code returns the code that came to a number.
func (v *visit) code(t *testing.T, phone string) string {
	t.Helper()
	return regexp.MustCompile(`\b\d{6}\b`).FindString(v.arrives(t, phone, 1)[0].Text)
}

// keep returns the path of the page that a message about the end of somebody's consent leads to.
func (v *visit) keep(t *testing.T, name string) string {
	t.Helper()
	return strings.TrimPrefix(link(t, v.arrives(t, mailOf(name), 1)[0].Text, string(dispatcher.LinkKeep)), v.base)
}

// signedUp confirms a sign-up and returns the path of its receipt.
func (v *visit) signedUp(t *testing.T, name string) string {
	t.Helper()
	v.with("").post(t, v.optIn(t, name), "", asForm, browser).want(t, http.StatusOK)
	return "/r/" + v.links.ReceiptToken(vocab.ConsentEventID(v.grantOf(t, v.owner(t, name))))
}

func (v *visit) owner(t *testing.T, name string) string {
	t.Helper()
	return v.get(t, "/v1/contacts?email="+mailOf(name)).want(t, http.StatusOK).text(t, "data.0.id")
}

// grantOf returns the ledger's entry of somebody's consent to newsletters.
func (v *visit) grantOf(t *testing.T, contact string) string {
	t.Helper()
	grants := v.get(t, "/v1/contacts/"+contact+"/consents").want(t, http.StatusOK)
	for i := range 20 {
		if at := fmt.Sprintf("data.%d.", i); grants.text(t, at+"purpose") == "news.company" {
			return grants.text(t, at+"event_id")
		}
	}
	t.Fatalf("no consent to newsletters: %s", grants.Body)
	return ""
}

// filledForm is what a form sends with one box ticked.
func (v *visit) filledForm(t *testing.T, lang vocab.Language) press {
	t.Helper()
	form := v.with("").get(t, "/forms/news?lang="+string(lang), browser).want(t, http.StatusOK)
	return press{
		"form": field(t, form, `name="form" value="([^"]+)"`), "shown": string(lang), "email": mailOf("filled"), "phone": "+77010000011",
		"box": box(t, form, "news.company/email/"),
	}
}

// archive serves what a contact of each language takes with them, and returns where.
func (v *visit) archive(t *testing.T) string {
	t.Helper()
	files := fstest.MapFS{}
	for _, lang := range []string{"kk", "ru", "en"} {
		contact := v.meet(t, person{name: "Қыдырбаева Жанаркүл", language: lang, email: lang + "@archive.example", grants: []string{"event.invite", "partner.acme"}})
		id := v.sent(t, invitation(lang+"@archive.example"))
		v.post(t, "/v1/claims", `{"contact_id": "`+contact+`", "kind": "access", "via": "letter", "text": "?"}`).want(t, http.StatusCreated)
		for name, content := range testkit.Unzip(t, v.get(t, "/v1/contacts/"+contact+"/export?format=zip").want(t, http.StatusOK).Body) {
			if name == "messages/"+id+".html" {
				name = "messages/invitation.html"
			}
			files[lang+"/"+name] = &fstest.MapFile{Data: []byte(content)}
		}
	}
	server := httptest.NewServer(http.FileServerFS(files))
	t.Cleanup(server.Close)
	return server.URL
}

// erased forgets somebody and returns the path of the certificate.
func (v *visit) erased(t *testing.T) string {
	t.Helper()
	v.known(t, "erased", "survey.research")
	v.call(t, http.MethodDelete, "/v1/contacts/"+v.contacts["erased"], "").want(t, http.StatusOK)
	return "/v1/contacts/" + v.contacts["erased"] + "/erasure-certificate"
}
