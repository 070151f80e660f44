package store

import (
	"context"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// ErasureCertificate returns the certificate of a contact's erasure as it was signed then. The error is fault.NotFound: contact_not_found, or
// certificate_not_found if the contact was not erased.
func (c *Contacts) ErasureCertificate(ctx context.Context, id vocab.ContactID) (string, error) {
	r := c.db.reader()
	var jws string
	err := r.row(ctx, []any{&jws}, `SELECT jws FROM erasures WHERE contact_id = $1`, string(id))
	if isNone(err) {
		if _, err := r.contact(ctx, id); err != nil {
			return "", away(err)
		}
		return "", fault.Missing("certificate_not_found", "this contact was not erased, so there is no certificate")
	}
	return jws, away(err)
}

// erasure is an erasure in the making: what was deleted so far.
type erasure struct {
	deleted map[contacts.ErasedKind]int
	remains map[contacts.RemainingKind]int
}

func newErasure() *erasure {
	return &erasure{map[contacts.ErasedKind]int{}, map[contacts.RemainingKind]int{}}
}

// erase runs a statement and counts its rows as deleted.
func (e *erasure) erase(ctx context.Context, tx *tx, kind contacts.ErasedKind, statement string, args ...any) error {
	n, err := tx.exec(ctx, statement, args...)
	e.deleted[kind] += int(n)
	return err
}

// certify writes the certificate. It is the erasure's last step, when everything that it says is so.
func (tx *tx) certify(ctx context.Context, id vocab.ContactID, e *erasure, o contacts.EraseOrder, inFlight []vocab.MessageID) error {
	same, err := tx.sameAs(ctx, id)
	if err != nil {
		return err
	}
	e.remains[contacts.RemainingContact] = len(same)
	ids, err := jsonArg(same)
	if err != nil {
		return err
	}
	for kind, query := range map[contacts.RemainingKind]string{
		contacts.RemainingConsents: `SELECT COUNT(*) FROM consent_events WHERE contact_id IN {ids $1}`,
		contacts.RemainingMessages: `SELECT COUNT(*) FROM messages WHERE contact_id IN {ids $1}`,
	} {
		var n int
		if err := tx.row(ctx, []any{&n}, query, ids); err != nil {
			return err
		}
		e.remains[kind] = n
	}
	c := contacts.Certificate{
		ID: vocab.NewID(contacts.ErasurePrefix), ContactID: id, ErasedAt: o.At.UTC(), ErasedBy: o.By, InFlight: append([]vocab.MessageID{}, inFlight...),
	}
	if err := tx.row(ctx, []any{&c.Ledger.Seq, &c.Ledger.Hash}, `SELECT seq, hash FROM consent_head WHERE id = 1`); err != nil {
		return err
	}
	c.Describe(e.deleted, e.remains)
	jws, err := o.Certify(c)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `INSERT INTO erasures (contact_id, id, erased_at, actor, jws) VALUES ($1, $2, $3, $4, $5)`,
		string(id), c.ID, o.At.UnixMicro(), plain(o.By), jws)
	return err
}
