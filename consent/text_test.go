package consent

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

var operator = Operator{
	Name: map[vocab.Language]string{vocab.Kazakh: "«Өрлеу» орталығы", vocab.Russian: "Центр «Өрлеу»", vocab.English: "Orleu Center"},
	BIN:  "000000000000", PolicyVersion: "2026-05",
}

func TestTheTextsThatShipCanBePublishedAndSayWhoAndHow(t *testing.T) {
	texts := BuiltinTexts(operator)
	seen := map[GrantKey]bool{}
	for _, text := range texts {
		key := GrantKey{Purpose: text.Purpose, Channel: text.Channel}
		if seen[key] {
			t.Errorf("%v is there twice", key)
		}
		seen[key] = true
		if err := text.CheckPublish(); err != nil {
			t.Errorf("%v: %v", key, err)
		}
		hashes := map[string]bool{}
		for _, lang := range vocab.Languages() {
			hashes[text.Hash(lang)] = true
			v := text.Variants[lang]
			for _, p := range v.parts() {
				for _, words := range p.words {
					if strings.Contains(words, "%!") || strings.Contains(words, "%s") || strings.TrimSpace(words) != words {
						t.Errorf("%v in %s: %s is %q", key, lang, p.name, words)
					}
				}
			}
			if full := text.Full(lang); strings.Count(full, "\n") != 10 || !strings.Contains(full, v.ThirdParties) || !strings.Contains(full, operator.BIN) {
				t.Errorf("%v in %s: the text below the box is %q", key, lang, full)
			}
			if !strings.Contains(v.Statement, operator.Name[lang]) || !strings.Contains(v.Term, "24") {
				t.Errorf("%v in %s: the statement does not name the operator, or the term not its months: %q, %q", key, lang, v.Statement, v.Term)
			}
		}
		if len(hashes) != 3 {
			t.Errorf("%v: two languages have one hash", key)
		}
	}
	want := 0
	for _, p := range shipped() {
		if p.Class == vocab.Marketing {
			want += len(vocab.Channels())
		}
	}
	if len(texts) != want {
		t.Errorf("there are %d texts, want one for each of %d purposes and channels", len(texts), want)
	}
}

func TestTheHashIsOverEveryWord(t *testing.T) {
	text := BuiltinTexts(operator)[0]
	was := text.Hash(vocab.Russian)
	hash := func(change func(*TextVariant)) string {
		v := text.Variants[vocab.Russian]
		v.Data, v.Actions = slices.Clone(v.Data), slices.Clone(v.Actions)
		change(&v)
		other := text
		other.Variants = map[vocab.Language]TextVariant{vocab.Russian: v}
		return other.Hash(vocab.Russian)
	}
	for name, change := range map[string]func(*TextVariant){
		"title": func(v *TextVariant) { v.Title += " " }, "statement": func(v *TextVariant) { v.Statement += "." },
		"operator": func(v *TextVariant) { v.Operator += "." }, "data": func(v *TextVariant) { v.Data[0] += "." }, "uses": func(v *TextVariant) { v.Uses += "." },
		"actions": func(v *TextVariant) { v.Actions = v.Actions[1:] }, "term": func(v *TextVariant) { v.Term += "." },
		"third parties": func(v *TextVariant) { v.ThirdParties += "." }, "cross border": func(v *TextVariant) { v.CrossBorder += "." },
		"open sources": func(v *TextVariant) { v.OpenSources += "." }, "withdrawal": func(v *TextVariant) { v.Withdrawal += "." },
		"a list's border": func(v *TextVariant) { v.Data, v.Actions = v.Data[:3], append([]string{v.Data[3]}, v.Actions...) },
	} {
		if hash(change) == was {
			t.Errorf("another %s has the same hash", name)
		}
	}
	if hash(func(*TextVariant) {}) != was {
		t.Error("the same words have another hash")
	}
	for name, change := range map[string]func(*Text){
		"purpose": func(x *Text) { x.Purpose = "ads.campaign" }, "channel": func(x *Text) { x.Channel = vocab.SMS }, "BIN": func(x *Text) { x.BIN = "1" },
	} {
		other := text
		change(&other)
		if other.Hash(vocab.Russian) == was {
			t.Errorf("another %s has the same hash", name)
		}
	}
	if text.Hash("de") != "" || !strings.HasPrefix(was, "v1:") {
		t.Errorf("hashes %q in German, %q in Russian", text.Hash("de"), was)
	}
	// Written down once, from another implementation: an accidental change of the encoding would make every kept hash wrong.
	small := Text{Purpose: "news.company", Channel: vocab.Email, BIN: "000000000000", Variants: map[vocab.Language]TextVariant{vocab.Russian: {
		Title: "T", Statement: "S", Operator: "O", Data: []string{"a", "b"}, Uses: "U", Actions: []string{"c"}, Term: "12", ThirdParties: "none",
		CrossBorder: "no", OpenSources: "no", Withdrawal: "w",
	}}}
	const kept = "v1:367d52fb6fdfccdc8533edb2e030cc91744488ee7700dba77580210f81aa8a98"
	if got := small.Hash(vocab.Russian); got != kept {
		t.Errorf("the hash is %s, it was %s", got, kept)
	}
}

