package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/notary"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/tlog"
	"github.com/orleu/elshi/vocab"
)

type fakeSubmitter struct {
	*door

	calls  []submitCall
	answer func([]dispatcher.Request) (dispatcher.Submitted, error)
}

type submitCall struct {
	caller   dispatcher.Caller
	key      *dispatcher.IdempotencyKey
	requests []dispatcher.Request
}

func (f *fakeSubmitter) Submit(_ context.Context, caller dispatcher.Caller, key *dispatcher.IdempotencyKey, rs []dispatcher.Request) (dispatcher.Submitted, error) {
	f.calls = append(f.calls, submitCall{caller, key, rs})
	if f.away != nil {
		return dispatcher.Submitted{}, f.away
	}
	if f.answer != nil {
		return f.answer(rs)
	}
	out := dispatcher.Submitted{}
	for _, r := range rs {
		out.Results = append(out.Results, dispatcher.Result{
			ID: aMessage, ContactID: aContact, Channel: vocab.Email, Purpose: r.Purpose, Status: dispatcher.Queued, Verdict: consent.Allow,
			Reason: consent.OK, Reference: r.Reference,
		})
	}
	return out, nil
}

func (f *fakeSubmitter) Preview(_ context.Context, _ dispatcher.Caller, r dispatcher.Request) (dispatcher.Preview, error) {
	class := vocab.Transactional
	if r.Purpose == "account.identity" {
		class = vocab.Security
	}
	return dispatcher.Preview{
		Result:  dispatcher.Result{Status: dispatcher.Queued, Verdict: consent.Allow, Reason: consent.OK},
		Content: templates.Content{Language: vocab.Kazakh, SMS: "Сәлем 481516"},
		Message: dispatcher.Message{Class: class, Channel: vocab.SMS},
	}, f.away
}

type fakeMessages struct {
	*door

	byID     map[vocab.MessageID]dispatcher.Message
	filters  []dispatcher.MessageFilter
	next     vocab.MessageID // of a last page that is not the last one
	payload  dispatcher.StoredContent
	content  templates.Content
	rendered int
	by       string
	panics   any
}

func (f *fakeMessages) Get(_ context.Context, id vocab.MessageID) (dispatcher.Message, error) {
	if f.panics != nil {
		panic(f.panics)
	}
	m, found := f.byID[id]
	if !found && f.away == nil {
		return m, fault.Missing("message_not_found", "there is no message with this id")
	}
	return m, f.away
}

func (f *fakeMessages) List(_ context.Context, q dispatcher.MessageFilter) (dispatcher.MessagePage, error) {
	f.filters = append(f.filters, q)
	var list []dispatcher.Message
	for _, m := range f.byID {
		if q.After == "" || m.ID < q.After {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b dispatcher.Message) int { return cmp.Compare(b.ID, a.ID) })
	if len(list) > q.Limit {
		return dispatcher.MessagePage{Messages: list[:q.Limit], Next: list[q.Limit-1].ID}, f.away
	}
	return dispatcher.MessagePage{Messages: list, Next: f.next}, f.away
}

func (f *fakeMessages) Events(context.Context, vocab.MessageID) ([]dispatcher.MessageEvent, error) {
	return []dispatcher.MessageEvent{{ID: "evt_1", Type: "queued", At: monday, Reason: "ok"}, {ID: "evt_2", Type: "sent", At: monday, Attempt: 1}}, f.away
}

func (f *fakeMessages) Attempts(context.Context, vocab.MessageID) ([]dispatcher.Attempt, error) {
	return []dispatcher.Attempt{{Number: 1, OpenedAt: monday, Provider: "relay"}}, f.away
}

func (f *fakeMessages) Cancel(_ context.Context, id vocab.MessageID, _ time.Time) (dispatcher.Message, error) {
	m := f.byID[id]
	if !m.Status.Waits() {
		return m, &fault.Error{Kind: fault.Conflict, Code: "message_not_cancelable", Detail: "the message is " + string(m.Status)}
	}
	m.Status = dispatcher.Canceled
	return m, f.away
}

