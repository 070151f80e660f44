package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/internal/batcher"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// Templates keeps the versions of templates. A version never changes: what was sent can always be read again.
type Templates struct {
	db     *DB
	lookUp *batcher.Batcher[templateName, vocab.TemplateVersionID] // empty if there is none
}

// NewTemplates returns the templates of a database.
func NewTemplates(db *DB) *Templates {
	return &Templates{db, batcher.New(readsAtOnce, readsTogether, db.reader().resolve)}
}

// templateName names a version by its number, or the newest if that is 0.
type templateName struct {
	template string
	number   int
}

// Create keeps v as the first version of a new template and returns it with id, number and hash. Of creations of one name at once the
// first to commit wins; the error of every other one is fault.Conflict (template_exists), whatever its version says.
func (t *Templates) Create(ctx context.Context, v templates.Version, now time.Time) (templates.Version, error) {
	v.Hash, v.Number = v.ContentHash(), 1
	want, err := newTemplateRow(v)
	if err != nil {
		return templates.Version{}, fmt.Errorf("create template %s: %w", v.Template, err)
	}
	v.ID = vocab.TemplateVersionID(vocab.NewID(vocab.TemplateVersionPrefix))
	var kept templates.Version
	err = t.db.tx(ctx, func(tx *tx) error {
		taken, err := tx.insertTemplate(ctx, v, want, now)
		if err != nil {
			return err
		}
		if taken {
			return &fault.Error{Kind: fault.Conflict, Code: "template_exists", Detail: "there is a template with this name; make a new version of it"}
		}
		kept, err = tx.template(ctx, `id = $1`, string(v.ID))
		return err
	})
	if err != nil {
		return templates.Version{}, fmt.Errorf("create template %s: %w", v.Template, err)
	}
	return kept, nil
}

// insertTemplate writes a version, unless its number is taken. It waits for whoever is about to take the number.
func (tx *tx) insertTemplate(ctx context.Context, v templates.Version, row templateRow, now time.Time) (taken bool, err error) {
	n, err := tx.exec(ctx, `
		INSERT INTO template_versions (id, template, number, purpose, calendar, sample, variants, hash, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (template, number) DO NOTHING`,
		string(v.ID), v.Template, v.Number, row.purpose, row.calendar, row.sample, row.variants, row.hash, now.UnixMicro())
	return n == 0, err
}

// Save keeps v as the newest version of its template and returns it with id, number and hash. If the newest version already says,
// approves and shows the same, that one is returned and nothing is kept. Concurrent saves get numbers without gaps.
func (t *Templates) Save(ctx context.Context, v templates.Version, now time.Time) (templates.Version, error) {
	v.Hash = v.ContentHash()
	want, err := newTemplateRow(v)
	if err != nil {
		return v, fmt.Errorf("save template %s: %w", v.Template, err)
	}
	v.ID = vocab.TemplateVersionID(vocab.NewID(vocab.TemplateVersionPrefix))
	kept := v
	err = t.db.tx(ctx, func(tx *tx) error {
		for {
			newest, have, err := tx.newestTemplate(ctx, v.Template)
			if err != nil {
				return err
			}
			if have == want {
				kept = newest
				return nil
			}
			v.Number = newest.Number + 1
			taken, err := tx.insertTemplate(ctx, v, want, now)
			if err != nil {
				return err
			}
			if !taken {
				kept, err = tx.template(ctx, `id = $1`, string(v.ID))
				return err
			}
			// Somebody else's version took the number meanwhile; the next read sees it.
		}
	})
	if err != nil {
		return templates.Version{}, fmt.Errorf("save template %s: %w", v.Template, err)
	}
	return kept, nil
}

// templateRow is what makes two versions the same one.
type templateRow struct{ purpose, calendar, sample, variants, hash string }

func newTemplateRow(v templates.Version) (templateRow, error) {
	sample, err := json.Marshal(v.Sample)
	if err != nil {
		return templateRow{}, fmt.Errorf("sample: %w", err)
	}
	variants, err := json.Marshal(v.Variants)
	if err != nil {
		return templateRow{}, fmt.Errorf("variants: %w", err)
	}
	return templateRow{string(v.Purpose), plain(v.Calendar), string(sample), string(variants), v.Hash}, nil
}

