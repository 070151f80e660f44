package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// contactMerger makes one contact of two.
type contactMerger interface {
	// Merge merges from into survivor, once; actor is who orders it. fault.Conflict if either was erased or merged into another.
	Merge(ctx context.Context, survivor, from vocab.ContactID, actor consent.Event, now time.Time) (contacts.Merged, error)
}

func (a *API) registerMerge() {
	register(a, huma.Operation{
		OperationID: "merge-contact", Method: http.MethodPost, Path: "/v1/contacts/{id}/merge", Tags: []string{"contacts"},
		Summary: "Make one contact of two",
		Description: "The contact of the path survives, for good. It keeps the grants that both had, until the earlier end, and every withdrawal, mark " +
			"and suppression of either; addresses and claims go over, and what it lacks of name, language, zone and attributes. Messages that wait go " +
			"over and are decided again; marketing is canceled. Whoever asks for the other one is answered 409 contact_merged with the survivor's id, and " +
			"its external id finds the survivor. A second call changes nothing.",
	}, a.mergeContact, http.StatusConflict)
}

type mergeInput struct {
	ID   string `path:"id" example:"con_06gywnjy01xbs0938nkrkaydxw" doc:"The contact who survives."`
	Body struct {
		From vocab.ContactID `json:"from" example:"con_06gywnjy01xbs0938nkrkaydx0" doc:"The contact who becomes the other one."`
	} `nameHint:"MergeBody"`
}

// mergedView says what a merge did.
type mergedView struct {
	SurvivorID vocab.ContactID        `json:"survivor_id" doc:"The contact there is now."`
	MergedID   vocab.ContactID        `json:"merged_id" doc:"The contact who has become it."`
	At         time.Time              `json:"at" doc:"When; of a repetition the earlier time."`
	Events     []vocab.ConsentEventID `json:"events" nullable:"false" doc:"The entries of the consent ledger that say what was lost; none of a repetition."`
	Moved      []vocab.MessageID      `json:"moved" nullable:"false" doc:"Messages that wait, for the survivor from now on."`
	Canceled   []vocab.MessageID      `json:"canceled" nullable:"false" doc:"Marketing that waited for the merged contact and will not be sent."`
	InFlight   []vocab.MessageID      `json:"in_flight" nullable:"false" doc:"Messages that were being handed over and may still arrive."`
}

func (a *API) mergeContact(ctx context.Context, in *mergeInput) (*reply[mergedView], error) {
	if err := checkContactID(in.ID); err != nil {
		return nil, err
	}
	survivor, from := vocab.ContactID(in.ID), in.Body.From
	if _, err := vocab.ParseID(vocab.ContactPrefix, string(from)); err != nil {
		return nil, fault.InvalidField("/from", "invalid_id", "want an id such as con_ and 26 characters")
	}
	if from == survivor {
		return nil, fault.InvalidField("/from", "same_contact", "a contact cannot be merged into itself")
	}
	done, err := a.Merger.Merge(ctx, survivor, from, consent.Event{ActorKind: actorOf(ctx).Kind, ActorID: actorOf(ctx).ID}, a.now())
	if err != nil {
		return nil, err
	}
	return answer(mergedView{
		done.SurvivorID, done.MergedID, done.At.UTC(), orEmpty(done.Events), orEmpty(done.Moved), orEmpty(done.Canceled), orEmpty(done.InFlight),
	}), nil
}
