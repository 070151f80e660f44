package export

import (
	"context"
	"encoding/json"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

type messageView struct {
	ID              vocab.MessageID         `json:"id"`
	Status          dispatcher.Status       `json:"status"`
	Channel         vocab.Channel           `json:"channel"`
	Class           vocab.Class             `json:"class"`
	Purpose         vocab.Purpose           `json:"purpose"`
	Topic           vocab.Topic             `json:"topic,omitempty"`
	Language        vocab.Language          `json:"language"`
	Address         string                  `json:"address,omitempty"`
	AddressID       vocab.AddressID         `json:"address_id,omitempty"`
	TemplateVersion vocab.TemplateVersionID `json:"template_version_id"`
	Sender          vocab.SenderID          `json:"sender"`
	Provider        vocab.ProviderID        `json:"provider"`
	Mode            dispatcher.Mode         `json:"mode"`
	APIKeyID        vocab.APIKeyID          `json:"api_key_id,omitempty"`
	Reference       string                  `json:"reference,omitempty"`
	TriggerID       string                  `json:"trigger_id,omitempty"`
	TriggerAt       time.Time               `json:"trigger_at,omitzero"`
	CreatedAt       time.Time               `json:"created_at"`
	DueAt           time.Time               `json:"due_at,omitzero"`
	ExpiresAt       time.Time               `json:"expires_at,omitzero"`
	SentAt          time.Time               `json:"sent_at,omitzero"`
	FinalizedAt     time.Time               `json:"finalized_at,omitzero"`
	PossibleDup     bool                    `json:"possible_duplicate"`
	Decision        decisionView            `json:"decision"`
	Events          []eventView             `json:"events"`
	Attempts        []attemptView           `json:"attempts"`
	Bounces         []bounceView            `json:"bounces"`
	Content         *contentView            `json:"content"` // null: it is not kept any more
	Data            any                     `json:"data"`    // null likewise
	Metadata        any                     `json:"metadata"`
	Attachments     []fileView              `json:"attachments"`
}

type decisionView struct {
	Verdict       consent.Verdict      `json:"verdict"`
	Reason        consent.Reason       `json:"reason"`
	Sentence      string               `json:"sentence"` // the reason in the contact's language
	Reasons       []consent.Reason     `json:"reasons"`
	Basis         consent.BasisKind    `json:"basis,omitempty"`
	ConsentEvent  vocab.ConsentEventID `json:"consent_event_id,omitempty"`
	PolicyVersion string               `json:"policy_version,omitempty"`
	DecidedAt     time.Time            `json:"decided_at"`
}

type eventView struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"`
	At      time.Time `json:"at"`
	Attempt int       `json:"attempt,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Actor   string    `json:"actor,omitempty"`
}

type attemptView struct {
	Number      int              `json:"number"`
	OpenedAt    time.Time        `json:"opened_at"`
	ClosedAt    time.Time        `json:"closed_at,omitzero"`
	Provider    vocab.ProviderID `json:"provider"`
	Outcome     channels.Outcome `json:"outcome,omitempty"`
	Cause       channels.Cause   `json:"cause,omitempty"`
	Code        int              `json:"code,omitempty"`
	Enhanced    string           `json:"enhanced_code,omitempty"`
	Detail      string           `json:"detail,omitempty"`
	ProviderRef string           `json:"provider_reference,omitempty"`
}

type bounceView struct {
	Attempt int            `json:"attempt"`
	Cause   channels.Cause `json:"cause"`
	Points  int            `json:"points"`
	At      time.Time      `json:"at"`
}

type contentView struct {
	Language  vocab.Language `json:"language"`
	Subject   string         `json:"subject,omitempty"`
	Preheader string         `json:"preheader,omitempty"`
	HTML      string         `json:"html,omitempty"`
	Text      string         `json:"text,omitempty"`
	SMS       string         `json:"sms,omitempty"`
	Hash      string         `json:"hash,omitempty"` // SHA-256 of what was sent, set by the first attempt
	Hidden    bool           `json:"hidden,omitempty"`
	Problem   bool           `json:"not_rendered,omitempty"` // data are there, and the text cannot be made of them any more
}

type fileView struct {
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	Size        int64  `json:"size"`
	Path        string `json:"path"` // in the archive
}

// dots stand for the text of a one-time code.
const dots = "••••"

// messageOf makes the view of a message. The error is the ledger's, when a template cannot be read.
func (r *run) messageOf(ctx context.Context, x MessageRecord) (messageView, error) {
	m, d := x.Message, x.Message.Decision
	v := messageView{
		ID: m.ID, Status: m.Status, Channel: m.Channel, Class: m.Class, Purpose: m.Purpose, Topic: m.Topic, Language: m.Language,
		Address: x.Address.Reveal(), AddressID: m.AddressID, TemplateVersion: m.Template, Sender: m.Sender, Provider: m.Provider, Mode: m.Mode,
		APIKeyID: m.APIKey, Reference: m.Reference, TriggerID: m.TriggerID, TriggerAt: m.TriggerAt.UTC(), CreatedAt: m.CreatedAt.UTC(),
		DueAt: m.DueAt.UTC(), ExpiresAt: m.NotAfter.UTC(), SentAt: m.SentAt.UTC(), FinalizedAt: m.FinalizedAt.UTC(), PossibleDup: m.PossibleDup,
		Decision: decisionView{
			d.Verdict, d.Reason, d.Reason.Sentence(r.lang), append([]consent.Reason{}, d.All...), d.Basis.Kind, d.Basis.Event, m.PolicyVersion, d.At.UTC(),
		},
		Events: []eventView{}, Attempts: []attemptView{}, Bounces: []bounceView{}, Attachments: []fileView{},
	}
	for _, e := range x.Events {
		v.Events = append(v.Events, eventView{e.ID, "message." + e.Type, e.At.UTC(), e.Attempt, e.Reason, e.Actor})
	}
	for _, a := range x.Attempts {
		v.Attempts = append(v.Attempts, attemptView{
			a.Number, a.OpenedAt.UTC(), a.ClosedAt.UTC(), a.Provider, a.Outcome, a.Cause, a.Code, a.Enhanced, a.Detail, a.ProviderRef,
		})
	}
	for _, b := range x.Bounces {
		v.Bounces = append(v.Bounces, bounceView{b.Attempt, b.Cause, b.Points, b.At.UTC()})
	}
	if m.Class == vocab.Security || x.Payload.Sealed {
		v.hide(m)
		return v, nil
	}
	for i, f := range x.Files {
		v.Attachments = append(v.Attachments, fileView{f.Name, f.ContentType, f.Size, filePath(m.ID, i, f.Name)})
	}
	if len(x.Metadata) > 0 {
		v.Metadata = json.RawMessage(x.Metadata)
	}
	if len(x.Payload.Data) > 0 {
		v.Data = json.RawMessage(x.Payload.Data)
		var err error
		if v.Content, err = r.contentOf(ctx, m, x.Payload); err != nil {
			return v, err
		}
	}
	return v, nil
}

// hide shows a one-time code as ••••, and nothing that tells how long it is.
func (v *messageView) hide(m dispatcher.Message) {
	v.Data, v.Content = dots, &contentView{Language: m.Language, Hidden: true}
	switch m.Channel {
	case vocab.Email:
		v.Content.Subject, v.Content.Text = dots, dots
	case vocab.SMS:
		v.Content.SMS = dots
	}
}

// contentOf renders what the recipient read. A text that cannot be rendered any more is left out: its data are there.
func (r *run) contentOf(ctx context.Context, m dispatcher.Message, p dispatcher.Payload) (*contentView, error) {
	c, err := r.o.Renderer.Content(ctx, m, p)
	if fault.KindOf(err) == fault.Unavailable || ctx.Err() != nil {
		return nil, err // not knowing is not the same as there being nothing
	}
	if err != nil {
		return &contentView{Language: m.Language, Hash: m.ContentHash, Problem: true}, nil //nolint:nilerr // said in the view
	}
	return &contentView{Language: c.Language, Subject: c.Subject, Preheader: c.Preheader, HTML: c.HTML, Text: c.Text, SMS: c.SMS, Hash: m.ContentHash}, nil
}
