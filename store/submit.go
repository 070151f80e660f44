package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/vocab"
)

// asked is one submission on its way through a transaction, which it may share with others.
type asked struct {
	in     dispatcher.Intake
	decide dispatcher.Decider
	out    dispatcher.Submitted
	err    error // its own alone: the others are not concerned
}

// Submit writes a submission in one transaction: idempotency key, contacts and addresses that are new, messages, payloads, events. It
// is written whole or not at all. A key that was used before with the same body answers what was answered then; with another
// body the error is fault.Invalid (idempotency_key_reused), and while its first request still runs after the wait it is
// fault.Conflict (idempotency_key_in_use).
//
// Small submissions that come at the same time share a transaction; see intake.
func (l *Ledger) Submit(ctx context.Context, in dispatcher.Intake, decide dispatcher.Decider) (dispatcher.Submitted, error) {
	out, err := l.intake.submit(ctx, in, decide)
	if err != nil {
		return dispatcher.Submitted{}, fmt.Errorf("submit %d messages: %w", len(in.Drafts), err)
	}
	return out, nil
}

// Try does what Submit does and takes all of it back: a preview that cannot differ from the real thing.
func (l *Ledger) Try(ctx context.Context, in dispatcher.Intake, decide dispatcher.Decider) (dispatcher.Submitted, error) {
	var out dispatcher.Submitted
	err := l.db.tx(ctx, func(tx *tx) error {
		a := &asked{in: in, decide: decide}
		if err := errors.Join(tx.submit(ctx, []*asked{a}, keyWait(in), l.db.Hash), a.err); err != nil {
			return err
		}
		out = a.out
		return errTakenBack
	})
	if !errors.Is(err, errTakenBack) {
		return dispatcher.Submitted{}, fmt.Errorf("try %d messages: %w", len(in.Drafts), err)
	}
	return out, nil
}

// errTakenBack rolls a transaction back that did all it should.
var errTakenBack = errors.New("taken back")

// submit writes submissions and answers each. Its error is that of the whole transaction.
func (tx *tx) submit(ctx context.Context, all []*asked, wait time.Duration, hash func(vocab.Channel, string) string) error {
	fresh, err := tx.takeKeys(ctx, all, wait)
	if err != nil {
		return err
	}
	var drafts []dispatcher.Draft
	for _, a := range fresh {
		drafts = append(drafts, a.in.Drafts...)
	}
	if len(drafts) == 0 {
		for _, a := range fresh {
			a.answer(nil, nil)
		}
		return tx.keepAnswers(ctx, fresh)
	}
	now := newest(fresh)
	if err := tx.makeRecipients(ctx, drafts, now, hash); err != nil {
		return err
	}
	cs := make([]dispatcher.Candidate, len(drafts))
	for i, d := range drafts {
		cs[i].Message = d.Message
	}
	people, err := tx.readFacts(ctx, now, cs, false)
	if err != nil {
		return err
	}
	if renamed(cs, people) { // somebody was merged since the submission was planned
		for i := range cs {
			drafts[i].Message.ContactID = cs[i].Message.ContactID
		}
		if _, err := tx.readFacts(ctx, now, cs, false); err != nil {
			return err
		}
	}
	for i, d := range drafts {
		intakeFacts(&cs[i], d, hash)
	}
	var ringUntil time.Time
	for first, rest := 0, fresh; len(rest) > 0; rest = rest[1:] {
		a := rest[0]
		end := first + len(a.in.Drafts)
		a.answer(drafts[first:end], a.decide(cs[first:end]))
		if a.in.RingUntil.After(ringUntil) {
			ringUntil = a.in.RingUntil
		}
		first = end
	}
	if err := tx.insertMessages(ctx, drafts, now, ringUntil); err != nil {
		return err
	}
	return tx.keepAnswers(ctx, fresh)
}

// newest is the clock of submissions that are written together.
func newest(all []*asked) time.Time {
	var now time.Time
	for _, a := range all {
		if a.in.Now.After(now) {
			now = a.in.Now
		}
	}
	return now
}

// answer writes what was decided into the drafts and the answer.
func (a *asked) answer(drafts []dispatcher.Draft, decisions []consent.Decision) {
	a.out = dispatcher.Submitted{Results: slices.Clone(a.in.Answer)}
	for i := range drafts {
		m := &drafts[i].Message
		m.Decision = decisions[i]
		m.Status, m.DueAt = atIntake(decisions[i], drafts[i].SendAt, m.NotAfter, a.in.Now)
		a.out.Results[a.in.Slots[i]] = resultOf(*m)
	}
	a.out.Ring = ringsOf(drafts, a.in.Now)
}

