package api

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// auditBook keeps the audit log, which only grows.
type auditBook interface {
	// Record writes an event.
	Record(ctx context.Context, e audit.Event) error
	// Complete writes how an event that was begun ended; once.
	Complete(ctx context.Context, o audit.Outcome) error
	// List returns events, the newest first.
	List(ctx context.Context, f audit.Filter) ([]audit.Event, error)
}

// traced keeps the promise of the audit log: a change is written down before it is begun, and somebody's data before they are shown. What
// cannot be written is refused, so nothing happens without a trace.
func traced[I, O any](a *API, op huma.Operation, handle func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	r := rightOf(op.OperationID)
	return func(ctx context.Context, in *I) (*O, error) {
		e := a.begun(ctx, op.OperationID, in)
		switch {
		case r.trace == changes:
			return traceChange(ctx, a, e, op, in, handle)
		case r.trace == looks, r.trace == memberLooks && visitOf(ctx).isMember():
			return traceLook(ctx, a, e, op, in, handle)
		}
		return handle(ctx, in)
	}
}

// traceLook reads first, because only then it is known whose data they are; the answer waits for the entry.
func traceLook[I, O any](ctx context.Context, a *API, e audit.Event, op huma.Operation, in *I, handle func(context.Context, *I) (*O, error)) (*O, error) {
	out, err := handle(ctx, in)
	if err != nil {
		return nil, err
	}
	e.Status, e.Contacts = statusOK(op), visitOf(ctx).contacts
	orElse(&e.Resource.ID, pathID(in))
	if err := a.Audit.Record(ctx, e); err != nil {
		return nil, auditAway(err)
	}
	return out, nil
}

// traceChange writes the beginning before anything is changed. An end that could not be written leaves the entry without an outcome, which
// says just that.
func traceChange[I, O any](ctx context.Context, a *API, e audit.Event, op huma.Operation, in *I, handle func(context.Context, *I) (*O, error)) (*O, error) {
	if err := a.Audit.Record(ctx, e); err != nil {
		return nil, auditAway(err)
	}
	visitOf(ctx).saw(e.Contacts...)
	out, err := handle(ctx, in)
	o := audit.Outcome{Event: e.ID, At: a.now(), Status: statusOK(op), Contacts: visitOf(ctx).contacts}
	if err != nil {
		o.Status = problemOf(err).Status
	} else if e.Resource.ID == "" {
		o.ResourceID = pathID(in)
		orElse(&o.ResourceID, madeID(out))
	}
	if wrong := a.Audit.Complete(context.WithoutCancel(ctx), o); wrong != nil {
		a.log.LogAttrs(ctx, slog.LevelWarn, "an audit event stays without its outcome",
			slog.String("audit_event_id", string(e.ID)), slog.String("request_id", e.RequestID), slog.String("error", wrong.Error()))
	}
	return out, err
}

// auditAway is the answer when the audit log cannot be written.
func auditAway(err error) error {
	if fault.KindOf(err) == fault.Unavailable {
		return err
	}
	return fault.Away("audit_log", err)
}

// recordRefusal writes that somebody asked for what they may not. It does its best: nothing was shown and nothing was changed.
func (a *API) recordRefusal(ctx huma.Context) {
	e := a.begun(ctx.Context(), ctx.Operation().OperationID, nil)
	e.Status = http.StatusForbidden
	if err := a.Audit.Record(ctx.Context(), e); err != nil {
		a.log.LogAttrs(ctx.Context(), slog.LevelWarn, "a refusal is not in the audit log",
			slog.String("request_id", e.RequestID), slog.String("error", err.Error()))
	}
}

// begun is an event about a request; in is nil if nobody has read it.
func (a *API) begun(ctx context.Context, operation string, in any) audit.Event {
	e := audit.Event{
		ID: vocab.AuditEventID(vocab.NewID(vocab.AuditEventPrefix)), At: a.now(), Actor: actorOf(ctx), Operation: operation, Resource: audit.Resource{Kind: rightOf(operation).on}, Reason: visitOf(ctx).reason,
		RequestID: requestID(ctx),
	}
	if in == nil {
		return e
	}
	e.Fields, e.Contacts = given(in)
	id := pathID(in)
	if id == myself {
		id = e.Actor.ID
	}
	if oneOfOurs.MatchString(id) { // anything else may be whatever a stranger typed, until it was found
		e.Resource.ID = id
		if strings.HasPrefix(id, vocab.ContactPrefix+"_") {
			e.Contacts = append(e.Contacts, vocab.ContactID(id))
		}
	}
	return e
}

// oneOfOurs matches ids that we make.
var oneOfOurs = regexp.MustCompile(`^[a-z]{3}_[0-9a-z]{26}$`)

func statusOK(op huma.Operation) int {
	if op.DefaultStatus != 0 {
		return op.DefaultStatus
	}
	return http.StatusOK
}

// given returns the names of the fields and parameters that a request gives a value, and the contacts that it names by their ids. Paging is
// left out.
func given(in any) (names []string, contacts []vocab.ContactID) {
	v := reflect.Indirect(reflect.ValueOf(in))
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		if field.Anonymous && value.Kind() == reflect.Struct {
			inner, about := given(value.Interface())
			names, contacts = append(names, inner...), append(contacts, about...)
			continue
		}
		if name := field.Tag.Get("query"); name != "" && name != "limit" && name != "cursor" && !value.IsZero() {
			names = append(names, name)
			if name == "contact_id" && oneOfOurs.MatchString(value.String()) {
				contacts = append(contacts, vocab.ContactID(value.String()))
			}
		}
		if field.Name != "Body" || value.Kind() != reflect.Struct {
			continue
		}
		for j := range value.NumField() {
			name, _, _ := strings.Cut(value.Type().Field(j).Tag.Get("json"), ",")
			part := value.Field(j)
			if name == "" || name == "-" || part.IsZero() {
				continue
			}
			names = append(names, name)
			switch ids := part.Interface().(type) {
			case vocab.ContactID:
				contacts = append(contacts, ids)
			case []vocab.ContactID:
				contacts = append(contacts, ids...)
			}
		}
	}
	return names, slices.DeleteFunc(contacts, func(id vocab.ContactID) bool { return !oneOfOurs.MatchString(string(id)) })
}

// pathID returns the first name in a request's path.
func pathID(in any) string {
	v := reflect.Indirect(reflect.ValueOf(in))
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("path") != "" {
			return v.Field(i).String()
		}
	}
	return ""
}

// madeID returns the id of what an answer shows.
func madeID(out any) string {
	body := reflect.Indirect(reflect.ValueOf(out))
	if body.Kind() != reflect.Struct || !body.FieldByName("Body").IsValid() {
		return ""
	}
	body = body.FieldByName("Body")
	if body.Kind() != reflect.Struct {
		return ""
	}
	for _, name := range []string{"ID", "EventID"} {
		if id := body.FieldByName(name); id.IsValid() && id.Kind() == reflect.String {
			return id.String()
		}
	}
	return ""
}
