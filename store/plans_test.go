package store_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/disclosures"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// The plans of the hot statements: none may read a large table whole, neither with the statistics of a table that was small a moment ago
// nor with good ones, neither planned for its own values nor for any.

// large are the tables that grow with every message or contact.
var large = []string{
	"messages", "message_attempts", "message_payloads", "message_events", "message_once", "consents", "consent_events", "contacts", "addresses",
	"contact_addresses", "suppressions", "idempotency_keys", "sms_refs", "confirmations", "feed",
	"webhook_deliveries",
	"audit_events", "audit_outcomes", "audit_subjects", "disclosures",
	"disclosure_contacts",
}

const (
	small = 40
	grown = 80_000
)

func msg(i int) vocab.MessageID {
	return vocab.MessageID(fmt.Sprintf("%s_%d", vocab.MessagePrefix, 100_000_000+i))
}

func con(i int) vocab.ContactID {
	return vocab.ContactID(fmt.Sprintf("%s_%d", vocab.ContactPrefix, 100_000_000+i))
}

func adr(i int) vocab.AddressID {
	return vocab.AddressID(fmt.Sprintf("%s_%d", vocab.AddressPrefix, 100_000_000+i))
}

// allow allows everything.
func allow(cs []dispatcher.Candidate) []consent.Decision {
	return slices.Repeat([]consent.Decision{{Verdict: consent.Allow, Reason: consent.OK}}, len(cs))
}

