package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/templates"
	"github.com/orleu/elshi/vocab"
)

func TestAMessageIsHandedOverWhole(t *testing.T) {
	d := newDoor(t)
	body := `{"to":{"contact_id":"con_06gywnjy01xbs0938nkrkaydxw","email":"a@example.org","name":"Айгүл"},"channel":"email","purpose":"request.reply",
		"topic":"maths","template":"request-reply","template_version":3,"language":"ru","sender":"news","data":{"n":12345678901234567890},
		"send_at":"2026-11-23T10:00:00+05:00","expires_at":"2026-11-24T05:00:00Z","trigger":{"id":"r-1","at":"2026-11-23T04:59:00Z"},
		"reference":"order-1","metadata":{"a":1},"attachments":[{"name":"a.pdf","content_type":"application/pdf","content":"QUI="},{"name":"b","content":"Qg=="}]}`
	d.call(t, "POST", "/v1/messages", body, "Idempotency-Key: k-1").ok(202)
	want := []dispatcher.Request{{
		To:      dispatcher.To{ContactID: aContact, Email: "a@example.org", Name: "Айгүл"},
		Channel: vocab.Email, Purpose: "request.reply", Topic: "maths", Template: "request-reply", TemplateVersion: 3, Language: "ru", Sender: "news",
		Data: json.RawMessage(`{"n":12345678901234567890}`), SendAt: monday, ExpiresAt: monday.Add(24 * time.Hour), TriggerID: "r-1",
		TriggerAt: monday.Add(-time.Minute), Reference: "order-1", Metadata: json.RawMessage(`{"a":1}`),
		Attachments: []channels.Attachment{
			{Name: "a.pdf", ContentType: "application/pdf", Content: []byte("AB")}, {Name: "b", ContentType: "application/octet-stream", Content: []byte("B")},
		},
	}}
	if diff := cmp.Diff(want, d.submitter.calls[0].requests); diff != "" {
		t.Errorf("request mismatch (-want +got):\n%s", diff)
	}
	key := d.submitter.calls[0].key
	if key == nil || key.Token != "k-1" || key.Route != "POST /v1/messages" || key.APIKey != liveKey.ID {
		t.Errorf("key %+v", key)
	}
}

func TestNullIsNotGiven(t *testing.T) {
	d := newDoor(t)
	d.call(t, "POST", "/v1/messages", `{"to":{"contact_id":"c"},"purpose":"p","template":"x","data":null,"metadata":null,"send_at":null,"trigger":null}`).ok(202)
	want := []dispatcher.Request{{To: dispatcher.To{ContactID: "c"}, Purpose: "p", Template: "x"}}
	if diff := cmp.Diff(want, d.submitter.calls[0].requests, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("request mismatch (-want +got):\n%s", diff)
	}
}

func TestTheKeyHashesTheBodyAsItCame(t *testing.T) {
	d := newDoor(t)
	for _, body := range []string{goodMessage, goodMessage, goodMessage + " "} {
		d.call(t, "POST", "/v1/messages", body, "Idempotency-Key: k").ok(202)
	}
	d.call(t, "POST", "/v1/messages/batch", `{"messages":[`+goodMessage+`]}`, "Idempotency-Key: k").ok(202)
	d.call(t, "POST", "/v1/messages", goodMessage).ok(202)
	c := d.submitter.calls
	if c[0].key.BodyHash != c[1].key.BodyHash || c[0].key.BodyHash == c[2].key.BodyHash {
		t.Error("want the same hash for the same bytes and another for others")
	}
	if c[3].key.Route == c[0].key.Route || c[4].key != nil {
		t.Errorf("routes %q and %q, key without header %v", c[0].key.Route, c[3].key.Route, c[4].key)
	}
}

func TestAReplayIsMarked(t *testing.T) {
	d := newDoor(t)
	first := d.call(t, "POST", "/v1/messages", goodMessage, "Idempotency-Key: k").ok(202)
	if first.Header().Get("Idempotency-Replayed") != "" {
		t.Error("the first answer says that it is replayed")
	}
	d.submitter.answer = func([]dispatcher.Request) (dispatcher.Submitted, error) {
		return dispatcher.Submitted{Replayed: true, Results: []dispatcher.Result{{ID: aMessage, Status: dispatcher.Queued, Verdict: "allow", Reason: "ok"}}}, nil
	}
	again := d.call(t, "POST", "/v1/messages", goodMessage, "Idempotency-Key: k").ok(202)
	if again.Header().Get("Idempotency-Replayed") != "true" {
		t.Error("the second answer does not say that it is replayed")
	}
}

