package sms

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// request is a compiled Request.
type request struct {
	method  string
	path    template
	headers []field
	form    []field
	json    any // strings are templates
	text    *template
}

type field struct {
	name  string
	value template
}

// wire is a request with its values in place, ready to be sent.
type wire struct {
	method string
	url    string
	header http.Header
	body   string
}

// credentialName are names of query fields that hold a credential whatever their value is.
var credentialName = regexp.MustCompile(`(?i)^(?:api[-_]?)?key$|token|pass|pwd|psw|secret|^auth|^user|^login`)

// compileRequest returns every problem of the template at once.
func compileRequest(r Request, methods, names []string, secrets map[string]Secret, used map[string]bool) (*request, error) {
	c := &request{method: r.Method}
	if c.method == "" {
		c.method = http.MethodPost
	}
	var problems []error
	if !slices.Contains(methods, c.method) {
		problems = append(problems, fmt.Errorf("method %q: want one of %s", c.method, strings.Join(methods, ", ")))
	}
	compile := func(where, text string) template {
		t, err := compileTemplate(text, names, secrets, used)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", where, err))
		}
		return t
	}

	c.path = compile("path", r.Path)
	problems = append(problems, checkPath(r.Path, c.path))
	for _, h := range r.Headers {
		name := textproto.CanonicalMIMEHeaderKey(h.Name)
		if name == "Idempotency-Key" || name == "X-Idempotency-Key" {
			// net/http takes it as leave to send the request again by itself.
			problems = append(problems, fmt.Errorf("header %s: put {id} in the body instead", name))
		}
		c.headers = append(c.headers, field{name, compile("header "+name, h.Value)})
	}
	for _, f := range r.Form {
		c.form = append(c.form, field{f.Name, compile("form field "+f.Name, f.Value)})
	}
	bodies := 0
	if len(r.Form) > 0 {
		bodies++
	}
	if r.Text != "" {
		bodies++
		t := compile("text", r.Text)
		c.text = &t
	}
	if r.JSON != "" {
		bodies++
		if err := json.Unmarshal([]byte(r.JSON), &c.json); err != nil {
			problems = append(problems, fmt.Errorf("json: %w", err))
		}
		c.json = mapStrings(c.json, func(s string) any { return compile("json", s) })
	}
	if wantsBody := c.method != http.MethodGet; bodies > 1 || wantsBody != (bodies == 1) {
		problems = append(problems, errors.New("body: want exactly one of form, json and text, and none with GET"))
	}
	return c, errors.Join(problems...)
}

// checkPath keeps addresses, texts and credentials out of access logs.
func checkPath(raw string, path template) error {
	if !strings.HasPrefix(raw, "/") {
		return errors.New("path: must start with /")
	}
	if path.secrets {
		return errors.New("path: a credential goes into a header or the body, never into a URL")
	}
	for _, p := range path.parts {
		if p.name != "" && p.name != "id" && p.name != "refs" {
			return fmt.Errorf("path: {%s} goes into a header or the body; a URL may name only {id} and {refs}", p.name)
		}
	}
	_, rawQuery, _ := strings.Cut(raw, "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return errors.New("path: the query is malformed")
	}
	for name := range query {
		if credentialName.MatchString(name) {
			return fmt.Errorf("path: query field %q looks like a credential, which goes into a header or the body", name)
		}
	}
	return nil
}

// bodyNames says whether the body names a placeholder.
func (r *request) bodyNames(name string) bool {
	found := r.text != nil && r.text.names(name)
	for _, f := range r.form {
		found = found || f.value.names(name)
	}
	walkTemplates(r.json, func(t template) { found = found || t.names(name) })
	return found
}

func (r *request) headerNames(name string) bool {
	return slices.ContainsFunc(r.headers, func(f field) bool { return f.value.names(name) })
}

// fill puts the values in, each encoded for its place. refs is for Poll; other values come from v.
func (r *request) fill(base string, v values, refs []string) (wire, error) {
	v["refs"] = strings.Join(refs, ",")
	path, _ := r.path.render(v, escapeURL)
	w := wire{method: r.method, url: base + path, header: http.Header{"User-Agent": {"Elshi"}}}
	for _, h := range r.headers {
		value, complete := h.value.render(v, asIs)
		if strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return wire{}, fmt.Errorf("header %s has a control character", h.name)
		}
		if complete {
			w.header.Set(h.name, value)
		}
	}
	contentType := ""
	switch {
	case r.text != nil:
		contentType = "text/plain; charset=UTF-8"
		w.body, _ = r.text.render(v, asIs)
	case r.json != nil:
		contentType = "application/json"
		text, err := json.Marshal(fillJSON(r.json, v, refs))
		if err != nil {
			return wire{}, fmt.Errorf("body: %w", err)
		}
		w.body = string(text)
	case len(r.form) > 0:
		contentType = "application/x-www-form-urlencoded"
		w.body = r.fillForm(v, refs)
	}
	if contentType != "" && w.header.Get("Content-Type") == "" {
		w.header.Set("Content-Type", contentType)
	}
	return w, nil
}

// escapeURL is right both in a path and in a query.
func escapeURL(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func (r *request) fillForm(v values, refs []string) string {
	form := url.Values{}
	for _, f := range r.form {
		if f.value.is("refs") {
			form[f.name] = append(form[f.name], refs...)
		} else if value, complete := f.value.render(v, asIs); complete {
			form.Add(f.name, value)
		}
	}
	return form.Encode()
}

func fillJSON(node any, v values, refs []string) any {
	switch n := node.(type) {
	case template:
		if n.is("refs") {
			return refs
		}
		text, _ := n.render(v, asIs) // json.Marshal escapes it
		return text
	case map[string]any:
		filled := make(map[string]any, len(n))
		for name, child := range n {
			filled[name] = fillJSON(child, v, refs)
		}
		return filled
	case []any:
		filled := make([]any, len(n))
		for i, child := range n {
			filled[i] = fillJSON(child, v, refs)
		}
		return filled
	}
	return node
}

// mapStrings replaces every string of a JSON value, except member names.
func mapStrings(node any, replace func(string) any) any {
	switch n := node.(type) {
	case string:
		return replace(n)
	case map[string]any:
		for name, child := range n {
			n[name] = mapStrings(child, replace)
		}
	case []any:
		for i, child := range n {
			n[i] = mapStrings(child, replace)
		}
	}
	return node
}

func walkTemplates(node any, visit func(template)) {
	switch n := node.(type) {
	case template:
		visit(n)
	case map[string]any:
		for _, child := range n {
			walkTemplates(child, visit)
		}
	case []any:
		for _, child := range n {
			walkTemplates(child, visit)
		}
	}
}
