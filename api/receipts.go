package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/proof"
	"github.com/orleu/elshi/vocab"
)

// receiptBook makes receipts of consents; proof.Receipts is one.
type receiptBook interface {
	// Issue returns the receipt for an entry of the consent ledger, the same each time; fault.NotFound if there is no such entry.
	Issue(ctx context.Context, id vocab.ConsentEventID) (proof.Signed, error)
}

func (a *API) registerReceipts() {
	register(a, huma.Operation{
		OperationID: "get-consent-receipt", Method: http.MethodGet, Path: "/v1/consents/{id}/receipt", Tags: []string{"consents"},
		Summary: "Read the receipt of a consent",
		Description: "What the contact may keep of a grant or a withdrawal: the words that were shown, who, what, when, with the field names of ISO/IEC TS 27560:2023, and signed. " +
			"It names the contact by a pseudonym and no address. The same each time. The public key is at /.well-known/elshi-keys.json.",
	}, a.receipt)
}

type receiptInput struct {
	ID string `path:"id" maxLength:"64" example:"cev_06gywnjy01xbs0938nkrkaydxw" doc:"The entry of the consent ledger: event_id of a grant, or one of events of a withdrawal."`
}

// receiptView is a receipt with its signature.
type receiptView struct {
	Receipt proof.Receipt `json:"receipt" doc:"The receipt, to be read."`
	JWS     string        `json:"jws" doc:"The same receipt, signed: a JWS (RFC 7515) in compact serialisation with EdDSA (RFC 8037). Believe its payload."`
}

func (a *API) receipt(ctx context.Context, in *receiptInput) (*reply[receiptView], error) {
	if err := checkID(vocab.ConsentEventPrefix, in.ID, "consent_event_not_found", "there is no entry of the consent ledger with this id"); err != nil {
		return nil, err
	}
	signed, err := a.Receipts.Issue(ctx, vocab.ConsentEventID(in.ID))
	if err != nil {
		return nil, err
	}
	return answer(receiptView{signed.Receipt, signed.JWS}), nil
}
