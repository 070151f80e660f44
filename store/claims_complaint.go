package store

import (
	"context"
	"slices"

	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/vocab"
)

// guardClaim guards whom a claim touches: who claims, and with a complaint about a message everybody behind its address and the address. It
// returns the claimant and whom the complaint concerns; fault.NotFound if there is no such contact. A merge or a new link may come between
// the look and the guards, so they are looked for again.
func (tx *tx) guardClaim(ctx context.Context, x claims.New) (claimant vocab.ContactID, concerned []vocab.ContactID, err error) {
	if x.Complaint == nil {
		claimant, err = tx.guardSurvivor(ctx, x.ContactID)
		return claimant, nil, err
	}
	var addresses []vocab.AddressID
	if x.Complaint.AddressID != "" {
		addresses = []vocab.AddressID{x.Complaint.AddressID}
	}
	var guarded []vocab.ContactID
	for {
		if claimant, err = tx.survivor(ctx, x.ContactID); err != nil {
			return "", nil, err
		}
		if concerned, err = tx.concerned(ctx, *x.Complaint); err != nil {
			return "", nil, err
		}
		all := append([]vocab.ContactID{claimant}, concerned...)
		slices.Sort(all) // one statement takes them all, in the order of their ids
		if all = slices.Compact(all); slices.Equal(all, guarded) {
			return claimant, concerned, tx.contactExists(ctx, claimant)
		}
		if err = tx.guard(ctx, all, addresses); err != nil {
			return "", nil, err
		}
		guarded = all
	}
}

// complain ends what a complaint ends, as one that came by a feedback loop does, and keeps with the claim what that was.
func (c *Claims) complain(ctx context.Context, tx *tx, id vocab.ClaimID, concerned []vocab.ContactID, x claims.New) error {
	done, err := c.consents.withdrawFrom(ctx, tx, concerned, *x.Complaint, x.RecordedAt, x.Complaint.Covers)
	if err != nil {
		return err
	}
	return tx.keepStops(ctx, id, done)
}
