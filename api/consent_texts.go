package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// textBook keeps consent texts. A published one never changes.
type textBook interface {
	textDrafts

	// Texts returns texts sorted by purpose, channel and version, drafts first.
	Texts(ctx context.Context, f TextFilter) ([]consent.Text, error)
	// Get returns a draft or a published version; fault.NotFound if there is neither.
	Get(ctx context.Context, id vocab.ConsentTextID) (consent.Text, error)
	// Versions returns the published versions for a purpose and channel, the newest first.
	Versions(ctx context.Context, purpose vocab.Purpose, channel vocab.Channel) ([]consent.Text, error)
}

// textDrafts is what happens to a draft. What is published is fault.Conflict (consent_text_published).
type textDrafts interface {
	Draft(ctx context.Context, t consent.Text, now time.Time) (consent.Text, error)
	// Change may call change again.
	Change(ctx context.Context, id vocab.ConsentTextID, change func(consent.Text) (consent.Text, error)) (consent.Text, error)
	Drop(ctx context.Context, id vocab.ConsentTextID) error
	// Publish freezes a draft that check allows. Of e the actor, the source and the time count.
	Publish(ctx context.Context, id vocab.ConsentTextID, e consent.Event, check func(consent.Text) error) (consent.Text, error)
}

// TextFilter narrows a list of consent texts; empty fields do not.
type TextFilter struct {
	Purpose   vocab.Purpose
	Channel   *vocab.Channel // "" is a use of data
	Drafts    bool
	Published bool
}

func (a *API) registerConsentTexts() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: "/v1/consent-texts" + path, Summary: summary, Description: description, Tags: []string{"consents"},
		}
	}
	create := op("create-consent-text", http.MethodPost, "", "Make a draft of a consent text",
		"For one purpose and channel, or for a use of data. A draft may have gaps; publishing says which.")
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createText)
	register(a, op("list-consent-texts", http.MethodGet, "", "List consent texts", "Drafts first, then versions, sorted by purpose and channel."), a.listTexts)
	register(a, op("get-current-consent-text", http.MethodGet, "/current", "Read the text to show now",
		"The newest published version for a purpose and channel."), a.currentText, http.StatusNotFound, statusInvalid)
	register(a, op("get-consent-text", http.MethodGet, "/{id}", "Read a consent text", "A draft or a published version."), a.getText)
	register(a, op("update-consent-text", http.MethodPatch, "/{id}", "Change a draft",
		"What is given replaces what was there; a variant is replaced whole, null removes. A published text never changes: 409 consent_text_published."),
		a.updateText, http.StatusConflict)
	drop := op("delete-consent-text", http.MethodDelete, "/{id}", "Delete a draft", "A published text is never deleted: 409 consent_text_published.")
	drop.DefaultStatus = http.StatusNoContent
	register(a, drop, a.deleteText, http.StatusConflict)
	register(a, op("publish-consent-text", http.MethodPost, "/{id}/publish", "Publish a consent text",
		"It gets the next version number of its purpose and channel and never changes again. Whatever the law (article 8) or a reader asks for and is missing is named at once: 422. "+
			"If its change is material, every grant on an earlier version is stale from the answer on: nothing is sent on it until the contact agrees again."),
		a.publishText, http.StatusConflict)
}

// textVariantBody is a consent text in one language.
type textVariantBody struct {
	Title        string   `json:"title,omitempty" example:"Newsletters: by email" doc:"Its title."`
	Statement    string   `json:"statement,omitempty" doc:"What is agreed to, as it stands beside the box."`
	Operator     string   `json:"operator,omitempty" doc:"The operator's name."`
	Data         []string `json:"data,omitempty" nullable:"false" doc:"The data that are collected, each kind an entry."`
	Uses         string   `json:"uses,omitempty" doc:"What the data are used for."`
	Actions      []string `json:"actions,omitempty" nullable:"false" doc:"What is done with the data, each an entry."`
	Term         string   `json:"term,omitempty" doc:"For how long the consent is good."`
	ThirdParties string   `json:"third_parties,omitempty" doc:"To whom the data are given, or that they are given to nobody."`
	CrossBorder  string   `json:"cross_border,omitempty" doc:"Where abroad the data go, or that they stay in the country."`
	OpenSources  string   `json:"open_sources,omitempty" doc:"What is published where everybody can see it, or that nothing is."`
	Withdrawal   string   `json:"withdrawal,omitempty" doc:"How the consent is taken back."`
}

// textVariants are the three languages.
type textVariants struct {
	Kazakh  *textVariantBody `json:"kk,omitempty" doc:"In Kazakh."`
	Russian *textVariantBody `json:"ru,omitempty" doc:"In Russian."`
	English *textVariantBody `json:"en,omitempty" doc:"In English."`
}

