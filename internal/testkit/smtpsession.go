package testkit

import (
	"bufio"
	"bytes"
	"net"
	"strings"
	"time"
)

// sinkSession is one connection to an SMTPSink.
type sinkSession struct {
	sink    *SMTPSink
	conn    net.Conn
	r       *bufio.Reader
	w       *bufio.Writer
	mail    Mail
	hasMail bool
}

func newSinkSession(s *SMTPSink, conn net.Conn) *sinkSession {
	return &sinkSession{sink: s, conn: conn, r: bufio.NewReaderSize(conn, 64<<10), w: bufio.NewWriterSize(conn, 16<<10)}
}

// run answers until the client goes or a fault cuts the connection. Replies are flushed only when no further command is
// waiting, which is what makes pipelining fast.
func (c *sinkSession) run() {
	if !c.step(AtBanner, "220 sink.test ESMTP") {
		return
	}
	for {
		if c.r.Buffered() == 0 && c.w.Flush() != nil {
			return
		}
		line, err := readLine(c.r)
		if err != nil {
			return
		}
		if !c.command(line) {
			_ = c.w.Flush()
			return
		}
	}
}

// command answers one command. It returns false when the connection is over.
func (c *sinkSession) command(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO":
		c.reset()
		return c.step(AtEHLO, c.greeting())
	case "HELO":
		c.reset()
		return c.step(AtEHLO, "250 sink.test")
	case "MAIL":
		return c.mailFrom(rest)
	case "RCPT":
		return c.rcptTo(rest)
	case "DATA":
		return c.data()
	case "RSET":
		c.reset()
		return c.say("250 2.0.0 reset")
	case "NOOP":
		return c.say("250 2.0.0 fine")
	case "QUIT":
		c.say("221 2.0.0 bye")
		return false
	default:
		return c.say("500 5.5.1 unknown command")
	}
}

func (c *sinkSession) greeting() string {
	lines := []string{"250-sink.test", "250-8BITMIME", "250-SMTPUTF8"}
	if !c.sink.options.NoPipelining {
		lines = append(lines, "250-PIPELINING")
	}
	if !c.sink.options.NoEnhanced {
		lines = append(lines, "250-ENHANCEDSTATUSCODES")
	}
	return strings.Join(append(lines, "250 SIZE 26214400"), "\r\n")
}

func (c *sinkSession) reset() {
	c.mail, c.hasMail = Mail{}, false
}

func (c *sinkSession) mailFrom(rest string) bool {
	from, ok := path(rest, "FROM:")
	if !ok {
		return c.say("501 5.5.4 MAIL FROM:<address>")
	}
	if c.hasMail {
		return c.say("503 5.5.1 already have a sender")
	}
	c.hasMail = true // taken back if a fault says no
	c.mail.From = from
	said, alive := c.fault(AtMail)
	if !alive {
		return false
	}
	if said {
		c.reset()
		return true
	}
	return c.say("250 2.1.0 sender ok")
}

func (c *sinkSession) rcptTo(rest string) bool {
	to, ok := path(rest, "TO:")
	if !ok || to == "" {
		return c.say("501 5.5.4 RCPT TO:<address>")
	}
	if !c.hasMail {
		return c.say("503 5.5.1 MAIL first")
	}
	said, alive := c.faultFor(AtRcpt, []string{to})
	if !alive || said {
		return alive
	}
	c.mail.To = append(c.mail.To, to)
	return c.say("250 2.1.5 recipient ok")
}

func (c *sinkSession) data() bool {
	if !c.hasMail {
		return c.say("503 5.5.1 MAIL first")
	}
	if len(c.mail.To) == 0 && !c.sink.options.LenientData {
		return c.say("554 5.5.1 no valid recipients")
	}
	said, alive := c.fault(AtData)
	if !alive || said {
		return alive
	}
	c.say("354 go ahead")
	if c.w.Flush() != nil || !c.body() {
		return false
	}
	c.mail.At = time.Now()
	mail := c.mail
	defer c.reset()
	if len(mail.To) == 0 {
		return c.say("554 5.5.1 no valid recipients")
	}
	f, cleared, happens := c.sink.reach(AfterDot, mail.To)
	if happens && f.Reply != "" {
		_, alive := c.act(f, cleared)
		return alive
	}
	place, delay := c.sink.keep(mail)
	if happens {
		if _, alive := c.act(f, cleared); !alive {
			return false
		}
	}
	if delay > 0 && !c.silent(delay, nil) {
		return false
	}
	// Marked before it is written: whoever has read the 250 must find it so.
	c.sink.acknowledge(place)
	c.say("250 2.0.0 taken")
	if f, cleared, happens := c.sink.reach(AfterReply, mail.To); happens {
		if c.w.Flush() != nil {
			return false
		}
		_, alive := c.act(f, cleared)
		return alive
	}
	return true
}

