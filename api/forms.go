package api

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// formBook keeps sign-up forms.
type formBook interface {
	formReader
	// Create keeps a new form; fault.Conflict (slug_taken).
	Create(ctx context.Context, f optin.Form) (optin.Form, error)
	// Update changes a form by a pure function and returns it as it is then.
	Update(ctx context.Context, id vocab.FormID, now time.Time, change func(optin.Form) (optin.Form, error)) (optin.Form, error)
	Delete(ctx context.Context, id vocab.FormID) error
}

type formReader interface {
	// Form returns a form; fault.NotFound if there is none.
	Form(ctx context.Context, id vocab.FormID) (optin.Form, error)
	// List returns forms, the newest first; those before an id, if one is given.
	List(ctx context.Context, after vocab.FormID, limit int) ([]optin.Form, error)
}

func (a *API) registerForms() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: "/v1/forms" + path, Summary: summary, Description: description, Tags: []string{"consents"},
		}
	}
	create := op("create-form", http.MethodPost, "", "Make a sign-up form", "A page of ours at url, which works without JavaScript and may be embedded. Its boxes come unticked, always.")
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createForm, http.StatusConflict)
	register(a, op("list-forms", http.MethodGet, "", "List sign-up forms", "The newest first."), a.listForms, statusInvalid)
	register(a, op("get-form", http.MethodGet, "/{id}", "Read a sign-up form", "With its address."), a.getForm)
	register(a, op("update-form", http.MethodPatch, "/{id}", "Change a sign-up form", "What is left out stays; a list is replaced whole."), a.updateForm, http.StatusConflict)
	register(a, op("delete-form", http.MethodDelete, "/{id}", "Remove a sign-up form", "What people signed up for by it stays."), a.deleteForm)
	register(a, op("get-form-embed", http.MethodGet, "/{id}/embed", "Read how to embed a sign-up form",
		"Two ways for a site that is one of the form's origins: the form itself in a frame, or plain HTML whose button leads to our page, where what was ticked is shown with the texts and pressed once more."),
		a.getFormEmbed)
}

// textsBody is a text in every language.
type textsBody struct {
	Kazakh  string `json:"kk" doc:"In Kazakh."`
	Russian string `json:"ru" doc:"In Russian."`
	English string `json:"en" doc:"In English."`
}

func (t textsBody) texts() map[vocab.Language]string {
	return map[vocab.Language]string{vocab.Kazakh: t.Kazakh, vocab.Russian: t.Russian, vocab.English: t.English}
}

func textsOf(m map[vocab.Language]string) textsBody {
	return textsBody{m[vocab.Kazakh], m[vocab.Russian], m[vocab.English]}
}

// boxBody is one thing to tick.
type boxBody struct {
	Purpose vocab.Purpose `json:"purpose" example:"news.company" doc:"A purpose that needs a consent."`
	Channel vocab.Channel `json:"channel" enum:"email,sms" doc:"One box is one channel."`
	Topic   vocab.Topic   `json:"topic,omitempty" maxLength:"128" doc:"One topic of the purpose; none means the purpose without topic."`
}

// formBody is a form.
type formBody struct {
	Slug    string    `json:"slug" maxLength:"64" example:"news" doc:"The last part of its address: lower-case letters, digits, single hyphens."`
	Title   textsBody `json:"title" doc:"Its heading."`
	Intro   textsBody `json:"intro,omitzero" doc:"What stands below the heading."`
	Boxes   []boxBody `json:"boxes" minItems:"1" maxItems:"30" nullable:"false" doc:"What can be ticked. Which address is asked for follows from their channels."`
	AskName bool      `json:"ask_name,omitempty" doc:"Also ask for a name, which may stay empty."`
	Origins []string  `json:"origins,omitempty" maxItems:"20" nullable:"false" example:"[\"https://orleu.example\"]" doc:"The sites that may embed it."`
	Enabled *bool     `json:"enabled,omitempty" doc:"A form that is not is not found; true if left out."`
}

// formPatch is what changes of a form.
type formPatch struct {
	Slug    *string    `json:"slug,omitempty" maxLength:"64" doc:"The last part of its address."`
	Title   *textsBody `json:"title,omitempty" doc:"Its heading."`
	Intro   *textsBody `json:"intro,omitempty" doc:"What stands below the heading; empty texts remove it."`
	Boxes   []boxBody  `json:"boxes,omitempty" maxItems:"30" nullable:"false" doc:"All boxes anew."`
	AskName *bool      `json:"ask_name,omitempty" doc:"Also ask for a name."`
	Origins *[]string  `json:"origins,omitempty" maxItems:"20" doc:"All origins anew."`
	Enabled *bool      `json:"enabled,omitempty" doc:"A form that is not is not found."`
}

