package store

import (
	"context"
	"fmt"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// GrantProved appends a grant that rests on a proof of an address; see optin.Prover. Everything it rests on is looked at again under the
// guards: who was erased or merged a moment ago, whose address was stopped or replaced, whose text was superseded is granted nothing.
func (o *OptIns) GrantProved(ctx context.Context, g optin.ProvedGrant) (optin.GrantAnswer, error) {
	g.At = g.At.UTC().Truncate(time.Microsecond)
	first, _, err := o.db.reader().confirmation(ctx, g.Proof)
	if fault.KindOf(err) == fault.NotFound {
		return optin.GrantAnswer{Outcome: optin.NotProved}, nil
	}
	if err != nil {
		return optin.GrantAnswer{}, away(err)
	}
	var answer optin.GrantAnswer
	err = o.db.tx(ctx, func(tx *tx) error {
		if err := tx.guard(ctx, []vocab.ContactID{first.ContactID}, []vocab.AddressID{first.AddressID}); err != nil {
			return err
		}
		outcome, c, err := tx.mayGrant(ctx, o.db, g)
		answer = optin.GrantAnswer{Outcome: outcome}
		if err != nil || outcome != optin.Granted {
			return err
		}
		answer, err = o.grantProved(ctx, tx, c, g)
		return err
	})
	if err != nil {
		return optin.GrantAnswer{}, fmt.Errorf("grant on %s: %w", g.Proof, err)
	}
	return answer, nil
}

// mayGrant says by Granted that a proof carries the grant. The caller holds the guards.
func (tx *tx) mayGrant(ctx context.Context, db *DB, g optin.ProvedGrant) (optin.GrantOutcome, optin.Confirmation, error) {
	c, _, err := tx.confirmation(ctx, g.Proof)
	if err != nil {
		return "", c, err
	}
	ended := c.UsedAt.IsZero() || !g.At.Before(c.UsedAt.Add(optin.ProofLasts))
	if c.Kind != optin.AddressProof || c.ContactID != g.ContactID || c.Address == "" || ended {
		return optin.NotProved, c, nil
	}
	who, err := tx.living(ctx, c.ContactID)
	if fault.KindOf(err) == fault.Conflict { // erased, or merged
		return optin.NotProved, c, nil
	}
	if err != nil {
		return "", c, err
	}
	// A grant names no address: what is agreed to goes to the address in use, so that one must be the proved one.
	var used vocab.AddressID
	var lookup string
	if err := tx.row(ctx, []any{&used, &lookup}, `
		SELECT a.id, a.lookup FROM contact_addresses l JOIN addresses a ON a.id = l.address_id
		WHERE l.contact_id = $1 AND l.reassigned_at IS NULL AND a.channel = $2 ORDER BY `+usableFirst+` LIMIT 1`,
		string(c.ContactID), string(c.Channel)); err != nil {
		return "", c, err
	}
	if used != c.AddressID {
		return optin.NotProved, c, nil
	}
	var stopped bool
	if err := tx.row(ctx, []any{&stopped}, `SELECT EXISTS (SELECT 1 FROM suppressions WHERE address_hash = $1 AND lifted_at IS NULL)`,
		db.Hash(c.Channel, lookup)); err != nil {
		return "", c, err
	}
	if stopped || who.DataBlockedAt != nil || who.ProcessingWithdrawnAt != nil {
		return optin.Pointless, c, nil
	}
	var version int
	if err := tx.row(ctx, []any{&version}, `SELECT COALESCE(MAX(version), 0) FROM consent_texts WHERE purpose = $1 AND channel = $2`,
		string(g.Asked.Purpose), string(c.Channel)); err != nil {
		return "", c, err
	}
	if version != g.Asked.TextVersion || version == 0 {
		return optin.TextChanged, c, nil
	}
	return optin.Granted, c, nil
}

// grantProved appends the grant, unless it stands already.
func (o *OptIns) grantProved(ctx context.Context, tx *tx, c optin.Confirmation, g optin.ProvedGrant) (optin.GrantAnswer, error) {
	held, err := o.consents.grant(ctx, tx, c.ContactID, g.Asked.Key(c.Channel))
	if err != nil {
		return optin.GrantAnswer{}, err
	}
	before := held.Grant
	if before.State == consent.Granted && (before.ValidUntil.IsZero() || g.At.Before(before.ValidUntil)) {
		return optin.GrantAnswer{Outcome: optin.GrantStands, Event: before.Event, At: before.Since}, nil
	}
	e := optInEvent(c, g.Asked, consent.KindGranted)
	e.ID, e.At, e.Language, e.PolicyVersion = vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix)), g.At, g.Language, g.Policy
	e.Source, e.ActorKind, e.ActorID = consent.SourcePreferencePage, consent.ActorContact, string(c.ContactID)
	e.Proof, e.ProofRef = consent.ProofOneTimeCode, string(c.ID)
	info, _ := o.consents.registry.Lookup(g.Asked.Purpose)
	e.ValidUntil = info.ValidUntil(g.At)
	if err := o.append(ctx, tx, e, g.Evidence, before, g.Asked); err != nil {
		return optin.GrantAnswer{}, err
	}
	return optin.GrantAnswer{Outcome: optin.Granted, Event: e.ID, At: g.At}, nil
}
