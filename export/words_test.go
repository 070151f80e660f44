package export

import (
	"bytes"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orleu/elshi/channels"
	claimed "github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// values adds a list of values to another one as texts.
func values[T ~string](to []string, list ...T) []string {
	for _, v := range list {
		to = append(to, string(v))
	}
	return to
}

// A person reads the pages: no value of ours stands in them as a code.
func TestEveryValueHasWordsInEveryLanguage(t *testing.T) {
	var all []string
	all = values(all, vocab.Channels()...)
	all = values(all, dispatcher.Statuses()...)
	all = values(all, consent.EventKinds()...)
	all = values(all, consent.None, consent.Pending, consent.Granted, consent.Refusal, consent.Withdrawn, consent.Expired, consent.Stale, consent.Lapsed)
	all = values(all, contacts.SuppressionReasons()...)
	all = values(all, channels.Accepted, channels.Refused, channels.NotHandedOver, channels.InDoubt)
	all = values(all, claimed.Kinds()...)
	all = values(all, claimed.States()...)
	all = values(all, optin.OptIn, optin.AddressProof)
	for _, value := range all {
		words := map[string]bool{}
		for _, lang := range vocab.Languages() {
			text := wordFor(lang, value)
			if _, known := valueWords[value]; !known || strings.TrimSpace(text) == "" {
				t.Errorf("%q has no words in %s", value, lang)
			}
			words[text] = true
		}
		if len(words) < 2 && value != string(vocab.SMS) {
			t.Errorf("%q reads the same in every language", value)
		}
	}
	for _, value := range slices.Sorted(maps.Keys(valueWords)) {
		if strings.Contains(value, " ") {
			t.Errorf("%q is no value", value)
		}
	}
}

// asked are the texts that pages ask for.
var asked = regexp.MustCompile(`\{\{t "([a-z_]+)"\}\}`)

func TestEveryTextOfThePagesIsThereAndIsUsed(t *testing.T) {
	used := map[string]bool{}
	for _, name := range []string{"index.html", "message.html"} {
		f, err := pages.Open("pages/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var page bytes.Buffer
		if _, err := io.Copy(&page, f); err != nil {
			t.Fatal(err)
		}
		for _, found := range asked.FindAllStringSubmatch(page.String(), -1) {
			used[found[1]] = true
		}
	}
	for key := range used {
		if _, known := pageWords[key]; !known {
			t.Errorf("text %q is used and does not exist", key)
		}
	}
	for key, text := range pageWords {
		if !used[key] {
			t.Errorf("text %q is not used", key)
		}
		for _, lang := range vocab.Languages() {
			if strings.TrimSpace(text.in(lang)) == "" {
				t.Errorf("text %q in %s is empty", key, lang)
			}
		}
	}
}

// A file's name is somebody else's to choose.
func TestAFileLandsWhereItBelongsWhateverItIsCalled(t *testing.T) {
	for name, want := range map[string]string{
		"бағдарлама.pdf":         "attachments/msg_x/01-бағдарлама.pdf",
		"../../etc/passwd":       "attachments/msg_x/01-passwd",
		`..\..\windows\win.ini`:  "attachments/msg_x/01-win.ini",
		"/":                      "attachments/msg_x/01-_",
		"..":                     "attachments/msg_x/01-",
		"a b\x00:c.txt":          "attachments/msg_x/01-a_b__c.txt",
		strings.Repeat("ұ", 300): "attachments/msg_x/01-" + strings.Repeat("ұ", 80),
		".hidden":                "attachments/msg_x/01-hidden",
		"con\u202egnp.exe":       "attachments/msg_x/01-con_gnp.exe",
		"\xff\xfe" + "broken":    "attachments/msg_x/01-broken",
	} {
		if got := filePath("msg_x", 0, name); got != want {
			t.Errorf("%q lands at %q, want %q", name, got, want)
		}
	}
}
