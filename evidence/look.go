package evidence

import (
	"context"
	"slices"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// content says what the message says, as far as that can still be said.
func (w *work) content(ctx context.Context) error {
	c := &w.d.Content
	c.Hash = w.m.ContentHash
	if w.m.Class == vocab.Security {
		c.State = ContentHidden
		return nil
	}
	kept, err := w.o.Messages.Payload(ctx, w.m.ID)
	switch {
	case fault.KindOf(err) == fault.NotFound || err == nil && len(kept.Payload.Data) == 0:
		if c.State = ContentGone; w.m.ContentHash == "" && w.m.Attempt == 0 {
			c.State = ContentUntouched
		}
		return nil
	case err != nil:
		return err
	case kept.Payload.Sealed:
		c.State = ContentHidden
		return nil
	}
	made, err := w.o.Renderer.Content(ctx, w.m, kept.Payload)
	if fault.KindOf(err) == fault.Unavailable || ctx.Err() != nil {
		return err // not knowing is not the same as there being nothing
	}
	if err != nil {
		c.State = ContentUnmade
		return nil //nolint:nilerr // said in the state
	}
	if w.m.ContentHash != "" {
		fits := dispatcher.ContentHash(made) == w.m.ContentHash
		c.Fits = &fits
	}
	if c.State = ContentWithheld; w.r.Full {
		c.State, c.Subject = ContentKept, made.Subject
	}
	return nil
}

// suppressions are looked at if the decision names one.
func (w *work) suppressions(ctx context.Context) error {
	if w.m.AddressID == "" || !slices.ContainsFunc(w.m.Decision.All, aboutSuppression) {
		return nil
	}
	list, err := w.o.Suppressions.OfAddress(ctx, w.m.AddressID)
	if err != nil {
		return err
	}
	at := w.m.Decision.At
	for _, s := range list {
		lifted := !s.LiftedAt.IsZero() && !s.LiftedAt.After(at)
		if s.CreatedAt.After(at) || lifted {
			continue
		}
		w.d.Suppressions = append(w.d.Suppressions, Suppression{s.ID, s.Reason, s.Origin, s.Kind(), s.Classes, s.CreatedAt.UTC(), s.LiftedAt.UTC()})
	}
	return nil
}

// aboutSuppression says whether a reason stands on a suppression of the address.
func aboutSuppression(r consent.Reason) bool {
	return slices.Contains([]consent.Reason{
		consent.SuppressedHardBounce, consent.SuppressedComplaint, consent.ChannelStopped, consent.ChannelStoppedUseOther,
		consent.ComplainedUseOther, consent.SuppressedManual,
	}, r)
}
