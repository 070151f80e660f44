package members_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/members"
)

var noon = time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)

func TestCleanMakesRolesASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		given := rapid.SliceOfN(rapid.SampledFrom(members.Roles()), 0, 8).Draw(t, "roles")
		m, err := members.Clean(members.Member{Name: " Айгүл ", Roles: slices.Clone(given)})
		if err != nil || m.Name != "Айгүл" {
			t.Fatalf("Clean: %+v, %v", m, err)
		}
		for _, r := range members.Roles() {
			if n := len(slices.DeleteFunc(slices.Clone(m.Roles), func(x members.Role) bool { return x != r })); n > 1 || (n == 1) != slices.Contains(given, r) {
				t.Errorf("Clean(%v) has %s %d times", given, r, n)
			}
		}
		if again, err := members.Clean(m); err != nil || !cmp.Equal(m, again) {
			t.Errorf("cleaned again it is %+v, %v", again, err)
		}
	})
}

func TestCleanNamesEveryProblem(t *testing.T) {
	for name, tc := range map[string]struct {
		m    members.Member
		want []string
	}{
		"no name":              {members.Member{Name: " "}, []string{"/name"}},
		"two lines":            {members.Member{Name: "a\nb"}, []string{"/name"}},
		"a long name":          {members.Member{Name: strings.Repeat("ә", 201)}, []string{"/name"}},
		"name and role":        {members.Member{Roles: []members.Role{members.Legal, "god", ""}}, []string{"/name", "/roles/1", "/roles/2"}},
		"the longest possible": {members.Member{Name: strings.Repeat("ә", 200)}, nil},
	} {
		_, err := members.Clean(tc.m)
		var got []string
		if e, ok := errors.AsType[*fault.Error](err); ok {
			for _, f := range e.Fields {
				got = append(got, f.Pointer)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
		}
	}
}

func TestSomebodyMustBeAbleToManageMembers(t *testing.T) {
	admin := members.Member{Roles: []members.Role{members.Administrator}}
	gone := admin
	gone.DeactivatedAt = noon
	other := members.Member{Roles: []members.Role{members.Legal}}
	for name, tc := range map[string]struct {
		all  []members.Member
		kept bool
	}{
		"one": {[]members.Member{other, admin}, true}, "one of two": {[]members.Member{gone, admin}, true}, "deactivated": {[]members.Member{gone, other}, false},
		"nobody": {nil, false},
	} {
		err := members.KeepAdministrator(tc.all)
		if (err == nil) != tc.kept || err != nil && fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s: %v, want kept: %t", name, err, tc.kept)
		}
	}
}

func TestATokenOpensUntilItsEnd(t *testing.T) {
	for name, tc := range map[string]struct {
		token members.Token
		opens bool
	}{
		"without an end": {members.Token{}, true}, "before it": {members.Token{ExpiresAt: noon.Add(1)}, true}, "at it": {members.Token{ExpiresAt: noon}, false},
		"revoked": {members.Token{RevokedAt: noon.Add(-1)}, false},
	} {
		if got := tc.token.Opens(noon); got != tc.opens {
			t.Errorf("%s: opens %t", name, got)
		}
	}
	if got := members.Day(time.Date(2026, 3, 2, 3, 0, 0, 0, time.FixedZone("", 5*3600))); !got.Equal(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("day %s", got)
	}
}
