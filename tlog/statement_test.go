package tlog_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/tlog"
)

func TestAStatementIsOpenedByItsKeyAloneAndIsNoHead(t *testing.T) {
	signer, err := tlog.NewSigner("log.example/ledger", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	other, err := tlog.NewSigner("log.example/ledger", ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", ed25519.SeedSize))))
	if err != nil {
		t.Fatal(err)
	}
	want := tlog.Statement{Kind: "a document v1", Subject: "doc_1", Digest: sha256.Sum256([]byte("words")), At: time.Date(2026, 3, 3, 5, 4, 0, 0, time.UTC)}
	note, err := signer.SignStatement(want)
	if err != nil {
		t.Fatal(err)
	}
	got, by, err := signer.Verifier().OpenStatement("a document v1", note)
	if err != nil || by != "log.example/ledger" {
		t.Fatalf("open: %v, by %q", err, by)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statement mismatch (-want +got):\n%s", diff)
	}
	head, err := signer.Sign(tlog.Checkpoint{Size: 2, At: want.At})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		key        *tlog.Signer
		kind, note string
	}{
		"another key":     {other, "a document v1", note},
		"another kind":    {signer, "a document v2", note},
		"another subject": {signer, "a document v1", strings.Replace(note, "doc_1", "doc_2", 1)},
		"a head":          {signer, "log.example/ledger", head},
		"nothing":         {signer, "a document v1", ""},
		"far too long":    {signer, "a document v1", note + strings.Repeat("x", 1<<17)},
	} {
		if _, _, err := tc.key.Verifier().OpenStatement(tc.kind, tc.note); err == nil {
			t.Errorf("%s was opened", name)
		}
	}
	if _, err := signer.Verifier().Open(note); err == nil {
		t.Error("a statement was opened as a head of the log")
	}
	for _, wrong := range []tlog.Statement{{Kind: "nospace"}, {Kind: "two lines\n", Subject: "x"}, {Kind: "a kind", Subject: "x\ny"}} {
		if _, err := signer.SignStatement(wrong); err == nil {
			t.Errorf("%+v was signed", wrong)
		}
	}
}
