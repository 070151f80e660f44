package api

import (
	"context"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// keyBook keeps API keys.
type keyBook interface {
	// Authenticate returns the key of a secret; fault.NotFound if there is none or it was revoked. It is asked for every request.
	Authenticate(ctx context.Context, secret string) (dispatcher.APIKey, error)
	// Create makes a key and returns it with its secret, which cannot be read again. Of the guests, channel and key count.
	Create(ctx context.Context, name string, mode dispatcher.Mode, guests []contacts.Address, now time.Time) (dispatcher.APIKey, string, error)
	List(ctx context.Context) ([]dispatcher.APIKey, error)
	// Revoke ends a key for good; fault.NotFound if there is none.
	Revoke(ctx context.Context, id vocab.APIKeyID, now time.Time) (dispatcher.APIKey, error)
}

// callerKey is where a request's context holds its key. It is the door's own and read nowhere else: huma hands handlers no more than a
// context.
type callerKey struct{}

// callerOf returns the key that a request came with.
func callerOf(ctx context.Context) dispatcher.APIKey {
	key, _ := ctx.Value(callerKey{}).(dispatcher.APIKey)
	return key
}

// authorize lets in who has a key, at the key's rate, to what the key's mode allows.
func (a *API) authorize(ctx huma.Context, next func(huma.Context)) {
	if len(ctx.Operation().Security) == 0 {
		next(ctx)
		return
	}
	c := humagin.Unwrap(ctx)
	secret, found := bearerToken(ctx.Header("Authorization"))
	if !found {
		a.write(c, newProblem(http.StatusUnauthorized, "unauthorized", "give an API key: Authorization: Bearer elshi_live_…"))
		return
	}
	key, err := a.Keys.Authenticate(ctx.Context(), secret)
	if fault.KindOf(err) == fault.NotFound {
		a.write(c, newProblem(http.StatusUnauthorized, "unauthorized", "this API key is not known, or was revoked"))
		return
	}
	if err != nil {
		a.write(c, a.refuse(ctx.Context(), err)) // not knowing is not a yes, and not a no either
		return
	}
	c.Set(keyIDName, string(key.ID))
	state := a.limits.take(key.ID, a.now())
	c.Header("RateLimit-Policy", a.limits.policy())
	c.Header("RateLimit", state.header())
	if !state.allowed {
		p := newProblem(http.StatusTooManyRequests, "rate_limited", "too many requests with this API key; wait as Retry-After says")
		p.retryAfter = state.wait
		a.write(c, p)
		return
	}
	if !mayCall(key, ctx.Operation()) {
		a.write(c, keyModeForbidden())
		return
	}
	next(huma.WithValue(ctx, callerKey{}, key))
}

// bearerToken reads an Authorization header (RFC 6750 section 2.1); the scheme's case does not matter (RFC 9110 section 11.1).
func bearerToken(header string) (string, bool) {
	scheme, token, found := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	return token, found && strings.EqualFold(scheme, "bearer") && token != ""
}

// wantJSON refuses a body that is declared as something else.
func (a *API) wantJSON(ctx huma.Context, next func(huma.Context)) {
	c := humagin.Unwrap(ctx)
	declared := ctx.Header("Content-Type")
	if ctx.Operation().RequestBody == nil || declared == "" && c.Request.ContentLength == 0 {
		next(ctx)
		return
	}
	media, _, err := mime.ParseMediaType(declared)
	patch := ctx.Operation().Method == http.MethodPatch && media == "application/merge-patch+json"
	if err != nil || media != "application/json" && !patch {
		a.write(c, unsupportedMedia())
		return
	}
	next(ctx)
}
