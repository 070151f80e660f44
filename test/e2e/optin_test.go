package e2e_test

import (
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/orleu/elshi/internal/testkit"
)

const (
	asForm  = "Content-Type: application/x-www-form-urlencoded"
	browser = "Accept: text/html"
)

// field finds the value of a hidden field or a box of a page.
func field(t *testing.T, page answer, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindSubmatch(page.Body)
	if m == nil {
		t.Fatalf("%s: no %s in\n%s", page.request, pattern, page.Body)
	}
	return html.UnescapeString(string(m[1]))
}

// box is the value of a box of a form.
func box(t *testing.T, page answer, begins string) string {
	t.Helper()
	return field(t, page, `name="box" value="(`+regexp.QuoteMeta(begins)+`[^"]*)"`)
}

const newsForm = `{"slug": "news", "title": {"kk": "Жаңалықтар", "ru": "Новости", "en": "News"}, "ask_name": true, "origins": ["https://orleu.example"],
	"boxes": [{"purpose": "news.company", "channel": "email"}, {"purpose": "event.invite", "channel": "email"}, {"purpose": "event.invite", "channel": "sms"}]}`

func newsletter(to string) string {
	return fmt.Sprintf(`{"to": {"email": %q}, "purpose": "news.company", "template": "newsletter", "data": {"title": "t", "intro": "i", "url": "https://orleu.example/n",
		"articles": [{"title": "a", "summary": "s", "url": "https://orleu.example/a"}]}}`, to)
}

// Somebody signs up by the form, confirms by the link that comes, and from then on a newsletter may go to them: not before, and by nothing
// but the press of the button.
func TestSigningUpByEmail(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	w.post(t, "/v1/forms", newsForm).want(t, http.StatusCreated)
	nobody := w.with("")
	page := nobody.get(t, "/forms/news?lang=en", browser).want(t, http.StatusOK)
	if strings.Contains(string(page.Body), "checked") || strings.Contains(string(page.Body), "<script") {
		t.Errorf("a box is ticked, or there is a script:\n%s", page.Body)
	}
	const email = "reader@signup.example"
	entered := url.Values{
		"form": {field(t, page, `name="form" value="([^"]+)"`)}, "shown": {"en"}, "email": {email}, "name": {"Reader"}, "box": {box(t, page, "news.company/email/")},
	}
	// A robot gets the same answer, and nothing is sent: one that is too fast (the form has been open for no time at all), one in the trap.
	trapped := maps.Clone(entered)
	trapped["comment"] = []string{"buy"}
	robot := nobody.post(t, "/forms/news?lang=en", trapped.Encode(), asForm, browser).want(t, http.StatusOK)
	var person answer
	testkit.Eventually(t, soon, func() error {
		person = nobody.post(t, "/forms/news?lang=en", entered.Encode(), asForm, browser).want(t, http.StatusOK)
		if n := len(w.inbox(t, email)); n == 0 {
			return fmt.Errorf("nothing came to %s yet", email)
		}
		return nil
	})
	if string(robot.Body) != string(person.Body) {
		t.Errorf("a robot was told\n%s\nand a person\n%s", robot.Body, person.Body)
	}
	w.send(t, newsletter(email)).has(t, "status=suppressed")
	mail := w.inbox(t, email)[0]
	confirm := link(t, mail.Text, "c")
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
		for _, tail := range []string{"", "?confirm=1"} {
			if a := nobody.call(t, method, confirm+tail, "", browser, "Sec-Purpose: prefetch"); a.Status >= 300 {
				t.Errorf("%s: %d", a.request, a.Status)
			}
		}
	}
	w.send(t, newsletter(email)).has(t, "status=suppressed")
	if a := nobody.post(t, confirm, "", asForm, browser, "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"); a.Status != http.StatusForbidden {
		t.Errorf("another site's press: %d", a.Status)
	}
	words := string(nobody.get(t, confirm, browser).Body)
	if !strings.Contains(words, "I agree to receive by email: Newsletters.") || !strings.Contains(words, "r***@signup.example") || strings.Contains(words, email) {
		t.Errorf("the page says\n%s", words)
	}
	first := nobody.post(t, confirm, "", asForm, browser).want(t, http.StatusOK)
	again := nobody.post(t, confirm, "", asForm, browser).want(t, http.StatusOK)
	if string(first.Body) != string(again.Body) || !strings.Contains(string(first.Body), "You confirmed this on") {
		t.Errorf("the first press said\n%s\nthe second\n%s", first.Body, again.Body)
	}
	w.send(t, newsletter(email)).has(t, "status=queued", "decision.verdict=allow")
	w.send(t, invitation(email)).has(t, "status=suppressed", "decision.reason.code=no_consent")
	preferences := field(t, first, `href="([^"]*/p/[^"]+)"`)
	if a := nobody.get(t, preferences, browser).want(t, http.StatusOK); !strings.Contains(string(a.Body), "You agreed on") {
		t.Errorf("the preferences say\n%s", a.Body)
	}
	// Wrong links, whatever is wrong with them, have one page.
	for _, bad := range []string{confirm[:len(confirm)-3] + "AAA", w.base + "/c/garbage", strings.Replace(link(t, mail.Text, "c"), "/c/", "/c/A", 1)} {
		nobody.get(t, bad, browser).want(t, http.StatusNotFound)
	}
}

