package evidence_test

import (
	"bytes"
	"compress/zlib"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/orleu/elshi/evidence"
	"github.com/orleu/elshi/vocab"
)

var (
	streams = regexp.MustCompile(`(?s)stream\n(.*?)\nendstream`)
	shown   = regexp.MustCompile(`(?s)BT [0-9. -]+ Td \(((?:\\.|[^\\)])*)\)Tj`)
)

// pagesOf inflates the streams of a PDF that are pages and returns what they show, line by line: text is UTF-16 in strings, and what is copied
// from the PDF is the same by its ToUnicode table.
func pagesOf(t testing.TB, pdf []byte) (text []string) {
	t.Helper()
	for _, m := range streams.FindAllSubmatch(pdf, -1) {
		r, err := zlib.NewReader(bytes.NewReader(m[1]))
		if err != nil {
			continue // none that is compressed
		}
		content, err := io.ReadAll(r)
		if err != nil || !bytes.Contains(content, []byte(")Tj ET")) {
			continue
		}
		for _, s := range shown.FindAllSubmatch(content, -1) {
			text = append(text, unescape(s[1]))
		}
	}
	return text
}

func unescape(s []byte) string {
	var raw []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			if s[i] == 'r' {
				raw = append(raw, '\r')
				continue
			}
		}
		raw = append(raw, s[i])
	}
	var units []uint16
	for i := 0; i+1 < len(raw); i += 2 {
		units = append(units, uint16(raw[i])<<8|uint16(raw[i+1]))
	}
	return string(utf16.Decode(units))
}

func pdfOf(t testing.TB, w *world, s evidence.Sealed) []byte {
	t.Helper()
	var pdf bytes.Buffer
	if err := w.maker(t).PDF(&pdf, s); err != nil {
		t.Fatal(err)
	}
	return pdf.Bytes()
}

func TestThePDFSaysWhatThePageSays(t *testing.T) {
	for _, lang := range vocab.Languages() {
		w := newWorld(t)
		s := w.of(t, lang)
		pdf := pdfOf(t, w, s)
		text := strings.Join(strings.Fields(strings.Join(pagesOf(t, pdf), " ")), " ")
		dense := strings.ReplaceAll(text, " ", "") // long words are broken over lines
		for _, want := range []string{
			s.Document.Summary.Verdict, s.Document.Summary.Outcome, "Әйгерім Құсайынқызы Ғабдуллина", "Жаңалықтар: көктемгі курстарға тіркелу ашылды",
			s.Document.Words.Text.Statement, s.Document.Words.Text.Withdrawal, "aigul.serikkyzy@example.org", s.Document.Entries[1].Entry.Hash,
			s.Document.PublicKey, s.Seal, string(granted), "4Bx9", s.Document.Operator.Name,
		} {
			if !strings.Contains(dense, strings.Join(strings.Fields(want), "")) {
				t.Errorf("%s: the PDF has no %q\n%s", lang, want, text)
			}
		}
		pages := regexp.MustCompile(`/Count (\d+)`).FindSubmatch(pdf)
		n, err := strconv.Atoi(string(pages[1]))
		if err != nil || n < 2 || n > 4 {
			t.Errorf("%s: %d pages, %v", lang, n, err)
		}
		for _, want := range []string{"/Lang (" + string(lang) + ")", "/CreationDate (D:20261123050000", "/EmbeddedFiles", "/ToUnicode"} {
			if !bytes.Contains(pdf, []byte(want)) {
				t.Errorf("%s: the PDF has no %q", lang, want)
			}
		}
		if !bytes.Contains(attached(t, pdf), s.JSON) {
			t.Errorf("%s: the JSON document is not attached", lang)
		}
		for range 3 {
			if again := pdfOf(t, w, s); !bytes.Equal(pdf, again) {
				t.Errorf("%s: the same document is not the same PDF", lang)
			}
		}
	}
}

// attached returns all streams of a PDF, inflated.
func attached(t testing.TB, pdf []byte) []byte {
	t.Helper()
	var all []byte
	for _, m := range streams.FindAllSubmatch(pdf, -1) {
		if r, err := zlib.NewReader(bytes.NewReader(m[1])); err == nil {
			content, err := io.ReadAll(r)
			if err == nil {
				all = append(all, content...)
			}
		}
	}
	return all
}

func TestNoTextBreaksThePDF(t *testing.T) {
	var every strings.Builder
	for r := rune(1); r <= 0xFFFF; r++ {
		every.WriteRune(r)
		if r%50 == 0 {
			every.WriteByte('\n')
		}
	}
	for name, words := range map[string]string{
		"every letter":       every.String(),
		"emoji and controls": "a😀\x00\x1b[31m\u202e\u200b\r\n\tb",
		"no valid text":      "\xff\xfe broken \xc3",
		"a word of pages":    strings.Repeat("Ә", 30_000),
		"many lines":         strings.Repeat("line\n", 400),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.attempts[0].Detail, w.content.Subject, w.addressee.Name = words, words, words
			s := w.of(t, vocab.Kazakh)
			text := pagesOf(t, pdfOf(t, w, s))
			if !slices.Contains(text, "relay") || len(text) < 100 {
				t.Errorf("the PDF has %d lines and does not go on behind the words", len(text))
			}
			var page bytes.Buffer
			if err := w.maker(t).Page(&page, s); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestThePageStandsByItself(t *testing.T) {
	for _, lang := range vocab.Languages() {
		w := newWorld(t)
		w.addressee.Name = `<script>alert(1)</script>`
		s := w.of(t, lang)
		var out bytes.Buffer
		if err := w.maker(t).Page(&out, s); err != nil {
			t.Fatal(err)
		}
		page := out.String()
		for _, want := range []string{
			`<html lang="` + string(lang) + `">`, "@media print", `download="evidence-` + string(aMessage) + `.json" href="data:application/json;base64,`,
			"&lt;script&gt;", string(granted), "elshi-proof --public-key",
		} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page has no %q", lang, want)
			}
		}
		for _, never := range []string{"<script", "http-equiv", " src=", "<link", "url(", "@import"} {
			if strings.Contains(page, never) {
				t.Errorf("%s: the page has %q", lang, never)
			}
		}
		facts, verdict := strings.Index(page, "</dl>"), strings.Index(page, `class="verdict"`)
		if verdict < facts || strings.Index(page, "<h2>") < verdict {
			t.Errorf("%s: the verdict does not come first", lang)
		}
	}
}
