package public

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

func (h *house) claimPath(claim string, class vocab.Class) string {
	return h.path(dispatcher.LinkWhy, class) + "/" + claim
}

func TestAnObjectionSaysWhatItStopsAndIsOnePress(t *testing.T) {
	for lang, want := range map[string]struct{ asks, done []string }{
		"kk": {
			[]string{"таратылымдар мен жарнама", "қызмет туралы хабарламалар", "заң талап ететін хабарламалар", "Деректеріңіз бұдан жойылмайды"},
			[]string{"Қарсылығыңыз тіркелді", "сағат 10:04", "2026-000017", "24.12.2026", "Жіберілуін күтіп тұрған 2 хабарлама қайтарып алынды"},
		},
		"ru": {
			[]string{"рассылки и реклама по всем каналам", "уведомления об услугах", "то, чего требует закон", "Данные при этом не удаляются"},
			[]string{"Ваше возражение зарегистрировано", "в 10:04", "2026-000017", "24.12.2026", "Отозвано 2 сообщения"},
		},
		"en": {
			[]string{"mailings and advertising, on every channel", "notices about services", "what the law demands", "does not erase your data"},
			[]string{"Your objection is recorded", "at 10:04", "2026-000017", "24 December 2026", "2 waiting messages were withdrawn", "1 message was already on its way"},
		},
	} {
		h := newHouse(t)
		h.canceled, h.inFlight, h.events = []vocab.MessageID{"msg_a", "msg_b"}, []vocab.MessageID{"msg_c"}, []vocab.ConsentEventID{strangerID, withdrawalID, "cev_gone"}
		path := h.claimPath("object", vocab.Marketing) + "?lang=" + lang
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			h.ask(t, method, path, "", "Accept", browser)
		}
		if len(h.claimed) != 0 {
			t.Fatal("a look has objected")
		}
		wantContains(t, h.ask(t, http.MethodGet, path, "", "Accept", browser).Body.String(), append(want.asks, `<html lang="`+lang+`">`, `maxlength="1000"`)...)
		body := h.ask(t, http.MethodPost, path, url.Values{"text": {"Достаточно."}}.Encode(), "Content-Type", form, "Accept", browser).Body.String()
		wantContains(t, body, append(want.done, receiptPath(h, withdrawalID)+"?lang="+lang)...)
		if n := strings.Count(body, "/r/"); n != 1 {
			t.Errorf("%d receipts, want that of the contact alone", n)
		}
		if strings.Contains(body, "<form") {
			t.Error("there is a button although it is done")
		}
		again := h.ask(t, http.MethodPost, path, "", "Content-Type", form, "Accept", browser)
		wantContains(t, again.Body.String(), "2026-000017")
		m := h.message(vocab.Marketing)
		if diff := cmp.Diff([]claims.FromLink{
			{Message: m, Language: vocab.Language(lang), Text: "Достаточно."}, {Message: m, Language: vocab.Language(lang)},
		}, h.claimed); diff != "" {
			t.Errorf("claimed mismatch (-want +got):\n%s", diff)
		}
	}
}

func TestAReportIsAboutItsMessage(t *testing.T) {
	for _, class := range vocab.Classes() {
		h := newHouse(t)
		h.to.Shared = true
		path := h.claimPath("report", class)
		asks := h.ask(t, http.MethodGet, path, "", "Accept", browser).Body.String()
		wantContains(t, asks, `<html lang="ru">`, "Это сообщение не должно было прийти", "24.11.2026 в 09:04", "a***@orleu.example",
			"все рассылки и уведомления об услугах на этот адрес", "Этим адресом пользуются несколько человек")
		ends := consent.Endable(class)
		if strings.Contains(asks, "сообщения с этой же целью") != ends || strings.Contains(asks, "Эти сообщения остановить нельзя") == ends {
			t.Errorf("%s: the page promises what it cannot keep: %s", class, asks)
		}
		done := h.ask(t, http.MethodPost, path, "text="+url.QueryEscape("Я не подписывалась"), "Content-Type", form, "Accept", browser).Body.String()
		wantContains(t, done, "Ваша жалоба зарегистрирована", "2026-000017", "в 10:04", "24.12.2026")
		if strings.Contains(done, "такие сообщения остановлены") != ends {
			t.Errorf("%s: the page says what is not so: %s", class, done)
		}
		if diff := cmp.Diff([]claims.FromLink{{Message: h.message(class), Language: vocab.Russian, Text: "Я не подписывалась"}}, h.claimed); diff != "" {
			t.Errorf("claimed mismatch (-want +got):\n%s", diff)
		}
		if h.claims[0].Kind != claims.Complaint {
			t.Errorf("%s: %s", class, h.claims[0].Kind)
		}
	}
}

