package sms

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/channels"
)

// Settings are one account at a gateway.
type Settings struct {
	// BaseURL is the gateway's scheme, host and fixed path, for example "https://sms.example.kz". Required. Plain http is
	// taken for a loopback host, and for others only with AllowPlaintext.
	BaseURL string
	// AllowPlaintext lets credentials and texts go unencrypted to another host: a gateway in a network of one's own.
	AllowPlaintext bool
	// Secrets are what the profile's {secret.NAME} stand for; each must be used.
	Secrets map[string]Secret
	// CallbackURL is where the gateway reports, with the token in its path; without a query, and without percent signs,
	// which some gateways expand. If unset, the gateway is not asked to report.
	CallbackURL string
	// Verify says how a callback proves where it comes from. If it is empty, every callback is refused.
	Verify Verify
	// Timeout bounds one request. If unset or zero, 15 seconds.
	Timeout time.Duration
	// DialTimeout bounds connecting. If unset or zero, 5 seconds.
	DialTimeout time.Duration
	// MaxParallel bounds the requests in flight, over all Sends. If unset or zero, 8.
	MaxParallel int
	// MaxAnswer bounds what is read of an answer or a callback, in bytes. If unset or zero, 64 KiB.
	MaxAnswer int64
	// Now is the clock of Message.Until. If unset, time.Now.
	Now func() time.Time
}

// answerGrace is how long after a permit's end an answer is still waited for: its request went out in time, and hanging up
// would only put the message in doubt.
const answerGrace = 2 * time.Second

// idleTime is shorter than any gateway's own, so that a kept connection is seldom closed under a request.
const idleTime = 4 * time.Second

// Gateway sends texts through one account at one gateway. It is a channels.Channel.
type Gateway struct {
	profile   Profile
	base      string
	settings  Settings
	send      *request
	answer    answer
	poll      *poller
	reports   *reportRule
	texts     *textRule
	transport *http.Transport
	slots     chan struct{} // one for each request in flight
}

var _ channels.Channel = (*Gateway)(nil)

// String names the gateway's profile, without the account.
func (g *Gateway) String() string { return "sms gateway " + g.profile.Name }

// GoString is String: credentials are inside.
func (g *Gateway) GoString() string { return g.String() }

var (
	messageNames = []string{"to", "to_digits", "from", "text", "id", "callback_url", "coding"}
	pollNames    = []string{"refs"}
)

// NewGateway checks the profile and the settings and returns every problem at once. It connects to nothing.
func NewGateway(p Profile, s Settings) (*Gateway, error) {
	s = s.withDefaults()
	g := &Gateway{profile: p, settings: s, slots: make(chan struct{}, s.MaxParallel)}
	used := map[string]bool{}
	var problems []error
	check := func(where string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", where, err))
		}
	}
	var err error

	g.base, err = checkBaseURL(s.BaseURL, s.AllowPlaintext)
	check("base_url", err)
	check("callback_url", checkCallbackURL(s.CallbackURL))
	check("verify", s.Verify.check())

	g.send, err = compileRequest(p.Send, []string{http.MethodPost, http.MethodPut}, messageNames, s.Secrets, used)
	check("send", err)
	// The text in the body is what makes the body the commit point: without its body nobody can have the message.
	if !g.send.bodyNames("text") {
		check("send", errors.New("the body must name {text}"))
	}
	if !slices.ContainsFunc([]string{"to", "to_digits"}, func(n string) bool { return g.send.bodyNames(n) || g.send.headerNames(n) }) {
		check("send", errors.New("a header or the body must name {to} or {to_digits}"))
	}
	g.answer, err = p.Answer.compile()
	check("answer", err)
	if p.Poll != nil {
		g.poll, err = p.Poll.compile(s.Secrets, used)
		check("poll", err)
	}
	if p.Reports != nil {
		g.reports, err = p.Reports.compile()
		check("reports", err)
	}
	if p.Texts != nil {
		g.texts, err = p.Texts.compile()
		check("texts", err)
	}
	for name, secret := range s.Secrets {
		if !used[name] {
			check("secrets", fmt.Errorf("%q: the profile does not use it", name))
		}
		if secret != "" && strings.Contains(s.BaseURL+p.Send.Path, string(secret)) {
			check("base_url", fmt.Errorf("secret %q goes into a header or the body, never into a URL", name))
		}
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("sms gateway %s: %w", p.Name, errors.Join(problems...))
	}
	g.transport = newTransport(s)
	return g, nil
}

func (s Settings) withDefaults() Settings {
	if s.Timeout <= 0 {
		s.Timeout = 15 * time.Second
	}
	if s.DialTimeout <= 0 {
		s.DialTimeout = 5 * time.Second
	}
	if s.MaxParallel <= 0 {
		s.MaxParallel = 8
	}
	if s.MaxAnswer <= 0 {
		s.MaxAnswer = 64 << 10
	}
	if s.Now == nil {
		s.Now = time.Now //nolint:forbidigo // the default of a setting
	}
	return s
}

// newTransport is HTTP/1.1 alone: on a shared HTTP/2 connection one cannot say which request a lost connection took along.
// It reads no proxy from the environment.
func newTransport(s Settings) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: s.DialTimeout}).DialContext,
		TLSHandshakeTimeout: s.DialTimeout,
		MaxIdleConns:        s.MaxParallel,
		MaxIdleConnsPerHost: s.MaxParallel,
		IdleConnTimeout:     idleTime,
		DisableCompression:  true,
		Protocols:           &protocols,
	}
}

// Close ends idle connections.
func (g *Gateway) Close() error {
	g.transport.CloseIdleConnections()
	return nil
}

// acquire takes a slot for one request, or says that ctx ended first.
func (g *Gateway) acquire(ctx context.Context) bool {
	select {
	case g.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (g *Gateway) release() { <-g.slots }

func checkBaseURL(raw string, allowPlaintext bool) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "", errors.New("want https://host or https://host/path") // without err, which repeats the URL
	case u.User != nil:
		return "", errors.New("a credential goes into a header or the body, never into a URL")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return "", errors.New("want neither a query nor a fragment")
	case u.Scheme == "http" && !allowPlaintext && !isLoopback(u.Hostname()):
		return "", errors.New("plain http would show credentials and texts to the network; use https or allow_plaintext")
	}
	return strings.TrimSuffix(raw, "/"), nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func checkCallbackURL(raw string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || strings.ContainsAny(raw, "%?#") {
		return errors.New("want an absolute URL without user, query, fragment and percent signs")
	}
	return nil
}
