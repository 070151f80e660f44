package consent

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/vocab"
)

func TestGrantsUnderChangesOfTheirText(t *testing.T) {
	key := GrantKey{Purpose: "news.company", Channel: vocab.Email, Topic: "maths"}
	change := func(version int) TextChange {
		return TextChange{"news.company", vocab.Email, version, vocab.ConsentEventID("cev_" + string(rune('0'+version))), decidedAt.Add(time.Duration(version) * time.Hour)}
	}
	grant := Grant{State: Granted, Since: decidedAt, ValidUntil: decidedAt.AddDate(2, 0, 0), Event: "cev_grant", Text: 2, Objected: true}
	stale := func(c TextChange) Grant { return Grant{State: Stale, Since: c.At, Event: c.Event, Objected: true} }
	other := change(3)
	other.Channel = vocab.SMS
	elsewhere := change(3)
	elsewhere.Purpose = "offers.company"
	with := func(f func(*Grant)) Grant { g := grant; f(&g); return g }
	for _, tc := range []struct {
		name    string
		grant   Grant
		changes []TextChange
		want    Grant
	}{
		{"no change", grant, nil, grant},
		{"a change before the words that were agreed to", grant, []TextChange{change(1), change(2)}, grant},
		{"a later one ends all topics", grant, []TextChange{change(3)}, stale(change(3))},
		{"the first of several, in any order", grant, []TextChange{change(5), change(3), change(4)}, stale(change(3))},
		{"another channel's and another purpose's", grant, []TextChange{other, elsewhere}, grant},
		{"agreed to on words that are not ours", with(func(g *Grant) { g.Text = 0 }), []TextChange{change(1)}, stale(change(1))},
		{"asked only", Grant{State: Pending, Since: decidedAt}, []TextChange{change(3)}, Grant{State: Pending, Since: decidedAt}},
		{"withdrawn", with(func(g *Grant) { g.State = Withdrawn }), []TextChange{change(3)}, with(func(g *Grant) { g.State = Withdrawn })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.grant.Under(key, tc.changes)); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
			facts := GrantFacts{State: tc.grant.State, ValidUntil: tc.grant.ValidUntil, Event: tc.grant.Event, Text: tc.grant.Text, PartnerNamed: true}.Under(key, tc.changes)
			if facts.State != tc.want.State || facts.Event != tc.want.Event || !facts.PartnerNamed {
				t.Errorf("the facts are %+v, want state %s by %s", facts, tc.want.State, tc.want.Event)
			}
		})
	}
}

// Whatever else is so, a change of a text never turns deny into allow, and the deny names it.
func TestAChangeOfATextNeverAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := GrantKey{Purpose: "news.company", Channel: vocab.Email}
		changes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) TextChange {
			return TextChange{
				Purpose: rapid.SampledFrom([]vocab.Purpose{"news.company", "ads.campaign"}).Draw(t, "purpose"), Channel: rapid.SampledFrom(vocab.Channels()).Draw(t, "channel"),
				Version: rapid.IntRange(1, 6).Draw(t, "version"), Event: "cev_change",
			}
		}), 0, 6).Draw(t, "changes")
		f := Facts{
			Now: decidedAt, Class: vocab.Marketing, Purpose: key.Purpose, Channel: key.Channel, PurposeRegistered: true, WindowOpen: true,
			Address: AddressFacts{Present: true, Valid: true, Verified: rapid.Bool().Draw(t, "verified")},
			Message: MessageFacts{HasUnsubscribe: true, SenderRegistered: true, LocaleApproved: true},
			Grant: GrantFacts{
				State: rapid.SampledFrom([]State{None, Pending, Granted, Withdrawn, Expired, Stale, Refusal, Lapsed}).Draw(t, "state"), PartnerNamed: true,
				Event: "cev_grant", Text: rapid.IntRange(0, 6).Draw(t, "text"),
			},
		}
		decide := func(changes []TextChange) Decision {
			under := f
			under.Grant = f.Grant.Under(key, changes)
			return Decide(under)
		}
		before := decide(changes)
		added := TextChange{Purpose: key.Purpose, Channel: key.Channel, Version: rapid.IntRange(1, 6).Draw(t, "added"), Event: "cev_added"}
		after := decide(append(slices.Clone(changes), added))
		if before.Verdict == Deny && after.Verdict != Deny {
			t.Fatalf("%+v became %+v by a change of the text", before, after)
		}
		if before.Verdict == Allow && after.Verdict == Deny && (after.Reason != ConsentStale || after.Basis.Event != "cev_added") {
			t.Fatalf("denied by %s, event %s, want consent_stale by the change", after.Reason, after.Basis.Event)
		}
		if before.Verdict == Allow && f.Grant.Text < added.Version && after.Verdict != Deny {
			t.Fatalf("a grant on version %d is allowed after a change by version %d", f.Grant.Text, added.Version)
		}
	})
}

var decidedAt = time.Date(2026, 3, 2, 7, 0, 0, 0, time.UTC)

func TestAnEntryAboutEverybodyIsAboutAText(t *testing.T) {
	e := Event{
		ID: "cev_1", Kind: KindStale, Scope: ScopePurpose, Purpose: "news.company", Channel: vocab.Email, TextVersion: 2, Source: SourceAPI, ActorKind: ActorAPIKey, At: decidedAt,
	}
	if err := e.Check(); err != nil {
		t.Errorf("a material change cannot be chained: %v", err)
	}
	use := e
	use.Purpose, use.Channel = ProcessingCore, ""
	if err := use.Check(); err != nil {
		t.Errorf("a material change of a use of data cannot be chained: %v", err)
	}
	use.Purpose = "news.company"
	if use.Check() == nil {
		t.Error("messages by no channel were chained")
	}
	if c, is := ChangeOf(e); !is || c != (TextChange{"news.company", vocab.Email, 2, "cev_1", decidedAt}) {
		t.Errorf("got %+v, %t", c, is)
	}
	e.ContactID = "con_1"
	if _, is := ChangeOf(e); is {
		t.Error("an entry about one contact is taken for one about everybody")
	}
}
