package sms

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/orleu/elshi/channels"
)

// ParseProfile makes a profile from flat settings, so that a gateway nobody here knows needs no code. docs/providers.md lists the
// keys; an unknown one is an error, and all problems are reported at once. It compiles no template and no selector: NewGateway does.
func ParseProfile(name string, settings map[string]string) (Profile, error) {
	p := &profileParser{rest: maps.Clone(settings)}
	out := Profile{Name: name, Send: p.request("send."), Answer: p.answer()}
	if p.has("poll.") {
		out.Poll = &Poll{
			Request: p.request("poll."), Max: p.number("poll.max"), Code: p.selector("poll.code"), OK: p.list("poll.ok"),
			Rule: p.report("poll.report."),
		}
	}
	if p.has("report.") {
		rule := p.report("report.")
		out.Reports = &rule
	}
	if p.has("reply.") {
		out.Texts = &TextRule{
			Each: p.selector("reply.each"), From: p.selector("reply.from"), To: p.selector("reply.to"), Text: p.selector("reply.text"),
			EventID: p.selector("reply.event_id"), Charset: p.selector("reply.charset"),
		}
	}
	for _, key := range slices.Sorted(maps.Keys(p.rest)) {
		p.fail(key, "is not a setting of a gateway; docs/providers.md lists them")
	}
	return out, errors.Join(p.problems...)
}

// profileParser takes settings one by one; what is left at the end nobody knows.
type profileParser struct {
	rest     map[string]string
	problems []error
}

func (p *profileParser) fail(key, detail string) {
	p.problems = append(p.problems, fmt.Errorf("settings.%s: %s", key, detail))
}

func (p *profileParser) has(prefix string) bool {
	for key := range p.rest {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

func (p *profileParser) text(key string) string {
	v := p.rest[key]
	delete(p.rest, key)
	return v
}

func (p *profileParser) selector(key string) Selector { return Selector(p.text(key)) }

func (p *profileParser) number(key string) int {
	v := p.text(key)
	if v == "" {
		return 0
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		p.fail(key, "want a whole number of at least 1")
	}
	return n
}

// list reads values separated by commas.
func (p *profileParser) list(key string) []string {
	v := p.text(key)
	if v == "" {
		return nil
	}
	parts := strings.Split(v, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// under takes every setting with the prefix, sorted by what follows it.
func (p *profileParser) under(prefix string) (names, values []string) {
	for _, key := range slices.Sorted(maps.Keys(p.rest)) {
		if name, found := strings.CutPrefix(key, prefix); found {
			names, values = append(names, name), append(values, p.text(key))
		}
	}
	return names, values
}

func (p *profileParser) fields(prefix string) []Field {
	names, values := p.under(prefix)
	var fields []Field
	for i, name := range names {
		fields = append(fields, Field{name, values[i]})
	}
	return fields
}

func (p *profileParser) request(prefix string) Request {
	return Request{
		Method: p.text(prefix + "method"), Path: p.text(prefix + "path"), Headers: p.fields(prefix + "header."), Form: p.fields(prefix + "form."),
		JSON: p.text(prefix + "json"), Text: p.text(prefix + "text"),
	}
}

func (p *profileParser) answer() Answer {
	a := Answer{
		Code: p.selector("answer.code"), Accepted: p.list("answer.accepted"), Ref: p.selector("answer.ref"), Words: p.selector("answer.words"),
		Causes: p.causes("answer.cause."),
	}
	names, values := p.under("answer.status.")
	for i, name := range names {
		code, err := strconv.Atoi(name)
		if err != nil {
			p.fail("answer.status."+name, "want an HTTP status such as answer.status.402")
			continue
		}
		if a.Statuses == nil {
			a.Statuses = map[int]channels.Cause{}
		}
		a.Statuses[code] = p.cause("answer.status."+name, values[i])
	}
	return a
}

func (p *profileParser) report(prefix string) ReportRule {
	r := ReportRule{
		Each: p.selector(prefix + "each"), Ref: p.selector(prefix + "ref"), Status: p.selector(prefix + "status"), Code: p.selector(prefix + "code"),
		Words: p.selector(prefix + "words"), EventID: p.selector(prefix + "event_id"), Causes: p.causes(prefix + "cause."),
		Statuses: map[string]channels.ReportStatus{},
	}
	names, values := p.under(prefix + "is.")
	for i, name := range names {
		status := channels.ReportStatus(values[i])
		switch status {
		case channels.ReportDelivered, channels.ReportFailed, channels.ReportPending:
			r.Statuses[name] = status
		default:
			p.fail(prefix+"is."+name, "want delivered, failed or pending")
		}
	}
	return r
}

func (p *profileParser) causes(prefix string) map[string]channels.Cause {
	names, values := p.under(prefix)
	if len(names) == 0 {
		return nil
	}
	all := map[string]channels.Cause{}
	for i, name := range names {
		all[name] = p.cause(prefix+name, values[i])
	}
	return all
}

func (p *profileParser) cause(key, value string) channels.Cause {
	c := channels.Cause(value)
	if !slices.Contains(channels.Causes(), c) {
		p.fail(key, "want a cause such as temporary, permanent, no_such_mailbox, rate_limited or provider_refused_us")
	}
	return c
}
