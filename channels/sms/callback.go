package sms

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Callback is what a gateway said in one call.
type Callback struct {
	Reports []channels.Report
	Texts   []InboundText
}

// InboundText is a text that somebody sent to one of our numbers. The numbers are as the gateway wrote them, often without a
// plus; contacts.ParsePhone reads them.
type InboundText struct {
	From    vocab.Address
	To      string
	Text    string
	At      time.Time // when it reached us: gateways disagree about time zones
	EventID string    // the gateway's id of the text; may be empty
}

// ParseCallback verifies and reads one call of the gateway. token is the last part of the path that was called. Whoever does not prove
// that they are the gateway learns nothing from the answer: nothing else is looked at before the proof, not even how long the body is.
//
// A *fault.Error of kind Forbidden (callback_not_authentic) means that the call is not the gateway's, one of kind Invalid
// (callback_too_large, callback_malformed) that it is but cannot be read; neither repeats any of it. A genuine call that
// holds nothing we know is an empty Callback: the gateway would only repeat it.
func (g *Gateway) ParseCallback(r *http.Request, token string) (Callback, error) {
	verify := g.settings.Verify
	if !verify.knows(r.Header, token) {
		return Callback{}, notAuthentic()
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, g.settings.MaxAnswer+1))
	if err != nil {
		return Callback{}, fmt.Errorf("read callback of %s: %w", g.profile.Name, err)
	}
	tooLarge := int64(len(body)) > g.settings.MaxAnswer
	if tooLarge && verify.needsBody() || !tooLarge && !verify.signed(r.Header, r.URL.RawQuery, body) {
		return Callback{}, notAuthentic() // of a body that was not read whole nobody can say who signed it
	}
	if tooLarge {
		return Callback{}, &fault.Error{Kind: fault.Invalid, Code: "callback_too_large", Detail: "the callback is larger than we read"}
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return Callback{}, &fault.Error{Kind: fault.Invalid, Code: "callback_malformed", Detail: "the callback's query cannot be read"}
	}
	d := newDocument(r.Header, query, body)
	now := g.settings.Now().UTC()
	return Callback{Reports: g.reports.read(d, now), Texts: g.texts.read(d, now)}, nil
}

func notAuthentic() error {
	return &fault.Error{Kind: fault.Forbidden, Code: "callback_not_authentic", Detail: "the callback does not prove where it comes from"}
}

// reportRule is a compiled ReportRule.
type reportRule struct {
	each, ref, status, code, words, eventID *selector
	statuses                                map[string]channels.ReportStatus
	causes                                  map[string]channels.Cause
}

func (r ReportRule) compile() (*reportRule, error) {
	c := &reportRule{statuses: r.Statuses, causes: r.Causes}
	problems := []error{compileAll(
		slot{r.Each, &c.each}, slot{r.Ref, &c.ref}, slot{r.Status, &c.status},
		slot{r.Code, &c.code}, slot{r.Words, &c.words}, slot{r.EventID, &c.eventID},
	)}
	if r.Ref == "" || r.Status == "" || len(r.Statuses) == 0 {
		problems = append(problems, errors.New("want ref, status and statuses"))
	}
	for code, cause := range r.Causes {
		problems = append(problems, checkCause(code, cause))
	}
	known := []channels.ReportStatus{channels.ReportDelivered, channels.ReportFailed, channels.ReportPending}
	for text, status := range r.Statuses {
		if !slices.Contains(known, status) {
			problems = append(problems, fmt.Errorf("status %q: %q is no report status", text, status))
		}
	}
	return c, errors.Join(problems...)
}

// read returns the reports in a document; none without a rule.
func (r *reportRule) read(d document, now time.Time) []channels.Report {
	if r == nil {
		return nil
	}
	var reports []channels.Report
	for _, item := range r.each.each(d) {
		ref, hasRef := r.ref.find(item)
		status, hasStatus := r.status.find(item)
		if !hasRef || !hasStatus {
			continue
		}
		report := channels.Report{ProviderRef: ref, Status: r.statuses[status], At: now}
		if report.Status == "" {
			report.Status = channels.ReportPending
		}
		if report.Status == channels.ReportFailed {
			report.Err = r.reason(item, status)
		}
		if id, ok := r.eventID.find(item); ok {
			report.EventID = id
		} else {
			report.EventID = ref + "/" + status // a gateway that names no event repeats the same call
		}
		reports = append(reports, report)
	}
	return reports
}

func (r *reportRule) reason(item document, status string) *channels.Error {
	code, ok := r.code.find(item)
	if !ok {
		code = status
	}
	cause, listed := r.causes[code]
	if !listed {
		cause = channels.Undelivered
	}
	words, _ := r.words.find(item)
	return &channels.Error{Cause: cause, Enhanced: code, Detail: words}
}

// textRule is a compiled TextRule.
type textRule struct{ each, from, to, text, charset, eventID *selector }

func (r TextRule) compile() (*textRule, error) {
	c := &textRule{}
	err := compileAll(slot{r.Each, &c.each}, slot{r.From, &c.from}, slot{r.To, &c.to}, slot{r.Text, &c.text},
		slot{r.Charset, &c.charset}, slot{r.EventID, &c.eventID})
	if r.From == "" || r.Text == "" {
		err = errors.Join(err, errors.New("want from and text"))
	}
	return c, err
}

// read returns the texts in a document; none without a rule.
func (r *textRule) read(d document, now time.Time) []InboundText {
	if r == nil {
		return nil
	}
	var texts []InboundText
	for _, item := range r.each.each(d) {
		from, hasFrom := r.from.find(item)
		text, hasText := r.text.find(item)
		charset, _ := r.charset.find(item)
		text = decode(text, charset)
		if !hasFrom || !hasText || !utf8.ValidString(text) {
			continue
		}
		to, _ := r.to.find(item)
		id, _ := r.eventID.find(item)
		texts = append(texts, InboundText{From: vocab.Address(from), To: to, Text: text, At: now, EventID: id})
	}
	return texts
}

// decode reads a text in the character sets that gateways pass on unchanged from the air; any other is taken for UTF-8.
func decode(text, charset string) string {
	switch strings.ToUpper(charset) {
	case "UTF-16BE", "UCS-2":
		units := make([]uint16, 0, len(text)/2)
		for i := 0; i+1 < len(text); i += 2 {
			units = append(units, uint16(text[i])<<8|uint16(text[i+1]))
		}
		return string(utf16.Decode(units))
	case "ISO-8859-1":
		var b strings.Builder
		for _, c := range []byte(text) {
			b.WriteRune(rune(c))
		}
		return b.String()
	}
	return text
}
