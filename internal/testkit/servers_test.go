package testkit

import (
	"errors"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestRedisFaults(t *testing.T) {
	r := Redis(t)
	do := func(want string, args ...string) {
		t.Helper()
		if got, err := r.Do(args...); err != nil || got != want {
			t.Errorf("%v = %q, %v, want %q", args, got, err, want)
		}
	}
	do("OK", "SET", "k", "v")
	r.Stop(t)
	if _, err := r.Do("PING"); err == nil {
		t.Error("answers after Stop")
	}
	r.Start(t)
	do("v", "GET", "k")
	r.Pause(t)
	answer := make(chan error, 1)
	go func() {
		_, err := r.Do("PING")
		answer <- err
	}()
	Eventually(t, 5*time.Second, func() error { return wantState(r.process, "T") })
	select {
	case err := <-answer:
		t.Errorf("PING while paused = %v, want no answer", err)
	default:
	}
	r.Resume(t)
	if err := <-answer; err != nil {
		t.Errorf("PING after Resume = %v", err)
	}
	r.Flush(t)
	do("", "GET", "k")
	r.Kill(t)
	r.Start(t)
	do("PONG", "PING")
	if _, err := r.Do("NONSENSE"); err == nil {
		t.Error("an error reply is no error")
	}
}

func query(t *testing.T, dsn, sql string) (string, error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		return "", err
	}
	defer conn.Close(t.Context())
	var out string
	err = conn.QueryRow(t.Context(), sql).Scan(&out)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return out, err
}

func TestPostgresRolesAndDatabases(t *testing.T) {
	pg := Postgres(t)
	if Postgres(t) != pg {
		t.Error("a second cluster was started")
	}
	a, b := pg.CreateDatabase(t), pg.CreateDatabase(t)
	for _, db := range []Database{a, b} { // the same name twice: they are apart
		if _, err := query(t, db.Owner, "CREATE TABLE t (x text)"); err != nil {
			t.Fatalf("the owner cannot make a table: %v", err)
		}
	}
	if got, err := query(t, a.Service, "SELECT has_schema_privilege('public', 'USAGE')::text"); err != nil || got != "false" {
		t.Errorf("the service sees the schema before it is granted: %q, %v", got, err)
	}
	if _, err := query(t, a.Owner, "GRANT USAGE ON SCHEMA public TO "+ServiceRole); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"SELECT x FROM t", "CREATE TABLE u (x text)"} {
		if _, err := query(t, a.Service, sql); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s as the service: %v, want no permission", sql, err)
		}
	}
	if got, err := query(t, a.Service, "SELECT current_setting('fsync')"); err != nil || got != "on" {
		t.Errorf("fsync = %q, %v, want on", got, err)
	}
	socket := fmt.Sprintf("host=%s port=%d user=%s dbname=%s", pg.SocketDir, pg.Port, OwnerRole, a.Name)
	if got, err := query(t, socket, "SELECT current_user::text"); os.Getuid() != 0 && (err != nil || got != OwnerRole) {
		t.Errorf("over the socket: %q, %v", got, err)
	}
}

func TestPostgresFaults(t *testing.T) {
	pg := OwnPostgres(t)
	db := pg.CreateDatabase(t)
	if _, err := query(t, db.Owner, "CREATE TABLE t AS SELECT 'kept' AS x"); err != nil {
		t.Fatal(err)
	}
	pg.Crash(t)
	if _, err := query(t, db.Owner, "SELECT x FROM t"); err == nil {
		t.Error("answers after Crash")
	}
	pg.Start(t)
	if got, err := query(t, db.Owner, "SELECT x FROM t"); err != nil || got != "kept" {
		t.Errorf("after Crash and Start: %q, %v", got, err)
	}
	pg.Restart(t)
	if got, err := query(t, db.Owner, "SELECT x FROM t"); err != nil || got != "kept" {
		t.Errorf("after Restart: %q, %v", got, err)
	}
}

func TestChromium(t *testing.T) {
	b := Chromium(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<body style="margin:0;background:#00f"><p id="p"></p><script>p.textContent = "қа" + "зақша"</script>`)
	}))
	defer server.Close()
	if got := b.DumpDOM(t, server.URL); !strings.Contains(got, ">қазақша</p>") {
		t.Errorf("DOM = %q, want what the script wrote", got)
	}
	file, err := os.Open(b.Screenshot(t, server.URL, 500, 300))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	picture, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	size := picture.Bounds().Size()
	red, _, blue, _ := picture.At(size.X-1, size.Y-1).RGBA()
	if size.X != 500 || size.Y != 300 || red != 0 || blue != 0xffff {
		t.Errorf("screenshot is %v and its corner has red %d, blue %d", size, red, blue)
	}
}
