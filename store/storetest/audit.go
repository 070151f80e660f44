package storetest

import (
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orleu/elshi/audit"
	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/disclosures"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/members"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

// entry is an event of an actor of its own.
func entry(actor, operation string, about ...vocab.ContactID) audit.Event {
	return audit.Event{
		ID: vocab.AuditEventID(vocab.NewID(vocab.AuditEventPrefix)), At: start, Actor: audit.Actor{Kind: consent.ActorMember, ID: actor},
		Operation: operation, Resource: audit.Resource{Kind: "contact"}, Contacts: about, Fields: []string{"name"}, Reason: "жалоба", RequestID: "req_1",
	}
}

// madeAt is when an id was made, which it says itself (RFC 9562 section 5.7): filters by time go by ids.
func madeAt(w *world, id vocab.AuditEventID) time.Time {
	w.Helper()
	raw := must(vocab.ParseID(vocab.AuditEventPrefix, string(id)))(w)
	var ms int64
	for _, b := range raw[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms)
}

// logged are the newest events about something.
func (w *world) logged(subject string) []audit.Event {
	w.Helper()
	return must(store.NewAudit(w.db).List(w.ctx, audit.Filter{Subject: subject, Limit: 50}))(w)
}

var auditTests = map[string]func(*world){
	"an event is kept whole, with its outcome, and its contacts find it": func(w *world) {
		log := store.NewAudit(w.db)
		a, b := w.person(), w.person()
		e := entry(unique("mem_%s"), "create-contact", a.contact)
		w.ok(log.Record(w.ctx, e))
		if got := w.logged(string(a.contact)); len(got) != 1 || !cmp.Equal(e, got[0]) {
			w.Errorf("begun: mismatch (-want +got):\n%s", cmp.Diff([]audit.Event{e}, got))
		}
		made := unique("sup_%s")
		w.ok(log.Complete(w.ctx, audit.Outcome{Event: e.ID, At: w.now, Status: 201, ResourceID: made, Contacts: []vocab.ContactID{a.contact, b.contact}}))
		e.Status, e.Resource.ID, e.Contacts = 201, made, []vocab.ContactID{a.contact, b.contact}
		for _, subject := range []string{string(a.contact), string(b.contact), made} {
			if diff := cmp.Diff([]audit.Event{e}, w.logged(subject), cmpopts.SortSlices(func(x, y vocab.ContactID) bool { return x < y })); diff != "" {
				w.Errorf("by %s: mismatch (-want +got):\n%s", subject, diff)
			}
		}
		if err := log.Complete(w.ctx, audit.Outcome{Event: e.ID, At: w.now, Status: 500}); err == nil {
			w.Error("a second outcome was taken")
		}
		if got := w.logged(made); got[0].Status != 201 {
			w.Errorf("the outcome changed to %d", got[0].Status)
		}
	},
	"filters narrow, and pages follow each other": func(w *world) {
		log, p, actor, operation := store.NewAudit(w.db), w.person(), unique("mem_%s"), unique("look-%s")
		var want []vocab.AuditEventID
		for i := range 7 {
			e := entry(actor, operation, p.contact)
			if i == 3 {
				e.Operation = "something-else"
			}
			w.ok(log.Record(w.ctx, e))
			want = append(want, e.ID)
		}
		w.ok(log.Record(w.ctx, entry("mem_other", operation)))
		slices.Reverse(want)
		ids := func(f audit.Filter) []vocab.AuditEventID {
			w.Helper()
			var all []vocab.AuditEventID
			for f.Limit = 3; ; {
				list := must(log.List(w.ctx, f))(w)
				for _, e := range list {
					all = append(all, e.ID)
				}
				if len(list) < f.Limit {
					return all
				}
				f.After = list[len(list)-1].ID
			}
		}
		without := slices.Concat(want[:3], want[4:])
		made := madeAt(w, want[0])
		hour := time.Hour
		for name, tc := range map[string]struct {
			f    audit.Filter
			want []vocab.AuditEventID
		}{
			"actor":                       {audit.Filter{ActorID: actor}, want},
			"actor, operation":            {audit.Filter{ActorID: actor, Operation: operation}, without},
			"contact":                     {audit.Filter{Subject: string(p.contact)}, want},
			"contact, operation":          {audit.Filter{Subject: string(p.contact), Operation: operation}, without},
			"contact, actor, not by then": {audit.Filter{Subject: string(p.contact), ActorID: actor, From: made.Add(hour)}, nil},
			"of the last hour":            {audit.Filter{ActorID: actor, From: made.Add(-hour), To: made.Add(hour)}, want},
			"of the hour before":          {audit.Filter{ActorID: actor, From: made.Add(-2 * hour), To: made.Add(-hour)}, nil},
			"nobody":                      {audit.Filter{ActorID: "mem_nobody"}, nil},
		} {
			if diff := cmp.Diff(tc.want, ids(tc.f)); diff != "" {
				w.Errorf("%s: mismatch (-want +got):\n%s", name, diff)
			}
		}
		if list := must(log.List(w.ctx, audit.Filter{Limit: 2}))(w); len(list) != 2 || list[0].ID <= list[1].ID {
			w.Errorf("the newest are %+v", list)
		}
	},
	"what the system does by itself is in the log": func(w *world) {
		p, permit := w.sending(vocab.Transactional)
		s := w.failure(permit, dispatcher.Bounced, channels.NoSuchMailbox)
		s.Suppress, s.Pause, s.Provider = dispatcher.SuppressNow, "authentication", vocab.ProviderID(unique("relay-%s"))
		w.settle(s)
		paused := w.logged(string(s.Provider))
		if len(paused) != 1 || paused[0].Operation != "pause-provider" || paused[0].Actor != audit.System(audit.ByOutcome) || paused[0].Reason != "authentication" {
			w.Errorf("the pause is in the log as %+v", paused)
		}
		list := must(w.suppressions.List(w.ctx, contacts.SuppressionFilter{Channel: vocab.Email, Lookup: p.email, Limit: 10}))(w)
		if len(list) != 1 {
			w.Fatalf("suppressions %+v", list)
		}
		bounced := w.logged(string(list[0].ID))
		if len(bounced) != 1 || bounced[0].Operation != "create-suppression" || bounced[0].Actor != audit.System("bounce") || bounced[0].Reason != "hard_bounce" {
			w.Errorf("the suppression is in the log as %+v", bounced)
		}
		by := must(w.suppressions.Add(w.ctx, vocab.Email, unique("%s@example.org"), contacts.Suppression{Reason: contacts.Manual, Origin: "mem_x", CreatedAt: w.now}))(w)
		if got := w.logged(string(by.ID)); len(got) != 0 {
			w.Errorf("what a member asked for is the door's to write: %+v", got)
		}
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w) // changes nothing
		erased := w.logged(string(p.contact))
		if len(erased) != 1 || erased[0].Operation != "erase-contact" || erased[0].Actor != audit.System(audit.ByErasure) || !erased[0].At.Equal(w.now) {
			w.Errorf("the erasure is in the log as %+v", erased)
		}
	},
}

