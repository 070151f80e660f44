package config

import (
	"fmt"
	"net/mail"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/orleu/elshi/vocab"
)

func (k *checker) carriers(c *Config) {
	byID := make(map[vocab.ProviderID]Provider)
	for i, p := range c.Providers {
		key := fmt.Sprintf("providers[%d]", i)
		k.id(key+".id", string(p.ID))
		if _, twice := byID[p.ID]; twice {
			k.fail(key+".id", "stands twice; each provider needs an id of its own")
		}
		byID[p.ID] = p
		k.provider(key, p, c)
	}
	seen := make(map[vocab.SenderID]bool)
	defaults := make(map[vocab.Channel]int)
	channels := make(map[vocab.Channel]bool)
	signs := make(map[string][]DKIMKey)
	for i, s := range c.Senders {
		key := fmt.Sprintf("senders[%d]", i)
		k.id(key+".id", string(s.ID))
		k.want(!seen[s.ID], key+".id", "stands twice; each sender needs an id of its own")
		seen[s.ID] = true
		channels[s.Channel] = true
		if s.Default {
			defaults[s.Channel]++
		}
		k.sender(key, s, byID)
		other, twice := signs[s.From]
		k.want(!twice || slices.Equal(other, s.DKIM), key+".dkim", "differs from that of another sender with the same from; give both the same")
		signs[s.From] = s.DKIM
	}
	for _, ch := range vocab.Channels() {
		k.want(!channels[ch] || defaults[ch] == 1, "senders",
			fmt.Sprintf("%d senders of channel %s have default: true; exactly one must", defaults[ch], ch))
	}
}

func (k *checker) provider(key string, p Provider, c *Config) {
	k.want(slices.Contains(vocab.Channels(), p.Channel), key+".channel", "must be email or sms")
	k.want(p.RatePerSecond >= 0 && p.RatePerSecond <= 1e6, key+".rate_per_second", "must be between 0 and 1000000")
	k.between(key+".rate_burst", p.RateBurst, 0, 1_000_000)

	var fresh Provider
	fresh.setDefaults()
	usesSMTP, usesGateway := false, false
	switch p.Driver {
	case DriverInbox:
		k.want(c.InboxOn(), key+".driver", "inbox needs the inbox, which is off; set inbox.mode to always, "+
			"or configure a provider that delivers")
	case DriverSMTP:
		usesSMTP = true
		k.want(p.Channel == vocab.Email, key+".driver", "smtp carries email; set channel to email")
		k.smtp(key+".smtp", p.SMTP, c.Dispatch.SocketTimeout)
	case DriverHTTPSMS, DriverMobizon, DriverKannel:
		usesGateway = true
		k.want(p.Channel == vocab.SMS, key+".driver", string(p.Driver)+" carries SMS; set channel to sms")
		k.gateway(key+".gateway", p, c.Dispatch.SocketTimeout)
	default:
		k.fail(key+".driver", "must be inbox, smtp, http_sms, mobizon or kannel")
	}
	k.want(usesSMTP || reflect.DeepEqual(p.SMTP, fresh.SMTP), key+".smtp", "is for the driver smtp; take it out")
	k.want(usesGateway || reflect.DeepEqual(p.Gateway, fresh.Gateway), key+".gateway",
		"is for the drivers http_sms, mobizon and kannel; take it out")
}

func (k *checker) smtp(key string, s SMTP, longest time.Duration) {
	k.want(s.Host != "" && !strings.ContainsAny(s.Host, "/@ "), key+".host", "must be a name or an IP address")
	k.between(key+".port", s.Port, 1, 65535)
	switch s.TLS {
	case TLSNone:
		k.want(s.Password == "" || isLoopback(s.Host), key+".tls",
			"none would send the password in the clear; use starttls or implicit")
	case TLSStartTLS, TLSImplicit:
	default:
		k.fail(key+".tls", "must be none, starttls or implicit")
	}
	switch s.Auth {
	case AuthNone, AuthAuto:
	case AuthPlain, AuthLogin, AuthCRAMMD5:
		k.want(s.Username != "", key+".username", "is needed for auth: "+string(s.Auth))
	default:
		k.fail(key+".auth", "must be none, plain, login, cram-md5 or auto")
	}
	k.want(s.Password == "" || s.Username != "", key+".username", "is needed beside a password")
	k.between(key+".max_connections", s.MaxConnections, 1, 100)
	k.between(key+".messages_per_connection", s.MessagesPerConnection, 1, 1_000_000)
	k.positive(key+".idle_timeout", s.IdleTimeout)
	k.positive(key+".max_age", s.MaxAge)
	for _, timeout := range []struct {
		name string
		d    time.Duration
	}{
		{"connect_timeout", s.ConnectTimeout},
		{"command_timeout", s.CommandTimeout},
		{"data_timeout", s.DataTimeout},
		{"dot_reply_timeout", s.DotReplyTimeout},
	} {
		k.want(timeout.d > 0 && timeout.d <= longest, key+"."+timeout.name,
			"must be longer than 0s and at most dispatch.socket_timeout")
	}
}

