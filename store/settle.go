package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/orleu/elshi/contacts"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// Settle records how attempts ended, in one transaction. A settlement changes its message only if its attempt is still open, or
// was closed as unknown by the reaper; one that comes too late for that still closes its attempt with the truth. It may be
// called again with the same settlements after an error.
func (l *Ledger) Settle(ctx context.Context, settlements []dispatcher.Settlement) error {
	if len(settlements) == 0 {
		return nil
	}
	err := l.db.txOf(ctx, len(settlements), func(tx *tx) error {
		if err := tx.guard(ctx, nil, troubledAddresses(settlements)); err != nil {
			return err
		}
		applied, err := tx.moveSettled(ctx, settlements)
		if err != nil {
			return err
		}
		if err := tx.setDues(ctx, duesOf(settlements, applied)); err != nil {
			return err
		}
		if err := tx.nameSMS(ctx, settlements, applied); err != nil {
			return err
		}
		if err := tx.closeLate(ctx, settlements, applied); err != nil {
			return err
		}
		if err := tx.hideErased(ctx, settlements); err != nil {
			return err
		}
		if err := tx.afterSettle(ctx, settlements, applied); err != nil {
			return err
		}
		return tx.judgeAddresses(ctx, settlements)
	})
	if err != nil {
		return fmt.Errorf("settle %d messages: %w", len(settlements), err)
	}
	return nil
}

// nameSMS remembers by what name the provider will report on an SMS.
func (tx *tx) nameSMS(ctx context.Context, settlements []dispatcher.Settlement, applied map[vocab.MessageID]bool) error {
	var rows rowset
	for _, s := range settlements {
		if s.Channel == vocab.SMS && s.ProviderRef != "" && applied[s.MessageID] {
			rows = append(rows, []any{s.Provider, s.ProviderRef, s.MessageID, micros(s.At)})
		}
	}
	return tx.execRows(ctx, rows, `
		INSERT INTO sms_refs (provider, ref, message_id, sent_at)
		SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, CAST(j.value ->> 3 AS BIGINT) FROM {rows $1} WHERE true
		ON CONFLICT DO NOTHING`)
}

