package notary

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/tlog"
	"github.com/orleu/elshi/vocab"
)

// street takes the officer's message in, like any other.
type street interface {
	Submit(ctx context.Context, caller dispatcher.Caller, key *dispatcher.IdempotencyKey, requests []dispatcher.Request) (dispatcher.Submitted, error)
}

// people is where the officer's contact is kept.
type people interface {
	Create(ctx context.Context, c contacts.Contact, addresses []contacts.NewAddress) (contacts.Profile, error)
	List(ctx context.Context, f contacts.Filter) ([]contacts.Profile, error)
	AddAddress(ctx context.Context, contact vocab.ContactID, a contacts.NewAddress, now time.Time) (vocab.AddressID, error)
}

// Officer is the data-protection officer, who keeps what the database's administrator cannot change.
type Officer struct {
	Email    string         // where the mail goes
	Language vocab.Language // of the mail
	People   people
	Street   street
}

// What the officer's mail is: a message to somebody of the organisation itself.
const (
	// OfficerID is the external id of the contact that the program makes for the officer.
	OfficerID       = "elshi:data-protection-officer"
	officerPurpose  = vocab.Purpose("staff.notice")
	officerTemplate = "ledger-checkpoint"
)

// mail sends the day's head. The key makes it one mail a day, whoever asks and however often.
func (k *Keeper) mail(ctx context.Context, s tlog.Signed, now time.Time) error {
	o, day := k.o.Officer, k.day(now)
	if o == nil || k.mailed == day {
		return nil
	}
	contact, err := o.contact(ctx, now)
	if err != nil {
		return fmt.Errorf("the data-protection officer's contact: %w", err)
	}
	data, err := json.Marshal(map[string]any{"checkpoint": map[string]any{
		"size": s.Size, "root": s.Root.String(), "at": s.At.Format(time.RFC3339), "note": s.Note, "public_key": k.notary.PublicKey(),
	}})
	if err != nil {
		return err
	}
	trigger := "checkpoint " + day
	out, err := o.Street.Submit(ctx, dispatcher.Caller{Mode: dispatcher.Live},
		&dispatcher.IdempotencyKey{Route: "checkpoint", Token: day, BodyHash: day},
		[]dispatcher.Request{{
			To: dispatcher.To{ContactID: contact, Email: o.Email}, Channel: vocab.Email, Purpose: officerPurpose, Template: officerTemplate,
			Language: o.Language, Data: data, TriggerID: trigger, TriggerAt: s.At, Reference: trigger,
		}})
	if err != nil {
		return fmt.Errorf("mail the signed head: %w", err)
	}
	r := out.Results[0]
	if len(r.Problem) > 0 {
		return fmt.Errorf("mail the signed head: %s: %s", r.Problem[0].Pointer, r.Problem[0].Detail)
	}
	k.mailed = day
	if r.Denied() {
		k.log.LogAttrs(ctx, slog.LevelError, "the data-protection officer cannot be mailed", slog.String("message_id", string(r.ID)),
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
