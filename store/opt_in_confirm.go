package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// codeHash is the keyed hash of a code. It holds the id: one code in two confirmations has two hashes.
func (db *DB) codeHash(id vocab.ConfirmationID, code string) string {
	mac := hmac.New(sha256.New, db.hashKey)
	mac.Write([]byte("elshi one-time code v1\x00" + string(id) + "\x00" + code))
	return hex.EncodeToString(mac.Sum(nil))
}

// Confirm applies a press: the address is proved, what was asked for and nobody has refused since is granted, and the confirmation is
// used. It acts once; whoever comes later is told when that was. A code that is not the right one costs a try.
func (o *OptIns) Confirm(ctx context.Context, id vocab.ConfirmationID, p optin.Press) (optin.Answer, error) {
	p.At = p.At.UTC().Truncate(time.Microsecond)
	gone := optin.Answer{Result: optin.Gone}
	first, _, err := o.db.reader().confirmation(ctx, id)
	if fault.KindOf(err) == fault.NotFound {
		return gone, nil
	}
	if err != nil {
		return optin.Answer{}, away(err)
	}
	var answer optin.Answer
	err = o.db.tx(ctx, func(tx *tx) (err error) {
		if err := tx.guard(ctx, []vocab.ContactID{first.ContactID}, []vocab.AddressID{first.AddressID}); err != nil {
			return err
		}
		answer, err = o.confirm(ctx, tx, id, p)
		return err
	})
	if errors.Is(err, errTakenBack) {
		return gone, nil
	}
	if err != nil {
		return optin.Answer{}, fmt.Errorf("confirm %s: %w", id, err)
	}
	return answer, nil
}

// confirm is Confirm under the guards. errTakenBack: nothing can be confirmed, and nothing was written.
func (o *OptIns) confirm(ctx context.Context, tx *tx, id vocab.ConfirmationID, p optin.Press) (optin.Answer, error) {
	gone := optin.Answer{Result: optin.Gone}
	c, hash, err := tx.confirmation(ctx, id)
	if err != nil {
		return gone, err
	}
	if c.ByCode != (p.Code != "") || c.Address == "" {
		return gone, nil
	}
	if c.ByCode {
		right, err := o.tries(ctx, tx, c, hash, p)
		if err != nil || !right {
			return gone, err
		}
	}
	if !c.UsedAt.IsZero() {
		return optin.Answer{Result: optin.Already, Confirmation: c}, nil
	}
	n, err := tx.exec(ctx, `UPDATE confirmations SET used_at = $2, remind_at = NULL WHERE id = $1 AND used_at IS NULL AND expires_at > $2`,
		string(id), p.At.UnixMicro())
	if err != nil || n == 0 {
		return gone, err
	}
	c.UsedAt = p.At
	if _, err := tx.exec(ctx, `UPDATE contact_addresses SET verified_at = COALESCE(verified_at, $3) WHERE contact_id = $1 AND address_id = $2`,
		string(c.ContactID), string(c.AddressID), p.At.UnixMicro()); err != nil {
		return gone, err
	}
	if c.Kind == optin.OptIn {
		if err := o.grantAll(ctx, tx, &c, p); err != nil {
			return gone, err
		}
	}
	return optin.Answer{Result: optin.Confirmed, Confirmation: c}, nil
}

// tries counts a try and says whether the code is right. The count stays whatever comes of it.
func (o *OptIns) tries(ctx context.Context, tx *tx, c optin.Confirmation, hash string, p optin.Press) (bool, error) {
	n, err := tx.exec(ctx, `UPDATE confirmations SET tries = tries + 1 WHERE id = $1 AND expires_at > $2 AND tries < $3`,
		string(c.ID), p.At.UnixMicro(), optin.MaxTries)
	if err != nil || n == 0 {
		return false, err
	}
	return subtle.ConstantTimeCompare([]byte(hash), []byte(o.db.codeHash(c.ID, p.Code))) == 1, nil
}

// grantAll grants what was asked for. If a no came meanwhile to all of it there is nothing to confirm.
func (o *OptIns) grantAll(ctx context.Context, tx *tx, c *optin.Confirmation, p optin.Press) error {
	type step struct {
		asked  optin.Asked
		before consent.Grant
		event  consent.Event
	}
	var steps []step
	granted := 0
	for i, a := range c.Asked {
		held, err := o.consents.grant(ctx, tx, c.ContactID, a.Key(c.Channel))
		if err != nil {
			return err
		}
		before := held.Grant
		if before.State == consent.Granted && before.Since.After(c.CreatedAt) { // by another link for the same
			c.Asked[i].Granted = before.Event
			granted++
			continue
		}
		e := o.grantEvent(*c, a, before, p)
		if after := o.consents.apply(a.Key(c.Channel), before, e); after.State != consent.Granted || after.Event != e.ID {
			continue
		}
		c.Asked[i].Granted = e.ID
		granted++
		steps = append(steps, step{a, before, e})
	}
	if granted == 0 {
		return errTakenBack
	}
	asked, err := json.Marshal(c.Asked)
	if err != nil {
		return fmt.Errorf("encode what was granted: %w", err)
	}
	if _, err := tx.exec(ctx, `UPDATE confirmations SET asked = $2 WHERE id = $1`, string(c.ID), string(asked)); err != nil {
		return err
	}
	for _, s := range steps { // the chain's head comes last
		if err := o.append(ctx, tx, s.event, p.Evidence, s.before, s.asked); err != nil {
			return err
		}
	}
	return nil
}

// grantEvent is the entry that grants a wish: a request is confirmed, what was granted already is renewed.
func (o *OptIns) grantEvent(c optin.Confirmation, a optin.Asked, before consent.Grant, p optin.Press) consent.Event {
	kind := consent.KindConfirmed
	if before.State == consent.Granted {
		kind = consent.KindRenewed
	}
	e := optInEvent(c, a, kind)
	e.ID, e.At = vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix)), p.At
	e.Source, e.ActorKind, e.ActorID, e.PolicyVersion = consent.SourceConfirmLink, consent.ActorContact, string(c.ContactID), p.Policy
	e.Proof, e.ProofRef = consent.ProofDoubleOptIn, string(a.Request)
	if c.ByCode {
		e.Proof, e.ProofRef = consent.ProofOneTimeCode, string(c.ID)
	}
	if hash := p.Hashes[a.Purpose]; hash != "" {
		e.Language, e.TextHash = p.Language, hash
	}
	info, _ := o.consents.registry.Lookup(a.Purpose)
	e.ValidUntil = info.ValidUntil(p.At)
	return e
}
