package e2e_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

// settings are what tests want otherwise than the usual installation has it: SQLite, the catcher behind both channels, windows that are
// always open, no cap that a test could reach by accident.
type settings struct {
	Providers, Senders string // YAML lists; empty: the catcher
	PublicURL          string // empty: where HTTP is
	MailFrom, SMSFrom  string // when the windows open, HH:MM; empty: 00:00
	Database, Owner    string
	Redis              string
	Port               int    // 0: a free one
	More               string // further YAML, at the top level

	// Filled in by the world.
	CatchPort int
	DataDir   string
	Keys      []string
}

var settingsFile = template.Must(template.New("settings").Parse(`
server: {listen: "127.0.0.1:{{.Port}}", public_url: "{{.PublicURL}}", shutdown_timeout: 10s}
data_dir: {{printf "%q" .DataDir}}
database: {url: "{{.Database}}", owner_url: "{{.Owner}}"}
redis: {url: "{{.Redis}}"}
org: {address: "Astana, Mangilik El 1", url: "https://orleu.example"}
{{- if .Keys}}
secrets: {link_key: "{{index .Keys 0}}", payload_key: "{{index .Keys 1}}", commitment_key: "{{index .Keys 2}}", verp_key: "{{index .Keys 3}}", signing_key: "{{index .Keys 4}}"}
{{- end}}
log: {level: debug}
inbox: {listen: "127.0.0.1:{{.CatchPort}}"}
email: {message_id_domain: mail.orleu.example}
{{- with .Providers}}
providers: {{.}}
{{- end}}
{{- with .Senders}}
senders: {{.}}
{{- end}}
dispatch: {feeder_tick: 100ms, settle_every: 50ms, ring_timeout: 2s, retry_delays: [200ms]}
consent:
  cap: {marketing: 1000, sms: 1000, period: 168h}
  quiet_hours:
    sms: {from: "{{or .SMSFrom "00:00"}}", until: "24:00", working_days: false}
    marketing_email: {from: "{{or .MailFrom "00:00"}}", until: "24:00", working_days: false}
{{.More}}`))

// world is one installation.
type world struct {
	client

	settings settings
	binary   string
	file     string
	ended    []*testkit.Process // commands
	serving  []*testkit.Process
}

// newWorld writes the settings of an installation and starts nothing.
func newWorld(t *testing.T, s settings) *world {
	t.Helper()
	s.CatchPort, s.DataDir = testkit.Free(t), t.TempDir()
	if s.Port == 0 {
		s.Port = testkit.Free(t)
	}
	w := &world{
		binary: testkit.Build(t, "./cmd/elshi", testkit.BuildOptions{}), file: filepath.Join(t.TempDir(), "elshi.yaml"),
		client: client{base: fmt.Sprintf("http://127.0.0.1:%d", s.Port)},
	}
	if s.PublicURL == "" {
		s.PublicURL = w.base
	}
	if s.Database != "" {
		for i := range 5 { // processes that do not share a folder must be told
			s.Keys = append(s.Keys, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{byte(i + 1)}, 32)))
		}
	}
	w.settings = s
	var text bytes.Buffer
	if err := settingsFile.Execute(&text, s); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// startWorld starts an installation of one process and makes a live key.
func startWorld(t *testing.T, s settings) *world {
	t.Helper()
	w := newWorld(t, s)
	w.serve(t, "")
	w.key = w.newKey(t, "live")
	return w
}

// run runs a command to its end and returns what it printed.
func (w *world) run(t *testing.T, args ...string) string {
	t.Helper()
	p := w.start(t, nil, args...)
	w.ended = append(w.ended, p)
	if code := p.Wait(t, 30*time.Second); code != 0 {
		t.Fatalf("elshi %s: exit code %d\n%s", strings.Join(args, " "), code, p.Stderr())
	}
	return strings.TrimSpace(p.Stdout())
}

func (w *world) start(t *testing.T, env []string, args ...string) *testkit.Process {
	t.Helper()
	return testkit.Start(t, testkit.Command{Path: w.binary, Args: append([]string{"--config", w.file}, args...), Env: env, Dir: w.settings.DataDir})
}

// newKey makes an API key by the command line.
func (w *world) newKey(t *testing.T, mode string) string {
	t.Helper()
	return w.run(t, "key", "e2e", "--mode="+mode)
}

// serve starts a process with some roles, "" for all, and waits until it answers. Only a process that is a door listens where the settings
// say; the others take ports of their own.
func (w *world) serve(t *testing.T, roles string) *testkit.Process {
	t.Helper()
	args, base := []string{"serve"}, w.base
	var env []string
	if roles != "" {
		args = append(args, "--roles="+roles)
	}
	if roles != "" && !strings.Contains(roles, "api") {
		listen := fmt.Sprintf("127.0.0.1:%d", testkit.Free(t))
		base, env = "http://"+listen, []string{"ELSHI_SERVER_LISTEN=" + listen}
	}
	p := w.start(t, env, args...)
	w.serving = append(w.serving, p)
	answers(t, p, base)
	return p
}

// answers waits until a process serves HTTP.
func answers(t *testing.T, p *testkit.Process, base string) {
	t.Helper()
	testkit.Eventually(t, time.Minute, func() error {
		if !p.Running() {
			return errors.New("it has ended: " + p.Stderr())
		}
		resp, err := http.Get(base + "/healthz")
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
}

// logs returns what the processes of the installation wrote, but for what commands were asked to print.
func (w *world) logs() string {
	var all strings.Builder
	for _, p := range w.serving {
		all.WriteString(p.Stdout() + p.Stderr())
	}
	for _, p := range w.ended {
		all.WriteString(p.Stderr())
	}
	return all.String()
}

// relay is the setting of a mail provider without TLS on this machine.
func relay(port int) string {
	return fmt.Sprintf(`{id: relay, channel: email, driver: smtp, smtp: {host: 127.0.0.1, port: %d, tls: none, auth: none}}`, port)
}

const (
	relaySender = `{id: news, channel: email, provider: relay, from: news@orleu.example, name: {en: Orleu, kk: Өрлеу, ru: Өрлеу}, reply_to: info@orleu.example, default: true}`
	caughtSMS   = `{id: sms, channel: sms, driver: inbox}`
	smsSender   = `{id: sms-name, channel: sms, provider: sms, from: ORLEU, default: true, registered: true}`
)

// mailTo is an installation that sends mail to a server on this machine, and catches SMS.
func mailTo(port int) settings {
	return settings{Providers: "[" + relay(port) + ", " + caughtSMS + "]", Senders: "[" + relaySender + ", " + smsSender + "]"}
}