func TestADeniedMessageIsAnsweredWithItsReasons(t *testing.T) {
	d := newDoor(t)
	d.submitter.answer = func([]dispatcher.Request) (dispatcher.Submitted, error) {
		return dispatcher.Submitted{Results: []dispatcher.Result{{
			ID: aMessage, ContactID: aContact, Channel: vocab.Email, Purpose: "news.company", Status: dispatcher.Suppressed, Verdict: consent.Deny,
			Reason: consent.NoConsent, Reasons: []consent.Reason{consent.NoConsent, consent.QuietHours},
		}}}, nil
	}
	for accept, lang := range map[string]vocab.Language{
		"": "kk", "ru-RU,ru;q=0.9,en;q=0.8": "ru", "en-GB": "en", "fr": "kk", "kk-KZ": "kk", "not a language;;": "kk", "fr, en;q=0.1": "en",
	} {
		var got submittedView
		d.call(t, "POST", "/v1/messages", goodMessage, "Accept-Language: "+accept).ok(202).into(&got)
		want := submittedView{
			ID: aMessage, Status: dispatcher.Suppressed, ContactID: aContact, Channel: vocab.Email, Purpose: "news.company",
			Decision: verdictView{
				Verdict: consent.Deny, Reason: reasonView{consent.NoConsent, consent.NoConsent.Sentence(lang)},
				Reasons: []reasonView{{consent.NoConsent, consent.NoConsent.Sentence(lang)}, {consent.QuietHours, consent.QuietHours.Sentence(lang)}},
			},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Accept-Language %q mismatch (-want +got):\n%s", accept, diff)
		}
	}
}

