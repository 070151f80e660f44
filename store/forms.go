package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// Forms keeps sign-up forms.
type Forms struct{ db *DB }

// NewForms returns the forms of a database.
func NewForms(db *DB) *Forms { return &Forms{db} }

// formContent is what a form asks, as it is kept.
type formContent struct {
	Title   map[vocab.Language]string `json:"title"`
	Intro   map[vocab.Language]string `json:"intro,omitempty"`
	Boxes   []optin.Box               `json:"boxes"`
	AskName bool                      `json:"ask_name"`
	Origins []string                  `json:"origins,omitempty"`
}

func contentOf(f optin.Form) (string, error) {
	b, err := json.Marshal(formContent{f.Title, f.Intro, f.Boxes, f.AskName, f.Origins})
	if err != nil {
		return "", fmt.Errorf("form %s: %w", f.ID, err)
	}
	return dropNUL(string(b)), nil
}

func slugTaken() error {
	return &fault.Error{Kind: fault.Conflict, Code: "slug_taken", Detail: "another form has this slug; give another"}
}

// Create keeps a new form. The error is fault.Conflict (slug_taken).
func (s *Forms) Create(ctx context.Context, f optin.Form) (optin.Form, error) {
	content, err := contentOf(f)
	if err != nil {
		return f, err
	}
	if f.ID == "" {
		f.ID = vocab.FormID(vocab.NewID(vocab.FormPrefix))
	}
	n, err := s.db.writer().exec(ctx, `
		INSERT INTO forms (id, slug, content, enabled, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (slug) DO NOTHING`,
		string(f.ID), f.Slug, content, f.Enabled, f.CreatedAt.UnixMicro())
	if err != nil {
		return f, away(err)
	}
	if n == 0 {
		return f, slugTaken()
	}
	return s.Form(ctx, f.ID)
}

// Form returns a form; fault.NotFound if there is none.
func (s *Forms) Form(ctx context.Context, id vocab.FormID) (optin.Form, error) {
	return one(s.db.reader().forms(ctx, `id = $1`, string(id)))
}

// FormBySlug returns a form; fault.NotFound if there is none.
func (s *Forms) FormBySlug(ctx context.Context, slug string) (optin.Form, error) {
	return one(s.db.reader().forms(ctx, `slug = $1`, plain(slug)))
}

func one(list []optin.Form, err error) (optin.Form, error) {
	if err != nil {
		return optin.Form{}, away(err)
	}
	if len(list) == 0 {
		return optin.Form{}, fault.Missing("form_not_found", "there is no such form")
	}
	return list[0], nil
}

// List returns forms, the newest first: those before an id, if one is given.
func (s *Forms) List(ctx context.Context, after vocab.FormID, n int) ([]optin.Form, error) {
	list, err := s.db.reader().forms(ctx, `($1 = '' OR id < $1) ORDER BY id DESC LIMIT $2`, string(after), n)
	return list, away(err)
}

func (r runner) forms(ctx context.Context, where string, args ...any) ([]optin.Form, error) {
	var list []optin.Form
	var f optin.Form
	var content string
	err := r.each(ctx, []any{&f.ID, &f.Slug, &content, &f.Enabled, at(&f.CreatedAt), at(&f.UpdatedAt)}, func() error {
		var c formContent
		if err := json.Unmarshal([]byte(content), &c); err != nil {
			return fmt.Errorf("form %s: %w", f.ID, err)
		}
		f.Title, f.Intro, f.Boxes, f.AskName, f.Origins = c.Title, c.Intro, c.Boxes, c.AskName, c.Origins
		list = append(list, f)
		return nil
	}, `SELECT id, slug, content, enabled, created_at, updated_at FROM forms WHERE `+where, args...)
	return list, err
}

// Update changes a form and returns it as it is then. The change is handed what is kept now; it must be pure: a transaction that is rerun
// calls it again. Its error ends the update and is returned. Other errors are fault.NotFound, and fault.Conflict (slug_taken).
func (s *Forms) Update(ctx context.Context, id vocab.FormID, now time.Time, change func(optin.Form) (optin.Form, error)) (optin.Form, error) {
	var changed optin.Form
	err := s.db.tx(ctx, func(tx *tx) error {
		before, err := one(tx.forms(ctx, `id = $1 {guard}`, string(id)))
		if err != nil {
			return err
		}
		if changed, err = change(before); err != nil {
			return err
		}
		changed.ID, changed.CreatedAt, changed.UpdatedAt = before.ID, before.CreatedAt, now
		content, err := contentOf(changed)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE forms SET slug = $2, content = $3, enabled = $4, updated_at = $5 WHERE id = $1`,
			string(id), changed.Slug, content, changed.Enabled, now.UnixMicro())
		if isTaken(err) {
			return slugTaken()
		}
		return err
	})
	return changed, err
}

// Delete forgets a form. What was signed up for by it stays. The error is fault.NotFound if there is none.
func (s *Forms) Delete(ctx context.Context, id vocab.FormID) error {
	n, err := s.db.writer().exec(ctx, `DELETE FROM forms WHERE id = $1`, string(id))
	if err == nil && n == 0 {
		err = fault.Missing("form_not_found", "there is no such form")
	}
	return away(err)
}
