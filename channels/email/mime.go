package email

import (
	"encoding/base64"
	"fmt"
	"math"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/orleu/elshi/channels"
)

// The boundaries of multiparts. "=_" occurs in neither quoted-printable nor base64 (RFC 2045 section 6.7 note), and all parts are one or the other,
// so the boundaries need not be random and a message is the same on every attempt.
const (
	mixed           = "=_elshi_mixed"
	alternative     = "=_elshi_alternative"
	mixedHead       = "Content-Type: multipart/mixed;\r\n boundary=\"" + mixed + "\"\r\n\r\n--" + mixed + "\r\n"
	alternativeHead = "Content-Type: multipart/alternative;\r\n boundary=\"" + alternative + "\"\r\n\r\n--" + alternative + "\r\n"
)

// part is a text part.
type part struct {
	name        string // for errors
	contentType string
	text        string
	marks       []channels.Mark
}

// appendEntity appends the MIME fields and parts: alternatives with the text first, then attachments.
func appendEntity(wire []byte, e *channels.Email) ([]byte, error) {
	texts := []part{
		{"text", "text/plain; charset=UTF-8", e.Text, e.TextMarks},
		{"HTML", "text/html; charset=UTF-8", e.HTML, e.HTMLMarks},
	}
	if e.HTML == "" {
		texts = texts[:1]
	}
	if len(e.Attachments) == 0 {
		return appendTexts(wire, texts)
	}
	files := make([]file, len(e.Attachments))
	for i, a := range e.Attachments {
		var err error
		if files[i], err = newFile(a); err != nil {
			return wire, err
		}
		if files[i].calendar != "" {
			texts = append(texts, part{name: "calendar", contentType: files[i].calendar, text: string(a.Content)})
		}
	}
	wire, err := appendTexts(append(wire, mixedHead...), texts)
	if err != nil {
		return wire, err
	}
	for _, f := range files {
		wire = append(wire, "\r\n--"+mixed+"\r\nContent-Disposition: "+f.disposition+"\r\nContent-Transfer-Encoding: base64\r\nContent-Type: "+f.contentType+"\r\n\r\n"...)
		wire = appendBase64(wire, f.content)
	}
	return append(wire, "\r\n--"+mixed+"--\r\n"...), nil
}

// appendTexts appends text parts, as alternatives if there are several.
func appendTexts(wire []byte, texts []part) ([]byte, error) {
	if len(texts) > 1 {
		wire = append(wire, alternativeHead...)
	}
	for i, p := range texts {
		if i > 0 {
			wire = append(wire, "\r\n--"+alternative+"\r\n"...)
		}
		wire = append(wire, "Content-Transfer-Encoding: quoted-printable\r\nContent-Type: "...)
		wire = append(wire, p.contentType...)
		wire = append(wire, "\r\n\r\n"...)
		begin, limit := len(wire), math.MaxInt
		if p.name == "HTML" {
			limit = maxHTML
		}
		var valid bool
		wire, valid = appendQuoted(wire, p.text, p.marks)
		if len(wire)-begin > limit && valid { // the joints of fixed texts take a few bytes that the text by itself does not
			wire, valid = appendQuoted(wire[:begin], p.text, nil)
		}
		switch {
		case !valid:
			return wire, fmt.Errorf("the %s part %w", p.name, errNotUTF8)
		case len(wire)-begin > limit:
			return wire, errHTMLTooLong
		}
	}
	if len(texts) > 1 {
		wire = append(wire, "\r\n--"+alternative+"--\r\n"...)
	}
	return wire, nil
}

// file is an attachment whose fields are fit for headers.
type file struct {
	disposition, contentType string
	calendar                 string // the content type of the alternative that an invitation is as well; empty: none
	content                  []byte
}

// newFile checks an attachment. An invitation is an alternative as well, because that is where calendars look for it (RFC 6047).
func newFile(a channels.Attachment) (file, error) {
	if a.Name == "" || len(a.Name) > maxFileName {
		return file{}, errFileName
	}
	if err := checkValue(a.Name); err != nil {
		return file{}, fmt.Errorf("an attachment's name %w", err)
	}
	mediaType, params, err := mime.ParseMediaType(a.ContentType)
	if err != nil || !strings.Contains(mediaType, "/") || strings.ContainsAny(a.ContentType, "\r\n") {
		return file{}, errContentType
	}
	f := file{content: a.Content, contentType: mime.FormatMediaType(mediaType, params)}
	if f.contentType == "" || len(f.contentType) > hardLine-softLine {
		return file{}, errContentType
	}
	f.disposition = mime.FormatMediaType("attachment", map[string]string{"filename": a.Name}) // RFC 2231
	if isPrintable(a.Name) {
		f.disposition = "attachment; filename=" + quoted(a.Name) // always quoted: some readers stumble over bare specials
	}
	if mediaType != "text/calendar" {
		return f, nil
	}
	if !utf8.Valid(a.Content) {
		return file{}, fmt.Errorf("a calendar attachment %w", errNotUTF8)
	}
	params["charset"] = "UTF-8"
	f.calendar = mime.FormatMediaType(mediaType, params)
	return f, nil
}

// base64Line is how many bytes make a line of base64 of 76 characters (RFC 2045 section 6.8).
const base64Line = 57

func appendBase64(wire, content []byte) []byte {
	for len(content) > 0 {
		n := min(base64Line, len(content))
		wire = append(base64.StdEncoding.AppendEncode(wire, content[:n]), "\r\n"...)
		content = content[n:]
	}
	return wire
}
