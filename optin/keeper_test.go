package optin_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// house has some portions of work.
type house struct {
	due     [][]optin.Confirmation
	lapses  int // portions that are left
	forgets int
	gone    []contacts.EraseOrder
	fails   error
}

func (h *house) Remind(context.Context, time.Time, int) ([]optin.Confirmation, bool, error) {
	if len(h.due) == 0 || h.fails != nil {
		return nil, false, h.fails
	}
	next := h.due[0]
	h.due = h.due[1:]
	return next, len(h.due) > 0, nil
}

func (h *house) Lapse(context.Context, time.Time, int) (bool, error) {
	h.lapses--
	return h.lapses > 0, h.fails
}

func (h *house) Forget(_ context.Context, order contacts.EraseOrder, _ int) (int, bool, error) {
	h.gone = append(h.gone, order)
	return 1, len(h.gone) < 2, h.fails
}

func (h *house) ForgetSignUps(context.Context, time.Time) error {
	h.forgets++
	return h.fails
}

func certify(contacts.Certificate) (string, error) { return "signed", nil }

func TestTheKeeperForgetsWhoNeverConfirmedAndLeavesTheirAddressesOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, h := newOffice(t), &house{}
		optin.NewKeeper(h, o.Desk, certify).Keep(t.Context())
		if len(h.gone) != 2 {
			t.Fatalf("forgot %d portions, want both", len(h.gone))
		}
		order := h.gone[0]
		if signed, err := order.Certify(contacts.Certificate{}); signed != "signed" || err != nil || !order.LeaveOpen || !order.At.Equal(o.now) || order.By == "" {
			t.Errorf("got the order %+v, certified %q, %v", order, signed, err)
		}
	})
}

func TestTheKeeperRemindsWithALinkOfItsOwnTrigger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.ask(news())
		c := o.only()
		c.Address = "aigul@example.org"
		h := &house{due: [][]optin.Confirmation{{c}, {c}}, lapses: 3}
		optin.NewKeeper(h, o.Desk, certify).Keep(t.Context())
		if len(o.sent) != 3 || h.lapses != 0 || h.forgets != 1 {
			t.Fatalf("sent %d messages, %d lapses left, forgot %d times", len(o.sent), h.lapses, h.forgets)
		}
		first, reminder := o.sent[0], o.sent[1]
		link := func(m dispatcher.Request) string {
			_, after, _ := strings.Cut(string(m.Data), `"url":"`)
			url, _, _ := strings.Cut(after, `"`)
			return url
		}
		if reminder.TriggerID != string(c.ID)+":reminder" || !reminder.TriggerAt.Equal(o.now) || !strings.Contains(string(reminder.Data), `"reminder":true`) ||
			link(first) != link(reminder) || link(first) == "" || reminder.Language != vocab.Russian {
			t.Errorf("reminder %+v, first %+v", reminder, first)
		}
		if o.carried[c.ID] != "msg_x" {
			t.Errorf("carried %v", o.carried)
		}
		h = &house{due: [][]optin.Confirmation{{c}}, fails: errors.New("gone")}
		optin.NewKeeper(h, o.Desk, certify).Keep(t.Context())
		if len(o.sent) != 3 || h.forgets != 1 {
			t.Errorf("an error in one part keeps the others from being tried: %d sent, forgot %d times", len(o.sent), h.forgets)
		}
	})
}

func TestTheKeeperStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- optin.NewKeeper(h, newOffice(t).Desk, certify).Run(ctx) }()
		<-time.After(3*time.Minute + time.Second)
		cancel()
		if err := <-done; err != nil || h.forgets != 4 {
			t.Errorf("ended with %v after %d rounds, want 4", err, h.forgets)
		}
	})
}
