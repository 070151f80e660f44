package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

func TestSeedOfASharedDatabaseMakesNoKey(t *testing.T) {
	key, database := strings.Repeat("ab", 32), testkit.Postgres(t).CreateDatabase(t)
	l := newLine(t, "ELSHI_DATABASE_URL="+database.Service, "ELSHI_DATABASE_OWNER_URL="+database.Owner, "ELSHI_INBOX_MODE=always",
		"ELSHI_SECRETS_LINK_KEY="+key, "ELSHI_SECRETS_PAYLOAD_KEY="+key, "ELSHI_SECRETS_COMMITMENT_KEY="+key, "ELSHI_SECRETS_VERP_KEY="+key, "ELSHI_SECRETS_SIGNING_KEY="+key)
	has(t, l.ok(t, "seed", "--help"), "in the embedded database also its API key", "on PostgreSQL, make one with elshi key.")
	l.ok(t, "migrate")
	for range 2 {
		if out := l.ok(t, "seed"); !strings.Contains(out, "elshi key NAME") || strings.Contains(out, "elshi_live") {
			t.Errorf("seed says %q, want how to make a key", out)
		}
	}
	if _, err := os.Stat(filepath.Join(l.dir, "data", "keys", "demo_api_key")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key was kept: %v", err)
	}
	if out := l.ok(t, "verify"); strings.Contains(out, "to 0") {
		t.Errorf("after seed verify says %q, want the contacts' grants", out)
	}
	if r := l.run(t, "serve", "--demo"); r.code != 1 || !strings.Contains(r.report, "--demo is for the embedded database alone") {
		t.Errorf("serve --demo: exit code %d:\n%s", r.code, r.report)
	}
}

// Whatever a library wants to say, standard error is the log and nothing else: whoever reads it as JSON can read every line.
func TestLogIsAllThereIsWhileRedisIsAway(t *testing.T) {
	l := newLine(t, fmt.Sprintf("ELSHI_REDIS_URL=redis://127.0.0.1:%d/0", testkit.Free(t)), "ELSHI_LOG_FORMAT=json")
	p, address := l.serving(t)
	testkit.Eventually(t, 30*time.Second, func() error {
		answer, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil || !strings.Contains(string(body), "degraded") {
			return fmt.Errorf("readyz says %s, %w", body, err)
		}
		return nil
	})
	p.Interrupt(t)
	if code := p.Wait(t, time.Minute); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	for line := range strings.Lines(p.Stderr()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("on standard error: %s", line)
		}
	}
}