func (f *fakeMessages) Requeue(_ context.Context, id vocab.MessageID, by string, _ time.Time) (dispatcher.Message, error) {
	f.by = by
	m := f.byID[id]
	m.Status = dispatcher.Queued
	return m, f.away
}

func (f *fakeMessages) Payload(context.Context, vocab.MessageID) (dispatcher.StoredContent, error) {
	return f.payload, f.away
}

func (f *fakeMessages) Content(context.Context, dispatcher.Message, dispatcher.Payload) (templates.Content, error) {
	f.rendered++
	return f.content, f.away
}

type fakeContacts struct {
	*door

	byID        map[vocab.ContactID]contacts.Profile
	created     []contacts.NewAddress
	filters     []contacts.Filter
	certificate string
}

func (f *fakeContacts) Create(_ context.Context, c contacts.Contact, addresses []contacts.NewAddress) (contacts.Profile, error) {
	f.created = addresses
	p := contacts.Profile{Contact: c}
	for i, a := range addresses {
		p.Addresses = append(p.Addresses, contacts.LinkedAddress{
			Address: contacts.Address{ID: vocab.AddressID("adr_" + string(rune('a'+i))), Channel: a.Channel, Value: a.Value, Key: a.Lookup, CreatedAt: monday},
			Link:    contacts.Link{ContactID: c.ID, Primary: a.Primary},
		})
	}
	f.byID[c.ID] = p
	return p, f.away
}

func (f *fakeContacts) Get(_ context.Context, id vocab.ContactID) (contacts.Profile, error) {
	p, found := f.byID[id]
	if !found && f.away == nil {
		return p, fault.Missing("contact_not_found", "there is no contact with this id")
	}
	return p, f.away
}

func (f *fakeContacts) Update(ctx context.Context, id vocab.ContactID, _ time.Time, change func(contacts.Contact) (contacts.Contact, error)) (contacts.Profile, error) {
	p, err := f.Get(ctx, id)
	if err != nil {
		return p, err
	}
	if p.Contact, err = change(p.Contact); err == nil {
		f.byID[id] = p
	}
	return p, err
}

func (f *fakeContacts) List(_ context.Context, q contacts.Filter) ([]contacts.Profile, error) {
	f.filters = append(f.filters, q)
	var list []contacts.Profile
	for _, p := range f.byID {
		list = append(list, p)
	}
	return list, f.away
}

func (f *fakeContacts) AddAddress(_ context.Context, id vocab.ContactID, a contacts.NewAddress, _ time.Time) (vocab.AddressID, error) {
	p := f.byID[id]
	p.Addresses = append(p.Addresses, contacts.LinkedAddress{Address: contacts.Address{ID: "adr_new", Channel: a.Channel, Value: a.Value, Key: a.Lookup}})
	f.byID[id] = p
	return "adr_new", f.away
}

func (f *fakeContacts) RemoveAddress(context.Context, vocab.ContactID, vocab.AddressID, time.Time) ([]vocab.MessageID, error) {
	return []vocab.MessageID{aMessage}, f.away
}

func (f *fakeContacts) VerifyAddress(context.Context, vocab.ContactID, vocab.AddressID, time.Time) error {
	return f.away
}

func (f *fakeContacts) Erase(_ context.Context, id vocab.ContactID, o contacts.EraseOrder) (dispatcher.Withdrawn, error) {
	if f.away != nil {
		return dispatcher.Withdrawn{}, f.away
	}
	c := contacts.Certificate{ID: "era_06gywnjy01xbs0938nkrkaydxw", ContactID: id, ErasedAt: o.At, ErasedBy: o.By, InFlight: []vocab.MessageID{aMessage}}
	c.Describe(map[contacts.ErasedKind]int{contacts.ErasedAddresses: 2}, map[contacts.RemainingKind]int{contacts.RemainingConsents: 3})
	var err error
	f.certificate, err = o.Certify(c)
	return dispatcher.Withdrawn{At: monday}, err
}

func (f *fakeContacts) ErasureCertificate(context.Context, vocab.ContactID) (string, error) {
	if f.certificate == "" && f.away == nil {
		return "", fault.Missing("certificate_not_found", "this contact was not erased, so there is no certificate")
	}
	return f.certificate, f.away
}

