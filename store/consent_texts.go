package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// ConsentTexts keeps the consent texts: drafts, which may be changed, and published versions, which the engine itself keeps from changing.
type ConsentTexts struct{ db *DB }

// NewConsentTexts returns the consent texts of a database.
func NewConsentTexts(db *DB) *ConsentTexts { return &ConsentTexts{db} }

// ConsentTextFilter narrows a list of consent texts; empty fields do not.
type ConsentTextFilter struct {
	Purpose   vocab.Purpose
	Channel   *vocab.Channel // "" is a use of data
	Drafts    bool           // drafts, too
	Published bool           // published versions, too
}

// Draft keeps a new draft and returns it with its id.
func (c *ConsentTexts) Draft(ctx context.Context, t consent.Text, now time.Time) (consent.Text, error) {
	t.ID, t.Version, t.CreatedAt = vocab.ConsentTextID(vocab.NewID(vocab.ConsentTextPrefix)), 0, now.UTC().Truncate(time.Microsecond)
	body, err := textBodyOf(t)
	if err != nil {
		return t, err
	}
	_, err = c.db.writer().exec(ctx, `
		INSERT INTO consent_text_drafts (id, purpose, channel, body, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6)`,
		string(t.ID), string(t.Purpose), string(t.Channel), body, t.CreatedAt.UnixMicro(), t.CreatedBy)
	return t, away(err)
}

