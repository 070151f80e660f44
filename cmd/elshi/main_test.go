package main_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/orleu/elshi/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// line is an installation by its command line, in a folder of its own.
type line struct {
	binary string
	dir    string
	env    []string
}

func newLine(t *testing.T, env ...string) line {
	t.Helper()
	dir := t.TempDir()
	env = append([]string{
		"ELSHI_DATA_DIR=" + filepath.Join(dir, "data"), "ELSHI_SERVER_LISTEN=127.0.0.1:0", "ELSHI_INBOX_LISTEN=127.0.0.1:0",
	}, env...)
	return line{testkit.Build(t, "./cmd/elshi", testkit.BuildOptions{}), dir, env}
}

func (l line) start(t *testing.T, args ...string) *testkit.Process {
	t.Helper()
	return testkit.Start(t, testkit.Command{Path: l.binary, Args: args, Env: l.env, Dir: l.dir})
}

// result is what a command came to.
type result struct {
	code        int
	out, report string // standard output and standard error
}

func (l line) run(t *testing.T, args ...string) result {
	t.Helper()
	p := l.start(t, args...)
	code := p.Wait(t, time.Minute)
	return result{code, p.Stdout(), p.Stderr()}
}

// ok runs a command that must succeed without a word of complaint.
func (l line) ok(t *testing.T, args ...string) string {
	t.Helper()
	r := l.run(t, args...)
	if r.code != 0 || r.report != "" {
		t.Fatalf("elshi %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.report)
	}
	return r.out
}

// has fails unless each text is there.
func has(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// file writes a settings file.
func (l line) file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(l.dir, "elshi.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHelpListsTheCommands(t *testing.T) {
	l := newLine(t)
	commands := []string{"serve", "migrate", "seed", "key", "member", "verify", "rebuild"}
	has(t, l.ok(t, "--help"), append(commands, "--config", "--version")...)
	for _, c := range commands {
		has(t, l.ok(t, c, "--help"), "Usage: elshi "+c)
	}
	if _, err := os.Stat(filepath.Join(l.dir, "data")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("asking for help made a data folder: %v", err)
	}
}

func TestVersion(t *testing.T) {
	if out := newLine(t).ok(t, "--version"); !regexp.MustCompile(`^\S+\n$`).MatchString(out) {
		t.Errorf("--version says %q, want one word", out)
	}
}

func TestWhatCannotBeReadIsExplained(t *testing.T) {
	l := newLine(t)
	for _, tc := range []struct {
		args []string
		want string
	}{
		{nil, "expected one of"},
		{[]string{"fly"}, "fly"},
		{[]string{"serve", "--fast"}, "--fast"},
		{[]string{"key"}, "<name>"},
		{[]string{"member"}, "<email>"},
		{[]string{"member", "a@orleu.example", "--role=god"}, `one of "viewer","author","approver","legal","operator","administrator"`},
		{[]string{"key", "crm", "--mode=root"}, `one of "live","guest_list","test"`},
		{[]string{"key", "pilot", "--mode=guest_list"}, "--guest=ADDRESS"},
		{[]string{"key", "crm", "--guest=a@demo.example"}, "--mode=guest_list"},
		{[]string{"key", "crm", "--mode=test", "--guest=a@demo.example"}, "--mode=guest_list"},
		{append([]string{"key", "pilot", "--mode=guest_list"}, slices.Repeat([]string{"--guest=a@demo.example"}, 101)...), "at most 100"},
	} {
		// Neither 1 nor 2: kong's own code for a line that is none.
		if r := l.run(t, tc.args...); r.code != 80 || !strings.Contains(r.report, tc.want) {
			t.Errorf("elshi %v: exit code %d, want 80 and %q:\n%s%s", tc.args, r.code, tc.want, r.out, r.report)
		}
	}
}

func TestWrongSettingsAreListedAllAtOnce(t *testing.T) {
	l := newLine(t, "ELSHI_SERVER_RATE_BURST=many")
	wrong := l.file(t, `
server: {public_url: "http://elshi.example"}
time_zone: Mars/Olympus
roles: [api, juggler]
consent: {cap: {marketing: -1}}
shoe_size: 44
secrets: {link_key: swordfish}
`)
	problems := []string{
		"server.public_url", "time_zone", "juggler", "consent.cap.marketing", "shoe_size", "secrets.link_key", "ELSHI_SERVER_RATE_BURST",
		"problems with the settings",
	}
	for _, args := range [][]string{{"serve"}, {"migrate"}, {"seed"}, {"key", "crm"}, {"verify"}, {"rebuild"}} {
		t.Run(args[0], func(t *testing.T) {
			r := l.run(t, append(args, "--config", wrong)...)
			if r.code != 2 || r.out != "" {
				t.Errorf("exit code %d and output %q, want 2 and none", r.code, r.out)
			}
			has(t, r.report, problems...)
			if strings.Contains(r.report, "swordfish") {
				t.Errorf("a secret is shown:\n%s", r.report)
			}
		})
	}
	t.Run("no such file", func(t *testing.T) {
		r := l.run(t, "serve", "--config", filepath.Join(l.dir, "absent.yaml"))
		if r.code != 2 {
			t.Errorf("exit code %d, want 2", r.code)
		}
		has(t, r.report, "absent.yaml", "ELSHI_SERVER_RATE_BURST")
	})
	if _, err := os.Stat(filepath.Join(l.dir, "data")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("wrong settings made a data folder: %v", err)
	}
}

func TestRolesOverSQLiteAreRefusedWithTheReason(t *testing.T) {
	l := newLine(t)
	for _, roles := range []string{"worker", "api,feeder"} {
		r := l.run(t, "serve", "--roles="+roles)
		if r.code != 2 {
			t.Errorf("--roles=%s: exit code %d, want 2", roles, r.code)
		}
		has(t, r.report, "roles", "SQLite")
	}
}

func TestDatabaseThatIsAway(t *testing.T) {
	key := strings.Repeat("ab", 32)
	l := newLine(t, "ELSHI_INBOX_MODE=always", "ELSHI_SECRETS_LINK_KEY="+key, "ELSHI_SECRETS_PAYLOAD_KEY="+key,
		"ELSHI_SECRETS_COMMITMENT_KEY="+key, "ELSHI_SECRETS_VERP_KEY="+key, "ELSHI_SECRETS_SIGNING_KEY="+key,
		fmt.Sprintf("ELSHI_DATABASE_URL=postgres://elshi:swordfish@127.0.0.1:%d/elshi?sslmode=disable", testkit.Free(t)))
	for _, args := range [][]string{{"serve"}, {"migrate"}, {"seed"}, {"key", "crm"}, {"verify"}, {"serve", "--demo"}} {
		r := l.run(t, args...)
		if r.code != 1 || r.out != "" || !strings.HasPrefix(r.report, "elshi: ") {
			t.Errorf("elshi %v: exit code %d, output %q, want 1 and a reason:\n%s", args, r.code, r.out, r.report)
		}
		if strings.Contains(r.report, "swordfish") || strings.Contains(r.report, key) {
			t.Errorf("elshi %v shows a secret:\n%s", args, r.report)
		}
		if args[0] == "verify" {
			has(t, r.report, "cannot tell whether the consent ledger is intact: ")
		}
	}
}

func TestCommandsOfAnEmbeddedInstallation(t *testing.T) {
	l := newLine(t)
	for range 2 {
		if out := l.ok(t, "migrate"); out != "the database is up to date\n" {
			t.Errorf("migrate says %q", out)
		}
	}
	if out := l.ok(t, "verify"); out != "the consent ledger is intact from 1 to 0\n" {
		t.Errorf("verify of an empty ledger says %q", out)
	}
	secrets := map[string]bool{}
	guests := []string{"key", "pilot", "--mode=guest_list", "--guest=aigul@demo.example", "--guest", "+7 701 123 45 67"}
	for _, args := range [][]string{{"key", "crm"}, {"key", "crm"}, {"key", "school", "--mode=test"}, guests, {"seed"}} {
		out := l.ok(t, args...)
		if !regexp.MustCompile(`^\S{30,}\n$`).MatchString(out) || secrets[out] {
			t.Errorf("elshi %v says %q, want a secret of its own and nothing else", args, out)
		}
		secrets[out] = true
	}
	r := l.run(t, "key", "pilot", "--mode=guest_list", "--guest=aigul@demo.example", "--guest=nobody", "--guest=a@b@c")
	if r.code != 1 || r.out != "" || strings.Contains(r.report, "nobody") {
		t.Errorf("a key for guests who cannot be reached: exit code %d, output %q:\n%s", r.code, r.out, r.report)
	}
	has(t, r.report, "guest 2: ", "guest 3: ")
	if out := l.ok(t, "seed"); !secrets[out] {
		t.Errorf("a second seed says %q, want the key of the first", out)
	}
	if out := l.ok(t, "verify"); !regexp.MustCompile(`^the consent ledger is intact from 1 to [1-9]\d*\nno signed head .*\n$`).MatchString(out) {
		t.Errorf("verify says %q", out)
	}
}

func TestVerifyNamesTheEventThatIsNotAsItWasWritten(t *testing.T) {
	l := newLine(t)
	l.ok(t, "seed")
	original := filepath.Join(l.dir, "data")
	const third = "SELECT id FROM consent_events WHERE seq = 3"
	for _, tc := range []struct{ name, harm, named, want string }{
		{"nothing", "", "", ""},
		{"a purpose was changed", "UPDATE consent_events SET purpose = 'ads.campaign' WHERE seq = 3", third, "event 3 (%s): changed"},
		{"a withdrawal became a grant", "UPDATE consent_events SET kind = 'granted' WHERE kind = 'withdrawn'", "SELECT id FROM consent_events ORDER BY seq DESC LIMIT 1", "(%s): changed"},
		{"one was deleted", "DELETE FROM consent_events WHERE seq = 3", "SELECT id FROM consent_events WHERE seq = 4", "event 3 (%s): gap"},
		{"the newest was deleted", "DELETE FROM consent_events WHERE seq = (SELECT MAX(seq) FROM consent_events)", "", "tail cut: no longer there"},
		{
			"one was put behind the end", `INSERT INTO consent_events (seq, id, kind, contact_id, address_id, scope, purpose, channel, topic, source,
			actor_kind, actor_id, language, text_hash, policy_version, at, valid_until, commitment, prev_hash, hash)
			SELECT seq + 1, 'cev_x', kind, contact_id, address_id, scope, purpose, channel, topic, source,
			actor_kind, actor_id, language, text_hash, policy_version, at, valid_until, commitment, hash, 'v1:00' FROM consent_events ORDER BY seq DESC LIMIT 1`,
			"", "stands behind the end of the chain",
		},
		{
			"what was kept beside one was changed", `UPDATE consent_values SET value = value || 'x' WHERE event_id = (SELECT id FROM consent_events WHERE seq = 3)`,
			third, "event 3 (%s): other_value: the value kept with it",
		},
		{"all were deleted", "DELETE FROM consent_events", "", "event 1 to "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tampered := t.TempDir()
			if err := os.CopyFS(tampered, os.DirFS(original)); err != nil {
				t.Fatal(err)
			}
			named := tamper(t, filepath.Join(tampered, "elshi.db"), tc.harm, tc.named)
			l := l
			l.env = append(l.env, "ELSHI_DATA_DIR="+tampered)
			if tc.harm == "" {
				l.ok(t, "verify")
				return
			}
			r := l.run(t, "verify")
			if r.code != 1 || r.out != "" {
				t.Errorf("exit code %d and output %q, want 1 and none", r.code, r.out)
			}
			want := tc.want
			if named != "" {
				want = fmt.Sprintf(tc.want, named)
			}
			has(t, r.report, "the consent ledger is not intact at event ", want)
		})
	}
	l.ok(t, "verify") // the original is as it was
}

func TestSignedHeadsAreHeldAgainstTheLedger(t *testing.T) {
	l := newLine(t, "ELSHI_LEDGER_MAIL_TO=dpo@example.org")
	l.ok(t, "seed")
	p, address := l.serving(t)
	key := strings.TrimSpace(l.demoKey(t))
	file := filepath.Join(l.dir, "data", "checkpoints.txt")
	testkit.Eventually(t, 30*time.Second, func() error {
		if _, err := os.Stat(file); err != nil {
			return err
		}
		if mail := get(t, address, "/v1/inbox", key); !strings.Contains(mail, "dpo@example.org") {
			return errors.New("the officer has no mail: " + mail)
		}
		return nil
	})
	publicKey := field(t, get(t, address, "/v1/consent-ledger/public-key", key), "public_key")
	list := get(t, address, "/v1/consent-ledger/checkpoints", key)
	has(t, list, `"size":15`)
	has(t, get(t, address, "/readyz", key), "signed_heads")
	has(t, get(t, address, "/v1/consent-ledger/verify", key), `"intact":true`, `"signed_heads_outside":1`)
	id := regexp.MustCompile(`cev_[0-9a-z]{26}`).FindString(get(t, address, "/v1/contacts/"+
		regexp.MustCompile(`con_[0-9a-z]{26}`).FindString(get(t, address, "/v1/contacts?external_id=demo-kk", key))+"/timeline", key))
	document := filepath.Join(l.dir, "entry.json")
	if err := os.WriteFile(document, []byte(get(t, address, "/v1/consent-ledger/entries/"+id+"/proof", key)), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Interrupt(t)
	if code := p.Wait(t, time.Minute); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, p.Stderr())
	}
	has(t, l.ok(t, "verify"), "intact from 1 to 15\n", "the root of each of 1 signed heads, the newest of 15 entries at ")
	l.ok(t, "verify", "--public-key", publicKey, "--checkpoints", file)

	proof := line{testkit.Build(t, "./cmd/elshi-proof", testkit.BuildOptions{}), l.dir, nil}
	has(t, proof.ok(t, "--public-key", publicKey, document), "("+id+")", "this entry stood in the ledger of 15 entries signed at ", " by 127.0.0.1/consent-ledger\n")
	if r := proof.run(t, "--public-key", publicKey, file); r.code != 2 || r.out != "" {
		t.Errorf("a document that is none: exit code %d\n%s%s", r.code, r.out, r.report)
	}
	has(t, proof.ok(t, "--help"), "Usage: elshi-proof")

	for _, tc := range []struct {
		name, want string
		args       []string
		harm       []string
		code       int
	}{
		{"another key", "signed heads: forged: ", []string{"--public-key", "elshi.example.org/consent-ledger+64527096+ATml8fiiSsxI/zjOg58Aa0fXoJVEMqhrz5XhsE8TZqFM"}, nil, 1},
		{"no key", "no public key", []string{"--public-key", "x"}, nil, 1},
		{"no such file", "cannot tell whether the consent ledger is intact: read the signed heads", []string{"--checkpoints", filepath.Join(l.dir, "none.txt")}, nil, 1},
		{"no signed head", "holds no signed head", []string{"--checkpoints", document}, nil, 1},
		{"a grant brought back", "projection: the grant news.company/email is granted", nil, []string{"UPDATE consents SET state = 'granted' WHERE state = 'withdrawn'"}, 1},
		{
			"everything rebuilt", "the chain was written anew: the head of 15 entries that was signed at ", nil,
			[]string{"DROP TRIGGER consent_checkpoints_no_delete", "DELETE FROM consent_checkpoints", "DELETE FROM consent_events", "UPDATE consent_head SET seq = 0, hash = ''"},
			1,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tampered := t.TempDir()
			if err := os.CopyFS(tampered, os.DirFS(filepath.Join(l.dir, "data"))); err != nil {
				t.Fatal(err)
			}
			l := l
			l.env = append(slices.Clone(l.env), "ELSHI_DATA_DIR="+tampered)
			for _, harm := range tc.harm {
				tamper(t, filepath.Join(tampered, "elshi.db"), harm, "")
			}
			if tc.name == "everything rebuilt" {
				l.ok(t, "seed")
				// The same people come again, and then some more than were there.
				tamper(t, filepath.Join(tampered, "elshi.db"), "UPDATE contacts SET external_id = NULL", "")
				l.ok(t, "seed")
			}
			r := l.run(t, append([]string{"verify"}, tc.args...)...)
			if r.code != tc.code || (r.out == "") != (tc.code == 1) {
				t.Errorf("exit code %d, want %d\n%s%s", r.code, tc.code, r.out, r.report)
			}
			if tc.code == 1 {
				has(t, r.report, tc.want)
			}
		})
	}
	t.Run("a rebuild mends what is kept", func(t *testing.T) {
		tamper(t, filepath.Join(l.dir, "data", "elshi.db"), "UPDATE consents SET state = 'granted' WHERE state = 'withdrawn'", "")
		has(t, l.ok(t, "rebuild"), "the consents of 1 contacts were made anew", "its 15 entries")
		has(t, l.ok(t, "rebuild"), "the consents of 0 contacts were made anew")
		l.ok(t, "verify")
	})
}

