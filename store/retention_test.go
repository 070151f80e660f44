package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// perMessage are the tables with rows of messages, and their column with the message's id.
var perMessage = map[string]string{
	"messages": "id", "message_payloads": "message_id", "message_events": "message_id", "message_attempts": "message_id",
	"attachments": "message_id", "message_once": "message_id", "sms_refs": "message_id", "address_bounces": "message_id",
}

func exec(t *testing.T, db *store.DB, text string, args ...any) {
	t.Helper()
	if _, err := db.Raw().ExecContext(t.Context(), text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func one[T any](t *testing.T, db *store.DB, text string, args ...any) T {
	t.Helper()
	var v T
	if err := db.Raw().QueryRowContext(t.Context(), text, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// withHistory makes one sent message with everything that may hang on it, as if it had come in and been settled then.
func withHistory(t *testing.T, db *store.DB, id vocab.MessageID, contact, address string, then time.Time) {
	t.Helper()
	exec(t, db, `INSERT INTO messages (id, contact_id, address_id, channel, class, lane, purpose, topic, language, template, sender, provider, mode,
			api_key, trigger_id, has_unsubscribe, locale_approved, created_at, status, attempt, failures, claimed_at, settled_at, finalized_at, verdict,
			reason, reasons, basis, consent_event, policy_version, decided_at, content_hash, provider_ref, last_cause, possible_dup)
		VALUES (CAST($1 AS text), $2, $3, 'sms', 'legal', 'bulk', 'legal.policy_change', '', 'kk', 'tpv_x', 'main', 'relay', 'live', 'key_x', CAST($1 AS text), true, true,
			$4, 'sent', 2, 0, $4, $4, $4, 'allow', 'ok', '[]', 'consent', '', '2026-01', $4, '', 'ref', '', false)`,
		string(id), contact, address, then.UnixMicro())
	for _, text := range []string{
		`INSERT INTO message_payloads (message_id, data, sealed, metadata) VALUES ($1, '{}', false, '')`,
		`INSERT INTO message_events (message_id, id, type, at, attempt, reason, actor) VALUES ($1, 'evt_1', 'sent', 1, 1, '', '')`,
		`INSERT INTO message_attempts (message_id, attempt, opened_at, closed_at, provider, outcome, cause, code, enhanced, detail, provider_ref)
			VALUES ($1, 1, 1, 1, 'relay', 'accepted', '', 250, '', '', 'earlier')`,
		`INSERT INTO attachments (id, message_id, name, content_type, content) VALUES ('att_' || $1, $1, 'n', 'text/plain', 'x')`,
		`INSERT INTO message_once (contact_id, purpose, channel, trigger_id, message_id) SELECT contact_id, purpose, channel, trigger_id, id FROM messages WHERE id = $1`,
		`INSERT INTO sms_refs (provider, ref, message_id, sent_at) VALUES ('relay', 'ref', $1, 1)`,
		`INSERT INTO sms_refs (provider, ref, message_id, sent_at) VALUES ('relay', 'earlier', $1, 1)`,
		`INSERT INTO address_bounces (message_id, attempt, address_id, cause, points, at) VALUES ($1, 1, 'adr_x', 'timeout', 1, 1)`,
	} {
		exec(t, db, text, string(id))
	}
}

// idOf is an id of a message that came in then.
func idOf(then time.Time, n byte) vocab.MessageID {
	var raw [16]byte
	ms := then.UnixMilli()
	for i := range 6 {
		raw[i] = byte(ms >> (40 - 8*i))
	}
	raw[6], raw[8], raw[15] = 0x70, 0x80, n
	return vocab.MessageID(vocab.FormatID(vocab.MessagePrefix, raw))
}

// ids lists the ids in a column, sorted, each once.
func ids(t *testing.T, db *store.DB, table, column string) []string {
	t.Helper()
	list := strings.Fields(one[string](t, db, `SELECT COALESCE(string_agg(`+column+`, ' '), '') FROM `+table))
	slices.Sort(list)
	return slices.Compact(list)
}

// forgetAll applies a rule to its end, a message at a time.
func forgetAll(t *testing.T, db *store.DB, kind dispatcher.RetentionKind, class vocab.Class, before time.Time) dispatcher.ForgetCounts {
	t.Helper()
	var all dispatcher.ForgetCounts
	ledger := store.NewLedger(db)
	for _, stays := range []bool{true, false} {
		step := dispatcher.ForgetStep{Kind: kind, Class: class, Before: before, Size: 1, Stays: stays}
		for n := 0; ; n++ {
			f, err := ledger.Forget(t.Context(), step)
			if err != nil || n > 30 {
				t.Fatalf("portion %d: %v", n, err)
			}
			all.Messages += f.Counts.Messages
			all.Payloads += f.Counts.Payloads
			all.Attachments += f.Counts.Attachments
			all.Details += f.Counts.Details
			all.Addresses += f.Counts.Addresses
			all.Stayed += f.Counts.Stayed
			if step.After = f.Last; !f.More {
				break
			}
		}
	}
	return all
}

// past is a ledger with a history: each message is of the class legal and to one contact unless it is said otherwise.
type past struct {
	db                                                      *store.DB
	now                                                     time.Time
	contact                                                 vocab.ContactID
	old, second, waits, lately, young, blocked, ad, strange vocab.MessageID
}

func newPast(t *testing.T, db *store.DB) past {
	t.Helper()
	withEvent(t, db)
	p := past{db: db, now: time.Now().UTC()}
	month := time.Date(p.now.Year(), p.now.Month(), 15, 12, 0, 0, 0, time.UTC)
	ago := func(n int) time.Time { return month.AddDate(0, -n, 0) }
	for _, id := range []*vocab.ContactID{&p.contact, new(vocab.ContactID)} {
		made, err := store.NewContacts(db).Create(t.Context(), contacts.Contact{CreatedAt: p.now}, nil)
		if err != nil {
			t.Fatal(err)
		}
		*id = made.ID
	}
	frozen, err := store.NewContacts(db).Create(t.Context(), contacts.Contact{CreatedAt: p.now, DataBlockedAt: &p.now}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"adr_had", "adr_has"} { // the first is of nobody any more
		exec(t, db, `INSERT INTO addresses (id, channel, value, lookup, hash, created_at) VALUES ($1, 'email', CAST($2 AS text), CAST($2 AS text), CAST($2 AS text), 1)`, a, a)
	}
	exec(t, db, `INSERT INTO contact_addresses (contact_id, address_id, is_primary, created_at) VALUES ($1, 'adr_has', true, 1)`, string(p.contact))
	p.old, p.second, p.waits, p.lately, p.young = idOf(ago(14), 1), idOf(ago(14), 6), idOf(ago(13), 2), idOf(ago(11), 4), idOf(ago(4), 5)
	p.blocked, p.ad, p.strange = idOf(ago(14), 7), idOf(ago(14), 8), "msg_strange"
	for id, then := range map[vocab.MessageID]time.Time{
		p.old: ago(14), p.second: ago(14), p.waits: ago(13), p.lately: ago(1), p.young: ago(4), p.strange: ago(14), p.ad: ago(14),
	} {
		to := "adr_has"
		if id == p.old {
			to = "adr_had"
		}
		withHistory(t, db, id, string(p.contact), to, then)
	}
	withHistory(t, db, p.blocked, string(frozen.ID), "adr_has", ago(14))
	exec(t, db, `UPDATE messages SET class = 'marketing' WHERE id = $1`, string(p.ad))
	exec(t, db, `UPDATE messages SET detail = '550 <aigul@example.org>'`)
	exec(t, db, `UPDATE message_attempts SET detail = '450 <aigul@example.org>'`)
	exec(t, db, `INSERT INTO dues (message_id, channel, lane, class, provider, due_at, ring_until) VALUES ($1, 'email', 'bulk', 'legal', 'relay', 1, 0)`, string(p.waits))
	return p
}

func sorted(list ...vocab.MessageID) []string {
	out := make([]string, len(list))
	for i, id := range list {
		out[i] = string(id)
	}
	slices.Sort(out)
	return out
}

// proofStays checks what no rule may take.
func (p past) proofStays(t *testing.T) {
	t.Helper()
	for what, n := range map[string]int{
		"consent events": one[int](t, p.db, `SELECT COUNT(*) FROM consent_events`),
		"grants":         one[int](t, p.db, `SELECT COUNT(*) FROM consents`),
	} {
		if n != 1 {
			t.Errorf("%d %s, want the one there was", n, what)
		}
	}
	if v := one[string](t, p.db, `SELECT value FROM addresses WHERE id = 'adr_has'`); v != "adr_has" {
		t.Errorf("the address of a contact is %q", v)
	}
}

func TestRetentionForgetsOldMessagesOfTheClassAndNothingElse(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			p := newPast(t, e.open(t))
			before := p.now.AddDate(0, -6, 0)
			got := forgetAll(t, p.db, dispatcher.RetainMessages, vocab.Legal, before)
			want := dispatcher.ForgetCounts{Messages: 2, Payloads: 2, Attachments: 2, Addresses: 1, Stayed: 3}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			left := sorted(p.waits, p.lately, p.young, p.strange, p.blocked, p.ad)
			for table, key := range perMessage {
				if diff := cmp.Diff(left, ids(t, p.db, table, key)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", table, diff)
				}
			}
			p.proofStays(t)
			if v := one[string](t, p.db, `SELECT value FROM addresses WHERE id = 'adr_had'`); v != "" {
				t.Errorf("%q is nobody's, and nothing that was sent to it is kept: it must be forgotten", v)
			}
			if diff := cmp.Diff(sorted(p.waits, p.lately, p.blocked), ids(t, p.db, "retention_stays", "message_id")); diff != "" {
				t.Errorf("what had to stay (-want +got):\n%s", diff)
			}

			// The next run finds nothing new; then what kept them is over.
			if again := forgetAll(t, p.db, dispatcher.RetainMessages, vocab.Legal, before); again != (dispatcher.ForgetCounts{}) {
				t.Errorf("the second run counts %+v", again)
			}
			exec(t, p.db, `DELETE FROM dues`)
			exec(t, p.db, `UPDATE contacts SET data_blocked_at = NULL`)
			forgetAll(t, p.db, dispatcher.RetainMessages, vocab.Legal, before)
			if diff := cmp.Diff(sorted(p.lately, p.young, p.strange, p.ad), ids(t, p.db, "messages", "id")); diff != "" {
				t.Errorf("messages once they may go (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(sorted(p.lately), ids(t, p.db, "retention_stays", "message_id")); diff != "" {
				t.Errorf("what still has to stay (-want +got):\n%s", diff)
			}
			forgetAll(t, p.db, dispatcher.RetainMessages, vocab.Marketing, before)
			if diff := cmp.Diff(sorted(p.lately, p.young, p.strange), ids(t, p.db, "messages", "id")); diff != "" {
				t.Errorf("messages once marketing went (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRetentionOfContentLeavesTheEvidence(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			p := newPast(t, e.open(t))
			got := forgetAll(t, p.db, dispatcher.RetainContent, vocab.Legal, p.now.AddDate(0, -6, 0))
			if diff := cmp.Diff(dispatcher.ForgetCounts{Payloads: 2, Attachments: 2, Details: 4, Stayed: 3}, got); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			all, left := sorted(p.old, p.second, p.waits, p.lately, p.young, p.strange, p.blocked, p.ad), sorted(p.waits, p.lately, p.young, p.strange, p.blocked, p.ad)
			for table, key := range perMessage {
				want := all
				if table == "message_payloads" || table == "attachments" {
					want = left
				}
				if diff := cmp.Diff(want, ids(t, p.db, table, key)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", table, diff)
				}
			}
			for table, key := range map[string]string{"messages": "id", "message_attempts": "message_id"} {
				if diff := cmp.Diff(left, ids(t, p.db, table+` WHERE detail <> ''`, key)); diff != "" {
					t.Errorf("the provider's words in %s (-want +got):\n%s", table, diff)
				}
			}
			p.proofStays(t)
			// A message that goes whole leaves no note of its content behind.
			forgetAll(t, p.db, dispatcher.RetainMessages, vocab.Legal, p.now.AddDate(0, 0, -1))
			for _, id := range ids(t, p.db, `retention_stays s`, `message_id`) {
				if one[int](t, p.db, `SELECT COUNT(*) FROM messages WHERE id = $1`, id) == 0 {
					t.Errorf("%s is gone and still stands among what had to stay", id)
				}
			}
		})
	}
}

func TestRetentionLooksAtAMessageOnce(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			p := newPast(t, e.open(t))
			before := p.now.AddDate(0, -6, 0)
			forgetAll(t, p.db, dispatcher.RetainMessages, vocab.Marketing, before)
			f, err := store.NewLedger(p.db).Forget(t.Context(), dispatcher.ForgetStep{
				Kind: dispatcher.RetainMessages, Class: vocab.Marketing, Before: before, Size: 500,
			})
			if diff := cmp.Diff(dispatcher.Forgotten{}, f); diff != "" || err != nil {
				t.Errorf("%v; what is kept for longer is looked at again (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestRunsOfRetentionAreReported(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			ledger := store.NewLedger(e.open(t))
			first := dispatcher.RetentionRun{ID: vocab.NewID(dispatcher.RetentionRunPrefix), StartedAt: noon}
			second := dispatcher.RetentionRun{ID: vocab.NewID(dispatcher.RetentionRunPrefix), StartedAt: noon.Add(time.Hour), Counts: []dispatcher.RuleCount{
				{Kind: dispatcher.RetainContent, Class: vocab.Legal, Before: noon.AddDate(-3, 0, 0), ForgetCounts: dispatcher.ForgetCounts{Payloads: 7}},
			}}
			for _, run := range []dispatcher.RetentionRun{first, second} {
				if err := ledger.KeepRun(t.Context(), run); err != nil {
					t.Fatal(err)
				}
			}
			first.EndedAt, first.Failed, first.Counts = noon.Add(time.Minute), true, []dispatcher.RuleCount{}
			if err := ledger.KeepRun(t.Context(), first); err != nil {
				t.Fatal(err)
			}
			got, err := ledger.Runs(t.Context(), "", 10)
			if diff := cmp.Diff([]dispatcher.RetentionRun{second, first}, got); diff != "" || err != nil {
				t.Errorf("%v, runs (-want +got):\n%s", err, diff)
			}
			behind, err := ledger.Runs(t.Context(), second.ID, 10)
			if diff := cmp.Diff([]dispatcher.RetentionRun{first}, behind); diff != "" || err != nil {
				t.Errorf("%v, the page behind (-want +got):\n%s", err, diff)
			}
		})
	}
}
