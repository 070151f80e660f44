package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Claims keeps the claims of contacts.
type Claims struct {
	db       *DB
	consents *Consents
}

// NewClaims returns the claims of a database; an objection is written into the consents.
func NewClaims(db *DB, consents *Consents) *Claims { return &Claims{db, consents} }

// Open records a claim under the next number of its year, and with an objection or a complaint what it withdraws: the same transaction appends the
// entries, changes the projection, cancels what waits and reads what is being handed over. Its commit is the line of every withdrawal (see
// Consents.Withdraw): no claim is ever recorded as an objection while something that it stops may still be let go. A contact that was
// merged stands for its survivor. The error is fault.NotFound if there is no such contact.
func (c *Claims) Open(ctx context.Context, x claims.New) (claims.Claim, error) {
	var id vocab.ClaimID
	err := c.db.tx(ctx, func(tx *tx) error {
		id = vocab.ClaimID(vocab.NewID(vocab.ClaimPrefix))
		contact, concerned, err := tx.guardClaim(ctx, x)
		if err != nil {
			return err
		}
		earlier, err := tx.earlierClaim(ctx, contact, x)
		if err != nil {
			return err
		}
		if earlier != "" {
			id = earlier
		} else if err := tx.insertClaim(ctx, id, contact, x); err != nil {
			return err
		}
		if x.Complaint != nil {
			return c.complain(ctx, tx, id, concerned, x)
		}
		return c.object(ctx, tx, id, contact, x)
	})
	if err != nil {
		return claims.Claim{}, fmt.Errorf("open a claim: %w", err)
	}
	return c.Get(ctx, id)
}

// earlierClaim returns the claim that a repetition belongs to; empty if there is none. A complaint is about its message for good; an
// objection that was answered may be followed by another.
func (tx *tx) earlierClaim(ctx context.Context, contact vocab.ContactID, x claims.New) (vocab.ClaimID, error) {
	if !x.Once && x.Complaint == nil {
		return "", nil
	}
	about := vocab.MessageID("")
	if x.Complaint != nil {
		about = x.Complaint.Message
	}
	var id vocab.ClaimID
	err := tx.row(ctx, []any{&id}, `
		SELECT id FROM claims WHERE contact_id = $1 AND kind = $2 AND via = $3 AND message_id = $4 AND (state = 'open' OR message_id <> '')
		ORDER BY id LIMIT 1`, string(contact), string(x.Kind), string(x.Via), string(about))
	if isNone(err) {
		return "", nil
	}
	return id, err
}

func (tx *tx) insertClaim(ctx context.Context, id vocab.ClaimID, contact vocab.ContactID, x claims.New) error {
	// Whoever takes a number holds the year's row until the commit: so there are no gaps.
	var n int
	if err := tx.row(ctx, []any{&n}, `
		INSERT INTO claim_numbers (year, last) VALUES ($1, 1) ON CONFLICT (year) DO UPDATE SET last = claim_numbers.last + 1 RETURNING last`,
		x.Year); err != nil {
		return err
	}
	about := vocab.MessageID("")
	if x.Complaint != nil {
		about = x.Complaint.Message
	}
	salt, commitment := "", ""
	text := plain(x.Text)
	if text != "" {
		raw := make([]byte, 16)
		if _, err := rand.Read(raw); err != nil {
			return fmt.Errorf("salt of a commitment: %w", err)
		}
		salt, commitment = hex.EncodeToString(raw), consent.Commit(raw, text)
	}
	if _, err := tx.exec(ctx, `
		INSERT INTO claims (id, number, contact_id, kind, via, language, received_at, recorded_at, actor_kind, actor_id, due_at, commitment, state,
		                    acknowledged, answer, answers, answered_by, closed_by, close_reason, watch_at, message_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'open', '', '', 0, '', '', '', $8, $13)`,
		string(id), claims.Number(x.Year, n), string(contact), string(x.Kind), string(x.Via), plain(string(x.Language)), micros(x.ReceivedAt),
		micros(x.RecordedAt), string(x.ActorKind), x.ActorID, micros(x.DueAt), commitment, string(about)); err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	_, err := tx.exec(ctx, `INSERT INTO claim_texts (claim_id, salt, value) VALUES ($1, $2, $3)`, string(id), salt, text)
	return err
}

// object writes what an objection withdraws and stops what waits; the caller holds the contact's guard.
func (c *Claims) object(ctx context.Context, tx *tx, id vocab.ClaimID, contact vocab.ContactID, x claims.New) error {
	if len(x.Withdrawal) == 0 {
		return nil
	}
	var written []vocab.ConsentEventID
	for _, e := range x.Withdrawal {
		e.ID, e.ContactID, e.At = vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix)), contact, x.RecordedAt
		if e.Proof == consent.ProofNone {
			e.ProofRef = string(id)
		}
		kept, err := c.consents.withdrawOne(ctx, tx, e, "", false)
		if err != nil {
			return err
		}
		written = append(written, kept.ID)
	}
	// A message is stopped if one of the entries covers it.
	covered := func(_ consent.Event, m dispatcher.Message) bool {
		for _, e := range x.Withdrawal {
			if dispatcher.Covered(e, m) {
				return true
			}
		}
		return false
	}
	contacts := []vocab.ContactID{contact}
	canceled, err := tx.cancelCovered(ctx, contacts, consent.Event{}, x.RecordedAt, covered)
	if err != nil {
		return err
	}
	open, err := tx.openCovered(ctx, contacts, consent.Event{}, covered)
	if err != nil {
		return err
	}
	return tx.keepStops(ctx, id, dispatcher.Withdrawn{Events: written, Canceled: canceled, InFlight: open})
}

