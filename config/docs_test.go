package config

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write config.example.yaml and docs/configuration.md anew")

const (
	examplePath   = "../config.example.yaml"
	referencePath = "../docs/configuration.md"
)

func TestExampleAndReferenceAreCurrent(t *testing.T) {
	comments := fieldComments(t)
	for _, file := range []struct {
		path string
		want string
	}{
		{examplePath, exampleFile(comments)},
		{referencePath, referenceFile(comments)},
	} {
		if *update {
			if err := os.WriteFile(file.path, []byte(file.want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file.path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(file.want, string(got)); diff != "" {
			t.Errorf("%s is not what the settings say; run make generate (-want +got):\n%s", filepath.Base(file.path), diff)
		}
	}
}

func TestExampleLoadsEqualToDefault(t *testing.T) {
	got, err := Load(examplePath, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got); diff != "" {
		t.Errorf("Load(config.example.yaml) mismatch (-Default() +got):\n%s", diff)
	}
}

// A comment that promises another default than the code has is worse than none.
func TestEveryFieldCommentSaysItsDefault(t *testing.T) {
	comments := fieldComments(t)
	var check func(v reflect.Value, key string, told bool)
	seen := 0
	check = func(v reflect.Value, key string, told bool) {
		for i := range v.NumField() {
			field := v.Type().Field(i)
			name := join(key, field.Tag.Get("yaml"))
			comment := comments[v.Type().Name()+"."+field.Name]
			if comment == "" || !strings.HasSuffix(comment, ".") {
				t.Errorf("%s: comment %q is missing or does not end in a period", name, comment)
			}
			_, said, hasDefault := splitDefault(comment)
			isProse := name == "providers" || name == "senders" // their comment names the elements
			if hasDefault && !isProse {
				if want := inline(v.Field(i), plainText); said != want {
					t.Errorf("%s: comment says Default %s, the default is %s", name, said, want)
				}
				seen++
			}
			if isGroup(field.Type) {
				check(v.Field(i), name, told || hasDefault)
			} else if !hasDefault && !told {
				t.Errorf("%s: the comment does not end in its default", name)
			}
		}
	}
	c := Default()
	check(reflect.ValueOf(c), "", false)
	var p Provider
	p.setDefaults()
	check(reflect.ValueOf(p), "providers[]", false)
	check(reflect.ValueOf(Sender{}), "senders[]", false)
	check(reflect.ValueOf(DKIMKey{}), "senders[].dkim[]", false)
	if seen < 60 {
		t.Errorf("only %d defaults were compared; the walk has lost its way", seen)
	}
}

// The sample of the reference must work, apart from the secret files that only the reader has.
func TestSampleOfTheReferenceLoads(t *testing.T) {
	dir := t.TempDir()
	sample := relaySample
	for _, name := range []string{"relay-password", "database-url", "link-key", "payload-key", "commitment-key", "verp-key", "signing-key"} {
		path := filepath.Join(dir, name)
		text := strings.Repeat("0a", KeySize)
		if name == "database-url" {
			text = "postgres://elshi_service@127.0.0.1/elshi"
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(sample, "/run/secrets/"+name) {
			t.Fatalf("the sample does not use /run/secrets/%s", name)
		}
		sample = strings.ReplaceAll(sample, "/run/secrets/"+name, path)
	}
	file := filepath.Join(dir, "elshi.yaml")
	if err := os.WriteFile(file, []byte(sample), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file, nil); err != nil {
		t.Error(err)
	}
}
