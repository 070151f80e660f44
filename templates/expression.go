package templates

import (
	"fmt"
	"slices"
	"strings"

	"github.com/osteele/liquid/expressions"
)

// maxExpression bounds one {{ … }} or tag, in bytes: with maxFilters it bounds the work that one node can do.
const (
	maxExpression = 1000
	maxFilters    = 16
)

type wordKind int

const (
	identWord   wordKind = iota // a variable, a filter after "|", or an operator such as "and"
	keyWord                     // an identifier with a colon: a filter with arguments, or a loop modifier
	propWord                    // ".name"
	stringWord                  // a literal, without its quotes
	numberWord                  // a literal
	operandWord                 // any other character
)

type word struct {
	kind wordKind
	text string
}

// lex splits an expression the way liquid's own scanner does. We need the words because liquid compiles expressions to
// closures: names, filters and typos could not be seen before somebody's message is being rendered.
func lex(source string) ([]word, error) {
	if len(source) > maxExpression {
		return nil, fmt.Errorf("an expression of more than %d bytes", maxExpression)
	}
	var words []word
	for i := 0; i < len(source); {
		c := source[i]
		start := i
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '"' || c == '\'':
			length := strings.IndexByte(source[i+1:], c)
			if length < 0 {
				return nil, fmt.Errorf("a quote %c without its end", c)
			}
			words = append(words, word{stringWord, source[i+1 : i+1+length]})
			i += length + 2
		case isDigit(c) || c == '-' && i+1 < len(source) && isDigit(source[i+1]):
			for i++; i < len(source) && isDigit(source[i]); i++ {
			}
			if i+1 < len(source) && source[i] == '.' && isDigit(source[i+1]) {
				for i++; i < len(source) && isDigit(source[i]); i++ {
				}
			}
			if i-start > 15 {
				return nil, fmt.Errorf("a number of more than 15 characters")
			}
			words = append(words, word{numberWord, source[start:i]})
		case isLetter(c):
			i = identEnd(source, i)
			kind := identWord
			text := source[start:i]
			if i < len(source) && source[i] == ':' {
				kind = keyWord
				i++
			}
			words = append(words, word{kind, text})
		case c == '.' && i+1 < len(source) && isLetter(source[i+1]):
			i = identEnd(source, i+1)
			words = append(words, word{propWord, source[start+1 : i]})
		case strings.IndexByte("|,()[]<>=!.", c) >= 0:
			i++
			words = append(words, word{operandWord, string(c)})
		default:
			return nil, fmt.Errorf("unexpected %q", firstRune(source[i:]))
		}
	}
	return words, nil
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }

func identEnd(source string, i int) int {
	for i < len(source) && (isLetter(source[i]) || isDigit(source[i]) || source[i] == '-') {
		i++
	}
	if i < len(source) && source[i] == '?' {
		i++
	}
	return i
}

// expr is a compiled expression and what can be known about it beforehand.
type expr struct {
	eval  expressions.Expression
	text  string   // its source, for errors
	paths []string // variables it reads, for example "data.event.title", "a.tags[]"
	plain string   // its only variable, if it is nothing but that; else ""
	keys  []string // the parts of plain
	root  int      // place of keys[0] in roots; -1: it is bound by the text
}

// operators are words that are no variables.
var operators = []string{"and", "or", "contains", "in", "true", "false", "nil"}

// facts returns the variables and filters of an expression.
func facts(words []word) (paths, filters []string) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		afterBar := i > 0 && words[i-1].kind == operandWord && words[i-1].text == "|"
		switch {
		case afterBar && (w.kind == identWord || w.kind == keyWord):
			filters = append(filters, w.text)
		case w.kind == identWord && !slices.Contains(operators, w.text):
			path, length := pathOf(words[i:])
			paths = append(paths, path)
			i += length - 1
		}
	}
	return paths, filters
}

// pathOf reads the variable that words begin with, and how many words it takes.
func pathOf(words []word) (path string, length int) {
	var b strings.Builder
	b.WriteString(words[0].text)
	for length = 1; length < len(words); {
		rest := words[length:]
		if rest[0].kind == propWord {
			b.WriteString("." + rest[0].text)
			length++
			continue
		}
		if rest[0] != (word{operandWord, "["}) {
			break
		}
		if len(rest) < 3 || rest[2] != (word{operandWord, "]"}) || rest[1].kind == identWord {
			b.WriteString("[]") // a computed index; whoever reads on reads its own variables
			break
		}
		if rest[1].kind == stringWord {
			b.WriteString("." + rest[1].text)
		} else {
			b.WriteString("[]")
		}
		length += 3
	}
	return b.String(), length
}

// isPlain says whether the words are one variable and nothing else.
func isPlain(words []word) bool {
	if len(words) == 0 || words[0].kind != identWord || slices.Contains(operators, words[0].text) {
		return false
	}
	for _, w := range words[1:] {
		if w.kind != propWord {
			return false
		}
	}
	return true
}
