package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/members"
	"github.com/orleu/elshi/vocab"
)

func (a *API) registerMemberTokens() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: "/v1/members/{id}/tokens" + path, Summary: summary, Description: description, Tags: []string{"members"},
		}
	}
	create := op("create-member-token", http.MethodPost, "", "Make a personal token",
		"Of yourself (`me`), or as an administrator of somebody who has none. Its secret is answered this once and cannot be read again.")
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createToken, http.StatusConflict)
	register(a, op("list-member-tokens", http.MethodGet, "", "List personal tokens", "Your own, or as an administrator anybody's; without secrets, revoked ones too."), a.listTokens)
	register(a, op("revoke-member-token", http.MethodDelete, "/{token_id}", "Revoke a personal token", "Your own, or as an administrator anybody's. For good, at once."), a.revokeToken)
}

type createTokenInput struct {
	ID   string `path:"id" doc:"The member; me: yourself."`
	Body struct {
		Name      string `json:"name" minLength:"1" maxLength:"100" example:"my laptop" doc:"What it is used for. No personal data."`
		ExpiresAt moment `json:"expires_at,omitzero" doc:"When it ends; if left out, not by itself."`
	} `nameHint:"MemberTokenBody"`
}

// tokenView is a token without its secret.
type tokenView struct {
	ID         vocab.MemberTokenID `json:"id" example:"mtk_06gywnjy01xbs0938nkrkaydxw" doc:"The token."`
	MemberID   vocab.MemberID      `json:"member_id" doc:"Who acts with it."`
	Name       string              `json:"name" doc:"What it is used for."`
	CreatedBy  string              `json:"created_by" doc:"Who made it: a member's id, or command_line."`
	CreatedAt  time.Time           `json:"created_at" doc:"When it was made."`
	ExpiresAt  time.Time           `json:"expires_at,omitzero" doc:"When it ends (exclusive)."`
	LastUsedOn string              `json:"last_used_on,omitempty" example:"2026-11-22" doc:"The day of its newest use (UTC)."`
	RevokedAt  time.Time           `json:"revoked_at,omitzero" doc:"When it was revoked; absent while it is in force."`
	RevokedBy  string              `json:"revoked_by,omitempty" doc:"Who revoked it."`
	Secret     string              `json:"secret,omitempty" example:"elshi_member_…" doc:"Only in the answer that made it."`
}

func tokenOf(t members.Token) tokenView {
	view := tokenView{
		ID: t.ID, MemberID: t.Member, Name: t.Name, CreatedBy: t.CreatedBy, CreatedAt: t.CreatedAt.UTC(), ExpiresAt: t.ExpiresAt.UTC(),
		RevokedAt: t.RevokedAt.UTC(), RevokedBy: t.RevokedBy,
	}
	if !t.LastUsedOn.IsZero() {
		view.LastUsedOn = t.LastUsedOn.UTC().Format(time.DateOnly)
	}
	return view
}

func (a *API) createToken(ctx context.Context, in *createTokenInput) (*reply[tokenView], error) {
	member, err := theirs(ctx, in.ID, members.Administrator)
	if err != nil {
		return nil, err
	}
	if err := refuseForbidden("/name", in.Body.Name); err != nil {
		return nil, err
	}
	now := a.now()
	if end := in.Body.ExpiresAt; !end.IsZero() && !end.After(now) {
		return nil, fault.InvalidField("/expires_at", "in_the_past", "want a time to come, or none")
	}
	by := visitOf(ctx).member.ID
	if err := a.mayHandOver(ctx, member, now); by != member && err != nil {
		return nil, err
	}
	t, secret, err := a.Tokens.CreateToken(ctx, members.Token{
		ID: vocab.MemberTokenID(vocab.NewID(vocab.MemberTokenPrefix)), Member: member, Name: in.Body.Name, CreatedBy: string(by), CreatedAt: now,
		ExpiresAt: in.Body.ExpiresAt.Time,
	})
	if err != nil {
		return nil, err
	}
	view := tokenOf(t)
	view.Secret = secret
	return answer(view), nil
}

// mayHandOver says whether an administrator may make a token for another: only while that one has none. Else an administrator could act
// in the name of somebody who has, and they would not notice.
func (a *API) mayHandOver(ctx context.Context, member vocab.MemberID, now time.Time) error {
	list, err := a.Tokens.Tokens(ctx, member)
	if err != nil {
		return err
	}
	for _, t := range list {
		if t.Opens(now) {
			return &fault.Error{Kind: fault.Conflict, Code: "member_has_token", Detail: "the member has a token in force and makes further ones with it; revoke it if it is lost"}
		}
	}
	return nil
}

func (a *API) listTokens(ctx context.Context, in *memberInput) (*reply[page[tokenView]], error) {
	member, err := theirs(ctx, in.ID, members.Administrator)
	if err != nil {
		return nil, err
	}
	if _, err := a.Members.Get(ctx, member); err != nil {
		return nil, err
	}
	list, err := a.Tokens.Tokens(ctx, member)
	if err != nil {
		return nil, err
	}
	return pageOf(list, len(list), nil, tokenOf), nil
}

type tokenInput struct {
	ID      string `path:"id" doc:"The member; me: yourself."`
	TokenID string `path:"token_id" example:"mtk_06gywnjy01xbs0938nkrkaydxw" doc:"The token."`
}

func (a *API) revokeToken(ctx context.Context, in *tokenInput) (*reply[tokenView], error) {
	member, err := theirs(ctx, in.ID, members.Administrator)
	if err != nil {
		return nil, err
	}
	if err := checkID(vocab.MemberTokenPrefix, in.TokenID, "member_token_not_found", "the member has no token with this id"); err != nil {
		return nil, err
	}
	t, err := a.Tokens.RevokeToken(ctx, member, vocab.MemberTokenID(in.TokenID), actorOf(ctx).ID, a.now())
	if err != nil {
		return nil, err
	}
	return answer(tokenOf(t)), nil
}
