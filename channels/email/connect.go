package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/orleu/elshi/channels"
)

// quitTimeout bounds the goodbye to a provider that may have stopped listening.
const quitTimeout = time.Second

var (
	errNoStartTLS = errors.New("the provider does not offer STARTTLS")
	errNoAuth     = errors.New("the provider offers no method of authentication that we may use")
)

// conn is one kept connection. One goroutine uses it at a time.
type conn struct {
	o          *Options
	raw        net.Conn     // below TLS: deadlines and abort work here whatever is above
	client     *smtp.Client // greeting, EHLO, STARTTLS, AUTH and QUIT; the transfer speaks through its Text
	born       time.Time
	lastUsed   time.Time
	carried    int  // hand-overs that were begun on it
	needsReset bool // a transaction is open that nobody will finish
	broken     bool // must not be used again, not even for QUIT
}

// connect opens a connection as far as the provider is ready for MAIL. It gives up when ctx ends or at until.
func connect(ctx context.Context, o *Options, tlsConfig *tls.Config, until time.Time) (*conn, *channels.Error) {
	c := &conn{o: o, born: o.Now()}
	at, err := c.open(ctx, tlsConfig, until)
	if err == nil {
		return c, nil
	}
	if c.raw != nil {
		c.abort()
	}
	switch {
	case ctx.Err() != nil:
		return nil, &channels.Error{Cause: channels.Stopped}
	case !o.Now().Before(until):
		return nil, &channels.Error{Cause: channels.LeaseExpired, Detail: clip(err.Error())}
	}
	return nil, connectError(at, err)
}

func (c *conn) open(ctx context.Context, tlsConfig *tls.Config, until time.Time) (phase, error) {
	raw, err := (&net.Dialer{Deadline: c.end(c.o.ConnectTimeout, until)}).DialContext(ctx, "tcp", c.o.Address)
	if err != nil {
		return phaseHello, err
	}
	c.raw = raw
	// Closing is the only thing that a later deadline cannot undo.
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()

	stream := raw
	if c.o.TLS == TLSImplicit {
		if err := c.deadline(c.o.ConnectTimeout, until); err != nil {
			return phaseTLS, err
		}
		secured := tls.Client(raw, tlsConfig)
		if err := secured.HandshakeContext(ctx); err != nil {
			return phaseTLS, err
		}
		stream = secured
	}
	if err := c.deadline(c.o.CommandTimeout, until); err != nil {
		return phaseHello, err
	}
	if c.client, err = smtp.NewClient(stream, c.o.ServerName); err != nil {
		return phaseHello, err
	}
	if err := c.deadline(c.o.CommandTimeout, until); err != nil {
		return phaseHello, err
	}
	if err := c.client.Hello(c.o.HelloName); err != nil {
		return phaseHello, err
	}
	if c.o.TLS == TLSStartTLS {
		if err := c.startTLS(tlsConfig, until); err != nil {
			return phaseTLS, err
		}
	}
	if c.o.Username != "" {
		if err := c.authenticate(until); err != nil {
			return phaseAuth, err
		}
	}
	return "", ctx.Err()
}

func (c *conn) startTLS(tlsConfig *tls.Config, until time.Time) error {
	if offered, _ := c.client.Extension("STARTTLS"); !offered {
		return errNoStartTLS
	}
	if err := c.deadline(c.o.CommandTimeout, until); err != nil {
		return err
	}
	return c.client.StartTLS(tlsConfig)
}

func (c *conn) authenticate(until time.Time) error {
	_, offered := c.client.Extension("AUTH")
	auth := chooseAuth(c.o, strings.Fields(strings.ToUpper(offered)))
	if auth == nil {
		return errNoAuth
	}
	if err := c.deadline(c.o.CommandTimeout, until); err != nil {
		return err
	}
	return c.client.Auth(auth)
}

// chooseAuth returns nil if the provider offers nothing that we want and may use.
func chooseAuth(o *Options, offered []string) smtp.Auth {
	host, _, _ := net.SplitHostPort(o.Address) // New has checked it
	clear := o.TLS == TLSNone
	order := []AuthMethod{o.Auth}
	if o.Auth == AuthAuto {
		order = []AuthMethod{AuthPlain, AuthLogin, AuthCRAMMD5}
		if clear {
			order = []AuthMethod{AuthCRAMMD5, AuthPlain, AuthLogin}
		}
	}
	for _, method := range order {
		if !slices.Contains(offered, strings.ToUpper(string(method))) {
			continue
		}
		switch method {
		case AuthCRAMMD5:
			return smtp.CRAMMD5Auth(o.Username, o.Password)
		case AuthPlain:
			if !clear || isLoopback(host) {
				return smtp.PlainAuth("", o.Username, o.Password, o.ServerName, clear)
			}
		case AuthLogin:
			if !clear || isLoopback(host) {
				return smtp.LoginAuth(o.Username, o.Password, o.ServerName, clear)
			}
		case AuthAuto: // never in order
		}
	}
	return nil
}

// connectError says what a failure before the first message means: our account, or the provider's absence.
func connectError(at phase, err error) *channels.Error {
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return classify(at, reply.Code, reply.Msg)
	}
	cause := channels.Unreachable
	if at == phaseAuth && !isNetwork(err) {
		cause = channels.ProviderRefusedUs // no common method, or an answer that is none
	}
	return &channels.Error{Cause: cause, Detail: clip(fmt.Sprintf("%s: %v", at, err))}
}

func isNetwork(err error) bool {
	_, isNet := errors.AsType[net.Error](err)
	return isNet || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// deadline bounds the socket operations that follow: until matters before the dot, because a message is not begun or
// finished after it.
func (c *conn) deadline(timeout time.Duration, until time.Time) error {
	return c.raw.SetDeadline(c.end(timeout, until))
}

func (c *conn) end(timeout time.Duration, until time.Time) time.Time {
	if end := c.o.Now().Add(timeout); end.Before(until) {
		return end
	}
	return until
}

// spent says whether the connection has done its work and should make room for another.
func (c *conn) spent() bool {
	return c.carried >= c.o.MessagesPerConnection || c.o.Now().Sub(c.born) >= c.o.MaxAge
}

// offers says whether the provider announced an extension.
func (c *conn) offers(extension string) bool {
	offered, _ := c.client.Extension(extension)
	return offered
}

// abort ends the connection without a word: after DATA a QUIT, or TLS's own goodbye, could be read as the message's end.
func (c *conn) abort() {
	c.broken = true
	_ = c.raw.Close() // nothing is lost: the connection is given up
}

// quit says goodbye and ends the connection. Only for connections without an unfinished message.
func (c *conn) quit() {
	c.broken = true
	if c.raw.SetDeadline(c.o.Now().Add(quitTimeout)) == nil {
		_ = c.client.Quit() // courtesy; the connection ends either way
	}
	_ = c.raw.Close()
}
