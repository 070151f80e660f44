// Package inbox catches what would have gone out, for laptops, demonstrations and tests: an SMTP server that takes any mail, and
// a channel that takes any SMS. It decides nothing and delivers nothing; what it catches it hands to a Keeper.
package inbox

import (
	"context"
	"time"

	"github.com/orleu/elshi/vocab"
)

// IDPrefix is the prefix of a Caught's id, see vocab.NewID.
const IDPrefix = "cau"

// Caught is one message that was caught.
type Caught struct {
	ID      string
	Channel vocab.Channel
	// EnvelopeFrom is where a bounce of a mail would go (MAIL FROM); empty for a null sender and for SMS.
	EnvelopeFrom vocab.Address
	From         string          // a mail's From as it is shown, else its envelope sender; an SMS's sender
	To           []vocab.Address // a mail's envelope recipients; an SMS has one
	Subject      string
	Text         string // the text part of a mail, empty if it has none
	HTML         string // as it came: show it in a sandboxed frame only
	Raw          []byte // a mail as it came over the wire; nil for SMS
	At           time.Time
}

// Keeper keeps what is caught, and may forget the oldest.
type Keeper interface {
	// Keep is called by several goroutines at once, and the sender waits for it. It returns nil only when the message will be
	// there after a crash, and an error only when nothing was kept, for the sender will try again; a *fault.Error of kind
	// Unavailable says that the keeper is away. When ctx ends it may return ctx's error without knowing.
	Keep(ctx context.Context, c Caught) error
}

// keepTimeout bounds one Keep, also while the process is stopping.
const keepTimeout = 10 * time.Second

// keep does not end with ctx: somebody is waiting to learn whether the message was taken.
func keep(ctx context.Context, k Keeper, c Caught, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	return k.Keep(ctx, c)
}
