package channelstest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/vocab"
)

// memory is a channel and its provider in one: the smallest thing that keeps every promise. Each flaw breaks one.
type memory struct {
	mu        sync.Mutex
	behaviour Behaviour
	begun     int
	taken     []string
	open      int
	password  string
	flaw      string
}

func (m *memory) Behave(b Behaviour) { m.mu.Lock(); defer m.mu.Unlock(); m.behaviour = b }
func (m *memory) Begun() int         { m.mu.Lock(); defer m.mu.Unlock(); return m.begun }
func (m *memory) Taken() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.taken...)
}
func (m *memory) Connections() int { m.mu.Lock(); defer m.mu.Unlock(); return m.open }

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.flaw != "keeps connections" {
		m.open = 0
	}
	return nil
}

func (m *memory) String() string {
	if m.flaw == "prints secret" {
		return m.password
	}
	return "memory"
}

func (m *memory) GoString() string { return "memory" }

func (m *memory) Send(ctx context.Context, batch []channels.Message, report func(channels.Receipt)) {
	for i, msg := range batch {
		r := channels.Receipt{MessageID: msg.ID, Attempt: msg.Attempt, At: time.Now()}
		r.Outcome, r.Err = m.one(ctx, msg)
		switch {
		case m.flaw == "forgets one" && i == 2:
			continue
		case m.flaw == "reports twice":
			report(r)
		case m.flaw == "loses attempt":
			r.Attempt = 0
		}
		report(r)
		if m.flaw == "stops at refusal" && r.Outcome == channels.Refused {
			return
		}
	}
}

func (m *memory) one(ctx context.Context, msg channels.Message) (channels.Outcome, *channels.Error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil && m.flaw != "ignores ctx" {
		return channels.NotHandedOver, &channels.Error{Cause: channels.Stopped}
	}
	if !time.Now().Before(msg.Until) && m.flaw != "ignores Until" {
		return channels.NotHandedOver, &channels.Error{Cause: channels.LeaseExpired}
	}
	if m.behaviour == Gone {
		return channels.NotHandedOver, &channels.Error{Cause: channels.Unreachable}
	}
	m.begun++
	m.open = 1
	if m.behaviour == Refuse {
		cause := channels.NoSuchMailbox
		if m.flaw == "leaks address" {
			return channels.Refused, &channels.Error{Cause: cause, Enhanced: msg.To.Reveal()}
		}
		return channels.Refused, &channels.Error{Cause: cause}
	}
	m.taken = append(m.taken, msg.Email.Text)
	if m.flaw == "hands over twice" {
		m.taken = append(m.taken, msg.Email.Text)
	}
	if m.behaviour == Silent {
		if m.flaw == "claims not handed over" {
			return channels.NotHandedOver, &channels.Error{Cause: channels.Unreachable}
		}
		return channels.InDoubt, &channels.Error{Cause: channels.ConnectionLost}
	}
	return channels.Accepted, nil
}

func subject(flaw string) Subject {
	m := &memory{behaviour: Accept, password: "correct horse", flaw: flaw}
	return Subject{
		Channel: m, Provider: m, Now: time.Now, RefusedCause: channels.NoSuchMailbox, Secrets: []string{m.password},
		Message: func(n int) channels.Message {
			return channels.Message{To: vocab.Address(fmt.Sprintf("aigerim%d@example.kz", n)), Email: &channels.Email{}}
		},
		Patience: 5 * time.Second,
	}
}

func TestRunPassesAChannelThatKeepsEveryPromise(t *testing.T) {
	Run(t, func(*testing.T) Subject { return subject("") })
}

func TestEveryFlawIsFound(t *testing.T) {
	flaws := []string{
		"keeps connections", "prints secret", "forgets one", "reports twice", "loses attempt", "stops at refusal", "ignores ctx",
		"ignores Until", "leaks address", "hands over twice", "claims not handed over",
	}
	for _, flaw := range flaws {
		t.Run(flaw, func(t *testing.T) {
			found := 0
			for _, p := range promises {
				r := &recorder{}
				s := subject(flaw)
				s.Patience = 50 * time.Millisecond
				p.check(t.Context(), s, r)
				found += len(r.all())
			}
			if found == 0 {
				t.Errorf("no promise is broken by a channel that %s", flaw)
			}
		})
	}
}
