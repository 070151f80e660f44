package sms

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/orleu/elshi/channels"
)

// Send hands each message over in a request of its own, at most Settings.MaxParallel at once: never a gateway's bulk call or its
// scheduling, which cannot be called back. A text goes whole; joining its parts is the gateway's and the handset's work.
//
// The commit point is the first byte of the request's body. Before it a failure is NotHandedOver; after it, without an answer,
// InDoubt. When ctx ends, requests past their commit point still wait for their answer, within Settings.Timeout.
func (g *Gateway) Send(ctx context.Context, batch []channels.Message, report func(channels.Receipt)) {
	var (
		next      atomic.Int64
		reporting sync.Mutex
		workers   sync.WaitGroup
	)
	for range min(len(batch), g.settings.MaxParallel) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(batch); i = int(next.Add(1)) - 1 {
				receipt := g.handOver(ctx, batch[i])
				reporting.Lock()
				report(receipt)
				reporting.Unlock()
			}
		})
	}
	workers.Wait()
}

func (g *Gateway) handOver(ctx context.Context, m channels.Message) channels.Receipt {
	receipt := channels.Receipt{MessageID: m.ID, Attempt: m.Attempt}
	r := g.try(ctx, m)
	receipt.Outcome, receipt.Err, receipt.ProviderRef, receipt.Reply = r.outcome, r.err, r.ref, r.words
	if r.outcome == channels.Accepted && g.answer.ref == nil {
		receipt.ProviderRef = string(m.ID)
	}
	receipt.At = g.settings.Now().UTC()
	return receipt
}

// result is what came of one hand-over.
type result struct {
	outcome channels.Outcome
	err     *channels.Error
	ref     string
	words   string
}

func notHandedOver(cause channels.Cause, detail string) result {
	return result{outcome: channels.NotHandedOver, err: &channels.Error{Cause: cause, Detail: detail}}
}

// staleTries is how many kept connections that turn out to be closed are given up before a hand-over is.
const staleTries = 3

func (g *Gateway) try(ctx context.Context, m channels.Message) result {
	if problem := unsendable(m); problem != "" {
		return notHandedOver(channels.Unrenderable, problem)
	}
	w, err := g.send.fill(g.base, g.values(m), nil)
	if err != nil {
		return notHandedOver(channels.Unrenderable, err.Error())
	}
	if ctx.Err() != nil || !g.acquire(ctx) {
		return notHandedOver(channels.Stopped, "")
	}
	defer g.release()

	for try := 1; ; try++ {
		r, stale := g.exchange(ctx, w, m.Until)
		if !stale || try == staleTries {
			return r
		}
	}
}

// exchange makes one request. stale says that a kept connection was closed before anything was handed over.
func (g *Gateway) exchange(ctx context.Context, w wire, until time.Time) (r result, stale bool) {
	left := until.Sub(g.settings.Now())
	if left <= 0 {
		return notHandedOver(channels.LeaseExpired, ""), false
	}
	body := &fence{until: until, now: g.settings.Now, body: strings.NewReader(w.body)}
	requestCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(g.settings.Timeout, left+answerGrace))
	defer cancel()
	defer context.AfterFunc(ctx, func() { body.stop(cancel) })()

	reused := false
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		reused = info.Reused
		body.use(info.Conn, info.Reused)
	}}
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(requestCtx, trace), w.method, w.url, nil)
	if err != nil {
		return notHandedOver(channels.Unrenderable, ""), false
	}
	request.Header = w.header.Clone()
	request.Body, request.ContentLength = body, int64(len(w.body))

	// RoundTrip and not a Client: a redirect would carry the credentials and the text to somebody else.
	response, err := g.transport.RoundTrip(request)
	begun, stopped := body.seal()
	switch {
	case err != nil && stopped != "":
		return notHandedOver(stopped, ""), false
	case err != nil && !begun:
		return notHandedOver(channels.Unreachable, err.Error()), reused
	case err != nil:
		return inDoubt(0, err.Error()), false
	}
	defer response.Body.Close() //nolint:errcheck // it was read to the end or is given up
	text, readErr := io.ReadAll(io.LimitReader(response.Body, g.settings.MaxAnswer+1))
	if readErr != nil || int64(len(text)) > g.settings.MaxAnswer {
		text = nil // half an answer is none; the status still says something
	}
	r = g.answer.classify(response.StatusCode, newDocument(response.Header, nil, text), g.settings.Now())
	r.words = g.scrub(r.words)
	if r.err != nil {
		r.err.Detail = g.scrub(r.err.Detail)
	}
	if r.outcome == channels.InDoubt && !begun {
		return notHandedOver(channels.Unreachable, r.err.Detail), false
	}
	return r, false
}

// inDoubt is a hand-over past its commit point whose answer is missing or says nothing.
func inDoubt(status int, detail string) result {
	return result{outcome: channels.InDoubt, err: &channels.Error{Cause: channels.ConnectionLost, Code: status, Detail: detail}}
}

// unsendable returns why a message cannot be put on any wire, or "".
func unsendable(m channels.Message) string {
	switch {
	case m.SMS == nil:
		return "the message is no SMS"
	case m.SMS.Text == "" || !utf8.ValidString(m.SMS.Text):
		return "the text is empty or not UTF-8"
	case m.To == "":
		return "there is no recipient"
	case m.SMS.From != "" && ValidateSender(m.SMS.From) != nil:
		return "the sender is neither a name nor a number"
	}
	return ""
}

func (g *Gateway) values(m channels.Message) values {
	coding := "0"
	if Count(m.SMS.Text).Encoding == UCS2 {
		coding = "2"
	}
	return values{
		"to":           m.To.Reveal(),
		"to_digits":    strings.TrimPrefix(m.To.Reveal(), "+"),
		"from":         m.SMS.From,
		"text":         m.SMS.Text,
		"id":           string(m.ID),
		"coding":       coding,
		"callback_url": g.settings.CallbackURL,
	}
}

// scrub takes our credentials out of a gateway's words: some repeat the request when they refuse it.
func (g *Gateway) scrub(words string) string {
	for _, secret := range g.settings.Secrets {
		words = strings.ReplaceAll(words, string(secret), redacted)
	}
	return words
}
