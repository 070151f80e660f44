package inbox

import (
	"context"
	"errors"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// SMSOptions are settings of an SMS catcher.
type SMSOptions struct {
	// Now is the clock of Message.Until. If unset, time.Now.
	Now func() time.Time
	// NewID makes ids. If unset, vocab.NewID with IDPrefix.
	NewID func() string
	// KeepTimeout bounds one Keep. If unset or zero, 10 seconds.
	KeepTimeout time.Duration
}

// SMS is a channels.Channel that hands every text to a Keeper. Its reference is the id of the Caught. A text that the keeper
// refuses is refused for now, as a mail would be; one that the keeper is away for is not handed over; one whose Keep did not
// return in time is in doubt.
type SMS struct {
	keeper Keeper
	o      SMSOptions
}

var _ channels.Channel = (*SMS)(nil)

// NewSMS makes a catcher of texts.
func NewSMS(k Keeper, o SMSOptions) *SMS {
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the default of a setting
	}
	if o.NewID == nil {
		o.NewID = newID
	}
	if o.KeepTimeout <= 0 {
		o.KeepTimeout = keepTimeout
	}
	return &SMS{keeper: k, o: o}
}

func newID() string { return vocab.NewID(IDPrefix) }

// Send keeps each text, one after the other.
func (s *SMS) Send(ctx context.Context, batch []channels.Message, report func(channels.Receipt)) {
	for _, m := range batch {
		receipt := s.catch(ctx, m)
		receipt.MessageID, receipt.Attempt, receipt.At = m.ID, m.Attempt, s.o.Now().UTC()
		report(receipt)
	}
}

func (s *SMS) catch(ctx context.Context, m channels.Message) channels.Receipt {
	now := s.o.Now()
	switch {
	case m.SMS == nil || m.To == "":
		return failed(channels.NotHandedOver, channels.Unrenderable, "the message is no SMS or has no recipient")
	case ctx.Err() != nil:
		return failed(channels.NotHandedOver, channels.Stopped, "")
	case !now.Before(m.Until):
		return failed(channels.NotHandedOver, channels.LeaseExpired, "")
	}
	caught := Caught{
		ID: s.o.NewID(), Channel: vocab.SMS, From: m.SMS.From, To: []vocab.Address{m.To}, Text: clean(m.SMS.Text), At: now.UTC(),
	}
	err := keep(ctx, s.keeper, caught, s.o.KeepTimeout)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return failed(channels.InDoubt, channels.ConnectionLost, "")
	case fault.KindOf(err) == fault.Unavailable:
		return failed(channels.NotHandedOver, channels.Unreachable, err.Error())
	case err != nil:
		return failed(channels.Refused, channels.Temporary, err.Error())
	}
	return channels.Receipt{Outcome: channels.Accepted, ProviderRef: caught.ID}
}

func failed(outcome channels.Outcome, cause channels.Cause, detail string) channels.Receipt {
	return channels.Receipt{Outcome: outcome, Err: &channels.Error{Cause: cause, Detail: detail}}
}

// Close has nothing to end.
func (s *SMS) Close() error { return nil }
