package sms

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Selector finds one value in an answer or a callback:
//
//	json:data.messageId   a path of member names and array indexes; strings, numbers and booleans are values
//	text:^(\d+):          a regular expression (RE2) on the body; its first group that is not empty, else the whole match
//	form:status           a field of a form body, or of the query when it is not in the body
//	query:id              a field of the query
//	header:X-Event        a header field
type Selector string

type selector struct {
	kind, name string
	path       []string
	pattern    *regexp.Regexp
}

// compile returns nil for an empty Selector, which finds nothing.
func (s Selector) compile() (*selector, error) {
	if s == "" {
		return nil, nil
	}
	kind, name, found := strings.Cut(string(s), ":")
	c := &selector{kind: kind, name: name}
	if !found || name == "" && kind != "json" {
		return nil, fmt.Errorf("selector %q: want json:, text:, form:, query: or header: and a name", string(s))
	}
	switch kind {
	case "json":
		if name != "" {
			c.path = strings.Split(name, ".")
		}
	case "text":
		pattern, err := regexp.Compile(name)
		if err != nil {
			return nil, fmt.Errorf("selector %q: %w", string(s), err)
		}
		c.pattern = pattern
	case "form", "query", "header":
	default:
		return nil, fmt.Errorf("selector %q: want json:, text:, form:, query: or header: and a name", string(s))
	}
	return c, nil
}

// slot is where a compiled Selector goes.
type slot struct {
	from Selector
	to   **selector
}

func compileAll(slots ...slot) error {
	var problems []error
	for _, s := range slots {
		compiled, err := s.from.compile()
		*s.to = compiled
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// document is what selectors look at.
type document struct {
	body   []byte
	json   any // nil when the body is no JSON
	form   url.Values
	query  url.Values
	header http.Header
}

// newDocument reads a body as whatever it can be read as; a body that is nothing of that is still text.
func newDocument(header http.Header, query url.Values, body []byte) document {
	d := document{body: body, query: query, header: header}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber() // ids have more digits than a float64
	if err := decoder.Decode(&d.json); err != nil {
		d.json = nil
	}
	if strings.HasPrefix(header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if form, err := url.ParseQuery(string(body)); err == nil {
			d.form = form
		}
	}
	return d
}

// find returns the value and whether there is one; an empty value is none.
func (s *selector) find(d document) (string, bool) {
	if s == nil {
		return "", false
	}
	var value string
	switch s.kind {
	case "json":
		value = scalar(walk(d.json, s.path))
	case "text":
		value = match(s.pattern, d.body)
	case "form":
		if value = d.form.Get(s.name); value == "" {
			value = d.query.Get(s.name)
		}
	case "query":
		value = d.query.Get(s.name)
	case "header":
		value = d.header.Get(s.name)
	}
	return value, value != ""
}

// each returns a document for every element of the array that s finds; without s, the document itself.
func (s *selector) each(d document) []document {
	if s == nil {
		return []document{d}
	}
	items, ok := walk(d.json, s.path).([]any)
	if !ok {
		return nil
	}
	documents := make([]document, len(items))
	for i, item := range items {
		documents[i] = d
		documents[i].json = item
	}
	return documents
}

func walk(value any, path []string) any {
	for _, name := range path {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

func scalar(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func match(pattern *regexp.Regexp, body []byte) string {
	groups := pattern.FindSubmatch(body)
	if groups == nil {
		return ""
	}
	for _, group := range groups[1:] {
		if len(group) > 0 {
			return string(group)
		}
	}
	return string(groups[0])
}
