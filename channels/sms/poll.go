package sms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/fault"
)

// poller is a compiled Poll.
type poller struct {
	request *request
	max     int
	code    *selector
	ok      []string
	rule    *reportRule
}

func (p Poll) compile(secrets map[string]Secret, used map[string]bool) (*poller, error) {
	c := &poller{max: p.Max, ok: p.OK}
	if c.max <= 0 {
		c.max = 100
	}
	var problems [3]error
	c.request, problems[0] = compileRequest(p.Request, []string{http.MethodGet, http.MethodPost}, pollNames, secrets, used)
	problems[1] = compileAll(slot{p.Code, &c.code})
	c.rule, problems[2] = p.Rule.compile()
	if p.Code != "" && len(p.OK) == 0 {
		problems[1] = errors.Join(problems[1], errors.New("ok: with a code, want the codes that mean that it is an answer"))
	}
	return c, errors.Join(problems[:]...)
}

// CanPoll says whether the gateway can be asked for reports.
func (g *Gateway) CanPoll() bool { return g.poll != nil }

// Poll asks the gateway for the status of messages that it accepted, by its references, and returns a report for each that it
// knows. It returns what it learnt together with the first error, which is a *fault.Error of kind Unavailable that wraps a
// *channels.Error; asking again later is harmless. Without a Poll in the profile it returns nothing.
func (g *Gateway) Poll(ctx context.Context, refs []string) ([]channels.Report, error) {
	if g.poll == nil {
		return nil, nil
	}
	var reports []channels.Report
	for chunk := range slices.Chunk(refs, g.poll.max) {
		d, err := g.ask(ctx, chunk)
		if err != nil {
			return reports, fault.Away("sms_gateway", fmt.Errorf("poll %d messages at %s: %w", len(chunk), g.profile.Name, err))
		}
		for _, report := range g.poll.rule.read(d, g.settings.Now().UTC()) {
			if slices.Contains(chunk, report.ProviderRef) { // about others we did not ask
				reports = append(reports, report)
			}
		}
	}
	return reports, nil
}

func (g *Gateway) ask(ctx context.Context, refs []string) (document, error) {
	w, err := g.poll.request.fill(g.base, values{}, refs)
	if err != nil {
		return document{}, err
	}
	if !g.acquire(ctx) {
		return document{}, context.Cause(ctx)
	}
	defer g.release()
	ctx, cancel := context.WithTimeout(ctx, g.settings.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, w.method, w.url, strings.NewReader(w.body))
	if err != nil {
		return document{}, &channels.Error{Cause: channels.Unrenderable} // without err, which repeats the URL
	}
	request.Header = w.header
	response, err := g.transport.RoundTrip(request)
	if err != nil {
		return document{}, &channels.Error{Cause: channels.Unreachable, Detail: err.Error()}
	}
	defer response.Body.Close() //nolint:errcheck // it was read to the end or is given up
	body, err := io.ReadAll(io.LimitReader(response.Body, g.settings.MaxAnswer+1))
	if err != nil || int64(len(body)) > g.settings.MaxAnswer {
		return document{}, &channels.Error{Cause: channels.Unreachable, Code: response.StatusCode, Detail: "the answer is too long or was cut"}
	}
	d := newDocument(response.Header, nil, body)
	code, _ := g.poll.code.find(d)
	if g.poll.code != nil && slices.Contains(g.poll.ok, code) || g.poll.code == nil && response.StatusCode == http.StatusOK {
		return d, nil
	}
	refusal := g.answer.classify(response.StatusCode, d, g.settings.Now())
	if refusal.err == nil {
		return document{}, &channels.Error{Cause: channels.Permanent, Code: response.StatusCode, Enhanced: code}
	}
	refusal.err.Detail = g.scrub(refusal.err.Detail)
	return document{}, refusal.err
}
