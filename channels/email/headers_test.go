package email

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// The long way to write a field: all words first, then the folds. The short way must come to the same bytes.

func foldedField(name string, words []string) (string, bool) {
	var b strings.Builder
	b.WriteString(name + ":")
	line := len(name) + 1
	for i, word := range words {
		if i > 0 && line+1+len(word) > softLine {
			b.WriteString("\r\n")
			line = 0
		}
		line += 1 + len(word)
		if line > hardLine {
			return "", false
		}
		b.WriteString(" " + word)
	}
	return b.String() + "\r\n", true
}

func survivesUnencoded(value string) bool {
	for word := range strings.SplitSeq(value, " ") {
		if len(word) > hardLine-softLine || word == "" && value != "" {
			return false
		}
	}
	return isPrintable(value) && !encodedWord.MatchString(value)
}

func encodedWords(value string) (out []string) {
	for value != "" {
		end := min(encodedBytes, len(value))
		for end < len(value) && !utf8.RuneStart(value[end]) {
			end--
		}
		out = append(out, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(value[:end]))+"?=")
		value = value[end:]
	}
	return out
}

func TestFieldsAreWhatTheLongWayWrites(t *testing.T) {
	value := rapid.OneOf(
		rapid.StringOfN(rapid.RuneFrom([]rune("ab ,.\"\\=?<>")), 0, 120, -1),
		rapid.StringOfN(rapid.RuneFrom([]rune("жәҚ a😀")), 0, 120, -1),
		rapid.Map(rapid.SliceOfN(rapid.StringMatching(`[!-~]{1,90}`), 0, 9), func(words []string) string { return strings.Join(words, " ") }),
		rapid.SampledFrom([]string{"=?utf-8?q?x?=", "a =?utf-8?b?eA==?= b", "=?no", strings.Repeat("x", 922), strings.Repeat("x", 923), strings.Repeat("<", 480)}),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := value.Draw(t, "value")
		words, display := encodedWords(text), encodedWords(text)
		if survivesUnencoded(text) {
			words, display = strings.Split(text, " "), strings.Split(text, " ")
			if strings.ContainsAny(text, `"\()<>[]:;@,.`) {
				display = strings.Split(quoted(text), " ")
			}
		}
		if text == "" {
			words, display = nil, nil
		}
		var b headerBlock
		b.text("Subject", text)
		if want, fits := foldedField("Subject", words); (b.err == nil) != fits || fits && string(b.wire) != want {
			t.Errorf("text %q: %q, %v, want %q", text, b.wire, b.err, want)
		}
		b = headerBlock{}
		b.mailbox("From", text, wireAddress{text: "a@example.kz"})
		if want, fits := foldedField("From", append(display, "<a@example.kz>")); (b.err == nil) != fits || fits && string(b.wire) != want {
			t.Errorf("mailbox %q: %q, %v, want %q", text, b.wire, b.err, want)
		}
		if !isPrintable(text) {
			return
		}
		b = headerBlock{}
		b.extra("List-Unsubscribe", "<"+text)
		if want, fits := foldedField("List-Unsubscribe", strings.Fields("<"+text)); (b.err == nil) != fits || fits && string(b.wire) != want {
			t.Errorf("extra %q: %q, %v, want %q", "<"+text, b.wire, b.err, want)
		}
	})
}
