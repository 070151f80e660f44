package api

import (
	"context"
	"time"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

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
	visitOf(ctx).saw(m.ContactID)
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
	found, err := o.messageBook.List(ctx, f)
	for _, m := range found.Messages {
		visitOf(ctx).saw(m.ContactID)
	}
	return found, err
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
	m, err := o.messageOrders.Cancel(ctx, id, now)
	visitOf(ctx).saw(m.ContactID)
	return m, err
}

// Requeue is for those who may touch every message.
func (o ownOrders) Requeue(ctx context.Context, id vocab.MessageID, by string, now time.Time) (dispatcher.Message, error) {
	m, err := o.messageOrders.Requeue(ctx, id, by, now)
	visitOf(ctx).saw(m.ContactID)
	return m, err
}

// seenContacts is the book of contacts that tells the audit log whose data it brought up.
type seenContacts struct{ contactBook }

// Create notes whom it made.
func (s seenContacts) Create(ctx context.Context, c contacts.Contact, addresses []contacts.NewAddress) (contacts.Profile, error) {
	p, err := s.contactBook.Create(ctx, c, addresses)
	visitOf(ctx).saw(p.ID)
	return p, err
}

// Get notes whom it read.
func (s seenContacts) Get(ctx context.Context, id vocab.ContactID) (contacts.Profile, error) {
	p, err := s.contactBook.Get(ctx, id)
	visitOf(ctx).saw(p.ID)
	return p, err
}

// List notes everybody in the list.
func (s seenContacts) List(ctx context.Context, f contacts.Filter) ([]contacts.Profile, error) {
	list, err := s.contactBook.List(ctx, f)
	for _, p := range list {
		visitOf(ctx).saw(p.ID)
	}
	return list, err
}
