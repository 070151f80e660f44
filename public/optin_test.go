package public

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// desk is a desk that notes what it is asked and answers what it is told to.
type desk struct {
	*house

	view    optin.View // of the token "link", and of "code" which asks for a code
	done    optin.SignedUp
	form    optin.Form
	pressed []vocab.Language
	entered []string
	again   []optin.Link
	signUps []optin.SignUp
	proof   optin.Evidence
}

// newDesk is a house where people sign up.
func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{house: newHouse(t)}
	d.view = optin.View{
		Confirmation: optin.Confirmation{
			ID: "cnf_x", Address: fullEmail, Channel: vocab.Email, Language: vocab.Russian, MessageID: d.message(vocab.Marketing).ID,
		},
		Items: []optin.Item{
			{Asked: optin.Asked{Purpose: "news.company"}, Name: map[vocab.Language]string{vocab.Russian: "Новости", vocab.Kazakh: "Жаңалықтар"}, Text: consentText("news")},
			{Asked: optin.Asked{Purpose: "event.invite", Topic: "maths"}, Name: map[vocab.Language]string{vocab.Russian: "Приглашения"}, Text: consentText("events")},
		},
	}
	d.form = optin.Form{
		ID: "frm_x", Slug: "news", Enabled: true, AskName: true, Origins: []string{"https://orleu.example", "https://www.orleu.example"},
		Title: map[vocab.Language]string{vocab.Kazakh: "Жазылу", vocab.Russian: "Подписка", vocab.English: "Sign up"},
		Boxes: []optin.Box{{Purpose: "news.company", Channel: vocab.Email}, {Purpose: "event.invite", Channel: vocab.Email, Topic: "maths"}, {Purpose: "event.invite", Channel: vocab.SMS}},
	}
	d.done = optin.SignedUp{Emailed: true, CodePage: "code"}
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	o := d.options(registry)
	o.OptIn = OptIn{Confirmations: d, SignUps: d, Forms: d, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	if d.door, err = New(o); err != nil {
		t.Fatal(err)
	}
	return d
}

func consentText(name string) optin.Text {
	t := optin.Text{Words: map[vocab.Language]optin.Words{}, Hash: map[vocab.Language]string{}}
	for _, lang := range vocab.Languages() {
		t.Words[lang] = optin.Words{Statement: "I agree to " + name + " in " + string(lang), Full: "All about " + name + " in " + string(lang)}
		t.Hash[lang] = name + "-" + string(lang)
	}
	return t
}

func (d *desk) Open(token string) (optin.Link, error) {
	switch token {
	case "link":
		return optin.Link{ID: "cnf_x"}, nil
	case "code":
		return optin.Link{ID: "cnf_y", ByCode: true}, nil
	}
	return optin.Link{}, fault.Missing("link_not_found", "")
}

func (d *desk) Look(_ context.Context, l optin.Link) (optin.View, error) {
	if l.ByCode && d.view.Result == "" {
		return optin.View{Confirmation: optin.Confirmation{Channel: vocab.SMS}}, d.away
	}
	return d.view, d.away
}

func (d *desk) Press(_ context.Context, _ optin.Link, lang vocab.Language, e optin.Evidence) (optin.View, error) {
	if d.away != nil {
		return optin.View{}, d.away
	}
	d.pressed, d.proof = append(d.pressed, lang), e
	if d.view.Result == "" {
		d.view.Result, d.view.Confirmation.UsedAt = optin.Confirmed, now
	}
	return d.view, nil
}

func (d *desk) Enter(_ context.Context, _ optin.Link, code string, _ optin.Evidence) (optin.View, error) {
	d.entered = append(d.entered, code)
	if code != "123456" {
		return optin.View{Result: optin.Gone}, d.away
	}
	d.view.Result, d.view.Confirmation.UsedAt = optin.Confirmed, now
	return d.view, d.away
}

