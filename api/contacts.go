package api

import (
	"context"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// contactBook keeps contacts.
type contactBook interface {
	// Create keeps a new contact; fault.Conflict if its external id is another's.
	Create(ctx context.Context, c contacts.Contact, addresses []contacts.NewAddress) (contacts.Profile, error)
	Get(ctx context.Context, id vocab.ContactID) (contacts.Profile, error)
	// Update changes a contact by a pure function, which may be called again; its error ends the update.
	Update(ctx context.Context, id vocab.ContactID, now time.Time, change func(contacts.Contact) (contacts.Contact, error)) (contacts.Profile, error)
	// List returns contacts, the newest first.
	List(ctx context.Context, f contacts.Filter) ([]contacts.Profile, error)
}

func (a *API) registerContacts() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: "/v1/contacts" + path, Summary: summary, Description: description, Tags: []string{"contacts"},
		}
	}
	create := op("create-contact", http.MethodPost, "", "Make a contact", "With its addresses. It grants nothing: see POST /v1/consents.")
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createContact, http.StatusConflict)
	register(a, op("list-contacts", http.MethodGet, "", "List and search contacts", "The newest first."), a.listContacts, statusInvalid)
	register(a, op("get-contact", http.MethodGet, "/{id}", "Read a contact", "With its addresses."), a.getContact)
	register(a, op("update-contact", http.MethodPatch, "/{id}", "Change a contact",
		"A merge patch (RFC 7396): what is absent stays, null clears. Attributes are merged one by one. Addresses have calls of their own."),
		a.updateContact, http.StatusConflict)
}

// contactBody is a contact to be made.
type contactBody struct {
	ExternalID        string         `json:"external_id,omitempty" example:"teacher-1184" doc:"Your own id, unique; never the identity number (IIN)."`
	Name              string         `json:"name,omitempty" example:"Айгүл Сәрсенова" doc:"At most 200 characters."`
	Language          vocab.Language `json:"language,omitempty" example:"kk" doc:"BCP 47 tag; the organisation's if left out."`
	TimeZone          string         `json:"time_zone,omitempty" example:"Asia/Almaty" doc:"IANA name; the organisation's if left out."`
	Attributes        map[string]any `json:"attributes,omitempty" doc:"At most 50 JSON values for segments and templates. Identity numbers, document numbers and home addresses are refused."`
	Minor             bool           `json:"minor,omitempty" doc:"Under 18: marketing and service need the guardian's consent."`
	GuardianConsented bool           `json:"guardian_consented,omitempty" doc:"The guardian of a minor has consented."`
	Addresses         []addressBody  `json:"addresses,omitempty" maxItems:"20" nullable:"false" doc:"Email addresses and phone numbers."`
}

type createContactInput struct{ Body contactBody }

func (a *API) createContact(ctx context.Context, in *createContactInput) (*reply[contactView], error) {
	b := in.Body
	now := a.now()
	contact, err := contacts.Clean(contacts.Contact{
		ID: vocab.ContactID(vocab.NewID(vocab.ContactPrefix)), ExternalID: b.ExternalID, Name: b.Name, Language: b.Language, TimeZone: b.TimeZone,
		Attributes: b.Attributes, Minor: b.Minor, GuardianConsented: b.GuardianConsented, CreatedAt: now, UpdatedAt: now,
	}, consent.RefuseForbidden)
	if err != nil && fault.KindOf(err) != fault.Invalid {
		return nil, err
	}
	wrong := faultFields(err)
	addresses := make([]contacts.NewAddress, len(b.Addresses))
	for i, x := range b.Addresses {
		if addresses[i], err = a.contactAddress(x); err != nil {
			wrong = append(wrong, faultFields(fault.At("/addresses/"+strconv.Itoa(i), err))...)
		}
	}
	if len(wrong) > 0 {
		return nil, fault.InvalidFields(wrong...)
	}
	p, err := a.Contacts.Create(ctx, contact, addresses)
	if err != nil {
		return nil, err
	}
	return answer(contactOf(p)), nil
}

// faultFields returns what an Invalid fault names.
func faultFields(err error) []fault.Field {
	if err == nil {
		return nil
	}
	var fields []fault.Field
	for _, f := range problemOf(err).Errors {
		fields = append(fields, fault.Field{Pointer: f.Pointer, Code: f.Code, Detail: f.Detail})
	}
	return fields
}

type listContactsInput struct {
	Query      string `query:"q" maxLength:"200" doc:"The beginning of a name, an email address or a phone number, in any case."`
	Email      string `query:"email" maxLength:"320" doc:"Who has this email address."`
	Phone      string `query:"phone" maxLength:"40" doc:"Who has this phone number."`
	ExternalID string `query:"external_id" maxLength:"128" doc:"Who has this id of yours."`
	Language   string `query:"language" maxLength:"35" doc:"Only this language."`
	Erased     bool   `query:"erased" doc:"Also contacts that were erased."`
	Cursor     string `query:"cursor" doc:"next_cursor of the page before."`
	Limit      int    `query:"limit" minimum:"1" maximum:"199" default:"50" doc:"Entries of a page."`
}

