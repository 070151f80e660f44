package claims

import (
	"fmt"
	"time"
)

// Days is how many calendar days after its receipt a claim is to be answered (privacy policy, clause 6.2). It cannot be extended.
const Days = 30

// AlarmDays are the days after receipt at whose beginning the officer is told that a claim is still open.
func AlarmDays() []int { return []int{20, 25, 28} }

// Term is when a claim that was received at an instant is due: the end of the thirtieth calendar day after the day of its receipt in the
// organisation's zone, exclusive, in UTC.
func Term(received time.Time, zone *time.Location) time.Time { return dayAfter(received, zone, Days+1) }

// AlarmAt is when the alarm of a day is told: the beginning of that day after the day of receipt, in UTC.
func AlarmAt(received time.Time, zone *time.Location, day int) time.Time {
	return dayAfter(received, zone, day)
}

// LastDay is the day in the organisation's zone at whose end a term is over.
func LastDay(due time.Time, zone *time.Location) time.Time { return due.Add(-time.Nanosecond).In(zone) }

// DaysLeft is how many days after today remain until a claim is due: 0 on its last day, negative after it.
func DaysLeft(due, now time.Time, zone *time.Location) int {
	date := func(t time.Time) time.Time {
		y, m, d := t.In(zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(date(due.Add(-time.Nanosecond)).Sub(date(now)) / (24 * time.Hour))
}

// dayAfter is the beginning of a calendar day. Days are counted on the calendar and not in hours: in some zones a day has 23 or 25.
func dayAfter(t time.Time, zone *time.Location, days int) time.Time {
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d+days, 0, 0, 0, 0, zone).UTC()
}

// Number writes the n-th claim of a year.
func Number(year, n int) string { return fmt.Sprintf("%04d-%06d", year, n) }

func wasTold(told []Told, day int) bool {
	for _, t := range told {
		if t.Day == day {
			return true
		}
	}
	return false
}
