// Package config decides what a process was told: one typed struct with a default for every setting, a strict YAML file
// over it and the environment over that. It reports every problem at once, never prints a secret and starts nothing.
// It is the only package that is handed the environment.
package config

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/vocab"
)

// Config is everything an operator can set. The zero Config is not usable; begin with Default.
type Config struct {
	// Server is the HTTP door: API, console and contact pages.
	Server Server `yaml:"server"`
	// DataDir is the folder for the embedded database and generated keys; it is made with mode 0700. Default ./data.
	DataDir string `yaml:"data_dir"`
	// Roles is what this process does: api answers HTTP, worker sends, feeder rings due messages and reaps lost ones.
	// SQLite and the in-process Redis need all three in one process. Default [api, worker, feeder].
	Roles []Role `yaml:"roles"`
	// Database is the ledger.
	Database Database `yaml:"database"`
	// Redis is the doorbell; it may be lost whole.
	Redis Redis `yaml:"redis"`
	// Org is the organisation that every message names.
	Org Org `yaml:"org"`
	// Languages are the languages of texts in the order of fallback (BCP 47). Default [kk, ru, en].
	Languages []vocab.Language `yaml:"languages"`
	// TimeZone is the IANA zone of the organisation's calendar: SMS hours, holidays, schedules. Default Asia/Almaty.
	TimeZone string `yaml:"time_zone"`
	// DefaultRegion reads phone numbers without a country code (ISO 3166-1 alpha-2). Default KZ.
	DefaultRegion string `yaml:"default_region"`
	// Secrets are this installation's own keys, each base64 or hex of 32 random bytes.
	Secrets Secrets `yaml:"secrets"`
	// Providers are the accounts that carry messages. A list in the file replaces the default list.
	// Default inbox-email and inbox-sms, which deliver to the inbox.
	Providers []Provider `yaml:"providers"`
	// Senders are the identities that messages come from. A list in the file replaces the default list.
	// Default default-email and default-sms.
	Senders []Sender `yaml:"senders"`
	// Email is what all email of this installation shares.
	Email Email `yaml:"email"`
	// Inbound takes the mail that comes back: bounces, complaints and mail that unsubscribes.
	Inbound Inbound `yaml:"inbound"`
	// Dispatch is how the street moves messages.
	Dispatch Dispatch `yaml:"dispatch"`
	// Purposes are the organisation's own reasons to write besides those that ship (policy clause 3.1 b10), each partner's among them. What
	// a purpose is once registered as, it stays: its class cannot be changed later. Default none.
	Purposes []Purpose `yaml:"purposes"`
	// Topics are what contacts pick inside purposes that need a grant. Default none.
	Topics []Topic `yaml:"topics"`
	// Consent is the law's arithmetic: validity, cap, hours.
	Consent Consent `yaml:"consent"`
	// Ledger is how the consent ledger is proved to others.
	Ledger Ledger `yaml:"ledger"`
	// SignUp is how sign-up forms tell people from robots.
	SignUp SignUp `yaml:"sign_up"`
	// Idempotency is how answers to repeated requests are kept.
	Idempotency Idempotency `yaml:"idempotency"`
	// Retention is for how many calendar months the ledger keeps what is no longer needed for sending, by class.
	Retention Retention `yaml:"retention"`
	// Events is the feed of what happens, which GET /v1/events and webhooks read.
	Events Events `yaml:"events"`
	// Webhooks sends events to endpoints that others run.
	Webhooks Webhooks `yaml:"webhooks"`
	// Inbox catches email and SMS instead of delivering them.
	Inbox Inbox `yaml:"inbox"`
	// Log is the operator's log, on standard error.
	Log Log `yaml:"log"`
	// Metrics is the Prometheus door.
	Metrics Metrics `yaml:"metrics"`
}

// Role is one duty of a process.
type Role string

// The roles.
const (
	RoleAPI    Role = "api"
	RoleWorker Role = "worker"
	RoleFeeder Role = "feeder"
)

// AllRoles lists every role.
func AllRoles() []Role { return []Role{RoleAPI, RoleWorker, RoleFeeder} }

// PathVariable is the environment variable that names the settings file when no path is given.
const PathVariable = "ELSHI_CONFIG"

