package evidence_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/evidence"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

var update = flag.Bool("update", false, "write testdata")

// shape is what of a document tells the kinds of evidence apart.
type shape struct {
	Verdict, Outcome string
	Notes            []string
	Grant            string // state then, state now
	Entries          string // roles in order
	Words            evidence.WordsState
	Content          evidence.ContentState
	Suppressions     int
}

func shapeOf(d evidence.Document) shape {
	s := shape{Verdict: d.Summary.Verdict, Outcome: d.Summary.Outcome, Content: d.Content.State, Suppressions: len(d.Suppressions)}
	if len(d.Summary.Notes) > 0 {
		s.Notes = d.Summary.Notes
	}
	if d.Grant != nil {
		s.Grant = string(d.Grant.StateThen) + ", " + string(d.Grant.StateNow)
	}
	var roles []string
	for _, e := range d.Entries {
		roles = append(roles, string(e.Role))
	}
	s.Entries = strings.Join(roles, " ")
	if d.Words != nil {
		s.Words = d.Words.State
	}
	return s
}

func TestEveryKindOfGroundIsSaid(t *testing.T) {
	const when = "on 3 March 2026 at 10:04 (Asia/Almaty)"
	for name, tc := range map[string]struct {
		change func(*world)
		want   shape
	}{
		"a grant by double opt-in": {func(*world) {}, shape{
			Verdict: "Allowed " + when + ", because the recipient had agreed to “Newsletters” by email on 1 March 2026 at 09:03, confirmed it by the link in a letter and had not taken it back.",
			Outcome: "It was delivered: the report came on 3 March 2026 at 10:05.",
			Grant:   "granted, granted", Entries: "request ground", Words: "kept", Content: "kept",
		}},
		"a grant that was taken back later": {func(w *world) {
			w.append(consent.Event{ID: withdrew, Kind: consent.KindWithdrawn, ContactID: aContact, Scope: consent.ScopeAll, Source: consent.SourceOneClick, At: later})
			w.held[0].Grant = consent.Grant{State: consent.Withdrawn, Since: later, Event: withdrew}
		}, shape{
			Verdict: "Allowed " + when + ", because the recipient had agreed to “Newsletters” by email on 1 March 2026 at 09:03, confirmed it by the link in a letter and had not taken it back.",
			Outcome: "It was delivered: the report came on 3 March 2026 at 10:05.",
			Notes:   []string{"After the decision the consent changed: it is now withdrawn, since 5 March 2026 at 11:00."},
			Grant:   "granted, withdrawn", Entries: "request ground later", Words: "kept", Content: "kept",
		}},
		"a legal duty": {func(w *world) { w.rests(vocab.Legal, "legal.policy_change", consent.BasisObligation) }, shape{
			Verdict: "Allowed " + when + ", because the law and the privacy policy oblige the organisation to tell this (“Change of the privacy policy”). No consent is needed.",
			Outcome: "It was delivered: the report came on 3 March 2026 at 10:05.", Content: "kept",
		}},
		"a service in use": {func(w *world) { w.rests(vocab.Service, "service.notice", consent.BasisService) }, shape{
			Verdict: "Allowed " + when + ", because it is about a service that the recipient uses, and the recipient had not opted out of such notices.",
			Outcome: "It was delivered: the report came on 3 March 2026 at 10:05.", Content: "kept",
		}},
		"a one-time code": {func(w *world) {
			w.rests(vocab.Security, "account.identity", consent.BasisRequest)
			w.message.TriggerID, w.message.TriggerAt = "sign-in", decided.Add(-2*time.Minute)
		}, shape{
			Verdict: "Allowed " + when + ", because it answers a request, an order or a participation of the recipient's own (3 March 2026 at 10:02). No separate consent is needed.",
			Outcome: "It was delivered: the report came on 3 March 2026 at 10:05.", Content: "hidden",
		}},
		"refused for a withdrawal": {func(w *world) {
			w.append(consent.Event{
				ID: withdrew, Kind: consent.KindWithdrawn, ContactID: aContact, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email,
				Source: consent.SourceOneClick, At: decided.Add(-time.Hour),
			})
			w.held[0].Grant = consent.Grant{State: consent.Withdrawn, Since: decided.Add(-time.Hour), Event: withdrew}
			w.deny(withdrew, consent.ConsentWithdrawn)
		}, shape{
			Verdict: "Refused " + when + ". Why: The recipient has withdrawn their consent.", Outcome: "It was not sent.",
			Grant: "withdrawn, withdrawn", Entries: "request earlier ground", Words: "kept", Content: "kept",
		}},
		"refused for a consent that was never asked for": {func(w *world) {
			w.entries, w.held = nil, nil
			w.deny("", consent.NoConsent)
		}, shape{
			Verdict: "Refused " + when + ". Why: The recipient has not consented to this purpose.", Outcome: "It was not sent.",
			Grant: "none, none", Words: "unknown", Content: "kept",
		}},
		"refused because it had run out by the clock": {func(w *world) {
			w.entries[1].ValidUntil = decided
			w.deny(granted, consent.ConsentExpired)
		}, shape{
			Verdict: "Refused " + when + ". Why: The consent has expired.", Outcome: "It was not sent.",
			Grant: "expired, granted", Entries: "request ground", Words: "kept", Content: "kept",
		}},
		"refused for a material change of the text": {func(w *world) {
			w.append(consent.Event{ID: withdrew, Kind: consent.KindStale, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email, TextVersion: 2, At: decided.Add(-time.Hour)})
			w.held[0].Grant.State = consent.Stale
			w.deny(withdrew, consent.ConsentStale)
		}, shape{
			Verdict: "Refused " + when + ". Why: The text of the consent has changed, so it must be asked for again.", Outcome: "It was not sent.",
			Grant: "stale, stale", Entries: "request earlier ground", Words: "kept", Content: "kept",
		}},
		"refused for a suppression": {func(w *world) {
			w.rests(vocab.Legal, "legal.policy_change", consent.BasisObligation)
			w.deny("", consent.SuppressedHardBounce)
			w.suppressions = []contacts.Suppression{
				{ID: "sup_1", Reason: contacts.HardBounce, Origin: "bounce", CreatedAt: asked},
				{ID: "sup_2", Reason: contacts.Manual, Origin: "mem_x", CreatedAt: later},
				{ID: "sup_3", Reason: contacts.Complaint, Origin: "complaint", CreatedAt: asked, LiftedAt: confirmed},
			}
		}, shape{
			Verdict: "Refused " + when + ". Why: An earlier message came back: there is no such mailbox or number.", Outcome: "It was not sent.",
			Content: "kept", Suppressions: 1,
		}},
		"held": {func(w *world) {
			w.message.Status, w.message.SentAt = dispatcher.Held, time.Time{}
			w.message.Decision.Verdict, w.message.Decision.Reason, w.message.Decision.All = consent.Hold, consent.QuietHours, []consent.Reason{consent.QuietHours}
		}, shape{
			Verdict: "Held " + when + ". Why: These are quiet hours; the message goes out when they end.",
			Outcome: "It was not sent yet: it is held and will be decided again.",
			Grant:   "granted, granted", Entries: "request ground", Words: "kept", Content: "kept",
		}},
		"an erased contact": {func(w *world) {
			w.addressee, w.payload, w.beside = evidence.Addressee{ErasedAt: later}, dispatcher.StoredContent{}, nil
			w.attempts[0].Detail = ""
		}, shape{
			Verdict: "Allowed " + when + ", because the recipient had agreed to “Newsletters” by email on 1 March 2026 at 09:03, confirmed it by the link in a letter and had not taken it back.",
			Outcome: "It was delivered: the report came on 3 March 2026 at 10:05.",
			Notes:   []string{"The recipient's data were erased on 5 March 2026 at 11:00. Name, address and content are not kept any more; the decision and the consent ledger are."},
			Grant:   "granted, granted", Entries: "request ground", Words: "kept", Content: "gone",
		}},
		"content that aged out, of a version that is gone, to a contact that was merged": {func(w *world) {
			w.payload, w.version.ID, w.addressee.MergedInto = dispatcher.StoredContent{}, "tpv_other", "con_other"
		}, shape{
			Verdict: "Allowed " + when + ", because the recipient had agreed to “Newsletters” by email on 1 March 2026 at 09:03, confirmed it by the link in a letter and had not taken it back.",
			Outcome: "It was delivered: the report came on 3 March 2026 at 10:05.",
			Notes:   []string{"This contact later became another one: con_other.", "What the message said is not kept any more: it was erased, or past its retention."},
			Grant:   "granted, granted", Entries: "request ground", Words: "kept", Content: "gone",
		}},
		"words that are not published here": {func(w *world) { w.texts = nil }, shape{
			Verdict: "Allowed " + when + ", because the recipient had agreed to “Newsletters” by email on 1 March 2026 at 09:03, confirmed it by the link in a letter and had not taken it back.",
			Outcome: "It was delivered: the report came on 3 March 2026 at 10:05.",
			Grant:   "granted, granted", Entries: "request ground", Words: "elsewhere", Content: "kept",
		}},
		"content that reads otherwise now, in a test that may have gone twice": {func(w *world) {
			w.content.Text, w.message.Mode, w.message.PossibleDup = "other", dispatcher.Test, true
		}, shape{
			Verdict: "Allowed " + when + ", because the recipient had agreed to “Newsletters” by email on 1 March 2026 at 09:03, confirmed it by the link in a letter and had not taken it back.",
			Outcome: "It was delivered: the report came on 3 March 2026 at 10:05.",
			Notes: []string{
				"This was asked for with a test key: it goes to the catcher and never to the recipient.",
				"Mind: rendered again, the text does not have the hash of what was sent.", "An earlier attempt may have arrived too.",
			},
			Grant: "granted, granted", Entries: "request ground", Words: "kept", Content: "kept",
		}},
		"a ledger that is not what was written": {func(w *world) {
			w.broken = &fault.Error{Kind: fault.Conflict, Code: "ledger_not_intact", Detail: "entry 1 was changed"}
		}, shape{
			Verdict: "Allowed " + when + ", because the recipient had agreed to “Newsletters” by email on 1 March 2026 at 09:03, confirmed it by the link in a letter and had not taken it back.",
			Outcome: "It was delivered: the report came on 3 March 2026 at 10:05.",
			Notes:   []string{"An entry of the ledger could not be proved; see how to check, below."},
			Grant:   "granted, granted", Entries: "request ground", Words: "kept", Content: "kept",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tc.change(w)
			sealed := w.of(t, vocab.English)
			if diff := cmp.Diff(tc.want, shapeOf(sealed.Document)); diff != "" {
				t.Errorf("evidence mismatch (-want +got):\n%s", diff)
			}
			for _, lang := range vocab.Languages() { // never fails, whatever is missing
				s := w.of(t, lang)
				var page, pdf bytes.Buffer
				if err := errors.Join(w.maker(t).Page(&page, s), w.maker(t).PDF(&pdf, s)); err != nil {
					t.Errorf("%s: %v", lang, err)
				}
				if said := s.Document.Summary; strings.ContainsAny(said.Verdict+said.Outcome+strings.Join(said.Notes, ""), "{}") || said.Outcome == "" {
					t.Errorf("%s: unfinished sentences %+v", lang, said)
				}
			}
		})
	}
}

