package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// root is the repository, seen from this package.
const root = "../.."

var (
	shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")
	demoKey    = regexp.MustCompile(`elshi_live_[0-9a-z]{32}`)
)

// demo is an elshi serve --demo with nothing set but where it listens and stores.
func demo(t *testing.T, dir string, port, mail int) (*testkit.Process, client) {
	t.Helper()
	c := client{base: fmt.Sprintf("http://127.0.0.1:%d", port)}
	p := testkit.Start(t, testkit.Command{
		Path: testkit.Build(t, "./cmd/elshi", testkit.BuildOptions{}), Args: []string{"serve", "--demo"}, Dir: dir,
		Env: []string{
			fmt.Sprintf("ELSHI_SERVER_LISTEN=127.0.0.1:%d", port), "ELSHI_SERVER_PUBLIC_URL=" + c.base, fmt.Sprintf("ELSHI_INBOX_LISTEN=127.0.0.1:%d", mail),
		},
	})
	answers(t, p, c.base)
	testkit.Eventually(t, soon, func() error { // it may answer before all that it printed has come through the pipe
		if c.key = demoKey.FindString(p.Stdout()); c.key == "" {
			return errors.New("no key in what --demo prints:\n" + p.Stdout())
		}
		return nil
	})
	return p, c
}

// shell runs a script as the README's reader does, in the repository, and returns what it prints.
func shell(t *testing.T, script string, env ...string) string {
	t.Helper()
	testkit.Need(t, "curl")
	cmd := exec.CommandContext(t.Context(), testkit.Need(t, "bash"), "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s%s", err, script, out.String(), errs.String())
	}
	return out.String()
}

// answersOf reads the JSON objects that a script printed.
func answersOf(t *testing.T, out string) []answer {
	t.Helper()
	var all []answer
	for d := json.NewDecoder(strings.NewReader(out)); d.More(); {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		all = append(all, answer{Status: http.StatusAccepted, Body: raw, request: "README"})
	}
	return all
}

// The README's own commands, run as they stand; only the address and the key are the reader's.
func TestTheREADMEWorks(t *testing.T) {
	t.Parallel()
	dir, port, mail := t.TempDir(), testkit.Free(t), testkit.Free(t)
	p, c := demo(t, dir, port, mail)

	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, m := range shellBlock.FindAllStringSubmatch(string(readme), -1) {
		blocks = append(blocks, strings.ReplaceAll(m[1], "http://127.0.0.1:8080", c.base))
	}
	if len(blocks) != 4 || !strings.HasPrefix(blocks[0], "make run") {
		t.Fatalf("the README has %d blocks of shell and begins with %q; this test knows four with make run", len(blocks), blocks)
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(makefile), "\nrun: build") || !strings.Contains(string(makefile), "\tbin/elshi serve --demo\n") {
		t.Error("make run is not elshi serve --demo any more")
	}

	if !strings.Contains(blocks[1], "export KEY=elshi_live_…") {
		t.Fatalf("the README does not set the key where this test puts it:\n%s", blocks[1])
	}
	made := answersOf(t, shell(t, strings.Replace(blocks[1], "elshi_live_…", c.key, 1)))
	if len(made) != 4 {
		t.Fatalf("the README's commands were answered %d times, want 4", len(made))
	}
	for _, a := range made {
		a.has(t, "status=queued", "decision.verdict=allow")
		c.becomes(t, a.text(t, "id"), soon, "sent")
	}
	dmitry, aigul, emily, texts := c.arrives(t, "dmitry@", 1), c.arrives(t, "aigul@", 1), c.arrives(t, "emily@", 1), c.arrives(t, "+77011234567", 1)
	for _, x := range []struct{ subject, want string }{
		{dmitry[0].Subject, "Изменения в документе «Политика конфиденциальности»"},
		{aigul[0].Subject, "Шақыру: Мектеп тәжірибесіндегі Lesson Study"},
		{emily[0].Subject, "Orleu news: December"},
	} {
		if x.subject != x.want {
			t.Errorf("the inbox has %q, want %q", x.subject, x.want)
		}
	}
	if !strings.Contains(texts[0].Text, "482913") || texts[0].Sender != "ORLEU" {
		t.Errorf("the code came from %s as %q", texts[0].Sender, texts[0].Text)
	}
	if !strings.Contains(string(aigul[0].Raw), "text/calendar") {
		t.Error("the invitation has no .ics")
	}

	again := made[1].text(t, "id")
	decision := answersOf(t, shell(t, blocks[2], "ID="+again, "KEY="+c.key))
	if len(decision) != 1 {
		t.Fatalf("%d decisions", len(decision))
	}
	granted := decision[0].has(t, "verdict=allow", "basis=consent").text(t, "consent_event_id")
	sentences := map[string]bool{decision[0].text(t, "reason.sentence"): true}
	for _, lang := range []string{"kk", "ru", "en"} {
		sentences[c.get(t, "/v1/messages/"+again+"/decision?lang="+lang).want(t, http.StatusOK).text(t, "reason.sentence")] = true
	}
	if len(sentences) != 3 || sentences[""] {
		t.Errorf("the README asks in Russian, and the reason reads %v; want a sentence in each of three languages", sentences)
	}

	checked := shell(t, strings.NewReplacer(`"evidence.`, `"`+dir+`/evidence.`, ` evidence.json`, ` `+dir+`/evidence.json`).Replace(blocks[3]), "ID="+again, "KEY="+c.key)
	if !strings.Contains(checked, "Отправка разрешена") || !strings.Contains(checked, "stood in the ledger") {
		t.Errorf("the evidence is not proved:\n%s", checked)
	}
	if pdf, err := os.ReadFile(filepath.Join(dir, "evidence.pdf")); err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Errorf("the evidence's page begins with %.20q, %v", pdf, err)
	}

	// "Now open the invitation in the inbox, press its unsubscribe link, and send it once more".
	if page := c.get(t, "/inbox/"+aigul[0].ID).want(t, http.StatusOK); !strings.Contains(string(page.Body), link(t, aigul[0].Text, "u")) {
		t.Error("the inbox's page does not show the unsubscribe link")
	}
	c.with("").post(t, link(t, aigul[0].Text, "u"), "List-Unsubscribe=One-Click", "Content-Type: application/x-www-form-urlencoded").want(t, http.StatusOK)
	second := answersOf(t, shell(t, strings.Replace(blocks[1], "elshi_live_…", c.key, 1)))[1].has(t, "status=suppressed", "decision.reason.code=consent_withdrawn")
	event := c.get(t, "/v1/messages/"+second.text(t, "id")+"/decision").want(t, http.StatusOK).has(t, "reason.code=consent_withdrawn").text(t, "consent_event_id")
	if event == "" || event == granted {
		t.Errorf("the refusal rests on event %q, the permission on %q; want the withdrawal's", event, granted)
	}
	if consents := c.get(t, "/v1/contacts/"+second.text(t, "contact_id")+"/consents"); !strings.Contains(string(consents.Body), event) {
		t.Errorf("the contact's consents do not know event %s:\n%s", event, consents.Body)
	}

	t.Run("what --demo prints is a command that works", func(t *testing.T) {
		_, command, _ := strings.Cut(p.Stdout(), "A first message:")
		command, _, _ = strings.Cut(command, "Ctrl-C")
		first := answersOf(t, shell(t, command))
		if len(first) != 1 {
			t.Fatalf("%d answers", len(first))
		}
		c.becomes(t, first[0].text(t, "id"), soon, "sent")
	})
	t.Run("the pages it names are there", func(t *testing.T) {
		for _, path := range []string{"/inbox", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", "/"} {
			c.with("").get(t, path).want(t, http.StatusOK)
		}
	})
}