// troubledAddresses returns the addresses that this settlement may suppress, in order.
func troubledAddresses(settlements []dispatcher.Settlement) []vocab.AddressID {
	var ids []vocab.AddressID
	for _, s := range settlements {
		if s.Suppress != dispatcher.SuppressNever && s.AddressID != "" {
			ids = append(ids, s.AddressID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// ending is what settlements mostly share: those of a campaign differ in the provider's words alone. A statement writes all that share one.
type ending struct {
	next         dispatcher.Status
	waits        bool // for another attempt
	finalAfter   time.Duration
	final        bool
	failure      bool
	possibleDup  bool
	beatsUnknown bool
	outcome      channels.Outcome
	cause        channels.Cause
	code         int
	enhanced     string
}

func endingOf(s dispatcher.Settlement) ending {
	e := ending{
		next: s.Next, waits: !s.DueAt.IsZero(), failure: s.Failure, possibleDup: s.PossibleDup, outcome: s.Outcome, cause: s.Cause, code: s.Code,
		enhanced: s.Enhanced,
		// A late word may replace unknown only by what may follow it.
		beatsUnknown: slices.Contains(dispatcher.Unknown.Next(), s.Next) && s.Next != dispatcher.Queued,
	}
	if e.final = !s.FinalizedAt.IsZero(); e.final {
		e.finalAfter = s.FinalizedAt.Sub(s.At)
	}
	return e
}

// moveSettled moves the messages, closes their attempts, and returns those that moved.
func (tx *tx) moveSettled(ctx context.Context, settlements []dispatcher.Settlement) (map[vocab.MessageID]bool, error) {
	groups := map[ending]rowset{}
	for _, s := range settlements {
		e := endingOf(s)
		groups[e] = append(groups[e], []any{s.MessageID, s.Attempt, micros(s.At), s.ContentHash, s.ProviderRef, s.Detail, micros(s.DueAt)})
	}
	applied := make(map[vocab.MessageID]bool, len(settlements))
	for e, rows := range groups {
		if err := tx.applyEnding(ctx, e, rows, applied); err != nil {
			return nil, err
		}
	}
	return applied, nil
}

func (tx *tx) applyEnding(ctx context.Context, e ending, rows rowset, applied map[vocab.MessageID]bool) error {
	arg, err := jsonArg(rows)
	if err != nil {
		return err
	}
	due, final, sent, from := `NULL`, `NULL`, `NULL`, `messages.status = 'sending'`
	if e.waits {
		due = `CAST(j.value ->> 6 AS BIGINT)`
	}
	if e.final {
		final = `CAST(j.value ->> 2 AS BIGINT) + CAST($9 AS BIGINT)`
	}
	if e.next == dispatcher.Sent {
		sent = `CAST(j.value ->> 2 AS BIGINT)`
	}
	if e.beatsUnknown {
		from = `messages.status IN ('sending', 'unknown')`
	}
	failure := 0
	if e.failure {
		failure = 1
	}
	args := []any{arg, string(e.next), failure, e.possibleDup, string(e.outcome), string(e.cause), e.code, e.enhanced}
	if e.final {
		args = append(args, e.finalAfter.Microseconds())
	}
	var id vocab.MessageID
	return tx.each(ctx, []any{&id}, func() error {
		applied[id] = true
		return nil
	}, `
		UPDATE messages SET
			status       = $2,
			settled_at   = CAST(j.value ->> 2 AS BIGINT),
			due_at       = `+due+`,
			lease_until  = NULL,
			finalized_at = `+final+`,
			failures     = messages.failures + CAST($3 AS BIGINT),
			last_cause   = $6,
			content_hash = COALESCE(NULLIF(j.value ->> 3, ''), messages.content_hash),
			provider_ref = j.value ->> 4,
			possible_dup = messages.possible_dup OR CAST($4 AS BOOLEAN),
			sent_at      = `+sent+`,
			outcome      = $5,
			cause        = $6,
			code         = $7,
			enhanced     = $8,
			detail       = j.value ->> 5
		FROM {rows $1}
		WHERE messages.id = j.value ->> 0 AND messages.attempt = CAST(j.value ->> 1 AS BIGINT) AND `+from+`
		RETURNING messages.id`, args...)
}

// clockSkew is by how much the clocks of two processes may differ at most.
const clockSkew = time.Hour

// hideErased forgets a provider's words, which may name the address, when the contact was erased during the hand-over. It follows the
// writing of them: an erasure that it does not see yet comes after it and forgets them itself.
func (tx *tx) hideErased(ctx context.Context, settlements []dispatcher.Settlement) error {
	oldest := settlements[0].OpenedAt
	ids := make([]vocab.MessageID, len(settlements))
	for i, s := range settlements {
		ids[i] = s.MessageID
		if s.OpenedAt.Before(oldest) {
			oldest = s.OpenedAt
		}
	}
	erased, err := tx.contactIDs(ctx, `SELECT id FROM contacts WHERE erased_at >= $1`, oldest.Add(-clockSkew).UnixMicro())
	if err != nil || len(erased) == 0 {
		return err
	}
	who, err := jsonArg(erased)
	if err != nil {
		return err
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return err
	}
	if _, err := tx.exec(ctx, `UPDATE messages SET detail = '' WHERE id IN {ids $1} AND contact_id IN {ids $2} AND detail <> ''`, arg, who); err != nil {
		return err
	}
	_, err = tx.exec(ctx, `
		UPDATE message_attempts SET detail = ''
		WHERE message_id IN (SELECT id FROM messages WHERE id IN {ids $1} AND contact_id IN {ids $2}) AND detail <> ''`, arg, who)
	return err
}

func (tx *tx) contactIDs(ctx context.Context, query string, args ...any) ([]vocab.ContactID, error) {
	var list []vocab.ContactID
	var id vocab.ContactID
	err := tx.each(ctx, []any{&id}, func() error {
		list = append(list, id)
		return nil
	}, query, args...)
	return list, err
}

// closeLate closes attempts whose message has moved on: the worker's own word replaces the reaper's guess. If the worker says that a
// message was accepted which the reaper has given out again, the message is marked as possibly sent twice.
func (tx *tx) closeLate(ctx context.Context, settlements []dispatcher.Settlement, applied map[vocab.MessageID]bool) error {
	var rows rowset
	for _, s := range settlements {
		if !applied[s.MessageID] {
			rows = append(rows, []any{
				s.MessageID, s.Attempt, micros(s.At), s.Outcome, s.Cause, s.Code, s.Enhanced, s.Detail, s.ProviderRef, s.Outcome == channels.Accepted,
			})
		}
	}
	const late = `
		FROM (
			SELECT j.value ->> 0 AS id, CAST(j.value ->> 1 AS BIGINT) AS attempt, CAST(j.value ->> 2 AS BIGINT) AS closed_at,
			       j.value ->> 3 AS outcome, j.value ->> 4 AS cause, CAST(j.value ->> 5 AS BIGINT) AS code, j.value ->> 6 AS enhanced,
			       j.value ->> 7 AS detail, j.value ->> 8 AS provider_ref, CAST(j.value ->> 9 AS BOOLEAN) AS accepted
			FROM {rows $1}
		) j`
	// Whether the attempt is still the newest or a later one has begun, it stands in one of two places.
	if err := tx.execRows(ctx, rows, `
		UPDATE messages SET settled_at = j.closed_at, outcome = j.outcome, cause = j.cause, code = j.code, enhanced = j.enhanced,
			detail = j.detail, provider_ref = j.provider_ref`+late+`
		WHERE messages.id = j.id AND messages.attempt = j.attempt AND messages.outcome <> '' AND messages.cause = '`+workerLost+`'`); err != nil {
		return err
	}
	if err := tx.execRows(ctx, rows, `
		UPDATE message_attempts SET closed_at = j.closed_at, outcome = j.outcome, cause = j.cause, code = j.code, enhanced = j.enhanced,
			detail = j.detail, provider_ref = j.provider_ref`+late+`
		WHERE message_attempts.message_id = j.id AND message_attempts.attempt = j.attempt AND message_attempts.cause = '`+workerLost+`'`); err != nil {
		return err
	}
	return tx.execRows(ctx, rows, `
		UPDATE messages SET possible_dup = true`+late+`
		WHERE messages.id = j.id AND j.accepted
		  AND (messages.attempt > j.attempt OR messages.status IN ('queued', 'held', 'deferred', 'scheduled'))`)
}

// keepAttempts moves the closed attempts of messages that are about to be tried again out of the messages' rows.
func (tx *tx) keepAttempts(ctx context.Context, found []dispatcher.Permit, decisions []consent.Decision) error {
	var again []vocab.MessageID
	for i, p := range found {
		if p.Message.Attempt > 0 && decisions[i].Verdict == consent.Allow {
			again = append(again, p.Message.ID)
		}
	}
	if len(again) == 0 {
		return nil
	}
	arg, err := jsonArg(again)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `
		INSERT INTO message_attempts (message_id, attempt, opened_at, closed_at, provider, outcome, cause, code, enhanced, detail, provider_ref)
		SELECT id, attempt, claimed_at, settled_at, provider, outcome, cause, code, enhanced, detail, provider_ref
		FROM messages WHERE id IN {ids $1} AND outcome <> '' AND status IN ('scheduled', 'queued', 'held', 'deferred')
		ON CONFLICT DO NOTHING`, arg)
	return err
}

// workerLost is the cause of an attempt that the reaper closed: its worker never said how it ended.
const workerLost = "worker_lost"

// afterSettle writes the events, wipes what must not be kept, and pauses the providers that must stop.
func (tx *tx) afterSettle(ctx context.Context, settlements []dispatcher.Settlement, applied map[vocab.MessageID]bool) error {
	var events, sent []event
	var wipe []vocab.MessageID
	for _, s := range settlements {
		if s.Pause != "" {
			if err := tx.pause(ctx, dispatcher.Pause{Kind: dispatcher.PauseProvider, Name: string(s.Provider), Reason: s.Pause, Origin: audit.ByOutcome, At: s.At}); err != nil {
				return err
			}
		}
		if !applied[s.MessageID] {
			continue
		}
		e := event{message: s.MessageID, kind: string(s.Next), at: s.At, attempt: s.Attempt, reason: string(s.Cause)}
		if s.Next == dispatcher.Sent { // the row itself says when that was: see Events
			sent = append(sent, e)
		} else {
			events = append(events, e)
		}
		if s.Wipe {
			wipe = append(wipe, s.MessageID)
		}
	}
	if err := tx.addEvents(ctx, events); err != nil {
		return err
	}
	if err := tx.tellMessages(ctx, sent); err != nil {
		return err
	}
	return tx.wipe(ctx, wipe)
}

// wipe deletes what messages were made from.
func (tx *tx) wipe(ctx context.Context, ids []vocab.MessageID) error {
	if len(ids) == 0 {
		return nil
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return err
	}
	_, err = tx.exec(ctx, `DELETE FROM message_payloads WHERE message_id IN {ids $1}`, arg)
	return err
}

// judgeAddresses remembers bounces and suppresses the addresses that have had enough.
func (tx *tx) judgeAddresses(ctx context.Context, settlements []dispatcher.Settlement) error {
	for _, s := range settlements {
		if s.Suppress == dispatcher.SuppressNever || s.AddressID == "" {
			continue
		}
		if _, err := tx.exec(ctx, `
			INSERT INTO address_bounces (message_id, attempt, address_id, cause, points, at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
			string(s.MessageID), s.Attempt, string(s.AddressID), string(s.Cause), s.Points, s.At.UnixMicro()); err != nil {
			return err
		}
		history, err := tx.bouncesOf(ctx, s.AddressID, s.At.Add(-bounceMemory))
		if err != nil {
			return err
		}
		if !s.Suppress.Met(s.Cause, history, s.At) {
			continue
		}
		if _, err := tx.suppressAddress(ctx, s.AddressID, contacts.HardBounce, "bounce", string(s.Cause), s.At); err != nil {
			return err
		}
	}
	return nil
}

// bounceMemory is how far back bounces count for anything.
const bounceMemory = 90 * 24 * time.Hour

func (tx *tx) bouncesOf(ctx context.Context, address vocab.AddressID, since time.Time) ([]dispatcher.Bounce, error) {
	var list []dispatcher.Bounce
	var b dispatcher.Bounce
	err := tx.each(ctx, []any{&b.Message, &b.Cause, &b.Points, at(&b.At)}, func() error {
		list = append(list, b)
		return nil
	}, `SELECT message_id, cause, points, at FROM address_bounces WHERE address_id = $1 AND at > $2 ORDER BY at`, string(address), since.UnixMicro())
	return list, err
}
