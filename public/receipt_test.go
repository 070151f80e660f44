package public

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/proof"
	"github.com/orleu/elshi/vocab"
)

const (
	withdrawalID = vocab.ConsentEventID("cev_01jd0000000000000000000004")
	strangerID   = vocab.ConsentEventID("cev_01jd0000000000000000000008")
)

// drawer holds the receipts of a grant, of a withdrawal, and of somebody else behind the same address.
type drawer struct{ away error }

func (d drawer) Issue(_ context.Context, id vocab.ConsentEventID) (proof.Signed, error) {
	if d.away != nil {
		return proof.Signed{}, d.away
	}
	who, kind := contactID, consent.KindGranted
	switch id {
	case eventID:
	case withdrawalID:
		kind = consent.KindWithdrawn
	case strangerID:
		who = "con_stranger"
	default:
		return proof.Signed{}, fault.Missing("consent_event_not_found", "none")
	}
	text := consent.BuiltinTexts(consent.Operator{Name: map[vocab.Language]string{"kk": "Өрлеу", "ru": "Центр", "en": "Orleu"}, BIN: "000000000000"})[0]
	v := text.Variants[vocab.Russian]
	return proof.Signed{JWS: "a.b.c", Receipt: proof.Receipt{
		ReceiptID: string(id), RecordID: string(eventID), PIIPrincipalID: string(who),
		Processing: proof.Processing{PrivacyNotice: "2026-09", Language: vocab.Russian, Purposes: []proof.PurposeEntry{
			{
				ID: "news.company", Name: "Новости", Channel: vocab.Email, Purpose: v.Uses, PIIInformation: []proof.PIIEntry{{Type: v.Data[0]}, {Type: v.Data[1]}},
				RetentionPeriod: v.Term, RecipientThirds: v.ThirdParties, WithdrawalMethod: v.Withdrawal, ValidUntil: granted.AddDate(2, 0, 0),
				Text: &proof.TextEntry{Version: 4, Language: vocab.Russian, Title: v.Title, Statement: v.Statement + " <b>"},
			},
			{ID: consent.ProcessingCore, Name: "Обработка"},
		}},
		Parties: []proof.Party{{Name: "Центр", BIN: "000000000000"}},
		Events:  []proof.EventEntry{{Type: consent.KindRequested, Time: granted}, {Type: kind, Time: granted}},
	}}, nil
}

func (drawer) Keys() []byte { return []byte(`{"keys":[]}`) }

func receiptPath(h *house, id vocab.ConsentEventID) string { return "/r/" + h.links.ReceiptToken(id) }

func TestTheReceiptPageSaysWhatWasAgreedToInThreeLanguages(t *testing.T) {
	h := newHouse(t)
	for lang, want := range map[string][]string{
		"":   {"Квитанция о вашем согласии", `lang="ru"`, "Согласие запрошено"},
		"kk": {"Келісіміңіздің түбіртегі", "Келісім берілді", "Жаңалықтар", "Дербес деректерді өңдеу", "12.03.2028"},
		"en": {"Receipt of your consent", "Consent was given", "Newsletters", "Processing of personal data", "12 March 2028", "version 4", "not published in this system"},
	} {
		path := receiptPath(h, eventID)
		if lang != "" {
			path += "?lang=" + lang
		}
		got := h.ask(t, http.MethodGet, path, "", "Accept", browser)
		body := got.Body.String()
		if got.Code != http.StatusOK {
			t.Fatalf("%s: got %d", lang, got.Code)
		}
		// The words stay in the language they were shown in, and are text.
		wantContains(t, body, append(want, `<blockquote lang="ru">`, "Я даю согласие", "&lt;b&gt;", string(eventID), string(contactID), "000000000000", "/receipt.json")...)
		if strings.Contains(body, "<script") || strings.Contains(body, "@") {
			t.Errorf("%s: there is a script, or an address, on the page", lang)
		}
	}
	ended := h.ask(t, http.MethodGet, receiptPath(h, withdrawalID)+"?lang=en", "", "Accept", browser).Body.String()
	wantContains(t, ended, "Receipt of your withdrawal", "Consent was taken back")
}

func TestTheSignedReceiptIsAFileAndTheKeyIsPublic(t *testing.T) {
	h := newHouse(t)
	got := h.ask(t, http.MethodGet, receiptPath(h, eventID)+"/receipt.json", "")
	if got.Header().Get("Content-Disposition") != `attachment; filename="`+string(eventID)+`.json"` || got.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", got.Header())
	}
	var file struct {
		Receipt proof.Receipt
		JWS     string
	}
	if err := json.Unmarshal(got.Body.Bytes(), &file); err != nil || file.JWS != "a.b.c" || file.Receipt.ReceiptID != string(eventID) {
		t.Errorf("%v: %s", err, got.Body)
	}
	keys := h.ask(t, http.MethodGet, "/.well-known/elshi-keys.json", "")
	if keys.Body.String() != `{"keys":[]}` || keys.Header().Get("Content-Type") != "application/jwk-set+json" {
		t.Errorf("%s, %v", keys.Body, keys.Header())
	}
}

func TestReceiptsThatAreNotShown(t *testing.T) {
	h := newHouse(t)
	marketing := h.message(vocab.Marketing).ID
	for name, tc := range map[string]struct {
		method, path string
		status       int
	}{
		"of nothing":               {"GET", receiptPath(h, "cev_01jd000000000000000000000g"), 404},
		"by a message's token":     {"GET", "/r/" + h.links.Token("r", marketing), 404},
		"by an unsubscribe token":  {"GET", "/r/" + h.links.Token("u", marketing), 404},
		"by no token":              {"GET", "/r/nothing/receipt.json", 404},
		"by a press":               {"POST", receiptPath(h, eventID), 405},
		"a receipt's token at /u/": {"GET", "/u/" + h.links.ReceiptToken(eventID), 404},
	} {
		if got := h.ask(t, tc.method, tc.path, "", "Accept", browser); got.Code != tc.status {
			t.Errorf("%s: got %d, want %d", name, got.Code, tc.status)
		}
	}
	h.receipts.away = errAway
	if got := h.ask(t, "GET", receiptPath(h, eventID), "", "Accept", browser); got.Code != http.StatusServiceUnavailable {
		t.Errorf("with the ledger away: %d", got.Code)
	}
}

func TestAWithdrawalLinksToItsReceiptAndToNobodyElses(t *testing.T) {
	h := newHouse(t)
	h.events = []vocab.ConsentEventID{strangerID, withdrawalID}
	presses := map[dispatcher.LinkKind]string{"u": oneBody, "p": "stop=all"}
	for kind, body := range presses {
		page := h.ask(t, http.MethodPost, h.path(kind, vocab.Marketing)+"?lang=en", body, "Content-Type", form, "Accept", browser).Body.String()
		wantContains(t, page, `href="`+receiptPath(h, withdrawalID)+`?lang=en"`, "Open the receipt")
		if strings.Contains(page, h.links.ReceiptToken(strangerID)) {
			t.Errorf("/%s links to somebody else's receipt", kind)
		}
	}
	h.receipts.away = errAway // what happened has happened
	for kind, body := range presses {
		got := h.ask(t, http.MethodPost, h.path(kind, vocab.Marketing)+"?lang=en", body, "Content-Type", form, "Accept", browser)
		if got.Code != http.StatusOK || strings.Contains(got.Body.String(), "Open the receipt") {
			t.Errorf("/%s: got %d, want 200 without a link", kind, got.Code)
		}
	}
}
