// Package testkit runs real peers for tests: Redis, PostgreSQL, an SMTP sink, a browser and our own binary. Everything
// listens on loopback, is stopped and removed at the end, and shows its log when the test fails. It asserts nothing
// about Elshi itself.
package testkit

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Tool is a program that is not part of Go and may be missing on a developer's machine.
type Tool string

// The tools that tests use. Debian's package is named where it differs from the tool.
const (
	RedisServer Tool = "redis-server"
	PostgreSQL  Tool = "postgres" // postgresql
	Postfix     Tool = "postfix"
	SMTPSinkC   Tool = "smtp-sink" // postfix; Postfix's own sink, see SMTPSink for ours
	Kannel      Tool = "bearerbox" // kannel
	Chrome      Tool = "chromium"
	Aiosmtpd    Tool = "aiosmtpd" // python3-aiosmtpd
	Node        Tool = "node"     // nodejs
	NPM         Tool = "npm"
)

// Need returns the path of a tool. Without it the test is left out, see LeaveOut.
func Need(t testing.TB, tool Tool) string {
	t.Helper()
	path, err := find(tool)
	if err == nil {
		return path
	}
	LeaveOut(t, string(tool), "it is not installed")
	return ""
}

// LeaveOut skips the test because something that it needs cannot be had here, and records what, so that make test can say what was not
// tested; with CI=true it fails the test, because there nothing may be left out.
func LeaveOut(t testing.TB, what, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: %s, and CI=true leaves nothing out", what, why)
	}
	if err := recordLeftOut(os.Getenv("TESTKIT_LEFT_OUT"), t.Name(), what); err != nil {
		t.Fatalf("record what is left out: %v", err)
	}
	t.Skipf("left out: %s: %s", what, why)
}

func find(tool Tool) (string, error) {
	if path, err := exec.LookPath(string(tool)); err == nil {
		return path, nil
	}
	// Debian keeps servers outside an ordinary user's PATH, and PostgreSQL's in a folder for each version.
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + string(tool))
	if err != nil {
		return "", err
	}
	slices.Sort(found)
	slices.Reverse(found)
	for _, path := range append(found, "/usr/sbin/"+string(tool), "/usr/local/sbin/"+string(tool)) {
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}

// recordLeftOut appends a line to the file that make test reads. Short appends do not mix, so processes may share it.
func recordLeftOut(file, test, what string) error {
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s (%s)\n", what, test)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Soak returns how long a long test runs, from make soak; otherwise the test is skipped.
func Soak(t testing.TB) time.Duration {
	t.Helper()
	text := os.Getenv("TESTKIT_SOAK")
	if text == "" {
		t.Skip("only make soak runs this")
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("TESTKIT_SOAK: %v", err)
	}
	return d
}

// given are the ports that this process has handed out.
var given sync.Map

// Free returns a TCP port of 127.0.0.1 that nothing listens on. It lies below the range that the kernel takes for outgoing
// connections, and is drawn at random, so that hardly ever another test process takes it before the caller does.
func Free(t testing.TB) int {
	t.Helper()
	const first, count = 20000, 10000
	for range count {
		port := first + rand.IntN(count)
		if _, twice := given.LoadOrStore(port, true); twice {
			continue
		}
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			t.Fatalf("give port %d back: %v", port, err)
		}
		return port
	}
	t.Fatalf("no free port from %d to %d", first, first+count-1)
	return 0
}

// Eventually calls check every 20 ms until it returns nil, and fails the test with its last error after the timeout.
// It is the only polling in tests, and only for what happens in another process.
func Eventually(t testing.TB, timeout time.Duration, check func() error) {
	t.Helper()
	if err := poll(timeout, check); err != nil {
		t.Fatalf("after %v: %v", timeout, err)
	}
}

func poll(timeout time.Duration, check func() error) error {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return err
		}
	}
}

// lastLines cuts a log to its end: a failing test should show why, not everything.
func lastLines(log []byte, n int) string {
	lines := 0
	for i := len(log) - 1; i > 0; i-- {
		if log[i] == '\n' {
			lines++
			if lines > n {
				return "…" + string(log[i:])
			}
		}
	}
	return string(log)
}

// readLine reads one line of a line protocol, without its end.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	return line, nil
}
