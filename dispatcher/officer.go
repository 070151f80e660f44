package dispatcher

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// officeStreet takes what the officer is told in, like any other message; a Submitter does.
type officeStreet interface {
	Submit(ctx context.Context, caller Caller, key *IdempotencyKey, requests []Request) (Submitted, error)
}

// officePeople is where the officer's contact is kept.
type officePeople interface {
	Create(ctx context.Context, c contacts.Contact, addresses []contacts.NewAddress) (contacts.Profile, error)
	List(ctx context.Context, f contacts.Filter) ([]contacts.Profile, error)
	AddAddress(ctx context.Context, contact vocab.ContactID, a contacts.NewAddress, now time.Time) (vocab.AddressID, error)
}

// Officer is the data-protection officer, who is told by email what the organisation must not miss.
type Officer struct {
	Email    string         // where the mail goes
	Language vocab.Language // of the mail
	People   officePeople
	Street   officeStreet
	Now      func() time.Time
	Log      *slog.Logger
}

// OfficerID is the external id of the contact that the program makes for the officer.
const OfficerID = "elshi:data-protection-officer"

// officerPurpose is that of a message to somebody of the organisation itself.
const officerPurpose = vocab.Purpose("staff.notice")

// Tell mails the officer a template with data. The key makes it one mail, whoever asks and however often within the days for which
// idempotency keys are kept. An answer without an error means that the message was taken in; that it may not be sent is logged.
func (o *Officer) Tell(ctx context.Context, key, template string, data map[string]any) error {
	now := o.Now()
	contact, err := o.contact(ctx, now)
	if err != nil {
		return fmt.Errorf("the data-protection officer's contact: %w", err)
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("tell the officer %s: %w", key, err)
	}
	out, err := o.Street.Submit(ctx, Caller{Mode: Live}, &IdempotencyKey{Route: "officer", Token: key, BodyHash: key}, []Request{{
		To: To{ContactID: contact, Email: o.Email}, Channel: vocab.Email, Purpose: officerPurpose, Template: template, Language: o.Language,
		Data: raw, TriggerID: key, TriggerAt: now, Reference: key,
	}})
	if err != nil {
		return fmt.Errorf("tell the officer %s: %w", key, err)
	}
	r := out.Results[0]
	if len(r.Problem) > 0 {
		return fmt.Errorf("tell the officer %s: %s: %s", key, r.Problem[0].Pointer, r.Problem[0].Detail)
	}
	if r.Denied() {
		o.Log.LogAttrs(ctx, slog.LevelError, "the data-protection officer cannot be mailed", slog.String("message_id", string(r.ID)),
			slog.String("reason", string(r.Reason)))
	}
	return nil
}

// contact returns the officer's contact, which it makes the first time. The settings vouch for the address.
func (o *Officer) contact(ctx context.Context, now time.Time) (vocab.ContactID, error) {
	value, lookup, err := contacts.ParseEmail(o.Email)
	if err != nil {
		return "", err
	}
	address := contacts.NewAddress{Channel: vocab.Email, Value: value, Lookup: lookup, Verified: true, Primary: true}
	made, err := o.People.Create(ctx, contacts.Contact{
		ExternalID: OfficerID, Language: o.Language, CreatedAt: now, Attributes: map[string]any{"staff": "data_protection_officer"},
	}, []contacts.NewAddress{address})
	if err == nil {
		return made.ID, nil
	}
	if fault.KindOf(err) != fault.Conflict {
		return "", err
	}
	list, err := o.People.List(ctx, contacts.Filter{ExternalID: OfficerID, Limit: 1})
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "", fault.Missing("contact_not_found", "the officer's contact is gone")
	}
	for _, a := range list[0].Addresses {
		if a.Channel == vocab.Email && a.Key == lookup && a.VerifiedAt != nil && a.ReassignedAt == nil {
			return list[0].ID, nil
		}
	}
	_, err = o.People.AddAddress(ctx, list[0].ID, address, now)
	return list[0].ID, err
}
