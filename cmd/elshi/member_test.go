package main_test

import (
	"regexp"
	"strings"
	"testing"
)

func TestMemberMakesTheFirstAdministratorAndFurtherTokens(t *testing.T) {
	l := newLine(t)
	secret := regexp.MustCompile(`^elshi_member_[0-9a-hjkmnp-tv-z]{32}\n$`)
	first := l.ok(t, "member", "Daniyar@orleu.example", "--name=Данияр")
	again := l.ok(t, "member", "daniyar@orleu.example")
	other := l.ok(t, "member", "aigul@orleu.example", "--name=Айгүл", "--role=legal", "--role=viewer")
	if !secret.MatchString(first) || !secret.MatchString(again) || !secret.MatchString(other) || first == again {
		t.Errorf("printed %q, %q and %q", first, again, other)
	}
	for name, args := range map[string][]string{
		"leave --name and --role out": {"member", "daniyar@orleu.example", "--name=Other"},
		"a name has 1 to 200":         {"member", "new@orleu.example"},
		"email":                       {"member", "nobody", "--name=x"},
	} {
		if r := l.run(t, args...); r.code != 1 || !strings.Contains(r.report, name) || r.out != "" {
			t.Errorf("elshi %v: exit code %d\n%s%s", args, r.code, r.out, r.report)
		}
	}
}
