package public

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/vocab"
)

// samples are what a catcher may hold: an email with everything, an SMS, and an email of somebody who wants to do harm.
func samples() []Caught {
	return []Caught{
		{
			ID: "1", Channel: vocab.Email, At: now, From: "Өрлеу <news@orleu.example>", To: "Айгерім <aigerim@orleu.example>", Subject: "Қарашадағы жаңалықтар",
			Text:  "Сәлеметсіз бе!\n\nUnsubscribe: https://elshi.example/u/abc.\n",
			HTML:  "<!doctype html><html><head lang=\"kk\"><title>x</title></head><body><p>Сәлеметсіз бе!</p></body></html>",
			Raw:   []byte("From: news@orleu.example\r\nSubject: =?utf-8?q?x?=\r\n\r\nbody\r\n"),
			Files: []CaughtFile{{Name: "шақыру.ics", ContentType: "text/calendar", Content: []byte("BEGIN:VCALENDAR")}},
		},
		{
			ID: "2", Channel: vocab.SMS, At: now, From: "ORLEU", To: "+77011234567", Text: "Ертең сағат 10:00-де вебинар. Бас тарту: https://elshi.example/u/abc",
			Encoding: "UCS-2", Segments: 2,
		},
		{ID: "a/b?c", Channel: vocab.Email, At: now, To: "<script>alert(1)</script>", Subject: "<img src=x onerror=alert(1)>", Text: "javascript:alert(1)"},
	}
}

func TestInboxListsWhatWasCaught(t *testing.T) {
	h := newHouse(t)
	wantContains(t, h.ask(t, http.MethodGet, "/inbox?lang=en", "", "Accept", browser).Body.String(), "Empty for now")
	h.caught = samples()
	got := h.ask(t, http.MethodGet, "/inbox?lang=ru", "", "Accept", browser)
	body := got.Body.String()
	wantContains(t, body, `href="/inbox/1?lang=ru"`, "Қарашадағы жаңалықтар", "aigerim@orleu.example", "&#43;77011234567", "2 части", "24.11.2026 10:04",
		`href="/inbox/a%2Fb%3Fc?lang=ru"`, "3 сообщения")
	if strings.Contains(body, "<script") || strings.Contains(body, "<img") {
		t.Errorf("a caught message put markup into the list: %s", body)
	}
	if got.Header().Get("Refresh") != "" {
		t.Error("the list refreshes although nobody asked")
	}
	refreshing := h.ask(t, http.MethodGet, "/inbox?lang=ru&refresh=1", "", "Accept", browser)
	if refreshing.Header().Get("Refresh") != refreshSeconds {
		t.Errorf("got Refresh %q, want %q", refreshing.Header().Get("Refresh"), refreshSeconds)
	}
}

func TestInboxShowsOneMessage(t *testing.T) {
	h := newHouse(t)
	h.caught = samples()
	email := h.ask(t, http.MethodGet, "/inbox/1?lang=en", "", "Accept", browser)
	wantContains(t, email.Body.String(), `sandbox="allow-popups allow-popups-to-escape-sandbox"`, `src="/inbox/1/html"`, `href="/inbox/1/files/0"`, `href="/inbox/1/raw"`,
		`<a href="https://elshi.example/u/abc"`, "шақыру.ics", "15 bytes", "From: news@orleu.example")
	sms := h.ask(t, http.MethodGet, "/inbox/2?lang=kk", "", "Accept", browser)
	wantContains(t, sms.Body.String(), "UCS-2", "2 бөлік", "68 таңба")
	odd := h.ask(t, http.MethodGet, "/inbox/a%2Fb%3Fc", "", "Accept", browser)
	if odd.Code != http.StatusOK || strings.Contains(odd.Body.String(), "<script") || strings.Contains(odd.Body.String(), "<img") {
		t.Errorf("got status %d: %s", odd.Code, odd.Body)
	}
	for _, path := range []string{"/inbox/9", "/inbox/9/html", "/inbox/9/raw", "/inbox/9/files/0", "/inbox/2/html", "/inbox/2/raw", "/inbox/1/files/1", "/inbox/1/files/-1", "/inbox/1/files/x"} {
		if got := h.ask(t, http.MethodGet, path, "", "Accept", browser); got.Code != http.StatusNotFound {
			t.Errorf("%s: got status %d, want 404", path, got.Code)
		}
	}
}

func TestCaughtContentIsKeptInItsBox(t *testing.T) {
	h := newHouse(t)
	h.caught = samples()
	html := h.ask(t, http.MethodGet, "/inbox/1/html", "", "Accept", browser)
	policy := html.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "sandbox ") || strings.Contains(policy, "allow-scripts") || strings.Contains(policy, "allow-same-origin") {
		t.Errorf("got policy %q, want a sandbox without scripts and without our origin", policy)
	}
	wantContains(t, html.Body.String(), `<head lang="kk"><base target="_blank">`)
	for path, want := range map[string]string{"/inbox/1/raw": `attachment; filename=message.eml`, "/inbox/1/files/0": "attachment; filename*=utf-8''"} {
		got := h.ask(t, http.MethodGet, path, "")
		if !strings.HasPrefix(got.Header().Get("Content-Disposition"), want) || got.Header().Get("Content-Type") != "application/octet-stream" {
			t.Errorf("%s: got %v, want a download %q", path, got.Header(), want)
		}
	}
}

func TestLinked(t *testing.T) {
	got := linked("a https://x.example/u/1?a=b, (http://y.example) http://... end")
	want := []fragment{
		{Text: "a "},
		{"https://x.example/u/1?a=b", "https://x.example/u/1?a=b"},
		{Text: ", ("},
		{"http://y.example", "http://y.example"},
		{Text: ") "},
		{"http://", "http://"},
		{Text: "... end"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("linked mismatch (-want +got):\n%s", diff)
	}
}

func TestAssetsAreKeptForGoodUnderTheirHash(t *testing.T) {
	h := newHouse(t)
	page := h.ask(t, http.MethodGet, "/", "", "Accept", browser).Body.String()
	for _, found := range attribute.FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(found[1], "/assets/") {
			continue
		}
		got := h.ask(t, http.MethodGet, found[1], "")
		if got.Code != http.StatusOK || !strings.Contains(got.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: got status %d, Cache-Control %q", found[1], got.Code, got.Header().Get("Cache-Control"))
		}
	}
	if strings.Count(page, `"/assets/`) != 2 || strings.Contains(page, "<script") || strings.Contains(page, "style=") {
		t.Errorf("want one style sheet, one icon and no script: %s", page)
	}
	if got := h.ask(t, http.MethodGet, "/assets/style-000000000000.css", ""); got.Code != http.StatusNotFound {
		t.Errorf("old hash: got status %d, want 404", got.Code)
	}
}
