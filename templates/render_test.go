package templates

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// mail is a version with one email variant in a language.
func mail(lang vocab.Language, html string) Version {
	return Version{Template: "test", Number: 1, Variants: []Variant{
		{Language: lang, Channel: vocab.Email, Subject: "Subject", HTML: html, Text: "Text"},
	}}
}

func sms(lang vocab.Language, text string) Version {
	return Version{Template: "test", Number: 1, Variants: []Variant{{Language: lang, Channel: vocab.SMS, SMS: text}}}
}

func data(pairs ...any) map[string]any {
	d := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		d[pairs[i].(string)] = pairs[i+1]
	}
	return map[string]any{
		"data": d, "contact": map[string]any{"name": "Айгүл", "language": "kk"},
		"message": map[string]any{"id": "msg_06gywnjy01xbs0938nkrkaydxw", "purpose": "news.company"},
	}
}

func renderSMS(t *testing.T, source string, vars map[string]any) (string, error) {
	t.Helper()
	content, err := compiled(t, sms("en", source)).Render(vocab.SMS, "en", vars)
	return content.SMS, err
}

func renderHTML(t *testing.T, source string, vars map[string]any) (string, error) {
	t.Helper()
	content, err := compiled(t, mail("en", source)).Render(vocab.Email, "en", vars)
	return content.HTML, err
}

func TestNumbersArePrintedAsTheyWereWritten(t *testing.T) {
	for written, want := range map[string]string{
		"12345678901234567890": "12345678901234567890", "-12345678901234567890": "-12345678901234567890",
		"9223372036854775807": "9223372036854775807", "9223372036854775808": "9223372036854775808",
		"7": "7", "12.50": "12.5", "1e3": "1000",
	} {
		if got, err := renderSMS(t, "{{ data.n }}", data("n", json.Number(written))); got != want || err != nil {
			t.Errorf("%s is printed %q, %v, want %q", written, got, err, want)
		}
	}
}

