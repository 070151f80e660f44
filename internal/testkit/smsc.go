package testkit

import (
	"bufio"
	"embed"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// smscFiles is the simulator, which stands on the npm package smpp.
//
//go:embed smsc
var smscFiles embed.FS

// SMSC is an operator's short message centre: it speaks SMPP 3.4, takes every text, answers it with a delivery receipt (UNDELIV for
// numbers that end in 0000) and sends texts of its own.
type SMSC struct {
	Port int

	stdin io.Writer
	lines chan SMSCEvent
}

// SMSCEvent is something that the SMSC saw. Event is "listening", "bound" or "text"; the other fields are a text's, or of one part of it.
type SMSCEvent struct {
	Event        string
	From, To     string
	TON, Coding  int // type of the destination's number; data coding, 0 or 8 (UCS-2)
	Text         string
	Concatenated bool // it is a part
}

// StartSMSC starts an SMSC that ends with the test.
func StartSMSC(t testing.TB) *SMSC {
	t.Helper()
	files, err := fs.Sub(smscFiles, "smsc")
	if err != nil {
		t.Fatal(err)
	}
	node, dir := NodeProject(t, files)
	s := &SMSC{Port: Free(t), lines: make(chan SMSCEvent, 1000)}
	cmd := exec.CommandContext(t.Context(), node, "smsc.js", strconv.Itoa(s.Port))
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
			var e SMSCEvent
			if json.Unmarshal(scanner.Bytes(), &e) == nil {
				s.lines <- e
			}
		}
	}()
	t.Cleanup(func() { // t.Context has ended, which kills the process
		<-done
		_ = cmd.Wait()
	})
	s.Next(t, "listening")
	return s
}

// Next returns the next event of a kind within 20 s; others are dropped.
func (s *SMSC) Next(t testing.TB, kind string) SMSCEvent {
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

// Say sends a text from a number to one of ours.
func (s *SMSC) Say(t testing.TB, from, to, text string) {
	t.Helper()
	line, err := json.Marshal(map[string]string{"from": from, "to": to, "text": text})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.stdin.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
}
