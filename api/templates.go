package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// templateBook keeps the versions of templates; a version never changes. Errors are fault.NotFound for a template or a version that is
// not there.
type templateBook interface {
	templateMaker
	Latest(ctx context.Context, template string) (templates.Version, error)
	ByNumber(ctx context.Context, template string, number int) (templates.Version, error)
	// List returns the newest version of every template, sorted by template.
	List(ctx context.Context) ([]templates.Version, error)
}

// templateMaker keeps new versions and returns them with id, number and hash. Both may be called for one template at once.
type templateMaker interface {
	// Create keeps the first version of a template; fault.Conflict (template_exists) if there is one of that name.
	Create(ctx context.Context, v templates.Version, now time.Time) (templates.Version, error)
	// Save keeps the newest version; one that says the same as the newest is not kept again.
	Save(ctx context.Context, v templates.Version, now time.Time) (templates.Version, error)
}

func (a *API) registerTemplates() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: "/v1/templates" + path, Summary: summary, Description: description, Tags: []string{"templates"},
		}
	}
	create := op("create-template", http.MethodPost, "", "Make a template with its first version",
		"Texts are Liquid with a closed list of tags and filters. Every variant must compile, and render with the sample if there is one.")
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createTemplate, http.StatusConflict)
	add := op("create-template-version", http.MethodPost, "/{slug}/versions", "Make a new version of a template",
		"Versions never change. One that says the same as the newest is answered with the newest.")
	add.DefaultStatus = http.StatusCreated
	register(a, add, a.createVersion)
	register(a, op("list-templates", http.MethodGet, "", "List templates", "The newest version of each, without texts, sorted by name."), a.listTemplates)
	register(a, op("get-template", http.MethodGet, "/{slug}", "Read the newest version of a template", "With its texts."), a.getTemplate)
	register(a, op("get-template-version", http.MethodGet, "/{slug}/versions/{number}", "Read a version of a template", "With its texts."), a.getVersion)
	register(a, op("preview-template", http.MethodPost, "/{slug}/preview", "Render a template",
		"With the data given, else with the version's sample; names and links are invented. Nothing is stored."), a.previewTemplate)
}

// versionBody is a version of a template.
type versionBody struct {
	Purpose  vocab.Purpose `json:"purpose,omitempty" example:"event.invite" doc:"Suggested to whoever sends."`
	Sample   object        `json:"sample,omitempty" doc:"Invented data for previews; by_language may hold what differs. No data of real people."`
	Calendar string        `json:"calendar,omitempty" example:"event" doc:"The entry of data that becomes a calendar file (RFC 5545)."`
	Variants []variantBody `json:"variants" minItems:"1" maxItems:"40" nullable:"false" doc:"One text per language and channel."`
}

// variantBody is one text: one language on one channel.
type variantBody struct {
	Language  vocab.Language `json:"language" example:"kk" doc:"BCP 47 tag."`
	Channel   vocab.Channel  `json:"channel" enum:"email,sms" doc:"email or sms."`
	Subject   string         `json:"subject,omitempty" doc:"Email: needed, one line."`
	Preheader string         `json:"preheader,omitempty" doc:"Email: the line a mailbox shows after the subject."`
	HTML      string         `json:"html,omitempty" doc:"Email: needed, a whole document."`
	Text      string         `json:"text,omitempty" doc:"Email: the text part; made from the HTML if left out."`
	SMS       string         `json:"sms,omitempty" doc:"SMS: needed."`
	Approved  bool           `json:"approved,omitempty" doc:"Somebody who may has read this text; others are not sent."`
}

func (a *API) version(slug string, b versionBody) (templates.Version, error) {
	v := templates.Version{Template: slug, Purpose: b.Purpose, Calendar: b.Calendar}
	if len(b.Sample) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(b.Sample))
		decoder.UseNumber()
		if decoder.Decode(&v.Sample) != nil {
			return v, fault.InvalidField("/sample", "type", "want a JSON object")
		}
	}
	refused := consent.RefuseForbidden("/sample", v.Sample)
	for i, x := range b.Variants {
		v.Variants = append(v.Variants, templates.Variant(x))
		for _, field := range [][2]string{{"subject", x.Subject}, {"preheader", x.Preheader}, {"html", x.HTML}, {"text", x.Text}, {"sms", x.SMS}} {
			refused = append(refused, consent.RefuseForbidden("/variants/"+strconv.Itoa(i)+"/"+field[0], field[1])...)
		}
	}
	if len(refused) > 0 {
		return v, fault.InvalidFields(refused...)
	}
	if _, known := a.Purposes.Lookup(b.Purpose); b.Purpose != "" && !known {
		return v, noPurpose()
	}
	return v, templates.Validate(v)
}

