package email

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"strconv"
	"time"
)

// TLSMode is how a connection to the provider is protected.
type TLSMode string

// The TLS modes. There is no opportunistic one: a relay that stops offering STARTTLS is an error to be seen, not a reason
// to send mail in the clear.
const (
	TLSStartTLS TLSMode = "starttls" // STARTTLS is required (RFC 3207)
	TLSImplicit TLSMode = "implicit" // TLS from the first byte, usually port 465 (RFC 8314)
	TLSNone     TLSMode = "none"     // for a relay on the same machine or network
)

// AuthMethod is how we tell the provider who we are (RFC 4954).
type AuthMethod string

// The methods of authentication.
const (
	AuthAuto    AuthMethod = "auto"     // the best one that the provider offers: CRAM-MD5 without TLS, else PLAIN, then LOGIN
	AuthPlain   AuthMethod = "plain"    // RFC 4616
	AuthLogin   AuthMethod = "login"    // the old way of some providers
	AuthCRAMMD5 AuthMethod = "cram-md5" // RFC 2195; the password never crosses the wire
)

// Options describe one SMTP provider. Printing them in any way shows no password.
type Options struct {
	// Address is the provider's host and port, for example "relay.example.org:587". Required.
	Address string
	// TLS is how connections are protected. If unset, TLSStartTLS.
	TLS TLSMode
	// ServerName is the name that the provider's certificate must have. If unset, the host of Address.
	ServerName string
	// RootCAs are the authorities that may have signed the certificate. If nil, the system's.
	RootCAs *x509.CertPool
	// Username turns on authentication. If unset, there is none.
	Username string
	// Password goes with Username.
	Password string
	// Auth is the method. If unset, AuthAuto. PLAIN and LOGIN need TLS unless the host is loopback.
	Auth AuthMethod
	// HelloName is how we introduce ourselves in EHLO: a host name or an address literal (RFC 5321 section 4.1.1.1).
	// If unset, "localhost".
	HelloName string
	// DKIM signs the mail whose From has one of these addresses, as the message writes it; other mail goes unsigned, for a provider that
	// signs itself. If unset, nothing is signed.
	DKIM map[string]*DKIM

	// MaxConnections bounds the connections that are open at once, 1 to 100. If unset or zero, 4.
	MaxConnections int
	// MessagesPerConnection is how many messages one connection carries before it is replaced. If unset or zero, 100.
	MessagesPerConnection int
	// IdleTimeout is how long an unused connection is kept; it is ended when the pool is next used. If unset or zero, 30 s.
	IdleTimeout time.Duration
	// MaxAge is how old a connection may grow, so that a relay behind a changing name is followed. If unset or zero, 5 min.
	MaxAge time.Duration

	// ConnectTimeout bounds name resolution, TCP and, with TLSImplicit, the handshake. If unset or zero, 10 s.
	ConnectTimeout time.Duration
	// CommandTimeout bounds the greeting and every command with its reply. If unset or zero, 30 s.
	CommandTimeout time.Duration
	// DataTimeout bounds the transfer of one message's text, without the reply. If unset or zero, 60 s.
	DataTimeout time.Duration
	// DotReplyTimeout bounds the wait for the reply to a whole message. It is the only time-out that may outlive
	// Message.Until, because from then on the provider may have the message. If unset or zero, 60 s.
	DotReplyTimeout time.Duration

	// Now is the clock. Sockets compare their deadlines with real time, so it must be a real clock. Required.
	Now func() time.Time
}

// helloName is a host name or an address literal; anything else would be refused or, with a line break, be a command.
var helloName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?|\[[0-9A-Za-z.:]{2,64}\])$`)

// withDefaults fills in what is unset.
func (o Options) withDefaults() Options {
	setDefault(&o.TLS, TLSStartTLS)
	setDefault(&o.Auth, AuthAuto)
	setDefault(&o.HelloName, "localhost")
	setDefault(&o.MaxConnections, 4)
	setDefault(&o.MessagesPerConnection, 100)
	setDefault(&o.IdleTimeout, 30*time.Second)
	setDefault(&o.MaxAge, 5*time.Minute)
	setDefault(&o.ConnectTimeout, 10*time.Second)
	setDefault(&o.CommandTimeout, 30*time.Second)
	setDefault(&o.DataTimeout, time.Minute)
	setDefault(&o.DotReplyTimeout, time.Minute)
	if o.ServerName == "" {
		// validate reports an Address that cannot be split.
		o.ServerName, _, _ = net.SplitHostPort(o.Address)
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate names every field that is wrong, all at once.
func (o Options) validate() error {
	var problems []error
	wrong := func(field, format string, args ...any) {
		problems = append(problems, fmt.Errorf("email options: %s: %s", field, fmt.Sprintf(format, args...)))
	}
	host, port, err := net.SplitHostPort(o.Address)
	if err != nil || host == "" {
		wrong("Address", "must be host:port, got %q", o.Address)
	} else if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		wrong("Address", "port must be 1 to 65535, got %q", port)
	}
	switch o.TLS {
	case TLSStartTLS, TLSImplicit, TLSNone:
	default:
		wrong("TLS", "must be starttls, implicit or none, got %q", o.TLS)
	}
	switch o.Auth {
	case AuthAuto, AuthPlain, AuthLogin, AuthCRAMMD5:
	default:
		wrong("Auth", "must be auto, plain, login or cram-md5, got %q", o.Auth)
	}
	if o.Username == "" && o.Password != "" {
		wrong("Username", "must be set when Password is")
	}
	if o.Username != "" && o.Password == "" {
		wrong("Password", "must be set when Username is")
	}
	if o.Username != "" && o.TLS == TLSNone && (o.Auth == AuthPlain || o.Auth == AuthLogin) && !isLoopback(host) {
		wrong("Auth", "%s over TLS none would show the password to the network; use TLS or cram-md5", o.Auth)
	}
	if !helloName.MatchString(o.HelloName) {
		wrong("HelloName", "must be a host name or an address literal, got %q", o.HelloName)
	}
	if o.MaxConnections < 1 || o.MaxConnections > 100 {
		wrong("MaxConnections", "must be 1 to 100, got %d", o.MaxConnections)
	}
	if o.MessagesPerConnection < 1 {
		wrong("MessagesPerConnection", "must be at least 1, got %d", o.MessagesPerConnection)
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"IdleTimeout", o.IdleTimeout},
		{"MaxAge", o.MaxAge},
		{"ConnectTimeout", o.ConnectTimeout},
		{"CommandTimeout", o.CommandTimeout},
		{"DataTimeout", o.DataTimeout},
		{"DotReplyTimeout", o.DotReplyTimeout},
	} {
		if d.value < 0 {
			wrong(d.field, "must not be negative, got %v", d.value)
		}
	}
	for from, signer := range o.DKIM {
		if signer == nil {
			wrong("DKIM", "must have a signature for %q, or nothing", from)
		}
	}
	if o.Now == nil {
		wrong("Now", "must be set")
	}
	return errors.Join(problems...)
}

// isLoopback says whether a host's traffic stays on this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// String names the provider and leaves the credentials out.
func (o Options) String() string { return "smtp " + o.Address + " tls=" + string(o.TLS) }

// GoString names the provider and leaves the credentials out.
func (o Options) GoString() string { return "email.Options{" + o.String() + "}" }

// LogValue names the provider and leaves the credentials out.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }
