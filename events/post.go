package events

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// How long a receiver may take, and what of its answer is read at most: nothing of it is kept.
const (
	postTimeout   = 10 * time.Second
	maxAnswer     = 4 << 10
	maxAnswerHead = 16 << 10
)

// errPostSlow is the cause of a request that took too long.
var errPostSlow = errors.New("the webhook's endpoint took too long")

// newClient returns a client that goes where the guard lets it, follows no redirect and asks no proxy.
func newClient(g Guard) *http.Client {
	dialer := &net.Dialer{Timeout: postTimeout / 2, KeepAlive: 30 * time.Second, Control: g.control}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: postTimeout / 2, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: true, DisableCompression: true, MaxResponseHeaderBytes: maxAnswerHead, MaxIdleConns: 20, MaxIdleConnsPerHost: 1,
			IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post sends one event and says how that went. Its error is our own mistake and no word about the endpoint.
func (s *Sender) post(ctx context.Context, line Line, e Event) (attempted, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return attempted{}, fmt.Errorf("write event %s: %w", e.ID, err)
	}
	// What has been begun is finished: a stop that cut it off would send it again for nothing.
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), s.o.Timeout, errPostSlow)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, line.Webhook.URL, bytes.NewReader(body))
	if err != nil {
		return attempted{class: ErrorAddress}, nil // it was checked when it was given; its text is not repeated
	}
	began := s.now()
	if err := sign(req.Header, line.Secrets, e.ID, began, body); err != nil {
		return attempted{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Elshi-Webhooks")
	res, err := s.client.Do(req)
	if err != nil {
		return attempted{class: classOf(err), duration: s.now().Sub(began)}, nil
	}
	defer res.Body.Close()                                          //nolint:errcheck // nothing is written
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer)) // so that the connection may be used again; the status is known
	return attempted{status: res.StatusCode, class: classOfStatus(res.StatusCode), duration: s.now().Sub(began)}, nil
}

func classOfStatus(status int) ErrorClass {
	switch {
	case status >= 200 && status < 300:
		return ""
	case status >= 300 && status < 400:
		return ErrorRedirect
	case status == http.StatusGone:
		return ErrorGone
	}
	return ErrorStatus
}

// classOf says why no answer came. The error's own text names the URL and is not kept.
func classOf(err error) ErrorClass {
	if errors.Is(err, errAddress) {
		return ErrorAddress
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errPostSlow) {
		return ErrorTimeout
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return ErrorDNS
	}
	if isTLS(err) {
		return ErrorTLS
	}
	return ErrorConnect
}

func isTLS(err error) bool {
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	_, strange := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	return errors.Is(err, http.ErrSchemeMismatch) || unverified || strange || alert || host || authority
}