type createTemplateInput struct {
	Body struct {
		Template string        `json:"template" example:"event-invitation" doc:"Its name: small Latin letters, digits and hyphens, at most 60."`
		Purpose  vocab.Purpose `json:"purpose,omitempty" example:"event.invite" doc:"Suggested to whoever sends."`
		Sample   object        `json:"sample,omitempty" doc:"Invented data for previews; by_language may hold what differs. No data of real people."`
		Calendar string        `json:"calendar,omitempty" example:"event" doc:"The entry of data that becomes a calendar file (RFC 5545)."`
		Variants []variantBody `json:"variants" minItems:"1" maxItems:"40" nullable:"false" doc:"One text per language and channel."`
	} `nameHint:"TemplateBody"`
}

func (a *API) createTemplate(ctx context.Context, in *createTemplateInput) (*reply[versionView], error) {
	b := in.Body
	v, err := a.version(b.Template, versionBody{b.Purpose, b.Sample, b.Calendar, b.Variants})
	if err != nil {
		return nil, err
	}
	kept, err := a.Templates.Create(ctx, v, a.now())
	if err != nil {
		return nil, err
	}
	return answer(versionOf(kept)), nil
}

type createVersionInput struct {
	Slug string `path:"slug" maxLength:"60" example:"event-invitation" doc:"The template."`
	Body versionBody
}

func (a *API) createVersion(ctx context.Context, in *createVersionInput) (*reply[versionView], error) {
	if _, err := a.Templates.Latest(ctx, in.Slug); err != nil {
		return nil, err
	}
	v, err := a.version(in.Slug, in.Body)
	if err != nil {
		return nil, err
	}
	kept, err := a.Templates.Save(ctx, v, a.now())
	if err != nil {
		return nil, err
	}
	return answer(versionOf(kept)), nil
}

// versionView is a version with its texts.
type versionView struct {
	ID       vocab.TemplateVersionID `json:"id" example:"tpv_06gywnjy01xbs0938nkrkaydxw" doc:"The version."`
	Template string                  `json:"template" example:"event-invitation" doc:"The template's name."`
	Number   int                     `json:"number" doc:"1, 2, 3 …"`
	Purpose  vocab.Purpose           `json:"purpose,omitempty" doc:"Suggested to whoever sends."`
	Calendar string                  `json:"calendar,omitempty" doc:"The entry of data that becomes a calendar file."`
	Hash     string                  `json:"hash" doc:"SHA-256 of what recipients could read."`
	Sample   map[string]any          `json:"sample,omitempty" doc:"Invented data for previews."`
	Variants []variantView           `json:"variants" nullable:"false" doc:"One text per language and channel."`
}

// variantView is one text with what can be told from it.
type variantView struct {
	Language       vocab.Language `json:"language" doc:"BCP 47 tag."`
	Channel        vocab.Channel  `json:"channel" enum:"email,sms" doc:"email or sms."`
	Subject        string         `json:"subject,omitempty" doc:"Email."`
	Preheader      string         `json:"preheader,omitempty" doc:"Email."`
	HTML           string         `json:"html,omitempty" doc:"Email."`
	Text           string         `json:"text,omitempty" doc:"Email: the text part; made from the HTML if absent."`
	SMS            string         `json:"sms,omitempty" doc:"SMS."`
	Approved       bool           `json:"approved" doc:"Somebody who may has read this text."`
	HasUnsubscribe bool           `json:"has_unsubscribe" doc:"Whoever gets it can stop such messages; marketing needs it."`
	Variables      []string       `json:"variables" nullable:"false" doc:"What the texts read, for example data.event.title."`
}

func versionOf(v templates.Version) versionView {
	view := versionView{
		ID: v.ID, Template: v.Template, Number: v.Number, Purpose: v.Purpose, Calendar: v.Calendar, Hash: v.Hash, Sample: v.Sample,
		Variants: []variantView{},
	}
	for _, x := range v.Variants {
		view.Variants = append(view.Variants, variantView{
			Language: x.Language, Channel: x.Channel, Subject: x.Subject, Preheader: x.Preheader, HTML: x.HTML, Text: x.Text, SMS: x.SMS,
			Approved: x.Approved, HasUnsubscribe: x.HasUnsubscribe(), Variables: orEmpty(x.Variables()),
		})
	}
	return view
}