func TestMissingVariableIsAnErrorThatNamesIt(t *testing.T) {
	vars := data(
		"event", map[string]any{"title": "T", "link": nil, "tags": []any{"a"}, "empty": ""},
		"articles", []any{map[string]any{"title": "A", "url": "https://a.example"}, map[string]any{"title": "B"}},
	)
	for _, tc := range []struct{ name, source, want, missing string }{
		{"a present variable is printed", "{{ data.event.title }}", "T", ""},
		{"a missing entry", "{{ data.event.place }}", "", "data.event.place"},
		{"a missing entry of a missing object", "{{ data.venue.place.name }}", "", "data.venue.place.name"},
		{"null is missing", "{{ data.event.link }}", "", "data.event.link"},
		{"an empty text is not missing", "[{{ data.event.empty }}]", "[]", ""},
		{"a reserved variable that the message lacks", "{{ org.name }}", "", "org.name"},
		{"inside a filter", "{{ data.nope | upcase }}", "", "data.nope"},
		{"as a filter's argument", `{{ "Dear " | append: data.nope }}`, "", "data.nope"},
		{"an element of a list is named by its place", "{% for a in data.articles %}{{ a.url }}{% endfor %}", "", "data.articles[1].url"},
		{"beyond the end of a list", "{{ data.event.tags[3] }}", "", "data.event.tags[3]"},
		{"a missing list", "{% for a in data.nope %}{{ a }}{% endfor %}", "", "data.nope"},
		{"an assignment from it", "{% assign x = data.nope %}{{ x }}", "", "data.nope"},
		{"a range to it", "{% for i in (1..data.event.tags.size) %}{{ i }}{% endfor %}{{ data.nope }}", "", "data.nope"},
		{"default stands in", `{{ data.nope | default: "so" }}`, "so", ""},
		{"default stands in for an empty text", `{{ data.event.empty | default: "so" }}`, "so", ""},
		{"a default that is missing, too", "{{ data.nope | default: data.nada }}", "", "data.nada"},
		{"a missing default is not an object", "{{ (data.nope | default: data.nada).Name }}", "", "data.nada"},
		{"default, then another filter", `{{ data.nope | default: "so" | upcase }}`, "SO", ""},
		{"if: false", "{% if data.nope %}a{% else %}b{% endif %}", "b", ""},
		{"if on null: false", "{% if data.event.link %}a{% else %}b{% endif %}", "b", ""},
		{"if on an empty text: false", "{% if data.event.empty %}a{% else %}b{% endif %}", "b", ""},
		{"unless: true", "{% unless data.nope.deep %}a{% endunless %}", "a", ""},
		{"compared: false", `{% if data.nope == "x" %}a{% else %}b{% endif %}`, "b", ""},
		{"compared with nil: true", "{% if data.nope == nil %}a{% else %}b{% endif %}", "a", ""},
		{"nil compared with it: true", "{% if nil == data.nope %}a{% else %}b{% endif %}", "a", ""},
		{"contains: false", `{% if data.nope contains "x" %}a{% else %}b{% endif %}`, "b", ""},
		{"and, or", "{% if data.nope and data.event %}a{% elsif data.nope or data.event %}b{% endif %}", "b", ""},
		{"case: else", `{% case data.nope %}{% when "x" %}a{% else %}b{% endcase %}`, "b", ""},
		{"a filter in a condition: false", "{% if data.nope | upcase %}a{% else %}b{% endif %}", "b", ""},
		{"a branch not taken", "{% if data.nope %}{{ data.nope.x }}{% endif %}ok", "ok", ""},
		{"a comment", "{% comment %}{{ data.nope }}{% endcomment %}ok", "ok", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := renderSMS(t, tc.source, vars)
			missing, isMissing := errors.AsType[*MissingVariable](err)
			switch {
			case tc.missing == "" && err != nil:
				t.Fatalf("Render(%s): %v", tc.source, err)
			case tc.missing != "" && (!isMissing || missing.Name != tc.missing):
				t.Fatalf("Render(%s): error %v, want missing %s", tc.source, err, tc.missing)
			case got != tc.want:
				t.Errorf("Render(%s) = %q, want %q", tc.source, got, tc.want)
			}
		})
	}
}

func TestMissingVariableTellsThePlace(t *testing.T) {
	v := mail("en", "<p>one</p>\n<p>two</p>\n<p>{{ data.event.place }}</p>")
	_, err := compiled(t, v).Render(vocab.Email, "en", data())
	want := "missing variable data.event.place (html line 3)"
	if err == nil || err.Error() != want {
		t.Errorf("Render: error %v, want %s", err, want)
	}
}

