package email

import (
	"net/textproto"

	"github.com/orleu/elshi/channels"
)

// stream hands letters over on a connection whose provider takes commands in groups (RFC 2920): l first, then what next has, until there
// is none or the connection has done its work. A group is the text and dot of one letter with the envelope of the following one, so a
// letter costs one round trip. A text is never written before its own 354, so at most one letter of a connection is in doubt.
//
// Every letter is told of but the one it returns: the connection ended before the provider took its MAIL, so it may go on another one.
func (c *conn) stream(l *letter, next func() *letter, tell func(*letter, result)) (unheard *letter, why *channels.Error) {
	if c.late(l) {
		tell(l, *lapsed())
		return nil, nil
	}
	asked := c.ask(l)
	for l != nil {
		if asked == nil {
			asked = c.answers(l)
		}
		if asked != nil && asked.unheard {
			return l, asked.err
		}
		if asked != nil { // refused: the following one goes by itself
			tell(l, *asked)
			if l = c.following(next); l != nil {
				asked = c.ask(l)
			}
			continue
		}
		then := c.following(next)
		got := c.commit(l, then)
		tell(l, got)
		if l = then; l != nil && c.broken {
			return l, &channels.Error{Cause: channels.Unreachable, Detail: "the connection ended with the letter before"}
		}
	}
	return nil, nil
}

// following returns the next letter for this connection; nil if there is none or the connection has done its work.
func (c *conn) following(next func() *letter) *letter {
	if c.broken || c.spent() {
		return nil
	}
	return next()
}

// ask writes the envelope of a letter alone.
func (c *conn) ask(l *letter) *result {
	if err := c.deadline(c.o.CommandTimeout, l.msg.Until); err != nil {
		return c.unheard(l, err)
	}
	if c.talksAhead() {
		return c.unheard(l, errTalksAhead)
	}
	if _, err := c.write(c.envelope(nil, l)); err != nil {
		return c.unheard(l, err)
	}
	return nil
}

// envelope appends the commands of a letter up to DATA, which must be the last of a group.
func (c *conn) envelope(out []byte, l *letter) []byte {
	c.carried++
	if c.needsReset {
		out = append(out, "RSET\r\n"...)
	}
	out = append(append(out, "MAIL FROM:<"...), l.from.text...)
	out = append(append(append(out, '>'), c.parameters(l)...), "\r\nRCPT TO:<"...)
	return append(append(out, l.to.text...), ">\r\nDATA\r\n"...)
}

// answers reads the replies to an envelope; nil means that the text may be written.
func (c *conn) answers(l *letter) *result {
	if err := c.deadline(c.o.CommandTimeout, l.msg.Until); err != nil {
		return c.unheard(l, err)
	}
	if c.needsReset {
		if code, _, err := c.client.Text.ReadResponse(0); err != nil || code != 250 {
			return c.unheard(l, err)
		}
		c.needsReset = false
	}
	code, words, err := c.client.Text.ReadResponse(0)
	if err != nil {
		return c.unheard(l, err)
	}
	if failed := c.closing(l, code, words); failed != nil {
		return failed
	}
	at := phaseMail
	refused := code/100 != 2
	for _, step := range []phase{phaseRcpt, phaseData} {
		again, said, err := c.client.Text.ReadResponse(0)
		switch {
		case err != nil && refused: // it has said no; that it hung up then changes nothing
			c.abort()
			return &result{outcome: channels.Refused, err: classify(at, code, words)}
		case err != nil:
			return c.lost(l, err)
		case !refused:
			at, code, words = step, again, said
			refused = step == phaseRcpt && code/100 != 2 || step == phaseData && code != 354
		case step == phaseData && again == 354:
			// It wants a text although there is nobody to get it: whatever we said now would be one.
			c.abort()
			return &result{outcome: channels.Refused, err: classify(at, code, words)}
		}
	}
	switch {
	case !refused:
		return nil
	case at == phaseData && code/100 == 2:
		return c.lost(l, errNotData)
	}
	return c.refused(at, code, words)
}

// commit writes the text, the dot and the envelope of the letter that follows, if any, and reads the reply to the dot. Nothing of it
// reaches the socket after the permit's end.
func (c *conn) commit(l, then *letter) result {
	if c.talksAhead() {
		return *c.lost(l, errTalksAhead)
	}
	out := append(l.wire, ".\r\n"...)
	if then != nil {
		out = c.envelope(out, then)
	}
	if err := c.deadline(c.o.DataTimeout, l.msg.Until); err != nil {
		return *c.lost(l, err)
	}
	if c.late(l) {
		c.abort()
		return *lapsed()
	}
	written, err := c.write(out)
	text := len(l.wire)
	l.wire = out[:text] // its buffer may have grown
	if err != nil && written <= text {
		return *c.lost(l, err)
	}
	if err != nil {
		return c.inDoubt(0, err.Error())
	}
	got := c.verdict()
	c.broken = c.broken || then == nil && c.talksAhead()
	return got
}

// write hands bytes to the socket and says how many of them it took.
func (c *conn) write(out []byte) (int, error) {
	w := c.client.Text.W
	n, err := w.Write(out)
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		n = max(0, n-w.Buffered())
	}
	return n, err
}

var (
	errTalksAhead = textproto.ProtocolError("the provider answered before it was asked")
	errNotData    = textproto.ProtocolError("DATA was not answered with 354")
)
