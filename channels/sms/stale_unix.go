//go:build unix

package sms

import (
	"errors"
	"net"
	"syscall"
)

// isStale says whether a kept connection has been closed by the other side, or has something to say before it was asked. The
// transport notices that too, but only when its reading goroutine gets to run; a text written in between would be in doubt.
func isStale(c net.Conn) bool {
	if wrapped, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = wrapped.NetConn()
	}
	socket, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return true
	}
	stale := false
	// Control and not Read: the transport's own Read holds the lock that Read would wait for.
	err = raw.Control(func(fd uintptr) {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		stale = !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
	})
	return stale || err != nil
}