// drive runs everything hot once, over tables of n messages; it may be called with the rounds 0 and 1.
func drive(t *testing.T, db *store.DB, n, round int) {
	t.Helper()
	registry, err := consent.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	ctx, now := t.Context(), noon.Add(time.Duration(n)*time.Second)
	l, consents, suppressions := store.NewLedger(db), store.NewConsents(db, registry), store.NewSuppressions(db)
	ok := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	key := dispatcher.IdempotencyKey{APIKey: "key_x", Route: "messages", Token: vocab.NewID("t")}
	_, _, err = l.Replay(ctx, key)
	ok("replay", err)
	var queries []dispatcher.RecipientQuery
	in := dispatcher.Intake{Key: &key, Now: now}
	for i, class := range []vocab.Class{vocab.Marketing, vocab.Legal, vocab.Transactional} {
		who := n/4 + i
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
	_, err = l.Recipients(ctx, queries)
	ok("recipients", err)
	_, err = l.Submit(ctx, in, allow)
	ok("submit", err)

	for _, class := range []vocab.Class{"", vocab.Marketing} {
		_, _, err = l.Due(ctx, dispatcher.LaneQuery{Channel: vocab.Email, Lane: vocab.Bulk, Class: class}, dispatcher.DueMark{}, now, 500)
		ok("due", err)
	}
	var ids []vocab.MessageID
	for i := 1000 * round; i <= n; i += 2000 {
		ids = append(ids, msg(i)) // these wait
	}
	permits, err := l.ClaimBatch(ctx, dispatcher.Claim{IDs: ids, Now: now, Lease: time.Minute}, allow)
	ok("claim", err)
	if len(permits) < 2 {
		t.Fatalf("got %d permits", len(permits))
	}
	settlements := make([]dispatcher.Settlement, len(permits))
	for i, p := range permits {
		settlements[i] = dispatcher.Settlement{
			MessageID: p.Message.ID, AddressID: p.Message.AddressID, Channel: p.Message.Channel, Attempt: p.Message.Attempt, Provider: "relay", Next: dispatcher.Sent, At: now,
			OpenedAt: now, Outcome: "accepted", ProviderRef: "new " + string(p.Message.ID), Suppress: dispatcher.SuppressSoft, Wipe: true,
		}
	}
	ok("settle", l.Settle(ctx, settlements))
	_, err = l.Reap(ctx, noon, now, 500, func(vocab.Class) bool { return true })
	ok("reap", err)
	_, err = l.Lanes(ctx, now)
	ok("lanes", err)
	_, _, err = l.RecordReport(ctx, dispatcher.LateReport{Provider: "relay", ProviderRef: "ref-150", Next: dispatcher.Delivered, At: now})
	ok("report", err)

	_, err = consents.Withdraw(ctx, dispatcher.Withdrawal{
		AddressID: adr(n/4 + 10*round), StopAddress: contacts.ChannelStop,
		Event: consent.Event{Kind: consent.KindWithdrawn, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email, Source: consent.SourceOneClick},
	}, now, dispatcher.Covered)
	ok("withdraw", err)
	_, err = consents.Open(ctx, ids)
	ok("open attempts", err)
	_, err = consents.OfContact(ctx, con(n/4))
	ok("consents", err)
	_, err = consents.EventsOf(ctx, con(n/4), "", 50)
	ok("consent events", err)
	_, err = consents.History(ctx, con(n/4), 1_000_000)
	ok("consent history", err)
	grant := consent.Event{
		Kind: consent.KindGranted, ContactID: con(n / 4), Scope: consent.ScopePurpose, Purpose: "survey.research", Channel: vocab.SMS,
		Source: consent.SourceOperator, At: noon, RecordedAt: now.Add(time.Hour),
	}
	if _, _, err = consents.Record(ctx, grant, "", false); fault.KindOf(err) != fault.Conflict { // an earlier round's is there
		ok("paper form", err)
	}
	texts := store.NewConsentTexts(db)
	draft, err := texts.Draft(ctx, consent.Text{Purpose: "ads.campaign", Channel: vocab.SMS, Material: true}, now)
	ok("draft of a text", err)
	_, err = texts.Publish(ctx, draft.ID, consent.Event{Source: consent.SourceAPI, ActorKind: consent.ActorAPIKey, At: now}, func(consent.Text) error { return nil })
	ok("publish a text", err)
	_, err = texts.Versions(ctx, "ads.campaign", vocab.SMS)
	ok("versions of a text", err)
	_, err = consents.Links(ctx, int64(n/8), int64(n/8+255))
	ok("chain hashes", err)
	ok("entries", consents.Walk(ctx, int64(n/8), int64(n/8+255), func(consent.Event) error { return nil }))
	_, err = consents.Misvalued(ctx, int64(n/8), int64(n/8+255))
	ok("values beside entries", err)
	_, err = consents.Nodes(ctx, 8, 0, 255)
	ok("subtrees", err)
	_, _, err = consents.CompareProjection(ctx, con(n/4), 100)
	ok("compare the projection", err)
	_, _, err = consents.RebuildProjection(ctx, con(n/4), 100)
	ok("rebuild the projection", err)
	_, err = consents.Ending(ctx, now, now.AddDate(0, 0, 30), 30, dispatcher.EndingGrant{}, 200)
	ok("grants that end", err)
	_, err = consents.AskedIn(ctx, msg(n/2))
	ok("what a message asked about", err)
	_, err = consents.Expire(ctx, noon.Add(-1000*time.Hour), 200)
	ok("expire grants", err)
	_, err = suppressions.Add(ctx, vocab.Email, "nobody@example.org", contacts.Suppression{Reason: contacts.Manual, CreatedAt: now})
	ok("suppress", err)
	_, err = store.NewContacts(db).Get(ctx, con(n/4))
	ok("contact", err)
	_, err = suppressions.AddressID(ctx, vocab.Email, "a1@example.org")
	if fault.KindOf(err) != fault.NotFound { // these hashes are made up
		t.Errorf("address: %v", err)
	}
	_, err = suppressions.OfAddress(ctx, adr(1))
	ok("suppressions of an address", err)
	_, err = l.Addressee(ctx, msg(1))
	ok("addressee", err)
	_, err = consents.ValuesBeside(ctx, []vocab.ConsentEventID{"cev_1", "cev_2"})
	ok("values beside entries", err)
	_, _, err = l.Awaited(ctx, "relay", dispatcher.SentMark{At: noon}, 10)
	ok("awaited reports", err)
	_, err = l.ForgetKeys(ctx, noon.Add(-1000*time.Hour), 10)
	ok("forget keys", err)
	for _, kind := range dispatcher.RetentionKinds() {
		for _, class := range []vocab.Class{vocab.Marketing, vocab.Transactional} {
			for _, stays := range []bool{false, true} {
				_, err = l.Forget(ctx, dispatcher.ForgetStep{Kind: kind, Class: class, Before: time.Now(), Size: 10, Stays: stays})
				ok("forget "+string(kind), err)
			}
		}
	}

	book := store.NewContacts(db)
	_, err = book.SuppressionsOf(ctx, con(n/4))
	ok("suppressions of a contact", err)
	_, err = consents.RecordsOf(ctx, con(n/4), 0, 100)
	ok("entries to export", err)
	for _, behind := range []vocab.MessageID{"", msg(n)} {
		_, err = l.RecordsOf(ctx, con(n/4), behind, 100)
		ok("messages to export", err)
	}
	ok("files to export", l.EachFile(ctx, msg(n/2), func(channels.Attachment) error { return nil }))
	_, err = book.Erase(ctx, con(n/4+40+round), contacts.EraseOrder{At: now, Certify: func(contacts.Certificate) (string, error) { return "", nil }})
	ok("erase", err)

	optIns := store.NewOptIns(db, registry)
	asked := optin.Draft{
		Confirmation: optin.Confirmation{
			ID: vocab.ConfirmationID(vocab.NewID(vocab.ConfirmationPrefix)), Kind: optin.OptIn, ContactID: con(n / 4), Channel: vocab.Email, Language: "kk",
			Asked: []optin.Asked{{Purpose: "offers.company"}}, CreatedAt: now, ExpiresAt: now.Add(time.Hour), RemindAt: now,
		},
		Source: consent.SourceSignUpForm, Actor: consent.ActorContact,
	}
	_, _, err = optIns.AskToConfirm(ctx, asked)
	ok("ask to confirm", err)
	asked.ContactID, asked.Lookup = "", fmt.Sprintf("a%d@example.org", n/4)
	asked.ID = vocab.ConfirmationID(vocab.NewID(vocab.ConfirmationPrefix))
	_, _, err = optIns.AskToConfirm(ctx, asked)
	ok("ask an address to confirm", err)
	ok("carried", optIns.Carried(ctx, asked.ID, msg(n/2)))
	_, err = optIns.Confirm(ctx, asked.ID, optin.Press{At: now})
	ok("confirm", err)
	_, _, err = optIns.Remind(ctx, now, 10)
	ok("remind", err)
	_, err = optIns.Lapse(ctx, now, 10)
	ok("lapse", err)
	_, _, err = optIns.Forget(ctx, contacts.EraseOrder{At: now.AddDate(1, 0, 0), LeaveOpen: true, Certify: func(contacts.Certificate) (string, error) { return "", nil }}, 10)
	ok("forget strangers", err)
	_, err = optIns.CountSignUp(ctx, "192.0.2.7", now)
	ok("count a sign-up", err)
	ok("forget counts", optIns.ForgetSignUps(ctx, now))

	drivePreferences(ctx, ok, db, registry, n)
	driveWebhooks(t, db, now)
	_, err = l.Get(ctx, msg(n/2))
	ok("message", err)
	_, err = l.Events(ctx, msg(n/2))
	ok("events", err)
	_, err = l.Attempts(ctx, msg(n/2))
	ok("attempts", err)
	_, err = l.Payload(ctx, msg(n/2))
	ok("payload", err)
	_, err = l.Recipient(ctx, msg(n/2))
	ok("recipient", err)
	_, err = l.Cancel(ctx, in.Drafts[1].Message.ID, now)
	ok("cancel", err)
	driveRegisters(t, db, n)
	for name, f := range lists(n) {
		_, err = l.List(ctx, f)
		ok("list by "+name, err)
	}
	driveClaims(ctx, ok, db, consents, n, round)
}

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

// statement is a text with the values it was run with.
type statement struct {
	text string
	args []any
}

// diary is a tracer that keeps every statement once.
type diary struct {
	mu   sync.Mutex
	seen map[string]statement
}

// TraceQueryStart implements pgx.QueryTracer.
func (d *diary) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	args := q.Args
	if len(args) > 0 {
		if _, asked := args[0].(pgx.QueryResultFormatsByOID); asked { // database/sql's own wish
			args = args[1:]
		}
	}
	if isPlanned.MatchString(q.SQL) {
		d.seen[q.SQL] = statement{q.SQL, args}
	}
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*diary) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// isPlanned matches statements that have a plan.
var isPlanned = regexp.MustCompile(`(?i)^\s*(SELECT|INSERT|UPDATE|DELETE)\b`)

