package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// submitter takes messages in; see dispatcher.Submitter.
type submitter interface {
	Submit(ctx context.Context, caller dispatcher.Caller, key *dispatcher.IdempotencyKey, requests []dispatcher.Request) (dispatcher.Submitted, error)
	Preview(ctx context.Context, caller dispatcher.Caller, r dispatcher.Request) (dispatcher.Preview, error)
}

const (
	messagesRoute = "POST /v1/messages"
	batchRoute    = "POST /v1/messages/batch"
)

func (a *API) registerMessages() {
	register(a, huma.Operation{
		Middlewares: huma.Middlewares{a.noEmptyKey},
		OperationID: "create-message", Method: http.MethodPost, Path: "/v1/messages", Tags: []string{"messages"}, DefaultStatus: http.StatusAccepted,
		Summary: "Send a message",
		Description: "Checks, decides and stores one message, and answers before it is sent. A message that may not be sent is answered 202 too, " +
			"with status `suppressed` and the decision. 422 means that no message was made.",
	}, a.createMessage, http.StatusConflict)
	register(a, huma.Operation{
		Middlewares: huma.Middlewares{a.noEmptyKey},
		OperationID: "create-messages", Method: http.MethodPost, Path: "/v1/messages/batch", Tags: []string{"messages"}, DefaultStatus: http.StatusAccepted,
		Summary: "Send up to 1,000 messages",
		Description: "One result per message, in order: the message that was made, or the problem that stood in its way, with pointers such as " +
			"`/messages/3/to/email`. A batch whose shape is wrong (unknown fields, wrong types) is refused whole. One Idempotency-Key covers the batch.",
	}, a.createMessages, http.StatusConflict)
	register(a, huma.Operation{
		OperationID: "preview-message", Method: http.MethodPost, Path: "/v1/messages/preview", Tags: []string{"messages"},
		Summary:     "Render and decide a message without sending it",
		Description: "What the recipient would read, what an SMS would cost and what the gate says now. Nothing is stored and nothing is sent.",
	}, a.previewMessage)
}

type createMessageInput struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"1 to 255 printable ASCII characters, for example a UUID. The same key with the same body gets the first answer again; with another body 422 idempotency_key_reused; while the first still runs 409 idempotency_key_in_use. Kept 7 days."`
	AcceptLanguage string `header:"Accept-Language" doc:"Language of the sentences in the answer: kk, ru or en."`
	RawBody        []byte
	Body           messageBody
}

type createMessageOutput struct {
	Replayed string `header:"Idempotency-Replayed" doc:"true if this is the answer to an earlier request with the same key."`
	Body     submittedView
}

func (a *API) createMessage(ctx context.Context, in *createMessageInput) (*createMessageOutput, error) {
	out, err := a.submit(ctx, in.IdempotencyKey, messagesRoute, in.RawBody, []messageBody{in.Body})
	if err != nil {
		return nil, err
	}
	if len(out.Results) != 1 {
		return nil, errResults
	}
	r := out.Results[0]
	if r.ID == "" {
		return nil, &fault.Error{Kind: fault.Invalid, Code: r.Code, Detail: "this request makes no message", Fields: r.Problem}
	}
	return &createMessageOutput{replayed(out), submittedOf(r, sentenceLanguage("", in.AcceptLanguage))}, nil
}

// errResults says that the street did not answer each request.
var errResults = errors.New("submit: not one result for each request")

type createMessagesInput struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"1 to 255 printable ASCII characters; one for the whole batch."`
	AcceptLanguage string `header:"Accept-Language" doc:"Language of the sentences in the answer: kk, ru or en."`
	RawBody        []byte
	Body           struct {
		Messages []messageBody `json:"messages" minItems:"1" maxItems:"1000" nullable:"false" doc:"The messages; each may carry its own reference."`
	} `nameHint:"MessageBatch"`
}

type createMessagesOutput struct {
	Replayed string `header:"Idempotency-Replayed" doc:"true if this is the answer to an earlier request with the same key."`
	Body     batchView
}

// batchView is one result per message of a batch.
type batchView struct {
	Data []batchItem `json:"data" nullable:"false" doc:"One result per message, in the order of the request."`
}

// batchItem is a message or a problem.
type batchItem struct {
	Message *submittedView `json:"message,omitempty" doc:"The message that was made."`
	Problem *problem       `json:"problem,omitempty" doc:"Why no message was made."`
}

func (a *API) createMessages(ctx context.Context, in *createMessagesInput) (*createMessagesOutput, error) {
	out, err := a.submit(ctx, in.IdempotencyKey, batchRoute, in.RawBody, in.Body.Messages)
	if err != nil {
		return nil, err
	}
	if len(out.Results) != len(in.Body.Messages) {
		return nil, errResults
	}
	lang := sentenceLanguage("", in.AcceptLanguage)
	view := batchView{Data: make([]batchItem, len(out.Results))}
	for i, r := range out.Results {
		if r.ID != "" {
			made := submittedOf(r, lang)
			view.Data[i].Message = &made
			continue
		}
		view.Data[i].Problem = problemOf(fault.At("/messages/"+strconv.Itoa(i), &fault.Error{
			Kind: fault.Invalid, Code: r.Code, Detail: "this request makes no message", Fields: r.Problem,
		}))
	}
	return &createMessagesOutput{replayed(out), view}, nil
}

