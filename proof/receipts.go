package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// ledger is what receipts are made from.
type ledger interface {
	// Event returns one entry; fault.NotFound if there is none.
	Event(ctx context.Context, id vocab.ConsentEventID) (consent.Event, error)
	// History returns the entries about a contact, and those about everybody, up to the number seq, the oldest first.
	History(ctx context.Context, contact vocab.ContactID, seq int64) ([]consent.Event, error)
}

// texts are the published consent texts.
type texts interface {
	// Version returns a published version; fault.NotFound if there is none.
	Version(ctx context.Context, purpose vocab.Purpose, channel vocab.Channel, version int) (consent.Text, error)
}

// Controller is the organisation, where no consent text names it.
type Controller struct {
	Name         map[vocab.Language]string
	BIN          string
	Address, URL string
	Jurisdiction string // ISO 3166-1 alpha-2. If empty, KZ
}

// Receipts makes receipts. It is safe for concurrent use.
type Receipts struct {
	ledger     ledger
	texts      texts
	purposes   *consent.Registry
	controller Controller
	signer     *Signer
}

// NewReceipts returns the receipts of a ledger, signed by signer.
func NewReceipts(l ledger, t texts, purposes *consent.Registry, c Controller, signer *Signer) *Receipts {
	if c.Jurisdiction == "" {
		c.Jurisdiction = "KZ"
	}
	return &Receipts{l, t, purposes, c, signer}
}

// Signed is a receipt with its signature.
type Signed struct {
	Receipt Receipt
	JWS     string // compact serialisation; its payload is the receipt
}

// Keys returns the public keys of receipts as a JWK set.
func (r *Receipts) Keys() []byte { return r.signer.Keys() }

// Issue returns the receipt for an entry of the ledger. It is made from what the ledger held when the entry was written, so it is the same,
// byte for byte, whenever it is asked for, as long as the organisation's name in the settings and the secret stay. The error is
// fault.NotFound if there is no such entry, or it is about nobody.
func (r *Receipts) Issue(ctx context.Context, id vocab.ConsentEventID) (Signed, error) {
	e, err := r.ledger.Event(ctx, id)
	if err != nil {
		return Signed{}, err
	}
	if e.ContactID == "" {
		return Signed{}, fault.Missing("receipt_not_found", "this entry of the consent ledger is about nobody in particular, so there is no receipt for it")
	}
	history, err := r.ledger.History(ctx, e.ContactID, e.Seq)
	if err != nil {
		return Signed{}, err
	}
	receipt, err := r.receipt(ctx, e, history)
	if err != nil {
		return Signed{}, fmt.Errorf("receipt for %s: %w", id, err)
	}
	document, err := json.Marshal(receipt)
	if err != nil {
		return Signed{}, fmt.Errorf("receipt for %s: %w", id, err)
	}
	jws, err := r.signer.Sign(document)
	return Signed{receipt, jws}, err
}

func (r *Receipts) receipt(ctx context.Context, e consent.Event, history []consent.Event) (Receipt, error) {
	lives := concerned(e, history)
	out := Receipt{
		SchemaVersion: SchemaVersion, ReceiptID: string(e.ID), RecordID: string(e.ID), PIIPrincipalID: string(e.ContactID),
		Processing: Processing{PrivacyNotice: e.PolicyVersion, Language: e.Language, Scope: e.Scope, Purposes: []PurposeEntry{}},
	}
	party := Party{
		ID: "controller", Role: "PII controller", Name: inLanguage(r.controller.Name, e.Language), BIN: r.controller.BIN,
		Address: r.controller.Address, URL: r.controller.URL,
	}
	seen := map[vocab.ConsentEventID]bool{}
	for i, l := range lives {
		text, err := r.shown(ctx, l)
		if err != nil {
			return out, err
		}
		entry := r.purpose(l, text)
		if text.Published() && i == 0 {
			party.Name, party.BIN = text.Variants[l.language()].Operator, text.BIN
		}
		if out.Processing.PrivacyNotice == "" {
			out.Processing.PrivacyNotice = text.PolicyVersion
		}
		out.Processing.Purposes = append(out.Processing.Purposes, entry)
		for _, s := range l.steps {
			if !seen[s.event.ID] {
				seen[s.event.ID] = true
				out.Events = append(out.Events, eventOf(s))
			}
		}
	}
	if !seen[e.ID] { // a withdrawal of what nobody had agreed to
		out.Events = append(out.Events, eventOf(step{e, endState(e)}))
	}
	slices.SortFunc(out.Events, func(a, b EventEntry) int { return int(a.Seq - b.Seq) })
	if len(lives) == 1 {
		out.RecordID = string(out.Events[0].ID)
	}
	out.Parties = []Party{party}
	return out, nil
}

