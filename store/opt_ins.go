package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// OptIns keeps requests to confirm: double opt-in and proofs of an address.
type OptIns struct {
	db       *DB
	consents *Consents
}

// NewOptIns returns the opt-ins of a database. The registry says how long a grant lasts.
func NewOptIns(db *DB, registry *consent.Registry) *OptIns {
	return &OptIns{db, NewConsents(db, registry)}
}

// errLookAgain says that who is behind an address changed while its guard was awaited.
var errLookAgain = errors.New("the address changed hands")

// AskToConfirm keeps a draft and appends its requests to the ledger, for a contact that it finds or makes; see optin.Desk. Nothing is
// written where nothing may be sent: an address that is suppressed for whatever reason, a contact whose data the law blocks, an address
// that had enough in the last 24 hours.
func (o *OptIns) AskToConfirm(ctx context.Context, d optin.Draft) (optin.Outcome, optin.Confirmation, error) {
	for {
		var outcome optin.Outcome
		kept := d.Confirmation
		err := o.db.tx(ctx, func(tx *tx) (err error) {
			kept = d.Confirmation
			outcome, err = o.ask(ctx, tx, d, &kept)
			return err
		})
		if errors.Is(err, errLookAgain) {
			continue
		}
		if err != nil {
			return "", optin.Confirmation{}, fmt.Errorf("ask to confirm: %w", err)
		}
		if outcome != optin.Sent {
			return outcome, optin.Confirmation{}, nil
		}
		return outcome, kept, nil
	}
}

func (o *OptIns) ask(ctx context.Context, tx *tx, d optin.Draft, c *optin.Confirmation) (optin.Outcome, error) {
	var err error
	if c.ContactID != "" {
		err = tx.namedOwner(ctx, c, d.Lookup)
	} else {
		err = tx.ownerOf(ctx, c, d.Lookup)
	}
	if err != nil {
		return "", err
	}
	lookup := d.Lookup
	if lookup == "" {
		if err := tx.row(ctx, []any{&lookup}, `SELECT lookup FROM addresses WHERE id = $1`, string(c.AddressID)); err != nil {
			return "", err
		}
	}
	if c.ContactID != "" {
		if err := tx.guard(ctx, []vocab.ContactID{c.ContactID}, []vocab.AddressID{c.AddressID}); err != nil {
			return "", err
		}
		if err := tx.stillTheirs(ctx, *c); err != nil {
			return "", err
		}
	}
	outcome, err := tx.mayAsk(ctx, *c, o.db.Hash(c.Channel, lookup))
	if err != nil || outcome != optin.Sent {
		return outcome, err
	}
	var forget any // only a contact whom this makes may be one of whom nothing else is known
	if c.ContactID == "" {
		forget = d.CreatedAt.Add(optin.AskedLately).UnixMicro()
		if err := tx.makeOwner(ctx, d, c, o.db.Hash(c.Channel, lookup)); err != nil {
			return "", err
		}
	}
	return optin.Sent, o.request(ctx, tx, d, c, forget)
}

// namedOwner finds the address of a contact that is named: the one that is named with it, or the one to use on the channel.
func (tx *tx) namedOwner(ctx context.Context, c *optin.Confirmation, lookup string) error {
	if _, err := tx.living(ctx, c.ContactID); err != nil {
		return err
	}
	err := tx.row(ctx, []any{&c.AddressID, &c.Address, &c.Channel}, `
		SELECT a.id, a.value, a.channel FROM contact_addresses l JOIN addresses a ON a.id = l.address_id
		WHERE l.contact_id = $1 AND l.reassigned_at IS NULL AND ($2 = '' OR a.id = $2) AND ($3 = '' OR a.channel = $3) AND ($4 = '' OR a.lookup = $4)
		ORDER BY `+usableFirst+` LIMIT 1`, string(c.ContactID), string(c.AddressID), string(c.Channel), lookup)
	if isNone(err) {
		return &fault.Error{Kind: fault.Conflict, Code: "address_missing", Detail: "the contact has no such address on this channel; add it to the contact first"}
	}
	return err
}

