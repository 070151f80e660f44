package templates

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/vocab"
)

// untrue returns the first mark that is not where it says, or reaches into the one before.
func untrue(c *Compiled, text string, marks []Mark) (Mark, bool) {
	from := 0
	for _, m := range marks {
		if m.Fixed < 0 || m.Fixed >= len(c.Fixed()) || m.At < from || m.At > len(text) || !strings.HasPrefix(text[m.At:], c.Fixed()[m.Fixed]) {
			return m, true
		}
		from = m.At + len(c.Fixed()[m.Fixed])
	}
	return Mark{}, false
}

// covered is how much of a text the marks account for.
func covered(c *Compiled, marks []Mark) (n int) {
	for _, m := range marks {
		n += len(c.Fixed()[m.Fixed])
	}
	return n
}

// In the templates that ship, marks are true in every language, and most of each HTML is marked.
func TestBuiltinsAreMarked(t *testing.T) {
	for _, v := range builtins(t) {
		c := compiled(t, v)
		for _, w := range v.Variants {
			if w.Channel != vocab.Email {
				continue
			}
			content, err := c.Render(w.Channel, w.Language, v.SampleVars(w.Language))
			if err != nil {
				t.Fatal(err)
			}
			for name, part := range map[string]struct {
				text  string
				marks []Mark
			}{"html": {content.HTML, content.HTMLMarks}, "text": {content.Text, content.TextMarks}} {
				if m, found := untrue(c, part.text, part.marks); found {
					t.Errorf("%s %s: mark %+v is not true of the %s", v.Template, w.Language, m, name)
				}
			}
			if n := covered(c, content.HTMLMarks); n < len(content.HTML)/2 {
				t.Errorf("%s %s: %d of %d bytes of HTML are marked", v.Template, w.Language, n, len(content.HTML))
			}
		}
	}
}

// Whatever a text is made of, its marks are true of it, and so they are of the one that was rendered before or after it.
func TestMarksAreTrue(t *testing.T) {
	long := strings.Repeat("all of you read this. ", 3)
	piece := rapid.SampledFrom([]string{
		long, long + "\n", "\n", "\n\n\n", " ", "  \n", "\r\n", "short ", "{{ data.a }}", "{% if data.b %}" + long + "{% else %}-{% endif %}",
		"{% for x in data.list %}" + long + "{{ x }}\n{% endfor %}", "{% assign y = data.a | upcase %}{{ y }}", "{{- data.a -}}", "{{ contact.name | default: \"?\" }}",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 1, 12).Draw(t, "text"), "")
		v := Version{Template: "test", Number: 1, Variants: []Variant{
			{Language: "en", Channel: vocab.Email, Subject: "S", HTML: "<p>" + text + "</p>", Text: text},
			{Language: "ru", Channel: vocab.Email, Subject: "S", HTML: "<p>" + long + "</p>" + text},
		}}
		c, err := Compile(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, lang := range []vocab.Language{"en", "ru", "en"} {
			content, err := c.Render(vocab.Email, lang, data("a", rapid.StringMatching(`[a-zж\n ]{0,9}`).Draw(t, "a"), "b", rapid.Bool().Draw(t, "b"), "list", []any{"1", "2"}))
			if err != nil {
				if strings.TrimSpace(text) == "" || strings.Contains(err.Error(), "empty") {
					return // no text, no message
				}
				t.Fatal(err)
			}
			if m, found := untrue(c, content.HTML, content.HTMLMarks); found {
				t.Errorf("mark %+v is not true of %q", m, content.HTML)
			}
			if m, found := untrue(c, content.Text, content.TextMarks); found {
				t.Errorf("mark %+v is not true of %q", m, content.Text)
			}
		}
	})
}

func TestWhichTextsAreMarked(t *testing.T) {
	long := strings.Repeat("all of you read this. ", 3)
	for name, tc := range map[string]struct {
		text string
		want []Mark // of the text part; the first fixed text is the HTML's
	}{
		"what stands between variables":      {long + "{{ data.a }}" + long + "end.\n", []Mark{{0, 1}, {len(long) + 1, 2}}},
		"a text without its last line break": {long + "{{ data.a }} end", []Mark{{0, 1}}},
		"a short text":                       {"short {{ data.a }} text\n", nil},
		"each round of a loop":               {"{% for x in data.list %}" + long + "{{ x }}\n{% endfor %}", []Mark{{0, 1}, {len(long) + 2, 1}}},
		"not what was tidied":                {"\n\n" + long + "{{ data.a }}\n", nil},
		"not what is derived from HTML":      {"", nil},
	} {
		v := Version{Template: "test", Number: 1, Variants: []Variant{
			{Language: "en", Channel: vocab.Email, Subject: "S", HTML: "<p>" + strings.ToUpper(long) + "</p>", Text: tc.text},
		}}
		content, err := compiled(t, v).Render(vocab.Email, "en", data("a", "A", "list", []any{"1", "2"}))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, content.TextMarks); diff != "" {
			t.Errorf("%s: marks of %q (-want +got):\n%s", name, content.Text, diff)
		}
		if diff := cmp.Diff([]Mark{{0, 0}}, content.HTMLMarks); diff != "" {
			t.Errorf("%s: marks of the HTML (-want +got):\n%s", name, diff)
		}
	}
}

// A loop over a long list must not make a list of marks as long.
func TestMarksAreBounded(t *testing.T) {
	long := strings.Repeat("x", minFixed)
	items := slices.Repeat([]any{"1"}, maxMarks+10)
	v := mail("en", "<p>{% for x in data.list %}"+long+"{% endfor %}</p>")
	c := compiled(t, v)
	content, err := c.Render(vocab.Email, "en", data("list", items))
	if err != nil {
		t.Fatal(err)
	}
	if m, found := untrue(c, content.HTML, content.HTMLMarks); found || len(content.HTMLMarks) != maxMarks {
		t.Errorf("%d marks, the first untrue one %+v (%t)", len(content.HTMLMarks), m, found)
	}
}

func TestUses(t *testing.T) {
	v := Version{Template: "test", Number: 1, Variants: []Variant{
		{
			Language: "en", Channel: vocab.Email, Subject: "{{ data.event.title }}", HTML: "<p>{% if data.x %}{{ links.why }}{% endif %}</p>",
			Text: "{% assign l = links.preferences %}{{ l }}",
		},
		{Language: "en", Channel: vocab.SMS, SMS: `{{ links["unsubscribe"] }} {{ org.short_name }}`},
	}}
	c := compiled(t, v)
	for _, tc := range []struct {
		channel  vocab.Channel
		variable string
		want     bool
	}{
		{vocab.Email, "links.why", true},
		{vocab.Email, "links.preferences", true},
		{vocab.Email, "links.unsubscribe", false},
		{vocab.SMS, "links.unsubscribe", true},
		{vocab.SMS, "links.why", false},
		{vocab.Email, "data.event", true},
		{vocab.Email, "data.ev", false},
		{"fax", "links.why", false},
	} {
		if got := c.Uses(tc.channel, "en", tc.variable); got != tc.want {
			t.Errorf("Uses(%s, %s) = %t, want %t", tc.channel, tc.variable, got, tc.want)
		}
	}
}
