package proof

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Label says what a derived key signs. Each thing that is signed has a key of its own, so that a signature over one can never be
// shown as a signature over another.
type Label string

// The labels: a closed list. A new kind of signed thing takes a new one; none is ever used for something else.
const (
	LabelCheckpoint  Label = "checkpoint"  // heads of the consent ledger
	LabelReceipt     Label = "receipt"     // consent receipts
	LabelCertificate Label = "certificate" // certificates of erasure
)

// Labels lists every label.
func Labels() []Label { return []Label{LabelCheckpoint, LabelReceipt, LabelCertificate} }

// SeedSize is how many bytes a seed has at least.
const SeedSize = 32

// keyDomain begins the info of every derivation; a new scheme gets a new version.
const keyDomain = "elshi signing key v1: "

// Derive returns the Ed25519 key for a label: its private seed is HKDF-SHA256 (RFC 5869) of the installation's seed without a salt,
// with "elshi signing key v1: " and the label as info. The error says that the seed is shorter than SeedSize.
func Derive(seed []byte, label Label) (ed25519.PrivateKey, error) {
	if len(seed) < SeedSize {
		return nil, errors.New("derive a signing key: the seed needs at least 32 bytes")
	}
	derived, err := hkdf.Key(sha256.New, seed, nil, keyDomain+string(label), ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("derive the key for %s: %w", label, err)
	}
	return ed25519.NewKeyFromSeed(derived), nil
}
