package e2e_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var anyURL = regexp.MustCompile(`https?://[^\s<>"']+`)

// linksIn returns the links to us that are in a message.
func linksIn(w *world, m caught) []string {
	var links []string
	for _, url := range anyURL.FindAllString(m.Text+"\n"+strings.ReplaceAll(m.HTML, "&amp;", "&"), -1) {
		if strings.HasPrefix(url, w.base+"/") {
			links = append(links, url)
		}
	}
	slices.Sort(links)
	return slices.Compact(links)
}

// follow does with a link what scanners, prefetching browsers and curious machines do, and nothing that a person does by a button.
func (w *world) follow(t *testing.T, url string) {
	t.Helper()
	nobody := w.with("")
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
		for _, tail := range []string{"", "?List-Unsubscribe=One-Click", "?utm_source=scan&stop=all"} {
			if a := nobody.call(t, method, url+tail, "", "Purpose: prefetch", "Sec-Purpose: prefetch;prerender"); a.Status >= 300 {
				t.Errorf("%s %s: %d", method, url+tail, a.Status)
			}
		}
		nobody.call(t, method, url, "List-Unsubscribe=One-Click&stop=all", asForm)
	}
	for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete} {
		nobody.call(t, method, url, "List-Unsubscribe=One-Click", asForm).want(t, http.StatusMethodNotAllowed)
	}
}

// Mail scanners and browsers fetch every link of a mail by themselves. Whatever they do short of pressing the button changes nothing.
func TestNothingThatFollowsLinksActs(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	const to, stranger = "scanned@orleu.example", "stranger@orleu.example"
	contact := w.meet(t, person{name: "Aigul", language: "en", email: to, grants: []string{"event.invite", "news.company"}})
	w.sent(t, invitation(to))
	mail := w.arrives(t, to, 1)[0]
	w.sent(t, newsletter(to))
	w.sent(t, `{"to": {"email": "`+to+`"}, `+policyBody("legal.policy_change")+`}`)
	w.post(t, "/v1/claims", `{"contact_id": "`+contact+`", "kind": "access", "via": "email", "text": "What do you know?"}`).want(t, http.StatusCreated)
	w.post(t, "/v1/opt-ins", `{"email": "`+stranger+`", "language": "en", "grants": [{"purpose": "news.company"}]}`).want(t, http.StatusAccepted)
	mails := append(w.arrives(t, to, 4), w.arrives(t, stranger, 1)...)

	everything := func() string {
		said := ""
		for _, path := range []string{"/v1/consent-ledger/verify", "/v1/contacts/" + contact + "/consents", "/v1/contacts", "/v1/messages", "/v1/claims", "/v1/suppressions"} {
			said += string(w.get(t, path).want(t, http.StatusOK).Body) + "\n"
		}
		return said
	}
	before := everything()
	kinds := map[string]bool{}
	for _, m := range mails {
		links := linksIn(w, m)
		if len(links) == 0 {
			t.Errorf("no link to us in %q", m.Subject)
		}
		for _, url := range links {
			kind, _, _ := strings.Cut(strings.TrimPrefix(url, w.base+"/"), "/")
			kinds[kind] = true
			w.follow(t, url)
		}
	}
	for _, kind := range []string{"u", "p", "w", "c"} {
		if !kinds[kind] {
			t.Errorf("no link of the kind %q was followed", kind)
		}
	}
	if after := everything(); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	grants := string(w.get(t, "/v1/contacts/"+contact+"/consents").want(t, http.StatusOK).Body)
	nobody := w.with("")
	unsubscribe := link(t, mail.Text, "u")
	for name, call := range map[string]struct{ body, contentType string }{
		"an empty body":   {"", "application/x-www-form-urlencoded"},
		"another value":   {"List-Unsubscribe=Yes", "application/x-www-form-urlencoded"},
		"another field":   {"List-Unsubscribe=One-Click&x=1", "application/x-www-form-urlencoded"},
		"JSON":            {`{"List-Unsubscribe": "One-Click"}`, "application/json"},
		"a body of query": {"x", "text/plain"},
	} {
		if a := nobody.post(t, unsubscribe, call.body, "Content-Type: "+call.contentType); a.Status != http.StatusBadRequest {
			t.Errorf("POST with %s: %d, want 400", name, a.Status)
		}
	}
	const form = "Content-Type: application/x-www-form-urlencoded"
	nobody.post(t, link(t, mail.Text, "w"), "List-Unsubscribe=One-Click", form).want(t, http.StatusMethodNotAllowed)
	for name, url := range map[string]string{
		"another kind's token": strings.Replace(link(t, mail.Text, "w"), "/w/", "/u/", 1),
		"a changed token":      unsubscribe[:len(unsubscribe)-1] + "_",
		"half a token":         unsubscribe[:len(unsubscribe)-10],
	} {
		if url == unsubscribe {
			continue // the token ends as the changed one does
		}
		if a := nobody.post(t, url, "List-Unsubscribe=One-Click", form); a.Status != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", name, a.Status)
		}
	}
	if now := string(w.get(t, "/v1/contacts/"+contact+"/consents").Body); now != grants {
		t.Errorf("the grants were\n%s\nand are\n%s", grants, now)
	}
	w.send(t, invitation("scanned@orleu.example")).has(t, "status=queued")

	// Both encodings of RFC 8058 act, as often as they come.
	boundary := "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n"
	for range 2 {
		nobody.post(t, unsubscribe, boundary, "Content-Type: multipart/form-data; boundary=b").want(t, http.StatusOK)
		nobody.post(t, unsubscribe, "List-Unsubscribe=One-Click", form).want(t, http.StatusOK)
	}
	w.send(t, invitation("scanned@orleu.example")).has(t, "status=suppressed", "decision.reason.code=consent_withdrawn")
}
