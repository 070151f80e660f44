package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// Remind takes at most n confirmations whose reminder is due, each for good, and returns those of them that are to be reminded: nobody has
// pressed or refused, and nothing keeps mail from the address. It says whether there may be more.
func (o *OptIns) Remind(ctx context.Context, now time.Time, n int) ([]optin.Confirmation, bool, error) {
	var due []optin.Confirmation
	taken := 0
	err := o.db.tx(ctx, func(tx *tx) error {
		due, taken = nil, 0
		var ids []vocab.ConfirmationID
		var id vocab.ConfirmationID
		if err := tx.each(ctx, []any{&id}, func() error {
			ids = append(ids, id)
			return nil
		}, `SELECT id FROM confirmations WHERE remind_at <= $1 ORDER BY remind_at LIMIT $2 {skip}`, now.UnixMicro(), n); err != nil || len(ids) == 0 {
			return err
		}
		taken = len(ids)
		arg, err := jsonArg(ids)
		if err != nil {
			return err
		}
		var c optin.Confirmation
		var asked, hash string
		// The grants are looked for by their contact: by the index of what is pending, all that anybody was asked would be read.
		if err := tx.each(ctx, confirmationDest(&c, &asked, &hash), func() error {
			if err := readAsked(&c, asked, hash); err != nil {
				return err
			}
			due = append(due, c)
			return nil
		}, `SELECT `+confirmationColumns+confirmationFrom+`
			WHERE c.id IN {ids $1} AND c.used_at IS NULL AND c.expires_at > $2 AND a.id IS NOT NULL
			  AND EXISTS (SELECT 1 FROM consents g WHERE g.contact_id = c.contact_id AND g.channel = c.channel AND g.state || '' = 'pending')
			  AND NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.address_hash = a.hash AND s.lifted_at IS NULL)
			ORDER BY c.id`, arg, now.UnixMicro()); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, `UPDATE confirmations SET remind_at = NULL WHERE id IN {ids $1}`, arg); err != nil {
			return err
		}
		ids = nil
		for _, c := range due {
			ids = append(ids, c.ID)
		}
		if arg, err = jsonArg(ids); err != nil {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE confirmations SET reminded_at = $2 WHERE id IN {ids $1}`, arg, now.UnixMicro())
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("remind: %w", err)
	}
	return due, taken == n, nil
}

// Lapse writes down that requests which nobody confirmed in time have lapsed: at most n, each contact's in a transaction of its own. It says
// whether there may be more.
func (o *OptIns) Lapse(ctx context.Context, now time.Time, n int) (bool, error) {
	before := now.Add(-consent.ConfirmWithin)
	var contacts []vocab.ContactID
	var contact vocab.ContactID
	seen := map[vocab.ContactID]bool{}
	found := 0
	if err := o.db.reader().each(ctx, []any{&contact}, func() error {
		found++
		if !seen[contact] {
			seen[contact] = true
			contacts = append(contacts, contact)
		}
		return nil
	}, `SELECT contact_id FROM consents WHERE state = 'pending' AND since <= $1 ORDER BY since LIMIT $2`, before.UnixMicro(), n); err != nil {
		return false, away(err)
	}
	for _, contact := range contacts {
		if err := o.db.tx(ctx, func(tx *tx) error { return o.lapse(ctx, tx, contact, before, now) }); err != nil {
			return false, fmt.Errorf("lapse requests of contact %s: %w", contact, err)
		}
	}
	return found == n, nil
}

func (o *OptIns) lapse(ctx context.Context, tx *tx, contact vocab.ContactID, before, now time.Time) error {
	if err := tx.guard(ctx, []vocab.ContactID{contact}, nil); err != nil {
		return err
	}
	grants, err := tx.grants(ctx, contact)
	if err != nil {
		return err
	}
	for key, g := range grants {
		if g.State != consent.Pending || g.Since.After(before) {
			continue
		}
		e := consent.Event{
			ID: vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix)), Kind: consent.KindLapsed, ContactID: contact, Scope: consent.ScopePurpose,
			Purpose: key.Purpose, Channel: key.Channel, Topic: key.Topic, Source: consent.SourceSystem, ActorKind: consent.ActorSystem,
			At: g.Since.Add(consent.ConfirmWithin), RecordedAt: now,
		}
		if key.Topic != "" {
			e.Scope = consent.ScopeTopic
		}
		if err := e.Check(); err != nil {
			return err
		}
		kept, err := tx.appendConsent(ctx, e, "")
		if err != nil {
			return err
		}
		if err := tx.keepGrant(ctx, contact, key, o.consents.apply(key, g.Grant, kept), g.crossBorder); err != nil {
			return err
		}
	}
	return nil
}

// CountSignUp adds one to the count of a source until a time and returns it. Only a keyed hash of source and time is kept.
func (o *OptIns) CountSignUp(ctx context.Context, source string, until time.Time) (int, error) {
	mac := hmac.New(sha256.New, o.db.hashKey)
	mac.Write([]byte("elshi sign-up source v1\x00" + until.UTC().Format(time.RFC3339) + "\x00" + source))
	var n int
	err := o.db.tx(ctx, func(tx *tx) error {
		return tx.row(ctx, []any{&n}, `
			INSERT INTO sign_up_counts (source_hash, ends_at, n) VALUES ($1, $2, 1)
			ON CONFLICT (ends_at, source_hash) DO UPDATE SET n = sign_up_counts.n + 1 RETURNING n`,
			hex.EncodeToString(mac.Sum(nil)[:16]), until.UnixMicro())
	})
	return n, err
}

// ForgetSignUps forgets the counts that have ended.
func (o *OptIns) ForgetSignUps(ctx context.Context, now time.Time) error {
	_, err := o.db.writer().exec(ctx, `DELETE FROM sign_up_counts WHERE ends_at <= $1`, now.UnixMicro())
	return away(err)
}
