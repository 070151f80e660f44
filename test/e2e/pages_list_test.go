package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// mailRules are what a mail must keep; it has no landmarks, which belong to the mail program's page.
var mailRules = []string{"color-contrast", "image-alt", "link-name", "document-title", "html-has-lang", "html-lang-valid", "duplicate-id", "link-in-text-block"}

// press are the fields of a form.
type press = map[string]string

// What buttons send.
var (
	stop  = press{"List-Unsubscribe": "One-Click"}
	all   = press{"stop": "all"}
	pause = press{"stop": "pause"}
	one   = press{"stop": "one", "purpose": "survey.research", "channel": "email", "topic": ""}
)

// pages lists every page that contacts and members see. Each is looked at in three languages.
func (v *visit) pages(t *testing.T) []page {
	t.Helper()
	list := v.messagePages(t)
	list = append(list, v.claimPages(t)...)
	list = append(list, v.provenPages(t)...)
	list = append(list, v.signUpPages(t)...)
	list = append(list, v.memberPages(t)...)
	var pages []page
	for _, lang := range vocab.Languages() {
		for _, p := range list {
			if p.Lang != "" && p.Lang != string(lang) {
				continue // it is of one language
			}
			mark := "?"
			if strings.Contains(p.URL, "?") {
				mark = "&"
			}
			p.Name, p.URL, p.Lang, p.Once = fmt.Sprintf("%s (%s)", p.Name, lang), p.URL+mark+"lang="+string(lang), string(lang), lang != vocab.Kazakh
			pages = append(pages, p)
		}
	}
	return append(pages, v.onePages(t)...)
}

// messagePages are those that a message leads to.
func (v *visit) messagePages(t *testing.T) []page {
	t.Helper()
	const u, p, w = dispatcher.LinkUnsubscribe, dispatcher.LinkPreferences, dispatcher.LinkWhy
	reader, leaver := v.invited(t, "reader", "partner.acme"), v.invited(t, "leaver")
	v.post(t, "/v1/consents", `{"contact_id": "`+v.contacts["reader"]+`", "kind": "grant", "purpose": "event.invite", "channel": "email", "topic": "maths"}`).want(t, http.StatusCreated)
	v.post(t, "/v1/consents", `{"contact_id": "`+v.contacts["reader"]+`", "kind": "request", "purpose": "offers.company", "channel": "email"}`).want(t, http.StatusCreated)
	v.with("").post(t, v.at(u, leaver), "List-Unsubscribe=One-Click", asForm).want(t, http.StatusOK)
	quitter, rester, shared := v.invited(t, "quitter"), v.invited(t, "rester"), v.invited(t, "shared")
	v.meet(t, person{name: "Second", language: "en", email: mailOf("shared")})
	grounds, granted := v.grounds(t), v.signedUp(t, "words")
	words := vocab.MessageID(v.send(t, newsletter(mailOf("words"))).text(t, "id"))
	keep, kept, ended := v.keep(t, "keeper"), v.keep(t, "kept"), v.keep(t, "ended")
	v.post(t, "/v1/consents/withdraw", `{"contact_id": "`+v.contacts["ended"]+`", "scope": "all"}`).want(t, http.StatusOK)
	withdrawn := "/r/" + v.links.ReceiptToken(vocab.ConsentEventID(v.grantOf(t, v.contacts["ended"])))

	return []page{
		{Name: "unsubscribe", URL: v.at(u, reader)},
		{Name: "unsubscribe, shared address", URL: v.at(u, shared)},
		{Name: "unsubscribe, ended before", URL: v.at(u, leaver)},
		{Name: "unsubscribed", URL: v.at(u, leaver), Fields: stop},
		{Name: "unsubscribe, legal", URL: v.at(u, grounds["legal"])},

		{Name: "preferences", URL: v.at(p, reader)},
		{Name: "preferences, one stopped", URL: v.at(p, leaver), Fields: one},
		{Name: "preferences, pause begun", URL: v.at(p, rester), Fields: pause},
		{Name: "preferences, in a pause", URL: v.at(p, rester)},
		{Name: "preferences, all stopped", URL: v.at(p, quitter), Fields: all},
		{Name: "preferences, shared address", URL: v.at(p, shared)},

		{Name: "why, consent", URL: v.at(w, reader)},
		{Name: "why, consent with its words", URL: v.at(w, words)},
		{Name: "why, withdrawn", URL: v.at(w, leaver)},
		{Name: "why, shared address", URL: v.at(w, shared)},
		{Name: "why, legal", URL: v.at(w, grounds["legal"])},
		{Name: "why, service", URL: v.at(w, grounds["service"])},
		{Name: "why, security", URL: v.at(w, grounds["security"])},
		{Name: "why, request", URL: v.at(w, grounds["transactional"])},

		{Name: "keep", URL: keep},
		{Name: "kept", URL: kept, Fields: press{}},
		{Name: "keep, ended", URL: ended},
		{Name: "receipt of a grant", URL: granted, Print: true},
		{Name: "receipt of a withdrawal", URL: withdrawn, Print: true},

		{Name: "problem 404", URL: "/p/garbage", Status: http.StatusNotFound},
		{Name: "problem 400", URL: v.at(u, reader), Fields: press{"x": "y"}, Status: http.StatusBadRequest},
		{Name: "problem 405", URL: v.at(w, reader), Fields: press{}, Status: http.StatusMethodNotAllowed},
	}
}

