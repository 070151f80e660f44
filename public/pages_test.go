package public

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

func contextWithHangUp(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

func TestPreferencesShowWhatComesAndWhatDoesNot(t *testing.T) {
	h := newHouse(t)
	got := h.ask(t, http.MethodGet, h.path("p", vocab.Legal)+"?lang=en", "", "Accept", browser)
	if got.Code != http.StatusOK {
		t.Fatalf("got status %d", got.Code)
	}
	body := got.Body.String()
	wantContains(t, body, "a***@orleu.example", "You agreed on 12 March 2026, valid until 12 March 2028", "Newsletters · maths", "Waits for your confirmation",
		"Notices about a service in use", "Comes because you use the service", "Your consent expired on 24 November 2026", "Stopped on 12 March 2026",
		"This page can only stop messages")
	on, off, found := strings.Cut(body, "What does not come")
	if !found || strings.Contains(off, "<form") {
		t.Errorf("what does not come must have no button: %s", off)
	}
	// Two newsletters, two service purposes, a pause, and everything.
	if n := strings.Count(on, "<form"); n != 6 {
		t.Errorf("got %d buttons, want 6: %s", n, on)
	}
	if strings.Contains(body, string(consent.ProcessingCore)) {
		t.Error("a consent to a use of data is shown as if it were a message")
	}
}

func TestPreferencesReduce(t *testing.T) {
	event := consent.Event{
		Kind: consent.KindWithdrawn, Source: consent.SourcePreferencePage, ActorKind: consent.ActorContact, ActorID: string(contactID),
		Language: vocab.Russian, Proof: consent.ProofLink, ProofRef: string(newHouse(t).message(vocab.Marketing).ID),
	}
	with := func(change func(*consent.Event)) *consent.Event {
		e := event
		change(&e)
		return &e
	}
	cases := []struct {
		name, body string
		headers    []string
		status     int
		want       *consent.Event // nil: nothing may be withdrawn
	}{
		{"one purpose", "stop=one&purpose=news.company&channel=email", nil, 200, with(func(e *consent.Event) {
			e.Scope, e.Purpose, e.Channel = consent.ScopePurpose, "news.company", vocab.Email
		})},
		{"one topic", "stop=one&purpose=news.company&channel=email&topic=maths", nil, 200, with(func(e *consent.Event) {
			e.Scope, e.Purpose, e.Channel, e.Topic = consent.ScopeTopic, "news.company", vocab.Email, "maths"
		})},
		{"a service purpose that has no row yet", "stop=one&purpose=service.notice&channel=email", nil, 200, with(func(e *consent.Event) {
			e.Scope, e.Purpose, e.Channel = consent.ScopePurpose, "service.notice", vocab.Email
		})},
		{"one that is off already", "stop=one&purpose=event.invite&channel=sms", nil, 200, with(func(e *consent.Event) {
			e.Scope, e.Purpose, e.Channel = consent.ScopePurpose, "event.invite", vocab.SMS
		})},
		{"everything", "stop=all", nil, 200, with(func(e *consent.Event) { e.Scope = consent.ScopeAll })},
		{"everything, browser of the same origin", "stop=all", []string{"Sec-Fetch-Site", "same-origin"}, 200, with(func(e *consent.Event) { e.Scope = consent.ScopeAll })},
		{
			"everything, old browser behind a proxy that rewrites Host", "stop=all",
			[]string{"Origin", "https://elshi.example", "Host", "10.0.0.7"},
			200,
			with(func(e *consent.Event) { e.Scope = consent.ScopeAll }),
		},
		{"another site's form", "stop=all", []string{"Sec-Fetch-Site", "cross-site"}, 403, nil},
		{"another site's form, old browser", "stop=all", []string{"Origin", "https://evil.example"}, 403, nil},
		{"granting", "grant=one&purpose=offers.company&channel=email", nil, 400, nil},
		{"granting dressed as stopping", "stop=grant&purpose=offers.company&channel=email", nil, 400, nil},
		{"somebody else's purpose", "stop=one&purpose=ads.campaign&channel=email", nil, 400, nil},
		{"a use of data", "stop=one&purpose=processing.core&channel=", nil, 400, nil},
		{"no channel", "stop=one&purpose=news.company", nil, 400, nil},
		{"nothing", "", nil, 400, nil},
		{"damaged", "stop=all%", nil, 400, nil},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t)
			got := h.ask(t, http.MethodPost, h.path("p", vocab.Marketing), tc.body, append(tc.headers, "Content-Type", form, "Accept", browser)...)
			if got.Code != tc.status {
				t.Errorf("got status %d, want %d", got.Code, tc.status)
			}
			var want []dispatcher.Withdrawal
			if tc.want != nil {
				want = []dispatcher.Withdrawal{{ContactID: contactID, AddressID: addressID, Event: *tc.want}}
			}
			if diff := cmp.Diff(want, h.withdrawals(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("withdrawals mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPauseIsOnePressAndEndsByItself(t *testing.T) {
	h := newHouse(t)
	path := h.path("p", vocab.Marketing) + "?lang=en"
	wantContains(t, h.ask(t, http.MethodGet, path, "", "Accept", browser).Body.String(), "Pause for 30 days", "Your consents stay")
	if got := h.ask(t, http.MethodPost, path, "stop=pause", "Content-Type", form, "Sec-Fetch-Site", "cross-site"); got.Code != http.StatusForbidden {
		t.Errorf("another site's form: status %d", got.Code)
	}
	got := h.ask(t, http.MethodPost, path, "stop=pause", "Content-Type", form, "Accept", browser)
	wantContains(t, got.Body.String(), "Mailings are paused until 24 December 2026", "You agreed on 12 March 2026")
	m := h.message(vocab.Marketing)
	want := []consent.Event{{
		Kind: consent.KindPaused, Scope: consent.ScopeAll, ContactID: contactID, AddressID: addressID, Source: consent.SourcePreferencePage,
		ActorKind: consent.ActorContact, ActorID: string(contactID), Language: vocab.English, Proof: consent.ProofLink, ProofRef: string(m.ID),
		At: now, ValidUntil: now.AddDate(0, 0, 30),
	}}
	if diff := cmp.Diff(want, h.recorded); diff != "" {
		t.Errorf("what was recorded mismatch (-want +got):\n%s", diff)
	}
	later := h.ask(t, http.MethodGet, path, "", "Accept", browser).Body.String()
	wantContains(t, later, "Mailings are paused until 24 December 2026")
	if strings.Contains(later, `value="pause"`) {
		t.Error("it is paused, and there is still a button for it")
	}
	why := h.ask(t, http.MethodGet, h.path("w", vocab.Marketing)+"?lang=en", "", "Accept", browser).Body.String()
	if strings.Contains(why, `value="pause"`) {
		t.Error("/w offers a pause that is there already")
	}
	h.to.PausedUntil = now
	wantContains(t, h.ask(t, http.MethodGet, path, "", "Accept", browser).Body.String(), `value="pause"`)
}

func TestPartnersStandApart(t *testing.T) {
	h := newHouse(t)
	h.grants = append(h.grants, Grant{consent.GrantKey{Purpose: "partner.acme", Channel: vocab.Email}, consent.Grant{State: consent.Granted, Since: granted}})
	body := h.ask(t, http.MethodGet, h.path("p", vocab.Marketing)+"?lang=en", "", "Accept", browser).Body.String()
	own, partners, found := strings.Cut(body, "On behalf of partners")
	if !found || strings.Contains(own, "partner.acme") || !strings.Contains(partners, `value="partner.acme"`) {
		t.Errorf("a partner's messages do not stand apart: %s", body)
	}
}

func TestPreferencesShowTheResult(t *testing.T) {
	h := newHouse(t)
	h.canceled = []vocab.MessageID{"msg_1", "msg_2", "msg_3", "msg_4", "msg_5"}
	one := h.ask(t, http.MethodPost, h.path("p", vocab.Marketing), "stop=one&purpose=news.company&channel=email", "Content-Type", form, "Accept", browser)
	wantContains(t, one.Body.String(), "Остановлено: «Новости», Электронная почта (24.11.2026 в 10:04).", "Отозвано 5 сообщений", "Остановлено 24.11.2026")
	all := h.ask(t, http.MethodPost, h.path("p", vocab.Marketing)+"?lang=kk", "stop=all", "Content-Type", form, "Accept", browser).Body.String()
	wantContains(t, all, "Тоқтатылды: барлық таратылым (24.11.2026, сағат 10:04).", "Сіз барлық таратылымды тоқтатқансыз.")
	if strings.Contains(all, `value="all"`) {
		t.Error("everything is stopped, and there is still a button for it")
	}
}

func TestWhySaysTheGround(t *testing.T) {
	cases := []struct {
		name   string
		class  vocab.Class
		basis  consent.Basis
		want   []string
		unwant string
	}{
		{
			"consent, with its date", vocab.Marketing,
			consent.Basis{Kind: consent.BasisGrant, Event: eventID},
			[]string{
				"You agreed to messages for exactly this purpose on this channel.", "You agreed on 12 March 2026.", "You confirmed it by the link in an email.",
				`<blockquote lang="ru">Я согласна получать новости.</blockquote>`, `<p class="full" lang="ru">Данные: имя, адрес почты.</p>`, "24 November 2026 at 09:04", "2026-09", "3.1 b7", "Stop the messages", "Stop every mailing", "“Orleu”",
			},
			"cannot be stopped",
		},
		{"request", vocab.Transactional, consent.Basis{Kind: consent.BasisRequest}, []string{"answers something you asked for or did"}, "Stop the messages"},
		{"service", vocab.Service, consent.Basis{Kind: consent.BasisService}, []string{"You may opt out", "Stop the messages"}, "You agreed on"},
		{"obligation", vocab.Legal, consent.Basis{Kind: consent.BasisObligation}, []string{"oblige the organisation to tell you", "Stop every mailing"}, "Stop the messages"},
		{"none", vocab.Marketing, consent.Basis{}, []string{"No ground is recorded"}, "You agreed on"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t)
			m := h.message(tc.class)
			m.Decision.Basis = tc.basis
			h.messages[m.ID] = m
			got := h.ask(t, http.MethodGet, h.path("w", tc.class)+"?lang=en", "", "Accept", browser)
			wantContains(t, got.Body.String(), tc.want...)
			if strings.Contains(got.Body.String(), tc.unwant) {
				t.Errorf("got %s\nwant it without %q", got.Body.String(), tc.unwant)
			}
		})
	}
	older := newHouse(t)
	older.policy = "2024-01"
	body := older.ask(t, http.MethodGet, older.path("w", vocab.Marketing), "", "Accept", browser).Body.String()
	wantContains(t, body, "2024-01")
	if strings.Contains(body, "2026-09") {
		t.Error("/w names another policy than the one that was in force when they agreed")
	}
	h := newHouse(t)
	h.ask(t, http.MethodPost, h.path("u", vocab.Marketing), oneBody, "Content-Type", form)
	after := h.ask(t, http.MethodGet, h.path("w", vocab.Marketing), "", "Accept", browser).Body.String()
	wantContains(t, after, "Согласие дано 12.03.2026.", "Позже вы его отозвали: 24.11.2026.")
}

var attribute = regexp.MustCompile(`(?:href|src)="([^"]*)"`)

func TestPrefetchingEveryLinkChangesNothing(t *testing.T) {
	h := newHouse(t)
	followed := 0
	for _, kind := range []dispatcher.LinkKind{"u", "p", "w"} {
		for _, class := range vocab.Classes() {
			page := h.path(kind, class)
			for _, found := range attribute.FindAllStringSubmatch(h.ask(t, http.MethodGet, page, "", "Accept", browser).Body.String(), -1) {
				target, err := url.Parse(found[1])
				if err != nil {
					t.Fatalf("link %q: %v", found[1], err)
				}
				if target.Host == "orleu.example" {
					continue // the organisation's site, a link and no resource
				}
				if target.Host != "" {
					t.Errorf("%s has a third-party address %q", kind, found[1])
				}
				if target.Path == "" {
					target.Path = page
				}
				for _, method := range []string{http.MethodGet, http.MethodHead} {
					if got := h.ask(t, method, target.String(), "", "Accept", browser, "Sec-Purpose", "prefetch"); got.Code != http.StatusOK {
						t.Errorf("%s %s: got status %d", method, found[1], got.Code)
					}
					followed++
				}
			}
		}
	}
	if n := len(h.withdrawals()); n != 0 || followed < 50 {
		t.Errorf("followed %d links with %d withdrawals, want none", followed, n)
	}
}

func TestEveryAnswerHasTheHeadersOfAPrivatePage(t *testing.T) {
	h := newHouse(t)
	h.caught = samples()
	paths := []string{
		h.path("u", vocab.Marketing), h.path("u", vocab.Legal), h.path("p", vocab.Marketing), h.path("w", vocab.Marketing), "/u/garbage", "/nowhere", "/", "/inbox",
		"/inbox/1", "/inbox/1/html", "/inbox/none",
	}
	for _, path := range paths {
		got := h.ask(t, http.MethodGet, path, "", "Accept", browser).Header()
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Robots-Tag": "noindex, nofollow"} {
			if got.Get(name) != want {
				t.Errorf("%s: got %s %q, want %q", path, name, got.Get(name), want)
			}
		}
		if policy := got.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src") {
			t.Errorf("%s: got policy %q, want one without scripts", path, policy)
		}
		want := "no-referrer"
		if strings.HasPrefix(path, "/p/") || strings.HasPrefix(path, "/w/") {
			want = "same-origin"
		}
		if got.Get("Referrer-Policy") != want {
			t.Errorf("%s: got Referrer-Policy %q, want %q", path, got.Get("Referrer-Policy"), want)
		}
		if got.Get("Set-Cookie") != "" {
			t.Errorf("%s sets a cookie", path)
		}
	}
}

