package api

import (
	"golang.org/x/text/language"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// spoken matches what a reader prefers with the languages of our own sentences; Kazakh, the first, is the fallback.
var spoken = language.NewMatcher([]language.Tag{language.Kazakh, language.Russian, language.English})

// sentenceLanguage is the language of sentences in an answer: ?lang= if given, else the best of Accept-Language (RFC 9110).
func sentenceLanguage(lang, accept string) vocab.Language {
	if lang == "" {
		lang = accept
	}
	wanted, _, err := language.ParseAcceptLanguage(lang)
	if err != nil {
		return vocab.Kazakh
	}
	_, i, _ := spoken.Match(wanted...)
	return vocab.Languages()[i]
}

// reasonView is a reason with its sentence.
type reasonView struct {
	Code     consent.Reason `json:"code" example:"consent_withdrawn" doc:"The reason, of a closed list."`
	Sentence string         `json:"sentence" example:"The recipient has withdrawn consent." doc:"The same for people, in the language asked for."`
}

func reasonOf(r consent.Reason, lang vocab.Language) reasonView { return reasonView{r, r.Sentence(lang)} }

func reasonsOf(list []consent.Reason, lang vocab.Language) []reasonView {
	views := make([]reasonView, len(list))
	for i, r := range list {
		views[i] = reasonOf(r, lang)
	}
	return views
}
