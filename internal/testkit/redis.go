package testkit

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// RedisPeer is a redis-server of one test, with the settings that a real one should have: noeviction, AOF everysec.
type RedisPeer struct {
	Addr    string // host:port
	binary  string
	dir     string
	port    int
	process *Process
}

// Redis starts a redis-server for this test.
func Redis(t testing.TB) *RedisPeer {
	t.Helper()
	r := &RedisPeer{binary: Need(t, RedisServer), dir: t.TempDir(), port: Free(t)}
	r.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port))
	r.Start(t)
	return r
}

// URL is the address as package config takes it.
func (r *RedisPeer) URL() string { return "redis://" + r.Addr + "/0" }

// Start starts it again after Stop or Kill, on the same port, with what its append-only file has kept.
func (r *RedisPeer) Start(t testing.TB) {
	t.Helper()
	r.process = Start(t, Command{Path: r.binary, Dir: r.dir, Args: []string{
		"--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--dir", r.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
	}})
	Eventually(t, 15*time.Second, func() error {
		if !r.process.Running() {
			t.Fatalf("redis-server ended: %s", r.process.Stdout())
		}
		_, err := r.Do("PING")
		return err
	})
}

// Stop ends it in order; everything acknowledged is on disk.
func (r *RedisPeer) Stop(t testing.TB) {
	t.Helper()
	r.process.signal(t, r.process.stop)
	r.process.Wait(t, 15*time.Second)
}

// Kill ends it at once; up to a second of writes is lost.
func (r *RedisPeer) Kill(t testing.TB) {
	t.Helper()
	r.process.Kill(t)
}

// Pause makes it silent without closing a connection, as a stalled machine does.
func (r *RedisPeer) Pause(t testing.TB) {
	t.Helper()
	r.process.Pause(t)
}

// Resume ends Pause.
func (r *RedisPeer) Resume(t testing.TB) {
	t.Helper()
	r.process.Resume(t)
}

// Flush empties it (FLUSHALL), as if it had been lost whole.
func (r *RedisPeer) Flush(t testing.TB) {
	t.Helper()
	if _, err := r.Do("FLUSHALL"); err != nil {
		t.Fatalf("FLUSHALL: %v", err)
	}
}

// Do runs one command on a connection of its own, within 5 s, and returns a status, number or text as text. A missing
// value is "". Other answers, such as lists, are errors.
func (r *RedisPeer) Do(args ...string) (string, error) {
	conn, err := net.DialTimeout("tcp", r.Addr, time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close() //nolint:errcheck // nothing is waiting to be written
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	var request strings.Builder
	fmt.Fprintf(&request, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&request, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := conn.Write([]byte(request.String())); err != nil {
		return "", err
	}
	reader := bufio.NewReader(conn)
	line, err := readLine(reader)
	switch {
	case err != nil:
		return "", err
	case strings.HasPrefix(line, "+"), strings.HasPrefix(line, ":"):
		return line[1:], nil
	case line == "$-1":
		return "", nil
	case strings.HasPrefix(line, "$"):
		return readLine(reader) // tests store no line ends
	default:
		return "", fmt.Errorf("%s: redis says %q", args[0], line)
	}
}
