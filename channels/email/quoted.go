package email

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

// appendQuoted appends a text as quoted-printable (RFC 2045 section 6.7), ready for the wire: every kind of line break becomes CRLF, and
// a dot at the beginning of a line is encoded, so that no line needs its dot doubled (RFC 5321 section 4.5.2). It begins at the beginning
// of a line; where it ends, the text ends.
func appendQuoted(dst []byte, text string) []byte {
	column := 0
	for i := 0; i < len(text); {
		c := text[i]
		if qpLiteral[c] && (column > 0 || c != '.') {
			if column == qpLine {
				dst, column = append(dst, "=\r\n"...), 0
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
			dst = append(endLine(dst, column), "\r\n"...)
			column = 0
			i++
			if c == '\r' && i < len(text) && text[i] == '\n' {
				i++
			}
			continue
		}
		if column+3 > qpLine {
			dst, column = append(dst, "=\r\n"...), 0
		}
		dst = append(dst, '=', upperHex[c>>4], upperHex[c&15])
		column += 3
		i++
	}
	return endLine(dst, column)
}

// endLine encodes a space or tab that a line would end in, where relays may drop it.
func endLine(dst []byte, column int) []byte {
	if column == 0 {
		return dst
	}
	last := dst[len(dst)-1]
	if last != ' ' && last != '\t' {
		return dst
	}
	dst = dst[:len(dst)-1]
	if column+2 > qpLine {
		dst = append(dst, "=\r\n"...)
	}
	return append(dst, '=', upperHex[last>>4], upperHex[last&15])
}
