package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// in is a moment as requests carry it.
func in(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339Nano) }

func moment(t *testing.T, a answer, path string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, a.text(t, path))
	if err != nil {
		t.Fatalf("%s of\n%s\nis no time: %v", path, a.Body, err)
	}
	return at
}

func TestMessagesWaitForTheirTime(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	w.meet(t, person{name: "Aigul", language: "en", email: "later@orleu.example", grants: []string{"event.invite"}})

	t.Run("send_at delivers later, not before", func(t *testing.T) {
		at := in(2 * time.Second)
		id := w.send(t, reply("later@orleu.example", `, "send_at": "`+at+`"`)).has(t, "status=scheduled").text(t, "id")
		sent := w.becomes(t, id, soon, "sent")
		if due, _ := time.Parse(time.RFC3339Nano, at); moment(t, sent, "sent_at").Before(due) {
			t.Errorf("sent at %s, and was to wait until %s", sent.text(t, "sent_at"), at)
		}
	})
	t.Run("a scheduled message is canceled, once", func(t *testing.T) {
		before := len(w.inbox(t, "later@"))
		at := in(2 * time.Second)
		id := w.send(t, reply("later@orleu.example", `, "send_at": "`+at+`"`)).text(t, "id")
		w.post(t, "/v1/messages/"+id+"/cancel", "").want(t, http.StatusOK).has(t, "status=canceled", "group=not_sent")
		w.post(t, "/v1/messages/"+id+"/cancel", "").want(t, http.StatusConflict)
		// One that is sent after it shows that its time has come and gone.
		w.sent(t, reply("later@orleu.example", `, "send_at": "`+in(3*time.Second)+`"`))
		w.get(t, "/v1/messages/"+id).has(t, "status=canceled", "attempt=0")
		w.arrives(t, "later@", before+1)
		sent := w.sent(t, reply("later@orleu.example", ""))
		w.post(t, "/v1/messages/"+sent+"/cancel", "").want(t, http.StatusConflict)
	})
	t.Run("a paused provider holds, a resumed one sends", func(t *testing.T) {
		w.post(t, "/v1/providers/inbox-email/pause", `{"reason": "moving house"}`).want(t, http.StatusOK)
		w.post(t, "/v1/providers/inbox-email/pause", `{"reason": "another"}`).want(t, http.StatusOK).has(t, "reason=moving house")
		held := w.send(t, reply("later@orleu.example", "")).has(t, "status=held", "decision.reason.code=provider_paused").text(t, "id")
		dies := w.send(t, reply("later@orleu.example", `, "expires_at": "`+in(2*time.Second)+`"`)).has(t, "status=held").text(t, "id")
		if ready := w.get(t, "/readyz").want(t, http.StatusOK).has(t, "status=degraded"); !strings.Contains(string(ready.Body), "inbox-email") {
			t.Errorf("/readyz does not name the provider:\n%s", ready.Body)
		}
		w.becomes(t, dies, soon, "expired").has(t, "group=not_delivered", "attempt=0")
		w.get(t, "/v1/messages/"+held).has(t, "status=held", "attempt=0")
		w.post(t, "/v1/providers/inbox-email/resume", "").want(t, http.StatusOK)
		w.becomes(t, held, soon, "sent")
		w.get(t, "/v1/messages/"+dies).has(t, "status=expired")
		w.get(t, "/readyz").want(t, http.StatusOK).has(t, "status=ready")
		w.post(t, "/v1/providers/no-such/pause", "{}").want(t, http.StatusNotFound)
	})
	t.Run("events tell the life of a message", func(t *testing.T) {
		id := w.sent(t, reply("later@orleu.example", `, "send_at": "`+in(time.Second)+`"`))
		w.get(t, "/v1/messages/"+id+"/events").want(t, http.StatusOK).has(t, "data.0.type=message.scheduled", "data.1.type=message.sent", "data.1.attempt=1", "data.2=")
	})
}

