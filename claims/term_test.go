package claims

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestAClaimIsDueAtTheEndOfTheThirtiethDay(t *testing.T) {
	for _, tc := range []struct{ zone, received, lastDay, due string }{
		{"Asia/Almaty", "2026-11-22T12:00:00+05:00", "2026-12-22", "2026-12-23T00:00:00+05:00"},
		{"Asia/Almaty", "2026-01-31T09:00:00+05:00", "2026-03-02", "2026-03-03T00:00:00+05:00"},
		{"Asia/Almaty", "2028-01-31T09:00:00+05:00", "2028-03-01", "2028-03-02T00:00:00+05:00"}, // a leap year
		{"Asia/Almaty", "2028-02-29T09:00:00+05:00", "2028-03-30", "2028-03-31T00:00:00+05:00"},
		{"Asia/Almaty", "2026-12-15T09:00:00+05:00", "2027-01-14", "2027-01-15T00:00:00+05:00"}, // over a year's end
		{"Asia/Almaty", "2026-11-21T19:00:00Z", "2026-12-22", "2026-12-23T00:00:00+05:00"},      // midnight here begins the 22nd
		{"Asia/Almaty", "2026-11-21T18:59:59Z", "2026-12-21", "2026-12-22T00:00:00+05:00"},
		{"Europe/Berlin", "2026-03-01T12:00:00+01:00", "2026-03-31", "2026-04-01T00:00:00+02:00"}, // an hour is missing between
	} {
		z := zone(t, tc.zone)
		received, err := time.Parse(time.RFC3339, tc.received)
		if err != nil {
			t.Fatal(err)
		}
		due := Term(received, z)
		if got := due.In(z).Format(time.RFC3339); got != tc.due {
			t.Errorf("received %s: due %s, want %s", tc.received, got, tc.due)
		}
		if got := LastDay(due, z).Format(time.DateOnly); got != tc.lastDay {
			t.Errorf("received %s: last day %s, want %s", tc.received, got, tc.lastDay)
		}
	}
}

func TestAClaimIsOverdueWhenItsLastDayIsOver(t *testing.T) {
	due := Term(time.Date(2028, 1, 30, 12, 0, 0, 0, time.UTC), zone(t, "Asia/Almaty"))
	for _, tc := range []struct {
		state State
		now   time.Time
		want  bool
	}{
		{Open, due.Add(-time.Microsecond), false}, {Open, due, true}, {Undelivered, due, true}, {Answered, due, false}, {Closed, due.Add(time.Hour), false},
	} {
		if got := (Claim{State: tc.state, DueAt: due}).Overdue(tc.now); got != tc.want {
			t.Errorf("%s at %s, due %s: overdue %t", tc.state, tc.now, due, got)
		}
	}
}

func TestAlarmsComeAtTheBeginningOfTheirDays(t *testing.T) {
	z := zone(t, "Asia/Almaty")
	received := time.Date(2026, 2, 10, 23, 59, 0, 0, z)
	for day, want := range map[int]string{20: "2026-03-02", 25: "2026-03-07", 28: "2026-03-10"} {
		at := AlarmAt(received, z, day).In(z)
		if got := at.Format(time.DateTime); got != want+" 00:00:00" {
			t.Errorf("day %d is told at %s, want the beginning of %s", day, got, want)
		}
		if left := DaysLeft(Term(received, z), at, z); left != Days-day {
			t.Errorf("on day %d %d days are left, want %d", day, left, Days-day)
		}
	}
}

func TestNobodyHasFewerThanThirtyDays(t *testing.T) {
	zones := []*time.Location{zone(t, "Asia/Almaty"), zone(t, "America/Sao_Paulo"), zone(t, "Pacific/Apia"), zone(t, "Europe/Berlin"), time.UTC}
	rapid.Check(t, func(t *rapid.T) {
		z := rapid.SampledFrom(zones).Draw(t, "zone")
		received := time.Unix(rapid.Int64Range(1_500_000_000, 2_500_000_000).Draw(t, "received"), 0)
		due := Term(received, z)
		if d := due.Sub(received); d < Days*24*time.Hour-2*time.Hour || d > (Days+1)*24*time.Hour+2*time.Hour {
			t.Fatalf("received %s: due after %s", received.In(z), d)
		}
		if left := DaysLeft(due, received, z); left != Days {
			t.Fatalf("received %s: %d days are left on the day of receipt", received.In(z), left)
		}
		last := received
		for _, day := range AlarmDays() {
			at := AlarmAt(received, z, day)
			if !at.After(last) || !at.Before(due) {
				t.Fatalf("alarm of day %d at %s, after %s and before %s?", day, at, last, due)
			}
			last = at
		}
	})
}

func TestNumbersSortWithinAYear(t *testing.T) {
	if got := Number(2026, 17); got != "2026-000017" {
		t.Errorf("Number = %s", got)
	}
	if Number(2026, 999_999) <= Number(2026, 1) {
		t.Error("numbers of a year do not sort")
	}
}
