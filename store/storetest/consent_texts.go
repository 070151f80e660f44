package storetest

import (
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

var anOperator = consent.Operator{
	Name: map[vocab.Language]string{vocab.Kazakh: "Өрлеу", vocab.Russian: "Өрлеу", vocab.English: "Orleu"}, BIN: "990740000008", PolicyVersion: "2026-01",
}

// purposeOfItsOwn is one that no other test has texts for.
func purposeOfItsOwn() vocab.Purpose { return vocab.Purpose(unique("news.%s")) }

// text is a whole text for the purpose by email.
func text(purpose vocab.Purpose) consent.Text {
	t := consent.BuiltinTexts(anOperator)[0]
	t.Purpose, t.Channel = purpose, vocab.Email
	return t
}

// publisher is who publishes.
func (w *world) publisher() consent.Event {
	return consent.Event{Source: consent.SourceAPI, ActorKind: consent.ActorAPIKey, ActorID: "key_x", At: w.now}
}

// publish publishes a text and returns it.
func (w *world) publish(t consent.Text) consent.Text {
	w.Helper()
	draft := must(w.texts().Draft(w.ctx, t, w.now))(w)
	return must(w.texts().Publish(w.ctx, draft.ID, w.publisher(), consent.Text.CheckPublish))(w)
}

func (w *world) texts() *store.ConsentTexts { return store.NewConsentTexts(w.db) }

// agrees records a grant on a version of the text.
func (w *world) agrees(p person, purpose vocab.Purpose, version int) consent.Event {
	w.Helper()
	kept, _, err := w.consents.Record(w.ctx, consent.Event{
		Kind: consent.KindGranted, ContactID: p.contact, Scope: consent.ScopePurpose, Purpose: purpose, Channel: vocab.Email, TextVersion: version,
		Source: consent.SourceSignUpForm, ActorKind: consent.ActorContact, ActorID: string(p.contact), At: w.now, ValidUntil: w.now.AddDate(2, 0, 0),
	}, "", false)
	w.ok(err)
	return kept
}

// grantFor reads the person's grant.
func (w *world) grantFor(p person, purpose vocab.Purpose) consent.Grant {
	w.Helper()
	for _, g := range must(w.consents.OfContact(w.ctx, p.contact))(w) {
		if g.Key == (consent.GrantKey{Purpose: purpose, Channel: vocab.Email}) {
			return g.Grant
		}
	}
	return consent.Grant{}
}

var consentTextTests = map[string]func(*world){
	"a draft is changed, published once, and frozen": func(w *world) {
		purpose := purposeOfItsOwn()
		w.now = w.now.Add(time.Microsecond)
		draft := must(w.texts().Draft(w.ctx, text(purpose), w.now))(w)
		changed := must(w.texts().Change(w.ctx, draft.ID, func(t consent.Text) (consent.Text, error) {
			t.Material, t.Reason = false, "better words"
			return t, nil
		}))(w)
		if diff := cmp.Diff(changed, must(w.texts().Get(w.ctx, draft.ID))(w)); diff != "" || changed.Reason != "better words" {
			w.Errorf("the draft mismatch (-changed +kept):\n%s", diff)
		}
		published := must(w.texts().Publish(w.ctx, draft.ID, w.publisher(), consent.Text.CheckPublish))(w)
		want := changed
		want.Version, want.PublishedAt, want.PublishedBy = 1, w.now, "key_x"
		for name, got := range map[string]consent.Text{
			"published": published, "read": must(w.texts().Get(w.ctx, draft.ID))(w), "current": must(w.texts().Current(w.ctx, purpose, vocab.Email))(w),
			"version 1": must(w.texts().Version(w.ctx, purpose, vocab.Email, 1))(w),
		} {
			if diff := cmp.Diff(want, got); diff != "" {
				w.Errorf("%s mismatch (-want +got):\n%s", name, diff)
			}
		}
		_, err := w.texts().Publish(w.ctx, draft.ID, w.publisher(), consent.Text.CheckPublish)
		w.refused(err, fault.Conflict, "consent_text_published")
		_, err = w.texts().Change(w.ctx, draft.ID, func(t consent.Text) (consent.Text, error) { return t, nil })
		w.refused(err, fault.Conflict, "consent_text_published")
		w.refused(w.texts().Drop(w.ctx, draft.ID), fault.Conflict, "consent_text_published")
		_, err = w.texts().Current(w.ctx, purpose, vocab.SMS)
		w.refused(err, fault.NotFound, "consent_text_not_found")
		_, err = w.texts().Get(w.ctx, "txt_nothing")
		w.refused(err, fault.NotFound, "consent_text_not_found")
	},
	"a text with gaps is not published": func(w *world) {
		t := text(purposeOfItsOwn())
		t.BIN = ""
		draft := must(w.texts().Draft(w.ctx, t, w.now))(w)
		_, err := w.texts().Publish(w.ctx, draft.ID, w.publisher(), consent.Text.CheckPublish)
		if fault.KindOf(err) != fault.Invalid {
			w.Errorf("got %v", err)
		}
		if got := must(w.texts().Get(w.ctx, draft.ID))(w); got.Published() {
			w.Error("it is published")
		}
		w.ok(w.texts().Drop(w.ctx, draft.ID))
		_, err = w.texts().Get(w.ctx, draft.ID)
		w.refused(err, fault.NotFound, "consent_text_not_found")
	},
	"texts published at once get versions without gaps": func(w *world) {
		purpose := purposeOfItsOwn()
		ids := make([]vocab.ConsentTextID, 6)
		for i := range ids {
			t := text(purpose)
			t.Material, t.Reason = i%2 == 0, "why not"
			ids[i] = must(w.texts().Draft(w.ctx, t, w.now))(w).ID
		}
		for _, err := range twins(len(ids), func(i int) error {
			_, err := w.texts().Publish(w.ctx, ids[i], w.publisher(), consent.Text.CheckPublish)
			return err
		}) {
			w.ok(err)
		}
		versions := must(w.texts().Versions(w.ctx, purpose, vocab.Email))(w)
		if len(versions) != len(ids) {
			w.Fatalf("%d versions, want %d", len(versions), len(ids))
		}
		for i, t := range versions {
			if t.Version != len(ids)-i {
				w.Errorf("version %d at place %d", t.Version, i)
			}
		}
		w.chain()
	},
	"what waits on a grant whose text changed is suppressed, and names the change": func(w *world) {
		purpose := purposeOfItsOwn()
		first := w.publish(text(purpose))
		p, untouched := w.person(), w.person()
		w.agrees(p, purpose, first.Version)
		w.grant(untouched, "news.company")
		d, other := w.draft(p, vocab.Marketing), w.draft(untouched, vocab.Marketing)
		d.Message.Purpose = purpose
		ids := w.submit(d, other)
		w.status(dispatcher.Queued, ids...)

		before := must(w.consents.Head(w.ctx))(w)
		w.now = w.now.Add(time.Minute)
		comma := text(purpose)
		w.publish(comma)
		if got := w.grantFor(p, purpose); got.State != consent.Granted {
			w.Errorf("after a change that is not material the grant is %s", got.State)
		}
		material := text(purpose)
		material.Material, material.Reason = true, "another carrier"
		second := w.publish(material)
		entries := must(w.consents.Events(w.ctx, before.Seq, 10))(w)
		if len(entries) != 1 || entries[0].Kind != consent.KindStale || entries[0].ContactID != "" || entries[0].TextVersion != second.Version {
			w.Fatalf("the ledger got %+v", entries)
		}
		stale := entries[0].ID
		if diff := cmp.Diff(consent.Grant{State: consent.Stale, Since: w.now, Event: stale}, w.grantFor(p, purpose)); diff != "" {
			w.Errorf("grant mismatch (-want +got):\n%s", diff)
		}
		if permits := w.claim(ids...); len(permits) != 1 || permits[0].Message.ID != ids[1] {
			w.Fatalf("permits %+v, want the newsletter alone", permits)
		}
		w.status(dispatcher.Suppressed, ids[0])
		if got := w.message(ids[0]).Decision; got.Reason != consent.ConsentStale || got.Basis.Event != stale {
			w.Errorf("decided %s by %s, want consent_stale by %s", got.Reason, got.Basis.Event, stale)
		}
		w.now = w.now.Add(time.Minute)
		again := w.agrees(p, purpose, second.Version)
		if got := w.grantFor(p, purpose); got.State != consent.Granted || got.Event != again.ID || got.Text != second.Version {
			w.Errorf("agreed again, it is %+v", got)
		}
		w.chain()
	},
	"a stale grant is asked for again, confirmed and withdrawn like any other": func(w *world) {
		purpose := purposeOfItsOwn()
		p := w.person()
		w.agrees(p, purpose, 0)
		changed := text(purpose)
		changed.Material, changed.Reason = true, "the first of ours"
		version := w.publish(changed).Version
		record := func(kind consent.EventKind) error {
			w.now = w.now.Add(time.Minute)
			_, _, err := w.consents.Record(w.ctx, consent.Event{
				Kind: kind, ContactID: p.contact, Scope: consent.ScopePurpose, Purpose: purpose, Channel: vocab.Email, TextVersion: version,
				Source: consent.SourceConfirmLink, ActorKind: consent.ActorContact, ActorID: string(p.contact), At: w.now,
			}, "", false)
			return err
		}
		want := func(s consent.State) {
			w.Helper()
			if got := w.grantFor(p, purpose); got.State != s {
				w.Errorf("it is %s, want %s", got.State, s)
			}
		}
		want(consent.Stale)
		w.ok(record(consent.KindRequested))
		want(consent.Pending)
		w.ok(record(consent.KindConfirmed))
		want(consent.Granted)
		var kinds []consent.EventKind // a receipt is made from the history: without the change the new consent would be none
		for _, e := range must(w.consents.History(w.ctx, p.contact, w.said()))(w) {
			if e.Purpose == purpose {
				kinds = append(kinds, e.Kind)
			}
		}
		if diff := cmp.Diff([]consent.EventKind{consent.KindGranted, consent.KindStale, consent.KindRequested, consent.KindConfirmed}, kinds); diff != "" {
			w.Errorf("history (-want +got):\n%s", diff)
		}
		again := changed
		again.Material = true
		version = w.publish(again).Version
		want(consent.Stale)
		w.ok(record(consent.KindRenewed))
		want(consent.Granted)
		w.publish(again)
		_, err := w.consents.Withdraw(w.ctx, dispatcher.Withdrawal{ContactID: p.contact, Event: consent.Event{
			Kind: consent.KindWithdrawn, Scope: consent.ScopePurpose, Purpose: purpose, Channel: vocab.Email, Source: consent.SourceAPI,
		}}, w.now, dispatcher.Covered)
		w.ok(err)
		want(consent.Withdrawn)
	},
	"a yes of some time ago does not beat a no, nor a yes, that came since": func(w *world) {
		p, early := w.person(), w.now
		onPaper := func(purpose vocab.Purpose) error {
			_, _, err := w.consents.Record(w.ctx, consent.Event{
				Kind: consent.KindGranted, ContactID: p.contact, Scope: consent.ScopePurpose, Purpose: purpose, Channel: vocab.Email,
				Source: consent.SourceOperator, ActorKind: consent.ActorMember, Proof: consent.ProofSignedForm, At: early, RecordedAt: w.now,
			}, "", false)
			return err
		}
		w.now = early.Add(time.Hour)
		w.agrees(p, "news.company", 0)
		_, err := w.consents.Withdraw(w.ctx, dispatcher.Withdrawal{ContactID: p.contact, Event: consent.Event{
			Kind: consent.KindWithdrawn, Scope: consent.ScopeChannel, Channel: vocab.Email, Source: consent.SourceAPI,
		}}, w.now, dispatcher.Covered)
		w.ok(err)
		w.now = early.Add(2 * time.Hour)
		w.refused(onPaper("news.company"), fault.Conflict, "consent_unchanged")
		w.refused(onPaper("event.invite"), fault.Conflict, "consent_unchanged") // it was never asked for, and the no was wide
		w.agrees(p, "offers.company", 0)
		w.refused(onPaper("offers.company"), fault.Conflict, "consent_unchanged")
		early = w.now.Add(time.Minute) // since the no
		w.now = early.Add(time.Hour)
		w.ok(onPaper("event.invite"))
		got := w.grantFor(p, "event.invite")
		if got.State != consent.Granted || !got.Since.Equal(early) {
			w.Errorf("got %+v, want granted since %s", got, early)
		}
		newest := must(w.consents.Event(w.ctx, got.Event))(w)
		if !newest.At.Equal(early) || !newest.RecordedAt.Equal(w.now) {
			w.Errorf("given at %s, written down at %s", newest.At, newest.RecordedAt)
		}
		history := must(w.consents.History(w.ctx, p.contact, newest.Seq-1))(w)
		if len(history) == 0 || history[len(history)-1].Seq >= newest.Seq || history[0].Seq > history[len(history)-1].Seq {
			w.Errorf("the history up to the entry before: %+v", history)
		}
	},
	"what is read is what the whole ledger amounts to, changes of texts included": func(w *world) {
		rapid.Check(w.T, func(t *rapid.T) {
			purpose := purposeOfItsOwn()
			p, before := w.person(), must(w.consents.Head(w.ctx))(w)
			versions := 0
			for range rapid.IntRange(1, 10).Draw(t, "steps") {
				w.now = w.now.Add(time.Second)
				if rapid.Bool().Draw(t, "publish") {
					next := text(purpose)
					next.Material, next.Reason = rapid.Bool().Draw(t, "material"), "why"
					versions = w.publish(next).Version
					continue
				}
				if rapid.IntRange(0, 4).Draw(t, "expire") == 0 {
					for must(w.consents.Expire(w.ctx, w.now, 10))(w) > 0 {
					}
					continue
				}
				e := consent.Event{
					ContactID: p.contact, At: w.now, ActorKind: consent.ActorContact, Scope: consent.ScopePurpose, Purpose: purpose, Channel: vocab.Email,
					ValidUntil:  w.now.Add(time.Duration(rapid.IntRange(1, 4).Draw(t, "seconds")) * time.Second),
					TextVersion: rapid.IntRange(0, versions).Draw(t, "version"),
					Source:      rapid.SampledFrom([]consent.Source{consent.SourceAPI, consent.SourceImport}).Draw(t, "source"),
					Kind: rapid.SampledFrom([]consent.EventKind{
						consent.KindRequested, consent.KindGranted, consent.KindConfirmed, consent.KindRenewed, consent.KindImported, consent.KindExpired,
					}).Draw(t, "kind"),
				}
				if _, _, err := w.consents.Record(w.ctx, e, "", false); err != nil && codeOf(err) != "consent_unchanged" {
					t.Fatalf("record %+v: %v", e, err)
				}
			}
			all := must(w.consents.Events(w.ctx, before.Seq, 100))(w) // nobody else writes meanwhile
			key := consent.GrantKey{Purpose: purpose, Channel: vocab.Email}
			want := consent.Replay(key, all)
			got := w.grantFor(p, purpose)
			if got.State == "" {
				got.State = consent.None
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("grant mismatch (-ledger +read):\n%s", diff)
			}
			people := []person{p}
			if b := w.firstDifference(people); b.Why != "" {
				t.Fatalf("what is kept differs: %s", b)
			}
			if n := w.rebuild(people); n != 0 {
				t.Fatalf("a rebuild mended %d contacts", n)
			}
		})
	},
}
