package email

import (
	"encoding/base64"
	"fmt"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/orleu/elshi/channels"
)

// The boundaries of multiparts. "=_" occurs in neither quoted-printable nor base64 (RFC 2045 section 6.7 note), and all parts are one or the other,
// so the boundaries need not be random and a message is the same on every attempt.
const (
	mixed       = "=_elshi_mixed"
	alternative = "=_elshi_alternative"
)

// part is a text part.
type part struct{ contentType, text string }

// appendEntity appends the MIME fields and parts: alternatives with the text first, then attachments.
func appendEntity(wire []byte, e *channels.Email) ([]byte, error) {
	texts := []part{{"text/plain; charset=UTF-8", e.Text}, {"text/html; charset=UTF-8", e.HTML}}
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
			texts = append(texts, part{files[i].calendar, string(a.Content)})
		}
	}
	wire = appendMultipart(wire, "mixed", mixed)
	wire, err := appendTexts(wire, texts)
	if err != nil {
		return wire, err
	}
	for _, f := range files {
		wire = append(wire, "\r\n--"+mixed+"\r\nContent-Disposition: "+f.disposition+"\r\nContent-Transfer-Encoding: base64\r\nContent-Type: "+f.contentType+"\r\n\r\n"...)
		wire = appendBase64(wire, f.content)
	}
	return append(wire, "\r\n--"+mixed+"--\r\n"...), nil
}

func appendMultipart(wire []byte, kind, boundary string) []byte {
	return append(wire, "Content-Type: multipart/"+kind+";\r\n boundary=\""+boundary+"\"\r\n\r\n--"+boundary+"\r\n"...)
}

// appendTexts appends text parts, as alternatives if there are several.
func appendTexts(wire []byte, texts []part) ([]byte, error) {
	if len(texts) > 1 {
		wire = appendMultipart(wire, "alternative", alternative)
	}
	for i, p := range texts {
		if i > 0 {
			wire = append(wire, "\r\n--"+alternative+"\r\n"...)
		}
		wire = append(wire, "Content-Transfer-Encoding: quoted-printable\r\nContent-Type: "...)
		wire = append(wire, p.contentType...)
		wire = append(wire, "\r\n\r\n"...)
		begin := len(wire)
		wire = appendQuoted(wire, p.text)
		if len(wire)-begin > maxHTML && strings.HasPrefix(p.contentType, "text/html") {
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