func (d *desk) Again(_ context.Context, l optin.Link, _ vocab.Language, _ optin.Evidence) (optin.Reply, error) {
	d.again = append(d.again, l)
	if l.ByCode {
		return optin.Reply{ID: "cnf_z", CodePage: "another"}, d.away
	}
	return optin.Reply{ID: "cnf_z"}, d.away
}

func (d *desk) SignUp(_ context.Context, s optin.SignUp) (optin.SignedUp, error) {
	d.signUps = append(d.signUps, s)
	return d.done, d.away
}

func (d *desk) Shown(_ context.Context, p vocab.Purpose, _ vocab.Channel) (optin.Text, error) {
	return consentText(string(p)), d.away
}

func (d *desk) FormToken(form vocab.FormID, filled bool) string {
	if filled {
		return "filled-" + string(form)
	}
	return "fresh-" + string(form)
}

func (d *desk) FormBySlug(_ context.Context, slug string) (optin.Form, error) {
	if d.away == nil && slug != d.form.Slug {
		return optin.Form{}, fault.Missing("form_not_found", "")
	}
	return d.form, d.away
}

func TestALinkShowsWhatItGrantsAndOnlyAPressGrants(t *testing.T) {
	d := newDesk(t)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete} {
		for _, path := range []string{"/c/link", "/c/link?confirm=1&again=1", "/c/code?code=123456", "/forms/news", "/forms/news/review?box=news.company/email//"} {
			got := d.ask(t, method, path, "again=1&code=123456", "Accept", browser, "Content-Type", form)
			if known := method != http.MethodPut && method != http.MethodDelete; known != (got.Code < 300) {
				t.Errorf("%s %s: %d", method, path, got.Code)
			}
		}
	}
	if n := len(d.pressed) + len(d.entered) + len(d.again) + len(d.signUps); n != 0 {
		t.Errorf("%d acts by looking: %+v", n, d)
	}
	page := d.ask(t, http.MethodGet, "/c/link", "", "Accept", browser).Body.String()
	wantContains(t, page, `<html lang="ru">`, "Новости", "Приглашения · maths", "I agree to news in ru", "All about events in ru", "<details>", "a***@orleu.example", "Подтвердить")
	if strings.Contains(page, fullEmail) || strings.Count(page, "<button") != 1 {
		t.Errorf("want one button and no address in full:\n%s", page)
	}
	d.view.Items[0].Name[vocab.English] = "Newsletters"
	first := d.ask(t, http.MethodPost, "/c/link?lang=en", "", "Accept", browser, "Content-Type", form, "User-Agent", "Mozilla")
	wantContains(t, first.Body.String(), `<html lang="en">`, "You confirmed this on 24 November 2026 at 10:04.", "Newsletters", `href="/p/`+d.links.Token("p", d.message(vocab.Marketing).ID)+`?lang=en"`)
	if diff := cmp.Diff([]vocab.Language{vocab.English}, d.pressed); diff != "" || d.proof != (optin.Evidence{IP: "192.0.2.1", UserAgent: "Mozilla"}) {
		t.Errorf("pressed (-want +got):\n%s with %+v", diff, d.proof)
	}
	d.view.Result = optin.Already
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		again := d.ask(t, method, "/c/link?lang=en", "", "Accept", browser, "Content-Type", form)
		if again.Code != http.StatusOK || again.Body.String() != first.Body.String() {
			t.Errorf("%s later: %d\n%s", method, again.Code, again.Body)
		}
	}
}

func TestEveryLinkThatDoesNotWorkHasOnePage(t *testing.T) {
	d := newDesk(t)
	d.view = optin.View{Result: optin.Gone}
	said := func(method, path, body string) string {
		got := d.ask(t, method, path, body, "Accept", browser, "Content-Type", form, "Accept-Language", "ru")
		if got.Code != http.StatusNotFound {
			t.Errorf("%s %s: %d", method, path, got.Code)
		}
		return strings.ReplaceAll(got.Body.String(), path, "/c/…")
	}
	first := said(http.MethodGet, "/c/link", "")
	wantContains(t, first, "Эта ссылка не действует", `name="again" value="1"`)
	for _, other := range []string{said(http.MethodPost, "/c/link", ""), said(http.MethodGet, "/c/garbage", ""), said(http.MethodPost, "/c/garbage", "")} {
		if other != first {
			t.Errorf("one page says\n%s\nand another\n%s", first, other)
		}
	}
	told := func(path string) string {
		got := d.ask(t, http.MethodPost, path, "again=1", "Accept", browser, "Content-Type", form, "Accept-Language", "ru")
		if got.Code != http.StatusOK {
			t.Errorf("%s again: %d", path, got.Code)
		}
		return got.Body.String()
	}
	if a, b := told("/c/link"), told("/c/garbage"); a != b || !strings.Contains(a, "Если есть неподтверждённая подписка") {
		t.Errorf("asked again, one says\n%s\nand the other\n%s", a, b)
	}
	if diff := cmp.Diff([]optin.Link{{ID: "cnf_x"}}, d.again); diff != "" {
		t.Errorf("asked again (-want +got):\n%s", diff)
	}
}

func TestACodeIsTyped(t *testing.T) {
	d := newDesk(t)
	page := d.ask(t, http.MethodGet, "/c/code?lang=kk", "", "Accept", browser).Body.String()
	wantContains(t, page, `inputmode="numeric"`, `autocomplete="one-time-code"`, `action="/c/code?lang=kk"`, "Кодты енгізіңіз")
	d.view = optin.View{Result: optin.Gone} // the page of a code that is dead, or never was, looks the same
	if again := d.ask(t, http.MethodGet, "/c/code?lang=kk", "", "Accept", browser).Body.String(); again != page {
		t.Errorf("a code that is dead shows\n%s\nand one that lives\n%s", again, page)
	}
	d.view = optin.View{Confirmation: optin.Confirmation{Channel: vocab.SMS}}
	wrong := d.ask(t, http.MethodPost, "/c/code?lang=kk", "code=654321", "Accept", browser, "Content-Type", form)
	wantContains(t, wrong.Body.String(), "Код дұрыс емес немесе енді жарамсыз", `aria-invalid="true"`)
	right := d.ask(t, http.MethodPost, "/c/code?lang=kk", "code=123456", "Accept", browser, "Content-Type", form)
	wantContains(t, right.Body.String(), "Сіз растадыңыз: 24.11.2026, сағат 10:04.")
	wantContains(t, d.ask(t, http.MethodPost, "/c/code", "again=1", "Accept", browser, "Content-Type", form).Body.String(), `action="/c/another"`)
	if diff := cmp.Diff([]string{"654321", "123456"}, d.entered); diff != "" || len(d.pressed) != 0 {
		t.Errorf("entered (-want +got):\n%s", diff)
	}
}

func TestAFormComesUnticked(t *testing.T) {
	d := newDesk(t)
	for _, lang := range vocab.Languages() {
		for _, path := range []string{"/forms/news", "/forms/news/review"} {
			got := d.ask(t, http.MethodGet, path+"?lang="+string(lang)+"&box=news.company/email//", "", "Accept", browser)
			page := got.Body.String()
			wantContains(t, page, `<html lang="`+string(lang)+`">`, d.form.Title[lang], `name="form" value="fresh-frm_x"`, `value="news.company/email//news.company-`+string(lang)+`"`,
				`value="event.invite/email/maths/event.invite-`, `value="event.invite/sms//event.invite-`, "I agree to news.company in "+string(lang),
				"All about news.company in "+string(lang), `type="email"`, `type="tel"`, `autocomplete="name"`, `class="trap" aria-hidden="true"`, `tabindex="-1"`)
			if strings.Count(page, `type="checkbox"`) != 3 || strings.Contains(page, "checked") || strings.Contains(page, "<script") {
				t.Errorf("want three boxes, none of them ticked, and no script:\n%s", page)
			}
		}
	}
	d.form.Boxes, d.form.AskName = d.form.Boxes[2:], false
	if page := d.ask(t, http.MethodGet, "/forms/news", "", "Accept", browser).Body.String(); strings.Contains(page, `type="email"`) || strings.Contains(page, `autocomplete="name"`) {
		t.Errorf("a form of SMS asks for an email address or a name:\n%s", page)
	}
	for _, spoil := range []func(){func() { d.form.Enabled = false }, func() { d.form.Enabled, d.form.Slug = true, "other" }} {
		spoil()
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			for _, path := range []string{"/forms/news", "/forms/news/review"} {
				if got := d.ask(t, method, path, "", "Accept", browser, "Content-Type", form); got.Code != http.StatusNotFound {
					t.Errorf("%s %s: %d", method, path, got.Code)
				}
			}
		}
	}
}

