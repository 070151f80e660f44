package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/disclosures"
	"github.com/orleu/elshi/vocab"
)

// disclosureBook keeps the register of disclosures.
type disclosureBook interface {
	// Create keeps a draft; fault.Invalid if one of its contacts does not exist.
	Create(ctx context.Context, d disclosures.Disclosure) (disclosures.Disclosure, error)
	Get(ctx context.Context, id vocab.DisclosureID) (disclosures.Disclosure, error)
	// List returns disclosures, the newest first.
	List(ctx context.Context, f disclosures.Filter) ([]disclosures.Disclosure, error)
	// Change moves one on by a pure function, which may be called again; its error ends the change.
	Change(ctx context.Context, id vocab.DisclosureID, change func(disclosures.Disclosure) (disclosures.Disclosure, error)) (disclosures.Disclosure, error)
}

func (a *API) registerDisclosures() {
	op := func(id, method, path, summary, description string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: "/v1/disclosures" + path, Summary: summary, Description: description, Tags: []string{"disclosures"},
		}
	}
	create := op("create-disclosure", http.MethodPost, "", "Draft a disclosure to an authority",
		"Policy clause 4.2. Of named contacts alone, ten at most; there is no door for more. It is exported after two members other than you approved it.")
	create.DefaultStatus = http.StatusCreated
	register(a, create, a.createDisclosure)
	register(a, op("list-disclosures", http.MethodGet, "", "List to whom data were disclosed", "The newest first; of one contact with contact_id."), a.listDisclosures, statusInvalid)
	register(a, op("get-disclosure", http.MethodGet, "/{id}", "Read a disclosure", "Who asked, on what ground, about whom, who approved, and the hashes of what was exported."), a.getDisclosure)
	register(a, op("approve-disclosure", http.MethodPost, "/{id}/approve", "Approve a disclosure",
		"Twice, by two members, neither of whom drafted it: 403 own_draft, approved_before."), a.approveDisclosure, http.StatusConflict)
	register(a, op("refuse-disclosure", http.MethodPost, "/{id}/refuse", "Refuse a disclosure", "For good, also after approvals."), a.refuseDisclosure, http.StatusConflict)
	register(a, op("export-disclosure", http.MethodPost, "/{id}/export", "Export what was approved",
		"Once: exactly the scope as one JSON document, encrypted to the recipient's age key. It is answered this once and not kept; its hashes are."),
		a.exportDisclosure, http.StatusConflict)
}

type createDisclosureInput struct {
	Body struct {
		Body        string             `json:"body" maxLength:"300" example:"Алматы қ. № 2 аудандық соты" doc:"Who asks."`
		BIN         string             `json:"bin,omitempty" maxLength:"20" doc:"Its business identification number, if it has one: 12 digits."`
		Ground      string             `json:"ground" maxLength:"2000" doc:"The rule of law that obliges us, with its article."`
		Reference   string             `json:"reference" maxLength:"100" example:"7599-26-00-4а/123" doc:"The number of the request."`
		RequestedOn string             `json:"requested_on" maxLength:"10" example:"2026-11-20" doc:"The date of the request."`
		ContactIDs  []vocab.ContactID  `json:"contact_ids" minItems:"1" maxItems:"10" nullable:"false" doc:"Whose data, one by one."`
		Parts       []disclosures.Part `json:"parts" enum:"identity,consents,messages,timeline" minItems:"1" maxItems:"4" nullable:"false" doc:"What of them. identity: name, attributes, addresses. consents: grants and the ledger's events. messages: what was sent and why, without texts. timeline: both in one list."`
		Recipient   string             `json:"recipient" maxLength:"100" example:"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p" doc:"The body's age public key; nobody else can open the export, we neither."`
	} `nameHint:"DisclosureBody"`
}