// demoKey is the secret that seed prints.
func (l line) demoKey(t *testing.T) string {
	t.Helper()
	secret, err := os.ReadFile(filepath.Join(l.dir, "data", "keys", "demo_api_key"))
	if err != nil {
		t.Fatal(err)
	}
	return string(secret)
}

// get reads what the service answers with 200.
func get(t *testing.T, address, path, key string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %d, %v\n%s", path, answer.StatusCode, err, body)
	}
	return string(body)
}

// field is a text of a JSON object.
func field(t *testing.T, object, name string) string {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		t.Fatal(err)
	}
	text, _ := members[name].(string)
	return text
}

// tamper harms the consent ledger of a database past its triggers, and returns what the query named finds then.
func tamper(t *testing.T, file, harm, named string) (found string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	if harm == "" {
		return ""
	}
	statements := []string{harm}
	if strings.HasPrefix(harm, "UPDATE consent_events") || strings.HasPrefix(harm, "DELETE FROM consent_events") {
		if _, err := db.Exec(harm); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Fatalf("%s with the triggers in place: %v, want a refusal", harm, err)
		}
		statements = []string{"DROP TRIGGER consent_events_no_update", "DROP TRIGGER consent_events_no_delete", harm}
	}
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if named != "" {
		if err := db.QueryRow(named).Scan(&found); err != nil {
			t.Fatalf("%s: %v", named, err)
		}
	}
	return found
}

