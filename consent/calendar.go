package consent

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// furthestWindow is how many days Calendar.Window looks ahead: longer than any chain of holidays, shorter than for ever.
const furthestWindow = 366

// Hours are when a channel's messages may go out on one day: From ≤ t < To by the clock of a zone.
type Hours struct {
	From        time.Duration // since midnight, whole minutes, 0 to 24 h
	To          time.Duration // since midnight, whole minutes, after From and at most 24 h; exclusive
	WorkingDays bool          // only on working days: Monday to Friday without holidays, and moved working days
	NotHolidays bool          // on any day but holidays
	Zone        string        // IANA name; empty: the contact's own zone
}

// CalendarOptions are the settings of a Calendar. A nil field takes its default; an empty one means none.
type CalendarOptions struct {
	// DefaultZone is the zone of contacts whose own is not known, an IANA name. Default "Asia/Almaty" (Kazakhstan is one
	// zone, UTC+5, since 2024-03-01).
	DefaultZone string
	// Hours by channel; a channel that is left out gets the default's. Default: KazakhstanHours.
	Hours map[vocab.Channel]Hours
	// Own are hours for one class on one channel instead: they also hold what would wait for no morning by the decision table. Not for
	// security and breach. Default: none.
	Own map[vocab.Class]map[vocab.Channel]Hours
	// Holidays are dates on which nothing waits for working days goes out, as 2006-01-02. Default: KazakhstanHolidays.
	// Days off that are moved because a holiday fell on a week-end belong here too; the government names them yearly.
	Holidays []string
	// WorkingDays are Saturdays and Sundays that were made working days, as 2006-01-02. Default: none.
	WorkingDays []string
}

// KazakhstanHours are the hours of Kazakhstan's rules: SMS on working days from 09:00 to 21:00 in Almaty, email from 08:00
// to 21:00 in the contact's zone on any day.
func KazakhstanHours() map[vocab.Channel]Hours {
	return map[vocab.Channel]Hours{
		vocab.SMS:   {From: 9 * time.Hour, To: 21 * time.Hour, WorkingDays: true, Zone: "Asia/Almaty"},
		vocab.Email: {From: 8 * time.Hour, To: 21 * time.Hour},
	}
}

// KazakhstanHolidays are the public holidays of 2026 and 2027 (Law of the Republic of Kazakhstan on holidays), as
// 2006-01-02: the fixed dates, Orthodox Christmas and the first day of Kurban Ait. Moved days off are not among them.
func KazakhstanHolidays() []string {
	var days []string
	for _, year := range []string{"2026", "2027"} {
		for _, day := range []string{
			"01-01", "01-02", "01-07", "03-08", "03-21", "03-22", "03-23", "05-01", "05-07", "05-09", "07-06", "08-30",
			"10-25", "12-16",
		} {
			days = append(days, year+"-"+day)
		}
	}
	return append(days, "2026-05-27", "2027-05-16") // Kurban Ait moves with the moon
}

// Calendar says when quiet hours end. It knows hours, zones and holidays; which classes wait at all is the decision
// table's matter. It is safe for concurrent use.
type Calendar struct {
	home     *time.Location
	hours    map[vocab.Channel]channelHours
	own      map[ownKey]channelHours
	holidays map[string]bool
	working  map[string]bool
	zones    sync.Map // string to *time.Location: loading one parses a file
}

type ownKey struct {
	class   vocab.Class
	channel vocab.Channel
}

type channelHours struct {
	Hours
	zone *time.Location // nil: the contact's
}

