package public

import (
	"net/http"

	"github.com/orleu/elshi/fault"
)

// demoForm is the sign-up form that the landing page leads to, where there is one: the demonstration's.
const demoForm = "news"

type landingView struct {
	Inbox bool
	Form  string // its slug; empty: there is none
}

// landing is what somebody sees who types the host's name.
func (p *pages) landing(r *http.Request) (answer, error) {
	lang := language(r, "")
	view := landingView{Inbox: p.Inbox != nil}
	if p.OptIn.Forms != nil && p.Inbox != nil {
		// A ledger that is away keeps nobody from this page, which leads to what says so.
		if f, err := p.OptIn.Forms.FormBySlug(r.Context(), demoForm); fault.KindOf(err) != fault.NotFound && (err != nil || f.Enabled) {
			view.Form = demoForm
		}
	}
	return answer{view: "landing", lang: lang, title: say(lang, "home_title"), data: view}, nil
}
