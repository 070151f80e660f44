package export

import (
	"encoding/json"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/vocab"
)

// The shapes of the document; docs/export.md says what each field means.

type contactView struct {
	ID                    vocab.ContactID `json:"id"`
	ExternalID            string          `json:"external_id,omitempty"`
	OtherExternalIDs      []string        `json:"other_external_ids,omitempty"`
	Name                  string          `json:"name,omitempty"`
	Language              vocab.Language  `json:"language,omitempty"`
	TimeZone              string          `json:"time_zone,omitempty"`
	Attributes            map[string]any  `json:"attributes"`
	Minor                 bool            `json:"minor"`
	GuardianConsented     bool            `json:"guardian_consented"`
	DataBlockedAt         *time.Time      `json:"data_blocked_at,omitempty"`
	ProcessingWithdrawnAt *time.Time      `json:"processing_withdrawn_at,omitempty"`
	UnsubscribedAllAt     *time.Time      `json:"unsubscribed_all_at,omitempty"`
	PausedUntil           *time.Time      `json:"paused_until,omitempty"`
	ErasedAt              *time.Time      `json:"erased_at,omitempty"`
	CreatedAt             time.Time       `json:"created_at"`
	UpdatedAt             time.Time       `json:"updated_at"`
}

func contactOf(p contacts.Profile) contactView {
	c := p.Contact
	attributes := c.Attributes
	if attributes == nil {
		attributes = map[string]any{}
	}
	return contactView{
		c.ID, c.ExternalID, nil, c.Name, c.Language, c.TimeZone, attributes, c.Minor, c.GuardianConsented, utc(c.DataBlockedAt), utc(c.ProcessingWithdrawnAt),
		utc(c.UnsubscribedAllAt), utc(c.PausedUntil), utc(c.ErasedAt), c.CreatedAt.UTC(), c.UpdatedAt.UTC(),
	}
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}

type addressView struct {
	ID           vocab.AddressID `json:"id"`
	Channel      vocab.Channel   `json:"channel"`
	Address      string          `json:"address"`
	Primary      bool            `json:"primary"`
	VerifiedAt   *time.Time      `json:"verified_at,omitempty"`
	ReassignedAt *time.Time      `json:"reassigned_at,omitempty"`
	CreatedAt    time.Time       `json:"created_at"`
}

func addressOf(a contacts.LinkedAddress) addressView {
	return addressView{a.ID, a.Channel, a.Value.Reveal(), a.Primary, utc(a.VerifiedAt), utc(a.ReassignedAt), a.CreatedAt.UTC()}
}

type suppressionView struct {
	ID        vocab.SuppressionID        `json:"id"`
	Channel   vocab.Channel              `json:"channel"`
	Address   string                     `json:"address,omitempty"`
	Reason    contacts.SuppressionReason `json:"reason"`
	Origin    string                     `json:"origin"`
	Note      string                     `json:"note,omitempty"`
	CreatedAt time.Time                  `json:"created_at"`
	LiftedAt  time.Time                  `json:"lifted_at,omitzero"`
	LiftedBy  string                     `json:"lifted_by,omitempty"`
}

func suppressionOf(s contacts.Suppression) suppressionView {
	return suppressionView{s.ID, s.Channel, s.Address.Reveal(), s.Reason, s.Origin, s.Note, s.CreatedAt.UTC(), s.LiftedAt.UTC(), s.LiftedBy}
}

type grantView struct {
	Purpose     vocab.Purpose        `json:"purpose"`
	Channel     vocab.Channel        `json:"channel,omitempty"`
	Topic       vocab.Topic          `json:"topic,omitempty"`
	State       consent.State        `json:"state"`
	Since       time.Time            `json:"since,omitzero"`
	ValidUntil  time.Time            `json:"valid_until,omitzero"`
	Objected    bool                 `json:"objected"`
	CrossBorder bool                 `json:"cross_border"`
	TextVersion int                  `json:"text_version,omitempty"`
	EventID     vocab.ConsentEventID `json:"event_id,omitempty"`
}

func grantOf(g consent.HeldGrant) grantView {
	return grantView{
		g.Key.Purpose, g.Key.Channel, g.Key.Topic, g.Grant.State, g.Grant.Since.UTC(), g.Grant.ValidUntil.UTC(), g.Grant.Objected, g.CrossBorder,
		g.Grant.Text, g.Grant.Event,
	}
}

type consentView struct {
	Seq           int64                `json:"seq"`
	ID            vocab.ConsentEventID `json:"id"`
	Kind          consent.EventKind    `json:"kind"`
	Scope         consent.Scope        `json:"scope"`
	Purpose       vocab.Purpose        `json:"purpose,omitempty"`
	Channel       vocab.Channel        `json:"channel,omitempty"`
	Topic         vocab.Topic          `json:"topic,omitempty"`
	AddressID     vocab.AddressID      `json:"address_id,omitempty"`
	Source        consent.Source       `json:"source"`
	ActorKind     consent.ActorKind    `json:"actor_kind"`
	ActorID       string               `json:"actor_id,omitempty"`
	Language      vocab.Language       `json:"language,omitempty"`
	TextVersion   int                  `json:"text_version,omitempty"`
	TextHash      string               `json:"text_hash,omitempty"`
	PolicyVersion string               `json:"policy_version,omitempty"`
	Proof         consent.ProofKind    `json:"proof,omitempty"`
	ProofRef      string               `json:"proof_ref,omitempty"`
	At            time.Time            `json:"at"`
	RecordedAt    time.Time            `json:"recorded_at,omitzero"`
	ValidUntil    time.Time            `json:"valid_until,omitzero"`
	Evidence      string               `json:"evidence,omitempty"`
	Commitment    string               `json:"commitment,omitempty"`
	PrevHash      string               `json:"prev_hash"`
	Hash          string               `json:"hash"`
}

func consentOf(r ConsentRecord) consentView {
	e := r.Event
	return consentView{
		e.Seq, e.ID, e.Kind, e.Scope, e.Purpose, e.Channel, e.Topic, e.AddressID, e.Source, e.ActorKind, e.ActorID, e.Language, e.TextVersion, e.TextHash,
		e.PolicyVersion, e.Proof, e.ProofRef, e.At.UTC(), e.RecordedAt.UTC(), e.ValidUntil.UTC(), r.Evidence, e.Commitment, e.PrevHash, e.Hash,
	}
}

type erasureView struct {
	Certificate json.RawMessage `json:"certificate"`
	JWS         string          `json:"jws"`
}