func TestFlowAndFilters(t *testing.T) {
	vars := data(
		"n", 1234567.5, "price", 15000, "many", []any{"c", "a", "b"}, "name", "  әсел  ", "at", "2026-11-24T10:00:00Z", "day", "2026-12-01",
		"long", "бір екі үш төрт", "named", map[vocab.Language]string{"kk": "қазақша"}, "typed", []string{"x", "y"}, "small", uint8(7),
		"items", []any{map[string]any{"t": "A", "tags": []any{"p", "q"}}, map[string]any{"t": "B", "tags": []any{}}},
	)
	for _, tc := range []struct{ source, want string }{
		{`{% for i in (1..3) %}{{ i }}{% endfor %}`, "123"},
		{`{% for x in data.many reversed %}{{ x }}{% endfor %}`, "bac"},
		{`{% for x in data.many limit:1 offset:1 %}{{ x }}{% endfor %}`, "a"},
		{`{% for x in data.many offset:5 %}{{ x }}{% else %}none{% endfor %}`, "none"},
		{`{% for x in data.many %}{% if x == "a" %}{% continue %}{% endif %}{{ x }}{% endfor %}`, "cb"},
		{`{% for x in data.many %}{% if x == "a" %}{% break %}{% endif %}{{ x }}{% endfor %}`, "c"},
		{`{% for x in data.many %}{{ forloop.index }}{% unless forloop.last %},{% endunless %}{% endfor %}`, "1,2,3"},
		{`{% for i in data.items %}{{ i.t }}{% for g in i.tags %}{{ forloop.index0 }}{{ g }}{% endfor %}{{ forloop.length }};{% endfor %}`, "A0p1q2;B2;"},
		{`{% for i in data.items %}{% for i in data.typed %}{{ i }}{{ forloop.index }}{% endfor %}{{ i.t }}{{ forloop.index }};{% endfor %}`, "x1y2A1;x1y2B2;"},
		{`{% for x in data.typed %}{{ x }}{% endfor %}{{ data.typed.size }}{{ data.typed[-1] }}`, "xy2y"},
		{`{% case data.small %}{% when 1, 7 %}seven{% else %}no{% endcase %}`, "seven"},
		{`{% if data.price > 1000 and data.price <= 15000 %}in{% endif %}`, "in"},
		{`{% if data.many contains "a" %}yes{% endif %}`, "yes"},
		{`{% assign x = data.name | strip | capitalize %}{{ x }}`, "Әсел"},
		{`a  {{- data.small -}}  b`, "a7b"},
		{`{{ data.named.kk | upcase }}`, "ҚАЗАҚША"},
		{`{{ data.many | join: "/" }} {{ data.many.first }}{{ data.many | last }} {{ data.many | size }}`, "c/a/b cb 3"},
		{`{{ data.long | truncatewords: 2 }} {{ data.long | truncate: 6 }}`, "бір екі… бір е…"},
		{`{{ "a,b" | split: "," | join: "+" }} {{ "x" | replace: "x", "y" | prepend: "<" | append: ">" }}`, "a+b <y>"},
		{`{{ 7 | divided_by: 2 }} {{ 7 | modulo: 4 | plus: 1 | times: 2 | minus: 3 }} {{ 2.345 | round: 2 }}`, "3.5 5 2.35"},
		{`{{ data.n | number }} {{ data.n | number: 0 }} {{ data.price | money }} {{ 9.5 | money: "USD" }} {{ 3 | money: "GBP" }}`, "1,234,567.5 1,234,568 ₸15,000 $9.50 GBP\u00a03"},
		{`{{ data.at | date: "long" }} | {{ data.at | date }} | {{ data.day | date: "long" }}`, "24 November 2026, 15:00 | 24 November 2026 | 1 December 2026"},
		{`{{ "<b>&amp; so</b>" | strip_html }} {{ "a b" | url_encode }}`, "& so a+b"},
		{`{{ 100000000 }} {{ true }}`, "100000000 true"},
	} {
		got, err := renderSMS(t, tc.source, vars)
		if err != nil {
			t.Errorf("Render(%s): %v", tc.source, err)
		} else if got != tc.want {
			t.Errorf("Render(%s) = %q, want %q", tc.source, got, tc.want)
		}
	}
}

