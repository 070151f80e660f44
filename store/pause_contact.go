package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Pause records that a contact wants no mailings for a while, or wants them again (KindPaused, KindResumed), and returns until when they
// are paused then; zero: not at all. What waits is held from its next claim on, and nothing that was granted is lost; what a pause held is
// decided again as soon as it is ended. An event that changes nothing is not appended. The error is fault.NotFound if there is no such contact.
func (c *Consents) Pause(ctx context.Context, e consent.Event) (time.Time, error) {
	if e.Kind != consent.KindPaused && e.Kind != consent.KindResumed {
		return time.Time{}, fault.InvalidField("/kind", "invalid", "want paused or resumed")
	}
	var until time.Time
	err := c.db.tx(ctx, func(tx *tx) error {
		if err := tx.guard(ctx, []vocab.ContactID{e.ContactID}, nil); err != nil {
			return err
		}
		if err := tx.contactExists(ctx, e.ContactID); err != nil {
			return err
		}
		had, err := tx.marks(ctx, e.ContactID)
		if err != nil {
			return err
		}
		after := had.after(e)
		until = after.paused
		if after == had {
			return nil
		}
		if e.Kind == consent.KindResumed {
			if err := tx.wake(ctx, e.ContactID, e.At); err != nil {
				return err
			}
		}
		e.ID = vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix))
		kept, err := tx.appendConsent(ctx, e, "")
		if err != nil {
			return err
		}
		return tx.keepMarks(ctx, kept)
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("pause contact %s: %w", e.ContactID, err)
	}
	return until, nil
}

// wake makes due what the contact's pause holds: most of it would be too old when the pause would have ended by itself.
func (tx *tx) wake(ctx context.Context, contact vocab.ContactID, now time.Time) error {
	var dues []due
	var id vocab.MessageID
	if err := tx.each(ctx, []any{&id}, func() error {
		dues = append(dues, due{id, now})
		return nil
	}, `
		UPDATE messages SET due_at = $2
		FROM dues
		WHERE messages.id = dues.message_id AND messages.contact_id = $1 AND messages.status = 'held' AND messages.reason = 'contact_paused'
		RETURNING messages.id`, string(contact), now.UnixMicro()); err != nil {
		return err
	}
	return tx.setDues(ctx, dues)
}