// signUpPages are those where people sign up and confirm.
func (v *visit) signUpPages(t *testing.T) []page {
	t.Helper()
	const form, gone = "/forms/news", "/c/garbage"
	code := v.codePage(t, "+77010000010")
	pages := []page{
		{Name: "form", URL: form},
		{Name: "form, nothing ticked", URL: form, Fields: press{"email": "x"}},
		{Name: "form, from another site", URL: form + "/review", Fields: press{"email": "a@pages.example"}},
		{Name: "form, text changed", URL: form, Fields: press{"form": v.filledForm(t, vocab.Russian)["form"], "email": "a@pages.example", "box": "news.company/email//v1:old"}},
		{Name: "confirm", URL: v.optIn(t, "new")},
		{Name: "confirmed", URL: v.optIn(t, "confirmed"), Fields: press{}},
		{Name: "confirm, gone", URL: gone, Status: http.StatusNotFound},
		{Name: "confirm, asked again", URL: gone, Fields: press{"again": "1"}},
		{Name: "code", URL: code},
		{Name: "code, wrong", URL: code, Fields: press{"code": "1"}},
		{Name: "code, asked again", URL: code, Fields: press{"again": "1"}},
	}
	for _, lang := range vocab.Languages() {
		pages = append(pages, page{Name: "form, sent", Lang: string(lang), URL: form, Fields: v.filledForm(t, lang)})
	}
	return pages
}

// memberPages are for who works here.
func (v *visit) memberPages(t *testing.T) []page {
	t.Helper()
	v.meet(t, person{name: "Айгүл", language: "kk", phone: "+77010000009"})
	v.sent(t, code("phone", "+77010000009", "482913"))
	v.known(t, "caught", "event.invite")
	sent := v.sent(t, invitation(mailOf("caught")))
	v.known(t, "denied")
	denied := v.send(t, invitation(mailOf("denied"))).text(t, "id")
	member := press{"Authorization": "Bearer " + v.key, "Accept": "text/html"}
	return []page{
		{Name: "start", URL: "/"},
		{Name: "inbox", URL: "/inbox"},
		{Name: "inbox, empty", URL: "/inbox?recipient=nobody"},
		{Name: "caught mail", URL: "/inbox/" + v.arrives(t, mailOf("caught"), 1)[0].ID},
		{Name: "caught text", URL: "/inbox/" + v.arrives(t, "+77010000009", 1)[0].ID},
		{Name: "certificate", URL: v.erased(t), Headers: member, Print: true},
		{Name: "evidence", URL: "/v1/messages/" + sent + "/evidence", Headers: member, Print: true},
		{Name: "evidence of a denial", URL: "/v1/messages/" + denied + "/evidence", Headers: member, Print: true},
	}
}

