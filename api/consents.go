package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// consentBook keeps the consent ledger and what it amounts to.
type consentBook interface {
	// Record appends one event about one contact; fault.Conflict if it changes nothing.
	Record(ctx context.Context, e consent.Event, evidence string, crossBorder bool) (consent.Event, consent.Grant, error)
	// OfContact returns the grants of a contact, sorted.
	OfContact(ctx context.Context, contact vocab.ContactID) ([]consent.HeldGrant, error)
	// EventsOf returns the entries about a contact, the newest first; those before an id, if one is given.
	EventsOf(ctx context.Context, contact vocab.ContactID, before vocab.ConsentEventID, limit int) ([]consent.Event, error)
}

func (a *API) registerConsents() {
	record := huma.Operation{
		OperationID: "record-consent", Method: http.MethodPost, Path: "/v1/consents", Tags: []string{"consents"}, DefaultStatus: http.StatusCreated,
		Summary: "Record what a contact granted, asked for, confirmed or refused",
		Description: "For exactly one purpose, channel and topic. An import never beats an earlier no, and a purpose that needs no consent takes none: 409 consent_unchanged. To take a consent " +
			"back use POST /v1/consents/withdraw, which also stops what waits.",
	}
	register(a, record, a.recordConsent, http.StatusConflict, http.StatusNotFound)
	register(a, huma.Operation{
		OperationID: "list-contact-consents", Method: http.MethodGet, Path: "/v1/contacts/{id}/consents", Tags: []string{"consents"},
		Summary: "Read what a contact has granted", Description: "The present state of each grant, sorted by purpose, channel and topic.",
	}, a.contactConsents)
}

// consentBody is one thing a contact said about one purpose.
type consentBody struct {
	ContactID     vocab.ContactID `json:"contact_id" example:"con_06gywnjy01xbs0938nkrkaydxw" doc:"Who said it."`
	Kind          string          `json:"kind" enum:"grant,request,confirm,renew,refuse,import" doc:"grant: given by somebody whose address needs no further proof. request: asked for, lapses after 72 h. confirm: a request confirmed (double opt-in). renew: agreed again to what was granted, also after it expired or its text changed. refuse: said no. import: granted elsewhere."`
	Purpose       vocab.Purpose   `json:"purpose" example:"news.company" doc:"An entry of GET /v1/purposes; or processing.core, event.registry, event.publish_results for a use of data."`
	Channel       vocab.Channel   `json:"channel,omitempty" enum:"email,sms" doc:"email or sms; a use of data has none."`
	Topic         vocab.Topic     `json:"topic,omitempty" maxLength:"128" doc:"One topic of the purpose; none means the purpose without topic."`
	Source        consent.Source  `json:"source,omitempty" enum:"api,sign_up_form,preference_page,confirm_link,operator" doc:"The way it came in; api if left out. Of an import it is import."`
	Language      vocab.Language  `json:"language,omitempty" example:"kk" doc:"The language of the text that was shown."`
	TextVersion   int             `json:"text_version,omitempty" minimum:"1" maximum:"1000000000" example:"3" doc:"Which version of the consent text was shown (GET /v1/consent-texts/current). Where one is published, a grant, request, confirmation or renewal names it, by its number or its hash, unless proof says what shows it instead."`
	TextHash      string          `json:"text_hash,omitempty" maxLength:"128" doc:"The hash of the words in the language they were shown in; filled in if text_version and language say which. Of a text that is not published here, a SHA-256 of your own."`
	PolicyVersion string          `json:"policy_version,omitempty" maxLength:"128" example:"2026-05-01" doc:"The privacy policy in force."`
	CrossBorder   bool            `json:"cross_border,omitempty" doc:"The text covers a transfer abroad; of a text that is published here it says so itself."`
	Proof         string          `json:"proof,omitempty" enum:"signed_form,operator_note" doc:"What shows it, if it was not shown on a screen: a paper form, whose SHA-256 is proof_ref; or what an operator wrote down, which is evidence."`
	ProofRef      string          `json:"proof_ref,omitempty" maxLength:"64" doc:"Of signed_form: the SHA-256 of the scanned form, 64 hexadecimal digits."`
	GivenAt       moment          `json:"given_at,omitzero" doc:"When it was given, for an import or one with a proof; now if left out. A grant ends so long after it."`
	Evidence      string          `json:"evidence,omitempty" maxLength:"4000" doc:"What shows it (a form's content, an IP address). Kept beside the ledger, erased with the contact; the ledger holds a commitment to it."`
}

type recordConsentInput struct{ Body consentBody }

// consentView is one grant.
type consentView struct {
	Purpose     vocab.Purpose        `json:"purpose" doc:"What for."`
	Channel     vocab.Channel        `json:"channel,omitempty" doc:"How; a use of data has none."`
	Topic       vocab.Topic          `json:"topic,omitempty" doc:"The topic, if any."`
	State       consent.State        `json:"state" enum:"none,pending,granted,refused,withdrawn,expired,stale,lapsed" doc:"What the contact's events amount to."`
	Since       time.Time            `json:"since,omitzero" doc:"When it came to this."`
	ValidUntil  time.Time            `json:"valid_until,omitzero" doc:"When a grant ends (exclusive)."`
	EventID     vocab.ConsentEventID `json:"event_id,omitempty" example:"cev_06gywnjy01xbs0938nkrkaydxw" doc:"The entry of the ledger that led to it."`
	TextVersion int                  `json:"text_version,omitempty" doc:"The version of the consent text that was agreed to; absent: none that is published here."`
	CrossBorder bool                 `json:"cross_border" doc:"The text covers a transfer abroad."`
}