func (v textVariants) byLanguage() map[vocab.Language]*textVariantBody {
	return map[vocab.Language]*textVariantBody{vocab.Kazakh: v.Kazakh, vocab.Russian: v.Russian, vocab.English: v.English}
}

type createTextInput struct {
	Body struct {
		Purpose       vocab.Purpose `json:"purpose" example:"news.company" doc:"A purpose that needs a consent, or a use of data such as processing.core."`
		Channel       vocab.Channel `json:"channel,omitempty" enum:"email,sms" doc:"email or sms; a use of data has none."`
		BIN           string        `json:"bin,omitempty" example:"000000000000" doc:"The operator's business identification number, 12 digits."`
		Variants      textVariants  `json:"variants,omitzero" doc:"The words in kk, ru and en."`
		ThirdParties  *bool         `json:"third_parties,omitempty" doc:"Whether the data are given to anybody else."`
		CrossBorder   *bool         `json:"covers_cross_border,omitempty" doc:"Whether who agrees agrees to a transfer abroad."`
		Countries     []string      `json:"countries,omitempty" nullable:"false" example:"[\"DE\"]" doc:"Where to (ISO 3166-1 alpha-2)."`
		OpenSources   *bool         `json:"open_sources,omitempty" doc:"Whether the data are published where everybody can see them."`
		PolicyVersion string        `json:"policy_version,omitempty" example:"2026-05-01" doc:"The version of the privacy policy that it goes with."`
		Material      bool          `json:"material,omitempty" doc:"It says something else than the version before it: grants on that one become stale."`
		Reason        string        `json:"reason,omitempty" doc:"What was changed and why; needed if material."`
	} `nameHint:"ConsentTextBody"`
}

func (a *API) createText(ctx context.Context, in *createTextInput) (*reply[textView], error) {
	b := in.Body
	t := consent.Text{
		Purpose: b.Purpose, Channel: b.Channel, CreatedBy: string(callerOf(ctx).ID), BIN: b.BIN, ThirdParties: b.ThirdParties, CrossBorder: b.CrossBorder,
		Countries: b.Countries, OpenSources: b.OpenSources, PolicyVersion: b.PolicyVersion, Material: b.Material, Reason: b.Reason,
		Variants: map[vocab.Language]consent.TextVariant{},
	}
	for lang, v := range b.Variants.byLanguage() {
		if v != nil {
			t.Variants[lang] = consent.TextVariant(*v)
		}
	}
	if err := a.checkTextKey(t.Purpose, t.Channel); err != nil {
		return nil, err
	}
	if err := t.CheckDraft(); err != nil {
		return nil, err
	}
	kept, err := a.Texts.Draft(ctx, t, a.now())
	if err != nil {
		return nil, err
	}
	return answer(textOf(kept)), nil
}

// checkTextKey says whether somebody can consent to the purpose by the channel.
func (a *API) checkTextKey(purpose vocab.Purpose, channel vocab.Channel) error {
	info, registered := a.Purposes.Lookup(purpose)
	use := isUseOfData(purpose)
	switch {
	case !registered && !use:
		return noPurpose()
	case registered && !info.NeedsGrant:
		return fault.InvalidField("/purpose", "not_by_consent", "messages of this purpose need no consent, so there is nothing to agree to")
	case registered && channel == "":
		return fault.InvalidField("/channel", "required", "a consent to messages is for exactly one channel: email or sms")
	case use && channel != "":
		return fault.InvalidField("/channel", "not_for_use_of_data", "the consent to a use of data has no channel")
	}
	return nil
}

type textInput struct {
	ID string `path:"id" maxLength:"64" example:"txt_06gywnjy01xbs0938nkrkaydxw" doc:"The text."`
}

func checkTextID(id string) error {
	return checkID(vocab.ConsentTextPrefix, id, "consent_text_not_found", "there is no such consent text")
}

func (a *API) getText(ctx context.Context, in *textInput) (*reply[textView], error) {
	if err := checkTextID(in.ID); err != nil {
		return nil, err
	}
	t, err := a.Texts.Get(ctx, vocab.ConsentTextID(in.ID))
	if err != nil {
		return nil, err
	}
	return answer(textOf(t)), nil
}

type listTextsInput struct {
	Purpose string `query:"purpose" maxLength:"64" doc:"Of this purpose."`
	Channel string `query:"channel" enum:"email,sms,none" doc:"Of this channel; none for uses of data."`
	Status  string `query:"status" enum:"draft,published" doc:"Drafts or published versions; both if left out."`
}

func (a *API) listTexts(ctx context.Context, in *listTextsInput) (*reply[page[textView]], error) {
	f := TextFilter{Purpose: vocab.Purpose(in.Purpose), Drafts: in.Status != "published", Published: in.Status != "draft"}
	if in.Channel != "" {
		channel := vocab.Channel(in.Channel)
		if channel == "none" {
			channel = ""
		}
		f.Channel = &channel
	}
	list, err := a.Texts.Texts(ctx, f)
	if err != nil {
		return nil, err
	}
	return pageOf(list, len(list), nil, textOf), nil
}

