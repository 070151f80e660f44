package store

import (
	"encoding/json"
	"fmt"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
)

// messageColumns are the columns of a message in the order of messageDest and messageRow. "m" is the table's alias.
const messageColumns = `m.id, m.contact_id, m.address_id, m.channel, m.class, m.lane, m.purpose, m.topic, m.language, m.template,
	m.sender, m.provider, m.mode, m.api_key, m.reference, m.trigger_id, m.trigger_at, m.has_unsubscribe, m.locale_approved,
	m.created_at, m.not_after, m.status, m.attempt, m.failures, m.due_at, m.lease_until, m.first_attempt_at, m.claimed_at,
	m.settled_at, m.sent_at, m.finalized_at, m.verdict, m.reason, m.reasons, m.basis, m.consent_event, m.policy_version,
	m.decided_at, m.content_hash, m.provider_ref, m.last_cause, m.possible_dup`

// reasonsJSON reads the list of reasons of a decision.
type reasonsJSON struct{ list *[]consent.Reason }

// Scan implements sql.Scanner.
func (r reasonsJSON) Scan(v any) error {
	var text string
	if err := textOf(&text).Scan(v); err != nil {
		return err
	}
	*r.list = nil
	if text == "" || text == "[]" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), r.list); err != nil {
		return fmt.Errorf("reasons of a decision: %w", err)
	}
	return nil
}

func reasonsText(list []consent.Reason) string {
	if len(list) == 0 {
		return "[]"
	}
	b, err := json.Marshal(list)
	if err != nil { // a list of strings always encodes
		return "[]"
	}
	return string(b)
}

// messageDest returns where the columns of messageColumns go.
func messageDest(m *dispatcher.Message) []any {
	d := &m.Decision
	return []any{
		&m.ID, &m.ContactID, textOf(&m.AddressID), &m.Channel, &m.Class, &m.Lane, &m.Purpose, &m.Topic, &m.Language, &m.Template,
		&m.Sender, &m.Provider, &m.Mode, &m.APIKey, textOf(&m.Reference), &m.TriggerID, at(&m.TriggerAt), &m.HasUnsubscribe,
		&m.LocaleApproved, at(&m.CreatedAt), at(&m.NotAfter), &m.Status, &m.Attempt, &m.Failures, at(&m.DueAt), at(&m.LeaseUntil),
		at(&m.FirstAttemptAt), at(&m.ClaimedAt), at(&m.SettledAt), at(&m.SentAt), at(&m.FinalizedAt), &d.Verdict, &d.Reason,
		reasonsJSON{&d.All},
		&d.Basis.Kind, &d.Basis.Event, &m.PolicyVersion, at(&d.At), &m.ContentHash, &m.ProviderRef, &m.LastCause,
		&m.PossibleDup,
	}
}
