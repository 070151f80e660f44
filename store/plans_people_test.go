package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/disclosures"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// driveClaims runs what is asked for somebody who objects, and of two contacts who become one.
func driveClaims(ctx context.Context, ok func(string, error), db *store.DB, consents *store.Consents, n, round int) {
	now, book, people := noon.Add(time.Duration(n)*time.Second), store.NewClaims(db, consents), store.NewContacts(db)
	claimant, gone := con(n/4+20+10*round), con(n/4+21+10*round)
	_, err := book.Open(ctx, claims.New{
		ContactID: claimant, Kind: claims.Objection, Via: claims.ByLink, Text: "stop", ReceivedAt: now, RecordedAt: now, Year: 2026, DueAt: now, Once: true,
		Withdrawal: []consent.Event{{Kind: consent.KindWithdrawn, Scope: consent.ScopeProcessing, Source: consent.SourcePreferencePage}},
	})
	ok("claim", err)
	report := dispatcher.Complained(dispatcher.Message{ID: msg(n / 2), ContactID: claimant, AddressID: adr(n/4 + 20 + 10*round), Purpose: "news.company", Channel: vocab.Email})
	_, err = book.Open(ctx, claims.New{
		ContactID: claimant, Kind: claims.Complaint, Via: claims.ByLink, ReceivedAt: now, RecordedAt: now, Year: 2026, DueAt: now, Complaint: &report,
	})
	ok("complaint", err)
	seq, err := consents.ReceiptsMailed(ctx)
	ok("receipts mailed", err)
	_, err = consents.Events(ctx, seq, 500)
	ok("entries without receipts", err)
	ok("keep receipts mailed", consents.KeepReceiptsMailed(ctx, seq, seq+1))
	for _, f := range []claims.Filter{{ContactID: claimant}, {State: claims.Undelivered, DueBefore: now}} {
		_, err = book.List(ctx, f)
		ok("claims", err)
	}
	_, err = book.Watched(ctx, now, 10)
	ok("watched claims", err)
	_, err = book.Count(ctx, now)
	ok("count of claims", err)
	_, err = consents.Merge(ctx, claimant, gone, consent.Event{ActorKind: consent.ActorSystem}, now)
	ok("merge", err)
	_, err = consents.EventsOf(ctx, claimant, "", 50)
	ok("consent events of a survivor", err)
	_, err = store.NewLedger(db).List(ctx, dispatcher.MessageFilter{ContactID: claimant})
	ok("messages of a survivor", err)
	_, err = consents.RecordsOf(ctx, claimant, 0, 100)
	ok("consent records of a survivor", err)
	_, err = people.SuppressionsOf(ctx, claimant)
	ok("suppressions of a survivor", err)
	_, err = people.OtherExternalIDs(ctx, claimant)
	ok("external ids of a survivor", err)
	_, err = book.RecordsOf(ctx, claimant)
	ok("claims of a survivor", err)
	_, err = store.NewOptIns(db, nil).RecordsOf(ctx, claimant)
	ok("confirmations of a survivor", err)
	_, err = people.Erase(ctx, claimant, contacts.EraseOrder{At: now, Certify: func(contacts.Certificate) (string, error) { return "", nil }})
	ok("erase", err)
}

// driveWebhooks reads the feed, sends from it, and forgets of it.
func driveWebhooks(t *testing.T, db *store.DB, now time.Time) {
	t.Helper()
	ctx := t.Context()
	ok := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	sealer, err := dispatcher.NewSealer([]byte("a key of 32 bytes for tests only"))
	ok("sealer", err)
	w, l := store.NewWebhooks(db, sealer), store.NewLedger(db)
	made, _, err := w.Create(ctx, events.Webhook{URL: "https://example.org", Events: events.Patterns{"*"}, Enabled: true}, now)
	ok("create webhook", err)
	page, err := store.NewFeed(db).Read(ctx, events.Place{}, 100, func(events.Type) bool { return true })
	ok("read the feed", err)
	lines, err := w.Lines(ctx, now, 20)
	ok("webhooks", err)
	for _, line := range lines {
		if line.Webhook.ID != made.ID {
			continue
		}
		d := events.Delivery{
			Webhook: made.ID, EventID: "evt_x", EventType: events.MessageSent, EventAt: now, Place: page.Events[0].Place, State: events.Pending, Attempt: 1,
			InLine: true, NextAt: now, AttemptedAt: now, CreatedAt: now,
		}
		_, err = w.Record(ctx, made.ID, line.Place, line.Place, events.Outcome{Delivery: d})
		ok("record", err)
	}
	lines, err = w.Lines(ctx, now, 20)
	ok("webhooks", err)
	if len(lines) == 0 || len(lines[len(lines)-1].Due) != 1 {
		t.Fatalf("nothing is due: %+v", lines)
	}
	_, err = w.Deliveries(ctx, made.ID, "", 50)
	ok("deliveries", err)
	_, err = w.Undelivered(ctx)
	ok("undelivered", err)
	_, err = l.ForgetEvents(ctx, noon.Add(-1000*time.Hour), 10)
	ok("forget events", err)
}

// driveRegisters asks who did what, who came, and to whom data were given.
func driveRegisters(t *testing.T, db *store.DB, n int) {
	t.Helper()
	ctx, log, people := t.Context(), store.NewAudit(db), store.NewMembers(db)
	e := audit.Event{
		ID: vocab.AuditEventID(vocab.NewID(vocab.AuditEventPrefix)), At: noon, Operation: "get-contact", Contacts: []vocab.ContactID{con(n / 4), con(n/4 + 1)},
	}
	_, _, unknown := people.Authenticate(ctx, "elshi_member_x", noon)
	_, tokens := people.Tokens(ctx, "mem_x")
	_, disclosed := store.NewDisclosures(db).List(ctx, disclosures.Filter{ContactID: con(n / 4), Limit: 50})
	errs := []error{
		log.Record(ctx, e), log.Complete(ctx, audit.Outcome{Event: e.ID, At: noon, Status: 200, Contacts: e.Contacts}), tokens, disclosed,
	}
	last := vocab.AuditEventID(fmt.Sprintf("%s_%d", vocab.AuditEventPrefix, 100_000_000+n/2))
	for _, f := range []audit.Filter{
		{After: last},
		{From: noon, To: noon.Add(time.Hour)},
		{ActorID: "mem_1"},
		{ActorID: "mem_1", After: last},
		{Operation: "op-7", After: last},
		{Subject: string(con(n / 4))},
		{Subject: string(con(n / 4)), ActorID: "mem_1", Operation: "op-7", After: last, From: noon},
	} {
		f.Limit = 50
		_, err := log.List(ctx, f)
		errs = append(errs, err)
	}
	for i, err := range errs {
		if err != nil {
			t.Fatalf("registers, %d: %v", i, err)
		}
	}
	if fault.KindOf(unknown) != fault.NotFound {
		t.Errorf("token: %v", unknown)
	}
}
