package export

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/proof"
	"github.com/orleu/elshi/vocab"
)

// Schema names the form of the document; another form gets another number.
const Schema = "elshi-contact-export/1"

// section is one member of the document. A new kind of data about contacts is a new section, and its tables are named here: a test of the store
// compares them with every table that is about a contact.
type section struct {
	name   string
	single bool // it is one value and no list
	tables []string
	write  func(*run, context.Context, *list) error
}

// sections are the members in their order. Each calls put for every element.
var sections = []section{
	{"contact", true, []string{"contacts", "external_ids"}, (*run).contactSection},
	{"addresses", false, []string{"addresses", "contact_addresses"}, (*run).addressSection},
	{"suppressions", false, []string{"suppressions"}, (*run).suppressionSection},
	{"grants", false, []string{"consents"}, (*run).grantSection},
	{"consent_events", false, []string{"consent_events", "consent_values"}, (*run).consentSection},
	{"confirmations", false, []string{"confirmations"}, (*run).confirmationSection},
	{"claims", false, []string{"claims", "claim_texts", "claim_events", "claim_stops"}, (*run).claimSection},
	{"messages", false, []string{"messages", "message_payloads", "message_events", "message_attempts", "attachments", "address_bounces"}, (*run).messageSection},
	{"erasure", true, []string{"erasures"}, (*run).erasureSection},
}

// Tables says which section shows each table of the ledger.
func Tables() map[string]string {
	all := map[string]string{}
	for _, s := range sections {
		for _, table := range s.tables {
			all[table] = s.name
		}
	}
	return all
}

// list writes the values of one section.
type list struct {
	w       *bufio.Writer
	encoder *json.Encoder
	n       int
	single  bool // the section is one value, not a list
}

// put writes one element.
func (l *list) put(v any) error {
	if !l.single {
		sep := ",\n"
		if l.n == 0 {
			sep = "\n"
		}
		if _, err := l.w.WriteString(sep); err != nil {
			return err
		}
	}
	l.n++
	return l.encoder.Encode(v)
}

// putAll writes elements in their order.
func putAll[T any](l *list, all []T) error {
	for _, v := range all {
		if err := l.put(v); err != nil {
			return err
		}
	}
	return nil
}

// document writes the JSON document.
func (r *run) document(ctx context.Context, out io.Writer) error {
	w := bufio.NewWriterSize(out, 32<<10)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	head, err := json.Marshal(struct {
		Schema     string          `json:"schema"`
		ExportedAt time.Time       `json:"exported_at"`
		ContactID  vocab.ContactID `json:"contact_id"`
	}{Schema, r.now, r.who.ID})
	if err != nil {
		return err
	}
	if _, err := w.WriteString(strings.TrimSuffix(string(head), "}")); err != nil {
		return err
	}
	for _, s := range sections {
		if err := r.member(ctx, w, encoder, s); err != nil {
			return err
		}
	}
	if _, err := w.WriteString("}\n"); err != nil {
		return err
	}
	return w.Flush()
}

func (r *run) member(ctx context.Context, w *bufio.Writer, encoder *json.Encoder, s section) error {
	open, end := "[", "]"
	if s.single {
		open, end = "", ""
	}
	if _, err := w.WriteString(",\n\"" + s.name + "\": " + open); err != nil {
		return err
	}
	if err := s.write(r, ctx, &list{w: w, encoder: encoder, single: s.single}); err != nil {
		return err
	}
	_, err := w.WriteString(end)
	return err
}

func (r *run) contactSection(ctx context.Context, l *list) error {
	view := contactOf(r.who)
	var err error
	if view.OtherExternalIDs, err = r.o.People.OtherExternalIDs(ctx, r.who.ID); err != nil {
		return err
	}
	return l.put(view)
}

func (r *run) addressSection(_ context.Context, l *list) error {
	for _, a := range r.who.Addresses {
		if err := l.put(addressOf(a)); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) suppressionSection(ctx context.Context, l *list) error {
	all, err := r.o.People.SuppressionsOf(ctx, r.who.ID)
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := l.put(suppressionOf(s)); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) grantSection(ctx context.Context, l *list) error {
	all, err := r.o.Consents.OfContact(ctx, r.who.ID)
	if err != nil {
		return err
	}
	for _, g := range all {
		if err := l.put(grantOf(g)); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) consentSection(ctx context.Context, l *list) error {
	return r.eachConsent(ctx, func(e ConsentRecord) error { return l.put(consentOf(e)) })
}

func (r *run) confirmationSection(ctx context.Context, l *list) error {
	all, err := r.confirmations(ctx)
	if err != nil {
		return err
	}
	return putAll(l, all)
}

func (r *run) claimSection(ctx context.Context, l *list) error {
	all, err := r.claims(ctx)
	if err != nil {
		return err
	}
	return putAll(l, all)
}

func (r *run) messageSection(ctx context.Context, l *list) error {
	return r.eachMessage(ctx, func(m MessageRecord) error {
		v, err := r.messageOf(ctx, m)
		if err != nil {
			return err
		}
		return l.put(v)
	})
}

// erasureSection is the certificate of the contact's erasure, or null.
func (r *run) erasureSection(ctx context.Context, l *list) error {
	jws, err := r.o.People.ErasureCertificate(ctx, r.who.ID)
	if fault.KindOf(err) == fault.NotFound {
		return l.put(nil)
	}
	if err != nil {
		return err
	}
	certificate, err := proof.Document(jws)
	if err != nil {
		return err
	}
	return l.put(erasureView{certificate, jws})
}

// cut parts a language tag.
func cut(tag vocab.Language) (base vocab.Language, rest string, found bool) {
	b, rest, found := strings.Cut(string(tag), "-")
	return vocab.Language(b), rest, found
}
