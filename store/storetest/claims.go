package storetest

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/claims"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

func (w *world) claimBook() *store.Claims { return store.NewClaims(w.db, w.consents) }

// newClaim is a letter of the person.
func (w *world) newClaim(p person, kind claims.Kind) claims.New {
	x := claims.New{
		ContactID: p.contact, Kind: kind, Via: claims.ByLetter, Language: vocab.Kazakh, Text: "Айгүл сұрайды", ReceivedAt: w.now.Add(-time.Hour),
		RecordedAt: w.now, ActorKind: consent.ActorMember, ActorID: "mem_x", Year: 2026, DueAt: w.now.AddDate(0, 0, 31),
	}
	if kind == claims.Objection {
		registry, err := consent.NewRegistry()
		w.ok(err)
		x.Withdrawal = claims.ObjectionEvents(registry, consent.Event{Source: consent.SourceOperator, ActorKind: consent.ActorMember, ActorID: "mem_x"})
	}
	return x
}

func (w *world) open(x claims.New) claims.Claim {
	w.Helper()
	return must(w.claimBook().Open(w.ctx, x))(w)
}

var claimBookTests = map[string]func(*world){
	"a claim is kept as it came, under the next number": func(w *world) {
		p := w.person()
		x := w.newClaim(p, claims.Access)
		x.Year = 2031 // no other test's
		first, second := w.open(x), w.open(x)
		want := claims.Claim{
			ID: first.ID, Number: "2031-000001", ContactID: p.contact, Kind: claims.Access, Via: claims.ByLetter, Language: vocab.Kazakh, Text: x.Text,
			Commitment: first.Commitment, ReceivedAt: x.ReceivedAt, RecordedAt: x.RecordedAt, ActorKind: consent.ActorMember, ActorID: "mem_x",
			DueAt: x.DueAt, State: claims.Open,
		}
		if diff := cmp.Diff(want, first); diff != "" {
			w.Errorf("claim mismatch (-want +got):\n%s", diff)
		}
		if second.Number != "2031-000002" || first.Commitment == second.Commitment || !strings.HasPrefix(first.Commitment, "v1:") {
			w.Errorf("the second is %s, commitments %s and %s", second.Number, first.Commitment, second.Commitment)
		}
		x.ContactID = "con_nobody"
		_, err := w.claimBook().Open(w.ctx, x)
		w.refused(err, fault.NotFound, "contact_not_found")
		x.ContactID = p.contact
		if third := w.open(x); third.Number != "2031-000003" {
			w.Errorf("a claim that was refused took a number: then comes %s", third.Number)
		}
		_, err = w.claimBook().Get(w.ctx, "clm_nobody")
		w.refused(err, fault.NotFound, "claim_not_found")
	},
	"numbers of claims at once have no gaps": func(w *world) {
		p := w.person()
		x := w.newClaim(p, claims.Other)
		x.Year = 2032
		const n = 12
		numbers := make([]string, n)
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				c, err := w.claimBook().Open(w.ctx, x)
				if err != nil {
					w.Error(err)
				}
				numbers[i] = c.Number
			})
		}
		all.Wait()
		slices.Sort(numbers)
		for i, got := range numbers {
			if want := claims.Number(2032, i+1); got != want {
				w.Fatalf("number %d is %s, want %s", i, got, want)
			}
		}
	},
	"an objection stops all but legal, breach and security at its commit": func(w *world) {
		p := w.person()
		w.grant(p, "news.company")
		drafts := map[vocab.Class]dispatcher.Draft{}
		var ids []vocab.MessageID
		for _, class := range vocab.Classes() {
			d := w.draft(p, class)
			drafts[class] = d
			ids = append(ids, w.submit(d)...)
		}
		open := w.draft(p, vocab.Service)
		w.submit(open)
		if permits := w.claim(open.Message.ID); len(permits) != 1 {
			w.Fatal("no permit")
		}
		c := w.open(w.newClaim(p, claims.Objection))
		want := []vocab.MessageID{drafts[vocab.Transactional].Message.ID, drafts[vocab.Service].Message.ID, drafts[vocab.Marketing].Message.ID}
		slices.Sort(want)
		if diff := cmp.Diff(want, c.Canceled); diff != "" {
			w.Errorf("canceled mismatch (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]vocab.MessageID{open.Message.ID}, c.InFlight); diff != "" {
			w.Errorf("in flight mismatch (-want +got):\n%s", diff)
		}
		if len(c.Events) != 4 {
			w.Errorf("%d entries, want one for all, each service and processing", len(c.Events))
		}
		for _, e := range must(w.consents.EventsOf(w.ctx, p.contact, "", 10))(w)[:4] {
			if e.Kind != consent.KindWithdrawn || e.ProofRef != string(c.ID) || !slices.Contains(c.Events, e.ID) {
				w.Errorf("entry %+v", e)
			}
		}
		if permits := w.claim(ids...); len(permits) != 3 {
			w.Errorf("%d permits, want those of legal, breach and security", len(permits))
		}
		// Whatever comes later is denied too, also when the person takes part in something again.
		must2(w.consents.Record(w.ctx, consent.Event{
			Kind: consent.KindGranted, ContactID: p.contact, Scope: consent.ScopePurpose, Purpose: consent.ProcessingCore, Source: consent.SourceOperator, At: w.now,
		}, "", false))(w)
		service, marketing, reply := w.draft(p, vocab.Service), w.draft(p, vocab.Marketing), w.draft(p, vocab.Transactional)
		w.submit(service, marketing, reply)
		w.status(dispatcher.Suppressed, service.Message.ID, marketing.Message.ID)
		w.status(dispatcher.Queued, reply.Message.ID)
		w.chain()
	},
	"the button pressed twice is one claim, which stops what came since": func(w *world) {
		p := w.person()
		x := w.newClaim(p, claims.Objection)
		x.Via, x.Once = claims.ByLink, true
		first := w.open(x)
		must2(w.consents.Record(w.ctx, consent.Event{
			Kind: consent.KindGranted, ContactID: p.contact, Scope: consent.ScopePurpose, Purpose: consent.ProcessingCore, Source: consent.SourceOperator, At: w.now,
		}, "", false))(w)
		later := w.draft(p, vocab.Transactional)
		w.submit(later)
		again := w.open(x)
		if again.ID != first.ID || !slices.Contains(again.Canceled, later.Message.ID) {
			w.Errorf("the second press: %+v, want claim %s", again, first.ID)
		}
		x.Once = false
		if other := w.open(x); other.ID == first.ID {
			w.Error("a letter is no second press")
		}
	},
	"an answer that does not arrive shows": func(w *world) {
		p := w.person()
		c := w.open(w.newClaim(p, claims.Access))
		book := w.claimBook()
		answer := func(n int) vocab.MessageID {
			w.Helper()
			d := w.draft(p, vocab.Legal)
			d.Message.TriggerID = string(c.ID) + strconv.Itoa(n)
			id := w.submit(d)[0]
			got := must(book.Answer(w.ctx, c.ID, claims.Answer{MessageID: id, Count: n, At: w.now, By: "mem_x"}, true))(w)
			if got.State != claims.Answered || got.Answer.Status != dispatcher.Queued || got.Answer.Count != n {
				w.Fatalf("answered: %+v", got)
			}
			return id
		}
		id := answer(1)
		again := must(book.Answer(w.ctx, c.ID, claims.Answer{MessageID: id, Count: 1, At: w.now, By: "mem_x"}, true))(w)
		if again.Answer.Count != 1 {
			w.Errorf("the same again: %+v", again.Answer)
		}
		_, err := book.Answer(w.ctx, c.ID, claims.Answer{MessageID: "msg_other", Count: 1, At: w.now}, true)
		w.refused(err, fault.Conflict, "claim_changed")
		_, err = book.Close(w.ctx, c.ID, "mem_x", "why not", w.now)
		w.refused(err, fault.Conflict, "claim_not_open")
		must(w.ledger.Cancel(w.ctx, id, w.now))(w)
		if got := must(book.Get(w.ctx, c.ID))(w); got.State != claims.Undelivered || got.Answer.Status != dispatcher.Canceled {
			w.Errorf("after the answer was called back: %+v", got)
		}
		for _, state := range claims.States() {
			list := must(book.List(w.ctx, claims.Filter{ContactID: p.contact, State: state}))(w)
			if found := len(list) == 1; found != (state == claims.Undelivered) {
				w.Errorf("listed as %s: %t", state, found)
			}
		}
		answer(2)
	},
	"a closed claim stays closed": func(w *world) {
		c := w.open(w.newClaim(w.person(), claims.Complaint))
		book := w.claimBook()
		closed := must(book.Close(w.ctx, c.ID, "mem_x", "taken back", w.now))(w)
		if closed.State != claims.Closed || closed.ClosedBy != "mem_x" || closed.CloseReason != "taken back" || !closed.ClosedAt.Equal(w.now) {
			w.Errorf("closed: %+v", closed)
		}
		_, err := book.Close(w.ctx, c.ID, "mem_y", "again", w.now)
		w.refused(err, fault.Conflict, "claim_not_open")
		_, err = book.Answer(w.ctx, c.ID, claims.Answer{MessageID: "msg_x", Count: 1, At: w.now}, true)
		w.refused(err, fault.Conflict, "claim_changed")
		w.ok(book.Watch(w.ctx, c.ID, w.now))
		if slices.ContainsFunc(must(book.Watched(w.ctx, w.now, 1000))(w), func(x claims.Claim) bool { return x.ID == c.ID }) {
			w.Error("it is still watched")
		}
	},
	"what there is to do next is kept": func(w *world) {
		c := w.open(w.newClaim(w.person(), claims.Access))
		book := w.claimBook()
		watched := func(now time.Time) *claims.Claim {
			for _, x := range must(book.Watched(w.ctx, now, 1000))(w) {
				if x.ID == c.ID {
					return &x
				}
			}
			return nil
		}
		if watched(w.now.Add(-time.Second)) != nil || watched(w.now) == nil {
			w.Fatal("a new claim wants its acknowledgement at once")
		}
		w.ok(book.Acknowledge(w.ctx, c.ID, "msg_first"))
		w.ok(book.Acknowledge(w.ctx, c.ID, "msg_second"))
		day := w.now.AddDate(0, 0, 20)
		w.ok(book.Watch(w.ctx, c.ID, day))
		if watched(day.Add(-time.Second)) != nil {
			w.Error("it is watched too early")
		}
		w.ok(book.Told(w.ctx, c.ID, 20, day))
		w.ok(book.Told(w.ctx, c.ID, 20, day.Add(time.Hour)))
		got := watched(day)
		if got == nil || got.Acknowledged != "msg_first" || !cmp.Equal(got.Alarms, []claims.Told{{Day: 20, At: day}}) {
			w.Errorf("watched: %+v", got)
		}
		w.ok(book.Watch(w.ctx, c.ID, time.Time{}))
		if watched(day.AddDate(1, 0, 0)) != nil {
			w.Error("there is nothing left to do")
		}
	},
	"claims that want something done are counted": func(w *world) {
		before := must(w.claimBook().Count(w.ctx, w.now))(w)
		p := w.person()
		late := w.newClaim(p, claims.Access)
		late.DueAt = w.now.AddDate(-5, 0, 0)
		w.open(late)
		w.open(w.newClaim(p, claims.Access))
		closed := w.open(w.newClaim(p, claims.Access))
		must(w.claimBook().Close(w.ctx, closed.ID, "mem_x", "taken back", w.now))(w)
		got := must(w.claimBook().Count(w.ctx, w.now))(w)
		want := claims.Count{Open: before.Open + 1, Overdue: before.Overdue + 1, Undelivered: before.Undelivered, OldestDue: late.DueAt}
		if diff := cmp.Diff(want, got); diff != "" {
			w.Errorf("count mismatch (-want +got):\n%s", diff)
		}
		list := must(w.claimBook().List(w.ctx, claims.Filter{ContactID: p.contact, DueBefore: w.now, Limit: 10}))(w)
		if len(list) != 1 || !list[0].Overdue(w.now) || list[0].Text != "" {
			w.Errorf("due: %+v", list)
		}
		page := must(w.claimBook().List(w.ctx, claims.Filter{ContactID: p.contact, After: closed.ID, Limit: 1}))(w)
		if len(page) != 1 || page[0].ID >= closed.ID {
			w.Errorf("page: %+v", page)
		}
	},
	"erasing the claimant deletes the text and keeps the claim": func(w *world) {
		p := w.person()
		c := w.open(w.newClaim(p, claims.Erasure))
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		got := must(w.claimBook().Get(w.ctx, c.ID))(w)
		if got.Text != "" || got.Commitment != c.Commitment || got.Number != c.Number || got.State != claims.Open {
			w.Errorf("claim: %+v", got)
		}
		later := w.open(w.newClaim(p, claims.Complaint)) // about the erasure, say; it has to be read to be answered
		if later.Text == "" {
			w.Errorf("claim: %+v", later)
		}
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		if got := must(w.claimBook().Get(w.ctx, later.ID))(w); got.Text != "" || got.Commitment != later.Commitment {
			w.Errorf("claim: %+v", got)
		}
	},
}

