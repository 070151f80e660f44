package api

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// maxIdempotencyKey is the longest Idempotency-Key in characters.
const maxIdempotencyKey = 255

const idempotencyHeader = "Idempotency-Key"

// noEmptyKey refuses an Idempotency-Key without a value: who sends one believes in a protection that there would not be. A handler could
// not tell it from none.
func (a *API) noEmptyKey(ctx huma.Context, next func(huma.Context)) {
	c := humagin.Unwrap(ctx)
	if slices.Contains(c.Request.Header.Values(idempotencyHeader), "") {
		a.write(c, idempotencyKeyInvalid())
		return
	}
	next(ctx)
}

func idempotencyKeyInvalid() *problem {
	p := newProblem(statusInvalid, "invalid_request", "some fields of the request are not valid")
	p.Errors = []problemField{{
		Parameter: idempotencyHeader, Code: "idempotency_key_invalid", Detail: "want 1 to 255 printable ASCII characters, for example a UUID",
	}}
	return p
}

// idempotencyKey names a request for replays, or is nil if the caller wants none. The body counts as it came, byte by byte.
func idempotencyKey(header, route string, caller vocab.APIKeyID, body []byte) (*dispatcher.IdempotencyKey, error) {
	if header == "" {
		return nil, nil //nolint:nilnil // no key and nothing wrong
	}
	bad := len(header) > maxIdempotencyKey
	for i := range len(header) {
		bad = bad || header[i] < ' ' || header[i] > '~'
	}
	if bad {
		return nil, idempotencyKeyInvalid()
	}
	sum := sha256.Sum256(body)
	return &dispatcher.IdempotencyKey{APIKey: caller, Route: route, Token: header, BodyHash: hex.EncodeToString(sum[:])}, nil
}
