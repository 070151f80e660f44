package public

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// The one form field that acts (RFC 8058 section 3.1).
const (
	oneClickField = "List-Unsubscribe"
	oneClickValue = "One-Click"
)

type stopView struct {
	Purpose     string
	Channel     vocab.Channel
	To          string // masked
	Shared      bool
	Since       time.Time // zero: not stopped yet
	Reason      string    // why it cannot be stopped; for the view "fixed"
	Preferences string
	Why         string
}

type stoppedView struct {
	stopView

	At                 time.Time
	Canceled, OnTheWay int
	Receipt            string // path; may be empty
}

// askToStop shows what a press of the button ends. It changes nothing: mail scanners and browsers fetch links by themselves.
func (p *pages) askToStop(r *http.Request) (answer, error) {
	s, err := p.subject(r, dispatcher.LinkUnsubscribe)
	if err != nil {
		return answer{lang: s.lang}, err
	}
	if !consent.Endable(s.message.Class) {
		return p.fixed(r, s), nil
	}
	view := p.stopView(r, s)
	a := answer{view: "stop", lang: s.lang, title: say(s.lang, "stop_title"), data: view}
	if !view.Since.IsZero() {
		a.title = say(s.lang, "already_title")
	}
	return a, nil
}

// oneClick ends the purpose of the message on its channel for everybody behind its address (RFC 8058). The 200 follows the commit;
// a repeated request finds it ended, writes nothing and is answered the same, with the time of the first.
//
// There is no check of the origin: mail providers' servers send the request, and the token is what shows that they may.
func (p *pages) oneClick(r *http.Request) (answer, error) {
	id, err := p.Links.Parse(dispatcher.LinkUnsubscribe, r.PathValue("token"))
	if err != nil {
		return answer{}, err
	}
	if !isOneClick(r) {
		return answer{}, fault.InvalidField("", "one_click_wanted", "want the body List-Unsubscribe=One-Click and nothing else")
	}
	m, err := p.Ledger.Message(r.Context(), id)
	if err != nil {
		return answer{}, err
	}
	s := subject{message: m, lang: language(r, m.Language)}
	if !consent.Endable(m.Class) {
		a := p.fixed(r, s)
		a.status = http.StatusConflict // never 200: nothing was ended
		return a, nil
	}
	w := dispatcher.Withdrawal{
		AddressID: m.AddressID, Writer: m.ContactID, Message: m.ID,
		Event: consent.Event{
			Kind: consent.KindWithdrawn, Scope: consent.ScopePurpose, Purpose: m.Purpose, Channel: m.Channel, Source: consent.SourceOneClick,
			ActorKind: consent.ActorContact, ActorID: string(m.ContactID), Language: s.lang, Proof: consent.ProofLink, ProofRef: string(m.ID),
		},
	}
	done, err := p.withdraw(r.Context(), w, 0)
	if err != nil {
		return answer{lang: s.lang}, err
	}
	return p.stopped(r, s, done)
}

// isOneClick says whether the body is List-Unsubscribe=One-Click in one of the two encodings of RFC 8058 section 3.2, and nothing else.
func isOneClick(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return false
	}
	var body url.Values
	switch media {
	case "application/x-www-form-urlencoded":
		if r.ParseForm() != nil {
			return false
		}
		body = r.PostForm
	case "multipart/form-data":
		//nolint:gosec // route has put a limit on the body
		if r.ParseMultipartForm(maxBody) != nil || len(r.MultipartForm.File) > 0 {
			return false
		}
		body = r.MultipartForm.Value
	}
	values := body[oneClickField]
	// Some senders end the body with a line break, which is not part of what they mean.
	return len(body) == 1 && len(values) == 1 && strings.TrimRight(values[0], "\r\n") == oneClickValue
}

func (p *pages) stopView(r *http.Request, s subject) stopView {
	return stopView{
		Purpose: p.purposeName(s.lang, s.message.Purpose), Channel: s.message.Channel, To: masked(s.to.Address), Shared: s.to.Shared,
		Since: s.stoppedSince(), Preferences: p.path(r, dispatcher.LinkPreferences, s.message.ID),
		Why: p.path(r, dispatcher.LinkWhy, s.message.ID),
	}
}

func (p *pages) stopped(r *http.Request, s subject, done dispatcher.Withdrawn) (answer, error) {
	view := stoppedView{stopView: p.stopView(r, s), At: done.At, Canceled: len(done.Canceled), OnTheWay: len(done.InFlight), Receipt: p.receiptOf(r, s, done)}
	sentence, err := sayWith(s.lang, "stopped", p.day(s.lang, done.At), p.clock(done.At))
	if err != nil {
		return answer{lang: s.lang}, err
	}
	said := []string{sentence}
	for _, c := range []struct {
		key string
		n   int
	}{{"withdrawn", view.Canceled}, {"on_their_way", view.OnTheWay}} {
		if c.n == 0 {
			continue
		}
		sentence, err := counted(s.lang, c.key, c.n)
		if err != nil {
			return answer{lang: s.lang}, err
		}
		said = append(said, sentence)
	}
	return answer{
		view: "stopped", lang: s.lang, title: say(s.lang, "stopped_title"), data: view, plain: strings.Join(said, "\n") + "\n",
	}, nil
}

// fixed is the page for a message of a class that no link can end.
func (p *pages) fixed(r *http.Request, s subject) answer {
	view := p.stopView(r, s)
	view.Reason = fixedReason(s.message.Class)
	title := say(s.lang, "fixed_title")
	return answer{view: "fixed", lang: s.lang, title: title, data: view, plain: title + ". " + say(s.lang, view.Reason) + "\n"}
}

// masked shows an address as "a***@example.org"; a page may be read over somebody's shoulder, and links are forwarded.
func masked(a vocab.Address) string {
	if a == "" {
		return ""
	}
	return a.String()
}
