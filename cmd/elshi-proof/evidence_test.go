package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/orleu/elshi/tlog"
)

// evidenceFile is what package evidence gave out in its own tests, and the key that sealed it.
func evidenceFile(t testing.TB, name string) (text, publicKey string) {
	t.Helper()
	raw, err := os.ReadFile("../../evidence/testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Evidence struct {
			PublicKey string `json:"public_key"`
		} `json:"evidence"`
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return string(raw), d.Evidence.PublicKey
}

// proveEvidence runs the command on a document.
func proveEvidence(key, text string) (code int, out, complaints string) {
	var o, c bytes.Buffer
	code = run([]string{"--public-key", key}, strings.NewReader(text), &o, &c)
	return code, o.String(), c.String()
}

func TestTheEvidenceOfAMessageIsCheckedAsItIs(t *testing.T) {
	text, key := evidenceFile(t, "consent")
	code, out, complaints := proveEvidence(key, text)
	for _, want := range []string{
		"Allowed on 3 March 2026 at 10:04 (Asia/Almaty), because", "It was delivered",
		"this evidence of msg_06gywnjy01xbs0938nkrkaydxw is what elshi.example.org/consent-ledger gave out at 2026-11-23T05:00:00Z",
		"entry 1 (cev_06gywnjy01xbs0938nkrkaydx0): requested", "entry 2 (cev_06gywnjy01xbs0938nkrkaydx4): confirmed",
		"this entry stood in the ledger of 2 entries", "the words in it are those that entry 2 names",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if code != proved || complaints != "" {
		t.Errorf("exit code %d\n%s%s", code, out, complaints)
	}
	text, key = evidenceFile(t, "legal")
	if code, out, complaints := proveEvidence(key, text); code != proved || !strings.Contains(out, "it rests on no entry of the consent ledger") {
		t.Errorf("of a legal duty: exit code %d\n%s%s", code, out, complaints)
	}
	var compact bytes.Buffer // another program may have written it anew
	if err := json.Compact(&compact, []byte(text)); err != nil {
		t.Fatal(err)
	}
	if code, _, complaints := proveEvidence(key, compact.String()); code != proved {
		t.Errorf("of the same without white space: exit code %d, %s", code, complaints)
	}
}

// Every byte that is more than white space counts; a seventh of them are tried.
func TestNoByteOfTheEvidenceMayBeChanged(t *testing.T) {
	text, key := evidenceFile(t, "consent")
	for i := 0; i < len(text); i += 7 {
		if strings.ContainsRune(" \n", rune(text[i])) {
			continue
		}
		changed := text[:i] + string(text[i]^1) + text[i+1:]
		if code, out, _ := proveEvidence(key, changed); code == proved {
			t.Errorf("byte %d %q became %q: exit code %d\n%s", i, text[max(0, i-20):i+1], changed[i], code, out)
		}
	}
	for name, changed := range map[string]string{
		"a member before":     strings.Replace(text, `"evidence"`, `"Evidence": {}, "evidence"`, 1),
		"a member twice":      strings.Replace(text, `"seal"`, `"evidence": {}, "seal"`, 1),
		"a member inside":     strings.Replace(text, `"verdict": "allow"`, `"verdict": "deny", "verdict": "allow"`, 1),
		"something behind it": text + "{}",
		"no seal":             text[:strings.LastIndex(text, `"seal"`)] + `"seal": ""}`,
		"cut off":             text[:len(text)/2],
		"too long":            text[:1] + strings.Repeat(" ", maxEvidence) + text[1:],
		"of another form":     strings.Replace(text, "elshi-message-evidence/1", "elshi-message-evidence/2", 1),
	} {
		if code, out, complaints := proveEvidence(key, changed); code == proved || out != "" || complaints == "" {
			t.Errorf("%s: exit code %d, %q %q", name, code, out, complaints)
		}
	}
	_, other := document(t)
	if code, _, complaints := proveEvidence(other, text); code != proved { // the same seed under another name is the same key
		t.Errorf("under another name of the key: %d, %s", code, complaints)
	}
	if code, _, complaints := proveEvidence("elshi.example.org/consent-ledger+64527096+ATml8fiiSsxI/zjOg58Aa0fXoJVEMqhrz5XhsE8TZqFM", text); code != refuted || !strings.Contains(complaints, "not of this key") {
		t.Errorf("another key: exit code %d, %s", code, complaints)
	}
}

// Whoever has the key can seal anything: what the seal is over must hold together all the same.
func TestASealedLieIsRefusedWhereTheLedgerKnowsBetter(t *testing.T) {
	text, key := evidenceFile(t, "consent")
	for name, tc := range map[string]struct{ from, to, complaint string }{
		"other words":           {`"statement": "`, `"statement": "x`, "the words are not those"},
		"another value":         {`"value": "192.0.2.7"`, `"value": "192.0.2.8"`, "not the one that the entry commits to"},
		"another entry":         {`"kind": "confirmed"`, `"kind": "granted"`, "the proof is about another entry"},
		"another purpose":       {`"purpose": "news.company"`, `"purpose": "ads.campaign"`, "proves no entry"},
		"another decision":      {`"consent_event_id": "cev_06gywnjy01xbs0938nkrkaydx4"`, `"consent_event_id": "cev_06gywnjy01xbs0938nkrkaydx8"`, "proves no entry"},
		"a proof that is wrong": {`"leaf_index": 0`, `"leaf_index": 1`, "cannot stand at leaf"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(text, tc.from) {
				t.Fatalf("the document has no %q", tc.from)
			}
			code, out, complaints := proveEvidence(key, reseal(t, strings.Replace(text, tc.from, tc.to, 1)))
			if code != refuted || out != "" || !strings.Contains(complaints, tc.complaint) {
				t.Errorf("exit code %d\n%s%s", code, out, complaints)
			}
		})
	}
}

// reseal seals a document that was changed, with the key that its tests use.
func reseal(t *testing.T, text string) string {
	t.Helper()
	s, e, err := parseEvidence([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(sealedBy(t, tlog.Statement{Kind: evidenceSeal, Subject: string(e.Message.ID)}, s.Evidence))
}

func FuzzEvidence(f *testing.F) {
	text, key := evidenceFile(f, "consent")
	f.Add(text)
	f.Add(`{"evidence":{"format":"elshi-message-evidence/1"},"seal":""}`)
	f.Add(`{"evidence":[{"a":1,"a":2}],"seal":1}`)
	genuine := compacted(f, []byte(text))
	f.Fuzz(func(t *testing.T, in string) {
		if code, _, _ := proveEvidence(key, in); code == proved && isEvidence([]byte(in)) && compacted(t, []byte(in)) != genuine {
			t.Errorf("%q was proved", in)
		}
	})
}

// compacted is the evidence of a document without white space.
func compacted(t testing.TB, text []byte) string {
	t.Helper()
	s, _, err := parseEvidence(text)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, s.Evidence); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// sealedBy returns a document with a seal.
func sealedBy(t *testing.T, x tlog.Statement, evidence json.RawMessage) []byte {
	t.Helper()
	signer, err := tlog.NewSigner("elshi.example.org/consent-ledger", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, evidence); err != nil {
		t.Fatal(err)
	}
	x.Digest = sha256.Sum256(compact.Bytes())
	seal, err := signer.SignStatement(x)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := json.Marshal(seal)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, `{"evidence":%s,"seal":%s}`, evidence, signed)
}
