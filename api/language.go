package api

import (
	"slices"

	"golang.org/x/text/language"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// sentenceLanguage is the language of sentences in an answer: ?lang= if given, else the first of Accept-Language (RFC 9110) that our own
// sentences are written in, else kk.
func sentenceLanguage(lang, accept string) vocab.Language {
	if lang == "" {
		lang = accept
	}
	wanted, _, err := language.ParseAcceptLanguage(lang) // sorted by preference
	if err != nil {
		return vocab.Kazakh
	}
	for _, tag := range wanted {
		base, _ := tag.Base()
		if spoken := vocab.Language(base.String()); slices.Contains(vocab.Languages(), spoken) {
			return spoken
		}
	}
	return vocab.Kazakh
}

// reasonView is a reason with its sentence.
type reasonView struct {
	Code     consent.Reason `json:"code" example:"consent_withdrawn" doc:"The reason, of a closed list."`
	Sentence string         `json:"sentence" example:"The recipient has withdrawn consent." doc:"The same for people, in the language asked for."`
}

func reasonOf(r consent.Reason, lang vocab.Language) reasonView {
	return reasonView{r, r.Sentence(lang)}
}

func reasonsOf(list []consent.Reason, lang vocab.Language) []reasonView {
	views := make([]reasonView, len(list))
	for i, r := range list {
		views[i] = reasonOf(r, lang)
	}
	return views
}
