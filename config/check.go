package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orleu/elshi/vocab"
)

// checker collects what is wrong with settings that can be read but cannot work.
type checker struct {
	problems []Problem
}

func (k *checker) fail(key, detail string) {
	k.problems = append(k.problems, Problem{Key: key, Detail: detail})
}

func (k *checker) want(ok bool, key, detail string) {
	if !ok {
		k.fail(key, detail)
	}
}

// check returns everything that is wrong, in the order of the settings.
func (c *Config) check() []Problem {
	k := &checker{}
	k.server(c)
	k.roles(c)
	k.stores(c)
	k.org(c)
	k.secrets(c)
	k.carriers(c)
	k.dispatch(c)
	k.purposes(c)
	k.consent(c)
	k.signUp(c)
	k.rest(c)
	return k.problems
}

func (k *checker) server(c *Config) {
	k.listen("server.listen", c.Server.Listen)
	k.publicURL("server.public_url", c.Server.PublicURL)
	k.positive("server.shutdown_timeout", c.Server.ShutdownTimeout)
	k.want(c.Server.MaxBody >= 1<<10 && c.Server.MaxBody <= 1<<30, "server.max_body", "must be between 1KiB and 1GiB")
	k.want(c.Server.RatePerSecond > 0, "server.rate_per_second", "must be more than 0")
	k.want(c.Server.RateBurst > 0, "server.rate_burst", "must be at least 1")
	k.want(c.DataDir != "", "data_dir", "is empty; name a folder that this process may write to")
}

func (k *checker) roles(c *Config) {
	k.want(len(c.Roles) > 0, "roles", "is empty; name at least one of api, worker, feeder")
	for i, r := range c.Roles {
		k.want(slices.Contains(AllRoles(), r), "roles", strconv.Quote(string(r))+" is not a role; use api, worker, feeder")
		k.want(!slices.Contains(c.Roles[:i], r), "roles", string(r)+" stands twice; keep one")
	}
	whole := c.HasRole(RoleAPI) && c.HasRole(RoleWorker) && c.HasRole(RoleFeeder)
	if whole {
		return
	}
	k.want(!c.Embedded(), "roles", "SQLite is one process's: two would not see each other's locks; "+
		"run api, worker and feeder together, or set database.url to a postgres:// URL")
	k.want(c.Redis.URL != "" || c.Redis.Sentinel.Master != "", "roles",
		"the in-process Redis cannot be reached by another process; run api, worker and feeder together, or set redis.url")
}

func (k *checker) stores(c *Config) {
	k.secretURL("database.url", c.Database.URL, "postgres", "postgresql")
	k.secretURL("database.owner_url", c.Database.OwnerURL, "postgres", "postgresql")
	k.want(c.Database.OwnerURL == "" || !c.Embedded(), "database.owner_url", "is set without database.url; set both or neither")
	k.between("database.max_connections", c.Database.MaxConnections, 2, 1000)

	k.secretURL("redis.url", c.Redis.URL, "redis", "rediss", "unix")
	s := c.Redis.Sentinel
	k.want((s.Master == "") == (len(s.Addresses) == 0), "redis.sentinel",
		"master and addresses belong together; set both or neither")
	k.want(s.Master == "" || c.Redis.URL == "", "redis.sentinel", "is set beside redis.url; keep one")
	for _, a := range s.Addresses {
		k.listen("redis.sentinel.addresses", a)
	}
}

func (k *checker) org(c *Config) {
	k.want(len(c.Languages) > 0, "languages", "is empty; name at least one, for example [kk, ru, en]")
	for i, l := range c.Languages {
		k.want(isLanguage(string(l)), "languages", strconv.Quote(string(l))+" is not a BCP 47 tag; write for example kk")
		k.want(!slices.Contains(c.Languages[:i], l), "languages", string(l)+" stands twice; keep one")
		k.want(c.Org.Name[l] != "", "org.name", "has no name in "+string(l)+"; give one for each of languages")
	}
	if c.Org.URL != "" {
		k.publicURL("org.url", c.Org.URL)
	}
	k.want(c.Org.BIN == "" || len(c.Org.BIN) == 12 && isDigits(c.Org.BIN), "org.bin", "must be 12 digits")
	_, err := time.LoadLocation(c.TimeZone)
	k.want(err == nil && c.TimeZone != "" && c.TimeZone != "Local", "time_zone",
		strconv.Quote(c.TimeZone)+" is not in the IANA database; write for example Asia/Almaty")
	k.want(len(c.DefaultRegion) == 2 && strings.ToUpper(c.DefaultRegion) == c.DefaultRegion, "default_region",
		"must be two capital letters (ISO 3166-1), for example KZ")
}

func (k *checker) secrets(c *Config) {
	for _, s := range c.Secrets.named() {
		key := "secrets." + s.name
		if *s.value == "" {
			k.want(c.Embedded(), key, "is empty, and only the embedded database generates it; "+
				"set it to 32 random bytes, the same for every process: openssl rand -base64 32")
			continue
		}
		if _, err := s.value.Key(); err != nil {
			k.fail(key, err.Error())
		}
	}
}

