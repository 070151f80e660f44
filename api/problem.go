package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/fault"
)

// problem is a refusal (RFC 9457). It is an error, so that handlers return it.
type problem struct {
	Type      string         `json:"type" example:"about:blank" doc:"Always about:blank: code says which problem it is."`
	Title     string         `json:"title" example:"Unprocessable Entity" doc:"The words of the HTTP status."`
	Status    int            `json:"status" example:"422" doc:"The HTTP status."`
	Code      string         `json:"code" example:"invalid_request" doc:"Which problem it is: stable, for programs."`
	Detail    string         `json:"detail" example:"some fields of the request are not valid" doc:"One sentence for people. It never repeats personal data."`
	Errors    []problemField `json:"errors,omitempty" nullable:"false" doc:"What is wrong where, all of it at once."`
	RequestID string         `json:"request_id,omitempty" example:"req_06gywnjy01xbs0938nkrkaydxw" doc:"The X-Request-Id of this answer; give it to the operator."`

	retryAfter time.Duration
	allow      string // of a 405
}

// problemField is one thing wrong with a request.
type problemField struct {
	Pointer   string `json:"pointer,omitempty" example:"/to/email" doc:"JSON pointer (RFC 6901) into the request body; in a batch it begins with /messages/{index}."`
	Parameter string `json:"parameter,omitempty" example:"limit" doc:"The path, query or header parameter, if it is not the body."`
	Code      string `json:"code" example:"email_invalid" doc:"What is wrong: stable, for programs."`
	Detail    string `json:"detail" example:"want one address such as name@example.org" doc:"One sentence that says what would be right."`
}

// Error returns code and detail, without personal data.
func (p *problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders implements huma.HeadersError.
func (p *problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.retryAfter+time.Second-1)/time.Second)))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="elshi"`)
	}
	if p.allow != "" {
		h.Set("Allow", p.allow)
	}
	return h
}

func newProblem(status int, code, detail string) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// ledgerRetry is what a caller is asked to wait when something we need is away.
const ledgerRetry = 5 * time.Second

// statusOf maps a kind of fault to an HTTP status; this is the one place that does.
func statusOf(k fault.Kind) int {
	switch k {
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// problemOf turns an error into a refusal. What nobody classified is our own mistake: the caller learns nothing of it.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	e, ok := errors.AsType[*fault.Error](err)
	status := statusOf(fault.KindOf(err))
	if !ok || status == http.StatusInternalServerError {
		return newProblem(http.StatusInternalServerError, "internal", "something went wrong on our side; the operator's log has the request id")
	}
	p := newProblem(status, e.Code, e.Detail)
	p.Errors = fieldsOf(e.Fields)
	if status == http.StatusServiceUnavailable {
		p.retryAfter = ledgerRetry
	}
	return p
}

func fieldsOf(fields []fault.Field) []problemField {
	list := make([]problemField, len(fields))
	for i, f := range fields {
		list[i] = problemField{Pointer: f.Pointer, Code: f.Code, Detail: f.Detail}
	}
	return list
}

// refuse is where an error of a handler stops: it is logged once if somebody must act, and becomes a problem.
func (a *API) refuse(ctx context.Context, err error) *problem {
	p := problemOf(err)
	if id := requestID(ctx); p.RequestID == "" {
		copied := *p
		copied.RequestID = id
		p = &copied
	}
	switch {
	case ctx.Err() != nil: // the caller has gone, and whatever failed then is no news
	case p.Status == http.StatusInternalServerError:
		a.log.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("request_id", p.RequestID), slog.String("error", err.Error()))
	case p.Status == http.StatusServiceUnavailable:
		a.log.LogAttrs(ctx, slog.LevelWarn, "something we need is away",
			slog.String("request_id", p.RequestID), slog.String("code", p.Code), slog.String("error", err.Error()))
	}
	return p
}

// translate replaces the problems that huma itself writes (a body that is not JSON, a field of the wrong type) by ours.
func translate(ctx huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := shapeProblem(model)
	p.RequestID = requestID(ctx.Context())
	return p, nil
}

func shapeProblem(model *huma.ErrorModel) *problem {
	switch model.Status {
	case http.StatusBadRequest:
		if len(model.Errors) == 0 {
			return newProblem(model.Status, "body_required", "want a JSON body")
		}
		return newProblem(model.Status, "invalid_json", "the body is not JSON")
	case http.StatusRequestTimeout:
		return newProblem(model.Status, "body_too_slow", "the body did not arrive in time")
	case http.StatusRequestEntityTooLarge:
		return newProblem(model.Status, "body_too_large", "the body is larger than this server takes; send fewer messages at once")
	case http.StatusUnsupportedMediaType:
		return unsupportedMedia()
	case http.StatusUnprocessableEntity:
		p := newProblem(model.Status, "invalid_request", "some fields of the request are not valid")
		for _, e := range model.Errors {
			p.Errors = append(p.Errors, shapeField(e))
		}
		return p
	}
	return newProblem(http.StatusInternalServerError, "internal", "something went wrong on our side; the operator's log has the request id")
}

func unsupportedMedia() *problem {
	return newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", "want Content-Type: application/json")
}

// shapeField says in our words what huma found. Its own messages are taken only if they are made from the schema alone, for the others
// may repeat what was sent.
func shapeField(e *huma.ErrorDetail) problemField {
	code, detail := shapeCode(e.Message)
	place, rest, _ := strings.Cut(e.Location, ".")
	if place != "body" && !strings.HasPrefix(place, "body[") {
		return problemField{Parameter: plainName(rest), Code: code, Detail: detail}
	}
	pointer := pointerOf(strings.TrimPrefix(e.Location, "body"))
	if name, missing := missingProperty(e.Message); missing {
		pointer += "/" + name
	}
	return problemField{Pointer: pointer, Code: code, Detail: detail}
}
