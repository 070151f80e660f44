package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// openToAll are the operations of every API key, whatever its mode. What is not listed needs a live key, a new route too: a key that
// reaches nobody, or a few, is handed out freely and must not change or read what is live.
var openToAll = []string{
	"create-message", "create-messages", "preview-message",
	"list-messages", "get-message", "list-message-events", "list-message-attempts", "get-message-decision", "get-message-content", "cancel-message",
	"list-templates", "get-template", "get-template-version", "list-purposes", "list-inbox", "get-inbox-message",
}

// mayCall says whether a key may ask for an operation.
func mayCall(key dispatcher.APIKey, op *huma.Operation) bool {
	return key.Mode == dispatcher.Live || slices.Contains(openToAll, op.OperationID)
}

func keyModeForbidden() *problem {
	return newProblem(http.StatusForbidden, "key_mode_forbidden",
		"this needs a live key; a test or guest_list key asks for messages, reads and cancels its own, and reads templates, purposes and the inbox")
}

// mayTouch says whether a message is a caller's to read and to cancel: every one is a live key's, its own are any other key's.
func mayTouch(key dispatcher.APIKey, m dispatcher.Message) bool {
	return key.Mode == dispatcher.Live || key.ID != "" && key.ID == m.APIKey
}

// ownMessages is the book as the caller of a request may see it: the messages of others are not there. Events, attempts and contents
// are asked for once Get has found the message.
type ownMessages struct{ messageBook }

// Get answers somebody else's message like an id that nobody has.
func (o ownMessages) Get(ctx context.Context, id vocab.MessageID) (dispatcher.Message, error) {
	m, err := o.messageBook.Get(ctx, id)
	if err == nil && !mayTouch(callerOf(ctx), m) {
		return dispatcher.Message{}, fault.Missing("message_not_found", "there is no message with this id")
	}
	return m, err
}

// List narrows the list to the caller's own.
func (o ownMessages) List(ctx context.Context, f dispatcher.MessageFilter) (dispatcher.MessagePage, error) {
	if key := callerOf(ctx); key.Mode != dispatcher.Live {
		if f.APIKey != "" && f.APIKey != key.ID {
			return dispatcher.MessagePage{}, nil
		}
		f.APIKey = key.ID
	}
	return o.messageBook.List(ctx, f)
}

// ownOrders takes orders about the caller's own messages; messages says which those are. To send again is for live keys alone.
type ownOrders struct {
	messageOrders

	messages ownMessages
}

// Cancel answers somebody else's message like an id that nobody has.
func (o ownOrders) Cancel(ctx context.Context, id vocab.MessageID, now time.Time) (dispatcher.Message, error) {
	if callerOf(ctx).Mode != dispatcher.Live {
		if _, err := o.messages.Get(ctx, id); err != nil {
			return dispatcher.Message{}, err
		}
	}
	return o.messageOrders.Cancel(ctx, id, now)
}
