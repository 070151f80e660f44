package sms

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var placeholder = regexp.MustCompile(`\{[a-z_]+(?:\.[a-z0-9_]+)?\}`)

// template is a text with placeholders, taken apart once.
type template struct {
	parts   []part
	secrets bool // a credential is written into it
}

type part struct {
	literal string
	name    string // a placeholder's; then literal is empty
}

// values are what placeholders stand for. A name that is absent is empty.
type values map[string]string

// compileTemplate writes the credentials in and keeps the other placeholders, which must be among names.
func compileTemplate(text string, names []string, secrets map[string]Secret, used map[string]bool) (template, error) {
	var t template
	start := 0
	for _, at := range placeholder.FindAllStringIndex(text, -1) {
		if at[0] > start {
			t.parts = append(t.parts, part{literal: text[start:at[0]]})
		}
		start = at[1]
		name := text[at[0]+1 : at[1]-1]
		if secret, isSecret := strings.CutPrefix(name, "secret."); isSecret {
			value, ok := secrets[secret]
			if !ok || value == "" {
				return template{}, fmt.Errorf("placeholder {%s}: Settings.Secrets has no %q", name, secret)
			}
			used[secret] = true
			t.secrets = true
			t.parts = append(t.parts, part{literal: string(value)})
			continue
		}
		if !slices.Contains(names, name) {
			return template{}, fmt.Errorf("placeholder {%s}: want one of %s or secret.NAME", name, strings.Join(names, ", "))
		}
		t.parts = append(t.parts, part{name: name})
	}
	if start < len(text) {
		t.parts = append(t.parts, part{literal: text[start:]})
	}
	return t, nil
}

// render fills the template; escape sees values only, never the template's own text. It reports whether every placeholder had a
// value.
func (t template) render(v values, escape func(string) string) (text string, complete bool) {
	var b strings.Builder
	complete = true
	for _, p := range t.parts {
		if p.name == "" {
			b.WriteString(p.literal)
			continue
		}
		if v[p.name] == "" {
			complete = false
		}
		b.WriteString(escape(v[p.name]))
	}
	return b.String(), complete
}

// is says whether the template is that placeholder and nothing else.
func (t template) is(name string) bool { return len(t.parts) == 1 && t.parts[0].name == name }

func (t template) names(name string) bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.name == name })
}

func asIs(s string) string { return s }
