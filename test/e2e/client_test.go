package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// client calls the API with one key.
type client struct {
	base string
	key  string
}

// with returns a client with another key.
func (c client) with(key string) client { return client{c.base, key} }

// answer is what came back.
type answer struct {
	Status int
	Header http.Header
	Body   []byte

	request string
}

// patient gives a server as long as a loaded machine needs, and follows no redirect: none is promised.
var patient = &http.Client{
	Timeout:       30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// try makes a request with header fields as "Name: value"; the error is the network's.
func (c client) try(method, path string, body []byte, headers ...string) (answer, error) {
	url := path
	if strings.HasPrefix(path, "/") {
		url = c.base + path
	}
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	resp, err := patient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{Status: resp.StatusCode, Header: resp.Header, Body: text, request: method + " " + path}, err
}

// call makes a request.
func (c client) call(t testing.TB, method, path, body string, headers ...string) answer {
	t.Helper()
	a, err := c.try(method, path, []byte(body), headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (c client) get(t testing.TB, path string, headers ...string) answer {
	t.Helper()
	return c.call(t, http.MethodGet, path, "", headers...)
}

func (c client) post(t testing.TB, path, body string, headers ...string) answer {
	t.Helper()
	return c.call(t, http.MethodPost, path, body, headers...)
}

// want fails unless the status is this one.
func (a answer) want(t testing.TB, status int) answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("%s: %d, want %d\n%s", a.request, a.Status, status, a.Body)
	}
	return a
}

// text returns a value of a JSON answer by its path, such as "decision.reason.code" or "data.0.id"; "" if there is none.
func (a answer) text(t testing.TB, path string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(a.Body, &v); err != nil {
		t.Fatalf("%s: %v\n%s", a.request, err, a.Body)
	}
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(x) {
				return ""
			}
			v = x[i]
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// has fails unless each value is there, given as "path=value".
func (a answer) has(t testing.TB, wants ...string) answer {
	t.Helper()
	for _, want := range wants {
		path, value, _ := strings.Cut(want, "=")
		if got := a.text(t, path); got != value {
			t.Errorf("%s: %s is %q, want %q\n%s", a.request, path, got, value, a.Body)
		}
	}
	return a
}

// send asks for one message and returns the answer, which must be 202.
func (c client) send(t testing.TB, body string, headers ...string) answer {
	t.Helper()
	return c.post(t, "/v1/messages", body, headers...).want(t, http.StatusAccepted)
}

// becomes waits until a message has one of these statuses.
func (c client) becomes(t testing.TB, id string, within time.Duration, statuses ...string) answer {
	t.Helper()
	var last answer
	testkit.Eventually(t, within, func() error {
		last = c.get(t, "/v1/messages/"+id)
		for _, s := range statuses {
			if last.Status == http.StatusOK && last.text(t, "status") == s {
				return nil
			}
		}
		return fmt.Errorf("message is not yet %v: %s", statuses, last.Body)
	})
	return last
}

// soon is how long a message may take on a loaded machine. Nothing is measured by it.
const soon = 30 * time.Second

// sent sends a message and waits until the provider has it.
func (c client) sent(t testing.TB, body string) string {
	t.Helper()
	id := c.send(t, body).text(t, "id")
	c.becomes(t, id, soon, "sent", "delivered")
	return id
}

// person is a contact to make.
type person struct {
	name, language, email, phone string
	grants                       []string // purposes, on each channel that there is an address for
}

// meet makes a contact with proved addresses and grants.
func (c client) meet(t testing.TB, p person) string {
	t.Helper()
	var addresses, channels []string
	if p.email != "" {
		addresses, channels = append(addresses, fmt.Sprintf(`{"email": %q, "verified": true}`, p.email)), append(channels, "email")
	}
	if p.phone != "" {
		addresses, channels = append(addresses, fmt.Sprintf(`{"phone": %q, "verified": true}`, p.phone)), append(channels, "sms")
	}
	id := c.post(t, "/v1/contacts", fmt.Sprintf(`{"name": %q, "language": %q, "addresses": [%s]}`, p.name, p.language, strings.Join(addresses, ", "))).
		want(t, http.StatusCreated).text(t, "id")
	for _, purpose := range p.grants {
		for _, channel := range channels {
			c.grant(t, id, purpose, channel)
		}
	}
	return id
}

func (c client) grant(t testing.TB, contact, purpose, channel string) {
	t.Helper()
	c.post(t, "/v1/consents", fmt.Sprintf(`{"contact_id": %q, "kind": "grant", "purpose": %q, "channel": %q, "source": "sign_up_form"}`, contact, purpose, channel)).
		want(t, http.StatusCreated)
}

// caught is a message in the catcher.
type caught struct {
	ID        string `json:"id"`
	Channel   string `json:"channel"`
	Sender    string `json:"sender"`
	Recipient string `json:"recipient"`
	Subject   string `json:"subject"`
	Text      string `json:"text"`
	HTML      string `json:"html"`
	Raw       []byte `json:"raw"`
}

// inbox returns what was caught for somebody, the oldest first, with the source.
func (c client) inbox(t testing.TB, recipient string) []caught {
	t.Helper()
	var page struct {
		Data []caught `json:"data"`
	}
	list := c.get(t, "/v1/inbox?limit=199&recipient="+strings.ReplaceAll(recipient, "+", "%2B")).want(t, http.StatusOK)
	if err := json.Unmarshal(list.Body, &page); err != nil {
		t.Fatal(err)
	}
	all := make([]caught, len(page.Data))
	for i, m := range page.Data {
		one := c.get(t, "/v1/inbox/"+m.ID).want(t, http.StatusOK)
		if err := json.Unmarshal(one.Body, &all[len(all)-1-i]); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// arrives waits until n messages were caught for somebody.
func (c client) arrives(t testing.TB, recipient string, n int) []caught {
	t.Helper()
	var all []caught
	testkit.Eventually(t, soon, func() error {
		if all = c.inbox(t, recipient); len(all) < n {
			return fmt.Errorf("%d messages for %s, waiting for %d", len(all), recipient, n)
		}
		return nil
	})
	if len(all) != n {
		t.Errorf("%d messages for %s, want %d", len(all), recipient, n)
	}
	return all
}

// link finds the contact page of a kind (u, p or w) in a text.
func link(t testing.TB, text, kind string) string {
	t.Helper()
	for word := range strings.FieldsSeq(text) {
		if strings.HasPrefix(word, "http") && strings.Contains(word, "/"+kind+"/") {
			return word
		}
	}
	t.Fatalf("no /%s/ link in\n%s", kind, text)
	return ""
}

// base64Of is a file as requests carry it.
func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// Bodies of requests.

func invitation(to string) string {
	return `{"to": {"email": "` + to + `"}, "purpose": "event.invite", "template": "event-invitation", "data": {"event": {"title": "Lesson Study", ` +
		`"description": "Сабақты бірге жоспарлаймыз.", "starts_at": "2030-01-20T15:00:00+05:00", "ends_at": "2030-01-20T17:30:00+05:00", ` +
		`"place": "Astana", "url": "https://orleu.example/e/lesson"}}}`
}

func reply(to, more string) string {
	return `{"to": {"email": "` + to + `"}, "purpose": "request.reply", "template": "request-answered", "trigger": {"id": "request-1"}` + more +
		`, "data": {"request": {"number": "1", "question": "Как?", "answer": "Вот так.", "url": "https://orleu.example/r/1"}}}`
}

// code is a one-time code; to is "email" or "phone" and the address.
func code(kind, to, secret string) string {
	return fmt.Sprintf(`{"to": {%q: %q}, "purpose": "account.identity", "template": "one-time-code", "trigger": {"id": "sign-in"}, `+
		`"data": {"code": %q, "minutes": 10, "action": "sign-in"}}`, kind, to, secret)
}
