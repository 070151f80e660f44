package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// page is a page to look at; see testdata/browser. A new page is one line of pagesOf.
type page struct {
	Name string `json:"name"`
	Lang string `json:"lang"` // the language that the page must say it is in
	URL  string `json:"url"`  // a path, or the whole
	// Fields are posted to it from a page of ours, as a form does; nil: it is only opened.
	Fields  map[string]string `json:"fields"`
	Headers map[string]string `json:"headers,omitempty"`
	Status  int               `json:"status"`  // 0: 200
	Scripts bool              `json:"scripts"` // it is made by scripts, so wait for them
	Mail    bool              `json:"mail"`    // it is somebody's mail and no page of ours
	File    bool              `json:"file"`    // it is kept and opened from a disk, where nobody sends headers
	Print   bool              `json:"print"`   // it is meant to be printed
	// Once says that it is another language of a page that is looked at in every way: do its words fit?
	Once bool `json:"once"`
	// Rules are axe's rules that apply; none: all of them.
	Rules []string `json:"rules,omitempty"`
}

// task is something to do with the keyboard alone and without JavaScript.
type task struct {
	Name  string `json:"name"`
	URL   string `json:"url"`
	Steps []step `json:"steps"`
	Says  string `json:"says"` // what the answer has
}

// step goes to a control with Tab and does something there.
type step struct {
	To    string `json:"to"`    // the end of its accessible name
	Press string `json:"press"` // Enter, Space, or text to type
}

// Every page a person sees, in three languages, light and dark, on a phone and on a desk, with letters twice as large, in forced colours and on
// paper: no violations of axe's rules, nothing to be scrolled sideways, nothing too small to hit, nothing from another host, nothing on the
// console, and no need of a mouse or of JavaScript.
//
// With TESTKIT_SHOTS=folder there are pictures to look at, too; TESTKIT_PAGES=why looks at no other pages than those with "why" in their names.
func TestPagesServeEverybody(t *testing.T) {
	t.Parallel()
	chromium := testkit.Need(t, testkit.Chrome)
	node, dir := testkit.NodeProject(t, os.DirFS("testdata/browser"))
	v := newVisit(t)
	pages, tasks := v.pages(t), v.tasks(t)
	pages = slices.DeleteFunc(pages, func(p page) bool { return !strings.Contains(p.Name, os.Getenv("TESTKIT_PAGES")) })

	job, err := json.Marshal(map[string]any{"chromium": chromium, "base": v.base, "pages": pages, "tasks": tasks, "shots": os.Getenv("TESTKIT_SHOTS")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // nothing is measured; a loaded machine takes minutes
	defer cancel()
	cmd := exec.CommandContext(ctx, node, filepath.Join(dir, "pages.js"))
	cmd.Stdin = bytes.NewReader(job)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, io.MultiWriter(&errs, t.Output())
	if err := cmd.Run(); err != nil {
		t.Fatalf("pages.js: %v\n%s", err, errs.String())
	}
	var result struct {
		Findings            []string
		Looked, Tabs, Tasks int
	}
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		t.Fatal(err)
	}
	for _, f := range result.Findings {
		t.Error(f)
	}
	if result.Looked != len(pages) || result.Tasks != len(tasks) || result.Tabs == 0 {
		t.Errorf("looked at %d pages, at %d controls with Tab, and did %d tasks, want %d pages and %d tasks", result.Looked, result.Tabs, result.Tasks, len(pages), len(tasks))
	}
	for _, p := range []string{"keys-one", "keys-all", "keys-stop"} { // what was pressed has happened
		v.send(t, invitation(mailOf(p))).has(t, "status=suppressed")
	}
	v.send(t, newsletter(mailOf("keys-confirm"))).has(t, "decision.verdict=allow")
}
