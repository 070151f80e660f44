package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/members"
	"github.com/orleu/elshi/vocab"
)

// newSecret makes a secret that begins with prefix.
func newSecret(prefix string) (string, error) {
	raw := make([]byte, secretBytes)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	return prefix + secretText.EncodeToString(raw), nil
}

// CreateToken makes a personal token of a member and returns it with its secret, which is shown this once and cannot be read again:
// elshi_member_<32 characters>. The error is fault.NotFound (member_not_found) if there is no such member.
func (k *Members) CreateToken(ctx context.Context, t members.Token) (members.Token, string, error) {
	secret, err := newSecret(members.TokenPrefix)
	if err != nil {
		return members.Token{}, "", fmt.Errorf("create token: %w", err)
	}
	var kept members.Token
	err = k.db.tx(ctx, func(tx *tx) error {
		if _, err := tx.member(ctx, `id = $1`, string(t.Member)); err != nil {
			return err
		}
		if err := tx.createToken(ctx, t, secret); err != nil {
			return err
		}
		kept, err = tx.token(ctx, `t.id = $1`, string(t.ID))
		return err
	})
	if err != nil {
		return members.Token{}, "", fmt.Errorf("create token of %s: %w", t.Member, err)
	}
	return kept, secret, nil
}

func (tx *tx) createToken(ctx context.Context, t members.Token, secret string) error {
	_, err := tx.exec(ctx, `
		INSERT INTO member_tokens (id, member_id, name, secret_hash, created_by, created_at, expires_at, revoked_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, '')`,
		string(t.ID), string(t.Member), plain(t.Name), secretHash(secret), t.CreatedBy, t.CreatedAt.UnixMicro(), micros(t.ExpiresAt))
	return err
}

const tokenColumns = `t.id, t.member_id, t.name, t.created_by, t.created_at, t.expires_at, t.last_used_on, t.revoked_at, t.revoked_by` //nolint:gosec // names

func tokenDest(t *members.Token) []any {
	return []any{
		&t.ID, &t.Member, &t.Name, &t.CreatedBy, at(&t.CreatedAt), at(&t.ExpiresAt), at(&t.LastUsedOn), at(&t.RevokedAt), &t.RevokedBy,
	}
}

func (r runner) token(ctx context.Context, where string, args ...any) (members.Token, error) {
	var t members.Token
	err := r.row(ctx, tokenDest(&t), `SELECT `+tokenColumns+` FROM member_tokens t WHERE `+where, args...)
	if isNone(err) {
		return t, noToken()
	}
	return t, err
}

func noToken() error {
	return fault.Missing("member_token_not_found", "the member has no token with this id")
}

// Tokens returns every token of a member, revoked ones too, the newest first.
func (k *Members) Tokens(ctx context.Context, member vocab.MemberID) ([]members.Token, error) {
	var list []members.Token
	var t members.Token
	err := k.db.reader().each(ctx, tokenDest(&t), func() error {
		list = append(list, t)
		return nil
	}, `SELECT `+tokenColumns+` FROM member_tokens t WHERE t.member_id = $1 ORDER BY t.id DESC`, string(member))
	return list, away(err)
}

// RevokeToken ends a token for good and returns it; one that was revoked before stays as it is. The error is fault.NotFound
// (member_token_not_found) if the member has no such token.
func (k *Members) RevokeToken(ctx context.Context, member vocab.MemberID, id vocab.MemberTokenID, by string, now time.Time) (members.Token, error) {
	if _, err := k.db.writer().exec(ctx, `
		UPDATE member_tokens SET revoked_at = $3, revoked_by = $4 WHERE id = $1 AND member_id = $2 AND revoked_at IS NULL`,
		string(id), string(member), now.UnixMicro(), by); err != nil {
		return members.Token{}, away(err)
	}
	t, err := k.db.reader().token(ctx, `t.id = $1 AND t.member_id = $2`, string(id), string(member))
	return t, away(err)
}

// Authenticate returns whose token a secret opens, and notes the day. The error is fault.NotFound (member_token_unknown) if there is no
// such token, it ended, or its member may not act any more. How a secret is compared: see APIKeys.Authenticate.
func (k *Members) Authenticate(ctx context.Context, secret string, now time.Time) (members.Member, members.Token, error) {
	unknown := fault.Missing("member_token_unknown", "this token is not known, has expired, or was revoked")
	if !strings.HasPrefix(secret, members.TokenPrefix) {
		return members.Member{}, members.Token{}, unknown
	}
	var m members.Member
	var t members.Token
	err := k.db.reader().row(ctx, append(tokenDest(&t), memberDest(&m)...), `
		SELECT `+tokenColumns+`, m.id, m.name, m.email, m.email_lookup, m.roles, m.created_at, m.deactivated_at
		FROM member_tokens t JOIN members m ON m.id = t.member_id WHERE t.secret_hash = $1`, secretHash(secret))
	if isNone(err) {
		return members.Member{}, members.Token{}, unknown
	}
	if err != nil {
		return members.Member{}, members.Token{}, away(err)
	}
	if !m.Active() || !t.Opens(now) {
		return members.Member{}, members.Token{}, unknown
	}
	if today := members.Day(now); t.LastUsedOn.Before(today) { // one write a day, not one a request
		if _, err := k.db.writer().exec(ctx, `UPDATE member_tokens SET last_used_on = $2 WHERE id = $1 AND COALESCE(last_used_on, 0) < $2`,
			string(t.ID), today.UnixMicro()); err != nil {
			return members.Member{}, members.Token{}, away(err)
		}
		t.LastUsedOn = today
	}
	return m, t, nil
}
