package templates

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/vocab"
)

func event(changes map[string]any) map[string]any {
	e := map[string]any{"title": "Семинар; часть 1, \\ «A»", "starts_at": "2026-11-24T15:00:00+05:00", "ends_at": "2026-11-24T17:00:00+05:00"}
	maps.Copy(e, changes)
	vars := data("event", e)
	vars["org"] = map[string]any{"name": "Orleu \"1\"\nX", "url": "https://orleu.example"}
	return vars
}

func invitation(t testing.TB) *Compiled {
	v := mail("ru", "<p>x</p>")
	v.Calendar = "event"
	return compiled(t, v)
}

func TestCalendarIsRFC5545(t *testing.T) {
	vars := event(map[string]any{"place": "Астана", "url": "https://e.example/1?a=b,c", "description": "one\r\ntwo"})
	content, err := invitation(t).Render(vocab.Email, "ru", vars)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Orleu//Elshi//EN
CALSCALE:GREGORIAN
METHOD:PUBLISH
BEGIN:VEVENT
UID:msg_06gywnjy01xbs0938nkrkaydxw@elshi
DTSTAMP:20261118T110640Z
DTSTART:20261124T100000Z
DTEND:20261124T120000Z
SUMMARY:Семинар\; часть 1\, \\ «A»
LOCATION:Астана
DESCRIPTION:one\ntwo
URL:https://e.example/1?a=b,c
ORGANIZER;CN="Orleu ^'1^'^nX":https://orleu.example
STATUS:CONFIRMED
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n")
	if diff := cmp.Diff(want, string(content.ICS)); diff != "" {
		t.Errorf("ICS mismatch (-want +got):\n%s", diff)
	}
}

func TestCalendarRefusesWhatIsNoEvent(t *testing.T) {
	without := func(key string) map[string]any {
		vars := event(nil)
		delete(vars["data"].(map[string]any)["event"].(map[string]any), key)
		return vars
	}
	noID := event(nil)
	delete(noID["message"].(map[string]any), "id")
	for _, tc := range []struct {
		name string
		vars map[string]any
		want string
	}{
		{"no event", data(), "missing variable data.event (calendar)"},
		{"no title", without("title"), "missing variable data.event.title (calendar)"},
		{"no end", without("ends_at"), "missing variable data.event.ends_at (calendar)"},
		{"no message id", noID, "missing variable message.id (calendar)"},
		{"ends before it starts", event(map[string]any{"ends_at": "2026-11-24T14:59:00+05:00"}), "bad_calendar"},
		{"ends when it starts", event(map[string]any{"ends_at": "2026-11-24T10:00:00Z"}), "bad_calendar"},
		{"a time that is none", event(map[string]any{"starts_at": "tomorrow"}), "bad_calendar"},
		{"a link that is none", event(map[string]any{"url": "javascript:x"}), "bad_url"},
		{"a title that is none", event(map[string]any{"title": []any{1}}), "bad_value"},
	} {
		_, err := invitation(t).Render(vocab.Email, "ru", tc.vars)
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %s", tc.name, err, tc.want)
		}
	}
}

// Whatever the texts are: lines of at most 75 octets, whole characters, one VEVENT and no line of the data's making.
func TestPropertyCalendarCannotBeInjected(t *testing.T) {
	c := invitation(t)
	rapid.Check(t, func(t *rapid.T) {
		title := "x" + rapid.OneOf(rapid.String(), hostile()).Draw(t, "title") + "\r\nEND:VEVENT\nBEGIN:VALARM"
		content, err := c.Render(vocab.Email, "ru", event(map[string]any{"title": title, "place": title, "description": strings.Repeat(title, 5)}))
		if err != nil {
			t.Fatal(err)
		}
		ics := string(content.ICS)
		for line := range strings.SplitSeq(strings.TrimSuffix(ics, "\r\n"), "\r\n") {
			if len(line) > 75 || !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n") {
				t.Fatalf("bad line of %d octets: %q", len(line), line)
			}
			if name, _, _ := strings.Cut(line, ":"); strings.HasPrefix(line, "BEGIN") && line != "BEGIN:VCALENDAR" && line != "BEGIN:VEVENT" {
				t.Fatalf("injected %s: %q", name, line)
			}
		}
		if n := strings.Count(ics, "\r\nEND:VEVENT\r\n"); n != 1 {
			t.Fatalf("%d ends of events in %q", n, ics)
		}
		unfolded := strings.ReplaceAll(ics, "\r\n ", "")
		if !strings.Contains(unfolded, "\r\nSUMMARY:"+icsText(clean(title))+"\r\n") {
			t.Fatalf("the title is lost in %q", unfolded)
		}
	})
}

func TestCalendarIsTheSameOnEveryAttempt(t *testing.T) {
	c := invitation(t)
	first, err := c.Render(vocab.Email, "ru", event(nil))
	second, err2 := c.Render(vocab.Email, "ru", event(nil))
	if errors.Join(err, err2) != nil || string(first.ICS) != string(second.ICS) {
		t.Errorf("two attempts differ: %v", errors.Join(err, err2))
	}
}
