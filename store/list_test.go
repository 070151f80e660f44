package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

func TestRareMessagesAreFoundStretchByStretch(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			db := e.open(t)
			n := 2*store.Stretch + 1000
			fill(t, db, 1, n)
			for name, x := range map[string]struct {
				f    dispatcher.MessageFilter
				want func(i int) bool
				max  int // pages
			}{
				"a status that is rare and old": {dispatcher.MessageFilter{Status: dispatcher.Unknown, Limit: 4}, func(i int) bool { return i < 100 && i%10 == 7 }, 5},
				"one that none has":             {dispatcher.MessageFilter{Status: dispatcher.Failed, Limit: 4}, func(int) bool { return false }, 3},
				"one that some have":            {dispatcher.MessageFilter{Status: dispatcher.Bounced, Limit: 10}, func(i int) bool { return i%1000 == 4 }, 7},
				"one that waits":                {dispatcher.MessageFilter{Status: dispatcher.Held, Limit: 2}, func(i int) bool { return i%10000 == 2 }, 3},
				"of a common reference": {
					dispatcher.MessageFilter{Reference: "campaign", Channel: vocab.SMS, Limit: 200}, func(i int) bool { return i%100 == 50 }, 3,
				},
				"of an old time": {
					dispatcher.MessageFilter{CreatedAfter: noon.Add(500 * time.Second), CreatedBefore: noon.Add(501 * time.Second), Limit: 200},
					func(i int) bool { return i == 1000 || i == 1001 }, 1,
				},
				"of an old time, and rare": {
					dispatcher.MessageFilter{CreatedBefore: noon.Add(50 * time.Second), Status: dispatcher.Unknown, Limit: 200},
					func(i int) bool { return i < 100 && i%10 == 7 }, 1,
				},
			} {
				var want, got []vocab.MessageID
				for i := n; i > 0; i-- {
					if x.want(i) {
						want = append(want, msg(i))
					}
				}
				pages := 0
				for f := x.f; ; pages++ {
					page, err := store.NewLedger(db).List(t.Context(), f)
					if err != nil {
						t.Fatal(err)
					}
					if len(page.Messages) > f.Limit {
						t.Errorf("%s: a page of %d", name, len(page.Messages))
					}
					for _, m := range page.Messages {
						got = append(got, m.ID)
					}
					if f.After = page.Next; page.Next == "" || pages > 20 {
						break
					}
				}
				if !slices.Equal(want, got) {
					t.Errorf("%s: got %d messages %v, want %d", name, len(got), got, len(want))
				}
				if pages++; pages > x.max {
					t.Errorf("%s took %d pages, want at most %d", name, pages, x.max)
				}
			}
		})
	}
}