// intakeFacts adds what only the request knows.
func intakeFacts(c *dispatcher.Candidate, d dispatcher.Draft, hash func(vocab.Channel, string) string) {
	if d.Guests != nil {
		c.Facts.GuestListOnly = true
		c.Facts.OnGuestList = d.Recipient.Lookup != "" && slices.Contains(d.Guests.Hashes, hash(d.Message.Channel, d.Recipient.Lookup))
	}
}

// atIntake returns the first status of a message and when it is due. A message that is to wait for send_at waits whatever the hour is
// now; its hold is decided when it is due.
func atIntake(d consent.Decision, sendAt, notAfter, now time.Time) (dispatcher.Status, time.Time) {
	if d.Verdict != consent.Deny && d.Verdict != "" && sendAt.After(now) {
		return dispatcher.Scheduled, sendAt
	}
	status, due := afterDecision(d, now, notAfter, now)
	switch status { //nolint:exhaustive // afterDecision returns these four alone
	case dispatcher.Sending:
		return dispatcher.Queued, now
	case dispatcher.Expired:
		return dispatcher.Suppressed, time.Time{}
	}
	return status, due
}

func resultOf(m dispatcher.Message) dispatcher.Result {
	return dispatcher.Result{
		ID: m.ID, ContactID: m.ContactID, Channel: m.Channel, Purpose: m.Purpose, Status: m.Status, Verdict: m.Decision.Verdict,
		Reason: m.Decision.Reason, Reasons: m.Decision.All, Until: m.Decision.Until, Reference: m.Reference,
	}
}

// ringsOf groups what is due now by channel, lane and provider.
func ringsOf(drafts []dispatcher.Draft, now time.Time) []dispatcher.Batch {
	var rings []dispatcher.Batch
	for _, d := range drafts {
		m := d.Message
		if m.Status != dispatcher.Queued || m.DueAt.After(now) {
			continue
		}
		rings = dispatcher.AddToBatches(rings, m.Channel, m.Lane, m.Provider, m.ID)
	}
	return rings
}

