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
// are paused then; zero: not at all. What waits is held from its next claim on, and nothing that was granted is lost. An event that
// changes nothing is not appended. The error is fault.NotFound if there is no such contact.
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
