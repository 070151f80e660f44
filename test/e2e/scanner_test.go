package e2e_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var anyURL = regexp.MustCompile(`https?://[^\s<>"']+`)

// Mail scanners and browsers fetch every link of a mail by themselves. Whatever they do short of pressing the button changes nothing.
func TestNothingThatFollowsLinksActs(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	contact := w.meet(t, person{name: "Aigul", language: "en", email: "scanned@orleu.example", grants: []string{"event.invite"}})
	w.sent(t, invitation("scanned@orleu.example"))
	mail := w.arrives(t, "scanned@orleu.example", 1)[0]
	grants := string(w.get(t, "/v1/contacts/"+contact+"/consents").want(t, http.StatusOK).Body)

	var links []string
	for _, url := range anyURL.FindAllString(mail.Text+"\n"+strings.ReplaceAll(mail.HTML, "&amp;", "&"), -1) {
		if strings.HasPrefix(url, w.base+"/") {
			links = append(links, url)
		}
	}
	slices.Sort(links)
	if links = slices.Compact(links); len(links) < 3 {
		t.Fatalf("%d links to us in the mail, want the three contact pages at least: %v", len(links), links)
	}
	nobody := w.with("")
	for _, url := range links {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			for _, tail := range []string{"", "?List-Unsubscribe=One-Click", "?utm_source=scan&stop=all"} {
				if a := nobody.call(t, method, url+tail, "", "Purpose: prefetch", "Sec-Purpose: prefetch;prerender"); a.Status >= 300 {
					t.Errorf("%s %s: %d", method, url+tail, a.Status)
				}
			}
			nobody.call(t, method, url, "List-Unsubscribe=One-Click", "Content-Type: application/x-www-form-urlencoded")
		}
		for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete} {
			nobody.call(t, method, url, "List-Unsubscribe=One-Click", "Content-Type: application/x-www-form-urlencoded").want(t, http.StatusMethodNotAllowed)
		}
	}
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
