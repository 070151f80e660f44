package inbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/orleu/elshi/vocab"
)

// ServerOptions are settings of the SMTP catcher.
type ServerOptions struct {
	// Addr is where to listen: a loopback host, because anybody who reaches the catcher may hand in mail. ":0" is
	// 127.0.0.1 and any port. If unset, ":0".
	Addr string
	// MaxBytes bounds one mail. If unset or zero, 10 MiB.
	MaxBytes int64
	// MaxRecipients bounds the recipients of one mail. If unset or zero, 100.
	MaxRecipients int
	// IdleTimeout ends a silent connection. If unset or zero, 5 minutes (RFC 5321 section 4.5.3.2.7).
	IdleTimeout time.Duration
	// Now is the clock. If unset, time.Now.
	Now func() time.Time
	// NewID makes ids. If unset, vocab.NewID with IDPrefix.
	NewID func() string
}

// drainTimeout is longer than a Keep may take, so that a mail that was read whole gets its answer and no Keep outlives Run.
const drainTimeout = keepTimeout + 5*time.Second

// maxLine is longer than RFC 5321 allows: a catcher should show a bad mail, not refuse it.
const maxLine = 64 << 10

// Server is an SMTP server that takes any mail from anybody for anybody. A mail is answered 250 when the keeper has it, 451 when
// the keeper does not take it, 552 when it is too large.
type Server struct {
	keeper   Keeper
	o        ServerOptions
	listener *listener
}

// NewServer binds the listener, so that connections are accepted from here on and served by Run.
func NewServer(k Keeper, o ServerOptions) (*Server, error) {
	o = o.withDefaults()
	host, port, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, fmt.Errorf("inbox address %q: %w", o.Addr, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("inbox address %q: want a loopback host, since the inbox takes mail from anybody", o.Addr)
	}
	inner, err := net.Listen("tcp", net.JoinHostPort(host, port)) //nolint:noctx // a loopback name needs no look-up that could hang
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	return &Server{keeper: k, o: o, listener: newListener(inner)}, nil
}

func (o ServerOptions) withDefaults() ServerOptions {
	if o.Addr == "" {
		o.Addr = ":0"
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 10 << 20
	}
	if o.MaxRecipients <= 0 {
		o.MaxRecipients = 100
	}
	if o.IdleTimeout <= 0 {
		o.IdleTimeout = 5 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now //nolint:forbidigo // the default of a setting
	}
	if o.NewID == nil {
		o.NewID = newID
	}
	return o
}

// Addr is where the server listens, with the port that was found.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close gives the address back if Run was never called.
func (s *Server) Close() error { return s.listener.Close() }

// Run serves until ctx ends. Then it takes no more connections, lets mails that were read whole be kept and answered, tells the
// others to come back later (421), and returns nil within 15 seconds. It returns an error when listening fails. It is called once.
func (s *Server) Run(ctx context.Context) error {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{server: s, keep: func(c Caught) error { return keep(ctx, s.keeper, c, keepTimeout) }}, nil
	}))
	server.Domain = "inbox.localhost"
	server.MaxMessageBytes = s.o.MaxBytes
	server.MaxRecipients = s.o.MaxRecipients
	server.MaxLineLength = maxLine
	server.ReadTimeout = s.o.IdleTimeout
	server.WriteTimeout = s.o.IdleTimeout
	server.EnableSMTPUTF8 = true
	server.ErrorLog = silence{}

	served := make(chan error, 1)
	go func() { served <- server.Serve(s.listener) }()
	select {
	case err := <-served:
		s.listener.cut()
		s.listener.wait()
		return fmt.Errorf("inbox: %w", err)
	case <-ctx.Done():
	}
	s.listener.stopReading()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := server.Shutdown(drain)
	_ = s.listener.Close() // when ctx ended before Serve began, Shutdown did not know the listener
	s.listener.cut()
	s.listener.wait()
	if serveErr := <-served; serveErr != nil {
		err = errors.Join(err, serveErr)
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("inbox: %w", err)
	}
	return nil
}

// session is one SMTP connection; go-smtp calls it from one goroutine.
type session struct {
	server *Server
	keep   func(Caught) error
	from   string
	to     []vocab.Address
}

// Mail notes the envelope sender.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt takes every recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, vocab.Address(clean(to)))
	return nil
}

// Data keeps the mail; what it returns is the answer to the final dot.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err // also half a mail: nobody has been told that it was taken
	}
	o := s.server.o
	caught := Caught{ID: o.NewID(), Channel: vocab.Email, EnvelopeFrom: vocab.Address(clean(s.from)), To: s.to, At: o.Now().UTC()}
	caught.read(raw)
	if err := s.keep(caught); err != nil {
		// Without err: it is ours, and the sender needs only to know that it may come back.
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "The inbox could not keep the message, try again later"}
	}
	return nil
}

// Reset forgets the envelope.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout has nothing to free.
func (s *session) Logout() error { return nil }

// silence drops go-smtp's own log, which names peers and may hold what they sent.
type silence struct{}

// Printf drops a line.
func (silence) Printf(string, ...any) {}

// Println drops a line.
func (silence) Println(...any) {}
