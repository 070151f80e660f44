package export

import (
	"context"
	"html/template"
	"io"
	"slices"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// What the ledger hands over about one contact.

// ConsentRecord is an entry of the consent ledger with the value that is kept beside it.
type ConsentRecord struct {
	Event    consent.Event
	Evidence string // empty if there was none, or it was erased
}

// MessageRecord is a message with all that hangs on it but its files.
type MessageRecord struct {
	Message  dispatcher.Message
	Address  vocab.Address // where it went; empty if it was erased
	Events   []dispatcher.MessageEvent
	Attempts []dispatcher.Attempt
	Payload  dispatcher.Payload
	Metadata []byte // the caller's JSON object; empty if there was none
	Files    []File
	Bounces  []Bounce
}

// File is what is known of an attachment without its content.
type File struct {
	Name        string
	ContentType string
	Size        int64 // octets
}

// Bounce is what a failed attempt meant for the address.
type Bounce struct {
	Attempt int
	Cause   channels.Cause
	Points  int
	At      time.Time
}

// ClaimRecord is a claim of the contact.
type ClaimRecord struct {
	ID           vocab.ClaimID          `json:"id"`
	Number       string                 `json:"number"`
	Kind         string                 `json:"kind"`
	Via          string                 `json:"via"`
	Language     vocab.Language         `json:"language,omitempty"`
	About        vocab.MessageID        `json:"message_id,omitempty"` // that it complains about, by the link in it
	Text         string                 `json:"text,omitempty"`       // empty once erased, or if there is none
	State        string                 `json:"state"`
	ReceivedAt   time.Time              `json:"received_at"`
	DueAt        time.Time              `json:"due_at"`
	Acknowledged vocab.MessageID        `json:"acknowledgement_id,omitempty"` // the message that told its number
	Answer       vocab.MessageID        `json:"answer_id,omitempty"`
	AnsweredAt   time.Time              `json:"answered_at,omitzero"`
	ClosedAt     time.Time              `json:"closed_at,omitzero"`
	CloseReason  string                 `json:"close_reason,omitempty"`
	Events       []vocab.ConsentEventID `json:"consent_event_ids,omitempty"` // what it withdrew
	Canceled     []vocab.MessageID      `json:"canceled,omitempty"`
	InFlight     []vocab.MessageID      `json:"in_flight,omitempty"`
}

// ConfirmationRecord is what the contact was asked to confirm.
type ConfirmationRecord struct {
	ID         vocab.ConfirmationID `json:"id"`
	Kind       string               `json:"kind"`
	AddressID  vocab.AddressID      `json:"address_id"`
	Channel    vocab.Channel        `json:"channel"`
	Language   vocab.Language       `json:"language"`
	FormID     vocab.FormID         `json:"form_id,omitempty"`
	MessageID  vocab.MessageID      `json:"message_id"` // that carried the link or the code
	Asked      []AskedRecord        `json:"asked,omitempty"`
	CreatedAt  time.Time            `json:"created_at"`
	ExpiresAt  time.Time            `json:"expires_at"`
	RemindedAt time.Time            `json:"reminded_at,omitzero"`
	Tries      int                  `json:"tries,omitempty"`
	UsedAt     time.Time            `json:"confirmed_at,omitzero"`
}

// AskedRecord is one grant that a confirmation is about.
type AskedRecord struct {
	Purpose     vocab.Purpose        `json:"purpose"`
	Topic       vocab.Topic          `json:"topic,omitempty"`
	TextVersion int                  `json:"text_version,omitempty"`
	TextHash    string               `json:"text_hash"`
	Request     vocab.ConsentEventID `json:"request_event_id,omitempty"`
	Granted     vocab.ConsentEventID `json:"granted_event_id,omitempty"`
}

// people reads who a contact is.
type people interface {
	Get(ctx context.Context, id vocab.ContactID) (contacts.Profile, error)
	// OtherExternalIDs returns the external ids of those who were merged into a contact.
	OtherExternalIDs(ctx context.Context, id vocab.ContactID) ([]string, error)
	// SuppressionsOf returns the suppressions of a contact's addresses, the lifted ones too, the oldest first.
	SuppressionsOf(ctx context.Context, id vocab.ContactID) ([]contacts.Suppression, error)
	// ErasureCertificate returns the certificate of a contact's erasure (JWS); fault.NotFound if it was not erased.
	ErasureCertificate(ctx context.Context, id vocab.ContactID) (string, error)
}

// consents reads what a contact granted.
type consents interface {
	OfContact(ctx context.Context, id vocab.ContactID) ([]consent.HeldGrant, error)
	// RecordsOf returns entries of the ledger about a contact behind a number, in order, at most n of them.
	RecordsOf(ctx context.Context, id vocab.ContactID, behind int64, n int) ([]ConsentRecord, error)
}

// claims reads what a contact claimed.
type claims interface {
	// RecordsOf returns the claims of a contact with their texts, the oldest first.
	RecordsOf(ctx context.Context, id vocab.ContactID) ([]ClaimRecord, error)
}

// confirmations reads what a contact was asked to confirm.
type confirmations interface {
	// RecordsOf returns what a contact was asked to confirm, the oldest first.
	RecordsOf(ctx context.Context, id vocab.ContactID) ([]ConfirmationRecord, error)
}

// messages reads what a contact was sent.
type messages interface {
	// RecordsOf returns messages to a contact, the newest first, at most n of them; behind is the last one of the page before, or "".
	RecordsOf(ctx context.Context, id vocab.ContactID, behind vocab.MessageID, n int) ([]MessageRecord, error)
	// EachFile calls f with each attachment of a message, in the order they were given.
	EachFile(ctx context.Context, id vocab.MessageID, f func(channels.Attachment) error) error
}

// renderer renders a message again; the same message reads the same whenever it is rendered.
type renderer interface {
	Content(ctx context.Context, m dispatcher.Message, p dispatcher.Payload) (templates.Content, error)
}

// Options are what an Exporter works with; all but Zone and Language are required.
type Options struct {
	People   people
	Consents consents
	OptIns   confirmations
	Claims   claims
	Messages messages
	Renderer renderer
	Purposes *consent.Registry
	Org      map[vocab.Language]string // the organisation's name
	Zone     *time.Location            // of times in pages, unless the contact has one. If nil, UTC
	Language vocab.Language            // of pages for a contact without one of kk, ru and en. If it is none of these itself, kk
}

// Exporter writes exports. It is safe for concurrent use.
type Exporter struct{ o Options }

// New returns an Exporter.
func New(o Options) *Exporter {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if !slices.Contains(vocab.Languages(), o.Language) {
		o.Language = vocab.Kazakh
	}
	return &Exporter{o}
}

// pageSize is how many messages, or entries of the ledger, are in memory at once.
const pageSize = 100

// JSON writes everything about a contact as one JSON document (docs/export.md). What came in after now is left out. The error is fault.NotFound if
// there is no such contact; then nothing is written. After any other error what was written is not whole.
func (x *Exporter) JSON(ctx context.Context, w io.Writer, contact vocab.ContactID, now time.Time) error {
	run, err := x.begin(ctx, contact, now)
	if err != nil {
		return err
	}
	return run.document(ctx, w)
}

// run is one export.
type run struct {
	*Exporter

	who  contacts.Profile
	now  time.Time
	lang vocab.Language
	zone *time.Location

	bound *template.Template // the pages; see pieces
}

func (x *Exporter) begin(ctx context.Context, contact vocab.ContactID, now time.Time) (*run, error) {
	who, err := x.o.People.Get(ctx, contact)
	if err != nil {
		return nil, err
	}
	r := &run{Exporter: x, who: who, now: now.UTC(), lang: x.o.Language, zone: x.o.Zone}
	for _, lang := range vocab.Languages() {
		if base, _, _ := cut(who.Language); base == lang {
			r.lang = lang
		}
	}
	if own, err := time.LoadLocation(who.TimeZone); who.TimeZone != "" && err == nil {
		r.zone = own
	}
	return r, nil
}

// eachMessage calls f with every message of the export, the newest first.
func (r *run) eachMessage(ctx context.Context, f func(MessageRecord) error) error {
	var behind vocab.MessageID
	for {
		page, err := r.o.Messages.RecordsOf(ctx, r.who.ID, behind, pageSize)
		if err != nil {
			return err
		}
		for _, m := range page {
			behind = m.Message.ID
			if m.Message.CreatedAt.After(r.now) {
				continue // the parts of an archive must speak of the same messages
			}
			if err := f(m); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			return nil
		}
	}
}

// eachConsent calls f with every entry of the consent ledger about the contact, the oldest first.
func (r *run) eachConsent(ctx context.Context, f func(ConsentRecord) error) error {
	var behind int64
	for {
		page, err := r.o.Consents.RecordsOf(ctx, r.who.ID, behind, pageSize)
		if err != nil {
			return err
		}
		for _, e := range page {
			behind = e.Event.Seq
			if e.Event.At.After(r.now) {
				continue
			}
			if err := f(e); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			return nil
		}
	}
}

// confirmations returns what the contact was asked to confirm. What came in after the export's time is left out.
func (r *run) confirmations(ctx context.Context) ([]ConfirmationRecord, error) {
	all, err := r.o.OptIns.RecordsOf(ctx, r.who.ID)
	return slices.DeleteFunc(all, func(c ConfirmationRecord) bool { return c.CreatedAt.After(r.now) }), err
}

// claims returns what the contact claimed, likewise.
func (r *run) claims(ctx context.Context) ([]ClaimRecord, error) {
	all, err := r.o.Claims.RecordsOf(ctx, r.who.ID)
	return slices.DeleteFunc(all, func(c ClaimRecord) bool { return c.ReceivedAt.After(r.now) }), err
}
