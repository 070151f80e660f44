package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// page is a page to look at; see testdata/browser/pages.js.
type page struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	Press bool   `json:"press"` // look at the answer to its button
	// Fields are what its button says; none: that of one-click.
	Fields map[string]string `json:"fields,omitempty"`

	Scripts bool `json:"scripts"` // it is made by scripts, so wait for them
	Mail    bool `json:"mail"`    // it is somebody's mail and no page of ours
	Once    bool `json:"once"`    // another language of a page that is looked at in every way
	// Rules are axe's rules that apply; none: all of them.
	Rules []string `json:"rules,omitempty"`
}

// mailRules are what a mail must keep; it has no landmarks, which belong to the mail program's page.
var mailRules = []string{"color-contrast", "image-alt", "link-name", "document-title", "html-has-lang", "html-lang-valid", "duplicate-id", "link-in-text-block"}

// task is a button to press with the keyboard alone.
type task struct {
	Name    string `json:"name"`
	Path    string `json:"path"`
	Button  string `json:"button"`
	Says    string `json:"says"`
	Scripts bool   `json:"scripts"`
}

// Every page a person sees, in three languages, light and dark, on a phone and on a desk: no violations of axe's rules, nothing from another
// host, nothing on the console, and no need of a mouse or of JavaScript.
func TestPagesServeEverybody(t *testing.T) {
	t.Parallel()
	chromium := testkit.Need(t, testkit.Chrome)
	node, dir := testkit.NodeProject(t, os.DirFS("testdata/browser"))
	w := startWorld(t, settings{})
	meet := func(name string, purposes ...string) caught {
		email := strings.ToLower(name) + "@pages.example"
		w.meet(t, person{name: name, language: "en", email: email, grants: append(purposes, "event.invite", "survey.research")})
		w.sent(t, invitation(email))
		return w.arrives(t, email, 1)[0]
	}
	path := func(m caught, kind string) string { return strings.TrimPrefix(link(t, m.Text, kind), w.base) }
	reader, leaver := meet("Reader", "news.company"), meet("Leaver")
	w.with("").post(t, link(t, leaver.Text, "u"), "List-Unsubscribe=One-Click", "Content-Type: application/x-www-form-urlencoded").want(t, 200)
	w.meet(t, person{name: "Айгүл", language: "kk", phone: "+77010000009"})
	w.sent(t, code("phone", "+77010000009", "482913"))
	text := w.arrives(t, "+77010000009", 1)[0]
	w.meet(t, person{name: "Дмитрий", language: "ru", email: "law@pages.example"})
	w.sent(t, `{"to": {"email": "law@pages.example"}, `+policyBody("legal.policy_change")+`}`)

	w.post(t, "/v1/forms", newsForm).want(t, 201)
	optIn := func(to string) answer {
		return w.post(t, "/v1/opt-ins", `{`+to+`, "language": "kk", "grants": [{"purpose": "news.company"}, {"purpose": "event.invite", "topic": "maths"}]}`).want(t, 202)
	}
	optIn(`"email": "new@pages.example"`)
	confirm := path(w.arrives(t, "new@pages.example", 1)[0], "c")
	codePage := strings.TrimPrefix(optIn(`"phone": "+77010000010"`).text(t, "code_url"), w.base)

	w.publish(t, "for everybody", false)
	w.meet(t, person{name: "Prover", language: "en", email: "prover@pages.example", phone: "+77010000011", grants: []string{"event.invite"}})
	w.sent(t, invitation("prover@pages.example"))
	prove := path(w.arrives(t, "prover@pages.example", 1)[0], "p") + "/proof"
	fields := func(list ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i+1 < len(list); i += 2 {
			m[list[i]] = list[i+1]
		}
		return m
	}
	posted := func(m map[string]string) answer {
		values := url.Values{}
		for name, value := range m {
			values.Set(name, value)
		}
		return w.with("").post(t, prove, values.Encode(), asForm, browser).want(t, 200)
	}
	token := field(t, posted(fields("do", "send", "channel", "email")), `name="proof" value="([^"]+)"`)
	digits := regexp.MustCompile(`\b\d{6}\b`).FindString(w.arrives(t, "prover@pages.example", 2)[1].Text)
	posted(fields("do", "check", "proof", token, "channel", "email", "code", digits))

	var pages []page
	for _, lang := range []string{"kk", "ru", "en"} {
		add := func(name, path string, press bool) {
			pages = append(pages, page{Name: name + " " + lang, Path: path + "?lang=" + lang, Press: press, Once: lang != "kk"})
		}
		add("start", "/", false)
		add("inbox", "/inbox", false)
		add("caught mail", "/inbox/"+reader.ID, false)
		add("caught text", "/inbox/"+text.ID, false)
		add("unsubscribe", path(reader, "u"), false)
		add("unsubscribed", path(leaver, "u"), false)
		add("pressed", path(leaver, "u"), true)
		add("preferences", path(reader, "p"), false)
		add("preferences after", path(leaver, "p"), false)
		add("why", path(reader, "w"), false)
		add("why after", path(leaver, "w"), false)
		add("form", "/forms/news", false)
		add("form, nothing ticked", "/forms/news", true)
		add("confirm", confirm, false)
		add("code", codePage, false)
		add("wrong code", codePage, true)
		for name, f := range map[string]map[string]string{
			"prove, a wrong code": fields("do", "check", "proof", "x", "channel", "sms", "code", "1"), "proved": fields("do", "open", "proof", token),
		} {
			pages = append(pages, page{Name: name + " " + lang, Path: prove + "?lang=" + lang, Press: true, Fields: f, Once: lang != "kk"})
		}
	}
	pages = append(pages, page{Name: "mail itself", Path: "/inbox/" + reader.ID + "/html", Mail: true, Rules: mailRules}, page{Name: "docs", Path: "/docs", Scripts: true, Once: true})

	var tasks []task
	for _, scripts := range []bool{true, false} {
		who := map[bool]string{true: "With", false: "Without"}[scripts]
		a, b := meet(who+"Mouse"), meet(who+"Choice")
		tasks = append(tasks,
			task{Name: "unsubscribe", Path: path(a, "u") + "?lang=en", Button: "Stop the messages", Says: "Stopped", Scripts: scripts},
			task{Name: "preferences", Path: path(b, "p") + "?lang=en", Button: "Surveys", Says: "Surveys", Scripts: scripts})
	}

	shots := os.Getenv("TESTKIT_SHOTS")
	job, err := json.Marshal(map[string]any{"chromium": chromium, "base": w.base, "pages": pages, "tasks": tasks, "shots": shots})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // nothing is measured; a loaded machine takes minutes
	defer cancel()
	cmd := exec.CommandContext(ctx, node, filepath.Join(dir, "pages.js"))
	cmd.Stdin = bytes.NewReader(job)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("pages.js: %v\n%s", err, errs.String())
	}
	var result struct {
		Findings []string
		Looked   int
	}
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		t.Fatal(err)
	}
	for _, f := range result.Findings {
		t.Error(f)
	}
	if want := 4*len(pages) + len(tasks)/2; result.Looked != want {
		t.Errorf("looked at %d pages, want %d", result.Looked, want)
	}
	for _, x := range []string{"withmouse@", "withoutmouse@"} {
		w.send(t, invitation(x+"pages.example")).has(t, "status=suppressed", "decision.reason.code=consent_withdrawn")
	}
}
