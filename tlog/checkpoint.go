package tlog

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

var base = base64.StdEncoding.Strict()

// Checkpoint is the head of a log: how many entries it had and the root over all of them.
type Checkpoint struct {
	Origin string    // names the log, for example "elshi.example.org/consent-ledger"; it is the name of the key as well
	Size   int64     // entries
	Root   Hash      // of the tree over them
	At     time.Time // when it was signed; UTC, whole seconds
}

// Signed is a checkpoint with the note that its signer made of it.
type Signed struct {
	Checkpoint

	Number int64 // 1, 2, 3 … in the order they were made
	Note   string
}

// timeLine begins the one extension line of our checkpoints, which is signed with the rest.
const timeLine = "time "

// maxNote bounds a signed note in bytes: ours have some 250.
const maxNote = 64 << 10

// text is the body of the note (C2SP tlog-checkpoint): origin, size, root, and the time as an extension line.
func (c Checkpoint) text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + c.Root.String() + "\n" + timeLine + c.At.UTC().Format(time.RFC3339) + "\n"
}

// parse reads a body. Extension lines of others are passed over.
func parse(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[len(lines)-1] != "" {
		return Checkpoint{}, errors.New("want an origin, a size and a root, each on a line of its own")
	}
	c := Checkpoint{Origin: lines[0]}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, errors.New("the second line is not a size")
	}
	c.Size = size
	if err := c.Root.UnmarshalText([]byte(lines[2])); err != nil {
		return Checkpoint{}, fmt.Errorf("the root: %w", err)
	}
	for _, line := range lines[3 : len(lines)-1] {
		if at, ours := strings.CutPrefix(line, timeLine); ours && c.At.IsZero() {
			if c.At, err = time.Parse(time.RFC3339, at); err != nil {
				return Checkpoint{}, errors.New("the time is not one of RFC 3339")
			}
			c.At = c.At.UTC()
		}
	}
	return c, nil
}

// Signer signs checkpoints of one log.
type Signer struct {
	name string
	key  ed25519.PrivateKey
}

// NewSigner returns a signer for the log with the origin: a schema-less URL without spaces and plus signs, by C2SP.
func NewSigner(origin string, key ed25519.PrivateKey) (*Signer, error) {
	if _, err := note.NewEd25519VerifierKey(origin, publicOf(key)); err != nil || !validOrigin(origin) {
		return nil, fmt.Errorf("sign checkpoints: %q cannot name a log: want a host and a path without spaces and plus signs", origin)
	}
	return &Signer{origin, key}, nil
}

func validOrigin(origin string) bool {
	return origin != "" && len(origin) <= 200 && !strings.ContainsFunc(origin, func(r rune) bool { return r <= ' ' || r == '+' || r > '~' })
}

func publicOf(key ed25519.PrivateKey) ed25519.PublicKey {
	public, _ := key.Public().(ed25519.PublicKey)
	return public
}

// PublicKey is the key as others are given it (C2SP signed-note): origin, hash and base64 of the algorithm and the key, joined by "+".
func (s *Signer) PublicKey() string {
	key, _ := note.NewEd25519VerifierKey(s.name, publicOf(s.key)) // NewSigner has tried it
	return key
}

// Verifier returns who opens what s signs.
func (s *Signer) Verifier() *Verifier { return &Verifier{publicOf(s.key)} }

// Sign returns the signed note of a checkpoint. Its origin is the signer's.
func (s *Signer) Sign(c Checkpoint) (string, error) {
	c.Origin = s.name
	signed, err := note.Sign(&note.Note{Text: c.text()}, noteSigner{s})
	if err != nil {
		return "", fmt.Errorf("sign the checkpoint of %d entries: %w", c.Size, err)
	}
	return string(signed), nil
}

type noteSigner struct{ s *Signer }

func (n noteSigner) Name() string                     { return n.s.name }
func (n noteSigner) KeyHash() uint32                  { return keyHash(n.s.name, publicOf(n.s.key)) }
func (n noteSigner) Sign(text []byte) ([]byte, error) { return ed25519.Sign(n.s.key, text), nil }

// keyHash is how a note names its key.
func keyHash(name string, key ed25519.PublicKey) uint32 {
	text, err := note.NewEd25519VerifierKey(name, key)
	if err != nil {
		return 0
	}
	v, err := note.NewVerifier(text)
	if err != nil {
		return 0
	}
	return v.KeyHash()
}

// Verifier opens signed checkpoints. It looks at the key and not at its name, so that a log whose installation moved to another
// host, and took another origin with it, is still one log.
type Verifier struct{ key ed25519.PublicKey }

// NewVerifier reads a public key as Signer.PublicKey writes it.
func NewVerifier(publicKey string) (*Verifier, error) {
	publicKey = strings.TrimSpace(publicKey)
	if _, err := note.NewVerifier(publicKey); err != nil {
		return nil, errors.New("this is no public key of a log: want NAME+HASH+KEY, as GET /v1/consent-ledger/public-key shows it")
	}
	raw, err := base64.StdEncoding.DecodeString(strings.SplitN(publicKey, "+", 3)[2]) // base64 has plus signs of its own
	if err != nil || len(raw) != 1+ed25519.PublicKeySize {
		return nil, errors.New("this public key is not an Ed25519 one")
	}
	return &Verifier{ed25519.PublicKey(raw[1:])}, nil
}

// Verifier implements note.Verifiers.
func (v *Verifier) Verifier(name string, hash uint32) (note.Verifier, error) {
	text, err := note.NewEd25519VerifierKey(name, v.key)
	if err != nil {
		return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
	}
	known, err := note.NewVerifier(text)
	if err != nil || known.KeyHash() != hash {
		return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
	}
	return known, nil
}

// Open reads a signed note and checks that the key signed it. The error says what is wrong; nothing of the note may be believed then.
func (v *Verifier) Open(signed string) (Checkpoint, error) {
	if len(signed) > maxNote {
		return Checkpoint{}, errors.New("this is too long for a checkpoint")
	}
	n, err := note.Open([]byte(signed), v)
	if err != nil {
		if _, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
			return Checkpoint{}, errors.New("the checkpoint is not signed by this key")
		}
		if _, ok := errors.AsType[*note.InvalidSignatureError](err); ok {
			return Checkpoint{}, errors.New("the checkpoint's signature does not fit: it was changed, or signed by somebody else")
		}
		return Checkpoint{}, errors.New("this is no signed checkpoint")
	}
	c, err := parse(n.Text)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the checkpoint cannot be read: %w", err)
	}
	for _, sig := range n.Sigs {
		if sig.Name == c.Origin {
			return c, nil
		}
	}
	return Checkpoint{}, errors.New("the checkpoint is signed under another name than its origin")
}

// SplitNotes cuts a file of signed notes, one behind the other and each followed by an empty line, into the notes. Torn is what
// stands behind the last whole one: a note without its empty line, or the beginning of one whose writer was cut off.
func SplitNotes(text string) (notes []string, torn string) {
	begin, empty := 0, 0
	at := 0
	for line := range strings.Lines(text) {
		at += len(line)
		if line != "\n" {
			continue
		}
		if at-len(line) == begin { // between two notes
			begin = at
			continue
		}
		if empty++; empty == 2 { // the first ends the note's text, the second the note
			notes = append(notes, text[begin:at-1])
			begin, empty = at, 0
		}
	}
	return notes, text[begin:]
}