// ownerOf finds the contact whom the address reaches: one who would be written to at another address is not meant by this one, for a
// grant names no address.
func (tx *tx) ownerOf(ctx context.Context, c *optin.Confirmation, lookup string) error {
	err := tx.row(ctx, []any{&c.AddressID}, `SELECT id FROM addresses WHERE channel = $1 AND lookup = $2`, string(c.Channel), plain(lookup))
	if isNone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	err = tx.row(ctx, []any{&c.ContactID}, `
		SELECT k.contact_id FROM contact_addresses k
		WHERE k.address_id = $1 AND k.reassigned_at IS NULL AND k.address_id = (
			SELECT l.address_id FROM contact_addresses l JOIN addresses a ON a.id = l.address_id
			WHERE l.contact_id = k.contact_id AND l.reassigned_at IS NULL AND a.channel = $2
			ORDER BY `+usableFirst+` LIMIT 1)
		ORDER BY k.contact_id LIMIT 1`, string(c.AddressID), string(c.Channel))
	if isNone(err) {
		return nil
	}
	return err
}

// stillTheirs asks under the guards whether the address is still the contact's, who may have been erased or merged a moment ago.
func (tx *tx) stillTheirs(ctx context.Context, c optin.Confirmation) error {
	var theirs bool
	err := tx.row(ctx, []any{&theirs}, `SELECT EXISTS (SELECT 1 FROM contact_addresses WHERE contact_id = $1 AND address_id = $2 AND reassigned_at IS NULL)`,
		string(c.ContactID), string(c.AddressID))
	if err == nil && !theirs {
		return errLookAgain
	}
	return err
}

// mayAsk says whether the address may be asked. The caller holds its guard, if it is known: of many who ask at once the first few are sent.
func (tx *tx) mayAsk(ctx context.Context, c optin.Confirmation, hash string) (optin.Outcome, error) {
	var no bool
	if err := tx.row(ctx, []any{&no}, `
		SELECT EXISTS (SELECT 1 FROM suppressions WHERE address_hash = $1 AND lifted_at IS NULL)
		    OR EXISTS (SELECT 1 FROM contacts WHERE id = $2 AND data_blocked_at IS NOT NULL)`, hash, string(c.ContactID)); err != nil {
		return "", err
	}
	if no {
		return optin.Suppressed, nil
	}
	return tx.oftenAsked(ctx, c)
}

func (tx *tx) oftenAsked(ctx context.Context, c optin.Confirmation) (optin.Outcome, error) {
	var n int
	if err := tx.row(ctx, []any{&n}, `SELECT COUNT(*) FROM confirmations WHERE address_id = $1 AND created_at > $2 AND kind = $3`,
		string(c.AddressID), c.CreatedAt.Add(-24*time.Hour).UnixMicro(), string(c.Kind)); err != nil {
		return "", err
	}
	if n >= optin.MaxPerDay {
		return optin.Limited, nil
	}
	return optin.Sent, nil
}

// makeOwner makes the contact of an address that reaches nobody yet.
func (tx *tx) makeOwner(ctx context.Context, d optin.Draft, c *optin.Confirmation, hash string) error {
	var err error
	// Whoever asks for the same address at the same moment waits here. A contact whom they made has a guard that comes before this one.
	if c.AddressID, err = tx.makeGuarded(ctx, c.Channel, c.Address, plain(d.Lookup), hash, c.CreatedAt); err != nil {
		return err
	}
	again := optin.Confirmation{Channel: c.Channel}
	if err := tx.ownerOf(ctx, &again, d.Lookup); err != nil {
		return err
	}
	if again.ContactID != "" {
		return errLookAgain
	}
	c.ContactID, err = tx.makeContact(ctx, &dispatcher.Draft{
		Message: dispatcher.Message{AddressID: c.AddressID, Language: c.Language}, Recipient: dispatcher.Recipient{Name: d.Name},
	}, c.CreatedAt)
	return err
}

// request keeps the confirmation and appends what it asks for to the ledger.
func (o *OptIns) request(ctx context.Context, tx *tx, d optin.Draft, c *optin.Confirmation, forgetAt any) error {
	c.Asked = append([]optin.Asked(nil), c.Asked...)
	for i := range c.Asked {
		c.Asked[i].Request = vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix))
	}
	asked, err := json.Marshal(c.Asked)
	if err != nil {
		return fmt.Errorf("encode what is asked: %w", err)
	}
	hash := ""
	if c.ByCode {
		hash = o.db.codeHash(c.ID, d.Code)
	}
	if _, err := tx.exec(ctx, `
		INSERT INTO confirmations (id, kind, contact_id, address_id, channel, language, form_id, asked, code_hash, message_id, created_at, expires_at, remind_at, tries, forget_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', $10, $11, $12, 0, $13)`,
		string(c.ID), string(c.Kind), string(c.ContactID), string(c.AddressID), string(c.Channel), string(c.Language), string(c.FormID),
		string(asked), hash, micros(c.CreatedAt), micros(c.ExpiresAt), micros(c.RemindAt), forgetAt); err != nil {
		return err
	}
	for _, a := range c.Asked {
		e := optInEvent(*c, a, consent.KindRequested)
		e.ID, e.Source, e.ActorKind, e.ActorID, e.PolicyVersion, e.At = a.Request, d.Source, d.Actor, d.ActorID, d.Policy, c.CreatedAt
		if e.ActorID == "" {
			e.ActorID = string(c.ContactID)
		}
		held, err := o.consents.grant(ctx, tx, c.ContactID, a.Key(c.Channel))
		if err != nil {
			return err
		}
		before := held.Grant
		// What is granted already stays so; the entry says that it was asked for, and a press renews it.
		if err := o.append(ctx, tx, e, d.Evidence, before, a); err != nil {
			return err
		}
	}
	return nil
}

