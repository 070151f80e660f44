package public

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// multipartBody returns a multipart/form-data body of the fields, and its content type.
func multipartBody(t testing.TB, fields ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func withFile(t testing.TB) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.WriteField("List-Unsubscribe", "One-Click"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.CreateFormFile("f", "f.txt"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func TestOneClickEndsThePurposeForEverybodyBehindTheAddress(t *testing.T) {
	multi, multiType := multipartBody(t, "List-Unsubscribe", "One-Click")
	cases := []struct {
		name, body, contentType string
		class                   vocab.Class
		headers                 []string
	}{
		{"urlencoded from a mail provider", oneBody, form, vocab.Marketing, nil},
		{"urlencoded with a charset", oneBody, form + "; charset=UTF-8", vocab.Marketing, nil},
		{"a line break at the end", oneBody + "\r\n", form, vocab.Marketing, nil},
		{"multipart from a mail provider", multi, multiType, vocab.Marketing, nil},
		{"service: opting out of that purpose", oneBody, form, vocab.Service, nil},
		{"browser, same origin", oneBody, form, vocab.Marketing, []string{"Sec-Fetch-Site", "same-origin", "Origin", "https://elshi.example"}},
		{"web mail, another origin", oneBody, form, vocab.Marketing, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://mail.example"}},
		{"browser that hides its origin", oneBody, form, vocab.Marketing, []string{"Origin", "null"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t)
			got := h.ask(t, http.MethodPost, h.path("u", tc.class), tc.body, append(tc.headers, "Content-Type", tc.contentType)...)
			if got.Code != http.StatusOK {
				t.Fatalf("got status %d, want 200", got.Code)
			}
			want := []dispatcher.Withdrawal{{AddressID: addressID, Writer: contactID, Message: h.message(tc.class).ID, Event: consent.Event{
				Kind: consent.KindWithdrawn, Scope: consent.ScopePurpose, Purpose: purposes[tc.class], Channel: vocab.Email,
				Source: consent.SourceOneClick, ActorKind: consent.ActorContact, ActorID: string(contactID), Language: vocab.Russian,
				Proof: consent.ProofLink, ProofRef: string(h.message(tc.class).ID),
			}}}
			if diff := cmp.Diff(want, h.withdrawals()); diff != "" {
				t.Errorf("withdrawals mismatch (-want +got):\n%s", diff)
			}
			if h.waits[0] != 0 {
				t.Errorf("got a wait of %s, want none: a mail provider's request must not hang", h.waits[0])
			}
			for _, name := range []string{"Location", "Set-Cookie", "WWW-Authenticate"} {
				if v := got.Header().Get(name); v != "" {
					t.Errorf("got header %s: %s, want none", name, v)
				}
			}
		})
	}
}

func TestOneClickRefusesAnyOtherBody(t *testing.T) {
	wrong, wrongType := multipartBody(t, "List-Unsubscribe", "Two-Click")
	more, moreType := multipartBody(t, "List-Unsubscribe", "One-Click", "x", "y")
	file, fileType := withFile(t)
	cases := []struct{ name, body, contentType string }{
		{"empty", "", form},
		{"no content type", oneBody, ""},
		{"text", oneBody, "text/plain"},
		{"JSON", `{"List-Unsubscribe":"One-Click"}`, "application/json"},
		{"another value", "List-Unsubscribe=one-click", form},
		{"a space before", "List-Unsubscribe=+One-Click", form},
		{"another name", "list-unsubscribe=One-Click", form},
		{"a further field", oneBody + "&x=y", form},
		{"twice", oneBody + "&" + oneBody, form},
		{"damaged", "List-Unsubscribe=One-Click%", form},
		{"multipart, another value", wrong, wrongType},
		{"multipart, a further field", more, moreType},
		{"multipart with a file", file, fileType},
		{"multipart without a boundary", oneBody, "multipart/form-data"},
		{"too long", oneBody + "&x=" + strings.Repeat("y", maxBody), form},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t)
			got := h.ask(t, http.MethodPost, h.path("u", vocab.Marketing)+"?List-Unsubscribe=One-Click", tc.body, "Content-Type", tc.contentType)
			if got.Code != http.StatusBadRequest || len(h.withdrawals()) != 0 {
				t.Errorf("got status %d and %d withdrawals, want 400 and none", got.Code, len(h.withdrawals()))
			}
		})
	}
}

