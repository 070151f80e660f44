package config

import (
	"log/slog"
	"time"

	"github.com/orleu/elshi/vocab"
)

// Server is the HTTP door.
type Server struct {
	// Listen is the TCP address; port 0 takes a free one. Default 127.0.0.1:8080.
	Listen string `yaml:"listen"`
	// PublicURL is how contacts reach this server; links in messages begin with it. It must be https unless the host is
	// a loopback address. Where it is not set it has the port of listen, and reaches the server from this machine alone.
	// Default http://127.0.0.1:8080.
	PublicURL string `yaml:"public_url"`
	// ShutdownTimeout is how long a stop waits for requests and batches in progress. Default 30s.
	ShutdownTimeout time.Duration `yaml:"shutdown_timeout"`
	// MaxBody is the largest request body. Default 5MiB.
	MaxBody Size `yaml:"max_body"`
	// RatePerSecond is how many requests a second one API key may make of this process. Default 1000.
	RatePerSecond float64 `yaml:"rate_per_second"`
	// RateBurst is how many of them may come at once. Default 2000.
	RateBurst int `yaml:"rate_burst"`
	// TrustedProxies are the networks of the reverse proxies whose X-Forwarded-For names the contact's own address, which
	// sign-up forms count by and keep as evidence. Default [127.0.0.0/8].
	TrustedProxies []string `yaml:"trusted_proxies"`
}

// Database is the ledger.
type Database struct {
	// URL is postgres://user:password@host:port/name for the service role; empty means SQLite in data_dir.
	// Default empty.
	URL Secret `yaml:"url"`
	// OwnerURL is the same for the role that owns the tables; only migrate uses it, empty means url. Default empty.
	OwnerURL Secret `yaml:"owner_url"`
	// MaxConnections is the size of this process's pool. Default 20.
	MaxConnections int `yaml:"max_connections"`
}

// Redis is the doorbell.
type Redis struct {
	// URL is redis://, rediss:// (TLS) or unix:///path; empty without a sentinel means in-process. Default empty.
	URL Secret `yaml:"url"`
	// Sentinel finds the primary instead of url.
	Sentinel Sentinel `yaml:"sentinel"`
}

// Sentinel is a set of Redis Sentinels.
type Sentinel struct {
	// Master is the name of the primary as the sentinels know it. Default empty.
	Master string `yaml:"master"`
	// Addresses are the sentinels' host:port. Default none.
	Addresses []string `yaml:"addresses"`
	// Password is the sentinels' own. Default empty.
	Password Secret `yaml:"password"`
	// RedisPassword is the primary's. Default empty.
	RedisPassword Secret `yaml:"redis_password"`
}

// Org is the organisation.
type Org struct {
	// Name is the organisation's name by language.
	// Default {en: National Center for Professional Development "Orleu", kk: «Өрлеу» біліктілікті арттыру ұлттық орталығы, ru: Национальный центр повышения квалификации «Өрлеу»}.
	Name map[vocab.Language]string `yaml:"name"`
	// ShortName is what an SMS signs with, by language, so that its text fits one segment; a language without one takes
	// the name. An org.name of your own takes the default short names away.
	// Default {en: Orleu, kk: Өрлеу, ru: Өрлеу}.
	ShortName map[vocab.Language]string `yaml:"short_name"`
	// Address is the postal address that marketing mail must show. Default empty.
	Address string `yaml:"address"`
	// URL is the organisation's own site. Default empty.
	URL string `yaml:"url"`
	// BIN is the business identification number (12 digits). Default empty.
	BIN string `yaml:"bin"`
	// PolicyVersion is the version of the privacy policy in force; it is kept with every decision. Default empty.
	PolicyVersion string `yaml:"policy_version"`
}

// Secrets are this installation's own keys. On the embedded database an empty one is generated into data_dir/keys once;
// elsewhere each must be set, the same for every process.
type Secrets struct {
	// LinkKey signs the links to preferences, unsubscribe and confirmation. Default empty.
	LinkKey Secret `yaml:"link_key"`
	// PayloadKey encrypts the text and data of security messages while they wait. Default empty.
	PayloadKey Secret `yaml:"payload_key"`
	// CommitmentKey keys the hashes that outlive erasure: suppressed addresses and the consent ledger's commitments.
	// Default empty.
	CommitmentKey Secret `yaml:"commitment_key"`
	// VERPKey signs the bounce addresses, so that a forged bounce suppresses nobody. Default empty.
	VERPKey Secret `yaml:"verp_key"`
	// SigningKey signs what proves consents to others: the heads of the consent ledger, receipts, certificates. Keep it
	// where whoever administers the database cannot read it. Default empty.
	SigningKey Secret `yaml:"signing_key"`
}

