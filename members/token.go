package members

import (
	"time"

	"github.com/orleu/elshi/vocab"
)

// TokenPrefix begins the secret of every personal token, so that a door can tell it from an API key's.
const TokenPrefix = "elshi_member_" //nolint:gosec // the part that is no secret

// Token is what a member acts with through the API. Its secret is shown once and kept as a hash.
type Token struct {
	ID         vocab.MemberTokenID
	Member     vocab.MemberID
	Name       string // what it is used for
	CreatedBy  string // the id of the member who made it, or the system's part
	CreatedAt  time.Time
	ExpiresAt  time.Time // exclusive; zero: it does not end by itself
	LastUsedOn time.Time // the day (00:00 UTC) of its newest use; zero: never used
	RevokedAt  time.Time // zero while it is in force
	RevokedBy  string
}

// Opens says whether the token is in force at a time.
func (t Token) Opens(now time.Time) bool {
	return t.RevokedAt.IsZero() && (t.ExpiresAt.IsZero() || now.Before(t.ExpiresAt))
}

// Day is the day of a time as tokens keep it: 00:00 UTC.
func Day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
