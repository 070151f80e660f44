package dispatcher

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

const sampleMessage vocab.MessageID = "msg_06gywnjy01xbs0938nkrkaydxw"

func newLetters(t testing.TB) *Letters {
	t.Helper()
	return &Letters{
		Senders: newGate(t).Senders, Links: newLinks(), Org: Org{Name: map[vocab.Language]string{vocab.English: "Orleu Center"}},
		MessageIDDomain: "elshi.example", BounceDomain: "bounces.elshi.example", UnsubscribeByMail: true,
	}
}

func samplePermit(class vocab.Class) Permit {
	m := mail(class)
	m.ID, m.Attempt, m.FirstAttemptAt = sampleMessage, 1, noon
	return Permit{Message: m, To: "aigul@example.org", ContactName: "Айгүл"}
}

var sampleContent = content{Content: templates.Content{Subject: "Subject", Text: "Text", HTML: "<p>Text</p>"}}

func TestHeadersOfEachClass(t *testing.T) {
	l := newLetters(t)
	var b strings.Builder
	for _, class := range vocab.Classes() {
		e := l.message(samplePermit(class), sampleContent, noon).Email
		fmt.Fprintf(&b, "# %s\nenvelope: %s\nFrom: %s <%s>\nReply-To: %s <%s>\nTo: %s\nMessage-ID: <%s>\nDate: %s\nSubject: %s\n", class, e.EnvelopeFrom,
			e.From.Name, e.From.Address, e.ReplyTo.Name, e.ReplyTo.Address, e.ToName, e.MessageID, e.Date.Format(time.RFC3339), e.Subject)
		for _, h := range e.Headers {
			fmt.Fprintf(&b, "%s: %s\n", h.Name, h.Value)
		}
		b.WriteString("\n")
	}
	golden(t, "testdata/headers.golden", b.String())
}

