package store

import (
	"context"
	"strings"
	"time"

	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

const contactClaimColumns = `c.id, c.number, c.contact_id, c.kind, c.via, c.language, c.received_at, c.recorded_at, c.actor_kind, c.actor_id, c.due_at,
	c.commitment, c.state, c.acknowledged, c.answer, c.answers, c.answered_at, c.answered_by, c.closed_at, c.closed_by, c.close_reason, c.message_id, m.status, m.reason`

// claimSource is where claims are read: with the message that answers each, which retention may have forgotten.
const claimSource = ` FROM claims c LEFT JOIN messages m ON m.id = c.answer AND c.answer <> ''`

func contactClaimDest(c *claims.Claim) []any {
	return []any{
		&c.ID, &c.Number, &c.ContactID, &c.Kind, &c.Via, &c.Language, at(&c.ReceivedAt), at(&c.RecordedAt), &c.ActorKind, &c.ActorID, at(&c.DueAt),
		&c.Commitment, &c.State, &c.Acknowledged, &c.Answer.MessageID, &c.Answer.Count, at(&c.Answer.At), &c.Answer.By, at(&c.ClosedAt), &c.ClosedBy,
		&c.CloseReason, &c.About, textOf(&c.Answer.Status), textOf(&c.Answer.Reason),
	}
}

// claims reads claims without what stands beside them.
func (r runner) claims(ctx context.Context, rest string, args ...any) ([]claims.Claim, error) {
	var list []claims.Claim
	var c claims.Claim
	err := r.each(ctx, contactClaimDest(&c), func() error {
		kept := c
		kept.State = claims.StateOf(c.State, c.Answer.Status)
		list = append(list, kept)
		return nil
	}, `SELECT `+contactClaimColumns+claimSource+rest, args...)
	return list, err
}

// claim reads one claim with all that stands beside it; fault.NotFound if there is none.
func (r runner) claim(ctx context.Context, id vocab.ClaimID) (claims.Claim, error) {
	list, err := r.claims(ctx, ` WHERE c.id = $1`, string(id))
	if err != nil {
		return claims.Claim{}, err
	}
	if len(list) == 0 {
		return claims.Claim{}, fault.Missing("claim_not_found", "there is no claim with this id")
	}
	c := list[0]
	if err := r.row(ctx, []any{&c.Text}, `SELECT value FROM claim_texts WHERE claim_id = $1`, string(id)); err != nil && !isNone(err) {
		return c, err
	}
	if err := r.addAlarms(ctx, list[:1]); err != nil {
		return c, err
	}
	c.Alarms = list[0].Alarms
	var event vocab.ConsentEventID
	if err := r.each(ctx, []any{&event}, func() error {
		c.Events = append(c.Events, event)
		return nil
	}, `SELECT event_id FROM claim_events WHERE claim_id = $1 ORDER BY event_id`, string(id)); err != nil {
		return c, err
	}
	var message vocab.MessageID
	var open bool
	err = r.each(ctx, []any{&message, &open}, func() error {
		if open {
			c.InFlight = append(c.InFlight, message)
		} else {
			c.Canceled = append(c.Canceled, message)
		}
		return nil
	}, `SELECT message_id, in_flight FROM claim_stops WHERE claim_id = $1 ORDER BY message_id`, string(id))
	return c, err
}

// addAlarms reads which alarms of claims were told.
func (r runner) addAlarms(ctx context.Context, list []claims.Claim) error {
	index := make(map[vocab.ClaimID]int, len(list))
	ids := make([]vocab.ClaimID, len(list))
	for i, c := range list {
		ids[i], index[c.ID] = c.ID, i
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return err
	}
	var id vocab.ClaimID
	var told claims.Told
	return r.each(ctx, []any{&id, &told.Day, at(&told.At)}, func() error {
		list[index[id]].Alarms = append(list[index[id]].Alarms, told)
		return nil
	}, `SELECT claim_id, day, told_at FROM claim_alarms WHERE claim_id IN {ids $1} ORDER BY claim_id, day`, arg)
}

// Get returns a claim; fault.NotFound if there is none.
func (c *Claims) Get(ctx context.Context, id vocab.ClaimID) (claims.Claim, error) {
	x, err := c.db.reader().claim(ctx, id)
	return x, away(err)
}

// List returns claims without their texts, the newest first.
func (c *Claims) List(ctx context.Context, f claims.Filter) ([]claims.Claim, error) {
	var is conditions
	lost := `m.status IN (` + lostStatuses() + `)`
	switch f.State {
	case "":
	case claims.Undelivered:
		is.add(`c.state = 'answered' AND ` + lost)
	case claims.Answered:
		is.add(`c.state = 'answered' AND (m.status IS NULL OR NOT ` + lost + `)`)
	case claims.Open, claims.Closed:
		is.add(`c.state = ?`, string(f.State))
	}
	if f.ContactID != "" {
		survivor, err := c.db.reader().survivor(ctx, f.ContactID)
		if err != nil {
			return nil, away(err)
		}
		is.add(`c.contact_id = ?`, string(survivor))
	}
	if !f.DueBefore.IsZero() {
		is.add(`c.due_at < ?`, f.DueBefore.UnixMicro())
	}
	if f.After != "" {
		is.add(`c.id < ?`, string(f.After))
	}
	list, err := c.db.reader().claims(ctx, is.where()+` ORDER BY c.id DESC`+is.limit(pageOf(f.Limit)), is.args...)
	if err != nil {
		return nil, away(err)
	}
	return list, away(c.db.reader().addAlarms(ctx, list))
}

// lostStatuses are the statuses of an answer that did not arrive, for IN.
func lostStatuses() string {
	var list []string
	for _, s := range claims.Lost() {
		list = append(list, `'`+string(s)+`'`)
	}
	return strings.Join(list, ", ")
}

// Watched returns at most n claims about which there is something to do, those that have waited longest first.
func (c *Claims) Watched(ctx context.Context, now time.Time, n int) ([]claims.Claim, error) {
	list, err := c.db.reader().claims(ctx, ` WHERE c.watch_at <= $1 ORDER BY c.watch_at, c.id LIMIT $2`, now.UnixMicro(), n)
	if err != nil {
		return nil, away(err)
	}
	return list, away(c.db.reader().addAlarms(ctx, list))
}

// Count counts the claims that want something done.
func (c *Claims) Count(ctx context.Context, now time.Time) (claims.Count, error) {
	var n claims.Count
	err := c.db.reader().row(ctx, []any{&n.Open, &n.Overdue, &n.Undelivered, at(&n.OldestDue)}, `
		SELECT COALESCE(SUM(CASE WHEN c.state = 'open' AND c.due_at > $1 THEN 1 ELSE 0 END), 0),
		       COALESCE(SUM(CASE WHEN c.state = 'open' AND c.due_at <= $1 THEN 1 ELSE 0 END), 0),
		       COALESCE(SUM(CASE WHEN c.state = 'answered' THEN 1 ELSE 0 END), 0), MIN(c.due_at)`+claimSource+`
		WHERE c.state = 'open' OR c.state = 'answered' AND m.status IN (`+lostStatuses()+`)`, now.UnixMicro())
	return n, away(err)
}
