package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/tlog"
	"github.com/orleu/elshi/vocab"
)

// Addressee is whom a message is for, as far as it is kept.
type Addressee struct {
	Address    vocab.Address // empty if there was none, or it was erased
	Name       string        // of the contact now
	ErasedAt   time.Time     // zero: it was not
	MergedInto vocab.ContactID
}

// messages reads what happened to a message. Every error but fault.NotFound means that nothing is known.
type messages interface {
	Events(ctx context.Context, id vocab.MessageID) ([]dispatcher.MessageEvent, error)
	// Attempts returns the calls to providers, in order, the open one too.
	Attempts(ctx context.Context, id vocab.MessageID) ([]dispatcher.Attempt, error)
	Payload(ctx context.Context, id vocab.MessageID) (dispatcher.StoredContent, error)
	// Addressee returns whom a message is for; a contact that was erased or merged is no error.
	Addressee(ctx context.Context, id vocab.MessageID) (Addressee, error)
}

// ledger reads the consent ledger.
type ledger interface {
	// Event returns one entry; fault.NotFound if there is none.
	Event(ctx context.Context, id vocab.ConsentEventID) (consent.Event, error)
	// History returns a contact's entries up to the number seq, the oldest first.
	History(ctx context.Context, contact vocab.ContactID, seq int64) ([]consent.Event, error)
	// OfContact returns the grants of a contact.
	OfContact(ctx context.Context, contact vocab.ContactID) ([]consent.HeldGrant, error)
	// ValuesBeside returns the personal values that are kept beside entries.
	ValuesBeside(ctx context.Context, ids []vocab.ConsentEventID) (map[vocab.ConsentEventID]consent.Beside, error)
}

// texts are the published consent texts.
type texts interface {
	// Versions returns the published versions for a purpose and channel, the newest first; none is no error.
	Versions(ctx context.Context, purpose vocab.Purpose, channel vocab.Channel) ([]consent.Text, error)
}

// notary proves entries of the consent ledger and seals documents with the key of its heads.
type notary interface {
	// Inclusion proves that an entry stands in the ledger; fault.Conflict if the ledger is not what was written.
	Inclusion(ctx context.Context, id vocab.ConsentEventID) (consent.EntryProof, error)
	Attest(s tlog.Statement) (string, error)
	PublicKey() string
}

// suppressions reads why nothing is sent to an address.
type suppressions interface {
	// OfAddress returns the suppressions of an address, those that were lifted too, the oldest first; also after the address was erased.
	OfAddress(ctx context.Context, id vocab.AddressID) ([]contacts.Suppression, error)
}

// versions keeps templates.
type versions interface {
	// Version returns a version of a template; fault.NotFound if there is none.
	Version(ctx context.Context, id vocab.TemplateVersionID) (templates.Version, error)
}

// renderer renders a message again; the same message reads the same whenever it is rendered.
type renderer interface {
	Content(ctx context.Context, m dispatcher.Message, p dispatcher.Payload) (templates.Content, error)
}

// Options are what a Maker works with; all but Zone and BIN are required.
type Options struct {
	Messages     messages
	Ledger       ledger
	Texts        texts
	Notary       notary
	Suppressions suppressions
	Templates    versions
	Renderer     renderer
	Purposes     *consent.Registry
	Org          map[vocab.Language]string // the organisation's name
	BIN          string
	Zone         *time.Location // of the times in sentences, pages and PDFs. If nil, UTC
}

// Maker puts evidence together. It is safe for concurrent use.
type Maker struct{ o Options }

// New returns a Maker.
func New(o Options) *Maker {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return &Maker{o}
}

// Reader is who asks.
type Reader struct {
	Full     bool           // may see who it is about; else the address is masked, and name, subject, notes and values are left out
	Language vocab.Language // kk, ru or en; anything else is kk
}

// Sealed is a document with the seal that it was given out with.
type Sealed struct {
	Document Document
	JSON     []byte // {"evidence": the document, "seal": the note}, indented
	Seal     string // a signed note (C2SP signed-note): kind, message, SHA-256 of the document as compact JSON, time
}

// Of puts the evidence of a message together, as it stands at now. What is not kept any more is said, and is no error; an error says that
// something could not be found out.
func (k *Maker) Of(ctx context.Context, m dispatcher.Message, r Reader, now time.Time) (Sealed, error) {
	if !slices.Contains(vocab.Languages(), r.Language) {
		r.Language = vocab.Kazakh
	}
	w := &work{Maker: k, m: m, r: r}
	w.d = Document{
		Format: Format, GeneratedAt: now.UTC(), Language: r.Language, Message: k.messageOf(m, r.Language), Decision: decisionOf(m, r.Language),
		Operator: Operator{inLanguage(k.o.Org, r.Language), k.o.BIN}, PublicKey: k.o.Notary.PublicKey(),
		Entries: []Entry{}, Suppressions: []Suppression{}, Attempts: []Attempt{}, Timeline: []Step{},
	}
	for _, part := range []func(context.Context) error{w.recipient, w.template, w.course, w.content, w.suppressions, w.ground} {
		if err := part(ctx); err != nil {
			return Sealed{}, fmt.Errorf("evidence of %s: %w", m.ID, err)
		}
	}
	w.d.Summary = w.summary()
	return k.seal(w.d)
}

