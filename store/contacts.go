package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Contacts keeps contacts and their addresses.
type Contacts struct{ db *DB }

// NewContacts returns the contacts of a database.
func NewContacts(db *DB) *Contacts { return &Contacts{db} }

// Create keeps a new contact with its addresses and returns it. An empty id is made; CreatedAt is the moment of everything. An address
// that others have is shared with them. The error is fault.Conflict (external_id_taken) if another contact has the external id.
func (c *Contacts) Create(ctx context.Context, contact contacts.Contact, addresses []contacts.NewAddress) (contacts.Profile, error) {
	if contact.ID == "" {
		contact.ID = vocab.ContactID(vocab.NewID(vocab.ContactPrefix))
	}
	contact.UpdatedAt = contact.CreatedAt
	var made contacts.Profile
	err := c.db.tx(ctx, func(tx *tx) error {
		attributes, err := attributesText(contact.Attributes)
		if err != nil {
			return err
		}
		var taken bool
		if err := tx.row(ctx, []any{&taken}, externalIDOfAnother, plain(contact.ExternalID), string(contact.ID)); err != nil {
			return err
		}
		if taken && contact.ExternalID != "" {
			return externalIDTaken()
		}
		name := plain(contact.Name)
		n, err := tx.exec(ctx, `
			INSERT INTO contacts (id, external_id, name, name_lookup, language, time_zone, attributes, minor, guardian_consented, data_blocked_at,
			                      created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
			ON CONFLICT (external_id) DO NOTHING`,
			string(contact.ID), null(plain(contact.ExternalID)), name, folded(name), plain(string(contact.Language)), plain(contact.TimeZone),
			attributes, contact.Minor, contact.GuardianConsented, microsOrNil(contact.DataBlockedAt), contact.CreatedAt.UnixMicro())
		if err != nil {
			return err
		}
		if n == 0 {
			return externalIDTaken()
		}
		// In order of their identity, so that two who add the same addresses never wait for each other.
		ordered := slices.Clone(addresses)
		slices.SortStableFunc(ordered, func(a, b contacts.NewAddress) int { return strings.Compare(a.Lookup, b.Lookup) })
		ids := make(map[string]vocab.AddressID, len(ordered))
		for _, a := range ordered {
			id, err := tx.makeAddress(ctx, a.Channel, a.Value, a.Lookup, c.db.Hash(a.Channel, a.Lookup), contact.CreatedAt)
			if err != nil {
				return err
			}
			ids[string(a.Channel)+" "+a.Lookup] = id
		}
		for _, a := range addresses {
			if err := tx.linkGiven(ctx, contact.ID, ids[string(a.Channel)+" "+a.Lookup], a, contact.CreatedAt); err != nil {
				return err
			}
		}
		if err := tx.tellContact(ctx, events.ContactCreated, contact.CreatedAt, contact.ID); err != nil {
			return err
		}
		made, err = tx.profile(ctx, contact.ID)
		return err
	})
	if err != nil {
		return contacts.Profile{}, fmt.Errorf("create contact %s: %w", contact.ID, err)
	}
	return made, nil
}

// externalIDOfAnother asks whether an external id is that of another contact, or of one that was merged into another.
const externalIDOfAnother = `
	SELECT EXISTS (SELECT 1 FROM contacts WHERE external_id = $1 AND id <> $2) OR EXISTS (SELECT 1 FROM external_ids WHERE external_id = $1 AND contact_id <> $2)`

func externalIDTaken() error {
	return &fault.Error{Kind: fault.Conflict, Code: "external_id_taken", Detail: "another contact has this external id; update that one, or give another"}
}

func attributesText(attributes map[string]any) (string, error) {
	if len(attributes) == 0 {
		return "{}", nil
	}
	b, err := json.Marshal(attributes)
	if err != nil {
		return "", fmt.Errorf("attributes: %w", err)
	}
	return string(b), nil
}

// Get returns a contact with its addresses, also one that was erased; fault.NotFound if there never was one, and fault.Conflict
// (contact_merged) if it was merged into another.
func (c *Contacts) Get(ctx context.Context, id vocab.ContactID) (contacts.Profile, error) {
	p, err := c.db.reader().profile(ctx, id)
	return p, away(err)
}

