package export

import (
	"archive/zip"
	"context"
	"embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/orleu/elshi/vocab"
)

//go:embed pages
var pages embed.FS

// templatesIn are the pages in each language; functions that need a run are set for each. A mistake in one stops the program at its start.
var templatesIn = func() map[vocab.Language]*template.Template {
	all := map[vocab.Language]*template.Template{}
	for _, lang := range vocab.Languages() {
		all[lang] = template.Must(template.New("pages").Funcs(template.FuncMap{
			"t":    func(key string) (string, error) { return say(lang, key) },
			"word": func(value any) string { return wordFor(lang, fmt.Sprint(value)) },
			"page": pagePath,
			// Each is bound to a run by show.
			"when": func(time.Time) string { return "" }, "purpose": func(vocab.Purpose, ...vocab.Topic) string { return "" },
		}).ParseFS(pages, "pages/*.html"))
	}
	return all
}()

// show writes one piece of a page.
func (r *run) show(w io.Writer, piece string, data any) error {
	return r.pieces().ExecuteTemplate(w, piece, map[string]any{"Lang": r.lang, "Org": r.o.Org[r.lang], "Now": r.now, "Contact": r.who.ID, "X": data})
}

// pieces are the pages in the contact's language and zone.
func (r *run) pieces() *template.Template {
	if r.bound == nil {
		r.bound = template.Must(templatesIn[r.lang].Clone()).Funcs(template.FuncMap{
			"when": func(t any) string { return r.when(t) },
			"purpose": func(id vocab.Purpose, topics ...vocab.Topic) string {
				name := string(id)
				if info, known := r.o.Purposes.Lookup(id); known && info.Names[r.lang] != "" {
					name = info.Names[r.lang]
				}
				for _, topic := range topics {
					if topic != "" {
						name += " · " + r.o.Purposes.TopicName(id, topic, r.lang)
					}
				}
				return name
			},
		})
	}
	return r.bound
}

// when writes a time in the contact's zone; a time that has not come is a dash.
func (r *run) when(t any) string {
	at, _ := t.(time.Time)
	if p, pointer := t.(*time.Time); pointer && p != nil {
		at = *p
	}
	if at.IsZero() {
		return "—"
	}
	return at.In(r.zone).Format("02.01.2006 15:04")
}

// indexFile writes the page that leads to the others, row by row.
func (r *run) indexFile(ctx context.Context, z *zip.Writer) error {
	w, err := r.file(z, "index.html")
	if err != nil {
		return err
	}
	suppressions, err := r.o.People.SuppressionsOf(ctx, r.who.ID)
	if err != nil {
		return err
	}
	grants, err := r.o.Consents.OfContact(ctx, r.who.ID)
	if err != nil {
		return err
	}
	head := struct {
		Contact      contactView
		Addresses    []addressView
		Suppressions []suppressionView
		Grants       []grantView
	}{Contact: contactOf(r.who)}
	for _, a := range r.who.Addresses {
		head.Addresses = append(head.Addresses, addressOf(a))
	}
	for _, s := range suppressions {
		head.Suppressions = append(head.Suppressions, suppressionOf(s))
	}
	for _, g := range grants {
		head.Grants = append(head.Grants, grantOf(g))
	}
	if err := r.show(w, "head", head); err != nil {
		return err
	}
	if err := r.eachConsent(ctx, func(e ConsentRecord) error { return r.show(w, "consent", consentOf(e)) }); err != nil {
		return err
	}
	confirmations, err := r.confirmations(ctx)
	if err != nil {
		return err
	}
	claims, err := r.claims(ctx)
	if err != nil {
		return err
	}
	if err := r.show(w, "asked", confirmations); err != nil {
		return err
	}
	if err := r.show(w, "claims", claims); err != nil {
		return err
	}
	if err := r.show(w, "messages", nil); err != nil {
		return err
	}
	if err := r.eachMessage(ctx, func(m MessageRecord) error {
		view, err := r.messageOf(ctx, m)
		if err != nil {
			return err
		}
		return r.show(w, "row", view)
	}); err != nil {
		return err
	}
	return r.show(w, "foot", nil)
}