// The same by SMS: the code is typed on the page that the form leads to, and a wrong one first.
func TestSigningUpBySMS(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	w.post(t, "/v1/forms", newsForm).want(t, http.StatusCreated)
	nobody := w.with("")
	const phone = "+77010000077"
	page := nobody.get(t, "/forms/news?lang=ru", browser).want(t, http.StatusOK)
	entered := url.Values{
		"form": {field(t, page, `name="form" value="([^"]+)"`)}, "shown": {"ru"}, "phone": {"8 701 000 00 77"}, "box": {box(t, page, "event.invite/sms/")},
	}
	var asked answer
	testkit.Eventually(t, soon, func() error {
		asked = nobody.post(t, "/forms/news?lang=ru", entered.Encode(), asForm, browser).want(t, http.StatusOK)
		if len(w.inbox(t, phone)) == 0 {
			return fmt.Errorf("nothing came to %s yet", phone)
		}
		return nil
	})
	codePage := field(t, asked, `action="([^"]*/c/[^"]+)"`)
	code := regexp.MustCompile(`\b\d{6}\b`).FindString(w.inbox(t, phone)[0].Text)
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	if a := nobody.post(t, codePage, "code="+wrong, asForm, browser).want(t, http.StatusOK); !strings.Contains(string(a.Body), "Код неверный или больше не действует") {
		t.Errorf("a wrong code is answered\n%s", a.Body)
	}
	body := fmt.Sprintf(`{"to": {"phone": %q}, %s`, phone, strings.SplitN(invitation("x"), "},", 2)[1])
	w.send(t, body).has(t, "status=suppressed")
	if a := nobody.post(t, codePage, "code="+code[:3]+"+"+code[3:], asForm, browser).want(t, http.StatusOK); !strings.Contains(string(a.Body), "Вы подтвердили это") {
		t.Errorf("the code is answered\n%s", a.Body)
	}
	w.send(t, body).has(t, "status=queued", "decision.verdict=allow")
	if logs := w.logs(); strings.Contains(logs, code) || strings.Contains(logs, phone) {
		t.Error("the code or the number is in the log")
	}
}

// By the API: the same answer for an address that is known, unknown or suppressed, and at most three requests a day.
func TestTheAnswerToAnOptInTellsNothing(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	w.meet(t, person{name: "Known", language: "en", email: "member@signup.example", grants: []string{"news.company"}})
	w.post(t, "/v1/suppressions", `{"email": "stopped@signup.example"}`).want(t, http.StatusCreated)
	ask := func(email string) answer {
		return w.post(t, "/v1/opt-ins", fmt.Sprintf(`{"email": %q, "language": "en", "grants": [{"purpose": "news.company"}]}`, email)).want(t, http.StatusAccepted)
	}
	shape := regexp.MustCompile(`cnf_[0-9a-z]{26}`)
	var first string
	for _, email := range []string{"member@signup.example", "unknown@signup.example", "stopped@signup.example"} {
		said := shape.ReplaceAllString(string(ask(email).Body), "cnf")
		if first == "" {
			first = said
		}
		if said != first {
			t.Errorf("%s is answered %s, another %s", email, said, first)
		}
	}
	for range 4 {
		ask("unknown@signup.example")
	}
	w.arrives(t, "member@signup.example", 1)
	w.arrives(t, "unknown@signup.example", 3)
	if n := len(w.inbox(t, "stopped@signup.example")); n != 0 {
		t.Errorf("%d messages to an address that is suppressed", n)
	}
	metrics := string(w.with("").get(t, "/metrics").Body)
	for _, want := range []string{`elshi_sign_ups_total{became="sent"} 4`, `elshi_sign_ups_total{became="limited"} 2`, `elshi_sign_ups_total{became="suppressed"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}