func (a *API) listContacts(ctx context.Context, in *listContactsInput) (*reply[page[contactView]], error) {
	f := contacts.Filter{
		Query: strings.TrimSpace(in.Query), ExternalID: in.ExternalID, Language: vocab.Language(in.Language), Erased: in.Erased,
		After: vocab.ContactID(in.Cursor), Limit: pageLimit(in.Limit) + 1,
	}
	var wrong idCheck
	wrong.look("cursor", vocab.ContactPrefix, in.Cursor)
	f.Channel, f.Lookup = a.searched(in.Email, in.Phone, &wrong)
	if err := wrong.err(); err != nil {
		return nil, err
	}
	list, err := a.Contacts.List(ctx, f)
	if err != nil {
		return nil, err
	}
	return pageOf(list, pageLimit(in.Limit), func(p contacts.Profile) string { return string(p.ID) }, contactOf), nil
}

// searched is the address that a list is searched for.
func (a *API) searched(email, phone string, wrong *idCheck) (vocab.Channel, string) {
	if email != "" && phone != "" {
		wrong.add("phone", "ambiguous", "give email or phone, not both")
		return "", ""
	}
	if email == "" && phone == "" {
		return "", ""
	}
	x, err := a.newAddress(addressBody{Email: email, Phone: phone})
	for _, f := range faultFields(err) {
		wrong.add(strings.TrimPrefix(f.Pointer, "/"), f.Code, f.Detail)
	}
	return x.Channel, x.Lookup
}

type contactInput struct {
	ID string `path:"id" example:"con_06gywnjy01xbs0938nkrkaydxw" doc:"The contact."`
}

func checkContactID(id string) error {
	return checkID(vocab.ContactPrefix, id, "contact_not_found", "there is no contact with this id")
}

func (a *API) getContact(ctx context.Context, in *contactInput) (*reply[contactView], error) {
	if err := checkContactID(in.ID); err != nil {
		return nil, err
	}
	p, err := a.Contacts.Get(ctx, vocab.ContactID(in.ID))
	if err != nil {
		return nil, err
	}
	return answer(contactOf(p)), nil
}

// contactPatch is a merge patch of a contact.
type contactPatch struct {
	ExternalID        change[string]         `json:"external_id,omitzero" doc:"Your own id, unique."`
	Name              change[string]         `json:"name,omitzero" doc:"At most 200 characters."`
	Language          change[vocab.Language] `json:"language,omitzero" doc:"BCP 47 tag."`
	TimeZone          change[string]         `json:"time_zone,omitzero" doc:"IANA name."`
	Attributes        change[map[string]any] `json:"attributes,omitzero" doc:"Merged one by one: null takes one away; null for all takes all away."`
	Minor             change[bool]           `json:"minor,omitzero" doc:"Under 18."`
	GuardianConsented change[bool]           `json:"guardian_consented,omitzero" doc:"The guardian of a minor has consented."`
	DataBlocked       change[bool]           `json:"data_blocked,omitzero" doc:"Blocked by law: nothing but legal and breach is sent."`
}

type updateContactInput struct {
	ID   string `path:"id" doc:"The contact."`
	Body contactPatch
}

func (a *API) updateContact(ctx context.Context, in *updateContactInput) (*reply[contactView], error) {
	if err := checkContactID(in.ID); err != nil {
		return nil, err
	}
	now := a.now()
	p, err := a.Contacts.Update(ctx, vocab.ContactID(in.ID), now, func(c contacts.Contact) (contacts.Contact, error) {
		return in.Body.patched(c, now)
	})
	if err != nil {
		return nil, err
	}
	return answer(contactOf(p)), nil
}

func (b contactPatch) patched(c contacts.Contact, now time.Time) (contacts.Contact, error) {
	b.ExternalID.apply(&c.ExternalID)
	b.Name.apply(&c.Name)
	b.Language.apply(&c.Language)
	b.TimeZone.apply(&c.TimeZone)
	b.Minor.apply(&c.Minor)
	b.GuardianConsented.apply(&c.GuardianConsented)
	if b.Attributes.Sent {
		merged := map[string]any{}
		if b.Attributes.Value != nil {
			maps.Copy(merged, c.Attributes)
		}
		maps.Copy(merged, b.Attributes.Value)
		maps.DeleteFunc(merged, func(_ string, v any) bool { return v == nil })
		c.Attributes = merged
	}
	if b.DataBlocked.Sent && b.DataBlocked.Value != (c.DataBlockedAt != nil) {
		c.DataBlockedAt = nil
		if b.DataBlocked.Value {
			c.DataBlockedAt = &now
		}
	}
	return contacts.Clean(c, b.forbidden)
}

// forbidden looks at what the patch brings. What was stored before the rules were as they are must not keep a contact from
// being blocked or corrected.
func (b contactPatch) forbidden(pointer string, v any) []fault.Field {
	kept := pointer == "/name" && !b.Name.Sent || pointer == "/external_id" && !b.ExternalID.Sent || pointer == "/attributes" && !b.Attributes.Sent
	if kept {
		return nil
	}
	return consent.RefuseForbidden(pointer, v)
}

// orEmpty keeps null out of answers.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
