package main

import (
	"net"
	"runtime"
	"syscall"
	"time"
)

// way makes the sink far away: what it says is heard a round trip later, however much of it there is. A client that waits for replies
// cannot tell on which half of the way the time went, so what it says itself comes at once. There is no limit of bandwidth.
type way struct {
	rtt time.Duration
	// line holds every reply that is under way. All are late by the same time, so one queue keeps the order of each connection.
	line chan reply
}

type reply struct {
	due  time.Time
	text []byte
	conn net.Conn
	last bool
}

func newWay(rtt time.Duration) *way {
	w := &way{rtt: rtt, line: make(chan reply, 1<<16)}
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1) // one of them sleeps in the kernel
	go w.pace()
	return w
}

// pace hands replies over when they are due. It sleeps in the kernel, because Go's timers are exact to a millisecond only. A reply is
// small enough for any socket, so writing it does not keep the others waiting.
func (w *way) pace() {
	runtime.LockOSThread()
	for r := range w.line {
		for wait := time.Until(r.due); wait > 0; wait = time.Until(r.due) {
			rest := syscall.NsecToTimespec(int64(wait))
			_ = syscall.Nanosleep(&rest, nil) // woken early it sleeps again
		}
		if len(r.text) > 0 {
			_, _ = r.conn.Write(r.text) // the reader sees that the client has gone
		}
		if r.last {
			_ = r.conn.Close()
		}
	}
}

// to returns the connection as it is from far away. The client was connected by the kernel without the round trip that this takes; it
// waits for the greeting instead.
func (w *way) to(conn net.Conn) net.Conn {
	<-time.After(w.rtt)
	return farConn{conn, w}
}

type farConn struct {
	net.Conn
	way *way
}

// Write promises to write.
func (c farConn) Write(text []byte) (int, error) {
	c.way.line <- reply{due: time.Now().Add(c.way.rtt), text: append([]byte(nil), text...), conn: c.Conn}
	return len(text), nil
}

// Close promises to close after what was written.
func (c farConn) Close() error {
	c.way.line <- reply{due: time.Now().Add(c.way.rtt), conn: c.Conn, last: true}
	return nil
}