// entry is a form as a browser sends it.
func entry(more ...string) string {
	v := url.Values{
		"form": {"token"}, "shown": {"kk"}, "email": {"aigul@example.org"}, "phone": {"+77010000000"}, "name": {"Айгүл"}, "comment": {""},
		"box": {"news.company/email//news.company-kk", "event.invite/sms//event.invite-kk", "ads.campaign/email//x"},
	}
	for i := 0; i+1 < len(more); i += 2 {
		v[more[i]] = strings.Fields(more[i+1])
	}
	return v.Encode()
}

func TestAFormIsTakenIn(t *testing.T) {
	d := newDesk(t)
	got := d.ask(t, http.MethodPost, "/forms/news", entry("comment", "buy"), "Accept", browser, "Content-Type", form, "User-Agent", "Mozilla", "X-Forwarded-For", "203.0.113.9, 198.51.100.7")
	wantContains(t, got.Body.String(), `<html lang="kk">`, "Біз хат жібердік", "Біз SMS жібердік", `action="/c/code"`, `autocomplete="one-time-code"`)
	want := optin.SignUp{
		Form: d.form, Email: "aigul@example.org", Phone: "+77010000000", Name: "Айгүл", Trap: "buy", Token: "token", Language: vocab.Kazakh,
		Client: netip.MustParseAddr("198.51.100.7"), UserAgent: "Mozilla",
		Ticked: []optin.Tick{{Box: d.form.Boxes[0], TextHash: "news.company-kk"}, {Box: d.form.Boxes[2], TextHash: "event.invite-kk"}},
	}
	if diff := cmp.Diff([]optin.SignUp{want}, d.signUps, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("sign-up mismatch (-want +got):\n%s", diff)
	}
	d.done = optin.SignedUp{Emailed: true}
	if page := d.ask(t, http.MethodPost, "/forms/news", entry(), "Accept", browser, "Content-Type", form).Body.String(); strings.Contains(page, "one-time-code") {
		t.Errorf("no box of SMS was ticked, and a code is asked for:\n%s", page)
	}
}

func TestWhatIsMissingIsSaidWithWhatWasFilledIn(t *testing.T) {
	d := newDesk(t)
	d.done = optin.SignedUp{Lacks: []optin.Lack{optin.LackTick, optin.LackEmail, optin.LackPhone, optin.LackName}}
	page := d.ask(t, http.MethodPost, "/forms/news", entry("email", "aigul"), "Accept", browser, "Content-Type", form).Body.String()
	wantContains(t, page, `role="alert"`, say(vocab.Kazakh, "lack_tick"), say(vocab.Kazakh, "lack_email"), "Ұялы телефон нөмірін толық жазыңыз", say(vocab.Kazakh, "lack_name"),
		`value="aigul"`, `value="Айгүл"`, `aria-invalid="true"`, `value="filled-frm_x"`, `value="news.company/email//news.company-kk" checked`)
	if strings.Count(page, " checked") != 2 {
		t.Errorf("want what was ticked ticked and no more:\n%s", page)
	}
	// Where the words have changed the tick is gone: it was for the others.
	d.done = optin.SignedUp{Stale: true}
	page = d.ask(t, http.MethodPost, "/forms/news", entry("box", "news.company/email//old event.invite/sms//event.invite-kk"), "Accept", browser, "Content-Type", form).Body.String()
	wantContains(t, page, say(vocab.Kazakh, "form_stale"))
	if strings.Count(page, " checked") != 1 || !strings.Contains(page, `event.invite-kk" checked`) {
		t.Errorf("want the tick beside the words that stayed:\n%s", page)
	}
}