func TestProblemsAreSaidInTheReadersLanguage(t *testing.T) {
	h := newHouse(t)
	for _, tc := range []struct {
		method, path string
		away         bool
		status       int
		texts        string
	}{
		{http.MethodGet, "/u/garbage", false, 404, "e404"},
		{http.MethodPost, "/u/garbage", false, 404, "e404"},
		{http.MethodGet, "/nowhere", false, 404, "e404"},
		{http.MethodPost, "/nowhere", false, 404, "e404"},
		{http.MethodPost, h.path("p", vocab.Marketing), false, 400, "e400"},
		{http.MethodGet, h.path("u", vocab.Marketing), true, 503, "e503"},
		{http.MethodGet, h.path("p", vocab.Marketing), true, 503, "e503"},
		{http.MethodPost, h.path("p", vocab.Marketing), true, 503, "e503"},
		{http.MethodGet, h.path("w", vocab.Marketing), true, 503, "e503"},
		{http.MethodGet, "/inbox", true, 503, "e503"},
	} {
		for _, lang := range vocab.Languages() {
			h.away = nil
			if tc.away {
				h.away = errAway
			}
			got := h.ask(t, tc.method, tc.path+"?lang="+string(lang), "", "Accept", browser, "Content-Type", form)
			if got.Code != tc.status {
				t.Errorf("%s %s: got status %d, want %d", tc.method, tc.path, got.Code, tc.status)
			}
			wantContains(t, got.Body.String(), `<html lang="`+string(lang)+`">`, say(lang, tc.texts+"_title"), say(lang, tc.texts+"_text"))
			if (got.Header().Get("Retry-After") != "") != tc.away {
				t.Errorf("%s %s: got Retry-After %q", tc.method, tc.path, got.Header().Get("Retry-After"))
			}
		}
	}
}

