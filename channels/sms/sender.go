package sms

import (
	"regexp"

	"github.com/orleu/elshi/fault"
)

var (
	// The letters are those that every operator passes on; GSM allows more, and operators rewrite them to anything.
	alphanumericSender = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9 ._&-]{0,9}[A-Za-z0-9])?$`)
	hasLetter          = regexp.MustCompile(`[A-Za-z]`)
	numericSender      = regexp.MustCompile(`^(?:\+[1-9][0-9]{6,14}|[0-9]{3,8})$`)
)

// ValidateSender says whether a text can be where a message comes from: a name of at most 11 characters (Latin letters, digits,
// and space . _ & - between them, with a letter among them; TS 23.040 section 9.1.2.5 leaves room for 11), a number in E.164 or
// a short code of 3 to 8 digits. Whether the name is registered with the operators is another question.
//
// The error is a *fault.Error of kind Invalid with code sender_invalid and an empty pointer; see fault.At.
func ValidateSender(name string) error {
	if numericSender.MatchString(name) || alphanumericSender.MatchString(name) && hasLetter.MatchString(name) {
		return nil
	}
	return fault.InvalidField("", "sender_invalid",
		"use a name of at most 11 Latin letters, digits, spaces and . _ & - with a letter in it, or a number such as +77012345678, or a short code of 3 to 8 digits")
}