func TestOtherSitesCannotSignAnybodyUp(t *testing.T) {
	d := newDesk(t)
	cross := []string{"Accept", browser, "Content-Type", form, "Sec-Fetch-Site", "cross-site"}
	for _, origin := range []string{"https://evil.example", "https://orleu.example", "null"} {
		if got := d.ask(t, http.MethodPost, "/forms/news", entry(), append(cross, "Origin", origin)...); got.Code != http.StatusForbidden {
			t.Errorf("from %s: %d", origin, got.Code)
		}
		if got := d.ask(t, http.MethodPost, "/c/link", "", append(cross, "Origin", origin)...); got.Code != http.StatusForbidden {
			t.Errorf("a press from %s: %d", origin, got.Code)
		}
	}
	for origin, ticked := range map[string]int{"https://orleu.example": 1, "https://evil.example": 0, "null": 0, "": 0} {
		got := d.ask(t, http.MethodPost, "/forms/news/review?lang=kk", entry("box", "news.company/email//"), append(cross, "Origin", origin)...)
		page := got.Body.String()
		wantContains(t, page, say(vocab.Kazakh, "form_review"), `value="aigul@example.org"`, `value="filled-frm_x"`, `action="/forms/news?lang=kk"`)
		if got.Code != http.StatusOK || strings.Count(page, " checked") != ticked {
			t.Errorf("filled in at %q: %d, want %d boxes ticked:\n%s", origin, got.Code, ticked, page)
		}
	}
	if len(d.signUps)+len(d.pressed) != 0 {
		t.Errorf("signed up %+v, pressed %v", d.signUps, d.pressed)
	}
}

func TestOnlyTheFormsSitesMayFrameIt(t *testing.T) {
	d := newDesk(t)
	policy := func(method, path string) string {
		got := d.ask(t, method, path, entry(), "Accept", browser, "Content-Type", form)
		if got.Code != http.StatusOK {
			t.Errorf("%s %s: %d", method, path, got.Code)
		}
		_, ancestors, _ := strings.Cut(got.Header().Get("Content-Security-Policy"), "frame-ancestors ")
		return ancestors
	}
	const sites = "https://orleu.example https://www.orleu.example"
	for path, want := range map[string]string{"/forms/news?embed=1": sites, "/forms/news?lang=ru&embed=1": sites, "/forms/news": "'none'", "/forms/news?embed=2": "'none'", "/c/link?embed=1": "'none'"} {
		if got := policy(http.MethodGet, path); got != want {
			t.Errorf("%s may be framed by %s, want %s", path, got, want)
		}
	}
	if got := policy(http.MethodPost, "/forms/news?embed=1"); got != sites {
		t.Errorf("the answer may be framed by %s", got)
	}
	page := d.ask(t, http.MethodGet, "/forms/news?lang=ru&embed=1", "", "Accept", browser).Body.String()
	wantContains(t, page, `action="/forms/news?lang=ru&amp;embed=1"`, `href="?lang=kk&amp;embed=1"`)
	wantContains(t, d.ask(t, http.MethodPost, "/forms/news?embed=1", entry(), "Accept", browser, "Content-Type", form).Body.String(), `target="_blank"`)
	d.form.Origins = nil
	if got := policy(http.MethodGet, "/forms/news?embed=1"); got != "'none'" {
		t.Errorf("a form without sites may be framed by %s", got)
	}
}

