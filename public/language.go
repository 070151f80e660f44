package public

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/orleu/elshi/vocab"
)

// language chooses the language of a page: what the reader picked (?lang=), then the message's, then what the browser asks for
// (Accept-Language, RFC 9110 section 12.5.4), then Kazakh.
func language(r *http.Request, message vocab.Language) vocab.Language {
	if lang, spoken := spokenHere(r.URL.Query().Get("lang")); spoken {
		return lang
	}
	if lang, spoken := spokenHere(string(message)); spoken {
		return lang
	}
	if lang, spoken := accepted(strings.Join(r.Header.Values("Accept-Language"), ",")); spoken {
		return lang
	}
	return vocab.Kazakh
}

// picked returns the query that keeps a choice of language from page to page: "?lang=ru", or "" if the reader made none.
func picked(r *http.Request) string {
	if lang, spoken := spokenHere(r.URL.Query().Get("lang")); spoken {
		return "?lang=" + string(lang)
	}
	return ""
}

// spokenHere returns the language of Elshi that a BCP 47 tag such as "ru-KZ" stands for.
func spokenHere(tag string) (vocab.Language, bool) {
	base, _, _ := strings.Cut(strings.TrimSpace(tag), "-")
	lang := vocab.Language(strings.ToLower(base))
	return lang, slices.Contains(vocab.Languages(), lang)
}

// accepted returns the language spoken here with the highest weight; the first of equals wins.
func accepted(header string) (best vocab.Language, found bool) {
	weight := 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(part, ";")
		q := 1.0
		if value, weighted := strings.CutPrefix(strings.TrimSpace(params), "q="); weighted {
			parsed, err := strconv.ParseFloat(value, 64)
			if err != nil {
				continue
			}
			q = parsed
		}
		if lang, spoken := spokenHere(tag); spoken && q > weight && q <= 1 {
			best, found, weight = lang, true, q
		}
	}
	return best, found
}

// inLanguage returns a text in the language, or in the first of kk, ru, en that there is.
func inLanguage(texts map[vocab.Language]string, lang vocab.Language) string {
	for _, l := range append([]vocab.Language{lang}, vocab.Languages()...) {
		if texts[l] != "" {
			return texts[l]
		}
	}
	return ""
}
