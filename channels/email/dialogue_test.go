package email

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/internal/testkit"
)

// verdict is what a test expects of one message.
type verdict struct {
	Outcome channels.Outcome
	Cause   channels.Cause
	Taken   int    // messages that the server has whole
	Heard   string // the commands that the server got
}

func judge(s *scripted, r channels.Receipt) verdict {
	return verdict{Outcome: r.Outcome, Cause: cause(r), Taken: len(s.Taken()), Heard: s.verbs()}
}

// Where the connection breaks decides whether the provider can have the message: the dot is the border, and after it only
// an answer counts. Nothing but the closed socket follows a break: no QUIT, which could make half a message whole.
func TestConnectionBreaks(t *testing.T) {
	large := sample(1)
	large.Email.Attachments = []channels.Attachment{{Name: "a.bin", ContentType: "application/octet-stream", Content: make([]byte, 16<<20)}}
	cut, stall := move{cut: true}, move{stall: true}
	cases := []struct {
		name   string
		script map[string]move
		msg    channels.Message
		want   verdict
	}{
		{"before the greeting", map[string]move{stepGreeting: cut}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, ""}},
		{"after the greeting", map[string]move{"EHLO": cut, "HELO": cut}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, "EHLO"}},
		{"after EHLO", map[string]move{"MAIL": cut}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, "EHLO MAIL"}},
		{"after MAIL", map[string]move{"RCPT": cut}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, "EHLO MAIL RCPT"}},
		{"after RCPT", map[string]move{"DATA": cut}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, "EHLO MAIL RCPT DATA"}},
		{"in the middle of the text", map[string]move{stepBody: cut}, large, verdict{channels.NotHandedOver, channels.Unreachable, 0, "EHLO MAIL RCPT DATA"}},
		{"after the dot", map[string]move{stepDot: cut}, sample(1), verdict{channels.InDoubt, channels.ConnectionLost, 1, "EHLO MAIL RCPT DATA"}},
		{"after the reply", map[string]move{stepDot: {reply: "250 ok", cut: true}}, sample(1), verdict{channels.Accepted, "", 1, "EHLO MAIL RCPT DATA"}},
		{"in the middle of the reply", map[string]move{stepDot: {reply: "250-ok", cut: true}}, sample(1), verdict{channels.InDoubt, channels.ConnectionLost, 1, "EHLO MAIL RCPT DATA"}},
		{"silence instead of a greeting", map[string]move{stepGreeting: stall}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, ""}},
		{"silence after MAIL", map[string]move{"MAIL": stall}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, "EHLO MAIL"}},
		{"silence after RCPT", map[string]move{"RCPT": stall}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, "EHLO MAIL RCPT"}},
		{"silence after DATA", map[string]move{"DATA": stall}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, "EHLO MAIL RCPT DATA"}},
		{"nobody reads the text", map[string]move{stepBody: stall}, large, verdict{channels.NotHandedOver, channels.Unreachable, 0, "EHLO MAIL RCPT DATA"}},
		{"silence after the dot", map[string]move{stepDot: stall}, sample(1), verdict{channels.InDoubt, channels.ConnectionLost, 1, "EHLO MAIL RCPT DATA"}},
		{"no SMTP after the dot", map[string]move{stepDot: {reply: "hello?"}}, sample(1), verdict{channels.InDoubt, channels.ConnectionLost, 1, "EHLO MAIL RCPT DATA"}},
		{"354 after the dot", map[string]move{stepDot: {reply: "354 more"}}, sample(1), verdict{channels.InDoubt, channels.ConnectionLost, 1, "EHLO MAIL RCPT DATA"}},
		{"250 after DATA", map[string]move{"DATA": {reply: "250 ok"}}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, "EHLO MAIL RCPT DATA"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			server := newScripted(t, tc.script)
			s := newSender(t, server.address, func(o *Options) {
				o.CommandTimeout, o.DataTimeout = 500*time.Millisecond, 500*time.Millisecond
			})
			got := judge(server, sendOne(t, s, tc.msg))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
			// Whatever happened, the next message finds a good server with a good connection.
			server.play(nil)
			if next := sendOne(t, s, sample(2)); next.Outcome != channels.Accepted {
				t.Errorf("the next message: %s with cause %q, want accepted", next.Outcome, cause(next))
			}
			_ = s.Close()
		})
	}
}

