package dispatcher

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"strings"
	"sync"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// LinkKind is what whoever holds a signed token may do. A token of one kind is refused as another.
type LinkKind string

// The kinds of links; those of pages are their first path segment.
const (
	LinkUnsubscribe LinkKind = "u"
	LinkPreferences LinkKind = "p"
	LinkWhy         LinkKind = "w"
	LinkKeep        LinkKind = "n" // renews the grant that its message asked about
	LinkBounce      LinkKind = "b" // in an envelope address (VERP), not a page
	LinkReceipt     LinkKind = "r" // of an entry of the consent ledger; see ReceiptURL
	LinkConfirm     LinkKind = "c" // what came by email: to confirm by a press
	LinkCode        LinkKind = "k" // where a code that came by SMS is typed; below /c/ too, and of no power by itself
	LinkForm        LinkKind = "f" // in a hidden field: when a sign-up form was shown
	LinkProof       LinkKind = "a" // in a hidden field: a proof of an address, asked for or made; never in a link
)

// Links makes and reads the signed tokens of contact pages and bounce addresses. A token names the message it travelled with and
// nothing personal; it cannot be guessed or changed without the key.
type Links struct {
	pages  *sync.Pool // of signers: a mail of a campaign has four signatures
	bounce *sync.Pool
	base   string
}

// signer is a keyed hash with room for what it reads and writes.
type signer struct {
	hash.Hash

	buf []byte
}

// macSize is the length of a token's signature in bytes: 96 bits, which nobody guesses over a network.
const macSize = 12

// tokenText writes tokens; it is strict, so that each token has one spelling.
var tokenText = base64.RawURLEncoding.Strict()

const tokenSize = ((16+macSize)*8 + 5) / 6

// NewLinks returns links below the public URL. Keys are at least 16 random bytes; changing them ends every link that was sent.
func NewLinks(publicURL string, key, verpKey []byte) *Links {
	return &Links{pages: signersOf(key), bounce: signersOf(verpKey), base: strings.TrimSuffix(publicURL, "/")}
}

func signersOf(key []byte) *sync.Pool {
	return &sync.Pool{New: func() any { return &signer{Hash: hmac.New(sha256.New, key)} }}
}

// URL returns the address of a contact page for a message.
func (l *Links) URL(kind LinkKind, id vocab.MessageID) string { return l.of(id).url(kind) }

// Token returns the token of a message: 38 characters of A-Z a-z 0-9 - _. It is the same each time.
func (l *Links) Token(kind LinkKind, id vocab.MessageID) string { return l.of(id).write(kind, "") }

// linksOf makes the tokens of one message.
type linksOf struct {
	*Links

	raw   [16]byte
	valid bool
}

func (l *Links) of(id vocab.MessageID) linksOf {
	raw, err := vocab.ParseID(vocab.MessagePrefix, string(id))
	return linksOf{l, raw, err == nil}
}

func (l linksOf) url(kind LinkKind) string { return l.write(kind, "", l.base, "/", string(kind), "/") }

// write returns a token with texts before and one after it.
func (l linksOf) write(kind LinkKind, after string, before ...string) string {
	if !l.valid {
		return strings.Join(before, "") + "invalid" + after
	}
	s := l.signer(kind)
	defer l.done(kind, s)
	var token [16 + macSize]byte
	copy(token[:16], l.raw[:])
	copy(token[16:], s.sign(kind, l.raw))
	s.buf = s.buf[:0]
	for _, text := range before {
		s.buf = append(s.buf, text...)
	}
	s.buf = append(tokenText.AppendEncode(s.buf, token[:]), after...)
	return string(s.buf)
}

// Parse returns the message of a token. The error is fault.NotFound whatever is wrong with it, so that it teaches a guesser nothing.
func (l *Links) Parse(kind LinkKind, token string) (vocab.MessageID, error) {
	raw, err := l.Open(kind, token)
	if err != nil {
		return "", err
	}
	return vocab.MessageID(vocab.FormatID(vocab.MessagePrefix, raw)), nil
}

// Sign returns the token of 16 bytes that name something else than a message. It is the same each time, and Open reads it.
func (l *Links) Sign(kind LinkKind, raw [16]byte) string {
	return linksOf{l, raw, true}.write(kind, "")
}

// PageOf returns the address of a contact page about something else than a message.
func (l *Links) PageOf(kind LinkKind, raw [16]byte) string { return linksOf{l, raw, true}.url(kind) }

// Open returns the bytes that a token names. The error is fault.NotFound whatever is wrong with it, so that it teaches a guesser nothing.
func (l *Links) Open(kind LinkKind, token string) ([16]byte, error) {
	bad := fault.Missing("link_not_found", "this link is not valid; use the newest message you have")
	if len(token) != tokenSize { // the decoder passes over line ends
		return [16]byte{}, bad
	}
	data, err := tokenText.DecodeString(token)
	if err != nil {
		return [16]byte{}, bad
	}
	raw := [16]byte(data[:16])
	s := l.signer(kind)
	defer l.done(kind, s)
	if !hmac.Equal(data[16:], s.sign(kind, raw)) {
		return [16]byte{}, bad
	}
	return raw, nil
}

func (l *Links) signers(kind LinkKind) *sync.Pool {
	if kind == LinkBounce {
		return l.bounce
	}
	return l.pages
}

func (l *Links) signer(kind LinkKind) *signer {
	return l.signers(kind).Get().(*signer) //nolint:forcetypeassert // the pool holds nothing else
}

func (l *Links) done(kind LinkKind, s *signer) { l.signers(kind).Put(s) }

// sign returns a signature that is good until the signer is used again.
func (s *signer) sign(kind LinkKind, raw [16]byte) []byte {
	s.buf = append(append(append(s.buf[:0], "elshi link v1\x00"...), kind...), 0)
	s.buf = append(s.buf, raw[:]...)
	s.Reset()
	_, _ = s.Write(s.buf) // a hash takes everything
	s.buf = s.Sum(s.buf[:0])
	return s.buf[:macSize]
}