func TestSignUpPagesSayThatTheLedgerIsAway(t *testing.T) {
	d := newDesk(t)
	d.away = errAway
	for _, call := range [][2]string{
		{http.MethodGet, "/c/link"},
		{http.MethodPost, "/c/link"},
		{http.MethodGet, "/c/code"},
		{http.MethodPost, "/c/code"},
		{http.MethodGet, "/forms/news"},
		{http.MethodPost, "/forms/news"},
		{http.MethodPost, "/forms/news/review"},
	} {
		got := d.ask(t, call[0], call[1], entry("code", "123456"), "Accept", browser, "Content-Type", form)
		if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") == "" {
			t.Errorf("%v: %d", call, got.Code)
		}
	}
	if got := d.ask(t, http.MethodPost, "/c/link", "again=1", "Content-Type", form); got.Code != http.StatusServiceUnavailable {
		t.Errorf("again: %d", got.Code)
	}
	if strings.Contains(d.log.String(), "/c/link") || strings.Contains(d.log.String(), "aigul") {
		t.Errorf("a token or an address is in the log:\n%s", d.log.String())
	}
}

func TestWhereARequestComesFrom(t *testing.T) {
	p := &pages{Options: Options{OptIn: OptIn{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}}}
	for name, tc := range map[string]struct{ peer, forwarded, want string }{
		"by itself":                   {"198.51.100.7:5000", "", "198.51.100.7"},
		"by itself, and it lies":      {"198.51.100.7:5000", "203.0.113.9", "198.51.100.7"},
		"through a proxy":             {"10.1.2.3:5000", "198.51.100.7", "198.51.100.7"},
		"through two proxies":         {"10.1.2.3:5000", "198.51.100.7, 10.9.9.9", "198.51.100.7"},
		"through one, and it lies":    {"10.1.2.3:5000", "203.0.113.9, 198.51.100.7", "198.51.100.7"},
		"a proxy that says nothing":   {"10.1.2.3:5000", "", "10.1.2.3"},
		"a proxy that says something": {"10.1.2.3:5000", "unknown", "10.1.2.3"},
		"IPv6 with a mapped address":  {"[::1]:5000", "::ffff:198.51.100.7", "198.51.100.7"},
		"nobody knows":                {"@", "198.51.100.7", "invalid IP"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/forms/news", nil)
		r.RemoteAddr = tc.peer
		if tc.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tc.forwarded)
		}
		if got := p.client(r).String(); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestTheLandingPageLeadsToTheDemonstrationsForm(t *testing.T) {
	d := newDesk(t)
	leads := func() bool {
		got := d.ask(t, http.MethodGet, "/?lang=en", "", "Accept", browser)
		if got.Code != http.StatusOK {
			t.Errorf("status %d", got.Code)
		}
		return strings.Contains(got.Body.String(), `href="/forms/news?lang=en"`)
	}
	if !leads() {
		t.Error("it does not lead to the form that there is")
	}
	d.away = errAway
	if !leads() {
		t.Error("it does not lead to a form of which nobody knows whether it is there")
	}
	d.away, d.form.Enabled = nil, false
	if leads() {
		t.Error("it leads to a form that is not enabled")
	}
	d.form.Slug = "other"
	if leads() {
		t.Error("it leads to a form that is not there")
	}
}

func FuzzSignUpForm(f *testing.F) {
	d := newDesk(f)
	f.Add(entry())
	f.Add("box=%ff&form=&email=%00")
	f.Add("box=news.company/email//&box=news.company/email//")
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/forms/news", "/forms/news/review", "/c/link", "/c/code"} {
			if got := d.ask(t, http.MethodPost, path, body, "Content-Type", form, "Accept", browser); got.Code >= 500 {
				t.Errorf("%s %q: %d", path, body, got.Code)
			}
		}
	})
}
