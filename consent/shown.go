package consent

import (
	"fmt"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Shown is what somebody says about the words that a contact was shown: the version, the hash, or both.
type Shown struct {
	Version  int            // 0: not said
	Hash     string         // "": not said
	Language vocab.Language // "": not said; a hash tells it
}

// Find returns the published text that was shown, among the versions for its purpose and channel, and what was shown in full. Nothing was
// shown if neither version nor hash is said. The error is an Invalid fault with the pointers "/text_version", "/text_hash" and "/language":
// the version is unknown, the words of the hash are not its words, or it does not follow in which language they were shown.
func (s Shown) Find(versions []Text) (Text, Shown, error) {
	var found Text
	for _, t := range versions {
		lang, matches := t.LanguageOf(s.Hash)
		named := s.Version == t.Version || s.Version == 0 && matches
		if !t.Published() || !named || t.Version < found.Version {
			continue
		}
		found = t
		if matches && s.Language == "" {
			s.Language = lang
		}
	}
	switch {
	case !found.Published() && s.Version > 0:
		return found, s, fault.InvalidField("/text_version", "text_unknown", "no such version of the consent text is published for this purpose and channel")
	case !found.Published():
		return found, s, fault.InvalidField("/text_hash", "text_unknown", "this is not the hash of a consent text that is published for this purpose and channel")
	case s.Language == "" && s.Hash == "":
		return found, s, fault.InvalidField("/language", "required", "say in which language the text was shown: kk, ru or en")
	}
	lang, known := spoken(s.Language)
	hash := found.Hash(lang)
	switch {
	case s.Language != "" && !known:
		return found, s, fault.InvalidField("/language", "language", "the consent text is published in kk, ru and en")
	case s.Hash != "" && s.Hash != hash:
		return found, s, fault.InvalidField("/text_hash", "text_mismatch",
			fmt.Sprintf("these are not the words of version %d in this language; see GET /v1/consent-texts/current", found.Version))
	}
	s.Version, s.Hash, s.Language = found.Version, hash, lang
	return found, s, nil
}

// spoken returns the language of the texts that a tag such as "ru-KZ" stands for.
func spoken(tag vocab.Language) (vocab.Language, bool) {
	for _, lang := range vocab.Languages() {
		if tag == lang || len(tag) > 2 && tag[:2] == lang && tag[2] == '-' {
			return lang, true
		}
	}
	return "", false
}

// Outdated says whether a later one of the versions says something else: whoever agreed to the text is asked again.
func (t Text) Outdated(versions []Text) bool {
	for _, later := range versions {
		if later.Material && later.Version > t.Version && later.Purpose == t.Purpose && later.Channel == t.Channel {
			return true
		}
	}
	return false
}
