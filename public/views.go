package public

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/orleu/elshi/vocab"
)

//go:embed views
var viewFiles embed.FS

// viewSet holds one template for each view, with its functions bound to one language.
type viewSet map[string]*template.Template

// screen is what the layout shows around a view.
type screen struct {
	Lang      vocab.Language
	Title     string
	Org       string
	OrgLines  []string
	OrgURL    string
	Base      string
	Style     string
	Icon      string
	Languages []vocab.Language
	Keep      template.URL // of the query, in the links to other languages
	Post      *postBack
	Data      any
}

// loadViews parses every view in every language. A mistake in one stops the program at its start, not a contact at theirs.
func (p *pages) loadViews() (map[vocab.Language]viewSet, error) {
	entries, err := viewFiles.ReadDir("views")
	if err != nil {
		return nil, fmt.Errorf("contact pages: views: %w", err)
	}
	sets := map[vocab.Language]viewSet{}
	for _, lang := range vocab.Languages() {
		sets[lang] = viewSet{}
		for _, entry := range entries {
			if entry.Name() == "layout.html" {
				continue
			}
			t, err := template.New("layout.html").Funcs(p.functions(lang)).ParseFS(viewFiles, "views/layout.html", "views/"+entry.Name())
			if err != nil {
				return nil, fmt.Errorf("contact pages: view %s: %w", entry.Name(), err)
			}
			sets[lang][strings.TrimSuffix(entry.Name(), path.Ext(entry.Name()))] = t
		}
	}
	return sets, nil
}

// functions are what views may call: words, counted words, and moments in the language and the organisation's zone.
func (p *pages) functions(lang vocab.Language) template.FuncMap {
	return template.FuncMap{
		"t":       func(key string, args ...any) (string, error) { return sayWith(lang, key, args...) },
		"count":   func(key string, n int) (string, error) { return counted(lang, key, n) },
		"day":     func(at time.Time) string { return p.day(lang, at) },
		"clock":   p.clock,
		"iso":     func(at time.Time) string { return at.UTC().Format(time.RFC3339) },
		"channel": func(c vocab.Channel) string { return channelName(lang, c) },
		"segment": url.PathEscape,
		"event":   eventText,
		"autonym": func(l vocab.Language) string { return autonyms[l] },
	}
}

func (p *pages) render(w io.Writer, a answer) error {
	view, known := p.sets[a.lang][a.view]
	if !known {
		return fmt.Errorf("no view %q in language %q", a.view, a.lang)
	}
	return view.Execute(w, screen{
		Lang: a.lang, Title: a.title, Org: inLanguage(p.Org.Name, a.lang), OrgLines: strings.Split(p.Org.Address, "\n"), OrgURL: p.Org.URL,
		Base: p.base, Style: p.assets["style.css"].name, Icon: p.assets["icon.svg"].name, Languages: vocab.Languages(), Data: a.data, Post: a.post,
		Keep: template.URL(a.keep), //nolint:gosec // a constant of ours
	})
}

// autonyms are the languages' names in themselves.
var autonyms = map[vocab.Language]string{vocab.Kazakh: "Қазақша", vocab.Russian: "Русский", vocab.English: "English"}

// day writes a date as people of the language do: "24.11.2026", "24 November 2026".
func (p *pages) day(lang vocab.Language, at time.Time) string {
	if lang == vocab.English {
		return at.In(p.Zone).Format("2 January 2006")
	}
	return at.In(p.Zone).Format("02.01.2006")
}

// clock writes the time of day: "10:04".
func (p *pages) clock(at time.Time) string { return at.In(p.Zone).Format("15:04") }

func channelName(lang vocab.Language, c vocab.Channel) string {
	switch c {
	case vocab.Email:
		return say(lang, "channel_email")
	case vocab.SMS:
		return "SMS"
	}
	return string(c)
}

// purposeName returns the purpose's name; one that is registered no more is called by its id.
func (p *pages) purposeName(lang vocab.Language, id vocab.Purpose) string {
	info, known := p.Purposes.Lookup(id)
	if !known {
		return string(id)
	}
	return inLanguage(info.Names, lang)
}