func TestAClaimThatIsRefusedStopsNothing(t *testing.T) {
	const iin = "ИИН 900101300017 <b>"
	for name, tc := range map[string]struct {
		body    string
		headers []string
		spoil   func(*house)
		status  int
		want    string
	}{
		"another site's form":              {"", []string{"Sec-Fetch-Site", "cross-site"}, nil, 403, ""},
		"another site's form, old browser": {"", []string{"Origin", "https://evil.example"}, nil, 403, ""},
		"damaged":                          {"text=%", nil, nil, 400, ""},
		"a forbidden identifier":           {"text=" + url.QueryEscape(iin), nil, nil, 422, "Уберите его и нажмите кнопку ещё раз"},
		"too long":                         {"text=" + url.QueryEscape(strings.Repeat("ы", 1001)), nil, nil, 422, "Текст длиннее 1000 знаков"},
		"the ledger is away":               {"", nil, func(h *house) { h.away = errAway }, 503, ""},
		"the ledger goes away meanwhile":   {"", nil, func(h *house) { h.noCommit = errAway }, 503, ""},
	} {
		for _, claim := range []string{"object", "report"} {
			h := newHouse(t)
			if tc.spoil != nil {
				tc.spoil(h)
			}
			got := h.ask(t, http.MethodPost, h.claimPath(claim, vocab.Marketing), tc.body, append(tc.headers, "Content-Type", form, "Accept", browser)...)
			if got.Code != tc.status || len(h.claimed) != 0 || len(h.withdrawals()) != 0 {
				t.Errorf("%s, %s: status %d, want %d; claimed %v", name, claim, got.Code, tc.status, h.claimed)
			}
			wantContains(t, got.Body.String(), tc.want)
			if tc.want != "" { // what was written is not lost, and is text
				entered, _ := url.ParseQuery(tc.body)
				wantContains(t, got.Body.String(), html.EscapeString(entered.Get("text"))+"</textarea>", `aria-invalid="true"`)
			}
			if strings.Contains(h.log.String(), "900101300017") {
				t.Errorf("%s: what was written is in the log", name)
			}
		}
	}
}

func TestAPressCountsAlsoIfTheBrowserIsClosed(t *testing.T) {
	h := newHouse(t)
	ctx, hangUp := contextWithHangUp(t)
	hangUp()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, h.claimPath("report", vocab.Marketing), nil)
	r.Header.Set("Content-Type", form)
	h.door.ServeHTTP(httptest.NewRecorder(), r)
	if len(h.claimed) != 1 {
		t.Errorf("claimed %v", h.claimed)
	}
}

func TestThePagesLeadToTheClaimsQuietly(t *testing.T) {
	for _, lang := range vocab.Languages() {
		h := newHouse(t)
		h.add(vocab.Marketing, lang)
		why := h.ask(t, http.MethodGet, h.path("w", vocab.Marketing), "", "Accept", browser, "Accept-Language", "de").Body.String()
		wantContains(t, why, `<html lang="`+string(lang)+`">`, say(lang, "object_link"), say(lang, "object_diff"), say(lang, "report_link"),
			h.claimPath("object", vocab.Marketing)+`"`, h.claimPath("report", vocab.Marketing)+`"`)
		prefs := h.ask(t, http.MethodGet, h.path("p", vocab.Marketing)+"?lang="+string(lang), "", "Accept", browser).Body.String()
		everything, object := strings.Index(prefs, say(lang, "all_button")), strings.Index(prefs, h.claimPath("object", vocab.Marketing)+"?lang="+string(lang))
		if everything < 0 || object < everything {
			t.Errorf("%s: the objection is at %d, want it below “stop everything” at %d", lang, object, everything)
		}
		wantContains(t, prefs, say(lang, "object_diff"))
		wantContains(t, h.ask(t, http.MethodGet, h.path("u", vocab.Marketing), "", "Accept", browser).Body.String(), h.path("w", vocab.Marketing))
		for _, claim := range []string{"object", "report"} {
			wantContains(t, h.ask(t, http.MethodGet, h.claimPath(claim, vocab.Marketing), "", "Accept", browser, "Accept-Language", "de").Body.String(), `<html lang="`+string(lang)+`">`)
		}
	}
}

func TestTheTokenOfAnotherPageOpensNoClaim(t *testing.T) {
	h := newHouse(t)
	for _, kind := range []dispatcher.LinkKind{"u", "p", "b"} {
		path := "/w/" + h.links.Token(kind, h.message(vocab.Marketing).ID) + "/report"
		if got := h.ask(t, http.MethodPost, path, "", "Content-Type", form); got.Code != http.StatusNotFound || len(h.claimed) != 0 {
			t.Errorf("token of %s: status %d", kind, got.Code)
		}
	}
}
