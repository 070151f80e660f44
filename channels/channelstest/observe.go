package channelstest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/vocab"
)

// recorder collects broken promises; checks return nothing else, so that the suite can be run against broken channels.
type recorder struct {
	mu       sync.Mutex
	problems []string
}

func (r *recorder) addf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.problems)
}

// batch returns n messages whose permits end after d. Their ids are in their texts, so that Taken can be searched.
func (s Subject) batch(n int, d time.Duration) []channels.Message {
	messages := make([]channels.Message, n)
	for i := range messages {
		m := s.Message(i)
		m.ID = vocab.MessageID(vocab.NewID(vocab.MessagePrefix))
		m.Attempt = i + 1
		m.Until = s.Now().Add(d)
		if m.Email != nil {
			m.Email.Text = confidential(m.ID)
		}
		if m.SMS != nil {
			m.SMS.Text = confidential(m.ID)
		}
		messages[i] = m
	}
	return messages
}

func confidential(id vocab.MessageID) string { return "confidential " + string(id) }

// send calls Send once and checks what every Send promises. The receipts come in the order of the batch; a message that
// was never reported has the zero Receipt.
func (s Subject) send(ctx context.Context, r *recorder, batch []channels.Message) []channels.Receipt {
	var (
		mu       sync.Mutex
		reported = map[vocab.MessageID][]channels.Receipt{}
		inside   atomic.Int32
		returned atomic.Bool
	)
	report := func(got channels.Receipt) {
		if inside.Add(1) != 1 {
			r.addf("report was called from two goroutines at once")
		}
		if returned.Load() {
			r.addf("message %s was reported after Send had returned", got.MessageID)
		}
		runtime.Gosched() // gives a second caller the chance to be caught
		mu.Lock()
		reported[got.MessageID] = append(reported[got.MessageID], got)
		mu.Unlock()
		inside.Add(-1)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Channel.Send(ctx, batch, report)
		returned.Store(true)
	}()
	patience := time.NewTimer(s.Patience)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
		r.addf("Send had not returned after %v", s.Patience)
	}

	mu.Lock()
	defer mu.Unlock()
	receipts := make([]channels.Receipt, len(batch))
	for i, m := range batch {
		got := reported[m.ID]
		if len(got) != 1 {
			r.addf("message %d was reported %d times, want once", i, len(got))
		}
		if len(got) > 0 {
			receipts[i] = got[0]
			s.checkReceipt(r, m, got[0])
		}
		delete(reported, m.ID)
	}
	for id := range reported {
		r.addf("message %q was reported and was not in the batch", id)
	}
	return receipts
}

// checkReceipt checks what holds for every receipt, whatever happened.
func (s Subject) checkReceipt(r *recorder, m channels.Message, got channels.Receipt) {
	if got.Attempt != m.Attempt {
		r.addf("Receipt.Attempt = %d, want the message's %d", got.Attempt, m.Attempt)
	}
	if got.At.IsZero() {
		r.addf("Receipt.At is zero")
	}
	switch got.Outcome {
	case channels.Accepted:
		if got.Err != nil {
			r.addf("Accepted with error %v, want none", got.Err)
		}
	case channels.Refused, channels.NotHandedOver, channels.InDoubt:
		if got.Err == nil {
			r.addf("%s without an error", got.Outcome)
		}
	default:
		r.addf("Outcome %q is none of the four", got.Outcome)
	}
	if got.Err == nil {
		return
	}
	if !slices.Contains(channels.Causes(), got.Err.Cause) {
		r.addf("Cause %q is not in channels.Causes", got.Err.Cause)
	}
	if (got.Err.Cause == channels.LeaseExpired || got.Err.Cause == channels.Stopped) && got.Outcome != channels.NotHandedOver {
		r.addf("Cause %s with Outcome %s, want always not_handed_over", got.Err.Cause, got.Outcome)
	}
	if (got.Err.Cause == channels.ConnectionLost) != (got.Outcome == channels.InDoubt) {
		r.addf("Cause %s with Outcome %s: connection_lost means in_doubt and nothing else does", got.Err.Cause, got.Outcome)
	}
	s.checkPrintable(r, "Error", got.Err.Error(), m)
	for _, secret := range s.Secrets {
		if strings.Contains(fmt.Sprintf("%#v", got)+got.Err.Detail+got.Reply, secret) {
			r.addf("a receipt holds a secret of the channel")
		}
	}
}

// checkPrintable checks that a text which may be logged holds no address, no body and no secret.
func (s Subject) checkPrintable(r *recorder, what, text string, m channels.Message) {
	if strings.Contains(text, m.To.Reveal()) {
		r.addf("%s text holds the address", what)
	}
	if strings.Contains(text, confidential(m.ID)) {
		r.addf("%s text holds the message's text", what)
	}
	for _, secret := range s.Secrets {
		if strings.Contains(text, secret) {
			r.addf("%s text holds a secret of the channel", what)
		}
	}
}

// expect checks outcome and cause of every receipt; an empty cause means that there is no error.
func expect(r *recorder, receipts []channels.Receipt, outcome channels.Outcome, cause channels.Cause) {
	for i, got := range receipts {
		var gotCause channels.Cause
		if got.Err != nil {
			gotCause = got.Err.Cause
		}
		if got.Outcome != outcome || gotCause != cause {
			r.addf("message %d: %q with cause %q, want %q with cause %q", i, got.Outcome, gotCause, outcome, cause)
		}
	}
}

// taken counts how often the provider has the message whole.
func (s Subject) taken(m channels.Message) int {
	count := 0
	for _, content := range s.Provider.Taken() {
		if strings.Contains(content, string(m.ID)) {
			count++
		}
	}
	return count
}

// close ends the channel as its owner would: once, after the last Send.
func (s Subject) close(r *recorder) {
	if err := s.Channel.Close(); err != nil {
		r.addf("Close() = %v, want nil", err)
	}
}
