package public

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// claimDesk takes claims of whoever followed a personal link; claims.Desk is one. Pressing twice, also at the same time, is one claim. After
// an answer without an error the claim and what it stopped are committed together; the error is fault.Invalid for a text that may not be
// kept, and then nothing was done.
type claimDesk interface {
	ObjectFromLink(ctx context.Context, l claims.FromLink) (claims.Claim, error)
	ComplainFromLink(ctx context.Context, l claims.FromLink) (claims.Claim, error)
}

// What a claim by a link is called in paths: /w/{token}/object and /w/{token}/report.
const (
	claimObject = "object"
	claimReport = "report"
)

type claimView struct {
	Report  bool // about the message; else the contact objects to the use of their data
	Purpose string
	Channel vocab.Channel
	To      string // masked
	Sent    time.Time
	Shared  bool
	Fixed   string // why messages like this one go on, the key of a text; empty: they end
	Action  string
	Text    string // what was written and cannot be taken
	Lacks   []string
	Max     int

	Number             string // of the claim; empty: nothing was pressed yet
	At, Due            time.Time
	Canceled, OnTheWay int
	Receipts           []receiptLink

	Preferences string
}

// receiptLink leads to the receipt of one entry of the consent ledger.
type receiptLink struct{ Name, Path string }

// claimPath returns the path of a page with one of the claims about a message.
func (p *pages) claimPath(r *http.Request, claim string, id vocab.MessageID) string {
	return p.base + "/" + string(dispatcher.LinkWhy) + "/" + p.Links.Token(dispatcher.LinkWhy, id) + "/" + claim + picked(r)
}

// askToClaim shows what a press of the button stops and what it does not. It changes nothing: mail scanners and browsers fetch links by
// themselves.
func (p *pages) askToClaim(claim string) handler {
	return func(r *http.Request) (answer, error) {
		s, err := p.subject(r, dispatcher.LinkWhy)
		if err != nil {
			return answer{lang: s.lang}, err
		}
		return p.claimPage(s, p.claimView(r, s, claim)), nil
	}
}

// claim takes the press of the button. A text that may not be kept is shown again, and nothing was stopped or written.
func (p *pages) claim(claim string) handler {
	return func(r *http.Request) (answer, error) {
		s, err := p.subject(r, dispatcher.LinkWhy)
		refused := answer{lang: s.lang}
		if err != nil {
			return refused, err
		}
		if err := p.checkOrigin(r); err != nil {
			return refused, err
		}
		if err := r.ParseForm(); err != nil {
			return refused, fault.InvalidField("", "form", "want a form")
		}
		view := p.claimView(r, s, claim)
		// A browser that is closed at once still meant it.
		ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(r.Context()), storeTimeout, errLedgerSlow)
		defer cancel()
		press := p.Claims.ObjectFromLink
		if view.Report {
			press = p.Claims.ComplainFromLink
		}
		c, err := press(ctx, claims.FromLink{Message: s.message, Language: s.lang, Text: r.PostForm.Get("text")})
		if lacks := lacksOfText(err); len(lacks) > 0 {
			view.Lacks, view.Text = lacks, r.PostForm.Get("text")
			a := p.claimPage(s, view)
			a.status = http.StatusUnprocessableEntity
			return a, nil
		}
		if err != nil {
			return refused, err
		}
		view.Number, view.At, view.Due = c.Number, c.RecordedAt, c.DueAt.Add(-time.Nanosecond) // the end of a term is exclusive
		view.Canceled, view.OnTheWay, view.Receipts = len(c.Canceled), len(c.InFlight), p.receiptLinks(r, s, c.Events)
		return p.claimPage(s, view), nil
	}
}

func (p *pages) claimView(r *http.Request, s subject, claim string) claimView {
	m := s.message
	view := claimView{
		Report: claim == claimReport, Purpose: p.purposeName(s.lang, m.Purpose), Channel: m.Channel, To: masked(s.to.Address), Sent: m.SentAt,
		Shared: s.to.Shared, Action: p.claimPath(r, claim, m.ID), Max: claims.MaxLinkText, Preferences: p.path(r, dispatcher.LinkPreferences, m.ID),
	}
	if !consent.Endable(m.Class) {
		view.Fixed = fixedReason(m.Class)
	}
	return view
}

func (p *pages) claimPage(s subject, view claimView) answer {
	title := "object_title"
	switch {
	case view.Report && view.Number != "":
		title = "report_done_title"
	case view.Report:
		title = "report_title"
	case view.Number != "":
		title = "object_done_title"
	}
	return answer{view: "claim", lang: s.lang, title: say(s.lang, title), data: view, header: sameOrigin()}
}

// lacksOfText are the texts that say what is wrong with what somebody wrote; none if the error is about something else.
func lacksOfText(err error) []string {
	f, is := errors.AsType[*fault.Error](err)
	if !is || f.Kind != fault.Invalid {
		return nil
	}
	var lacks []string
	for _, x := range f.Fields {
		if x.Pointer != "/text" {
			return nil
		}
		lack := "lack_text_identifier"
		if x.Code == "too_long" {
			lack = "lack_text_long"
		}
		if !slices.Contains(lacks, lack) {
			lacks = append(lacks, lack)
		}
	}
	return lacks
}

// receiptLinks leads to the receipts of what a claim wrote about the contact of the message. The claim stands whatever happens here.
func (p *pages) receiptLinks(r *http.Request, s subject, events []vocab.ConsentEventID) []receiptLink {
	var links []receiptLink
	if p.Receipts == nil {
		return nil
	}
	for _, id := range events {
		signed, err := p.Receipts.Issue(r.Context(), id)
		if err != nil {
			if fault.KindOf(err) != fault.NotFound {
				p.Log.LogAttrs(r.Context(), slog.LevelWarn, "receipt not linked", slog.String("event_id", string(id)), slog.String("error", err.Error()))
			}
			continue
		}
		c := signed.Receipt
		if c.PIIPrincipalID != string(s.message.ContactID) {
			continue // of somebody else behind the address
		}
		name := say(s.lang, "claim_receipt_all")
		if c.Processing.Scope == consent.ScopeProcessing {
			name = p.consentName(s.lang, consent.ProcessingCore)
		} else if c.Processing.Scope != consent.ScopeAll && len(c.Processing.Purposes) > 0 {
			name = p.consentName(s.lang, c.Processing.Purposes[0].ID)
		}
		links = append(links, receiptLink{name, p.receiptPath(r, id)})
	}
	return links
}

// receiptPath returns the path of the receipt of an entry, in the language that the reader picked.
func (p *pages) receiptPath(r *http.Request, id vocab.ConsentEventID) string {
	return p.base + "/" + string(dispatcher.LinkReceipt) + "/" + p.Links.ReceiptToken(id) + picked(r)
}
