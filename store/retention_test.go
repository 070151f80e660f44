package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/contacts"
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
		VALUES ($1, $2, $3, 'email', 'legal', 'bulk', 'legal.policy_change', '', 'kk', 'tpv_x', 'main', 'relay', 'live', 'key_x', '2026-01', true, true,
			$4, 'sent', 2, 0, $4, $4, $4, 'allow', 'ok', '[]', 'consent', '', '2026-01', $4, '', 'ref', '', false)`,
		string(id), contact, address, then.UnixMicro())
	for _, text := range []string{
		`INSERT INTO message_payloads (message_id, data, sealed, metadata) VALUES ($1, '{}', false, '')`,
		`INSERT INTO message_events (message_id, id, type, at, attempt, reason, actor) VALUES ($1, 'evt_1', 'sent', 1, 1, '', '')`,
		`INSERT INTO message_attempts (message_id, attempt, opened_at, closed_at, provider, outcome, cause, code, enhanced, detail, provider_ref)
			VALUES ($1, 1, 1, 1, 'relay', 'accepted', '', 250, '', '', '')`,
		`INSERT INTO attachments (id, message_id, name, content_type, content) VALUES ('att_' || $1, $1, 'n', 'text/plain', 'x')`,
		`INSERT INTO message_once (contact_id, purpose, channel, trigger_id, message_id) VALUES ('con_' || $1, 'legal.policy_change', 'email', '2026-01', $1)`,
		`INSERT INTO sms_refs (provider, ref, message_id, sent_at) VALUES ('relay', 'ref', $1, 1)`,
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

func TestRetentionForgetsOldMessagesAndNothingElse(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			db := e.open(t)
			withEvent(t, db)
			now := time.Now().UTC()
			month := time.Date(now.Year(), now.Month(), 15, 12, 0, 0, 0, time.UTC)
			ago := func(n int) time.Time { return month.AddDate(0, -n, 0) }
			p, err := store.NewContacts(db).Create(t.Context(), contacts.Contact{CreatedAt: now}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range []string{"adr_had", "adr_has"} { // the first is of nobody any more
				exec(t, db, `INSERT INTO addresses (id, channel, value, lookup, hash, created_at) VALUES ($1, 'email', CAST($2 AS text), CAST($2 AS text), CAST($2 AS text), 1)`, a, a)
			}
			exec(t, db, `INSERT INTO contact_addresses (contact_id, address_id, is_primary, created_at) VALUES ($1, 'adr_has', true, 1)`, string(p.ID))
			old, waits, lately, young := idOf(ago(14), 1), idOf(ago(13), 2), idOf(ago(11), 4), idOf(ago(4), 5)
			strange := vocab.MessageID("msg_strange")
			for id, then := range map[vocab.MessageID]time.Time{old: ago(14), waits: ago(13), lately: ago(1), young: ago(4), strange: ago(14)} {
				to := "adr_has"
				if id == old {
					to = "adr_had"
				}
				withHistory(t, db, id, string(p.ID), to, then)
			}
			second := idOf(ago(14), 6)
			withHistory(t, db, second, string(p.ID), "adr_has", ago(14))
			exec(t, db, `INSERT INTO dues (message_id, channel, lane, class, provider, due_at, ring_until) VALUES ($1, 'email', 'bulk', 'legal', 'relay', 1, 0)`, string(waits))

			ledger := store.NewLedger(db)
			for n := 0; ; n++ {
				more, err := ledger.ForgetMessages(t.Context(), now.AddDate(0, -6, 0), 1)
				if err != nil || n > 20 {
					t.Fatalf("call %d: %v", n, err)
				}
				if !more {
					break
				}
			}
			want := []string{string(waits), string(lately), string(young), string(strange)}
			slices.Sort(want)
			for table, key := range perMessage {
				got := strings.Split(one[string](t, db, `SELECT string_agg(`+key+`, ' ') FROM `+table), " ")
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", table, diff)
				}
			}
			if n := one[int](t, db, `SELECT COUNT(*) FROM consent_events`); n != 1 {
				t.Errorf("%d consent events, want the one there was", n)
			}
			if v := one[string](t, db, `SELECT value FROM addresses WHERE id = 'adr_had'`); v != "" {
				t.Errorf("%q is nobody's, and nothing that was sent to it is kept: it must be forgotten", v)
			}
			if v := one[string](t, db, `SELECT value FROM addresses WHERE id = 'adr_has'`); v != "adr_has" {
				t.Errorf("the address of a contact is %q", v)
			}
		})
	}
}