func TestLanguageOfAPage(t *testing.T) {
	cases := []struct {
		name, message, query, accept, want string
	}{
		{"the message's", "ru", "", "en", "ru"},
		{"picked", "ru", "?lang=kk", "en", "kk"},
		{"picked with a region", "ru", "?lang=en-GB", "", "en"},
		{"picked one that is not spoken here", "ru", "?lang=de", "en", "ru"},
		{"message with a region", "kk-KZ", "", "ru", "kk"},
		{"message in a language that is not spoken here", "de", "", "de, en;q=0.4, ru;q=0.8", "ru"},
		{"refused", "de", "", "ru;q=0, en;q=0.1", "en"},
		{"damaged weight", "de", "", "ru;q=x, en;q=0.1", "en"},
		{"nothing known", "", "", "", "kk"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t)
			h.add(vocab.Marketing, vocab.Language(tc.message))
			got := h.ask(t, http.MethodGet, h.path("u", vocab.Marketing)+tc.query, "", "Accept", browser, "Accept-Language", tc.accept)
			wantContains(t, got.Body.String(), `<html lang="`+tc.want+`">`)
		})
	}
}

func TestNoTokenAndNoAddressReachesTheLog(t *testing.T) {
	h := newHouse(t)
	for _, kind := range []dispatcher.LinkKind{"u", "p", "w"} {
		h.ask(t, http.MethodGet, h.path(kind, vocab.Marketing), "", "Accept", browser)
		h.ask(t, http.MethodPost, h.path(kind, vocab.Marketing), "stop=all", "Content-Type", form)
		h.away = errAway
		h.ask(t, http.MethodGet, h.path(kind, vocab.Marketing), "")
		h.away = nil
		if strings.Contains(h.log.String(), h.links.Token(kind, h.message(vocab.Marketing).ID)) {
			t.Errorf("/%s: the token is in the log", kind)
		}
	}
	wantContains(t, h.log.String(), "route=/u/{token}", "route=/p/{token}", "route=/w/{token}", "status=503")
	if strings.Contains(h.log.String(), "aigerim") {
		t.Error("the address is in the log")
	}
}