// work is one document being put together.
type work struct {
	*Maker

	m      dispatcher.Message
	r      Reader
	d      Document
	secret string // the address, which masked words must not name
}

func (k *Maker) seal(d Document) (Sealed, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(d); err != nil {
		return Sealed{}, fmt.Errorf("evidence of %s: %w", d.Message.ID, err)
	}
	compact := bytes.TrimSpace(body.Bytes())
	seal, err := k.o.Notary.Attest(tlog.Statement{Kind: SealKind, Subject: string(d.Message.ID), Digest: sha256.Sum256(compact), At: d.GeneratedAt})
	if err != nil {
		return Sealed{}, fmt.Errorf("evidence of %s: %w", d.Message.ID, err)
	}
	signed, err := json.Marshal(seal)
	if err != nil {
		return Sealed{}, fmt.Errorf("evidence of %s: %w", d.Message.ID, err)
	}
	var whole bytes.Buffer
	if err := json.Indent(&whole, fmt.Appendf(nil, `{"evidence":%s,"seal":%s}`, compact, signed), "", "  "); err != nil {
		return Sealed{}, fmt.Errorf("evidence of %s: %w", d.Message.ID, err)
	}
	whole.WriteByte('\n')
	return Sealed{d, whole.Bytes(), seal}, nil
}

func (k *Maker) messageOf(m dispatcher.Message, lang vocab.Language) Message {
	info, _ := k.o.Purposes.Lookup(m.Purpose)
	name := inLanguage(info.Names, lang)
	if name == "" {
		name = string(m.Purpose)
	}
	return Message{
		ID: m.ID, Status: m.Status, Channel: m.Channel, Class: m.Class, Purpose: m.Purpose, PurposeName: name, Topic: m.Topic, Clause: info.Clause,
		Language: m.Language, TemplateVersion: m.Template, Sender: m.Sender, Provider: m.Provider, Mode: m.Mode, APIKeyID: m.APIKey,
		Reference: m.Reference, TriggerID: m.TriggerID, TriggerAt: m.TriggerAt.UTC(), PossibleDup: m.PossibleDup, CreatedAt: m.CreatedAt.UTC(),
		SentAt: m.SentAt.UTC(),
	}
}

func decisionOf(m dispatcher.Message, lang vocab.Language) Decision {
	x := m.Decision
	d := Decision{
		Verdict: x.Verdict, Reason: Reason{x.Reason, x.Reason.Sentence(lang)}, Reasons: []Reason{}, DecidedAt: x.At.UTC(), Basis: x.Basis.Kind,
		ConsentEventID: x.Basis.Event, PolicyVersion: m.PolicyVersion, Earlier: x.Earlier,
	}
	for _, reason := range x.All {
		d.Reasons = append(d.Reasons, Reason{reason, reason.Sentence(lang)})
	}
	return d
}

func (w *work) recipient(ctx context.Context) error {
	to, err := w.o.Messages.Addressee(ctx, w.m.ID)
	if err != nil {
		return err
	}
	w.secret = to.Address.Reveal()
	w.d.Recipient = Recipient{ContactID: w.m.ContactID, AddressID: w.m.AddressID, Masked: !w.r.Full, ErasedAt: to.ErasedAt.UTC(), MergedInto: to.MergedInto}
	switch {
	case to.Address == "":
	case w.r.Full:
		w.d.Recipient.Address = w.secret
	default:
		w.d.Recipient.Address = to.Address.String()
	}
	if w.r.Full {
		w.d.Recipient.Name = to.Name
	}
	return nil
}

func (w *work) template(ctx context.Context) error {
	v, err := w.o.Templates.Version(ctx, w.m.Template)
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	w.d.Message.Template, w.d.Message.TemplateNumber, w.d.Message.TemplateHash = v.Template, v.Number, v.Hash
	return err
}

// course is what happened to the message.
func (w *work) course(ctx context.Context) error {
	events, err := w.o.Messages.Events(ctx, w.m.ID)
	if err != nil {
		return err
	}
	for _, e := range events {
		w.d.Timeline = append(w.d.Timeline, Step{"message." + e.Type, e.At.UTC(), e.Attempt, e.Reason, e.Actor})
	}
	attempts, err := w.o.Messages.Attempts(ctx, w.m.ID)
	if err != nil {
		return err
	}
	for _, a := range attempts {
		w.d.Attempts = append(w.d.Attempts, Attempt{
			a.Number, a.OpenedAt.UTC(), a.ClosedAt.UTC(), a.Provider, a.Outcome, a.Cause, a.Code, a.Enhanced, w.masked(a.Detail), a.ProviderRef,
		})
	}
	return nil
}

// masked takes the address out of a provider's words, unless the reader may see it. Which other words of theirs name somebody nobody can tell,
// so where the address is not known any more nothing of them is shown.
func (w *work) masked(words string) string {
	switch {
	case w.r.Full || words == "":
		return words
	case w.secret == "":
		return "***"
	}
	masked := vocab.Address(w.secret).String()
	for _, form := range []string{w.secret, strings.ToLower(w.secret), strings.TrimPrefix(w.secret, "+")} {
		words = strings.ReplaceAll(words, form, masked)
	}
	return words
}
