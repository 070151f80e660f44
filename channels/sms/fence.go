package sms

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/orleu/elshi/channels"
)

// errFenced ends a request whose body may not go out; the receipt is made from fence.stopped, not from this.
var errFenced = errors.New("the hand-over was stopped")

// fence is the body of a request, and the place where the hand-over commits. The text is in the body alone, so until the
// transport reads the first byte of it the gateway cannot have the message, and from then on it may.
type fence struct {
	until time.Time
	now   func() time.Time

	mu      sync.Mutex
	kept    net.Conn // the connection, if it was used before
	body    *strings.Reader
	begun   bool
	stopped channels.Cause
}

// use says on which connection the body will go; kept if it was used before.
func (f *fence) use(c net.Conn, kept bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept = nil
	if kept {
		f.kept = c
	}
}

// Read lets the body through unless the permit ended, the process is stopping or the connection is dead.
func (f *fence) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.begun {
		if f.stopped == "" && !f.now().Before(f.until) {
			f.stopped = channels.LeaseExpired
		}
		if f.stopped != "" || f.kept != nil && isStale(f.kept) {
			return 0, errFenced
		}
		f.begun = true
	}
	return f.body.Read(p)
}

// Close has nothing to free; the transport calls it.
func (f *fence) Close() error { return nil }

// stop ends the hand-over if it has not begun; one that has goes on to its answer.
func (f *fence) stop(cancel context.CancelFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.begun && f.stopped == "" {
		f.stopped = channels.Stopped
		cancel()
	}
}

// seal says how the hand-over stands, and closes the fence for good if it has not begun: whoever reports that nothing was handed
// over must be right also if the transport were to read on.
func (f *fence) seal() (begun bool, stopped channels.Cause) {
	f.mu.Lock()
	defer f.mu.Unlock()
	stopped = f.stopped
	if !f.begun && f.stopped == "" {
		f.stopped = channels.Unreachable
	}
	return f.begun, stopped
}
