package templates

import (
	"html"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/values"
)

// filter is one entry of the closed list. We bring our own instead of liquid's standard filters: those turn a missing
// variable into "", cut Kazakh letters in half, and can be made to panic or to build a regular expression from data.
type filter struct {
	minArgs, maxArgs int
	apply            func(s setting, v any, args []any) (any, error)
}

// setting is what a filter knows about the text it works in.
type setting struct {
	lang string // "kk", "ru", "en" or another primary tag
	zone *time.Location
	html bool
}

// filters is the closed list of filters; date, number and money are in date.go and number.go.
func filters() map[string]filter {
	return map[string]filter{
		"default":       {1, 1, func(_ setting, v any, _ []any) (any, error) { return v, nil }}, // see register
		"date":          {0, 1, dateFilter},
		"number":        {0, 1, numberFilter},
		"money":         {0, 1, moneyFilter},
		"append":        {1, 1, onText(func(s string, args []string) string { return s + args[0] })},
		"prepend":       {1, 1, onText(func(s string, args []string) string { return args[0] + s })},
		"upcase":        {0, 0, onText(func(s string, _ []string) string { return strings.ToUpper(s) })},
		"downcase":      {0, 0, onText(func(s string, _ []string) string { return strings.ToLower(s) })},
		"capitalize":    {0, 0, onText(func(s string, _ []string) string { return capitalize(s) })},
		"strip":         {0, 0, onText(func(s string, _ []string) string { return strings.TrimSpace(s) })},
		"strip_html":    {0, 0, onText(func(s string, _ []string) string { return html.UnescapeString(noMarkup().Sanitize(s)) })},
		"url_encode":    {0, 0, onText(func(s string, _ []string) string { return url.QueryEscape(s) })},
		"replace":       {2, 2, replaceFilter},
		"remove":        {1, 1, onText(func(s string, args []string) string { return strings.ReplaceAll(s, args[0], "") })},
		"truncate":      {1, 2, truncateFilter},
		"truncatewords": {1, 2, truncateWordsFilter},
		"newline_to_br": {0, 0, newlineFilter},
		"safe_html":     {0, 0, safeHTMLFilter},
		"split":         {1, 1, splitFilter},
		"join":          {0, 1, joinFilter},
		"first":         {0, 0, func(_ setting, v any, _ []any) (any, error) { return child(v, "first"), nil }},
		"last":          {0, 0, func(_ setting, v any, _ []any) (any, error) { return child(v, "last"), nil }},
		"size":          {0, 0, sizeFilter},
		"plus":          {1, 1, onNumbers(func(a, b float64) float64 { return a + b })},
		"minus":         {1, 1, onNumbers(func(a, b float64) float64 { return a - b })},
		"times":         {1, 1, onNumbers(func(a, b float64) float64 { return a * b })},
		"divided_by":    {1, 1, onNumbers(func(a, b float64) float64 { return a / b })},
		"modulo":        {1, 1, onNumbers(math.Mod)},
		"round":         {0, 1, roundFilter},
	}
}

// filterNames is the closed list for Validate.
var filterNames = sync.OnceValue(filters)

// register makes the filters known to liquid's evaluator, each with the rule about missing variables around it.
func register(s setting) expressions.Config {
	config := expressions.NewConfig()
	for name, f := range filters() {
		config.AddFilter(name, func(v any, args ...any) (any, error) {
			if len(args) < f.minArgs || len(args) > f.maxArgs {
				return nil, badValue("the filter %s takes %d to %d arguments", name, f.minArgs, f.maxArgs)
			}
			if name == "default" { // the only filter that may see a missing variable
				if truthy(v) {
					return v, nil
				}
				return args[0], missing(args[0])
			}
			for _, operand := range append([]any{v}, args...) {
				if err := missing(operand); err != nil {
					return nil, err
				}
				if operand == nil { // missing inside a condition: stays missing, and the condition is false
					return nil, nil
				}
			}
			if _, isRange := v.(values.Range); isRange {
				return nil, badValue("a range can only be looped over")
			}
			out, err := f.apply(s, plain(v), args)
			if t, ok := out.(string); ok && len(t) > maxOutput {
				return nil, &RenderError{Code: "too_large", Detail: "the filter " + name + " makes more than 1 MiB"}
			}
			return out, err
		})
	}
	return config
}

// missing returns the operand as an error if it is a missing variable.
func missing(operand any) error {
	if m, ok := operand.(*MissingVariable); ok {
		return m
	}
	return nil
}

