package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/internal/testkit"
)

// readMail is a mail as another mail library understands it.
type readMail struct {
	Subject   string              `json:"subject"`
	From      [][2]string         `json:"from"` // name, address
	To        [][2]string         `json:"to"`
	ReplyTo   [][2]string         `json:"reply_to"`
	MessageID string              `json:"message_id"`
	Text      string              `json:"text"`
	HTML      string              `json:"html"`
	Files     []string            `json:"files"`
	Contents  []string            `json:"contents"`
	Headers   map[string][]string `json:"headers"`   // Python alone; names in lower case
	Types     []string            `json:"types"`     // Python alone; every part, depth first
	Encodings []string            `json:"encodings"` // Python alone; of every leaf
}

// readBy lets another program read mails.
func readBy(t *testing.T, mails [][]byte, name string, args ...string) []readMail {
	t.Helper()
	input, err := json.Marshal(mails)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Env = append(os.Environ(), "PYTHONUTF8=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, errs.String())
	}
	var all []readMail
	if err := json.Unmarshal(out.Bytes(), &all); err != nil || len(all) != len(mails) {
		t.Fatalf("%s read %d of %d mails: %v\n%s", name, len(all), len(mails), err, out.String())
	}
	return all
}

// behindTLS is a proxy in front of an installation: how contacts reach it.
func behindTLS(t *testing.T) (*httptest.Server, *url.URL) {
	t.Helper()
	target := &url.URL{Scheme: "http"}
	server := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	t.Cleanup(server.Close)
	return server, target
}

// serviceTemplate is a template of ours with the links of a mail that can be stopped.
const serviceTemplate = `{"template": "maintenance", "purpose": "service.notice", "variants": [{"language": "en", "channel": "email", "approved": true,
	"subject": "Maintenance on {{ data.day }}", "html": "<!doctype html><html lang=\"en\"><head><title>x</title></head><body><p>Әрі қарай: {{ data.day }}</p><p><a href=\"{{ links.unsubscribe }}\">stop</a></p></body></html>",
	"text": "Әрі қарай: {{ data.day }}\n{{ links.unsubscribe }}\n"}]}`

// kind is a kind of mail and what is promised of it.
type kind struct {
	name, class, language, body string
	subject, from               string
	stoppable, bulk, calendar   bool
}

// kinds are one mail of every class, in the three languages.
var kinds = []kind{
	{name: "one-time code", class: "security", language: "kk", subject: "Растау коды", from: "Өрлеу", body: `"purpose": "account.identity",
		"template": "one-time-code", "trigger": {"id": "s"}, "data": {"code": "114477", "minutes": 10, "action": "кіру"}`},
	{name: "answer", class: "transactional", language: "ru", subject: "Ответ на обращение № 7", from: "Өрлеу", body: `"purpose": "request.reply",
		"template": "request-answered", "trigger": {"id": "r"}, "data": {"request": {"number": "7", "question": "Как?", "answer": "Так.", "url": "https://orleu.example/r/7"}}`},
	{name: "policy", class: "legal", language: "en", subject: "Changes to the Privacy", from: "Orleu", body: policyBody("legal.policy_change")},
	{name: "breach", class: "breach", language: "ru", subject: "Изменения в документе «Privacy»", from: "Өрлеу", body: policyBody("legal.breach")},
	{
		name: "service", class: "service", language: "en", subject: "Maintenance on Monday", from: "Orleu", stoppable: true,
		body: `"purpose": "service.notice", "template": "maintenance", "data": {"day": "Monday"}`,
	},
	{
		name: "invitation", class: "marketing", language: "kk", subject: "Шақыру: Lesson Study", from: "Өрлеу", stoppable: true, bulk: true, calendar: true,
		body: strings.TrimSuffix(strings.SplitN(invitation("x"), "}, ", 2)[1], "}"),
	},
	{name: "newsletter", class: "marketing", language: "ru", subject: "Новости", from: "Өрлеу", stoppable: true, bulk: true, body: `"purpose": "news.company",
		"template": "newsletter", "data": {"title": "Новости", "intro": "Что нового.", "url": "https://orleu.example/n", "articles": [{"title": "Один", "summary": "Первое.", "url": "https://orleu.example/1"}]}`},
}

