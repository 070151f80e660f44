package store_test

import (
	"strings"
	"testing"

	"github.com/orleu/elshi/store"
)

// fill makes the messages from..to, two a second from noon on, and their contacts, two messages each; from is odd. Of a hundred one is an
// SMS, and ten are marketing for the reference "campaign". Of a thousand one each is queued or bounced, of ten thousand one each is held,
// being sent, or of the first hundred unknown; the others are sent. Ids end in 100000000 plus the number.
func fill(t *testing.T, db *store.DB, from, to int) {
	t.Helper()
	const people, every = "people", "messages"
	for _, x := range []struct{ of, text string }{
		{people, `INSERT INTO contacts (id, name, name_lookup, language, time_zone, attributes, minor, guardian_consented, created_at, updated_at)
			SELECT 'con_' || (100000000 + i), 'Айгүл', 'айгүл', 'kk', '', '{}', false, false, 1, 1 FROM n`},
		{people, `INSERT INTO addresses (id, channel, value, lookup, hash, created_at)
			SELECT 'adr_' || (100000000 + i), 'email', 'a' || i || '@example.org', 'a' || i || '@example.org', 'hash' || i, 1 FROM n`},
		{people, `INSERT INTO contact_addresses (contact_id, address_id, is_primary, verified_at, created_at)
			SELECT 'con_' || (100000000 + i), 'adr_' || (100000000 + i), true, 1, 1 FROM n`},
		{people, `INSERT INTO consents (contact_id, purpose, channel, topic, state, since, valid_until, objected, cross_border, event_id)
			SELECT 'con_' || (100000000 + i), 'news.company', 'email', '', 'granted', 1, 4000000000000000 + i * 1000000, false, false, 'cev_' || (100000000 + i) FROM n`},
		{people, `INSERT INTO consent_events (seq, id, kind, contact_id, address_id, scope, purpose, channel, topic, source, actor_kind, actor_id,
				language, text_hash, policy_version, at, commitment, prev_hash, hash)
			SELECT i, 'cev_' || (100000000 + i), 'granted', 'con_' || (100000000 + i), '', 'purpose', 'news.company', 'email', '', 'api', 'contact', '',
				'kk', '', '', 1, '', '', '' FROM n`},
		{people, `INSERT INTO confirmations (id, kind, contact_id, address_id, channel, language, form_id, asked, code_hash, message_id, created_at, expires_at, tries, used_at)
			SELECT 'cnf_' || (100000000 + i), 'opt_in', 'con_' || (100000000 + i), 'adr_' || (100000000 + i), 'email', 'kk', '', '[]', '', '', 1, 2, 0, 1 FROM n`},
		{people, `INSERT INTO suppressions (id, channel, address_hash, address_id, reason, origin, note, created_at, lifted_by)
			SELECT 'sup_' || (100000000 + i), 'email', 'hash of ' || i, NULL, 'hard_bounce', 'bounce', '', 1, '' FROM n`},
		{people, `INSERT INTO idempotency_keys (api_key, route, token, body_hash, answer, created_at)
			SELECT 'key_x', 'messages', 'token ' || i, '', '[]', i FROM n`},
		{people, `INSERT INTO message_once (contact_id, purpose, channel, trigger_id, message_id)
			SELECT 'con_' || (100000000 + i), 'legal.policy_change', 'email', '2026-01', 'msg_' || (100000000 + 2 * i) FROM n`},
		{people, `INSERT INTO webhooks (id, url, events, description, enabled, disabled_reason, secret, old_secret, tx, seq, created_at, updated_at)
			SELECT 'whk_1', 'https://example.org', '[]', '', false, 'order', '', '', 0, 1, 1, 1 FROM n WHERE i = 1`},
		{every, `INSERT INTO webhook_deliveries (webhook_id, id, event_id, event_type, event_at, tx, seq, state, attempt, in_line, duration, status_code,
				error, created_at)
			SELECT 'whk_1', 'whd_' || (100000000 + i), 'evt_' || i, 'message.bounced', 1, 0, i, 'delivered', 1, false, 1, 200, '', 1 FROM n`},
		{every, `INSERT INTO feed (tx, id, type, at, subject, attempt, reason, data)
			SELECT 0, '', 'message.sent', 1, 'msg_' || (100000000 + i), 1, '', '' FROM n`},
		{people, `INSERT INTO audit_events (id, at, actor_kind, actor_id, operation, resource_kind, resource_id, fields, reason, request_id)
			SELECT 'aud_' || (100000000 + i), 1, 'member', 'mem_' || i % 100, 'op-' || i % 1000, 'contact', '', '[]', '', '' FROM n`},
		{people, `INSERT INTO audit_outcomes (event_id, at, status, resource_id) SELECT 'aud_' || (100000000 + i), 1, 200, '' FROM n`},
		{people, `INSERT INTO audit_subjects (subject_id, event_id) SELECT 'con_' || (100000000 + i), 'aud_' || (100000000 + i) FROM n`},
		{people, `INSERT INTO disclosures (id, state, body, bin, ground, reference, requested_on, contacts, parts, recipient, drafted_by, drafted_at, first_by,
				second_by, refused_by, refusal, exported_by, plain_hash, sealed_hash)
			SELECT 'dis_' || (100000000 + i), 'draft', '', '', '', '', '', '[]', '[]', '', '', 1, '', '', '', '', '', '', '' FROM n`},
		{people, `INSERT INTO disclosure_contacts (contact_id, disclosure_id) SELECT 'con_' || (100000000 + i), 'dis_' || (100000000 + i) FROM n`},
		{every, `INSERT INTO messages (id, contact_id, address_id, channel, class, lane, purpose, topic, language, template, sender, provider, mode,
				api_key, reference, trigger_id, has_unsubscribe, locale_approved, created_at, not_after, status, attempt, failures, due_at,
				lease_until, first_attempt_at, claimed_at, settled_at, sent_at, finalized_at, verdict, reason, reasons, basis,
				consent_event, policy_version, decided_at, content_hash, provider_ref, last_cause, possible_dup)
			SELECT 'msg_' || (100000000 + i), 'con_' || (100000000 + (i + 1) / 2), 'adr_' || (100000000 + (i + 1) / 2),
				CASE WHEN i % 100 = 50 THEN 'sms' ELSE 'email' END, CASE WHEN i % 10 = 0 THEN 'marketing' ELSE 'transactional' END,
				CASE WHEN i % 10 = 0 THEN 'bulk' ELSE 'transactional' END, CASE WHEN i % 10 = 0 THEN 'news.company' ELSE 'request.reply' END, '', 'kk',
				'tpv_x', 'main', 'relay', 'live', 'key_x', CASE WHEN i % 10 = 0 THEN 'campaign' WHEN i % 10 = 1 THEN 'order ' || i END, '', true, true,
				at, at + 604800000000,
				CASE WHEN i % 1000 = 0 THEN 'queued' WHEN i % 10000 = 2 THEN 'held' WHEN i % 10000 = 3 THEN 'sending' WHEN i % 1000 = 4 THEN 'bounced'
					WHEN i < 100 AND i % 10 = 7 THEN 'unknown' ELSE 'sent' END,
				1, 0, CASE WHEN i % 1000 = 0 OR i % 10000 IN (2, 3) THEN at END, CASE WHEN i % 10000 = 3 THEN at END, at, at, at, at, at,
				'allow', 'ok', '[]', 'consent', '', '2026-01', at, '', 'ref-' || i, '', false
			FROM (SELECT i, CAST($3 AS BIGINT) + i * 500000 AS at FROM n) made`},
		{every, `INSERT INTO dues (message_id, channel, lane, class, provider, due_at, ring_until)
			SELECT 'msg_' || (100000000 + i), 'email', CASE WHEN i % 10 = 0 THEN 'bulk' ELSE 'transactional' END,
				CASE WHEN i % 10 = 0 THEN 'marketing' ELSE 'transactional' END, 'relay', CAST($3 AS BIGINT) + i * 500000, 0
			FROM n WHERE i % 8 = 0 OR i % 10000 IN (2, 3)`},
		{every, `INSERT INTO sms_refs (provider, ref, message_id, sent_at)
			SELECT 'relay', 'ref-' || i, 'msg_' || (100000000 + i), CAST($3 AS BIGINT) + i * 500000 FROM n WHERE i % 100 = 50`},
		{every, `INSERT INTO message_attempts (message_id, attempt, opened_at, closed_at, provider, outcome, cause, code, enhanced, detail, provider_ref)
			SELECT 'msg_' || (100000000 + i), 1, 1, 1, 'relay', 'accepted', '', 250, '2.0.0', 'ok', 'ref-' || i FROM n`},
		{every, `INSERT INTO message_payloads (message_id, data, sealed, metadata) SELECT 'msg_' || (100000000 + i), '{}', false, '' FROM n`},
		{every, `INSERT INTO message_events (message_id, id, type, at, attempt, reason, actor)
			SELECT 'msg_' || (100000000 + i), 'evt_' || (100000000 + i), 'sent', 1, 1, '', '' FROM n`},
	} {
		args := []any{from, to}
		if x.of == people {
			args = []any{(from + 1) / 2, to / 2}
		}
		if strings.Contains(x.text, "$3") {
			args = append(args, noon.UnixMicro())
		}
		if _, err := db.Raw().ExecContext(t.Context(), `WITH RECURSIVE n(i) AS
			(SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < CAST($2 AS BIGINT)) `+x.text, args...); err != nil {
			t.Fatalf("%v\n%s", err, x.text)
		}
	}
}
