package dispatcher

import (
	"strings"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/vocab"
)

// Letters turns content into what goes on the wire: the headers of domain section 6 by class.
type Letters struct {
	Senders         map[vocab.SenderID]Sender
	Links           *Links
	Org             Org
	MessageIDDomain string // right-hand side of Message-ID and of List-Id (RFC 5322 section 3.6.4, RFC 2919)
	BounceDomain    string // domain of envelope senders (VERP)
	// UnsubscribeByMail adds a mailto to List-Unsubscribe (RFC 2369); it needs the bounce domain's mail to reach us.
	UnsubscribeByMail bool
}

// message makes the wire message of a permit.
func (l *Letters) message(p Permit, c content, until time.Time) channels.Message {
	m := p.Message
	sender := l.Senders[m.Sender]
	out := channels.Message{ID: m.ID, Attempt: m.Attempt, Until: until, To: p.To}
	switch m.Channel {
	case vocab.SMS:
		out.SMS = &channels.SMS{From: sender.From, Text: c.SMS}
	case vocab.Email:
		out.Email = l.email(p, c, sender)
	}
	return out
}

// envelope is an email and what it points to, in one piece: a campaign makes many.
type envelope struct {
	email   channels.Email
	replyTo channels.Mailbox
	headers [6]channels.Header
}

func (l *Letters) email(p Permit, c content, sender Sender) *channels.Email {
	m := p.Message
	if c.links.Links != l.Links { // rendered with other keys, or not rendered by us
		c.links, c.unsubscribe = l.Links.of(m.ID), ""
	}
	made := &envelope{}
	made.email = channels.Email{
		EnvelopeFrom: c.links.write(LinkBounce, "@"+l.BounceDomain, "bounce+"),
		From:         channels.Mailbox{Name: l.fromName(sender, m.Language), Address: sender.From},
		ToName:       p.ContactName,
		MessageID:    strings.TrimPrefix(string(m.ID), vocab.MessagePrefix+"_") + "@" + l.MessageIDDomain,
		Date:         m.FirstAttemptAt, // the same on every attempt, as the Message-ID is
		Subject:      c.Subject,
		Text:         c.Text,
		HTML:         c.HTML,
		Headers:      l.headers(made.headers[:0], m, c),
		Attachments:  p.Attachments,
		TextMarks:    c.marks(c.TextMarks),
		HTMLMarks:    c.marks(c.HTMLMarks),
	}
	e := &made.email
	if sender.ReplyTo != "" {
		made.replyTo = channels.Mailbox{Name: e.From.Name, Address: sender.ReplyTo}
		e.ReplyTo = &made.replyTo
	}
	if len(c.ICS) > 0 {
		e.Attachments = append([]channels.Attachment{{
			Name: "event.ics", ContentType: "text/calendar; charset=utf-8; method=PUBLISH", Content: c.ICS,
		}}, e.Attachments...)
	}
	return e
}

func (l *Letters) fromName(s Sender, lang vocab.Language) string {
	if name := inLanguage(s.Name, lang); name != "" {
		return name
	}
	return inLanguage(l.Org.Name, lang)
}

// headers returns the further headers of a class. Legal, security and transactional mail has no List-Unsubscribe: there is nothing that
// the contact could end by it.
func (l *Letters) headers(h []channels.Header, m Message, c content) []channels.Header {
	h = append(h, channels.Header{Name: "Auto-Submitted", Value: "auto-generated"}) // RFC 3834 section 5
	if !offersUnsubscribe(m.Class) {
		return h
	}
	link := c.unsubscribe
	if link == "" {
		link = c.links.url(LinkUnsubscribe)
	}
	unsubscribe := "<" + link + ">"
	if l.UnsubscribeByMail {
		token := link[strings.LastIndexByte(link, '/')+1:]
		unsubscribe = "<" + link + ">, <mailto:unsubscribe+" + token + "@" + l.BounceDomain + "?subject=unsubscribe>"
	}
	h = append(h,
		channels.Header{Name: "List-Id", Value: "<" + strings.ReplaceAll(string(m.Purpose), "_", "-") + "." + l.MessageIDDomain + ">"},
		channels.Header{Name: "List-Unsubscribe", Value: unsubscribe},                       // RFC 2369
		channels.Header{Name: "List-Unsubscribe-Post", Value: "List-Unsubscribe=One-Click"}, // RFC 8058
		channels.Header{Name: "Feedback-ID", Value: string(m.Purpose) + ":" + string(m.Class) + ":" + string(m.Sender) + ":elshi"},
	)
	if m.Class == vocab.Marketing {
		h = append(h, channels.Header{Name: "Precedence", Value: "bulk"})
	}
	return h
}
