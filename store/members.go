package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/members"
	"github.com/orleu/elshi/vocab"
)

// Members keeps who works here.
type Members struct{ db *DB }

// NewMembers returns the members of a database.
func NewMembers(db *DB) *Members { return &Members{db} }

const memberColumns = `id, name, email, email_lookup, roles, created_at, deactivated_at`

func memberDest(m *members.Member) []any {
	return []any{&m.ID, &m.Name, &m.Email, &m.EmailKey, jsonOf(&m.Roles), at(&m.CreatedAt), at(&m.DeactivatedAt)}
}

// Create keeps a new member. The error is fault.Conflict (email_taken) if another has the email address, deactivated ones too: who comes
// back is made active again.
func (k *Members) Create(ctx context.Context, m members.Member) (members.Member, error) {
	err := k.db.tx(ctx, func(tx *tx) error { return tx.createMember(ctx, m) })
	if err != nil {
		return members.Member{}, fmt.Errorf("create member: %w", err)
	}
	return k.Get(ctx, m.ID)
}

func (tx *tx) createMember(ctx context.Context, m members.Member) error {
	roles, err := json.Marshal(orNone(m.Roles))
	if err != nil {
		return err
	}
	n, err := tx.exec(ctx, `
		INSERT INTO members (id, name, email, email_lookup, roles, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		string(m.ID), plain(m.Name), plain(m.Email.Reveal()), plain(m.EmailKey), string(roles), m.CreatedAt.UnixMicro())
	if err == nil && n == 0 {
		return emailTaken()
	}
	return err
}

func emailTaken() error {
	return &fault.Error{
		Kind: fault.Conflict, Code: "email_taken", Detail: "another member has this email address",
		Fields: []fault.Field{{Pointer: "/email", Code: "email_taken", Detail: "want an address that no other member has, deactivated ones included"}},
	}
}

// orNone keeps null out of JSON.
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Get returns one member; fault.NotFound (member_not_found) if there is none.
func (k *Members) Get(ctx context.Context, id vocab.MemberID) (members.Member, error) {
	m, err := k.db.reader().member(ctx, `id = $1`, string(id))
	return m, away(err)
}

// ByEmail returns the member with this email address; fault.NotFound (member_not_found) if there is none.
func (k *Members) ByEmail(ctx context.Context, key string) (members.Member, error) {
	m, err := k.db.reader().member(ctx, `email_lookup = $1`, plain(key))
	return m, away(err)
}

func (r runner) member(ctx context.Context, where string, args ...any) (members.Member, error) {
	var m members.Member
	err := r.row(ctx, memberDest(&m), `SELECT `+memberColumns+` FROM members WHERE `+where, args...)
	if isNone(err) {
		return m, noMember()
	}
	return m, err
}

func noMember() error { return fault.Missing("member_not_found", "there is no member with this id") }

// List returns every member, deactivated ones too, the newest first.
func (k *Members) List(ctx context.Context) ([]members.Member, error) {
	list, err := k.db.reader().members(ctx, `true ORDER BY id DESC`)
	return list, away(err)
}

func (r runner) members(ctx context.Context, where string, args ...any) ([]members.Member, error) {
	var list []members.Member
	var m members.Member
	err := r.each(ctx, memberDest(&m), func() error {
		list = append(list, m)
		return nil
	}, `SELECT `+memberColumns+` FROM members WHERE `+where, args...)
	return list, err
}

// Change changes a member by a pure function, which may be called again; its error ends the change. The last active administrator stays
// one: fault.Conflict (last_administrator).
func (k *Members) Change(ctx context.Context, id vocab.MemberID, change func(members.Member) (members.Member, error)) (members.Member, error) {
	var after members.Member
	err := k.db.tx(ctx, func(tx *tx) error {
		// All of them are guarded, in one order: of two administrators who demote each other at once, one must see the other's change.
		all, err := tx.members(ctx, `true ORDER BY id {guard}`)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(m members.Member) bool { return m.ID == id })
		if i < 0 {
			return noMember()
		}
		if after, err = change(all[i]); err != nil {
			return err
		}
		all[i] = after
		if err := members.KeepAdministrator(all); err != nil {
			return err
		}
		return tx.keepMember(ctx, after)
	})
	if err != nil {
		return members.Member{}, fmt.Errorf("change member %s: %w", id, err)
	}
	return after, nil
}

func (tx *tx) keepMember(ctx context.Context, m members.Member) error {
	roles, err := json.Marshal(orNone(m.Roles))
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `UPDATE members SET name = $2, roles = $3, deactivated_at = $4 WHERE id = $1`,
		string(m.ID), plain(m.Name), string(roles), micros(m.DeactivatedAt))
	return err
}

// Enrol makes a member, if there is none with the email address, and a token, in one transaction with what the audit log says of it: for
// whoever runs the program on its machine. A member who is there already stays as they are; fault.Conflict (member_inactive) if they may not act.
func (k *Members) Enrol(ctx context.Context, m members.Member, token members.Token, now time.Time) (members.Member, string, error) {
	secret, err := newSecret(members.TokenPrefix)
	if err != nil {
		return members.Member{}, "", fmt.Errorf("enrol member: %w", err)
	}
	var kept members.Member
	err = k.db.tx(ctx, func(tx *tx) error {
		var err error
		kept, err = tx.member(ctx, `email_lookup = $1`, plain(m.EmailKey))
		operation := "create-member-token"
		if fault.KindOf(err) == fault.NotFound {
			kept, operation, err = m, "create-member", tx.createMember(ctx, m)
		}
		if err != nil {
			return err
		}
		if !kept.Active() {
			return &fault.Error{Kind: fault.Conflict, Code: "member_inactive", Detail: "the member was deactivated; an administrator makes them active again"}
		}
		token.Member = kept.ID
		if err := tx.createToken(ctx, token, secret); err != nil {
			return err
		}
		return tx.audit(ctx, audit.Event{
			At: now, Actor: audit.System(audit.ByCommandLine), Operation: operation, Resource: audit.Resource{Kind: "member", ID: string(kept.ID)}, Status: 201,
		})
	})
	if err != nil {
		return members.Member{}, "", fmt.Errorf("enrol member: %w", err)
	}
	return kept, secret, nil
}
