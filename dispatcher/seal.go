package dispatcher

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/orleu/elshi/vocab"
)

// Sealer encrypts the data of security messages while they wait (AES-256-GCM, bound to the message's id): whoever reads the
// database or a backup of it reads no one-time code.
type Sealer struct{ aead cipher.AEAD }

// NewSealer returns a Sealer; the key has 32 bytes.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != 32 { // the cipher would take a shorter one too
		return nil, fmt.Errorf("payload key: want 32 bytes, not %d", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("payload key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("payload key: %w", err)
	}
	return &Sealer{aead}, nil
}

// Seal encrypts data for one message.
func (s *Sealer) Seal(id vocab.MessageID, data []byte) (Payload, error) {
	nonce := make([]byte, s.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return Payload{}, fmt.Errorf("seal message %s: %w", id, err)
	}
	sealed := s.aead.Seal(nonce, nonce, data, []byte(id))
	return Payload{Data: []byte(base64.StdEncoding.EncodeToString(sealed)), Sealed: true}, nil
}

// Open returns the data of a payload, sealed or not.
func (s *Sealer) Open(id vocab.MessageID, p Payload) ([]byte, error) {
	if !p.Sealed {
		return p.Data, nil
	}
	sealed, err := base64.StdEncoding.DecodeString(string(p.Data))
	if err != nil || len(sealed) < s.aead.NonceSize() {
		return nil, errors.New("open message " + string(id) + ": the sealed payload is damaged")
	}
	n := s.aead.NonceSize()
	data, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(id))
	if err != nil {
		return nil, fmt.Errorf("open message %s: %w", id, err)
	}
	return data, nil
}
