package proof

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// Signer signs documents as JWS (RFC 7515) with Ed25519 (RFC 8037). The same document has the same signature each time. It is safe for
// concurrent use.
type Signer struct {
	signer jose.Signer
	keys   []byte
}

// NewSigner returns a signer. typ says in each signature what kind of document it is of, and the key is named by its thumbprint (RFC 7638).
func NewSigner(key ed25519.PrivateKey, typ string) (*Signer, error) {
	public := jose.JSONWebKey{Key: key.Public(), Algorithm: string(jose.EdDSA), Use: "sig"}
	thumb, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumb)
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: public.KeyID}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	return &Signer{signer, keys}, nil
}

// Sign returns the document with its signature in the compact serialisation.
func (s *Signer) Sign(document []byte) (string, error) {
	signed, err := s.signer.Sign(document)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return signed.CompactSerialize()
}

// Keys returns the public key as a JWK set (RFC 7517), for whoever checks a signature.
func (s *Signer) Keys() []byte { return s.keys }
