package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// addressBook keeps the addresses of contacts, and forgets contacts. Errors are fault.NotFound for a contact or an address that is not
// theirs, and fault.Conflict for a contact that was erased.
type addressBook interface {
	AddAddress(ctx context.Context, contact vocab.ContactID, a contacts.NewAddress, now time.Time) (vocab.AddressID, error)
	// RemoveAddress cancels what waits to go there and returns it.
	RemoveAddress(ctx context.Context, contact vocab.ContactID, address vocab.AddressID, now time.Time) ([]vocab.MessageID, error)
	VerifyAddress(ctx context.Context, contact vocab.ContactID, address vocab.AddressID, now time.Time) error
	// Erase forgets a contact for good and certifies it; a second call changes nothing.
	Erase(ctx context.Context, id vocab.ContactID, order contacts.EraseOrder) (dispatcher.Withdrawn, error)
	// ErasureCertificate returns the certificate as it was signed (JWS); fault.NotFound if the contact was not erased.
	ErasureCertificate(ctx context.Context, id vocab.ContactID) (string, error)
}

func (a *API) registerAddresses() {
	add := huma.Operation{
		OperationID: "add-contact-address", Method: http.MethodPost, Path: "/v1/contacts/{id}/addresses", Tags: []string{"contacts"},
		Summary:       "Give a contact an address",
		Description:   "One that others have is shared with them. One the contact has already is proved or made primary if the new one is.",
		DefaultStatus: http.StatusCreated,
	}
	register(a, add, a.addAddress, http.StatusConflict)
	register(a, huma.Operation{
		OperationID: "remove-contact-address", Method: http.MethodDelete, Path: "/v1/contacts/{id}/addresses/{address_id}", Tags: []string{"contacts"},
		Summary: "Take an address from a contact", Description: "Cancels what waits to go there. Suppressions stay.",
	}, a.removeAddress)
	register(a, huma.Operation{
		OperationID: "verify-contact-address", Method: http.MethodPost, Path: "/v1/contacts/{id}/addresses/{address_id}/verify", Tags: []string{"contacts"},
		Summary:     "Record that the contact proved to hold an address",
		Description: "Transactional, service and marketing messages go to proved addresses alone. The first proof stays.",
	}, a.verifyAddress)
}

// addressBody is an email address or a phone number.
type addressBody struct {
	Email    string `json:"email,omitempty" example:"aigul@example.org" doc:"An email address; or phone."`
	Phone    string `json:"phone,omitempty" example:"+77010000000" doc:"A mobile number, best in E.164; without a country code it is a Kazakh one."`
	Verified bool   `json:"verified,omitempty" doc:"The contact has proved to hold it."`
	Primary  bool   `json:"primary,omitempty" doc:"The one to use on its channel."`
}

// newAddress parses an address.
func (a *API) newAddress(b addressBody) (contacts.NewAddress, error) {
	x := contacts.NewAddress{Verified: b.Verified, Primary: b.Primary}
	switch {
	case b.Email != "" && b.Phone != "":
		return x, fault.InvalidField("", "ambiguous", "give email or phone, not both")
	case b.Email != "":
		value, key, err := contacts.ParseEmail(b.Email)
		x.Channel, x.Value, x.Lookup = vocab.Email, value, key
		return x, fault.At("/email", err)
	case b.Phone != "":
		value, _, err := contacts.ParsePhone(b.Phone, a.Region)
		x.Channel, x.Value, x.Lookup = vocab.SMS, value, value.Reveal()
		return x, fault.At("/phone", err)
	}
	return x, fault.InvalidField("", "required", "give email or phone")
}

// contactAddress parses an address that is to be kept. To search for one, stop it or suppress it, any is taken.
func (a *API) contactAddress(b addressBody) (contacts.NewAddress, error) {
	x, err := a.newAddress(b)
	if wrong := consent.RefuseForbiddenEmail("/email", b.Email); err == nil && len(wrong) > 0 {
		return x, fault.InvalidFields(wrong...)
	}
	return x, err
}

type addAddressInput struct {
	ID   string `path:"id" doc:"The contact."`
	Body addressBody
}

func (a *API) addAddress(ctx context.Context, in *addAddressInput) (*reply[addressView], error) {
	if err := checkContactID(in.ID); err != nil {
		return nil, err
	}
	x, err := a.contactAddress(in.Body)
	if err != nil {
		return nil, err
	}
	id, err := a.Addresses.AddAddress(ctx, vocab.ContactID(in.ID), x, a.now())
	if err != nil {
		return nil, err
	}
	return a.theirAddress(ctx, in.ID, id)
}

// theirAddress reads one address of a contact.
func (a *API) theirAddress(ctx context.Context, contact string, id vocab.AddressID) (*reply[addressView], error) {
	p, err := a.Contacts.Get(ctx, vocab.ContactID(contact))
	if err != nil {
		return nil, err
	}
	for _, x := range p.Addresses {
		if x.ID == id {
			return answer(addressOf(x)), nil
		}
	}
	return nil, noAddress() // taken away a moment ago
}

func noAddress() error {
	return fault.Missing("address_not_found", "the contact has no address with this id")
}

type addressInput struct {
	ID        string `path:"id" doc:"The contact."`
	AddressID string `path:"address_id" example:"adr_06gywnjy01xbs0938nkrkaydxw" doc:"The address."`
}

func (in addressInput) check() error {
	if err := checkContactID(in.ID); err != nil {
		return err
	}
	return checkID(vocab.AddressPrefix, in.AddressID, "address_not_found", "the contact has no address with this id")
}

// canceledView names messages that will not be sent.
type canceledView struct {
	Canceled []vocab.MessageID `json:"canceled" nullable:"false" doc:"Messages that waited and will not be sent."`
}

func (a *API) removeAddress(ctx context.Context, in *addressInput) (*reply[canceledView], error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	canceled, err := a.Addresses.RemoveAddress(ctx, vocab.ContactID(in.ID), vocab.AddressID(in.AddressID), a.now())
	if err != nil {
		return nil, err
	}
	return answer(canceledView{orEmpty(canceled)}), nil
}

func (a *API) verifyAddress(ctx context.Context, in *addressInput) (*reply[addressView], error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if err := a.Addresses.VerifyAddress(ctx, vocab.ContactID(in.ID), vocab.AddressID(in.AddressID), a.now()); err != nil {
		return nil, err
	}
	return a.theirAddress(ctx, in.ID, vocab.AddressID(in.AddressID))
}
