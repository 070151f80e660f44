package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/app"
	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

// The one provider and sender of every benchmark.
const (
	senderID   vocab.SenderID   = "news"
	providerID vocab.ProviderID = "relay"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// unobserved counts nothing.
type unobserved struct{}

func (unobserved) Decided(vocab.Class, dispatcher.Result)            {}
func (unobserved) Settled(dispatcher.Message, dispatcher.Settlement) {}
func (unobserved) Claimed(int, int)                                  {}
func (unobserved) LeasesLost(vocab.Class, int)                       {}

// counts is what the sink says; see bench/smtp.
type counts struct {
	Messages, Distinct int
	Size               int64
	First, Last        time.Time
	Codes              map[string]time.Time
}

// rate is messages a second from the first to the last.
func (c counts) rate() float64 { return float64(c.Messages-1) / c.Last.Sub(c.First).Seconds() }

// sink is a running "smtp sink".
type sink struct {
	mail, web string
	binary    string
}

func startSink(b *testing.B, how ...string) *sink {
	b.Helper()
	s := &sink{binary: testkit.Build(b, "./bench/smtp", testkit.BuildOptions{})}
	process := testkit.Start(b, testkit.Command{Path: s.binary, Args: append([]string{"sink"}, how...)})
	testkit.Eventually(b, 10*time.Second, func() error {
		_, err := fmt.Sscan(process.Stdout(), &s.mail, &s.web)
		return err
	})
	return s
}

func (s *sink) counts(b *testing.B) counts {
	b.Helper()
	res, err := http.Get("http://" + s.web + "/counts")
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	var c counts
	if err := json.NewDecoder(res.Body).Decode(&c); err != nil {
		b.Fatal(err)
	}
	return c
}

func (s *sink) forget(b *testing.B) {
	b.Helper()
	res, err := http.Post("http://"+s.web+"/forget", "", nil)
	if err != nil {
		b.Fatal(err)
	}
	_ = res.Body.Close()
}

// blast returns the raw limit: messages a second over so many connections.
func (s *sink) blast(b *testing.B, connections, messages, size int) float64 {
	b.Helper()
	s.forget(b)
	process := testkit.Start(b, testkit.Command{Path: s.binary, Args: []string{
		"blast", "-to", s.mail, "-connections", strconv.Itoa(connections), "-messages", strconv.Itoa(messages), "-size", strconv.Itoa(size),
	}})
	if code := process.Wait(b, 5*time.Minute); code != 0 {
		b.Fatalf("blast ended with %d: %s", code, process.Stderr())
	}
	c := s.counts(b)
	s.forget(b)
	return c.rate()
}

// settings are those of the measured process. Its quiet hours are open, because benchmarks run at night, too.
func (e *engine) settings(s *sink, redis, listen string, roles ...string) map[string]any {
	host, port, _ := net.SplitHostPort(s.mail)
	n, _ := strconv.Atoi(port)
	key := strings.Repeat("6b", 32) // hashKey
	if len(roles) == 0 {
		roles = []string{"api", "worker", "feeder"}
	}
	return map[string]any{
		"server":   map[string]any{"listen": listen, "public_url": "http://127.0.0.1:8080"},
		"data_dir": e.dir, "roles": roles, "database": map[string]any{"url": e.url}, "redis": map[string]any{"url": redis},
		"secrets": map[string]any{"link_key": key, "payload_key": key, "commitment_key": key, "verp_key": key, "signing_key": key},
		"events":  map[string]any{"messages": *told},
		"inbox":   map[string]any{"mode": "never"}, "log": map[string]any{"level": "warn"},
		"providers": []any{map[string]any{
			"id": providerID, "channel": "email", "driver": "smtp",
			"smtp": map[string]any{"host": host, "port": n, "tls": "none", "auth": "none"},
		}},
		"senders": []any{map[string]any{
			"id": senderID, "channel": "email", "provider": providerID, "from": "news@orleu.example", "reply_to": "info@orleu.example",
			"name": map[string]any{"ru": "Өрлеу"}, "default": true,
		}},
		"consent": map[string]any{
			"quiet_hours": map[string]any{"marketing_email": map[string]any{"from": "00:00", "until": "24:00", "working_days": false}},
			"cap":         map[string]any{"marketing": 1000},
		},
	}
}

// build compiles elshi, so that no measurement waits for the compiler, and returns the binary.
func build(b *testing.B) string {
	b.Helper()
	return testkit.Build(b, "./cmd/elshi", testkit.BuildOptions{})
}

// service is a running elshi: a process of its own, or part of this one.
type service struct {
	pid  int
	stop func()
}

// writeSettings returns the file that it wrote settings to.
func writeSettings(b *testing.B, settings map[string]any) string {
	b.Helper()
	file := filepath.Join(b.TempDir(), "elshi.yaml")
	text, err := json.Marshal(settings) // JSON is YAML
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		b.Fatal(err)
	}
	return file
}

