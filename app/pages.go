package app

import (
	"context"
	"net/http"

	"github.com/orleu/elshi/channels/inbox"
	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/public"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// newPages builds the contact pages over the stores.
func (a *App) newPages(s *street) (http.Handler, error) {
	o := public.Options{
		Ledger: pageLedger{s.stores}, Withdrawals: s.withdrawer, Renewals: pageRenewals{s.stores.consents}, Pauses: s.stores.consents, Claims: s.claims, Links: s.links, Purposes: s.gate.Purposes, Org: newOrg(a.cfg),
		PublicURL: a.cfg.Server.PublicURL, Zone: a.cfg.Location(), Now: a.now, Log: a.log,
		Receipts: s.receipts,
	}
	o.OptIn = public.OptIn{Confirmations: s.optIns, SignUps: s.optIns, Forms: s.stores.forms, TrustedProxies: a.cfg.Proxies()}
	o.Proofs = public.Proofs{Prover: optin.NewProver(s.optIns, s.stores.optIns), Records: pageRecords{s.stores}}
	if a.cfg.InboxOn() {
		o.Inbox = pageInbox{s.stores.inbox}
	}
	return public.New(o)
}

// pageLedger is the ledger as the contact pages read it.
type pageLedger struct{ stores }

// Message returns a message.
func (l pageLedger) Message(ctx context.Context, id vocab.MessageID) (dispatcher.Message, error) {
	m, err := l.ledger.Get(ctx, id)
	if err != nil {
		return m, err
	}
	m.ContactID, err = l.contacts.Survivor(ctx, m.ContactID) // whose it is by now
	return m, err
}

// Recipient returns who a message went to.
func (l pageLedger) Recipient(ctx context.Context, m dispatcher.Message) (public.Recipient, error) {
	to, err := l.ledger.Recipient(ctx, m.ID)
	if err != nil {
		return public.Recipient{}, err
	}
	contact, err := l.contacts.Get(ctx, m.ContactID)
	if err != nil {
		return public.Recipient{}, err
	}
	sharers, err := l.contacts.Sharers(ctx, m.AddressID)
	who := public.Recipient{Address: to.Address, Shared: sharers > 1, UnsubscribedAll: contact.UnsubscribedAllAt != nil}
	who.Reach = reach(contact)
	who.ProcessingWithdrawn, who.Erased = contact.ProcessingWithdrawnAt != nil || contact.DataBlockedAt != nil, contact.ErasedAt != nil
	if contact.PausedUntil != nil {
		who.PausedUntil = *contact.PausedUntil
	}
	return who, err
}

// Grants returns the grants of a contact.
func (l pageLedger) Grants(ctx context.Context, contact vocab.ContactID) ([]public.Grant, error) {
	list, err := l.consents.OfContact(ctx, contact)
	grants := make([]public.Grant, len(list))
	for i, g := range list {
		grants[i] = public.Grant{Key: g.Key, State: g.Grant}
	}
	return grants, err
}

// Ground returns what was agreed to by an entry of the consent ledger, with the words that were shown.
func (l pageLedger) Ground(ctx context.Context, id vocab.ConsentEventID, lang vocab.Language) (public.Ground, error) {
	e, err := l.consents.Event(ctx, id)
	if err != nil {
		return public.Ground{}, err
	}
	g := public.Ground{At: e.At, Proof: e.Proof, Language: lang, Policy: e.PolicyVersion}
	if e.TextVersion == 0 {
		return g, nil
	}
	if e.Language != "" {
		g.Language = e.Language // the words are what was shown, not what the reader speaks
	}
	text, err := l.texts.Version(ctx, e.Purpose, e.Channel, e.TextVersion)
	g.Words, g.Full = text.Variants[g.Language].Statement, text.Full(g.Language)
	return g, err
}

// pageRenewals are the grants that messages asked to renew, as the contact pages read and record them.
type pageRenewals struct{ *store.Consents }

// Asked returns the entry of the grant that a message asked about.
func (r pageRenewals) Asked(ctx context.Context, message vocab.MessageID) (consent.Event, error) {
	id, err := r.AskedIn(ctx, message)
	if err != nil {
		return consent.Event{}, err
	}
	if id == "" {
		return consent.Event{}, fault.Missing("link_not_found", "this message asked about no consent")
	}
	return r.Event(ctx, id)
}

// pageInbox is the catcher as its page reads it.
type pageInbox struct{ inbox *store.Inbox }

// List returns the newest messages.
func (i pageInbox) List(ctx context.Context, n int) ([]public.Caught, error) {
	list, err := i.inbox.List(ctx, store.InboxFilter{Limit: n})
	shown := make([]public.Caught, len(list))
	for k, c := range list {
		shown[k] = shownCaught(c)
	}
	return shown, err
}

// Get returns one message with its files.
func (i pageInbox) Get(ctx context.Context, id string) (public.Caught, error) {
	c, err := i.inbox.Get(ctx, id)
	if err != nil {
		return public.Caught{}, err
	}
	shown := shownCaught(c)
	for _, f := range inbox.Files(c.Raw) {
		shown.Files = append(shown.Files, public.CaughtFile(f))
	}
	return shown, nil
}

func shownCaught(c store.Caught) public.Caught {
	shown := public.Caught{
		ID: c.ID, Channel: c.Channel, At: c.At, From: c.Sender, To: c.Recipient, Subject: c.Subject, Text: c.Body, HTML: c.HTML, Raw: c.Raw,
	}
	if c.Channel == vocab.SMS {
		count := sms.Count(c.Body)
		shown.Encoding, shown.Segments = string(count.Encoding), count.Segments
	}
	return shown
}
