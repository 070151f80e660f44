package e2e_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/orleu/elshi/internal/testkit"
)

// newKeyOverAPI makes a key and returns its secret and id.
func (c client) newKeyOverAPI(t *testing.T, body string) (secret, id string) {
	t.Helper()
	a := c.post(t, "/v1/api-keys", body).want(t, http.StatusCreated)
	return a.text(t, "secret"), a.text(t, "id")
}

func TestKeysReachWhomTheyMay(t *testing.T) {
	t.Parallel()
	sink := testkit.NewSMTPSink(t, testkit.SinkOptions{})
	w := startWorld(t, mailTo(sink.Port))
	w.meet(t, person{name: "Guest", language: "en", email: "guest@keys.example", grants: []string{"event.invite"}})
	w.meet(t, person{name: "Other", language: "en", email: "other@keys.example", grants: []string{"event.invite"}})

	t.Run("a guest_list key writes to its guests alone", func(t *testing.T) {
		secret, _ := w.newKeyOverAPI(t, `{"name": "staging", "mode": "guest_list", "guests": [{"email": "Guest@keys.example"}]}`)
		c := w.with(secret)
		c.sent(t, invitation("guest@keys.example"))
		for _, body := range []string{invitation("other@keys.example"), reply("nobody@keys.example", ""), code("email", "other@keys.example", "123456")} {
			denied := c.send(t, body).has(t, "status=suppressed")
			if !strings.Contains(string(denied.Body), `"not_on_guest_list"`) {
				t.Errorf("not denied for the guest list: %s", denied.Body)
			}
		}
		c.post(t, "/v1/api-keys", `{"name": "more", "mode": "live"}`).want(t, http.StatusForbidden)
		c.get(t, "/v1/contacts").want(t, http.StatusForbidden)
		live := w.sent(t, reply("guest@keys.example", ""))
		c.get(t, "/v1/messages/"+live).want(t, http.StatusNotFound)
		if list := c.get(t, "/v1/messages").want(t, http.StatusOK); strings.Contains(string(list.Body), live) {
			t.Errorf("a live key's message is in the list: %s", list.Body)
		}
		if n := sink.Count(); n != 2 {
			t.Errorf("the mail server has %d mails, want the guest's and the live key's", n)
		}
	})
	t.Run("a test key's messages go to the catcher", func(t *testing.T) {
		before := sink.Count()
		for _, secret := range []string{w.newKey(t, "test"), func() string { s, _ := w.newKeyOverAPI(t, `{"name": "ci", "mode": "test"}`); return s }()} {
			c := w.with(secret)
			c.sent(t, invitation("other@keys.example"))
			c.sent(t, code("phone", "+7 701 000 00 01", "445566"))
		}
		w.arrives(t, "other@keys.example", 2)
		w.arrives(t, "+77010000001", 2)
		if n := sink.Count(); n != before {
			t.Errorf("the mail server got %d mails of a test key", n-before)
		}
		// The gate is asked all the same.
		w.with(w.newKey(t, "test")).send(t, invitation("nobody@keys.example")).has(t, "status=suppressed")
	})
	t.Run("a revoked key and no key are 401", func(t *testing.T) {
		secret, id := w.newKeyOverAPI(t, `{"name": "leaver", "mode": "live"}`)
		w.with(secret).get(t, "/v1/messages").want(t, http.StatusOK)
		w.call(t, http.MethodDelete, "/v1/api-keys/"+id, "").want(t, http.StatusOK)
		for _, key := range []string{secret, "", "elshi_live_" + strings.Repeat("0", 32), "x"} {
			a := w.with(key).post(t, "/v1/messages", reply("guest@keys.example", "")).want(t, http.StatusUnauthorized)
			if got := a.Header.Get("Content-Type"); got != "application/problem+json" || a.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("401 is %s with WWW-Authenticate %q", got, a.Header.Get("WWW-Authenticate"))
			}
		}
	})
}
