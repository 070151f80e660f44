package consent

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/vocab"
)

// mergeKeys are grants that histories speak of, and some that they never name.
func mergeKeys() []GrantKey {
	var keys []GrantKey
	for _, purpose := range []vocab.Purpose{"news.company", "offers.company", "partner.unseen"} {
		for _, channel := range vocab.Channels() {
			for _, topic := range []vocab.Topic{"", "maths", "unseen"} {
				keys = append(keys, GrantKey{purpose, channel, topic})
			}
		}
	}
	for _, use := range ProcessingUses() {
		keys = append(keys, GrantKey{Purpose: use.ID})
	}
	return keys
}

// said is what a history amounts to.
type said struct {
	Side

	All    map[GrantKey]Grant // every key of mergeKeys, also those without a row
	OptOut map[vocab.Channel]bool
}

const anyService = vocab.Purpose("service.notice")

func sum(events []Event) said {
	s := said{Side: Side{Grants: map[GrantKey]Grant{}, Events: events}, All: map[GrantKey]Grant{}, OptOut: map[vocab.Channel]bool{}}
	named := map[GrantKey]bool{}
	for _, e := range events {
		s.Unsubscribed = ApplyUnsubscribed(s.Unsubscribed, e)
		s.ProcessingWithdrawn = ApplyProcessing(s.ProcessingWithdrawn, e)
		s.PausedUntil = ApplyPause(s.PausedUntil, e)
		named[GrantKey{e.Purpose, e.Channel, e.Topic}] = true
		for _, channel := range vocab.Channels() {
			s.OptOut[channel] = ApplyOptOut(s.OptOut[channel], e, anyService, channel)
		}
	}
	for _, key := range mergeKeys() {
		g := Grant{State: None}
		for _, e := range events {
			g = Apply(key, g, e)
		}
		s.All[key] = g
		if named[key] { // as in the store: whatever names a grant makes its row
			s.Grants[key] = g
		}
	}
	for channel, out := range s.OptOut {
		if out {
			s.Grants[GrantKey{Purpose: anyService, Channel: channel}] = Grant{State: Withdrawn}
		}
	}
	return s
}

func anyHistory(t *rapid.T, who string) []Event {
	var events []Event
	for i := range rapid.IntRange(0, 8).Draw(t, who) {
		e := Event{
			ID:      vocab.ConsentEventID(who + string(rune('a'+i))),
			Kind:    rapid.SampledFrom(EventKinds()).Draw(t, "kind"),
			Scope:   rapid.SampledFrom(append(Scopes(), "unheard of")).Draw(t, "scope"),
			Purpose: rapid.SampledFrom([]vocab.Purpose{"news.company", "offers.company", anyService, ProcessingCore, EventRegistry}).Draw(t, "purpose"),
			Source:  rapid.SampledFrom([]Source{SourceAPI, SourceOperator, SourceImport, SourceOneClick, SourceMerge, SourceSystem}).Draw(t, "source"),
			At:      monday.Add(time.Duration(i) * time.Hour),
		}
		if !isProcessingUse(e.Purpose) {
			e.Channel = rapid.SampledFrom(vocab.Channels()).Draw(t, "channel")
			e.Topic = rapid.SampledFrom([]vocab.Topic{"", "maths"}).Draw(t, "topic")
		}
		if e.Kind == KindWithdrawn || e.Kind == KindRefused {
			if rapid.Bool().Draw(t, "wide") {
				e.Channel, e.Topic = "", ""
			}
			if rapid.Bool().Draw(t, "wider") {
				e.Purpose = ""
			}
		} else {
			if rapid.Bool().Draw(t, "ends") {
				e.ValidUntil = monday.AddDate(0, rapid.IntRange(1, 30).Draw(t, "months"), 0)
			}
		}
		events = append(events, e)
	}
	return events
}

