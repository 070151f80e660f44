// Package sms carries text messages through an HTTP gateway, in both directions: it hands texts over, and reads what the gateway
// calls back or answers when asked (receipts and texts that people send). A gateway is described by a Profile, which is data;
// the rules of the short message service (segments, sender names, keywords) are here too. The package never decides what an
// outcome means for a message.
package sms

import (
	"log/slog"

	"github.com/orleu/elshi/channels"
)

// Secret is a credential. Printing it in any way shows "<redacted>"; only the wire sees it.
type Secret string

const redacted = "<redacted>"

// String hides the secret.
func (Secret) String() string { return redacted }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return redacted }

// LogValue hides the secret in structured logs.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the secret in JSON and YAML.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Profile describes one kind of gateway: how to ask, and what its answers mean. It holds no account, no host and no secret.
type Profile struct {
	Name   string // for errors, for example "mobizon"
	Send   Request
	Answer Answer
	// Poll asks for the status of messages; nil when the gateway only calls back.
	Poll *Poll
	// Reports and Texts read the gateway's callbacks; nil when it makes none of that kind.
	Reports *ReportRule
	Texts   *TextRule
}

// Request is a template of an HTTP request. Its texts may name placeholders in braces:
//
//	{to} E.164 · {to_digits} without the plus · {from} sender · {text} · {id} our message id · {callback_url} ·
//	{coding} 0 for GSM-7 and 2 for UCS-2 · {refs} provider references (Poll only) · {secret.NAME} a credential of Settings
//
// Values are encoded for where they stand, and a value is never read as a template again. A header or a form field with a
// placeholder whose value is empty is left out. The path may name only {id} and {refs}: addresses, texts and credentials in
// a URL end in access logs.
type Request struct {
	Method  string // POST or PUT; Poll may use GET. If unset, POST
	Path    string // put after Settings.BaseURL, with its fixed query if it has one
	Headers []Field
	// Exactly one body, or none for GET.
	Form []Field // application/x-www-form-urlencoded; a field that is {refs} alone is repeated for each
	JSON string  // a JSON text whose strings are templates; a string that is "{refs}" alone becomes an array
	Text string  // text/plain in UTF-8
}

// Field is one header or form field.
type Field struct{ Name, Value string }

// Answer says what the gateway's answer to a Send means. See classify for what an answer means that it does not describe.
type Answer struct {
	// Code finds the gateway's own result code. If unset, every HTTP 2xx is an acceptance.
	Code     Selector
	Accepted []string // codes that mean accepted, together with HTTP 2xx
	// Ref finds the gateway's id of the message. If unset, the gateway reports by our own id, and that is the reference.
	Ref    Selector
	Words  Selector                  // words for people, for evidence; if unset, the beginning of the body
	Causes map[string]channels.Cause // what other codes mean; a code that is not listed is Permanent
	// Statuses says what an HTTP status without a code means, where this gateway documents it. The rest follows HTTP.
	Statuses map[int]channels.Cause
}

// Poll asks for the status of several messages at once.
type Poll struct {
	Request Request
	Max     int // references in one request. If unset or zero, 100
	Code    Selector
	OK      []string // codes that mean that the answer is one; like Answer.Accepted
	Rule    ReportRule
}

// ReportRule reads delivery reports.
type ReportRule struct {
	// Each finds a JSON array of reports; the json: selectors of the rule are then relative to its elements. If unset, the
	// whole document is one report.
	Each     Selector
	Ref      Selector // the message; a document without it is not a report
	Status   Selector
	Statuses map[string]channels.ReportStatus // a status that is not listed is pending: it changes nothing
	Code     Selector                         // why it failed; if unset, the status
	Causes   map[string]channels.Cause        // a code that is not listed is Undelivered
	Words    Selector
	EventID  Selector // the gateway's id of the report; if unset or absent, made of Ref and Status
}

// TextRule reads texts that people send to us.
type TextRule struct {
	Each                    Selector // like ReportRule.Each
	From, To, Text, EventID Selector // a document without From or Text is not a text
	Charset                 Selector // of Text: UTF-16BE and ISO-8859-1 are converted, all else is UTF-8
}
