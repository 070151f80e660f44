package public

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// Proofs is what the preferences page needs to grant and to show a history: both want a proof that the reader holds the address.
type Proofs struct {
	Prover  prover
	Records records
}

func (p Proofs) check() error {
	if (p.Prover == nil) != (p.Records == nil) {
		return errors.New("contact pages: want Records with Prover")
	}
	return nil
}

// prover proves addresses and grants what rests on a proof; optin.Prover is one.
type prover interface {
	Send(ctx context.Context, contact vocab.ContactID, address vocab.AddressID, lang vocab.Language) (string, error)
	Check(ctx context.Context, token string, contact vocab.ContactID, code string) (optin.Proof, bool, error)
	Proved(ctx context.Context, token string, contact vocab.ContactID) (optin.Proof, bool, error)
	Grant(ctx context.Context, contact vocab.ContactID, a optin.Agreement) (optin.GrantAnswer, error)
}

// records are what is known about a contact. All methods are called by many requests at once.
type records interface {
	// Shared says whether more than one contact is behind an address.
	Shared(ctx context.Context, address vocab.AddressID) (bool, error)
	// Texts returns the published consent texts in force on a channel.
	Texts(ctx context.Context, channel vocab.Channel) (map[vocab.Purpose]optin.Text, error)
	// Entries returns the contact's entries of the consent ledger, the newest first.
	Entries(ctx context.Context, contact vocab.ContactID, n int) ([]consent.Event, error)
	// Messages returns the contact's messages, the newest first.
	Messages(ctx context.Context, contact vocab.ContactID, n int) ([]dispatcher.Message, error)
}

// Reached is an address that a contact's messages of a channel go to.
type Reached struct {
	ID      vocab.AddressID
	Channel vocab.Channel
}

// What a press on the way to a proof, and on the page behind it, says.
const (
	proveSend   = "send"   // a code to the address of a channel
	proveCheck  = "check"  // the code that was typed
	proveCode   = "code"   // the page of the code again, in another language
	proveOpen   = "open"   // the page behind the proof again, in another language
	proveAgree  = "agree"  // to one text, for one purpose on the channel of the address
	proveResume = "resume" // mailings that are paused
)

// proven is a proof that a request brought along, and what becomes of it on the page.
type proven struct {
	optin.Proof

	token  string
	shared bool   // several people read the address
	note   string // the key of a text that says what a press could not do; may be empty
}

// askView is what the page shows of proofs to whoever has none.
type askView struct {
	Action string
	Ways   []wayView
	Ended  bool // there was one, or it was none
}

// wayView is an address that can be proved.
type wayView struct {
	Channel vocab.Channel
	To      string // masked; empty if it is not the address that the link went to
}

type codeEntryView struct {
	Action, Preferences string
	Token               string
	Way                 wayView
	Wrong               bool
}

// proof answers every press on the way to a proof and on the page behind it. Its state travels in hidden fields: no cookie, and nothing
// of it in an address.
func (p *pages) proof(r *http.Request) (answer, error) {
	s, err := p.subject(r, dispatcher.LinkPreferences)
	if err != nil {
		return answer{lang: s.lang}, err
	}
	refused := answer{lang: s.lang}
	if s.to.Erased {
		return refused, fault.Missing("contact_erased", "nothing about this contact is left")
	}
	if err := p.checkOrigin(r); err != nil {
		return refused, err
	}
	if err := r.ParseForm(); err != nil {
		return refused, fault.InvalidField("", "form", "want a form")
	}
	a, err := p.proofStep(r, s, r.PostForm)
	if err != nil {
		return refused, err
	}
	return a, nil
}

func (p *pages) proofStep(r *http.Request, s subject, form url.Values) (answer, error) {
	token := form.Get("proof")
	switch form.Get("do") {
	case proveSend:
		return p.sendCode(r, s, vocab.Channel(form.Get("channel")))
	case proveCode:
		return p.codePage(r, s, codeEntryView{Token: token, Way: wayView{Channel: vocab.Channel(form.Get("channel"))}})
	case proveCheck:
		return p.checkCode(r, s, token, form)
	case proveOpen, proveAgree, proveResume:
	default:
		return answer{}, fault.InvalidField("/do", "unknown", "want one of the buttons of the page")
	}
	if err := p.readProof(r.Context(), &s, token); err != nil {
		return answer{}, err
	}
	if s.proven == nil {
		s.ended = true
		return p.preferencesPage(r, s, nil)
	}
	switch form.Get("do") {
	case proveAgree:
		return p.agree(r, s, form)
	case proveResume:
		return p.resume(r, s)
	}
	return p.preferencesPage(r, s, nil)
}

// sendCode sends a code to the contact's address of a channel and asks for it. The page is the same whether or not anything could be sent.
func (p *pages) sendCode(r *http.Request, s subject, channel vocab.Channel) (answer, error) {
	i := slices.IndexFunc(s.to.Reach, func(x Reached) bool { return x.Channel == channel })
	if i < 0 {
		return answer{}, fault.InvalidField("/channel", "unknown", "want one of the buttons of the page")
	}
	token, err := p.Proofs.Prover.Send(r.Context(), s.message.ContactID, s.to.Reach[i].ID, s.lang)
	if fault.KindOf(err) == fault.Conflict { // the contact or the address has gone since it was read
		return answer{}, fault.Missing("contact_gone", "the contact or the address has gone")
	}
	if err != nil {
		return answer{}, err
	}
	return p.codePage(r, s, codeEntryView{Token: token, Way: wayView{Channel: channel}})
}

