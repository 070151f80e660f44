package email

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
)

func TestReturned(t *testing.T) {
	for _, tc := range []struct {
		name, status, diagnostic string
		want                     channels.Error
	}{
		{"postfix quotes the next server", "5.1.1", "smtp; 550 5.1.1 <a@example.org>: User unknown", channels.Error{Cause: channels.NoSuchMailbox, Code: 550, Enhanced: "5.1.1"}},
		{"postfix itself: not a reply", "5.1.1", `X-Postfix; unknown user: "a"`, channels.Error{Cause: channels.NoSuchMailbox, Enhanced: "5.1.1"}},
		{"exim: the status says nothing", "5.0.0", "smtp; 550 5.1.1 no such user", channels.Error{Cause: channels.NoSuchMailbox, Code: 550, Enhanced: "5.1.1"}},
		{"the reply has no enhanced code", "5.1.1", "smtp; 550 no such user", channels.Error{Cause: channels.NoSuchMailbox, Code: 550, Enhanced: "5.1.1"}},
		{"a reply of several lines", "5.1.1", "smtp; 550-5.1.1 The account does not exist. 550 5.1.1 try again", channels.Error{Cause: channels.NoSuchMailbox, Code: 550, Enhanced: "5.1.1"}},
		{"exchange", "5.1.10", "smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", channels.Error{Cause: channels.NoSuchMailbox, Code: 550, Enhanced: "5.1.10"}},
		{"a comment after the status", "5.1.1 (bad destination mailbox address)", "", channels.Error{Cause: channels.NoSuchMailbox, Enhanced: "5.1.1"}},
		{"our authentication", "5.7.26", "smtp; 550 5.7.26 unauthenticated", channels.Error{Cause: channels.OurAuthentication, Code: 550, Enhanced: "5.7.26"}},
		{"full", "5.2.2", "smtp; 552 5.2.2 over quota", channels.Error{Cause: channels.MailboxFull, Code: 552, Enhanced: "5.2.2"}},
		{"the relay gave up on a server that is away", "4.4.1", "X-Postfix; connect to mx.example[192.0.2.1]:25: Connection timed out", channels.Error{Cause: channels.Unreachable, Enhanced: "4.4.1"}},
		{"the relay gave up on a grey list", "4.7.1", "smtp; 451 4.7.1 greylisted", channels.Error{Cause: channels.Temporary, Code: 451, Enhanced: "4.7.1"}},
		{"a status that contradicts the reply", "5.1.1", "smtp; 450 try later", channels.Error{Cause: channels.Temporary, Code: 450}},
		{"a reply's 5.1.1 under 450", "5.0.0", "smtp; 450 5.1.1 try later", channels.Error{Cause: channels.Temporary, Code: 450}},
		{"nobody says why", "", "", channels.Error{Cause: channels.Permanent}},
		{"a status of success", "2.0.0", "", channels.Error{Cause: channels.Permanent}},
		{"only a reply", "", "550 No such user", channels.Error{Cause: channels.Permanent, Code: 550}},
		{"numbers of another dialect", "5.0.0", "x-unix; 550", channels.Error{Cause: channels.Permanent, Enhanced: "5.0.0"}},
	} {
		tc.want.Detail = tc.diagnostic
		if diff := cmp.Diff(tc.want, *Returned(tc.status, tc.diagnostic)); diff != "" {
			t.Errorf("%s: Returned(%q, %q) mismatch (-want +got):\n%s", tc.name, tc.status, tc.diagnostic, diff)
		}
	}
}
