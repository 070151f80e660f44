package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/vocab"
)

// inboxBook keeps what the catcher caught.
type inboxBook interface {
	// List returns what was caught, the newest first, without Raw.
	List(ctx context.Context, f InboxFilter) ([]Caught, error)
	// Get returns one message with Raw; fault.NotFound if there is none, or not any more.
	Get(ctx context.Context, id string) (Caught, error)
	// Clear forgets all and says how many they were.
	Clear(ctx context.Context) (int, error)
}

// Caught is a message that went into the catcher and to nobody.
type Caught struct {
	ID        string
	Channel   vocab.Channel
	Sender    string
	Recipient string
	Subject   string // email
	Body      string // the text
	HTML      string // email
	Raw       []byte // as it would have gone on the wire
	At        time.Time
}

// InboxFilter narrows a list of caught messages; empty fields do not.
type InboxFilter struct {
	Channel   vocab.Channel
	Recipient string // part of it, in any case
	After     string
	Limit     int // 1 to 200
}

// caughtPrefix begins the ids of caught messages.
const caughtPrefix = "cgt"

func (a *API) registerInbox() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: "/v1/inbox" + path, Summary: summary, Description: description, Tags: []string{"operation"},
		}
	}
	register(a, op("list-inbox", http.MethodGet, "", "List what the catcher caught", "The newest first. There only if the catcher is on, never in production."), a.listInbox, statusInvalid)
	register(a, op("get-inbox-message", http.MethodGet, "/{id}", "Read a caught message", "As it would have gone on the wire, too."), a.getCaught)
	register(a, op("clear-inbox", http.MethodDelete, "", "Empty the catcher", "Forgets all that was caught."), a.clearInbox)
}

// caughtView is a caught message.
type caughtView struct {
	ID        string        `json:"id" doc:"The caught message."`
	Channel   vocab.Channel `json:"channel" enum:"email,sms" doc:"How it would have gone."`
	Sender    string        `json:"sender" doc:"Who it comes from."`
	Recipient string        `json:"recipient" doc:"Who it was for."`
	Subject   string        `json:"subject,omitempty" doc:"Email."`
	Text      string        `json:"text" doc:"The text."`
	HTML      string        `json:"html,omitempty" doc:"Email."`
	Raw       []byte        `json:"raw,omitempty" doc:"As it would have gone on the wire, in base64; not in lists."`
	At        time.Time     `json:"at" doc:"When it was caught."`
}

func caughtOf(c Caught) caughtView {
	return caughtView{c.ID, c.Channel, c.Sender, c.Recipient, c.Subject, c.Body, c.HTML, c.Raw, c.At.UTC()}
}

type listInboxInput struct {
	Channel   string `query:"channel" enum:"email,sms" doc:"Only this channel."`
	Recipient string `query:"recipient" maxLength:"320" doc:"Part of whom it was for, in any case."`
	Cursor    string `query:"cursor" doc:"next_cursor of the page before."`
	Limit     int    `query:"limit" minimum:"1" maximum:"199" default:"50" doc:"Entries of a page."`
}

func (a *API) listInbox(ctx context.Context, in *listInboxInput) (*reply[page[caughtView]], error) {
	var wrong idCheck
	wrong.look("cursor", caughtPrefix, in.Cursor)
	if err := wrong.err(); err != nil {
		return nil, err
	}
	list, err := a.Inbox.List(ctx, InboxFilter{
		Channel: vocab.Channel(in.Channel), Recipient: in.Recipient, After: in.Cursor, Limit: pageLimit(in.Limit) + 1,
	})
	if err != nil {
		return nil, err
	}
	return pageOf(list, pageLimit(in.Limit), func(c Caught) string { return c.ID }, caughtOf), nil
}

type caughtInput struct {
	ID string `path:"id" doc:"The caught message."`
}

func (a *API) getCaught(ctx context.Context, in *caughtInput) (*reply[caughtView], error) {
	if err := checkID(caughtPrefix, in.ID, "caught_not_found", "the inbox has no message with this id"); err != nil {
		return nil, err
	}
	c, err := a.Inbox.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return answer(caughtOf(c)), nil
}

// clearedView says how much was forgotten.
type clearedView struct {
	Cleared int `json:"cleared" doc:"How many messages the catcher held."`
}

func (a *API) clearInbox(ctx context.Context, _ *struct{}) (*reply[clearedView], error) {
	n, err := a.Inbox.Clear(ctx)
	if err != nil {
		return nil, err
	}
	return answer(clearedView{n}), nil
}
