package email

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/channels"
)

func TestSecuredConnections(t *testing.T) {
	settings, roots := certificate(t)
	cases := []struct {
		name     string
		implicit bool
		offered  string
		script   map[string]move
		change   func(*Options)
		want     channels.Cause // empty: accepted
	}{
		{"STARTTLS", false, "STARTTLS", nil, func(o *Options) { o.RootCAs = roots }, ""},
		{"STARTTLS with another server name", false, "STARTTLS", nil, func(o *Options) { o.RootCAs, o.ServerName = roots, "example.com" }, ""},
		{"STARTTLS not offered", false, "8BITMIME", nil, func(o *Options) { o.RootCAs = roots }, channels.Unreachable},
		{"STARTTLS refused for now", false, "STARTTLS", map[string]move{"STARTTLS": {reply: "454 4.7.0 no TLS now"}}, func(o *Options) { o.RootCAs = roots }, channels.Unreachable},
		{"STARTTLS, then the connection breaks", false, "STARTTLS", map[string]move{"STARTTLS": {cut: true}}, func(o *Options) { o.RootCAs = roots }, channels.Unreachable},
		{"STARTTLS by an authority we do not know", false, "STARTTLS", nil, func(o *Options) { o.RootCAs = x509.NewCertPool() }, channels.Unreachable},
		{"STARTTLS for a name that is not ours", false, "STARTTLS", nil, func(o *Options) { o.RootCAs, o.ServerName = roots, "relay.example.kz" }, channels.Unreachable},
		{"implicit TLS", true, "8BITMIME", nil, func(o *Options) { o.TLS, o.RootCAs = TLSImplicit, roots }, ""},
		{"implicit TLS by an authority we do not know", true, "8BITMIME", nil, func(o *Options) { o.TLS, o.RootCAs = TLSImplicit, x509.NewCertPool() }, channels.Unreachable},
		{"implicit TLS and the server speaks none", false, "8BITMIME", nil, func(o *Options) { o.TLS, o.RootCAs = TLSImplicit, roots }, channels.Unreachable},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			server := newScripted(t, tc.script, func(s *scripted) {
				s.tls, s.implicit, s.extensions = settings, tc.implicit, []string{tc.offered}
			})
			s := newSender(t, server.address, func(o *Options) { o.TLS, o.ConnectTimeout = TLSStartTLS, 500*time.Millisecond }, tc.change)
			got := sendOne(t, s, sample(1))
			if cause(got) != tc.want {
				t.Errorf("%s with cause %q, want cause %q", got.Outcome, cause(got), tc.want)
			}
			if tc.want != "" && (got.Outcome != channels.NotHandedOver || server.Begun() != 0) {
				t.Errorf("%s after %d hand-overs, want not_handed_over after none: nothing goes out in the clear", got.Outcome, server.Begun())
			}
			_ = s.Close()
		})
	}
}

func TestAuthentication(t *testing.T) {
	settings, roots := certificate(t)
	const user, password = "elshi", "correct-horse-battery"
	cases := []struct {
		name    string
		tls     TLSMode
		method  AuthMethod
		offered string
		typed   string // the password that we use
		script  map[string]move
		want    channels.Cause
		heard   string // the beginning of the AUTH command; empty: there is none
	}{
		{"PLAIN", TLSStartTLS, AuthPlain, "AUTH PLAIN LOGIN", password, nil, "", "AUTH PLAIN "},
		{"LOGIN", TLSStartTLS, AuthLogin, "AUTH PLAIN LOGIN", password, nil, "", "AUTH LOGIN"},
		{"CRAM-MD5", TLSStartTLS, AuthCRAMMD5, "AUTH CRAM-MD5", password, nil, "", "AUTH CRAM-MD5"},
		{"auto under TLS takes PLAIN", TLSStartTLS, AuthAuto, "AUTH CRAM-MD5 LOGIN PLAIN", password, nil, "", "AUTH PLAIN "},
		{"auto takes what there is", TLSStartTLS, AuthAuto, "AUTH NTLM LOGIN", password, nil, "", "AUTH LOGIN"},
		{"auto in the clear takes CRAM-MD5", TLSNone, AuthAuto, "AUTH PLAIN LOGIN CRAM-MD5", password, nil, "", "AUTH CRAM-MD5"},
		{"PLAIN in the clear on loopback", TLSNone, AuthPlain, "AUTH PLAIN", password, nil, "", "AUTH PLAIN "},
		{"wrong password, PLAIN", TLSStartTLS, AuthPlain, "AUTH PLAIN", "wrong-password", nil, channels.ProviderRefusedUs, "AUTH PLAIN "},
		{"wrong password, LOGIN", TLSStartTLS, AuthLogin, "AUTH LOGIN", "wrong-password", nil, channels.ProviderRefusedUs, "AUTH LOGIN"},
		{"wrong password, CRAM-MD5", TLSStartTLS, AuthCRAMMD5, "AUTH CRAM-MD5", "wrong-password", nil, channels.ProviderRefusedUs, "AUTH CRAM-MD5"},
		{"not the method we want", TLSStartTLS, AuthPlain, "AUTH CRAM-MD5", password, nil, channels.ProviderRefusedUs, ""},
		{"AUTH not offered", TLSStartTLS, AuthAuto, "8BITMIME", password, nil, channels.ProviderRefusedUs, ""},
		{"AUTH away for now", TLSStartTLS, AuthPlain, "AUTH PLAIN", password, map[string]move{"AUTH": {reply: "454 4.7.0 later"}}, channels.Unreachable, "AUTH PLAIN "},
		{"AUTH breaks the connection", TLSStartTLS, AuthPlain, "AUTH PLAIN", password, map[string]move{"AUTH": {cut: true}}, channels.Unreachable, "AUTH PLAIN "},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			server := newScripted(t, tc.script, func(s *scripted) {
				s.tls, s.user, s.pass, s.extensions = settings, user, password, []string{"STARTTLS", tc.offered}
			})
			s := newSender(t, server.address, func(o *Options) {
				o.TLS, o.RootCAs, o.Auth, o.Username, o.Password = tc.tls, roots, tc.method, user, tc.typed
			})
			got := sendOne(t, s, sample(1))
			if cause(got) != tc.want || (tc.want == "") != (got.Outcome == channels.Accepted) {
				t.Errorf("%s with cause %q, want cause %q", got.Outcome, cause(got), tc.want)
			}
			heard := ""
			for _, c := range server.heard() {
				if strings.HasPrefix(c, "AUTH") {
					heard = c
				}
			}
			if !strings.HasPrefix(heard, tc.heard) || (tc.heard == "") != (heard == "") {
				t.Errorf("the server heard %q, want it to begin with %q", heard, tc.heard)
			}
			_ = s.Close()
		})
	}
}

