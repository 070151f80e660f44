package api

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/members"
	"github.com/orleu/elshi/vocab"
)

// operations returns every operation that needs a key.
func (d *door) operations() []*huma.Operation {
	var all []*huma.Operation
	for _, item := range d.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil && len(op.Security) > 0 {
				all = append(all, op)
			}
		}
	}
	return all
}

func TestAKeyThatIsNotLiveMayDoWhatIsListedAlone(t *testing.T) {
	d := newDoor(t, func(o *Options) { o.RateBurst = 1000 })
	path := strings.NewReplacer("{number}", "1", "{slug}", "x", "{address_id}", "adr_06gywnjy01xbs0938nkrkaydxw", "{id}", "msg_06gywnjy01xbs0938nkrkaydxw")
	var open, named []string
	for _, op := range d.operations() {
		for mode, secret := range map[dispatcher.Mode]string{dispatcher.Test: testSecret, dispatcher.GuestList: guestSecret} {
			r := d.call(t, op.Method, path.Replace(op.Path), "", "Authorization: Bearer "+secret)
			if r.Code != 403 {
				open = append(open, string(mode)+" "+op.OperationID)
				continue
			}
			if rights[op.OperationID].keys == noKeys {
				r.problem(403, "member_needed")
				continue
			}
			if p := r.problem(403, "key_mode_forbidden"); !strings.Contains(p.Detail, "live key") {
				t.Errorf("%s: %q does not say which key it takes", op.OperationID, p.Detail)
			}
		}
		if r := d.call(t, op.Method, path.Replace(op.Path), ""); (r.Code == 403) != (rights[op.OperationID].keys == noKeys) {
			t.Errorf("%s answers a live key %d", op.OperationID, r.Code)
		}
	}
	for _, id := range []string{
		"create-message", "create-messages", "preview-message", "list-messages", "get-message", "list-message-events", "list-message-attempts",
		"get-message-decision", "get-message-content", "cancel-message", "list-templates", "get-template", "get-template-version", "list-purposes",
		"list-inbox", "get-inbox-message",
	} {
		named = append(named, "test "+id, "guest_list "+id)
	}
	slices.Sort(open)
	slices.Sort(named)
	if diff := cmp.Diff(named, open); diff != "" {
		t.Errorf("open operations mismatch (-want +got):\n%s", diff)
	}
	if len(d.withdrawn) > 0 || len(d.pauses) > 0 || len(d.consents.recorded) > 0 {
		t.Error("a refused call did something")
	}
}

func TestAnOperationWithoutARowIsNobodysAndIsNotServed(t *testing.T) {
	for _, mode := range []dispatcher.Mode{dispatcher.Live, dispatcher.Test, dispatcher.GuestList, "of tomorrow", ""} {
		if rightOf("new-route").refuse(&visit{key: dispatcher.APIKey{ID: "key_1", Mode: mode}}) == nil {
			t.Errorf("a key of mode %q may call what nobody listed", mode)
		}
	}
	if rightOf("new-route").refuse(&visit{member: members.Member{ID: "mem_1", Roles: members.Roles()}}) == nil {
		t.Error("a member with every role may call what nobody listed")
	}
	kept := rights["list-purposes"]
	delete(rights, "list-purposes")
	defer func() { rights["list-purposes"] = kept }()
	if _, err := New(newDoorOptions(t)); err == nil || !strings.Contains(err.Error(), "list-purposes") {
		t.Errorf("New: %v, want an error that names the operation", err)
	}
}

func TestAKeyThatIsNotLiveSeesItsOwnMessagesAlone(t *testing.T) {
	d := newDoor(t)
	theirs, own := aMessage, vocab.MessageID("msg_06gywnjy01xbs0938nkrkaydx0")
	d.messages.byID[theirs] = dispatcher.Message{ID: theirs, APIKey: liveKey.ID, Status: dispatcher.Held}
	d.messages.byID[own] = dispatcher.Message{ID: own, APIKey: testKey.ID, Status: dispatcher.Held}
	d.messages.payload = dispatcher.StoredContent{Payload: dispatcher.Payload{Data: []byte("{}")}}
	asTest := "Authorization: Bearer " + testSecret
	for _, x := range []struct{ method, path string }{
		{"GET", ""}, {"GET", "/events"}, {"GET", "/attempts"}, {"GET", "/decision"}, {"GET", "/content"}, {"POST", "/cancel"},
	} {
		p := d.call(t, x.method, "/v1/messages/"+string(theirs)+x.path, "", asTest).problem(404, "message_not_found")
		none := d.call(t, x.method, "/v1/messages/msg_06gywnjy01xbs0938nkrkaydxc"+x.path, "", asTest).problem(404, "message_not_found")
		if p.Detail != none.Detail {
			t.Errorf("%s %s: %q tells it from a message that is not there: %q", x.method, x.path, p.Detail, none.Detail)
		}
		d.call(t, x.method, "/v1/messages/"+string(own)+x.path, "", asTest).ok(200)
		d.call(t, x.method, "/v1/messages/"+string(theirs)+x.path, "").ok(200)
	}
	d.call(t, "GET", "/v1/messages", "", asTest).ok(200)
	d.call(t, "GET", "/v1/messages?api_key_id="+string(testKey.ID), "", asTest).ok(200)
	if body := d.call(t, "GET", "/v1/messages?api_key_id="+string(liveKey.ID), "", asTest).ok(200).Body.String(); !strings.Contains(body, `"data":[]`) {
		t.Errorf("another key's messages: %s", body)
	}
	d.call(t, "GET", "/v1/messages", "").ok(200)
	var asked []vocab.APIKeyID
	for _, f := range d.messages.filters {
		asked = append(asked, f.APIKey)
	}
	if diff := cmp.Diff([]vocab.APIKeyID{testKey.ID, testKey.ID, ""}, asked); diff != "" {
		t.Errorf("keys that the ledger was asked for mismatch (-want +got):\n%s", diff)
	}
}

