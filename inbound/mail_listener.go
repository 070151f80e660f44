package inbound

import (
	"net"
	"sync"
	"time"
)

// mailListener bounds how many connections there are and how long each lives, and lets Run drain them: go-smtp's Shutdown waits for
// clients to leave by themselves, and after it Close does nothing.
type mailListener struct {
	net.Listener
	max      int
	lifetime time.Duration
	open     sync.WaitGroup

	mu       sync.Mutex
	stopping bool // conns made from now on are not read from either
	conns    map[*mailConn]struct{}
}

// busy is what a client is told who is one too many (RFC 5321 section 3.8): it comes back by itself.
const busy = "421 4.3.2 Too many connections, try again later\r\n"

// Accept returns the next connection for which there is room.
func (l *mailListener) Accept() (net.Conn, error) {
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.take(inner); c != nil {
			return c, nil
		}
		_, _ = inner.Write([]byte(busy)) // a courtesy; it fits into what a new socket holds
		_ = inner.Close()
	}
}

func (l *mailListener) take(inner net.Conn) *mailConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns) >= l.max {
		return nil
	}
	c := &mailConn{Conn: inner, listener: l}
	c.end = time.AfterFunc(l.lifetime, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		c.stopReading()
	})
	l.conns[c] = struct{}{}
	l.open.Add(1)
	return c
}

// stopReading ends every wait for a client, now and later. A mail that was read whole is still recorded and answered.
func (l *mailListener) stopReading() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopping = true
	for c := range l.conns {
		c.stopReading()
	}
}

// cut closes every connection and waits for that.
func (l *mailListener) cut() {
	l.mu.Lock()
	open := make([]*mailConn, 0, len(l.conns))
	for c := range l.conns {
		open = append(open, c)
	}
	l.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
	l.open.Wait()
}

// mailConn is a connection that ends.
type mailConn struct {
	net.Conn
	listener *mailListener
	end      *time.Timer
	over     bool // it is not read from any more
	closing  sync.Once
}

// stopReading ends the wait for the client. The caller holds the listener's lock.
func (c *mailConn) stopReading() {
	c.over = true
	_ = c.Conn.SetReadDeadline(past) // a closed connection needs none
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// SetReadDeadline keeps the deadline in the past once the connection is not to be read from.
func (c *mailConn) SetReadDeadline(t time.Time) error {
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	if c.over || c.listener.stopping {
		t = past
	}
	return c.Conn.SetReadDeadline(t)
}

// Close closes the connection and makes room for another.
func (c *mailConn) Close() error {
	err := net.ErrClosed
	c.closing.Do(func() {
		c.end.Stop()
		err = c.Conn.Close()
		c.listener.mu.Lock()
		delete(c.listener.conns, c)
		c.listener.mu.Unlock()
		c.listener.open.Done()
	})
	return err
}
