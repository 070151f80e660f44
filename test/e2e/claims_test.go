package e2e_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

func TestAnObjectionStopsTheNewsletterAndItsAnswerArrives(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	const to = "objects@orleu.example"
	contact := w.meet(t, person{name: "Айгүл", language: "ru", email: to, grants: []string{"event.invite"}})
	later := time.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339)
	waits := w.send(t, strings.Replace(invitation(to), `, "data"`, `, "send_at": "`+later+`", "data"`, 1)).has(t, "status=scheduled").text(t, "id")
	c := w.post(t, "/v1/claims", `{"contact_id": "`+contact+`", "kind": "objection", "via": "email", "text": "Больше не пишите."}`).want(t, http.StatusCreated)
	c.has(t, "state=open", "canceled.0="+waits)
	w.becomes(t, waits, soon, "canceled")
	number, id := c.text(t, "number"), c.text(t, "id")
	if told := w.arrives(t, to, 1)[0]; !strings.Contains(told.Subject, number) || !strings.Contains(told.Text, "Срок ответа") {
		t.Errorf("acknowledgement: %s\n%s", told.Subject, told.Text)
	}
	w.post(t, "/v1/claims/"+id+"/answer", `{"text": "Мы остановили все рассылки."}`).want(t, http.StatusOK).has(t, "state=answered")
	answer := w.arrives(t, to, 2)[1]
	if !strings.Contains(answer.Text, "Мы остановили все рассылки.") || strings.Contains(answer.Text, "/u/") {
		t.Errorf("answer:\n%s", answer.Text)
	}
	testkit.Eventually(t, soon, func() error {
		if got := w.get(t, "/v1/claims/"+id).text(t, "answer.status"); got != "sent" {
			return errors.New("the answer is " + got)
		}
		return nil
	})
	w.send(t, invitation(to)).has(t, "status=suppressed", "decision.reason.code=processing_withdrawn")
	metrics := string(w.get(t, "/metrics").want(t, http.StatusOK).Body)
	if !strings.Contains(metrics, `elshi_claims_open{state="open"} 0`) {
		t.Errorf("metrics say\n%s", metrics)
	}
	w.get(t, "/v1/claims/"+id+"/evidence").want(t, http.StatusOK).has(t, "claim.number="+number, "messages.0.message.status=canceled")
	w.quietAbout(t, to, "Больше не пишите", "Айгүл")
}
