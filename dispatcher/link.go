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

// The kinds of links, each the first path segment of a contact page.
const (
	LinkUnsubscribe LinkKind = "u"
	LinkPreferences LinkKind = "p"
	LinkWhy         LinkKind = "w"
	LinkBounce      LinkKind = "b" // in an envelope address (VERP), not a page
)

// Links makes and reads the signed tokens of contact pages and bounce addresses. A token names the message it travelled with and
// nothing personal; it cannot be guessed or changed without the key.
type Links struct {
	pages  *sync.Pool // of keyed hashes: a mail of a campaign has five signatures
	bounce *sync.Pool
	base   string
}

// macSize is the length of a token's signature in bytes: 96 bits, which nobody guesses over a network.
const macSize = 12

// tokenText writes tokens; it is strict, so that each token has one spelling.
var tokenText = base64.RawURLEncoding.Strict()

const tokenSize = ((16+macSize)*8 + 5) / 6

// NewLinks returns links below the public URL. Keys are at least 16 random bytes; changing them ends every link that was sent.
func NewLinks(publicURL string, key, verpKey []byte) *Links {
	return &Links{pages: hashesOf(key), bounce: hashesOf(verpKey), base: strings.TrimSuffix(publicURL, "/")}
}

func hashesOf(key []byte) *sync.Pool {
	return &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}
}

// URL returns the address of a contact page for a message.
func (l *Links) URL(kind LinkKind, id vocab.MessageID) string {
	return l.base + "/" + string(kind) + "/" + l.Token(kind, id)
}

// Token returns the token of a message: 38 characters of A-Z a-z 0-9 - _. It is the same each time.
func (l *Links) Token(kind LinkKind, id vocab.MessageID) string {
	raw, err := vocab.ParseID(vocab.MessagePrefix, string(id))
	if err != nil {
		return "invalid"
	}
	return tokenText.EncodeToString(append(raw[:], l.sign(kind, raw)...))
}

// Parse returns the message of a token. The error is fault.NotFound whatever is wrong with it, so that it teaches a guesser nothing.
func (l *Links) Parse(kind LinkKind, token string) (vocab.MessageID, error) {
	bad := fault.Missing("link_not_found", "this link is not valid; use the newest message you have")
	if len(token) != tokenSize { // the decoder passes over line ends
		return "", bad
	}
	data, err := tokenText.DecodeString(token)
	if err != nil {
		return "", bad
	}
	raw := [16]byte(data[:16])
	if !hmac.Equal(data[16:], l.sign(kind, raw)) {
		return "", bad
	}
	return vocab.MessageID(vocab.FormatID(vocab.MessagePrefix, raw)), nil
}

func (l *Links) sign(kind LinkKind, raw [16]byte) []byte {
	from := l.pages
	if kind == LinkBounce {
		from = l.bounce
	}
	mac := from.Get().(hash.Hash) //nolint:forcetypeassert // the pool holds nothing else
	defer from.Put(mac)
	mac.Reset()
	mac.Write([]byte("elshi link v1\x00" + string(kind) + "\x00"))
	mac.Write(raw[:])
	return mac.Sum(nil)[:macSize]
}
