package sms

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/orleu/elshi/vocab"
)

// Keyword is what a text that somebody sends us asks for.
type Keyword string

// The keywords. Stop stops the address for all but security and breach; Help asks for an answer; Start lifts a stop and never
// revives a grant.
const (
	NoKeyword Keyword = ""
	Stop      Keyword = "stop"
	Help      Keyword = "help"
	Start     Keyword = "start"
)

// spelling is the words of a keyword in one language, as people write them.
type spelling struct {
	keyword  Keyword
	language vocab.Language
	words    []string
}

// spellings are Kazakh in Cyrillic and Latin script, Russian and English. No word looks the same in two of them.
var spellings = []spelling{
	{Stop, vocab.English, []string{"STOP", "STOPALL", "UNSUBSCRIBE"}},
	{Stop, vocab.Russian, []string{"СТОП", "ОТПИСАТЬСЯ", "ОТПИСКА", "ОТПИШИТЕ", "ОТКАЗ", "ОТКАЗАТЬСЯ"}},
	{Stop, vocab.Kazakh, []string{"ТОҚТАТ", "ТОҚТАТУ", "ТОҚТА", "БАС ТАРТУ", "БАС ТАРТАМЫН", "TOQTAT", "TOQTATU", "BAS TARTU"}},
	{Help, vocab.English, []string{"HELP", "INFO"}},
	{Help, vocab.Russian, []string{"ПОМОЩЬ", "ИНФО"}},
	{Help, vocab.Kazakh, []string{"КӨМЕК", "KÖMEK", "KOMEK"}},
	{Start, vocab.English, []string{"START", "UNSTOP"}},
	{Start, vocab.Russian, []string{"СТАРТ"}},
	{Start, vocab.Kazakh, []string{"БАСТАУ", "БАСТА", "BASTAU"}},
}

// fillers may stand around a Stop and change nothing: "Стоп рассылка, пожалуйста". They are ignored for Stop alone, because a
// wish to stop that is missed costs more than one that is read into a text; a Start must be said exactly.
var fillers = folded("SMS", "СМС", "РАССЫЛКА", "РАССЫЛКУ", "РАССЫЛКИ", "ОТ", "ALL", "ВСЕ", "ВСЁ", "PLEASE", "ПОЖАЛУЙСТА", "ӨТІНЕМІН", "ХАБАРЛАМА")

var keywords = foldedKeywords()

// MatchKeyword says which keyword a text is, if it is nothing else. Case, punctuation, spaces and accents do not matter, nor do
// look-alike letters: CТOП in any mixture of Latin, Cyrillic and Greek, ТОКТАТ typed without Kazakh letters, ST0P with a zero.
// The second answer is the language that the keyword is a word of (kk, ru or en), by which to answer somebody whose language nobody
// knows; empty without a keyword.
func MatchKeyword(text string) (Keyword, vocab.Language) {
	if len(text) > 1000 {
		return NoKeyword, "" // six parts of an SMS are a letter, not a command
	}
	if s, ok := keywords[fold(text)]; ok {
		return s.keyword, s.language
	}
	var rest strings.Builder
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == '.' || r == '!' }) {
		if f := fold(word); !fillers[f] {
			rest.WriteString(f)
		}
	}
	if s := keywords[rest.String()]; s.keyword == Stop {
		return s.keyword, s.language
	}
	return NoKeyword, ""
}

func foldedKeywords() map[string]spelling {
	all := map[string]spelling{}
	for _, s := range spellings {
		for _, word := range s.words {
			all[fold(word)] = s
		}
	}
	return all
}

func folded(words ...string) map[string]bool {
	set := map[string]bool{}
	for _, word := range words {
		set[fold(word)] = true
	}
	return set
}

// lookalikes maps capital letters to the Latin letter they look like, and Kazakh letters to what is typed without a Kazakh
// keyboard. Letters that look like no other stand for themselves.
var lookalikes = strings.NewReplacer(
	"А", "A", "В", "B", "Е", "E", "К", "K", "М", "M", "Н", "H", "О", "O", "Р", "P", "С", "C", "Т", "T", "У", "Y", "Х", "X",
	"І", "I", "Ѕ", "S", "Ј", "J", "Һ", "H", "Ү", "Y", "Ұ", "Y", "Қ", "K", "Ө", "O", "Ә", "A", "Ң", "H", "Ғ", "Г", "Ӏ", "I",
	"Α", "A", "Β", "B", "Ε", "E", "Ζ", "Z", "Η", "H", "Ι", "I", "Κ", "K", "Μ", "M", "Ν", "N", "Ο", "O", "Ρ", "P", "Τ", "T",
	"Υ", "Y", "Χ", "X", "Π", "П", "0", "O",
)

// fold reduces a text to its letters as they look: compatibility forms taken apart (full-width letters, Ё, Й), marks and
// everything that is no letter dropped, capitals, look-alikes joined.
func fold(text string) string {
	letters := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || r == '0' {
			return unicode.ToUpper(r)
		}
		return -1
	}, norm.NFKD.String(text))
	return lookalikes.Replace(letters)
}
