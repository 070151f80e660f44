package email

import (
	"bufio"
	"crypto/hmac"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/channelstest"
	"github.com/orleu/elshi/vocab"
)

// A move is what the scripted server does at one step of the dialogue instead of what a good server does.
type move struct {
	reply string // sent instead of the usual reply; "" with cut or stall: no reply at all
	cut   bool   // then close the connection
	stall bool   // then keep it and stay silent
}

// The steps of the dialogue that are not commands.
const (
	stepGreeting = "greeting"
	stepBody     = "body" // when part of the text has come
	stepDot      = "dot"
)

// scripted is an SMTP server over real sockets that can misbehave at every step. It is a channelstest.Provider.
type scripted struct {
	extensions []string
	tls        *tls.Config // for STARTTLS; with implicit set, from the first byte
	implicit   bool
	user, pass string

	mu       sync.Mutex
	script   map[string]move
	listener net.Listener
	closing  chan struct{} // closed by vanish
	address  string
	conns    map[net.Conn]bool
	dialled  int
	commands []string // without AUTH's secrets
	taken    []string
	halves   []string // messages whose dot never came
	wg       sync.WaitGroup
}

func newScripted(t *testing.T, script map[string]move, prepare ...func(*scripted)) *scripted {
	t.Helper()
	s := &scripted{script: script, address: "127.0.0.1:0", conns: map[net.Conn]bool{}, extensions: []string{"8BITMIME", "SMTPUTF8"}}
	for _, p := range prepare {
		p(s)
	}
	s.listen()
	t.Cleanup(func() { s.vanish(); s.wg.Wait() })
	return s
}

func (s *scripted) listen() {
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		panic(fmt.Sprintf("listen again on a port of our own: %v", err))
	}
	s.listener, s.address, s.closing = l, l.Addr().String(), make(chan struct{})
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[c] = true
			s.dialled++
			s.mu.Unlock()
			s.wg.Go(func() {
				s.serve(c)
				s.mu.Lock()
				delete(s.conns, c)
				s.mu.Unlock()
			})
		}
	})
}

// vanish drops every connection and takes no more.
func (s *scripted) vanish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		_ = s.listener.Close()
		s.listener = nil
		close(s.closing)
	}
	for c := range s.conns {
		_ = c.Close()
	}
}

// play changes the script for what comes from now on.
func (s *scripted) play(script map[string]move) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

func (s *scripted) move(step string) (move, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, found := s.script[step]
	return m, found
}

func (s *scripted) Behave(b channelstest.Behaviour) {
	script := map[string]move{}
	switch b {
	case channelstest.Gone:
		s.vanish()
		return
	case channelstest.Refuse:
		script["RCPT"] = move{reply: "550 5.1.1 <aigerim0@example.kz> <aigerim1@example.kz> <aigerim2@example.kz>: no such user"}
	case channelstest.Silent:
		script[stepDot] = move{stall: true}
	case channelstest.Accept:
	}
	s.play(script)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		s.listen()
	}
}

func (s *scripted) Begun() int {
	n := 0
	for _, c := range s.heard() {
		if strings.HasPrefix(c, "MAIL") {
			n++
		}
	}
	return n
}

func (s *scripted) Taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.taken...)
}

func (s *scripted) Connections() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.conns) }
func (s *scripted) Dialled() int     { s.mu.Lock(); defer s.mu.Unlock(); return s.dialled }

func (s *scripted) heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.commands...)
}

// verbs are the commands heard so far, without their arguments.
func (s *scripted) verbs() string {
	var verbs []string
	for _, c := range s.heard() {
		verb, _, _ := strings.Cut(c, " ")
		verbs = append(verbs, verb)
	}
	return strings.Join(verbs, " ")
}

// dialogue is one connection of the scripted server.
type dialogue struct {
	s    *scripted
	conn net.Conn
	r    *bufio.Reader
}

func (s *scripted) serve(c net.Conn) {
	defer c.Close()
	if s.implicit {
		c = tls.Server(c, s.tls)
	}
	d := &dialogue{s: s, conn: c, r: bufio.NewReader(c)}
	if !d.answer(stepGreeting, "220 double.example ESMTP") {
		return
	}
	for {
		line, err := d.r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		s.mu.Lock()
		s.commands = append(s.commands, line)
		s.mu.Unlock()
		if !d.command(strings.ToUpper(verb), rest) {
			return
		}
	}
}

// answer plays the script's move for a step, or sends the usual reply. It returns false when the connection is over.
func (d *dialogue) answer(step, usual string) bool {
	m, found := d.s.move(step)
	if !found {
		m = move{reply: usual}
	}
	if m.reply != "" {
		if _, err := fmt.Fprintf(d.conn, "%s\r\n", m.reply); err != nil {
			return false
		}
	}
	if m.stall {
		_, _ = io.Copy(io.Discard, d.conn) // until the other side gives up
		return false
	}
	return !m.cut
}