// serve runs elshi with the settings until the benchmark ends or stop is called.
func serve(b *testing.B, settings map[string]any) *service {
	b.Helper()
	file := writeSettings(b, settings)
	if *profile == "" {
		process := testkit.Start(b, testkit.Command{
			Path: build(b), Args: []string{"serve", "--config", file},
		})
		return &service{process.PID(), func() {
			process.Interrupt(b)
			if code := process.Wait(b, time.Minute); code != 0 {
				b.Errorf("elshi ended with %d: %s", code, process.Stderr())
			}
			if said := process.Stderr(); said != "" {
				b.Logf("elshi said:\n%s", said)
			}
		}}
	}
	cfg, err := config.Load(file, nil)
	if err != nil {
		b.Fatal(err)
	}
	a, err := app.New(b.Context(), cfg, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		b.Fatal(err)
	}
	to, err := os.Create(*profile)
	if err != nil {
		b.Fatal(err)
	}
	if err := pprof.StartCPUProfile(to); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	return &service{os.Getpid(), func() {
		cancel()
		pprof.StopCPUProfile()
		if err := errors.Join(<-done, to.Close()); err != nil {
			b.Error(err)
		}
	}}
}

// usage is what processes have used so far.
type usage struct {
	cpu  time.Duration
	peak int // resident memory, KiB
}

// used reads the usage of a process. With its children: those that have ended, and those that run.
func used(b *testing.B, pid int, children bool) usage {
	b.Helper()
	u, err := usageOf(pid, children)
	if err != nil {
		b.Fatal(err)
	}
	return u
}

// clockTick is the unit of /proc/<pid>/stat on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

func usageOf(pid int, children bool) (usage, error) {
	fields, err := stat(pid)
	if err != nil {
		return usage{}, err
	}
	ticks := fields[11] + fields[12] // utime and stime; fields begin with the third, the state (proc_pid_stat(5))
	if children {
		ticks += fields[13] + fields[14]
		all, err := filepath.Glob("/proc/[0-9]*/stat")
		if err != nil {
			return usage{}, err
		}
		for _, name := range all {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			if f, err := stat(child); err == nil && f[1] == pid { // one that has just ended is no error
				ticks += f[11] + f[12]
			}
		}
	}
	u := usage{cpu: time.Duration(ticks) * clockTick}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return usage{}, err
	}
	if _, after, found := strings.Cut(string(status), "VmHWM:"); found {
		_, _ = fmt.Sscan(after, &u.peak)
	}
	return u, nil
}

// stat reads the numbers behind the command's name in /proc/<pid>/stat; the state is 0.
func stat(pid int) ([]int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	words := strings.Fields(rest)
	numbers := make([]int, len(words))
	for i, word := range words {
		numbers[i], _ = strconv.Atoi(word)
	}
	if len(numbers) < 15 {
		return nil, io.ErrUnexpectedEOF
	}
	return numbers, nil
}

// databaseUsed is the usage of PostgreSQL with all its backends; zero for SQLite, which works inside the process.
func (e *engine) databaseUsed(b *testing.B) usage {
	b.Helper()
	if e.pg == nil {
		return usage{}
	}
	text, err := os.ReadFile(filepath.Join(e.pg.SocketDir, "data", "postmaster.pid"))
	if err != nil {
		b.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		b.Fatal(err)
	}
	return used(b, pid, true)
}
