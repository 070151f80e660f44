package dispatcher

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	all := func(string) bool { return true }
	fill := func(m Message, payload string, uses func(string) bool) *vars {
		o, err := readPayload([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		v := &vars{map[string]any{}, map[string]any{}, map[string]any{}, map[string]any{}}
		r.fill(v, m, o, r.links.of(m.ID), uses)
		return v
	}
	v := fill(m, `{"name":"Айгүл","data":{"n":12345678901234567890}}`, all)
	for name, kind := range map[string]LinkKind{"unsubscribe": LinkUnsubscribe, "preferences": LinkPreferences, "why": LinkWhy} {
		if v.links[name] != r.links.URL(kind, m.ID) {
			t.Errorf("links.%s is %v", name, v.links[name])
		}
	}
	if n := v.all["data"].(map[string]any)["n"]; n != json.Number("12345678901234567890") {
		t.Errorf("a long number became %v", n)
	}
	if v.contact["name"] != "Айгүл" || v.contact["language"] != "en" {
		t.Errorf("contact is %v", v.contact)
	}
	for _, lang := range append(vocab.Languages(), "de") {
		m := m
		m.Language = lang
		if diff := cmp.Diff(r.org.vars(lang), fill(m, `{}`, all).all["org"]); diff != "" {
			t.Errorf("org in %s (-want +got):\n%s", lang, diff)
		}
	}
	for _, class := range vocab.Classes() {
		v := fill(mail(class), `{}`, all)
		_, offered := v.links["unsubscribe"]
		if want := class == vocab.Marketing || class == vocab.Service; offered != want {
			t.Errorf("%s: an unsubscribe link is offered: %t, want %t", class, offered, want)
		}
		if _, named := v.contact["name"]; named {
			t.Errorf("%s: nobody knows the name, but there is one: a text would greet nobody", class)
		}
	}
	used := fill(m, `{}`, func(path string) bool { return path == "links.why" })
	if diff := cmp.Diff(map[string]any{"why": r.links.URL(LinkWhy, m.ID)}, used.links); diff != "" {
		t.Errorf("links of a text that uses one (-want +got):\n%s", diff)
	}
}

// The maps of one message are the next one's: nothing of it may be left in them.
func TestNothingOfOneMessageIsInTheNext(t *testing.T) {
	s := newShelf(t)
	s.all = append(s.all, templates.Version{ID: "tpv_1", Template: "greeting", Number: 1, Variants: []templates.Variant{{
		Language: vocab.English, Channel: vocab.SMS, SMS: `{{ contact.name | default: "nobody" }} {{ data.a | default: "-" }} {{ links.unsubscribe | default: "-" }}`,
	}}})
	r := newRenderer(s)
	version, err := r.version(t.Context(), "tpv_1")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		m := mail(vocab.Marketing)
		m.Channel = vocab.SMS
		full, err := r.render(version, m, []byte(`{"name":"Айгүл","data":{"a":"1"}}`))
		if want := "Айгүл 1 " + r.links.URL(LinkUnsubscribe, m.ID); err != nil || full.SMS != want || full.unsubscribe == "" {
			t.Fatalf("%q, %v, want %q", full.SMS, err, want)
		}
		m.Class = vocab.Legal
		if empty, err := r.render(version, m, []byte(`{}`)); err != nil || empty.SMS != "nobody - -" || empty.unsubscribe != "" {
			t.Fatalf("%q, %v, want nothing of the message before", empty.SMS, err)
		}
	}
}

// Many long templates must not fill the memory, whatever their number.
func TestFixedTextsThatAreKeptAreBounded(t *testing.T) {
	s := newShelf(t)
	r := newRenderer(s)
	v := s.all[len(s.all)-3]
	for i := range cacheFixed/150_000 + 3 {
		v.ID = vocab.TemplateVersionID(vocab.NewID(vocab.TemplateVersionPrefix))
		v.Variants = []templates.Variant{{Language: vocab.English, Channel: vocab.Email, Subject: "S", Text: "T", HTML: strings.Repeat("x", 150_000)}}
		if _, err := r.compile(v); err != nil {
			t.Fatal(err)
		}
		kept := 0
		for _, c := range r.cache {
			for _, fixed := range c.fixed {
				kept += len(fixed.Text)
			}
		}
		if kept > cacheFixed || kept != r.held {
			t.Fatalf("after %d versions %d bytes are kept and %d counted, at most %d may be", i+1, kept, r.held, cacheFixed)
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
