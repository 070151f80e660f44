package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

func (a *API) registerKeys() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: "/v1/api-keys" + path, Summary: summary, Description: description, Tags: []string{"operation"},
		}
	}
	create := op("create-api-key", http.MethodPost, "", "Make an API key", "Its secret is answered this once and cannot be read again.")
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createKey)
	register(a, op("list-api-keys", http.MethodGet, "", "List API keys", "Without secrets; revoked ones too."), a.listKeys)
	register(a, op("revoke-api-key", http.MethodDelete, "/{id}", "Revoke an API key", "For good, at once."), a.revokeKey)
}

type createKeyInput struct {
	Body struct {
		Name   string          `json:"name" minLength:"1" maxLength:"100" example:"enrolment system" doc:"What it is for. No personal data."`
		Mode   dispatcher.Mode `json:"mode" enum:"live,guest_list,test" doc:"live reaches people, guest_list only the guests, test only the catcher."`
		Guests []addressedBody `json:"guests,omitempty" maxItems:"100" nullable:"false" doc:"Whom alone a guest_list key may write to; kept as keyed hashes."`
	} `nameHint:"APIKeyBody"`
}

// keyView is a key without its secret.
type keyView struct {
	ID        vocab.APIKeyID  `json:"id" example:"key_06gywnjy01xbs0938nkrkaydxw" doc:"The key."`
	Name      string          `json:"name" doc:"What it is for."`
	Mode      dispatcher.Mode `json:"mode" enum:"live,guest_list,test" doc:"What it reaches."`
	Guests    int             `json:"guests" doc:"How many addresses a guest_list key may write to."`
	CreatedAt time.Time       `json:"created_at" doc:"When it was made."`
	RevokedAt time.Time       `json:"revoked_at,omitzero" doc:"When it was revoked; absent while it is in force."`
	Secret    string          `json:"secret,omitempty" example:"elshi_live_…" doc:"Only in the answer that made it."`
}

func keyOf(k dispatcher.APIKey) keyView {
	return keyView{ID: k.ID, Name: k.Name, Mode: k.Mode, Guests: len(k.Guests), CreatedAt: k.CreatedAt.UTC(), RevokedAt: k.RevokedAt.UTC()}
}

func (a *API) createKey(ctx context.Context, in *createKeyInput) (*reply[keyView], error) {
	b := in.Body
	var guests []contacts.Address
	wrong := consent.RefuseForbidden("/name", b.Name)
	for i, g := range b.Guests {
		x, err := a.newAddress(addressBody{Email: g.Email, Phone: g.Phone})
		wrong = append(wrong, faultFields(fault.At("/guests/"+strconv.Itoa(i), err))...)
		guests = append(guests, contacts.Address{Channel: x.Channel, Key: x.Lookup})
	}
	if (b.Mode == dispatcher.GuestList) != (len(b.Guests) > 0) {
		wrong = append(wrong, fault.Field{Pointer: "/guests", Code: "guests_for_guest_list", Detail: "a guest_list key has guests, and no other key has"})
	}
	if len(wrong) > 0 {
		return nil, fault.InvalidFields(wrong...)
	}
	key, secret, err := a.Keys.Create(ctx, b.Name, b.Mode, guests, a.now())
	if err != nil {
		return nil, err
	}
	view := keyOf(key)
	view.Secret = secret
	return answer(view), nil
}

func (a *API) listKeys(ctx context.Context, _ *struct{}) (*reply[page[keyView]], error) {
	list, err := a.Keys.List(ctx)
	if err != nil {
		return nil, err
	}
	return pageOf(list, len(list), nil, keyOf), nil
}

type keyInput struct {
	ID string `path:"id" doc:"The key."`
}

func (a *API) revokeKey(ctx context.Context, in *keyInput) (*reply[keyView], error) {
	if err := checkID(vocab.APIKeyPrefix, in.ID, "api_key_not_found", "there is no API key with this id"); err != nil {
		return nil, err
	}
	key, err := a.Keys.Revoke(ctx, vocab.APIKeyID(in.ID), a.now())
	if err != nil {
		return nil, err
	}
	return answer(keyOf(key)), nil
}