// formView is a form.
type formView struct {
	ID        vocab.FormID `json:"id" example:"frm_06gywnjy01xbs0938nkrkaydxw" doc:"The form."`
	Slug      string       `json:"slug" doc:"The last part of its address."`
	URL       string       `json:"url" doc:"Where it is."`
	Title     textsBody    `json:"title" doc:"Its heading."`
	Intro     textsBody    `json:"intro,omitzero" doc:"What stands below the heading."`
	Boxes     []boxBody    `json:"boxes" nullable:"false" doc:"What can be ticked."`
	AskName   bool         `json:"ask_name" doc:"It also asks for a name."`
	Origins   []string     `json:"origins" nullable:"false" doc:"The sites that may embed it."`
	Enabled   bool         `json:"enabled" doc:"It is there."`
	CreatedAt time.Time    `json:"created_at" doc:"When it was made."`
	UpdatedAt time.Time    `json:"updated_at" doc:"When it was last changed."`
}

func (a *API) formOf(f optin.Form) formView {
	view := formView{
		ID: f.ID, Slug: f.Slug, URL: a.public("/forms/" + f.Slug), Title: textsOf(f.Title), Intro: textsOf(f.Intro), Boxes: []boxBody{},
		AskName: f.AskName, Origins: orEmpty(f.Origins), Enabled: f.Enabled, CreatedAt: f.CreatedAt.UTC(), UpdatedAt: f.UpdatedAt.UTC(),
	}
	for _, b := range f.Boxes {
		view.Boxes = append(view.Boxes, boxBody(b))
	}
	return view
}

// public is the address of a contact page.
func (a *API) public(path string) string { return strings.TrimSuffix(a.PublicURL, "/") + path }

type createFormInput struct{ Body formBody }

func (a *API) createForm(ctx context.Context, in *createFormInput) (*reply[formView], error) {
	b := in.Body
	f := optin.Form{Slug: b.Slug, Title: b.Title.texts(), Intro: b.Intro.texts(), AskName: b.AskName, Origins: b.Origins, Enabled: b.Enabled == nil || *b.Enabled, CreatedAt: a.now()}
	for _, x := range b.Boxes {
		f.Boxes = append(f.Boxes, optin.Box(x))
	}
	f, err := f.Check(a.Purposes)
	if err != nil {
		return nil, err
	}
	if f, err = a.Forms.Create(ctx, f); err != nil {
		return nil, err
	}
	return answer(a.formOf(f)), nil
}

type listFormsInput struct {
	Cursor string `query:"cursor" doc:"next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"199" default:"50" doc:"Entries of a page."`
}

func (a *API) listForms(ctx context.Context, in *listFormsInput) (*reply[page[formView]], error) {
	var wrong idCheck
	wrong.look("cursor", vocab.FormPrefix, in.Cursor)
	if err := wrong.err(); err != nil {
		return nil, err
	}
	list, err := a.Forms.List(ctx, vocab.FormID(in.Cursor), pageLimit(in.Limit)+1)
	if err != nil {
		return nil, err
	}
	return pageOf(list, pageLimit(in.Limit), func(f optin.Form) string { return string(f.ID) }, a.formOf), nil
}

type formInput struct {
	ID string `path:"id" doc:"The form."`
}

func (in formInput) check() error {
	return checkID(vocab.FormPrefix, in.ID, "form_not_found", "there is no such form")
}

func (a *API) getForm(ctx context.Context, in *formInput) (*reply[formView], error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	f, err := a.Forms.Form(ctx, vocab.FormID(in.ID))
	if err != nil {
		return nil, err
	}
	return answer(a.formOf(f)), nil
}

type updateFormInput struct {
	ID   string `path:"id" doc:"The form."`
	Body formPatch
}

func (a *API) updateForm(ctx context.Context, in *updateFormInput) (*reply[formView], error) {
	if err := (formInput{in.ID}).check(); err != nil {
		return nil, err
	}
	f, err := a.Forms.Update(ctx, vocab.FormID(in.ID), a.now(), func(f optin.Form) (optin.Form, error) {
		return in.Body.applied(f).Check(a.Purposes)
	})
	if err != nil {
		return nil, err
	}
	return answer(a.formOf(f)), nil
}