// draftDisclosure drafts one about people.
func (w *world) draftDisclosure(about ...vocab.ContactID) disclosures.Disclosure {
	w.Helper()
	return must(store.NewDisclosures(w.db).Create(w.ctx, disclosures.Disclosure{
		ID: vocab.DisclosureID(vocab.NewID(vocab.DisclosurePrefix)), State: disclosures.Draft, Body: "Сот", BIN: "990440000385", Ground: "article 8", Reference: "1",
		RequestedOn: "2026-02-27", Contacts: about, Parts: []disclosures.Part{disclosures.Identity, disclosures.Timeline}, Recipient: "age1x",
		DraftedBy: "mem_author", DraftedAt: w.now,
	}))(w)
}

var disclosureTests = map[string]func(*world){
	"a disclosure is kept whole, and each of its contacts finds it": func(w *world) {
		all := store.NewDisclosures(w.db)
		a, b := w.person(), w.person()
		d, other := w.draftDisclosure(a.contact, b.contact), w.draftDisclosure(b.contact)
		if diff := cmp.Diff(d, must(all.Get(w.ctx, d.ID))(w)); diff != "" || len(d.Contacts) != 2 || len(d.Parts) != 2 || !d.DraftedAt.Equal(w.now) {
			w.Errorf("Get mismatch (-created +got):\n%s\n%+v", diff, d)
		}
		of := func(f disclosures.Filter) (ids []vocab.DisclosureID) {
			w.Helper()
			f.Limit = 5
			for _, x := range must(all.List(w.ctx, f))(w) {
				ids = append(ids, x.ID)
			}
			return ids
		}
		for name, tc := range map[string]struct{ got, want []vocab.DisclosureID }{
			"a":         {of(disclosures.Filter{ContactID: a.contact}), []vocab.DisclosureID{d.ID}},
			"b":         {of(disclosures.Filter{ContactID: b.contact}), []vocab.DisclosureID{other.ID, d.ID}},
			"b, page 2": {of(disclosures.Filter{ContactID: b.contact, After: other.ID}), []vocab.DisclosureID{d.ID}},
			"b refused": {of(disclosures.Filter{ContactID: b.contact, State: disclosures.Refused}), nil},
			"nobody":    {of(disclosures.Filter{ContactID: "con_nobody"}), nil},
		} {
			if diff := cmp.Diff(tc.want, tc.got); diff != "" {
				w.Errorf("of %s: mismatch (-want +got):\n%s", name, diff)
			}
		}
		_, err := all.Get(w.ctx, "dis_nobody")
		w.refused(err, fault.NotFound, "disclosure_not_found")
		_, err = all.Create(w.ctx, disclosures.Disclosure{ID: "dis_x", Contacts: []vocab.ContactID{a.contact, "con_nobody"}, DraftedAt: w.now})
		w.refused(err, fault.Invalid, "invalid_request")
	},
	"of approvals and exports that come at once each counts once": func(w *world) {
		all, p := store.NewDisclosures(w.db), w.person()
		d := w.draftDisclosure(p.contact)
		approve := func(by vocab.MemberID) error {
			_, err := all.Change(w.ctx, d.ID, func(d disclosures.Disclosure) (disclosures.Disclosure, error) {
				return d.Approve(members.Member{ID: by, Roles: []members.Role{members.Approver}}, w.now)
			})
			return err
		}
		count := func(errs []error) (good int) {
			for _, err := range errs {
				if err == nil {
					good++
				}
			}
			return good
		}
		if n := count(twins(4, func(int) error { return approve("mem_one") })); n != 1 {
			w.Errorf("one member approved %d times", n)
		}
		w.ok(approve("mem_two"))
		if n := count(twins(4, func(int) error {
			_, err := all.Change(w.ctx, d.ID, func(d disclosures.Disclosure) (disclosures.Disclosure, error) {
				return d.Export(members.Member{ID: "mem_author"}, disclosures.Sealed{PlainHash: "p", SealedHash: "s"}, w.now)
			})
			return err
		})); n != 1 {
			w.Errorf("exported %d times", n)
		}
		d.State, d.First, d.Second = disclosures.Exported, disclosures.Approval{By: "mem_one", At: w.now}, disclosures.Approval{By: "mem_two", At: w.now}
		d.ExportedBy, d.ExportedAt, d.PlainHash, d.SealedHash = "mem_author", w.now, "p", "s"
		if diff := cmp.Diff(d, must(all.Get(w.ctx, d.ID))(w)); diff != "" {
			w.Errorf("at the end: mismatch (-want +got):\n%s", diff)
		}
	},
}
