package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/mail"
	"net/smtp"
	"os"
	"strings"
	"testing"

	"github.com/orleu/elshi/internal/testkit"
)

// takesReturnedMail gives an installation that is not started yet an SMTP server for what comes back.
func takesReturnedMail(t *testing.T, w *world, port int) {
	t.Helper()
	file, err := os.OpenFile(w.file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(file, "\ninbound: {listen: \"127.0.0.1:%d\", hostname: mx.orleu.example}\n", port); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// A mailbox that does not exist costs one message: Postfix takes it, cannot deliver it and says so to the envelope sender. The next server
// for everything that this Postfix has is Elshi's own, which knows no mailbox but its bounce addresses.
func TestABounceStopsTheAddress(t *testing.T) {
	t.Parallel()
	returned := testkit.Free(t)
	postfix := testkit.StartPostfix(t, fmt.Sprintf("127.0.0.1:%d", returned))
	w := newWorld(t, mailTo(postfix.Port))
	takesReturnedMail(t, w, returned)
	w.serve(t, "")
	w.key = w.newKey(t, "live")
	w.meet(t, person{name: "Айгүл Серікқызы", language: "kk", email: "aigul@nowhere.example"})
	id := w.sent(t, reply("aigul@nowhere.example", ""))
	w.becomes(t, id, soon, "bounced").has(t, "last_cause=no_such_mailbox")
	w.get(t, "/v1/suppressions?email=aigul@nowhere.example&channel=email").want(t, http.StatusOK).has(t, "data.0.reason=hard_bounce")
	w.send(t, reply("aigul@nowhere.example", "")).has(t, "status=suppressed", "decision.reason.code=suppressed_hard_bounce")
	if metrics := string(w.get(t, "/metrics").want(t, http.StatusOK).Body); !strings.Contains(metrics, `elshi_inbound_mails_total{result="bounced"} 1`) {
		t.Errorf("the metrics do not count one bounce")
	}
}

// List-Unsubscribe offers mail where mail is listened for, and mail to it ends what a click ends.
func TestMailUnsubscribes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	returned := testkit.Free(t)
	takesReturnedMail(t, w, returned)
	w.serve(t, "")
	w.key = w.newKey(t, "live")
	w.meet(t, person{name: "Айгүл", language: "kk", email: "aigul@mail.example", grants: []string{"event.invite"}})
	w.sent(t, invitation("aigul@mail.example"))
	caught, err := mail.ReadMessage(bytes.NewReader(w.arrives(t, "aigul@mail.example", 1)[0].Raw))
	if err != nil {
		t.Fatal(err)
	}
	https, mailto, both := strings.Cut(caught.Header.Get("List-Unsubscribe"), ", ")
	to, subject, found := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(mailto, "<mailto:"), ">"), "?subject=")
	if !both || !found || subject != "unsubscribe" || !strings.HasPrefix(https, "<"+w.base+"/u/") || !strings.HasSuffix(to, "@mail.orleu.example") {
		t.Fatalf("List-Unsubscribe is %q", caught.Header.Get("List-Unsubscribe"))
	}
	if err := smtp.SendMail(fmt.Sprintf("127.0.0.1:%d", returned), nil, "aigul@mail.example", []string{to}, []byte("Subject: "+subject+"\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	w.send(t, invitation("aigul@mail.example")).has(t, "status=suppressed", "decision.reason.code=consent_withdrawn")
}

// Where nobody listens for mail, List-Unsubscribe offers none.
func TestNobodyIsAskedToWriteToNobody(t *testing.T) {
	t.Parallel()
	w := startWorld(t, settings{})
	w.meet(t, person{name: "Айгүл", language: "kk", email: "aigul@mail.example", grants: []string{"event.invite"}})
	w.sent(t, invitation("aigul@mail.example"))
	if raw := string(w.arrives(t, "aigul@mail.example", 1)[0].Raw); strings.Contains(raw, "mailto:unsubscribe") || !strings.Contains(raw, "List-Unsubscribe: <http") {
		t.Errorf("List-Unsubscribe leads to mail that nobody reads, or is not there:\n%s", raw)
	}
}
