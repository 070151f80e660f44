package consent

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/vocab"
)

func TestCap(t *testing.T) {
	const week = 7 * 24 * time.Hour
	ago := func(c vocab.Channel, d time.Duration) Sent { return Sent{Channel: c, At: monday.Add(-d)} }
	for _, tc := range []struct {
		name    string
		cap     Cap
		channel vocab.Channel
		earlier []Sent
		reached bool
		freeIn  time.Duration // 0: unknown or free
	}{
		{"nothing sent", Cap{}, vocab.Email, nil, false, 0},
		{"one of two", Cap{}, vocab.Email, []Sent{ago(vocab.Email, time.Hour)}, false, 0},
		{"two of two: free when the older one leaves", Cap{}, vocab.Email, []Sent{ago(vocab.Email, time.Hour), ago(vocab.SMS, 48*time.Hour)}, true, week - 48*time.Hour},
		{"exactly a week ago no longer counts", Cap{}, vocab.Email, []Sent{ago(vocab.Email, week), ago(vocab.Email, week), ago(vocab.Email, 1)}, false, 0},
		{"a moment less than a week ago counts", Cap{}, vocab.SMS, []Sent{ago(vocab.SMS, week-1)}, true, 1},
		{"one SMS fills SMS", Cap{}, vocab.SMS, []Sent{ago(vocab.SMS, 24*time.Hour)}, true, week - 24*time.Hour},
		{"one SMS leaves room for email", Cap{}, vocab.Email, []Sent{ago(vocab.SMS, 24*time.Hour)}, false, 0},
		{"SMS waits for the later of both caps", Cap{}, vocab.SMS, []Sent{ago(vocab.Email, 72*time.Hour), ago(vocab.SMS, 24*time.Hour)}, true, week - 24*time.Hour},
		{"SMS waits for the overall cap alone", Cap{}, vocab.SMS, []Sent{ago(vocab.Email, 72*time.Hour), ago(vocab.Email, 24*time.Hour)}, true, week - 72*time.Hour},
		{"over the cap: all but one must leave", Cap{}, vocab.Email, []Sent{ago(vocab.Email, 1*time.Hour), ago(vocab.Email, 3*time.Hour), ago(vocab.Email, 2*time.Hour)}, true, week - 2*time.Hour},
		{"another machine's clock is ahead", Cap{SMS: 1}, vocab.SMS, []Sent{ago(vocab.SMS, -time.Minute)}, true, week + time.Minute},
		{"settings", Cap{Marketing: 3, SMS: 2, Period: time.Hour}, vocab.SMS, []Sent{ago(vocab.SMS, 50*time.Minute), ago(vocab.SMS, 10*time.Minute)}, true, 10 * time.Minute},
		{"none at all", Cap{Marketing: -1}, vocab.Email, nil, true, 0},
		{"no SMS at all", Cap{SMS: -1}, vocab.SMS, []Sent{ago(vocab.Email, 1), ago(vocab.Email, 1)}, true, 0},
		{"no SMS at all, email", Cap{SMS: -1}, vocab.Email, nil, false, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.cap.Reached(tc.channel, tc.earlier, monday)
			reached, freeAt := got.Reached, got.FreeAt
			var want time.Time
			if tc.freeIn != 0 {
				want = monday.Add(tc.freeIn)
			}
			if reached != tc.reached || !freeAt.Equal(want) {
				t.Errorf("Reached = %v, %v; want %v, %v", reached, freeAt, tc.reached, want)
			}
		})
	}
}

func TestTheCapNamesTheMessagesThatFillIt(t *testing.T) {
	const day = 24 * time.Hour
	earlier := []Sent{
		{ID: "email yesterday", Channel: vocab.Email, At: monday.Add(-day)},
		{ID: "text on Thursday", Channel: vocab.SMS, At: monday.Add(-4 * day)},
		{ID: "last week", Channel: vocab.SMS, At: monday.Add(-8 * day)},
	}
	for channel, want := range map[vocab.Channel][]vocab.MessageID{
		vocab.Email: {"text on Thursday", "email yesterday"}, // the oldest first
		vocab.SMS:   {"text on Thursday", "email yesterday"}, // both caps are full until Thursday's text has left
	} {
		if diff := cmp.Diff(want, Cap{}.Reached(channel, earlier, monday).Earlier); diff != "" {
			t.Errorf("%s mismatch (-want +got):\n%s", channel, diff)
		}
	}
	one := Cap{Marketing: 5}.Reached(vocab.SMS, earlier, monday)
	if diff := cmp.Diff([]vocab.MessageID{"text on Thursday"}, one.Earlier); diff != "" {
		t.Errorf("the cap of SMS alone mismatch (-want +got):\n%s", diff)
	}
}

func TestTheCapIsFreeAtFreeAtAndNotBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Cap{Marketing: rapid.IntRange(1, 4).Draw(t, "marketing"), SMS: rapid.IntRange(1, 3).Draw(t, "sms")}
		var earlier []Sent
		for range rapid.IntRange(0, 8).Draw(t, "earlier") {
			earlier = append(earlier, Sent{
				ID:      vocab.MessageID(strconv.Itoa(len(earlier))),
				Channel: rapid.SampledFrom(vocab.Channels()).Draw(t, "channel"),
				At:      monday.Add(-time.Duration(rapid.IntRange(0, 9*24).Draw(t, "hours ago")) * time.Hour),
			})
		}
		channel := rapid.SampledFrom(vocab.Channels()).Draw(t, "to")
		got := c.Reached(channel, earlier, monday)
		reached, freeAt := got.Reached, got.FreeAt
		if !reached {
			if !freeAt.IsZero() {
				t.Fatalf("free, and free at %v", freeAt)
			}
			return
		}
		if len(got.Earlier) < 1 {
			t.Fatal("no message is named that fills the cap")
		}
		if !c.Reached(channel, earlier, freeAt.Add(-1)).Reached {
			t.Fatalf("already free before %v", freeAt)
		}
		if c.Reached(channel, earlier, freeAt).Reached {
			t.Fatalf("not free at %v", freeAt)
		}
	})
}
