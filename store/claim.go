package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/batcher"
	"github.com/orleu/elshi/vocab"
)

// Ledger keeps messages: submit, claim, settle, feed, reap.
type Ledger struct {
	db     *DB
	intake *intake
	lookUp *batcher.Batcher[[]dispatcher.RecipientQuery, []dispatcher.Known]
}

// NewLedger returns the ledger of a database.
func NewLedger(db *DB) *Ledger {
	return &Ledger{db, newIntake(db), batcher.New(readsAtOnce, readsTogether, db.reader().recipientsOf)}
}

// ClaimBatch takes the messages that still wait and are due, decides them, and returns a permit for each that may go now. Those that
// may not are held or ended in the same transaction. The permit's fence is Message.Attempt. Ids that are unknown, not due or
// taken are passed over in silence: rings may come twice.
func (l *Ledger) ClaimBatch(ctx context.Context, claim dispatcher.Claim, decide dispatcher.Decider) ([]dispatcher.Permit, error) {
	var permits []dispatcher.Permit
	err := l.db.txOf(ctx, len(claim.IDs), func(tx *tx) error {
		permits = nil
		found, err := tx.readWaiting(ctx, claim)
		if err != nil || len(found) == 0 {
			return err
		}
		cs := make([]dispatcher.Candidate, len(found))
		for i := range found {
			cs[i].Message = found[i].Message
		}
		people, err := tx.readFacts(ctx, claim.Now, cs, true)
		if err != nil {
			return err
		}
		if found, cs, people, err = tx.followMerged(ctx, found, cs, people); err != nil {
			return err
		}
		for i, who := range people {
			found[i].To, found[i].ContactName = who.address, who.name
		}
		permits, err = tx.applyDecisions(ctx, claim, found, decide(cs))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim %d messages: %w", len(claim.IDs), err)
	}
	return permits, nil
}

// claimColumns are what deciding, rendering and settling ask of a message; the rest stays in the ledger.
const claimColumns = `m.id, m.contact_id, m.address_id, m.channel, m.class, m.purpose, m.topic, m.language, m.template, m.sender, m.provider,
	m.mode, m.trigger_id, m.trigger_at, m.has_unsubscribe, m.locale_approved, m.not_after, m.status, m.attempt, m.failures, m.due_at,
	m.first_attempt_at, m.content_hash, m.possible_dup`

// claimDest returns where claimColumns go.
func claimDest(m *dispatcher.Message) []any {
	return []any{
		&m.ID, &m.ContactID, textOf(&m.AddressID), &m.Channel, &m.Class, &m.Purpose, &m.Topic, &m.Language, &m.Template, &m.Sender, &m.Provider,
		&m.Mode, &m.TriggerID, at(&m.TriggerAt), &m.HasUnsubscribe, &m.LocaleApproved, at(&m.NotAfter), &m.Status, &m.Attempt, &m.Failures,
		at(&m.DueAt), at(&m.FirstAttemptAt), &m.ContentHash, &m.PossibleDup,
	}
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
		data  string
		seal  nullBool
	)
	err = tx.each(ctx, append(claimDest(&m), textOf(&data), &seal), func() error {
		found = append(found, dispatcher.Permit{Message: m, Payload: dispatcher.Payload{Data: []byte(data), Sealed: seal.is}})
		return nil
	}, `
		SELECT `+claimColumns+`, p.data, p.sealed
		FROM messages m
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

// ruling is what the decisions on the messages of a claim mostly share: a campaign's differ in the consent event alone. A statement writes
// all that share one.
type ruling struct {
	status  dispatcher.Status
	verdict consent.Verdict
	reason  consent.Reason
	reasons string
	basis   string
}

// applyDecisions writes what was decided and returns a permit for each message that this transaction took.
func (tx *tx) applyDecisions(ctx context.Context, claim dispatcher.Claim, found []dispatcher.Permit, decisions []consent.Decision) ([]dispatcher.Permit, error) {
	index := make(map[vocab.MessageID]int, len(found))
	groups := map[ruling]rowset{}
	for i, d := range decisions {
		m := &found[i].Message
		index[m.ID] = i
		status, due := afterDecision(d, m.DueAt, m.NotAfter, claim.Now)
		r := ruling{status, d.Verdict, d.Reason, reasonsText(d.All), string(d.Basis.Kind)}
		groups[r] = append(groups[r], []any{m.ID, m.Attempt, d.Basis.Event, micros(due)})
	}
	if err := tx.keepAttempts(ctx, found, decisions); err != nil {
		return nil, err
	}
	lease := claim.Now.Add(claim.Lease)
	taken := make([]bool, len(found))
	for r, rows := range groups {
		if err := tx.applyRuling(ctx, claim.Now, lease, r, rows, func(id vocab.MessageID) { taken[index[id]] = true }); err != nil {
			return nil, err
		}
	}
	var (
		permits []dispatcher.Permit
		dues    []due
		capped  []dispatcher.Message
		events  []event
		wipe    []vocab.MessageID
	)
	for i := range found {
		if !taken[i] {
			continue
		}
		m, d := &found[i].Message, decisions[i]
		before := m.Status
		m.Status, m.DueAt = afterDecision(d, m.DueAt, m.NotAfter, claim.Now)
		m.Decision = d
		if m.Status == dispatcher.Sending {
			m.Attempt++
			m.ClaimedAt, m.LeaseUntil = claim.Now, lease
			if m.FirstAttemptAt.IsZero() {
				m.FirstAttemptAt = claim.Now
			}
			permits = append(permits, found[i])
			continue
		}
		dues = append(dues, due{m.ID, m.DueAt})
		if len(d.Earlier) > 0 {
			capped = append(capped, *m)
		}
		if !keepsPayload(*m) {
			wipe = append(wipe, m.ID)
		}
		if m.Status != before {
			events = append(events, event{message: m.ID, kind: string(m.Status), at: claim.Now, attempt: m.Attempt, reason: string(d.Reason)})
		}
	}
	if err := tx.lease(ctx, permits, lease); err != nil {
		return nil, err
	}
	if err := tx.setDues(ctx, dues); err != nil {
		return nil, err
	}
	if err := tx.keepEarlier(ctx, capped); err != nil {
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

// applyRuling moves messages to what was decided and names those that still were where they had been read.
func (tx *tx) applyRuling(ctx context.Context, now, lease time.Time, r ruling, rows rowset, moved func(vocab.MessageID)) error {
	arg, err := jsonArg(rows)
	if err != nil {
		return err
	}
	// What is being sent keeps its due time, so that no index changes until it is settled.
	const (
		take = `attempt = messages.attempt + 1, claimed_at = $7, first_attempt_at = COALESCE(messages.first_attempt_at, $7),
			lease_until = CAST($8 AS BIGINT), outcome = '', finalized_at = NULL`
		leave = `due_at = CAST(j.value ->> 3 AS BIGINT), lease_until = NULL,
			finalized_at = CASE WHEN j.value ->> 3 IS NULL THEN CAST($7 AS BIGINT) END`
	)
	args := []any{arg, string(r.status), string(r.verdict), string(r.reason), r.reasons, r.basis, now.UnixMicro()}
	change := leave
	if r.status == dispatcher.Sending {
		change, args = take, append(args, lease.UnixMicro())
	}
	var id vocab.MessageID
	return tx.each(ctx, []any{&id}, func() error {
		moved(id)
		return nil
	}, `
		UPDATE messages SET status = $2, verdict = $3, reason = $4, reasons = $5, basis = $6, consent_event = j.value ->> 2, decided_at = $7, `+change+`
		FROM {rows $1}
		WHERE messages.id = j.value ->> 0 AND messages.attempt = CAST(j.value ->> 1 AS BIGINT)
		  AND messages.status IN ('scheduled', 'queued', 'held', 'deferred')
		RETURNING messages.id`, args...)
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