func TestOneClickIsIdempotentAlsoAtTheSameTime(t *testing.T) {
	h := newHouse(t)
	var wait sync.WaitGroup
	codes := make([]int, 16)
	for i := range codes {
		wait.Go(func() {
			codes[i] = h.ask(t, http.MethodPost, h.path("u", vocab.Marketing), oneBody, "Content-Type", form).Code
		})
	}
	wait.Wait()
	for i, code := range codes {
		if code != http.StatusOK {
			t.Errorf("request %d: got status %d, want 200", i, code)
		}
	}
	if got := h.ask(t, http.MethodPost, h.path("u", vocab.Marketing), oneBody, "Content-Type", form); got.Code != http.StatusOK {
		t.Errorf("repeated: got status %d, want 200", got.Code)
	}
	if got := len(h.withdrawals()); got != 17 {
		t.Errorf("got %d withdrawals, want each request to reach the ledger, which writes one", got)
	}
}

func TestNeverTwoHundredWhileTheLedgerIsAway(t *testing.T) {
	cases := []struct {
		name           string
		away, noCommit error
		want           int
	}{
		{"ledger away", errAway, nil, http.StatusServiceUnavailable},
		{"away only at the commit", nil, errAway, http.StatusServiceUnavailable},
		{"too slow", nil, errLedgerSlow, http.StatusServiceUnavailable},
		{"our own mistake", nil, io.ErrUnexpectedEOF, http.StatusInternalServerError},
		{"nobody behind the address any more", nil, fault.Missing("address_not_found", "no contact has this address"), http.StatusNotFound},
	}
	for _, tc := range cases {
		for _, accept := range []string{"", browser} {
			t.Run(tc.name+" "+accept, func(t *testing.T) {
				h := newHouse(t)
				h.away, h.noCommit = tc.away, tc.noCommit
				got := h.ask(t, http.MethodPost, h.path("u", vocab.Marketing), oneBody, "Content-Type", form, "Accept", accept)
				if got.Code != tc.want {
					t.Errorf("got status %d, want %d", got.Code, tc.want)
				}
				if tc.want == http.StatusServiceUnavailable && got.Header().Get("Retry-After") != retryAfter {
					t.Errorf("got Retry-After %q, want %q", got.Header().Get("Retry-After"), retryAfter)
				}
			})
		}
	}
}

func TestWithdrawalOutlivesTheRequest(t *testing.T) {
	h := newHouse(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, h.path("u", vocab.Marketing), strings.NewReader(oneBody))
	r.Header.Set("Content-Type", form)
	ctx, hangUp := contextWithHangUp(t)
	hangUp()
	h.door.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
	if got := len(h.withdrawals()); got != 1 {
		t.Errorf("got %d withdrawals after the caller hung up, want 1", got)
	}
}

func TestNothingButPOSTActs(t *testing.T) {
	for _, kind := range []dispatcher.LinkKind{"u", "p", "w"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete, http.MethodPatch, "PROPFIND"} {
			h := newHouse(t)
			path := h.path(kind, vocab.Marketing) + "?List-Unsubscribe=One-Click&stop=all"
			got := h.ask(t, method, path, oneBody, "Content-Type", form, "Accept", browser)
			if n := len(h.withdrawals()); n != 0 {
				t.Errorf("%s /%s: got %d withdrawals, want none", method, kind, n)
			}
			switch method {
			case http.MethodGet, http.MethodHead:
				if got.Code != http.StatusOK || method == http.MethodHead && got.Body.Len() != 0 {
					t.Errorf("%s /%s: got status %d and %d bytes", method, kind, got.Code, got.Body.Len())
				}
			case http.MethodOptions:
				if got.Code != http.StatusNoContent || !strings.Contains(got.Header().Get("Allow"), "GET") {
					t.Errorf("OPTIONS /%s: got status %d, Allow %q", kind, got.Code, got.Header().Get("Allow"))
				}
			default:
				if got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") == "" {
					t.Errorf("%s /%s: got status %d, want 405 with Allow", method, kind, got.Code)
				}
			}
		}
	}
}

