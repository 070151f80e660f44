// Package fault names the kinds of error that a door can explain to its caller. It never decides what to do about one:
// package api maps a Kind to an HTTP status, workers map it to a retry.
package fault

import (
	"errors"
	"strings"
)

// Kind is what a caller can do about an error.
type Kind string

// The kinds of error. An error without a Kind is our own mistake and is answered with 500.
const (
	Invalid     Kind = "invalid"     // the caller must change the request; Fields says where
	NotFound    Kind = "not_found"   // no such thing, and the store was there to say so
	Conflict    Kind = "conflict"    // the thing exists but its state does not allow this
	Forbidden   Kind = "forbidden"   // the caller is known and may not
	Unavailable Kind = "unavailable" // something we need is away; the same request may work later
)

// Field is one thing wrong with a request.
type Field struct {
	Pointer string // RFC 6901 JSON pointer into the request body, for example "/to/email"
	Code    string // stable, snake_case, for programs
	Detail  string // one sentence for people that says what would be right; never repeats personal data
}

// Error is an error that a door can explain.
type Error struct {
	Kind   Kind
	Code   string  // stable, snake_case, for programs; for example "contact_not_found"
	Detail string  // one sentence for people, without personal data
	Fields []Field // what is wrong where; empty unless Kind is Invalid
	Err    error   // the cause, for logs; may be nil
}

// Error returns the code, the detail and every field, without personal data.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Code)
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	for _, f := range e.Fields {
		b.WriteString("; " + f.Pointer + " " + f.Code + ": " + f.Detail)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first *Error in err's tree, or "" if there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// InvalidFields returns an Invalid error that names each field.
func InvalidFields(fields ...Field) *Error {
	return &Error{Kind: Invalid, Code: "invalid_request", Detail: "some fields of the request are not valid", Fields: fields}
}

// InvalidField returns an Invalid error about one field.
func InvalidField(pointer, code, detail string) *Error {
	return InvalidFields(Field{Pointer: pointer, Code: code, Detail: detail})
}

// Missing returns a NotFound error with a code such as "message_not_found".
func Missing(code, detail string) *Error {
	return &Error{Kind: NotFound, Code: code, Detail: detail}
}

// Away returns an Unavailable error: what is the part that is away ("ledger", "queue").
func Away(what string, err error) *Error {
	return &Error{Kind: Unavailable, Code: what + "_unavailable", Detail: "the " + what + " is away; try again", Err: err}
}
