package email

import (
	"bytes"
	"flag"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/vocab"
)

var update = flag.Bool("update", false, "write the golden files anew")

const invitation = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Elshi//kk\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:course-17@example.kz\r\n" +
	"DTSTAMP:20260302T040000Z\r\nDTSTART:20260310T050000Z\r\nDTEND:20260310T070000Z\r\nSUMMARY:Математика мұғалімдеріне арналған курс\r\n" +
	"END:VEVENT\r\nEND:VCALENDAR\r\n"

func marketing() channels.Message {
	m := sample(1)
	m.Email.Subject = "Математика мұғалімдеріне арналған жаңа курстар: наурыз бен сәуірдің кестесі"
	m.Email.Text = "Құрметті Айгерім!\n\nНаурызда екі жаңа курс басталады.\n.\nБас тарту: https://elshi.example.kz/u/eyJhbGciOiJIUzI1NiJ9.0123456789abcdef0123456789abcdef\n"
	m.Email.HTML = "<!doctype html>\n<html lang=\"kk\"><body>\n<p>Құрметті Айгерім!</p>\n<p>Наурызда екі жаңа курс басталады.</p>\n</body></html>\n"
	m.Email.Headers = []channels.Header{
		{Name: "List-Id", Value: "<news.company.example.kz>"},
		{Name: "List-Unsubscribe", Value: "<https://elshi.example.kz/u/eyJhbGciOiJIUzI1NiJ9.0123456789abcdef0123456789abcdef0123456789abcdef>, <mailto:u+0123456789abcdef@bounce.example.kz?subject=unsubscribe>"},
		{Name: "List-Unsubscribe-Post", Value: "List-Unsubscribe=One-Click"},
		{Name: "Feedback-ID", Value: "cmp_01:news.company:marketing:elshi"},
		{Name: "Auto-Submitted", Value: "auto-generated"},
		{Name: "Precedence", Value: "bulk"},
	}
	return m
}

func legal() channels.Message {
	m := sample(2)
	m.To = "asel@почта.қаз"
	m.Email.ToName = ""
	m.Email.From.Name = `National Center "Orleu", JSC`
	m.Email.Subject = "Құпиялылық саясатының өзгеруі туралы хабарлама"
	m.Email.Text = "Саясаттың 3.1-тармағы өзгерді.\r\nТолық мәтіні: https://elshi.example.kz/policies/privacy/4\r\n"
	m.Email.HTML = ""
	m.Email.Headers = []channels.Header{{Name: "Auto-Submitted", Value: "auto-generated"}}
	return m
}

func withAttachments() channels.Message {
	m := sample(3)
	m.Email.Subject = "Шақыру"
	m.Email.Attachments = []channels.Attachment{
		{Name: "шақыру.ics", ContentType: "text/calendar; method=REQUEST; charset=utf-8", Content: []byte(invitation)},
		{Name: "programme.pdf", ContentType: "application/pdf", Content: bytes.Repeat([]byte("%PDF-1.7\n"), 30)},
	}
	return m
}

func TestGoldenMails(t *testing.T) {
	for name, m := range map[string]channels.Message{"marketing": marketing(), "legal": legal(), "attachments": withAttachments()} {
		t.Run(name, func(t *testing.T) {
			l, err := compose(m)
			if err != nil {
				t.Fatalf("compose = %v: %s", err, err.Detail)
			}
			got := strings.ReplaceAll(string(l.wire), "\r\n", "\n")
			if strings.Contains(got, "\r") {
				t.Error("a bare CR is left")
			}
			path := filepath.Join("testdata", name+".eml")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, readErr := os.ReadFile(path)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s mismatch (-want +got):\n%s", path, diff)
			}
		})
	}
}

func TestTheSameMessageIsTheSameOnEveryAttempt(t *testing.T) {
	first, _ := compose(marketing())
	again := marketing()
	again.Attempt, again.Until = 2, time.Now().Add(time.Hour)
	second, _ := compose(again)
	if diff := cmp.Diff(string(first.wire), string(second.wire)); diff != "" {
		t.Errorf("second attempt differs (-first +second):\n%s", diff)
	}
}

