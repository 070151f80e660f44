package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// texts reads the members of a list.
func texts(v any) []string {
	var list []string
	for _, x := range v.([]any) {
		list = append(list, x.(string))
	}
	return list
}

func TestAnObjectionStopsAllButLegalAndIsAnsweredThroughTheStreet(t *testing.T) {
	s := newStreet(t)
	contact := s.call(t, 201, "POST", "/v1/contacts", `{"name":"Айгүл","language":"kk","addresses":[{"email":"aigul@example.org","verified":true}]}`)["id"].(string)
	send := func(purpose string, status string) string {
		t.Helper()
		body := `{"to":{"contact_id":"` + contact + `"},"channel":"email","purpose":"` + purpose + `","template":"request-answered","trigger":{"id":"` + purpose + `"},
			"send_at":"2026-11-24T05:00:00Z","data":{"request":{"number":"1","question":"Как?","answer":"Так.","url":"https://orleu.example/1"}}}`
		m := s.call(t, 202, "POST", "/v1/messages", body)
		if m["status"] != status {
			t.Fatalf("%s is %v: %v", purpose, m["status"], at(m, "decision"))
		}
		return m["id"].(string)
	}
	service, reply, legal := send("service.notice", "scheduled"), send("request.reply", "scheduled"), send("legal.rights", "scheduled")
	c := s.call(t, 201, "POST", "/v1/claims", `{"contact_id":"`+contact+`","kind":"objection","via":"letter","text":"Больше не пишите мне.","received_at":"2026-11-20T19:30:00Z"}`)
	want := []string{service, reply}
	slices.Sort(want)
	if diff := cmp.Diff(want, texts(c["canceled"])); diff != "" {
		t.Errorf("canceled mismatch (-want +got):\n%s", diff)
	}
	// Received on the 21st by the organisation's clock.
	if c["number"] != "2026-000001" || c["due_at"] != "2026-12-21T19:00:00Z" || c["text"] != "Больше не пишите мне." {
		t.Errorf("claim %v", c)
	}
	if got := s.call(t, 200, "GET", "/v1/messages/"+legal, "")["status"]; got != "scheduled" {
		t.Errorf("the legal message is %v", got)
	}
	for _, purpose := range []string{"service.notice", "request.reply"} {
		send(purpose, "suppressed")
	}
	told := s.call(t, 200, "GET", "/v1/messages/"+c["acknowledged_message_id"].(string)+"/content", "")
	if text := told["text"].(string); !strings.Contains(text, "2026-000001") || !strings.Contains(text, "21 желтоқсан 2026") {
		t.Errorf("acknowledgement:\n%s", text)
	}
	target := "/v1/claims/" + c["id"].(string)
	answered := s.call(t, 200, "POST", target+"/answer", `{"text":"Всё остановлено.","language":"ru"}`)
	if answered["state"] != "answered" || at(answered, "answer", "status") != "queued" {
		t.Fatalf("answered: %v", answered)
	}
	message := at(answered, "answer", "message_id").(string)
	m := s.call(t, 200, "GET", "/v1/messages/"+message, "")
	if m["purpose"] != "legal.claim" || m["class"] != "legal" || m["trigger_id"] != c["id"] || m["reference"] != "2026-000001" {
		t.Errorf("answer message %v", m)
	}
	if text := s.call(t, 200, "GET", "/v1/messages/"+message+"/content", "")["text"].(string); !strings.Contains(text, "Всё остановлено.") {
		t.Errorf("answer:\n%s", text)
	}
	s.call(t, 409, "POST", target+"/answer", `{"text":"Ещё раз."}`)
	s.call(t, 409, "POST", target+"/close", `{"reason":"why not"}`)
	// Called back, the answer has not arrived: the claim shows it and takes another.
	s.call(t, 200, "POST", "/v1/messages/"+message+"/cancel", "")
	if got := s.call(t, 200, "GET", target, "")["state"]; got != "undelivered" {
		t.Errorf("the claim is %v", got)
	}
	if list := s.call(t, 200, "GET", "/v1/claims?state=undelivered", "")["data"].([]any); len(list) != 1 || at(list[0], "text") != nil {
		t.Errorf("undelivered: %v", list)
	}
	if second := s.call(t, 200, "POST", target+"/answer", `{"text":"Теперь точно."}`); second["state"] != "answered" || at(second, "answer", "count") != 2.0 {
		t.Errorf("second answer: %v", second)
	}
	pack := s.call(t, 200, "GET", target+"/evidence", "")
	if n := len(pack["messages"].([]any)); n != 8 {
		t.Errorf("%d messages in evidence, want 8", n)
	}
	kinds := map[string]int{}
	for _, e := range pack["ledger"].([]any) {
		kinds[at(e, "scope").(string)]++
		if at(e, "proof_ref") != c["id"] || !strings.HasPrefix(at(e, "hash").(string), "v2:") {
			t.Errorf("entry %v", e)
		}
	}
	if diff := cmp.Diff(map[string]int{"all": 1, "purpose": 2, "processing": 1}, kinds); diff != "" {
		t.Errorf("scopes mismatch (-want +got):\n%s", diff)
	}
}