// onePages do not ask which language somebody wants.
func (v *visit) onePages(t *testing.T) []page {
	t.Helper()
	mail := v.arrives(t, mailOf("caught"), 1)[0].ID
	pages := []page{
		{Name: "mail itself", Lang: "en", URL: "/inbox/" + mail + "/html", Mail: true, Rules: mailRules},
		{Name: "docs", Lang: "en", URL: "/docs", Scripts: true, Once: true},
	}
	archive := v.archive(t)
	for _, lang := range vocab.Languages() {
		for _, name := range []string{"index", "messages/invitation"} {
			pages = append(pages, page{
				Name: fmt.Sprintf("archive %s (%s)", name, lang), Lang: string(lang), URL: fmt.Sprintf("%s/%s/%s.html", archive, lang, name),
				File: true, Print: true, Once: lang != vocab.Kazakh,
			})
		}
	}
	return pages
}

// tasks are what there is to do, with the keyboard alone and without JavaScript. Each is done by somebody of their own.
func (v *visit) tasks(t *testing.T) []task {
	t.Helper()
	const u, p, w = dispatcher.LinkUnsubscribe, dispatcher.LinkPreferences, dispatcher.LinkWhy
	of := func(name string, kind dispatcher.LinkKind) string {
		return v.at(kind, v.invited(t, "keys-"+name)) + "?lang=en"
	}
	enter := func(to string) []step { return []step{{to, "Enter"}} }
	space := func(to string) []step { return []step{{to, "Space"}} }
	typed := v.codePage(t, "+77010000021")
	return []task{
		{"stop by the link", of("stop", u), enter("Stop the messages"), "Stopped"},
		{"stop one", of("one", p), enter(": Invitations to events, Email"), "Stopped: Invitations to events"},
		{"pause", of("pause", p), space("Pause"), "Mailings are paused until"},
		{"stop everything", of("all", p), space("Stop everything"), "Stopped: every mailing"},
		{"stop from why", of("why", w), enter("Stop the messages"), "Stopped"},
		{"pause from why", of("rest", w), enter("Pause for 30 days"), "Mailings are paused until"},
		{"stop everything from why", of("quit", w), enter("Stop every mailing"), "Stopped: every mailing"},
		{"go to the preferences", of("go", u), enter("All message preferences"), "What you receive"},
		{"read in another language", of("read", u), enter("Қазақша"), "тоқтату"},
		{"go to a report", of("go-report", w), enter("This message should not have come"), "Stop it and look into it"},
		{"report", v.at(w, v.invited(t, "keys-report")) + "/report?lang=en", []step{{"What happened", "I never agreed."}, {"Stop it and look into it", "Enter"}}, "Number of your claim"},
		{"object", v.at(w, v.invited(t, "keys-object")) + "/object?lang=en", space("I object, stop it all"), "Number of your claim"},
		{"keep", v.keep(t, "keys-keep") + "?lang=en", enter("Keep until"), "The messages keep coming until"},
		{"confirm", v.optIn(t, "keys-confirm") + "?lang=en", enter("Confirm"), "You confirmed this on"},
		{"ask for a new link", "/c/garbage?lang=en", enter("Ask for a new message"), "a new message is on its way"},
		{"type the code", typed + "?lang=en", []step{{"Code from the SMS", v.code(t, "+77010000021")}, {"Confirm", "Enter"}}, "You confirmed this on"},
		{"ask for a new code", v.codePage(t, "+77010000022") + "?lang=en", enter("Ask for a new code"), "We have sent an SMS"},
		{"sign up", "/forms/news?lang=en", []step{{"Newsletters · Email", "Space"}, {"Email address", mailOf("keys-form")}, {"Sign up", "Enter"}}, "We have sent an email"},
		{"read the whole text", "/forms/news?lang=en", []step{{"The full text of the consent", "Space"}, {"Sign up", "Enter"}}, "Tick at least one box"},
	}
}