func TestEnvelope(t *testing.T) {
	cases := []struct {
		name, to, from   string
		wantTo, wantFrom string
		utf8             bool
	}{
		{"ASCII", "a@example.kz", "b+1@bounce.example.kz", "a@example.kz", "b+1@bounce.example.kz", false},
		{"a domain beyond ASCII", "a@Почта.қаз", "b@example.kz", "a@xn--80a1acny.xn--80ao21a", "b@example.kz", false},
		{"a local part beyond ASCII", "әсел@example.kz", "b@example.kz", "әсел@example.kz", "b@example.kz", true},
		{"a null sender", "a@example.kz", "", "a@example.kz", "", false},
	}
	for _, tc := range cases {
		m := sample(1)
		m.To, m.Email.EnvelopeFrom = vocab.Address(tc.to), tc.from
		l, err := compose(m)
		if err != nil {
			t.Errorf("%s: compose = %v %s", tc.name, err, err.Detail)
			continue
		}
		if l.to.text != tc.wantTo || l.from.text != tc.wantFrom || l.utf8 != tc.utf8 {
			t.Errorf("%s: to %q from %q utf8 %v, want %q %q %v", tc.name, l.to.text, l.from.text, l.utf8, tc.wantTo, tc.wantFrom, tc.utf8)
		}
	}
}

