package sms_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/sms"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

const callbackToken = "kannel-callback-token-1"

// TestThroughKannel sends through a real Kannel to an SMSC simulator behind it, and reads what comes back.
func TestThroughKannel(t *testing.T) {
	var gateway *sms.Gateway
	callbacks := &callbackLog{parse: func(r *http.Request) (sms.Callback, error) {
		return gateway.ParseCallback(r, path.Base(r.URL.Path))
	}}
	server := httptest.NewServer(callbacks)
	t.Cleanup(server.Close)
	callbackURL := server.URL + "/callbacks/kannel/" + callbackToken

	smsc := startSMSC(t)
	base := startKannel(t, smsc.port, callbackURL)
	settings := sms.Settings{
		BaseURL: base, CallbackURL: callbackURL, Verify: sms.Verify{Token: callbackToken},
		Secrets: map[string]sms.Secret{"username": "elshi", "password": "kannel-secret"},
	}
	gateway, err := sms.NewGateway(sms.Kannel(), settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gateway.Close() })

	long := strings.Repeat("Құрметті әріптес, ғылыми кеңес өтеді. ", 5)
	for _, tc := range []struct {
		name, text string
		coding     int
	}{
		{"Kazakh goes as UCS-2", "Құрметті әріптес! Саясат өзгерді: https://o.kz/p/3 (ә ғ қ ң ө ұ ү һ і) 😀", 8},
		{"Latin goes as GSM-7", "Hello [100 €] @ Orleu!", 0},
		{"spaces and line breaks stay", " Orleu:\n code 123456 ", 0},
		{"braces and percent signs stay", "{to} %d %F 100% {secret.password}", 0},
		{"a long text is joined again", long, 8},
	} {
		t.Run(tc.name, func(t *testing.T) {
			id := vocab.MessageID(vocab.NewID(vocab.MessagePrefix))
			receipt := send(t, gateway, id, "+77012345678", tc.text)
			if receipt.Outcome != channels.Accepted || receipt.ProviderRef != string(id) {
				t.Fatalf("receipt is %+v (%v), want accepted with our own id as reference", receipt, receipt.Err)
			}
			parts := smsc.texts(t, sms.Count(tc.text).Segments)
			got := ""
			for _, p := range parts {
				got += p.Text
				if p.From != "ORLEU" || p.To != "77012345678" || p.TON != 1 || p.Coding != tc.coding {
					t.Errorf("the SMSC got %+v, want ORLEU to international 77012345678 in coding %d", p, tc.coding)
				}
			}
			if diff := cmp.Diff(tc.text, got); diff != "" {
				t.Errorf("the SMSC's text mismatch (-want +got):\n%s", diff)
			}
			callbacks.waitFor(t, string(id), channels.ReportDelivered)
		})
	}

	t.Run("a failed receipt is undelivered", func(t *testing.T) {
		id := vocab.MessageID(vocab.NewID(vocab.MessagePrefix))
		send(t, gateway, id, "+77012340000", "Сәлем")
		smsc.texts(t, 1)
		report := callbacks.waitFor(t, string(id), channels.ReportFailed)
		if report.Err == nil || report.Err.Cause != channels.Undelivered {
			t.Errorf("report has error %v, want undelivered", report.Err)
		}
	})

	for i, text := range []string{"Тоқтату!", "STOP @ é_"} {
		t.Run("a text that somebody sends arrives: "+text, func(t *testing.T) {
			smsc.say(t, map[string]string{"from": "77012345678", "to": "1414", "text": text})
			got := callbacks.waitForText(t, i)
			if from := strings.TrimPrefix(got.From.Reveal(), "+"); from != "77012345678" || got.To != "1414" || got.Text != text || got.EventID == "" {
				t.Errorf("text is from %q to %q: %q (%s), want 77012345678 to 1414: %q", from, got.To, got.Text, got.EventID, text)
			}
		})
	}

	t.Run("a wrong password is our account's fault", func(t *testing.T) {
		settings := settings
		settings.Secrets = map[string]sms.Secret{"username": "elshi", "password": "wrong-secret"}
		stranger, err := sms.NewGateway(sms.Kannel(), settings)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = stranger.Close() })
		receipt := send(t, stranger, "msg_x", "+77012345678", "Hello")
		if receipt.Outcome != channels.Refused || receipt.Err.Cause != channels.ProviderRefusedUs {
			t.Errorf("receipt is %+v (%v), want refused with provider_refused_us", receipt, receipt.Err)
		}
	})
}

func send(t *testing.T, g *sms.Gateway, id vocab.MessageID, to vocab.Address, text string) channels.Receipt {
	t.Helper()
	var got channels.Receipt
	g.Send(t.Context(), []channels.Message{{
		ID: id, Attempt: 1, Until: time.Now().Add(time.Minute), To: to, SMS: &channels.SMS{From: "ORLEU", Text: text},
	}}, func(r channels.Receipt) { got = r })
	return got
}

// callbackLog is where Kannel calls back.
type callbackLog struct {
	parse func(*http.Request) (sms.Callback, error)

	mu  sync.Mutex
	all sms.Callback
	err error
}

func (c *callbackLog) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	got, err := c.parse(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.err = err
	}
	c.all.Reports = append(c.all.Reports, got.Reports...)
	c.all.Texts = append(c.all.Texts, got.Texts...)
}

