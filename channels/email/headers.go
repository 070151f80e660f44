package email

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The line lengths of RFC 5322 section 2.1.1, in bytes without CRLF.
const (
	softLine = 76 // what RFC 2047 section 2 allows a line with an encoded word
	hardLine = 998
)

// The ways in which a header cannot be written. None repeats the value, which may be personal data.
var (
	errLineBreak   = errors.New("holds a line break or NUL")
	errNotUTF8     = errors.New("is not UTF-8")
	errTooLong     = errors.New("has a word that does not fit a line of 998 bytes")
	errHeaderName  = errors.New("is not a header name")
	errReserved    = errors.New("is set by the channel itself")
	errNotEncoding = errors.New("holds addresses and must be ASCII")
)

// encodedWord is what a reader would decode (RFC 2047 section 2), so text that looks like it must be encoded itself.
var encodedWord = regexp.MustCompile(`=\?[^? ]+\?[bBqQ]\?[^? ]*\?=`)

// reserved are the fields a caller may not add: each exists exactly once, is about MIME, or would name more recipients.
var reserved = map[string]bool{
	"from": true, "to": true, "cc": true, "bcc": true, "sender": true, "reply-to": true, "subject": true, "date": true,
	"message-id": true, "mime-version": true, "return-path": true,
}

// checkName accepts the field names of RFC 5322 section 3.6.8 that callers may add.
func checkName(name string) error {
	if name == "" || len(name) > softLine {
		return errHeaderName
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' || name[i] == ':' {
			return errHeaderName
		}
	}
	if name[0] == '.' { // a line that begins with a dot is SMTP's own matter
		return errHeaderName
	}
	lower := strings.ToLower(name)
	if reserved[lower] || strings.HasPrefix(lower, "content-") || strings.HasPrefix(lower, "resent-") {
		return errReserved
	}
	return nil
}

// checkValue refuses what could end a header early: that is how foreign headers and bodies are injected.
func checkValue(value string) error {
	if strings.ContainsAny(value, "\r\n\x00") {
		return errLineBreak
	}
	if !utf8.ValidString(value) {
		return errNotUTF8
	}
	return nil
}

// headerBlock writes header fields. Its first error stops it.
type headerBlock struct {
	wire []byte
	err  error
}

// text writes an unstructured field; what is not plain ASCII becomes encoded words.
func (b *headerBlock) text(name, value string) {
	if !b.check(name, value) {
		return
	}
	b.fold(name, words(value))
}

// extra writes a caller's field. A value that begins with "<" holds addresses (List-Unsubscribe, List-Id after RFC 2369 and
// RFC 2919): encoding would break it, so it is written as it is, folded only where it has a space.
func (b *headerBlock) extra(name, value string) {
	if b.err != nil {
		return
	}
	if err := checkName(name); err != nil {
		b.err = fmt.Errorf("header %q %w", name, err)
		return
	}
	if !strings.HasPrefix(value, "<") {
		b.text(name, value)
		return
	}
	if !b.check(name, value) {
		return
	}
	if !isPrintable(value) {
		b.err = fmt.Errorf("header %s %w", name, errNotEncoding)
		return
	}
	b.fold(name, strings.Fields(value))
}

// mailbox writes an address field with at most one mailbox.
func (b *headerBlock) mailbox(name, display string, address wireAddress) {
	if !b.check(name, display) {
		return
	}
	b.fold(name, append(phrase(display), "<"+address.text+">"))
}

func (b *headerBlock) check(name, value string) bool {
	if b.err != nil {
		return false
	}
	if err := checkValue(value); err != nil {
		b.err = fmt.Errorf("header %s %w", name, err)
		return false
	}
	return true
}

// fold writes a field, breaking lines between words (RFC 5322 section 2.2.3). The first word stays on the first line,
// because some readers lose a field that begins with a fold. A name cannot begin with a dot and the other lines begin with a space, so that
// nothing has to be doubled for the wire.
func (b *headerBlock) fold(name string, words []string) {
	b.wire = append(append(b.wire, name...), ':')
	line := len(name) + 1
	for i, word := range words {
		if i > 0 && line+1+len(word) > softLine {
			b.wire = append(b.wire, "\r\n"...)
			line = 0
		}
		line += 1 + len(word)
		if line > hardLine {
			b.err = fmt.Errorf("header %s %w", name, errTooLong)
			return
		}
		b.wire = append(append(b.wire, ' '), word...)
	}
	b.wire = append(b.wire, "\r\n"...)
}

// words splits a text at single spaces, or encodes all of it when readers would not give it back as it is.
func words(value string) []string {
	if value == "" {
		return nil
	}
	if isPlain(value) {
		return strings.Split(value, " ")
	}
	return encode(value)
}

// phrase is a display name: as it is, quoted, or encoded (RFC 5322 section 3.2.5).
func phrase(display string) []string {
	if display == "" {
		return nil
	}
	if !isPlain(display) {
		return encode(display)
	}
	if !strings.ContainsAny(display, `"\()<>[]:;@,.`) {
		return strings.Split(display, " ")
	}
	return strings.Split(quoted(display), " ")
}

// quoted is a quoted-string (RFC 5322 section 3.2.4) of printable ASCII.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// isPlain says whether a text survives a header unencoded: printable ASCII, no word that looks encoded or is too long to
// fold, and no spaces that readers trim or merge.
func isPlain(value string) bool {
	if !isPrintable(value) || strings.Contains(value, "=?") && encodedWord.MatchString(value) || strings.Contains(value, "  ") ||
		strings.HasPrefix(value, " ") || strings.HasSuffix(value, " ") {
		return false
	}
	for word := range strings.SplitSeq(value, " ") {
		if len(word) > hardLine-softLine {
			return false
		}
	}
	return true
}

func isPrintable(value string) bool {
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return false
		}
	}
	return true
}

// encodedBytes is how much text one encoded word of at most 75 characters takes in base 64 (RFC 2047 section 2); a little
// less, so that the first word fits beside most names.
const encodedBytes = 39

// encode writes base 64, never Q: for Cyrillic it is half as long. Words end between characters, as RFC 2047 section 5 asks.
func encode(value string) []string {
	var out []string
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
