package proof

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

var march = time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)

const contact = vocab.ContactID("con_1")

// book is a ledger and texts in memory.
type book struct {
	events []consent.Event
	texts  []consent.Text
	away   error
}

func (b *book) Event(_ context.Context, id vocab.ConsentEventID) (consent.Event, error) {
	for _, e := range b.events {
		if e.ID == id {
			return e, b.away
		}
	}
	return consent.Event{}, fault.Missing("consent_event_not_found", "none")
}

func (b *book) History(_ context.Context, who vocab.ContactID, seq int64) (list []consent.Event, err error) {
	for _, e := range b.events {
		if (e.ContactID == who || e.ContactID == "") && e.Seq <= seq {
			list = append(list, e)
		}
	}
	return list, b.away
}

func (b *book) Version(_ context.Context, purpose vocab.Purpose, channel vocab.Channel, version int) (consent.Text, error) {
	for _, t := range b.texts {
		if t.Purpose == purpose && t.Channel == channel && t.Version == version {
			return t, b.away
		}
	}
	return consent.Text{}, fault.Missing("consent_text_not_found", "none")
}

// add appends an entry a day after the one before.
func (b *book) add(e consent.Event) vocab.ConsentEventID {
	head := consent.Head{}
	if n := len(b.events); n > 0 {
		head = consent.Head{Seq: b.events[n-1].Seq, Hash: b.events[n-1].Hash}
	}
	e.ID = vocab.ConsentEventID("cev_" + string(rune('a'+len(b.events))))
	e.At = march.AddDate(0, 0, len(b.events))
	if e.ContactID == "" && e.Kind != consent.KindStale {
		e.ContactID = contact
	}
	e.ActorKind, e.ActorID, e.Source = consent.ActorContact, string(contact), consent.SourceSignUpForm
	e, _ = consent.Chain(head, e)
	b.events = append(b.events, e)
	return e.ID
}

func newBook() *book {
	b := &book{texts: consent.BuiltinTexts(consent.Operator{
		Name: map[vocab.Language]string{"kk": "Өрлеу", "ru": "Центр «Өрлеу»", "en": "Orleu"}, BIN: "000000000000", PolicyVersion: "2026-05",
	})}
	for i := range b.texts {
		b.texts[i].Version = 1
	}
	return b
}

func newReceipts(t *testing.T, b *book) *Receipts {
	t.Helper()
	key, err := SigningKey([]byte("a secret of 32 bytes for testing"), "receipt")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := NewSigner(key, ReceiptType)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	return NewReceipts(b, b, registry, Controller{Name: map[vocab.Language]string{"kk": "Settings' name"}, Address: "Astana"}, signer)
}

func (b *book) yes(kind consent.EventKind, purpose vocab.Purpose, version int) consent.Event {
	e := consent.Event{Kind: kind, Scope: consent.ScopePurpose, Purpose: purpose, Channel: vocab.Email, Language: vocab.Russian, TextVersion: version}
	if version > 0 {
		for _, t := range b.texts {
			if t.Purpose == purpose && t.Channel == vocab.Email {
				e.TextHash = t.Hash(vocab.Russian)
			}
		}
	}
	return e
}

func issue(t *testing.T, r *Receipts, id vocab.ConsentEventID) Receipt {
	t.Helper()
	signed, err := r.Issue(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return signed.Receipt
}

func kinds(r Receipt) (list []string) {
	for _, e := range r.Events {
		list = append(list, string(e.Type)+" "+string(e.State))
	}
	return list
}

func purposesOf(r Receipt) (list []string) {
	for _, p := range r.Processing.Purposes {
		list = append(list, string(p.ID)+" "+string(p.Channel)+" "+string(p.StateAfter))
	}
	return list
}

func TestTheReceiptOfAConfirmedConsentTellsTheWholeStory(t *testing.T) {
	b := newBook()
	asked := b.add(b.yes(consent.KindRequested, "news.company", 1))
	b.add(b.yes(consent.KindGranted, "ads.campaign", 1)) // another consent is another record
	confirmed := b.yes(consent.KindConfirmed, "news.company", 0)
	confirmed.Proof, confirmed.ProofRef, confirmed.ValidUntil = consent.ProofDoubleOptIn, string(asked), march.AddDate(2, 0, 0)
	id := b.add(confirmed)
	got := issue(t, newReceipts(t, b), id)
	if got.ReceiptID != string(id) || got.RecordID != string(asked) || got.PIIPrincipalID != string(contact) || got.SchemaVersion != SchemaVersion {
		t.Errorf("receipt %s of record %s about %s, %s", got.ReceiptID, got.RecordID, got.PIIPrincipalID, got.SchemaVersion)
	}
	if diff := cmp.Diff([]string{"requested pending", "confirmed granted"}, kinds(got)); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
	if e := got.Events[1]; e.Validity != "2026-03-04T07:00:00Z/2028-03-02T07:00:00Z" || e.EntityID != string(contact) || e.ProofRef != string(asked) || e.Hash == "" {
		t.Errorf("the confirmation is told as %+v", e)
	}
	text := b.texts[0]
	v := text.Variants[vocab.Russian]
	want := []PurposeEntry{{
		ID: "news.company", Name: "Новости", Channel: vocab.Email, Purpose: v.Uses, LawfulBasis: "consent", PIIControllers: []string{"controller"},
		PIIInformation: []PIIEntry{{v.Data[0]}, {v.Data[1]}, {v.Data[2]}, {v.Data[3]}}, ProcessingMethod: v.Actions, RetentionPeriod: v.Term,
		ProcessingPlaces: v.CrossBorder, Jurisdiction: "KZ", RecipientThirds: v.ThirdParties, WithdrawalMethod: v.Withdrawal, OpenSources: v.OpenSources,
		Text:       &TextEntry{1, text.Hash(vocab.Russian), vocab.Russian, v.Title, v.Statement},
		ValidUntil: march.AddDate(2, 0, 0), StateAfter: consent.Granted,
	}}
	if diff := cmp.Diff(want, got.Processing.Purposes); diff != "" {
		t.Errorf("purposes mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Party{{ID: "controller", Name: "Центр «Өрлеу»", Role: "PII controller", Address: "Astana", BIN: "000000000000"}}, got.Parties); diff != "" {
		t.Errorf("parties mismatch (-want +got):\n%s", diff)
	}
	if got.Processing.PrivacyNotice != "2026-05" || got.Processing.Language != vocab.Russian {
		t.Errorf("policy %s, language %s", got.Processing.PrivacyNotice, got.Processing.Language)
	}
}

func TestTheReceiptOfAWithdrawalNamesWhatItEnded(t *testing.T) {
	b := newBook()
	b.add(b.yes(consent.KindGranted, "news.company", 1))
	b.add(b.yes(consent.KindGranted, "offers.company", 0))
	b.add(consent.Event{Kind: consent.KindGranted, Scope: consent.ScopeProcessing, Purpose: consent.ProcessingCore})
	ads := b.add(b.yes(consent.KindGranted, "ads.campaign", 1))
	end := consent.Event{Kind: consent.KindWithdrawn, Scope: consent.ScopePurpose, Purpose: "ads.campaign", Channel: vocab.Email, Language: vocab.Kazakh}
	one := b.add(end)
	all := b.add(consent.Event{Kind: consent.KindWithdrawn, Scope: consent.ScopeAll})
	vain := b.add(consent.Event{Kind: consent.KindWithdrawn, Scope: consent.ScopePurpose, Purpose: "survey.research", Channel: vocab.SMS})
	nothing := b.add(consent.Event{Kind: consent.KindWithdrawn, Scope: consent.ScopeChannel, Channel: vocab.SMS})
	r := newReceipts(t, b)

	got := issue(t, r, one)
	if diff := cmp.Diff([]string{"ads.campaign email withdrawn"}, purposesOf(got)); diff != "" || got.RecordID != string(ads) {
		t.Errorf("record %s, want %s; purposes mismatch (-want +got):\n%s", got.RecordID, ads, diff)
	}
	if p := got.Processing.Purposes[0]; p.Text == nil || p.Text.Language != vocab.Russian || !p.ValidUntil.IsZero() {
		t.Errorf("want the words that had been agreed to, and no end of a grant: %+v", p)
	}
	got = issue(t, r, all)
	if diff := cmp.Diff([]string{"news.company email withdrawn", "offers.company email withdrawn"}, purposesOf(got)); diff != "" || got.RecordID != string(all) {
		t.Errorf("record %s, want %s; purposes mismatch (-want +got):\n%s", got.RecordID, all, diff)
	}
	if diff := cmp.Diff([]string{"granted granted", "granted granted", "withdrawn withdrawn"}, kinds(got)); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
	got = issue(t, r, vain)
	if diff := cmp.Diff([]string{"survey.research sms withdrawn"}, purposesOf(got)); diff != "" || len(got.Events) != 1 {
		t.Errorf("%d events; purposes mismatch (-want +got):\n%s", len(got.Events), diff)
	}
	got = issue(t, r, nothing)
	if len(got.Processing.Purposes) != 0 || len(got.Events) != 1 || got.Parties[0].Name != "Settings' name" {
		t.Errorf("a withdrawal of nothing: %+v", got)
	}
}

func TestAConsentThatWasEndedAndGivenAgainIsANewRecord(t *testing.T) {
	b := newBook()
	b.add(b.yes(consent.KindGranted, "news.company", 1))
	b.add(consent.Event{Kind: consent.KindWithdrawn, Scope: consent.ScopeAll})
	again := b.add(b.yes(consent.KindGranted, "news.company", 1))
	got := issue(t, newReceipts(t, b), again)
	if got.RecordID != string(again) || len(got.Events) != 1 {
		t.Errorf("record %s with %d events", got.RecordID, len(got.Events))
	}
}

func TestTheReceiptOfAConsentToAChangedTextHasItsOwnTerm(t *testing.T) {
	b := newBook()
	first := b.yes(consent.KindGranted, "news.company", 1)
	first.ValidUntil = march.AddDate(1, 0, 0)
	b.add(first)
	b.add(consent.Event{Kind: consent.KindStale, Scope: consent.ScopePurpose, Purpose: "ads.campaign", Channel: vocab.Email, TextVersion: 2}) // another text
	b.add(consent.Event{Kind: consent.KindStale, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email, TextVersion: 2})
	b.add(b.yes(consent.KindRequested, "news.company", 2))
	confirmed := b.yes(consent.KindConfirmed, "news.company", 2)
	confirmed.ValidUntil = march.AddDate(2, 0, 0)
	got := issue(t, newReceipts(t, b), b.add(confirmed))
	if diff := cmp.Diff([]string{"granted granted", "stale stale", "requested pending", "confirmed granted"}, kinds(got)); diff != "" {
		t.Errorf("events mismatch (-want +got):\n%s", diff)
	}
	if p := got.Processing.Purposes; len(p) != 1 || !p[0].ValidUntil.Equal(march.AddDate(2, 0, 0)) || p[0].StateAfter != consent.Granted {
		t.Errorf("purposes %+v, want one until %s", p, march.AddDate(2, 0, 0))
	}
}

func TestWhatHasNoReceipt(t *testing.T) {
	b := newBook()
	stale := b.add(consent.Event{Kind: consent.KindStale, Purpose: "news.company", Channel: vocab.Email, TextVersion: 2})
	grant := b.add(b.yes(consent.KindGranted, "news.company", 1))
	r := newReceipts(t, b)
	for _, id := range []vocab.ConsentEventID{stale, "cev_nothing"} {
		if _, err := r.Issue(t.Context(), id); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v, want not found", id, err)
		}
	}
	b.away = fault.Away("ledger", nil)
	if _, err := r.Issue(t.Context(), grant); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("with the ledger away: %v, want unavailable", err)
	}
}

