package e2e_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// publish publishes a consent text for newsletters by email; every word of it ends with the mark.
func (w *world) publish(t *testing.T, mark string, material bool) {
	t.Helper()
	variants := map[string]any{}
	for _, lang := range []string{"kk", "ru", "en"} {
		in := func(words string) string { return words + " " + lang + " " + mark }
		variants[lang] = map[string]any{
			"title": in("title"), "statement": in("I agree to newsletters"), "operator": in("Orleu"), "data": []string{in("email address")}, "uses": in("news"),
			"actions": []string{in("keeping")}, "term": in("24 months"), "third_parties": in("nobody"), "cross_border": in("no"), "open_sources": in("no"), "withdrawal": in("any time"),
		}
	}
	body, err := json.Marshal(map[string]any{
		"purpose": "news.company", "channel": "email", "bin": "990740000008", "policy_version": "2026-05-01", "third_parties": false, "covers_cross_border": false,
		"open_sources": false, "variants": variants, "material": material, "reason": "a test",
	})
	if err != nil {
		t.Fatal(err)
	}
	draft := w.post(t, "/v1/consent-texts", string(body)).want(t, http.StatusCreated).text(t, "id")
	w.post(t, "/v1/consent-texts/"+draft+"/publish", "").want(t, http.StatusOK)
}

