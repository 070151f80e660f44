package inbox_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/channelstest"
	"github.com/orleu/elshi/channels/inbox"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

func TestSMSKeepsTheText(t *testing.T) {
	shelf := &shelf{}
	catcher := inbox.NewSMS(shelf, inbox.SMSOptions{Now: func() time.Time { return catchTime }, NewID: func() string { return "cau_7" }})
	var got channels.Receipt
	catcher.Send(t.Context(), []channels.Message{{
		ID: "msg_1", Attempt: 3, Until: catchTime.Add(time.Minute), To: "+77012345678", SMS: &channels.SMS{From: "ORLEU", Text: "Сәлем\x00"},
	}}, func(r channels.Receipt) { got = r })
	want := channels.Receipt{MessageID: "msg_1", Attempt: 3, Outcome: channels.Accepted, ProviderRef: "cau_7", At: catchTime}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("receipt mismatch (-want +got):\n%s", diff)
	}
	kept := []inbox.Caught{{ID: "cau_7", Channel: vocab.SMS, From: "ORLEU", To: []vocab.Address{"+77012345678"}, Text: "Сәлем\uFFFD", At: catchTime}}
	if diff := cmp.Diff(kept, shelf.all()); diff != "" {
		t.Errorf("kept mismatch (-want +got):\n%s", diff)
	}
}

func TestSMSIsNoMail(t *testing.T) {
	shelf := &shelf{}
	inbox.NewSMS(shelf, inbox.SMSOptions{}).Send(t.Context(),
		[]channels.Message{{Until: time.Now().Add(time.Minute), To: "a@example.kz", Email: &channels.Email{}}}, func(r channels.Receipt) {
			if r.Outcome != channels.NotHandedOver || r.Err.Cause != channels.Unrenderable {
				t.Errorf("receipt is %+v (%v), want not handed over, unrenderable", r, r.Err)
			}
		})
	if n := len(shelf.all()); n != 0 {
		t.Errorf("%d kept, want none", n)
	}
}

// provider is a Keeper that behaves as the suite says.
type provider struct {
	mu        sync.Mutex
	behaviour channelstest.Behaviour
	begun     int
	taken     []string
}

func (p *provider) Keep(ctx context.Context, c inbox.Caught) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun++
	switch p.behaviour {
	case channelstest.Refuse:
		return errors.New("no room for the text to " + c.To[0].Reveal())
	case channelstest.Gone:
		return fault.Away("ledger", errors.New("connection refused"))
	case channelstest.Silent:
		p.taken = append(p.taken, c.Text)
		<-ctx.Done()
		return ctx.Err()
	case channelstest.Accept:
		p.taken = append(p.taken, c.Text)
	}
	return nil
}

func (p *provider) Behave(b channelstest.Behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behaviour = b
}

func (p *provider) Begun() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.begun
}

func (p *provider) Taken() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.taken)
}

func (p *provider) Connections() int { return 0 }

func TestSMSKeepsThePromisesOfAChannel(t *testing.T) {
	channelstest.Run(t, func(t *testing.T) channelstest.Subject {
		t.Helper()
		keeper := &provider{behaviour: channelstest.Accept}
		return channelstest.Subject{
			Channel:  inbox.NewSMS(keeper, inbox.SMSOptions{KeepTimeout: 200 * time.Millisecond}),
			Provider: keeper, Now: time.Now, RefusedCause: channels.Temporary,
			Message: func(int) channels.Message {
				return channels.Message{To: "+77012345678", SMS: &channels.SMS{From: "ORLEU"}}
			},
		}
	})
}
