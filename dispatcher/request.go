package dispatcher

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"mime"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Limits of one request.
const (
	MaxBatch          = 1000      // messages in one call
	MaxData           = 64 << 10  // bytes of one message's data
	MaxMetadata       = 4 << 10   // bytes of one message's metadata
	MaxAttachments    = 10        // of one message
	MaxAttachmentSize = 2_000_000 // bytes of all attachments of one message together
	maxText           = 200       // characters of reference and trigger id
	maxName           = 200       // characters of a name
	maxAhead          = 366 * 24 * time.Hour
	maxBehind         = 24 * time.Hour // of a sending time: clocks differ and callers queue, so a little in the past is now
)

// Request is one message that a caller asks for. Everything a door takes ends as one of these.
type Request struct {
	To              To
	Channel         vocab.Channel // empty: that of the address in To
	Purpose         vocab.Purpose
	Topic           vocab.Topic
	Template        string
	TemplateVersion int             // 0: the newest
	Language        vocab.Language  // empty: the contact's, or the organisation's first
	Sender          vocab.SenderID  // empty: the default of the channel
	Data            json.RawMessage // a JSON object for the template; may be empty
	SendAt          time.Time
	ExpiresAt       time.Time
	TriggerID       string // the request, order or incident that it answers; of a legal notice the version or case
	TriggerAt       time.Time
	Reference       string // the caller's own id
	Metadata        json.RawMessage
	Attachments     []channels.Attachment
}

// To is who a request is for: a contact, an address, or an address of a contact.
type To struct {
	ContactID vocab.ContactID
	Email     string
	Phone     string
	Name      string // for a contact that is not known yet
}

// Caller is who asks.
type Caller struct {
	APIKey vocab.APIKeyID
	Mode   Mode
	Guests *Guests // of a guest-list key
}

// checked is a request whose fields are sound by themselves.
type checked struct {
	Request

	recipient      Recipient
	class          vocab.Class
	sender         Sender
	versionMissing bool // the template is there, that version of it is not
}

// check looks at everything that can be known without the ledger, and reports all of it at once.
func (s *Submitter) check(r Request, now time.Time) (checked, []fault.Field) {
	var wrong []fault.Field
	refuse := func(pointer, code, detail string) {
		wrong = append(wrong, fault.Field{Pointer: pointer, Code: code, Detail: detail})
	}
	c := checked{Request: r}
	info, known := s.gate.Purposes.Lookup(r.Purpose)
	switch {
	case r.Purpose == "":
		refuse("/purpose", "required", "name the purpose, for example news.company; GET /v1/purposes lists them")
	case !known:
		refuse("/purpose", "purpose_unregistered", "this purpose is not in the registry; GET /v1/purposes lists what is")
	}
	c.class = info.Class
	s.checkTo(&c, refuse)
	s.checkSender(&c, refuse)
	checkTimes(r, now, refuse)
	checkTexts(&c, refuse)
	checkAttachments(c, refuse)
	return c, wrong
}

type refusal func(pointer, code, detail string)