// Whoever holds a link may stop; whoever proves the address by a code may agree, to exactly the words that are shown, and the next
// message goes. The link alone grants nothing, whatever is pressed.
func TestAgreeingOnThePreferencesPage(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	const email, phone = "reader@prove.example", "+77010000055"
	contact := w.meet(t, person{name: "Reader", language: "en", email: email, phone: phone, grants: []string{"event.invite"}})
	w.meet(t, person{name: "Other", language: "en", email: "other@prove.example", grants: []string{"event.invite"}})
	w.publish(t, "one", false)
	for _, to := range []string{email, "other@prove.example"} {
		w.sent(t, invitation(to))
	}
	preferences, others := link(t, w.arrives(t, email, 1)[0].Text, "p"), link(t, w.arrives(t, "other@prove.example", 1)[0].Text, "p")
	w.send(t, newsletter(email)).has(t, "status=suppressed", "decision.reason.code=no_consent")

	nobody := w.with("")
	press := func(link string, status int, fields ...string) answer {
		t.Helper()
		values := url.Values{}
		for i := 0; i+1 < len(fields); i += 2 {
			values.Set(fields[i], fields[i+1])
		}
		return nobody.post(t, link+"/proof?lang=en", values.Encode(), asForm, browser).want(t, status)
	}
	says := func(a answer, yes string, no ...string) {
		t.Helper()
		if !strings.Contains(string(a.Body), yes) {
			t.Errorf("%s: want it to say %q\n%s", a.request, yes, a.Body)
		}
		for _, words := range no {
			if strings.Contains(string(a.Body), words) {
				t.Errorf("%s: it says %q", a.request, words)
			}
		}
	}
	says(nobody.get(t, preferences+"?lang=en", browser), "Send a code to r***@prove.example", "I agree", "What you could receive", email)
	asked := press(preferences, 200, "do", "send", "channel", "email")
	token := field(t, asked, `name="proof" value="([^"]+)"`)
	code := regexp.MustCompile(`\b\d{6}\b`).FindString(w.arrives(t, email, 2)[1].Text)
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	says(press(preferences, 200, "do", "check", "proof", token, "channel", "email", "code", wrong), "That code did not work", "What you could receive")
	press(preferences, 403, "do", "open", "proof", token)

	open := press(preferences, 200, "do", "check", "proof", token, "channel", "email", "code", code)
	says(open, "I agree to newsletters en one", "checked", email, phone)
	says(open, "any time en one")
	wish := field(t, open, `name="wish" value="(news\.company/[^"]+)"`)
	agree := func(status int, link, wish string) answer {
		t.Helper()
		return press(link, status, "do", "agree", "proof", token, "shown", "en", "wish", wish)
	}
	agree(403, others, wish) // another contact's link, with this contact's proof
	w.publish(t, "two", true)
	changed := agree(200, preferences, wish)
	says(changed, "so nothing was switched on", "Switched on")
	says(changed, "I agree to newsletters en two")
	w.send(t, newsletter(email)).has(t, "status=suppressed", "decision.reason.code=no_consent")

	wish = field(t, changed, `name="wish" value="(news\.company/[^"]+)"`)
	first := agree(200, preferences, wish)
	says(first, "Switched on: Newsletters, Email")
	says(first, "Consent was given: Newsletters")
	receipt := field(t, first, `href="([^"]*/r/[^"]+)"`)
	says(nobody.get(t, receipt, browser).want(t, http.StatusOK), "I agree to newsletters en two")
	if again := agree(200, preferences, wish); field(t, again, `href="([^"]*/r/[^"]+)"`) != receipt {
		t.Error("a second press made another entry")
	}
	w.sent(t, newsletter(email))
	w.post(t, "/v1/messages/preview", newsletter(email)).has(t, "decision.verdict=allow")

	granted := 0
	var timeline struct {
		Data []struct {
			Consent struct {
				Kind, Source, Proof, Language string
				Ref                           string `json:"proof_ref"`
			}
		}
	}
	if err := json.Unmarshal(w.get(t, "/v1/contacts/"+contact+"/timeline?limit=100").want(t, http.StatusOK).Body, &timeline); err != nil {
		t.Fatal(err)
	}
	ref := ""
	for _, x := range timeline.Data {
		if x.Consent.Source == "preference_page" {
			granted, ref = granted+1, x.Consent.Ref
			if x.Consent.Kind != "granted" || x.Consent.Proof != "one_time_code" || x.Consent.Language != "en" || !strings.HasPrefix(ref, "cnf_") {
				t.Errorf("the entry is %+v", x.Consent)
			}
		}
	}
	if granted != 1 {
		t.Errorf("%d entries of this page, want one", granted)
	}

	// The same page of another contact, with the link alone: nothing that can be pressed grants anything or opens the history, also not
	// what a forwarded receipt says.
	rapid.Check(t, func(rt *rapid.T) {
		values := url.Values{"do": {rapid.SampledFrom([]string{"agree", "open", "resume", "check", "code"}).Draw(rt, "do")}}
		for range rapid.IntRange(0, 6).Draw(rt, "fields") {
			name := rapid.SampledFrom([]string{"proof", "wish", "shown", "channel", "code", "stop", "purpose", "topic", "kind"}).Draw(rt, "name")
			values.Add(name, rapid.OneOf(rapid.SampledFrom([]string{
				"agree", "open", "resume", "check", "code", "pause", "sms", "email", "en", "news.company", wish, html.EscapeString(wish), token, ref, contact, wrong, "granted",
			}), rapid.StringN(0, 20, 40)).Draw(rt, "value"))
		}
		tail := rapid.SampledFrom([]string{"", "/proof"}).Draw(rt, "tail")
		if a := nobody.post(t, others+tail+"?lang=en", values.Encode(), asForm, browser); a.Status >= 500 || strings.Contains(string(a.Body), "Your history</h2>") {
			rt.Errorf("%s with %v: %d", a.request, values, a.Status)
		}
	})
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
		for _, tail := range []string{"", "/proof", "/proof?" + url.Values{"do": {"agree"}, "proof": {token}, "wish": {wish}, "shown": {"en"}}.Encode()} {
			if a := nobody.call(t, method, preferences+tail, "", browser, "Sec-Purpose: prefetch"); a.Status >= 300 {
				t.Errorf("%s: %d", a.request, a.Status)
			}
		}
	}
	w.send(t, newsletter("other@prove.example")).has(t, "status=suppressed", "decision.reason.code=no_consent")
	if n := len(w.inbox(t, email)); n != 3 {
		t.Errorf("%d messages to the reader, want the invitation, one code and the newsletter", n)
	}

	// SMS wants a proof of the number.
	bySMS := press(preferences, 200, "do", "send", "channel", "sms")
	text := w.arrives(t, phone, 1)[0]
	opened := press(preferences, 200, "do", "check", "proof", field(t, bySMS, `name="proof" value="([^"]+)"`), "channel", "sms", "code", regexp.MustCompile(`\b\d{6}\b`).FindString(text.Text))
	says(opened, "7***55. This holds until", "news.company/email")

	// A code is asked for three times a day; the fourth is answered as the third, and nothing comes.
	third := ""
	for i := range 4 {
		page := string(press(others, 200, "do", "send", "channel", "email").Body)
		page = regexp.MustCompile(`name="proof" value="[^"]+"`).ReplaceAllString(page, "")
		if i == 2 {
			third = page
		}
		if i == 3 && page != third {
			t.Errorf("the fourth is answered\n%s\nthe third\n%s", page, third)
		}
	}
	if all := w.arrives(t, "other@prove.example", 4); len(all) != 4 {
		t.Error(fmt.Sprint("an invitation and three codes, want ", len(all)))
	}
	for _, secret := range []string{token, code, email} {
		if strings.Contains(w.logs(), secret) {
			t.Errorf("the log shows %q", secret)
		}
	}
}
