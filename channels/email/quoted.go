package email

import (
	"strings"
	"unicode/utf8"

	"github.com/orleu/elshi/channels"
)

// qpLine is how much text a line of quoted-printable takes, without the "=" of a soft line break (RFC 2045 section 6.7 rule 5).
const qpLine = 75

// qpLiteral are the bytes that stand for themselves in quoted-printable. A space at the end of a line is put right afterwards.
var qpLiteral = func() (table [256]bool) {
	for c := ' '; c <= '~'; c++ {
		table[c] = c != '='
	}
	table['\t'] = true
	return table
}()

const upperHex = "0123456789ABCDEF"

const softBreak = "=\r\n"

// appendQuoted appends a text as quoted-printable (RFC 2045 section 6.7), ready for the wire: every kind of line break becomes CRLF, and
// a dot at the beginning of a line is encoded, so that no line needs its dot doubled (RFC 5321 section 4.5.2). It begins at the beginning
// of a line; where it ends, the text ends.
//
// What is marked as fixed is encoded once for all messages and copied. It was encoded from the beginning of a line, so it gets one of
// its own wherever its first line does not fit beside what stands before it: readers see no difference. False says that the text is not UTF-8.
func appendQuoted(dst []byte, text string, marks []channels.Mark) (_ []byte, valid bool) {
	column, done := 0, 0
	for _, m := range marks {
		if !m.In(text, done) || splitsLineBreak(text, m) {
			continue
		}
		form, ok := m.Fixed.Form(quote).(*quotedForm)
		if !ok || !form.valid {
			continue
		}
		own := text[done:m.At]
		if !utf8.ValidString(own) {
			return dst, false
		}
		dst, column = endLine(appendRun(dst, column, own))
		dst, column = form.append(dst, column)
		done = m.At + len(m.Fixed.Text)
	}
	if !utf8.ValidString(text[done:]) {
		return dst, false
	}
	dst, _ = endLine(appendRun(dst, column, text[done:]))
	return dst, true
}

// splitsLineBreak says whether a CRLF of the text belongs to the mark by half. It is one line break, and would be two.
func splitsLineBreak(text string, m channels.Mark) bool {
	begin, end := m.At, m.At+len(m.Fixed.Text)
	halves := func(at int) bool { return at > 0 && at < len(text) && text[at-1] == '\r' && text[at] == '\n' }
	return halves(begin) || halves(end)
}

// quotedForm is a fixed text as quoted-printable that can stand at any column where its first line fits, and before and after any text: a dot
// at its beginning and a space at its end are encoded, because nobody knows what stands beside them.
type quotedForm struct {
	valid bool // UTF-8, and more than nothing: nothing fits between the bytes of a letter
	wire  string
	first int // what its first line adds to the column, without the "=" of a soft line break
	last  int // the column after it, if it has several lines; else -1
}

func quote(text string) any {
	dst, column := endLine(appendRun(nil, 0, text))
	q := &quotedForm{valid: text != "" && utf8.ValidString(text), wire: string(dst), first: len(dst), last: -1}
	if end := strings.Index(q.wire, "\r\n"); end >= 0 {
		q.first, q.last = len(strings.TrimSuffix(q.wire[:end], "=")), column
	}
	return q
}

func (q *quotedForm) append(dst []byte, column int) ([]byte, int) {
	if column+q.first > qpLine {
		dst, column = append(dst, softBreak...), 0
	}
	dst = append(dst, q.wire...)
	if q.last < 0 {
		return dst, column + q.first
	}
	return dst, q.last
}

// appendRun appends a text at a column and returns the column after it. The text may end in a space.
func appendRun(dst []byte, column int, text string) ([]byte, int) {
	for i := 0; i < len(text); {
		c := text[i]
		if qpLiteral[c] && (column > 0 || c != '.') {
			if column == qpLine {
				dst, column = append(dst, softBreak...), 0
				continue // a dot may stand at the beginning now
			}
			end := i + 1
			for limit := min(len(text), i+qpLine-column); end < limit && qpLiteral[text[end]]; {
				end++
			}
			dst = append(dst, text[i:end]...)
			column += end - i
			i = end
			continue
		}
		if c == '\n' || c == '\r' {
			dst, _ = endLine(dst, column)
			dst, column = append(dst, "\r\n"...), 0
			i++
			if c == '\r' && i < len(text) && text[i] == '\n' {
				i++
			}
			continue
		}
		if column+3 > qpLine {
			dst, column = append(dst, softBreak...), 0
		}
		dst = append(dst, '=', upperHex[c>>4], upperHex[c&15])
		column += 3
		i++
	}
	return dst, column
}

// endLine encodes a space or tab that a line would end in, where relays may drop it.
func endLine(dst []byte, column int) ([]byte, int) {
	if column == 0 {
		return dst, 0
	}
	last := dst[len(dst)-1]
	if last != ' ' && last != '\t' {
		return dst, column
	}
	dst, column = dst[:len(dst)-1], column-1
	if column+3 > qpLine {
		dst, column = append(dst, softBreak...), 0
	}
	return append(dst, '=', upperHex[last>>4], upperHex[last&15]), column + 3
}