func TestRefusals(t *testing.T) {
	cases := []struct {
		name, step, reply string
		want              verdict
	}{
		{"421 greeting", stepGreeting, "421 4.3.2 too busy", verdict{channels.NotHandedOver, channels.Unreachable, 0, ""}},
		{"554 greeting", stepGreeting, "554 5.7.1 blocked", verdict{channels.NotHandedOver, channels.PolicyRefused, 0, ""}},
		{"MAIL for now", "MAIL", "451 4.7.1 later", verdict{channels.Refused, channels.Temporary, 0, "EHLO MAIL"}},
		{"MAIL for good", "MAIL", "550 5.1.8 bad sender", verdict{channels.Refused, channels.ProviderRefusedUs, 0, "EHLO MAIL"}},
		{"MAIL wants AUTH", "MAIL", "530 5.7.0 authenticate", verdict{channels.Refused, channels.ProviderRefusedUs, 0, "EHLO MAIL"}},
		{"MAIL 421", "MAIL", "421 4.7.0 enough for today", verdict{channels.NotHandedOver, channels.Unreachable, 0, "EHLO MAIL"}},
		{"RCPT for now", "RCPT", "450 4.2.2 full", verdict{channels.Refused, channels.MailboxFull, 0, "EHLO MAIL RCPT"}},
		{"RCPT for good", "RCPT", "550 no", verdict{channels.Refused, channels.Permanent, 0, "EHLO MAIL RCPT"}},
		{"RCPT 421", "RCPT", "421 4.3.2 stopping", verdict{channels.Refused, channels.Unreachable, 0, "EHLO MAIL RCPT"}},
		{"DATA for now", "DATA", "451 4.3.0 disk", verdict{channels.Refused, channels.Unreachable, 0, "EHLO MAIL RCPT DATA"}},
		{"DATA for good", "DATA", "554 5.5.1 no valid recipients", verdict{channels.Refused, channels.Permanent, 0, "EHLO MAIL RCPT DATA"}},
		{"text for now", stepDot, "452 4.3.1 disk", verdict{channels.Refused, channels.Unreachable, 1, "EHLO MAIL RCPT DATA"}},
		{"text for good", stepDot, "550-5.6.0 line one\r\n550 5.6.0 line two", verdict{channels.Refused, channels.ContentRefused, 1, "EHLO MAIL RCPT DATA"}},
		{"text 421", stepDot, "421 4.7.28 too fast", verdict{channels.Refused, channels.RateLimited, 1, "EHLO MAIL RCPT DATA"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			server := newScripted(t, map[string]move{tc.step: {reply: tc.reply, cut: strings.HasPrefix(tc.reply, "421")}})
			s := newSender(t, server.address)
			got := judge(server, sendOne(t, s, sample(1)))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
			server.play(nil)
			if next := sendOne(t, s, sample(2)); next.Outcome != channels.Accepted {
				t.Errorf("the next message: %s with cause %q, want accepted", next.Outcome, cause(next))
			}
			_ = s.Close()
		})
	}
}

