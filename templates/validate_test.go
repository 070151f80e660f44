package templates

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

func TestValidateSaysWhatIsWrongWhere(t *testing.T) {
	for _, tc := range []struct{ name, source, code, detail string }{
		{"a fine source", `<p title="{{ data.x }}">{{ contact.name | default: "!" }}</p>`, "", ""},
		{"an expression", "<p>\n  {{ data.x | }}</p>", "bad_syntax", "line 2, column 3: "},
		{"an assignment as a comparison", "{% if data.x = 1 %}{% endif %}", "bad_syntax", "line 1, column 1: "},
		{"a brace that never closes", "<p>\nқ {{ data.x </p>", "bad_syntax", "line 2, column 3: {{ without its end"},
		{"a tag that never closes", "{% if data.x <p>", "bad_syntax", "line 1, column 1: {% without its end"},
		{"a block that never ends", "<p>{% if data.x %}</p>", "bad_syntax", "line 1, column 4: unterminated"},
		{"an end without its block", "<p>{% endif %}</p>", "bad_syntax", "line 1, column 4: "},
		{"a comment that never ends", "{% comment %} {{ x }}", "bad_syntax", "line 1, column 1: comment without"},
		{"a huge number", "{{ 99999999999999999999 }}", "bad_syntax", "line 1, column 1: "},
		{"else with a condition", "{% if data.x %}{% else data.y %}{% endif %}", "bad_syntax", "else takes no condition"},
		{"elsif after else", "{% if data.x %}{% else %}{% elsif data.y %}{% endif %}", "bad_syntax", "elsif after else"},
		{"break outside", "{% break %}", "bad_syntax", "break outside a loop"},
		{"a reserved name", "{% assign data = 1 %}", "bad_syntax", "reserved"},
		{"include", "{% include 'x' %}", "unknown_tag", `unknown tag "include"`},
		{"raw", "{% raw %}{{ x }}{% endraw %}", "unknown_tag", `unknown tag "raw"`},
		{"an unknown tag", "<p>\n\n{% frobnicate %}", "unknown_tag", "line 3, column 1: "},
		{"an unknown filter", "{{ data.x | frob }}", "unknown_filter", `unknown filter "frob"`},
		{"an unknown variable", "{{ name }}", "unknown_variable", `unknown variable "name"`},
		{"a typo in a reserved one", "{{ contact.nmae }}", "unknown_variable", "contact has name, language"},
		{"a loop variable outside its loop", "{% for a in data.x %}{% endfor %}{{ a }}", "unknown_variable", `"a"`},
		{"too deep", strings.Repeat("{% if data.x %}", 30) + strings.Repeat("{% endif %}", 30), "too_deep", ""},
		{"too large", strings.Repeat("x", maxSource+1), "too_large", "200 KB"},
		{"not UTF-8", "\xff", "bad_encoding", ""},
		{"a script", "<p></p>\n<script>x</script>", "bad_html", "line 2"},
		{"an event handler", `<p onclick="x">`, "bad_html", "onclick"},
		{"a script's address", `<a href="javascript:x">`, "bad_html", "href must be absolute"},
		{"hidden by an entity", `<a href="java&#115;cript:x">`, "bad_html", "href must be absolute"},
		{"a relative address", `<a href="/x">`, "bad_html", "href must be absolute"},
		{"data in a tag", `<p {{ data.x }}>`, "bad_html", "line 1, column 4: data must not stand in a tag"},
		{"data in a tag's name", `<{{ data.x }}>`, "bad_html", "unfinished tag"},
		{"data without quotes", `<p title={{ data.x }}>`, "bad_html", "data must not stand in a tag"},
		{"data behind an unquoted beginning", `<p title=a{{ data.x }}>`, "bad_html", "needs quotes"},
		{"data in a style", `<p style="{{ data.x }}">`, "bad_html", "style"},
		{"data in a style sheet", `<style>{{ data.x }}</style>`, "bad_html", "<style>"},
		{"data in a comment", `<!-- {{ data.x }} -->`, "bad_html", "comment"},
		{"data in a refresh", `<meta http-equiv="refresh" content="0;{{ data.x }}">`, "bad_html", "<meta>"},
		{"data in a scheme", `<a href="java{{ data.x }}">`, "bad_html", "scheme"},
		{"data in a host", `<a href="https://e.example{{ data.x }}">`, "bad_html", "host"},
		{"branches that end apart", `<a href="{% if data.x %}https://e.example/{% endif %}{{ data.y }}">`, "bad_html", "branches of if"},
		{"a loop that ends elsewhere", `{% for a in data.x %}<p title="{% endfor %}`, "bad_html", "branches of for"},
		{"break inside a tag", `{% for a in data.x %}<p title="{% break %}">{% endfor %}`, "bad_html", "break leaves"},
		{"ends inside a tag", `<p title="x`, "bad_html", "ends inside a tag"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := Validate(mail("en", tc.source))
			if tc.code == "" {
				if err != nil {
					t.Errorf("Validate(%s) = %v, want nil", tc.source, err)
				}
				return
			}
			invalid, ok := errors.AsType[*fault.Error](err)
			if !ok || invalid.Kind != fault.Invalid || len(invalid.Fields) == 0 {
				t.Fatalf("Validate(%.100s) = %v, want an invalid field", tc.source, err)
			}
			got := invalid.Fields[0]
			if got.Pointer != "/variants/0/html" || got.Code != tc.code || !strings.Contains(got.Detail, tc.detail) {
				t.Errorf("Validate(%.100s) = %+v, want code %s and %q", tc.source, got, tc.code, tc.detail)
			}
		})
	}
}

