package dispatcher

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// countingShelf says how often versions are read.
type countingShelf struct {
	*shelf

	reads int
}

func (s *countingShelf) Version(ctx context.Context, id vocab.TemplateVersionID) (templates.Version, error) {
	s.reads++
	return s.shelf.Version(ctx, id)
}

func TestVersionsAreCompiledOnce(t *testing.T) {
	s := &countingShelf{shelf: newShelf(t)}
	r := newRenderer(s)
	for range 3 {
		if _, err := r.version(t.Context(), s.id(t, "note")); err != nil {
			t.Fatal(err)
		}
	}
	if s.reads != 1 {
		t.Errorf("a version that never changes was read %d times", s.reads)
	}
	one, err := r.named(t.Context(), "note", 0)
	if err != nil {
		t.Fatal(err)
	}
	two, err := r.named(t.Context(), "note", 1)
	if err != nil || one != two {
		t.Errorf("the newest version and version 1 are the same, but were compiled twice (%v)", err)
	}
}

func TestCacheOfVersionsIsBounded(t *testing.T) {
	s := newShelf(t)
	note := s.all[len(s.all)-3]
	for range cacheSize + 10 {
		note.ID = vocab.TemplateVersionID(vocab.NewID(vocab.TemplateVersionPrefix))
		s.all = append(s.all, note)
	}
	r := newRenderer(s)
	for _, v := range s.all {
		if _, err := r.version(t.Context(), v.ID); err != nil {
			t.Fatal(err)
		}
		if len(r.cache) > cacheSize {
			t.Fatalf("%d versions are kept", len(r.cache))
		}
	}
}

// What a text may name is made of the message, not of the moment: the same message reads the same whenever it is rendered.
func TestVariables(t *testing.T) {
	r := newRenderer(newShelf(t))
	m := mail(vocab.Marketing)
	vars, err := r.vars(m, stored{Name: "Айгүл", Data: []byte(`{"n":12345678901234567890}`)})
	if err != nil {
		t.Fatal(err)
	}
	links := vars["links"].(map[string]any)
	for name, kind := range map[string]LinkKind{"unsubscribe": LinkUnsubscribe, "preferences": LinkPreferences, "why": LinkWhy} {
		if links[name] != r.links.URL(kind, m.ID) {
			t.Errorf("links.%s is %v", name, links[name])
		}
	}
	if n := vars["data"].(map[string]any)["n"]; n != json.Number("12345678901234567890") {
		t.Errorf("a long number became %v", n)
	}
	if who := vars["contact"].(map[string]any); who["name"] != "Айгүл" || who["language"] != "en" {
		t.Errorf("contact is %v", who)
	}
	for _, class := range vocab.Classes() {
		vars, err := r.vars(mail(class), stored{})
		if err != nil {
			t.Fatal(err)
		}
		_, offered := vars["links"].(map[string]any)["unsubscribe"]
		if want := class == vocab.Marketing || class == vocab.Service; offered != want {
			t.Errorf("%s: an unsubscribe link is offered: %t, want %t", class, offered, want)
		}
		if _, named := vars["contact"].(map[string]any)["name"]; named {
			t.Errorf("%s: nobody knows the name, but there is one: a text would greet nobody", class)
		}
	}
}

func TestContentOfAStoredMessage(t *testing.T) {
	s := newShelf(t)
	r := newRenderer(s)
	m := mail(vocab.Transactional)
	m.Template = s.id(t, "note")
	data := Payload{Data: []byte(`{"data":{"text":"hello"}}`)}
	if c, err := r.Content(t.Context(), m, data); err != nil || !strings.Contains(c.Text, "hello") {
		t.Errorf("content %+v, %v", c, err)
	}
	code := m
	code.Class = vocab.Security
	for name, tc := range map[string]struct {
		m    Message
		p    Payload
		want fault.Kind
	}{
		"a one-time code":     {code, data, fault.Forbidden},
		"what lies sealed":    {m, Payload{Data: []byte("x"), Sealed: true}, fault.Forbidden},
		"what has been wiped": {m, Payload{}, fault.NotFound},
	} {
		if c, err := r.Content(t.Context(), tc.m, tc.p); fault.KindOf(err) != tc.want || c.Text != "" {
			t.Errorf("%s: %+v, %v, want %s", name, c, err, tc.want)
		}
	}
}

// Parts must not flow into each other: a subject that ends as a text begins is another content.
func TestContentHashTellsPartsApart(t *testing.T) {
	seen := map[string]templates.Content{}
	for _, c := range []templates.Content{
		{Subject: "ab", Text: "c"},
		{Subject: "a", Text: "bc"},
		{Subject: "a", Preheader: "b", Text: "c"},
		{SMS: "abc"},
		{Text: "abc"},
		{HTML: "abc"},
		{ICS: []byte("abc")},
		{},
	} {
		hash := contentHash(c)
		if other, taken := seen[hash]; taken {
			t.Errorf("%+v and %+v have one hash", c, other)
		}
		seen[hash] = c
		if hash != contentHash(c) {
			t.Errorf("%+v has two hashes", c)
		}
	}
}

func TestTextsInALanguage(t *testing.T) {
	all := map[vocab.Language]string{vocab.Kazakh: "kk", vocab.Russian: "ru", vocab.English: "en"}
	for lang, want := range map[vocab.Language]string{vocab.English: "en", vocab.Russian: "ru", "de": "kk", "": "kk"} {
		if got := inLanguage(all, lang); got != want {
			t.Errorf("in %q: %q, want %q", lang, got, want)
		}
	}
	if got := inLanguage(map[vocab.Language]string{"de": "de"}, vocab.English); got != "" {
		t.Errorf("a text that nobody here speaks: %q", got)
	}
}

func TestShortNameOfAnOrganisation(t *testing.T) {
	whole := map[vocab.Language]string{vocab.Kazakh: "Өрлеу орталығы", vocab.Russian: "Центр «Өрлеу»"}
	for name, tc := range map[string]struct {
		short map[vocab.Language]string
		lang  vocab.Language
		want  string
	}{
		"in the language":                   {map[vocab.Language]string{vocab.Kazakh: "Өрлеу", vocab.Russian: "ЦПК"}, vocab.Russian, "ЦПК"},
		"only in another: the whole name":   {map[vocab.Language]string{vocab.Kazakh: "Өрлеу"}, vocab.Russian, "Центр «Өрлеу»"},
		"none at all":                       {nil, vocab.Kazakh, "Өрлеу орталығы"},
		"a language with no name":           {map[vocab.Language]string{vocab.Kazakh: "Өрлеу"}, vocab.English, "Өрлеу"},
		"a language with no name, no short": {nil, vocab.English, "Өрлеу орталығы"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (Org{Name: whole, ShortName: tc.short}).shortName(tc.lang); got != tc.want {
				t.Errorf("shortName(%s) = %q, want %q", tc.lang, got, tc.want)
			}
		})
	}
}