// Change changes a draft by change, which may run again. The error is fault.Conflict if the text is published, and whatever change says.
func (c *ConsentTexts) Change(ctx context.Context, id vocab.ConsentTextID, change func(consent.Text) (consent.Text, error)) (consent.Text, error) {
	var t consent.Text
	err := c.db.tx(ctx, func(tx *tx) error {
		var err error
		if t, err = tx.textDraft(ctx, id); err != nil {
			return err
		}
		if t, err = change(t); err != nil {
			return err
		}
		body, err := textBodyOf(t)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE consent_text_drafts SET body = $2 WHERE id = $1`, string(id), body)
		return err
	})
	return t, err
}

// Drop deletes a draft. The error is fault.Conflict if the text is published.
func (c *ConsentTexts) Drop(ctx context.Context, id vocab.ConsentTextID) error {
	return c.db.tx(ctx, func(tx *tx) error {
		if _, err := tx.textDraft(ctx, id); err != nil {
			return err
		}
		_, err := tx.exec(ctx, `DELETE FROM consent_text_drafts WHERE id = $1`, string(id))
		return err
	})
}

// textDraft reads a draft and keeps it for the transaction: of two who publish it at once the second finds it published.
func (tx *tx) textDraft(ctx context.Context, id vocab.ConsentTextID) (consent.Text, error) {
	drafts, err := tx.textDrafts(ctx, `id = $1 {guard}`, string(id))
	if err != nil {
		return consent.Text{}, err
	}
	if len(drafts) == 1 {
		return drafts[0], nil
	}
	published, err := tx.texts(ctx, `id = $1`, string(id))
	if err != nil {
		return consent.Text{}, err
	}
	if len(published) > 0 {
		return consent.Text{}, &fault.Error{
			Kind: fault.Conflict, Code: "consent_text_published", Detail: "this text is published and never changes; make a draft of the next version",
		}
	}
	return consent.Text{}, textMissing()
}

func textMissing() error {
	return fault.Missing("consent_text_not_found", "there is no such consent text")
}

// Get returns a draft or a published version.
func (c *ConsentTexts) Get(ctx context.Context, id vocab.ConsentTextID) (consent.Text, error) {
	r := c.db.reader()
	// Published first: a draft that is published meanwhile is then found as one or the other.
	list, err := r.texts(ctx, `id = $1`, string(id))
	if err == nil && len(list) == 0 {
		list, err = r.textDrafts(ctx, `id = $1`, string(id))
	}
	if err == nil && len(list) == 0 {
		list, err = r.texts(ctx, `id = $1`, string(id))
	}
	if err != nil {
		return consent.Text{}, away(err)
	}
	if len(list) == 0 {
		return consent.Text{}, textMissing()
	}
	return list[0], nil
}

// List returns texts sorted by purpose, channel and version, drafts first.
func (c *ConsentTexts) List(ctx context.Context, f ConsentTextFilter) ([]consent.Text, error) {
	var list []consent.Text
	for _, from := range []struct {
		wanted bool
		read   func(context.Context, string, ...any) ([]consent.Text, error)
		order  string
	}{
		{f.Drafts, c.db.reader().textDrafts, ` ORDER BY purpose, channel, id`},
		{f.Published, c.db.reader().texts, ` ORDER BY purpose, channel, version`},
	} {
		if !from.wanted {
			continue
		}
		anyChannel, channel := f.Channel == nil, ""
		if !anyChannel {
			channel = string(*f.Channel)
		}
		some, err := from.read(ctx, `($1 = '' OR purpose = $1) AND ($2 OR channel = $3)`+from.order, string(f.Purpose), anyChannel, channel)
		if err != nil {
			return nil, away(err)
		}
		list = append(list, some...)
	}
	return list, nil
}

// Versions returns the published versions for a purpose and channel, the newest first; none is no error.
func (c *ConsentTexts) Versions(ctx context.Context, purpose vocab.Purpose, channel vocab.Channel) ([]consent.Text, error) {
	list, err := c.db.reader().texts(ctx, `purpose = $1 AND channel = $2 ORDER BY version DESC`, string(purpose), string(channel))
	return list, away(err)
}

// Current returns the newest published version for a purpose and channel; fault.NotFound if there is none.
func (c *ConsentTexts) Current(ctx context.Context, purpose vocab.Purpose, channel vocab.Channel) (consent.Text, error) {
	return c.one(ctx, `purpose = $1 AND channel = $2 ORDER BY version DESC LIMIT 1`, string(purpose), string(channel))
}

// Version returns one published version; fault.NotFound if there is none.
func (c *ConsentTexts) Version(ctx context.Context, purpose vocab.Purpose, channel vocab.Channel, version int) (consent.Text, error) {
	return c.one(ctx, `purpose = $1 AND channel = $2 AND version = $3`, string(purpose), string(channel), version)
}

func (c *ConsentTexts) one(ctx context.Context, where string, args ...any) (consent.Text, error) {
	list, err := c.db.reader().texts(ctx, where, args...)
	if err != nil {
		return consent.Text{}, away(err)
	}
	if len(list) == 0 {
		return consent.Text{}, fault.Missing("consent_text_not_found", "no consent text is published for this purpose and channel, or not this version")
	}
	return list[0], nil
}

// Publish gives a draft the next version number of its purpose and channel and freezes it. If its change is material, every grant on an
// earlier version reads as stale from the commit on: e, which says so about everybody, is put at the end of the chain. Of e the actor, the
// source and the time are the caller's, the rest is filled in. check, which may run again, says whether the draft may be published.
func (c *ConsentTexts) Publish(ctx context.Context, id vocab.ConsentTextID, e consent.Event, check func(consent.Text) error) (consent.Text, error) {
	var t consent.Text
	err := c.db.tx(ctx, func(tx *tx) error {
		var err error
		if t, err = tx.textDraft(ctx, id); err != nil {
			return err
		}
		if err = check(t); err != nil {
			return err
		}
		t.PublishedAt, t.PublishedBy = e.At.UTC().Truncate(time.Microsecond), e.ActorID
		if err = tx.freezeText(ctx, &t); err != nil {
			return err
		}
		if _, err = tx.exec(ctx, `DELETE FROM consent_text_drafts WHERE id = $1`, string(id)); err != nil || !t.Material {
			return err
		}
		stale := e
		stale.ID, stale.Kind, stale.Scope = vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix)), consent.KindStale, consent.ScopePurpose
		stale.ContactID, stale.Purpose, stale.Channel, stale.TextVersion, stale.PolicyVersion = "", t.Purpose, t.Channel, t.Version, t.PolicyVersion
		if err = stale.Check(); err != nil {
			return err
		}
		if _, err = tx.exec(ctx, `INSERT INTO consent_text_changes (purpose, channel, version, event_id, at) VALUES ($1, $2, $3, $4, $5)`,
			string(t.Purpose), string(t.Channel), t.Version, string(stale.ID), t.PublishedAt.UnixMicro()); err != nil {
			return err
		}
		_, err = tx.appendConsent(ctx, stale, "")
		return err
	})
	if err != nil {
		return consent.Text{}, fmt.Errorf("publish consent text %s: %w", id, err)
	}
	return t, nil
}

// freezeText writes the text as the next version.
func (tx *tx) freezeText(ctx context.Context, t *consent.Text) error {
	body, err := textBodyOf(*t)
	if err != nil {
		return err
	}
	for {
		if err := tx.row(ctx, []any{&t.Version}, `SELECT COALESCE(MAX(version), 0) + 1 FROM consent_texts WHERE purpose = $1 AND channel = $2`,
			string(t.Purpose), string(t.Channel)); err != nil {
			return err
		}
		n, err := tx.exec(ctx, `
			INSERT INTO consent_texts (id, purpose, channel, version, body, created_at, created_by, published_at, published_by)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (purpose, channel, version) DO NOTHING`,
			string(t.ID), string(t.Purpose), string(t.Channel), t.Version, body, micros(t.CreatedAt), t.CreatedBy, micros(t.PublishedAt), t.PublishedBy)
		if err != nil || n > 0 {
			return err
		}
		// Somebody else's text took the number meanwhile; the next read sees it.
	}
}

// textChanges returns every material change of a consent text. There are as many as there were such publications.
func (r runner) textChanges(ctx context.Context) ([]consent.TextChange, error) {
	var list []consent.TextChange
	var c consent.TextChange
	err := r.each(ctx, []any{&c.Purpose, &c.Channel, &c.Version, &c.Event, at(&c.At)}, func() error {
		list = append(list, c)
		return nil
	}, `SELECT purpose, channel, version, event_id, at FROM consent_text_changes`)
	return list, err
}

// textBody is what is kept of a text in one piece.
type textBody struct {
	BIN           string                                 `json:"bin"`
	Variants      map[vocab.Language]consent.TextVariant `json:"variants"`
	ThirdParties  *bool                                  `json:"third_parties"`
	CrossBorder   *bool                                  `json:"cross_border"`
	Countries     []string                               `json:"countries"`
	OpenSources   *bool                                  `json:"open_sources"`
	PolicyVersion string                                 `json:"policy_version"`
	Material      bool                                   `json:"material"`
	Reason        string                                 `json:"reason"`
}

func textBodyOf(t consent.Text) (string, error) {
	body, err := json.Marshal(textBody{
		t.BIN, t.Variants, t.ThirdParties, t.CrossBorder, t.Countries, t.OpenSources, t.PolicyVersion, t.Material, t.Reason,
	})
	if err != nil {
		return "", fmt.Errorf("consent text: %w", err)
	}
	return string(body), nil
}

func (b textBody) into(t *consent.Text) {
	t.BIN, t.Variants, t.ThirdParties, t.CrossBorder, t.Countries = b.BIN, b.Variants, b.ThirdParties, b.CrossBorder, b.Countries
	t.OpenSources, t.PolicyVersion, t.Material, t.Reason = b.OpenSources, b.PolicyVersion, b.Material, b.Reason
}

func (r runner) textDrafts(ctx context.Context, where string, args ...any) ([]consent.Text, error) {
	var list []consent.Text
	var t consent.Text
	var body textBody
	err := r.each(ctx, []any{&t.ID, &t.Purpose, &t.Channel, jsonOf(&body), at(&t.CreatedAt), &t.CreatedBy}, func() error {
		body.into(&t)
		list = append(list, t)
		return nil
	}, `SELECT id, purpose, channel, body, created_at, created_by FROM consent_text_drafts WHERE `+where, args...)
	return list, err
}

func (r runner) texts(ctx context.Context, where string, args ...any) ([]consent.Text, error) {
	var list []consent.Text
	var t consent.Text
	var body textBody
	dest := []any{&t.ID, &t.Purpose, &t.Channel, &t.Version, jsonOf(&body), at(&t.CreatedAt), &t.CreatedBy, at(&t.PublishedAt), &t.PublishedBy}
	err := r.each(ctx, dest, func() error {
		body.into(&t)
		list = append(list, t)
		return nil
	}, `SELECT id, purpose, channel, version, body, created_at, created_by, published_at, published_by FROM consent_texts WHERE `+where, args...)
	return list, err
}
