package templates

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/vocab"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

func TestBuiltinsRenderAsTheGoldenFiles(t *testing.T) {
	for _, v := range builtins(t) {
		if err := Validate(v); err != nil {
			t.Errorf("Validate(%s) = %v, want nil", v.Template, err)
			continue
		}
		c := compiled(t, v)
		for _, lang := range vocab.Languages() {
			sms, err := c.Render(vocab.SMS, lang, v.SampleVars(lang))
			if err != nil {
				t.Errorf("Render(%s, sms, %s): %v", v.Template, lang, err)
				continue
			}
			name := v.Template + "." + string(lang)
			if textsAlone(v) {
				golden(t, name+".txt", "SMS: "+sms.SMS+"\n")
				continue
			}
			mail, err := c.Render(vocab.Email, lang, v.SampleVars(lang))
			if err != nil {
				t.Errorf("Render(%s, email, %s): %v", v.Template, lang, err)
				continue
			}
			golden(t, name+".html", mail.HTML)
			golden(t, name+".txt", "Subject: "+mail.Subject+"\nPreheader: "+mail.Preheader+"\nSMS: "+sms.SMS+"\n\n"+mail.Text)
			if v.Calendar != "" {
				golden(t, name+".ics", string(mail.ICS))
			}
		}
	}
}

// textsAlone says whether a version has no email.
func textsAlone(v Version) bool {
	return !slices.ContainsFunc(v.Variants, func(w Variant) bool { return w.Channel == vocab.Email })
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; run go test -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s mismatch (-want +got):\n%s", name, diff)
	}
}

