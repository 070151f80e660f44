package testkit

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) { Main(m) }

// verdict is a testing.TB that remembers how a test ended instead of ending this one.
type verdict struct {
	testing.TB
	failed, skipped string
}

func (v *verdict) Helper()      {}
func (v *verdict) Name() string { return "TestOther" }

func (v *verdict) Fatalf(format string, args ...any) {
	v.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (v *verdict) Skipf(format string, args ...any) {
	v.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func judge(t *testing.T, test func(testing.TB)) *verdict {
	t.Helper()
	v := &verdict{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(v)
	}()
	<-done
	return v
}

func TestMissingToolIsLeftOutAndRecorded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "left-out")
	t.Setenv("TESTKIT_LEFT_OUT", file)
	t.Setenv("CI", "")
	v := judge(t, func(tb testing.TB) { Need(tb, "no-such-program") })
	if v.skipped != "left out: no-such-program: it is not installed" || v.failed != "" {
		t.Errorf("skipped %q, failed %q, want skipped", v.skipped, v.failed)
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != "no-such-program (TestOther)\n" {
		t.Errorf("recorded %q, %v", got, err)
	}
}

func TestMissingToolFailsInCI(t *testing.T) {
	t.Setenv("CI", "true")
	v := judge(t, func(tb testing.TB) { Need(tb, "no-such-program") })
	if v.failed == "" || v.skipped != "" {
		t.Errorf("skipped %q, failed %q, want failed", v.skipped, v.failed)
	}
}

func TestEventuallyFailsWithTheLastError(t *testing.T) {
	calls := 0
	v := judge(t, func(tb testing.TB) {
		Eventually(tb, 50*time.Millisecond, func() error {
			calls++
			return errors.New("call " + strconv.Itoa(calls))
		})
	})
	if calls < 2 || !strings.HasSuffix(v.failed, "call "+strconv.Itoa(calls)) {
		t.Errorf("after %d calls failed with %q, want the last error", calls, v.failed)
	}
	v = judge(t, func(tb testing.TB) { Eventually(tb, 0, func() error { return nil }) })
	if v.failed != "" {
		t.Errorf("failed with %q, want success at the first call", v.failed)
	}
}

func TestSoakIsSkippedUnlessAskedFor(t *testing.T) {
	t.Setenv("TESTKIT_SOAK", "3m")
	if got := Soak(t); got != 3*time.Minute {
		t.Errorf("Soak = %v, want 3m", got)
	}
	t.Setenv("TESTKIT_SOAK", "long")
	if v := judge(t, func(tb testing.TB) { Soak(tb) }); v.failed == "" {
		t.Error("Soak took a duration that is none")
	}
}

func TestFreePortsCanBeListenedOnAndDiffer(t *testing.T) {
	a, b := Free(t), Free(t)
	if a == b {
		t.Fatalf("Free gave %d twice", a)
	}
	for _, port := range []int{a, b} {
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
	}
}

func child(t *testing.T, args ...string) *Process {
	t.Helper()
	t.Setenv("ELSHI_X", "from outside")
	path := Build(t, "./internal/testkit/testdata/hello", BuildOptions{})
	return Start(t, Command{Path: path, Args: args, Env: []string{"OTHER=given"}})
}

func TestProcess(t *testing.T) {
	if got := child(t, "fail").Wait(t, 10*time.Second); got != 7 {
		t.Errorf("exit code = %d, want 7", got)
	}
	p := child(t, "stay")
	waitUntilReady(t, p)
	if got := p.Stderr(); got != "ELSHI_X is \"\", OTHER is \"given\"\n" {
		t.Errorf("stderr = %q, want the variable kept out", got)
	}
	p.Pause(t)
	Eventually(t, 5*time.Second, func() error { return wantState(p, "T") })
	p.Resume(t)
	Eventually(t, 5*time.Second, func() error {
		if wantState(p, "T") == nil {
			return errors.New("still stopped")
		}
		return nil
	})
	if !p.Running() {
		t.Error("not running before Kill")
	}
	p.Kill(t)
	if p.Running() || p.Wait(t, 0) != -1 {
		t.Error("running after Kill")
	}
	p = child(t, "stay")
	p.Interrupt(t)
	if got := p.Wait(t, 10*time.Second); got == 0 {
		t.Errorf("exit code after Interrupt = %d, want another than 0", got)
	}
	paused := child(t, "stay")
	waitUntilReady(t, paused) // before, Go's runtime has no signal handler that a stop could hold up
	paused.Pause(t)
	paused.shutDown()
	status, ok := paused.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if paused.Running() || !ok || status.Signal() != syscall.SIGTERM {
		t.Errorf("a paused process ended by %v, want in order", status.Signal())
	}
}

func waitUntilReady(t *testing.T, p *Process) {
	t.Helper()
	Eventually(t, 10*time.Second, func() error {
		if !strings.Contains(p.Stdout(), "hello") || p.Stderr() == "" {
			return fmt.Errorf("stdout %q, stderr %q", p.Stdout(), p.Stderr())
		}
		return nil
	})
}

func wantState(p *Process, want string) error {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(p.PID()) + "/stat")
	if err != nil {
		return err
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	if !strings.HasPrefix(after, want) {
		return fmt.Errorf("state is %.1s, want %s", after, want)
	}
	return nil
}

func TestBuildOnceForEachSetOfOptions(t *testing.T) {
	first := Build(t, "./internal/testkit/testdata/hello", BuildOptions{})
	if again := Build(t, "./internal/testkit/testdata/hello", BuildOptions{}); again != first {
		t.Errorf("built twice: %s and %s", first, again)
	}
	tagged := Build(t, "./internal/testkit/testdata/hello", BuildOptions{Tags: []string{"loud"}})
	for path, want := range map[string]string{first: "hello\n", tagged: "HELLO\n"} {
		p := Start(t, Command{Path: path})
		if code := p.Wait(t, 10*time.Second); code != 0 || p.Stdout() != want {
			t.Errorf("%s: code %d, stdout %q, want %q", path, code, p.Stdout(), want)
		}
	}
}

func TestFoldersOfDeadProcessesAreRemoved(t *testing.T) {
	dead := child(t, "fail")
	dead.Wait(t, 10*time.Second)
	temp := t.TempDir()
	want := map[string]bool{
		dirPrefix + strconv.Itoa(dead.PID()) + "-1":  false,
		dirPrefix + strconv.Itoa(os.Getpid()) + "-1": true,
		dirPrefix + "x":                     true,
		"other-" + strconv.Itoa(dead.PID()): true,
	}
	for name := range want {
		if err := os.MkdirAll(filepath.Join(temp, name, "data"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	removeStale(temp)
	for name, stays := range want {
		if _, err := os.Stat(filepath.Join(temp, name)); (err == nil) != stays {
			t.Errorf("%s: stays %v, want %v", name, err == nil, stays)
		}
	}
}

func TestLastLines(t *testing.T) {
	if got := lastLines([]byte("a\nb\nc\n"), 2); got != "…\nb\nc\n" {
		t.Errorf("lastLines = %q", got)
	}
	if got := lastLines([]byte("a\nb\n"), 2); got != "a\nb\n" {
		t.Errorf("lastLines = %q", got)
	}
}
