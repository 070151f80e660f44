package disclosures

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// Sealed is a document that only its recipient can open, and what the register keeps of it.
type Sealed struct {
	Text       string // age, armored; opened with age --decrypt
	PlainHash  string // SHA-256 of the document, hex: shows what was disclosed to whoever has opened it
	SealedHash string // SHA-256 of Text, hex: shows what was handed out
}

// Seal encrypts a document to an age public key (X25519, age-encryption.org/v1).
func Seal(recipient string, document []byte) (Sealed, error) {
	to, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return Sealed{}, fmt.Errorf("seal disclosure: %w", err)
	}
	var text bytes.Buffer
	armored := armor.NewWriter(&text)
	w, err := age.Encrypt(armored, to)
	if err != nil {
		return Sealed{}, fmt.Errorf("seal disclosure: %w", err)
	}
	if _, err := w.Write(document); err != nil {
		return Sealed{}, fmt.Errorf("seal disclosure: %w", err)
	}
	if err := w.Close(); err != nil {
		return Sealed{}, fmt.Errorf("seal disclosure: %w", err)
	}
	if err := armored.Close(); err != nil {
		return Sealed{}, fmt.Errorf("seal disclosure: %w", err)
	}
	return Sealed{Text: text.String(), PlainHash: hash(document), SealedHash: hash(text.Bytes())}, nil
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
