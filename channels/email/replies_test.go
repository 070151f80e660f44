package email

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
)

func TestReplyTable(t *testing.T) {
	cases := []struct {
		at       phase
		code     int
		words    string
		want     channels.Cause
		enhanced string
	}{
		{phaseHello, 421, "4.3.2 too busy", channels.Unreachable, "4.3.2"},
		{phaseHello, 554, "no SMTP service here", channels.Unreachable, ""},
		{phaseHello, 554, "5.7.1 your address is on a blocklist", channels.PolicyRefused, "5.7.1"},
		{phaseHello, 550, "", channels.Unreachable, ""},
		{phaseTLS, 454, "4.7.0 TLS not available", channels.Unreachable, "4.7.0"},
		{phaseAuth, 535, "5.7.8 authentication failed", channels.ProviderRefusedUs, "5.7.8"},
		{phaseAuth, 535, "", channels.ProviderRefusedUs, ""},
		{phaseAuth, 534, "5.7.9 too weak", channels.ProviderRefusedUs, "5.7.9"},
		{phaseAuth, 454, "4.7.0 temporary failure", channels.Unreachable, "4.7.0"},
		{phaseAuth, 504, "5.5.4 unknown mechanism", channels.ProviderRefusedUs, "5.5.4"},
		{phaseAuth, 501, "", channels.ProviderRefusedUs, ""},

		{phaseMail, 530, "5.7.0 authentication required", channels.ProviderRefusedUs, "5.7.0"},
		{phaseMail, 530, "5.7.1 authentication required", channels.ProviderRefusedUs, "5.7.1"},
		{phaseMail, 421, "4.7.0 try later", channels.Unreachable, "4.7.0"},
		{phaseMail, 550, "5.7.26 unauthenticated", channels.OurAuthentication, "5.7.26"},
		{phaseMail, 550, "5.7.1 blocked", channels.PolicyRefused, "5.7.1"},
		{phaseMail, 550, "5.1.1 no such sender", channels.ProviderRefusedUs, "5.1.1"},
		{phaseMail, 553, "5.1.8 bad sender domain", channels.ProviderRefusedUs, "5.1.8"},
		{phaseMail, 550, "sender rejected", channels.ProviderRefusedUs, ""},
		{phaseMail, 452, "4.3.1 no space", channels.Unreachable, "4.3.1"},
		{phaseMail, 452, "no space", channels.Temporary, ""},
		{phaseMail, 451, "4.7.1 greylisted", channels.Temporary, "4.7.1"},

		{phaseRcpt, 550, "5.1.1 no such user", channels.NoSuchMailbox, "5.1.1"},
		{phaseRcpt, 550, "#5.1.1 no such user", channels.NoSuchMailbox, "5.1.1"},
		{phaseRcpt, 551, "5.1.6 moved", channels.NoSuchMailbox, "5.1.6"},
		{phaseRcpt, 550, "5.1.10 RESOLVER.ADR.RecipientNotFound", channels.NoSuchMailbox, "5.1.10"},
		{phaseRcpt, 556, "5.1.10 null MX", channels.NoSuchDomain, "5.1.10"},
		{phaseRcpt, 556, "", channels.NoSuchDomain, ""},
		{phaseRcpt, 550, "5.1.2 no such domain", channels.NoSuchDomain, "5.1.2"},
		{phaseRcpt, 501, "5.1.3 bad address syntax", channels.BadSyntax, "5.1.3"},
		{phaseRcpt, 550, "5.2.1 disabled", channels.MailboxDisabled, "5.2.1"},
		{phaseRcpt, 450, "4.2.1 busy mailbox", channels.Temporary, "4.2.1"},
		{phaseRcpt, 452, "4.2.2 over quota", channels.MailboxFull, "4.2.2"},
		{phaseRcpt, 552, "5.2.2 over quota", channels.MailboxFull, "5.2.2"},
		{phaseRcpt, 452, "no room", channels.MailboxFull, ""},
		{phaseRcpt, 452, "4.0.0 no room", channels.MailboxFull, "4.0.0"},
		{phaseRcpt, 452, "4.5.3 too many recipients", channels.Temporary, "4.5.3"},
		{phaseRcpt, 452, "4.3.1 no space", channels.Unreachable, "4.3.1"},
		{phaseRcpt, 451, "4.4.3 name server away", channels.Unreachable, "4.4.3"},
		{phaseRcpt, 450, "4.7.1 greylisted, come back in 300 s", channels.Temporary, "4.7.1"},
		{phaseRcpt, 450, "4.7.1 Your rate is too high", channels.RateLimited, "4.7.1"},
		{phaseRcpt, 450, "4.7.1 client moderately temperate", channels.Temporary, "4.7.1"},
		{phaseRcpt, 421, "4.7.0 Too many messages from your address", channels.RateLimited, "4.7.0"},
		{phaseRcpt, 451, "greylisted", channels.Temporary, ""},
		{phaseRcpt, 550, "no such user", channels.Permanent, ""},
		{phaseRcpt, 550, "5.0.0 no", channels.Permanent, "5.0.0"},
		{phaseRcpt, 550, "5.7.606 banned", channels.Permanent, "5.7.606"},
		{phaseRcpt, 450, "5.1.1 a class that contradicts the code", channels.Temporary, ""},
		{phaseRcpt, 550, "5.1.1000 not an enhanced code", channels.Permanent, ""},
		{phaseRcpt, 550, "5.1.1.1 not an enhanced code", channels.Permanent, ""},

		{phaseData, 554, "5.5.1 no valid recipients", channels.Permanent, "5.5.1"},
		{phaseData, 451, "4.3.0 disk", channels.Unreachable, "4.3.0"},
		{phaseDot, 421, "", channels.Unreachable, ""},
		{phaseDot, 421, "4.7.28 unusual rate", channels.RateLimited, "4.7.28"},
		{phaseDot, 421, "4.7.23 no reverse name", channels.OurAuthentication, "4.7.23"},
		{phaseDot, 421, "4.7.27 SPF", channels.OurAuthentication, "4.7.27"},
		{phaseDot, 421, "4.7.29 no TLS", channels.OurAuthentication, "4.7.29"},
		{phaseDot, 421, "4.7.30 DKIM", channels.OurAuthentication, "4.7.30"},
		{phaseDot, 421, "4.7.32 alignment", channels.OurAuthentication, "4.7.32"},
		{phaseDot, 550, "5.7.27 SPF", channels.OurAuthentication, "5.7.27"},
		{phaseDot, 550, "5.7.30 DKIM", channels.OurAuthentication, "5.7.30"},
		{phaseDot, 550, "5.7.509 DMARC", channels.OurAuthentication, "5.7.509"},
		{phaseDot, 550, "5.7.515 level", channels.OurAuthentication, "5.7.515"},
		{phaseDot, 550, "5.7.1 spam", channels.PolicyRefused, "5.7.1"},
		{phaseDot, 554, "5.6.0 content", channels.ContentRefused, "5.6.0"},
		{phaseDot, 552, "5.3.4 too large", channels.ContentRefused, "5.3.4"},
		{phaseDot, 552, "5.2.3 too large", channels.ContentRefused, "5.2.3"},
		{phaseDot, 552, "too much", channels.Permanent, ""},
		{phaseDot, 451, "local error", channels.Temporary, ""},
		{phaseDot, 554, "transaction failed", channels.Permanent, ""},
		{phaseRcpt, 354, "what?", channels.Temporary, ""},
		{phaseHello, 250, "what?", channels.Unreachable, ""},
	}
	for _, tc := range cases {
		got := classify(tc.at, tc.code, tc.words)
		want := &channels.Error{Cause: tc.want, Code: tc.code, Enhanced: tc.enhanced, Detail: tc.words}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("classify(%s, %d, %q) mismatch (-want +got):\n%s", tc.at, tc.code, tc.words, diff)
		}
	}
}