func (k *checker) consent(c *Config) {
	k.between("consent.marketing_validity_months", c.Consent.MarketingValidityMonths, 1, 120)
	k.between("consent.cap.marketing", c.Consent.Cap.Marketing, 1, 1000)
	k.between("consent.cap.sms", c.Consent.Cap.SMS, 1, 1000)
	k.positive("consent.cap.period", c.Consent.Cap.Period)
	k.window("consent.quiet_hours.sms", c.Consent.QuietHours.SMS)
	k.window("consent.quiet_hours.marketing_email", c.Consent.QuietHours.MarketingEmail)
	taken := map[OwnWindow]bool{}
	for i, w := range c.Consent.QuietHours.Own {
		key := fmt.Sprintf("consent.quiet_hours.own[%d]", i)
		k.window(key, Window{From: w.From, Until: w.Until})
		waits := []vocab.Class{vocab.Marketing, vocab.Service, vocab.Transactional, vocab.Legal}
		k.want(slices.Contains(waits, w.Class), key+".class", "must be marketing, service, transactional or legal")
		k.want(slices.Contains(vocab.Channels(), w.Channel), key+".channel", "must be email or sms")
		who := OwnWindow{Class: w.Class, Channel: w.Channel}
		k.want(!taken[who], key, "has the class and channel of an earlier one")
		taken[who] = true
	}
	for _, d := range c.Consent.MovedWorkingDays {
		k.want(d.Year != 0, "consent.moved_working_days", d.String()+" has no year; write YYYY-MM-DD")
	}
}

func (k *checker) window(key string, w Window) {
	k.want(w.From < w.Until, key, "from must be before until; a window may not cross midnight")
}

func (k *checker) rest(c *Config) {
	k.domain("email.bounce_domain", c.Email.BounceDomain)
	k.domain("email.message_id_domain", c.Email.MessageIDDomain)
	if c.Inbound.Listen != "" {
		k.listen("inbound.listen", c.Inbound.Listen)
		domain := c.BounceDomain()
		_, err := netip.ParseAddr(domain)
		k.want(err != nil && domain != "localhost", "inbound.listen",
			"is set, and bounce addresses would end in "+domain+", which no mail comes to; set email.bounce_domain")
	}
	k.domain("inbound.hostname", c.Inbound.Hostname)
	k.ledger(c)
	k.positive("idempotency.keep", c.Idempotency.Keep)
	k.want(c.Idempotency.Wait >= 0 && c.Idempotency.Wait <= time.Minute, "idempotency.wait", "must be between 0s and 1m")
	k.retention(c.Retention)
	// Messages of which an event tells must still be there: they stay for three months at least.
	k.between("retention.events_days", c.Retention.EventsDays, 1, 90)
	switch c.Events.Messages {
	case EventsAll, EventsOutcomes, EventsNone:
	default:
		k.fail("events.messages", strconv.Quote(string(c.Events.Messages))+" is none of them; use all, outcomes or none")
	}
	switch c.Consent.Receipts.Mail {
	case ReceiptsOfGrants, ReceiptsOfAll, ReceiptsOfNone:
	default:
		k.fail("consent.receipts.mail", strconv.Quote(string(c.Consent.Receipts.Mail))+" is none of them; use grants, all or none")
	}
	switch c.Inbox.Mode {
	case InboxAuto, InboxAlways, InboxNever:
	default:
		k.fail("inbox.mode", strconv.Quote(string(c.Inbox.Mode))+" is not a mode; use auto, always or never")
	}
	k.listen("inbox.listen", c.Inbox.Listen)
	k.between("inbox.keep", c.Inbox.Keep, 1, 1_000_000)
	switch c.Log.Format {
	case LogText, LogJSON:
	default:
		k.fail("log.format", strconv.Quote(string(c.Log.Format))+" is not a format; use text or json")
	}
	if c.Metrics.Listen != "" {
		k.listen("metrics.listen", c.Metrics.Listen)
	}
}

func (k *checker) positive(key string, d time.Duration) {
	k.want(d > 0, key, "must be longer than 0s, for example 5s")
}

func (k *checker) between(key string, n, low, high int) {
	k.want(n >= low && n <= high, key, "must be between "+strconv.Itoa(low)+" and "+strconv.Itoa(high)+", not "+strconv.Itoa(n))
}

func (k *checker) listen(key, address string) {
	_, port, err := net.SplitHostPort(address)
	number, portErr := strconv.ParseUint(port, 10, 16)
	k.want(err == nil && portErr == nil && number <= 65535, key,
		strconv.Quote(address)+" is not host:port; write for example 127.0.0.1:8080")
}

func (k *checker) domain(key, domain string) {
	k.want(domain == "" || !strings.ContainsAny(domain, "@/: \t") && strings.Contains(domain, "."), key,
		strconv.Quote(domain)+" is not a domain; write for example bounces.example.org")
}

// publicURL wants https, because links in messages carry tokens; plain http is for one machine alone.
func (k *checker) publicURL(key, text string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		k.fail(key, "is not a URL; write for example https://elshi.example.org")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		k.fail(key, "must have no user, query or fragment; credentials never go into a URL")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		k.fail(key, "must be https: only a loopback address may be plain http")
	}
}

// secretURL says nothing of the text itself: it may hold a password.
func (k *checker) secretURL(key string, s Secret, schemes ...string) {
	if s == "" {
		return
	}
	u, err := url.Parse(s.Reveal())
	ok := err == nil && slices.Contains(schemes, u.Scheme) && (u.Host != "" || u.Path != "")
	k.want(ok, key, "is not a URL that begins with "+strings.Join(schemes, ":// or ")+"://")
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func isDigits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// isLanguage accepts what BCP 47 tags in use look like: a language of two or three letters and further parts.
func isLanguage(tag string) bool {
	parts := strings.Split(tag, "-")
	for i, p := range parts {
		if i == 0 && (len(p) < 2 || len(p) > 3) || len(p) == 0 || len(p) > 8 {
			return false
		}
		if strings.Trim(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
			return false
		}
	}
	return true
}