func (a *API) submit(ctx context.Context, key, route string, raw []byte, bodies []messageBody) (dispatcher.Submitted, error) {
	caller := callerOf(ctx)
	token, err := idempotencyKey(key, route, caller.ID, raw)
	if err != nil {
		return dispatcher.Submitted{}, err
	}
	requests := make([]dispatcher.Request, len(bodies))
	for i, b := range bodies {
		requests[i] = b.request()
	}
	return a.Submitter.Submit(ctx, dispatcherCaller(caller), token, requests)
}

func dispatcherCaller(key dispatcher.APIKey) dispatcher.Caller {
	caller := dispatcher.Caller{APIKey: key.ID, Mode: key.Mode}
	if key.Mode == dispatcher.GuestList {
		caller.Guests = &dispatcher.Guests{Hashes: key.Guests}
	}
	return caller
}

func replayed(s dispatcher.Submitted) string {
	if s.Replayed {
		return "true"
	}
	return ""
}

// submittedView is a message that was just taken in.
type submittedView struct {
	ID        vocab.MessageID   `json:"id" example:"msg_06gywnjy01xbs0938nkrkaydxw" doc:"The message."`
	Status    dispatcher.Status `json:"status" example:"queued" enum:"scheduled,queued,held,suppressed" doc:"What it waits for; suppressed will not be sent."`
	ContactID vocab.ContactID   `json:"contact_id" example:"con_06gywnjy01xbs0938nkrkaydxw" doc:"Who it is for; made if nobody had the address."`
	Channel   vocab.Channel     `json:"channel" enum:"email,sms" doc:"How it goes."`
	Purpose   vocab.Purpose     `json:"purpose" example:"request.reply" doc:"Why it goes."`
	Reference string            `json:"reference,omitempty" example:"order-4711" doc:"The caller's own id."`
	Decision  verdictView       `json:"decision" doc:"What the gate said."`
}

// verdictView is a decision without its evidence.
type verdictView struct {
	Verdict consent.Verdict `json:"verdict" enum:"allow,hold,deny" doc:"allow, hold (not now) or deny."`
	Reason  reasonView      `json:"reason" doc:"The primary reason; ok if allowed."`
	Reasons []reasonView    `json:"reasons" nullable:"false" doc:"Every reason against it, in a fixed order; empty if allowed."`
	Until   time.Time       `json:"until,omitzero" doc:"Of a hold: when it is asked again."`
}

func submittedOf(r dispatcher.Result, lang vocab.Language) submittedView {
	return submittedView{
		ID: r.ID, Status: r.Status, ContactID: r.ContactID, Channel: r.Channel, Purpose: r.Purpose, Reference: r.Reference,
		Decision: verdictOf(r, lang),
	}
}

func verdictOf(r dispatcher.Result, lang vocab.Language) verdictView {
	return verdictView{Verdict: r.Verdict, Reason: reasonOf(r.Reason, lang), Reasons: reasonsOf(r.Reasons, lang), Until: r.Until.UTC()}
}

type previewMessageInput struct {
	AcceptLanguage string `header:"Accept-Language" doc:"Language of the sentences in the answer: kk, ru or en."`
	Body           messageBody
}

// previewView is what would become of a message.
type previewView struct {
	Status   dispatcher.Status `json:"status" enum:"scheduled,queued,held,suppressed" doc:"The status it would have."`
	Class    vocab.Class       `json:"class" enum:"security,transactional,service,legal,breach,marketing" doc:"The rules it lives under; the purpose decides."`
	Decision verdictView       `json:"decision" doc:"What the gate says now."`
	Content  contentView       `json:"content" doc:"What the recipient would read. A one-time code is not shown."`
}

func (a *API) previewMessage(ctx context.Context, in *previewMessageInput) (*reply[previewView], error) {
	p, err := a.Submitter.Preview(ctx, dispatcherCaller(callerOf(ctx)), in.Body.request())
	if err != nil {
		return nil, err
	}
	visitOf(ctx).saw(p.Message.ContactID)
	return answer(previewView{
		Status: p.Result.Status, Class: p.Message.Class, Decision: verdictOf(p.Result, sentenceLanguage("", in.AcceptLanguage)),
		Content: contentOf(p.Message, p.Content),
	}), nil
}

// segmentsView is what an SMS costs.
type segmentsView struct {
	Encoding sms.Encoding `json:"encoding" example:"UCS-2" doc:"GSM-7, or UCS-2 as soon as one character needs it (3GPP TS 23.038)."`
	Units    int          `json:"units" doc:"Septets, or UTF-16 code units."`
	Segments int          `json:"segments" doc:"Messages that are paid for."`
	Per      int          `json:"per_segment" doc:"Units that fit in each."`
}

func segmentsOf(text string) *segmentsView {
	s := sms.Count(text)
	return &segmentsView{s.Encoding, s.Units, s.Segments, s.Per}
}
