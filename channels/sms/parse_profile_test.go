package sms

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
)

func TestParseProfile(t *testing.T) {
	got, err := ParseProfile("acme", map[string]string{
		"send.path": "/send", "send.form.to": "{to}", "send.form.body": "{text}", "send.header.X-Key": "{secret.key}",
		"answer.code": "json:code", "answer.accepted": "0, 3", "answer.ref": "json:id", "answer.cause.7": "no_such_mailbox",
		"answer.status.402": "provider_refused_us",
		"report.ref":        "form:id", "report.status": "form:state", "report.is.DELIVRD": "delivered", "report.is.UNDELIV": "failed",
		"report.cause.9": "permanent",
		"poll.path":      "/status", "poll.form.ids": "{refs}", "poll.max": "50", "poll.report.ref": "json:id", "poll.report.status": "json:s",
		"reply.from": "form:from", "reply.text": "form:text",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Profile{
		Name: "acme",
		Send: Request{
			Path: "/send", Headers: []Field{{"X-Key", "{secret.key}"}}, Form: []Field{{"body", "{text}"}, {"to", "{to}"}},
		},
		Answer: Answer{
			Code: "json:code", Accepted: []string{"0", "3"}, Ref: "json:id", Causes: map[string]channels.Cause{"7": channels.NoSuchMailbox},
			Statuses: map[int]channels.Cause{402: channels.ProviderRefusedUs},
		},
		Poll: &Poll{
			Request: Request{Path: "/status", Form: []Field{{"ids", "{refs}"}}}, Max: 50,
			Rule: ReportRule{Ref: "json:id", Status: "json:s", Statuses: map[string]channels.ReportStatus{}},
		},
		Reports: &ReportRule{
			Ref: "form:id", Status: "form:state",
			Statuses: map[string]channels.ReportStatus{"DELIVRD": channels.ReportDelivered, "UNDELIV": channels.ReportFailed},
			Causes:   map[string]channels.Cause{"9": channels.Permanent},
		},
		Texts: &TextRule{From: "form:from", Text: "form:text"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ParseProfile mismatch (-want +got):\n%s", diff)
	}
}

func TestParseProfileNamesEveryProblem(t *testing.T) {
	_, err := ParseProfile("acme", map[string]string{
		"send.frm.to": "{to}", "answer.cause.7": "nobody", "answer.status.abc": "temporary", "report.is.X": "arrived", "poll.max": "0",
	})
	if err == nil {
		t.Fatal("ParseProfile of wrong settings: no error")
	}
	for _, want := range []string{"settings.send.frm.to", "settings.answer.cause.7", "settings.answer.status.abc", "settings.report.is.X", "settings.poll.max"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not name %s", err, want)
		}
	}
}