func TestAMergeKeepsWhatBothAgreeOnAndEveryNo(t *testing.T) {
	registry, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := sum(anyHistory(t, "survivor")), sum(anyHistory(t, "merged"))
		added := registry.Merge(a.Side, b.Side)
		for i := range added {
			added[i].ID, added[i].At = "cev_merge", monday.AddDate(0, 0, 1)
		}
		after := sum(append(append([]Event(nil), a.Events...), added...))
		for _, key := range mergeKeys() {
			x, y, z := a.All[key], b.All[key], after.All[key]
			both := Intersect(x, y)
			if (z.State == Granted) != (both.State == Granted) {
				t.Fatalf("%v: %s and %s become %s, want granted only if both are", key, x.State, y.State, z.State)
			}
			if z.State == Granted && !z.ValidUntil.Equal(both.ValidUntil) {
				t.Fatalf("%v: until %s and %s becomes until %s", key, x.ValidUntil, y.ValidUntil, z.ValidUntil)
			}
			if both.Objected && !z.Objected {
				t.Fatalf("%v: a no is forgotten: %+v and %+v become %+v", key, x, y, z)
			}
			imported := Apply(key, z, Event{ID: "cev_import", Kind: KindImported, Source: SourceImport, Purpose: key.Purpose, Channel: key.Channel, Topic: key.Topic, At: monday.AddDate(3, 0, 0)})
			if both.Objected && z.State != Granted && imported.State == Granted {
				t.Fatalf("%v: an import beats a no of before the merge", key)
			}
		}
		if after.Unsubscribed != (a.Unsubscribed || b.Unsubscribed) || after.ProcessingWithdrawn != (a.ProcessingWithdrawn || b.ProcessingWithdrawn) {
			t.Fatalf("marks: %t %t and %t %t become %t %t", a.Unsubscribed, a.ProcessingWithdrawn, b.Unsubscribed, b.ProcessingWithdrawn,
				after.Unsubscribed, after.ProcessingWithdrawn)
		}
		if after.PausedUntil.Before(a.PausedUntil) || after.PausedUntil.Before(b.PausedUntil) {
			t.Fatalf("pauses until %s and %s become one until %s", a.PausedUntil, b.PausedUntil, after.PausedUntil)
		}
		for _, channel := range vocab.Channels() {
			if after.OptOut[channel] != (a.OptOut[channel] || b.OptOut[channel]) {
				t.Fatalf("opted out by %s: %t and %t become %t", channel, a.OptOut[channel], b.OptOut[channel], after.OptOut[channel])
			}
		}
		if again := registry.Merge(after.Side, b.Side); len(again) != 0 {
			t.Fatalf("a second merge says more: %+v", again)
		}
	})
}

func TestAMergeEndsAGrantExactly(t *testing.T) {
	registry, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	grant := func(topic vocab.Topic, months int) Event {
		return Event{ID: "cev_g", Kind: KindGranted, Scope: ScopePurpose, Source: SourceAPI, Purpose: "news.company", Channel: vocab.Email, Topic: topic, At: monday, ValidUntil: monday.AddDate(0, months, 0)}
	}
	a := sum([]Event{grant("", 24), grant("maths", 24)})
	b := sum([]Event{grant("maths", 12)})
	want := []Event{
		{Kind: KindMerged, Source: SourceMerge, Scope: ScopePurpose, Purpose: "news.company", Channel: vocab.Email},
		{Kind: KindMerged, Source: SourceMerge, Scope: ScopeTopic, Purpose: "news.company", Channel: vocab.Email, Topic: "maths", ValidUntil: monday.AddDate(0, 12, 0)},
	}
	got := registry.Merge(a.Side, b.Side)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("entries mismatch (-want +got):\n%s", diff)
	}
	after := sum(append(a.Events, got...))
	kept := after.All[GrantKey{"news.company", vocab.Email, "maths"}]
	if kept.State != Granted || kept.Event != "cev_g" || kept.Objected {
		t.Errorf("the topic is %+v", kept)
	}
	if lost := after.All[newsByEmail]; lost.State != Withdrawn || lost.Objected {
		t.Errorf("what one had granted is %+v, want withdrawn by nobody's no", lost)
	}
}