func TestWhatStandsOnNoConsentIsNotWithdrawn(t *testing.T) {
	contact := `{"contact_id":"` + string(aContact) + `",`
	for _, tc := range []struct {
		name, target, body, pointer string // pointer "": it is taken
	}{
		{"a reply", "/v1/consents/withdraw", `"scope":"purpose","purpose":"request.reply"}`, "/purpose not_by_consent"},
		{"a one-time code", "/v1/consents/withdraw", `"scope":"purpose","purpose":"account.identity","channel":"sms"}`, "/purpose not_by_consent"},
		{"a legal notice", "/v1/consents/withdraw", `"scope":"purpose","purpose":"legal.claim"}`, "/purpose not_by_consent"},
		{"a breach", "/v1/consents/withdraw", `"scope":"purpose","purpose":"legal.breach"}`, "/purpose not_by_consent"},
		{"a topic of a reply", "/v1/consents/withdraw", `"scope":"topic","purpose":"request.reply","topic":"x"}`, "/purpose not_by_consent"},
		{"a topic of a service", "/v1/consents/withdraw", `"scope":"topic","purpose":"service.notice","topic":"x"}`, "/topic not_by_topic"},
		{"a refusal of replies", "/v1/consents", `"kind":"refuse","purpose":"request.reply","channel":"email"}`, "/purpose not_by_consent"},
		{"a grant of replies", "/v1/consents", `"kind":"grant","purpose":"request.reply","channel":"email"}`, "/purpose not_by_consent"},
		{"a service", "/v1/consents/withdraw", `"scope":"purpose","purpose":"service.notice"}`, ""},
		{"a newsletter", "/v1/consents/withdraw", `"scope":"purpose","purpose":"news.company"}`, ""},
		{"a topic of a newsletter", "/v1/consents/withdraw", `"scope":"topic","purpose":"news.company","topic":"x"}`, ""},
		{"a topic of whatever purpose", "/v1/consents/withdraw", `"scope":"topic","topic":"x"}`, ""},
		{"everything", "/v1/consents/withdraw", `"scope":"all"}`, ""},
		{"a refusal of a service", "/v1/consents", `"kind":"refuse","purpose":"service.notice","channel":"email"}`, ""},
		{"a grant of the processing", "/v1/consents", `"kind":"grant","purpose":"processing.core"}`, ""},
	} {
		d := newDoor(t)
		r := d.call(t, "POST", tc.target, contact+tc.body)
		if tc.pointer == "" {
			if r.Code >= 300 || len(d.withdrawn)+len(d.consents.recorded) != 1 {
				t.Errorf("%s: answered %d, want it in the ledger once: %s", tc.name, r.Code, r.Body)
			}
			continue
		}
		p := r.problem(409, "consent_unchanged")
		if len(p.Errors) != 1 || p.Errors[0].Pointer+" "+p.Errors[0].Code != tc.pointer {
			t.Errorf("%s: errors %+v, want %s", tc.name, p.Errors, tc.pointer)
		}
		if len(d.withdrawn)+len(d.consents.recorded) > 0 {
			t.Errorf("%s: it is in the ledger", tc.name)
		}
	}
}

func TestAnEmptyIdempotencyKeyIsNotNone(t *testing.T) {
	for _, route := range []struct{ path, body string }{
		{"/v1/messages", goodMessage}, {"/v1/messages/batch", `{"messages":[` + goodMessage + `]}`},
	} {
		d := newDoor(t)
		r := httptest.NewRequestWithContext(t.Context(), "POST", route.path, strings.NewReader(route.body))
		r.Header.Set("Authorization", "Bearer "+liveSecret)
		r.Header.Set("Content-Type", "application/json")
		r.Header["Idempotency-Key"] = []string{""}
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		p := answered{w, t}.problem(422, "invalid_request")
		if len(p.Errors) != 1 || p.Errors[0].Parameter != "Idempotency-Key" || !strings.Contains(p.Errors[0].Detail, "1 to 255") || len(d.submitter.calls) > 0 {
			t.Errorf("%s: %+v, want the header named and nothing submitted", route.path, p.Errors)
		}
	}
}

func TestTheYearOneIsATimeToo(t *testing.T) {
	d := newDoor(t)
	d.call(t, "POST", "/v1/messages", strings.TrimSuffix(goodMessage, "}")+`,"send_at":"0001-01-01T00:00:00Z","expires_at":null}`).ok(202)
	if r := d.submitter.calls[0].requests[0]; r.SendAt.IsZero() || r.SendAt.Year() != 1 || !r.ExpiresAt.IsZero() {
		t.Errorf("send_at %v, expires_at %v: want the year 1 and none", r.SendAt, r.ExpiresAt)
	}
}
