package api

import (
	"time"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/vocab"
)

// contactView is a contact with its addresses.
type contactView struct {
	ID                    vocab.ContactID `json:"id" example:"con_06gywnjy01xbs0938nkrkaydxw" doc:"The contact."`
	ExternalID            string          `json:"external_id,omitempty" doc:"Your own id."`
	Name                  string          `json:"name,omitempty" doc:"The name."`
	Language              vocab.Language  `json:"language,omitempty" doc:"BCP 47 tag; absent: the organisation's."`
	TimeZone              string          `json:"time_zone,omitempty" doc:"IANA name; absent: the organisation's."`
	Attributes            map[string]any  `json:"attributes" doc:"JSON values for segments and templates."`
	Minor                 bool            `json:"minor" doc:"Under 18."`
	GuardianConsented     bool            `json:"guardian_consented" doc:"The guardian of a minor has consented."`
	Addresses             []addressView   `json:"addresses" nullable:"false" doc:"By channel; the one to use first."`
	DataBlockedAt         *time.Time      `json:"data_blocked_at,omitempty" doc:"Blocked by law since then."`
	ProcessingWithdrawnAt *time.Time      `json:"processing_withdrawn_at,omitempty" doc:"Consent to processing withdrawn since then."`
	UnsubscribedAllAt     *time.Time      `json:"unsubscribed_all_at,omitempty" doc:"No marketing at all since then."`
	PausedUntil           *time.Time      `json:"paused_until,omitempty" doc:"The contact wants no mailings before; what is granted stays."`
	ErasedAt              *time.Time      `json:"erased_at,omitempty" doc:"Erased then; nothing about the person is left."`
	CreatedAt             time.Time       `json:"created_at" doc:"When it was made."`
	UpdatedAt             time.Time       `json:"updated_at" doc:"When it was last changed."`
}

// addressView is an address of a contact.
type addressView struct {
	ID           vocab.AddressID `json:"id" example:"adr_06gywnjy01xbs0938nkrkaydxw" doc:"The address; contacts who share it see the same id."`
	Channel      vocab.Channel   `json:"channel" enum:"email,sms" doc:"What is sent to it."`
	Email        string          `json:"email,omitempty" doc:"The email address."`
	Phone        string          `json:"phone,omitempty" doc:"The phone number in E.164."`
	Primary      bool            `json:"primary" doc:"The one to use on its channel."`
	VerifiedAt   *time.Time      `json:"verified_at,omitempty" doc:"When the contact proved to hold it."`
	ReassignedAt *time.Time      `json:"reassigned_at,omitempty" doc:"When the number went to somebody else; it is not used any more."`
	CreatedAt    time.Time       `json:"created_at" doc:"When we first heard of it."`
}

func contactOf(p contacts.Profile) contactView {
	c := p.Contact
	view := contactView{
		ID: c.ID, ExternalID: c.ExternalID, Name: c.Name, Language: c.Language, TimeZone: c.TimeZone, Attributes: c.Attributes, Minor: c.Minor,
		GuardianConsented: c.GuardianConsented, Addresses: []addressView{}, DataBlockedAt: inUTC(c.DataBlockedAt),
		ProcessingWithdrawnAt: inUTC(c.ProcessingWithdrawnAt), UnsubscribedAllAt: inUTC(c.UnsubscribedAllAt), PausedUntil: inUTC(c.PausedUntil), ErasedAt: inUTC(c.ErasedAt),
		CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
	}
	if view.Attributes == nil {
		view.Attributes = map[string]any{}
	}
	for _, x := range p.Addresses {
		view.Addresses = append(view.Addresses, addressOf(x))
	}
	return view
}

func addressOf(x contacts.LinkedAddress) addressView {
	view := addressView{
		ID: x.ID, Channel: x.Channel, Primary: x.Primary, VerifiedAt: inUTC(x.VerifiedAt), ReassignedAt: inUTC(x.ReassignedAt),
		CreatedAt: x.CreatedAt.UTC(),
	}
	view.Email, view.Phone = revealed(x.Channel, x.Value)
	return view
}

// revealed shows an address to a caller who may see it.
func revealed(channel vocab.Channel, value vocab.Address) (email, phone string) {
	switch channel {
	case vocab.Email:
		return value.Reveal(), ""
	case vocab.SMS:
		return "", value.Reveal()
	}
	return "", ""
}

func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}