var (
	seqScan   = regexp.MustCompile(`Seq Scan on (\w+)`)
	indexScan = regexp.MustCompile(`Index (?:Only )?Scan (?:Backward )?using (\w+) on (\w+)[^\n]*\n\s*(\w+ \w+)?`)
)

// indexUse matches the use of an index in a plan.
var indexUse = regexp.MustCompile(`(?:Scan (?:Backward )?using|Bitmap Index Scan on) (\w+)`)

// indexesOf returns the indexes that are there for speed alone.
func indexesOf(t *testing.T, db *store.DB) []string {
	t.Helper()
	rows, err := db.Raw().QueryContext(t.Context(), `
		SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE NOT i.indisunique AND c.relnamespace = 'public'::regnamespace ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil || len(names) < 8 {
		t.Fatalf("%d indexes, %v", len(names), err)
	}
	return names
}

// readWhole returns the large tables of which a plan reads every row, be it in the order of an index.
func readWhole(plan string) []string {
	var whole []string
	for _, scan := range seqScan.FindAllStringSubmatch(plan, -1) {
		whole = append(whole, scan[1])
	}
	for _, scan := range indexScan.FindAllStringSubmatch(plan, -1) {
		if scan[3] != "Index Cond" && !slices.Contains(inOrder, scan[1]) {
			whole = append(whole, scan[2])
		}
	}
	return slices.DeleteFunc(whole, func(table string) bool { return !slices.Contains(large, table) })
}

func TestNoHotStatementOfPostgreSQLReadsATableWhole(t *testing.T) {
	server := testkit.Postgres(t)
	options := store.Options{URL: server.CreateDatabase(t).Owner, HashKey: hashKey}
	owner := open(t, options)
	if err := owner.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	run := func(text string) {
		t.Helper()
		if _, err := owner.Raw().ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range large {
		run(`ALTER TABLE ` + table + ` SET (autovacuum_enabled = false)`) // or the statistics would grow old by themselves
	}
	analyse := `ANALYZE ` + strings.Join(large, `, `)
	fill(t, owner, 1, small)
	run(analyse)
	fill(t, owner, small+1, grown)
	run(`UPDATE consent_head SET seq = 1000000`)
	var seen *diary
	used := map[string]bool{}
	look := func(options store.Options, age, with string) {
		t.Helper()
		conn, err := pgx.ConnectConfig(t.Context(), store.SessionConfig(t, options))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range seen.seen {
			if !strings.Contains(s.text, with) {
				continue
			}
			for kind, plan := range map[string]string{"own": planOf(t, conn, s), "generic": genericPlanOf(t, conn, s)} {
				for _, index := range indexUse.FindAllStringSubmatch(plan, -1) {
					used[index[1]] = true
				}
				if whole := readWhole(plan); len(whole) > 0 {
					t.Errorf("%s statistics, %s plan reads %v whole:\n%s\n%s", age, kind, whole, s.text, plan)
				}
			}
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for round, age := range []string{"young", "analysed"} {
		if age == "analysed" {
			run(analyse)
		}
		seen = &diary{seen: map[string]statement{}}
		drive(t, store.OpenTraced(t, options, seen), grown, round)
		if len(seen.seen) < 50 {
			t.Fatalf("only %d statements were seen", len(seen.seen))
		}
		look(options, age, "")
	}
	for _, index := range indexesOf(t, owner) {
		if !used[index] && index != "contacts_by_name" { // which only people ask for, in a search
			t.Errorf("no hot statement uses the index %s, which every row pays for", index)
		}
	}
	// A plan that was made on the first day is kept while the tables grow, for as long as its connection lives. What is asked for each contact
	// of a claim cannot bear even that.
	options = store.Options{URL: server.CreateDatabase(t).Owner, HashKey: hashKey}
	empty := open(t, options)
	if err := empty.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	look(options, "no", "LATERAL")
	if _, err := empty.Raw().ExecContext(t.Context(), analyse); err != nil {
		t.Fatal(err)
	}
	look(options, "an empty table's", "LATERAL")
}

// planOf is the plan of a statement for its own values.
func planOf(t *testing.T, conn *pgx.Conn, s statement) string {
	t.Helper()
	return explained(t, conn, `EXPLAIN `+s.text, s.args...)
}

// genericPlanOf is its plan for any values, which PostgreSQL keeps after a few runs if it looks no dearer.
func genericPlanOf(t *testing.T, conn *pgx.Conn, s statement) string {
	t.Helper()
	run := func(text string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	run(`SET plan_cache_mode = force_generic_plan`)
	run(`PREPARE hot AS ` + s.text)
	execute := `EXPLAIN EXECUTE hot`
	if n := len(s.args); n > 0 {
		execute += `(` + strings.Join(slices.Repeat([]string{"NULL"}, n), ", ") + `)`
	}
	plan := explained(t, conn, execute)
	run(`DEALLOCATE hot`)
	run(`RESET plan_cache_mode`)
	return plan
}

func explained(t *testing.T, conn *pgx.Conn, text string, args ...any) string {
	t.Helper()
	rows, err := conn.Query(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return strings.Join(lines, "\n")
}

var (
	aliases = regexp.MustCompile(`(?i)\b(?:FROM|JOIN|UPDATE|INTO)\s+\(?(\w+)(?:\s+(?:AS\s+)?(\w+))?`)
	scanned = regexp.MustCompile(`^SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?`)
)

// inOrder are indexes that may be read from one end on: the newest messages of a list, the newest event, and what waits.
var inOrder = []string{"messages_by_time", "dues_by_time", "feed_by_place", "webhook_deliveries_due"}

func TestNoHotStatementOfSQLiteReadsATableWhole(t *testing.T) {
	db := openSQLite(t)
	fill(t, db, 1, grown/4)
	if _, err := db.Raw().ExecContext(t.Context(), `UPDATE consent_head SET seq = 1000000`); err != nil {
		t.Fatal(err)
	}
	drive(t, db, grown/4, 0)
	for _, age := range []string{"no", "good"} {
		if age == "good" {
			if _, err := db.Raw().ExecContext(t.Context(), `ANALYZE`); err != nil {
				t.Fatal(err)
			}
		}
		planned := 0
		for _, text := range db.Statements() {
			if !isPlanned.MatchString(text) {
				continue
			}
			planned++
			tables := map[string]string{}
			for _, a := range aliases.FindAllStringSubmatch(text, -1) {
				tables[a[1]], tables[a[2]] = a[1], a[1]
			}
			plan := sqlitePlanOf(t, db, text)
			for _, line := range plan {
				s := scanned.FindStringSubmatch(line)
				if s == nil || s[2] == "" && slices.Contains(plan, "CO-ROUTINE "+s[1]) {
					continue // the second is an inner question that goes by the same name
				}
				if slices.Contains(large, tables[s[1]]) && !slices.Contains(inOrder, s[2]) {
					t.Errorf("with %s statistics %s is read whole:\n%s\n%s", age, tables[s[1]], text, strings.Join(plan, "\n"))
				}
			}
		}
		if planned < 50 {
			t.Fatalf("only %d statements were seen", planned)
		}
	}
}

func sqlitePlanOf(t *testing.T, db *store.DB, text string) []string {
	t.Helper()
	values := 0
	for i := 1; i <= 30; i++ {
		if regexp.MustCompile(fmt.Sprintf(`\?%d\b`, i)).MatchString(text) {
			values = i
		}
	}
	rows, err := db.Raw().QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+text, make([]any, values)...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var line string
		if err := rows.Scan(&id, &parent, &unused, &line); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}
