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

// authorize lets in who has a key or a personal token, at its rate, to what the table of rights allows.
func (a *API) authorize(ctx huma.Context, next func(huma.Context)) {
	if len(ctx.Operation().Security) == 0 {
		next(ctx)
		return
	}
	c := humagin.Unwrap(ctx)
	secret, found := bearerToken(ctx.Header("Authorization"))
	if !found {
		a.write(c, newProblem(http.StatusUnauthorized, "unauthorized", "give an API key or a personal token: Authorization: Bearer elshi_live_…"))
		return
	}
	v, err := a.enter(ctx.Context(), secret)
	if err != nil {
		a.write(c, a.refuse(ctx.Context(), err))
		return
	}
	ctx = huma.WithValue(ctx, visitKey{}, v)
	caller := callerOf(ctx.Context()).ID
	if v.isMember() {
		c.Set(memberIDName, string(v.member.ID))
	} else {
		c.Set(keyIDName, string(v.key.ID))
	}
	state := a.limits.take(caller, a.now())
	c.Header("RateLimit-Policy", a.limits.policy())
	c.Header("RateLimit", state.header())
	if !state.allowed {
		p := newProblem(http.StatusTooManyRequests, "rate_limited", "too many requests with this API key; wait as Retry-After says")
		p.retryAfter = state.wait
		a.write(c, p)
		return
	}
	if a.allow(ctx, v) {
		next(ctx)
	}
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
