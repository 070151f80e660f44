package email

import (
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/channels"
)

// awkward are texts that are hard on quoted-printable: dots and spaces where lines may break, every kind of line break, letters of three
// and more encoded bytes.
func awkward() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringOfN(rapid.RuneFrom([]rune("..  \t\r\n=ab")), 0, 300, -1), rapid.StringN(0, 200, -1),
		rapid.StringOfN(rapid.RuneFrom([]rune("abc .")), 60, 100, -1), rapid.StringOfN(rapid.RuneFrom([]rune("жәҚ a.\n")), 0, 200, -1),
	)
}

// unfit returns the first line that is not fit for the wire: too long, with a dot that is not doubled, or with a space that relays may drop.
func unfit(wire string) (line string, found bool) {
	for line := range strings.SplitSeq(wire, "\r\n") {
		if len(line) > 76 || strings.HasPrefix(line, ".") || strings.HasSuffix(line, " ") || strings.HasSuffix(line, "\t") ||
			strings.ContainsAny(line, "\r\n") {
			return line, true
		}
	}
	return "", false
}

// readQuoted decodes as Go's own reader does.
func readQuoted(t interface{ Fatalf(string, ...any) }, wire string) string {
	got, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(wire)))
	if err != nil {
		t.Fatalf("%q cannot be read: %v", wire, err)
	}
	return string(got)
}

// wireBreaks is a text with every line break as CRLF.
func wireBreaks(text string) string {
	return strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(text)
}

// Quoted-printable reads back as what was written, with every line break as CRLF, and is fit for the wire.
func TestQuotedPrintable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := awkward().Draw(t, "text")
		wire, valid := appendQuoted([]byte("before\r\n"), text, nil)
		quoted := string(wire)[len("before\r\n"):]
		if line, found := unfit(quoted); found || !valid {
			t.Fatalf("appendQuoted(%q) has the line %q", text, line)
		}
		if got := readQuoted(t, quoted); got != wireBreaks(text) {
			t.Fatalf("appendQuoted(%q) = %q, which reads back as %q", text, quoted, got)
		}
	})
}

// However a text is cut into what is fixed and what is a message's own, readers find the same text in it, and it is as fit for the wire.
func TestFixedTextsReadTheSame(t *testing.T) {
	kept := map[string]*channels.Fixed{} // forms are used many times, at many columns
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(awkward(), 0, 6).Draw(t, "pieces"), "")
		cuts := rapid.SliceOfN(rapid.IntRange(0, len(text)), 0, 10).Draw(t, "cuts")
		slices.Sort(cuts)
		var marks []channels.Mark
		for i := 0; i+1 < len(cuts); i++ {
			if rapid.Bool().Draw(t, "own") {
				continue
			}
			piece := text[cuts[i]:cuts[i+1]]
			if kept[piece] == nil {
				kept[piece] = &channels.Fixed{Text: piece}
			}
			marks = append(marks, channels.Mark{At: cuts[i], Fixed: kept[piece]})
		}
		wire, valid := appendQuoted([]byte("before\r\n"), text, marks)
		quoted := string(wire)[len("before\r\n"):]
		if line, found := unfit(quoted); found || !valid {
			t.Fatalf("%q cut at %v has the line %q", text, cuts, line)
		}
		if got := readQuoted(t, quoted); got != wireBreaks(text) {
			t.Fatalf("%q cut at %v is %q, which reads back as %q", text, cuts, quoted, got)
		}
	})
}

// Every length of a line before a fixed text meets every length of its first line: none becomes too long.
func TestJointsAtEveryColumn(t *testing.T) {
	for first := range qpLine + 5 {
		for _, rest := range []string{"", "\nrest", " ", "=", "."} {
			fixed := &channels.Fixed{Text: strings.Repeat("f", first) + rest}
			for before := range qpLine + 5 {
				own := strings.Repeat("o", before)
				text := own + fixed.Text + ".own\n"
				wire, _ := appendQuoted(nil, text, []channels.Mark{{At: len(own), Fixed: fixed}})
				if line, found := unfit(string(wire)); found || readQuoted(t, string(wire)) != wireBreaks(text) {
					t.Fatalf("%d before %q: %q, where %q is not fit", before, fixed.Text, wire, line)
				}
			}
		}
	}
}

