package app

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/email"
	"github.com/orleu/elshi/channels/inbox"
	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// newCarriers builds a channel for each provider and lane it may be used in, so that lanes never share a connection.
func (a *App) newCarriers() (map[dispatcher.Route]channels.Channel, error) {
	carriers := map[dispatcher.Route]channels.Channel{}
	signatures, err := newSignatures(a.cfg.Senders)
	if err != nil {
		return nil, err
	}
	for _, lane := range vocab.Lanes() {
		for _, p := range a.cfg.Providers {
			c, err := a.newCarrier(p, signatures)
			if err != nil {
				return nil, fmt.Errorf("provider %s: %w", p.ID, err)
			}
			carriers[dispatcher.Route{Provider: p.ID, Lane: lane}] = c
		}
		for channel, id := range testProviders {
			c, err := a.newCarrier(config.Provider{ID: id, Channel: channel, Driver: config.DriverInbox}, signatures)
			if err != nil {
				return nil, fmt.Errorf("provider of test keys: %w", err)
			}
			carriers[dispatcher.Route{Provider: id, Lane: lane}] = c
		}
	}
	a.after("close the carriers", func() error {
		var all []error
		for c := range maps.Values(carriers) {
			all = append(all, c.Close())
		}
		return errors.Join(all...)
	})
	return carriers, nil
}

// newCarrier builds one provider's channel.
func (a *App) newCarrier(p config.Provider, signatures map[string]*email.DKIM) (channels.Channel, error) {
	switch p.Driver {
	case config.DriverInbox:
		if p.Channel == vocab.SMS {
			return inbox.NewSMS(a.keeper, inbox.SMSOptions{Now: a.now}), nil
		}
		// Mail to the catcher takes the same way as mail to the world: a demonstration that skipped SMTP would prove less.
		s := p.SMTP
		s.Host, s.TLS, s.Auth, s.Username = "", config.TLSNone, config.AuthNone, ""
		return a.newSMTP(s, a.catcher.Addr().String(), signatures)
	case config.DriverSMTP:
		return a.newSMTP(p.SMTP, net.JoinHostPort(p.SMTP.Host, strconv.Itoa(p.SMTP.Port)), signatures)
	case config.DriverHTTPSMS, config.DriverMobizon, config.DriverKannel:
		return a.newGateway(p)
	}
	return nil, fmt.Errorf("driver %q: want inbox, smtp, http_sms, mobizon or kannel", p.Driver)
}

func (a *App) newSMTP(s config.SMTP, address string, signatures map[string]*email.DKIM) (channels.Channel, error) {
	hello := s.HELO
	if hello == "" {
		hello = a.messageIDDomain()
	}
	auth := email.AuthMethod(s.Auth)
	if s.Auth == config.AuthNone {
		auth, s.Username = email.AuthAuto, ""
	}
	return email.New(email.Options{
		Address: address, TLS: email.TLSMode(s.TLS), Auth: auth, Username: s.Username, Password: s.Password.Reveal(), HelloName: hello,
		MaxConnections: s.MaxConnections, MessagesPerConnection: s.MessagesPerConnection, IdleTimeout: s.IdleTimeout, MaxAge: s.MaxAge,
		ConnectTimeout: s.ConnectTimeout, CommandTimeout: s.CommandTimeout, DataTimeout: s.DataTimeout, DotReplyTimeout: s.DotReplyTimeout,
		DKIM: signatures, Now: a.now,
	})
}

// newSignatures returns what signs the mail of each From address that has keys. Every relay is given all of them: a message keeps the
// provider it was given, and its sender may have another one since.
func newSignatures(senders []config.Sender) (map[string]*email.DKIM, error) {
	signatures := map[string]*email.DKIM{}
	for _, s := range senders {
		var keys []email.DKIMKey
		for _, k := range s.DKIM {
			key, err := k.Key.SigningKey()
			if err != nil {
				return nil, fmt.Errorf("sender %s: DKIM key %q %w", s.ID, k.Selector, err)
			}
			keys = append(keys, email.DKIMKey{Domain: s.SigningDomain(k), Selector: k.Selector, Key: key})
		}
		if len(keys) == 0 {
			continue
		}
		signature, err := email.NewDKIM(keys...)
		if err != nil {
			return nil, fmt.Errorf("sender %s: %w", s.ID, err)
		}
		signatures[s.From] = signature
	}
	return signatures, nil
}

// newGateway builds an SMS gateway's channel.
func (a *App) newGateway(p config.Provider) (*sms.Gateway, error) {
	g := p.Gateway
	settings := sms.Settings{BaseURL: g.URL, Secrets: map[string]sms.Secret{}, Timeout: g.Timeout, Now: a.now}
	if g.CallbackToken != "" {
		settings.CallbackURL = a.cfg.Link("/callbacks/" + string(p.ID) + "/" + g.CallbackToken.Reveal())
		settings.Verify = sms.Verify{Token: sms.Secret(g.CallbackToken.Reveal())}
	}
	switch p.Driver {
	case config.DriverMobizon:
		if settings.BaseURL == "" {
			settings.BaseURL = mobizonURL
		}
		settings.Secrets["api_key"] = sms.Secret(g.APIKey.Reveal())
		return sms.NewGateway(sms.Mobizon(), settings)
	case config.DriverKannel:
		settings.AllowPlaintext = true // a Kannel stands in one's own network and speaks no TLS by itself
		settings.Secrets["username"], settings.Secrets["password"] = sms.Secret(g.Username), sms.Secret(g.Password.Reveal())
		return sms.NewGateway(sms.Kannel(), settings)
	case config.DriverHTTPSMS:
		for name, secret := range g.Secrets {
			settings.Secrets[name] = sms.Secret(secret.Reveal())
		}
		profile, err := sms.ParseProfile(string(p.ID), g.Settings)
		if err != nil {
			return nil, err
		}
		addHeaders(&profile, settings.Secrets, g.Headers)
		return sms.NewGateway(profile, settings)
	case config.DriverInbox, config.DriverSMTP:
	}
	return nil, fmt.Errorf("driver %q is no SMS gateway", p.Driver)
}

// addHeaders puts an account's headers on every request of a gateway: those that hand texts over and those that ask for reports. They are
// numbered, because the name of a secret in a profile has small letters alone.
func addHeaders(profile *sms.Profile, secrets map[string]sms.Secret, headers map[string]config.Secret) {
	for i, name := range slices.Sorted(maps.Keys(headers)) {
		key := "header_" + strconv.Itoa(i)
		secrets[key] = sms.Secret(headers[name].Reveal())
		field := sms.Field{Name: name, Value: "{secret." + key + "}"}
		profile.Send.Headers = append(profile.Send.Headers, field)
		if profile.Poll != nil {
			profile.Poll.Request.Headers = append(profile.Poll.Request.Headers, field)
		}
	}
}

// mobizonURL is the API of Mobizon for accounts of Kazakhstan.
const mobizonURL = "https://api.mobizon.kz"