// newestTemplate reads the newest version with the texts it is kept as; zero values if there is none.
func (tx *tx) newestTemplate(ctx context.Context, slug string) (templates.Version, templateRow, error) {
	v, err := tx.template(ctx, `template = $1 ORDER BY number DESC LIMIT 1`, slug)
	if fault.KindOf(err) == fault.NotFound {
		return templates.Version{}, templateRow{}, nil
	}
	if err != nil {
		return v, templateRow{}, err
	}
	var row templateRow
	err = tx.row(ctx, []any{&row.purpose, &row.calendar, &row.sample, &row.variants, &row.hash},
		`SELECT purpose, calendar, sample, variants, hash FROM template_versions WHERE id = $1`, string(v.ID))
	return v, row, err
}

// Version returns the version with the id; fault.NotFound if there is none.
func (t *Templates) Version(ctx context.Context, id vocab.TemplateVersionID) (templates.Version, error) {
	v, err := t.db.reader().template(ctx, `id = $1`, string(id))
	return v, away(err)
}

// Latest returns the newest version of a template; fault.NotFound if there is none.
func (t *Templates) Latest(ctx context.Context, template string) (templates.Version, error) {
	v, err := t.db.reader().template(ctx, `template = $1 ORDER BY number DESC LIMIT 1`, plain(template))
	return v, away(err)
}

// ByNumber returns one version of a template; fault.NotFound if there is none.
func (t *Templates) ByNumber(ctx context.Context, template string, number int) (templates.Version, error) {
	v, err := t.db.reader().template(ctx, `template = $1 AND number = $2`, plain(template), number)
	return v, away(err)
}

// Resolve names a template's version by number, or its newest if number is 0; fault.NotFound (template_not_found) if there is none.
func (t *Templates) Resolve(ctx context.Context, template string, number int) (vocab.TemplateVersionID, error) {
	id, err := t.lookUp.Do(ctx, templateName{template, number})
	if err == nil && id == "" {
		return "", fault.Missing("template_not_found", "there is no such template or version")
	}
	return id, away(err)
}

// resolve returns the versions of these names. Requests that come at the same time mostly name one template.
func (r runner) resolve(ctx context.Context, names []templateName) ([]vocab.TemplateVersionID, error) {
	found := make(map[templateName]vocab.TemplateVersionID, 1)
	ids := make([]vocab.TemplateVersionID, len(names))
	for i, name := range names {
		id, looked := found[name]
		if !looked {
			err := r.row(ctx, []any{&id}, `
				SELECT id FROM template_versions WHERE template = $1 AND ($2 = 0 OR number = $2) ORDER BY number DESC LIMIT 1`, name.template, name.number)
			if err != nil && !isNone(err) {
				return nil, err
			}
			found[name] = id
		}
		ids[i] = id
	}
	return ids, nil
}

// List returns the newest version of every template, sorted by template.
func (t *Templates) List(ctx context.Context) ([]templates.Version, error) {
	list, err := t.db.reader().templates(ctx, `number = (SELECT MAX(n.number) FROM template_versions n WHERE n.template = v.template) ORDER BY template`)
	return list, away(err)
}

// Versions returns every version of a template, the newest first; none if there is no such template.
func (t *Templates) Versions(ctx context.Context, template string) ([]templates.Version, error) {
	list, err := t.db.reader().templates(ctx, `template = $1 ORDER BY number DESC`, plain(template))
	return list, away(err)
}

func (r runner) template(ctx context.Context, where string, args ...any) (templates.Version, error) {
	list, err := r.templates(ctx, where, args...)
	if err != nil {
		return templates.Version{}, err
	}
	if len(list) == 0 {
		return templates.Version{}, fault.Missing("template_not_found", "there is no such template or version")
	}
	return list[0], nil
}

func (r runner) templates(ctx context.Context, where string, args ...any) ([]templates.Version, error) {
	var list []templates.Version
	var v templates.Version
	dest := []any{&v.ID, &v.Template, &v.Number, &v.Purpose, &v.Calendar, jsonOf(&v.Sample), jsonOf(&v.Variants), &v.Hash}
	err := r.each(ctx, dest, func() error {
		list = append(list, v)
		return nil
	}, `SELECT id, template, number, purpose, calendar, sample, variants, hash FROM template_versions v WHERE `+where, args...)
	return list, err
}