func TestEveryExampleArrives(t *testing.T) {
	t.Parallel()
	_, c := demo(t, t.TempDir(), testkit.Free(t), testkit.Free(t))
	files, err := filepath.Glob(filepath.Join(root, "examples", "*.json"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d examples (%v), want 5 at least", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		before := len(c.inbox(t, ""))
		if id := c.sent(t, string(text)); id == "" {
			t.Errorf("%s: no id", file)
		}
		c.arrives(t, "", before+1)
	}
}

// "Nothing is lost": a stop is orderly, and a restart finds messages, catcher, keys and the consent ledger as they were.
func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	dir, port, mail := t.TempDir(), testkit.Free(t), testkit.Free(t)
	p, c := demo(t, dir, port, mail)
	first := c.sent(t, invitation("aigul@demo.example"))
	one := fmt.Sprintf("[%s]", strings.Join(slices.Repeat([]string{reply("dmitry@demo.example", "")}, 300), ","))
	batch := c.post(t, "/v1/messages/batch", `{"messages": `+one+`}`).want(t, http.StatusAccepted)

	p.Interrupt(t) // with most of the batch still to be sent
	if code := p.Wait(t, 30*time.Second); code != 0 {
		t.Fatalf("Ctrl-C: exit code %d\n%s", code, p.Stderr())
	}
	again, c2 := demo(t, dir, port, mail)
	if c2.key != c.key {
		t.Errorf("the key was %s and is %s", c.key, c2.key)
	}
	c2.get(t, "/v1/messages/"+first).want(t, http.StatusOK).has(t, "status=sent", "attempt=1")
	c2.arrives(t, "aigul@", 1)
	for i := range 300 {
		c2.becomes(t, batch.text(t, fmt.Sprintf("data.%d.message.id", i)), time.Minute, "sent").has(t, "possible_duplicate=false")
	}
	if caught := c2.get(t, "/v1/inbox?recipient=dmitry&limit=199").want(t, http.StatusOK); caught.text(t, "next_cursor") == "" {
		t.Error("the catcher has less than 200 of 300 messages")
	} else if rest := c2.get(t, "/v1/inbox?recipient=dmitry&limit=199&cursor="+caught.text(t, "next_cursor")); rest.text(t, "data.100.id") == "" || rest.text(t, "data.101.id") != "" {
		t.Errorf("the second page of 300 does not have 101 messages:\n%s", rest.Header)
	}
	for _, log := range []string{p.Stderr(), again.Stderr()} {
		if strings.Contains(log, "level=ERROR") {
			t.Errorf("an orderly stop logs an error:\n%s", log)
		}
	}
}
