package templates

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/vocab"
)

func TestDataCannotBecomeMarkup(t *testing.T) {
	attack := `"><script>alert(1)</script><img src=x onerror='a'>&`
	const escaped = `&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&#39;a&#39;&gt;&amp;`
	for _, tc := range []struct{ name, source, want string }{
		{"as text", `<p>{{ data.x }}</p>`, `<p>` + escaped + `</p>`},
		{"as an attribute", `<img src="cid:a" alt="{{ data.x }}">`, `<img src="cid:a" alt="` + escaped + `">`},
		{"in single quotes", `<img src='cid:a' alt='{{ data.x }}'>`, `<img src='cid:a' alt='` + escaped + `'>`},
		{"in a title", `<title>{{ data.x }}</title>`, `<title>` + escaped + `</title>`},
		{"through a filter", `<p>{{ data.x | append: data.x }}</p>`, `<p>` + escaped + escaped + `</p>`},
		{"through an assignment", `{% assign y = data.x %}<p>{{ y }}</p>`, `<p>` + escaped + `</p>`},
		{"through default", `<p>{{ data.no | default: data.x }}</p>`, `<p>` + escaped + `</p>`},
		{"through newline_to_br", `<p>{{ data.x | newline_to_br }}</p>`, `<p>` + escaped + `</p>`},
		{"a safe text in an attribute", `<p title="{{ '<b>"' | safe_html }}"></p>`, `<p title="&lt;b&gt;&amp;#34;&lt;/b&gt;"></p>`},
		{"in a query", `<a href="https://e.example/?q={{ data.x }}">`, `<a href="https://e.example/?q=%22%3E%3Cscript%3Ealert%281%29%3C%2Fscript%3E%3Cimg%20src%3Dx%20onerror%3D%27a%27%3E%26">`},
		{"in a path", `<a href="https://e.example/{{ data.p }}/b">`, `<a href="https://e.example/a%3Fb%20/c/b">`},
		{"in an Outlook comment", `<!--[if mso]><p>{{ data.x }}</p><![endif]-->`, `<!--[if mso]><p>` + escaped + `</p><![endif]-->`},
		{"liquid in data is text", `<p>{{ data.liquid }}</p>`, `<p>{{ data.p }}{% if %}</p>`},
		{"line breaks stay in text", `<p>{{ data.lines | newline_to_br }}</p>`, "<p>a<br>\nb<br>\n&lt;c</p>"},
		{"sanitised HTML", `<div>{{ data.rich | safe_html }}</div>`, `<div><b>b</b> <a href="https://e.example/">ok</a> bad </div>`},
		{"sanitised HTML through an assignment", `{% assign y = data.rich | safe_html %}<div>{{ y }}</div>`, `<div><b>b</b> <a href="https://e.example/">ok</a> bad </div>`},
		{"sanitised HTML loses its seal in another filter", `<div>{{ data.bold | safe_html | append: "" }}</div>`, `<div>&lt;b&gt;b&lt;/b&gt;</div>`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := renderHTML(t, tc.source, data(
				"x", attack, "p", "a?b /c", "liquid", "{{ data.p }}{% if %}", "lines", "a\r\nb\r<c", "bold", "<b>b</b>",
				"rich", `<b>b</b> <a href="https://e.example/" onclick="x()">ok</a> <a href="javascript:x()">bad</a> <script>x()</script><img src="https://e.example/pixel">`,
			))
			if err != nil {
				t.Fatalf("Render(%s): %v", tc.source, err)
			}
			if got != tc.want {
				t.Errorf("Render(%s)\n got %s\nwant %s", tc.source, got, tc.want)
			}
		})
	}
}

func TestOnlySafeLinksAreRendered(t *testing.T) {
	for _, tc := range []struct {
		link string
		want string // "": refused
	}{
		{"https://e.example/a?b=c&d=é", "https://e.example/a?b=c&amp;d=é"},
		{"HTTP://e.example", "HTTP://e.example"},
		{"mailto:a@e.example", "mailto:a@e.example"},
		{"tel:+77172574600", "tel:+77172574600"},
		{"  https://e.example/ ", "https://e.example/"},
		{`https://e.example/"><b>`, `https://e.example/&#34;&gt;&lt;b&gt;`},
		{"javascript:alert(1)", ""},
		{"JaVaScRiPt:alert(1)", ""},
		{"java\nscript:alert(1)", ""},
		{"\x01javascript:alert(1)", ""},
		{"data:text/html,x", ""},
		{"vbscript:x", ""},
		{"file:///etc/passwd", ""},
		{"//e.example", ""},
		{"/relative", ""},
		{"e.example", ""},
		{"https:e.example", ""},
		{"https:///x", ""},
		{"https://e.example/ x", ""},
		{"", ""},
	} {
		got, err := renderHTML(t, `<a href="{{ data.link }}">x</a>`, data("link", tc.link))
		if tc.want == "" {
			if failed, ok := errors.AsType[*RenderError](err); !ok || failed.Code != "bad_url" {
				t.Errorf("link %q: got %q, %v, want bad_url", tc.link, got, err)
			}
			continue
		}
		if want := `<a href="` + tc.want + `">x</a>`; err != nil || got != want {
			t.Errorf("link %q: got %q, %v, want %q", tc.link, got, err, want)
		}
	}
}

func TestHeadersStayOneLine(t *testing.T) {
	v := mail("en", "<p>x</p>")
	v.Variants[0].Subject = " {{ data.x }}\n!"
	v.Variants[0].Preheader = "{{ data.x }}"
	v.Variants[0].Text = "{{ data.x }} <b>&"
	content, err := compiled(t, v).Render(vocab.Email, "en", data("x", "Hi\r\nBcc: a@e.example\r\n\r\n\x00<body>\u2028end\u0085."))
	if err != nil {
		t.Fatal(err)
	}
	want := "Hi Bcc: a@e.example <body> end ."
	if content.Subject != want+" !" || content.Preheader != want {
		t.Errorf("Subject = %q, Preheader = %q, want %q on one line", content.Subject, content.Preheader, want)
	}
	if want := "Hi\nBcc: a@e.example\n\n<body>\nend\n. <b>&\n"; content.Text != want {
		t.Errorf("Text = %q, want %q: no escaping, no control characters", content.Text, want)
	}
}

// hostile makes texts out of the pieces that attacks are made of.
func hostile() *rapid.Generator[string] {
	piece := rapid.SampledFrom([]string{
		`"`, `'`, `<`, `>`, `&`, `</`, `<script>`, `</script>`, `<!--`, `-->`, `<style>`, `{{`, `}}`, `{% `, ` %}`, "\r\n", "\x00", " ", "=",
		"javascript:", "https://e.example/", "onerror=x", "<img src=x>", "&#39;", "\u2028", "қ", "😀", "\xff", "]]>", "`", "/",
	})
	return rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "pieces"), "") })
}

// Whatever the data are, the HTML has the tags of the template and no others.
func TestPropertyDataNeverAddTags(t *testing.T) {
	const source = `<div title="{{ data.a }}"><p>{{ data.b }}</p><a href="https://e.example/{{ data.a }}?x={{ data.b }}">{{ data.a | newline_to_br }}</a>` +
		`{% for x in data.list %}<b>{{ x }}</b>{% endfor %}</div>`
	c := compiled(t, mail("en", source))
	rapid.Check(t, func(t *rapid.T) {
		a, b := hostile().Draw(t, "a"), hostile().Draw(t, "b")
		content, err := c.Render(vocab.Email, "en", data("a", a, "b", b, "list", []any{a, b}))
		if err != nil {
			t.Fatalf("Render: %v", err)
		}
		var tags []string
		for z := html.NewTokenizer(strings.NewReader(content.HTML)); ; {
			kind := z.Next()
			if kind == html.ErrorToken {
				break
			}
			if kind == html.TextToken || kind == html.EndTagToken {
				continue
			}
			token := z.Token()
			if token.Data != "br" {
				tags = append(tags, token.Data)
			}
			if allowed := map[string]int{"div": 1, "a": 1}[token.Data]; len(token.Attr) != allowed {
				t.Fatalf("tag %s has attributes %v", token.Data, token.Attr)
			}
		}
		if got := strings.Join(tags, " "); got != "div p a b b" {
			t.Fatalf("tags %s in %s", got, content.HTML)
		}
	})
}

// FuzzRender: no source and no data make it panic, run for ever, or let a script out of the data.
func FuzzRender(f *testing.F) {
	for _, seed := range []string{
		`<p>{{ data.x }}</p>`, `<a href="{{ data.x }}">`, `{% for i in (1..999999999) %}{{ i }}{% endfor %}`, `{{ data.x | safe_html | upcase }}`,
		`{% if data.x contains "a" %}<b>{% else %}<b>{% endif %}{{ data.list | join: data.x }}</b>`, `{{ 1 | divided_by: 0 }}`, `{%- case data.x -%}{% when nil %}{% endcase %}`,
		`{% assign s = data.x %}{% for i in data.list reversed limit:2 %}{% assign s = s | append: s %}{{ s | truncate: i }}{% endfor %}`,
		`<!--[if mso]>{{ data.x }}<![endif]--><style>a{}</style><img src='{{ data.x }}'>`, `{{ data.list[0] }}{{ data["x"].size }}{{ data.list.first }}`,
		`{{ "a" | date: "long" }}{{ data.x | split: "" | last }}{{ -9 | round: 99 }}`, "{{", "{% raw %}", "<", `<p {{ data.x }}>`, `{{ (data.x) | size }}{{ data.x >= 3 }}`,
	} {
		f.Add(seed, `<script>alert(1)</script>`)
		f.Add(seed, "https://e.example/")
	}
	f.Fuzz(func(t *testing.T, source, value string) {
		v := mail("en", source)
		v.Variants = append(v.Variants, Variant{Language: "kk", Channel: vocab.SMS, SMS: source})
		c, err := Compile(v)
		if err != nil {
			return
		}
		vars := data("x", value, "list", []any{value, 3, 2.5, true, nil, map[string]any{"x": value}})
		if _, err := c.Render(vocab.SMS, "kk", vars); err != nil && strings.HasPrefix(err.Error(), "internal") {
			t.Logf("contained: %v", err)
		}
		content, err := c.Render(vocab.Email, "en", vars)
		if err == nil && strings.Contains(strings.ToLower(content.HTML), "<script") {
			t.Errorf("a script got out: %q", content.HTML)
		}
	})
}

// FuzzSpot: the follower of HTML never panics and agrees with itself however a text is cut into pieces.
func FuzzSpot(f *testing.F) {
	f.Add(`<a href="https://e.example/x?y">t</a><!-- c --><style>p{}</style>`, 7)
	f.Add(`<!--[if !mso]><!--><p title='x'><!--<![endif]-->`, 20)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		var whole, pieces spot
		if cut < 0 || cut > len(text) || whole.feed(text) != nil || pieces.feed(text[:cut]) != nil {
			return
		}
		if pieces.mode != valueMode { // other places are not promised to be cut: liquid tags inside marks are refused or odd
			return
		}
		if err := pieces.feed(text[cut:]); err != nil || pieces != whole {
			t.Errorf("cut at %d: %+v, %v, want %+v", cut, pieces, err, whole)
		}
	})
}
