package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// Ledger keeps messages: submit, claim, settle, feed, reap.
type Ledger struct {
	db     *DB
	intake *intake
}

// NewLedger returns the ledger of a database.
func NewLedger(db *DB) *Ledger { return &Ledger{db, newIntake(db)} }

// ClaimBatch takes the messages that still wait and are due, decides them, and returns a permit for each that may go now. Those that
// may not are held or ended in the same transaction. The permit's fence is Message.Attempt. Ids that are unknown, not due or
// taken are passed over in silence: rings may come twice.
func (l *Ledger) ClaimBatch(ctx context.Context, claim dispatcher.Claim, decide dispatcher.Decider) ([]dispatcher.Permit, error) {
	var permits []dispatcher.Permit
	err := l.db.tx(ctx, func(tx *tx) error {
		permits = nil
		found, err := tx.readWaiting(ctx, claim)
		if err != nil || len(found) == 0 {
			return err
		}
		cs := make([]dispatcher.Candidate, len(found))
		for i := range found {
			cs[i].Message = found[i].Message
		}
		contacts, addresses := guardsOf(cs)
		if err := tx.guard(ctx, contacts, addresses); err != nil {
			return err
		}
		if err := tx.readFacts(ctx, claim.Now, cs); err != nil {
			return err
		}
		permits, err = tx.applyDecisions(ctx, claim, found, decide(cs))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim %d messages: %w", len(claim.IDs), err)
	}
	return permits, nil
}

// readWaiting reads the messages of a claim with what they are rendered from. Whether they still wait is asked again when they are
// taken.
func (tx *tx) readWaiting(ctx context.Context, claim dispatcher.Claim) ([]dispatcher.Permit, error) {
	arg, err := jsonArg(claim.IDs)
	if err != nil {
		return nil, err
	}
	var (
		found []dispatcher.Permit
		m     dispatcher.Message
		p     dispatcher.Permit
		data  string
		seal  nullBool
	)
	dest := append(messageDest(&m), textOf(&p.To), &p.ContactName, textOf(&data), &seal)
	err = tx.each(ctx, dest, func() error {
		p.Message, p.Payload = m, dispatcher.Payload{Data: []byte(data), Sealed: seal.is}
		found = append(found, p)
		return nil
	}, `
		SELECT `+messageColumns+`, a.value, c.name, p.data, p.sealed
		FROM messages m
		JOIN contacts c ON c.id = m.contact_id
		LEFT JOIN addresses a ON a.id = m.address_id
		LEFT JOIN message_payloads p ON p.message_id = m.id
		WHERE m.id IN {ids $1} AND m.status IN ('scheduled', 'queued', 'held', 'deferred') AND m.due_at <= $2
		ORDER BY m.id`, arg, claim.Now.UnixMicro())
	return found, err
}

// guardsOf returns the guards of candidates, without repeats.
func guardsOf(cs []dispatcher.Candidate) ([]vocab.ContactID, []vocab.AddressID) {
	contacts := make([]vocab.ContactID, 0, len(cs))
	addresses := make([]vocab.AddressID, 0, len(cs))
	for _, c := range cs {
		contacts = append(contacts, c.Message.ContactID)
		if c.Message.AddressID != "" {
			addresses = append(addresses, c.Message.AddressID)
		}
	}
	slices.Sort(contacts)
	slices.Sort(addresses)
	return slices.Compact(contacts), slices.Compact(addresses)
}

// recheck is when a message is asked about again whose hold has no known end, such as a pause. A resume wakes it sooner.
const recheck = 5 * time.Minute

// applyDecisions writes what was decided and returns a permit for each message that this transaction took.
func (tx *tx) applyDecisions(ctx context.Context, claim dispatcher.Claim, found []dispatcher.Permit, decisions []consent.Decision) ([]dispatcher.Permit, error) {
	rows := make(rowset, len(found))
	index := make(map[vocab.MessageID]int, len(found))
	lease := claim.Now.Add(claim.Lease)
	for i, d := range decisions {
		m := &found[i].Message
		index[m.ID] = i
		status, due := afterDecision(d, m.DueAt, m.NotAfter, claim.Now)
		attempt := m.Attempt
		if status == dispatcher.Sending {
			attempt++
		}
		rows[i] = []any{
			m.ID, m.Attempt, status, attempt, micros(due), d.Verdict, d.Reason, reasonsText(d.All), d.Basis.Kind, d.Basis.Event,
		}
	}
	arg, err := jsonArg(rows)
	if err != nil {
		return nil, err
	}
	var (
		permits []dispatcher.Permit
		dues    []due
		events  []event
		wipe    []vocab.MessageID
		id      vocab.MessageID
		first   time.Time
	)
	if err := tx.keepAttempts(ctx, found, decisions); err != nil {
		return nil, err
	}
	err = tx.each(ctx, []any{&id, at(&first)}, func() error {
		i := index[id]
		p, d := &found[i], decisions[i]
		before := p.Message.Status
		p.Message.Status, p.Message.DueAt = afterDecision(d, p.Message.DueAt, p.Message.NotAfter, claim.Now)
		p.Message.Decision = d
		if p.Message.Status == dispatcher.Sending {
			p.Message.Attempt++
			p.Message.ClaimedAt, p.Message.LeaseUntil, p.Message.FirstAttemptAt = claim.Now, lease, first
			permits = append(permits, *p)
			return nil
		}
		dues = append(dues, due{id, p.Message.DueAt})
		if !keepsPayload(p.Message) {
			wipe = append(wipe, id)
		}
		if p.Message.Status != before {
			events = append(events, event{message: id, kind: string(p.Message.Status), at: claim.Now, attempt: p.Message.Attempt, reason: string(d.Reason)})
		}
		return nil
	}, `
		UPDATE messages SET
			status           = j.status,
			attempt          = j.attempt,
			due_at           = j.due_at,
			verdict          = j.verdict,
			reason           = j.reason,
			reasons          = j.reasons,
			basis            = j.basis,
			consent_event    = j.consent_event,
			decided_at       = $2,
			claimed_at       = CASE WHEN j.status = 'sending' THEN $2 ELSE claimed_at END,
			first_attempt_at = CASE WHEN j.status = 'sending' THEN COALESCE(first_attempt_at, $2) ELSE first_attempt_at END,
			lease_until      = CASE WHEN j.status = 'sending' THEN CAST($3 AS BIGINT) ELSE NULL END,
			outcome          = CASE WHEN j.status = 'sending' THEN '' ELSE outcome END,
			finalized_at     = CASE WHEN j.due_at IS NULL THEN CAST($2 AS BIGINT) ELSE NULL END
		FROM (
			SELECT j.value ->> 0 AS id, CAST(j.value ->> 1 AS BIGINT) AS had, j.value ->> 2 AS status, CAST(j.value ->> 3 AS BIGINT) AS attempt,
			       CAST(j.value ->> 4 AS BIGINT) AS due_at, j.value ->> 5 AS verdict, j.value ->> 6 AS reason, j.value ->> 7 AS reasons,
			       j.value ->> 8 AS basis, j.value ->> 9 AS consent_event
			FROM {rows $1}
		) j
		WHERE messages.id = j.id AND messages.attempt = j.had AND messages.status IN ('scheduled', 'queued', 'held', 'deferred')
		RETURNING messages.id, messages.first_attempt_at`, arg, claim.Now.UnixMicro(), lease.UnixMicro())
	if err != nil {
		return nil, err
	}
	if err := tx.lease(ctx, permits, lease); err != nil {
		return nil, err
	}
	if err := tx.setDues(ctx, dues); err != nil {
		return nil, err
	}
	if err := tx.addEvents(ctx, events); err != nil {
		return nil, err
	}
	if err := tx.wipe(ctx, wipe); err != nil {
		return nil, err
	}
	return permits, tx.readAttachments(ctx, permits)
}

// afterDecision returns the status that a decision at claim leads to, and when the message is due then; zero: never again. A message
// that is being sent keeps its due time, so that no index changes until it is settled.
func afterDecision(d consent.Decision, due, notAfter, now time.Time) (dispatcher.Status, time.Time) {
	switch d.Verdict {
	case consent.Allow:
		return dispatcher.Sending, due
	case consent.Hold:
		until := d.Until
		if !until.After(now) {
			until = now.Add(recheck)
		}
		if !notAfter.IsZero() && notAfter.Before(until) {
			until = notAfter // then the decision is message_expired
		}
		return dispatcher.Held, until
	case consent.Deny:
		if d.Reason == consent.MessageExpired {
			return dispatcher.Expired, time.Time{}
		}
		return dispatcher.Suppressed, time.Time{}
	}
	return dispatcher.Suppressed, time.Time{} // a decision without a verdict is no permission
}

// readAttachments adds the attachments of the emails among the permits.
func (tx *tx) readAttachments(ctx context.Context, permits []dispatcher.Permit) error {
	index := map[vocab.MessageID]int{}
	var ids []vocab.MessageID
	for i, p := range permits {
		if p.Message.Channel == vocab.Email && p.Message.Class != vocab.Marketing {
			index[p.Message.ID] = i
			ids = append(ids, p.Message.ID)
		}
	}
	return tx.eachAttachment(ctx, ids, func(id vocab.MessageID, a attachment) {
		permits[index[id]].Attachments = append(permits[index[id]].Attachments, a)
	})
}