func TestWhatCannotBeComposed(t *testing.T) {
	header := func(name, value string) func(*channels.Message) {
		return func(m *channels.Message) { m.Email.Headers = []channels.Header{{Name: name, Value: value}} }
	}
	file := func(name, contentType, content string) func(*channels.Message) {
		return func(m *channels.Message) {
			m.Email.Attachments = []channels.Attachment{{Name: name, ContentType: contentType, Content: []byte(content)}}
		}
	}
	to := func(address string) func(*channels.Message) {
		return func(m *channels.Message) { m.To = vocab.Address(address) }
	}
	cases := []struct {
		name   string
		want   channels.Cause
		change func(*channels.Message)
	}{
		{"no recipient", channels.BadSyntax, to("")},
		{"no domain", channels.BadSyntax, to("aigerim@")},
		{"no local part", channels.BadSyntax, to("@example.kz")},
		{"two recipients", channels.BadSyntax, to("a@example.kz, b@example.kz")},
		{"a line break in the recipient", channels.BadSyntax, to("a@example.kz>\r\nRCPT TO:<b@example.kz")},
		{"a quoted local part", channels.BadSyntax, to(`"a b"@example.kz`)},
		{"a route", channels.BadSyntax, to("@relay.example:a@example.kz")},
		{"a dot too many", channels.BadSyntax, to("a..b@example.kz")},
		{"an address literal", channels.BadSyntax, to("a@[127.0.0.1]")},
		{"a long local part", channels.BadSyntax, to(strings.Repeat("a", 65) + "@example.kz")},
		{"a domain without a dot", channels.BadSyntax, to("a@example")},
		{"an invalid domain", channels.BadSyntax, to("a@-example-.kz")},
		{"no email", channels.Unrenderable, func(m *channels.Message) { m.Email = nil }},
		{"no text", channels.Unrenderable, func(m *channels.Message) { m.Email.Text = "" }},
		{"a text that is not UTF-8", channels.Unrenderable, func(m *channels.Message) { m.Email.Text = "\xff" }},
		{"HTML that is not UTF-8", channels.Unrenderable, func(m *channels.Message) { m.Email.HTML = "\xff" }},
		{"HTML of more than 90 KB", channels.Unrenderable, func(m *channels.Message) { m.Email.HTML = strings.Repeat("ә", 16<<10) }},
		{"no date", channels.Unrenderable, func(m *channels.Message) { m.Email.Date = time.Time{} }},
		{"no message id", channels.Unrenderable, func(m *channels.Message) { m.Email.MessageID = "" }},
		{"angle brackets in the message id", channels.Unrenderable, func(m *channels.Message) { m.Email.MessageID = "<a@b>" }},
		{"a line break in the message id", channels.Unrenderable, func(m *channels.Message) { m.Email.MessageID = "a@b\r\nBcc: c@d" }},
		{"an invalid From", channels.Unrenderable, func(m *channels.Message) { m.Email.From.Address = "news" }},
		{"an invalid Reply-To", channels.Unrenderable, func(m *channels.Message) { m.Email.ReplyTo.Address = "a@b\r\nX: y" }},
		{"an invalid envelope sender", channels.Unrenderable, func(m *channels.Message) { m.Email.EnvelopeFrom = "b@c> SIZE=1" }},
		{"a line break in From's name", channels.Unrenderable, func(m *channels.Message) { m.Email.From.Name = "a\nb" }},
		{"a line break in To's name", channels.Unrenderable, func(m *channels.Message) { m.Email.ToName = "a\rb" }},
		{"a line break in the subject", channels.Unrenderable, func(m *channels.Message) { m.Email.Subject = "a\r\nBcc: b@c" }},
		{"a line break in a header", channels.Unrenderable, header("X-A", "b\r\n\r\nbody")},
		{"a line break in a header of addresses", channels.Unrenderable, header("List-Id", "<a>\n<b>")},
		{"letters beyond ASCII in a header of addresses", channels.Unrenderable, header("List-Unsubscribe", "<https://қаз.example>")},
		{"a word that fits no line", channels.Unrenderable, header("List-Unsubscribe", "<https://a/"+strings.Repeat("x", 1000)+">")},
		{"a header name with a colon", channels.Unrenderable, header("X:", "a")},
		{"a header name with a space", channels.Unrenderable, header("X Y", "a")},
		{"a header name with a line break", channels.Unrenderable, header("X\r\nBcc", "a")},
		{"no header name", channels.Unrenderable, header("", "a")},
		{"a header name with a dot before it", channels.Unrenderable, header(".X", "a")},
		{"Bcc", channels.Unrenderable, header("bCC", "a@example.kz")},
		{"Cc", channels.Unrenderable, header("Cc", "a@example.kz")},
		{"a second To", channels.Unrenderable, header("TO", "a@example.kz")},
		{"a second Content-Type", channels.Unrenderable, header("Content-Type", "text/html")},
		{"a line break in a file name", channels.Unrenderable, file("a\r\nb", "text/plain", "x")},
		{"no file name", channels.Unrenderable, file("", "text/plain", "x")},
		{"a long file name", channels.Unrenderable, file(strings.Repeat("ә", 128), "text/plain", "x")},
		{"no media type", channels.Unrenderable, file("a", "", "x")},
		{"half a media type", channels.Unrenderable, file("a", "text", "x")},
		{"a line break in a media type", channels.Unrenderable, file("a", "text/plain;\r\n charset=utf-8", "x")},
		{"a calendar that is not UTF-8", channels.Unrenderable, file("a.ics", "text/calendar", "\xff")},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			server := newScripted(t, nil)
			s := newSender(t, server.address)
			m := sample(1)
			tc.change(&m)
			got := sendOne(t, s, m)
			if got.Outcome != channels.Refused || cause(got) != tc.want || server.Begun() != 0 {
				t.Errorf("%s with cause %q after %d hand-overs, want refused with %q after none", got.Outcome, cause(got), server.Begun(), tc.want)
			}
		})
	}
}

func TestHTMLJustUnderTheLimit(t *testing.T) {
	m := sample(1)
	m.Email.HTML = strings.Repeat(strings.Repeat("x", 70)+"\n", maxHTML/72) // 72 bytes a line with CRLF
	if _, err := compose(m); err != nil {
		t.Errorf("compose with %d bytes of encoded HTML = %v %s, want no error", maxHTML, err, err.Detail)
	}
	m.Email.HTML += "one more line\n"
	if _, err := compose(m); err == nil {
		t.Error("compose with more than 90 KB of encoded HTML: no error")
	}
}