func (c *callbackLog) waitFor(t *testing.T, ref string, status channels.ReportStatus) channels.Report {
	t.Helper()
	var found channels.Report
	testkit.Eventually(t, 20*time.Second, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, r := range c.all.Reports {
			if r.ProviderRef == ref && r.Status == status {
				found = r
				return nil
			}
		}
		return errors.Join(fmt.Errorf("no %s report for %s among %+v", status, ref, c.all.Reports), c.err)
	})
	return found
}

func (c *callbackLog) waitForText(t *testing.T, n int) sms.InboundText {
	t.Helper()
	var found sms.InboundText
	testkit.Eventually(t, 20*time.Second, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.all.Texts) <= n {
			return errors.Join(fmt.Errorf("%d texts, want %d", len(c.all.Texts), n+1), c.err)
		}
		found = c.all.Texts[n]
		return nil
	})
	return found
}

// smscEvent is a line that testdata/smsc/smsc.js prints.
type smscEvent struct {
	Event        string
	From, To     string
	TON, Coding  int
	Text         string
	Concatenated bool
}

type simulator struct {
	port  int
	stdin io.Writer
	lines chan smscEvent
}

// startSMSC installs the simulator's one dependency in a folder that is removed again, and runs it.
func startSMSC(t *testing.T) *simulator {
	t.Helper()
	node, npm := testkit.Need(t, testkit.Node), testkit.Need(t, testkit.NPM)
	dir := t.TempDir()
	for _, name := range []string{"package.json", "smsc.js"} {
		data, err := os.ReadFile(filepath.Join("testdata", "smsc", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.CommandContext(t.Context(), npm, "install", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("npm install smpp: %v\n%s", err, out)
		}
		t.Skipf("left out: npm install smpp: %v", err)
	}

	s := &simulator{port: testkit.Free(t), lines: make(chan smscEvent, 100)}
	cmd := exec.CommandContext(t.Context(), node, "smsc.js", strconv.Itoa(s.port))
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(s.lines)
		for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
			var e smscEvent
			if json.Unmarshal(scanner.Bytes(), &e) == nil {
				s.lines <- e
			}
		}
	}()
	t.Cleanup(func() { // t.Context has ended, which kills the process
		<-done
		_ = cmd.Wait()
	})
	s.next(t, "listening")
	return s
}

// next returns the next event of a kind; others are dropped.
func (s *simulator) next(t *testing.T, kind string) smscEvent {
	t.Helper()
	patience := time.NewTimer(20 * time.Second)
	defer patience.Stop()
	for {
		select {
		case e, ok := <-s.lines:
			if !ok {
				t.Fatalf("the SMSC ended while a %q was awaited", kind)
			}
			if e.Event == kind {
				return e
			}
		case <-patience.C:
			t.Fatalf("no %q from the SMSC", kind)
		}
	}
}

func (s *simulator) texts(t *testing.T, n int) []smscEvent {
	t.Helper()
	parts := make([]smscEvent, n)
	for i := range parts {
		parts[i] = s.next(t, "text")
		if parts[i].Concatenated != (n > 1) {
			t.Errorf("part %d of %d: concatenated is %v", i+1, n, parts[i].Concatenated)
		}
	}
	return parts
}

func (s *simulator) say(t *testing.T, text map[string]string) {
	t.Helper()
	line, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.stdin.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
}

// startKannel runs both boxes and returns the address of sendsms once the SMSC is bound.
func startKannel(t *testing.T, smscPort int, callbackURL string) string {
	t.Helper()
	bearerbox := testkit.Need(t, testkit.Kannel)
	adminPort, boxPort, sendPort := testkit.Free(t), testkit.Free(t), testkit.Free(t)
	dir := t.TempDir()
	conf := filepath.Join(dir, "kannel.conf")
	text := fmt.Sprintf(`group = core
admin-port = %d
admin-interface = 127.0.0.1
admin-password = test
smsbox-port = %d
smsbox-interface = 127.0.0.1
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = simulator
host = 127.0.0.1
port = %d
transceiver-mode = true
smsc-username = test
smsc-password = test
system-type = ""
source-addr-autodetect = true
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = %d
sendsms-interface = 127.0.0.1
sendsms-chars = "0123456789 +-"

group = sendsms-user
username = elshi
password = kannel-secret
max-messages = 10
concatenation = true

group = sms-service
keyword = default
get-url = "%s?from=%%p&to=%%P&text=%%a&charset=%%C&event=%%I"
max-messages = 0
`, adminPort, boxPort, smscPort, sendPort, callbackURL)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	testkit.Start(t, testkit.Command{Path: bearerbox, Args: []string{"-v", "1", conf}, Dir: dir})
	testkit.Eventually(t, 20*time.Second, canDial(boxPort))
	testkit.Start(t, testkit.Command{Path: filepath.Join(filepath.Dir(bearerbox), "smsbox"), Args: []string{"-v", "1", conf}, Dir: dir})
	testkit.Eventually(t, 20*time.Second, canDial(sendPort))
	return "http://127.0.0.1:" + strconv.Itoa(sendPort)
}

func canDial(port int) func() error {
	return func() error {
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(port), time.Second)
		if err != nil {
			return err
		}
		return c.Close()
	}
}