func TestWhoMayBeUnsubscribedFrom(t *testing.T) {
	l := newLetters(t)
	list := []string{"List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID"}
	for class, want := range map[vocab.Class][]string{
		vocab.Marketing:     append([]string{"Auto-Submitted"}, append(slices.Clone(list), "Precedence")...),
		vocab.Service:       append([]string{"Auto-Submitted"}, list...),
		vocab.Transactional: {"Auto-Submitted"},
		vocab.Security:      {"Auto-Submitted"},
		vocab.Legal:         {"Auto-Submitted"},
		vocab.Breach:        {"Auto-Submitted"},
		"invented":          {"Auto-Submitted"},
	} {
		var got []string
		for _, h := range l.message(samplePermit(class), sampleContent, noon).Email.Headers {
			got = append(got, h.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("headers of %s (-want +got):\n%s", class, diff)
		}
	}
}

// What a one-click client posts to must be the link of this very message (RFC 8058), and a mailto stands there only if it is read.
func TestUnsubscribeLinksLeadBack(t *testing.T) {
	l := newLetters(t)
	value := func() string {
		for _, h := range l.message(samplePermit(vocab.Marketing), sampleContent, noon).Email.Headers {
			if h.Name == "List-Unsubscribe" {
				return h.Value
			}
		}
		return ""
	}
	https, mailto, both := strings.Cut(value(), ", ")
	token, found := strings.CutPrefix(strings.Trim(https, "<>"), "https://elshi.example/u/")
	if id, err := l.Links.Parse(LinkUnsubscribe, token); !found || id != sampleMessage || err != nil {
		t.Errorf("%s leads to %q, %v", https, id, err)
	}
	token, rest, _ := strings.Cut(strings.TrimPrefix(mailto, "<mailto:unsubscribe+"), "@")
	if id, err := l.Links.Parse(LinkUnsubscribe, token); !both || id != sampleMessage || err != nil || rest != "bounces.elshi.example?subject=unsubscribe>" {
		t.Errorf("%s leads to %q, %v", mailto, id, err)
	}
	l.UnsubscribeByMail = false
	if got := value(); got != https {
		t.Errorf("without a mailbox that reads them: %s", got)
	}
}

func TestEnvelopeSenderLeadsBack(t *testing.T) {
	l := newLetters(t)
	local, domain, _ := strings.Cut(l.message(samplePermit(vocab.Legal), sampleContent, noon).Email.EnvelopeFrom, "@")
	id, err := l.Links.Parse(LinkBounce, strings.TrimPrefix(local, "bounce+"))
	if id != sampleMessage || err != nil || domain != "bounces.elshi.example" {
		t.Errorf("bounces go to %s@%s, which is %q, %v", local, domain, id, err)
	}
	if len(local) > 64 { // RFC 5321 section 4.5.3.1.1
		t.Errorf("the local part has %d octets", len(local))
	}
}

// A second attempt must be recognisable as the same mail.
func TestEveryAttemptIsTheSameMail(t *testing.T) {
	l := newLetters(t)
	first := samplePermit(vocab.Transactional)
	again := first
	again.Message.Attempt, again.Message.Failures, again.Message.PossibleDup = 7, 5, true
	again.Message.ClaimedAt, again.Message.LeaseUntil = noon.Add(time.Hour), noon.Add(2*time.Hour)
	one, two := l.message(first, sampleContent, noon), l.message(again, sampleContent, noon.Add(time.Hour))
	if diff := cmp.Diff(one.Email, two.Email); diff != "" {
		t.Errorf("the second attempt is another mail (-first +second):\n%s", diff)
	}
	if two.Attempt != 7 || !two.Until.Equal(noon.Add(time.Hour)) {
		t.Errorf("the fence is attempt %d until %v", two.Attempt, two.Until)
	}
}

func TestLetterDetails(t *testing.T) {
	l := newLetters(t)
	p := samplePermit(vocab.Legal)
	p.Attachments = []channels.Attachment{{Name: "policy.pdf", ContentType: "application/pdf", Content: []byte("%PDF")}}
	content := sampleContent
	content.ICS = []byte("BEGIN:VCALENDAR")
	e := l.message(p, content, noon).Email
	var names []string
	for _, a := range e.Attachments {
		names = append(names, a.Name+" "+a.ContentType)
	}
	if diff := cmp.Diff([]string{"event.ics text/calendar; charset=utf-8; method=PUBLISH", "policy.pdf application/pdf"}, names); diff != "" {
		t.Errorf("attachments (-want +got):\n%s", diff)
	}
	for lang, want := range map[vocab.Language]string{vocab.English: "Orleu", vocab.Kazakh: "«Өрлеу»", vocab.Russian: "«Өрлеу»"} {
		if got := l.fromName(l.Senders[mailSender], lang); got != want {
			t.Errorf("in %s it comes from %q, want %q", lang, got, want)
		}
	}
	nameless := l.Senders[mailSender]
	nameless.Name, nameless.ReplyTo = nil, ""
	l.Senders[mailSender] = nameless
	if e := l.message(p, content, noon).Email; e.From.Name != "Orleu Center" || e.ReplyTo != nil {
		t.Errorf("a sender without a name and without replies: from %q, reply to %v", e.From.Name, e.ReplyTo)
	}
}

func TestTextMessage(t *testing.T) {
	p := samplePermit(vocab.Security)
	p.Message.Channel, p.Message.Sender, p.To = vocab.SMS, textSender, "+77011234567"
	got := newLetters(t).message(p, content{Content: templates.Content{SMS: "Code 482913"}}, noon)
	want := channels.Message{ID: sampleMessage, Attempt: 1, Until: noon, To: "+77011234567", SMS: &channels.SMS{From: "Orleu", Text: "Code 482913"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("message mismatch (-want +got):\n%s", diff)
	}
}

// What a template's author fixed is marked in the letter, and every link of a message has one token wherever it stands.
func TestLettersOfACampaign(t *testing.T) {
	s := newShelf(t)
	v := newsletter()
	s.all = append(s.all, v)
	r, l := newRenderer(s), newLetters(t)
	l.Links = r.links
	version, err := r.version(t.Context(), v.ID)
	if err != nil {
		t.Fatal(err)
	}
	p := samplePermit(vocab.Marketing)
	p.Message.Language = vocab.Russian
	var forms []*channels.Fixed
	for range 2 {
		p.Message.ID = newMessageID()
		made, err := r.render(version, p.Message, []byte(newsletterPayload))
		if err != nil {
			t.Fatal(err)
		}
		e := l.message(p, made, noon).Email
		forms = append(forms, e.HTMLMarks[0].Fixed)
		for name, part := range map[string]struct {
			text  string
			marks []channels.Mark
		}{"HTML": {e.HTML, e.HTMLMarks}, "text": {e.Text, e.TextMarks}} {
			from, covered := 0, 0
			for _, m := range part.marks {
				if !m.In(part.text, from) {
					t.Errorf("%s: the mark at %d is not true", name, m.At)
				}
				from = m.At + len(m.Fixed.Text)
				covered += len(m.Fixed.Text)
			}
			if covered < len(part.text)/2 {
				t.Errorf("%s: %d of %d bytes are marked", name, covered, len(part.text))
			}
		}
		link := r.links.URL(LinkUnsubscribe, p.Message.ID)
		if !strings.Contains(e.HTML, link) || !strings.Contains(e.Text, link) || !strings.HasPrefix(e.Headers[2].Value, "<"+link+">, <mailto:unsubscribe+"+r.links.Token(LinkUnsubscribe, p.Message.ID)+"@") {
			t.Errorf("%s is not the only way out: %s", link, e.Headers[2].Value)
		}
		// Keys that are not the renderer's own must not end up in a header.
		l := newLetters(t)
		l.Links = NewLinks("https://other.example", []byte("another key here"), []byte("another key there"))
		other := l.message(p, made, noon).Email
		if want := "<" + l.Links.URL(LinkUnsubscribe, p.Message.ID) + ">"; !strings.HasPrefix(other.Headers[2].Value, want) || other.EnvelopeFrom == e.EnvelopeFrom {
			t.Errorf("with other keys: %s from %s", other.Headers[2].Value, other.EnvelopeFrom)
		}
	}
	if forms[0] != forms[1] {
		t.Error("two letters of one version do not share what is fixed")
	}
}
