package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/orleu/elshi/evidence"
	"github.com/orleu/elshi/tlog"
)

// evidenceOf asks for the evidence of a message and checks its seal with nothing but the public key.
func (s *street) evidenceOf(t *testing.T, message string) evidence.Document {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/messages/"+message+"/evidence?lang=en", nil)
	r.Header.Set("Authorization", "Bearer "+s.secret)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var got struct {
		Evidence json.RawMessage `json:"evidence"`
		Seal     string          `json:"seal"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
		t.Fatalf("%d: %v\n%s", w.Code, err, w.Body)
	}
	var d evidence.Document
	if err := json.Unmarshal(got.Evidence, &d); err != nil {
		t.Fatal(err)
	}
	key, err := tlog.NewVerifier(s.call(t, 200, "GET", "/v1/consent-ledger/public-key", "")["public_key"].(string))
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, got.Evidence); err != nil {
		t.Fatal(err)
	}
	seal, _, err := key.OpenStatement(evidence.SealKind, got.Seal)
	if err != nil || seal.Digest != sha256.Sum256(compact.Bytes()) || seal.Subject != message {
		t.Errorf("seal %+v, %v", seal, err)
	}
	for _, e := range d.Entries {
		if e.Role != evidence.RoleGround {
			continue
		}
		if _, err := e.Proof.Check(key); err != nil {
			t.Errorf("entry %s: %v", e.Entry.ID, err)
		}
	}
	return d
}

func TestEvidenceOverTheLedgerBeforeAndAfterAnErasure(t *testing.T) {
	s := newStreet(t)
	s.call(t, 201, "POST", "/v1/templates", newsletter)
	contact := s.call(t, 201, "POST", "/v1/contacts", `{"name":"Айгүл","addresses":[{"email":"aigul@example.org","verified":true}]}`)["id"].(string)
	send := func(more string) string {
		return s.call(t, 202, "POST", "/v1/messages", `{"to":{"contact_id":"`+contact+`"},"channel":"email",`+more+`}`)["id"].(string)
	}
	const news = `"purpose":"news.company","template":"hello","data":{"name":"Айгүл"}`
	refused := send(news)
	event := s.call(t, 201, "POST", "/v1/consents", `{"contact_id":"`+contact+`","kind":"grant","purpose":"news.company","channel":"email","evidence":"192.0.2.7"}`)["event_id"].(string)
	allowed := send(news)

	d := s.evidenceOf(t, refused)
	if d.Decision.Verdict != "deny" || d.Grant.StateThen != "none" || d.Grant.StateNow != "granted" || len(d.Attempts) != 0 || !strings.HasPrefix(d.Summary.Verdict, "Refused on") {
		t.Errorf("refused: %+v, %+v", d.Decision, d.Grant)
	}
	d = s.evidenceOf(t, allowed)
	if d.Decision.Verdict == "deny" || string(d.Decision.ConsentEventID) != event || d.Grant.StateThen != "granted" || d.Recipient.Address != "aigul@example.org" ||
		d.Content.State != evidence.ContentKept || d.Content.Subject == "" || d.Entries[0].Beside.Check(d.Entries[0].Entry.Commitment) != nil {
		t.Errorf("allowed: %+v", d)
	}
	s.call(t, 200, "DELETE", "/v1/contacts/"+contact, "")
	d = s.evidenceOf(t, allowed)
	if d.Recipient.Address != "" || d.Recipient.ErasedAt.IsZero() || d.Content.State == evidence.ContentKept || d.Entries[0].Beside != nil || d.Grant.StateThen != "granted" {
		t.Errorf("erased: %+v", d)
	}
}