func TestAMergedContactSendsWhoeverAsksToTheSurvivor(t *testing.T) {
	s := newStreet(t)
	make := func(name, email string) string {
		return s.call(t, 201, "POST", "/v1/contacts", `{"external_id":"`+name+`","addresses":[{"email":"`+email+`","verified":true}]}`)["id"].(string)
	}
	survivor, gone := make("t-1", "a@example.org"), make("t-2", "b@example.org")
	merge := `{"from":"` + gone + `"}`
	first := s.call(t, 200, "POST", "/v1/contacts/"+survivor+"/merge", merge)
	if again := s.call(t, 200, "POST", "/v1/contacts/"+survivor+"/merge", merge); again["at"] != first["at"] {
		t.Errorf("merged at %v and again at %v", first["at"], again["at"])
	}
	p := s.call(t, 409, "GET", "/v1/contacts/"+gone, "")
	if p["code"] != "contact_merged" || at(p["errors"].([]any)[0], "detail") != survivor {
		t.Errorf("problem %v", p)
	}
	s.call(t, 409, "PATCH", "/v1/contacts/"+gone, `{"name":"x"}`)
	s.call(t, 409, "POST", "/v1/consents", `{"contact_id":"`+gone+`","channel":"email","purpose":"news.company","kind":"grant"}`)
	s.call(t, 409, "POST", "/v1/contacts/"+gone+"/merge", `{"from":"`+survivor+`"}`)
	s.call(t, 409, "POST", "/v1/contacts", `{"external_id":"t-2"}`)
	for _, question := range []string{"external_id=t-2", "external_id=t-1", "email=b@example.org", "email=a@example.org"} {
		list := s.call(t, 200, "GET", "/v1/contacts?"+question, "")["data"].([]any)
		if len(list) != 1 || at(list[0], "id") != survivor {
			t.Errorf("%s: %v", question, list)
		}
	}
	// A caller who has not heard of it yet reaches the survivor; a no is never refused.
	m := s.call(t, 202, "POST", "/v1/messages", `{"to":{"contact_id":"`+gone+`","email":"b@example.org"},"purpose":"request.reply","template":"request-answered","trigger":{"id":"1"},
		"data":{"request":{"number":"1","question":"?","answer":"!","url":"https://orleu.example/1"}}}`)
	if m["contact_id"] != survivor || m["status"] != "queued" {
		t.Errorf("message %v", m)
	}
	s.call(t, 200, "POST", "/v1/consents/withdraw", `{"contact_id":"`+gone+`","scope":"all"}`)
	if c := s.call(t, 200, "GET", "/v1/contacts/"+survivor, ""); c["unsubscribed_all_at"] == nil {
		t.Errorf("contact %v", c)
	}
}
