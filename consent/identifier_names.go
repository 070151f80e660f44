package consent

import (
	"strings"
	"unicode"
)

// asking are the names that ask for an identifier, folded and without separators. One of a single word is found as any
// word of a name ("contact_iin"), one of several as any words in a row ("user.home_address").
var asking = []struct {
	kind  Identifier
	names []string
}{
	{IdentifierIIN, []string{
		"iin", "иин", "жсн", "individual identification number", "индивидуальный идентификационный номер",
		"жеке сәйкестендіру нөмірі", "national id", "personal id number", "jsn", "zhsn", "identity number", "individual id",
	}},
	{IdentifierDocument, []string{
		"passport", "паспорт", "төлқұжат", "паспортные данные", "номер паспорта", "төлқұжат нөмірі",
		"id card", "identity card", "удостоверение личности", "номер удостоверения", "жеке куәлік", "document number",
		"document no", "doc number", "номер документа", "құжат нөмірі",
	}},
	{IdentifierHomeAddress, []string{
		"home address", "residential address", "address of residence", "домашний адрес", "адрес проживания",
		"адрес прописки", "адрес места жительства", "үй мекенжайы", "тұрғылықты мекенжайы", "тұратын мекенжайы",
	}},
}

// askingFolded is asking in the form that nameAsks compares: every word between spaces.
var askingFolded = func() map[string]Identifier {
	folded := map[string]Identifier{}
	for _, a := range asking {
		for _, name := range a.names {
			folded[strings.Join(words(name), " ")] = a.kind
			folded[strings.Join(words(name), "")] = a.kind // "homeaddress"
		}
	}
	return folded
}()

// nameAsks says whether the name of a field, column or merge field asks for an identifier.
func nameAsks(name string) (Identifier, bool) {
	said := words(fold(name))
	if kind, forbidden := askingFolded[strings.Join(said, "")]; forbidden { // "p_a_s_s_p_o_r_t"
		return kind, true
	}
	for start := range said {
		phrase, joined := "", ""
		for _, word := range said[start:min(start+4, len(said))] {
			phrase, joined = phrase+word, joined+word
			if kind, forbidden := askingFolded[phrase]; forbidden {
				return kind, true
			}
			if kind, forbidden := askingFolded[joined]; forbidden { // "contact_i_i_n"
				return kind, true
			}
			phrase += " "
		}
	}
	return "", false
}

// words splits a name at separators and at the humps of camelCase, and folds each word: lower case, й as и and ё as е
// (files from some systems write these letters in two pieces), no combining marks.
func words(name string) (all []string) {
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			all = append(all, word.String())
			word.Reset()
		}
	}
	letters := []rune(name)
	for i, r := range letters {
		switch {
		case unicode.Is(unicode.Mn, r):
			continue
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
			continue
		case unicode.IsUpper(r) && i > 0:
			afterLower := unicode.IsLower(letters[i-1])
			lastOfAcronym := unicode.IsUpper(letters[i-1]) && i+1 < len(letters) && unicode.IsLower(letters[i+1])
			if afterLower || lastOfAcronym {
				end()
			}
		}
		word.WriteRune(foldRune(r))
	}
	end()
	return all
}

func foldRune(r rune) rune {
	switch lower := unicode.ToLower(r); lower {
	case 'й':
		return 'и'
	case 'ё':
		return 'е'
	default:
		return lower
	}
}