// shown returns the text that the grant of a life was given on; the zero Text if none is published.
func (r *Receipts) shown(ctx context.Context, l life) (consent.Text, error) {
	version := l.agreed().TextVersion
	if version == 0 {
		return consent.Text{}, nil
	}
	t, err := r.texts.Version(ctx, l.key.Purpose, l.key.Channel, version)
	if fault.KindOf(err) == fault.NotFound {
		return consent.Text{}, nil
	}
	return t, err
}

func (r *Receipts) purpose(l life, t consent.Text) PurposeEntry {
	name := r.name(l.key.Purpose, l.language())
	agreed := l.agreed()
	p := PurposeEntry{
		ID: l.key.Purpose, Channel: l.key.Channel, Topic: l.key.Topic, Purpose: name, Name: name, LawfulBasis: "consent",
		PIIControllers: []string{"controller"}, Jurisdiction: r.controller.Jurisdiction, StateAfter: l.steps[len(l.steps)-1].state, ValidUntil: l.until.UTC(),
	}
	variant, written := t.Variants[l.language()]
	if !written {
		p.AgreedTextHash = agreed.TextHash
		return p
	}
	for _, data := range variant.Data {
		p.PIIInformation = append(p.PIIInformation, PIIEntry{data})
	}
	p.Purpose, p.ProcessingMethod, p.RetentionPeriod, p.RecipientThirds = variant.Uses, variant.Actions, variant.Term, variant.ThirdParties
	p.ProcessingPlaces, p.Countries, p.WithdrawalMethod, p.OpenSources = variant.CrossBorder, t.Countries, variant.Withdrawal, variant.OpenSources
	p.Text = &TextEntry{
		Version: t.Version, Hash: t.Hash(l.language()), Language: l.language(), Title: variant.Title, Statement: variant.Statement,
	}
	return p
}

// name returns the purpose's name; one that is registered no more is called by its id.
func (r *Receipts) name(id vocab.Purpose, lang vocab.Language) string {
	if info, known := r.purposes.Lookup(id); known {
		return inLanguage(info.Names, lang)
	}
	for _, use := range consent.ProcessingUses() {
		if use.ID == id {
			return inLanguage(use.Names, lang)
		}
	}
	return string(id)
}

func eventOf(s step) EventEntry {
	e := s.event
	entry := EventEntry{
		Time: e.At.UTC(), Type: e.Kind, State: s.state, EntityID: e.ActorID, Collection: e.Source, ID: e.ID, Seq: e.Seq, Hash: e.Hash,
		TextVersion: e.TextVersion, TextHash: e.TextHash, Proof: e.Proof, ProofRef: e.ProofRef, RecordedAt: e.RecordedAt.UTC(),
	}
	if entry.EntityID == "" {
		entry.EntityID = string(e.ActorKind)
	}
	if !e.ValidUntil.IsZero() {
		entry.Validity = e.At.UTC().Format(time.RFC3339) + "/" + e.ValidUntil.UTC().Format(time.RFC3339)
	}
	return entry
}

func inLanguage(texts map[vocab.Language]string, lang vocab.Language) string {
	base, _, _ := strings.Cut(string(lang), "-")
	for _, l := range append([]vocab.Language{vocab.Language(base)}, vocab.Languages()...) {
		if texts[l] != "" {
			return texts[l]
		}
	}
	return ""
}