// Update changes a contact and returns it as it is then. The change is handed what is kept now and returns what is to be: external
// id, name, language, time zone, attributes, minor, guardian and data block; whatever else it changes is passed over. It must be pure:
// a transaction that is rerun calls it again. Its error ends the update and is returned. Other errors are fault.NotFound, and
// fault.Conflict if the contact is erased (contact_erased) or the external id is another's (external_id_taken).
func (c *Contacts) Update(ctx context.Context, id vocab.ContactID, now time.Time, change func(contacts.Contact) (contacts.Contact, error)) (contacts.Profile, error) {
	var changed contacts.Profile
	err := c.db.tx(ctx, func(tx *tx) error {
		// A data block and a minor's age turn an allow into a deny.
		if err := tx.guard(ctx, []vocab.ContactID{id}, nil); err != nil {
			return err
		}
		before, err := tx.living(ctx, id)
		if err != nil {
			return err
		}
		after, err := change(before)
		if err != nil {
			return err
		}
		attributes, err := attributesText(after.Attributes)
		if err != nil {
			return err
		}
		// Asked first, because PostgreSQL writes the values of a statement that fails into its log.
		var taken bool
		if err := tx.row(ctx, []any{&taken}, externalIDOfAnother, plain(after.ExternalID), string(id)); err != nil {
			return err
		}
		if taken {
			return externalIDTaken()
		}
		name := plain(after.Name)
		if _, err := tx.exec(ctx, `
			UPDATE contacts SET external_id = $2, name = $3, name_lookup = $4, language = $5, time_zone = $6, attributes = $7, minor = $8,
				guardian_consented = $9, data_blocked_at = $10, updated_at = $11
			WHERE id = $1`,
			string(id), null(plain(after.ExternalID)), name, folded(name), plain(string(after.Language)), plain(after.TimeZone), attributes,
			after.Minor, after.GuardianConsented, microsOrNil(after.DataBlockedAt), now.UnixMicro()); isTaken(err) {
			return externalIDTaken() // between the question above and now
		} else if err != nil {
			return err
		}
		earlier, err := attributesText(before.Attributes)
		if err != nil {
			return err
		}
		if fields := changesOf(before, after, earlier, attributes); len(fields) > 0 {
			if err := tx.tellContact(ctx, events.ContactUpdated, now, id, fields...); err != nil {
				return err
			}
		}
		changed, err = tx.profile(ctx, id)
		return err
	})
	if err != nil {
		return contacts.Profile{}, fmt.Errorf("update contact %s: %w", id, err)
	}
	return changed, nil
}

// List returns contacts with their addresses, the newest first.
func (c *Contacts) List(ctx context.Context, f contacts.Filter) ([]contacts.Profile, error) {
	var is conditions
	if f.Lookup != "" {
		is.add(`c.id IN (SELECT l.contact_id FROM addresses a JOIN contact_addresses l ON l.address_id = a.id
			WHERE a.channel = ? AND a.lookup = ?)`, string(f.Channel), plain(f.Lookup))
	}
	if f.ExternalID != "" {
		is.add(`c.id IN (SELECT id FROM contacts WHERE external_id = ? UNION ALL SELECT contact_id FROM external_ids WHERE external_id = ?)`,
			plain(f.ExternalID), plain(f.ExternalID))
	}
	if q := folded(strings.TrimSpace(f.Query)); q != "" {
		is.add(`c.id IN (
			SELECT id FROM contacts WHERE name_lookup >= ? AND name_lookup < ?
			UNION
			SELECT l.contact_id FROM addresses a JOIN contact_addresses l ON l.address_id = a.id
			WHERE a.channel IN ('email', 'sms') AND a.lookup >= ? AND a.lookup < ?)`, q, afterPrefix(q), q, afterPrefix(q))
	}
	if f.Language != "" {
		is.add(`c.language = ?`, string(f.Language))
	}
	is.add(`c.merged_into IS NULL`)
	if !f.Erased {
		is.add(`c.erased_at IS NULL`)
	}
	if f.After != "" {
		is.add(`c.id < ?`, string(f.After))
	}
	var list []contacts.Profile
	var x contacts.Contact
	err := c.db.reader().each(ctx, contactDest(&x), func() error {
		list = append(list, contacts.Profile{Contact: x})
		return nil
	}, `SELECT `+contactColumns+` FROM contacts c`+is.where()+` ORDER BY c.id DESC`+is.limit(pageOf(f.Limit)), is.args...)
	if err != nil {
		return nil, away(err)
	}
	return list, away(c.db.reader().addAddresses(ctx, list))
}