func TestBuiltinsKeepTheRulesOfTheirClass(t *testing.T) {
	type facts struct {
		Purpose     vocab.Purpose
		Unsubscribe bool
		Calendar    string
		Variants    int // kk, ru and en, by SMS alone or by email too
	}
	want := map[string]facts{
		"claim-alarm":       {"staff.notice", false, "", 6},
		"claim-answered":    {"legal.claim", false, "", 6},
		"claim-received":    {"legal.claim", false, "", 6},
		"claim-opened":      {"staff.notice", false, "", 6},
		"consent-receipt":   {"consent.receipt", false, "", 6},
		"consent-renewal":   {"news.company", true, "", 6},
		"confirm-sign-up":   {"account.identity", false, "", 6},
		"event-invitation":  {"event.invite", true, "event", 6},
		"keyword-help":      {"request.reply", false, "", 3},
		"newsletter":        {"news.company", true, "", 6},
		"one-time-code":     {"account.identity", false, "", 6},
		"policy-change":     {"legal.policy_change", false, "", 6},
		"request-answered":  {"request.reply", false, "", 6},
		"ledger-checkpoint": {"staff.notice", false, "", 6},
	}
	got := map[string]facts{}
	for _, v := range builtins(t) {
		got[v.Template] = facts{v.Purpose, v.Variants[0].HasUnsubscribe(), v.Calendar, len(v.Variants)}
		if v.Hash == "" || v.Hash != v.ContentHash() {
			t.Errorf("%s: Hash = %q, want its ContentHash %q", v.Template, v.Hash, v.ContentHash())
		}
		for _, w := range v.Variants {
			if w.HasUnsubscribe() != got[v.Template].Unsubscribe {
				t.Errorf("%s %s %s: HasUnsubscribe() = %t, unlike the other variants", v.Template, w.Language, w.Channel, w.HasUnsubscribe())
			}
			links := slices.ContainsFunc(w.Variables(), func(name string) bool { return strings.HasPrefix(name, "links.") && name != "links.why" })
			if links != got[v.Template].Unsubscribe {
				t.Errorf("%s %s %s uses links.*: %t, want %t", v.Template, w.Language, w.Channel, links, got[v.Template].Unsubscribe)
			}
			if w.Channel == vocab.Email && (!strings.Contains(w.HTML, "{{ links.why }}") || !strings.Contains(w.Text, "{{ links.why }}")) {
				t.Errorf("%s %s does not say why it came", v.Template, w.Language)
			}
			if strings.Contains(w.HTML+w.Text+w.SMS, "@@") {
				t.Errorf("%s %s %s still has a mark of the layout", v.Template, w.Language, w.Channel)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("built-in templates mismatch (-want +got):\n%s", diff)
	}
}

func TestBuiltinsAreSmallAndAccessible(t *testing.T) {
	for _, v := range builtins(t) {
		if textsAlone(v) {
			continue
		}
		c := compiled(t, v)
		for _, lang := range vocab.Languages() {
			content, err := c.Render(vocab.Email, lang, v.SampleVars(lang))
			if err != nil {
				t.Fatal(err)
			}
			if encoded := quotedPrintable(content.HTML); encoded > 30<<10 {
				t.Errorf("%s %s takes %d bytes encoded, want at most 30 KB", v.Template, lang, encoded)
			}
			if tables, roles := strings.Count(content.HTML, "<table"), strings.Count(content.HTML, `<table role="presentation"`); tables != roles {
				t.Errorf("%s %s: %d tables, %d with role=presentation", v.Template, lang, tables, roles)
			}
			if images, texts := strings.Count(content.HTML, "<img"), strings.Count(content.HTML, ` alt="`); images != texts {
				t.Errorf("%s %s: %d images, %d alt texts", v.Template, lang, images, texts)
			}
			for _, want := range []string{`<html lang="` + string(lang) + `"`, "prefers-color-scheme: dark", `name="color-scheme"`, "<!--[if mso]>", "mso-hide:all"} {
				if !strings.Contains(content.HTML, want) {
					t.Errorf("%s %s does not contain %s", v.Template, lang, want)
				}
			}
			if strings.Contains(content.HTML+content.Text, "{{") {
				t.Errorf("%s %s shows an unrendered variable", v.Template, lang)
			}
		}
	}
}

func TestBuiltinSMSFitTwoSegmentsBesideTheirData(t *testing.T) {
	for _, v := range builtins(t) {
		c := compiled(t, v)
		for _, lang := range vocab.Languages() {
			vars := v.SampleVars(lang)
			vars["org"] = map[string]any{"name": "Orleu", "short_name": "Orleu", "url": "https://orleu.example"}
			content, err := c.Render(vocab.SMS, lang, vars)
			if err != nil {
				t.Fatal(err)
			}
			if units := len(utf16.Encode([]rune(content.SMS))); units > 134 {
				t.Errorf("%s %s: the SMS has %d UTF-16 units, want at most 134: %s", v.Template, lang, units, content.SMS)
			}
		}
	}
}

// A one-time code and an answer to HELP cost one segment: 70 UTF-16 units, or 160 characters where all are ASCII.
func TestShortBuiltinSMSFitOneSegment(t *testing.T) {
	for _, v := range builtins(t) {
		if v.Template != "one-time-code" && v.Template != "keyword-help" {
			continue
		}
		for _, lang := range vocab.Languages() {
			content, err := compiled(t, v).Render(vocab.SMS, lang, v.SampleVars(lang))
			if err != nil {
				t.Fatal(err)
			}
			limit := 70
			if !strings.ContainsFunc(content.SMS, func(r rune) bool { return r > '~' }) {
				limit = 160
			}
			if units := len(utf16.Encode([]rune(content.SMS))); units > limit {
				t.Errorf("%s %s: the SMS has %d units, want at most %d: %s", v.Template, lang, units, limit, content.SMS)
			}
		}
	}
}

func builtins(t testing.TB) []Version {
	t.Helper()
	versions, err := Builtins()
	if err != nil {
		t.Fatal(err)
	}
	return versions
}

func compiled(t testing.TB, v Version) *Compiled {
	t.Helper()
	c, err := Compile(v)
	if err != nil {
		t.Fatalf("Compile(%s): %v", v.Template, err)
	}
	return c
}