// NewCalendar checks the options. The error is an Invalid fault that names every problem.
func NewCalendar(o CalendarOptions) (*Calendar, error) {
	var wrong []fault.Field
	refuse := func(pointer, detail string) {
		wrong = append(wrong, fault.Field{Pointer: pointer, Code: "invalid", Detail: detail})
	}
	c := &Calendar{hours: map[vocab.Channel]channelHours{}, own: map[ownKey]channelHours{}}
	if o.DefaultZone == "" {
		o.DefaultZone = "Asia/Almaty"
	}
	home, known := c.load(o.DefaultZone)
	if !known {
		refuse("/default_zone", "want an IANA time zone such as Asia/Almaty")
	}
	c.home = home

	all := KazakhstanHours()
	maps.Copy(all, o.Hours)
	for _, channel := range slices.Sorted(maps.Keys(all)) { // so that problems are named in the same order every time
		c.hours[channel] = c.read("/hours/"+string(channel), all[channel], refuse)
	}
	for _, class := range slices.Sorted(maps.Keys(o.Own)) {
		if !slices.Contains(vocab.Classes(), class) || !mayWait(class) {
			refuse("/own/"+string(class), "want a class that may wait: transactional, service, legal or marketing")
		}
		for _, channel := range slices.Sorted(maps.Keys(o.Own[class])) {
			pointer := "/own/" + string(class) + "/" + string(channel)
			c.own[ownKey{class, channel}] = c.read(pointer, o.Own[class][channel], refuse)
		}
	}

	if o.Holidays == nil {
		o.Holidays = KazakhstanHolidays()
	}
	dates := func(name string, list []string) map[string]bool {
		set := make(map[string]bool, len(list))
		for i, day := range list {
			if _, err := time.Parse(time.DateOnly, day); err != nil {
				refuse("/"+name+"/"+strconv.Itoa(i), "want a date such as 2026-12-16")
			}
			set[day] = true
		}
		return set
	}
	c.holidays = dates("holidays", o.Holidays)
	c.working = dates("working_days", o.WorkingDays)
	for i, day := range o.WorkingDays {
		if c.holidays[day] {
			refuse(fmt.Sprintf("/working_days/%d", i), "the date is a holiday too")
		}
	}
	if len(wrong) > 0 {
		return nil, fault.InvalidFields(wrong...)
	}
	return c, nil
}

// read checks hours.
func (c *Calendar) read(pointer string, h Hours, refuse func(pointer, detail string)) channelHours {
	if h.From < 0 || h.To > 24*time.Hour || h.From >= h.To || h.From%time.Minute != 0 || h.To%time.Minute != 0 {
		refuse(pointer, "want whole minutes with 0 ≤ from < to ≤ 24 h")
	}
	one := channelHours{Hours: h}
	if h.Zone != "" {
		place, known := c.load(h.Zone)
		if !known {
			refuse(pointer+"/zone", "want an IANA time zone such as Asia/Almaty, or none for the contact's own")
		}
		one.zone = place
	}
	return one
}

// Own says whether the class has hours of its own on the channel.
func (c *Calendar) Own(class vocab.Class, channel vocab.Channel) bool {
	_, own := c.own[ownKey{class, channel}]
	return own
}

// Window says whether a message of the class may go out on the channel at t, and if not, the first instant after t when
// it may, in UTC. Next is zero if the window is open, and if none opens within a year. The zone is the contact's, an IANA
// name; an empty or unknown one counts as CalendarOptions.DefaultZone. A channel without hours is never open.
func (c *Calendar) Window(class vocab.Class, channel vocab.Channel, zone string, t time.Time) (open bool, next time.Time) {
	h, known := c.own[ownKey{class, channel}]
	if !known {
		if !waitsForMorning(class, channel) {
			return true, time.Time{}
		}
		h, known = c.hours[channel]
	}
	if !known {
		return false, time.Time{}
	}
	place := h.zone
	if place == nil {
		if place, known = c.load(zone); !known {
			place = c.home
		}
	}
	year, month, day := t.In(place).Date()
	for ahead := range furthestWindow {
		if h.WorkingDays && !c.isWorkingDay(year, month, day+ahead) || h.NotHolidays && c.isHoliday(year, month, day+ahead) {
			continue
		}
		// By the zone's own clock, never by adding hours to midnight: days with a clock change are not 24 hours long.
		from := clock(year, month, day+ahead, h.From, place)
		if t.Before(from) {
			return false, from.UTC()
		}
		if t.Before(clock(year, month, day+ahead, h.To, place)) {
			return true, time.Time{}
		}
	}
	return false, time.Time{}
}

func (c *Calendar) isWorkingDay(year int, month time.Month, day int) bool {
	date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	name := date.Format(time.DateOnly)
	weekend := date.Weekday() == time.Saturday || date.Weekday() == time.Sunday
	return c.working[name] || !weekend && !c.holidays[name]
}

func (c *Calendar) isHoliday(year int, month time.Month, day int) bool {
	return c.holidays[time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)]
}

// load returns the zone of the name. "Local" is refused: it is this machine's zone and no contact's.
func (c *Calendar) load(name string) (*time.Location, bool) {
	if loaded, found := c.zones.Load(name); found {
		return loaded.(*time.Location), true //nolint:forcetypeassert // nothing else is stored
	}
	if name == "" || name == "Local" {
		return nil, false
	}
	place, err := time.LoadLocation(name)
	if err != nil {
		return nil, false // not remembered: names come from outside, and the memory would grow without end
	}
	c.zones.Store(name, place)
	return place, true
}

func clock(year int, month time.Month, day int, sinceMidnight time.Duration, place *time.Location) time.Time {
	return time.Date(year, month, day, 0, int(sinceMidnight/time.Minute), 0, 0, place)
}
