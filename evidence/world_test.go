package evidence_test

import (
	"context"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/evidence"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/tlog"
	"github.com/orleu/elshi/vocab"
)

const (
	aContact = vocab.ContactID("con_06gywnjy01xbs0938nkrkaydxw")
	aMessage = vocab.MessageID("msg_06gywnjy01xbs0938nkrkaydxw")
	request  = vocab.ConsentEventID("cev_06gywnjy01xbs0938nkrkaydx0")
	granted  = vocab.ConsentEventID("cev_06gywnjy01xbs0938nkrkaydx4")
	withdrew = vocab.ConsentEventID("cev_06gywnjy01xbs0938nkrkaydx8")
)

var (
	asked     = time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	confirmed = asked.Add(3 * time.Minute)
	decided   = time.Date(2026, 3, 3, 5, 4, 0, 0, time.UTC) // 10:04 in Almaty
	later     = time.Date(2026, 3, 5, 6, 0, 0, 0, time.UTC)
	today     = time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
)

// world is what is kept about one message.
type world struct {
	message      dispatcher.Message
	addressee    evidence.Addressee
	payload      dispatcher.StoredContent
	content      templates.Content
	events       []dispatcher.MessageEvent
	attempts     []dispatcher.Attempt
	entries      []consent.Event
	head         consent.Head
	held         []consent.HeldGrant
	beside       map[vocab.ConsentEventID]consent.Beside
	texts        []consent.Text
	suppressions []contacts.Suppression
	version      templates.Version
	signer       *tlog.Signer
	broken       error // of the notary
	away         error // of everything
}

// newWorld is a newsletter on a double opt-in, sent and delivered.
func newWorld(t testing.TB) *world {
	t.Helper()
	signer, err := tlog.NewSigner("elshi.example.org/consent-ledger", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		signer: signer, addressee: evidence.Addressee{Address: "aigul.serikkyzy@example.org", Name: "Әйгерім Құсайынқызы Ғабдуллина"},
		payload: dispatcher.StoredContent{Payload: dispatcher.Payload{Data: []byte(`{}`)}},
		content: templates.Content{Language: vocab.Kazakh, Subject: "Жаңалықтар: көктемгі курстарға тіркелу ашылды", Text: "Сәлеметсіз бе!"},
		version: templates.Version{ID: "tpv_06gywnjy01xbs0938nkrkaydxw", Template: "spring-news", Number: 3, Hash: "9f2c"},
		beside:  map[vocab.ConsentEventID]consent.Beside{},
	}
	for _, x := range consent.BuiltinTexts(consent.Operator{
		BIN: "120240012345", PolicyVersion: "2026-01",
		Name: map[vocab.Language]string{vocab.Kazakh: "«Өрлеу» БАҰО» АҚ", vocab.Russian: "АО «НЦПК «Өрлеу»", vocab.English: "NCPD Orleu JSC"},
	}) {
		if x.Purpose == "news.company" && x.Channel == vocab.Email {
			x.Version, x.PublishedAt = 1, asked.AddDate(0, -1, 0)
			w.texts = append(w.texts, x)
		}
	}
	e := consent.Event{
		ID: request, Kind: consent.KindRequested, ContactID: aContact, AddressID: "adr_06gywnjy01xbs0938nkrkaydxw", Scope: consent.ScopePurpose,
		Purpose: "news.company", Channel: vocab.Email, Source: consent.SourceSignUpForm, ActorKind: consent.ActorContact, ActorID: string(aContact),
		Language: vocab.Kazakh, TextVersion: 1, TextHash: w.texts[0].Hash(vocab.Kazakh), PolicyVersion: "2026-01", At: asked,
		Commitment: consent.Commit([]byte("0123456789abcdef"), "192.0.2.7"),
	}
	w.beside[request] = consent.Beside{Salt: "30313233343536373839616263646566", Value: "192.0.2.7"}
	w.append(e)
	e.ID, e.Kind, e.Source, e.Proof, e.ProofRef, e.At, e.Commitment = granted, consent.KindConfirmed, consent.SourceConfirmLink, consent.ProofDoubleOptIn, string(request), confirmed, ""
	e.ValidUntil = confirmed.AddDate(2, 0, 0)
	w.append(e)
	key := consent.GrantKey{Purpose: "news.company", Channel: vocab.Email}
	w.held = []consent.HeldGrant{{Key: key, Grant: consent.Grant{State: consent.Granted, Since: confirmed, ValidUntil: e.ValidUntil, Event: granted, Text: 1}}}
	w.message = dispatcher.Message{
		ID: aMessage, ContactID: aContact, AddressID: "adr_06gywnjy01xbs0938nkrkaydxw", Channel: vocab.Email, Class: vocab.Marketing,
		Purpose: "news.company", Language: vocab.Kazakh, Template: w.version.ID, Sender: "news", Provider: "relay", Mode: dispatcher.Live,
		APIKey: "key_06gywnjy01xbs0938nkrkaydx0", Status: dispatcher.Delivered, Attempt: 1, CreatedAt: decided.Add(-time.Minute),
		SentAt: decided.Add(2 * time.Second), PolicyVersion: "2026-01", ContentHash: dispatcher.ContentHash(w.content),
		Decision: consent.Decision{Verdict: consent.Allow, Reason: consent.OK, Basis: consent.Basis{Kind: consent.BasisGrant, Event: granted}, At: decided},
	}
	w.events = []dispatcher.MessageEvent{
		{ID: "evt_1", Type: "queued", At: decided.Add(-time.Minute), Reason: "ok"},
		{ID: "evt_2", Type: "sent", At: w.message.SentAt, Attempt: 1},
		{ID: "evt_3", Type: "delivered", At: decided.Add(time.Minute), Attempt: 1},
	}
	w.attempts = []dispatcher.Attempt{{
		Number: 1, OpenedAt: decided, ClosedAt: w.message.SentAt, Provider: "relay", Outcome: channels.Accepted, Code: 250, Enhanced: "2.0.0",
		Detail: "Ok: queued as 4Bx9 for <aigul.serikkyzy@example.org>", ProviderRef: "4Bx9",
	}}
	return w
}

