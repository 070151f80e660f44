package channels_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/channels"
)

func TestErrorNamesCauseAndCodes(t *testing.T) {
	for _, tc := range []struct {
		err  channels.Error
		want string
	}{
		{channels.Error{Cause: channels.Unreachable}, "unreachable"},
		{channels.Error{Cause: channels.RateLimited, Code: 429, RetryAfter: time.Minute}, "rate_limited 429"},
		{channels.Error{Cause: channels.NoSuchMailbox, Code: 550, Enhanced: "5.1.1"}, "no_such_mailbox 550 5.1.1"},
		{channels.Error{Cause: channels.Undelivered, Enhanced: "EXPIRED"}, "undelivered EXPIRED"},
	} {
		tc.err.Detail = "<aigul@example.org>: Recipient address rejected"
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("Error of %+v is %q, want %q", tc.err, got, tc.want)
		}
	}
}

func TestErrorTextNeverHasTheProvidersWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const words = "Запись «aigul@example.org» отклонена"
		e := &channels.Error{
			Cause: rapid.SampledFrom(channels.Causes()).Draw(t, "cause"), Code: rapid.IntRange(0, 599).Draw(t, "code"),
			Enhanced: rapid.StringMatching(`([245]\.[0-9]\.[0-9]{1,3})?`).Draw(t, "enhanced"), Detail: words,
			RetryAfter: time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "retry after")),
		}
		wrapped := fmt.Errorf("settle: %w", e)
		for _, text := range []string{e.Error(), fmt.Sprintf("%v %s", e, e), wrapped.Error(), errors.Join(wrapped, wrapped).Error()} {
			if strings.Contains(text, "aigul") || !strings.Contains(text, string(e.Cause)) {
				t.Errorf("the text is %q, want the cause %s and none of the provider's words", text, e.Cause)
			}
		}
	})
}

// TestCausesIsComplete compares the list with the constants: the outcome table is complete only if the list is.
func TestCausesIsComplete(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "error.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var constants []channels.Cause
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Cause" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			constants = append(constants, channels.Cause(value))
		}
		return true
	})
	if len(constants) == 0 {
		t.Fatal("error.go has no constant of type Cause")
	}
	slices.Sort(constants)
	if diff := cmp.Diff(constants, slices.Sorted(slices.Values(channels.Causes()))); diff != "" {
		t.Errorf("Causes mismatches the constants (-constants +Causes):\n%s", diff)
	}
}
