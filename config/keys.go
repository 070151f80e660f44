package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

type namedSecret struct {
	name  string
	value *Secret
}

// named lists the keys in the order of the settings.
func (s *Secrets) named() []namedSecret {
	return []namedSecret{
		{"link_key", &s.LinkKey},
		{"payload_key", &s.PayloadKey},
		{"commitment_key", &s.CommitmentKey},
		{"verp_key", &s.VERPKey},
		{"signing_key", &s.SigningKey},
	}
}

// EnsureKeys fills every empty key from DataDir/keys, and first generates those that are not there yet from random
// (crypto/rand.Reader). Each is written once, mode 0600, and never overwritten: links in mail already sent depend on it.
// It does nothing unless Embedded. Call it after Load and before any key is used.
func (c *Config) EnsureKeys(random io.Reader) error {
	if !c.Embedded() {
		return nil
	}
	dir := filepath.Join(c.DataDir, "keys")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder for generated keys: %w", err)
	}
	for _, s := range c.Secrets.named() {
		if *s.value != "" {
			continue
		}
		key, err := keyFile(filepath.Join(dir, s.name), random)
		if err != nil {
			return fmt.Errorf("generated key %s: %w", s.name, err)
		}
		*s.value = key
	}
	return nil
}

// keyFile reads the key at path, or generates it. The file appears whole or not at all, so that a crash in between
// does not leave half a key.
func keyFile(path string, random io.Reader) (Secret, error) {
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	var raw [KeySize]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	draft, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return "", err
	}
	defer os.Remove(draft.Name()) //nolint:errcheck // a left-over draft is harmless
	_, err = draft.WriteString(base64.StdEncoding.EncodeToString(raw[:]) + "\n")
	err = errors.Join(err, draft.Sync(), draft.Close())
	if err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	// Link, unlike Rename, fails if another process was first; then its key is the key.
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return readKey(path)
}

func readKey(path string) (Secret, error) {
	data, err := os.ReadFile(path) //nolint:gosec // below the operator's data_dir
	if err != nil {
		return "", err
	}
	key := Secret(strings.TrimSpace(string(data)))
	if _, err := key.Key(); err != nil {
		return "", fmt.Errorf("%s is damaged: %w", path, err)
	}
	return key, nil
}