func TestCallersAreWhatTheirKeysAre(t *testing.T) {
	d := newDoor(t)
	for _, secret := range []string{liveSecret, testSecret, guestSecret} {
		d.call(t, "POST", "/v1/messages", goodMessage, "Authorization: bearer "+secret).ok(202)
	}
	var got []dispatcher.Caller
	for _, c := range d.submitter.calls {
		got = append(got, c.caller)
	}
	want := []dispatcher.Caller{
		{APIKey: liveKey.ID, Mode: dispatcher.Live},
		{APIKey: testKey.ID, Mode: dispatcher.Test},
		{APIKey: guestKey.ID, Mode: dispatcher.GuestList, Guests: &dispatcher.Guests{Hashes: []string{"aa", "bb"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("callers mismatch (-want +got):\n%s", diff)
	}
}

func TestAPreviewShowsContentAndCost(t *testing.T) {
	d := newDoor(t)
	var p previewView
	d.call(t, "POST", "/v1/messages/preview", goodMessage).ok(200).into(&p)
	if p.Content.SMS != "Сәлем 481516" || p.Content.Segments == nil || p.Content.Segments.Encoding != "UCS-2" || p.Decision.Verdict != consent.Allow {
		t.Errorf("preview %+v", p)
	}
	if len(d.submitter.calls) > 0 {
		t.Error("a preview was submitted")
	}
	d.call(t, "POST", "/v1/messages/preview", strings.Replace(goodMessage, "request.reply", "account.identity", 1)).ok(200).into(&p)
	if p.Content.SMS != dots || !p.Content.Hidden {
		t.Errorf("a one-time code is shown: %+v", p.Content)
	}
}

func TestADecisionIsShownWithAllItRestsOn(t *testing.T) {
	d := newDoor(t)
	d.messages.byID[aMessage] = dispatcher.Message{
		ID: aMessage, Class: vocab.Marketing, Purpose: "news.company", Template: "tpv_1", PolicyVersion: "2026-05", ContentHash: "h",
		Decision: consent.Decision{
			Verdict: consent.Hold, Reason: consent.QuietHours, All: []consent.Reason{consent.QuietHours}, Until: monday.Add(time.Hour), At: monday,
			Basis: consent.Basis{Kind: consent.BasisGrant, Event: "cev_1"},
		},
	}
	var got decisionView
	d.call(t, "GET", "/v1/messages/"+string(aMessage)+"/decision?lang=ru", "", "Accept-Language: en").ok(200).into(&got)
	quiet := reasonView{consent.QuietHours, consent.QuietHours.Sentence("ru")}
	want := decisionView{
		MessageID: aMessage, Verdict: consent.Hold, Reason: quiet, Reasons: []reasonView{quiet}, Until: monday.Add(time.Hour), DecidedAt: monday,
		Purpose: "news.company", Class: vocab.Marketing, Basis: consent.BasisGrant, ConsentEventID: "cev_1", PolicyVersion: "2026-05",
		TemplateVersion: "tpv_1", ContentHash: "h",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decision mismatch (-want +got):\n%s", diff)
	}
}

func TestContentIsRenderedAgainAndGoneWhenWiped(t *testing.T) {
	d := newDoor(t)
	d.messages.byID[aMessage] = dispatcher.Message{ID: aMessage, Class: vocab.Service, Channel: vocab.Email}
	target := "/v1/messages/" + string(aMessage)
	d.call(t, "GET", target+"/content", "").problem(404, "message_content_gone")
	d.messages.payload = dispatcher.StoredContent{Payload: dispatcher.Payload{Data: []byte("{}")}, Metadata: []byte(`{"k":1}`), Attachments: []string{"a.pdf"}}
	d.messages.content = templates.Content{Language: "kk", Subject: "S", Text: "T", HTML: "<p>"}
	var got contentView
	d.call(t, "GET", target+"/content", "").ok(200).into(&got)
	if diff := cmp.Diff(contentView{Language: "kk", Subject: "S", Text: "T", HTML: "<p>", Attachments: []string{"a.pdf"}}, got); diff != "" {
		t.Errorf("content mismatch (-want +got):\n%s", diff)
	}
	if body := d.call(t, "GET", target, "").ok(200).Body.String(); !strings.Contains(body, `"metadata":{"k":1}`) || !strings.Contains(body, `"attachments":["a.pdf"]`) {
		t.Errorf("the message does not give back metadata and attachments: %s", body)
	}
}

func TestListsHavePages(t *testing.T) {
	d := newDoor(t)
	for _, c := range "0123456789" {
		id := vocab.MessageID("msg_06gywnjy01xbs0938nkrkay" + string(c) + "xw")
		d.messages.byID[id] = dispatcher.Message{ID: id, Status: dispatcher.Sent, CreatedAt: monday}
	}
	var seen []vocab.MessageID
	cursor, pages := "", 0
	for {
		var p page[messageView]
		d.call(t, "GET", "/v1/messages?limit=4&status=sent&cursor="+cursor, "").ok(200).into(&p)
		for _, m := range p.Data {
			seen = append(seen, m.ID)
		}
		pages++
		if cursor = p.NextCursor; cursor == "" || pages > 10 {
			break
		}
	}
	if len(seen) != 10 || pages != 3 || seen[0] < seen[9] {
		t.Errorf("%d messages on %d pages: %v", len(seen), pages, seen)
	}
	if f := d.messages.filters[0]; f.Status != dispatcher.Sent || f.Limit != 4 {
		t.Errorf("filter %+v", f)
	}
	clear(d.messages.byID)
	d.messages.next = aMessage
	if body := d.call(t, "GET", "/v1/messages?status=unknown", "").ok(200).Body.String(); !strings.Contains(body, `"data":[]`) ||
		!strings.Contains(body, `"next_cursor":"`+string(aMessage)+`"`) {
		t.Errorf("a page without entries that is not the last one: %s", body)
	}
}

func TestOrdersAboutAMessage(t *testing.T) {
	d := newDoor(t)
	d.messages.byID[aMessage] = dispatcher.Message{ID: aMessage, Status: dispatcher.Held}
	var m messageView
	d.call(t, "POST", "/v1/messages/"+string(aMessage)+"/cancel", "").ok(200).into(&m)
	if m.Status != dispatcher.Canceled {
		t.Errorf("status %s, want canceled", m.Status)
	}
	d.call(t, "POST", "/v1/messages/"+string(aMessage)+"/resend", "").ok(200).into(&m)
	if m.Status != dispatcher.Queued || d.messages.by != string(liveKey.ID) {
		t.Errorf("status %s by %s", m.Status, d.messages.by)
	}
	var events page[messageEventView]
	d.call(t, "GET", "/v1/messages/"+string(aMessage)+"/events", "").ok(200).into(&events)
	if len(events.Data) != 2 || events.Data[1].Type != "message.sent" {
		t.Errorf("events %+v", events)
	}
	if body := d.call(t, "GET", "/v1/messages/"+string(aMessage)+"/attempts", "").ok(200).Body.String(); strings.Contains(body, "closed_at") {
		t.Errorf("the open attempt is closed: %s", body)
	}
}