func (d *dialogue) command(verb, rest string) bool {
	switch verb {
	case "EHLO":
		lines := append([]string{"double.example"}, d.s.extensions...)
		for i := range lines {
			sep := "-"
			if i == len(lines)-1 {
				sep = " "
			}
			lines[i] = "250" + sep + lines[i]
		}
		return d.answer(verb, strings.Join(lines, "\r\n"))
	case "STARTTLS":
		if !d.answer(verb, "220 go ahead") {
			return false
		}
		d.conn = tls.Server(d.conn, d.s.tls)
		d.r = bufio.NewReader(d.conn)
		return true
	case "AUTH":
		if _, scripted := d.s.move(verb); scripted || d.auth(rest) {
			return d.answer(verb, "235 2.7.0 welcome")
		}
		return d.answer("AUTH failed", "535 5.7.8 wrong user name or password")
	case "DATA":
		if !d.answer(verb, "354 go on") {
			return false
		}
		if m, found := d.s.move(verb); found && !strings.HasPrefix(m.reply, "354") {
			return true
		}
		return d.text()
	case "QUIT":
		d.answer(verb, "221 bye")
		return false
	case "*":
		return d.answer(verb, "501 5.7.0 as you like")
	}
	return d.answer(verb, "250 2.0.0 ok")
}

// text reads a message up to its dot, or as much of it as the script says.
func (d *dialogue) text() bool {
	if m, found := d.s.move(stepBody); found {
		_, _ = d.r.Read(make([]byte, 512))
		if m.stall {
			d.s.mu.Lock()
			closing := d.s.closing
			d.s.mu.Unlock()
			<-closing // reads nothing, so that the sender's buffers fill up
		}
		return false
	}
	var text strings.Builder
	for {
		line, err := d.r.ReadString('\n')
		if err != nil {
			d.s.mu.Lock()
			d.s.halves = append(d.s.halves, text.String()+line)
			d.s.mu.Unlock()
			return false
		}
		if line == ".\r\n" {
			break
		}
		text.WriteString(strings.TrimPrefix(line, "."))
	}
	d.s.mu.Lock()
	d.s.taken = append(d.s.taken, text.String())
	d.s.mu.Unlock()
	return d.answer(stepDot, "250 2.0.0 Ok: queued as 4dXyZ1")
}

// auth checks the credentials by PLAIN, LOGIN or CRAM-MD5.
func (d *dialogue) auth(rest string) bool {
	ask := func(challenge string) string {
		_, _ = fmt.Fprintf(d.conn, "334 %s\r\n", base64.StdEncoding.EncodeToString([]byte(challenge)))
		line, _ := d.r.ReadString('\n')
		answer, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		return string(answer)
	}
	method, initial, _ := strings.Cut(rest, " ")
	switch method {
	case "PLAIN":
		answer, _ := base64.StdEncoding.DecodeString(initial)
		return string(answer) == "\x00"+d.s.user+"\x00"+d.s.pass
	case "LOGIN":
		return ask("Username:") == d.s.user && ask("Password:") == d.s.pass
	case "CRAM-MD5":
		const challenge = "<1896.697170952@double.example>"
		mac := hmac.New(md5.New, []byte(d.s.pass))
		mac.Write([]byte(challenge))
		return ask(challenge) == d.s.user+" "+hex.EncodeToString(mac.Sum(nil))
	}
	return false
}

// certificate returns a server's TLS settings for 127.0.0.1 and the authority that vouches for it.
func certificate(t testing.TB) (*tls.Config, *x509.CertPool) {
	t.Helper()
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	return &tls.Config{Certificates: srv.TLS.Certificates, MinVersion: tls.VersionTLS12}, roots
}

// newSender returns a Sender with short time-outs for a server without TLS.
func newSender(t testing.TB, address string, change ...func(*Options)) *Sender {
	t.Helper()
	o := Options{
		Address: address, TLS: TLSNone, Now: time.Now, HelloName: "elshi.example.kz", DotReplyTimeout: 300 * time.Millisecond,
		CommandTimeout: 5 * time.Second, ConnectTimeout: 5 * time.Second,
	}
	for _, c := range change {
		c(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatalf("New(%v) = %v", o, err)
	}
	return s
}

func sample(n int) channels.Message {
	return channels.Message{
		ID: vocab.MessageID(fmt.Sprintf("msg_%026d", n)), Attempt: 1, Until: time.Now().Add(time.Minute),
		To: vocab.Address(fmt.Sprintf("aigerim%d@example.kz", n)),
		Email: &channels.Email{
			EnvelopeFrom: fmt.Sprintf("b+%d.t0k3n@bounce.example.kz", n),
			From:         channels.Mailbox{Name: "Өрлеу", Address: "news@example.kz"},
			ReplyTo:      &channels.Mailbox{Name: "Office", Address: "office@example.kz"},
			ToName:       "Айгерім Сейітова", MessageID: fmt.Sprintf("msg_%026d@example.kz", n),
			Date:    time.Date(2026, 3, 2, 9, 0, 0, 0, time.FixedZone("", 5*3600)),
			Subject: "Жаңа курс", Text: "Сәлем!\n", HTML: "<p>Сәлем!</p>\n",
		},
	}
}

// sendAll sends a batch and returns the receipts by message.
func sendAll(t testing.TB, s *Sender, batch ...channels.Message) map[vocab.MessageID]channels.Receipt {
	t.Helper()
	got := map[vocab.MessageID]channels.Receipt{}
	s.Send(t.Context(), batch, func(r channels.Receipt) { got[r.MessageID] = r })
	if len(got) != len(batch) {
		t.Fatalf("%d of %d messages were reported", len(got), len(batch))
	}
	return maps.Clone(got)
}

// sendOne sends one message and returns its receipt.
func sendOne(t testing.TB, s *Sender, m channels.Message) channels.Receipt {
	t.Helper()
	return sendAll(t, s, m)[m.ID]
}

func cause(r channels.Receipt) channels.Cause {
	if r.Err == nil {
		return ""
	}
	return r.Err.Cause
}
