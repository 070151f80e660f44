package inbox

import (
	"net"
	"sync"
	"time"
)

// listener knows its connections, so that Run can drain them: go-smtp's Shutdown waits for clients to leave by themselves, and
// after it Close does nothing.
type listener struct {
	net.Listener
	open sync.WaitGroup

	mu       sync.Mutex
	stopping bool
	conns    map[*conn]struct{}
}

func newListener(inner net.Listener) *listener {
	return &listener{Listener: inner, conns: map[*conn]struct{}{}}
}

// Accept notes the connection.
func (l *listener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &conn{Conn: inner, listener: l}
	l.conns[c] = struct{}{}
	l.open.Add(1)
	return c, nil
}

// stopReading ends every wait for a client, now and later. What was read already is still kept and answered.
func (l *listener) stopReading() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopping = true
	for c := range l.conns {
		_ = c.Conn.SetReadDeadline(time.Unix(1, 0)) // a closed connection needs none
	}
}

// cut closes every connection.
func (l *listener) cut() {
	l.mu.Lock()
	open := make([]*conn, 0, len(l.conns))
	for c := range l.conns {
		open = append(open, c)
	}
	l.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}

func (l *listener) wait() { l.open.Wait() }

// conn is a connection that a stopping listener does not read from.
type conn struct {
	net.Conn
	listener *listener
	closing  sync.Once
}

// SetReadDeadline keeps the deadline in the past once the listener is stopping.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	if c.listener.stopping {
		t = time.Unix(1, 0)
	}
	return c.Conn.SetReadDeadline(t)
}

// Close closes the connection and forgets it.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.closing.Do(func() {
		err = c.Conn.Close()
		c.listener.mu.Lock()
		delete(c.listener.conns, c)
		c.listener.mu.Unlock()
		c.listener.open.Done()
	})
	return err
}
