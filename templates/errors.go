package templates

import (
	"fmt"
	"strconv"
)

// MissingVariable says that a text prints or loops over a variable that the message does not have (absent or null). It
// carries no data of the message.
type MissingVariable struct {
	Name  string // dotted path, for example "data.event.place" or "data.articles[2].url"
	Field string // "subject", "preheader", "html", "text", "sms" or "calendar"
	Line  int    // line of that field's source, from 1; 0 for the calendar
}

// Error names the variable and the place that needs it.
func (e *MissingVariable) Error() string {
	return "missing variable " + e.Name + place(e.Field, e.Line)
}

// RenderError says that the data of one message does not make a text although nothing is missing: a link that is no link,
// a date that is no date, an output that grows too large. It never repeats a value, which may be personal data.
type RenderError struct {
	Code   string // bad_value, bad_url, bad_date, bad_calendar, empty, too_large, too_long_running or internal
	Field  string // "subject", "preheader", "html", "text", "sms" or "calendar"
	Line   int    // line of that field's source, from 1; 0 if the error is about the whole field
	Detail string // one sentence, naming variables and never their values
}

// Error returns the code, the sentence and the place.
func (e *RenderError) Error() string {
	return e.Code + ": " + e.Detail + place(e.Field, e.Line)
}

func place(field string, line int) string {
	switch {
	case field == "":
		return ""
	case line == 0:
		return " (" + field + ")"
	default:
		return " (" + field + " line " + strconv.Itoa(line) + ")"
	}
}

// located fills in the place of an error that was made where the place is not known.
func located(err error, field string, line int) error {
	switch e := err.(type) { //nolint:errorlint // these two are made in this package and never wrapped before they come here
	case *MissingVariable:
		return &MissingVariable{Name: e.Name, Field: field, Line: line}
	case *RenderError:
		return &RenderError{Code: e.Code, Field: field, Line: line, Detail: e.Detail}
	}
	return &RenderError{Code: "bad_value", Field: field, Line: line, Detail: err.Error()}
}

func badValue(format string, args ...any) error {
	return &RenderError{Code: "bad_value", Detail: fmt.Sprintf(format, args...)}
}

// problem is one thing wrong with a source.
type problem struct {
	line, column int
	code, detail string
}

func (p problem) sentence() string {
	if p.line == 0 {
		return p.detail
	}
	return fmt.Sprintf("line %d, column %d: %s", p.line, p.column, p.detail)
}
