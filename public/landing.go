package public

import "net/http"

// landing is what somebody sees who types the host's name.
func (p *pages) landing(r *http.Request) (answer, error) {
	lang := language(r, "")
	return answer{view: "landing", lang: lang, title: say(lang, "home_title"), data: struct{ Inbox bool }{p.Inbox != nil}}, nil
}