// keepStops keeps with a claim what it wrote into the ledger and which messages it stopped. What is kept already stays.
func (tx *tx) keepStops(ctx context.Context, id vocab.ClaimID, done dispatcher.Withdrawn) error {
	var written, stops rowset
	for _, e := range done.Events {
		written = append(written, []any{e})
	}
	if err := tx.execRows(ctx, written, `
		INSERT INTO claim_events (claim_id, event_id) SELECT CAST($2 AS id_text), j.value ->> 0 FROM {rows $1} WHERE true ON CONFLICT DO NOTHING`, string(id)); err != nil {
		return err
	}
	for _, m := range done.Canceled {
		stops = append(stops, []any{m, false})
	}
	for _, m := range done.InFlight {
		stops = append(stops, []any{m, true})
	}
	return tx.execRows(ctx, stops, `
		INSERT INTO claim_stops (claim_id, message_id, in_flight) SELECT CAST($2 AS id_text), j.value ->> 0, CAST(j.value ->> 1 AS BOOLEAN) FROM {rows $1} WHERE true
		ON CONFLICT DO NOTHING`, string(id))
}

// Acknowledge keeps the message that told the claimant the number; the first one stays.
func (c *Claims) Acknowledge(ctx context.Context, id vocab.ClaimID, message vocab.MessageID) error {
	_, err := c.db.writer().exec(ctx, `UPDATE claims SET acknowledged = $2 WHERE id = $1 AND acknowledged = ''`, string(id), string(message))
	return away(err)
}

// Answer keeps the n-th answer of a claim and returns the claim. One that was sent answers it; one that the gate denied leaves it as it
// was. The same answer twice changes nothing. The error is fault.Conflict (claim_changed) if another answer came first or it was closed.
func (c *Claims) Answer(ctx context.Context, id vocab.ClaimID, a claims.Answer, sent bool) (claims.Claim, error) {
	n, err := c.db.writer().exec(ctx, `
		UPDATE claims SET answer = $2, answers = $3, answered_at = $4, answered_by = $5, state = CASE WHEN $6 THEN 'answered' ELSE state END
		WHERE id = $1 AND answers = $3 - 1 AND state <> 'closed'`,
		string(id), string(a.MessageID), a.Count, a.At.UnixMicro(), a.By, sent)
	if err != nil {
		return claims.Claim{}, away(err)
	}
	kept, err := c.Get(ctx, id)
	if err == nil && n == 0 && kept.Answer.MessageID != a.MessageID {
		err = &fault.Error{Kind: fault.Conflict, Code: "claim_changed", Detail: "the claim was answered or closed meanwhile; read it again"}
	}
	return kept, err
}

// Close ends a claim without an answer through the street and returns it. The error is fault.Conflict (claim_not_open) if it is answered or
// closed already.
func (c *Claims) Close(ctx context.Context, id vocab.ClaimID, by, reason string, now time.Time) (claims.Claim, error) {
	var kept claims.Claim
	err := c.db.tx(ctx, func(tx *tx) error {
		before, err := tx.claim(ctx, id)
		if err != nil {
			return err
		}
		switch before.State {
		case claims.Open, claims.Undelivered:
		case claims.Answered, claims.Closed:
			return &fault.Error{Kind: fault.Conflict, Code: "claim_not_open", Detail: "the claim is " + string(before.State)}
		}
		n, err := tx.exec(ctx, `
			UPDATE claims SET state = 'closed', closed_at = $2, closed_by = $3, close_reason = $4, watch_at = NULL
			WHERE id = $1 AND state <> 'closed' AND answers = $5`, string(id), now.UnixMicro(), by, plain(reason), before.Answer.Count)
		if err == nil && n == 0 {
			err = &fault.Error{Kind: fault.Conflict, Code: "claim_changed", Detail: "the claim was answered or closed meanwhile; read it again"}
		}
		if err != nil {
			return err
		}
		kept, err = tx.claim(ctx, id)
		return err
	})
	if err != nil {
		return claims.Claim{}, fmt.Errorf("close claim %s: %w", id, err)
	}
	return kept, nil
}

// Told records that the officer was told of a claim's day; again changes nothing.
func (c *Claims) Told(ctx context.Context, id vocab.ClaimID, day int, now time.Time) error {
	_, err := c.db.writer().exec(ctx, `INSERT INTO claim_alarms (claim_id, day, told_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		string(id), day, now.UnixMicro())
	return away(err)
}

// Watch sets when there is something to do about a claim next; the zero time: never. A closed claim is not watched again.
func (c *Claims) Watch(ctx context.Context, id vocab.ClaimID, next time.Time) error {
	_, err := c.db.writer().exec(ctx, `UPDATE claims SET watch_at = $2 WHERE id = $1 AND state <> 'closed'`, string(id), micros(next))
	return away(err)
}
