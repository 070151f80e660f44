package config

import (
	"time"

	"github.com/orleu/elshi/vocab"
)

// Driver is the way a provider is spoken to.
type Driver string

// The drivers.
const (
	DriverInbox   Driver = "inbox"    // the built-in catcher; email reaches it over SMTP wherever inbox.listen is
	DriverSMTP    Driver = "smtp"     // a mail relay
	DriverHTTPSMS Driver = "http_sms" // an SMS gateway with an HTTP API described by settings
	DriverMobizon Driver = "mobizon"  // mobizon.kz
	DriverKannel  Driver = "kannel"   // a Kannel smsbox
)

// Provider is an account that carries messages of one channel.
type Provider struct {
	// ID is the name by which senders, metrics and callback URLs know it: 1 to 40 of a-z 0-9 and -. Default empty.
	ID vocab.ProviderID `yaml:"id"`
	// Channel is email or sms. Default empty.
	Channel vocab.Channel `yaml:"channel"`
	// Driver is inbox, smtp, http_sms, mobizon or kannel. Default empty.
	Driver Driver `yaml:"driver"`
	// Abroad says that messages leave Kazakhstan on this route; it needs a consent text that covers it. Default false.
	Abroad bool `yaml:"abroad"`
	// RatePerSecond is how many messages a second all processes together hand over; 0 means no limit. Default 0.
	RatePerSecond float64 `yaml:"rate_per_second"`
	// RateBurst is how many may go at once after a pause; 0 means one second's worth. Default 0.
	RateBurst int `yaml:"rate_burst"`
	// SMTP is for the driver smtp.
	SMTP SMTP `yaml:"smtp"`
	// Gateway is for the drivers http_sms, mobizon and kannel.
	Gateway Gateway `yaml:"gateway"`
}

func (p *Provider) setDefaults() {
	p.SMTP = SMTP{
		Port: 587, TLS: TLSStartTLS, Auth: AuthAuto,
		MaxConnections: 4, MessagesPerConnection: 500, IdleTimeout: 30 * time.Second, MaxAge: 5 * time.Minute,
		ConnectTimeout: 10 * time.Second, CommandTimeout: 30 * time.Second,
		DataTimeout: time.Minute, DotReplyTimeout: time.Minute,
	}
	p.Gateway = Gateway{Timeout: 15 * time.Second}
}

// TLSMode is how a connection to a relay is protected.
type TLSMode string

// The ways a connection to a relay is protected. Certificates are always checked.
const (
	TLSNone     TLSMode = "none"
	TLSStartTLS TLSMode = "starttls" // required, not merely tried
	TLSImplicit TLSMode = "implicit"
)

// AuthMode is how we say who we are to a relay.
type AuthMode string

// The ways to log in at a relay (RFC 4954). Auto takes the strongest that the relay offers when there is a user name.
const (
	AuthNone    AuthMode = "none"
	AuthPlain   AuthMode = "plain"
	AuthLogin   AuthMode = "login"
	AuthCRAMMD5 AuthMode = "cram-md5"
	AuthAuto    AuthMode = "auto"
)

// SMTP is a mail relay.
type SMTP struct {
	// Host is the relay's name or IP address. Default empty.
	Host string `yaml:"host"`
	// Port is the relay's TCP port. Default 587.
	Port int `yaml:"port"`
	// TLS is none, starttls (refuses a relay without it) or implicit. Default starttls.
	TLS TLSMode `yaml:"tls"`
	// Auth is none, plain, login, cram-md5 or auto (the strongest offered, none without a username). Default auto.
	Auth AuthMode `yaml:"auth"`
	// Username is the account's name. Default empty.
	Username string `yaml:"username"`
	// Password is the account's password; without TLS only a loopback relay may be sent one. Default empty.
	Password Secret `yaml:"password"`
	// HELO is the name we greet with; empty means email.message_id_domain. Default empty.
	HELO string `yaml:"helo"`
	// MaxConnections is how many connections one process keeps to this relay for each lane. Default 4.
	MaxConnections int `yaml:"max_connections"`
	// MessagesPerConnection is after how many messages a connection is replaced. Default 500.
	MessagesPerConnection int `yaml:"messages_per_connection"`
	// IdleTimeout is after how long an unused connection is closed. Default 30s.
	IdleTimeout time.Duration `yaml:"idle_timeout"`
	// MaxAge is how old a connection may grow, so that a relay behind a changing name is followed. Default 5m.
	MaxAge time.Duration `yaml:"max_age"`
	// ConnectTimeout is how long finding and dialling the relay may take. Default 10s.
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	// CommandTimeout is how long the greeting and each command may wait for their reply. Default 30s.
	CommandTimeout time.Duration `yaml:"command_timeout"`
	// DataTimeout is how long one message's text may take on the wire. Default 1m.
	DataTimeout time.Duration `yaml:"data_timeout"`
	// DotReplyTimeout is how long a whole message may wait for its reply; at most dispatch.socket_timeout, because
	// the reaper waits that long for a worker that is silent. Default 1m.
	DotReplyTimeout time.Duration `yaml:"dot_reply_timeout"`
}