func TestAReceiptDoesNotChangeByWhatComesLater(t *testing.T) {
	b := newBook()
	grant := b.add(b.yes(consent.KindGranted, "news.company", 1))
	r := newReceipts(t, b)
	first, err := r.Issue(t.Context(), grant)
	if err != nil {
		t.Fatal(err)
	}
	b.add(consent.Event{Kind: consent.KindStale, Purpose: "news.company", Channel: vocab.Email, TextVersion: 2})
	b.add(consent.Event{Kind: consent.KindWithdrawn, Scope: consent.ScopeAll})
	later := b.texts[0]
	later.Version = 2
	b.texts = append(b.texts, later)
	again, err := newReceipts(t, b).Issue(t.Context(), grant)
	if diff := cmp.Diff(first, again); diff != "" || err != nil {
		t.Errorf("%v, mismatch (-first +again):\n%s", err, diff)
	}
}

// checkInPython checks a JWS with the published key, with libraries that are not ours.
const checkInPython = `
import base64, json, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
given = json.load(sys.stdin)
def raw(s): return base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))
head, payload, signature = given["jws"].split(".")
header = json.loads(raw(head))
key = [k for k in given["keys"]["keys"] if k["kid"] == header["kid"]][0]
assert header["alg"] == "EdDSA" and key["kty"] == "OKP" and key["crv"] == "Ed25519", header
Ed25519PublicKey.from_public_bytes(raw(key["x"])).verify(raw(signature), (head + "." + payload).encode())
print(json.loads(raw(payload))["receipt_id"], header["typ"])
`

func TestAnotherImplementationBelievesTheSignature(t *testing.T) {
	python := testkit.NeedPython(t, "cryptography")
	b := newBook()
	grant := b.add(b.yes(consent.KindGranted, "news.company", 1))
	r := newReceipts(t, b)
	signed, err := r.Issue(t.Context(), grant)
	if err != nil {
		t.Fatal(err)
	}
	check := func(jws string) (string, error) {
		input, err := json.Marshal(map[string]any{"jws": jws, "keys": json.RawMessage(r.Keys())})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), python, "-c", checkInPython)
		cmd.Stdin = strings.NewReader(string(input))
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	if got, err := check(signed.JWS); err != nil || got != string(grant)+" "+ReceiptType {
		t.Errorf("Python reads %q, %v", got, err)
	}
	parts := strings.Split(signed.JWS, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), "news.company", "news.campany", 1)))
	if got, err := check(strings.Join(parts, ".")); err == nil {
		t.Errorf("Python believes another document: %q", got)
	}
}

func TestKeysOfKindsDiffer(t *testing.T) {
	a, err := SigningKey([]byte("one secret"), "receipt")
	if err != nil {
		t.Fatal(err)
	}
	b, err := SigningKey([]byte("one secret"), "checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	c, err := SigningKey([]byte("another secret"), "receipt")
	if err != nil {
		t.Fatal(err)
	}
	if a.Equal(b) || a.Equal(c) {
		t.Error("two kinds, or two secrets, have one key")
	}
	// HKDF-SHA256 with no salt and the info "elshi receipt v1", as another implementation (pyca/cryptography) derives it.
	const want = "k84O1W7E38SI6WACpTpS+jAE5De/Ia1PtaiBIdy3e1U="
	if got := base64.StdEncoding.EncodeToString(a.Public().(ed25519.PublicKey)); got != want {
		t.Errorf("the public key is %s, want %s", got, want)
	}
}
