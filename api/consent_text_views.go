package api

import (
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// textView is a consent text.
type textView struct {
	ID            vocab.ConsentTextID        `json:"id" example:"txt_06gywnjy01xbs0938nkrkaydxw" doc:"The text."`
	Status        string                     `json:"status" enum:"draft,published" doc:"A published text never changes."`
	Purpose       vocab.Purpose              `json:"purpose" doc:"What for."`
	Channel       vocab.Channel              `json:"channel,omitempty" doc:"By what channel; a use of data has none."`
	Version       int                        `json:"version,omitempty" doc:"Of its purpose and channel: 1, 2, 3 …; a draft has none."`
	BIN           string                     `json:"bin,omitempty" doc:"The operator's business identification number."`
	Variants      map[string]textVariantView `json:"variants" nullable:"false" doc:"The words, by language."`
	ThirdParties  *bool                      `json:"third_parties,omitempty" doc:"Whether the data are given to anybody else; absent: nobody has said."`
	CrossBorder   *bool                      `json:"covers_cross_border,omitempty" doc:"Whether who agrees agrees to a transfer abroad."`
	Countries     []string                   `json:"countries,omitempty" nullable:"false" doc:"Where to (ISO 3166-1 alpha-2)."`
	OpenSources   *bool                      `json:"open_sources,omitempty" doc:"Whether the data are published where everybody can see them."`
	PolicyVersion string                     `json:"policy_version,omitempty" doc:"The version of the privacy policy that it goes with."`
	Material      bool                       `json:"material" doc:"It says something else than the version before it: grants on earlier versions are stale."`
	Reason        string                     `json:"reason,omitempty" doc:"What was changed and why."`
	CreatedAt     time.Time                  `json:"created_at" doc:"When the draft was made."`
	CreatedBy     string                     `json:"created_by,omitempty" doc:"By whom."`
	PublishedAt   time.Time                  `json:"published_at,omitzero" doc:"When it was published."`
	PublishedBy   string                     `json:"published_by,omitempty" doc:"By whom."`
}

// textVariantView is a consent text in one language.
type textVariantView struct {
	Hash         string   `json:"hash" doc:"Of the words in this language; give it as text_hash when they were agreed to."`
	Title        string   `json:"title" doc:"Its title."`
	Statement    string   `json:"statement" doc:"What is agreed to, beside the box."`
	Operator     string   `json:"operator" doc:"The operator's name."`
	Data         []string `json:"data" nullable:"false" doc:"The data that are collected."`
	Uses         string   `json:"uses" doc:"What the data are used for."`
	Actions      []string `json:"actions" nullable:"false" doc:"What is done with the data."`
	Term         string   `json:"term" doc:"For how long the consent is good."`
	ThirdParties string   `json:"third_parties" doc:"To whom the data are given, or that they are given to nobody."`
	CrossBorder  string   `json:"cross_border" doc:"Where abroad the data go, or that they stay in the country."`
	OpenSources  string   `json:"open_sources" doc:"What is published where everybody can see it, or that nothing is."`
	Withdrawal   string   `json:"withdrawal" doc:"How the consent is taken back."`
}

func textOf(t consent.Text) textView {
	view := textView{
		ID: t.ID, Status: "draft", Purpose: t.Purpose, Channel: t.Channel, Version: t.Version, BIN: t.BIN, Variants: map[string]textVariantView{},
		ThirdParties: t.ThirdParties, CrossBorder: t.CrossBorder, Countries: t.Countries, OpenSources: t.OpenSources, PolicyVersion: t.PolicyVersion,
		Material: t.Material, Reason: t.Reason, CreatedAt: t.CreatedAt.UTC(), CreatedBy: t.CreatedBy, PublishedAt: t.PublishedAt.UTC(),
		PublishedBy: t.PublishedBy,
	}
	if t.Published() {
		view.Status = "published"
	}
	for lang, v := range t.Variants {
		view.Variants[string(lang)] = textVariantView{
			t.Hash(lang), v.Title, v.Statement, v.Operator, orEmpty(v.Data), v.Uses, orEmpty(v.Actions), v.Term, v.ThirdParties, v.CrossBorder,
			v.OpenSources, v.Withdrawal,
		}
	}
	return view
}