func TestSMTPUTF8IsAskedForOnlyWhenNeeded(t *testing.T) {
	cases := []struct {
		name       string
		to         vocab.Address
		extensions []string
		want       string // the parameters of MAIL; "refused" if there is no MAIL
	}{
		{"ASCII", "a@example.kz", []string{"8BITMIME", "SMTPUTF8"}, ""},
		{"a domain beyond ASCII", "a@почта.қаз", []string{"8BITMIME", "SMTPUTF8"}, ""},
		{"a local part beyond ASCII", "әсел@example.kz", []string{"8BITMIME", "SMTPUTF8"}, " BODY=8BITMIME SMTPUTF8"},
		{"a local part beyond ASCII and no SMTPUTF8", "әсел@example.kz", []string{"8BITMIME"}, "refused"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			server := newScripted(t, nil, func(s *scripted) { s.extensions = tc.extensions })
			s := newSender(t, server.address)
			m := sample(1)
			m.To = tc.to
			got := sendOne(t, s, m)
			if tc.want == "refused" {
				if got.Outcome != channels.Refused || cause(got) != channels.BadSyntax || server.Begun() != 0 {
					t.Errorf("%s with cause %q, want refused with bad_syntax before MAIL", got.Outcome, cause(got))
				}
				return
			}
			if want := "MAIL FROM:<" + m.Email.EnvelopeFrom + ">" + tc.want; got.Outcome != channels.Accepted || server.heard()[1] != want {
				t.Errorf("%s after %q, want accepted after %q", got.Outcome, server.heard()[1], want)
			}
		})
	}
}

// Whatever is put into a field stays in that field, or the message is refused.
func FuzzHeaders(f *testing.F) {
	f.Add("Жаңа курс", "Айгерім", "X-Elshi", "value", "әсел@example.kz", "a.pdf")
	f.Add("a\r\nBcc: x@y", "\"a\\\"", "Bcc", "<https://a?=b>, <mailto:c>", "a@b.kz>\r\nDATA", "a\"\r\nb")
	f.Add("=?utf-8?q?x?=", "a,b", "List-Id", "=?x", "a@почта.қаз", "шақыру.ics")
	f.Add("  ", strings.Repeat("x ", 600), "x", strings.Repeat("y", 2000), "a@b.kz", "..")
	f.Fuzz(func(t *testing.T, subject, name, field, value, to, file string) {
		m := sample(1)
		m.To = vocab.Address(to)
		m.Email.Subject, m.Email.ToName, m.Email.From.Name = subject, name, name
		m.Email.Headers = []channels.Header{{Name: field, Value: value}}
		m.Email.Attachments = []channels.Attachment{{Name: file, ContentType: "text/plain", Content: []byte(value)}}
		l, err := compose(m)
		if err != nil {
			if text := err.Error() + err.Detail; len(subject) > 12 && strings.Contains(text, subject) {
				t.Fatalf("the error %q repeats the subject", text)
			}
			return
		}
		header, _, _ := bytes.Cut(l.wire, []byte("\r\n\r\n"))
		var fields []string
		for line := range strings.SplitSeq(string(header), "\r\n") {
			if len(line) > hardLine || strings.ContainsAny(line, "\r\n\x00") {
				t.Fatalf("line %q", line)
			}
			if line[0] != ' ' && line[0] != '\t' {
				fieldName, _, _ := strings.Cut(line, ":")
				fields = append(fields, fieldName)
			}
		}
		want := []string{"Date", "From", "To", "Reply-To", "Subject", "Message-ID", field, "MIME-Version", "Content-Type"}
		if diff := cmp.Diff(want, fields); diff != "" {
			t.Fatalf("fields mismatch (-want +got):\n%s", diff)
		}
		parsed, readErr := mail.ReadMessage(bytes.NewReader(l.wire))
		if readErr != nil {
			t.Fatalf("ReadMessage: %v", readErr)
		}
		for _, name := range []string{"From", "To", "Reply-To"} {
			if list, err := parsed.Header.AddressList(name); err != nil || len(list) != 1 {
				t.Fatalf("%s: %q has %d addresses, error %v", name, parsed.Header.Get(name), len(list), err)
			}
		}
	})
}