func TestDatesSpeakTheLanguage(t *testing.T) {
	const source = `{{ data.at | date: "long" }}|{{ data.at | date: "full" }}|{{ data.at | date: "short" }}|{{ data.at | date: "time" }}|{{ data.at | date: "weekday" }}|{{ 1234.5 | number }}|{{ 15000 | money }}`
	for lang, want := range map[vocab.Language]string{
		"kk":    "24 қараша 2026 ж., сағ. 15:00|сейсенбі, 24 қараша 2026 ж., сағ. 15:00|24.11.2026|15:00|сейсенбі|1\u00a0234,5|15\u00a0000\u00a0₸",
		"ru-KZ": "24 ноября 2026 г., 15:00|вторник, 24 ноября 2026 г., 15:00|24.11.2026|15:00|вторник|1\u00a0234,5|15\u00a0000\u00a0₸",
		"en":    "24 November 2026, 15:00|Tuesday, 24 November 2026, 15:00|24/11/2026|15:00|Tuesday|1,234.5|₸15,000",
		"de":    "2026-11-24, 15:00|2026-11-24, 15:00|2026-11-24|15:00|Tuesday|1,234.5|₸15,000",
	} {
		for _, at := range []any{"2026-11-24T15:00:00+05:00", "2026-11-24T10:00:00Z", time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)} {
			content, err := compiled(t, sms(lang, source)).Render(vocab.SMS, lang, data("at", at))
			if err != nil {
				t.Fatalf("Render in %s: %v", lang, err)
			}
			if diff := cmp.Diff(want, content.SMS); diff != "" {
				t.Errorf("dates in %s from %v mismatch (-want +got):\n%s", lang, at, diff)
			}
		}
	}
	moscow, err := Options{Zone: time.FixedZone("Moscow", 3*3600)}.Compile(sms("ru", `{{ data.at | date: "long" }}`))
	if err != nil {
		t.Fatal(err)
	}
	content, err := moscow.Render(vocab.SMS, "ru", data("at", "2026-11-24T22:30:00Z"))
	if want := "25 ноября 2026 г., 01:30"; err != nil || content.SMS != want {
		t.Errorf("Render in another zone = %q, %v, want %q", content.SMS, err, want)
	}
}

func TestBadDataIsAnErrorThatDoesNotRepeatThem(t *testing.T) {
	vars := data("secret", "hunter2", "list", []any{1}, "at", "tomorrow hunter2", "when", time.Unix(0, 0), "fn", struct{ hunter2 string }{})
	for _, tc := range []struct{ source, code string }{
		{"{{ data.list }}", "bad_value"},
		{"{{ data.when }}", "bad_value"},
		{"{{ data.fn }}", "bad_value"},
		{"{{ data.secret | plus: 1 }}", "bad_value"},
		{"{{ 1 | divided_by: 0 }}", "bad_value"},
		{"{{ data.secret | date }}", "bad_date"},
		{`{{ data.at | date: "long" }}`, "bad_date"},
		{`{{ "2026-01-01" | date: "nope" }}`, "bad_date"},
		{"{{ data.secret | upcase: 1 }}", "bad_value"},
		{"{% for x in data.secret %}{{ x }}{% endfor %}", "bad_value"},
		{"{% for x in (1..data.secret) %}{{ x }}{% endfor %}", "bad_value"},
		{"{% for x in data.list limit: data.secret %}{{ x }}{% endfor %}", "bad_value"},
		{"{{ (1..3) | join }}", "bad_value"},
		{"{% if true %} {% endif %}", "empty"},
	} {
		_, err := renderSMS(t, tc.source, vars)
		failed, ok := errors.AsType[*RenderError](err)
		if !ok || failed.Code != tc.code {
			t.Errorf("Render(%s): error %v, want code %s", tc.source, err, tc.code)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Render(%s): the error repeats data: %v", tc.source, err)
		}
	}
}

func TestRenderEnds(t *testing.T) {
	vars := data("big", strings.Repeat("x", 400_000), "list", make([]any, 300))
	for _, tc := range []struct{ name, source, code string }{
		{"an endless range", "{% for i in (1..1000000000) %}{{ i }}{% endfor %}", "too_long_running"},
		{"an endless range with an empty body", "{% for i in (1..1000000000) %}{% endfor %}", "too_long_running"},
		{"loops in loops", "{% for a in data.list %}{% for b in data.list %}{% for c in data.list %}x{% endfor %}{% endfor %}{% endfor %}", "too_long_running"},
		{"a text that doubles", `{% assign s = "0123456789" %}{% for i in (1..40) %}{% assign s = s | append: s %}{% endfor %}{{ s }}`, "too_large"},
		{"a large output", "{% for i in (1..3) %}{{ data.big }}{% endfor %}", "too_large"},
		{"much work without output", "{% for i in (1..10000) %}{% assign x = data.big | upcase | size %}{% endfor %}{{ x }}", "too_long_running"},
		{"an inflating replace", `{{ data.big | replace: "x", "0123456789" }}`, "bad_value"},
		{"a range as a list", "{{ (1..1000000000) | size }}", "bad_value"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := renderSMS(t, tc.source, vars)
			if failed, ok := errors.AsType[*RenderError](err); !ok || failed.Code != tc.code {
				t.Errorf("Render: error %v, want code %s", err, tc.code)
			}
		})
	}
	long := mail("ru", "<p>"+strings.Repeat("й", 16<<10)+"</p>") // 32 KB of UTF-8, 96 KB quoted-printable
	if _, err := compiled(t, long).Render(vocab.Email, "ru", data()); err == nil || !strings.HasPrefix(err.Error(), "too_large") {
		t.Errorf("Render of 96 KB encoded: error %v, want too_large", err)
	}
}