// pageOf is how many rows a list returns.
func pageOf(limit int) int {
	if limit < 1 || limit > 200 {
		return 200
	}
	return limit
}

const contactColumns = `c.id, c.external_id, c.name, c.language, c.time_zone, c.attributes, c.minor, c.guardian_consented, c.data_blocked_at,
	c.processing_withdrawn_at, c.unsubscribed_all_at, c.paused_until, c.merged_into, c.erased_at, c.created_at, c.updated_at`

func contactDest(c *contacts.Contact) []any {
	return []any{
		&c.ID, textOf(&c.ExternalID), &c.Name, &c.Language, &c.TimeZone, jsonOf(&c.Attributes), &c.Minor, &c.GuardianConsented,
		atOrNil(&c.DataBlockedAt), atOrNil(&c.ProcessingWithdrawnAt), atOrNil(&c.UnsubscribedAllAt), atOrNil(&c.PausedUntil), textOf(&c.MergedInto), atOrNil(&c.ErasedAt), at(&c.CreatedAt),
		at(&c.UpdatedAt),
	}
}

func noContact() error { return fault.Missing("contact_not_found", "there is no contact with this id") }

// contact reads one contact; fault.NotFound if there is none, and fault.Conflict (contact_merged) if it has become another one.
func (r runner) contact(ctx context.Context, id vocab.ContactID) (contacts.Contact, error) {
	var c contacts.Contact
	err := r.row(ctx, contactDest(&c), `SELECT `+contactColumns+` FROM contacts c WHERE c.id = $1`, string(id))
	if isNone(err) {
		return c, noContact()
	}
	if err == nil && c.MergedInto != "" {
		err = contactMerged(c.MergedInto)
	}
	return c, err
}

// living reads a contact that was not erased; the caller holds its guard.
func (tx *tx) living(ctx context.Context, id vocab.ContactID) (contacts.Contact, error) {
	c, err := tx.contact(ctx, id)
	if err == nil && c.ErasedAt != nil {
		err = &fault.Error{Kind: fault.Conflict, Code: "contact_erased", Detail: "this contact was erased and cannot be changed any more"}
	}
	return c, err
}

func (r runner) profile(ctx context.Context, id vocab.ContactID) (contacts.Profile, error) {
	c, err := r.contact(ctx, id)
	if err != nil {
		return contacts.Profile{}, err
	}
	one := []contacts.Profile{{Contact: c}}
	err = r.addAddresses(ctx, one)
	return one[0], err
}

// usableFirst is the order in which a contact's addresses l of a channel are used: the primary one, then one that was proved, then the
// oldest.
const usableFirst = `l.is_primary DESC, CASE WHEN l.verified_at IS NULL THEN 1 ELSE 0 END, l.created_at, l.address_id`

// addAddresses reads the addresses of contacts.
func (r runner) addAddresses(ctx context.Context, list []contacts.Profile) error {
	if len(list) == 0 {
		return nil
	}
	ids := make([]vocab.ContactID, len(list))
	index := make(map[vocab.ContactID]int, len(list))
	for i, p := range list {
		ids[i], index[p.ID] = p.ID, i
	}
	arg, err := jsonArg(ids)
	if err != nil {
		return err
	}
	var a contacts.LinkedAddress
	dest := []any{
		&a.ID, &a.Channel, &a.Value, &a.Key, at(&a.CreatedAt), &a.ContactID, &a.Primary, atOrNil(&a.VerifiedAt),
		atOrNil(&a.ReassignedAt),
	}
	return r.each(ctx, dest, func() error {
		a.AddressID = a.ID
		p := &list[index[a.ContactID]]
		p.Addresses = append(p.Addresses, a)
		return nil
	}, `
		SELECT a.id, a.channel, a.value, a.lookup, a.created_at, l.contact_id, l.is_primary, l.verified_at, l.reassigned_at
		FROM contact_addresses l JOIN addresses a ON a.id = l.address_id
		WHERE l.contact_id IN {ids $1}
		ORDER BY l.contact_id, a.channel, `+usableFirst, arg)
}