// serving starts the service on a port that the test knows, and waits until it answers.
func (l line) serving(t *testing.T, args ...string) (*testkit.Process, string) {
	t.Helper()
	address := "127.0.0.1:" + strconv.Itoa(testkit.Free(t))
	l.env = append(l.env, "ELSHI_SERVER_LISTEN="+address)
	p := l.start(t, append([]string{"serve"}, args...)...)
	testkit.Eventually(t, 30*time.Second, func() error {
		if !p.Running() {
			t.Fatalf("serve has ended: %s", p.Stderr())
		}
		answer, err := http.Get("http://" + address + "/healthz")
		if err != nil {
			return err
		}
		return answer.Body.Close()
	})
	return p, address
}

func TestServeStopsInOrder(t *testing.T) {
	p, address := newLine(t).serving(t, "--demo")
	testkit.Eventually(t, 30*time.Second, func() error {
		if !strings.Contains(p.Stdout(), "Ctrl-C stops it") {
			return errors.New("no welcome yet: " + p.Stdout())
		}
		return nil
	})
	has(t, p.Stdout(), "http://"+address+"/inbox", "Authorization: Bearer ")
	p.Interrupt(t)
	if code := p.Wait(t, time.Minute); code != 0 {
		t.Errorf("exit code %d, want 0:\n%s", code, p.Stderr())
	}
	has(t, p.Stderr(), "stopping")
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	p, address := newLine(t, "ELSHI_SERVER_SHUTDOWN_TIMEOUT=10m").serving(t)
	// A request that never becomes whole keeps an orderly stop waiting for its time.
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "POST /v1/messages HTTP/1.1\r\nHost: %s\r\nContent-Length: 100\r\nContent-Type: application/json\r\n\r\n{", address); err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get("http://" + address + "/healthz") // when it is answered, the other request has been read
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	p.Interrupt(t)
	testkit.Eventually(t, 30*time.Second, func() error {
		if !strings.Contains(p.Stderr(), "stopping") {
			return errors.New("it does not stop: " + p.Stderr())
		}
		return nil
	})
	if !p.Running() {
		t.Fatalf("the first signal ended it although a request is open:\n%s", p.Stderr())
	}
	testkit.Eventually(t, 30*time.Second, func() error {
		p.Interrupt(t) // the one that comes after the log line may still be the first one's
		if p.Running() {
			return errors.New("it is still running")
		}
		return nil
	})
	if code := p.Wait(t, time.Second); code != -1 {
		t.Errorf("exit code %d, want the signal to have ended it", code)
	}
}