func TestALedgerThatIsAwayIsNoEvidence(t *testing.T) {
	for name, away := range map[string]func(*world, error){
		"everything": func(w *world, err error) { w.away = err }, "the notary": func(w *world, err error) { w.broken = err },
	} {
		w := newWorld(t)
		away(w, fault.Away("database", errors.New("gone")))
		if _, err := w.maker(t).Of(t.Context(), w.message, evidence.Reader{Full: true}, today); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: got error %v, want unavailable", name, err)
		}
	}
}

func TestWhoMayNotSeeWhoItIsSeesNothingThatTells(t *testing.T) {
	w := newWorld(t)
	sealed, err := w.maker(t).Of(t.Context(), w.message, evidence.Reader{Language: vocab.Russian}, today)
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := w.maker(t).Page(&page, sealed); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"aigul.serikkyzy", "Ғабдуллина", "көктемгі", "192.0.2.7"} {
		if strings.Contains(string(sealed.JSON)+page.String(), secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	d := sealed.Document
	if !d.Recipient.Masked || d.Recipient.Address != "a***@example.org" || d.Content.State != evidence.ContentWithheld || d.Attempts[0].Detail != "Ok: queued as 4Bx9 for <a***@example.org>" {
		t.Errorf("recipient %+v, content %+v, attempt %+v", d.Recipient, d.Content, d.Attempts[0])
	}
	w.addressee.Address = ""
	if sealed, err = w.maker(t).Of(t.Context(), w.message, evidence.Reader{}, today); err != nil || sealed.Document.Attempts[0].Detail != "***" {
		t.Errorf("words about an address that is not known: %q, %v", sealed.Document.Attempts[0].Detail, err)
	}
}

// The file is checked by the command elshi-proof, too (cmd/elshi-proof).
func TestTheDocumentIsWhatTheGoldenFileSays(t *testing.T) {
	for name, change := range map[string]func(*world){
		"consent": func(*world) {}, "legal": func(w *world) { w.rests(vocab.Legal, "legal.policy_change", consent.BasisObligation) },
	} {
		w := newWorld(t)
		change(w)
		got, file := w.of(t, vocab.English).JSON, "testdata/"+name+".json"
		if *update {
			if err := os.WriteFile(file, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s mismatch (-want +got); if it is meant, run with -update:\n%s", file, diff)
		}
		var back struct{ Evidence evidence.Document }
		if err := json.Unmarshal(got, &back); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
