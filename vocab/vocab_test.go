package vocab_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/vocab"
)

// TestListsAreComplete compares each list with the constants of its type, so that nobody adds a word and forgets the list.
func TestListsAreComplete(t *testing.T) {
	for name, list := range map[string][]string{
		"Class":    texts(vocab.Classes()),
		"Channel":  texts(vocab.Channels()),
		"Lane":     texts(vocab.Lanes()),
		"Language": texts(vocab.Languages()),
	} {
		if diff := cmp.Diff(constants(t, name), slices.Sorted(slices.Values(list))); diff != "" {
			t.Errorf("the list of %s mismatches its constants (-constants +list):\n%s", name, diff)
		}
	}
}

func TestPrefixesAreUnlike(t *testing.T) {
	sorted := slices.Sorted(slices.Values(prefixes))
	if len(slices.Compact(sorted)) != len(prefixes) {
		t.Errorf("two kinds of id have the same prefix: %v", prefixes)
	}
	for _, p := range prefixes {
		if len(p) != 3 {
			t.Errorf("prefix %q has not three letters", p)
		}
	}
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = string(x)
	}
	return out
}

// constants returns the values of the constants of a type in vocab.go, sorted.
func constants(t *testing.T, of string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "vocab.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == of {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, value)
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("vocab.go has no constant of type %s", of)
	}
	slices.Sort(values)
	return values
}