// Marketing is held outside its window and goes out when the window opens. Windows are whole minutes, so this opens one at the next.
func TestQuietHoursEnd(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Asia/Almaty")
	if err != nil {
		t.Fatal(err)
	}
	opens := time.Now().In(zone).Add(15 * time.Second).Truncate(time.Minute).Add(time.Minute)
	w := newWorld(t, settings{MailFrom: opens.Format("15:04")})
	w.serve(t, "")
	w.key = w.newKey(t, "live")
	w.meet(t, person{name: "Aigul", language: "en", email: "night@orleu.example", grants: []string{"event.invite"}})

	held := w.send(t, invitation("night@orleu.example")).has(t, "status=held", "decision.verdict=hold", "decision.reason.code=quiet_hours")
	if until := moment(t, held, "decision.until"); !until.Equal(opens) {
		t.Errorf("held until %s, the window opens at %s", until, opens)
	}
	w.sent(t, reply("night@orleu.example", "")) // only marketing waits for the morning
	sent := w.becomes(t, held.text(t, "id"), 2*time.Minute, "sent").has(t, "verdict=allow", "reason=ok")
	if at := moment(t, sent, "sent_at"); at.Before(opens) {
		t.Errorf("sent at %s, before the window opened at %s", at, opens)
	}
	w.arrives(t, "night@", 2)
}

// A marketing message whose hand-over nobody can tell of is never repeated by itself, only on an operator's order.
func TestOnlyAnOrderRepeatsAnUnknown(t *testing.T) {
	t.Parallel()
	sink := testkit.NewSMTPSink(t, testkit.SinkOptions{})
	sink.Fail(testkit.Fault{At: testkit.AfterDot, Times: 1, Cut: true})
	w := startWorld(t, mailTo(sink.Port))
	w.meet(t, person{name: "Aigul", language: "en", email: "doubt@orleu.example", grants: []string{"event.invite"}})
	id := w.send(t, invitation("doubt@orleu.example")).text(t, "id")
	w.becomes(t, id, soon, "unknown").has(t, "attempt=1", "group=unconfirmed")
	for range 3 { // more mail goes out, and this one does not
		w.sent(t, reply("doubt@orleu.example", ""))
	}
	w.get(t, "/v1/messages/"+id).has(t, "status=unknown", "attempt=1")
	w.post(t, "/v1/messages/"+id+"/resend", "").want(t, http.StatusOK)
	w.becomes(t, id, soon, "sent").has(t, "attempt=2", "possible_duplicate=true")
	if n := sink.Count(); n != 5 {
		t.Errorf("the mail server has %d mails, want 5", n)
	}
	w.post(t, "/v1/messages/"+id+"/resend", "").want(t, http.StatusConflict)
	events := string(w.get(t, "/v1/messages/"+id+"/events").want(t, http.StatusOK).Body)
	if !strings.Contains(events, `"actor":"key_`) {
		t.Errorf("the events do not say who ordered it: %s", events)
	}
}

// The bounce table's most common row, from the server's reply to the next refusal.
func TestABouncedAddressIsSuppressed(t *testing.T) {
	t.Parallel()
	sink := testkit.NewSMTPSink(t, testkit.SinkOptions{})
	sink.Fail(testkit.Fault{At: testkit.AtRcpt, To: "gone@orleu.example", Reply: "550 5.1.1 no such user"})
	w := startWorld(t, mailTo(sink.Port))
	w.meet(t, person{name: "Gone", language: "en", email: "gone@orleu.example", grants: []string{"event.invite"}})
	id := w.send(t, reply("gone@orleu.example", "")).text(t, "id")
	w.becomes(t, id, soon, "bounced").has(t, "last_cause=no_such_mailbox")
	w.send(t, invitation("gone@orleu.example")).has(t, "status=suppressed", "decision.reason.code=suppressed_hard_bounce")
	found := w.get(t, "/v1/suppressions?email=gone@orleu.example").want(t, http.StatusOK).has(t, "data.0.reason=hard_bounce")
	suppression := "/v1/suppressions/" + found.text(t, "data.0.id")
	w.call(t, http.MethodDelete, suppression, "").want(t, http.StatusUnprocessableEntity) // nobody lifts a bounce without saying why
	w.call(t, http.MethodPost, suppression+"/lift", `{"reason": "the mailbox is back"}`).want(t, http.StatusOK)
	sink.Clear()
	w.sent(t, reply("gone@orleu.example", ""))
	if n := sink.Count(); n != 1 {
		t.Errorf("the mail server has %d mails, want 1", n)
	}
}
