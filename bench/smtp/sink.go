package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// codePrefix begins the recipients whose arrival is kept one by one.
const codePrefix = "code-"

// counts is what the sink answers to GET /counts.
type counts struct {
	Messages int                  `json:"messages"` // complete messages that were answered with 250
	Distinct int                  `json:"distinct"` // different Message-IDs among them
	Size     int64                `json:"size"`     // bytes of the messages as they came, without the final dot
	First    time.Time            `json:"first"`    // when the first message was complete
	Last     time.Time            `json:"last"`     // when the newest message was complete
	Codes    map[string]time.Time `json:"codes"`    // recipient to arrival, for recipients that begin with codePrefix
}

// sink counts what it takes.
type sink struct {
	plain bool // does not offer PIPELINING
	way   *way // nil: the sink is near
	mu    sync.Mutex
	seed  maphash.Seed
	ids   map[uint64]struct{}
	counts
}

func newSink(plain bool) *sink {
	s := &sink{plain: plain, seed: maphash.MakeSeed()}
	s.forget()
	return s
}

func (s *sink) forget() {
	s.ids, s.counts = map[uint64]struct{}{}, counts{Codes: map[string]time.Time{}}
}

// runSink serves SMTP and the counts on loopback until ctx ends. Its first line of output names both addresses.
func runSink(ctx context.Context, plain bool, rtt time.Duration) error {
	var config net.ListenConfig
	mail, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := newSink(plain)
	if rtt > 0 {
		s.way = newWay(rtt)
	}
	server := &http.Server{Handler: s.pages(), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(web) }()
	go s.accept(mail)
	fmt.Println(mail.Addr(), web.Addr())
	<-ctx.Done()
	return errors.Join(mail.Close(), server.Close())
}

// pages answers GET /counts with the counts, and POST /forget by beginning anew.
func (s *sink) pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /counts", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.Distinct = len(s.ids)
		_ = json.NewEncoder(w).Encode(s.counts)
	})
	mux.HandleFunc("POST /forget", func(http.ResponseWriter, *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.forget()
	})
	return mux
}

func (s *sink) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			if s.way != nil {
				conn = s.way.to(conn)
			}
			defer conn.Close() //nolint:errcheck // the client has gone
			c := &session{sink: s, r: bufio.NewReaderSize(conn, 128<<10), w: bufio.NewWriter(conn)}
			c.run()
		}()
	}
}

// took counts a message.
func (s *sink) took(to, id []byte, size int) {
	now := time.Now()
	h := maphash.Bytes(s.seed, id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Messages == 0 {
		s.First = now
	}
	s.Messages++
	s.Last = now
	s.Size += int64(size)
	s.ids[h] = struct{}{}
	if bytes.HasPrefix(to, []byte(codePrefix)) {
		s.Codes[string(to)] = now
	}
}

// session is one connection.
type session struct {
	sink *sink
	r    *bufio.Reader
	w    *bufio.Writer
	to   []byte
	id   []byte
}

// run answers until the client goes. Replies wait for company while further commands are waiting (RFC 2920 section 3.2).
func (c *session) run() {
	c.say("220 sink.test ESMTP")
	for {
		if c.r.Buffered() == 0 && c.w.Flush() != nil {
			return
		}
		line, err := c.r.ReadSlice('\n')
		if err != nil || !c.command(bytes.TrimRight(line, "\r\n")) {
			_ = c.w.Flush()
			return
		}
	}
}

func (c *session) say(line string) {
	_, _ = c.w.WriteString(line) // the next flush tells
	_, _ = c.w.WriteString("\r\n")
}

// command answers one command; false ends the connection.
func (c *session) command(line []byte) bool {
	verb, rest, _ := bytes.Cut(line, []byte(" "))
	switch strings.ToUpper(string(verb)) {
	case "EHLO", "HELO":
		c.say("250-sink.test")
		if !c.sink.plain {
			c.say("250-PIPELINING")
		}
		c.say("250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES")
	case "MAIL":
		c.say("250 2.1.0 ok")
	case "RCPT":
		_, to, _ := bytes.Cut(rest, []byte("<"))
		to, _, _ = bytes.Cut(to, []byte(">"))
		c.to = append(c.to[:0], to...)
		c.say("250 2.1.5 ok")
	case "DATA":
		c.say("354 go ahead")
		if c.w.Flush() != nil {
			return false
		}
		size, err := c.body()
		if err != nil {
			return false
		}
		c.sink.took(c.to, c.id, size)
		c.say("250 2.0.0 ok: queued as 0123456789ABCDEF")
	case "RSET", "NOOP":
		c.say("250 2.0.0 ok")
	case "QUIT":
		c.say("221 2.0.0 bye")
		return false
	default:
		c.say("500 5.5.1 unknown command")
	}
	return true
}

var (
	finalDot  = []byte("\r\n.\r\n")
	messageID = []byte("\r\nMessage-ID: ")
)

// body reads a message to its final dot, by the bufferful, and picks the Message-ID out of its first bufferful.
func (c *session) body() (size int, err error) {
	c.id = c.id[:0]
	for {
		if _, err := c.r.Peek(len(finalDot)); err != nil {
			return size, err
		}
		have, _ := c.r.Peek(c.r.Buffered()) // cannot fail: that much is there
		if len(c.id) == 0 {
			_, after, _ := bytes.Cut(have, messageID)
			if id, _, whole := bytes.Cut(after, []byte("\r")); whole {
				c.id = append(c.id, id...)
			}
		}
		at := bytes.Index(have, finalDot)
		skip := at + len(finalDot)
		if at < 0 {
			skip = len(have) - len(finalDot) + 1 // the dot may be cut in two
		}
		if _, err := c.r.Discard(skip); err != nil {
			return size, err
		}
		size += skip
		if at >= 0 {
			return size, nil
		}
	}
}
