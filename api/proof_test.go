package api_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"testing"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/notary"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/tlog"
)

// ledgerDoor is a notary that holds the ledger against its own heads.
type ledgerDoor struct{ *notary.Notary }

func (d ledgerDoor) Audit(ctx context.Context) (notary.Audit, error) {
	return d.Notary.Audit(ctx, notary.Outside{Key: d.Verifier()})
}

func notaryOf(t *testing.T, consents *store.Consents, now func() time.Time) *notary.Notary {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	signer, err := tlog.NewSigner("elshi.example/consent-ledger", key)
	if err != nil {
		t.Fatal(err)
	}
	return notary.New(consents, signer, "", now)
}

func TestAGrantIsProvedToWhoeverHasTheKey(t *testing.T) {
	s := newStreet(t)
	made := s.call(t, 201, "POST", "/v1/contacts", `{"name":"Айгүл","addresses":[{"email":"aigul@example.org","verified":true}]}`)
	granted := s.call(t, 201, "POST", "/v1/consents", `{"contact_id":"`+made["id"].(string)+`","kind":"grant","purpose":"news.company","channel":"email"}`)
	key, err := tlog.NewVerifier(s.call(t, 200, "GET", "/v1/consent-ledger/public-key", "")["public_key"].(string))
	if err != nil {
		t.Fatal(err)
	}
	document := s.call(t, 200, "GET", "/v1/consent-ledger/entries/"+granted["event_id"].(string)+"/proof", "")
	delete(document, "replayed")
	raw, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	p, err := consent.ParseEntryProof(raw)
	if err != nil {
		t.Fatal(err)
	}
	head, err := p.Check(key)
	if err != nil || head.Size != 1 || p.Entry.Purpose != "news.company" {
		t.Errorf("%+v, %v: %s", head, err, raw)
	}
	if list := s.call(t, 200, "GET", "/v1/consent-ledger/checkpoints", "")["data"].([]any); len(list) != 1 {
		t.Errorf("%d signed heads, want the one that the proof needed", len(list))
	}
	if found := s.call(t, 200, "GET", "/v1/consent-ledger/verify", ""); found["intact"] != true || found["signed_heads"] != 1.0 {
		t.Errorf("%v", found)
	}
}