// Email is what all email of this installation shares.
type Email struct {
	// BounceDomain is the domain of envelope senders; its mail must reach Elshi. Empty means message_id_domain.
	// Default empty.
	BounceDomain string `yaml:"bounce_domain"`
	// MessageIDDomain is the right-hand side of Message-ID (RFC 5322 section 3.6.4). Empty means the host of
	// server.public_url. Default empty.
	MessageIDDomain string `yaml:"message_id_domain"`
}

// Inbound takes the mail that comes back.
type Inbound struct {
	// Listen is the TCP address of the SMTP server for bounces, complaints and mail that unsubscribes; the mail of
	// email.bounce_domain must reach it, and it takes no other. Empty means off; set, it also puts a mailto into
	// List-Unsubscribe, so give it to every process: only those with the role api listen. Default empty.
	Listen string `yaml:"listen"`
	// Hostname is the name it greets mail servers with. Empty means the bounce domain. Default empty.
	Hostname string `yaml:"hostname"`
}

// Ledger is how the consent ledger is proved: by heads that are signed with secrets.signing_key and kept outside of the database.
type Ledger struct {
	// CheckpointInterval is how often a ledger that grew is signed; each day of time_zone has a signed head in any case.
	// Default 1h.
	CheckpointInterval time.Duration `yaml:"checkpoint_interval"`
	// CheckpointFile is the file to which signed heads are appended by processes with the role feeder. Keep it where whoever
	// administers the database cannot write. Empty means checkpoints.txt in data_dir. Default empty.
	CheckpointFile string `yaml:"checkpoint_file"`
	// Origin names the ledger in its heads (C2SP tlog-checkpoint). Empty means the host of server.public_url and
	// /consent-ledger. Default empty.
	Origin string `yaml:"origin"`
	// MailTo is the email address of the data-protection officer, who gets the day's signed head and alarms of claims that are due. Empty means nobody.
	// Default empty.
	MailTo string `yaml:"mail_to"`
	// MailLanguage is the language of that mail. Empty means the first of languages. Default empty.
	MailLanguage vocab.Language `yaml:"mail_language"`
}

// Idempotency is how answers to repeated requests are kept.
type Idempotency struct {
	// Keep is how long a key's first answer is replayed. Default 168h.
	Keep time.Duration `yaml:"keep"`
	// Wait is how long a concurrent twin waits for the first before it is told 409. Default 5s.
	Wait time.Duration `yaml:"wait"`
}

// Events is the feed of what happens, which GET /v1/events and webhooks read.
type Events struct {
	// Messages says which events of messages it takes: all, outcomes (all but that a message was queued and sent, which nearly every one has) or
	// none. Whatever an enabled webhook subscribes to is taken as well. Default outcomes.
	Messages EventMessages `yaml:"messages"`
}

// EventMessages says which events of messages the feed takes.
type EventMessages string

// What the feed takes of messages.
const (
	EventsAll      EventMessages = "all"
	EventsOutcomes EventMessages = "outcomes"
	EventsNone     EventMessages = "none"
)

// Webhooks sends events to endpoints that others run.
type Webhooks struct {
	// AllowPrivate lets them go to private, link-local and loopback addresses too. Whoever may make a webhook can then reach what this
	// server can reach. Default false.
	AllowPrivate bool `yaml:"allow_private"`
}

// InboxMode says when the inbox runs.
type InboxMode string

// When the inbox runs.
const (
	InboxAuto   InboxMode = "auto"   // with the embedded database
	InboxAlways InboxMode = "always" // for demonstrations on PostgreSQL
	InboxNever  InboxMode = "never"
)

// Inbox catches email and SMS instead of delivering them.
type Inbox struct {
	// Mode says when it runs: auto (with the embedded database), always or never. Default auto.
	Mode InboxMode `yaml:"mode"`
	// Listen is the TCP address of its SMTP server, which takes mail from anybody; port 0 takes a free one.
	// Default 127.0.0.1:2525.
	Listen string `yaml:"listen"`
	// Keep is how many messages it keeps, the oldest go first. Default 1000.
	Keep int `yaml:"keep"`
}

// LogFormat is the form of a log line.
type LogFormat string

// The log formats.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// Log is the operator's log.
type Log struct {
	// Level is the least severe level that is written: debug, info, warn or error. Default info.
	Level slog.Level `yaml:"level"`
	// Format is text or json. Default text.
	Format LogFormat `yaml:"format"`
}

// Metrics is the Prometheus door.
type Metrics struct {
	// Enabled serves /metrics. Default true.
	Enabled bool `yaml:"enabled"`
	// Listen is an address of its own for /metrics; empty means server.listen. Default empty.
	Listen string `yaml:"listen"`
}
