package events

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/orleu/elshi/vocab"
)

func TestPatternsMatchTypesAndSubjectsWhole(t *testing.T) {
	for pattern, want := range map[string][]Type{
		"*":               Types(),
		"consent.*":       {ConsentGranted, ConsentConfirmed, ConsentWithdrawn, ConsentExpired},
		"message.bounced": {MessageBounced},
		"message":         nil, "message.b*": nil, "mess*": nil, "": nil, "**": nil, ".*": nil, "*.sent": nil, "Message.*": nil,
	} {
		p := Patterns{pattern}
		var got []Type
		for _, typ := range Types() {
			if p.Match(typ) {
				got = append(got, typ)
			}
		}
		if !slices.Equal(want, got) {
			t.Errorf("%q matches %v, want %v", pattern, got, want)
		}
		if refused := len(p.Check("/events")) > 0; refused != (want == nil) {
			t.Errorf("%q is refused: %t", pattern, refused)
		}
	}
	if (Patterns{}).Match(MessageSent) || (Patterns{"*"}).Check("/x") != nil {
		t.Error("an empty list wants nothing, * is a pattern")
	}
}

func TestTheFeedTakesWhatTheSettingSays(t *testing.T) {
	for _, typ := range Types() {
		message := strings.HasPrefix(string(typ), "message.")
		begin := typ == MessageQueued || typ == MessageSent
		for f, want := range map[Feeding]bool{FeedAll: true, "": true, FeedOutcomes: !begin, FeedNone: !message} {
			if got := f.Takes(typ); got != want {
				t.Errorf("%s takes %s: %t", f, typ, got)
			}
		}
	}
}

func TestACursorIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		place := Place{rapid.Int64Range(0, math.MaxInt64).Draw(t, "tx"), rapid.Int64Range(0, math.MaxInt64).Draw(t, "seq")}
		if got, err := ParseCursor(place.String()); err != nil || got != place {
			t.Fatalf("got %v, %v, want %v", got, err, place)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(Place{1, 2}.String())
	f.Add("cur_zzzzzzzzzzzzzzzzzzzzzzzzzz")
	f.Add("msg_06gywnjy01xbs0938nkrkaydxw")
	f.Fuzz(func(t *testing.T, text string) {
		place, err := ParseCursor(text)
		if err != nil {
			if !errors.Is(err, vocab.ErrBadID) || place != (Place{}) {
				t.Errorf("%q: %v, %v", text, place, err)
			}
			return
		}
		if again, err := ParseCursor(place.String()); err != nil || again != place || place.Tx < 0 || place.Seq < 0 {
			t.Errorf("%q is %v, and again %v, %v", text, place, again, err)
		}
	})
}
