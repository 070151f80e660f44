package inbox_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels/inbox"
	"github.com/orleu/elshi/vocab"
)

var catchTime = time.Date(2026, 6, 1, 4, 0, 0, 0, time.UTC)

// shelf is a Keeper that keeps in memory.
type shelf struct {
	mu    sync.Mutex
	kept  []inbox.Caught
	err   error
	enter chan struct{} // if not nil, Keep says that it began
	leave chan struct{} // and waits
}

func (s *shelf) Keep(_ context.Context, c inbox.Caught) error {
	if s.enter != nil {
		s.enter <- struct{}{}
		<-s.leave
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.kept = append(s.kept, c)
	return nil
}

func (s *shelf) all() []inbox.Caught {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]inbox.Caught(nil), s.kept...)
}

// running starts a server and returns its address and what stops it; stopping returns Run's error.
func running(t *testing.T, k inbox.Keeper, o inbox.ServerOptions) (addr string, stop func() error) {
	t.Helper()
	o.Now = func() time.Time { return catchTime }
	o.NewID = func() string { return "cau_1" }
	server, err := inbox.NewServer(k, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return server.Addr().String(), stop
}

// client speaks SMTP line by line.
type client struct {
	t    *testing.T
	conn net.Conn
	text *textproto.Reader
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	c := &client{t, conn, textproto.NewReader(bufio.NewReader(conn))}
	c.want(220)
	c.say(250, "EHLO test.localhost")
	return c
}

func (c *client) want(code int) {
	c.t.Helper()
	if _, _, err := c.text.ReadResponse(code); err != nil {
		c.t.Fatalf("want %d: %v", code, err)
	}
}

func (c *client) say(code int, line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, line+"\r\n"); err != nil {
		c.t.Fatal(err)
	}
	c.want(code)
}

// mail hands a mail in up to its final dot, whose answer is left to the caller.
func (c *client) mail(raw string) {
	c.t.Helper()
	c.say(250, "MAIL FROM:<bounce+x@orleu.example>")
	c.say(250, "RCPT TO:<aigul@example.kz>")
	c.say(250, "RCPT TO:<school@example.kz>")
	c.say(354, "DATA")
	if _, err := io.WriteString(c.conn, raw+"\r\n.\r\n"); err != nil {
		c.t.Fatal(err)
	}
}

const kazakhMail = "From: =?UTF-8?B?06jRgNC70LXRgw==?= <news@orleu.example>\r\n" +
	"To: <aigul@example.kz>\r\nSubject: =?UTF-8?Q?=D2=9A=D2=B1=D1=80=D0=BC=D0=B5=D1=82=D1=82=D1=96?=\r\n" +
	"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=D0=A1=D3=99=D0=BB=D0=B5=D0=BC!\r\n" +
	"--b\r\nContent-Type: text/html; charset=UTF-8\r\n\r\n<p>Сәлем!</p>\r\n--b--"

func TestMailIsKeptBeforeItIsAnswered(t *testing.T) {
	shelf := &shelf{}
	addr, _ := running(t, shelf, inbox.ServerOptions{})
	c := dial(t, addr)
	c.mail(kazakhMail)
	c.want(250)
	want := []inbox.Caught{{
		ID: "cau_1", Channel: vocab.Email, EnvelopeFrom: "bounce+x@orleu.example", From: "Өрлеу <news@orleu.example>",
		To: []vocab.Address{"aigul@example.kz", "school@example.kz"}, Subject: "Құрметті", Text: "Сәлем!", HTML: "<p>Сәлем!</p>",
		Raw: []byte(kazakhMail + "\r\n"), At: catchTime,
	}}
	if diff := cmp.Diff(want, shelf.all()); diff != "" {
		t.Errorf("kept mismatch (-want +got):\n%s", diff)
	}
}

func TestAnyMailIsTaken(t *testing.T) {
	for _, tc := range []struct{ name, raw, subject, text, html string }{
		{"text alone", "Subject: a\r\n\r\nhello", "a", "hello", ""},
		{"HTML alone has no text", "Subject: a\r\nContent-Type: text/html; charset=UTF-8\r\n\r\n<b>x</b>", "a", "", "<b>x</b>"},
		{"an old character set", "Subject: a\r\nContent-Type: text/plain; charset=windows-1251\r\n\r\n\xcf\xf0\xe8\xe2\xe5\xf2", "a", "Привет", ""},
		{"a zero byte", "Subject: a\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\nx\x00y", "a", "x\uFFFDy", ""},
		{"no header", "\r\nhello", "", "hello", ""},
		{"leading dots are unstuffed", "Subject: a\r\n\r\n..dot", "a", ".dot", ""},
		{"a very long line", "Subject: a\r\n\r\n" + strings.Repeat("x", 30000), "a", strings.Repeat("x", 30000), ""},
		{"no mail at all", "\x01\x02\x03", "", "", ""},
		{"a multipart without parts", "Subject: a\r\nContent-Type: multipart/mixed\r\n\r\nx", "a", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			shelf := &shelf{}
			addr, _ := running(t, shelf, inbox.ServerOptions{})
			c := dial(t, addr)
			c.mail(tc.raw)
			c.want(250)
			kept := shelf.all()
			if len(kept) != 1 {
				t.Fatalf("%d mails kept, want one", len(kept))
			}
			got := []string{kept[0].Subject, strings.TrimRight(kept[0].Text, "\r\n"), strings.TrimRight(kept[0].HTML, "\r\n")}
			if diff := cmp.Diff([]string{tc.subject, tc.text, tc.html}, got); diff != "" {
				t.Errorf("kept mismatch (-want +got):\n%s", diff)
			}
			if len(kept[0].Raw) == 0 {
				t.Error("Raw is empty")
			}
		})
	}
}

