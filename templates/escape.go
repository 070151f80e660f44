package templates

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// linkSchemes are the schemes that a link made from data may have.
var linkSchemes = []string{"http", "https", "mailto", "tel"}

var htmlEscaper = strings.NewReplacer(`&`, "&amp;", `<`, "&lt;", `>`, "&gt;", `"`, "&#34;", `'`, "&#39;")

func escapeHTML(s string) string {
	for i := range len(s) {
		switch s[i] {
		case '&', '<', '>', '"', '\'':
			return htmlEscaper.Replace(s)
		}
	}
	return s
}

// clean makes data fit for any text: valid UTF-8, "\n" as the only line break, no control characters but it and the tab.
func clean(s string) string {
	if isClean(s) {
		return s
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(s)
	return strings.Map(func(r rune) rune {
		if unwanted(r) {
			return -1
		}
		return r
	}, s)
}

// isClean is the one look that nearly all data get: every output of every message comes by here.
func isClean(s string) bool {
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			size := cleanRune(s[i:])
			if size == 0 {
				return false
			}
			i += size
			continue
		}
		if c < ' ' && c != '\n' && c != '\t' || c == 0x7f {
			return false
		}
		i++
	}
	return true
}

// cleanRune returns the size of the character beyond ASCII that a text begins with, 0 if clean might change it. U+00C0 to U+07FF, where
// nearly all letters of our languages are, need no decoding.
func cleanRune(s string) int {
	if 0xc3 <= s[0] && s[0] <= 0xdf && len(s) > 1 && s[1]&0xc0 == 0x80 {
		return 2
	}
	r, size := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError || unwanted(r) {
		return 0
	}
	return size
}

func unwanted(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || r == '\u2028' || r == '\u2029')
}

// oneLine makes a header value: RFC 5322 knows no line break inside one, and a smuggled one would be a header of its own.
func oneLine(s string) string {
	if isOneLine(s) {
		return s
	}
	return strings.Join(strings.Fields(clean(s)), " ")
}

// isOneLine says that a text is clean and has nothing but single spaces between its words.
func isOneLine(s string) bool {
	before := byte(' ')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			size := cleanRune(s[i:])
			if size == 0 || size > 2 || c == 0xc2 && s[i+1] == 0xa0 { // U+00A0 and the spaces from U+1680 on
				return isOneLineOf(s[i:], before)
			}
			before = c
			i += size
			continue
		}
		if c < ' ' || c == 0x7f || c == ' ' && before == ' ' {
			return false
		}
		before = c
		i++
	}
	return before != ' '
}

// isOneLineOf is isOneLine for the rest of a text, character by character.
func isOneLineOf(s string, last byte) bool {
	before := rune(last)
	for _, r := range s {
		if r == ' ' && before == ' ' || r != ' ' && unicode.IsSpace(r) {
			return false
		}
		before = r
	}
	return before != ' ' && isClean(s)
}

// The ways an output is written, by the place it stands in.

func asText(_ any, s string) (string, error) { return s, nil }

func asHTML(v any, s string) (string, error) {
	if _, ok := v.(safeHTML); ok {
		return s, nil
	}
	return escapeHTML(s), nil
}

func asAttribute(_ any, s string) (string, error) { return escapeHTML(s), nil }

// asLink is an output at the start of a URL: it decides the scheme, so the scheme is looked at.
func asLink(_ any, s string) (string, error) { return checkedLink(s, linkSchemes) }

// asImage is asLink for a picture, which http, https and cid (an inline part) can bring.
func asImage(_ any, s string) (string, error) {
	return checkedLink(s, []string{"http", "https", "cid"})
}

func checkedLink(s string, schemes []string) (string, error) {
	if isPlainLink(s) {
		return s, nil
	}
	s = strings.TrimSpace(s)
	link, err := url.Parse(s)
	if err != nil || !slices.Contains(schemes, strings.ToLower(link.Scheme)) || strings.ContainsFunc(s, unicode.IsSpace) {
		return "", &RenderError{Code: "bad_url", Detail: "a link must be absolute and begin with " + strings.Join(schemes, ", ")}
	}
	if (link.Scheme == "http" || link.Scheme == "https") && link.Host == "" {
		return "", &RenderError{Code: "bad_url", Detail: "a link needs a host"}
	}
	return escapeHTML(s), nil
}

// isPlainLink is the one look that most links get, those of our own pages among them: https, a host of letters, digits, dots and hyphens,
// and a path of what stands for itself in a URL and in HTML.
func isPlainLink(s string) bool {
	rest, found := strings.CutPrefix(s, "https://")
	if !found || rest == "" || !isDigit(rest[0]) && !isLetter(rest[0]) {
		return false
	}
	host := true
	for i := range len(rest) {
		c := rest[i]
		switch {
		case isDigit(c), isLetter(c) && (c != '_' || !host), c == '.', c == '-':
		case c == '/':
			host = false
		case host || c != '~' && c != '=' && c != '?':
			return false
		}
	}
	return true
}

// asURLPath is an output inside a URL before "?" and "#": it may bring more path, not a query.
func asURLPath(_ any, s string) (string, error) { return percentEncode(s, "/:@!$&'()*+,;=-._~"), nil }

// asURLPart is an output behind "?" or "#", or in a mailto: or tel: link: it stays one value.
func asURLPart(_ any, s string) (string, error) { return percentEncode(s, "@+-._~"), nil }

// percentEncode writes every byte that is neither a letter, a digit nor kept as %XX (RFC 3986), and escapes for HTML.
func percentEncode(s, keep string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.IndexByte(keep, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return escapeHTML(b.String())
}