// checkTo finds out who is meant and by which channel.
func (s *Submitter) checkTo(c *checked, refuse refusal) {
	to := c.To
	if to.Email != "" && to.Phone != "" {
		refuse("/to", "ambiguous", "give email or phone, not both: one message has one recipient and one channel")
		return
	}
	if to.ContactID == "" && to.Email == "" && to.Phone == "" {
		refuse("/to", "required", "give contact_id, email or phone")
		return
	}
	implied := c.Channel
	switch {
	case to.Email != "":
		implied = vocab.Email
		value, lookup, err := contacts.ParseEmail(to.Email)
		refuseFault("/to/email", err, refuse)
		refuseAll(consent.RefuseForbiddenEmail("/to/email", to.Email), refuse)
		c.recipient.Value, c.recipient.Lookup = value, lookup
	case to.Phone != "":
		implied = vocab.SMS
		value, _, err := contacts.ParsePhone(to.Phone, s.options.Region)
		refuseFault("/to/phone", err, refuse)
		c.recipient.Value, c.recipient.Lookup = value, value.Reveal()
	}
	if c.Channel == "" {
		c.Channel = implied
	}
	switch {
	case c.Channel == "":
		refuse("/channel", "required", "with a contact_id alone, say which channel: email or sms")
	case !slices.Contains(vocab.Channels(), c.Channel):
		refuse("/channel", "invalid", "want email or sms")
	case implied != "" && implied != c.Channel:
		refuse("/channel", "channel_mismatch", "the address in to is of another channel")
	}
	if to.ContactID != "" {
		if _, err := vocab.ParseID(vocab.ContactPrefix, string(to.ContactID)); err != nil {
			refuse("/to/contact_id", "invalid_id", "want an id such as con_ and 26 characters")
		}
	}
	if utf8.RuneCountInString(to.Name) > maxName || !printable(to.Name) {
		refuse("/to/name", "invalid", "at most "+strconv.Itoa(maxName)+" printable characters")
	}
	refuseForbidden("/to/name", to.Name, refuse)
	c.recipient.ContactID, c.recipient.Name = to.ContactID, to.Name
}

// checkSender finds the sender.
func (s *Submitter) checkSender(c *checked, refuse refusal) {
	if c.Sender == "" {
		for _, id := range slices.Sorted(maps.Keys(s.gate.Senders)) {
			if x := s.gate.Senders[id]; x.Default && x.Channel == c.Channel && (c.class == "" || x.serves(c.class, c.Purpose)) {
				c.sender = x
				return
			}
		}
		if c.Channel != "" {
			refuse("/sender", "required", "no sender is the default of this channel for this purpose; name one")
		}
		return
	}
	x, known := s.gate.Senders[c.Sender]
	switch {
	case !known:
		refuse("/sender", "sender_unknown", "there is no such sender; GET /v1/senders lists them")
	case c.Channel != "" && x.Channel != c.Channel:
		refuse("/sender", "channel_mismatch", "this sender is of another channel")
	case c.class != "" && !x.serves(c.class, c.Purpose):
		refuse("/sender", "sender_not_for_purpose", "this sender may not be used for this purpose")
	}
	c.sender = x
}

func checkTimes(r Request, now time.Time, refuse refusal) {
	if !r.SendAt.IsZero() && r.SendAt.After(now.Add(maxAhead)) {
		refuse("/send_at", "too_far", "at most a year ahead")
	}
	if !r.SendAt.IsZero() && r.SendAt.Before(now.Add(-maxBehind)) {
		refuse("/send_at", "in_the_past", "at most a day ago; what is less than that in the past is sent at once")
	}
	if !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(now) {
		refuse("/expires_at", "in_the_past", "this time has passed")
	}
	if !r.ExpiresAt.IsZero() && !r.SendAt.IsZero() && !r.ExpiresAt.After(r.SendAt) {
		refuse("/expires_at", "before_send_at", "must be after send_at")
	}
	if !r.TriggerAt.IsZero() && r.TriggerAt.After(now.Add(time.Minute)) {
		refuse("/trigger/at", "in_the_future", "a trigger has happened already")
	}
	if !r.TriggerAt.IsZero() && r.TriggerID == "" {
		refuse("/trigger/id", "required", "name the request, order or incident")
	}
}