func consentOf(x consent.HeldGrant) consentView {
	return consentView{
		Purpose: x.Key.Purpose, Channel: x.Key.Channel, Topic: x.Key.Topic, State: x.Grant.State, Since: x.Grant.Since.UTC(),
		ValidUntil: x.Grant.ValidUntil.UTC(), EventID: x.Grant.Event, TextVersion: x.Grant.Text,
		CrossBorder: x.CrossBorder,
	}
}

func (a *API) recordConsent(ctx context.Context, in *recordConsentInput) (*reply[consentView], error) {
	b := in.Body
	if err := checkBodyContact(b.ContactID); err != nil {
		return nil, err
	}
	if err := refuseForbidden("/evidence", b.Evidence); err != nil {
		return nil, err
	}
	if err := refuseForbidden("/topic", string(b.Topic)); err != nil {
		return nil, err
	}
	e, err := a.consentEvent(b, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	e, abroad, err := a.shown(ctx, b, e)
	if err != nil {
		return nil, err
	}
	kept, grant, err := a.Consents.Record(ctx, e, b.Evidence, abroad)
	if err != nil {
		return nil, err
	}
	key := consent.GrantKey{Purpose: kept.Purpose, Channel: kept.Channel, Topic: kept.Topic}
	return answer(consentOf(consent.HeldGrant{Key: key, Grant: grant, CrossBorder: abroad})), nil
}

// consentEvent makes the ledger's entry and checks it, because an entry cannot be taken back.
func (a *API) consentEvent(b consentBody, actor audit.Actor) (consent.Event, error) {
	now := a.now()
	e := consent.Event{
		ID: vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix)), Kind: consentKinds[b.Kind], ContactID: b.ContactID,
		Scope: consent.ScopePurpose, Purpose: b.Purpose, Channel: b.Channel, Topic: b.Topic, Source: b.Source, ActorKind: actor.Kind,
		ActorID: actor.ID, Language: b.Language, TextHash: b.TextHash, PolicyVersion: b.PolicyVersion, At: now,
	}
	if err := givenEarlier(b, now, &e); err != nil {
		return e, err
	}
	if b.Topic != "" {
		e.Scope = consent.ScopeTopic
	}
	if e.Source == "" {
		e.Source = consent.SourceAPI
	}
	if b.Kind == "import" {
		e.Source = consent.SourceImport
	}
	info, registered := a.Purposes.Lookup(b.Purpose)
	use := isUseOfData(b.Purpose)
	switch {
	case !registered && !use:
		return e, noPurpose()
	case registered && b.Channel == "":
		return e, fault.InvalidField("/channel", "required", "a consent to messages is for exactly one channel: email or sms")
	case use && (b.Channel != "" || b.Topic != ""):
		return e, fault.InvalidField("/channel", "not_for_use_of_data", "the consent to a use of data has no channel and no topic")
	}
	switch e.Kind { //nolint:exhaustive // the others grant nothing
	case consent.KindGranted, consent.KindConfirmed, consent.KindRenewed, consent.KindImported:
		e.ValidUntil = info.ValidUntil(e.At)
	}
	if err := e.Check(); err != nil {
		return e, err
	}
	return e, a.refuseVain(e)
}

var consentKinds = map[string]consent.EventKind{
	"grant": consent.KindGranted, "request": consent.KindRequested, "confirm": consent.KindConfirmed, "renew": consent.KindRenewed,
	"refuse": consent.KindRefused, "import": consent.KindImported,
}

func isUseOfData(p vocab.Purpose) bool {
	for _, use := range consent.ProcessingUses() {
		if use.ID == p {
			return true
		}
	}
	return false
}

func noPurpose() error {
	return fault.InvalidField("/purpose", "purpose_unregistered", "this purpose is not in the registry; GET /v1/purposes lists what is")
}

// refuseForbidden keeps out identifiers that the organisation never stores (policy clause 2.2).
func refuseForbidden(pointer, text string) error {
	if wrong := consent.RefuseForbidden(pointer, text); len(wrong) > 0 {
		return fault.InvalidFields(wrong...)
	}
	return nil
}

// checkBodyContact checks a contact that a body names.
func checkBodyContact(id vocab.ContactID) error {
	if _, err := vocab.ParseID(vocab.ContactPrefix, string(id)); err != nil {
		return fault.InvalidField("/contact_id", "invalid_id", "want an id such as con_ and 26 characters")
	}
	return nil
}

func (a *API) contactConsents(ctx context.Context, in *contactInput) (*reply[page[consentView]], error) {
	if err := checkContactID(in.ID); err != nil {
		return nil, err
	}
	if _, err := a.Contacts.Get(ctx, vocab.ContactID(in.ID)); err != nil {
		return nil, err
	}
	list, err := a.Consents.OfContact(ctx, vocab.ContactID(in.ID))
	if err != nil {
		return nil, err
	}
	return pageOf(list, len(list), nil, consentOf), nil
}