type currentTextInput struct {
	Purpose string `query:"purpose" required:"true" maxLength:"64" example:"news.company" doc:"The purpose."`
	Channel string `query:"channel" enum:"email,sms" doc:"The channel; a use of data has none."`
}

func (a *API) currentText(ctx context.Context, in *currentTextInput) (*reply[textView], error) {
	versions, err := a.Texts.Versions(ctx, vocab.Purpose(in.Purpose), vocab.Channel(in.Channel))
	if err != nil {
		return nil, err
	}
	if len(versions) == 0 {
		return nil, fault.Missing("consent_text_not_found", "no consent text is published for this purpose and channel")
	}
	return answer(textOf(versions[0])), nil
}

type updateTextInput struct {
	ID   string `path:"id" maxLength:"64" example:"txt_06gywnjy01xbs0938nkrkaydxw" doc:"The draft."`
	Body struct {
		BIN           change[string]   `json:"bin,omitzero" doc:"The operator's business identification number, 12 digits."`
		Variants      changedVariants  `json:"variants,omitzero" doc:"The languages that change; null removes one."`
		ThirdParties  change[*bool]    `json:"third_parties,omitzero" doc:"Whether the data are given to anybody else."`
		CrossBorder   change[*bool]    `json:"covers_cross_border,omitzero" doc:"Whether who agrees agrees to a transfer abroad."`
		Countries     change[[]string] `json:"countries,omitzero" doc:"Where to (ISO 3166-1 alpha-2)."`
		OpenSources   change[*bool]    `json:"open_sources,omitzero" doc:"Whether the data are published where everybody can see them."`
		PolicyVersion change[string]   `json:"policy_version,omitzero" doc:"The version of the privacy policy that it goes with."`
		Material      change[bool]     `json:"material,omitzero" doc:"It says something else than the version before it."`
		Reason        change[string]   `json:"reason,omitzero" doc:"What was changed and why."`
	} `nameHint:"ConsentTextChanges"`
}

// changedVariants are the languages of a merge patch.
type changedVariants struct {
	Kazakh  change[*textVariantBody] `json:"kk,omitzero" doc:"In Kazakh."`
	Russian change[*textVariantBody] `json:"ru,omitzero" doc:"In Russian."`
	English change[*textVariantBody] `json:"en,omitzero" doc:"In English."`
}

func (a *API) updateText(ctx context.Context, in *updateTextInput) (*reply[textView], error) {
	if err := checkTextID(in.ID); err != nil {
		return nil, err
	}
	b := in.Body
	kept, err := a.Texts.Change(ctx, vocab.ConsentTextID(in.ID), func(t consent.Text) (consent.Text, error) {
		b.BIN.apply(&t.BIN)
		b.ThirdParties.apply(&t.ThirdParties)
		b.CrossBorder.apply(&t.CrossBorder)
		b.Countries.apply(&t.Countries)
		b.OpenSources.apply(&t.OpenSources)
		b.PolicyVersion.apply(&t.PolicyVersion)
		b.Material.apply(&t.Material)
		b.Reason.apply(&t.Reason)
		variants := map[vocab.Language]consent.TextVariant{}
		for lang, c := range map[vocab.Language]change[*textVariantBody]{
			vocab.Kazakh: b.Variants.Kazakh, vocab.Russian: b.Variants.Russian, vocab.English: b.Variants.English,
		} {
			variant, written := t.Variants[lang]
			if written && !c.Sent {
				variants[lang] = variant
			}
			if c.Value != nil {
				variants[lang] = consent.TextVariant(*c.Value)
			}
		}
		t.Variants = variants
		return t, t.CheckDraft()
	})
	if err != nil {
		return nil, err
	}
	return answer(textOf(kept)), nil
}

func (a *API) deleteText(ctx context.Context, in *textInput) (*struct{}, error) {
	if err := checkTextID(in.ID); err != nil {
		return nil, err
	}
	return nil, a.Texts.Drop(ctx, vocab.ConsentTextID(in.ID))
}

func (a *API) publishText(ctx context.Context, in *textInput) (*reply[textView], error) {
	if err := checkTextID(in.ID); err != nil {
		return nil, err
	}
	e := consent.Event{Source: consent.SourceAPI, ActorKind: consent.ActorAPIKey, ActorID: string(callerOf(ctx).ID), At: a.now()}
	t, err := a.Texts.Publish(ctx, vocab.ConsentTextID(in.ID), e, consent.Text.CheckPublish)
	if err != nil {
		return nil, err
	}
	return answer(textOf(t)), nil
}