// hashInPython is docs/consent-texts.md in another language.
const hashInPython = `
import hashlib, json, struct, sys
t = json.load(sys.stdin)
fields = ["elshi consent text v1", t["purpose"], t["channel"], t["language"], t["bin"]]
for name in ["title", "statement", "operator", "data", "uses", "actions", "term", "third_parties", "cross_border", "open_sources", "withdrawal"]:
    words = t["variant"][name]
    fields += [str(len(words)), *words] if isinstance(words, list) else [words]
h = hashlib.sha256()
for f in fields:
    b = f.encode()
    h.update(struct.pack(">I", len(b)) + b)
print("v1:" + h.hexdigest())
`

func TestAnotherImplementationHasTheSameHash(t *testing.T) {
	python := testkit.NeedPython(t, "hashlib")
	for _, text := range BuiltinTexts(operator)[:2] {
		for _, lang := range vocab.Languages() {
			input, err := json.Marshal(map[string]any{
				"purpose": text.Purpose, "channel": text.Channel, "language": lang, "bin": text.BIN, "variant": text.Variants[lang],
			})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), python, "-c", hashInPython)
			cmd.Stdin = bytes.NewReader(input)
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			if got, want := strings.TrimSpace(string(out)), text.Hash(lang); got != want {
				t.Errorf("%s: Python says %s, Go %s", lang, got, want)
			}
		}
	}
}

func TestWhatWasShownIsFoundAmongTheVersions(t *testing.T) {
	first := BuiltinTexts(operator)[0]
	first.Version = 1
	second := first
	second.Version, second.Variants = 2, map[vocab.Language]TextVariant{}
	for lang, v := range first.Variants {
		if lang != vocab.Kazakh { // in Kazakh nothing changed
			v.Statement += "!"
		}
		second.Variants[lang] = v
	}
	draft := second
	draft.Version = 0
	versions := []Text{second, first, draft}
	kk, ru := first.Hash(vocab.Kazakh), first.Hash(vocab.Russian)
	for _, tc := range []struct {
		name  string
		said  Shown
		want  Shown
		wrong string
	}{
		{"version and language", Shown{Version: 1, Language: vocab.Russian}, Shown{1, ru, vocab.Russian}, ""},
		{"a region of a language", Shown{Version: 1, Language: "ru-KZ"}, Shown{1, ru, vocab.Russian}, ""},
		{"a hash tells version and language", Shown{Hash: ru}, Shown{1, ru, vocab.Russian}, ""},
		{"one that two versions share is the newer's", Shown{Hash: kk}, Shown{2, kk, vocab.Kazakh}, ""},
		{"and the older's, if it is named", Shown{Version: 1, Hash: kk}, Shown{1, kk, vocab.Kazakh}, ""},
		{"an unknown version", Shown{Version: 3, Language: vocab.Russian}, Shown{}, "/text_version"},
		{"an unknown hash", Shown{Hash: "v1:00"}, Shown{}, "/text_hash"},
		{"another version's hash", Shown{Version: 2, Hash: ru}, Shown{}, "/text_hash"},
		{"another language's hash", Shown{Version: 1, Hash: ru, Language: vocab.English}, Shown{}, "/text_hash"},
		{"no language", Shown{Version: 1}, Shown{}, "/language"},
		{"a language it is not written in", Shown{Version: 1, Language: "de"}, Shown{}, "/language"},
		{"nothing", Shown{}, Shown{}, "/text_hash"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text, got, err := tc.said.Find(versions)
			if tc.wrong != "" {
				if bad, is := errors.AsType[*fault.Error](err); !is || len(bad.Fields) != 1 || bad.Fields[0].Pointer != tc.wrong {
					t.Errorf("got %v, want something wrong at %s", err, tc.wrong)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil || text.Version != tc.want.Version {
				t.Errorf("version %d, %v, mismatch (-want +got):\n%s", text.Version, err, diff)
			}
		})
	}
}

func TestOutdatedTexts(t *testing.T) {
	v := func(n int, material bool) Text { return Text{Purpose: "news.company", Version: n, Material: material} }
	versions := []Text{v(4, false), v(3, true), v(2, false), v(1, true)}
	for i, want := range []bool{false, false, true, true} {
		if got := versions[i].Outdated(versions); got != want {
			t.Errorf("version %d outdated: %t, want %t", versions[i].Version, got, want)
		}
	}
}
