package email

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/channelstest"
	"github.com/orleu/elshi/internal/testkit"
)

func pipelining(s *scripted) { s.extensions = []string{"8BITMIME", "SMTPUTF8", "PIPELINING"} }

func TestPipeliningKeepsTheChannelContract(t *testing.T) {
	channelstest.Run(t, func(t *testing.T) channelstest.Subject {
		t.Helper()
		provider := newScripted(t, nil, pipelining)
		return channelstest.Subject{
			Channel: newSender(t, provider.address), Provider: provider, Message: sample, Now: time.Now, RefusedCause: channels.NoSuchMailbox,
			Secrets: []string{"no secret at all"},
		}
	})
}

// Wherever the dialogue breaks, a message that goes in groups ends as one that goes in lock-step.
func TestConnectionBreaksWhilePipelining(t *testing.T) {
	large := sample(1)
	large.Email.Attachments = []channels.Attachment{{Name: "a.bin", ContentType: "application/octet-stream", Content: make([]byte, 16<<20)}}
	cut, stall := move{cut: true}, move{stall: true}
	const envelope = "EHLO MAIL RCPT DATA"
	cases := []struct {
		name   string
		script map[string]move
		msg    channels.Message
		want   verdict
	}{
		{"after EHLO", map[string]move{"MAIL": cut}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, "EHLO MAIL"}},
		{"after MAIL", map[string]move{"RCPT": cut}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, "EHLO MAIL RCPT"}},
		{"after RCPT", map[string]move{"DATA": cut}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, envelope}},
		{"in the middle of the text", map[string]move{stepBody: cut}, large, verdict{channels.NotHandedOver, channels.Unreachable, 0, envelope}},
		{"after the dot", map[string]move{stepDot: cut}, sample(1), verdict{channels.InDoubt, channels.ConnectionLost, 1, envelope}},
		{"after the reply", map[string]move{stepDot: {reply: "250 ok", cut: true}}, sample(1), verdict{channels.Accepted, "", 1, envelope}},
		{"in the middle of the reply", map[string]move{stepDot: {reply: "250-ok", cut: true}}, sample(1), verdict{channels.InDoubt, channels.ConnectionLost, 1, envelope}},
		{"silence after MAIL", map[string]move{"MAIL": stall}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, "EHLO MAIL"}},
		{"silence after DATA", map[string]move{"DATA": stall}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, envelope}},
		{"nobody reads the text", map[string]move{stepBody: stall}, large, verdict{channels.NotHandedOver, channels.Unreachable, 0, envelope}},
		{"silence after the dot", map[string]move{stepDot: stall}, sample(1), verdict{channels.InDoubt, channels.ConnectionLost, 1, envelope}},
		{"354 after the dot", map[string]move{stepDot: {reply: "354 more"}}, sample(1), verdict{channels.InDoubt, channels.ConnectionLost, 1, envelope}},
		{"250 after DATA", map[string]move{"DATA": {reply: "250 ok"}}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, envelope}},
		{"MAIL refused, the others as well", map[string]move{"MAIL": {reply: "550 5.1.8 bad sender"}, "RCPT": {reply: "503 5.5.1 MAIL first"}, "DATA": {reply: "503 5.5.1 MAIL first"}}, sample(1), verdict{channels.Refused, channels.ProviderRefusedUs, 0, envelope}},
		{"MAIL refused, then the end", map[string]move{"MAIL": {reply: "550 5.1.8 bad sender", cut: true}}, sample(1), verdict{channels.Refused, channels.ProviderRefusedUs, 0, "EHLO MAIL"}},
		{"MAIL 421", map[string]move{"MAIL": {reply: "421 4.7.0 enough for today", cut: true}}, sample(1), verdict{channels.NotHandedOver, channels.Unreachable, 0, "EHLO MAIL"}},
		{"RCPT refused and DATA not", map[string]move{"RCPT": {reply: "550 5.1.1 no"}}, sample(1), verdict{channels.Refused, channels.NoSuchMailbox, 0, envelope}},
		{"RCPT refused, DATA as well", map[string]move{"RCPT": {reply: "450 4.2.2 full"}, "DATA": {reply: "554 5.5.1 no valid recipients"}}, sample(1), verdict{channels.Refused, channels.MailboxFull, 0, envelope}},
		{"DATA refused", map[string]move{"DATA": {reply: "451 4.3.0 disk"}}, sample(1), verdict{channels.Refused, channels.Unreachable, 0, envelope}},
		{"text refused", map[string]move{stepDot: {reply: "550 5.6.0 no"}}, sample(1), verdict{channels.Refused, channels.ContentRefused, 1, envelope}},
		{"text 421", map[string]move{stepDot: {reply: "421 4.7.28 too fast", cut: true}}, sample(1), verdict{channels.Refused, channels.RateLimited, 1, envelope}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			server := newScripted(t, tc.script, pipelining)
			s := newSender(t, server.address, func(o *Options) {
				o.CommandTimeout, o.DataTimeout = 500*time.Millisecond, 500*time.Millisecond
			})
			r := sendOne(t, s, tc.msg)
			got := judge(server, r)
			// A group is heard as far as the server reads it.
			if !strings.HasPrefix(envelope, got.Heard) {
				t.Errorf("the server heard %s, want the beginning of %s", got.Heard, envelope)
			}
			got.Heard = tc.want.Heard
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

// What befalls one message of a batch befalls no other, and no message arrives twice.
func TestOneOfManyFailsWhilePipelining(t *testing.T) {
	const unlucky = "aigerim3@example.kz"
	cases := []struct {
		name     string
		options  testkit.SinkOptions
		fault    testkit.Fault
		want     channels.Outcome
		cause    channels.Cause
		sessions int
	}{
		{"its recipient is refused", testkit.SinkOptions{}, testkit.Fault{At: testkit.AtRcpt, To: unlucky, Reply: "550 5.1.1 no"}, channels.Refused, channels.NoSuchMailbox, 1},
		{"its recipient is refused and its text is asked for", testkit.SinkOptions{LenientData: true}, testkit.Fault{At: testkit.AtRcpt, To: unlucky, Reply: "550 5.1.1 no"}, channels.Refused, channels.NoSuchMailbox, 2},
		{"its text is refused", testkit.SinkOptions{}, testkit.Fault{At: testkit.AfterDot, To: unlucky, Reply: "452 4.2.2 full"}, channels.Refused, channels.MailboxFull, 1},
		{"the connection ends after its RCPT", testkit.SinkOptions{}, testkit.Fault{At: testkit.AtRcpt, To: unlucky, Cut: true}, channels.NotHandedOver, channels.Unreachable, 2},
		{"the connection ends after its DATA", testkit.SinkOptions{}, testkit.Fault{At: testkit.AtData, To: unlucky, Cut: true}, channels.NotHandedOver, channels.Unreachable, 2},
		{"the connection ends in its text", testkit.SinkOptions{}, testkit.Fault{At: testkit.MidBody, To: unlucky, Cut: true}, channels.InDoubt, channels.ConnectionLost, 2},
		{"the connection ends after its dot", testkit.SinkOptions{}, testkit.Fault{At: testkit.AfterDot, To: unlucky, Cut: true}, channels.InDoubt, channels.ConnectionLost, 2},
		{"silence after its dot", testkit.SinkOptions{}, testkit.Fault{At: testkit.AfterDot, To: unlucky, Stall: time.Hour}, channels.InDoubt, channels.ConnectionLost, 2},
		{"the connection ends after it", testkit.SinkOptions{}, testkit.Fault{At: testkit.AfterReply, To: unlucky, Cut: true}, channels.Accepted, "", 2},
		{"a MAIL ends the connection", testkit.SinkOptions{}, testkit.Fault{At: testkit.AtMail, Times: 1, Cut: true}, channels.Accepted, "", 2},
		{"a MAIL is answered with 421", testkit.SinkOptions{}, testkit.Fault{At: testkit.AtMail, Times: 1, Reply: "421 4.7.0 enough", Cut: true}, channels.Accepted, "", 2},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			sink := testkit.NewSMTPSink(t, tc.options)
			s := newSender(t, sink.Addr(), func(o *Options) { o.MaxConnections = 1 })
			if first := sendOne(t, s, sample(0)); first.Outcome != channels.Accepted { // so that the connection is a kept one
				t.Fatalf("the first message: %s with cause %q, want accepted", first.Outcome, cause(first))
			}
			sink.Fail(tc.fault)
			var batch []channels.Message
			for n := 1; n <= 6; n++ {
				batch = append(batch, sample(n))
			}
			for id, r := range sendAll(t, s, batch...) {
				want, why := channels.Accepted, channels.Cause("")
				if id == batch[2].ID {
					want, why = tc.want, tc.cause
				}
				if r.Outcome != want || cause(r) != why {
					t.Errorf("%s: %s with cause %q, want %s with %q", id, r.Outcome, cause(r), want, why)
				}
			}
			sink.Clear()
			_ = s.Close()
			taken := map[string]int{}
			for _, m := range sink.Messages() {
				taken[m.To[0]]++
			}
			for n := range 7 {
				to := fmt.Sprintf("aigerim%d@example.kz", n)
				if taken[to] > 1 || taken[to] == 0 && to != unlucky {
					t.Errorf("the provider has %d messages to %s", taken[to], to)
				}
			}
			if sink.Sessions() != tc.sessions {
				t.Errorf("%d connections, want %d", sink.Sessions(), tc.sessions)
			}
		})
	}
}

