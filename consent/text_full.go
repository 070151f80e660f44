package consent

import (
	"strings"

	"github.com/orleu/elshi/vocab"
)

// textLabels name the parts of a text that follow its statement.
var textLabels = map[vocab.Language][9]string{
	vocab.Kazakh: {
		"Оператор", "БСН", "Деректер", "Мақсаты", "Деректермен жасалатын әрекеттер", "Мерзімі", "Үшінші тұлғалар", "Шет елге беру", "Жариялау",
	},
	vocab.Russian: {
		"Оператор", "БИН", "Данные", "Для чего", "Действия с данными", "Срок", "Третьи лица", "Передача за границу", "Публикация",
	},
	vocab.English: {
		"Operator", "BIN", "Data", "What for", "What is done with the data", "Term", "Third parties", "Transfer abroad", "Publication",
	},
}

// Full returns the words of a language but for the statement, a line for each part with its name: what stands below the box. It is "" if
// the text is not written in the language.
func (t Text) Full(lang vocab.Language) string {
	v, written := t.Variants[lang]
	if !written {
		return ""
	}
	l := textLabels[lang]
	parts := []string{
		v.Operator, t.BIN, strings.Join(v.Data, "; "), v.Uses, strings.Join(v.Actions, "; "), v.Term, v.ThirdParties, v.CrossBorder, v.OpenSources,
	}
	lines := []string{v.Title}
	for i, words := range parts {
		lines = append(lines, l[i]+": "+words)
	}
	return strings.Join(append(lines, v.Withdrawal), "\n")
}
