package public

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/orleu/elshi/vocab"
)

// used are the keys of texts in views and in Go.
var used = regexp.MustCompile(`(?:\bt |count |say\(\w+(?:\.\w+)?, |sayWith\([\w.]+, |counted\([\w.]+, |State = |\{\{|State: )"([a-z_0-9]+)"`)

func TestEveryTextIsThereAndIsUsed(t *testing.T) {
	sources := ""
	for _, files := range []struct {
		from fs.FS
		glob string
	}{{viewFiles, "views/*.html"}, {os.DirFS("."), "*.go"}} {
		names, err := fs.Glob(files.from, files.glob)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasPrefix(name, "words") || strings.HasSuffix(name, "_test.go") {
				continue
			}
			content, err := fs.ReadFile(files.from, name)
			if err != nil {
				t.Fatal(err)
			}
			sources += string(content)
		}
	}
	asked := 0
	for _, found := range used.FindAllStringSubmatch(sources, -1) {
		_, word := words[found[1]]
		_, number := plurals[found[1]]
		if !word && !number {
			t.Errorf("text %q is used and does not exist", found[1])
		}
		asked++
	}
	if asked < 60 {
		t.Errorf("found %d uses, want the search to work", asked)
	}
	for key, text := range words {
		if !strings.Contains(sources, `"`+key+`"`) && !strings.HasPrefix(key, "basis_") {
			t.Errorf("text %q is not used", key)
		}
		for _, lang := range vocab.Languages() {
			said := text.in(lang)
			if strings.TrimSpace(said) == "" || strings.Count(said, "%s") != strings.Count(text.kk, "%s") {
				t.Errorf("text %q in %s: %q", key, lang, said)
			}
		}
	}
	for key := range plurals {
		if !strings.Contains(sources, `"`+key+`"`) {
			t.Errorf("counted text %q is not used", key)
		}
	}
}

func TestRussianAndEnglishNumbers(t *testing.T) {
	want := map[int][2]string{
		1: {"1 сообщение", "1 message"}, 2: {"2 сообщения", "2 messages"}, 5: {"5 сообщений", "5 messages"}, 11: {"11 сообщений", "11 messages"},
		12: {"12 сообщений", "12 messages"}, 21: {"21 сообщение", "21 messages"}, 104: {"104 сообщения", "104 messages"},
		112: {"112 сообщений", "112 messages"}, 0: {"0 сообщений", "0 messages"},
	}
	for n, texts := range want {
		for i, lang := range []vocab.Language{vocab.Russian, vocab.English} {
			if got, err := counted(lang, "caught_count", n); err != nil || got != texts[i] {
				t.Errorf("counted(%s, %d) = %q, %v, want %q", lang, n, got, err, texts[i])
			}
		}
	}
	if _, err := counted(vocab.Kazakh, "nothing", 1); err == nil {
		t.Error("an unknown counted text gives no error")
	}
	if _, err := sayWith(vocab.Kazakh, "nothing"); err == nil {
		t.Error("an unknown text gives no error")
	}
}