func TestTextPartIsDerivedWhenThereIsNone(t *testing.T) {
	v := mail("en", `<html><body><h1>{{ data.t }}</h1><p>Go <a href="{{ data.u }}">there</a></p></body></html>`)
	v.Variants[0].Text = ""
	content, err := compiled(t, v).Render(vocab.Email, "en", data("t", "A & B", "u", "https://e.example/x"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"A & B", "https://e.example/x"} {
		if !strings.Contains(content.Text, want) {
			t.Errorf("derived text %q does not contain %q", content.Text, want)
		}
	}
}

func TestRenderFallsBackAndRefusesOtherChannels(t *testing.T) {
	c := compiled(t, sms("ru", "привет"))
	content, err := c.Render(vocab.SMS, "kk", nil)
	if diff := cmp.Diff(Content{Language: "ru", SMS: "привет"}, content); diff != "" || err != nil {
		t.Errorf("Render(kk): error %v, mismatch (-want +got):\n%s", err, diff)
	}
	if _, err := c.Render(vocab.Email, "ru", nil); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Render of a channel without variants: error %v, want not found", err)
	}
}

func TestRenderConcurrentlyLeavesVarsAndEachOtherAlone(t *testing.T) {
	all := builtins(t)
	v := all[slices.IndexFunc(all, func(v Version) bool { return v.Template == "newsletter" })]
	c := compiled(t, v)
	vars := v.SampleVars("kk")
	want, err := c.Render(vocab.Email, "kk", vars)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 20 {
				got, err := c.Render(vocab.Email, "kk", vars)
				if err != nil || got.HTML != want.HTML || got.Text != want.Text {
					t.Errorf("concurrent Render differs: %v", err)
					return
				}
			}
		})
	}
	wait.Wait()
	if diff := cmp.Diff(v.SampleVars("kk"), vars); diff != "" {
		t.Errorf("Render changed its vars (-want +got):\n%s", diff)
	}
}

// What one rendering leaves in memory for the next is room, not words.
func TestNothingOfOneMessageIsInTheNext(t *testing.T) {
	v := mail("en", "<p>{{ message.subject }}</p>")
	v.Variants[0].Text = "{% assign x = contact.name %}{{ x }}"
	v.Variants = append(v.Variants, Variant{
		Language: "en", Channel: vocab.SMS, SMS: `{{ message.subject | default: "-" }}{{ contact.name | default: "-" }}{{ message.id | default: "-" }}`,
	})
	c := compiled(t, v)
	for range 20 {
		if _, err := c.Render(vocab.Email, "en", data()); err != nil {
			t.Fatal(err)
		}
		if content, err := c.Render(vocab.SMS, "en", nil); err != nil || content.SMS != "---" {
			t.Fatalf("%q, %v, want three times nothing", content.SMS, err)
		}
	}
}

func BenchmarkRenderNewsletter(b *testing.B) {
	versions := builtins(b)
	for _, v := range versions {
		if v.Template != "newsletter" {
			continue
		}
		c := compiled(b, v)
		vars := v.SampleVars("kk")
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Render(vocab.Email, "kk", vars); err != nil {
				b.Fatal(err)
			}
		}
	}
}
