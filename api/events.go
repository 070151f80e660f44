package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/events"
)

// eventFeed tells what happened.
type eventFeed interface {
	// Read returns the events behind a place that match, among the next n of them; events.ErrForgotten if some behind it are gone. The zero
	// Place is before the oldest that is kept.
	Read(ctx context.Context, after events.Place, n int, match func(events.Type) bool) (events.Page, error)
	// End returns the place behind all that has happened.
	End(ctx context.Context) (events.Place, error)
}

func (a *API) registerEvents() {
	register(a, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: "/v1/events", Tags: []string{"events"}, Summary: "Follow what happens",
		Description: "Events in the order of the feed, the oldest first. Begin without a cursor, or with `latest` for what happens from now on, and give " +
			"`next_cursor` the next time, also when the page was empty: no event is left out and none comes twice. Of changes that happened at the same " +
			"time either may stand first. Events are kept for `retention.events_days`; 410 `cursor_expired` says that some behind the cursor are gone.",
	}, a.listEvents, statusInvalid, http.StatusGone)
}

type listEventsInput struct {
	Cursor string   `query:"cursor" maxLength:"64" example:"latest" doc:"next_cursor of the page before, or latest; without one from the oldest event that is kept."`
	Limit  int      `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Events of a page, at most."`
	Type   []string `query:"type" maxItems:"50" nullable:"false" example:"consent.*" doc:"Only these, separated by commas: a type, <subject>.* or *."`
}

// eventPage is one page of the feed. Unlike other lists it has no last page.
type eventPage struct {
	Data       []events.Event `json:"data" nullable:"false" doc:"The events of this page; there may be more although it is empty."`
	NextCursor string         `json:"next_cursor" doc:"Give it as cursor to read on, now or later; always present."`
	More       bool           `json:"has_more" doc:"There is more already: read on at once."`
}

// How much of the feed is looked at for one page at most; what is rare is looked for over several pages.
const (
	feedStretch   = 500
	feedStretches = 10
)

func (a *API) listEvents(ctx context.Context, in *listEventsInput) (*reply[eventPage], error) {
	var wrong idCheck
	var after events.Place
	if in.Cursor != "" && in.Cursor != "latest" {
		var err error
		if after, err = events.ParseCursor(in.Cursor); err != nil {
			wrong.add("cursor", "invalid_cursor", "want next_cursor of the page before, or latest, or none")
		}
	}
	for _, f := range events.Patterns(in.Type).Check("") {
		wrong.add("type", f.Code, f.Detail)
		break
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	if in.Cursor == "latest" {
		end, err := a.Events.End(ctx)
		if err != nil {
			return nil, err
		}
		return answer(eventPage{Data: []events.Event{}, NextCursor: end.String()}), nil
	}
	return a.readEvents(ctx, after, in)
}

func (a *API) readEvents(ctx context.Context, after events.Place, in *listEventsInput) (*reply[eventPage], error) {
	match := func(events.Type) bool { return true }
	if len(in.Type) > 0 {
		match = events.Patterns(in.Type).Match
	}
	out := eventPage{Data: []events.Event{}, More: true}
	for range feedStretches {
		page, err := a.Events.Read(ctx, after, feedStretch, match)
		if errors.Is(err, events.ErrForgotten) {
			return nil, newProblem(http.StatusGone, "cursor_expired",
				"events behind this cursor are no longer kept; begin again without a cursor, and read what you missed from the resources themselves")
		}
		if err != nil {
			return nil, err
		}
		room := in.Limit - len(out.Data)
		if len(page.Events) > room { // the page ends where its last event stands
			out.Data = append(out.Data, page.Events[:room]...)
			after = out.Data[len(out.Data)-1].Place
			break
		}
		out.Data = append(out.Data, page.Events...)
		after, out.More = page.Next, page.More
		if !page.More || len(page.Events) == room {
			break
		}
	}
	out.NextCursor = after.String()
	return answer(out), nil
}
