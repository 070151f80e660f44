package public

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// signUps takes sign-ups in. What it answers is the same for everybody; see optin.SignedUp.
type signUps interface {
	SignUp(ctx context.Context, s optin.SignUp) (optin.SignedUp, error)
	Again(ctx context.Context, l optin.Link, lang vocab.Language, e optin.Evidence) (optin.Reply, error)
	// Shown returns the text beside a box; fault.NotFound for a purpose that nobody can agree to any more.
	Shown(ctx context.Context, purpose vocab.Purpose, channel vocab.Channel) (optin.Text, error)
	FormToken(form vocab.FormID, filled bool) string
}

// formBook keeps sign-up forms.
type formBook interface {
	// FormBySlug returns a form; fault.NotFound if there is none.
	FormBySlug(ctx context.Context, slug string) (optin.Form, error)
}

type formView struct {
	Intro              string
	Action             string
	Token              string
	Boxes              []boxView
	Email, Phone, Name fieldView
	Lacks              []string // keys of texts
	Stale, Review      bool
}

type boxView struct {
	optin.Words

	Value   string
	Name    string
	Channel vocab.Channel
	Topic   string // its name
	Ticked  bool
}

type fieldView struct {
	Asked bool
	Value string
	Wrong bool
}

// filled is what somebody has put into a form.
type filled struct {
	email, phone, name string
	ticked             []string // values of boxes
	review             bool     // they did so on another site, and have the button here still to press
	lacks              []optin.Lack
	stale              bool
}

type askedView struct {
	codeView

	Emailed bool
}

// form shows a sign-up form. No box is ticked.
func (p *pages) form(r *http.Request) (answer, error) {
	f, err := p.enabledForm(r)
	if err != nil {
		return answer{}, err
	}
	return p.formPage(r, f, language(r, ""), filled{})
}

func (p *pages) enabledForm(r *http.Request) (optin.Form, error) {
	f, err := p.OptIn.Forms.FormBySlug(r.Context(), r.PathValue("slug"))
	if err == nil && !f.Enabled {
		err = fault.Missing("form_not_found", "there is no such form")
	}
	return f, err
}

// signUp takes a form in.
func (p *pages) signUp(r *http.Request) (answer, error) {
	if err := p.checkOrigin(r); err != nil {
		return answer{}, err
	}
	f, err := p.enabledForm(r)
	if err != nil {
		return answer{}, err
	}
	if err := r.ParseForm(); err != nil {
		return answer{}, fault.InvalidField("", "form", "want a form")
	}
	lang := language(r, vocab.Language(r.PostForm.Get("shown")))
	entered := entries(r.PostForm)
	from := p.evidence(r)
	s := optin.SignUp{
		Form: f, Email: entered.email, Phone: entered.phone, Name: entered.name, Trap: r.PostForm.Get("comment"), Token: r.PostForm.Get("form"),
		Language: lang, Client: p.client(r), UserAgent: from.UserAgent,
	}
	for _, b := range f.Boxes {
		for _, value := range entered.ticked {
			if hash, is := strings.CutPrefix(value, boxKey(b)); is {
				s.Ticked = append(s.Ticked, optin.Tick{Box: b, TextHash: hash})
			}
		}
	}
	done, err := p.OptIn.SignUps.SignUp(r.Context(), s)
	if err != nil {
		return answer{lang: lang}, err
	}
	if len(done.Lacks) > 0 || done.Stale {
		entered.lacks, entered.stale = done.Lacks, done.Stale
		return p.formPage(r, f, lang, entered)
	}
	return p.framed(r, f, p.askedPage(r, lang, done)), nil
}

// review takes what somebody has filled in on another site, and shows it here with the words and the button. It changes nothing. What
// is ticked counts only if the site is one of the form's: no other may tick a box for anybody.
func (p *pages) review(r *http.Request) (answer, error) {
	f, err := p.enabledForm(r)
	if err != nil {
		return answer{}, err
	}
	if err := r.ParseForm(); err != nil {
		return answer{}, fault.InvalidField("", "form", "want a form")
	}
	entered := entries(r.PostForm)
	entered.review = true
	if !slices.Contains(f.Origins, r.Header.Get("Origin")) {
		entered.ticked = nil
	}
	return p.formPage(r, f, language(r, ""), entered)
}

