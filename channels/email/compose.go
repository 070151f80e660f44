package email

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wneessen/go-mail"

	"github.com/orleu/elshi/channels"
)

// maxHTML is how large the encoded HTML part may be, in bytes: large providers cut longer ones off, and with them the
// unsubscribe link in the footer.
const maxHTML = 90 << 10

// maxFileName bounds an attachment's name, in bytes, so that its percent-encoded header fits one line.
const maxFileName = 255

// The ways in which an email cannot be composed. None repeats a value, which may be personal data.
var (
	errNoEmail     = errors.New("the message has no email content")
	errNoText      = errors.New("the text part is empty")
	errNoDate      = errors.New("the date is zero")
	errMessageID   = errors.New("the message id is not of the form left@right")
	errHTMLTooLong = errors.New("the HTML part is longer than 90 KB when encoded")
	errFileName    = errors.New("an attachment's name is empty or too long")
	errContentType = errors.New("an attachment's content type is not a media type")
	errSender      = errors.New("a sender's address is not valid")
	errEntity      = errors.New("the MIME part has an unexpected beginning")
)

// letter is a message whole and encoded, ready for the wire. It is made before the provider hears of the message.
type letter struct {
	msg      channels.Message
	from, to wireAddress
	utf8     bool   // an address needs SMTPUTF8
	wire     []byte // CRLF lines, dot-stuffed, without the terminating dot
}

// compose encodes a message. Its error has Cause BadSyntax for the recipient's address and Unrenderable for all else.
func compose(m channels.Message) (*letter, *channels.Error) {
	to, err := parseAddress(m.To.Reveal())
	if err != nil {
		return nil, &channels.Error{Cause: channels.BadSyntax, Detail: err.Error()}
	}
	l := &letter{msg: m, to: to, utf8: to.utf8}
	if err := l.encode(m.Email); err != nil {
		return nil, &channels.Error{Cause: channels.Unrenderable, Detail: err.Error()}
	}
	return l, nil
}

func (l *letter) encode(e *channels.Email) error {
	if e == nil {
		return errNoEmail
	}
	if err := check(e); err != nil {
		return err
	}
	header, err := l.header(e)
	if err != nil {
		return err
	}
	body, err := entity(e)
	if err != nil {
		return err
	}
	l.wire = toWire(append(header, body...))
	return nil
}

func check(e *channels.Email) error {
	switch {
	case e.Text == "":
		return errNoText
	case !utf8.ValidString(e.Text):
		return fmt.Errorf("the text part %w", errNotUTF8)
	case !utf8.ValidString(e.HTML):
		return fmt.Errorf("the HTML part %w", errNotUTF8)
	case e.Date.IsZero():
		return errNoDate
	}
	left, right, found := strings.Cut(e.MessageID, "@")
	if !found || !isDotAtom(left) || !isDotAtom(right) || !isASCII(e.MessageID) || len(e.MessageID) > maxAddress {
		return errMessageID
	}
	return checkHTML(e.HTML)
}