// fakeExporter writes who was asked for, and then fails if it is told to.
type fakeExporter struct {
	*door

	breaks error
}

func (f *fakeExporter) JSON(_ context.Context, w io.Writer, id vocab.ContactID, now time.Time) error {
	_, err := fmt.Fprintf(w, `{"contact_id":%q,"exported_at":%q}`, id, now.Format(time.RFC3339))
	return errors.Join(err, f.breaks)
}

func (f *fakeExporter) Archive(_ context.Context, w io.Writer, _ vocab.ContactID, _ time.Time) error {
	_, err := io.WriteString(w, "PK")
	return errors.Join(err, f.breaks)
}

type fakeRetention struct{ *door }

func (f *fakeRetention) Runs(_ context.Context, behind string, n int) ([]dispatcher.RetentionRun, error) {
	var list []dispatcher.RetentionRun
	for _, id := range []string{"ret_06gywnjy01xbs0938nkrkaydxw", "ret_06gywnjy01xbs0938nkrkaydxg"} {
		if behind == "" || id < behind {
			list = append(list, dispatcher.RetentionRun{ID: id, StartedAt: monday, Counts: []dispatcher.RuleCount{
				{Kind: dispatcher.RetainContent, Class: vocab.Legal, Before: monday.AddDate(-3, 0, 0), ForgetCounts: dispatcher.ForgetCounts{Payloads: 7}},
			}})
		}
	}
	return list[:min(n, len(list))], f.away
}

type fakeConsents struct {
	*door

	head     consent.Head
	recorded []consent.Event
	events   []consent.Event
}

func (f *fakeConsents) Record(_ context.Context, e consent.Event, _ string, _ bool) (consent.Event, consent.Grant, error) {
	f.recorded = append(f.recorded, e)
	return e, consent.Grant{State: consent.Granted, Since: e.At, ValidUntil: e.ValidUntil, Event: e.ID}, f.away
}

func (f *fakeConsents) OfContact(context.Context, vocab.ContactID) ([]consent.HeldGrant, error) {
	return nil, f.away
}

func (f *fakeConsents) EventsOf(_ context.Context, _ vocab.ContactID, before vocab.ConsentEventID, limit int) ([]consent.Event, error) {
	var list []consent.Event
	for _, e := range f.events {
		if before == "" || e.ID < before {
			list = append(list, e)
		}
	}
	return list[:min(limit, len(list))], f.away
}

// fakeNotary answers what it is told to.
type fakeNotary struct {
	*door

	audit notary.Audit
	proof consent.EntryProof
	heads []tlog.Signed // the newest first
}

func (f *fakeNotary) Audit(context.Context) (notary.Audit, error) { return f.audit, f.away }

func (f *fakeNotary) Inclusion(_ context.Context, id vocab.ConsentEventID) (consent.EntryProof, error) {
	if f.away == nil && id != f.proof.Entry.ID {
		return consent.EntryProof{}, fault.Missing("consent_event_not_found", "no")
	}
	return f.proof, f.away
}

func (f *fakeNotary) Heads(_ context.Context, before int64, n int) ([]tlog.Signed, error) {
	var list []tlog.Signed
	for _, s := range f.heads {
		if (before == 0 || s.Number < before) && len(list) < n {
			list = append(list, s)
		}
	}
	return list, f.away
}

func (f *fakeNotary) PublicKey() string { return "log+00000000+AQ==" }

type fakeSuppressions struct {
	*door

	list    []contacts.Suppression
	filters []contacts.SuppressionFilter
	lifts   []contacts.Lift
}

func (f *fakeSuppressions) Add(_ context.Context, channel vocab.Channel, lookup string, x contacts.Suppression) (contacts.Suppression, error) {
	x.ID, x.Address = "sup_06gywnjy01xbs0938nkrkaydxw", vocab.Address(lookup)
	x.Channel = channel
	return x, f.away
}

func (f *fakeSuppressions) Get(_ context.Context, id vocab.SuppressionID) (contacts.Suppression, error) {
	return contacts.Suppression{ID: id, Channel: vocab.SMS, Reason: "manual"}, f.away
}