var liftTests = map[string]func(*world){
	"a manual suppression may be about some classes": func(w *world) {
		p := w.person()
		add := func(classes ...vocab.Class) contacts.Suppression {
			w.Helper()
			return must(w.suppressions.Add(w.ctx, vocab.Email, p.email, contacts.Suppression{Reason: contacts.Manual, Classes: classes, Origin: "mem_x", CreatedAt: w.now}))(w)
		}
		denied := func(class vocab.Class) bool {
			w.Helper()
			d := w.draft(p, class)
			w.submit(d)
			return w.message(d.Message.ID).Decision.Reason == consent.SuppressedManual
		}
		first := add(vocab.Service)
		if !denied(vocab.Service) || denied(vocab.Transactional) {
			w.Error("it must stop service and nothing else")
		}
		if again := add(vocab.Service); again.ID != first.ID {
			w.Error("the same twice")
		}
		wider := add(vocab.Transactional)
		if diff := cmp.Diff([]vocab.Class{vocab.Service, vocab.Transactional}, wider.Classes); diff != "" || wider.ID == first.ID {
			w.Errorf("the wider one (-want +got):\n%s", diff)
		}
		if !denied(vocab.Service) || !denied(vocab.Transactional) {
			w.Error("it must stop both")
		}
		if whole := add(); len(whole.Classes) != 0 || add(vocab.Marketing).ID != whole.ID {
			w.Errorf("all classes: %+v", whole)
		}
		list := must(w.suppressions.List(w.ctx, contacts.SuppressionFilter{Channel: vocab.Email, Lookup: p.email, Lifted: true, Limit: 10}))(w)
		if len(list) != 3 || list[2].LiftedBy != "mem_x" || list[2].LiftedFor == "" || list[0].Kind() != contacts.OriginMember {
			w.Errorf("the history: %+v", list)
		}
	},
	"what the address or its owner said is lifted for a reason": func(w *world) {
		for _, reason := range []contacts.SuppressionReason{contacts.HardBounce, contacts.Complaint, contacts.ChannelStop} {
			x := must(w.suppressions.Add(w.ctx, vocab.Email, unique("%s@example.org"), contacts.Suppression{Reason: reason, Origin: "bounce", CreatedAt: w.now}))(w)
			if _, err := w.suppressions.Lift(w.ctx, x.ID, contacts.Lift{By: "mem_x"}, w.now); fault.KindOf(err) != fault.Invalid {
				w.Errorf("%s without a reason: %v", reason, err)
			}
			lifted := must(w.suppressions.Lift(w.ctx, x.ID, contacts.Lift{By: "mem_x", Reason: "mended"}, w.now))(w)
			if lifted.LiftedFor != "mended" || lifted.LiftedBy != "mem_x" {
				w.Errorf("lifted: %+v", lifted)
			}
		}
	},
	"who was erased comes back by an own act with proof alone": func(w *world) {
		p := w.person()
		must(w.contacts.Erase(w.ctx, p.contact, eraseOrder(w.now)))(w)
		x := must(w.suppressions.List(w.ctx, contacts.SuppressionFilter{Channel: vocab.Email, Lookup: p.email, Limit: 1}))(w)[0]
		back := must(w.contacts.Create(w.ctx, contacts.Contact{CreatedAt: w.now}, []contacts.NewAddress{email(p.email)}))(w)
		stranger := w.person()
		record := func(who vocab.ContactID, kind consent.EventKind, source consent.Source, proof consent.ProofKind, at time.Time) vocab.ConsentEventID {
			w.Helper()
			e, _, err := w.consents.Record(w.ctx, consent.Event{
				Kind: kind, ContactID: who, Scope: consent.ScopePurpose, Purpose: "news.company", Channel: vocab.Email, Source: source, Proof: proof, ProofRef: "x", At: at,
			}, "", false)
			w.ok(err)
			return e.ID
		}
		later := w.now.Add(time.Hour)
		for name, event := range map[string]vocab.ConsentEventID{
			"no entry":               "",
			"an entry nobody made":   "cev_nobody",
			"an import":              record(back.ID, consent.KindImported, consent.SourceImport, consent.ProofSignedForm, later),
			"a grant without proof":  record(back.ID, consent.KindGranted, consent.SourceOperator, consent.ProofNone, later),
			"an older one":           record(back.ID, consent.KindGranted, consent.SourceSignUpForm, consent.ProofSignedForm, w.now.Add(-time.Hour)),
			"somebody else's":        record(stranger.contact, consent.KindGranted, consent.SourceSignUpForm, consent.ProofSignedForm, later),
			"an operator's own note": record(back.ID, consent.KindGranted, consent.SourceOperator, consent.ProofOperatorNote, later),
		} {
			if _, err := w.suppressions.Lift(w.ctx, x.ID, contacts.Lift{By: "mem_x", Reason: "asked", Event: event}, later); fault.KindOf(err) != fault.Invalid {
				w.Errorf("%s: %v, want it refused", name, err)
			}
		}
		own := record(back.ID, consent.KindGranted, consent.SourceConfirmLink, consent.ProofDoubleOptIn, later)
		lifted := must(w.suppressions.Lift(w.ctx, x.ID, contacts.Lift{By: "mem_x", Event: own}, later))(w)
		if lifted.LiftEvent != own || !lifted.LiftedAt.Equal(later) || len(w.suppressed(p.email)) != 0 {
			w.Errorf("lifted: %+v", lifted)
		}
	},
}
