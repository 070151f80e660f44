package api

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/proof"
	"github.com/orleu/elshi/vocab"
)

// Certificates signs the certificates of erasures and shows them.
type Certificates struct {
	Certify func(contacts.Certificate) (string, error) // adds the operator and signs; a JWS
	Keys    []byte                                     // the public key as a JWK set
	Zone    *time.Location                             // of the times on a printed certificate. If nil, UTC
}

func (a *API) registerErasure() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: "/v1/contacts/{id}" + path, Summary: summary, Description: description, Tags: []string{"contacts"},
		}
	}
	register(a, op("erase-contact", http.MethodDelete, "", "Erase a contact",
		"Forgets who it is, for good. The ledger keeps what was sent and granted without naming anybody, and a keyed hash of each address stops "+
			"a later import from bringing it back. What waits is canceled; in_flight names what was being handed over. The answer has the signed "+
			"certificate of what was deleted, what remains and why. A second call answers the same certificate; it forgets what the contact claimed since, and nothing else."),
		a.eraseContact)
	read := op("get-erasure-certificate", http.MethodGet, "/erasure-certificate", "Read the certificate of a contact's erasure",
		"As it was signed then: what was deleted, what remains and on what ground, and the head of the consent ledger at that moment. Nothing in it is "+
			"personal. JSON, or a page to print: by `format`, else by `Accept`. 404 `certificate_not_found` if the contact was not erased.")
	schema := a.huma.OpenAPI().Components.Schemas.Schema(certificateType, true, "CertificateView")
	read.Responses = map[string]*huma.Response{"200": {
		Description: "The certificate.",
		Headers:     map[string]*huma.Param{"X-Request-Id": requestIDHeader},
		Content: map[string]*huma.MediaType{
			"application/json":         {Schema: schema},
			"text/html; charset=utf-8": {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}}
	register(a, read, a.erasureCertificate)
}

// erasedView says what an erasure did.
type erasedView struct {
	At          time.Time         `json:"at" doc:"When it was done."`
	Canceled    []vocab.MessageID `json:"canceled" nullable:"false" doc:"Messages that waited and will not be sent."`
	InFlight    []vocab.MessageID `json:"in_flight" nullable:"false" doc:"Messages that were being handed over and may still arrive."`
	Certificate *certificateView  `json:"certificate,omitempty" doc:"What was deleted, what remains and why; signed."`
}

// certificateView is a certificate with what it can be checked by.
type certificateView struct {
	Certificate object `json:"certificate" doc:"What was signed, readable: see docs/erasure.md for its fields."`
	JWS         string `json:"jws" doc:"The same, signed with Ed25519 (RFC 7515, compact serialisation): this is what to keep."`
	Keys        object `json:"keys" doc:"The public key of today as a JWK set (RFC 7517)."`
}

func (a *API) eraseContact(ctx context.Context, in *contactInput) (*reply[erasedView], error) {
	if err := checkContactID(in.ID); err != nil {
		return nil, err
	}
	id := vocab.ContactID(in.ID)
	done, err := a.Addresses.Erase(ctx, id, contacts.EraseOrder{By: actorOf(ctx).ID, At: a.now(), Certify: a.Certificates.Certify})
	if err != nil {
		return nil, err
	}
	view := erasedView{At: done.At.UTC(), Canceled: orEmpty(done.Canceled), InFlight: orEmpty(done.InFlight)}
	signed, err := a.certificate(ctx, id)
	if err != nil && fault.KindOf(err) != fault.NotFound { // a contact that was erased before there were certificates has none
		return nil, err
	}
	view.Certificate = signed
	return answer(view), nil
}

func (a *API) certificate(ctx context.Context, id vocab.ContactID) (*certificateView, error) {
	jws, err := a.Addresses.ErasureCertificate(ctx, id)
	if err != nil {
		return nil, err
	}
	document, err := proof.Document(jws)
	if err != nil {
		return nil, err
	}
	return &certificateView{document, jws, a.Certificates.Keys}, nil
}

type certificateInput struct {
	ID             string `path:"id" example:"con_06gywnjy01xbs0938nkrkaydxw" doc:"The contact."`
	Format         string `query:"format" enum:"json,html" doc:"json or html; wins over Accept."`
	Lang           string `query:"lang" enum:"kk,ru,en" doc:"Language of the page; wins over Accept-Language."`
	Accept         string `header:"Accept" doc:"text/html for the page."`
	AcceptLanguage string `header:"Accept-Language" doc:"Language of the page: kk, ru or en."`
}

// document is an answer that is no JSON of ours.
type document struct {
	ContentType string `header:"Content-Type" doc:"What it is."`
	Language    string `header:"Content-Language" doc:"The language it is in."`
	Policy      string `header:"Content-Security-Policy" doc:"A page loads nothing."`
	Body        []byte
}

func (a *API) erasureCertificate(ctx context.Context, in *certificateInput) (*document, error) {
	if err := checkContactID(in.ID); err != nil {
		return nil, err
	}
	view, err := a.certificate(ctx, vocab.ContactID(in.ID))
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	if in.Format == "json" || in.Format == "" && !wantsHTML(in.Accept) {
		if err := jsonFormat.Marshal(&body, view); err != nil {
			return nil, err
		}
		return &document{ContentType: "application/json", Body: body.Bytes()}, nil
	}
	lang := sentenceLanguage(in.Lang, in.AcceptLanguage)
	if err := a.printCertificate(&body, view, lang); err != nil {
		return nil, err
	}
	return &document{ContentType: "text/html; charset=utf-8", Language: string(lang), Policy: printedPolicy, Body: body.Bytes()}, nil
}
