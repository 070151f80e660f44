package app_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/orleu/elshi/app"
	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/inbound"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// allowed are the values that a label of ours may have: lists that are closed by the program or by the settings. Whoever adds a label adds
// its list; an id, an address or a name has none.
func allowed() map[string][]string {
	return map[string][]string{
		"class": texts(vocab.Classes()), "channel": texts(vocab.Channels()), "lane": texts(vocab.Lanes()),
		"rule": texts(dispatcher.RetentionKinds()), "what": {"messages", "payloads", "attachments", "details", "addresses"},
		"verdict": {string(consent.Allow), string(consent.Hold), string(consent.Deny)},
		"reason":  texts(consent.Reasons()), "status": texts(dispatcher.Statuses()),
		"provider": {"inbox-email", "inbox-sms", "test:email", "test:sms"},
		"outcome":  texts([]channels.Outcome{channels.Accepted, channels.Refused, channels.NotHandedOver, channels.InDoubt}),
		"became":   texts(optin.Outcomes()),
		"state":    append(texts(claims.States()), "overdue"),
	}
}

// results are the values of the label result, which three counters have.
func results() []string {
	return append(texts(inbound.MailResults()), "permit", "none", "delivered", "failed", "dead")
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = string(x)
	}
	return out
}

// sample is one line of the text exposition format of Prometheus.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

var (
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$`)
	labelPair  = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?`)
)

// parse reads an exposition, and fails on a line that is none.
func parse(t *testing.T, exposition string) []sample {
	t.Helper()
	var all []sample
	for line := range strings.Lines(exposition) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("%q is no sample", line)
		}
		value, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		s := sample{m[1], map[string]string{}, value}
		for rest := m[2]; rest != ""; {
			pair := labelPair.FindStringSubmatch(rest)
			if pair == nil {
				t.Fatalf("%q: %q is no label", line, rest)
			}
			s.labels[pair[1]], rest = pair[2], rest[len(pair[0]):]
		}
		all = append(all, s)
	}
	return all
}

func TestMetricsHaveNoIDsAndNoAddresses(t *testing.T) {
	h := start(t, settings(t))
	h.seed(t)
	email := h.send(t, code(`{"email": "aigul@demo.example"}`))
	text := h.send(t, code(`{"phone": "+77771234567", "name": "Сауле"}`))
	denied := h.send(t, `{"to": {"email": "yerlan@demo.example"}, "purpose": "news.company", "template": "newsletter", "data": {"title": "t", "intro": "i",
		"url": "https://orleu.example/n", "articles": [{"title": "a", "summary": "s", "url": "https://orleu.example/a"}]}}`)
	if denied.Status != "suppressed" {
		t.Errorf("whoever took consent back is written to: %+v", denied)
	}
	h.becomes(t, email.ID, "sent")
	h.becomes(t, text.ID, "sent")
	h.testKeySends(t)
	// What is refused must not find its way into a label either.
	for _, body := range []string{
		strings.Replace(code(`{"email": "x@demo.example"}`), "account.identity", "account.x@demo.example", 1),
		strings.Replace(code(`{"email": "x@demo.example"}`), `"purpose"`, `"channel": "x@demo.example", "purpose"`, 1),
		strings.Replace(code(`{"email": "x@demo.example"}`), `"purpose"`, `"sender": "x@demo.example", "purpose"`, 1),
	} {
		if status, answer := h.call(t, http.MethodPost, "/v1/messages", body); status != http.StatusUnprocessableEntity {
			t.Errorf("%s is answered %d %s, want 422", body, status, answer)
		}
	}

	status, exposition := h.call(t, http.MethodGet, "/metrics", "")
	if status != http.StatusOK {
		t.Fatalf("GET /metrics: %d", status)
	}
	closed, seen := allowed(), map[string]float64{}
	for _, s := range parse(t, exposition) {
		if !strings.HasPrefix(s.name, "elshi_") {
			continue // the runtime's, which knows nothing of us
		}
		seen[s.name] += s.value
		for label, value := range s.labels {
			list := closed[label]
			if label == "result" {
				list = results()
			}
			if !slices.Contains(list, value) {
				t.Errorf("%s has %s=%q, which is on no closed list", s.name, label, value)
			}
		}
	}
	want := map[string]float64{"elshi_messages_decided_total": 4, "elshi_attempts_settled_total": 3, "elshi_ledger_up": 1}
	for name, n := range want {
		if seen[name] != n {
			t.Errorf("%s is %v, want %v", name, seen[name], n)
		}
	}
	for _, personal := range []string{"demo.example", "7771234", "Сауле", email.ID, text.ID, h.key, "con_", "msg_", "adr_", "key_"} {
		if strings.Contains(exposition, personal) {
			t.Errorf("the metrics show %q", personal)
		}
	}
}

// testKeySends sends one message with a test key, whose providers no setting names.
func (h *house) testKeySends(t *testing.T) {
	t.Helper()
	secret, err := h.NewKey(t.Context(), "test", dispatcher.Test, nil)
	if err != nil {
		t.Fatal(err)
	}
	live := h.key
	defer func() { h.key = live }()
	h.key = secret
	h.becomes(t, h.send(t, code(`{"email": "dmitry@demo.example"}`)).ID, "sent")
}

func TestMetricsOfALedgerThatIsAway(t *testing.T) {
	h := start(t, settings(t))
	up := func() (values []string) {
		_, exposition := h.call(t, http.MethodGet, "/metrics", "")
		for _, s := range parse(t, exposition) {
			if s.name == "elshi_ledger_up" || s.name == "elshi_lane_waiting" {
				values = append(values, fmt.Sprint(s.name, s.value))
			}
		}
		return values
	}
	if got := up(); !slices.Contains(got, "elshi_ledger_up1") {
		t.Errorf("metrics are %v, want the ledger up", got)
	}
	app.CloseLedger(t, h.App)
	if got := up(); !slices.Equal(got, []string{"elshi_ledger_up0"}) {
		t.Errorf("metrics are %v, want the ledger down and no depths that nobody knows", got)
	}
	if s := get[state](t, h, "/readyz", http.StatusServiceUnavailable); s.Status != "not_ready" || s.failing() != "ledger" {
		t.Errorf("readyz says %+v, want not_ready because of the ledger", s)
	}
	if code, _ := h.call(t, http.MethodGet, "/healthz", ""); code != http.StatusOK {
		t.Errorf("healthz says %d, want 200: a restart would not help", code)
	}
}