// templateView is a template without its texts.
type templateView struct {
	Template string           `json:"template" example:"event-invitation" doc:"The template's name."`
	Number   int              `json:"number" doc:"Its newest version."`
	ID       string           `json:"version_id" doc:"The id of that version."`
	Purpose  vocab.Purpose    `json:"purpose,omitempty" doc:"Suggested to whoever sends."`
	Variants []variantSummary `json:"variants" nullable:"false" doc:"What it is written in."`
}

// variantSummary is a variant without its texts.
type variantSummary struct {
	Language vocab.Language `json:"language" doc:"BCP 47 tag."`
	Channel  vocab.Channel  `json:"channel" enum:"email,sms" doc:"email or sms."`
	Approved bool           `json:"approved" doc:"Somebody who may has read this text."`
}

func (a *API) listTemplates(ctx context.Context, _ *struct{}) (*reply[page[templateView]], error) {
	list, err := a.Templates.List(ctx)
	if err != nil {
		return nil, err
	}
	return pageOf(list, len(list), nil, func(v templates.Version) templateView {
		view := templateView{Template: v.Template, Number: v.Number, ID: string(v.ID), Purpose: v.Purpose, Variants: []variantSummary{}}
		for _, x := range v.Variants {
			view.Variants = append(view.Variants, variantSummary{x.Language, x.Channel, x.Approved})
		}
		return view
	}), nil
}

type templateInput struct {
	Slug string `path:"slug" maxLength:"60" example:"event-invitation" doc:"The template."`
}

func (a *API) getTemplate(ctx context.Context, in *templateInput) (*reply[versionView], error) {
	v, err := a.Templates.Latest(ctx, in.Slug)
	if err != nil {
		return nil, err
	}
	return answer(versionOf(v)), nil
}

type versionInput struct {
	Slug   string `path:"slug" maxLength:"60" example:"event-invitation" doc:"The template."`
	Number int    `path:"number" minimum:"1" maximum:"1000000" example:"3" doc:"The version."`
}

func (a *API) getVersion(ctx context.Context, in *versionInput) (*reply[versionView], error) {
	v, err := a.Templates.ByNumber(ctx, in.Slug, in.Number)
	if err != nil {
		return nil, err
	}
	return answer(versionOf(v)), nil
}

type previewTemplateInput struct {
	Slug string `path:"slug" maxLength:"60" example:"event-invitation" doc:"The template."`
	Body struct {
		Version  int            `json:"version,omitempty" minimum:"0" doc:"The newest if left out."`
		Channel  vocab.Channel  `json:"channel" enum:"email,sms" doc:"email or sms."`
		Language vocab.Language `json:"language,omitempty" maxLength:"35" example:"ru" doc:"BCP 47 tag; kk if left out."`
		Data     object         `json:"data,omitempty" doc:"What the template reads as data; the sample if left out."`
	} `nameHint:"TemplatePreviewBody"`
}

func (a *API) previewTemplate(ctx context.Context, in *previewTemplateInput) (*reply[contentView], error) {
	b := in.Body
	orElse(&b.Language, vocab.Kazakh)
	v, err := a.Templates.Latest(ctx, in.Slug)
	if b.Version > 0 {
		v, err = a.Templates.ByNumber(ctx, in.Slug, b.Version)
	}
	if err != nil {
		return nil, err
	}
	compiled, err := a.Dates.Compile(v)
	if err != nil {
		return nil, err
	}
	vars := v.SampleVars(b.Language)
	if len(b.Data) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(b.Data))
		decoder.UseNumber()
		data := map[string]any{}
		if decoder.Decode(&data) != nil {
			return nil, fault.InvalidField("/data", "type", "want a JSON object")
		}
		vars["data"] = data
	}
	content, err := compiled.Render(b.Channel, b.Language, vars)
	if err != nil {
		return nil, renderProblem(err)
	}
	return answer(contentShown(b.Channel, content)), nil
}

// renderProblem explains why template and data make no text.
func renderProblem(err error) error {
	if missing, ok := errors.AsType[*templates.MissingVariable](err); ok {
		return fault.InvalidField("/data", "missing_variable", missing.Error())
	}
	if bad, ok := errors.AsType[*templates.RenderError](err); ok {
		return fault.InvalidField("/data", bad.Code, bad.Error())
	}
	return err
}
