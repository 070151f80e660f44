package consent

import (
	"errors"
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // the tests must not depend on the machine's zones

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

func newCalendar(t *testing.T, o CalendarOptions) *Calendar {
	t.Helper()
	c, err := NewCalendar(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// in reads a local time such as "2026-11-23 09:00".
func in(t *testing.T, zone, local string) time.Time {
	t.Helper()
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05.999999999", local+":00", place)
	if len(local) > len("2006-01-02 15:04") {
		at, err = time.ParseInLocation("2006-01-02 15:04:05.999999999", local, place)
	}
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// An organisation may let more wait than the decision table does, but not what is of no use an hour later.
func TestAClassMayHaveHoursOfItsOwn(t *testing.T) {
	c := newCalendar(t, CalendarOptions{Own: map[vocab.Class]map[vocab.Channel]Hours{
		ser: {vocab.Email: {From: 10 * time.Hour, To: 18 * time.Hour, WorkingDays: true, Zone: "Asia/Almaty"}},
		mar: {vocab.SMS: {From: 12 * time.Hour, To: 13 * time.Hour, NotHolidays: true}},
	}})
	for _, tc := range []struct {
		name     string
		class    vocab.Class
		channel  vocab.Channel
		at, next string
	}{
		{"service email in its hours", ser, vocab.Email, "2026-11-23 10:00", ""},
		{"service email at night", ser, vocab.Email, "2026-11-27 18:00", "2026-11-30 10:00"},
		{"transactional email has none", tra, vocab.Email, "2026-11-27 23:00", ""},
		{"service SMS keeps the table's", ser, vocab.SMS, "2026-11-23 09:30", ""},
		{"marketing SMS on a Saturday, which is no holiday", mar, vocab.SMS, "2026-11-28 12:30", ""},
		{"marketing SMS on a holiday", mar, vocab.SMS, "2026-12-16 12:30", "2026-12-17 12:00"},
		{"marketing email keeps the table's", mar, vocab.Email, "2026-12-16 12:30", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			at := in(t, "Asia/Almaty", tc.at)
			open, next := c.Window(tc.class, tc.channel, "Asia/Almaty", at)
			if open != (tc.next == "") || !open && !next.Equal(in(t, "Asia/Almaty", tc.next)) {
				t.Fatalf("Window = %v, %v; want it to open at %q", open, next, tc.next)
			}
			d := Decide(Facts{Now: at, Class: tc.class, Channel: tc.channel, WindowOpen: open, OwnHours: c.Own(tc.class, tc.channel)})
			if held := slices.Contains(d.All, QuietHours); held == open {
				t.Errorf("the gate says quiet hours: %v, the calendar that it is open: %v", held, open)
			}
		})
	}
	for _, class := range []vocab.Class{vocab.Security, vocab.Breach} {
		_, err := NewCalendar(CalendarOptions{Own: map[vocab.Class]map[vocab.Channel]Hours{class: {vocab.SMS: {To: time.Hour}}}})
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("hours for %s are taken: %v", class, err)
		}
		if d := Decide(Facts{Class: class, Channel: vocab.SMS, OwnHours: true}); slices.Contains(d.All, QuietHours) {
			t.Errorf("%s waits for the morning", class)
		}
	}
}

func TestWindowAtItsBoundaries(t *testing.T) {
	const almaty, berlin = "Asia/Almaty", "Europe/Berlin"
	for _, tc := range []struct {
		name    string
		class   vocab.Class
		channel vocab.Channel
		zone    string // the contact's
		at      string // in the zone that counts
		next    string // empty: open
	}{
		{"SMS at exactly 09:00", mar, vocab.SMS, almaty, "2026-11-23 09:00", ""},
		{"SMS a moment before 09:00", mar, vocab.SMS, almaty, "2026-11-23 08:59:59.999999999", "2026-11-23 09:00"},
		{"SMS a moment before 21:00", mar, vocab.SMS, almaty, "2026-11-23 20:59:59.999999999", ""},
		{"SMS at exactly 21:00", mar, vocab.SMS, almaty, "2026-11-23 21:00", "2026-11-24 09:00"},
		{"SMS on Friday at 21:00 waits for Monday", ser, vocab.SMS, almaty, "2026-11-27 21:00", "2026-11-30 09:00"},
		{"SMS on Saturday noon", leg, vocab.SMS, almaty, "2026-11-28 12:00", "2026-11-30 09:00"},
		{"SMS on Sunday at midnight", tra, vocab.SMS, almaty, "2026-11-29 00:00", "2026-11-30 09:00"},
		{"SMS over New Year: Thursday 31 to Monday 4, past two holidays and a week-end", mar, vocab.SMS, almaty, "2026-12-31 21:00", "2027-01-04 09:00"},
		{"SMS over Nauryz: Saturday 20 to Wednesday 24", mar, vocab.SMS, almaty, "2027-03-20 10:00", "2027-03-24 09:00"},
		{"SMS on Independence Day", mar, vocab.SMS, almaty, "2026-12-16 12:00", "2026-12-17 09:00"},
		{"SMS on Kurban Ait", mar, vocab.SMS, almaty, "2026-05-27 12:00", "2026-05-28 09:00"},
		{"email on a holiday", mar, vocab.Email, almaty, "2026-12-16 12:00", ""},
		{"email at exactly 08:00 on Sunday", mar, vocab.Email, almaty, "2026-11-29 08:00", ""},
		{"email at exactly 21:00", mar, vocab.Email, almaty, "2026-11-29 21:00", "2026-11-30 08:00"},
		{"email before 08:00", mar, vocab.Email, almaty, "2026-11-29 07:59", "2026-11-29 08:00"},
		{"email in the contact's zone", mar, vocab.Email, berlin, "2026-11-29 07:59", "2026-11-29 08:00"},
		{"email the evening before clocks go forward", mar, vocab.Email, berlin, "2026-03-28 21:00", "2026-03-29 08:00"},
		{"email in the night of the change", mar, vocab.Email, berlin, "2026-03-29 03:30", "2026-03-29 08:00"},
		{"email the evening before clocks go back", mar, vocab.Email, berlin, "2026-10-24 23:00", "2026-10-25 08:00"},
		{"email on the long day, just before its end", mar, vocab.Email, berlin, "2026-10-25 20:59", ""},
		{"legal email never waits", leg, vocab.Email, almaty, "2026-11-29 03:00", ""},
		{"service email never waits", ser, vocab.Email, almaty, "2026-11-29 03:00", ""},
		{"a code never waits", sec, vocab.SMS, almaty, "2026-11-29 03:00", ""},
		{"a breach never waits", bre, vocab.SMS, almaty, "2026-11-29 03:00", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			open, next := newCalendar(t, CalendarOptions{}).Window(tc.class, tc.channel, tc.zone, in(t, tc.zone, tc.at).UTC())
			var want time.Time
			if tc.next != "" {
				want = in(t, tc.zone, tc.next)
			}
			if open != (tc.next == "") || !next.Equal(want) {
				t.Errorf("Window = %v, %v; want next %q", open, next, tc.next)
			}
			if !next.IsZero() && next.Location() != time.UTC {
				t.Errorf("next is in %v", next.Location())
			}
		})
	}
}

func TestSMSFollowsAlmatyWhereverTheContactIs(t *testing.T) {
	c := newCalendar(t, CalendarOptions{})
	if open, _ := c.Window(mar, vocab.SMS, "America/New_York", in(t, "Asia/Almaty", "2026-11-23 10:00")); !open {
		t.Error("closed at 10:00 in Almaty")
	}
}

func TestUnknownZonesCountAsTheDefault(t *testing.T) {
	c := newCalendar(t, CalendarOptions{DefaultZone: "Europe/Berlin"})
	for _, zone := range []string{"", "Local", "Mars/Olympus", "../etc/passwd"} {
		open, next := c.Window(mar, vocab.Email, zone, in(t, "Europe/Berlin", "2026-11-23 07:00"))
		if open || !next.Equal(in(t, "Europe/Berlin", "2026-11-23 08:00")) {
			t.Errorf("zone %q: open %v, next %v", zone, open, next)
		}
	}
}

func TestWindowFailsClosed(t *testing.T) {
	c := newCalendar(t, CalendarOptions{})
	if open, next := c.Window("promo", "pigeon", "", monday); open || !next.IsZero() {
		t.Errorf("an unknown class and channel: open %v, next %v", open, next)
	}
	if open, _ := c.Window("promo", vocab.Email, "", in(t, "Asia/Almaty", "2026-11-23 03:00")); open {
		t.Error("an unknown class goes out at night")
	}
	everyDay := make([]string, 0, 800)
	for day := range 800 {
		everyDay = append(everyDay, monday.AddDate(0, 0, day).Format(time.DateOnly))
	}
	if open, next := newCalendar(t, CalendarOptions{Holidays: everyDay}).Window(mar, vocab.SMS, "", monday); open || !next.IsZero() {
		t.Errorf("holidays without end: open %v, next %v", open, next)
	}
}

func TestMovedDays(t *testing.T) {
	c := newCalendar(t, CalendarOptions{
		Holidays:    []string{"2026-11-23"},
		WorkingDays: []string{"2026-11-28"}, // a Saturday
	})
	if open, _ := c.Window(mar, vocab.SMS, "", in(t, "Asia/Almaty", "2026-11-28 10:00")); !open {
		t.Error("closed on a moved working day")
	}
	if open, next := c.Window(mar, vocab.SMS, "", in(t, "Asia/Almaty", "2026-11-23 10:00")); open || !next.Equal(in(t, "Asia/Almaty", "2026-11-24 09:00")) {
		t.Errorf("a day off of our own: open %v, next %v", open, next)
	}
	none := newCalendar(t, CalendarOptions{Holidays: []string{}})
	if open, _ := none.Window(mar, vocab.SMS, "", in(t, "Asia/Almaty", "2026-12-16 10:00")); !open {
		t.Error("an empty list of holidays still has some")
	}
}

func TestNewCalendarNamesEveryProblem(t *testing.T) {
	_, err := NewCalendar(CalendarOptions{
		DefaultZone: "Nowhere",
		Hours:       map[vocab.Channel]Hours{vocab.SMS: {From: 9 * time.Hour, To: 9 * time.Hour, Zone: "Local"}},
		Holidays:    []string{"2026-12-16", "16.12.2026"},
		WorkingDays: []string{"2026-12-16"},
	})
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Fatalf("NewCalendar gives %v, want a fault", err)
	}
	var got []string
	for _, f := range e.Fields {
		got = append(got, f.Pointer)
	}
	if diff := cmp.Diff([]string{"/default_zone", "/hours/sms", "/hours/sms/zone", "/holidays/1", "/working_days/0"}, got); diff != "" {
		t.Errorf("problems mismatch (-want +got):\n%s", diff)
	}
}