func (f *fakeSuppressions) List(_ context.Context, q contacts.SuppressionFilter) ([]contacts.Suppression, error) {
	f.filters = append(f.filters, q)
	return f.list, f.away
}

func (f *fakeSuppressions) Lift(_ context.Context, id vocab.SuppressionID, l contacts.Lift, now time.Time) (contacts.Suppression, error) {
	f.lifts = append(f.lifts, l)
	return contacts.Suppression{ID: id, Channel: vocab.SMS, Reason: "manual", LiftedAt: now, LiftedBy: l.By}, f.away
}

type fakeKeys struct {
	*door

	bySecret map[string]dispatcher.APIKey
	guests   []contacts.Address
}

func (f *fakeKeys) Authenticate(_ context.Context, secret string) (dispatcher.APIKey, error) {
	key, found := f.bySecret[secret]
	if !found {
		return key, fault.Missing("api_key_unknown", "this API key is not known, or was revoked")
	}
	return key, nil
}

func (f *fakeKeys) Create(_ context.Context, name string, mode dispatcher.Mode, guests []contacts.Address, now time.Time) (dispatcher.APIKey, string, error) {
	f.guests = guests
	key := dispatcher.APIKey{ID: "key_06gywnjy01xbs0938nkrkaydxc", Name: name, Mode: mode, CreatedAt: now}
	for _, g := range guests {
		key.Guests = append(key.Guests, "hash of "+g.Key)
	}
	return key, "elshi_live_new", f.away
}

func (f *fakeKeys) List(context.Context) ([]dispatcher.APIKey, error) {
	return []dispatcher.APIKey{liveKey}, f.away
}

func (f *fakeKeys) Revoke(_ context.Context, id vocab.APIKeyID, now time.Time) (dispatcher.APIKey, error) {
	return dispatcher.APIKey{ID: id, RevokedAt: now}, f.away
}

type fakeInbox struct{ *door }

func (f *fakeInbox) List(context.Context, InboxFilter) ([]Caught, error) {
	return []Caught{{ID: "cgt_06gywnjy01xbs0938nkrkaydxw", Channel: vocab.SMS, Body: "text", At: monday}}, f.away
}

func (f *fakeInbox) Get(_ context.Context, id string) (Caught, error) {
	return Caught{ID: id, Channel: vocab.SMS, Raw: []byte("raw"), At: monday}, f.away
}

func (f *fakeInbox) Clear(context.Context) (int, error) { return 3, f.away }

type fakeTemplates struct {
	*door

	bySlug map[string][]templates.Version
}

func (f *fakeTemplates) Save(_ context.Context, v templates.Version, _ time.Time) (templates.Version, error) {
	v.Number, v.ID, v.Hash = len(f.bySlug[v.Template])+1, "tpv_06gywnjy01xbs0938nkrkaydxw", v.ContentHash()
	f.bySlug[v.Template] = append(f.bySlug[v.Template], v)
	return v, f.away
}

func (f *fakeTemplates) Create(ctx context.Context, v templates.Version, now time.Time) (templates.Version, error) {
	if len(f.bySlug[v.Template]) > 0 {
		return v, &fault.Error{Kind: fault.Conflict, Code: "template_exists", Detail: "there is one"}
	}
	return f.Save(ctx, v, now)
}

func (f *fakeTemplates) Latest(ctx context.Context, slug string) (templates.Version, error) {
	return f.ByNumber(ctx, slug, len(f.bySlug[slug]))
}

func (f *fakeTemplates) ByNumber(_ context.Context, slug string, n int) (templates.Version, error) {
	if f.away != nil {
		return templates.Version{}, f.away
	}
	if n < 1 || n > len(f.bySlug[slug]) {
		return templates.Version{}, fault.Missing("template_not_found", "there is no such template or version")
	}
	return f.bySlug[slug][n-1], nil
}

func (f *fakeTemplates) List(context.Context) ([]templates.Version, error) {
	var list []templates.Version
	for _, versions := range f.bySlug {
		list = append(list, versions[len(versions)-1])
	}
	return list, f.away
}

func (f *fakeConsents) Head(context.Context) (consent.Head, error) { return f.head, f.away }
