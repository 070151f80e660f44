package e2e_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// "It may be lost whole": without Redis messages are taken in and kept, and /readyz says so.
func TestRedisMayBeAway(t *testing.T) {
	t.Parallel()
	redis, sink := testkit.Redis(t), testkit.NewSMTPSink(t, testkit.SinkOptions{})
	redis.Stop(t) // away at the start
	s := mailTo(sink.Port)
	s.Redis = redis.URL()
	w := startWorld(t, s)
	w.meet(t, person{name: "Aigul", language: "en", email: "away@orleu.example"})
	degraded := func() {
		t.Helper()
		ready := w.get(t, "/readyz").want(t, http.StatusOK).has(t, "status=degraded", "checks.0.name=ledger", "checks.0.ok=true", "checks.1.name=queue", "checks.1.ok=false")
		if ready.text(t, "checks.1.affects") == "" {
			t.Error("/readyz does not say what is affected")
		}
	}
	early := w.send(t, reply("away@orleu.example", "")).has(t, "status=queued").text(t, "id")
	degraded()
	w.get(t, "/v1/messages/"+early).has(t, "status=queued")
	redis.Start(t)
	w.becomes(t, early, time.Minute, "sent")
	w.get(t, "/readyz").want(t, http.StatusOK).has(t, "status=ready")

	redis.Kill(t) // and in the middle
	late := w.send(t, reply("away@orleu.example", "")).has(t, "status=queued").text(t, "id")
	degraded()
	redis.Start(t)
	redis.Flush(t) // with nothing left in it
	w.becomes(t, late, time.Minute, "sent")
	if n := sink.Count(); n != 2 {
		t.Errorf("the mail server has %d mails, want 2", n)
	}
}

// Not knowing is never answered as "there is none", and never as done.
func TestPostgreSQLMayBeAway(t *testing.T) {
	t.Parallel()
	pg, redis := testkit.OwnPostgres(t), testkit.Redis(t)
	sink := testkit.NewSMTPSink(t, testkit.SinkOptions{KeepRaw: true})
	database := pg.CreateDatabase(t)
	s := mailAlone(sink.Port)
	s.Database, s.Owner, s.Redis = database.Service, database.Owner, redis.URL()
	w := newWorld(t, s)
	w.run(t, "migrate")
	p := w.serve(t, "")
	w.key = w.newKey(t, "live")
	contact := w.meet(t, person{name: "Aigul", language: "en", email: "away@orleu.example", grants: []string{"event.invite"}})
	id := w.sent(t, invitation("away@orleu.example"))
	unsubscribe := between(t, sink.Messages()[0].Raw, "List-Unsubscribe: <", ">")

	pg.Stop(t)
	for _, a := range []answer{
		w.post(t, "/v1/messages", reply("away@orleu.example", "")),
		w.post(t, "/v1/messages/batch", `{"messages": [`+reply("away@orleu.example", "")+`]}`),
		w.get(t, "/v1/messages/"+id),
		w.get(t, "/v1/contacts/"+contact),
		w.post(t, "/v1/consents/withdraw", `{"contact_id": "`+contact+`", "scope": "all"}`),
		w.with("elshi_live_"+strings.Repeat("0", 32)).get(t, "/v1/messages"), // nor is a key unknown that cannot be looked up
	} {
		if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d with Retry-After %q as %s, want 503 application/problem+json\n%s", a.request, a.Status, a.Header.Get("Retry-After"),
				a.Header.Get("Content-Type"), a.Body)
		}
	}
	const form = "Content-Type: application/x-www-form-urlencoded"
	if a := w.with("").post(t, unsubscribe, "List-Unsubscribe=One-Click", form).want(t, http.StatusServiceUnavailable); a.Header.Get("Retry-After") == "" {
		t.Error("one-click has no Retry-After")
	}
	for _, kind := range []string{"/u/", "/p/", "/w/"} { // tokens of other kinds are not known without asking the ledger, and say 404
		if a := w.with("").get(t, strings.Replace(unsubscribe, "/u/", kind, 1)); a.Status == http.StatusOK {
			t.Errorf("a page at %s without the ledger: %d", kind, a.Status)
		}
	}
	w.get(t, "/readyz").want(t, http.StatusServiceUnavailable).has(t, "status=not_ready", "checks.0.name=ledger", "checks.0.ok=false")
	w.get(t, "/healthz").want(t, http.StatusOK)

	pg.Start(t)
	testkit.Eventually(t, soon, func() error {
		_, err := w.try(http.MethodGet, "/readyz", nil)
		return err
	})
	w.get(t, "/v1/messages/"+id).want(t, http.StatusOK).has(t, "status=sent")
	w.sent(t, reply("away@orleu.example", ""))
	w.send(t, invitation("away@orleu.example")).has(t, "decision.verdict=allow") // what was refused with 503 did not happen
	if !p.Running() {
		t.Error("the process has ended")
	}
}

// between cuts a piece out of a text.
func between(t *testing.T, text, from, to string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, from)
	piece, _, ends := strings.Cut(rest, to)
	if !found || !ends {
		t.Fatalf("no %q … %q in\n%s", from, to, text)
	}
	return piece
}
