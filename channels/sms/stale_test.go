//go:build unix

package sms

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/internal/testkit"
)

func TestIsStale(t *testing.T) {
	for _, tc := range []struct {
		name string
		peer func(net.Conn) error
		want bool
	}{
		{"a connection on which nothing happened", func(net.Conn) error { return nil }, false},
		{"a connection that the peer closed", net.Conn.Close, true},
		{"a connection that the peer reset", func(c net.Conn) error {
			if err := c.(*net.TCPConn).SetLinger(0); err != nil {
				return err
			}
			return c.Close()
		}, true},
		{"a connection on which the peer speaks unasked", func(c net.Conn) error {
			_, err := c.Write([]byte("HTTP/1.1 408 Request Timeout\r\n"))
			return err
		}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			ours, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer ours.Close()
			theirs, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer theirs.Close()
			if err := tc.peer(theirs); err != nil {
				t.Fatal(err)
			}
			if !tc.want {
				if isStale(ours) {
					t.Error("isStale is true, want false")
				}
				return
			}
			testkit.Eventually(t, 5*time.Second, func() error { // the kernel carries the news
				if !isStale(ours) {
					return errFenced
				}
				return nil
			})
			body := &fence{until: time.Now().Add(time.Minute), now: time.Now, body: strings.NewReader("text")}
			body.use(ours, true)
			if n, err := body.Read(make([]byte, 8)); n != 0 || err == nil {
				t.Errorf("Read on a stale connection = %d, %v, want nothing and an error", n, err)
			}
			if begun, _ := body.seal(); begun {
				t.Error("a text on a stale connection counts as begun")
			}
		})
	}
}
