package proof

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// SigningKey derives the key for one kind of proof from the installation's secret (HKDF, RFC 5869, with SHA-256, no salt and the info
// "elshi <label> v1"), so that a signature of one kind can never pass for another.
func SigningKey(secret []byte, label string) (ed25519.PrivateKey, error) {
	seed, err := hkdf.Key(sha256.New, secret, nil, "elshi "+label+" v1", ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("key for %s: %w", label, err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
