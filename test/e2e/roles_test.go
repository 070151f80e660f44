package e2e_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orleu/elshi/internal/testkit"
)

// mailAlone is mailTo without SMS: the catcher is not there beside PostgreSQL.
func mailAlone(port int) settings {
	return settings{Providers: "[" + relay(port) + "]", Senders: "[" + relaySender + "]"}
}

// "Run it for real": PostgreSQL with two roles, Redis, and a process for each role of Elshi.
func TestProcessesShareTheWork(t *testing.T) {
	t.Parallel()
	redis, sink := testkit.Redis(t), testkit.NewSMTPSink(t, testkit.SinkOptions{})
	database := testkit.Postgres(t).CreateDatabase(t)
	s := mailAlone(sink.Port)
	s.Database, s.Owner, s.Redis = database.Service, database.Owner, redis.URL()
	w := newWorld(t, s)

	early := w.start(t, nil, "serve")
	if code := early.Wait(t, soon); code != 1 || !strings.Contains(early.Stderr(), "elshi migrate") {
		t.Errorf("serve before migrate: exit code %d, want 1 and what to do:\n%s", code, early.Stderr())
	}
	for range 2 { // a second time changes nothing
		if out := w.run(t, "migrate"); out != "the database is up to date" {
			t.Errorf("migrate says %q", out)
		}
	}
	refused := w.start(t, nil, "serve", "--demo")
	if code := refused.Wait(t, soon); code != 1 {
		t.Errorf("--demo on PostgreSQL: exit code %d, want 1", code)
	}
	w.serve(t, "api")
	worker := w.serve(t, "worker")
	w.serve(t, "feeder")
	w.key = w.newKey(t, "live")

	w.meet(t, person{name: "Айгүл", language: "kk", email: "aigul@roles.example", grants: []string{"event.invite"}})
	id := w.sent(t, invitation("aigul@roles.example"))
	w.get(t, "/v1/messages/"+id+"/decision?lang=en").want(t, http.StatusOK).has(t, "verdict=allow", "basis=consent")
	if n := sink.Count(); n != 1 {
		t.Errorf("the mail server has %d mails, want 1", n)
	}
	w.get(t, "/v1/inbox").want(t, http.StatusNotFound) // "never in production"
	w.get(t, "/readyz").want(t, http.StatusOK).has(t, "status=ready")

	// Without a worker messages wait and nothing is lost.
	worker.Interrupt(t)
	if code := worker.Wait(t, soon); code != 0 {
		t.Errorf("the worker's exit code is %d", code)
	}
	waits := w.send(t, reply("aigul@roles.example", "")).text(t, "id")
	w.serve(t, "worker")
	w.becomes(t, waits, soon, "sent")

	t.Run("the service's role may only append consent events", func(t *testing.T) {
		conn, err := pgx.Connect(t.Context(), database.Service)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(t.Context()) })
		for _, statement := range []string{
			"UPDATE consent_events SET actor_id = 'x'", "DELETE FROM consent_events", "TRUNCATE consent_events",
			"DROP TRIGGER consent_events_no_change ON consent_events", "ALTER TABLE consent_events DISABLE TRIGGER ALL",
		} {
			_, err := conn.Exec(t.Context(), statement)
			if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "42501" {
				t.Errorf("%s: %v, want insufficient privilege (42501)", statement, err)
			}
		}
		if out := w.run(t, "verify"); !strings.HasPrefix(out, "the consent ledger is intact from 1 to ") {
			t.Errorf("verify says %q", out)
		}
	})
	t.Run("nor may the owner change one by mistake", func(t *testing.T) {
		conn, err := pgx.Connect(t.Context(), database.Owner)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(t.Context()) })
		for _, statement := range []string{"UPDATE consent_events SET actor_id = 'x'", "DELETE FROM consent_events", "TRUNCATE consent_events"} {
			if _, err := conn.Exec(t.Context(), statement); err == nil {
				t.Errorf("%s: done", statement)
			}
		}
	})
}

// SQLite and the in-process Redis belong to one process; a split is refused at start, with the reason.
func TestSQLiteIsOneProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	p := w.start(t, nil, "serve", "--roles=worker")
	if code := p.Wait(t, time.Minute); code != 2 || !strings.Contains(p.Stderr(), "roles") || !strings.Contains(p.Stderr(), "SQLite") {
		t.Errorf("exit code %d, want 2 and the reason:\n%s", code, p.Stderr())
	}
}