func TestValidateLooksAtTheWholeVersion(t *testing.T) {
	good := mail("en", "<p>{{ data.x }}</p>").Variants[0]
	for _, tc := range []struct {
		name string
		v    Version
		want []string // pointer and code of each field
	}{
		{"no variants", Version{Template: "ok-1"}, []string{"/variants required"}},
		{"a bad slug and calendar", Version{Template: "Not Ok", Calendar: "data.event", Variants: []Variant{good}}, []string{"/template bad_name", "/calendar bad_name"}},
		{"an empty email", Version{Template: "ok", Variants: []Variant{{Language: "kk", Channel: vocab.Email}}}, []string{"/variants/0/subject required", "/variants/0/html required"}},
		{"an empty SMS", Version{Template: "ok", Variants: []Variant{good, {Language: "kk", Channel: vocab.SMS, Text: "x"}}}, []string{"/variants/1/sms required"}},
		{"the same twice", Version{Template: "ok", Variants: []Variant{good, func() Variant { w := good; w.Language = "EN"; return w }()}}, []string{"/variants/1 duplicate"}},
		{"a channel that is none", Version{Template: "ok", Variants: []Variant{{Language: "kk", Channel: "fax"}}}, []string{"/variants/0/channel bad_channel"}},
		{"a language that is none", Version{Template: "ok", Variants: []Variant{{Language: "қаз", Channel: vocab.SMS, SMS: "x"}}}, []string{"/variants/0/language bad_language"}},
		{"safe_html in text", Version{Template: "ok", Variants: []Variant{{Language: "kk", Channel: vocab.SMS, SMS: "{{ data.x | safe_html }}"}}}, []string{"/variants/0/sms unknown_filter"}},
		{"a sample with a hole", Version{Template: "ok", Variants: []Variant{good}, Sample: map[string]any{"y": 1}}, []string{"/sample missing_variable"}},
		{"a sample that fits", Version{Template: "ok", Variants: []Variant{good}, Sample: map[string]any{"x": 1}}, nil},
	} {
		var got []string
		if err := Validate(tc.v); err != nil {
			invalid, ok := errors.AsType[*fault.Error](err)
			if !ok {
				t.Fatalf("%s: %v", tc.name, err)
			}
			for _, f := range invalid.Fields {
				got = append(got, f.Pointer+" "+f.Code)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: fields mismatch (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestPick(t *testing.T) {
	of := func(tags ...vocab.Language) (v Version) {
		for _, tag := range tags {
			v.Variants = append(v.Variants, Variant{Language: tag, Channel: vocab.Email})
		}
		return v
	}
	for _, tc := range []struct {
		v    Version
		ask  vocab.Language
		want vocab.Language
	}{
		{of("en", "ru", "kk"), "ru", "ru"},
		{of("en", "ru", "kk"), "ru-KZ", "ru"},
		{of("en", "ru", "kk"), "RU", "ru"},
		{of("ru", "ru-KZ"), "ru-KZ", "ru-KZ"},
		{of("en", "ru-KZ"), "ru", "ru-KZ"},
		{of("en", "ru", "kk"), "de", "kk"},
		{of("en", "ru"), "de", "ru"},
		{of("en", "ru"), "", "ru"},
		{of("de", "en"), "fr", "en"},
		{of("de"), "fr", ""},
		{of("de"), "de-AT", "de"},
		{of(), "kk", ""},
	} {
		got, ok := Pick(tc.v, vocab.Email, tc.ask)
		if got.Language != tc.want || ok != (tc.want != "") {
			t.Errorf("Pick(%v, %s) = %s, %t, want %q", tc.v.Variants, tc.ask, got.Language, ok, tc.want)
		}
		if _, ok := Pick(tc.v, vocab.SMS, tc.ask); ok {
			t.Errorf("Pick(%v, sms) found a variant of another channel", tc.v.Variants)
		}
	}
}

func TestVariablesAndUnsubscribe(t *testing.T) {
	v := Variant{
		Channel: vocab.Email, Subject: "{{ data.title }}",
		HTML: `{% assign e = data.event %}{{ e.place }}{% for a in data.articles %}{{ a.url }}{% for g in a.tags %}{{ g }}{{ forloop.index }}{% endfor %}{% endfor %}`,
		Text: `{{ data.list[0] }}{{ data["key"].x | default: org.name }}`,
	}
	want := []string{
		"data.articles", "data.articles[].tags", "data.articles[].tags[]", "data.articles[].url", "data.event", "data.event.place",
		"data.key.x", "data.list[]", "data.title", "org.name",
	}
	if diff := cmp.Diff(want, v.Variables()); diff != "" {
		t.Errorf("Variables() mismatch (-want +got):\n%s", diff)
	}

	const link, text = `<a href="{{ links.unsubscribe }}">x</a>`, "{{ links.preferences }}"
	for _, tc := range []struct {
		name string
		v    Variant
		want bool
	}{
		{"both parts", Variant{Channel: vocab.Email, HTML: link, Text: text}, true},
		{"no text part", Variant{Channel: vocab.Email, HTML: link}, true},
		{"HTML only", Variant{Channel: vocab.Email, HTML: link, Text: "x"}, false},
		{"text only", Variant{Channel: vocab.Email, HTML: "<p></p>", Text: text}, false},
		{"only if", Variant{Channel: vocab.Email, HTML: "{% if data.x %}" + link + "{% endif %}"}, false},
		{"either way", Variant{Channel: vocab.Email, HTML: "{% if data.x %}" + link + "{% else %}b" + link + "{% endif %}"}, true},
		{"one of three ways", Variant{Channel: vocab.Email, HTML: "{% if data.x %}" + link + "{% elsif data.y %}{% else %}" + link + "{% endif %}"}, false},
		{"in a loop", Variant{Channel: vocab.Email, HTML: "{% for a in data.x %}" + link + "{% endfor %}"}, false},
		{"asked for, not printed", Variant{Channel: vocab.Email, HTML: "{% if links.unsubscribe %}x{% endif %}"}, false},
		{"in a comment", Variant{Channel: vocab.Email, HTML: "{% comment %}" + link + "{% endcomment %}"}, false},
		{"SMS", Variant{Channel: vocab.SMS, SMS: "x {{ links.unsubscribe }}"}, true},
		{"SMS without", Variant{Channel: vocab.SMS, SMS: "x {{ links.why }}", HTML: link, Text: text}, false},
	} {
		if got := tc.v.HasUnsubscribe(); got != tc.want {
			t.Errorf("%s: HasUnsubscribe() = %t, want %t", tc.name, got, tc.want)
		}
	}
}

func TestContentHashIsAboutContent(t *testing.T) {
	v := builtins(t)[0]
	want := v.ContentHash()
	same := v
	same.ID, same.Number, same.Hash, same.Sample = "tpv_x", 9, "", nil
	same.Variants = slices.Clone(v.Variants)
	slices.Reverse(same.Variants)
	for i := range same.Variants {
		same.Variants[i].Approved = false
	}
	if got := same.ContentHash(); got != want {
		t.Errorf("ContentHash changed to %s with id, number, sample, approval and order", got)
	}
	for name, change := range map[string]func(v *Version){
		"template": func(v *Version) { v.Template += "x" },
		"purpose":  func(v *Version) { v.Purpose = "x" },
		"calendar": func(v *Version) { v.Calendar += "x" },
		"language": func(v *Version) { v.Variants[0].Language = "x" },
		"html":     func(v *Version) { v.Variants[0].HTML += " " },
		"a moved border": func(v *Version) {
			v.Variants[0].Preheader = v.Variants[0].Subject[len(v.Variants[0].Subject)-1:] + v.Variants[0].Preheader
			v.Variants[0].Subject = v.Variants[0].Subject[:len(v.Variants[0].Subject)-1]
		},
	} {
		other := v
		other.Variants = slices.Clone(v.Variants)
		change(&other)
		if other.ContentHash() == want {
			t.Errorf("ContentHash is the same with another %s", name)
		}
	}
}