// Some of the windows begin inside a clock change, or end at midnight.
func TestNextIsTheFirstOpenMinute(t *testing.T) {
	zones := []string{"Asia/Almaty", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		hours := rapid.SampledFrom([]Hours{
			KazakhstanHours()[vocab.SMS], KazakhstanHours()[vocab.Email],
			{From: 2*time.Hour + 30*time.Minute, To: 4 * time.Hour, Zone: "Europe/Berlin"},
			{From: 20 * time.Hour, To: 24 * time.Hour, WorkingDays: true},
		}).Draw(t, "hours")
		c, err := NewCalendar(CalendarOptions{Hours: map[vocab.Channel]Hours{vocab.SMS: hours}})
		if err != nil {
			t.Fatal(err)
		}
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		at := start.Add(time.Duration(rapid.Int64Range(0, int64(2*365*24*time.Hour/time.Second)).Draw(t, "second")) * time.Second)
		open, next := c.Window(mar, vocab.SMS, zone, at)
		if open {
			if !next.IsZero() {
				t.Fatalf("open at %v, and next is %v", at, next)
			}
			return
		}
		if !next.After(at) || next.Truncate(time.Minute) != next {
			t.Fatalf("closed at %v, next is %v", at, next)
		}
		if now, _ := c.Window(mar, vocab.SMS, zone, next); !now {
			t.Fatalf("closed at next, %v", next)
		}
		for m := at; m.Before(next); m = m.Add(time.Minute) {
			if early, same := c.Window(mar, vocab.SMS, zone, m); early || !same.Equal(next) {
				t.Fatalf("asked at %v: next is %v; asked at %v: open %v, next %v", at, next, m, early, same)
			}
		}
	})
}
