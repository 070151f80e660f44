package public

import (
	"bytes"
	"context"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// catcher is what the inbox pages read. Both methods are called by many requests at once.
type catcher interface {
	// List returns the newest messages first, at most n, without the content of attachments if that saves work.
	List(ctx context.Context, n int) ([]Caught, error)
	// Get returns one message with everything; fault.NotFound if it was never there or has been pushed out.
	Get(ctx context.Context, id string) (Caught, error)
}

// Caught is a message that the catcher kept instead of delivering it. It is for developers, so nothing is masked.
type Caught struct {
	ID      string // unique in the catcher; goes into paths
	Channel vocab.Channel
	At      time.Time
	From    string
	To      string
	Subject string // empty for SMS
	Text    string // the text part, or the SMS
	HTML    string // empty: there is none
	Raw     []byte // the source as it was received, for email; may be nil
	Files   []CaughtFile

	Encoding string // of an SMS, for example "UCS-2"
	Segments int    // of an SMS: the messages that would be paid for
}

// CaughtFile is an attachment of a caught email.
type CaughtFile struct {
	Name        string
	ContentType string
	Content     []byte
}

// inboxSize is how many messages the list shows.
const inboxSize = 200

// refreshSeconds is how often a list that was told to refresh does so.
const refreshSeconds = "5"

type inboxView struct {
	Messages   []Caught
	Full       bool // there may be more
	Limit      int
	Refreshing bool
	Here       string // path and query of this list without refreshing
	Refresh    string // and with it
	Query      string // keeps the language
}

type caughtView struct {
	Caught

	Path       string
	Back       string
	Headers    string
	Body       []fragment
	Characters int
}

// inbox lists what was caught.
func (p *pages) inbox(r *http.Request) (answer, error) {
	lang := language(r, "")
	list, err := p.Inbox.List(r.Context(), inboxSize)
	if err != nil {
		return answer{lang: lang}, err
	}
	here := p.base + "/inbox"
	view := inboxView{
		Messages: list, Full: len(list) >= inboxSize, Limit: inboxSize, Query: picked(r), Here: here + picked(r),
		Refresh: here + "?" + strings.TrimPrefix(picked(r)+"&refresh=1", "?"), Refreshing: r.URL.Query().Has("refresh"),
	}
	if picked(r) == "" {
		view.Refresh = here + "?refresh=1"
	}
	a := answer{view: "inbox", lang: lang, title: say(lang, "inbox_title"), data: view}
	if view.Refreshing {
		a.header = map[string]string{"Refresh": refreshSeconds} // only who asked for it gets a page that moves by itself
	}
	return a, nil
}

// caught shows one message.
func (p *pages) caught(r *http.Request) (answer, error) {
	lang := language(r, "")
	m, err := p.Inbox.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return answer{lang: lang}, err
	}
	title := m.Subject
	if title == "" {
		title = say(lang, "inbox_no_subject")
	}
	if m.Channel == vocab.SMS {
		title = "SMS"
	}
	return answer{
		view: "caught", lang: lang, title: title, header: map[string]string{"Content-Security-Policy": contentPolicy + "; frame-src 'self'"},
		data: caughtView{
			Caught: m, Path: p.base + "/inbox/" + url.PathEscape(m.ID), Back: p.base + "/inbox" + picked(r), Headers: headersOf(m.Raw),
			Body: linked(m.Text), Characters: utf8.RuneCountInString(m.Text),
		},
	}, nil
}

// caughtPolicy lets a caught email show itself and nothing else: no scripts, no forms, nothing from elsewhere, an origin of its own.
// Its links open in a window of their own, so that they can be tried.
const caughtPolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; " +
	"frame-ancestors 'self'"

// caughtHTML serves the HTML part for the frame.
func (p *pages) caughtHTML(r *http.Request) (answer, error) {
	m, err := p.Inbox.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return answer{}, err
	}
	if m.HTML == "" {
		return answer{}, fault.Missing("no_html", "the message has no HTML part")
	}
	return answer{
		file:   &file{contentType: "text/html; charset=utf-8", content: []byte(withBlankTarget(m.HTML))},
		header: map[string]string{"Content-Security-Policy": caughtPolicy},
	}, nil
}

var headTag = regexp.MustCompile(`(?i)<head(\s[^>]*)?>`)

// withBlankTarget makes links open outside of the frame.
func withBlankTarget(html string) string {
	const base = `<base target="_blank">`
	if at := headTag.FindStringIndex(html); at != nil {
		return html[:at[1]] + base + html[at[1]:]
	}
	return base + html
}

// caughtRaw downloads the source.
func (p *pages) caughtRaw(r *http.Request) (answer, error) {
	m, err := p.Inbox.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return answer{}, err
	}
	if len(m.Raw) == 0 {
		return answer{}, fault.Missing("no_source", "the message has no source")
	}
	return download("message.eml", m.Raw), nil
}

// caughtFile downloads an attachment, whatever it says it is: never shown in place.
func (p *pages) caughtFile(r *http.Request) (answer, error) {
	m, err := p.Inbox.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return answer{}, err
	}
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 0 || n >= len(m.Files) {
		return answer{}, fault.Missing("no_attachment", "the message has no such attachment")
	}
	return download(m.Files[n].Name, m.Files[n].Content), nil
}

func download(name string, content []byte) answer {
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": name})
	if disposition == "" {
		disposition = "attachment"
	}
	return answer{
		file:   &file{contentType: "application/octet-stream", content: content},
		header: map[string]string{"Content-Disposition": disposition},
	}
}

// headersOf returns the header section of a message's source.
func headersOf(raw []byte) string {
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	head, _, _ := bytes.Cut(raw, []byte("\n\n"))
	return string(head)
}

// fragment is a piece of a text: words, or a link.
type fragment struct{ Text, URL string }

var plainURL = regexp.MustCompile(`https?://[^\s<>"]+`)

// linked finds the links in a text, so that they can be tried.
func linked(text string) (all []fragment) {
	for {
		at := plainURL.FindStringIndex(text)
		if at == nil {
			return append(all, fragment{Text: text})
		}
		found := strings.TrimRight(text[at[0]:at[1]], ".,;:!?)")
		all = append(all, fragment{Text: text[:at[0]]}, fragment{Text: found, URL: found})
		text = text[at[0]+len(found):]
	}
}
