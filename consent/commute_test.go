package consent

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/orleu/elshi/vocab"
)

// anyKey is one of a few grants that withdrawals reach in different ways.
func anyKey(t *rapid.T) GrantKey {
	return GrantKey{
		Purpose: rapid.SampledFrom([]vocab.Purpose{"news.company", "offers.company", "partner.acme", EventRegistry}).Draw(t, "purpose"),
		Channel: rapid.SampledFrom(vocab.Channels()).Draw(t, "channel"), Topic: rapid.SampledFrom([]vocab.Topic{"", "maths"}).Draw(t, "topic"),
	}
}

func anyEventAbout(t *rapid.T, k GrantKey, kinds ...EventKind) Event {
	return Event{
		ID: vocab.ConsentEventID(vocab.NewID(vocab.ConsentEventPrefix)), Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Scope: ScopePurpose, Purpose: k.Purpose, Channel: k.Channel,
		Topic: k.Topic, Source: rapid.SampledFrom(Sources()).Draw(t, "source"), At: monday.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "hours")) * time.Hour),
	}
}

// Events about different grants, none of them wide, may come in any order: each grant ends the same, to the last field.
func TestEventsAboutDifferentGrantsCommute(t *testing.T) {
	kinds := slices.DeleteFunc(EventKinds(), func(k EventKind) bool { return k == KindWithdrawn || k == KindRefused })
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.Custom(anyKey), 2, 4, func(k GrantKey) GrantKey { return k }).Draw(t, "grants")
		var queues [][]Event
		want := map[GrantKey]Grant{}
		for _, k := range keys {
			var own []Event
			for range rapid.IntRange(1, 6).Draw(t, "events") {
				own = append(own, anyEventAbout(t, k, kinds...))
			}
			queues, want[k] = append(queues, own), apply(k, own...)
		}
		var mixed []Event
		for len(queues) > 0 {
			i := rapid.IntRange(0, len(queues)-1).Draw(t, "next")
			mixed = append(mixed, queues[i][0])
			if queues[i] = queues[i][1:]; len(queues[i]) == 0 {
				queues = slices.Delete(queues, i, i+1)
			}
		}
		for _, k := range keys {
			if got := apply(k, mixed...); got != want[k] {
				t.Fatalf("%+v is %+v when the events are mixed, want %+v", k, got, want[k])
			}
		}
	})
}

// Withdrawals, wide ones too, may come in any order: whatever was granted before, every grant and both marks end in one state.
func TestWithdrawalsCommute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := anyKey(t)
		var before []Event
		for range rapid.IntRange(0, 4).Draw(t, "before") {
			before = append(before, anyEventAbout(t, k, KindRequested, KindGranted, KindConfirmed, KindImported, KindExpired, KindStale))
		}
		var withdrawals []Event
		for range rapid.IntRange(2, 6).Draw(t, "withdrawals") {
			e := anyEventAbout(t, anyKey(t), KindWithdrawn)
			e.Scope = rapid.SampledFrom(Scopes()).Draw(t, "scope")
			if rapid.Bool().Draw(t, "wide") {
				e.Channel, e.Topic = "", ""
			}
			withdrawals = append(withdrawals, e)
		}
		type state struct {
			State           State
			Objected        bool
			Text            int
			ValidUntil      time.Time
			Unsubscribed    bool
			OptedOut        bool
			ProcessingEnded bool
		}
		after := func(withdrawals []Event) state {
			g := apply(k, slices.Concat(before, withdrawals)...)
			s := state{State: g.State, Objected: g.Objected, Text: g.Text, ValidUntil: g.ValidUntil}
			for _, e := range withdrawals {
				s.Unsubscribed = ApplyUnsubscribed(s.Unsubscribed, e)
				s.OptedOut = ApplyOptOut(s.OptedOut, e, "news.company", vocab.Email)
				s.ProcessingEnded = s.ProcessingEnded || Covers(e, ProcessingCore, "", "")
			}
			return s
		}
		want := after(withdrawals)
		if got := after(rapid.Permutation(withdrawals).Draw(t, "order")); got != want {
			t.Fatalf("in another order %+v is %+v, want %+v", k, got, want)
		}
	})
}
