package fault_test

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"text/template"
	"time"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
)

// settings are what a test may want otherwise.
type settings struct {
	Lease, Margin, Socket, DotReply, Command time.Duration
	SettleEvery, Shutdown, RingTimeout       time.Duration
	RetryDelay                               time.Duration
	SettleSize, BatchSize, ClaimSize         int
	Connections                              int
	MessagesPerConnection                    int
	Race                                     bool // the binary is built with the race detector

	// Filled in by the world.
	DataDir, Database, Owner, Redis string
	RelayHost                       string
	RelayPort                       int
	Keys                            []string
}

// usual are settings under which no lease runs out by itself, even on a loaded machine.
func usual() settings {
	return settings{
		Lease: 20 * time.Second, Margin: 500 * time.Millisecond, Socket: 20 * time.Second, DotReply: 5 * time.Second, Command: 5 * time.Second,
		SettleEvery: 50 * time.Millisecond, Shutdown: 10 * time.Second, RingTimeout: time.Second, RetryDelay: 200 * time.Millisecond,
		SettleSize: 64, BatchSize: 500, ClaimSize: 100, Connections: 4, MessagesPerConnection: 500,
	}
}

// hasty are settings for faults that only the reaper ends: it comes after seconds.
func hasty() settings {
	s := usual()
	s.Lease, s.Socket, s.DotReply, s.Command = 4*time.Second, 4*time.Second, 3*time.Second, 2*time.Second
	return s
}

// reaped is how long after a claim its attempt is closed by the reaper at the latest, if nobody else does.
func (s settings) reaped() time.Duration { return s.Lease + s.Socket + time.Second }

var settingsFile = template.Must(template.New("settings").Parse(`
server: {public_url: "http://127.0.0.1:8080", shutdown_timeout: {{.Shutdown}}, rate_per_second: 10000, rate_burst: 10000}
data_dir: {{printf "%q" .DataDir}}
database: {url: {{printf "%q" .Database}}, owner_url: {{printf "%q" .Owner}}, max_connections: 20}
redis: {url: {{printf "%q" .Redis}}}
secrets:
  link_key: {{index .Keys 0}}
  payload_key: {{index .Keys 1}}
  commitment_key: {{index .Keys 2}}
  verp_key: {{index .Keys 3}}
  signing_key: {{index .Keys 4}}
email: {message_id_domain: fault.example}
inbox: {mode: never}
providers:
  - id: relay
    channel: email
    driver: smtp
    smtp:
      host: {{.RelayHost}}
      port: {{.RelayPort}}
      tls: none
      auth: none
      max_connections: {{.Connections}}
      messages_per_connection: {{.MessagesPerConnection}}
      connect_timeout: {{.Command}}
      command_timeout: {{.Command}}
      data_timeout: {{.Command}}
      dot_reply_timeout: {{.DotReply}}
senders:
  - {id: main, channel: email, provider: relay, from: noreply@fault.example, default: true}
dispatch:
  lease: {{.Lease}}
  lease_margin: {{.Margin}}
  socket_timeout: {{.Socket}}
  batch_size: {{.BatchSize}}
  claim_size: {{.ClaimSize}}
  settle_every: {{.SettleEvery}}
  settle_size: {{.SettleSize}}
  feeder_tick: 100ms
  ring_timeout: {{.RingTimeout}}
  reaper_tick: 200ms
  retry_delays: [{{.RetryDelay}}]
consent:
  cap: {marketing: 1000, sms: 1000, period: 168h}
  quiet_hours:
    sms: {from: "00:00", until: "24:00", working_days: false}
    marketing_email: {from: "00:00", until: "24:00", working_days: false}
`))

// world is one installation with everything it stands on.
type world struct {
	settings

	binary string
	file   string
	pg     *testkit.PG // nil: embedded
	redis  *testkit.RedisPeer
	sink   *testkit.SMTPSink
	db     *sql.DB // to look into the ledger; past every statement of ours
	people people
	key    string   // of the API
	door   *process // where requests go
}

// newWorld returns an installation on PostgreSQL and Redis, migrated, with people and a process for the door. Nothing rings or sends yet.
func newWorld(t *testing.T, pg *testkit.PG, people int, s settings) *world {
	t.Helper()
	w := &world{settings: s, pg: pg, redis: testkit.Redis(t), sink: testkit.NewSMTPSink(t, testkit.SinkOptions{})}
	database := pg.CreateDatabase(t)
	w.Database, w.Owner, w.Redis = database.Service, database.Owner, w.redis.URL()
	w.open(t, "pgx", database.Admin)
	w.run(t, "migrate")
	w.people = w.seed(t, people)
	w.key = w.run(t, "key", "harness")
	w.door = w.serve(t, "api")
	w.door.ready(t)
	return w
}

// newEmbedded returns an installation of one process over SQLite in dir, which runs everything.
func newEmbedded(t *testing.T, dir string, people int, s settings) *world {
	t.Helper()
	w := &world{settings: s, sink: testkit.NewSMTPSink(t, testkit.SinkOptions{})}
	w.DataDir = dir
	// A reader beside the process that writes; it never blocks it.
	w.open(t, "sqlite", "file:"+filepath.Join(dir, "elshi.db")+"?_pragma=busy_timeout(5000)")
	w.run(t, "migrate")
	w.people = w.seed(t, people)
	w.key = w.run(t, "key", "harness")
	w.door = w.serve(t, "")
	w.door.ready(t)
	return w
}

