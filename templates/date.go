package templates

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // a slim container has no zone database, and a wrong hour in an invitation is worse than 450 KB
)

// defaultZone is where dates are shown unless Options say otherwise (KZ: one zone, UTC+5, since 2024-03-01).
const defaultZone = "Asia/Almaty"

// monthNames are in the form that follows a day: genitive in Russian.
var monthNames = map[string][12]string{
	"kk": {"қаңтар", "ақпан", "наурыз", "сәуір", "мамыр", "маусым", "шілде", "тамыз", "қыркүйек", "қазан", "қараша", "желтоқсан"},
	"ru": {"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"},
	"en": {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
}

var weekdayNames = map[string][7]string{ // Sunday first, as in package time
	"kk": {"жексенбі", "дүйсенбі", "сейсенбі", "сәрсенбі", "бейсенбі", "жұма", "сенбі"},
	"ru": {"воскресенье", "понедельник", "вторник", "среда", "четверг", "пятница", "суббота"},
	"en": {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
}

// dateFormats are the arguments of the date filter.
var dateFormats = []string{"long", "date", "short", "time", "weekday", "full"}

// dateFilter writes a moment (RFC 3339) in the text's language and zone, or a plain day (2006-01-02) as it is:
//
//	long     24 қараша 2026 ж., сағ. 15:00 | 24 ноября 2026 г., 15:00 | 24 November 2026, 15:00
//	full     the weekday, then long
//	date     24 қараша 2026 ж. | 24 ноября 2026 г. | 24 November 2026 (the default)
//	short    24.11.2026 | 24.11.2026 | 24/11/2026
//	time     15:00
//	weekday  сейсенбі | вторник | Tuesday
//
// Languages other than kk, ru and en get ISO 8601.
func dateFilter(s setting, v any, args []any) (any, error) {
	format := "date"
	if len(args) == 1 {
		var err error
		if format, err = text(args[0]); err != nil {
			return nil, err
		}
	}
	at, hasTime, err := moment(v, s.zone)
	if err != nil {
		return nil, err
	}
	switch format {
	case "long":
		return longDate(at, hasTime, s.lang), nil
	case "full":
		if names, ok := weekdayNames[s.lang]; ok {
			return names[at.Weekday()] + ", " + longDate(at, hasTime, s.lang), nil
		}
		return longDate(at, hasTime, s.lang), nil
	case "date":
		return longDate(at, false, s.lang), nil
	case "short":
		switch s.lang {
		case "kk", "ru":
			return at.Format("02.01.2006"), nil
		case "en":
			return at.Format("02/01/2006"), nil
		}
		return at.Format(time.DateOnly), nil
	case "time":
		if !hasTime {
			return nil, &RenderError{Code: "bad_date", Detail: "a day without a time has no time to show"}
		}
		return at.Format("15:04"), nil
	case "weekday":
		if names, ok := weekdayNames[s.lang]; ok {
			return names[at.Weekday()], nil
		}
		return at.Weekday().String(), nil
	}
	return nil, &RenderError{Code: "bad_date", Detail: "the date filter knows " + strings.Join(dateFormats, ", ")}
}

func longDate(at time.Time, withTime bool, lang string) string {
	clock := ""
	names, ok := monthNames[lang]
	if !ok {
		if withTime {
			return at.Format("2006-01-02, 15:04")
		}
		return at.Format(time.DateOnly)
	}
	month := names[at.Month()-1]
	switch lang {
	case "kk":
		if withTime {
			clock = ", сағ. " + at.Format("15:04")
		}
		return fmt.Sprintf("%d %s %d ж.%s", at.Day(), month, at.Year(), clock)
	case "ru":
		if withTime {
			clock = ", " + at.Format("15:04")
		}
		return fmt.Sprintf("%d %s %d г.%s", at.Day(), month, at.Year(), clock)
	default:
		if withTime {
			clock = ", " + at.Format("15:04")
		}
		return fmt.Sprintf("%d %s %d%s", at.Day(), month, at.Year(), clock)
	}
}

// moment reads RFC 3339 or a plain day; the day is not moved to another zone.
func moment(v any, zone *time.Location) (at time.Time, hasTime bool, err error) {
	switch t := v.(type) {
	case time.Time:
		return t.In(zone), true, nil
	case string:
		if at, err := time.Parse(time.RFC3339, t); err == nil {
			return at.In(zone), true, nil
		}
		if at, err := time.Parse(time.DateOnly, t); err == nil {
			return at, false, nil
		}
	}
	return time.Time{}, false, &RenderError{Code: "bad_date", Detail: "want RFC 3339 such as 2026-11-24T15:00:00+05:00, or a day such as 2026-11-24"}
}