func TestReplyTableHasAReasonForEveryRow(t *testing.T) {
	for i, r := range rules {
		if r.why == "" || !slices.Contains(channels.Causes(), r.cause) {
			t.Errorf("row %d of the reply table: why %q, cause %q", i, r.why, r.cause)
		}
	}
}

func TestDetailIsShort(t *testing.T) {
	got := classify(phaseRcpt, 550, strings.Repeat("ә", 400)).Detail
	if len(got) != maxDetail || !utf8.ValidString(got) {
		t.Errorf("Detail has %d bytes, valid %v; want %d, true", len(got), utf8.ValidString(got), maxDetail)
	}
}

func TestProviderRef(t *testing.T) {
	for words, want := range map[string]string{
		"2.0.0 Ok: queued as 4dXyZ1":              "4dXyZ1",
		"OK id=1rXyZ-0001Ab-2C":                   "1rXyZ-0001Ab-2C",
		"2.6.0 <a.b@example.kz> Queued as <9F.1>": "9F.1",
		"2.0.0 OK 1700000000 x-20020a5 - gsmtp":   "",
		"ok":                                      "",
	} {
		if got := providerRef(words); got != want {
			t.Errorf("providerRef(%q) = %q, want %q", words, got, want)
		}
	}
}

func FuzzReply(f *testing.F) {
	f.Add(550, "5.1.1 no such user")
	f.Add(421, "#4.7.28 \xff\x00")
	f.Add(-1, "queued as x")
	f.Fuzz(func(t *testing.T, code int, words string) {
		for _, at := range append(slices.Clone(session), phaseMail, phaseRcpt, phaseData, phaseDot) {
			got := classify(at, code, words)
			if !slices.Contains(channels.Causes(), got.Cause) || got.Code != code {
				t.Fatalf("classify(%s, %d, %q) = %v", at, code, words, got)
			}
			if len(got.Detail) > maxDetail || !utf8.ValidString(got.Detail) || strings.Contains(got.Detail, "\x00") {
				t.Fatalf("Detail %q cannot be stored", got.Detail)
			}
			if got.Enhanced != "" && (len(got.Enhanced) > 9 || int(got.Enhanced[0]-'0') != code/100) {
				t.Fatalf("Enhanced %q does not go with %d", got.Enhanced, code)
			}
			if code/100 == 4 && slices.Contains([]channels.Cause{channels.NoSuchMailbox, channels.Permanent, channels.BadSyntax, channels.NoSuchDomain}, got.Cause) {
				t.Fatalf("%d %q has cause %s, which is for good", code, words, got.Cause)
			}
		}
		if ref := providerRef(words); strings.ContainsAny(ref, " \r\n<>") || len(ref) > 128 {
			t.Fatalf("providerRef(%q) = %q", words, ref)
		}
	})
}