// append puts an entry at the end of the ledger.
func (w *world) append(e consent.Event) consent.Event {
	e, w.head = consent.Chain(w.head, e)
	w.entries = append(w.entries, e)
	return e
}

// rests makes the message one of a purpose that needs no grant.
func (w *world) rests(class vocab.Class, purpose vocab.Purpose, basis consent.BasisKind) {
	w.message.Class, w.message.Purpose = class, purpose
	w.message.Decision.Basis = consent.Basis{Kind: basis}
}

// deny refuses the message, and nothing happens to it.
func (w *world) deny(event vocab.ConsentEventID, reasons ...consent.Reason) {
	w.message.Status, w.message.Attempt, w.message.SentAt, w.message.ContentHash = dispatcher.Suppressed, 0, time.Time{}, ""
	w.message.Decision = consent.Decision{Verdict: consent.Deny, Reason: reasons[0], All: reasons, Basis: consent.Basis{Event: event}, At: decided}
	w.events, w.attempts = []dispatcher.MessageEvent{{ID: "evt_1", Type: "suppressed", At: decided, Reason: string(reasons[0])}}, nil
}

func (w *world) maker(t testing.TB) *evidence.Maker {
	t.Helper()
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	almaty, err := time.LoadLocation("Asia/Almaty")
	if err != nil {
		t.Fatal(err)
	}
	return evidence.New(evidence.Options{
		Messages: w, Ledger: w, Texts: w, Notary: notaryOf{w}, Suppressions: w, Templates: w, Renderer: w, Purposes: registry, Zone: almaty, BIN: "120240012345",
		Org: map[vocab.Language]string{vocab.Kazakh: "«Өрлеу» БАҰО» АҚ", vocab.Russian: "АО «НЦПК «Өрлеу»", vocab.English: "NCPD Orleu JSC"},
	})
}

// of returns the evidence for a reader who may see all.
func (w *world) of(t testing.TB, lang vocab.Language) evidence.Sealed {
	t.Helper()
	sealed, err := w.maker(t).Of(t.Context(), w.message, evidence.Reader{Full: true, Language: lang}, today)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func (w *world) Events(context.Context, vocab.MessageID) ([]dispatcher.MessageEvent, error) {
	return w.events, w.away
}

func (w *world) Attempts(context.Context, vocab.MessageID) ([]dispatcher.Attempt, error) {
	return w.attempts, w.away
}

func (w *world) Payload(context.Context, vocab.MessageID) (dispatcher.StoredContent, error) {
	return w.payload, w.away
}

func (w *world) Addressee(context.Context, vocab.MessageID) (evidence.Addressee, error) {
	return w.addressee, w.away
}

func (w *world) Event(_ context.Context, id vocab.ConsentEventID) (consent.Event, error) {
	for _, e := range w.entries {
		if e.ID == id {
			return e, w.away
		}
	}
	return consent.Event{}, fault.Missing("consent_event_not_found", "no such entry")
}

func (w *world) History(_ context.Context, contact vocab.ContactID, seq int64) ([]consent.Event, error) {
	var list []consent.Event
	for _, e := range w.entries {
		if e.ContactID == contact && e.Seq <= seq {
			list = append(list, e)
		}
	}
	return list, w.away
}

func (w *world) OfContact(context.Context, vocab.ContactID) ([]consent.HeldGrant, error) {
	return w.held, w.away
}

func (w *world) ValuesBeside(_ context.Context, ids []vocab.ConsentEventID) (map[vocab.ConsentEventID]consent.Beside, error) {
	found := map[vocab.ConsentEventID]consent.Beside{}
	for _, id := range ids {
		if v, kept := w.beside[id]; kept {
			found[id] = v
		}
	}
	return found, w.away
}

func (w *world) Versions(_ context.Context, purpose vocab.Purpose, channel vocab.Channel) ([]consent.Text, error) {
	var list []consent.Text
	for _, t := range w.texts {
		if t.Purpose == purpose && t.Channel == channel {
			list = append(list, t)
		}
	}
	return list, w.away
}

func (w *world) OfAddress(context.Context, vocab.AddressID) ([]contacts.Suppression, error) {
	return w.suppressions, w.away
}

func (w *world) Version(_ context.Context, id vocab.TemplateVersionID) (templates.Version, error) {
	if id != w.version.ID {
		return templates.Version{}, fault.Missing("template_not_found", "no such version")
	}
	return w.version, w.away
}

func (w *world) Content(context.Context, dispatcher.Message, dispatcher.Payload) (templates.Content, error) {
	return w.content, w.away
}

// notaryOf proves by a real tree over the entries and signs with a real key.
type notaryOf struct{ *world }

func (n notaryOf) Inclusion(ctx context.Context, id vocab.ConsentEventID) (consent.EntryProof, error) {
	e, err := n.Event(ctx, id)
	if err != nil || n.broken != nil {
		return consent.EntryProof{}, n.broken
	}
	var tree tlog.Tree
	nodes := map[tlog.Node]tlog.Hash{}
	for i, x := range n.entries {
		leaf, err := consent.Leaf(x.Hash)
		if err != nil {
			return consent.EntryProof{}, err
		}
		nodes[tlog.Node{Index: int64(i)}] = leaf
		if err := tree.Append(leaf, func(id tlog.Node, h tlog.Hash) { nodes[id] = h }); err != nil {
			return consent.EntryProof{}, err
		}
	}
	size := int64(len(n.entries))
	note, err := n.signer.Sign(tlog.Checkpoint{Size: size, Root: tree.Root(), At: today})
	if err != nil {
		return consent.EntryProof{}, err
	}
	hashes, err := tlog.Inclusion(e.Seq-1, size, func(id tlog.Node) (tlog.Hash, error) { return nodes[id], nil })
	return consent.EntryProof{
		Format: consent.EntryProofFormat, Entry: consent.EntryOf(e), LeafIndex: e.Seq - 1, TreeSize: size, Hashes: hashes, Checkpoint: note,
	}, err
}

func (n notaryOf) Attest(s tlog.Statement) (string, error) { return n.signer.SignStatement(s) }
func (n notaryOf) PublicKey() string                       { return n.signer.PublicKey() }