func (k *checker) gateway(key string, p Provider, longest time.Duration) {
	g := p.Gateway
	if g.URL != "" {
		k.publicURL(key+".url", g.URL)
	}
	k.want(g.URL != "" || p.Driver == DriverMobizon, key+".url", "is needed; write the address that messages are posted to")
	k.want(p.Driver != DriverMobizon || g.APIKey != "", key+".api_key", "is needed for the driver mobizon")
	k.want(p.Driver != DriverKannel || g.Username != "" && g.Password != "", key,
		"the driver kannel needs username and password")
	k.want(g.CallbackToken == "" || len(g.CallbackToken) >= 20, key+".callback_token",
		"must have at least 20 characters, so that nobody guesses it")
	k.want(g.Timeout > 0 && g.Timeout <= longest, key+".timeout",
		"must be longer than 0s and at most dispatch.socket_timeout")
}

func (k *checker) sender(key string, s Sender, providers map[vocab.ProviderID]Provider) {
	k.want(slices.Contains(vocab.Channels(), s.Channel), key+".channel", "must be email or sms")
	p, known := providers[s.Provider]
	k.want(known, key+".provider", "names no provider of this file; use the id of one")
	k.want(!known || p.Channel == s.Channel, key+".provider",
		fmt.Sprintf("%s carries %s, not %s; name a provider of the same channel", s.Provider, p.Channel, s.Channel))
	switch s.Channel {
	case vocab.Email:
		k.mailbox(key+".from", s.From)
		if s.ReplyTo != "" {
			k.mailbox(key+".reply_to", s.ReplyTo)
		}
		k.dkim(key+".dkim", s)
	case vocab.SMS:
		k.want(isSMSFrom(s.From), key+".from",
			"must be a name of 1 to 11 Latin letters, digits, space, - . or _, or a number such as +77001234567")
		k.want(s.ReplyTo == "", key+".reply_to", "is for email; nobody can reply to an SMS sender name")
		k.want(len(s.DKIM) == 0, key+".dkim", "is for email; an SMS has no signature")
	}
	for _, class := range s.Classes {
		k.want(slices.Contains(vocab.Classes(), class), key+".classes", fmt.Sprintf("%q is not a class", class))
	}
	for i, purpose := range s.Purposes {
		k.want(purpose != "" && !slices.Contains(s.Purposes[:i], purpose), key+".purposes", "has an empty or repeated purpose")
	}
}

func (k *checker) mailbox(key, address string) {
	parsed, err := mail.ParseAddress(address)
	k.want(err == nil && parsed.Address == address, key, "must be a bare email address such as news@example.org")
}

func (k *checker) id(key, id string) {
	ok := len(id) >= 1 && len(id) <= 40 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
	k.want(ok, key, "must be 1 to 40 of a-z, 0-9 and -")
}

func isSMSFrom(from string) bool {
	if number, isNumber := strings.CutPrefix(from, "+"); isNumber {
		return len(number) >= 7 && len(number) <= 15 && isDigits(number)
	}
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -._"
	return from != "" && len(from) <= 11 && strings.Trim(from, allowed) == ""
}

func (k *checker) dispatch(c *Config) {
	d := c.Dispatch
	for _, ch := range vocab.Channels() {
		for _, lane := range vocab.Lanes() {
			k.between(fmt.Sprintf("dispatch.lanes.%s.%s", ch, lane), d.Lanes.For(ch, lane), 1, 256)
		}
	}
	k.between("dispatch.batch_size", d.BatchSize, 1, 1000)
	k.between("dispatch.claim_size", d.ClaimSize, 1, max(d.BatchSize, 1))
	k.between("dispatch.settle_size", d.SettleSize, 1, 10_000)
	k.positive("dispatch.lease", d.Lease)
	k.want(d.LeaseMargin > 0 && d.LeaseMargin < d.Lease, "dispatch.lease_margin",
		"must be longer than 0s and shorter than dispatch.lease, or no message could ever be sent")
	k.positive("dispatch.feeder_tick", d.FeederTick)
	k.want(d.RingTimeout >= d.FeederTick, "dispatch.ring_timeout", "must be at least dispatch.feeder_tick, or everything is rung for twice")
	k.positive("dispatch.reaper_tick", d.ReaperTick)
	k.positive("dispatch.socket_timeout", d.SocketTimeout)
	k.positive("dispatch.settle_every", d.SettleEvery)
	k.want(d.SettleEvery < d.Lease-d.LeaseMargin, "dispatch.settle_every", "must be shorter than the lease less its margin")
	k.want(len(d.RetryDelays) > 0, "dispatch.retry_delays", "is empty; write at least one, for example [1m, 5m]")
	for _, delay := range d.RetryDelays {
		k.positive("dispatch.retry_delays", delay)
	}
	for _, class := range vocab.Classes() {
		k.positive("dispatch.give_up."+string(class), d.GiveUp.For(class))
		k.positive("dispatch.not_after."+string(class), d.NotAfter.For(class))
	}
	// A one-time code must not outlive the ten minutes in which its request counts (policy clause 3.1 b1).
	k.want(d.NotAfter.Security <= 10*time.Minute, "dispatch.not_after.security", "must be at most 10m")
	k.want(d.WithdrawWait >= 0 && d.WithdrawWait <= 5*time.Second, "dispatch.withdraw_wait", "must be between 0s and 5s")
}
