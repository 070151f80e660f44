package testkit

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Command is a program to start.
type Command struct {
	Path string
	Args []string
	Env  []string // beside this process's environment without ELSHI_ and TESTKIT_ variables
	Dir  string
	// Stop is the signal that asks it to end; 0 means SIGTERM.
	Stop syscall.Signal
	// User runs it as another user if this process is root; nil means as this process.
	User *syscall.Credential
}

// Process is a running program. It is killed if this process dies, and stopped when the test ends.
type Process struct {
	name   string
	cmd    *exec.Cmd
	stop   syscall.Signal
	done   chan struct{} // closed when it has ended
	stdout *output
	stderr *output
}

// Start runs a program until it ends or the test does. When the test has failed, the end of its output is logged.
func Start(t testing.TB, c Command) *Process {
	t.Helper()
	p, err := start(c)
	if err != nil {
		t.Fatalf("start %s: %v", c.Path, err)
	}
	t.Cleanup(func() {
		p.shutDown()
		p.showIfFailed(t)
	})
	return p
}

func start(c Command) (*Process, error) {
	p := &Process{
		name: c.Path, stop: c.Stop, done: make(chan struct{}), stdout: &output{}, stderr: &output{},
		cmd: exec.Command(c.Path, c.Args...),
	}
	if p.stop == 0 {
		p.stop = syscall.SIGTERM
	}
	p.cmd.Dir = c.Dir
	p.cmd.Env = append(cleanEnvironment(), c.Env...)
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	p.cmd.WaitDelay = 5 * time.Second // a grandchild may keep the pipes open
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true, Credential: c.User}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // the state says how it ended
	}()
	return p, nil
}

// cleanEnvironment keeps a developer's own settings out of the programs under test.
func cleanEnvironment() []string {
	var out []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "ELSHI_") && !strings.HasPrefix(entry, "TESTKIT_") {
			out = append(out, entry)
		}
	}
	return out
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stdout returns what it has written to standard output so far.
func (p *Process) Stdout() string { return string(p.stdout.bytes()) }

// Stderr returns what it has written to standard error so far.
func (p *Process) Stderr() string { return string(p.stderr.bytes()) }

// Running says whether it has not ended yet; a paused process is running.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Interrupt asks it to end, as a terminal does (SIGINT). It does not wait.
func (p *Process) Interrupt(t testing.TB) {
	t.Helper()
	p.signal(t, syscall.SIGINT)
}

// Kill ends it at once (SIGKILL) and waits for that.
func (p *Process) Kill(t testing.TB) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	<-p.done
}

// Pause stops it in its tracks (SIGSTOP): its connections stay open and silent.
func (p *Process) Pause(t testing.TB) {
	t.Helper()
	p.signal(t, syscall.SIGSTOP)
}

// Resume lets a paused process go on (SIGCONT).
func (p *Process) Resume(t testing.TB) {
	t.Helper()
	p.signal(t, syscall.SIGCONT)
}

// Wait returns the exit code once it has ended, -1 if a signal ended it, and fails the test after the timeout.
func (p *Process) Wait(t testing.TB, timeout time.Duration) int {
	t.Helper()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		if p.Running() {
			t.Fatalf("%s has not ended after %v", p.name, timeout)
		}
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *Process) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("signal %v to %s: %v", s, p.name, err)
	}
}

// shutDown asks it to end and kills what has not ended after ten seconds. It is harmless on an ended process.
func (p *Process) shutDown() {
	_ = p.cmd.Process.Signal(syscall.SIGCONT) // a paused process takes no other signal
	_ = p.cmd.Process.Signal(p.stop)
	timer := time.NewTimer(10 * time.Second)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // its group: children too
		<-p.done
	}
}

func (p *Process) showIfFailed(t testing.TB) {
	t.Helper()
	if t.Failed() {
		t.Logf("%s wrote to standard output:\n%s", p.name, lastLines(p.stdout.bytes(), 100))
		t.Logf("%s wrote to standard error:\n%s", p.name, lastLines(p.stderr.bytes(), 200))
	}
}

// output keeps what a process writes, readable while it writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write appends to the output. It never fails.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.buf.Bytes())
}