// open prepares what every installation has: settings, the binary, a look into its ledger.
func (w *world) open(t *testing.T, driver, dsn string) {
	t.Helper()
	w.binary = testkit.Build(t, "./cmd/elshi", testkit.BuildOptions{Race: w.Race})
	dir := t.TempDir()
	if w.DataDir == "" {
		w.DataDir = dir
	}
	for range 5 {
		key := make([]byte, 32)
		copy(key, t.Name()) // the same for every process of the test; nobody attacks it
		w.Keys = append(w.Keys, base64.StdEncoding.EncodeToString(key))
	}
	w.RelayHost, w.RelayPort = w.sink.Host, w.sink.Port
	var text bytes.Buffer
	if err := settingsFile.Execute(&text, w.settings); err != nil {
		t.Fatal(err)
	}
	w.file = filepath.Join(dir, "settings.yaml")
	if err := os.WriteFile(w.file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	w.db = db
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// run runs a command of the binary to its end.
func (w *world) run(t *testing.T, args ...string) string {
	t.Helper()
	p := testkit.Start(t, testkit.Command{Path: w.binary, Args: append([]string{"--config", w.file}, args...)})
	if code := p.Wait(t, 30*time.Second); code != 0 {
		t.Fatalf("elshi %s: exit code %d\n%s", strings.Join(args, " "), code, p.Stderr())
	}
	return strings.TrimSpace(p.Stdout())
}

// process is a running elshi.
type process struct {
	*testkit.Process

	name string // by which PostgreSQL knows its connections
	addr string // of its HTTP, if it is a door
}

var named atomic.Int32

// worker starts a process that sends.
func (w *world) worker(t *testing.T) *process {
	t.Helper()
	return w.serve(t, "worker")
}

// feeder starts a process that rings and reaps.
func (w *world) feeder(t *testing.T) *process {
	t.Helper()
	return w.serve(t, "feeder")
}

// serve starts a process with some roles, "" for all.
func (w *world) serve(t *testing.T, roles string) *process {
	t.Helper()
	p := &process{name: "elshi-" + strconv.Itoa(int(named.Add(1))), addr: "127.0.0.1:0"}
	if roles == "" || roles == "api" {
		p.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(testkit.Free(t)))
	}
	args := []string{"--config", w.file, "serve"}
	if roles != "" {
		args = append(args, "--roles="+roles)
	}
	env := []string{"ELSHI_SERVER_LISTEN=" + p.addr}
	if w.pg != nil {
		env = append(env, "ELSHI_DATABASE_URL="+w.Database+"&application_name="+p.name)
	}
	p.Process = testkit.Start(t, testkit.Command{Path: w.binary, Args: args, Env: env})
	return p
}

// kill ends a process at once and waits until PostgreSQL knows it too: a statement that is on its way may still commit.
func (w *world) kill(t *testing.T, p *process) {
	t.Helper()
	p.Kill(t)
	w.served(t, p, "")
}

// pause stops a process where it is and waits until PostgreSQL has done what it was asked for.
func (w *world) pause(t *testing.T, p *process) {
	t.Helper()
	p.Pause(t)
	w.served(t, p, ` AND state = 'active'`)
}

// served waits until PostgreSQL has no such connection of the process any more.
func (w *world) served(t *testing.T, p *process, which string) {
	t.Helper()
	if w.pg == nil {
		return
	}
	testkit.Eventually(t, 10*time.Second, func() error {
		var n int
		err := w.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = $1`+which, p.name).Scan(&n)
		if err == nil && n > 0 {
			err = fmt.Errorf("PostgreSQL still serves %d connections", n)
		}
		return err
	})
}

// sent waits until the mail server has taken n messages.
func (w *world) sent(t *testing.T, n int) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, func() error {
		if got := w.sink.Count(); got < n {
			return fmt.Errorf("the mail server took %d messages, waiting for %d", got, n)
		}
		return nil
	})
}

// quiet waits until nothing is to be done any more: no message waits and none is being sent.
func (w *world) quiet(t *testing.T, within time.Duration) {
	t.Helper()
	testkit.Eventually(t, within, func() error {
		byStatus, err := w.byStatus(t)
		if err != nil {
			return err
		}
		open := 0
		for _, s := range append(dispatcher.Waiting(), dispatcher.Sending) {
			open += byStatus[s]
		}
		if open > 0 {
			return fmt.Errorf("%d messages are not done: %v; the mail server took %d", open, byStatus, w.sink.Count())
		}
		return nil
	})
}

// byStatus counts the messages of the ledger. Its error is the database's, which a test may have taken away.
func (w *world) byStatus(t *testing.T) (map[dispatcher.Status]int, error) {
	t.Helper()
	count := map[dispatcher.Status]int{}
	return count, w.read(t, `SELECT status, COUNT(*) FROM messages GROUP BY status`, func(scan func(...any) error) error {
		var s dispatcher.Status
		var n int
		err := scan(&s, &n)
		count[s] = n
		return err
	})
}

// ready waits until a process answers HTTP.
func (p *process) ready(t *testing.T) {
	t.Helper()
	testkit.Eventually(t, 20*time.Second, func() error {
		if !p.Running() {
			return errors.New("it has ended: " + p.Stderr())
		}
		resp, err := http.Get("http://" + p.addr + "/healthz")
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
}

// part is so many percent of d.
func part(d time.Duration, percent int) time.Duration { return d / 100 * time.Duration(percent) }

// lasts returns after d: faults take time.
func lasts(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