func TestMailThatCannotBeKeptMayComeBack(t *testing.T) {
	shelf := &shelf{err: errors.New("disk of host-17 is full")}
	addr, _ := running(t, shelf, inbox.ServerOptions{})
	c := dial(t, addr)
	c.mail(kazakhMail)
	_, answer, err := c.text.ReadResponse(451)
	if err != nil {
		t.Fatalf("want 451: %v", err)
	}
	if strings.Contains(answer, "host-17") {
		t.Errorf("the answer %q tells a stranger about our disk", answer)
	}

	shelf.mu.Lock()
	shelf.err = nil
	shelf.mu.Unlock()
	c.mail(kazakhMail)
	c.want(250)
	if n := len(shelf.all()); n != 1 {
		t.Errorf("%d mails kept, want one", n)
	}
}

func TestMailThatIsTooLarge(t *testing.T) {
	shelf := &shelf{}
	addr, _ := running(t, shelf, inbox.ServerOptions{MaxBytes: 10_000})
	c := dial(t, addr)
	c.say(552, "MAIL FROM:<a@example.kz> SIZE=10001")
	c.mail("Subject: a\r\n\r\n" + strings.Repeat("x\r\n", 10_000))
	c.want(552)
	c.mail("Subject: a\r\n\r\nsmall")
	c.want(250)
	if n := len(shelf.all()); n != 1 {
		t.Errorf("%d mails kept, want the small one", n)
	}
}

func TestHalfAMailIsNotKept(t *testing.T) {
	shelf := &shelf{}
	addr, stop := running(t, shelf, inbox.ServerOptions{})
	c := dial(t, addr)
	c.say(250, "MAIL FROM:<a@example.kz>")
	c.say(250, "RCPT TO:<b@example.kz>")
	c.say(354, "DATA")
	if _, err := io.WriteString(c.conn, "Subject: a\r\n\r\nhalf"); err != nil {
		t.Fatal(err)
	}
	if err := c.conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil { // returns when the connection has been served
		t.Fatal(err)
	}
	if kept := shelf.all(); len(kept) != 0 {
		t.Errorf("kept %+v, want nothing", kept)
	}
}

func TestStoppingAnswersTheMailInHandAndSendsOthersAway(t *testing.T) {
	shelf := &shelf{enter: make(chan struct{}), leave: make(chan struct{})}
	addr, stop := running(t, shelf, inbox.ServerOptions{})
	busy, idle := dial(t, addr), dial(t, addr)
	busy.mail(kazakhMail)
	<-shelf.enter
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	idle.want(421) // the stop has begun, and Keep is still at work
	shelf.leave <- struct{}{}
	busy.want(250)
	busy.want(421)
	if err := <-stopped; err != nil {
		t.Errorf("Run: %v", err)
	}
	if n := len(shelf.all()); n != 1 {
		t.Errorf("%d mails kept, want one", n)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		_ = c.Close()
		t.Error("the address still takes connections after Run has returned")
	}
}

func TestRunWithAnEndedContextReturns(t *testing.T) {
	server, err := inbox.NewServer(&shelf{}, inbox.ServerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Run(ctx); err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestNewServerListensOnLoopbackOnly(t *testing.T) {
	for addr, ok := range map[string]bool{
		"": true, ":0": true, "127.0.0.1:0": true, "localhost:0": true, "0.0.0.0:0": false, "[::]:0": false, "192.0.2.1:25": false,
		"mail.example.kz:25": false, "127.0.0.1": false,
	} {
		server, err := inbox.NewServer(&shelf{}, inbox.ServerOptions{Addr: addr})
		if (err == nil) != ok {
			t.Errorf("NewServer(%q) error is %v, want ok %v", addr, err, ok)
		}
		if err != nil {
			continue
		}
		if host, _, _ := net.SplitHostPort(server.Addr().String()); !net.ParseIP(host).IsLoopback() {
			t.Errorf("NewServer(%q) listens on %s", addr, host)
		}
		if err := server.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

func FuzzServerTakesAnyMail(f *testing.F) {
	for _, seed := range []string{kazakhMail, "Subject: =?x?Q?=?=\r\n\r\n", "Content-Type: multipart/mixed; boundary=\"\r\n\r\n--", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		shelf := &shelf{}
		addr, _ := running(t, shelf, inbox.ServerOptions{})
		c := dial(t, addr)
		c.say(250, "MAIL FROM:<>")
		c.say(250, "RCPT TO:<b@example.kz>")
		c.say(354, "DATA")
		if strings.Contains(raw, ".\n") || strings.Contains(raw, ".\r") || len(raw) > 60000 {
			return // might end the mail
		}
		if _, err := fmt.Fprintf(c.conn, "%s\r\n.\r\n", raw); err != nil {
			t.Fatal(err)
		}
		c.want(250)
		for _, k := range shelf.all() {
			for _, text := range []string{k.From, k.Subject, k.Text, k.HTML} {
				if strings.ToValidUTF8(text, "") != text || strings.Contains(text, "\x00") {
					t.Errorf("kept a text that a database refuses: %q", text)
				}
			}
		}
	})
}
