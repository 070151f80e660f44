package api

import (
	"context"
	"maps"
	"net/http"
	"time"

	"github.com/orleu/elshi/dispatcher"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// pauseBook keeps standing orders not to send.
type pauseBook interface {
	// Pause sets a pause; the first reason stays if there is one already.
	Pause(ctx context.Context, p dispatcher.Pause) error
	// Resume lifts a pause and says whether there was one.
	Resume(ctx context.Context, kind dispatcher.PauseKind, name string, now time.Time) (bool, error)
	List(ctx context.Context) ([]dispatcher.Pause, error)
}

func (a *API) registerPurposes() {
	register(a, huma.Operation{
		OperationID: "list-purposes", Method: http.MethodGet, Path: "/v1/purposes", Tags: []string{"operation"},
		Summary: "List why we may write", Description: "The closed registry, sorted by id. A purpose has one class, and the class decides the rules.",
	}, a.listPurposes)
	register(a, huma.Operation{
		OperationID: "pause-purpose", Method: http.MethodPost, Path: "/v1/purposes/{id}/pause", Tags: []string{"operation"},
		Summary: "Hold all messages of a purpose", Description: "What waits is held until it is resumed. Pausing twice keeps the first reason.",
	}, a.pausePurpose)
	register(a, huma.Operation{
		OperationID: "resume-purpose", Method: http.MethodPost, Path: "/v1/purposes/{id}/resume", Tags: []string{"operation"},
		Summary: "Let a purpose's messages go again", Description: "What was held because of the pause is due at once. Harmless if there is no pause.",
	}, a.resumePurpose)
}

// purposeView is one purpose.
type purposeView struct {
	ID          vocab.Purpose     `json:"id" example:"news.company" doc:"The purpose."`
	Class       vocab.Class       `json:"class" enum:"security,transactional,service,legal,breach,marketing" doc:"The rules its messages live under."`
	Clause      string            `json:"clause,omitempty" example:"3.1 b7" doc:"Of the organisation's privacy policy."`
	LegalBasis  string            `json:"legal_basis,omitempty" doc:"One phrase for people."`
	NeedsGrant  bool              `json:"needs_grant" doc:"Needs a consent of its own."`
	ValidMonths int               `json:"valid_months,omitempty" doc:"How long a grant lasts, in calendar months."`
	Names       map[string]string `json:"names" doc:"Its name by language."`
	Topics      []topicView       `json:"topics,omitempty" nullable:"false" doc:"What contacts pick inside it."`
	Paused      *pauseView        `json:"paused,omitempty" doc:"The pause in force, if there is one."`
}

// topicView is what a contact picks inside a purpose.
type topicView struct {
	ID    vocab.Topic       `json:"id" example:"maths" doc:"As consents and messages name it."`
	Names map[string]string `json:"names" doc:"Its name by language."`
}

// pauseView is a pause.
type pauseView struct {
	Reason string    `json:"reason,omitempty" doc:"Why."`
	Origin string    `json:"origin" doc:"Who said so: the id of a key or a member, or outcome when Elshi itself did."`
	At     time.Time `json:"at" doc:"Since when."`
}

func (a *API) listPurposes(ctx context.Context, _ *struct{}) (*reply[page[purposeView]], error) {
	paused, err := a.paused(ctx, dispatcher.PausePurpose)
	if err != nil {
		return nil, err
	}
	all := a.Purposes.All()
	return pageOf(all, len(all), nil, func(p consent.PurposeInfo) purposeView {
		view := purposeView{
			ID: p.ID, Class: p.Class, Clause: p.Clause, LegalBasis: p.LegalBasis, NeedsGrant: p.NeedsGrant, ValidMonths: p.ValidMonths,
			Names: namesOf(p.Names), Paused: paused[string(p.ID)],
		}
		for _, t := range a.Purposes.Topics(p.ID) {
			view.Topics = append(view.Topics, topicView{t.ID, namesOf(t.Names)})
		}
		return view
	}), nil
}

func namesOf(names map[vocab.Language]string) map[string]string {
	byTag := make(map[string]string, len(names))
	for lang, name := range maps.All(names) {
		byTag[string(lang)] = name
	}
	return byTag
}

// paused returns the pauses of a kind by name.
func (a *API) paused(ctx context.Context, kind dispatcher.PauseKind) (map[string]*pauseView, error) {
	list, err := a.Pauses.List(ctx)
	if err != nil {
		return nil, err
	}
	byName := map[string]*pauseView{}
	for _, p := range list {
		if p.Kind == kind {
			byName[p.Name] = &pauseView{p.Reason, p.Origin, p.At.UTC()}
		}
	}
	return byName, nil
}

type pauseInput struct {
	ID   string `path:"id" maxLength:"64" doc:"What to pause."`
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why, for whoever finds it paused. No personal data."`
	} `nameHint:"PauseOrder"`
}

type resumeInput struct {
	ID string `path:"id" maxLength:"64" doc:"What to resume."`
}

func (a *API) pausePurpose(ctx context.Context, in *pauseInput) (*reply[pauseView], error) {
	if _, known := a.Purposes.Lookup(vocab.Purpose(in.ID)); !known {
		return nil, purposeMissing()
	}
	return a.pause(ctx, dispatcher.PausePurpose, in)
}

func purposeMissing() error {
	return fault.Missing("purpose_not_found", "this purpose is not in the registry; GET /v1/purposes lists what is")
}

// pause sets a pause and answers with the one in force.
func (a *API) pause(ctx context.Context, kind dispatcher.PauseKind, in *pauseInput) (*reply[pauseView], error) {
	if err := refuseForbidden("/reason", in.Body.Reason); err != nil {
		return nil, err
	}
	p := dispatcher.Pause{Kind: kind, Name: in.ID, Reason: in.Body.Reason, Origin: actorOf(ctx).ID, At: a.now()}
	if err := a.Pauses.Pause(ctx, p); err != nil {
		return nil, err
	}
	inForce, err := a.paused(ctx, kind)
	if err != nil {
		return nil, err
	}
	if first := inForce[in.ID]; first != nil {
		return answer(*first), nil
	}
	return answer(pauseView{p.Reason, p.Origin, p.At.UTC()}), nil // somebody resumed it meanwhile
}

// resumedView says whether there was a pause.
type resumedView struct {
	Resumed bool `json:"resumed" doc:"There was a pause, and it is lifted."`
}

func (a *API) resumePurpose(ctx context.Context, in *resumeInput) (*reply[resumedView], error) {
	if _, known := a.Purposes.Lookup(vocab.Purpose(in.ID)); !known {
		return nil, purposeMissing()
	}
	return a.resume(ctx, dispatcher.PausePurpose, in.ID)
}

func (a *API) resume(ctx context.Context, kind dispatcher.PauseKind, name string) (*reply[resumedView], error) {
	lifted, err := a.Pauses.Resume(ctx, kind, name, a.now())
	if err != nil {
		return nil, err
	}
	return answer(resumedView{lifted}), nil
}