func TestKeptConnections(t *testing.T) {
	const oneMessage = " MAIL RCPT DATA"
	send := func(t *testing.T, s *Sender, n int, want channels.Outcome) {
		t.Helper()
		if got := sendOne(t, s, sample(n)); got.Outcome != want {
			t.Errorf("message %d: %s with cause %q, want %s", n, got.Outcome, cause(got), want)
		}
	}
	t.Run("good messages cost four commands each: no NOOP, no RSET", func(t *testing.T) {
		server := newScripted(t, nil)
		s := newSender(t, server.address)
		send(t, s, 1, channels.Accepted)
		send(t, s, 2, channels.Accepted)
		_ = s.Close()
		if want := "EHLO" + oneMessage + oneMessage + " QUIT"; server.verbs() != want {
			t.Errorf("commands = %s, want %s", server.verbs(), want)
		}
	})
	t.Run("a refused recipient is followed by RSET", func(t *testing.T) {
		server := newScripted(t, map[string]move{"RCPT": {reply: "550 5.1.1 no"}})
		s := newSender(t, server.address)
		send(t, s, 1, channels.Refused)
		server.play(nil)
		send(t, s, 2, channels.Accepted)
		if want := "EHLO MAIL RCPT RSET" + oneMessage; server.verbs() != want {
			t.Errorf("commands = %s, want %s", server.verbs(), want)
		}
	})
	t.Run("a refused text needs no RSET", func(t *testing.T) {
		server := newScripted(t, map[string]move{stepDot: {reply: "550 5.7.1 spam"}})
		s := newSender(t, server.address)
		send(t, s, 1, channels.Refused)
		server.play(nil)
		send(t, s, 2, channels.Accepted)
		if want := "EHLO" + oneMessage + oneMessage; server.verbs() != want {
			t.Errorf("commands = %s, want %s", server.verbs(), want)
		}
	})
	for name, rset := range map[string]move{"is refused": {reply: "503 no"}, "breaks the connection": {cut: true}} {
		t.Run("an RSET that "+name+" costs a connection and no message", func(t *testing.T) {
			server := newScripted(t, map[string]move{"RCPT": {reply: "550 5.1.1 no"}})
			s := newSender(t, server.address)
			send(t, s, 1, channels.Refused)
			server.play(map[string]move{"RSET": rset})
			send(t, s, 2, channels.Accepted)
			if server.Dialled() != 2 || len(server.Taken()) != 1 {
				t.Errorf("%d connections and %d messages, want 2 and 1", server.Dialled(), len(server.Taken()))
			}
		})
	}
	t.Run("a 421 to a later MAIL costs a connection and no message", func(t *testing.T) {
		server := newScripted(t, nil)
		s := newSender(t, server.address)
		send(t, s, 1, channels.Accepted)
		server.play(map[string]move{"MAIL": {reply: "421 4.7.0 too many messages on this connection", cut: true}})
		// The fresh connection gets the same answer: the provider is away, and that is no loop.
		send(t, s, 2, channels.NotHandedOver)
		if server.Dialled() != 2 {
			t.Errorf("%d connections, want 2", server.Dialled())
		}
	})
	t.Run("a reply that nobody asked for ends the connection", func(t *testing.T) {
		server := newScripted(t, map[string]move{stepDot: {reply: "250 ok\r\n250 and a half"}})
		s := newSender(t, server.address)
		send(t, s, 1, channels.Accepted)
		server.play(map[string]move{"RCPT": {reply: "550 5.1.1 no"}})
		send(t, s, 2, channels.Refused)
		if server.Dialled() != 2 {
			t.Errorf("%d connections, want 2", server.Dialled())
		}
	})
	t.Run("a connection is replaced after MessagesPerConnection", func(t *testing.T) {
		server := newScripted(t, nil)
		s := newSender(t, server.address, func(o *Options) { o.MessagesPerConnection = 2 })
		for n := range 5 {
			send(t, s, n, channels.Accepted)
		}
		if want := "EHLO" + oneMessage + oneMessage + " QUIT"; !strings.HasPrefix(server.verbs(), want) || server.Dialled() != 3 {
			t.Errorf("%d connections with %s, want 3 and each ended by QUIT", server.Dialled(), server.verbs())
		}
	})
	for name, change := range map[string]func(*Options){
		"idle too long": func(o *Options) { o.IdleTimeout = time.Nanosecond },
		"too old":       func(o *Options) { o.MaxAge = time.Nanosecond },
	} {
		t.Run("a connection is replaced when it is "+name, func(t *testing.T) {
			server := newScripted(t, nil)
			s := newSender(t, server.address, change)
			send(t, s, 1, channels.Accepted)
			send(t, s, 2, channels.Accepted)
			if server.Dialled() != 2 {
				t.Errorf("%d connections, want 2", server.Dialled())
			}
		})
	}
	t.Run("a batch uses several connections and never more than MaxConnections", func(t *testing.T) {
		server := newScripted(t, nil)
		s := newSender(t, server.address, func(o *Options) { o.MaxConnections = 3 })
		var batch []channels.Message
		for n := range 60 {
			batch = append(batch, sample(n))
		}
		for id, r := range sendAll(t, s, batch...) {
			if r.Outcome != channels.Accepted {
				t.Errorf("%s: %s with cause %q", id, r.Outcome, cause(r))
			}
		}
		if n := server.Dialled(); n < 2 || n > 3 {
			t.Errorf("%d connections for 60 messages, want 2 or 3", n)
		}
	})
	t.Run("a provider that allows fewer connections than we want costs no message", func(t *testing.T) {
		server := newScripted(t, nil)
		s := newSender(t, server.address)
		send(t, s, 0, channels.Accepted)
		server.play(map[string]move{stepGreeting: {reply: "421 4.7.0 too many connections", cut: true}})
		var batch []channels.Message
		for n := range 60 {
			batch = append(batch, sample(n))
		}
		for id, r := range sendAll(t, s, batch...) {
			if r.Outcome != channels.Accepted {
				t.Errorf("%s: %s with cause %q", id, r.Outcome, cause(r))
			}
		}
	})
	t.Run("a provider that is away is asked once per worker, not once per message", func(t *testing.T) {
		server := newScripted(t, map[string]move{stepGreeting: {reply: "421 busy", cut: true}})
		s := newSender(t, server.address, func(o *Options) { o.MaxConnections = 2 })
		var batch []channels.Message
		for n := range 50 {
			batch = append(batch, sample(n))
		}
		sendAll(t, s, batch...)
		if n := server.Dialled(); n > 2 {
			t.Errorf("%d connections tried for 50 messages, want at most 2", n)
		}
	})
}

