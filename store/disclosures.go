package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/orleu/elshi/disclosures"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Disclosures keeps the register of disclosures to authorities.
type Disclosures struct{ db *DB }

// NewDisclosures returns the register of a database.
func NewDisclosures(db *DB) *Disclosures { return &Disclosures{db} }

const disclosureColumns = `d.id, d.state, d.body, d.bin, d.ground, d.reference, d.requested_on, d.contacts, d.parts, d.recipient, d.drafted_by, d.drafted_at,
	d.first_by, d.first_at, d.second_by, d.second_at, d.refused_by, d.refused_at, d.refusal, d.exported_by, d.exported_at, d.plain_hash, d.sealed_hash`

func disclosureDest(d *disclosures.Disclosure) []any {
	return []any{
		&d.ID, &d.State, &d.Body, &d.BIN, &d.Ground, &d.Reference, &d.RequestedOn, jsonOf(&d.Contacts), jsonOf(&d.Parts), &d.Recipient, &d.DraftedBy,
		at(&d.DraftedAt), &d.First.By, at(&d.First.At), &d.Second.By, at(&d.Second.At), &d.RefusedBy, at(&d.RefusedAt), &d.Refusal, &d.ExportedBy,
		at(&d.ExportedAt), &d.PlainHash, &d.SealedHash,
	}
}

// Create keeps a draft. The error is fault.Invalid if one of its contacts does not exist.
func (k *Disclosures) Create(ctx context.Context, d disclosures.Disclosure) (disclosures.Disclosure, error) {
	err := k.db.tx(ctx, func(tx *tx) error {
		contacts, err := jsonArg(d.Contacts)
		if err != nil {
			return err
		}
		known, err := tx.knownContacts(ctx, contacts)
		if err != nil {
			return err
		}
		var wrong []fault.Field
		for i, id := range d.Contacts {
			if !known[id] {
				wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/contact_ids/%d", i), Code: "contact_not_found", Detail: "there is no contact with this id"})
			}
		}
		if len(wrong) > 0 {
			return fault.InvalidFields(wrong...)
		}
		parts, err := json.Marshal(d.Parts)
		if err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `
			INSERT INTO disclosures (id, state, body, bin, ground, reference, requested_on, contacts, parts, recipient, drafted_by, drafted_at,
				first_by, second_by, refused_by, refusal, exported_by, plain_hash, sealed_hash)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '', '', '', '', '', '', '')`,
			string(d.ID), string(d.State), plain(d.Body), d.BIN, plain(d.Ground), plain(d.Reference), d.RequestedOn, contacts, string(parts), d.Recipient,
			string(d.DraftedBy), d.DraftedAt.UnixMicro()); err != nil {
			return err
		}
		_, err = tx.exec(ctx, `INSERT INTO disclosure_contacts (contact_id, disclosure_id) SELECT id, CAST($2 AS text) FROM contacts WHERE id IN {ids $1}`,
			contacts, string(d.ID))
		return err
	})
	if err != nil {
		return disclosures.Disclosure{}, fmt.Errorf("draft disclosure: %w", err)
	}
	return k.Get(ctx, d.ID)
}

func (tx *tx) knownContacts(ctx context.Context, ids string) (map[vocab.ContactID]bool, error) {
	known := map[vocab.ContactID]bool{}
	var id vocab.ContactID
	err := tx.each(ctx, []any{&id}, func() error {
		known[id] = true
		return nil
	}, `SELECT id FROM contacts WHERE id IN {ids $1}`, ids)
	return known, err
}

// Get returns one disclosure; fault.NotFound (disclosure_not_found) if there is none.
func (k *Disclosures) Get(ctx context.Context, id vocab.DisclosureID) (disclosures.Disclosure, error) {
	d, err := k.db.reader().disclosure(ctx, `d.id = $1`, string(id))
	return d, away(err)
}

func (r runner) disclosure(ctx context.Context, where string, args ...any) (disclosures.Disclosure, error) {
	var d disclosures.Disclosure
	err := r.row(ctx, disclosureDest(&d), `SELECT `+disclosureColumns+` FROM disclosures d WHERE `+where, args...)
	if isNone(err) {
		return d, fault.Missing("disclosure_not_found", "there is no disclosure with this id")
	}
	return d, err
}

// List returns disclosures, the newest first. Those about a contact are also those about who was merged into it.
func (k *Disclosures) List(ctx context.Context, f disclosures.Filter) ([]disclosures.Disclosure, error) {
	var where conditions
	r := k.db.reader()
	if f.ContactID != "" {
		survivor, err := r.survivor(ctx, f.ContactID)
		if err != nil {
			return nil, away(err)
		}
		same, err := r.sameAsArg(ctx, survivor)
		if err != nil {
			return nil, away(err)
		}
		where.add(`d.id IN (SELECT c.disclosure_id FROM disclosure_contacts c WHERE c.contact_id IN {ids ?})`, same)
	}
	if f.State != "" {
		where.add(`d.state = ?`, string(f.State))
	}
	if f.After != "" {
		where.add(`d.id < ?`, string(f.After))
	}
	var list []disclosures.Disclosure
	var d disclosures.Disclosure
	err := r.each(ctx, disclosureDest(&d), func() error {
		list = append(list, d)
		return nil
	}, `SELECT `+disclosureColumns+` FROM disclosures d`+where.where()+` ORDER BY d.id DESC`+where.limit(f.Limit), where.args...)
	return list, away(err)
}

// Change moves a disclosure on by a pure function, which may be called again; its error ends the change. What was asked for (body, ground,
// scope, recipient) never changes: two approvals stand for it.
func (k *Disclosures) Change(ctx context.Context, id vocab.DisclosureID, change func(disclosures.Disclosure) (disclosures.Disclosure, error)) (disclosures.Disclosure, error) {
	var after disclosures.Disclosure
	err := k.db.tx(ctx, func(tx *tx) error {
		before, err := tx.disclosure(ctx, `d.id = $1 {guard}`, string(id))
		if err != nil {
			return err
		}
		if after, err = change(before); err != nil {
			return err
		}
		_, err = tx.exec(ctx, `
			UPDATE disclosures SET state = $2, first_by = $3, first_at = $4, second_by = $5, second_at = $6, refused_by = $7, refused_at = $8, refusal = $9,
				exported_by = $10, exported_at = $11, plain_hash = $12, sealed_hash = $13
			WHERE id = $1`,
			string(id), string(after.State), string(after.First.By), micros(after.First.At), string(after.Second.By), micros(after.Second.At),
			string(after.RefusedBy), micros(after.RefusedAt), plain(after.Refusal), string(after.ExportedBy), micros(after.ExportedAt), after.PlainHash,
			after.SealedHash)
		return err
	})
	if err != nil {
		return disclosures.Disclosure{}, fmt.Errorf("change disclosure %s: %w", id, err)
	}
	return after, nil
}
