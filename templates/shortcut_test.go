package templates

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The one look that most texts get must never see less than the long way does.
func TestShortcutsAreNoLoopholes(t *testing.T) {
	pieces := rapid.SampledFrom([]string{
		"https://", "http://", "a", "Z9", ".", "-", "_", "/", "?", "=", "&", "~", "@", ":", "#", "%41", "\"", "<", " ", "\t", "\n", "\u00a0", "\u2028", "ж", "\x80", "\x00", "\xd0", "\u0085", "\u0080", "\u07ff", "\u3000", "“", "&", "'", "\x7f", "\r",
	})
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(pieces, 0, 8).Draw(t, "pieces"), "")
		if isPlainLink(s) {
			link, err := url.Parse(s)
			if err != nil || link.Scheme != "https" || link.Host == "" || link.User != nil || escapeHTML(s) != s || strings.TrimSpace(s) != s {
				t.Errorf("%q is no plain link: %v", s, err)
			}
		}
		if want := strings.Join(strings.Fields(clean(s)), " "); isOneLine(s) && s != want {
			t.Errorf("%q is not one line, %q is", s, want)
		}
		if isClean(s) {
			for i, r := range s {
				if unwanted(r) || r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
					t.Errorf("%q is not clean", s)
				}
			}
		}
		if want := htmlEscaper.Replace(s); escapeHTML(s) != want {
			t.Errorf("%q is escaped as %q, want %q", s, escapeHTML(s), want)
		}
	})
}

func TestMostTextsTakeTheShortcut(t *testing.T) {
	if !isPlainLink("https://elshi.example/u/0123456789_abc-DEF?lang=kk") || !isOneLine("Жаңа курс: «Lesson Study»") {
		t.Error("links of our own pages and ordinary subjects go the long way")
	}
}

// A plain variable is looked up without liquid, and must be what liquid finds.
func TestPlainVariablesAreWhatLiquidFinds(t *testing.T) {
	value := rapid.OneOf(
		rapid.Map(rapid.IntRange(-5, 5), func(n int) any { return n }), rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }), rapid.Just[any](nil), rapid.Just[any]([]any{"x", 1}), rapid.Just[any](map[string]any{"b": "c"}),
		rapid.Just[any](json.Number("12.5")),
	)
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SampledFrom([]string{"data.a", "data.a.b", "data.a.size", "data.a.first", "data.missing", "data.a.b.c"}).Draw(t, "path")
		program, problems := parse("{{ "+path+" }}", false)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		r := newRendering(map[string]any{"data": map[string]any{"a": value.Draw(t, "a")}})
		defer r.done()
		r.config = register(setting{})
		short := program.nodes[0].(*output).expr
		long := *short
		long.keys = nil
		for _, lenient := range []bool{false, true} {
			got, failed := r.evaluate(short, lenient)
			want, refused := r.evaluate(&long, lenient)
			if len(short.keys) == 0 || !cmp.Equal(got, want) || fmt.Sprint(failed) != fmt.Sprint(refused) {
				t.Errorf("%s is %v (%v), and %v (%v) by liquid", path, got, failed, want, refused)
			}
		}
	})
}
