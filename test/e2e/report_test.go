package e2e_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// Somebody confirms a sign-up and gets the receipt, once, also if the process is killed at that moment. Then a newsletter comes that they say
// should not have: it stops, the officer hears of it, and who objects afterwards has everything else stopped as well.
func TestAReceiptComesOnceAndAReportStopsTheMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	file, err := os.OpenFile(w.file, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("ledger: {mail_to: officer@orleu.example, mail_language: ru}\n"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	process := w.serve(t, "")
	w.key = w.newKey(t, "live")
	nobody := w.with("")
	const email = "reader@report.example"
	w.post(t, "/v1/opt-ins", `{"email": "`+email+`", "language": "ru", "grants": [{"purpose": "news.company"}, {"purpose": "event.invite"}]}`).want(t, http.StatusAccepted)
	confirmed := nobody.post(t, link(t, w.arrives(t, email, 1)[0].Text, "c"), "", asForm, browser).want(t, http.StatusOK)
	process.Kill(t) // perhaps before the receipt was mailed, perhaps after, perhaps in between
	process = w.serve(t, "")
	mail := w.arrives(t, email, 2)[1]
	if mail.Subject != "Ваше согласие записано" || !strings.Contains(mail.Text, "Новости") || !strings.Contains(mail.Text, "Приглашения на мероприятия") {
		t.Errorf("receipt: %s\n%s", mail.Subject, mail.Text)
	}
	receipt := link(t, mail.Text, "r")
	if !strings.Contains(string(confirmed.Body), strings.TrimPrefix(receipt, w.base)) {
		t.Errorf("the page has not the receipt of the mail:\n%s", confirmed.Body)
	}
	nobody.get(t, receipt, browser).want(t, http.StatusOK)
	var signed struct{ JWS string }
	if err := json.Unmarshal(nobody.get(t, receipt+"/receipt.json").want(t, http.StatusOK).Body, &signed); err != nil || strings.Count(signed.JWS, ".") != 2 {
		t.Errorf("signed receipt: %v, %q", err, signed.JWS)
	}
	process.Kill(t)
	w.serve(t, "")

	news := w.sent(t, newsletter(email))
	newsMail := w.arrives(t, email, 3)[2] // the third: no receipt came twice
	later := time.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339)
	waits := w.send(t, strings.Replace(newsletter(email), `, "data"`, `, "send_at": "`+later+`", "data"`, 1)).has(t, "status=scheduled").text(t, "id")
	why := link(t, newsMail.Text, "w")
	for _, path := range []string{"", "/report", "/object"} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			nobody.call(t, method, why+path, "", browser, "Sec-Purpose: prefetch")
		}
	}
	w.get(t, "/v1/messages/"+waits).has(t, "status=scheduled")
	bodies := make([]string, 4)
	var all sync.WaitGroup
	for i := range bodies { // pressed many times at once
		all.Go(func() {
			bodies[i] = string(nobody.post(t, why+"/report", url.Values{"text": {"Я не подписывался"}}.Encode(), asForm, browser).Body)
		})
	}
	all.Wait()
	list := w.get(t, "/v1/claims").want(t, http.StatusOK)
	list.has(t, "data.0.kind=complaint", "data.0.via=link", "data.0.message_id="+news, "data.0.state=open")
	number := list.text(t, "data.0.number")
	if strings.Contains(string(list.Body), `"2026-000002"`) || !strings.HasSuffix(number, "-000001") {
		t.Errorf("claims: %s", list.Body)
	}
	for _, body := range bodies {
		if !strings.Contains(body, number) || !strings.Contains(body, "Отозвано 1 сообщение") {
			t.Errorf("a press is answered\n%s", body)
		}
	}
	w.becomes(t, waits, soon, "canceled")
	w.send(t, newsletter(email)).has(t, "status=suppressed", "decision.reason.code=suppressed_complaint")
	w.get(t, "/v1/messages/"+news+"/events").want(t, http.StatusOK).has(t, "data.2.type=message.complained")
	testkit.Eventually(t, 2*time.Minute, func() error { // the watch looks every minute
		for _, m := range w.inbox(t, "officer@orleu.example") {
			if strings.Contains(m.Subject, number) && strings.Contains(m.Text, news) {
				return nil
			}
		}
		return errors.New("the officer has not heard of it")
	})

	objected := nobody.post(t, why+"/object", "", asForm, browser).want(t, http.StatusOK)
	if !strings.Contains(string(objected.Body), "Ваше возражение зарегистрировано") {
		t.Errorf("the objection is answered\n%s", objected.Body)
	}
	w.send(t, reply(email, "")).has(t, "status=suppressed", "decision.reason.code=processing_withdrawn")
	w.quietAbout(t, email, "Я не подписывался")
}