func checkTexts(r *checked, refuse refusal) {
	if r.Template == "" {
		refuse("/template", "required", "name a template; GET /v1/templates lists them")
	}
	if r.TemplateVersion < 0 {
		refuse("/template_version", "invalid", "want 1 or more, or leave it out for the newest")
	}
	if r.Language != "" {
		if _, err := language.Parse(string(r.Language)); err != nil {
			refuse("/language", "invalid", "want a BCP 47 tag such as kk, ru or en")
		}
	}
	for _, f := range [...]struct{ pointer, text string }{
		{"/topic", string(r.Topic)}, {"/trigger/id", r.TriggerID}, {"/reference", r.Reference},
	} {
		if utf8.RuneCountInString(f.text) > maxText || !printable(f.text) {
			refuse(f.pointer, "invalid", "at most "+strconv.Itoa(maxText)+" printable characters")
		}
		refuseForbidden(f.pointer, f.text, refuse)
	}
	r.Data = checkObject("/data", r.Data, MaxData, refuse)
	r.Metadata = checkObject("/metadata", r.Metadata, MaxMetadata, refuse)
	checkForbidden("/data", r.Data, refuse)
	checkForbidden("/metadata", r.Metadata, refuse)
}

// checkForbidden refuses identifiers that the organisation never sends: nothing of them is stored, not even a refused message.
func checkForbidden(pointer string, raw json.RawMessage, refuse refusal) {
	if len(raw) == 0 {
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return // checkObject has said so
	}
	refuseForbidden(pointer, v, refuse)
}

func refuseForbidden(pointer string, v any, refuse refusal) {
	refuseAll(consent.RefuseForbidden(pointer, v), refuse)
}

func refuseAll(fields []fault.Field, refuse refusal) {
	for _, f := range fields {
		refuse(f.Pointer, f.Code, f.Detail)
	}
}

// checkObject wants nothing or a JSON object of at most limit bytes. It returns the object written anew: what is looked through is what
// is stored, also when a name stands twice.
func checkObject(pointer string, raw json.RawMessage, limit int, refuse refusal) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	if len(raw) > limit {
		refuse(pointer, "too_large", "at most "+strconv.Itoa(limit>>10)+" KiB of JSON")
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil || decoder.More() {
		refuse(pointer, "invalid", "want a JSON object")
		return nil
	}
	if object == nil {
		return nil // null is nothing
	}
	written, err := json.Marshal(object)
	if err != nil { // what was decoded encodes again
		refuse(pointer, "invalid", "want a JSON object")
		return nil
	}
	return written
}

func checkAttachments(c checked, refuse refusal) {
	if len(c.Attachments) == 0 {
		return
	}
	if c.class == vocab.Marketing || c.Channel == vocab.SMS {
		refuse("/attachments", "attachments_not_allowed", "only emails that are not marketing carry attachments; put a link")
		return
	}
	if len(c.Attachments) > MaxAttachments {
		refuse("/attachments", "too_many", "at most "+strconv.Itoa(MaxAttachments))
	}
	total := 0
	for i, a := range c.Attachments {
		at := "/attachments/" + strconv.Itoa(i)
		total += len(a.Content)
		if a.Name == "" || utf8.RuneCountInString(a.Name) > maxName || !printable(a.Name) {
			refuse(at+"/name", "invalid", "want a file name of at most "+strconv.Itoa(maxName)+" printable characters")
		}
		refuseForbidden(at+"/name", a.Name, refuse)
		refuseForbidden(at+"/content_type", a.ContentType, refuse) // its parameters can be anything
		if _, _, err := mime.ParseMediaType(a.ContentType); err != nil {
			refuse(at+"/content_type", "invalid", "want a media type such as application/pdf")
		}
		if len(a.Content) == 0 {
			refuse(at+"/content", "required", "want the file's bytes in base64")
		}
	}
	if total > MaxAttachmentSize {
		refuse("/attachments", "too_large", "at most 2 MB together; put a link")
	}
}

// refuseFault reports an error of another package's parser at our pointer.
func refuseFault(pointer string, err error, refuse refusal) {
	if err == nil {
		return
	}
	code, detail := "invalid", "this is not valid"
	if f, ok := errors.AsType[*fault.Error](err); ok && len(f.Fields) > 0 {
		code, detail = f.Fields[0].Code, f.Fields[0].Detail
	}
	refuse(pointer, code, detail)
}

// printable says whether a text has no control characters.
func printable(s string) bool {
	for _, r := range s {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return false
		}
	}
	return true
}
