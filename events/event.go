package events

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/orleu/elshi/vocab"
)

// Event is one thing that happened, as it is told. Its JSON is the body of a webhook and an entry of GET /v1/events alike.
type Event struct {
	ID        string    `json:"id" example:"evt_06gywnjy01xbs0938nkrkaydxw" doc:"The event; the same in the feed, in every webhook and on every retry."`
	Type      Type      `json:"type" example:"message.bounced" doc:"What happened."`
	Timestamp time.Time `json:"timestamp" doc:"When it happened, to the microsecond."`
	Data      Data      `json:"data" doc:"Whom and what it is about: ids and codes, nothing personal."`

	Place Place `json:"-"` // in the feed
}

// Data is whom and what an event is about, in ids and codes. No field may ever hold a name, an address, a text, or anything else that
// somebody typed; an event of a message of class security holds ids and the class alone.
type Data struct {
	MessageID     vocab.MessageID      `json:"message_id,omitempty" doc:"The message."`
	ConsentID     vocab.ConsentEventID `json:"consent_id,omitempty" doc:"The entry of the consent ledger."`
	SuppressionID vocab.SuppressionID  `json:"suppression_id,omitempty" doc:"The suppression."`
	ContactID     vocab.ContactID      `json:"contact_id,omitempty" doc:"The contact."`
	AddressID     vocab.AddressID      `json:"address_id,omitempty" doc:"The address, if a contact has it."`
	Channel       vocab.Channel        `json:"channel,omitempty" enum:"email,sms" doc:"The channel."`
	Class         vocab.Class          `json:"class,omitempty" doc:"The message's class."`
	Purpose       vocab.Purpose        `json:"purpose,omitempty" doc:"The purpose."`
	Topic         vocab.Topic          `json:"topic,omitempty" doc:"The topic."`
	Mode          string               `json:"mode,omitempty" enum:"live,guest_list,test" doc:"Of the API key that asked for the message."`
	Attempt       int                  `json:"attempt,omitempty" doc:"How often the message had been handed over."`
	Reason        string               `json:"reason,omitempty" doc:"A decision's reason, a cause of failure, or why an address is suppressed."`
	Kind          string               `json:"kind,omitempty" doc:"What the consent ledger calls it."`
	Scope         string               `json:"scope,omitempty" doc:"How far a withdrawal reaches."`
	Source        string               `json:"source,omitempty" doc:"The way it came in."`
	ValidUntil    *time.Time           `json:"valid_until,omitempty" doc:"When a grant ends."`
	Changed       []string             `json:"changed,omitempty" nullable:"false" doc:"Which fields of a contact changed."`
}

// Place is where an event stands in the feed. Events of one transaction stand together in the order in which they were written; of two
// transactions that overlap either may stand first.
type Place struct{ Tx, Seq int64 }

// cursorPrefix begins a Place as callers see it.
const cursorPrefix = "cur"

// String returns the place as a cursor: it means nothing to who holds it.
func (p Place) String() string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(p.Tx))  //nolint:gosec // bits, not a number
	binary.BigEndian.PutUint64(raw[8:], uint64(p.Seq)) //nolint:gosec // likewise
	return vocab.FormatID(cursorPrefix, raw)
}

// ParseCursor reads what String wrote. Its error wraps vocab.ErrBadID.
func ParseCursor(text string) (Place, error) {
	raw, err := vocab.ParseID(cursorPrefix, text)
	if err != nil {
		return Place{}, fmt.Errorf("cursor: %w", err)
	}
	p := Place{int64(binary.BigEndian.Uint64(raw[:8])), int64(binary.BigEndian.Uint64(raw[8:]))} //nolint:gosec // bits, not numbers
	if p.Tx < 0 || p.Seq < 0 {
		return Place{}, fmt.Errorf("cursor: %w", vocab.ErrBadID)
	}
	return p, nil
}

// ErrForgotten says that events behind a cursor are no longer kept: whoever reads on would miss some without knowing.
var ErrForgotten = errors.New("events behind this place are forgotten")
