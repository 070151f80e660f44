package api

import (
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

// messageView is a message without address and text.
type messageView struct {
	ID              vocab.MessageID         `json:"id" example:"msg_06gywnjy01xbs0938nkrkaydxw" doc:"The message."`
	Status          dispatcher.Status       `json:"status" example:"sent" enum:"scheduled,queued,held,deferred,sending,sent,delivered,bounced,undelivered,failed,suppressed,expired,canceled,unknown" doc:"Where it is in its life."`
	Group           dispatcher.Group        `json:"group" enum:"pending,delivered,unconfirmed,not_delivered,not_sent" doc:"What reports count it under."`
	ContactID       vocab.ContactID         `json:"contact_id" doc:"Who it is for."`
	AddressID       vocab.AddressID         `json:"address_id,omitempty" doc:"The address it goes to."`
	Channel         vocab.Channel           `json:"channel" enum:"email,sms" doc:"How it goes."`
	Class           vocab.Class             `json:"class" enum:"security,transactional,service,legal,breach,marketing" doc:"The rules it lives under."`
	Purpose         vocab.Purpose           `json:"purpose" doc:"Why it goes."`
	Topic           vocab.Topic             `json:"topic,omitempty" doc:"What the contact picked inside the purpose."`
	Language        vocab.Language          `json:"language" doc:"The language asked for."`
	TemplateVersion vocab.TemplateVersionID `json:"template_version_id" doc:"The text it is made from."`
	Sender          vocab.SenderID          `json:"sender" doc:"Who it comes from."`
	Provider        vocab.ProviderID        `json:"provider" doc:"Who carries it."`
	Mode            dispatcher.Mode         `json:"mode" enum:"live,guest_list,test" doc:"The mode of the key it came with."`
	APIKeyID        vocab.APIKeyID          `json:"api_key_id,omitempty" doc:"The key it came with."`
	Reference       string                  `json:"reference,omitempty" doc:"The caller's own id."`
	TriggerID       string                  `json:"trigger_id,omitempty" doc:"What it answers."`
	TriggerAt       time.Time               `json:"trigger_at,omitzero" doc:"When that happened."`
	Attempt         int                     `json:"attempt" doc:"How often it was tried."`
	PossibleDup     bool                    `json:"possible_duplicate" doc:"An earlier attempt may have arrived too."`
	LastCause       string                  `json:"last_cause,omitempty" doc:"Why the newest attempt failed."`
	Verdict         consent.Verdict         `json:"verdict" enum:"allow,hold,deny" doc:"The newest decision; GET …/decision has all of it."`
	Reason          consent.Reason          `json:"reason" doc:"Its primary reason."`
	CreatedAt       time.Time               `json:"created_at" doc:"When it was taken in."`
	DueAt           time.Time               `json:"due_at,omitzero" doc:"When it may be sent next; absent once nothing is to be done."`
	ExpiresAt       time.Time               `json:"expires_at,omitzero" doc:"It is not sent after this."`
	FirstAttemptAt  time.Time               `json:"first_attempt_at,omitzero" doc:"When it was first tried."`
	SentAt          time.Time               `json:"sent_at,omitzero" doc:"When the provider took it."`
	FinalizedAt     time.Time               `json:"finalized_at,omitzero" doc:"No report is awaited after this."`
	Metadata        object                  `json:"metadata,omitempty" doc:"What the caller gave along; not in lists."`
	Attachments     []string                `json:"attachments,omitempty" nullable:"false" doc:"The names of its files; not in lists."`
}

func messageOf(m dispatcher.Message) messageView {
	return messageView{
		ID: m.ID, Status: m.Status, Group: m.Status.Group(!m.FinalizedAt.IsZero()), ContactID: m.ContactID, AddressID: m.AddressID, Channel: m.Channel,
		Class: m.Class, Purpose: m.Purpose, Topic: m.Topic, Language: m.Language, TemplateVersion: m.Template, Sender: m.Sender, Provider: m.Provider,
		Mode: m.Mode, APIKeyID: m.APIKey, Reference: m.Reference, TriggerID: m.TriggerID, TriggerAt: m.TriggerAt.UTC(), Attempt: m.Attempt,
		PossibleDup: m.PossibleDup, LastCause: m.LastCause, Verdict: m.Decision.Verdict, Reason: m.Decision.Reason, CreatedAt: m.CreatedAt.UTC(),
		DueAt: m.DueAt.UTC(), ExpiresAt: m.NotAfter.UTC(), FirstAttemptAt: m.FirstAttemptAt.UTC(), SentAt: m.SentAt.UTC(),
		FinalizedAt: m.FinalizedAt.UTC(),
	}
}

// messageEventView is one change of a message.
type messageEventView struct {
	ID      string    `json:"id" doc:"The event."`
	Type    string    `json:"type" example:"message.sent" doc:"message. and the status it came to, or what was reported: opened, clicked, complained, unsubscribed."`
	At      time.Time `json:"at" doc:"When."`
	Attempt int       `json:"attempt,omitempty" doc:"The newest attempt at that time."`
	Reason  string    `json:"reason,omitempty" doc:"A decision's reason, a cause, or an order."`
	Actor   string    `json:"actor,omitempty" doc:"The id of whoever ordered it."`
}

func messageEventOf(e dispatcher.MessageEvent) messageEventView {
	return messageEventView{ID: e.ID, Type: "message." + e.Type, At: e.At.UTC(), Attempt: e.Attempt, Reason: e.Reason, Actor: e.Actor}
}

// attemptView is one call to a provider.
type attemptView struct {
	Number      int              `json:"number" doc:"1, 2, 3 …"`
	OpenedAt    time.Time        `json:"opened_at" doc:"When it was claimed."`
	ClosedAt    time.Time        `json:"closed_at,omitzero" doc:"When its outcome was written down; absent while it is open."`
	Provider    vocab.ProviderID `json:"provider" doc:"Who was called."`
	Outcome     channels.Outcome `json:"outcome,omitempty" enum:"accepted,refused,not_handed_over,in_doubt" doc:"What it came to; absent while it is open."`
	Cause       channels.Cause   `json:"cause,omitempty" doc:"Why it failed."`
	Code        int              `json:"code,omitempty" doc:"The provider's code (SMTP reply, HTTP status or its own)."`
	Enhanced    string           `json:"enhanced_code,omitempty" example:"5.1.1" doc:"The enhanced status code (RFC 3463)."`
	Detail      string           `json:"detail,omitempty" doc:"The provider's own words; they may name the address."`
	ProviderRef string           `json:"provider_reference,omitempty" doc:"The provider's id of the message."`
}

func attemptOf(x dispatcher.Attempt) attemptView {
	return attemptView{x.Number, x.OpenedAt.UTC(), x.ClosedAt.UTC(), x.Provider, x.Outcome, x.Cause, x.Code, x.Enhanced, x.Detail, x.ProviderRef}
}

// decisionView is a decision with everything it rests on.
type decisionView struct {
	MessageID       vocab.MessageID         `json:"message_id" doc:"The message."`
	Verdict         consent.Verdict         `json:"verdict" enum:"allow,hold,deny" doc:"allow, hold (not now) or deny."`
	Reason          reasonView              `json:"reason" doc:"The primary reason; ok if allowed."`
	Reasons         []reasonView            `json:"reasons" nullable:"false" doc:"Every reason against it, in a fixed order; empty if allowed."`
	Until           time.Time               `json:"until,omitzero" doc:"Of a hold: when it is asked again."`
	Earlier         []vocab.MessageID       `json:"earlier_message_ids,omitempty" nullable:"false" doc:"Of frequency_cap: the messages that fill it, the oldest first."`
	DecidedAt       time.Time               `json:"decided_at" doc:"The clock the decision was made by."`
	Purpose         vocab.Purpose           `json:"purpose" doc:"The purpose that was asked about."`
	Class           vocab.Class             `json:"class" enum:"security,transactional,service,legal,breach,marketing" doc:"Its class."`
	Basis           consent.BasisKind       `json:"basis,omitempty" enum:"consent,contact_request,service,legal_obligation" doc:"The legal ground it stands on; absent if denied."`
	ConsentEventID  vocab.ConsentEventID    `json:"consent_event_id,omitempty" doc:"The entry of the consent ledger that granted it, if the ground is a consent; of a refusal for want of one, the entry that led to it, such as the withdrawal."`
	PolicyVersion   string                  `json:"policy_version,omitempty" doc:"The privacy policy in force."`
	TemplateVersion vocab.TemplateVersionID `json:"template_version_id" doc:"The text it was made from."`
	ContentHash     string                  `json:"content_hash,omitempty" doc:"SHA-256 of what was rendered, set by the first attempt."`
}

func decisionOf(m dispatcher.Message, lang vocab.Language) decisionView {
	d := m.Decision
	return decisionView{
		MessageID: m.ID, Verdict: d.Verdict, Reason: reasonOf(d.Reason, lang), Reasons: reasonsOf(d.All, lang), Until: d.Until.UTC(), Earlier: d.Earlier,
		DecidedAt: d.At.UTC(), Purpose: m.Purpose, Class: m.Class, Basis: d.Basis.Kind, ConsentEventID: d.Basis.Event,
		PolicyVersion: m.PolicyVersion, TemplateVersion: m.Template, ContentHash: m.ContentHash,
	}
}

// contentView is what a recipient reads.
type contentView struct {
	Language    vocab.Language `json:"language" doc:"The variant's own, which may be a fallback."`
	Subject     string         `json:"subject,omitempty" doc:"Email."`
	Preheader   string         `json:"preheader,omitempty" doc:"Email: the line shown after the subject."`
	HTML        string         `json:"html,omitempty" doc:"Email."`
	Text        string         `json:"text,omitempty" doc:"Email: the text part."`
	SMS         string         `json:"sms,omitempty" doc:"SMS."`
	Segments    *segmentsView  `json:"segments,omitempty" doc:"SMS: what it costs."`
	Attachments []string       `json:"attachments,omitempty" nullable:"false" doc:"The names of its files."`
	Hidden      bool           `json:"hidden,omitempty" doc:"The texts are shown as •••• because the class is security."`
}

// dots stand for the text of a one-time code.
const dots = "••••"

// contentOf shows a rendered message. Of class security nothing is shown, and nothing that tells how long the code is.
func contentOf(m dispatcher.Message, c templates.Content) contentView {
	if m.Class == vocab.Security {
		view := contentView{Language: c.Language, Hidden: true}
		switch m.Channel {
		case vocab.Email:
			view.Subject, view.HTML, view.Text = dots, dots, dots
		case vocab.SMS:
			view.SMS = dots
		}
		return view
	}
	return contentShown(m.Channel, c)
}

func contentShown(channel vocab.Channel, c templates.Content) contentView {
	view := contentView{Language: c.Language, Subject: c.Subject, Preheader: c.Preheader, HTML: c.HTML, Text: c.Text, SMS: c.SMS}
	if channel == vocab.SMS {
		view.Segments = segmentsOf(c.SMS)
	}
	return view
}
