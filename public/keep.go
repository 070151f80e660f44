package public

import (
	"context"
	"net/http"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// renewals are the grants that messages asked to renew.
type renewals interface {
	// Asked returns the entry of the grant that a message asked about; fault.NotFound if it asked about none.
	Asked(ctx context.Context, message vocab.MessageID) (consent.Event, error)
	// Record appends an entry about one contact and returns what its grant is then; fault.Conflict if it changes nothing.
	Record(ctx context.Context, e consent.Event, evidence string, crossBorder bool) (consent.Event, consent.Grant, error)
}

type keepView struct {
	Purpose, Topic string
	Channel        vocab.Channel
	To             string // masked
	Until          time.Time
	Next           time.Time // the end after a press; zero: it cannot be renewed by this link
	Renewed        bool
	Receipt        string // of the renewal, path; empty: none
	Preferences    string
}

// keep asks whether a grant is to go on. It changes nothing: mail scanners and browsers fetch links by themselves.
func (p *pages) keep(r *http.Request) (answer, error) {
	s, asked, err := p.askedAbout(r)
	if err != nil {
		return answer{lang: s.lang}, err
	}
	return p.keepPage(r, s, asked), nil
}

// renew prolongs the grant that the link's message asked about. A second press finds it renewed and is answered the same. What the contact
// ended meanwhile, or what has run out, stays as it is: to agree again is another page's matter.
func (p *pages) renew(r *http.Request) (answer, error) {
	s, asked, err := p.askedAbout(r)
	refused := answer{lang: s.lang}
	if err != nil {
		return refused, err
	}
	if err := p.origin.Check(r); err != nil {
		return refused, &fault.Error{Kind: fault.Forbidden, Code: "cross_origin", Detail: "the request comes from another site", Err: err}
	}
	view := p.keepView(r, s, asked)
	if view.Next.IsZero() {
		return p.keepPage(r, s, asked), nil
	}
	m := s.message
	e := consent.Event{
		Kind: consent.KindRenewed, ContactID: m.ContactID, AddressID: m.AddressID, Scope: asked.Scope, Purpose: m.Purpose, Channel: m.Channel,
		Topic: m.Topic, Source: consent.SourceConfirmLink, ActorKind: consent.ActorContact, ActorID: string(m.ContactID), Language: s.lang,
		TextVersion: asked.TextVersion, TextHash: asked.TextHash, PolicyVersion: asked.PolicyVersion, Proof: consent.ProofRenewalLink,
		ProofRef: string(m.ID), At: p.Now(), ValidUntil: view.Next,
	}
	if _, _, err := p.Renewals.Record(r.Context(), e, "", false); err != nil && fault.KindOf(err) != fault.Conflict {
		return refused, err
	}
	if s.grants, err = p.Ledger.Grants(r.Context(), m.ContactID); err != nil {
		return refused, err
	}
	return p.keepPage(r, s, asked), nil
}

func (p *pages) askedAbout(r *http.Request) (subject, consent.Event, error) {
	s, err := p.subject(r, dispatcher.LinkKeep)
	if err != nil {
		return s, consent.Event{}, err
	}
	asked, err := p.Renewals.Asked(r.Context(), s.message.ID)
	return s, asked, err
}

func (p *pages) keepPage(r *http.Request, s subject, asked consent.Event) answer {
	view := p.keepView(r, s, asked)
	title := "keep_title"
	switch {
	case view.Renewed:
		title = "keep_done_title"
	case view.Next.IsZero():
		title = "keep_ended_title"
	}
	return answer{view: "keep", lang: s.lang, title: say(s.lang, title), data: view, header: sameOrigin()}
}

func (p *pages) keepView(r *http.Request, s subject, asked consent.Event) keepView {
	m := s.message
	view := keepView{
		Purpose: p.purposeName(s.lang, m.Purpose), Channel: m.Channel, To: masked(s.to.Address),
		Preferences: p.path(r, dispatcher.LinkPreferences, m.ID),
	}
	if m.Topic != "" {
		view.Topic = p.Purposes.TopicName(m.Purpose, m.Topic, s.lang)
	}
	now := p.Now()
	for _, g := range s.grants {
		if g.Key != (consent.GrantKey{Purpose: m.Purpose, Channel: m.Channel, Topic: m.Topic}) {
			continue
		}
		view.Until = g.State.ValidUntil
		if g.State.State != consent.Granted || !view.Until.IsZero() && !now.Before(view.Until) {
			return view
		}
		if g.State.Event != asked.ID {
			view.Renewed = true
			if p.Receipts != nil {
				view.Receipt = p.receiptPath(r, g.State.Event)
			}
			return view
		}
		info, _ := p.Purposes.Lookup(m.Purpose)
		view.Next = info.ValidUntil(now)
	}
	return view
}
