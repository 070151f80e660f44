package api

import (
	"context"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/proof"
	"github.com/orleu/elshi/vocab"
)

const aText = vocab.ConsentTextID("txt_06gywnjy01xbs0938nkrkaydxw")

// fakeTexts is one draft and what was published.
type fakeTexts struct {
	*door

	draft     consent.Text
	published []consent.Text // the newest first
	filter    TextFilter
	by        consent.Event
	dropped   vocab.ConsentTextID
}

func (f *fakeTexts) Draft(_ context.Context, t consent.Text, now time.Time) (consent.Text, error) {
	t.ID, t.CreatedAt = aText, now
	f.draft = t
	return t, f.away
}

func (f *fakeTexts) Change(_ context.Context, id vocab.ConsentTextID, change func(consent.Text) (consent.Text, error)) (consent.Text, error) {
	if f.away != nil {
		return consent.Text{}, f.away
	}
	if id != f.draft.ID {
		return consent.Text{}, &fault.Error{Kind: fault.Conflict, Code: "consent_text_published", Detail: "published"}
	}
	t, err := change(f.draft)
	if err == nil {
		f.draft = t
	}
	return t, err
}

func (f *fakeTexts) Drop(_ context.Context, id vocab.ConsentTextID) error {
	f.dropped = id
	return f.away
}

func (f *fakeTexts) Publish(_ context.Context, _ vocab.ConsentTextID, e consent.Event, check func(consent.Text) error) (consent.Text, error) {
	if f.away != nil {
		return consent.Text{}, f.away
	}
	if err := check(f.draft); err != nil {
		return consent.Text{}, err
	}
	t := f.draft
	t.Version, t.PublishedAt, t.PublishedBy = len(f.published)+1, e.At, e.ActorID
	f.by, f.published = e, append([]consent.Text{t}, f.published...)
	return t, nil
}

func (f *fakeTexts) Texts(_ context.Context, filter TextFilter) ([]consent.Text, error) {
	f.filter = filter
	return f.published, f.away
}

func (f *fakeTexts) Get(_ context.Context, id vocab.ConsentTextID) (consent.Text, error) {
	if f.away == nil && id != f.draft.ID {
		return consent.Text{}, fault.Missing("consent_text_not_found", "there is no such consent text")
	}
	return f.draft, f.away
}

func (f *fakeTexts) Versions(_ context.Context, purpose vocab.Purpose, channel vocab.Channel) ([]consent.Text, error) {
	var list []consent.Text
	for _, t := range f.published {
		if t.Purpose == purpose && t.Channel == channel {
			list = append(list, t)
		}
	}
	return list, f.away
}

type fakeReceipts struct{ *door }

func (f *fakeReceipts) Issue(_ context.Context, id vocab.ConsentEventID) (proof.Signed, error) {
	if id != anEvent && f.away == nil {
		return proof.Signed{}, fault.Missing("consent_event_not_found", "there is no entry of the consent ledger with this id")
	}
	return proof.Signed{Receipt: proof.Receipt{SchemaVersion: proof.SchemaVersion, ReceiptID: string(id), Events: []proof.EventEntry{}, Parties: []proof.Party{}}, JWS: "a.b.c"}, f.away
}

const anEvent = vocab.ConsentEventID("cev_06gywnjy01xbs0938nkrkaydxw")
