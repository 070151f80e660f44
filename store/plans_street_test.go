package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// driver runs the statements of a store over tables of n messages; the rounds 0 and 1 may follow each other.
type driver struct {
	*testing.T

	ctx          context.Context //nolint:containedctx // the test's own
	db           *store.DB
	registry     *consent.Registry
	ledger       *store.Ledger
	consents     *store.Consents
	suppressions *store.Suppressions
	book         *store.Contacts
	n, round     int
	now          time.Time
}

// drive runs everything hot once.
func drive(t *testing.T, db *store.DB, n, round int) {
	t.Helper()
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	d := &driver{
		T: t, ctx: t.Context(), db: db, registry: registry, ledger: store.NewLedger(db), consents: store.NewConsents(db, registry),
		suppressions: store.NewSuppressions(db), book: store.NewContacts(db), n: n, round: round, now: noon.Add(time.Duration(n) * time.Second),
	}
	d.street()
	d.consentLedger()
	d.house()
	d.export()
	d.optIns()
	drivePreferences(d.ctx, d.ok, db, registry, n)
	driveWebhooks(t, db, d.now)
	d.messages()
	driveRegisters(t, db, n)
	driveClaims(d.ctx, d.ok, db, d.consents, n, round)
}

func (d *driver) ok(what string, err error) {
	d.Helper()
	if err != nil {
		d.Fatalf("%s: %v", what, err)
	}
}

// street takes messages in, claims and settles them.
func (d *driver) street() {
	d.Helper()
	key := dispatcher.IdempotencyKey{APIKey: "key_x", Route: "messages", Token: vocab.NewID("t")}
	_, _, err := d.ledger.Replay(d.ctx, key)
	d.ok("replay", err)
	var queries []dispatcher.RecipientQuery
	in := dispatcher.Intake{Key: &key, Now: d.now}
	for i, class := range []vocab.Class{vocab.Marketing, vocab.Legal, vocab.Transactional} {
		who := d.n/4 + i
		to := dispatcher.Recipient{ContactID: con(who), Lookup: fmt.Sprintf("a%d@example.org", who)}
		queries = append(queries, dispatcher.RecipientQuery{Channel: vocab.Email, Recipient: to},
			dispatcher.RecipientQuery{Channel: vocab.Email, Recipient: dispatcher.Recipient{Lookup: to.Lookup}})
		in.Drafts = append(in.Drafts, dispatcher.Draft{
			Message: dispatcher.Message{
				ID: vocab.MessageID(vocab.NewID(vocab.MessagePrefix)), ContactID: con(who), AddressID: adr(who), Channel: vocab.Email, Class: class,
				Lane: vocab.Bulk, Purpose: map[vocab.Class]vocab.Purpose{
					vocab.Marketing: "news.company", vocab.Legal: "legal.policy_change", vocab.Transactional: "request.reply",
				}[class], TriggerID: "2026-01", Provider: "relay",
			},
			Recipient: to, Payload: dispatcher.Payload{Data: []byte(`{}`)},
		})
		in.Slots = append(in.Slots, i)
	}
	in.Drafts = append(in.Drafts, in.Drafts[2]) // and somebody whom nobody knows
	stranger := &in.Drafts[3]
	stranger.Message.ID, stranger.Message.ContactID, stranger.Message.AddressID = vocab.MessageID(vocab.NewID(vocab.MessagePrefix)), "", ""
	stranger.Recipient = dispatcher.Recipient{Value: vocab.Address(key.Token + "@example.org"), Lookup: key.Token + "@example.org"}
	in.Slots, in.Answer = append(in.Slots, 3), make([]dispatcher.Result, 4)
	_, err = d.ledger.Recipients(d.ctx, queries)
	d.ok("recipients", err)
	_, err = d.ledger.Submit(d.ctx, in, allow)
	d.ok("submit", err)

	for _, class := range []vocab.Class{"", vocab.Marketing} {
		_, _, err = d.ledger.Due(d.ctx, dispatcher.LaneQuery{Channel: vocab.Email, Lane: vocab.Bulk, Class: class}, dispatcher.DueMark{}, d.now, 500)
		d.ok("due", err)
	}
	var ids []vocab.MessageID
	for i := 1000 * d.round; i <= d.n; i += 2000 {
		ids = append(ids, msg(i)) // these wait
	}
	permits, err := d.ledger.ClaimBatch(d.ctx, dispatcher.Claim{IDs: ids, Now: d.now, Lease: time.Minute}, allow)
	d.ok("claim", err)
	if len(permits) < 2 {
		d.Fatalf("got %d permits", len(permits))
	}
	settlements := make([]dispatcher.Settlement, len(permits))
	for i, p := range permits {
		settlements[i] = dispatcher.Settlement{
			MessageID: p.Message.ID, AddressID: p.Message.AddressID, Channel: p.Message.Channel, Attempt: p.Message.Attempt, Provider: "relay", Next: dispatcher.Sent, At: d.now,
			OpenedAt: d.now, Outcome: "accepted", ProviderRef: "new " + string(p.Message.ID), Suppress: dispatcher.SuppressSoft, Wipe: true,
		}
	}
	d.ok("settle", d.ledger.Settle(d.ctx, settlements))
	_, err = d.ledger.Reap(d.ctx, noon, d.now, 500, func(vocab.Class) bool { return true })
	d.ok("reap", err)
	_, err = d.ledger.Lanes(d.ctx, d.now)
	d.ok("lanes", err)
	_, _, err = d.ledger.RecordReport(d.ctx, dispatcher.LateReport{Provider: "relay", ProviderRef: "ref-150", Next: dispatcher.Delivered, At: d.now})
	d.ok("report", err)
	_, err = d.ledger.Cancel(d.ctx, in.Drafts[1].Message.ID, d.now)
	d.ok("cancel", err)
	_, err = d.consents.Open(d.ctx, ids)
	d.ok("open attempts", err)
}

