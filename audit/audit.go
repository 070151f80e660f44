// Package audit says what an entry of the audit log is: who asked for what, about whom, and how it ended. An entry holds ids and the
// names of fields, and never a value: it outlives the data that it is about. The package writes nothing.
package audit

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Actor is who did something: a member, an API key, or a part of the system by its name.
type Actor struct {
	Kind consent.ActorKind
	ID   string
}

// The parts of the system that act by themselves.
const (
	ByOutcome     = "outcome"      // what an attempt came to
	ByRetention   = "retention"    // what was kept long enough
	ByErasure     = "erasure"      // what an erasure brings with it
	ByCommandLine = "command_line" // whoever may run the program on its machine
)

// System is a part of the system as an actor.
func System(part string) Actor { return Actor{consent.ActorSystem, part} }

// Resource is what an operation was about.
type Resource struct {
	Kind string // contact, message, suppression, …
	ID   string // empty if there was none, or it was not known yet
}

// Event is one entry. It is written before what it tells of is done or shown; how that ended is an Outcome, unless it was known.
type Event struct {
	ID        vocab.AuditEventID
	At        time.Time
	Actor     Actor
	Operation string // of the API's description, for example get-contact; the system's own are named alike
	Resource  Resource
	Contacts  []vocab.ContactID // whose data it was about, as far as it is known
	Fields    []string          // the names of the fields and parameters that were given, never their values
	Reason    string            // why, in the actor's words; see CheckReason
	RequestID string            // empty for what no request asked for
	Status    int               // HTTP status of the answer; 0: begun, and how it ended was never written
}

// Outcome is how a begun event ended. It is written once.
type Outcome struct {
	Event      vocab.AuditEventID
	At         time.Time
	Status     int
	ResourceID string            // of what was made, if it was not known at the begin
	Contacts   []vocab.ContactID // whom it turned out to be about as well
}

// Filter narrows a list of events; empty fields do not.
type Filter struct {
	ActorID   string
	Operation string
	Subject   string    // the id of a resource or of a contact
	From      time.Time // inclusive
	To        time.Time // exclusive
	After     vocab.AuditEventID
	Limit     int
}

// MaxReason is the longest reason, in characters.
const MaxReason = 300

// date matches what has as many digits and is nobody's.
var date = regexp.MustCompile(`\b(?:\d{1,2}\.\d{1,2}\.\d{4}|\d{4}-\d{2}-\d{2})\b`)

// numberLike matches what may be somebody's number: seven digits or more, however they are set apart.
var numberLike = regexp.MustCompile(`\d(?:[ ().+-]?\d){6,}`)

// CheckReason refuses a reason that cannot be kept: the log is for ever, so no address, no number and no identifier may get into it. The
// error is fault.Invalid and does not repeat the text.
func CheckReason(text string) error {
	switch {
	case !utf8.ValidString(text) || utf8.RuneCountInString(text) > MaxReason || strings.ContainsFunc(text, unicode.IsControl):
		return fault.InvalidField("", "reason_invalid", "want at most 300 characters of UTF-8 on one line; in a header they may be percent-encoded")
	case strings.Contains(text, "@") || numberLike.MatchString(date.ReplaceAllString(text, "")) || len(consent.RefuseForbidden("", text)) > 0:
		return fault.InvalidField("", "reason_personal", "the audit log keeps reasons for ever: leave out addresses and numbers, and name people by their ids")
	}
	return nil
}