// A permit that ends during the dialogue stops it before the dot, and the server has nothing.
func TestPermitEndsDuringTheDialogue(t *testing.T) {
	for _, step := range []string{stepGreeting, "EHLO", "MAIL", "RCPT", "DATA", stepBody} {
		t.Run("the server is silent at "+step, func(t *testing.T) {
			server := newScripted(t, map[string]move{step: {stall: true}})
			s := newSender(t, server.address)
			m := sample(1)
			m.Email.Attachments = []channels.Attachment{{Name: "a.bin", ContentType: "application/octet-stream", Content: make([]byte, 16<<20)}}
			m.Until = time.Now().Add(400 * time.Millisecond)
			got := sendOne(t, s, m)
			if got.Outcome != channels.NotHandedOver || cause(got) != channels.LeaseExpired || len(server.Taken()) != 0 {
				t.Errorf("%s with cause %q and %d taken, want not_handed_over, lease_expired, 0", got.Outcome, cause(got), len(server.Taken()))
			}
		})
	}
	t.Run("between the text and the dot", func(t *testing.T) {
		server := newScripted(t, nil)
		m := sample(1)
		readings := 0
		s := newSender(t, server.address, func(o *Options) {
			o.Now = func() time.Time {
				if strings.HasSuffix(server.verbs(), "DATA") {
					if readings++; readings > 1 { // the first one sets the deadline for the text
						return m.Until
					}
				}
				return time.Now()
			}
		})
		got := sendOne(t, s, m)
		_ = s.Close()
		var halves []string
		testkit.Eventually(t, 10*time.Second, func() error {
			server.mu.Lock()
			defer server.mu.Unlock()
			if halves = slices.Clone(server.halves); len(halves) == 0 {
				return errors.New("the server has not seen the connection end in the middle of a message")
			}
			return nil
		})
		if got.Outcome != channels.NotHandedOver || cause(got) != channels.LeaseExpired || len(server.Taken()) != 0 {
			t.Errorf("%s with cause %q and %d taken, want not_handed_over, lease_expired, 0", got.Outcome, cause(got), len(server.Taken()))
		}
		if len(halves) != 1 || !strings.HasSuffix(halves[0], "--\r\n") {
			t.Errorf("the server got %q, want the whole text and nothing after it, no QUIT either", halves)
		}
	})
}

func TestStopping(t *testing.T) {
	for _, step := range []string{stepGreeting, "EHLO"} {
		t.Run("while connecting: silent at "+step, func(t *testing.T) {
			server := newScripted(t, map[string]move{step: {stall: true}})
			s := newSender(t, server.address, func(o *Options) { o.CommandTimeout = time.Hour })
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			receipts := make(chan channels.Receipt, 1)
			go s.Send(ctx, []channels.Message{sample(1)}, func(r channels.Receipt) { receipts <- r })
			var got channels.Receipt
			select {
			case got = <-receipts:
			case <-time.After(10 * time.Second):
				t.Fatal("Send waits for a silent server although its context has ended")
			}
			if got.Outcome != channels.NotHandedOver || cause(got) != channels.Stopped {
				t.Errorf("%s with cause %q, want not_handed_over, stopped", got.Outcome, cause(got))
			}
		})
	}
	t.Run("while waiting for a connection", func(t *testing.T) {
		server := newScripted(t, map[string]move{"MAIL": {stall: true}})
		s := newSender(t, server.address, func(o *Options) { o.MaxConnections = 1; o.CommandTimeout = time.Second })
		s.pool.slots <- struct{}{} // somebody else has it
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		late := sample(2)
		late.Until = time.Now().Add(20 * time.Millisecond)
		var got []channels.Cause
		s.Send(ctx, []channels.Message{late, sample(1)}, func(r channels.Receipt) { got = append(got, cause(r)) })
		if diff := cmp.Diff([]channels.Cause{channels.LeaseExpired, channels.Stopped}, got); diff != "" {
			t.Errorf("causes mismatch (-want +got):\n%s", diff)
		}
	})
}

func TestReceiptOfAnAcceptedMessage(t *testing.T) {
	server := newScripted(t, nil)
	s := newSender(t, server.address)
	m := sample(7)
	m.Attempt = 3
	got := sendOne(t, s, m)
	got.At = time.Time{}
	want := channels.Receipt{MessageID: m.ID, Attempt: 3, Outcome: channels.Accepted, ProviderRef: "4dXyZ1", Reply: "2.0.0 Ok: queued as 4dXyZ1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("receipt mismatch (-want +got):\n%s", diff)
	}
	heard := strings.Join(server.heard(), "\n")
	if want := "EHLO elshi.example.kz\nMAIL FROM:<b+7.t0k3n@bounce.example.kz>\nRCPT TO:<aigerim7@example.kz>\nDATA"; heard != want {
		t.Errorf("commands:\n%s\nwant:\n%s", heard, want)
	}
}
