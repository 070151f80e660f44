package public

import (
	"fmt"
	"maps"

	"github.com/orleu/elshi/vocab"
)

// text is one text in the languages of the pages. With %s it takes values, in each language in the same order.
type text struct{ kk, ru, en string }

// plural is one text about a number (%d). Russian has three forms, English two, Kazakh one (Unicode CLDR, cardinal rules).
type plural struct {
	kk string
	ru [3]string // 1, 2–4, 5–20
	en [2]string // 1, other
}

// say returns a text that takes no values. A key that does not exist is shown as it is; a test looks for such keys.
func say(lang vocab.Language, key string) string {
	t, known := words[key]
	if !known {
		return key
	}
	return t.in(lang)
}

// sayWith is say for views: an unknown key stops the page.
func sayWith(lang vocab.Language, key string, args ...any) (string, error) {
	t, known := words[key]
	if !known {
		return "", fmt.Errorf("no text %q", key)
	}
	if len(args) == 0 {
		return t.in(lang), nil
	}
	return fmt.Sprintf(t.in(lang), args...), nil
}

func (t text) in(lang vocab.Language) string {
	switch lang {
	case vocab.Russian:
		return t.ru
	case vocab.English:
		return t.en
	case vocab.Kazakh:
	}
	return t.kk
}

// counted returns a text about n things in the form that n asks for.
func counted(lang vocab.Language, key string, n int) (string, error) {
	t, known := plurals[key]
	if !known {
		return "", fmt.Errorf("no counted text %q", key)
	}
	form := t.kk
	switch lang {
	case vocab.Russian:
		form = t.ru[russianForm(n)]
	case vocab.English:
		form = t.en[1]
		if n == 1 {
			form = t.en[0]
		}
	case vocab.Kazakh:
	}
	return fmt.Sprintf(form, n), nil
}

func russianForm(n int) int {
	switch ones, tens := n%10, n%100; {
	case ones == 1 && tens != 11:
		return 0
	case ones >= 2 && ones <= 4 && (tens < 12 || tens > 14):
		return 1
	default:
		return 2
	}
}

// merge makes one list of texts of several.
func merge(all ...map[string]text) map[string]text {
	one := map[string]text{}
	for _, words := range all {
		maps.Copy(one, words)
	}
	return one
}
