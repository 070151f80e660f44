package api

import (
	"context"
	"net/http"
	"time"

	"github.com/orleu/elshi/contacts"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// withdrawer records withdrawals; see dispatcher.Withdrawer.
type withdrawer interface {
	Withdraw(ctx context.Context, x dispatcher.Withdrawal, wait time.Duration) (dispatcher.Withdrawn, error)
}

func (a *API) registerWithdrawals() {
	register(a, huma.Operation{
		OperationID: "withdraw-consent", Method: http.MethodPost, Path: "/v1/consents/withdraw", Tags: []string{"consents"},
		Summary: "Take consents back and stop what waits",
		Description: "A withdrawal may be wide: everything, a channel, a purpose, a topic, a partner, an address or the processing of data. Once it is " +
			"answered, no covered message is handed over except those that in_flight names. What is withdrawn already is not written again: a " +
			"repetition is answered with the ledger's earlier entries, and cancels what came since. Purposes that stand on no consent and no " +
			"choice, such as request.reply, cannot be withdrawn: 409 consent_unchanged.",
	}, a.withdraw, http.StatusNotFound, http.StatusConflict)
}

// withdrawBody is what a contact does not want any more.
type withdrawBody struct {
	ContactID     vocab.ContactID `json:"contact_id,omitempty" example:"con_06gywnjy01xbs0938nkrkaydxw" doc:"Who withdraws; or address, for everybody behind it."`
	Address       addressedBody   `json:"address,omitzero" doc:"The address it came from; needed for scope address."`
	Scope         consent.Scope   `json:"scope" enum:"all,channel,purpose,topic,partner,address,processing" doc:"all: every message that needs a grant. channel, purpose (on channel, or on all), topic, partner (a partner.<id> purpose), address: all on the address's channel. processing: the processing of personal data, or one use of it."`
	Channel       vocab.Channel   `json:"channel,omitempty" enum:"email,sms" doc:"Needed for scope channel; narrows purpose, topic and partner."`
	Purpose       vocab.Purpose   `json:"purpose,omitempty" example:"news.company" doc:"Needed for scope purpose and partner; narrows topic and processing."`
	Topic         vocab.Topic     `json:"topic,omitempty" maxLength:"128" doc:"Needed for scope topic."`
	Source        consent.Source  `json:"source,omitempty" enum:"api,preference_page,operator,one_click,mailto,sms_keyword,complaint" doc:"The way it came in; api if left out."`
	Language      vocab.Language  `json:"language,omitempty" example:"kk" doc:"The language it was said in."`
	PolicyVersion string          `json:"policy_version,omitempty" maxLength:"128" doc:"The privacy policy in force."`
	Evidence      string          `json:"evidence,omitempty" maxLength:"4000" doc:"What shows it; kept beside the ledger and erased with the contact."`
}

// addressedBody names an address.
type addressedBody struct {
	Email string `json:"email,omitempty" example:"aigul@example.org" doc:"An email address; or phone."`
	Phone string `json:"phone,omitempty" example:"+77010000000" doc:"A phone number."`
}

type withdrawInput struct {
	Wait string `query:"wait" example:"5s" maxLength:"10" doc:"How long to wait for messages that are being handed over at that moment, for example 5s. At most what the operator set (5s); 0s if left out."`
	Body withdrawBody
}

// withdrawnView acknowledges a withdrawal.
type withdrawnView struct {
	At       time.Time              `json:"at" doc:"From this time on nothing covered is handed over but in_flight; of a repetition the earlier time."`
	Events   []vocab.ConsentEventID `json:"events" nullable:"false" doc:"The entries of the consent ledger that say so, one per contact; of a repetition the earlier ones."`
	Canceled []vocab.MessageID      `json:"canceled" nullable:"false" doc:"Messages that waited and will not be sent."`
	InFlight []vocab.MessageID      `json:"in_flight" nullable:"false" doc:"Messages that were being handed over and may still arrive."`
}

func (a *API) withdraw(ctx context.Context, in *withdrawInput) (*reply[withdrawnView], error) {
	wait, err := a.withdrawWait(in.Wait)
	if err != nil {
		return nil, err
	}
	b := in.Body
	if err := a.checkWithdraw(b); err != nil {
		return nil, err
	}
	x := dispatcher.Withdrawal{
		ContactID: b.ContactID, Evidence: b.Evidence,
		Event: consent.Event{
			ID: vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix)), Kind: consent.KindWithdrawn, ContactID: b.ContactID, Scope: b.Scope,
			Purpose: b.Purpose, Channel: b.Channel, Topic: b.Topic, Source: b.Source, ActorKind: actorOf(ctx).Kind,
			ActorID: actorOf(ctx).ID, Language: b.Language, PolicyVersion: b.PolicyVersion, At: a.now(),
		},
	}
	orElse(&x.Event.Source, consent.SourceAPI)
	if b.Address != (addressedBody{}) {
		if x.AddressID, x.Event.Channel, err = a.knownAddress(ctx, b); err != nil {
			return nil, err
		}
	}
	if err := checkEvent(x.Event); err != nil {
		return nil, err
	}
	if err := a.refuseVain(x.Event); err != nil {
		return nil, err
	}
	done, err := a.Withdrawer.Withdraw(ctx, x, wait)
	if err != nil {
		return nil, err
	}
	return answer(withdrawnView{done.At.UTC(), orEmpty(done.Events), orEmpty(done.Canceled), orEmpty(done.InFlight)}), nil
}

