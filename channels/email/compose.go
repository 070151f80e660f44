package email

import (
	"errors"
	"strings"
	"sync"
	"time"

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
)

// letter is a message whole and encoded, ready for the wire. It is made before the provider hears of the message.
type letter struct {
	msg      channels.Message
	from, to wireAddress
	utf8     bool    // an address needs SMTPUTF8
	wire     []byte  // CRLF lines, dot-stuffed, without the terminating dot
	buffer   *[]byte // what wire began with, and is given back in
}

// wires are buffers for letters: most mails of a campaign are of one size.
var wires = sync.Pool{New: func() any { return new([]byte) }}

// maxKept is the largest buffer that is kept for the next letter, in bytes; a rare large attachment must not be paid for ever.
const maxKept = 256 << 10

// compose encodes a message. Its error has Cause BadSyntax for the recipient's address and Unrenderable for all else. Whoever is done
// with the letter frees it.
func compose(m channels.Message) (*letter, *channels.Error) {
	to, err := parseAddress(m.To.Reveal())
	if err != nil {
		return nil, &channels.Error{Cause: channels.BadSyntax, Detail: err.Error()}
	}
	buffer := wires.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	l := &letter{msg: m, to: to, utf8: to.utf8, wire: (*buffer)[:0], buffer: buffer}
	if err := l.encode(m.Email); err != nil {
		l.free()
		return nil, &channels.Error{Cause: channels.Unrenderable, Detail: err.Error()}
	}
	return l, nil
}

// free gives the letter's buffer to the next one, and nothing else of the letter.
func (l *letter) free() {
	if l.buffer != nil && cap(l.wire) <= maxKept {
		*l.buffer = l.wire
		wires.Put(l.buffer)
	}
	l.wire, l.buffer = nil, nil
}

func (l *letter) encode(e *channels.Email) error {
	if e == nil {
		return errNoEmail
	}
	if err := check(e); err != nil {
		return err
	}
	err := l.header(e)
	if err != nil {
		return err
	}
	l.wire, err = appendEntity(l.wire, e)
	if len(l.wire) > 0 && l.wire[len(l.wire)-1] != '\n' {
		l.wire = append(l.wire, "\r\n"...)
	}
	return err
}

func check(e *channels.Email) error {
	switch {
	case e.Text == "":
		return errNoText
	case e.Date.IsZero():
		return errNoDate
	}
	left, right, found := strings.Cut(e.MessageID, "@")
	if !found || !isDotAtom(left) || !isDotAtom(right) || !isASCII(e.MessageID) || len(e.MessageID) > maxAddress {
		return errMessageID
	}
	return nil
}

// header writes every field but those of MIME parts. The order is ours: the caller's fields keep theirs.
func (l *letter) header(e *channels.Email) error {
	from, err := l.sender(e.From.Address)
	if err != nil {
		return err
	}
	if e.EnvelopeFrom != "" {
		if l.from, err = l.sender(e.EnvelopeFrom); err != nil {
			return err
		}
	}
	b := headerBlock{wire: l.wire}
	b.wire = append(e.Date.AppendFormat(append(b.wire, "Date: "...), time.RFC1123Z), "\r\n"...)
	b.mailbox("From", e.From.Name, from)
	b.mailbox("To", e.ToName, l.to)
	if e.ReplyTo != nil {
		replyTo, err := l.sender(e.ReplyTo.Address)
		if err != nil {
			return err
		}
		b.mailbox("Reply-To", e.ReplyTo.Name, replyTo)
	}
	b.text("Subject", e.Subject)
	b.wire = append(append(append(b.wire, "Message-ID: <"...), e.MessageID...), ">\r\n"...)
	for _, h := range e.Headers {
		b.extra(h.Name, h.Value)
	}
	l.wire = append(b.wire, "MIME-Version: 1.0\r\n"...)
	return b.err
}

func (l *letter) sender(address string) (wireAddress, error) {
	parsed, err := parseAddress(address)
	if err != nil {
		return wireAddress{}, errSender
	}
	l.utf8 = l.utf8 || parsed.utf8
	return parsed, nil
}