// insertMessages writes drafts with payloads, attachments, events and the marks that keep a legal notice from being told twice.
func (tx *tx) insertMessages(ctx context.Context, drafts []dispatcher.Draft, at, ringUntil time.Time) error {
	var messages, dues, payloads, once rowset
	var others, queued []event
	var capped []dispatcher.Message
	for _, d := range drafts {
		m := d.Message
		if len(m.Decision.Earlier) > 0 {
			capped = append(capped, m)
		}
		if toErased(m) {
			m.Reference = ""
		}
		ring := ringUntil
		if m.Status != dispatcher.Queued {
			ring = time.UnixMicro(0)
		}
		finalized := time.Time{}
		if m.DueAt.IsZero() {
			finalized = at
		}
		messages = append(messages, []any{
			m.ID, m.ContactID, null(m.AddressID), m.Channel, m.Class, m.Lane, m.Purpose, m.Topic, m.Language, m.Template, m.Sender,
			m.Provider, m.Mode, m.APIKey, null(m.Reference), m.TriggerID, micros(m.TriggerAt), m.HasUnsubscribe, m.LocaleApproved,
			micros(m.NotAfter), m.Status, micros(m.DueAt), micros(finalized), m.Decision.Verdict, m.Decision.Reason,
			reasonsText(m.Decision.All), m.Decision.Basis.Kind, m.Decision.Basis.Event, m.PolicyVersion, m.Status == dispatcher.Queued,
		})
		if !m.DueAt.IsZero() {
			dues = append(dues, []any{m.ID, m.Channel, m.Lane, m.Class, m.Provider, micros(m.DueAt), ring.UnixMicro()})
		}
		if keepsPayload(m) {
			payloads = append(payloads, []any{m.ID, string(d.Payload.Data), d.Payload.Sealed, string(d.Metadata)})
		}
		e := event{message: m.ID, kind: string(m.Status), at: at, reason: string(m.Decision.Reason)}
		if m.Status == dispatcher.Queued { // the row itself says when that was: see Events
			queued = append(queued, e)
		} else {
			others = append(others, e)
		}
		if dispatcher.OncePerTrigger(m) && m.Status.Waits() && m.Mode != dispatcher.Test {
			once = append(once, []any{m.ContactID, m.Purpose, m.Channel, m.TriggerID, m.ID})
		}
	}
	now := at.UnixMicro()
	if err := tx.execRows(ctx, messages, `
		INSERT INTO messages (id, contact_id, address_id, channel, class, lane, purpose, topic, language, template, sender, provider, mode,
		                      api_key, reference, trigger_id, trigger_at, has_unsubscribe, locale_approved, not_after, status, due_at,
		                      finalized_at, verdict, reason, reasons, basis, consent_event, policy_version, began_queued, created_at, decided_at,
		                      attempt, failures, content_hash, provider_ref, last_cause, possible_dup)
		SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4, j.value ->> 5, j.value ->> 6, j.value ->> 7,
		       j.value ->> 8, j.value ->> 9, j.value ->> 10, j.value ->> 11, j.value ->> 12, j.value ->> 13, j.value ->> 14, j.value ->> 15,
		       CAST(j.value ->> 16 AS BIGINT), CAST(j.value ->> 17 AS BOOLEAN), CAST(j.value ->> 18 AS BOOLEAN),
		       CAST(j.value ->> 19 AS BIGINT), j.value ->> 20, CAST(j.value ->> 21 AS BIGINT), CAST(j.value ->> 22 AS BIGINT),
		       j.value ->> 23, j.value ->> 24, j.value ->> 25, j.value ->> 26, j.value ->> 27, j.value ->> 28, CAST(j.value ->> 29 AS BOOLEAN),
		       CAST($2 AS BIGINT), CAST($2 AS BIGINT), 0, 0, '', '', '', false
		FROM {rows $1}`, now); err != nil {
		return err
	}
	if err := tx.execRows(ctx, dues, `
		INSERT INTO dues (message_id, channel, lane, class, provider, due_at, ring_until)
		SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4, CAST(j.value ->> 5 AS BIGINT), CAST(j.value ->> 6 AS BIGINT)
		FROM {rows $1}`); err != nil {
		return err
	}
	if err := tx.execRows(ctx, payloads, `
		INSERT INTO message_payloads (message_id, data, sealed, metadata)
		SELECT j.value ->> 0, j.value ->> 1, CAST(j.value ->> 2 AS BOOLEAN), j.value ->> 3 FROM {rows $1}`); err != nil {
		return err
	}
	for _, d := range drafts {
		if !d.Message.Status.Waits() {
			continue
		}
		for _, a := range d.Attachments {
			if err := tx.addAttachment(ctx, d.Message.ID, a); err != nil {
				return err
			}
		}
	}
	if err := tx.execRows(ctx, once, `
		INSERT INTO message_once (contact_id, purpose, channel, trigger_id, message_id)
		SELECT j.value ->> 0, j.value ->> 1, j.value ->> 2, j.value ->> 3, j.value ->> 4 FROM {rows $1} WHERE true
		ON CONFLICT (contact_id, purpose, channel, trigger_id) DO UPDATE SET message_id = excluded.message_id`); err != nil {
		return err
	}
	if err := tx.keepEarlier(ctx, capped); err != nil {
		return err
	}
	if err := tx.addEvents(ctx, others); err != nil {
		return err
	}
	return tx.tellMessages(ctx, queued)
}

// keepsPayload says whether what a message is made from is kept: always, but for a one-time code that will never be sent, and for what was
// meant for somebody who is erased.
func keepsPayload(m dispatcher.Message) bool {
	return (m.Class != vocab.Security || m.Status.Waits()) && !toErased(m)
}

// toErased says whether the contact of a message that was denied is erased: nothing about the person comes back by it.
func toErased(m dispatcher.Message) bool {
	return m.Decision.Reason == consent.ContactErased || slices.Contains(m.Decision.All, consent.ContactErased)
}

