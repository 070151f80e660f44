package api

import (
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2/validation"
)

// The messages of the schema validator that are made from the schema alone, and what we call them. Matching text is the only way: the
// validator has no codes. A message that is not listed is answered with a sentence of our own.
var shapeMessages = []struct{ message, code string }{
	{validation.MsgUnexpectedProperty, "unknown_field"},
	{validation.MsgExpectedRequiredProperty, "required"},
	{"required path parameter is missing", "required"},
	{"required query parameter is missing", "required"},
	{"required header parameter is missing", "required"},
	{"unknown query parameter", "unknown_parameter"},
	{validation.MsgExpectedRFC3339DateTime, "date_time"},
	{validation.MsgExpectedBoolean, "type"},
	{validation.MsgExpectedNumber, "type"},
	{validation.MsgExpectedInteger, "type"},
	{validation.MsgExpectedString, "type"},
	{validation.MsgExpectedArray, "type"},
	{validation.MsgExpectedObject, "type"},
	{"invalid integer", "type"},
	{"invalid boolean", "type"},
	{validation.MsgExpectedBase64String, "base64"},
	{validation.MsgExpectedOneOf, "one_of"},
	{validation.MsgExpectedMinimumNumber, "range"},
	{validation.MsgExpectedMaximumNumber, "range"},
	{validation.MsgExpectedMinLength, "length"},
	{validation.MsgExpectedMaxLength, "length"},
	{validation.MsgExpectedMinItems, "length"},
	{validation.MsgExpectedMaxItems, "length"},
	{validation.MsgExpectedMatchPattern, "pattern"},
}

// shapeCode returns our code for a message of the validator, and the sentence that is shown.
func shapeCode(message string) (code, detail string) {
	for _, m := range shapeMessages {
		prefix, _, exactly := strings.Cut(m.message, "%")
		if message == m.message || exactly && strings.HasPrefix(message, prefix) {
			if m.code == "unknown_field" {
				return m.code, "there is no such field"
			}
			return m.code, message
		}
	}
	if strings.HasPrefix(message, "invalid date/time for format") {
		return "date_time", "want an RFC 3339 time such as 2026-11-22T09:00:00Z"
	}
	return "invalid", "this is not valid"
}

// missingProperty returns the property that a message says is missing.
func missingProperty(message string) (string, bool) {
	before, after, _ := strings.Cut(validation.MsgExpectedRequiredProperty, "%s")
	name, found := strings.CutPrefix(message, before)
	if !found {
		return "", false
	}
	return strings.CutSuffix(name, after)
}

// plain is what a field of ours could be called. What a stranger typed instead may be an address, so it is not repeated.
var plain = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,63}$`)

func plainName(name string) string {
	if !plain.MatchString(name) {
		return ""
	}
	return name
}

var (
	segments = regexp.MustCompile(`[^.\[\]]+|\[\d+\]`)
	index    = regexp.MustCompile(`^\[\d+\]$`)
)

// pointerOf turns the validator's path (".messages[3].to") into a JSON pointer. A name that no field of ours has may hold dots, so where it
// begins cannot be told: the pointer then ends at the item of a list that it is in, or is the whole body.
func pointerOf(path string) string {
	var pointer strings.Builder
	item := ""
	for _, s := range segments.FindAllString(path, -1) {
		switch {
		case index.MatchString(s):
			pointer.WriteString("/" + strings.Trim(s, "[]"))
			item = pointer.String()
		case plain.MatchString(s):
			pointer.WriteString("/" + s)
		default:
			return item
		}
	}
	return pointer.String()
}
