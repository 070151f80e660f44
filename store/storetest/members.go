package storetest

import (
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/members"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// member makes a member with roles.
func (w *world) member(roles ...members.Role) members.Member {
	w.Helper()
	email := unique("%s@orleu.example")
	return must(store.NewMembers(w.db).Create(w.ctx, members.Member{
		ID: vocab.MemberID(vocab.NewID(vocab.MemberPrefix)), Name: "Данияр", Email: vocab.Address(email), EmailKey: email, Roles: roles, CreatedAt: w.now,
	}))(w)
}

func (w *world) tokenOf(m members.Member, expires time.Time) (members.Token, string) {
	w.Helper()
	t, secret, err := store.NewMembers(w.db).CreateToken(w.ctx, members.Token{
		ID: vocab.MemberTokenID(vocab.NewID(vocab.MemberTokenPrefix)), Member: m.ID, Name: "laptop", CreatedBy: string(m.ID), CreatedAt: w.now, ExpiresAt: expires,
	})
	w.ok(err)
	return t, secret
}

var memberTests = map[string]func(*world){
	"members are kept whole, and one email address is one member's": func(w *world) {
		all := store.NewMembers(w.db)
		m := w.member(members.Viewer, members.Legal)
		for name, got := range map[string]members.Member{"Get": must(all.Get(w.ctx, m.ID))(w), "ByEmail": must(all.ByEmail(w.ctx, m.EmailKey))(w)} {
			if diff := cmp.Diff(m, got); diff != "" {
				w.Errorf("%s mismatch (-created +got):\n%s", name, diff)
			}
		}
		if list := must(all.List(w.ctx))(w); !slices.ContainsFunc(list, func(x members.Member) bool { return cmp.Equal(x, m) }) {
			w.Error("the list lacks the member")
		}
		twin := m
		twin.ID = vocab.MemberID(vocab.NewID(vocab.MemberPrefix))
		_, err := all.Create(w.ctx, twin)
		w.refused(err, fault.Conflict, "email_taken")
		_, err = all.Get(w.ctx, twin.ID)
		w.refused(err, fault.NotFound, "member_not_found")
		_, err = all.Change(w.ctx, twin.ID, func(m members.Member) (members.Member, error) { return m, nil })
		w.refused(err, fault.NotFound, "member_not_found")
	},
	"a token opens until it ends, is revoked, or its member may act no more": func(w *world) {
		all := store.NewMembers(w.db)
		w.member(members.Administrator) // or nobody could be changed
		m := w.member(members.Author)
		token, secret := w.tokenOf(m, w.now.Add(48*time.Hour))
		if !strings.HasPrefix(secret, "elshi_member_") || len(secret) != len("elshi_member_")+32 {
			w.Errorf("the secret has another form")
		}
		got, used, err := all.Authenticate(w.ctx, secret, w.now)
		w.ok(err)
		token.LastUsedOn = members.Day(w.now)
		if diff := cmp.Diff(m, got) + cmp.Diff(token, used); diff != "" {
			w.Errorf("Authenticate mismatch (-want +got):\n%s", diff)
		}
		if list := must(all.Tokens(w.ctx, m.ID))(w); len(list) != 1 || !list[0].LastUsedOn.Equal(members.Day(w.now)) {
			w.Errorf("tokens %+v", list)
		}
		unknown := func(secret string, at time.Time) {
			w.Helper()
			_, _, err := all.Authenticate(w.ctx, secret, at)
			w.refused(err, fault.NotFound, "member_token_unknown")
		}
		for _, wrong := range []string{"", "elshi_member_", secret[:len(secret)-1], secret + "0", strings.ToUpper(secret), strings.Replace(secret, "member", "live", 1)} {
			unknown(wrong, w.now)
		}
		unknown(secret, w.now.Add(48*time.Hour)) // the end is exclusive
		_, second := w.tokenOf(m, time.Time{})
		if _, _, err := all.Authenticate(w.ctx, second, w.now.AddDate(50, 0, 0)); err != nil {
			w.Errorf("a token without an end: %v", err)
		}
		gone := must(all.RevokeToken(w.ctx, m.ID, token.ID, "mem_x", w.now))(w)
		again := must(all.RevokeToken(w.ctx, m.ID, token.ID, "mem_y", w.now.Add(time.Hour)))(w)
		if diff := cmp.Diff(gone, again); diff != "" || gone.RevokedBy != "mem_x" {
			w.Errorf("revoked twice (-first +second):\n%s", diff)
		}
		unknown(secret, w.now)
		_, err = all.RevokeToken(w.ctx, w.member().ID, token.ID, "mem_x", w.now)
		w.refused(err, fault.NotFound, "member_token_not_found")
		must(all.Change(w.ctx, m.ID, func(m members.Member) (members.Member, error) {
			m.DeactivatedAt = w.now
			return m, nil
		}))(w)
		unknown(second, w.now)
	},
	"the last active administrator stays one, also when two demote each other at once": func(w *world) {
		all := store.NewMembers(w.db)
		a, b := w.member(members.Administrator), w.member(members.Administrator)
		for _, m := range must(all.List(w.ctx))(w) { // other tests'
			if m.ID != a.ID && m.ID != b.ID {
				must(all.Change(w.ctx, m.ID, func(m members.Member) (members.Member, error) {
					m.DeactivatedAt = w.now
					return m, nil
				}))(w)
			}
		}
		changes := []func(members.Member) (members.Member, error){
			func(m members.Member) (members.Member, error) {
				m.Roles = []members.Role{members.Viewer}
				return m, nil
			},
			func(m members.Member) (members.Member, error) { m.DeactivatedAt = w.now; return m, nil },
		}
		errs := twins(2, func(i int) error {
			_, err := all.Change(w.ctx, []vocab.MemberID{a.ID, b.ID}[i], changes[i])
			return err
		})
		if (errs[0] == nil) == (errs[1] == nil) {
			w.Fatalf("errors %v: want one of them refused", errs)
		}
		for _, err := range errs {
			if err != nil {
				w.refused(err, fault.Conflict, "last_administrator")
			}
		}
		w.member(members.Administrator) // for other tests
	},
	"the command line makes the first one and further tokens, and the log says so": func(w *world) {
		all, log := store.NewMembers(w.db), store.NewAudit(w.db)
		w.member(members.Administrator) // or the one below could not be deactivated
		email := unique("%s@orleu.example")
		m := members.Member{
			ID: vocab.MemberID(vocab.NewID(vocab.MemberPrefix)), Name: "First", Email: vocab.Address(email), EmailKey: email,
			Roles: []members.Role{members.Administrator}, CreatedAt: w.now,
		}
		for i, operation := range []string{"create-member", "create-member-token"} {
			kept, secret, err := all.Enrol(w.ctx, m, members.Token{ID: vocab.MemberTokenID(vocab.NewID(vocab.MemberTokenPrefix)), CreatedAt: w.now}, w.now)
			w.ok(err)
			got, _, err := all.Authenticate(w.ctx, secret, w.now)
			w.ok(err)
			if got.ID != m.ID || kept.ID != m.ID {
				w.Errorf("enrolled %s, opens %s", kept.ID, got.ID)
			}
			list := must(log.List(w.ctx, audit.Filter{Subject: string(m.ID), Limit: 10}))(w)
			if len(list) != i+1 || list[0].Operation != operation || list[0].Actor != audit.System(audit.ByCommandLine) || list[0].Status != 201 {
				w.Errorf("log %+v", list)
			}
		}
		must(all.Change(w.ctx, m.ID, func(m members.Member) (members.Member, error) { m.DeactivatedAt = w.now; return m, nil }))(w)
		_, _, err := all.Enrol(w.ctx, m, members.Token{ID: vocab.MemberTokenID(vocab.NewID(vocab.MemberTokenPrefix)), CreatedAt: w.now}, w.now)
		w.refused(err, fault.Conflict, "member_inactive")
	},
}