// messages reads them.
func (d *driver) messages() {
	d.Helper()
	_, err := d.ledger.Get(d.ctx, msg(d.n/2))
	d.ok("message", err)
	_, err = d.ledger.Events(d.ctx, msg(d.n/2))
	d.ok("events", err)
	_, err = d.ledger.Attempts(d.ctx, msg(d.n/2))
	d.ok("attempts", err)
	_, err = d.ledger.Payload(d.ctx, msg(d.n/2))
	d.ok("payload", err)
	_, err = d.ledger.Recipient(d.ctx, msg(d.n/2))
	d.ok("recipient", err)
	for name, f := range lists(d.n) {
		_, err = d.ledger.List(d.ctx, f)
		d.ok("list by "+name, err)
	}
}

// lists are questions of GET /v1/messages over n messages.
func lists(n int) map[string]dispatcher.MessageFilter {
	hour := noon.Add(time.Hour)
	return map[string]dispatcher.MessageFilter{
		"nothing":             {},
		"contact":             {ContactID: con(n / 4)},
		"contact, page":       {ContactID: con(n / 4), After: msg(n)},
		"contact and status":  {ContactID: con(n / 4), Status: dispatcher.Bounced},
		"contact, reference":  {ContactID: con(n / 4), Reference: "campaign"},
		"reference":           {Reference: fmt.Sprintf("order %d", n/2+1)},
		"common reference":    {Reference: "campaign", Status: dispatcher.Bounced},
		"page of a reference": {Reference: "campaign", After: msg(n / 2)},
		"status":              {Status: dispatcher.Sent},
		"rare status":         {Status: dispatcher.Unknown},
		"waiting status":      {Status: dispatcher.Held},
		"open status, page":   {Status: dispatcher.Sending, After: msg(n / 2)},
		"old time":            {CreatedAfter: hour, CreatedBefore: hour.Add(time.Minute)},
		"old time and status": {CreatedAfter: hour, CreatedBefore: hour.Add(time.Minute), Status: dispatcher.Bounced, Class: vocab.Transactional},
		"time to come":        {CreatedAfter: hour.AddDate(1, 0, 0)},
		"deep page":           {Channel: vocab.SMS, After: msg(n / 2)},
	}
}