// checkHTML measures the encoded length; encoding at most triples a text and adds soft line breaks, so short ones pass at once.
func checkHTML(html string) error {
	if len(html) < maxHTML/4 {
		return nil
	}
	var length counter
	w := quotedprintable.NewWriter(&length)
	if _, err := io.WriteString(w, html); err != nil {
		return fmt.Errorf("measure the HTML part: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("measure the HTML part: %w", err)
	}
	if length > maxHTML {
		return errHTMLTooLong
	}
	return nil
}

// counter counts what is written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// header writes every field but those of MIME parts. The order is ours: the caller's fields keep theirs.
func (l *letter) header(e *channels.Email) ([]byte, error) {
	from, err := l.sender(e.From.Address)
	if err != nil {
		return nil, err
	}
	if e.EnvelopeFrom != "" {
		if l.from, err = l.sender(e.EnvelopeFrom); err != nil {
			return nil, err
		}
	}
	var b headerBlock
	b.text("Date", e.Date.Format(time.RFC1123Z))
	b.mailbox("From", e.From.Name, from)
	b.mailbox("To", e.ToName, l.to)
	if e.ReplyTo != nil {
		replyTo, err := l.sender(e.ReplyTo.Address)
		if err != nil {
			return nil, err
		}
		b.mailbox("Reply-To", e.ReplyTo.Name, replyTo)
	}
	b.text("Subject", e.Subject)
	b.fold("Message-ID", []string{"<" + e.MessageID + ">"})
	for _, h := range e.Headers {
		b.extra(h.Name, h.Value)
	}
	b.text("MIME-Version", "1.0")
	return b.buf.Bytes(), b.err
}

func (l *letter) sender(address string) (wireAddress, error) {
	parsed, err := parseAddress(address)
	if err != nil {
		return wireAddress{}, errSender
	}
	l.utf8 = l.utf8 || parsed.utf8
	return parsed, nil
}

// preamble is what go-mail writes before the MIME fields of a message without headers. It sorts headers by name and folds
// them in places that some readers do not expect, so only its MIME parts are used.
const preamble = "Date: \r\nMIME-Version: 1.0\r\nMessage-ID: \r\n"

// entity renders the parts: alternatives with the text first, then attachments.
func entity(e *channels.Email) ([]byte, error) {
	m := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingQP))
	m.SetGenHeader(mail.HeaderDate, "")
	m.SetGenHeader(mail.HeaderMessageID, "")
	m.SetBodyString(mail.TypeTextPlain, e.Text)
	if e.HTML != "" {
		m.AddAlternativeString(mail.TypeTextHTML, e.HTML)
	}
	for _, a := range e.Attachments {
		if err := attach(m, a); err != nil {
			return nil, err
		}
	}
	var buf bytes.Buffer
	if _, err := m.WriteTo(&buf); err != nil {
		return nil, fmt.Errorf("render the MIME parts: %w", err)
	}
	body, found := bytes.CutPrefix(buf.Bytes(), []byte(preamble))
	if !found {
		return nil, errEntity
	}
	return body, nil
}

// attach adds a file. An invitation is an alternative as well, because that is where calendars look for it (RFC 6047).
func attach(m *mail.Msg, a channels.Attachment) error {
	if a.Name == "" || len(a.Name) > maxFileName {
		return errFileName
	}
	if err := checkValue(a.Name); err != nil {
		return fmt.Errorf("an attachment's name %w", err)
	}
	mediaType, params, err := mime.ParseMediaType(a.ContentType)
	if err != nil || !strings.Contains(mediaType, "/") || strings.ContainsAny(a.ContentType, "\r\n") {
		return errContentType
	}
	contentType := mime.FormatMediaType(mediaType, params)
	if contentType == "" || len(contentType) > hardLine-softLine {
		return errContentType
	}
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": a.Name}) // RFC 2231
	if isPrintable(a.Name) {
		disposition = "attachment; filename=" + quoted(a.Name) // always quoted: some readers stumble over bare specials
	}
	m.AttachReadSeeker(a.Name, bytes.NewReader(a.Content), func(f *mail.File) {
		f.Header.Set(string(mail.HeaderContentType), contentType)
		f.Header.Set(string(mail.HeaderContentDisposition), disposition)
	})
	if mediaType != "text/calendar" {
		return nil
	}
	if !utf8.Valid(a.Content) {
		return fmt.Errorf("a calendar attachment %w", errNotUTF8)
	}
	delete(params, "charset") // go-mail adds its own
	m.AddAlternativeString(mail.ContentType(mime.FormatMediaType(mediaType, params)), string(a.Content))
	return nil
}

// toWire makes every line end in CRLF and doubles leading dots (RFC 5321 section 4.5.2), so that nothing in a message can
// end it early: not a lone dot, and not a bare CR or LF that a lenient server takes for a line end.
func toWire(message []byte) []byte {
	wire := make([]byte, 0, len(message)+len(message)/32+2)
	for len(message) > 0 {
		if message[0] == '.' {
			wire = append(wire, '.')
		}
		end := bytes.IndexByte(message, '\n')
		if end < 0 {
			end = len(message)
		}
		if cr := bytes.IndexByte(message[:end], '\r'); cr >= 0 {
			end = cr
		}
		if end == len(message) {
			return append(append(wire, message...), '\r', '\n')
		}
		wire = append(append(wire, message[:end]...), '\r', '\n')
		if message[end] == '\r' && end+1 < len(message) && message[end+1] == '\n' {
			end++
		}
		message = message[end+1:]
	}
	return wire
}