// body reads a message up to its final dot (RFC 5321 section 4.5.2) and picks the headers that tests look at.
func (c *sinkSession) body() bool {
	var raw bytes.Buffer
	inHeader := true
	// Before anything is read: a stall looks into the same buffer that a line would point to.
	if _, err := c.r.Peek(1); err != nil {
		return false
	}
	if _, alive := c.fault(MidBody); !alive {
		return false
	}
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return false
		}
		if len(line) == 3 && line[0] == '.' && line[1] == '\r' {
			c.mail.Raw = raw.String()
			return true
		}
		if line[0] == '.' {
			line = line[1:]
		}
		if c.sink.options.KeepRaw {
			raw.Write(line)
		}
		if inHeader {
			inHeader = len(line) > 2
			c.header(line)
		}
		if !inHeader && !c.sink.options.KeepRaw {
			return c.skipToDot()
		}
	}
}

// finalDot ends a message; the first two bytes still belong to its last line.
var finalDot = []byte("\r\n.\r\n")

// skipToDot reads the rest of a message that nobody wants to see, by the bufferful instead of by the line. It is called
// after a whole line, so a dot may come at once.
func (c *sinkSession) skipToDot() bool {
	if start, err := c.r.Peek(3); err != nil {
		return false
	} else if string(start) == ".\r\n" {
		_, err := c.r.Discard(3)
		return err == nil
	}
	for {
		if _, err := c.r.Peek(len(finalDot)); err != nil {
			return false
		}
		have, _ := c.r.Peek(c.r.Buffered()) // cannot fail: that much is there
		at := bytes.Index(have, finalDot)
		skip := at + len(finalDot)
		if at < 0 {
			skip = len(have) - len(finalDot) + 1 // the dot may be cut in two
		}
		if _, err := c.r.Discard(skip); err != nil {
			return false
		}
		if at >= 0 {
			return true
		}
	}
}

func (c *sinkSession) header(line []byte) {
	name, value, found := bytes.Cut(line, []byte(":"))
	if !found {
		return // a folded line; the headers that tests look at are short
	}
	switch {
	case bytes.EqualFold(name, []byte("Message-ID")):
		c.mail.MessageID = strings.Trim(string(bytes.TrimSpace(value)), "<>")
	case len(name) > 2 && (name[0] == 'X' || name[0] == 'x') && name[1] == '-':
		if c.mail.Headers == nil {
			c.mail.Headers = make(map[string]string)
		}
		c.mail.Headers[strings.ToLower(string(name))] = string(bytes.TrimSpace(value))
	}
}

// step says the usual reply unless a fault happens.
func (c *sinkSession) step(p Point, usual string) bool {
	said, alive := c.fault(p)
	if !alive || said {
		return alive
	}
	return c.say(usual)
}

func (c *sinkSession) fault(p Point) (said, alive bool) { return c.faultFor(p, c.mail.To) }

// faultFor lets a fault happen. said: it replied in place of the usual reply.
func (c *sinkSession) faultFor(p Point, recipients []string) (said, alive bool) {
	f, cleared, happens := c.sink.reach(p, recipients)
	if !happens {
		return false, true
	}
	return c.act(f, cleared)
}

func (c *sinkSession) act(f Fault, cleared <-chan struct{}) (said, alive bool) {
	if f.Stall > 0 && !c.silent(f.Stall, cleared) {
		return false, false
	}
	if f.Reply != "" {
		c.say(f.Reply)
	}
	if f.Cut {
		_ = c.w.Flush()
		return false, false
	}
	return f.Reply != "", true
}

// silent waits, and returns false when the client hangs up first. What is already answered goes out before.
func (c *sinkSession) silent(d time.Duration, cleared <-chan struct{}) bool {
	if c.w.Flush() != nil {
		return false
	}
	over := make(chan struct{})
	gone := make(chan bool, 1)
	go func() {
		_, err := c.r.Peek(1) // a hang-up ends it at once; a pipelined command is no hang-up
		if err == nil {
			<-over
		}
		gone <- err != nil && !isTimeout(err)
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case hungUp := <-gone:
		close(over)
		return !hungUp
	case <-timer.C:
	case <-cleared:
	}
	close(over)
	// Peek must have let go of the reader before the session reads on.
	_ = c.conn.SetReadDeadline(time.Unix(1, 0))
	hungUp := <-gone
	_ = c.conn.SetReadDeadline(time.Time{})
	return !hungUp
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error) //nolint:errorlint // bufio returns what the connection returned
	return ok && timeout.Timeout()
}

func (c *sinkSession) say(text string) bool {
	_, err := c.w.WriteString(text + "\r\n")
	return err == nil
}

// path reads FROM:<address> or TO:<address> with any parameters after it.
func path(rest, keyword string) (string, bool) {
	if len(rest) < len(keyword) || !strings.EqualFold(rest[:len(keyword)], keyword) {
		return "", false
	}
	address, _, found := strings.Cut(strings.TrimPrefix(strings.TrimSpace(rest[len(keyword):]), "<"), ">")
	return address, found
}