func TestAClearTextPasswordStaysOffTheNetwork(t *testing.T) {
	o := Options{Address: "relay.example.kz:25", TLS: TLSNone, Username: "elshi", Password: "correct-horse", Auth: AuthAuto}.withDefaults()
	if got := chooseAuth(&o, []string{"PLAIN", "LOGIN"}); got != nil {
		t.Errorf("chooseAuth over TLS none to another machine = %T, want none", got)
	}
}

func TestOptionsNameWhatIsWrong(t *testing.T) {
	cases := []struct {
		field  string
		change func(*Options)
	}{
		{"Address", func(o *Options) { o.Address = "relay.example.kz" }},
		{"Address", func(o *Options) { o.Address = ":25" }},
		{"Address", func(o *Options) { o.Address = "relay.example.kz:0" }},
		{"Address", func(o *Options) { o.Address = "relay.example.kz:smtp" }},
		{"TLS", func(o *Options) { o.TLS = "opportunistic" }},
		{"Auth", func(o *Options) { o.Auth = "ntlm" }},
		{"Auth", func(o *Options) { o.TLS, o.Auth = TLSNone, AuthPlain }},
		{"Username", func(o *Options) { o.Username = "" }},
		{"Password", func(o *Options) { o.Password = "" }},
		{"HelloName", func(o *Options) { o.HelloName = "x\r\nMAIL FROM:<>" }},
		{"HelloName", func(o *Options) { o.HelloName = "two words" }},
		{"MaxConnections", func(o *Options) { o.MaxConnections = -1 }},
		{"MaxConnections", func(o *Options) { o.MaxConnections = 101 }},
		{"MessagesPerConnection", func(o *Options) { o.MessagesPerConnection = -1 }},
		{"IdleTimeout", func(o *Options) { o.IdleTimeout = -1 }},
		{"MaxAge", func(o *Options) { o.MaxAge = -1 }},
		{"ConnectTimeout", func(o *Options) { o.ConnectTimeout = -1 }},
		{"CommandTimeout", func(o *Options) { o.CommandTimeout = -1 }},
		{"DataTimeout", func(o *Options) { o.DataTimeout = -1 }},
		{"DotReplyTimeout", func(o *Options) { o.DotReplyTimeout = -1 }},
		{"Now", func(o *Options) { o.Now = nil }},
	}
	good := Options{Address: "relay.example.kz:587", Username: "elshi", Password: "correct-horse", Now: time.Now}
	if _, err := New(good); err != nil {
		t.Fatalf("New(%v) = %v, want no error", good, err)
	}
	for _, tc := range cases {
		o := good
		tc.change(&o)
		s, err := New(o)
		if err == nil || s != nil || !strings.Contains(err.Error(), "email options: "+tc.field+": ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("New with a wrong %s: error %v, want one that names just this field", tc.field, err)
		}
	}
	if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "Address") || !strings.Contains(err.Error(), "Now") {
		t.Errorf("New(Options{}) = %v, want every problem at once", err)
	}
}

func TestPrintingOptionsShowsNoPassword(t *testing.T) {
	o := Options{Address: "relay.example.kz:587", Username: "elshi", Password: "correct-horse", Now: time.Now}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("provider", slog.Any("options", o))
	for _, got := range []string{fmt.Sprintf("%v", o), fmt.Sprintf("%+v", o), fmt.Sprintf("%#v", o), fmt.Sprint(&o), log.String()} {
		if strings.Contains(got, "correct-horse") || !strings.Contains(got, "relay.example.kz:587") {
			t.Errorf("printed %q, want the address and no password", got)
		}
	}
}
