package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
)

// blast sends messages over pipelining connections. A group is the end of one message with MAIL, RCPT and DATA of the next, as a careful
// client may send it: no body goes out before its own 354, so each message costs one round trip.
func blast(ctx context.Context, to string, connections, messages, size int) error {
	left := atomic.Int64{}
	left.Store(int64(messages))
	errs := make([]error, connections)
	var wait sync.WaitGroup
	for i := range connections {
		wait.Go(func() { errs[i] = blastOne(ctx, to, i, &left, size) })
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

const line = "The quick brown fox jumps over the lazy dog, and the message grows.\r\n"

const envelope = "MAIL FROM:<bounce@blast.test>\r\nRCPT TO:<reader@blast.test>\r\nDATA\r\n"

func blastOne(ctx context.Context, to string, number int, left *atomic.Int64, size int) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", to)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // everything was answered
	r := bufio.NewReader(conn)
	if err := expect(r, "220"); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("EHLO blast.test\r\n")); err != nil {
		return err
	}
	if err := expect(r, "250"); err != nil {
		return err
	}
	if left.Add(-1) < 0 {
		return nil
	}
	if _, err := conn.Write([]byte(envelope)); err != nil {
		return err
	}
	filler := strings.Repeat(line, 1+size/len(line))[:size]
	var out []byte
	for n := 0; ; n++ {
		for _, code := range []string{"250", "250", "354"} {
			if err := expect(r, code); err != nil {
				return err
			}
		}
		out = fmt.Appendf(out[:0], "From: <a@blast.test>\r\nMessage-ID: <%d.%d@blast.test>\r\n\r\n", number, n)
		out = append(append(out, filler...), "\r\n.\r\n"...)
		last := left.Add(-1) < 0
		if last {
			out = append(out, "QUIT\r\n"...)
		} else {
			out = append(out, envelope...)
		}
		if _, err := conn.Write(out); err != nil {
			return err
		}
		if err := expect(r, "250"); err != nil {
			return err
		}
		if last {
			return expect(r, "221")
		}
	}
}

// expect reads one reply and checks its code.
func expect(r *bufio.Reader, code string) error {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) < 4 || string(line[:3]) != code {
			return fmt.Errorf("want %s, got %q", code, line)
		}
		if line[3] != '-' {
			return nil
		}
	}
}
