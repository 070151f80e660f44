package consent

import (
	"strconv"

	"github.com/orleu/elshi/vocab"
)

// textDomain begins what is hashed of a consent text; see eventDomainV2.
const textDomain = "elshi consent text v1"

// Hash returns the hash of the words that are shown in a language: "v1:" and the hexadecimal SHA-256 over the domain "elshi consent text
// v1", purpose, channel, language, BIN, and then every field of the variant in the order of its declaration; of a list first how many
// entries it has, in decimal, and then each. Everything is written as its length in bytes (4 bytes, big-endian) and its UTF-8 bytes, as it
// is kept: nothing is trimmed or normalised. It is "" if the text is not written in the language. The number of the version is not part of
// it: a hash says which words were shown, wherever they stand.
func (t Text) Hash(lang vocab.Language) string {
	variant, written := t.Variants[lang]
	if !written {
		return ""
	}
	fields := []string{textDomain, string(t.Purpose), string(t.Channel), string(lang), t.BIN}
	for _, p := range variant.parts() {
		if p.list {
			fields = append(fields, strconv.Itoa(len(p.words)))
		}
		fields = append(fields, p.words...)
	}
	return prefixV1 + digest(fields...)
}

// LanguageOf returns the language whose words have the hash, and false if none have.
func (t Text) LanguageOf(hash string) (vocab.Language, bool) {
	for _, lang := range vocab.Languages() {
		if hash != "" && t.Hash(lang) == hash {
			return lang, true
		}
	}
	return "", false
}
