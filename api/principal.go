package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/members"
	"github.com/orleu/elshi/vocab"
)

// visit is one request of somebody whom the door knows: a member or a key, never both.
type visit struct {
	key    dispatcher.APIKey
	member members.Member
	reason string // why, in the caller's words; for the audit log

	contacts []vocab.ContactID // whose data the books brought up; see saw
}

// visitKey is where a request's context holds its visit. It is the door's own and read nowhere else: huma hands handlers no more than a
// context.
type visitKey struct{}

// visitOf returns the visit that a request is; a visit of nobody if it needs none.
func visitOf(ctx context.Context) *visit {
	if v, known := ctx.Value(visitKey{}).(*visit); known {
		return v
	}
	return &visit{}
}

// isMember says whether a member came, and no key.
func (v *visit) isMember() bool { return v.member.ID != "" }

// saw notes that the data of contacts were brought up. A visit is served by one goroutine.
func (v *visit) saw(ids ...vocab.ContactID) {
	for _, id := range ids {
		if id != "" && !slices.Contains(v.contacts, id) {
			v.contacts = append(v.contacts, id)
		}
	}
}

// callerOf returns the key that a request came with. A member's stands for one that reaches what a live key does and goes by the member's id:
// what the member may ask for was decided before.
func callerOf(ctx context.Context) dispatcher.APIKey {
	v := visitOf(ctx)
	if v.isMember() {
		return dispatcher.APIKey{ID: vocab.APIKeyID(v.member.ID), Name: v.member.Name, Mode: dispatcher.Live, CreatedAt: v.member.CreatedAt}
	}
	return v.key
}

// actorOf returns who came, as the ledger names them.
func actorOf(ctx context.Context) audit.Actor {
	v := visitOf(ctx)
	if v.isMember() {
		return audit.Actor{Kind: consent.ActorMember, ID: string(v.member.ID)}
	}
	return audit.Actor{Kind: consent.ActorAPIKey, ID: string(v.key.ID)}
}

// tokenBook keeps the personal tokens of members.
type tokenBook interface {
	// Authenticate returns whose token a secret opens; fault.NotFound if none does. It is asked for every request of a member.
	Authenticate(ctx context.Context, secret string, now time.Time) (members.Member, members.Token, error)
	// CreateToken makes a token and returns it with its secret, which cannot be read again; fault.NotFound if there is no such member.
	CreateToken(ctx context.Context, t members.Token) (members.Token, string, error)
	// Tokens returns the tokens of a member, revoked ones too, the newest first.
	Tokens(ctx context.Context, member vocab.MemberID) ([]members.Token, error)
	// RevokeToken ends a token for good; fault.NotFound if the member has no such token.
	RevokeToken(ctx context.Context, member vocab.MemberID, id vocab.MemberTokenID, by string, now time.Time) (members.Token, error)
}

// reasonHeader is where a caller says why, for the audit log.
const reasonHeader = "X-Reason"

// saidReason reads why a request is made.
func saidReason(ctx huma.Context) (string, error) {
	text := ctx.Header(reasonHeader)
	if decoded, err := url.PathUnescape(text); err == nil {
		text = decoded // browsers put nothing but Latin letters into headers
	}
	err := audit.CheckReason(text)
	if err == nil {
		return text, nil
	}
	var wrong idCheck
	for _, f := range faultFields(err) {
		wrong.add(reasonHeader, f.Code, f.Detail)
	}
	return "", wrong.err()
}

// allow lets in who may ask for the operation; what it writes otherwise is the answer. It says so in the audit log when somebody may not.
func (a *API) allow(ctx huma.Context, v *visit) bool {
	c := humagin.Unwrap(ctx)
	reason, err := saidReason(ctx)
	if err != nil {
		a.write(c, problemOf(err))
		return false
	}
	v.reason = reason
	if refusal := rightOf(ctx.Operation().OperationID).refuse(v); refusal != nil {
		a.recordRefusal(ctx)
		a.write(c, refusal)
		return false
	}
	return true
}

// enter finds out who comes with a secret; the error is a refusal.
func (a *API) enter(ctx context.Context, secret string) (*visit, error) {
	if len(secret) > len(members.TokenPrefix) && secret[:len(members.TokenPrefix)] == members.TokenPrefix {
		member, _, err := a.Tokens.Authenticate(ctx, secret, a.now())
		if fault.KindOf(err) == fault.NotFound {
			return nil, newProblem(http.StatusUnauthorized, "unauthorized", "this token is not known, has expired, or was revoked")
		}
		return &visit{member: member}, err // not knowing is not a yes, and not a no either
	}
	key, err := a.Keys.Authenticate(ctx, secret)
	if fault.KindOf(err) == fault.NotFound {
		return nil, newProblem(http.StatusUnauthorized, "unauthorized", "this API key is not known, or was revoked")
	}
	return &visit{key: key}, err
}
