package sms_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/sms"
)

// minimal is the smallest profile that can send.
func minimal() sms.Profile {
	return sms.Profile{
		Name: "test",
		Send: sms.Request{Path: "/send", Form: []sms.Field{{Name: "to", Value: "{to}"}, {Name: "text", Value: "{text}"}}},
	}
}

func TestNewGatewayRefuses(t *testing.T) {
	const secret = "0123456789-secret"
	withSecret := func(s *sms.Settings) { s.Secrets = map[string]sms.Secret{"key": secret} }
	for _, tc := range []struct {
		name    string
		profile func(*sms.Profile)
		account func(*sms.Settings)
		want    string
	}{
		{"a credential in the path", func(p *sms.Profile) { p.Send.Path = "/send/{secret.key}" }, withSecret, "never into a URL"},
		{"a credential in the query", func(p *sms.Profile) { p.Send.Path = "/send?k={secret.key}" }, withSecret, "never into a URL"},
		{"a written-out credential in the query", func(p *sms.Profile) { p.Send.Path = "/send?apiKey=abc" }, nil, "looks like a credential"},
		{"a password in the query", func(p *sms.Profile) { p.Send.Path = "/send?user_password=abc" }, nil, "looks like a credential"},
		{"a secret's own text in the path", func(p *sms.Profile) {
			p.Send.Path = "/send/" + secret
			p.Send.Form = append(p.Send.Form, sms.Field{Name: "k", Value: "{secret.key}"})
		}, withSecret, "never into a URL"},
		{"a credential in the host", nil, func(s *sms.Settings) { s.BaseURL = "https://user:pw@sms.example.kz" }, "never into a URL"},
		{"a credential in the base URL's query", nil, func(s *sms.Settings) { s.BaseURL = "https://sms.example.kz?key=1" }, "neither a query"},
		{"the address in the path", func(p *sms.Profile) { p.Send.Path = "/send?to={to}" }, nil, "a URL may name only"},
		{"the text in the path", func(p *sms.Profile) { p.Send.Path = "/send?text={text}" }, nil, "a URL may name only"},
		{"GET", func(p *sms.Profile) { p.Send.Method = "GET" }, nil, `method "GET"`},
		{"no text in the body", func(p *sms.Profile) { p.Send.Form = p.Send.Form[:1] }, nil, "must name {text}"},
		{"no recipient", func(p *sms.Profile) { p.Send.Form = p.Send.Form[1:] }, nil, "must name {to}"},
		{"two bodies", func(p *sms.Profile) { p.Send.Text = "{text}" }, nil, "exactly one of"},
		{"a placeholder nobody knows", func(p *sms.Profile) { p.Send.Form[0].Value = "{recipient}" }, nil, "{recipient}"},
		{"a secret that is missing", func(p *sms.Profile) { p.Send.Form[0].Value = "{to}{secret.key}" }, nil, `no "key"`},
		{"a secret that is not used", nil, withSecret, "does not use it"},
		{"JSON that is none", func(p *sms.Profile) { p.Send.Form, p.Send.JSON = nil, "{" }, nil, "json"},
		{"a header that makes net/http repeat requests", func(p *sms.Profile) {
			p.Send.Headers = []sms.Field{{Name: "idempotency-key", Value: "{id}"}}
		}, nil, "in the body instead"},
		{"a code without accepted ones", func(p *sms.Profile) { p.Answer.Code = "json:code" }, nil, "want the codes that mean accepted"},
		{"a selector of no kind", func(p *sms.Profile) { p.Answer.Ref = "xml:id" }, nil, "xml:id"},
		{"a pattern that is none", func(p *sms.Profile) { p.Answer.Ref = "text:(" }, nil, "text:("},
		{"a cause that only we can give", func(p *sms.Profile) {
			p.Answer.Causes = map[string]channels.Cause{"9": channels.ConnectionLost}
		}, nil, "not one that a gateway can give"},
		{"a cause nobody knows", func(p *sms.Profile) { p.Answer.Statuses = map[int]channels.Cause{409: "dunno"} }, nil, `cause "dunno"`},
		{"a report status nobody knows", func(p *sms.Profile) {
			p.Reports = &sms.ReportRule{Ref: "json:id", Status: "json:s", Statuses: map[string]channels.ReportStatus{"1": "sent"}}
		}, nil, "no report status"},
		{"plain http to another host", nil, func(s *sms.Settings) { s.BaseURL = "http://sms.example.kz" }, "plain http"},
		{"no scheme", nil, func(s *sms.Settings) { s.BaseURL = "sms.example.kz" }, "want https://"},
		{"a callback URL with percent signs", nil, func(s *sms.Settings) { s.CallbackURL = "https://o.kz/%41" }, "percent"},
		{"a short token", nil, func(s *sms.Settings) { s.Verify.Token = "short" }, "at least 16 bytes"},
		{"a header without its secret", nil, func(s *sms.Settings) { s.Verify.Header = "X-Token" }, "go together"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			profile, account := minimal(), sms.Settings{BaseURL: "https://sms.example.kz"}
			if tc.profile != nil {
				tc.profile(&profile)
			}
			if tc.account != nil {
				tc.account(&account)
			}
			_, err := sms.NewGateway(profile, account)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("NewGateway error is %v, want one with %q", err, tc.want)
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), ":pw@") {
				t.Errorf("error %q shows a credential", err)
			}
		})
	}
}

func TestNewGatewayNamesEveryProblemAtOnce(t *testing.T) {
	profile := minimal()
	profile.Send.Method, profile.Send.Path = "BREW", "send"
	_, err := sms.NewGateway(profile, sms.Settings{BaseURL: "ftp://x", CallbackURL: "?"})
	if err == nil {
		t.Fatal("NewGateway took everything")
	}
	for _, want := range []string{"base_url", "callback_url", "BREW", "path: must start with /"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %s", err, want)
		}
	}
}

func TestShippedProfilesAreValid(t *testing.T) {
	for _, tc := range []struct {
		profile sms.Profile
		secrets map[string]sms.Secret
		polls   bool
	}{
		{sms.Mobizon(), map[string]sms.Secret{"api_key": apiKey}, true},
		{sms.Kannel(), map[string]sms.Secret{"username": "elshi", "password": "0123456789"}, false},
	} {
		g, err := sms.NewGateway(tc.profile, sms.Settings{BaseURL: "https://sms.example.kz", Secrets: tc.secrets})
		if err != nil {
			t.Errorf("profile %s: %v", tc.profile.Name, err)
			continue
		}
		if g.CanPoll() != tc.polls {
			t.Errorf("profile %s: CanPoll() = %v, want %v", tc.profile.Name, g.CanPoll(), tc.polls)
		}
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	settings := sms.Settings{Secrets: map[string]sms.Secret{"key": apiKey}, Verify: sms.Verify{Token: apiKey}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, settings); strings.Contains(text, apiKey) {
			t.Errorf("%s of Settings shows a secret: %s", verb, text)
		}
	}
}