// applied is a form after a patch.
func (b formPatch) applied(f optin.Form) optin.Form {
	set(&f.Slug, b.Slug)
	set(&f.AskName, b.AskName)
	set(&f.Enabled, b.Enabled)
	set(&f.Origins, b.Origins)
	if b.Title != nil {
		f.Title = b.Title.texts()
	}
	if b.Intro != nil {
		f.Intro = b.Intro.texts()
	}
	if b.Boxes != nil {
		f.Boxes = nil
		for _, x := range b.Boxes {
			f.Boxes = append(f.Boxes, optin.Box(x))
		}
	}
	return f
}

func set[T any](v, to *T) {
	if to != nil {
		*v = *to
	}
}

func (a *API) deleteForm(ctx context.Context, in *formInput) (*reply[formView], error) {
	gone, err := a.getForm(ctx, in)
	if err != nil {
		return nil, err
	}
	return gone, a.Forms.Delete(ctx, vocab.FormID(in.ID))
}

// embedView is how a form is embedded.
type embedView struct {
	Frame string `json:"frame" doc:"HTML that shows the form in a frame."`
	Form  string `json:"form" doc:"HTML of a form whose button leads to our page."`
}

type formEmbedInput struct {
	ID       string `path:"id" doc:"The form."`
	Language string `query:"language" enum:"kk,ru,en" default:"kk" doc:"Of the snippets."`
}

func (a *API) getFormEmbed(ctx context.Context, in *formEmbedInput) (*reply[embedView], error) {
	if err := (formInput{in.ID}).check(); err != nil {
		return nil, err
	}
	f, err := a.Forms.Form(ctx, vocab.FormID(in.ID))
	if err != nil {
		return nil, err
	}
	lang := vocab.Language(in.Language)
	return answer(embedView{Frame: a.frameOf(f, lang), Form: a.plainFormOf(f, lang)}), nil
}

func (a *API) frameOf(f optin.Form, lang vocab.Language) string {
	return fmt.Sprintf(`<iframe src="%s?lang=%s&amp;embed=1" title="%s" style="width:100%%;height:52rem;border:0"></iframe>`,
		html.EscapeString(a.public("/forms/"+f.Slug)), lang, html.EscapeString(f.Title[lang]))
}

// plainFormOf is a form without scripts and without our texts, which stand on the page that it leads to.
func (a *API) plainFormOf(f optin.Form, lang vocab.Language) string {
	labels := map[vocab.Language][4]string{
		vocab.Kazakh: {"Электрондық пошта", "Телефон нөмірі", "Атыңыз", "Жалғастыру"}, vocab.Russian: {"Электронная почта", "Телефон", "Имя", "Продолжить"},
		vocab.English: {"Email address", "Phone number", "Name", "Continue"},
	}[lang]
	var b strings.Builder
	fmt.Fprintf(&b, "<form method=\"post\" action=\"%s/review?lang=%s\">\n", html.EscapeString(a.public("/forms/"+f.Slug)), lang)
	for _, x := range f.Boxes {
		info, _ := a.Purposes.Lookup(x.Purpose)
		name := info.Names[lang]
		if x.Topic != "" {
			name += " · " + string(x.Topic)
		}
		channel := labels[0]
		if x.Channel == vocab.SMS {
			channel = "SMS"
		}
		fmt.Fprintf(&b, "  <p><label><input type=\"checkbox\" name=\"box\" value=\"%s\"> %s · %s</label></p>\n",
			html.EscapeString(fmt.Sprintf("%s/%s/%s/", x.Purpose, x.Channel, x.Topic)), html.EscapeString(name), channel)
	}
	field := func(asked bool, name, kind, label string) {
		if asked {
			fmt.Fprintf(&b, "  <p><label>%s <input name=\"%s\" type=\"%s\" autocomplete=\"%s\"></label></p>\n", label, name, kind, kind)
		}
	}
	field(f.Has(vocab.Email), "email", "email", labels[0])
	field(f.Has(vocab.SMS), "phone", "tel", labels[1])
	if f.AskName {
		fmt.Fprintf(&b, "  <p><label>%s <input name=\"name\" type=\"text\" autocomplete=\"name\"></label></p>\n", labels[2])
	}
	fmt.Fprintf(&b, "  <p><button type=\"submit\">%s</button></p>\n</form>\n", labels[3])
	return b.String()
}