// Load returns Default overlaid with the YAML file at path and then with environ's ELSHI_ variables (as os.Environ gives
// them; a later entry wins, so a command puts its flags last). With an empty path it reads the file that ELSHI_CONFIG
// names, if any. The error is an *Error that lists every problem; a file that cannot be read is one of them.
func Load(path string, environ []string) (Config, error) {
	c := Default()
	standard := c.Org
	c.Org.ShortName = nil
	c.Server.PublicURL = ""
	d := &decoder{}
	vars := elshiVariables(environ)
	if path == "" {
		path = vars[PathVariable]
	}
	delete(vars, PathVariable)
	if path != "" {
		data, err := os.ReadFile(path) //nolint:gosec // the operator names the file
		if err != nil {
			d.problemf("settings file", "%v; give the path of a readable YAML file", err)
		} else {
			d.file(data, &c)
		}
	}
	d.environment(vars, &c)
	if c.Org.ShortName == nil && maps.Equal(c.Org.Name, standard.Name) {
		c.Org.ShortName = standard.ShortName // another organisation's SMS are not signed with the default's name
	}
	if c.Server.PublicURL == "" {
		c.Server.PublicURL = c.Server.ownURL()
	}
	d.problems = append(d.problems, c.check()...)
	if len(d.problems) > 0 {
		return Config{}, &Error{Problems: d.problems}
	}
	return c, nil
}

// ownURL is how a browser on this machine reaches the server.
func (s Server) ownURL() string {
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil || port == "0" {
		return Default().Server.PublicURL
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() {
		return "http://" + s.Listen
	}
	return "http://127.0.0.1:" + port
}

// Embedded says whether the ledger is the SQLite database in DataDir.
func (c *Config) Embedded() bool { return c.Database.URL == "" }

// HasRole says whether this process has the role.
func (c *Config) HasRole(r Role) bool {
	return slices.Contains(c.Roles, r)
}

// InboxOn says whether this process runs the inbox: told to, or left to decide and embedded.
func (c *Config) InboxOn() bool {
	switch c.Inbox.Mode {
	case InboxAlways:
		return true
	case InboxAuto:
		return c.Embedded()
	case InboxNever:
		return false
	}
	return false
}

// Location returns the zone that TimeZone names, UTC if it is unknown (Load refuses that).
func (c *Config) Location() *time.Location {
	loc, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return time.UTC
	}
	return loc
}

// Link returns an absolute URL below Server.PublicURL; path begins with a slash and is already escaped.
func (c *Config) Link(path string) string {
	return strings.TrimSuffix(c.Server.PublicURL, "/") + path
}

// PublicHost returns the host of Server.PublicURL without a port, "localhost" if there is none.
func (c *Config) PublicHost() string {
	u, err := url.Parse(c.Server.PublicURL)
	if err != nil || u.Hostname() == "" {
		return "localhost"
	}
	return u.Hostname()
}

// MailDomain returns the right-hand side of Message-ID: email.message_id_domain or the host of server.public_url.
func (c *Config) MailDomain() string {
	if c.Email.MessageIDDomain != "" {
		return c.Email.MessageIDDomain
	}
	return c.PublicHost()
}

// BounceDomain returns the domain of envelope senders: email.bounce_domain or the same as of Message-ID.
func (c *Config) BounceDomain() string {
	if c.Email.BounceDomain != "" {
		return c.Email.BounceDomain
	}
	return c.MailDomain()
}

// LedgerOrigin returns the name of the consent ledger in its signed heads.
func (c *Config) LedgerOrigin() string {
	if c.Ledger.Origin != "" {
		return c.Ledger.Origin
	}
	return c.PublicHost() + "/consent-ledger"
}

// CheckpointFile returns where signed heads are kept outside of the database.
func (c *Config) CheckpointFile() string {
	if c.Ledger.CheckpointFile != "" {
		return c.Ledger.CheckpointFile
	}
	return filepath.Join(c.DataDir, "checkpoints.txt")
}

// Problem is one thing wrong with the settings.
type Problem struct {
	Key    string // the setting as the file writes it, for example "server.listen", or where it was found
	Detail string // what is wrong and what would be right; never a secret
}

// Error is every problem of the settings.
type Error struct {
	Problems []Problem
}

// Error lists the problems, one a line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d problems with the settings:", len(e.Problems))
	if len(e.Problems) == 1 {
		b.Reset()
		b.WriteString("a problem with the settings:")
	}
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.Key + ": " + p.Detail)
	}
	return b.String()
}