// The text counts: marks that are not true of it are passed over, and so is what another kind of channel left in a fixed text.
func TestMarksThatAreNotTrueAreIgnored(t *testing.T) {
	hello := func() *channels.Fixed { return &channels.Fixed{Text: "hello "} }
	foreign := hello()
	foreign.Form(func(string) any { return 7 })
	text := "hello hello world. жә\r\n"
	want, _ := appendQuoted(nil, text, nil)
	for name, marks := range map[string][]channels.Mark{
		"another text":            {{At: 0, Fixed: &channels.Fixed{Text: "hallo "}}},
		"beyond the end":          {{At: 100, Fixed: hello()}},
		"over the end":            {{At: len(text) - 2, Fixed: hello()}},
		"before the beginning":    {{At: -1, Fixed: hello()}},
		"nothing":                 {{At: 0}},
		"another channel's form":  {{At: 0, Fixed: foreign}},
		"half a letter":           {{At: strings.Index(text, "ж") + 1, Fixed: &channels.Fixed{Text: "ж"[1:]}}},
		"half a line break":       {{At: len(text) - 2, Fixed: &channels.Fixed{Text: "\r"}}},
		"the other half of it":    {{At: len(text) - 1, Fixed: &channels.Fixed{Text: "\n"}}},
		"an end that was too far": {{At: 0, Fixed: &channels.Fixed{Text: text + "more"}}},
	} {
		if got, valid := appendQuoted(nil, text, marks); string(got) != string(want) || !valid {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	backwards := []channels.Mark{{At: 6, Fixed: hello()}, {At: 0, Fixed: hello()}, {At: 6, Fixed: hello()}}
	if got, _ := appendQuoted(nil, text, backwards); readQuoted(t, string(got)) != text {
		t.Errorf("marks that overlap: %q", got)
	}
}

func TestOnlyUTF8IsQuoted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(rapid.SampledFrom([]byte("ab\xd0\xb6\xff")), 0, 12).Draw(t, "text"))
		begin := rapid.IntRange(0, len(text)).Draw(t, "begin")
		end := rapid.IntRange(begin, len(text)).Draw(t, "end")
		_, valid := appendQuoted(nil, text, []channels.Mark{{At: begin, Fixed: &channels.Fixed{Text: text[begin:end]}}})
		if valid != utf8.ValidString(text) {
			t.Errorf("%q with %q fixed: valid %t", text, text[begin:end], valid)
		}
	})
}

// What is fixed is encoded once; a message that has it costs no more than copying it.
func TestFixedTextsAreEncodedOnce(t *testing.T) {
	fixed := &channels.Fixed{Text: "fixed "}
	calls := 0
	for range 3 {
		form := fixed.Form(func(text string) any { calls++; return quote(text) })
		if form.(*quotedForm).wire != "fixed=20" {
			t.Errorf("form %+v", form)
		}
	}
	if calls != 1 {
		t.Errorf("encoded %d times", calls)
	}
}

// Joints take a few bytes. A message that fits without them is not refused for them.
func TestJointsDoNotMakeAMailTooLong(t *testing.T) {
	m := sample(1)
	line := strings.Repeat("x", 34) + " " + strings.Repeat("x", 35) + "\n" // 72 bytes a line with CRLF, 74 if the space is encoded
	fixed := &channels.Fixed{Text: line[5:35]}
	m.Email.HTML = strings.Repeat(line, maxHTML/72)
	for at := 5; at < len(m.Email.HTML); at += len(line) {
		m.Email.HTMLMarks = append(m.Email.HTMLMarks, channels.Mark{At: at, Fixed: fixed})
	}
	flat := m
	plain := *m.Email
	plain.HTMLMarks = nil
	flat.Email = &plain
	got, err := compose(m)
	want, flatErr := compose(flat)
	if err != nil || flatErr != nil {
		t.Fatalf("compose = %v, without marks %v", err, flatErr)
	}
	if diff := cmp.Diff(string(want.wire), string(got.wire)); diff != "" {
		t.Errorf("with marks (+) and without (-):\n%s", diff)
	}
}
