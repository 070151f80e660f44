package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

func (a *API) registerAuditEvents() {
	register(a, huma.Operation{
		OperationID: "list-audit-events", Method: http.MethodGet, Path: "/v1/audit-events", Tags: []string{"members"},
		Summary: "Search who did what, and who looked at whom",
		Description: "The newest first; to ask is written to the log itself. An entry holds ids and the names of fields, never values. POST /v1/messages and its " +
			"batch are not in it: each message names the key that asked for it.",
	}, a.listAuditEvents, statusInvalid)
	export := huma.Operation{
		OperationID: "export-audit-events", Method: http.MethodGet, Path: "/v1/audit-events/export", Tags: []string{"members"},
		Summary:     "Export the audit log",
		Description: "Everything that the filters find, the newest first, as one stream. If it breaks off in the middle, so does the connection.",
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			mediaJSONLines: {Schema: &huma.Schema{Type: huma.TypeString}}, mediaCSV: {Schema: &huma.Schema{Type: huma.TypeString}},
		}}},
	}
	register(a, export, a.exportAuditEvents, statusInvalid)
}

// AuditSearch is what a search of the log is for. It is exported because huma reads the parameters of exported embedded structs alone.
type AuditSearch struct {
	ActorID    string    `query:"actor_id" maxLength:"64" doc:"Only what this member (mem_…), API key (key_…) or part of the system (outcome, retention, erasure, command_line, …) did."`
	Operation  string    `query:"operation" maxLength:"64" example:"get-contact" doc:"Only this operation of this description, or one of the system's."`
	ResourceID string    `query:"resource_id" maxLength:"64" doc:"Only about this resource."`
	ContactID  string    `query:"contact_id" doc:"Only what touched this contact's data."`
	From       time.Time `query:"from" doc:"Only from this time on."`
	To         time.Time `query:"to" doc:"Only before this time."`
}

func (f AuditSearch) filter(cursor string, limit int) (audit.Filter, error) {
	var wrong idCheck
	wrong.look("contact_id", vocab.ContactPrefix, f.ContactID)
	wrong.look("cursor", vocab.AuditEventPrefix, cursor)
	if f.ContactID != "" && f.ResourceID != "" && f.ContactID != f.ResourceID {
		wrong.add("resource_id", "ambiguous", "give contact_id or resource_id, not both")
	}
	subject := f.ContactID
	orElse(&subject, f.ResourceID)
	return audit.Filter{
		ActorID: f.ActorID, Operation: f.Operation, Subject: subject, From: f.From, To: f.To, After: vocab.AuditEventID(cursor), Limit: limit,
	}, wrong.err()
}

type listAuditEventsInput struct {
	AuditSearch

	Cursor string `query:"cursor" doc:"next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"199" default:"50" doc:"Entries of a page."`
}

// auditEventView is an entry of the audit log.
type auditEventView struct {
	ID           vocab.AuditEventID `json:"id" example:"aud_06gywnjy01xbs0938nkrkaydxw" doc:"The entry."`
	At           time.Time          `json:"at" doc:"When."`
	ActorKind    consent.ActorKind  `json:"actor_kind" enum:"member,api_key,system" doc:"What kind of somebody acted."`
	ActorID      string             `json:"actor_id" doc:"Who."`
	Operation    string             `json:"operation" example:"get-contact" doc:"What was asked for."`
	ResourceKind string             `json:"resource_kind,omitempty" example:"contact" doc:"What it was about."`
	ResourceID   string             `json:"resource_id,omitempty" doc:"Which one."`
	ContactIDs   []vocab.ContactID  `json:"contact_ids" nullable:"false" doc:"Whose data were shown or changed."`
	Fields       []string           `json:"fields" nullable:"false" doc:"The names of the fields and parameters that were given; never their values."`
	Reason       string             `json:"reason,omitempty" doc:"Why, in the actor's words."`
	Status       int                `json:"status,omitempty" example:"200" doc:"HTTP status of the answer; absent if how it ended could not be written."`
	RequestID    string             `json:"request_id,omitempty" doc:"The request's X-Request-Id."`
}

func auditEventOf(e audit.Event) auditEventView {
	return auditEventView{
		e.ID, e.At.UTC(), e.Actor.Kind, e.Actor.ID, e.Operation, e.Resource.Kind, e.Resource.ID, orEmpty(e.Contacts), orEmpty(e.Fields), e.Reason,
		e.Status, e.RequestID,
	}
}

func (a *API) listAuditEvents(ctx context.Context, in *listAuditEventsInput) (*reply[page[auditEventView]], error) {
	f, err := in.filter(in.Cursor, pageLimit(in.Limit)+1)
	if err != nil {
		return nil, err
	}
	list, err := a.Audit.List(ctx, f)
	if err != nil {
		return nil, err
	}
	return pageOf(list, pageLimit(in.Limit), func(e audit.Event) string { return string(e.ID) }, auditEventOf), nil
}
