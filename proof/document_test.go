package proof_test

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/orleu/elshi/proof"
)

func certificateKey(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	key, err := proof.SigningKey(bytes.Repeat([]byte{7}, 32), "certificate")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestASignedDocumentIsReadAndCheckedByAnybody(t *testing.T) {
	key := certificateKey(t)
	signer, err := proof.NewSigner(key, "elshi-erasure+jws")
	if err != nil {
		t.Fatal(err)
	}
	want := []byte(`{"id":"era_1"}`)
	jws, err := signer.Sign(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := proof.Document(jws); err != nil || !bytes.Equal(got, want) {
		t.Errorf("Document = %s, %v", got, err)
	}
	parsed, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parsed.Verify(key.Public()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("Verify = %s, %v", got, err)
	}
	other, err := proof.SigningKey(bytes.Repeat([]byte{7}, 32), "receipt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parsed.Verify(other.Public()); err == nil {
		t.Error("a key of another kind of proof verifies it")
	}
}

func FuzzDocument(f *testing.F) {
	f.Add("a.e30.b")
	f.Add("..")
	f.Add("a.!.b")
	f.Fuzz(func(t *testing.T, jws string) {
		if document, err := proof.Document(jws); err != nil && document != nil {
			t.Errorf("Document(%q) = %q with error %v", jws, document, err)
		}
	})
}