func TestOneClickAnswersPeopleAndMachines(t *testing.T) {
	h := newHouse(t)
	h.canceled, h.inFlight = []vocab.MessageID{"msg_1"}, []vocab.MessageID{"msg_2", "msg_3"}
	machine := h.ask(t, http.MethodPost, h.path("u", vocab.Marketing), oneBody, "Content-Type", form, "Accept", "*/*")
	if got := machine.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("machine: got Content-Type %q", got)
	}
	want := "Вы остановили эти сообщения 24.11.2026 в 10:04.\nОтозвано 1 сообщение, ожидавшее отправки.\n2 сообщения уже в пути и ещё могут прийти.\n"
	if diff := cmp.Diff(want, machine.Body.String()); diff != "" {
		t.Errorf("plain answer mismatch (-want +got):\n%s", diff)
	}
	page := h.ask(t, http.MethodPost, h.path("u", vocab.Marketing)+"?lang=en", oneBody, "Content-Type", form, "Accept", browser)
	wantContains(t, page.Body.String(), `<html lang="en">`, "24 November 2026 at 10:04", "1 waiting message was withdrawn.",
		"2 messages were already on their way", "Newsletters")
}

func TestMessagesThatCannotBeEndedHere(t *testing.T) {
	for _, class := range []vocab.Class{vocab.Legal, vocab.Breach, vocab.Security, vocab.Transactional} {
		h := newHouse(t)
		page := h.ask(t, http.MethodGet, h.path("u", class)+"?lang=en", "", "Accept", browser)
		if page.Code != http.StatusOK {
			t.Errorf("%s: got status %d, want 200", class, page.Code)
		}
		wantContains(t, page.Body.String(), "cannot be stopped", h.path("p", class)+"?lang=en", say(vocab.English, "fixed_"+string(class)))
		if strings.Contains(page.Body.String(), "<form") {
			t.Errorf("%s: the page has a button, want none", class)
		}
		press := h.ask(t, http.MethodPost, h.path("u", class), oneBody, "Content-Type", form)
		if press.Code != http.StatusConflict || len(h.withdrawals()) != 0 {
			t.Errorf("%s: POST got status %d and %d withdrawals, want 409 and none", class, press.Code, len(h.withdrawals()))
		}
	}
}

func TestStopPageSaysWhatIsStoppedAlready(t *testing.T) {
	h := newHouse(t)
	before := h.ask(t, http.MethodGet, h.path("u", vocab.Marketing), "", "Accept", browser).Body.String()
	wantContains(t, before, `<html lang="ru">`, `name="List-Unsubscribe" value="One-Click"`, "a***@orleu.example", h.path("p", vocab.Marketing))
	h.ask(t, http.MethodPost, h.path("u", vocab.Marketing), oneBody, "Content-Type", form)
	after := h.ask(t, http.MethodGet, h.path("u", vocab.Marketing), "", "Accept", browser).Body.String()
	wantContains(t, after, "Эти сообщения уже остановлены", "24.11.2026 в 10:04")
	if strings.Contains(after, "<form") {
		t.Error("the page still has a button, want none: this contact has stopped already")
	}
	h.to.Shared = true
	wantContains(t, h.ask(t, http.MethodGet, h.path("u", vocab.Marketing), "", "Accept", browser).Body.String(), "<form", "прекратятся для всех")
}

func TestAMessageWithoutAddressConcernsItsContactAlone(t *testing.T) {
	h := newHouse(t)
	m := h.message(vocab.Marketing)
	m.AddressID = ""
	h.messages[m.ID] = m
	h.ask(t, http.MethodPost, h.path("u", vocab.Marketing), oneBody, "Content-Type", form)
	if got := h.withdrawals(); len(got) != 1 || got[0].AddressID != "" || got[0].Writer != contactID {
		t.Errorf("got %+v, want a withdrawal of contact %s alone", got, contactID)
	}
}

func TestARealClientStops(t *testing.T) {
	h := newHouse(t)
	server := httptest.NewServer(h.door)
	defer server.Close()
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	multi, multiType := multipartBody(t, "List-Unsubscribe", "One-Click")
	for _, tc := range []struct{ body, contentType string }{{url.Values{"List-Unsubscribe": {"One-Click"}}.Encode(), form}, {multi, multiType}} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+h.path("u", vocab.Marketing), strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", tc.contentType)
		got, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(got.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if got.StatusCode != http.StatusOK || len(body) == 0 || len(got.Cookies()) != 0 {
			t.Errorf("%s: got status %d, %d bytes, %d cookies", tc.contentType, got.StatusCode, len(body), len(got.Cookies()))
		}
	}
	head, err := client.Head(server.URL + h.path("u", vocab.Marketing))
	if err != nil {
		t.Fatal(err)
	}
	if err := head.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if head.StatusCode != http.StatusOK || head.ContentLength <= 0 {
		t.Errorf("HEAD: got status %d, length %d", head.StatusCode, head.ContentLength)
	}
	if got := len(h.withdrawals()); got != 2 {
		t.Errorf("got %d withdrawals, want 2", got)
	}
}
