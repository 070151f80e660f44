package email

import (
	"bytes"
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
	var small [softLine]byte
	for i := range len(name) {
		c := name[i]
		if c <= ' ' || c > '~' || c == ':' {
			return errHeaderName
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		small[i] = c
	}
	if name[0] == '.' { // a line that begins with a dot is SMTP's own matter
		return errHeaderName
	}
	lower := small[:len(name)]
	if reserved[string(lower)] || bytes.HasPrefix(lower, []byte("content-")) || bytes.HasPrefix(lower, []byte("resent-")) {
		return errReserved
	}
	return nil
}

// checkValue refuses what could end a header early: that is how foreign headers and bodies are injected.
func checkValue(value string) error {
	if isPrintable(value) {
		return nil
	}
	if strings.IndexByte(value, '\r') >= 0 || strings.IndexByte(value, '\n') >= 0 || strings.IndexByte(value, 0) >= 0 {
		return errLineBreak
	}
	if !utf8.ValidString(value) {
		return errNotUTF8
	}
	return nil
}

// headerBlock writes header fields, breaking lines between words (RFC 5322 section 2.2.3). The first word stays on the first line,
// because some readers lose a field that begins with a fold. A name cannot begin with a dot and the other lines begin with a space, so that
// nothing has to be doubled for the wire. Its first error stops it.
type headerBlock struct {
	wire  []byte
	name  string // of the field being written
	line  int    // bytes of its last line
	words int
	err   error
}

// text writes an unstructured field; what is not plain ASCII becomes encoded words.
func (b *headerBlock) text(name, value string) {
	if !b.begin(name, value) {
		return
	}
	switch {
	case value == "":
	case isPlain(value):
		b.split(value)
	default:
		b.encode(value)
	}
	b.end()
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
	if !b.begin(name, value) {
		return
	}
	if !isPrintable(value) {
		b.err = fmt.Errorf("header %s %w", name, errNotEncoding)
		return
	}
	for value != "" {
		word, rest, _ := strings.Cut(value, " ")
		if word != "" {
			b.word("", word, "")
		}
		value = rest
	}
	b.end()
}

// mailbox writes an address field with one mailbox. Its display name stands as it is, quoted, or encoded (RFC 5322 section 3.2.5).
func (b *headerBlock) mailbox(name, display string, address wireAddress) {
	if !b.begin(name, display) {
		return
	}
	switch {
	case display == "":
	case !isPlain(display):
		b.encode(display)
	case strings.ContainsAny(display, `"\()<>[]:;@,.`):
		b.split(quoted(display))
	default:
		b.split(display)
	}
	b.word("<", address.text, ">")
	b.end()
}

func (b *headerBlock) begin(name, value string) bool {
	if b.err != nil {
		return false
	}
	if err := checkValue(value); err != nil {
		b.err = fmt.Errorf("header %s %w", name, err)
		return false
	}
	b.wire = append(append(b.wire, name...), ':')
	b.name, b.line, b.words = name, len(name)+1, 0
	return true
}

func (b *headerBlock) end() { b.wire = append(b.wire, "\r\n"...) }

// word writes one word, of three parts so that nobody has to join them.
func (b *headerBlock) word(before, word, after string) {
	if !b.space(len(before) + len(word) + len(after)) {
		return
	}
	b.wire = append(append(append(b.wire, before...), word...), after...)
}

// space writes the space before a word of n bytes, and a fold if the line is full.
func (b *headerBlock) space(n int) bool {
	if b.words > 0 && b.line+1+n > softLine {
		b.wire = append(b.wire, "\r\n"...)
		b.line = 0
	}
	b.line += 1 + n
	b.words++
	if b.line > hardLine {
		b.err = fmt.Errorf("header %s %w", b.name, errTooLong)
		return false
	}
	b.wire = append(b.wire, ' ')
	return true
}

// split writes a text that has one space between each two of its words.
func (b *headerBlock) split(text string) {
	for found := true; found && b.err == nil; {
		var word string
		word, text, found = strings.Cut(text, " ")
		b.word("", word, "")
	}
}

var quotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// quoted is a quoted-string (RFC 5322 section 3.2.4) of printable ASCII.
func quoted(text string) string { return `"` + quotes.Replace(text) + `"` }

// isPlain says whether a text survives a header unencoded: printable ASCII, no word that looks encoded or is too long to
// fold, and no spaces that readers trim or merge.
func isPlain(value string) bool {
	word, looksEncoded := 0, false
	for i := range len(value) {
		switch c := value[i]; {
		case c == ' ':
			if word == 0 {
				return false
			}
			word = 0
		case c < ' ' || c > '~' || word == hardLine-softLine:
			return false
		default:
			word++
			looksEncoded = looksEncoded || c == '?' && i > 0 && value[i-1] == '='
		}
	}
	return (word > 0 || value == "") && (!looksEncoded || !encodedWord.MatchString(value))
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
func (b *headerBlock) encode(value string) {
	for value != "" && b.err == nil {
		end := min(encodedBytes, len(value))
		for end < len(value) && !utf8.RuneStart(value[end]) {
			end--
		}
		if !b.space(len("=?utf-8?b?") + base64.StdEncoding.EncodedLen(end) + len("?=")) {
			return
		}
		var piece [encodedBytes]byte
		b.wire = append(b.wire, "=?utf-8?b?"...)
		b.wire = base64.StdEncoding.AppendEncode(b.wire, piece[:copy(piece[:], value[:end])])
		b.wire = append(b.wire, "?="...)
		value = value[end:]
	}
}
