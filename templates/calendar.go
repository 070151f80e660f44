package templates

import (
	"encoding/binary"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orleu/elshi/vocab"
)

const icsTime = "20060102T150405Z" // RFC 5545 section 3.3.5, form 2: UTC, so that no VTIMEZONE is needed

// calendar makes an .ics (RFC 5545) from the entry of data with that name: title, starts_at and ends_at (RFC 3339), and
// perhaps place, url and description. The UID and the time stamp come from message.id, so every attempt sends the same bytes.
func calendar(name string, vars map[string]any) ([]byte, error) {
	path := "data." + name
	entry := map[string]string{}
	event := child(vars["data"], name)
	if event == nil {
		return nil, &MissingVariable{Name: path, Field: "calendar"}
	}
	for _, key := range []string{"title", "starts_at", "ends_at", "place", "url", "description"} {
		v := child(event, key)
		if v == nil {
			continue
		}
		if at, ok := v.(time.Time); ok {
			v = at.Format(time.RFC3339)
		}
		s, err := text(v)
		if err != nil {
			return nil, located(badNamed(err, path+"."+key), "calendar", 0)
		}
		entry[key] = clean(s)
	}
	for _, key := range []string{"title", "starts_at", "ends_at"} {
		if entry[key] == "" {
			return nil, &MissingVariable{Name: path + "." + key, Field: "calendar"}
		}
	}
	id, _ := plain(child(vars["message"], "id")).(string)
	if id = oneLine(id); id == "" {
		return nil, &MissingVariable{Name: "message.id", Field: "calendar"}
	}
	starts, err := calendarTime(path+".starts_at", entry["starts_at"])
	if err != nil {
		return nil, err
	}
	ends, err := calendarTime(path+".ends_at", entry["ends_at"])
	if err != nil {
		return nil, err
	}
	if !ends.After(starts) {
		return nil, &RenderError{Code: "bad_calendar", Field: "calendar", Detail: path + ".ends_at must be later than starts_at"}
	}

	var b icsWriter
	b.line("BEGIN", "VCALENDAR")
	b.line("VERSION", "2.0")
	b.line("PRODID", "-//Orleu//Elshi//EN")
	b.line("CALSCALE", "GREGORIAN")
	b.line("METHOD", "PUBLISH")
	b.line("BEGIN", "VEVENT")
	b.line("UID", icsText(id)+"@elshi")
	b.line("DTSTAMP", madeAt(id, starts).Format(icsTime))
	b.line("DTSTART", starts.Format(icsTime))
	b.line("DTEND", ends.Format(icsTime))
	b.line("SUMMARY", icsText(entry["title"]))
	b.text("LOCATION", entry["place"])
	b.text("DESCRIPTION", entry["description"])
	if entry["url"] != "" {
		link, err := webLink(entry["url"])
		if err != nil {
			return nil, located(badNamed(err, path+".url"), "calendar", 0)
		}
		b.line("URL", link)
	}
	b.organizer(vars["org"])
	b.line("STATUS", "CONFIRMED")
	b.line("END", "VEVENT")
	b.line("END", "VCALENDAR")
	return []byte(b.out.String()), nil
}

func calendarTime(path, value string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, value)
	if err != nil || at.Year() < 1 || at.Year() > 9998 {
		return time.Time{}, &RenderError{Code: "bad_calendar", Field: "calendar", Detail: path + " must be RFC 3339, such as 2026-11-24T15:00:00+05:00"}
	}
	return at.UTC(), nil
}

// madeAt is when the message was made: its id is a UUIDv7 (RFC 9562), whose first 48 bits are milliseconds. An id that is
// none, as in a preview, falls back to the start of the event; reading a clock would make every attempt another file.
func madeAt(id string, fallback time.Time) time.Time {
	raw, err := vocab.ParseID(vocab.MessagePrefix, id)
	if err != nil {
		return fallback
	}
	milliseconds := binary.BigEndian.Uint64(append([]byte{0, 0}, raw[:6]...))
	return time.UnixMilli(int64(milliseconds)).UTC() //nolint:gosec // 48 bits
}

func webLink(s string) (string, error) {
	link, err := url.Parse(strings.TrimSpace(s))
	if err != nil || link.Scheme != "https" && link.Scheme != "http" || link.Host == "" {
		return "", &RenderError{Code: "bad_url", Detail: "a link must be absolute and begin with http or https"}
	}
	return link.String(), nil
}

// icsWriter writes content lines (RFC 5545 section 3.1).
type icsWriter struct{ out strings.Builder }

func (b *icsWriter) line(name, value string) {
	rest := name + ":" + value
	for limit := 75; len(rest) > limit; limit = 74 { // octets without CRLF; continuations begin with a space
		cut := limit
		for cut > 1 && !utf8.RuneStart(rest[cut]) {
			cut--
		}
		b.out.WriteString(rest[:cut] + "\r\n ")
		rest = rest[cut:]
	}
	b.out.WriteString(rest + "\r\n")
}

func (b *icsWriter) text(name, value string) {
	if value != "" {
		b.line(name, icsText(value))
	}
}

// organizer names the organisation, which RFC 5546 asks for in a PUBLISH; it is left out if we do not know its address.
func (b *icsWriter) organizer(org any) {
	name, _ := plain(child(org, "name")).(string)
	address, _ := plain(child(org, "url")).(string)
	link, err := webLink(clean(address))
	if err != nil || name == "" {
		return
	}
	quoted := strings.NewReplacer("^", "^^", "\n", "^n", `"`, "^'").Replace(clean(name)) // RFC 6868
	b.line(`ORGANIZER;CN="`+quoted+`"`, link)
}

// icsText escapes a value of type TEXT (RFC 5545 section 3.3.11).
func icsText(s string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`, "\t", " ").Replace(s)
}
