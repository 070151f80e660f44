package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// retentionBook reads the reports of retention.
type retentionBook interface {
	// Runs returns reports, the newest first, at most n of them; behind is the last one of the page before, or "".
	Runs(ctx context.Context, behind string, n int) ([]dispatcher.RetentionRun, error)
}

func (a *API) registerRetention() {
	register(a, huma.Operation{
		OperationID: "list-retention-runs", Method: http.MethodGet, Path: "/v1/retention-runs", Tags: []string{"operation"},
		Summary: "Read what retention has forgotten",
		Description: "The newest run first. Retention runs every hour; a run is listed if it forgot something, if a part of it failed, and once a day whatever it found. " +
			"Consent events are never forgotten.",
	}, a.listRetentionRuns, statusInvalid)
}

type listRetentionRunsInput struct {
	Cursor string `query:"cursor" doc:"next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"199" default:"50" doc:"Entries of a page."`
}

// retentionRunView is the report of one run.
type retentionRunView struct {
	ID        string               `json:"id" example:"ret_06gywnjy01xbs0938nkrkaydxw" doc:"The run."`
	StartedAt time.Time            `json:"started_at" doc:"When it began."`
	EndedAt   time.Time            `json:"ended_at,omitzero" doc:"When it ended; absent while it is under way, and if its process ended before it."`
	Failed    bool                 `json:"failed" doc:"A part of it could not be done; the next run tries again."`
	Counts    []retentionCountView `json:"counts" nullable:"false" doc:"What it forgot, by rule and class; rules that found nothing are left out."`
}

// retentionCountView is what one rule forgot.
type retentionCountView struct {
	Kind        dispatcher.RetentionKind `json:"kind" enum:"messages,content" doc:"messages: whole, with all that hangs on them. content: what they said, and the provider's words; the message stays."`
	Class       vocab.Class              `json:"class" enum:"security,transactional,service,legal,breach,marketing" doc:"Of this class."`
	Before      time.Time                `json:"before" doc:"What came in before this was old enough, if nothing happened to it since."`
	Messages    int                      `json:"messages" doc:"Messages that are gone."`
	Payloads    int                      `json:"payloads" doc:"Messages whose data are gone."`
	Attachments int                      `json:"attachments" doc:"Files that are gone."`
	Details     int                      `json:"details" doc:"Attempts of which the provider's words are gone."`
	Addresses   int                      `json:"addresses" doc:"Addresses that nobody had any more and that are forgotten with the last message to them."`
	Stayed      int                      `json:"stayed" doc:"Messages that were old enough and had to stay: they wait, had an attempt or a report since, or their contact's data are blocked by law. Looked at again in each run."`
}

func retentionRunOf(r dispatcher.RetentionRun) retentionRunView {
	view := retentionRunView{ID: r.ID, StartedAt: r.StartedAt.UTC(), EndedAt: r.EndedAt.UTC(), Failed: r.Failed, Counts: []retentionCountView{}}
	for _, c := range r.Counts {
		view.Counts = append(view.Counts, retentionCountView{
			c.Kind, c.Class, c.Before.UTC(), c.Messages, c.Payloads, c.Attachments, c.Details, c.Addresses, c.Stayed,
		})
	}
	return view
}

func (a *API) listRetentionRuns(ctx context.Context, in *listRetentionRunsInput) (*reply[page[retentionRunView]], error) {
	var wrong idCheck
	wrong.look("cursor", dispatcher.RetentionRunPrefix, in.Cursor)
	if err := wrong.err(); err != nil {
		return nil, err
	}
	list, err := a.Retention.Runs(ctx, in.Cursor, pageLimit(in.Limit)+1)
	if err != nil {
		return nil, err
	}
	return pageOf(list, pageLimit(in.Limit), func(r dispatcher.RetentionRun) string { return r.ID }, retentionRunOf), nil
}
