package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// messageBook reads messages. Every error but fault.NotFound means that nothing is known.
type messageBook interface {
	Get(ctx context.Context, id vocab.MessageID) (dispatcher.Message, error)
	// List returns a page of messages, the newest first; fault.Invalid if f.After is no message.
	List(ctx context.Context, f dispatcher.MessageFilter) (dispatcher.MessagePage, error)
	// Events returns what happened to a message, in order.
	Events(ctx context.Context, id vocab.MessageID) ([]dispatcher.MessageEvent, error)
	// Attempts returns the calls to providers, in order, the open one too.
	Attempts(ctx context.Context, id vocab.MessageID) ([]dispatcher.Attempt, error)
}

// messageOrders takes the orders that somebody may give about one message; each returns it as it is then.
type messageOrders interface {
	// Cancel calls a message back that still waits; fault.Conflict if it does not.
	Cancel(ctx context.Context, id vocab.MessageID, now time.Time) (dispatcher.Message, error)
	// Requeue sends a message again that may have arrived; fault.Conflict if it is not unknown. by is whose order it is.
	Requeue(ctx context.Context, id vocab.MessageID, by string, now time.Time) (dispatcher.Message, error)
}

// payloadSource says what messages were made from.
type payloadSource interface {
	Payload(ctx context.Context, id vocab.MessageID) (dispatcher.StoredContent, error)
}

// contentRenderer renders a message again; the same message reads the same whenever it is rendered.
type contentRenderer interface {
	Content(ctx context.Context, m dispatcher.Message, p dispatcher.Payload) (templates.Content, error)
}

func (a *API) registerMessageReads() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: "/v1/messages" + path, Summary: summary, Description: description, Tags: []string{"messages"},
		}
	}
	register(a, op("list-messages", http.MethodGet, "", "List messages",
		"The newest first. What is rare is looked for a stretch at a time, so a page may hold fewer entries than limit, or none, and still have a "+
			"next_cursor: the list ends with the page that has none."), a.listMessages, statusInvalid)
	register(a, op("get-message", http.MethodGet, "/{id}", "Read a message", "Where it is in its life, without address and text."), a.getMessage)
	register(a, op("list-message-events", http.MethodGet, "/{id}/events", "Read what happened to a message", "In order, from intake on."), a.messageEvents)
	register(a, op("list-message-attempts", http.MethodGet, "/{id}/attempts", "Read the calls to providers",
		"Each with what the provider answered; the open one too."), a.messageAttempts)
	register(a, op("get-message-decision", http.MethodGet, "/{id}/decision", "Read why a message was allowed, held or denied",
		"The newest decision with everything it rests on: the evidence for this message."), a.messageDecision)
	register(a, op("get-message-content", http.MethodGet, "/{id}/content", "Read what a message says",
		"Rendered again from the version it was made with. Texts of class security are shown as ••••."), a.messageContent)
	register(a, op("cancel-message", http.MethodPost, "/{id}/cancel", "Call a message back",
		"Works while it waits (scheduled, queued, held, deferred)."), a.cancelMessage, http.StatusConflict)
	register(a, op("resend-message", http.MethodPost, "/{id}/resend", "Send a message again that may have arrived",
		"An operator's order for status `unknown`: the recipient may get it twice."), a.resendMessage, http.StatusConflict)
}

type listMessagesInput struct {
	ContactID     string    `query:"contact_id" doc:"Only messages to this contact."`
	Status        string    `query:"status" enum:"scheduled,queued,held,deferred,sending,sent,delivered,bounced,undelivered,failed,suppressed,expired,canceled,unknown" doc:"Only this status."`
	Channel       string    `query:"channel" enum:"email,sms" doc:"Only this channel."`
	Class         string    `query:"class" enum:"security,transactional,service,legal,breach,marketing" doc:"Only this class."`
	Purpose       string    `query:"purpose" maxLength:"64" doc:"Only this purpose."`
	Reference     string    `query:"reference" maxLength:"200" doc:"Only messages with this reference of yours."`
	APIKeyID      string    `query:"api_key_id" doc:"Only messages that came with this key."`
	CreatedAfter  time.Time `query:"created_after" doc:"Only from this time on."`
	CreatedBefore time.Time `query:"created_before" doc:"Only before this time."`
	Cursor        string    `query:"cursor" doc:"next_cursor of the page before."`
	Limit         int       `query:"limit" minimum:"1" maximum:"199" default:"50" doc:"Entries of a page."`
}

