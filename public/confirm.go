package public

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// OptIn is what the pages where people sign up and confirm need; optin.Desk is both of the first two.
type OptIn struct {
	Confirmations  confirmations
	SignUps        signUps
	Forms          formBook
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed; empty: nobody's
}

func (o OptIn) check() error {
	if o.Confirmations != nil && (o.SignUps == nil || o.Forms == nil) {
		return errors.New("contact pages: want SignUps and Forms with Confirmations")
	}
	return nil
}

// confirmations are what somebody is asked to confirm. What cannot be confirmed is optin.Gone and no error, whatever is wrong with it.
type confirmations interface {
	Open(token string) (optin.Link, error)
	Look(ctx context.Context, l optin.Link) (optin.View, error)
	Press(ctx context.Context, l optin.Link, lang vocab.Language, e optin.Evidence) (optin.View, error)
	Enter(ctx context.Context, l optin.Link, code string, e optin.Evidence) (optin.View, error)
}

type confirmView struct {
	Action      string
	To          string // masked
	Items       []agreedItem
	At          time.Time // when it was confirmed
	Preferences string    // empty: nobody knows where
}

// agreedItem is one thing that is agreed to, with its words.
type agreedItem struct {
	optin.Words

	Name    string
	Channel vocab.Channel
	Topic   vocab.Topic
	Receipt string // path; empty before it is confirmed
}

type codeView struct {
	Action string // where the code goes; empty: none is asked for
	Wrong  bool
	Embed  bool
}

// askToConfirm shows what a press of the button grants, or where the code is typed. It changes nothing: mail scanners and browsers fetch
// links by themselves.
func (p *pages) askToConfirm(r *http.Request) (answer, error) {
	l, err := p.OptIn.Confirmations.Open(r.PathValue("token"))
	if err != nil {
		return p.gone(r, language(r, "")), nil //nolint:nilerr // it is the same page for every link that does not work
	}
	v, err := p.OptIn.Confirmations.Look(r.Context(), l)
	if err != nil {
		return answer{}, err
	}
	return p.confirmation(r, l, v), nil
}

// confirm takes a press of one of the buttons: confirm, enter the code, or ask for a new one.
func (p *pages) confirm(r *http.Request) (answer, error) {
	if err := p.checkOrigin(r); err != nil {
		return answer{}, err
	}
	if err := r.ParseForm(); err != nil {
		return answer{}, fault.InvalidField("", "form", "want a form")
	}
	l, err := p.OptIn.Confirmations.Open(r.PathValue("token"))
	again := r.PostForm.Get("again") != ""
	switch {
	case err != nil && again:
		return p.askedAgain(r, language(r, "")), nil
	case err != nil:
		return p.gone(r, language(r, "")), nil
	case again:
		return p.again(r, l)
	}
	// A browser that is closed at once still meant it.
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(r.Context()), storeTimeout, errLedgerSlow)
	defer cancel()
	if l.ByCode {
		v, err := p.OptIn.Confirmations.Enter(ctx, l, r.PostForm.Get("code"), p.evidence(r))
		if err != nil {
			return answer{}, err
		}
		a := p.confirmation(r, l, v)
		if view, asks := a.data.(codeView); asks {
			view.Wrong = true
			a.data = view
		}
		return a, nil
	}
	before, err := p.OptIn.Confirmations.Look(ctx, l)
	if err != nil {
		return answer{}, err
	}
	v, err := p.OptIn.Confirmations.Press(ctx, l, language(r, before.Confirmation.Language), p.evidence(r))
	if err != nil {
		return answer{}, err
	}
	return p.confirmation(r, l, v), nil
}

// checkOrigin keeps other sites from pressing our buttons.
func (p *pages) checkOrigin(r *http.Request) error {
	if err := p.origin.Check(r); err != nil {
		return &fault.Error{Kind: fault.Forbidden, Code: "cross_origin", Detail: "the request comes from another site", Err: err}
	}
	return nil
}

// confirmation is the page of a confirmation: to be pressed, to type the code, done, or gone.
func (p *pages) confirmation(r *http.Request, l optin.Link, v optin.View) answer {
	c := v.Confirmation
	lang := language(r, c.Language)
	view := confirmView{Action: p.here(r), To: masked(c.Address), At: c.UsedAt}
	for _, item := range v.Items {
		agreed := agreedItem{Words: item.Text.Words[lang], Name: inLanguage(item.Name, lang), Channel: c.Channel, Topic: item.Asked.Topic}
		if p.Receipts != nil && item.Asked.Granted != "" {
			agreed.Receipt = p.receiptPath(r, item.Asked.Granted)
		}
		view.Items = append(view.Items, agreed)
	}
	switch v.Result {
	case optin.Confirmed, optin.Already:
		if c.MessageID != "" {
			view.Preferences = p.path(r, dispatcher.LinkPreferences, c.MessageID)
		}
		return answer{view: "confirmed", lang: lang, title: say(lang, "confirmed_title"), data: view}
	case optin.Gone:
		if !l.ByCode {
			return p.gone(r, lang)
		}
	}
	if l.ByCode { // nobody is told whether there is a code at all
		lang = language(r, "")
		return answer{view: "code", lang: lang, title: say(lang, "code_title"), data: codeView{Action: p.here(r)}, header: sameOrigin()}
	}
	return answer{view: "confirm", lang: lang, title: say(lang, "confirm_title"), data: view, header: sameOrigin()}
}

// gone is the page for every link that does not work: wrong, somebody else's, used up, or out of time.
func (p *pages) gone(r *http.Request, lang vocab.Language) answer {
	title := say(lang, "gone_title")
	return answer{
		view: "gone", lang: lang, title: title, status: http.StatusNotFound, data: confirmView{Action: p.here(r)}, header: sameOrigin(),
		plain: title + ". " + say(lang, "gone_text") + "\n",
	}
}

// again asks once more for what nobody has confirmed. Whether there was anything to ask for is not said.
func (p *pages) again(r *http.Request, l optin.Link) (answer, error) {
	lang := language(r, "")
	reply, err := p.OptIn.SignUps.Again(r.Context(), l, lang, p.evidence(r))
	if err != nil {
		return answer{}, err
	}
	if l.ByCode {
		return p.askedPage(r, lang, optin.SignedUp{CodePage: reply.CodePage}), nil
	}
	return p.askedAgain(r, lang), nil
}

func (p *pages) askedAgain(_ *http.Request, lang vocab.Language) answer {
	return answer{view: "problem", lang: lang, title: say(lang, "again_title"), data: say(lang, "again_text")}
}

// here is the path of the page itself, in the language that the reader picked.
func (p *pages) here(r *http.Request) string { return p.base + r.URL.EscapedPath() + picked(r) }