func TestGroups(t *testing.T) {
	t.Run("a connection carries no more than MessagesPerConnection", func(t *testing.T) {
		server := newScripted(t, nil, pipelining)
		s := newSender(t, server.address, func(o *Options) { o.MaxConnections, o.MessagesPerConnection = 1, 2 })
		sendAll(t, s, sample(1), sample(2), sample(3), sample(4), sample(5))
		_ = s.Close()
		if n := server.Dialled(); n != 3 {
			t.Errorf("%d connections for 5 messages, want 3", n)
		}
	})
	t.Run("a permit that ended before its turn is not begun", func(t *testing.T) {
		server := newScripted(t, nil, pipelining)
		s := newSender(t, server.address, func(o *Options) { o.MaxConnections = 1 })
		late := sample(2)
		late.Until = time.Now()
		got := sendAll(t, s, sample(1), late, sample(3))
		if r := got[late.ID]; r.Outcome != channels.NotHandedOver || cause(r) != channels.LeaseExpired {
			t.Errorf("%s with cause %q, want not_handed_over with lease_expired", r.Outcome, cause(r))
		}
		if server.Begun() != 2 || len(server.Taken()) != 2 {
			t.Errorf("%d begun and %d taken, want 2 and 2", server.Begun(), len(server.Taken()))
		}
	})
	t.Run("a permit that ends during the dialogue is not handed over", func(t *testing.T) {
		for _, step := range []string{"MAIL", "DATA", stepBody} {
			server := newScripted(t, map[string]move{step: {stall: true}}, pipelining)
			s := newSender(t, server.address)
			m := sample(1)
			m.Email.Attachments = []channels.Attachment{{Name: "a.bin", ContentType: "application/octet-stream", Content: make([]byte, 16<<20)}}
			m.Until = time.Now().Add(300 * time.Millisecond)
			if r := sendOne(t, s, m); r.Outcome != channels.NotHandedOver || cause(r) != channels.LeaseExpired || len(server.Taken()) != 0 {
				t.Errorf("silent at %s: %s with cause %q, want not_handed_over with lease_expired", step, r.Outcome, cause(r))
			}
		}
	})
	t.Run("an address that needs SMTPUTF8 is refused alone", func(t *testing.T) {
		server := newScripted(t, nil, func(s *scripted) { s.extensions = []string{"PIPELINING"} })
		s := newSender(t, server.address, func(o *Options) { o.MaxConnections = 1 })
		foreign := sample(2)
		foreign.To = "әсел@example.kz"
		got := sendAll(t, s, sample(1), foreign, sample(3))
		if r := got[foreign.ID]; r.Outcome != channels.Refused || cause(r) != channels.BadSyntax || len(server.Taken()) != 2 {
			t.Errorf("%s with cause %q and %d taken, want refused with bad_syntax and 2", r.Outcome, cause(r), len(server.Taken()))
		}
	})
}