// append appends an entry and keeps what the grant becomes by it.
func (o *OptIns) append(ctx context.Context, tx *tx, e consent.Event, evidence string, before consent.Grant, a optin.Asked) error {
	if err := e.Check(); err != nil {
		return err
	}
	after := o.consents.apply(a.Key(e.Channel), before, e)
	kept, err := tx.appendConsent(ctx, e, evidence)
	if err != nil {
		return err
	}
	if after.Event == e.ID {
		if err := tx.keepGrant(ctx, e.ContactID, a.Key(e.Channel), after, a.Abroad); err != nil {
			return err
		}
	}
	return tx.keepMarks(ctx, kept)
}

// optInEvent is an entry about one wish of a confirmation.
func optInEvent(c optin.Confirmation, a optin.Asked, kind consent.EventKind) consent.Event {
	e := consent.Event{
		Kind: kind, ContactID: c.ContactID, AddressID: c.AddressID, Scope: consent.ScopePurpose, Purpose: a.Purpose, Channel: c.Channel, Topic: a.Topic,
		Language: c.Language, TextVersion: a.TextVersion, TextHash: a.TextHash,
	}
	if a.Topic != "" {
		e.Scope = consent.ScopeTopic
	}
	return e
}

// Carried notes which message carries the link or the code of a confirmation.
func (o *OptIns) Carried(ctx context.Context, id vocab.ConfirmationID, message vocab.MessageID) error {
	_, err := o.db.writer().exec(ctx, `UPDATE confirmations SET message_id = $2 WHERE id = $1`, string(id), string(message))
	return away(err)
}

// Confirmation returns one; fault.NotFound if there is none.
func (o *OptIns) Confirmation(ctx context.Context, id vocab.ConfirmationID) (optin.Confirmation, error) {
	c, _, err := o.db.reader().confirmation(ctx, id)
	return c, away(err)
}

const confirmationColumns = `c.id, c.kind, c.contact_id, c.address_id, a.value, c.channel, c.language, c.form_id, c.asked, c.code_hash, c.message_id,
	c.created_at, c.expires_at, c.remind_at, c.reminded_at, c.tries, c.used_at`

// confirmationFrom joins the address as long as it is the contact's.
const confirmationFrom = ` FROM confirmations c
	LEFT JOIN contact_addresses l ON l.contact_id = c.contact_id AND l.address_id = c.address_id AND l.reassigned_at IS NULL
	LEFT JOIN addresses a ON a.id = l.address_id `

func confirmationDest(c *optin.Confirmation, asked, hash *string) []any {
	return []any{
		&c.ID, &c.Kind, &c.ContactID, &c.AddressID, textOf(&c.Address), &c.Channel, &c.Language, &c.FormID, asked, hash, &c.MessageID,
		at(&c.CreatedAt), at(&c.ExpiresAt), at(&c.RemindAt), at(&c.RemindedAt), &c.Tries, at(&c.UsedAt),
	}
}

// readAsked completes a confirmation that was read.
func readAsked(c *optin.Confirmation, asked, hash string) error {
	c.Asked, c.ByCode = nil, hash != ""
	if err := json.Unmarshal([]byte(asked), &c.Asked); err != nil {
		return fmt.Errorf("confirmation %s: %w", c.ID, err)
	}
	return nil
}

func (r runner) confirmation(ctx context.Context, id vocab.ConfirmationID) (optin.Confirmation, string, error) {
	var c optin.Confirmation
	var asked, hash string
	err := r.row(ctx, confirmationDest(&c, &asked, &hash), `SELECT `+confirmationColumns+confirmationFrom+`WHERE c.id = $1`, string(id))
	if isNone(err) {
		return c, "", fault.Missing("confirmation_not_found", "there is no such request to confirm")
	}
	if err != nil {
		return c, "", err
	}
	return c, hash, readAsked(&c, asked, hash)
}