// disclosureView is an entry of the register.
type disclosureView struct {
	ID          vocab.DisclosureID `json:"id" example:"dis_06gywnjy01xbs0938nkrkaydxw" doc:"The disclosure."`
	State       disclosures.State  `json:"state" enum:"draft,first_approval,approved,exported,refused" doc:"Where it is in its life."`
	Body        string             `json:"body" doc:"Who asks."`
	BIN         string             `json:"bin,omitempty" doc:"Its business identification number."`
	Ground      string             `json:"ground" doc:"The rule of law."`
	Reference   string             `json:"reference" doc:"The number of the request."`
	RequestedOn string             `json:"requested_on" doc:"The date of the request."`
	ContactIDs  []vocab.ContactID  `json:"contact_ids" nullable:"false" doc:"Whose data."`
	Parts       []disclosures.Part `json:"parts" enum:"identity,consents,messages,timeline" nullable:"false" doc:"What of them."`
	Recipient   string             `json:"recipient" doc:"The age public key it is encrypted to."`
	DraftedBy   vocab.MemberID     `json:"drafted_by" doc:"Who drafted it."`
	DraftedAt   time.Time          `json:"drafted_at" doc:"When."`
	Approvals   []approvalView     `json:"approvals" nullable:"false" doc:"Who approved it, in order; two are needed."`
	RefusedBy   vocab.MemberID     `json:"refused_by,omitempty" doc:"Who refused it."`
	RefusedAt   time.Time          `json:"refused_at,omitzero" doc:"When."`
	Refusal     string             `json:"refusal,omitempty" doc:"Why."`
	ExportedBy  vocab.MemberID     `json:"exported_by,omitempty" doc:"Who exported it."`
	ExportedAt  time.Time          `json:"exported_at,omitzero" doc:"When."`
	PlainHash   string             `json:"document_sha256,omitempty" doc:"SHA-256 of the document that was encrypted, in hex."`
	SealedHash  string             `json:"export_sha256,omitempty" doc:"SHA-256 of what was handed out, in hex."`
}

// approvalView is one member's yes.
type approvalView struct {
	By vocab.MemberID `json:"by" doc:"Who."`
	At time.Time      `json:"at" doc:"When."`
}

func disclosureOf(d disclosures.Disclosure) disclosureView {
	view := disclosureView{
		ID: d.ID, State: d.State, Body: d.Body, BIN: d.BIN, Ground: d.Ground, Reference: d.Reference, RequestedOn: d.RequestedOn,
		ContactIDs: d.Contacts, Parts: d.Parts, Recipient: d.Recipient, DraftedBy: d.DraftedBy, DraftedAt: d.DraftedAt.UTC(), Approvals: []approvalView{},
		RefusedBy: d.RefusedBy, RefusedAt: d.RefusedAt.UTC(), Refusal: d.Refusal, ExportedBy: d.ExportedBy, ExportedAt: d.ExportedAt.UTC(),
		PlainHash: d.PlainHash, SealedHash: d.SealedHash,
	}
	for _, x := range []disclosures.Approval{d.First, d.Second} {
		if x.By != "" {
			view.Approvals = append(view.Approvals, approvalView{x.By, x.At.UTC()})
		}
	}
	return view
}

// seenDisclosure answers with a disclosure and notes whose data it is about.
func seenDisclosure(ctx context.Context, d disclosures.Disclosure, err error) (*reply[disclosureView], error) {
	if err != nil {
		return nil, err
	}
	visitOf(ctx).saw(d.Contacts...)
	return answer(disclosureOf(d)), nil
}

func (a *API) createDisclosure(ctx context.Context, in *createDisclosureInput) (*reply[disclosureView], error) {
	b, now := in.Body, a.now()
	d, err := disclosures.Clean(disclosures.Disclosure{
		ID: vocab.DisclosureID(vocab.NewID(vocab.DisclosurePrefix)), State: disclosures.Draft, Body: b.Body, BIN: b.BIN, Ground: b.Ground,
		Reference: b.Reference, RequestedOn: b.RequestedOn, Contacts: b.ContactIDs, Parts: b.Parts, Recipient: b.Recipient,
		DraftedBy: visitOf(ctx).member.ID, DraftedAt: now,
	}, now)
	if err != nil {
		return nil, err
	}
	d, err = a.Disclosures.Create(ctx, d)
	return seenDisclosure(ctx, d, err)
}

type listDisclosuresInput struct {
	ContactID string `query:"contact_id" doc:"Only about this contact: to whom were their data given?"`
	State     string `query:"state" enum:"draft,first_approval,approved,exported,refused" doc:"Only this state."`
	Cursor    string `query:"cursor" doc:"next_cursor of the page before."`
	Limit     int    `query:"limit" minimum:"1" maximum:"199" default:"50" doc:"Entries of a page."`
}