func (a *API) listMessages(ctx context.Context, in *listMessagesInput) (*reply[page[messageView]], error) {
	var wrong idCheck
	wrong.look("contact_id", vocab.ContactPrefix, in.ContactID)
	wrong.look("api_key_id", vocab.APIKeyPrefix, in.APIKeyID)
	wrong.look("cursor", vocab.MessagePrefix, in.Cursor)
	if err := wrong.err(); err != nil {
		return nil, err
	}
	found, err := a.Messages.List(ctx, dispatcher.MessageFilter{
		Status: dispatcher.Status(in.Status), Purpose: vocab.Purpose(in.Purpose), Class: vocab.Class(in.Class), Channel: vocab.Channel(in.Channel),
		ContactID: vocab.ContactID(in.ContactID), Reference: in.Reference, APIKey: vocab.APIKeyID(in.APIKeyID),
		CreatedAfter: in.CreatedAfter, CreatedBefore: in.CreatedBefore, After: vocab.MessageID(in.Cursor), Limit: pageLimit(in.Limit),
	})
	if err != nil {
		return nil, err
	}
	list := page[messageView]{Data: []messageView{}, NextCursor: string(found.Next)}
	for _, m := range found.Messages {
		list.Data = append(list.Data, messageOf(m))
	}
	return answer(list), nil
}

type messageInput struct {
	ID string `path:"id" example:"msg_06gywnjy01xbs0938nkrkaydxw" doc:"The message."`
}

func (a *API) message(ctx context.Context, id string) (dispatcher.Message, error) {
	if err := checkID(vocab.MessagePrefix, id, "message_not_found", "there is no message with this id"); err != nil {
		return dispatcher.Message{}, err
	}
	return a.Messages.Get(ctx, vocab.MessageID(id))
}

func (a *API) getMessage(ctx context.Context, in *messageInput) (*reply[messageView], error) {
	m, err := a.message(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	kept, err := a.Payloads.Payload(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	view := messageOf(m)
	view.Attachments = kept.Attachments
	if m.Class != vocab.Security && seesContent(ctx) {
		view.Metadata = object(kept.Metadata)
	}
	return answer(view), nil
}

// seesContent says whether the caller may read what messages say. What a system gave along with a message may be as personal.
func seesContent(ctx context.Context) bool {
	v := visitOf(ctx)
	return !v.isMember() || rightOf("get-message-content").refuse(v) == nil
}

func (a *API) messageEvents(ctx context.Context, in *messageInput) (*reply[page[messageEventView]], error) {
	m, err := a.message(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := a.Messages.Events(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	return pageOf(list, len(list), nil, messageEventOf), nil
}

func (a *API) messageAttempts(ctx context.Context, in *messageInput) (*reply[page[attemptView]], error) {
	m, err := a.message(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := a.Messages.Attempts(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	return pageOf(list, len(list), nil, attemptOf), nil
}

type decisionInput struct {
	ID             string `path:"id" doc:"The message."`
	Lang           string `query:"lang" enum:"kk,ru,en" doc:"Language of the sentences; wins over Accept-Language."`
	AcceptLanguage string `header:"Accept-Language" doc:"Language of the sentences: kk, ru or en."`
}

func (a *API) messageDecision(ctx context.Context, in *decisionInput) (*reply[decisionView], error) {
	m, err := a.message(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return answer(decisionOf(m, sentenceLanguage(in.Lang, in.AcceptLanguage))), nil
}

func (a *API) messageContent(ctx context.Context, in *messageInput) (*reply[contentView], error) {
	m, err := a.message(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if m.Class == vocab.Security {
		return answer(contentOf(m, templates.Content{Language: m.Language})), nil // not even opened
	}
	kept, err := a.Payloads.Payload(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	if len(kept.Payload.Data) == 0 {
		return nil, fault.Missing("message_content_gone", "what the message was made from is not kept any more")
	}
	content, err := a.Renderer.Content(ctx, m, kept.Payload)
	if err != nil {
		return nil, err
	}
	view := contentOf(m, content)
	view.Attachments = kept.Attachments
	return answer(view), nil
}

func (a *API) cancelMessage(ctx context.Context, in *messageInput) (*reply[messageView], error) {
	if err := checkID(vocab.MessagePrefix, in.ID, "message_not_found", "there is no message with this id"); err != nil {
		return nil, err
	}
	m, err := a.Orders.Cancel(ctx, vocab.MessageID(in.ID), a.now())
	if err != nil {
		return nil, err
	}
	return answer(messageOf(m)), nil
}

func (a *API) resendMessage(ctx context.Context, in *messageInput) (*reply[messageView], error) {
	if err := checkID(vocab.MessagePrefix, in.ID, "message_not_found", "there is no message with this id"); err != nil {
		return nil, err
	}
	m, err := a.Orders.Requeue(ctx, vocab.MessageID(in.ID), actorOf(ctx).ID, a.now())
	if err != nil {
		return nil, err
	}
	return answer(messageOf(m)), nil
}