// checkEvent asks whether an entry may be chained. Whom it is about may be known only to the ledger, which then names each.
func checkEvent(e consent.Event) error {
	if e.ContactID == "" {
		e.ContactID = "everybody"
	}
	return e.Check()
}

// refuseVain refuses an entry that would stop nothing and allow nothing: it would tell the contact something that is not so. Marketing
// stands on grants, and a service can be opted out of as a whole; every other class is sent on a request or a duty.
func (a *API) refuseVain(e consent.Event) error {
	if e.Scope != consent.ScopePurpose && e.Scope != consent.ScopeTopic {
		return nil
	}
	info, registered := a.Purposes.Lookup(e.Purpose)
	if !registered {
		return nil
	}
	vain := func(pointer, code, detail string) error {
		return &fault.Error{
			Kind: fault.Conflict, Code: "consent_unchanged", Detail: "this event would change nothing",
			Fields: []fault.Field{{Pointer: pointer, Code: code, Detail: detail}},
		}
	}
	switch info.Class {
	case vocab.Marketing:
	case vocab.Service:
		if e.Scope == consent.ScopeTopic {
			return vain("/topic", "not_by_topic", "a service is opted out of as a whole; leave the topic out and give scope purpose")
		}
	case vocab.Security, vocab.Transactional, vocab.Legal, vocab.Breach:
		return vain("/purpose", "not_by_consent", "messages of this purpose answer a request or a duty; they need no consent and cannot be opted out of")
	}
	return nil
}

func (a *API) withdrawWait(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	wait, err := time.ParseDuration(text)
	if err != nil || wait < 0 {
		var wrong idCheck
		wrong.add("wait", "duration", "want a duration such as 5s")
		return 0, wrong.err()
	}
	return min(wait, a.WithdrawWait), nil
}

// checkWithdraw wants what the scope needs: an empty field would make the withdrawal wider than the caller meant.
func (a *API) checkWithdraw(b withdrawBody) error {
	var wrong []fault.Field
	need := func(ok bool, pointer, code, detail string) {
		if !ok {
			wrong = append(wrong, fault.Field{Pointer: pointer, Code: code, Detail: detail})
		}
	}
	hasAddress := b.Address != (addressedBody{})
	need(b.ContactID != "" || hasAddress, "/contact_id", "required", "give contact_id, or address for everybody behind it")
	if b.ContactID != "" {
		need(checkBodyContact(b.ContactID) == nil, "/contact_id", "invalid_id", "want an id such as con_ and 26 characters")
	}
	_, registered := a.Purposes.Lookup(b.Purpose)
	switch b.Scope {
	case consent.ScopeAll:
	case consent.ScopeChannel:
		need(b.Channel != "", "/channel", "required", "name the channel: email or sms")
	case consent.ScopePurpose:
		need(b.Purpose != "", "/purpose", "required", "name the purpose")
	case consent.ScopeTopic:
		need(b.Topic != "", "/topic", "required", "name the topic")
	case consent.ScopePartner:
		_, partner := consent.PartnerOf(b.Purpose)
		need(partner, "/purpose", "required", "name the partner's purpose, for example partner.acme")
	case consent.ScopeAddress:
		need(hasAddress, "/address", "required", "give the address as email or phone")
	case consent.ScopeProcessing:
		need(b.Purpose == "" || isUseOfData(b.Purpose), "/purpose", "not_use_of_data", "want processing.core, event.registry, event.publish_results, or none")
	}
	if b.Purpose != "" && b.Scope != consent.ScopeProcessing {
		need(registered, "/purpose", "purpose_unregistered", "this purpose is not in the registry; GET /v1/purposes lists what is")
	}
	need(refuseForbidden("/evidence", b.Evidence) == nil, "/evidence", string(consent.ForbiddenIdentifier),
		"identity numbers, document numbers and home addresses are never stored (policy clause 2.2)")
	if len(wrong) > 0 {
		return fault.InvalidFields(wrong...)
	}
	return nil
}

// knownAddress finds the address of a withdrawal and the channel that it narrows to: that of the address if the scope says so.
func (a *API) knownAddress(ctx context.Context, b withdrawBody) (vocab.AddressID, vocab.Channel, error) {
	x, err := a.newAddress(addressBody{Email: b.Address.Email, Phone: b.Address.Phone})
	if err != nil {
		return "", "", fault.At("/address", err)
	}
	holders, err := a.Contacts.List(ctx, contacts.Filter{Channel: x.Channel, Lookup: x.Lookup, Limit: 1})
	if err != nil {
		return "", "", err
	}
	channel := b.Channel
	if b.Scope == consent.ScopeAddress {
		channel = x.Channel
	}
	for _, p := range holders {
		for _, theirs := range p.Addresses {
			if theirs.Channel == x.Channel && theirs.Key == x.Lookup {
				return theirs.ID, channel, nil
			}
		}
	}
	return "", "", fault.Missing("address_not_found", "no contact has this address")
}