func (a *API) listDisclosures(ctx context.Context, in *listDisclosuresInput) (*reply[page[disclosureView]], error) {
	var wrong idCheck
	wrong.look("contact_id", vocab.ContactPrefix, in.ContactID)
	wrong.look("cursor", vocab.DisclosurePrefix, in.Cursor)
	if err := wrong.err(); err != nil {
		return nil, err
	}
	list, err := a.Disclosures.List(ctx, disclosures.Filter{
		ContactID: vocab.ContactID(in.ContactID), State: disclosures.State(in.State), After: vocab.DisclosureID(in.Cursor), Limit: pageLimit(in.Limit) + 1,
	})
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		visitOf(ctx).saw(d.Contacts...)
	}
	return pageOf(list, pageLimit(in.Limit), func(d disclosures.Disclosure) string { return string(d.ID) }, disclosureOf), nil
}

type disclosureInput struct {
	ID string `path:"id" example:"dis_06gywnjy01xbs0938nkrkaydxw" doc:"The disclosure."`
}

func checkDisclosureID(id string) error {
	return checkID(vocab.DisclosurePrefix, id, "disclosure_not_found", "there is no disclosure with this id")
}

func (a *API) getDisclosure(ctx context.Context, in *disclosureInput) (*reply[disclosureView], error) {
	if err := checkDisclosureID(in.ID); err != nil {
		return nil, err
	}
	d, err := a.Disclosures.Get(ctx, vocab.DisclosureID(in.ID))
	return seenDisclosure(ctx, d, err)
}

func (a *API) approveDisclosure(ctx context.Context, in *disclosureInput) (*reply[disclosureView], error) {
	return a.changeDisclosure(ctx, in.ID, func(d disclosures.Disclosure) (disclosures.Disclosure, error) {
		return d.Approve(visitOf(ctx).member, a.now())
	})
}

type refuseDisclosureInput struct {
	ID   string `path:"id" doc:"The disclosure."`
	Body struct {
		Reason string `json:"reason" maxLength:"1000" doc:"Why. No personal data."`
	} `nameHint:"DisclosureRefusal"`
}

func (a *API) refuseDisclosure(ctx context.Context, in *refuseDisclosureInput) (*reply[disclosureView], error) {
	why, err := disclosures.CleanRefusal(in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return a.changeDisclosure(ctx, in.ID, func(d disclosures.Disclosure) (disclosures.Disclosure, error) {
		return d.Refuse(visitOf(ctx).member, why, a.now())
	})
}

func (a *API) changeDisclosure(ctx context.Context, id string, change func(disclosures.Disclosure) (disclosures.Disclosure, error)) (*reply[disclosureView], error) {
	if err := checkDisclosureID(id); err != nil {
		return nil, err
	}
	d, err := a.Disclosures.Change(ctx, vocab.DisclosureID(id), change)
	return seenDisclosure(ctx, d, err)
}

// exportView is what is handed over.
type exportView struct {
	Disclosure disclosureView `json:"disclosure" doc:"The register's entry."`
	Export     string         `json:"export" doc:"The document, encrypted (age, armored): open it with age --decrypt. Its SHA-256 is export_sha256."`
}

// exportDisclosure collects, encrypts, registers, and only then answers: what was handed out is in the register whatever becomes of the answer.
func (a *API) exportDisclosure(ctx context.Context, in *disclosureInput) (*reply[exportView], error) {
	if err := checkDisclosureID(in.ID); err != nil {
		return nil, err
	}
	id := vocab.DisclosureID(in.ID)
	d, err := a.Disclosures.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := d.Exportable(); err != nil {
		return nil, err
	}
	now := a.now()
	document, err := a.disclosureDocument(ctx, d, now)
	if err != nil {
		return nil, err
	}
	sealed, err := disclosures.Seal(d.Recipient, document)
	if err != nil {
		return nil, err
	}
	d, err = a.Disclosures.Change(ctx, id, func(d disclosures.Disclosure) (disclosures.Disclosure, error) {
		return d.Export(visitOf(ctx).member, sealed, now)
	})
	if err != nil {
		return nil, err
	}
	visitOf(ctx).saw(d.Contacts...)
	return answer(exportView{disclosureOf(d), sealed.Text}), nil
}