func onText(change func(s string, args []string) string) func(setting, any, []any) (any, error) {
	return func(_ setting, v any, args []any) (any, error) {
		s, texts, err := allText(v, args)
		if err != nil {
			return nil, err
		}
		return change(s, texts), nil
	}
}

func allText(v any, args []any) (string, []string, error) {
	s, err := text(v)
	texts := make([]string, len(args))
	for i := 0; i < len(args) && err == nil; i++ {
		texts[i], err = text(args[i])
	}
	return s, texts, err
}

func capitalize(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToUpper(first)) + s[size:]
}

func replaceFilter(_ setting, v any, args []any) (any, error) {
	s, texts, err := allText(v, args)
	if err != nil {
		return nil, err
	}
	if texts[0] == "" || strings.Count(s, texts[0])*len(texts[1]) > maxOutput {
		return nil, badValue("replace needs a text to look for and must not make more than 1 MiB")
	}
	return strings.ReplaceAll(s, texts[0], texts[1]), nil
}

func truncateFilter(_ setting, v any, args []any) (any, error) {
	return shorten(v, args, func(s string, n int, ellipsis string) string {
		runes := []rune(s)
		keep := n - utf8.RuneCountInString(ellipsis)
		if len(runes) <= n {
			return s
		}
		return strings.TrimRightFunc(string(runes[:max(keep, 0)]), unicode.IsSpace) + ellipsis
	})
}

func truncateWordsFilter(_ setting, v any, args []any) (any, error) {
	return shorten(v, args, func(s string, n int, ellipsis string) string {
		words := strings.Fields(s)
		if len(words) <= n {
			return s
		}
		return strings.Join(words[:n], " ") + ellipsis
	})
}

func shorten(v any, args []any, cut func(s string, n int, ellipsis string) string) (any, error) {
	s, err := text(v)
	if err != nil {
		return nil, err
	}
	n, err := number(args[0])
	if err != nil {
		return nil, err
	}
	ellipsis := "…"
	if len(args) == 2 {
		if ellipsis, err = text(args[1]); err != nil {
			return nil, err
		}
	}
	return cut(s, int(min(max(n, 0), maxOutput)), ellipsis), nil
}

func splitFilter(_ setting, v any, args []any) (any, error) {
	s, texts, err := allText(v, args)
	if err != nil {
		return nil, err
	}
	items := []any{}
	for part := range strings.SplitSeq(s, texts[0]) {
		items = append(items, part)
	}
	return items, nil
}

func joinFilter(_ setting, v any, args []any) (any, error) {
	items := list(v)
	if items == nil {
		return nil, badValue("join works on lists")
	}
	separator := ", "
	if len(args) == 1 {
		var err error
		if separator, err = text(args[0]); err != nil {
			return nil, err
		}
	}
	var b strings.Builder
	for i, item := range items {
		s, err := text(item)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(s)
		if b.Len() > maxOutput {
			return nil, &RenderError{Code: "too_large", Detail: "join makes more than 1 MiB"}
		}
	}
	return b.String(), nil
}

func sizeFilter(_ setting, v any, _ []any) (any, error) {
	if n := child(v, "size"); n != nil {
		return n, nil
	}
	return nil, badValue("only texts and lists have a size")
}

func onNumbers(compute func(a, b float64) float64) func(setting, any, []any) (any, error) {
	return func(_ setting, v any, args []any) (any, error) {
		a, err := number(v)
		if err != nil {
			return nil, err
		}
		b, err := number(args[0])
		if err != nil {
			return nil, err
		}
		return finite(compute(a, b))
	}
}

func roundFilter(_ setting, v any, args []any) (any, error) {
	n, err := number(v)
	if err != nil {
		return nil, err
	}
	scale := 1.0
	if len(args) == 1 {
		places, err := number(args[0])
		if err != nil {
			return nil, err
		}
		scale = math.Pow10(int(min(max(places, 0), 9)))
	}
	return finite(math.Round(n*scale) / scale)
}

func finite(n float64) (any, error) {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return nil, badValue("the result is not a number")
	}
	if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
		return int(n), nil
	}
	return n, nil
}

// number reads a number or a text that is one.
func number(v any) (float64, error) {
	switch n := plain(v).(type) {
	case int:
		return float64(n), nil
	case float64:
		return n, nil
	case string:
		if f, err := strconv.ParseFloat(n, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
	}
	return 0, badValue("a number is needed")
}

// known says whether a filter exists.
func known(name string) bool {
	_, ok := filterNames()[name]
	return ok
}

// knownFilters lists the filters for an error message.
func knownFilters() string {
	names := make([]string, 0, len(filterNames()))
	for name := range filterNames() {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
