package email

import (
	"errors"
	"time"

	"github.com/orleu/elshi/channels"
)

// result is what one transfer came to.
type result struct {
	outcome channels.Outcome
	err     *channels.Error
	reply   string // the provider's words on success
	// unheard: the connection ended before the provider took MAIL, so the message may be tried on another one.
	unheard bool
}

// transfer hands one letter over in lock-step, to providers that do not take commands in groups: MAIL, RCPT, DATA, the text, the dot. Until the dot every failure means that
// the provider cannot have the message, because half a message is no message as long as the socket is closed without QUIT.
// From the first byte of the dot on only the provider's answer tells. There is no RSET between good messages and no NOOP:
// each would be a round trip for nothing.
func (c *conn) transfer(l *letter) result {
	if failed := c.begin(l); failed != nil {
		return *failed
	}
	if failed := c.recipient(l); failed != nil {
		return *failed
	}
	if failed := c.text(l); failed != nil {
		return *failed
	}
	return c.dot()
}

// begin opens the transaction.
func (c *conn) begin(l *letter) *result {
	if c.needsReset {
		if code, _, err := c.command(l, "RSET"); err != nil || code != 250 {
			return c.unheard(l, err)
		}
		c.needsReset = false
	}
	if c.late(l) {
		return lapsed()
	}
	c.carried++
	code, words, err := c.command(l, "MAIL FROM:<%s>%s", l.from.text, c.parameters(l))
	if err != nil {
		return c.unheard(l, err)
	}
	if failed := c.closing(l, code, words); failed != nil {
		return failed
	}
	if code/100 != 2 {
		return c.refused(phaseMail, code, words)
	}
	return nil
}

// parameters are what a letter adds to MAIL.
func (c *conn) parameters(l *letter) string {
	switch {
	case !l.utf8:
		return ""
	case c.offers("8BITMIME"):
		return " BODY=8BITMIME SMTPUTF8" // headers hold the address as it is (RFC 6531 section 3.6)
	}
	return " SMTPUTF8"
}

// closing is the result of a MAIL that is answered with 421, which is also how relays end a connection that has carried enough.
func (c *conn) closing(l *letter, code int, words string) *result {
	if code != 421 {
		return nil
	}
	failed := c.unheard(l, nil)
	failed.err = classify(phaseMail, code, words)
	return failed
}

// recipient names the recipient and asks for the text to be let in.
func (c *conn) recipient(l *letter) *result {
	code, words, err := c.command(l, "RCPT TO:<%s>", l.to.text)
	if err != nil {
		return c.lost(l, err)
	}
	if code/100 != 2 {
		return c.refused(phaseRcpt, code, words)
	}
	code, words, err = c.command(l, "DATA")
	if err != nil {
		return c.lost(l, err)
	}
	if code/100 == 2 { // the provider believes that it has answered something else: nothing after this can be trusted
		return c.lost(l, errNotData)
	}
	if code != 354 {
		return c.refused(phaseData, code, words)
	}
	return nil
}

// text writes the whole message and waits until the socket has it; what is left then is the dot alone.
func (c *conn) text(l *letter) *result {
	if err := c.deadline(c.o.DataTimeout, l.msg.Until); err != nil {
		return c.lost(l, err)
	}
	if _, err := c.client.Text.W.Write(l.wire); err != nil {
		return c.lost(l, err)
	}
	if err := c.client.Text.W.Flush(); err != nil {
		return c.lost(l, err)
	}
	if c.late(l) {
		c.abort()
		return lapsed()
	}
	return nil
}

// dot commits the provider and waits for its answer, beyond the permit's end if need be.
func (c *conn) dot() result {
	if err := c.raw.SetDeadline(c.o.Now().Add(c.o.DotReplyTimeout)); err != nil {
		c.abort()
		return result{outcome: channels.NotHandedOver, err: unreachable(err)}
	}
	if err := c.client.Text.PrintfLine("."); err != nil {
		return c.inDoubt(0, err.Error())
	}
	got := c.verdict()
	c.broken = c.broken || c.talksAhead()
	return got
}

// verdict reads the reply to a dot, beyond the permit's end if need be. The provider forgets a message that it has answered (RFC 5321
// section 4.1.1.4), so nothing has to be reset.
func (c *conn) verdict() result {
	if err := c.raw.SetDeadline(c.o.Now().Add(c.o.DotReplyTimeout)); err != nil {
		return c.inDoubt(0, err.Error())
	}
	code, words, err := c.client.Text.ReadResponse(0)
	switch {
	case err != nil:
		return c.inDoubt(0, err.Error())
	case code/100 == 2:
		return result{outcome: channels.Accepted, reply: clip(words)}
	case code/100 == 4 || code/100 == 5:
		c.broken = code == 421
		return result{outcome: channels.Refused, err: classify(phaseDot, code, words)}
	}
	return c.inDoubt(code, words)
}

// command sends one line and reads the reply, within the command time-out and the permit.
func (c *conn) command(l *letter, format string, args ...any) (int, string, error) {
	if err := c.deadline(c.o.CommandTimeout, l.msg.Until); err != nil {
		return 0, "", err
	}
	if c.talksAhead() {
		return 0, "", errTalksAhead
	}
	if err := c.client.Text.PrintfLine(format, args...); err != nil {
		return 0, "", err
	}
	return c.client.Text.ReadResponse(0)
}

// talksAhead says whether a reply is waiting that belongs to no command; with it, every later answer would be taken for
// the one to the command before.
func (c *conn) talksAhead() bool { return c.client.Text.R.Buffered() > 0 }

func (c *conn) late(l *letter) bool { return !c.o.Now().Before(l.msg.Until) }

// refused keeps the connection for the next message unless the provider is closing it.
func (c *conn) refused(at phase, code int, words string) *result {
	c.needsReset = true
	c.broken = code == 421 || c.talksAhead()
	return &result{outcome: channels.Refused, err: classify(at, code, words)}
}

// lost gives the connection up before the dot.
func (c *conn) lost(l *letter, err error) *result {
	c.abort()
	if c.late(l) {
		return lapsed()
	}
	return &result{outcome: channels.NotHandedOver, err: unreachable(err)}
}

// unheard is lost before the provider took MAIL.
func (c *conn) unheard(l *letter, err error) *result {
	if err == nil {
		err = errors.New("the provider is ending the connection")
	}
	failed := c.lost(l, err)
	failed.unheard = failed.err.Cause != channels.LeaseExpired
	return failed
}

func (c *conn) inDoubt(code int, detail string) result {
	c.abort()
	return result{outcome: channels.InDoubt, err: &channels.Error{
		Cause: channels.ConnectionLost, Code: code, Detail: clip(detail),
	}}
}

func lapsed() *result {
	return &result{outcome: channels.NotHandedOver, err: &channels.Error{Cause: channels.LeaseExpired}}
}

func unreachable(err error) *channels.Error {
	return &channels.Error{Cause: channels.Unreachable, Detail: clip(err.Error())}
}

// receipt says what a transfer came to in the words of the contract.
func (r result) receipt(m channels.Message, at time.Time) channels.Receipt {
	return channels.Receipt{
		MessageID: m.ID, Attempt: m.Attempt, Outcome: r.outcome, Err: r.err, At: at,
		Reply: r.reply, ProviderRef: providerRef(r.reply),
	}
}