func entries(form url.Values) filled {
	return filled{email: form.Get("email"), phone: form.Get("phone"), name: form.Get("name"), ticked: form["box"]}
}

// boxKey begins the value of a box; the hash of the text that is shown beside it follows. A site that sends people here may leave it out.
func boxKey(b optin.Box) string {
	return string(b.Purpose) + "/" + string(b.Channel) + "/" + string(b.Topic) + "/"
}

// formPage shows a form with what was filled in. A tick stands only beside the words it was set for.
func (p *pages) formPage(r *http.Request, f optin.Form, lang vocab.Language, in filled) (answer, error) {
	lacks := func(l optin.Lack) bool { return slices.Contains(in.lacks, l) }
	view := formView{
		Intro: inLanguage(f.Intro, lang), Action: p.base + "/forms/" + url.PathEscape(f.Slug) + query(r, f), Stale: in.stale, Review: in.review,
		Token: p.OptIn.SignUps.FormToken(f.ID, in.review || in.stale || len(in.lacks) > 0),
		Email: fieldView{f.Has(vocab.Email), in.email, lacks(optin.LackEmail)},
		Phone: fieldView{f.Has(vocab.SMS), in.phone, lacks(optin.LackPhone)},
		Name:  fieldView{f.AskName, in.name, lacks(optin.LackName)},
	}
	for _, l := range in.lacks {
		view.Lacks = append(view.Lacks, lackText(l))
	}
	for _, b := range f.Boxes {
		t, err := p.OptIn.SignUps.Shown(r.Context(), b.Purpose, b.Channel)
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return answer{lang: lang}, err
		}
		value := boxKey(b) + t.Hash[lang]
		view.Boxes = append(view.Boxes, boxView{
			Words: t.Words[lang], Value: value, Name: p.purposeName(lang, b.Purpose), Channel: b.Channel, Topic: p.Purposes.TopicName(b.Purpose, b.Topic, lang),
			Ticked: slices.Contains(in.ticked, value) || in.review && slices.Contains(in.ticked, boxKey(b)),
		})
	}
	a := answer{view: "form", lang: lang, title: inLanguage(f.Title, lang), data: view, header: sameOrigin()}
	return p.framed(r, f, a), nil
}

func lackText(l optin.Lack) string {
	switch l {
	case optin.LackTick:
		return "lack_tick"
	case optin.LackEmail:
		return "lack_email"
	case optin.LackPhone:
		return "lack_phone"
	case optin.LackName:
	}
	return "lack_name"
}

// embedded says whether a page is to be shown in a frame of one of the form's sites.
func embedded(r *http.Request, f optin.Form) bool {
	return r.URL.Query().Get("embed") == "1" && len(f.Origins) > 0
}

// query is what the form's own links keep of the query.
func query(r *http.Request, f optin.Form) string {
	q := picked(r)
	if !embedded(r, f) {
		return q
	}
	if q == "" {
		return "?embed=1"
	}
	return q + "&embed=1"
}

// framed lets the form's sites show the page in a frame, if that was asked for; nobody else may.
func (p *pages) framed(r *http.Request, f optin.Form, a answer) answer {
	if !embedded(r, f) {
		return a
	}
	a.keep = "&embed=1"
	if a.header == nil {
		a.header = map[string]string{}
	}
	a.header["Content-Security-Policy"] = strings.Replace(contentPolicy, "frame-ancestors 'none'", "frame-ancestors "+strings.Join(f.Origins, " "), 1)
	if view, asked := a.data.(askedView); asked {
		view.Embed = true
		a.data = view
	}
	return a
}

// askedPage says what to do next: look into the mailbox, type the code. It says it to everybody.
func (p *pages) askedPage(r *http.Request, lang vocab.Language, done optin.SignedUp) answer {
	view := askedView{Emailed: done.Emailed}
	if done.CodePage != "" {
		view.Action = p.base + "/c/" + done.CodePage + picked(r)
	}
	return answer{view: "asked", lang: lang, title: say(lang, "asked_title"), data: view, header: sameOrigin()}
}
