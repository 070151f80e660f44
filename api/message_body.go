package api

import (
	"encoding/json"
	"net/http"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

const statusInvalid = http.StatusUnprocessableEntity

// messageBody is a message as a caller asks for it. What its fields may hold is checked by the street, so that every door checks the same.
type messageBody struct {
	To              recipientBody    `json:"to" doc:"Who it is for."`
	Channel         vocab.Channel    `json:"channel,omitempty" enum:"email,sms" doc:"email or sms. Needed with contact_id alone; else that of the address."`
	Purpose         vocab.Purpose    `json:"purpose" example:"request.reply" doc:"Why it is sent: an entry of GET /v1/purposes. Its class decides the rules."`
	Topic           vocab.Topic      `json:"topic,omitempty" maxLength:"200" example:"maths-teachers" doc:"What the contact picked inside the purpose."`
	Template        string           `json:"template" example:"request-reply" doc:"The template's name: an entry of GET /v1/templates."`
	TemplateVersion int              `json:"template_version,omitempty" minimum:"0" doc:"A version of it; the newest if left out."`
	Language        vocab.Language   `json:"language,omitempty" example:"ru" doc:"BCP 47 tag; the contact's if left out. A variant that is missing falls back to kk, ru, en."`
	Sender          vocab.SenderID   `json:"sender,omitempty" example:"news" doc:"An entry of GET /v1/senders; the channel's default if left out."`
	Data            object           `json:"data,omitempty" doc:"What the template reads as data: at most 64 KiB. Identity numbers, document numbers and home addresses are refused."`
	SendAt          moment           `json:"send_at,omitzero" doc:"Not before this time, at most a year ahead. At once if left out, or at most a day in the past."`
	ExpiresAt       moment           `json:"expires_at,omitzero" doc:"Not after this time. If left out: security 10 min, marketing 7 days, others 14 days."`
	Trigger         triggerBody      `json:"trigger,omitzero" doc:"What it answers. Transactional purposes need one; of a legal notice it is the version or case, and each contact gets it once."`
	Reference       string           `json:"reference,omitempty" maxLength:"200" example:"order-4711" doc:"Your own id, for finding it again."`
	Metadata        object           `json:"metadata,omitempty" doc:"Anything of yours: at most 4 KiB, never read, given back."`
	Attachments     []attachmentBody `json:"attachments,omitempty" nullable:"false" doc:"At most 10 files, 2 MB together; not with SMS or marketing."`
}

// recipientBody is who a message is for: a contact, an address, or an address of a contact.
type recipientBody struct {
	ContactID vocab.ContactID `json:"contact_id,omitempty" example:"con_06gywnjy01xbs0938nkrkaydxw" doc:"A contact."`
	Email     string          `json:"email,omitempty" example:"aigul@example.org" doc:"An email address. Whoever has it is the contact; nobody has it: one is made."`
	Phone     string          `json:"phone,omitempty" example:"+77010000000" doc:"A phone number, best in E.164; without a country code it is a Kazakh one."`
	Name      string          `json:"name,omitempty" doc:"The name of a contact that is not known yet."`
}

// triggerBody is what a message answers.
type triggerBody struct {
	ID string `json:"id,omitempty" example:"request-2026-118" doc:"The request, order, incident, version or case."`
	At moment `json:"at,omitzero" doc:"When it happened; now if left out. A one-time code's request is at most 10 minutes old."`
}

// attachmentBody is a file.
type attachmentBody struct {
	Name        string `json:"name" example:"certificate.pdf" doc:"The file's name."`
	ContentType string `json:"content_type,omitempty" example:"application/pdf" doc:"Its media type; application/octet-stream if left out."`
	Content     []byte `json:"content" doc:"Its bytes in base64."`
}

// request is what the street is asked for.
func (b messageBody) request() dispatcher.Request {
	r := dispatcher.Request{
		To:      dispatcher.To{ContactID: b.To.ContactID, Email: b.To.Email, Phone: b.To.Phone, Name: b.To.Name},
		Channel: b.Channel, Purpose: b.Purpose, Topic: b.Topic, Template: b.Template, TemplateVersion: b.TemplateVersion,
		Language: b.Language, Sender: b.Sender, Data: json.RawMessage(b.Data), SendAt: b.SendAt.UTC(), ExpiresAt: b.ExpiresAt.UTC(),
		TriggerID: b.Trigger.ID, TriggerAt: b.Trigger.At.UTC(), Reference: b.Reference, Metadata: json.RawMessage(b.Metadata),
	}
	for _, x := range b.Attachments {
		if x.ContentType == "" {
			x.ContentType = "application/octet-stream"
		}
		r.Attachments = append(r.Attachments, channels.Attachment{Name: x.Name, ContentType: x.ContentType, Content: x.Content})
	}
	return r
}
