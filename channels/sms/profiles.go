package sms

import "github.com/orleu/elshi/channels"

// Mobizon returns the profile of the Mobizon API v1 (Settings.BaseURL is the API host of the account's country; the secret is
// api_key). Receipts are polled for; a webhook of type "SMS statuses" whose address ends in the token is read too. Mobizon signs
// webhooks over the event's number and time but not over its status, so the token in the path is the better proof.
func Mobizon() Profile {
	statuses := map[string]channels.ReportStatus{
		"NEW": channels.ReportPending, "ENQUEUD": channels.ReportPending, "ACCEPTD": channels.ReportPending,
		"PDLIVRD": channels.ReportPending, // some parts arrived; it ends as another
		"DELIVRD": channels.ReportDelivered,
		"UNDELIV": channels.ReportFailed, "REJECTD": channels.ReportFailed, "EXPIRED": channels.ReportFailed, "DELETED": channels.ReportFailed,
	}
	// REJECTD can be the number, the text or the sender name, so it says nothing about the address.
	causes := map[string]channels.Cause{"REJECTD": channels.Permanent}
	codes := map[string]channels.Cause{
		"1":  channels.Permanent, // a field is not valid; data says which
		"2":  channels.Permanent,
		"3":  channels.Temporary,         // an error of theirs without a name
		"4":  channels.ProviderRefusedUs, // module, method or format unknown: our profile does not fit their version
		"5":  channels.ProviderRefusedUs,
		"6":  channels.ProviderRefusedUs,
		"8":  channels.ProviderRefusedUs, // the key
		"9":  channels.ProviderRefusedUs, // the account's rights
		"10": channels.Temporary,         // could not save, often because of a race
		"11": channels.Permanent,
		"12": channels.Permanent,
	}
	common := []Field{{"apiKey", "{secret.api_key}"}, {"api", "v1"}, {"output", "json"}}
	return Profile{
		Name: "mobizon",
		Send: Request{
			Path: "/service/message/sendsmsmessage",
			Form: append([]Field{{"recipient", "{to_digits}"}, {"from", "{from}"}, {"text", "{text}"}}, common...),
		},
		Answer: Answer{Code: "json:code", Accepted: []string{"0"}, Ref: "json:data.messageId", Words: "json:message", Causes: codes},
		Poll: &Poll{
			Request: Request{
				Path: "/service/message/getsmsstatus",
				Form: append([]Field{{"ids[]", "{refs}"}}, common...),
			},
			Max:  100,
			Code: "json:code", OK: []string{"0"},
			Rule: ReportRule{Each: "json:data", Ref: "json:id", Status: "json:status", Statuses: statuses, Causes: causes},
		},
		Reports: &ReportRule{
			Ref: "json:data.messageId", Status: "json:data.status", EventID: "json:eventId", Statuses: statuses, Causes: causes,
		},
	}
}

// Kannel returns the profile of a Kannel smsbox (Settings.BaseURL is its sendsms-port; the secrets are username and password of
// a sendsms-user). Kannel takes POST with its parameters as X-Kannel headers and the text as body; a form body it refuses.
//
// It reports by our own message id. In its configuration, sendsms-user needs max-messages above 1 for texts of several parts, and
// an sms-service passes texts on with
//
//	get-url = "<callback url>?from=%p&to=%P&text=%a&charset=%C&event=%I"
//	max-messages = 0
func Kannel() Profile {
	return Profile{
		Name: "kannel",
		Send: Request{
			Path: "/cgi-bin/sendsms",
			Headers: []Field{
				{"X-Kannel-Username", "{secret.username}"},
				{"X-Kannel-Password", "{secret.password}"},
				{"X-Kannel-To", "{to}"},
				{"X-Kannel-From", "{from}"},
				{"X-Kannel-Coding", "{coding}"},
				{"X-Kannel-DLR-Mask", "31"},
				{"X-Kannel-DLR-Url", "{callback_url}?id={id}&status=%d"},
			},
			Text: "{text}",
		},
		Answer: Answer{
			Code:     `text:^(?:(\d+):|(Number\(s\) has/have been denied))`,
			Accepted: []string{"0", "3"}, // delivered to the SMSC's queue, or kept until the SMSC is back
			Causes:   map[string]channels.Cause{"Number(s) has/have been denied": channels.PolicyRefused},
		},
		Reports: &ReportRule{
			Ref: "query:id", Status: "query:status",
			Statuses: map[string]channels.ReportStatus{
				"1":  channels.ReportDelivered,
				"2":  channels.ReportFailed,
				"4":  channels.ReportPending, // queued at the SMSC
				"8":  channels.ReportPending, // accepted by the SMSC
				"16": channels.ReportFailed,  // rejected by the SMSC
			},
			Causes: map[string]channels.Cause{"16": channels.Permanent},
		},
		Texts: &TextRule{From: "query:from", To: "query:to", Text: "query:text", Charset: "query:charset", EventID: "query:event"},
	}
}
