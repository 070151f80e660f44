package testkit

import (
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Point is a place in an SMTP session (RFC 5321) at which a Fault can happen.
type Point string

// The points, in the order of a session.
const (
	AtBanner   Point = "banner" // instead of the greeting
	AtEHLO     Point = "ehlo"   // instead of the reply to EHLO or HELO
	AtMail     Point = "mail"
	AtRcpt     Point = "rcpt"
	AtData     Point = "data"      // instead of 354
	MidBody    Point = "mid-body"  // when the message has begun to come
	AfterDot   Point = "after-dot" // the message is complete; instead of the reply to it
	AfterReply Point = "replied"   // right after the 250 to a message
)

// Fault is what goes wrong at a point. Reply, Stall and Cut happen in this order, each if it is set.
type Fault struct {
	At    Point
	To    string        // only for this recipient (AtRcpt and later); empty: for any
	Times int           // how often it happens; 0: until Clear
	Stall time.Duration // be silent this long, or until Clear, Close or the client hangs up
	Reply string        // say this instead of yes, for example "451 4.3.0 try later"; nothing is kept
	Cut   bool          // close the connection; at AfterDot the message is kept and not acknowledged
}

// Mail is one message that the sink took responsibility for.
type Mail struct {
	From         string // reverse-path without angle brackets
	To           []string
	MessageID    string            // without angle brackets
	Headers      map[string]string // the X- headers, by their names in lower case; the last of each
	At           time.Time         // when the final dot was read
	Acknowledged bool              // the 250 was written; false: the sender cannot know that we have it
	Raw          string            // only if SinkOptions.KeepRaw
}

// SinkOptions say how a sink behaves. The zero value is a fast, correct server.
type SinkOptions struct {
	KeepRaw      bool // keep the whole text of each message
	NoPipelining bool // do not offer PIPELINING (RFC 2920)
	LenientData  bool // answer DATA with 354 even if every recipient was refused
	NoEnhanced   bool // do not offer ENHANCEDSTATUSCODES (RFC 2034)
}

// SMTPSink is an SMTP server in this process that takes everything, keeps what matters of it and fails when told to. It is
// made for end-to-end tests: BenchmarkSink says what of a result is its own, and every fault can be set while mail comes in.
type SMTPSink struct {
	Host string
	Port int

	options SinkOptions
	open    sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	faults   []*Fault
	cleared  chan struct{} // closed and replaced by Clear
	delay    time.Duration
	mails    []Mail
	reached  map[Point]int
	sessions int
}

// NewSMTPSink starts a sink that ends with the test.
func NewSMTPSink(t testing.TB, o SinkOptions) *SMTPSink {
	t.Helper()
	s := &SMTPSink{
		Host: "127.0.0.1", Port: Free(t), options: o,
		conns: make(map[net.Conn]bool), cleared: make(chan struct{}), reached: make(map[Point]int),
	}
	s.Back(t)
	t.Cleanup(func() {
		s.Away()
		s.open.Wait()
	})
	return s
}

// Addr is host:port.
func (s *SMTPSink) Addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// Back listens, again after Away, on the same port.
func (s *SMTPSink) Back(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp", s.Addr())
	if err != nil {
		t.Fatalf("SMTP sink: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listener = listener
	s.open.Go(func() { s.accept(listener) })
}

// Away closes the listener and every connection: the next dial is refused.
func (s *SMTPSink) Away() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return
	}
	_ = s.listener.Close()
	s.listener = nil
	for conn := range s.conns {
		_ = conn.Close()
	}
}

// Fail adds a fault. Of several that fit, the first one added happens.
func (s *SMTPSink) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Clear takes all faults back and ends every stall.
func (s *SMTPSink) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	close(s.cleared)
	s.cleared = make(chan struct{})
}

// Delay makes the sink think this long about every complete message before it replies.
func (s *SMTPSink) Delay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

// Messages returns what was taken so far, in the order of the final dots.
func (s *SMTPSink) Messages() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Count is how many messages were taken so far.
func (s *SMTPSink) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.mails)
}

// Reached is how often sessions came to a point, whether or not anything went wrong there.
func (s *SMTPSink) Reached(p Point) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reached[p]
}

// Sessions is how many connections were accepted so far.
func (s *SMTPSink) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

func (s *SMTPSink) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return // closed by Away
		}
		s.mu.Lock()
		if s.listener != listener {
			s.mu.Unlock()
			_ = conn.Close()
			continue
		}
		s.conns[conn] = true
		s.sessions++
		s.open.Go(func() {
			newSinkSession(s, conn).run()
			_ = conn.Close()
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.conns, conn)
		})
		s.mu.Unlock()
	}
}

// reach counts a point and returns the fault that happens there, if any.
func (s *SMTPSink) reach(p Point, recipients []string) (fault Fault, cleared <-chan struct{}, happens bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reached[p]++
	for i, f := range s.faults {
		if f.At != p || f.To != "" && !slices.Contains(recipients, f.To) {
			continue
		}
		if f.Times == 1 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		} else if f.Times > 1 {
			f.Times--
		}
		return *f, s.cleared, true
	}
	return Fault{}, nil, false
}

// keep stores a message and returns its place and how long to think about it.
func (s *SMTPSink) keep(m Mail) (place int, delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
	return len(s.mails) - 1, s.delay
}

func (s *SMTPSink) acknowledge(place int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails[place].Acknowledged = true
}