// Gateway is an SMS gateway with an HTTP API. Which settings a driver reads is said at each.
type Gateway struct {
	// URL is where messages are posted; https unless the host is a loopback address. Empty means the driver's own
	// address, which only mobizon has. Default empty.
	URL string `yaml:"url"`
	// Username is the account's name (kannel). Default empty.
	Username string `yaml:"username"`
	// Password is the account's password (kannel). Default empty.
	Password Secret `yaml:"password"`
	// APIKey is the account's key (mobizon). Default empty.
	APIKey Secret `yaml:"api_key"`
	// CallbackToken is the unguessable last part of the URL that receipts are posted to. Default empty.
	CallbackToken Secret `yaml:"callback_token"`
	// Headers are sent with every request (http_sms), for example Authorization. Default none.
	Headers map[string]Secret `yaml:"headers"`
	// Settings are what else the driver understands; docs/providers.md lists them (http_sms). Default none.
	Settings map[string]string `yaml:"settings"`
	// Secrets are the same for values that must not be printed (http_sms). Default none.
	Secrets map[string]Secret `yaml:"secrets"`
	// Timeout is how long one request may take. Default 15s.
	Timeout time.Duration `yaml:"timeout"`
}

// Sender is an identity that messages come from.
type Sender struct {
	// ID is the name by which the API and templates know it: 1 to 40 of a-z 0-9 and -. Default empty.
	ID vocab.SenderID `yaml:"id"`
	// Channel is email or sms. Default empty.
	Channel vocab.Channel `yaml:"channel"`
	// Provider is the id of the provider that carries this sender's messages. Default empty.
	Provider vocab.ProviderID `yaml:"provider"`
	// From is an email address, or an SMS sender name of at most 11 characters, or a number in E.164. Default empty.
	From string `yaml:"from"`
	// Name is the display name of an email sender by language. Default none.
	Name map[vocab.Language]string `yaml:"name"`
	// ReplyTo is a mailbox that somebody reads. Default empty.
	ReplyTo string `yaml:"reply_to"`
	// Classes are the classes it may be used for; empty means all. Default none.
	Classes []vocab.Class `yaml:"classes"`
	// Purposes are the purposes it may be used for; empty means all. Default none.
	Purposes []vocab.Purpose `yaml:"purposes"`
	// Default says that it is taken when a request names no sender; exactly one for each channel. Default false.
	Default bool `yaml:"default"`
	// Registered says that the operators know this SMS sender name; without it every SMS is denied. Default false.
	Registered bool `yaml:"registered"`
	// DKIM are the keys that sign this sender's mail (RFC 6376): one, or one of RSA and one of Ed25519. Without any it goes unsigned, for
	// a relay that signs itself; docs/providers.md says when and how. Default none.
	DKIM []DKIMKey `yaml:"dkim"`
}

// DKIMKey is a key that signs mail. Its public half is published in DNS, at selector._domainkey.domain.
type DKIMKey struct {
	// Selector names the key below the domain; a new key gets a new one. Default empty.
	Selector string `yaml:"selector"`
	// Domain is what signs (d=); receivers count it for DMARC if it is of one organisation with the domain of from. Empty means the
	// domain of from. Default empty.
	Domain string `yaml:"domain"`
	// Key is the private key as PEM: RSA of at least 2048 bits (PKCS #1 or #8) or Ed25519 (PKCS #8). Default empty.
	Key Secret `yaml:"key"`
}