func policyBody(purpose string) string {
	return `"purpose": "` + purpose + `", "template": "policy-change", "trigger": {"id": "p"}, "data": {"policy": {"name": "Privacy", "changes": "Who is named.",
		"effective_at": "2030-12-15", "url": "https://orleu.example/p", "rights_url": "https://orleu.example/p#r"}}`
}

// Every kind of mail, read by two mail libraries that are not ours.
func TestMailIsWhatMailReadersExpect(t *testing.T) {
	t.Parallel()
	python := testkit.Need(t, "python3")
	node, reader := testkit.NodeProject(t, os.DirFS("testdata/mailparser"))
	proxy, target := behindTLS(t)
	w := startWorld(t, settings{PublicURL: proxy.URL})
	target.Host = strings.TrimPrefix(w.base, "http://")
	w.post(t, "/v1/templates", serviceTemplate).want(t, http.StatusCreated)

	var mails [][]byte
	var ids []string
	for i, k := range kinds {
		email := fmt.Sprintf("reader-%d@orleu.example", i)
		w.meet(t, person{name: "Әсел Қыдырбаева", language: k.language, email: email, grants: []string{"event.invite", "news.company"}})
		id := w.sent(t, fmt.Sprintf(`{"to": {"email": %q}, %s}`, email, k.body))
		w.get(t, "/v1/messages/"+id).has(t, "class="+k.class)
		mails, ids = append(mails, w.arrives(t, email, 1)[0].Raw), append(ids, id)
	}
	byPython := readBy(t, mails, python, "testdata/read.py")
	byNode := readBy(t, mails, node, reader+"/read.js")
	for i, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			m := byPython[i]
			email := fmt.Sprintf("reader-%d@orleu.example", i)
			if m.Subject != k.subject || !slices.Equal(m.From, [][2]string{{k.from, "noreply@elshi.example"}}) || !slices.Equal(m.To, [][2]string{{"Әсел Қыдырбаева", email}}) {
				t.Errorf("subject %q, from %q, to %q", m.Subject, m.From, m.To)
			}
			for _, name := range []string{"from", "to", "reply-to", "subject", "date", "message-id", "mime-version", "content-type", "auto-submitted"} {
				if len(m.Headers[name]) != 1 {
					t.Errorf("%d headers %s, want one", len(m.Headers[name]), name)
				}
			}
			if len(m.Headers["cc"])+len(m.Headers["bcc"]) > 0 {
				t.Error("it goes to more than one")
			}
			wantTypes := []string{"multipart/alternative", "text/plain", "text/html"}
			if k.calendar {
				wantTypes = slices.Concat([]string{"multipart/mixed"}, wantTypes, []string{"text/calendar", "text/calendar"})
			}
			if diff := cmp.Diff(wantTypes, m.Types); diff != "" {
				t.Errorf("parts mismatch (-want +got):\n%s", diff)
			}
			for n, encoding := range m.Encodings[:2] {
				if encoding != "quoted-printable" {
					t.Errorf("text part %d is %s, want quoted-printable", n+1, encoding)
				}
			}
			if k.calendar && (len(m.Contents) != 1 || !strings.Contains(m.Contents[0], "BEGIN:VEVENT") || !strings.Contains(m.Contents[0], "SUMMARY:Lesson Study")) {
				t.Errorf("the calendar file is %q", m.Contents)
			}
			if len(m.Text) < 20 || len(m.HTML) > 90<<10 || strings.Contains(m.Text+m.HTML, "{{") {
				t.Errorf("text of %d and HTML of %d bytes", len(m.Text), len(m.HTML))
			}
			k.checkHeaders(t, m, ids[i], proxy)
			other := byNode[i]
			other.Headers, other.Types, other.Encodings = m.Headers, m.Types, m.Encodings
			other.Text, m.Text = strings.TrimSpace(other.Text), strings.TrimSpace(m.Text)
			other.HTML, m.HTML = strings.TrimSpace(other.HTML), strings.TrimSpace(m.HTML)
			if diff := cmp.Diff(m, other); diff != "" {
				t.Errorf("Python and mailparser read it differently (-python +mailparser):\n%s", diff)
			}
		})
	}
}

var unsubscribeHeader = regexp.MustCompile(`<(https://[^>]+)>`)

// checkHeaders checks the headers that a class has, and that the way out works as mail providers use it (RFC 8058).
func (k kind) checkHeaders(t *testing.T, m readMail, id string, proxy *httptest.Server) {
	t.Helper()
	if want := "<" + strings.TrimPrefix(id, "msg_") + "@mail.orleu.example>"; m.MessageID != want {
		t.Errorf("Message-ID is %s, want %s", m.MessageID, want)
	}
	for name, is := range map[string]bool{
		"list-id": k.stoppable, "list-unsubscribe": k.stoppable, "list-unsubscribe-post": k.stoppable, "feedback-id": k.stoppable, "precedence": k.bulk,
	} {
		if got := len(m.Headers[name]); (got == 1) != is || got > 1 {
			t.Errorf("%d headers %s, want it: %v", got, name, is)
		}
	}
	if k.class == "legal" {
		others := strings.ReplaceAll(m.HTML, link(t, m.Text, "w"), "") // but the page that says why it came
		if strings.Contains(others, "<img") || strings.Contains(others, proxy.URL) {
			t.Error("a legal notice has a picture or a link through us")
		}
	}
	if !k.stoppable {
		if strings.Contains(m.Text+m.HTML, "/u/") {
			t.Error("it offers to stop what nobody can stop")
		}
		return
	}
	if m.Headers["list-unsubscribe-post"][0] != "List-Unsubscribe=One-Click" {
		t.Errorf("List-Unsubscribe-Post is %q", m.Headers["list-unsubscribe-post"])
	}
	found := unsubscribeHeader.FindStringSubmatch(m.Headers["list-unsubscribe"][0])
	if found == nil || !strings.Contains(m.Text, found[1]) {
		t.Fatalf("no https URL, or not the text's, in List-Unsubscribe: %q", m.Headers["list-unsubscribe"])
	}
	resp, err := proxy.Client().PostForm(found[1], url.Values{"List-Unsubscribe": {"One-Click"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("one-click is answered with %d (%v), want 200", resp.StatusCode, err)
	}
}

// A message whose server hung up after the final dot goes out again as the same message, so that a reader shows it once.
func TestASecondAttemptIsTheSameMail(t *testing.T) {
	t.Parallel()
	sink := testkit.NewSMTPSink(t, testkit.SinkOptions{KeepRaw: true})
	sink.Fail(testkit.Fault{At: testkit.AfterDot, Times: 1, Cut: true})
	w := startWorld(t, mailTo(sink.Port))
	w.meet(t, person{name: "Aigul", language: "en", email: "twice@orleu.example"})
	id := w.sent(t, reply("twice@orleu.example", ""))
	w.get(t, "/v1/messages/"+id).has(t, "attempt=2", "possible_duplicate=true")
	w.get(t, "/v1/messages/"+id+"/attempts").want(t, http.StatusOK).has(t, "data.0.outcome=in_doubt", "data.1.outcome=accepted")
	mails := sink.Messages()
	if len(mails) != 2 {
		t.Fatalf("the server has %d mails, want 2", len(mails))
	}
	head := func(m testkit.Mail) string {
		h, _, _ := strings.Cut(m.Raw, "\r\nContent-Type: multipart") // the boundary is random
		return h
	}
	if diff := cmp.Diff(head(mails[0]), head(mails[1])); diff != "" {
		t.Errorf("the attempts differ (-first +second):\n%s", diff)
	}
	if !strings.HasPrefix(mails[0].From, "bounce+") || !strings.HasSuffix(mails[0].From, "@mail.orleu.example") || mails[0].From != mails[1].From {
		t.Errorf("envelope senders are %q and %q, want one signed bounce address", mails[0].From, mails[1].From)
	}
}
