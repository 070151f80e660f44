package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/orleu/elshi/internal/testkit"
)

const callbackToken = "callback-token-of-kannel-1"

// kannelWorld is an installation whose SMS go through a real Kannel to an operator's message centre.
func kannelWorld(t *testing.T) (*world, *testkit.SMSC) {
	t.Helper()
	port := testkit.Free(t)
	smsc := testkit.StartSMSC(t)
	kannel := testkit.StartKannel(t, smsc, fmt.Sprintf("http://127.0.0.1:%d/callbacks/kannel/%s", port, callbackToken))
	w := startWorld(t, settings{
		Port: port,
		Providers: fmt.Sprintf(`[{id: kannel, channel: sms, driver: kannel, gateway: {url: %q, username: %s, password: %s, callback_token: %s}},
  {id: mail, channel: email, driver: inbox}]`, kannel, testkit.KannelUser, testkit.KannelPassword, callbackToken),
		Senders: `[{id: name, channel: sms, provider: kannel, from: ORLEU, default: true, registered: true},
  {id: mail, channel: email, provider: mail, from: news@orleu.example, default: true}]`,
	})
	return w, smsc
}

// sms asks for a text; more is the rest of the body.
func sms(phone, more string) string { return fmt.Sprintf(`{"to": {"phone": %q}, %s}`, phone, more) }

const (
	smsAnswer = `"purpose": "request.reply", "template": "request-answered", "trigger": {"id": "r"}, "data": {"request": {"number": "2026-1187", "question": "?", "answer": "!", "url": "https://orleu.example/r/1187"}}`
	smsNotice = `"purpose": "service.notice", "template": "request-answered", "data": {"request": {"number": "1", "question": "?", "answer": "!", "url": "https://orleu.example/r"}}`
)

func smsInvitation(phone string) string {
	return strings.NewReplacer(`"email": "x"`, `"phone": "`+phone+`"`, "Lesson Study", "Сабақты зерттеу үйірмесі").Replace(invitation("x"))
}

// textOf is what an SMS reads like.
func (w *world) textOf(t *testing.T, id string) string {
	t.Helper()
	return w.get(t, "/v1/messages/"+id+"/content").want(t, http.StatusOK).text(t, "sms")
}

// parts reads the parts of one text at the message centre until they make up the whole.
func parts(t *testing.T, smsc *testkit.SMSC, to, want string) {
	t.Helper()
	got := ""
	for len(got) < len(want) {
		p := smsc.Next(t, "text")
		if p.From != "ORLEU" || p.To != to || p.TON != 1 {
			t.Errorf("the SMSC got a text from %s to %s (type %d), want from ORLEU to international %s", p.From, p.To, p.TON, to)
		}
		got += p.Text
	}
	if got != want {
		t.Errorf("the SMSC's text is\n%s\nwant\n%s", got, want)
	}
}

func TestSMSThroughKannel(t *testing.T) {
	t.Parallel()
	w, smsc := kannelWorld(t)
	contact := w.meet(t, person{name: "Айгүл", language: "kk", phone: "+77011112233", grants: []string{"event.invite"}})

	t.Run("a Kazakh text arrives as it is and is reported delivered", func(t *testing.T) {
		for _, body := range []string{sms("+7 701 111 22 33", smsAnswer), smsInvitation("+77011112233")} {
			id := w.send(t, body).text(t, "id")
			text := w.textOf(t, id)
			if !strings.ContainsAny(text, "әғқңөұүһі") {
				t.Errorf("the text is not Kazakh: %s", text)
			}
			parts(t, smsc, "77011112233", text)
			w.becomes(t, id, soon, "delivered").has(t, "group=delivered", "attempt=1")
			w.get(t, "/v1/messages/"+id+"/events").want(t, http.StatusOK).has(t, "data.1.type=message.sent", "data.2.type=message.delivered", "data.3=")
		}
	})
	t.Run("a failed receipt is undelivered", func(t *testing.T) {
		w.meet(t, person{name: "Дмитрий", language: "ru", phone: "+77012340000"})
		id := w.send(t, sms("+77012340000", smsAnswer)).text(t, "id")
		parts(t, smsc, "77012340000", w.textOf(t, id))
		w.becomes(t, id, soon, "undelivered").has(t, "group=not_delivered")
	})

	stopped := func() string {
		return w.get(t, "/v1/suppressions?phone=%2B77011112233").want(t, http.StatusOK).text(t, "data.0.reason")
	}
	for _, word := range []string{"STOP", "стоп!", "Тоқтату", "ТОКТАТ", "CТOП рассылка", "бас тарту"} {
		t.Run("stopped by "+word, func(t *testing.T) {
			smsc.Say(t, "77011112233", "1414", word)
			testkit.Eventually(t, soon, func() error {
				if stopped() != "channel_stop" {
					return errors.New("not suppressed yet")
				}
				return nil
			})
			for _, body := range []string{smsInvitation("+77011112233"), sms("+77011112233", smsNotice), sms("+77011112233", smsAnswer)} {
				w.send(t, body).has(t, "status=suppressed", "decision.reason.code=channel_stopped")
			}
			id := w.send(t, code("phone", "+77011112233", "482913")).has(t, "status=queued").text(t, "id")
			parts(t, smsc, "77011112233", "Код: 482913. 10 минут жарамды. Оны ешкімге айтпаңыз. Өрлеу")
			w.becomes(t, id, soon, "delivered")

			smsc.Say(t, "77011112233", "1414", "СТАРТ")
			testkit.Eventually(t, soon, func() error {
				if w.get(t, "/v1/suppressions?phone=%2B77011112233").text(t, "data.0.lifted_at") == "" && stopped() != "" {
					return errors.New("not lifted yet")
				}
				return nil
			})
			w.send(t, smsInvitation("+77011112233")).has(t, "status=suppressed", "decision.reason.code=consent_withdrawn")
			again := w.send(t, sms("+77011112233", smsAnswer)).has(t, "status=queued").text(t, "id")
			parts(t, smsc, "77011112233", w.textOf(t, again))
			w.becomes(t, again, soon, "delivered")
		})
	}
	t.Run("a word among others stops nothing", func(t *testing.T) {
		smsc.Say(t, "77011112233", "1414", "Когда стоп-кран починят?")
		smsc.Say(t, "77011112299", "1414", "STOP") // texts are read in order; this one shows that the other was
		testkit.Eventually(t, soon, func() error {
			if w.get(t, "/v1/suppressions?phone=%2B77011112299").text(t, "data.0.reason") != "channel_stop" {
				return errors.New("a number that is nobody's is not stopped yet")
			}
			return nil
		})
		id := w.send(t, sms("+77011112233", smsAnswer)).has(t, "status=queued").text(t, "id")
		w.becomes(t, id, soon, "delivered")
	})
	t.Run("the contact's consents show the withdrawal and no grant", func(t *testing.T) {
		w.get(t, "/v1/contacts/"+contact+"/consents").want(t, http.StatusOK).has(t, "data.0.purpose=event.invite", "data.0.state=withdrawn")
	})
	t.Run("a callback without the token is not believed", func(t *testing.T) {
		for _, path := range []string{"/callbacks/kannel/wrong-token-of-kannel", "/callbacks/nobody/" + callbackToken} {
			w.with("").get(t, path+"?from=%2B77011112233&to=1414&text=STOP&charset=UTF-8&event=x").want(t, http.StatusNotFound)
		}
		if reason := w.get(t, "/v1/suppressions?phone=%2B77011112233").text(t, "data.0.lifted_at"); reason == "" && stopped() != "" {
			t.Error("it was")
		}
	})
}