func TestNoPageShowsTheWholeAddress(t *testing.T) {
	h := newHouse(t)
	for _, kind := range []dispatcher.LinkKind{"u", "p", "w"} {
		if body := h.ask(t, http.MethodGet, h.path(kind, vocab.Marketing), "", "Accept", browser).Body.String(); strings.Contains(body, fullEmail) {
			t.Errorf("/%s shows the whole address", kind)
		}
	}
}

func TestATokenOfOneKindIsNoneOfAnother(t *testing.T) {
	h := newHouse(t)
	kinds := []dispatcher.LinkKind{"u", "p", "w"}
	for _, made := range append(slices.Clone(kinds), "b") {
		for _, used := range kinds {
			path := "/" + string(used) + "/" + h.links.Token(made, h.message(vocab.Marketing).ID)
			want := http.StatusNotFound
			if made == used {
				want = http.StatusOK
			}
			if got := h.ask(t, http.MethodGet, path, "", "Accept", browser); got.Code != want {
				t.Errorf("token of %s as %s: got status %d, want %d", made, used, got.Code, want)
			}
		}
	}
}

func FuzzToken(f *testing.F) {
	h := newHouse(f)
	f.Add("")
	f.Add(h.links.Token("w", h.message(vocab.Marketing).ID))
	f.Add(strings.Repeat("A", 38))
	f.Add("../p/x")
	f.Add("%00%ff\n")
	valid := map[string]bool{}
	for _, kind := range []dispatcher.LinkKind{"u", "p", "w"} {
		for _, class := range vocab.Classes() {
			valid[string(kind)+h.links.Token(kind, h.message(class).ID)] = true
		}
	}
	f.Fuzz(func(t *testing.T, token string) {
		for _, kind := range []string{"u", "p", "w"} {
			if valid[kind+token] {
				continue
			}
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				got := h.ask(t, method, "/"+kind+"/"+url.PathEscape(token), oneBody, "Content-Type", form, "Accept", browser)
				if got.Code < 300 || got.Code >= 500 {
					t.Errorf("%s /%s/%q: got status %d", method, kind, token, got.Code)
				}
			}
		}
		if n := len(h.withdrawals()); n != 0 {
			t.Errorf("token %q withdrew something", token)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Options){
		"no ledger":       func(o *Options) { o.Ledger = nil },
		"no withdrawer":   func(o *Options) { o.Withdrawals = nil },
		"no links":        func(o *Options) { o.Links = nil },
		"no purposes":     func(o *Options) { o.Purposes = nil },
		"no clock":        func(o *Options) { o.Now = nil },
		"no organisation": func(o *Options) { o.Org = dispatcher.Org{} },
		"no public URL":   func(o *Options) { o.PublicURL = "" },
		"a path alone":    func(o *Options) { o.PublicURL = "/elshi" },
	} {
		o := newHouse(t).options(registry)
		spoil(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	o := newHouse(t).options(registry)
	o.PublicURL, o.Log, o.Zone, o.Inbox = "https://example.org/elshi/", nil, time.UTC, nil
	door, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{door: door}
	body := h.ask(t, http.MethodGet, "/", "", "Accept", browser).Body.String()
	wantContains(t, body, `href="/elshi/docs"`, `href="/elshi/assets/style-`)
	if strings.Contains(body, "/inbox") || h.ask(t, http.MethodGet, "/inbox", "").Code != http.StatusNotFound {
		t.Error("there is an inbox although there is no catcher")
	}
}