// makeRecipients finds or makes the contact and address of every draft that names an address nobody had when it was planned. Addresses
// are taken in order of their identity, so that two submissions never wait for each other.
func (tx *tx) makeRecipients(ctx context.Context, drafts []dispatcher.Draft, now time.Time, hash func(vocab.Channel, string) string) error {
	var made []vocab.ContactID
	var order []int
	for i, d := range drafts {
		if d.Recipient.Value != "" && (d.Message.AddressID == "" || d.Message.ContactID == "") {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(drafts[a].Recipient.Lookup, drafts[b].Recipient.Lookup) })
	for _, i := range order {
		d := &drafts[i]
		address, err := tx.makeAddress(ctx, d.Message.Channel, d.Recipient.Value, d.Recipient.Lookup, hash(d.Message.Channel, d.Recipient.Lookup), now)
		if err != nil {
			return err
		}
		d.Message.AddressID = address
		if d.Message.ContactID != "" {
			continue
		}
		if d.Message.ContactID, err = tx.firstContactOf(ctx, address); err != nil {
			return err
		}
		if d.Message.ContactID == "" {
			// Whoever finds an old address without a contact at the same moment waits here, and then looks again.
			if err := tx.guard(ctx, nil, []vocab.AddressID{address}); err != nil {
				return err
			}
			if d.Message.ContactID, err = tx.firstContactOf(ctx, address); err != nil {
				return err
			}
		}
		if d.Message.ContactID == "" {
			if d.Message.ContactID, err = tx.makeContact(ctx, d, now); err != nil {
				return err
			}
			made = append(made, d.Message.ContactID)
		}
	}
	return tx.tellContacts(ctx, events.ContactCreated, now, made)
}

// makeAddress returns the address with this identity, which it makes if nobody has.
func (tx *tx) makeAddress(ctx context.Context, channel vocab.Channel, value vocab.Address, lookup, hash string, now time.Time) (vocab.AddressID, error) {
	if _, err := tx.exec(ctx, `
		INSERT INTO addresses (id, channel, value, lookup, hash, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		vocab.NewID(vocab.AddressPrefix), string(channel), value.Reveal(), lookup, hash, now.UnixMicro()); err != nil {
		return "", err
	}
	var id vocab.AddressID
	err := tx.row(ctx, []any{&id}, `SELECT id FROM addresses WHERE channel = $1 AND lookup = $2`, string(channel), lookup)
	return id, err
}

// makeGuarded is makeAddress with the address's guard. One that an erasure or retention forgot before the guard was had is made anew.
func (tx *tx) makeGuarded(ctx context.Context, channel vocab.Channel, value vocab.Address, lookup, hash string, now time.Time) (vocab.AddressID, error) {
	for {
		id, err := tx.makeAddress(ctx, channel, value, lookup, hash, now)
		if err != nil {
			return "", err
		}
		if err := tx.guard(ctx, nil, []vocab.AddressID{id}); err != nil {
			return "", err
		}
		var still bool
		err = tx.row(ctx, []any{&still}, `SELECT EXISTS (SELECT 1 FROM addresses WHERE id = $1 AND lookup = $2)`, string(id), lookup)
		if err != nil || still {
			return id, err
		}
	}
}

// firstContactOf returns the earliest contact behind an address, or "".
func (tx *tx) firstContactOf(ctx context.Context, address vocab.AddressID) (vocab.ContactID, error) {
	var id vocab.ContactID
	err := tx.row(ctx, []any{&id},
		`SELECT contact_id FROM contact_addresses WHERE address_id = $1 AND reassigned_at IS NULL ORDER BY contact_id LIMIT 1`, string(address))
	if isNone(err) {
		return "", nil
	}
	return id, err
}

func (tx *tx) makeContact(ctx context.Context, d *dispatcher.Draft, now time.Time) (vocab.ContactID, error) {
	id := vocab.ContactID(vocab.NewID(vocab.ContactPrefix))
	if _, err := tx.exec(ctx, `
		INSERT INTO contacts (id, name, name_lookup, language, time_zone, attributes, minor, guardian_consented, created_at, updated_at)
		VALUES ($1, $2, $3, $4, '', '{}', false, false, $5, $5)`,
		string(id), plain(d.Recipient.Name), folded(d.Recipient.Name), string(d.Message.Language), now.UnixMicro()); err != nil {
		return "", err
	}
	return id, tx.link(ctx, id, d.Message.AddressID, true, time.Time{}, now)
}

// link puts an address behind a contact.
func (tx *tx) link(ctx context.Context, contact vocab.ContactID, address vocab.AddressID, primary bool, verified, now time.Time) error {
	_, err := tx.exec(ctx, `
		INSERT INTO contact_addresses (contact_id, address_id, is_primary, verified_at, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (contact_id, address_id) DO NOTHING`, string(contact), string(address), primary, micros(verified), now.UnixMicro())
	return err
}