// codePage asks for the code.
func (p *pages) codePage(r *http.Request, s subject, view codeEntryView) (answer, error) {
	view.Action, view.Preferences = p.proofPath(r, s), p.path(r, dispatcher.LinkPreferences, s.message.ID)
	view.Way = s.way(view.Way.Channel)
	a := answer{view: "prove", lang: s.lang, title: say(s.lang, "code_title"), data: view, header: sameOrigin()}
	if view.Wrong {
		a.title = say(s.lang, "code_wrong_title")
	}
	a.post = &postBack{p.plainProofPath(s), []hidden{{Name: "do", Value: proveCode}, {Name: "proof", Value: view.Token}, {Name: "channel", Value: string(view.Way.Channel)}}}
	return a, nil
}

// checkCode opens the page behind a proof, by the code, or because it was typed before: who reloads that page types nothing again.
func (p *pages) checkCode(r *http.Request, s subject, token string, form url.Values) (answer, error) {
	// A browser that is closed at once still meant it.
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(r.Context()), storeTimeout, errLedgerSlow)
	defer cancel()
	if err := p.readProof(ctx, &s, token); err != nil {
		return answer{}, err
	}
	if s.proven == nil {
		_, right, err := p.Proofs.Prover.Check(ctx, token, s.message.ContactID, form.Get("code"))
		if err != nil {
			return answer{}, err
		}
		if !right {
			return p.codePage(r, s, codeEntryView{Token: token, Way: wayView{Channel: vocab.Channel(form.Get("channel"))}, Wrong: true})
		}
		if err := p.readProof(ctx, &s, token); err != nil {
			return answer{}, err
		}
	}
	return p.preferencesPage(r, s, nil)
}

// readProof puts the proof that a token stands for into the subject, if it proves an address that the contact's messages go to: a grant
// names no address, so whoever proves another one agrees to nothing.
func (p *pages) readProof(ctx context.Context, s *subject, token string) error {
	s.proven = nil
	if p.Proofs.Prover == nil || token == "" {
		return nil
	}
	proof, proved, err := p.Proofs.Prover.Proved(ctx, token, s.message.ContactID)
	if err != nil || !proved {
		return err
	}
	if !slices.Contains(s.to.Reach, Reached{proof.AddressID, proof.Channel}) {
		return nil
	}
	shared, err := p.Proofs.Records.Shared(ctx, proof.AddressID)
	if err != nil {
		return err
	}
	s.proven = &proven{Proof: proof, token: token, shared: shared}
	return nil
}

// carriedProof is readProof for a press that needs no proof: whatever is wrong with it, what is stopped is stopped.
func (p *pages) carriedProof(ctx context.Context, s *subject, token string) {
	if err := p.readProof(ctx, s, token); err != nil {
		s.proven = nil
		p.Log.LogAttrs(ctx, slog.LevelWarn, "proof of an address not read", slog.String("error", err.Error()))
	}
}

// resume ends a pause before its time.
func (p *pages) resume(r *http.Request, s subject) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(r.Context()), storeTimeout, errLedgerSlow)
	defer cancel()
	now := p.Now()
	until, err := p.Pauses.Pause(ctx, consent.Event{
		Kind: consent.KindResumed, Scope: consent.ScopeAll, ContactID: s.message.ContactID, AddressID: s.proven.AddressID,
		Source: consent.SourcePreferencePage, ActorKind: consent.ActorContact, ActorID: string(s.message.ContactID), Language: s.lang,
		Proof: consent.ProofOneTimeCode, ProofRef: string(s.proven.ID), At: now,
	})
	if err != nil {
		return answer{}, err
	}
	s.to.PausedUntil = until
	return p.preferencesPage(r, s, &doneView{Resumed: true, At: now})
}

// askView returns what the page offers to whoever has proved nothing; nil where there are no proofs.
func (p *pages) askView(r *http.Request, s subject) *askView {
	if p.Proofs.Prover == nil {
		return nil
	}
	view := &askView{Action: p.proofPath(r, s), Ended: s.ended}
	for _, x := range s.to.Reach {
		view.Ways = append(view.Ways, s.way(x.Channel))
	}
	return view
}

// way is an address as the page names it: that of the link masked, any other by its channel alone. Whoever holds the link has seen the
// one, and nothing says that they know the other.
func (s subject) way(channel vocab.Channel) wayView {
	w := wayView{Channel: channel}
	if slices.Contains(s.to.Reach, Reached{s.message.AddressID, channel}) {
		w.To = masked(s.to.Address)
	}
	return w
}

// proofPath is where the forms of a proof go, in the language that the reader picked.
func (p *pages) proofPath(r *http.Request, s subject) string { return p.plainProofPath(s) + picked(r) }

func (p *pages) plainProofPath(s subject) string {
	return p.base + "/" + string(dispatcher.LinkPreferences) + "/" + p.Links.Token(dispatcher.LinkPreferences, s.message.ID) + "/proof"
}

// proofLeft is until when a proof is shown to hold: its last whole minute.
func proofLeft(pr optin.Proof) time.Time { return pr.Until.Truncate(time.Minute) }
