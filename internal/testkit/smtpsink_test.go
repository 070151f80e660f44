package testkit

import (
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
	"github.com/google/go-cmp/cmp/cmpopts"
)

// talk is a client that says exactly what a test wants.
type talk struct {
	*textproto.Conn
	t *testing.T
}

func dial(t *testing.T, s *SMTPSink) talk {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return talk{textproto.NewConn(conn), t}
}

// say writes lines as they are, each ended by CRLF.
func (c talk) say(lines ...string) {
	c.t.Helper()
	if err := c.PrintfLine("%s", strings.Join(lines, "\r\n")); err != nil {
		c.t.Fatal(err)
	}
}

// hear reads one reply for each wanted code; 0 wants the connection to end.
func (c talk) hear(codes ...int) {
	c.t.Helper()
	for _, want := range codes {
		got, text, err := c.ReadResponse(0)
		if want == 0 {
			if err == nil || isTimeout(err) {
				c.t.Fatalf("heard %d %s, %v, want the end", got, text, err)
			}
			continue
		}
		if err != nil || got != want {
			c.t.Fatalf("heard %d %s, %v, want %d", got, text, err, want)
		}
	}
}

var oneMessage = []string{
	"MAIL FROM:<bounce@elshi.example> BODY=8BITMIME", "RCPT TO:<a@example.org>", "RCPT TO:<b@example.org>", "DATA",
}

var oneBody = []string{
	"Message-ID: <1@elshi.example>", "X-Elshi-Message: msg_1", "Subject: X-Not: a header", "", "X-Body: no", "..dot", ".",
}

func TestSinkKeepsWhatMatters(t *testing.T) {
	s := NewSMTPSink(t, SinkOptions{KeepRaw: true})
	c := dial(t, s)
	c.say("EHLO test")
	c.hear(220, 250)
	c.say(oneMessage...) // pipelined
	c.hear(250, 250, 250, 354)
	c.say(oneBody...)
	c.hear(250)
	c.say("QUIT")
	c.hear(221, 0)
	want := []Mail{{
		From: "bounce@elshi.example", To: []string{"a@example.org", "b@example.org"}, MessageID: "1@elshi.example",
		Headers: map[string]string{"x-elshi-message": "msg_1"}, Acknowledged: true,
		Raw: "Message-ID: <1@elshi.example>\r\nX-Elshi-Message: msg_1\r\nSubject: X-Not: a header\r\n\r\nX-Body: no\r\n.dot\r\n",
	}}
	got := s.Messages()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Mail{}, "At")); diff != "" {
		t.Errorf("Messages mismatch (-want +got):\n%s", diff)
	}
	if s.Count() != 1 || s.Sessions() != 1 || got[0].At.IsZero() {
		t.Errorf("count %d, sessions %d, at %v", s.Count(), s.Sessions(), got[0].At)
	}
}

func TestSinkKeepsTheOrderOfASession(t *testing.T) {
	s := NewSMTPSink(t, SinkOptions{NoPipelining: true, NoEnhanced: true})
	c := dial(t, s)
	c.hear(220)
	c.say("EHLO test")
	if _, text, err := c.ReadResponse(250); err != nil || strings.Contains(text, "PIPELINING") || strings.Contains(text, "ENHANCED") {
		t.Errorf("EHLO offers %q, %v", text, err)
	}
	c.say("RCPT TO:<a@example.org>", "DATA", "MAIL FROM:<>", "MAIL FROM:<>", "DATA", "RCPT TO:", "RSET", "DATA", "WHAT", "NOOP", "HELO x")
	c.hear(503, 503, 250, 503, 554, 501, 250, 503, 500, 250, 250)
	if s.Count() != 0 {
		t.Errorf("kept %d messages, want none", s.Count())
	}
}

func TestSinkFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		options SinkOptions
		faults  []Fault
		want    []int // replies to the banner, EHLO, MAIL, RCPT, RCPT, DATA, the message; 0 is the end
		kept    []bool
	}{
		"no fault":              {want: []int{220, 250, 250, 250, 250, 354, 250}, kept: []bool{true}},
		"refused at the door":   {faults: []Fault{{At: AtBanner, Reply: "421 4.3.2 busy", Cut: true}}, want: []int{421, 0}},
		"cut at the door":       {faults: []Fault{{At: AtBanner, Cut: true}}, want: []int{0}},
		"cut at EHLO":           {faults: []Fault{{At: AtEHLO, Cut: true}}, want: []int{220, 0}},
		"cut at MAIL":           {faults: []Fault{{At: AtMail, Cut: true}}, want: []int{220, 250, 0}},
		"sender refused":        {faults: []Fault{{At: AtMail, Reply: "550 5.7.1 no"}}, want: []int{220, 250, 550, 503, 503, 503}},
		"cut at DATA":           {faults: []Fault{{At: AtData, Cut: true}}, want: []int{220, 250, 250, 250, 250, 0}},
		"cut in the body":       {faults: []Fault{{At: MidBody, Cut: true}}, want: []int{220, 250, 250, 250, 250, 354, 0}},
		"refused after the dot": {faults: []Fault{{At: AfterDot, Reply: "451 4.3.0 later"}}, want: []int{220, 250, 250, 250, 250, 354, 451}},
		"cut after the dot":     {faults: []Fault{{At: AfterDot, Cut: true}}, want: []int{220, 250, 250, 250, 250, 354, 0}, kept: []bool{false}},
		"cut after the reply":   {faults: []Fault{{At: AfterReply, Cut: true}}, want: []int{220, 250, 250, 250, 250, 354, 250, 0}, kept: []bool{true}},
		"every recipient refused": {
			faults: []Fault{{At: AtRcpt, Reply: "550 5.1.1 nobody"}}, want: []int{220, 250, 250, 550, 550, 554},
		},
		"every recipient refused, DATA taken": {
			options: SinkOptions{LenientData: true},
			faults:  []Fault{{At: AtRcpt, Reply: "550 5.1.1 nobody"}}, want: []int{220, 250, 250, 550, 550, 354, 554},
		},
		"one recipient refused": {
			faults: []Fault{{At: AtRcpt, To: "b@example.org", Reply: "550 5.1.1 nobody"}},
			want:   []int{220, 250, 250, 250, 550, 354, 250}, kept: []bool{true},
		},
		"once only": {
			faults: []Fault{{At: AtRcpt, Times: 1, Reply: "450 4.2.1 greylisted"}},
			want:   []int{220, 250, 250, 450, 250, 354, 250}, kept: []bool{true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := NewSMTPSink(t, tc.options)
			for _, f := range tc.faults {
				s.Fail(f)
			}
			c := dial(t, s)
			script := append([]string{"", "EHLO test"}, oneMessage...)
			script = append(script, strings.Join(oneBody, "\r\n"), "")
			for i, want := range tc.want {
				if script[i] != "" {
					_ = c.PrintfLine("%s", script[i]) // the peer may have cut it already
				}
				c.hear(want)
			}
			var kept []bool
			for _, m := range s.Messages() {
				kept = append(kept, m.Acknowledged)
			}
			if diff := cmp.Diff(tc.kept, kept); diff != "" {
				t.Errorf("kept messages, acknowledged or not, mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSinkStallsUntilCleared(t *testing.T) {
	for _, point := range []Point{MidBody, AfterDot} {
		s := NewSMTPSink(t, SinkOptions{KeepRaw: true})
		s.Fail(Fault{At: point, Stall: time.Hour})
		c := dial(t, s)
		c.say(append(append([]string{"EHLO test"}, oneMessage...), oneBody...)...)
		c.say("NOOP") // a pipelined command must survive the stall
		c.hear(220, 250, 250, 250, 250, 354)
		Eventually(t, 10*time.Second, func() error {
			if s.Reached(point) == 0 {
				return errors.New("not there yet")
			}
			return nil
		})
		if point == AfterDot && (s.Count() != 1 || s.Messages()[0].Acknowledged) {
			t.Errorf("while it stalls: %+v, want one that is not acknowledged", s.Messages())
		}
		s.Clear()
		c.hear(250, 250)
		c.say("NOOP") // and the connection must still be read from
		c.hear(250)
		got := s.Messages()
		if len(got) != 1 || !got[0].Acknowledged || got[0].MessageID != "1@elshi.example" || !strings.HasSuffix(got[0].Raw, "\r\n.dot\r\n") {
			t.Errorf("after a stall at %s: %+v", point, got)
		}
	}
}

func TestSinkFindsTheDotHoweverTheNetworkCutsIt(t *testing.T) {
	const text = "X-Elshi: 1\r\n\r\n..\r\n. \r\n\r.\r\n.x\r\n.\r\nQUIT\r\n"
	for _, keep := range []bool{false, true} {
		for cut := range len(text) {
			s := NewSMTPSink(t, SinkOptions{KeepRaw: keep})
			client, server := net.Pipe() // a write arrives as it is, not joined with the next
			go func() {
				newSinkSession(s, server).run()
				_ = server.Close()
			}()
			if err := client.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			c := talk{textproto.NewConn(client), t}
			c.hear(220)
			for _, line := range []string{"EHLO x", "MAIL FROM:<>", "RCPT TO:<a@example.org>"} {
				c.say(line)
				c.hear(250)
			}
			c.say("DATA")
			c.hear(354)
			go func() {
				_, _ = io.WriteString(client, text[:cut])
				_, _ = io.WriteString(client, text[cut:])
			}()
			c.hear(250, 221, 0)
			got := s.Messages()
			if len(got) != 1 || got[0].Headers["x-elshi"] != "1" {
				t.Errorf("cut at %d, keep %v: %+v", cut, keep, got)
			}
			if want := "X-Elshi: 1\r\n\r\n.\r\n \r\n\r.\r\nx\r\n"; keep && got[0].Raw != want {
				t.Errorf("cut at %d: raw %q, want %q", cut, got[0].Raw, want)
			}
		}
	}
}

func TestSinkNoticesAHangUpDuringAStall(t *testing.T) {
	s := NewSMTPSink(t, SinkOptions{})
	s.Fail(Fault{At: AfterDot, Stall: time.Hour})
	c := dial(t, s)
	c.say(append(append([]string{"EHLO test"}, oneMessage...), oneBody...)...)
	c.hear(220, 250, 250, 250, 250, 354)
	Eventually(t, 10*time.Second, func() error {
		if s.Reached(AfterDot) == 0 {
			return errors.New("not there yet")
		}
		return nil
	})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	Eventually(t, 10*time.Second, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.conns) != 0 {
			return errors.New("the session goes on")
		}
		return nil
	})
	if got := s.Messages(); len(got) != 1 || got[0].Acknowledged {
		t.Errorf("messages = %+v, want one that was not acknowledged", got)
	}
}

func TestSinkGoesAwayAndComesBack(t *testing.T) {
	s := NewSMTPSink(t, SinkOptions{})
	s.Delay(time.Millisecond)
	c := dial(t, s)
	c.hear(220)
	s.Away()
	c.hear(0)
	if conn, err := net.Dial("tcp", s.Addr()); err == nil {
		_ = conn.Close()
		t.Error("a connection is taken while the sink is away")
	}
	s.Back(t)
	c = dial(t, s)
	c.say(append(append([]string{"EHLO test"}, oneMessage...), oneBody...)...)
	c.hear(220, 250, 250, 250, 250, 354, 250)
	if s.Count() != 1 {
		t.Errorf("count = %d, want 1", s.Count())
	}
}

// BenchmarkSink says how much of a result belongs to the sink: 12 KB messages, pipelined over four connections.
func BenchmarkSink(b *testing.B) {
	s := NewSMTPSink(b, SinkOptions{})
	message := "MAIL FROM:<a@elshi.example>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n" +
		"Message-ID: <1@elshi.example>\r\n\r\n" + strings.Repeat(strings.Repeat("x", 74)+"\r\n", 160) + ".\r\n"
	b.SetBytes(int64(len(message)))
	var clients sync.WaitGroup
	const connections = 4
	for i := range connections {
		clients.Go(func() {
			conn, err := net.Dial("tcp", s.Addr())
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close()
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			n := b.N / connections
			if i == 0 {
				n += b.N % connections
			}
			// Not a correct client: it does not wait for 354. The sink's speed is the same.
			if _, err := fmt.Fprint(conn, "EHLO x\r\n"); err != nil {
				b.Error(err)
			}
			for range n {
				if _, err := io.WriteString(conn, message); err != nil {
					b.Error(err)
					return
				}
			}
			Eventually(b, time.Minute, func() error {
				if s.Count() < b.N {
					return errors.New("not all there")
				}
				return nil
			})
		})
	}
	clients.Wait()
}
