package inbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// mailLedger is what returned mail needs of the ledger.
type mailLedger interface {
	reportLedger
	// Get returns a message; fault.NotFound if there is none.
	Get(ctx context.Context, id vocab.MessageID) (dispatcher.Message, error)
}

// MailOptions are what a MailServer is made of. Listen, Domain, Links, Ledger, Withdrawals, Now and Log are required.
type MailOptions struct {
	Listen      string // TCP address; port 0 takes a free one
	Hostname    string // the name it greets with. If empty, Domain
	Domain      string // of bounce and unsubscribe addresses (dispatcher.Letters.BounceDomain)
	Links       *dispatcher.Links
	Ledger      mailLedger
	Withdrawals withdrawer
	Counted     func(MailResult) // told of each mail and recipient; may be nil
	Now         func() time.Time
	Log         *slog.Logger

	MaxBytes       int64         // of one mail. If zero, 2 MiB
	MaxRecipients  int           // of one mail. If zero, 5
	MaxConnections int           // at once; one more is told 421. If zero, 64
	ReadTimeout    time.Duration // for one command, or for one whole text. If zero, 2 min
	Lifetime       time.Duration // of one connection. If zero, 10 min
}

func (o MailOptions) withDefaults() MailOptions {
	if o.Hostname == "" {
		o.Hostname = o.Domain
	}
	if o.Counted == nil {
		o.Counted = func(MailResult) {}
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 2 << 20
	}
	if o.MaxRecipients == 0 {
		o.MaxRecipients = 5
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 64
	}
	if o.ReadTimeout == 0 {
		o.ReadTimeout = 2 * time.Minute
	}
	if o.Lifetime == 0 {
		o.Lifetime = 10 * time.Minute
	}
	return o
}

// MailServer is an SMTP server that takes mail for bounce and unsubscribe addresses with a valid token and for nobody else. It relays
// nothing, and 250 means that what the mail means is committed: while the ledger is away it answers 451 and the sender comes again.
type MailServer struct {
	o        MailOptions
	listener *mailListener
}

// NewMailServer binds the listener, so that connections are accepted from here on and served by Run.
func NewMailServer(o MailOptions) (*MailServer, error) {
	o = o.withDefaults()
	if o.Domain == "" {
		return nil, errors.New("inbound mail: no domain")
	}
	inner, err := net.Listen("tcp", o.Listen) //nolint:noctx // binding does not wait
	if err != nil {
		return nil, fmt.Errorf("inbound mail: %w", err)
	}
	return &MailServer{o: o, listener: &mailListener{
		Listener: inner, max: o.MaxConnections, lifetime: o.Lifetime, conns: map[*mailConn]struct{}{},
	}}, nil
}

// Addr is where the server listens, with the port that was found.
func (s *MailServer) Addr() net.Addr { return s.listener.Addr() }

// Close gives the address back if Run was never called.
func (s *MailServer) Close() error { return s.listener.Close() }

const (
	// recordTimeout bounds what one mail does to the ledger; the senders wait 10 minutes (RFC 5321 section 4.5.3.2.6).
	recordTimeout = 30 * time.Second
	// drainTimeout is longer, so that a mail that was read whole gets its answer.
	drainTimeout = recordTimeout + 5*time.Second
	// maxLine is longer than RFC 5321 allows: a bounce that quotes a bad mail is still a bounce.
	maxLine = 64 << 10
)

// Run serves until ctx ends. Then it takes no more connections, lets mails that were read whole be recorded and answered, tells the
// others to come again (421), and returns nil. It returns an error when listening fails. It is called once.
func (s *MailServer) Run(ctx context.Context) error {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &mailSession{server: s, begin: func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
		}}, nil
	}))
	server.Domain = s.o.Hostname
	server.MaxMessageBytes = s.o.MaxBytes
	server.MaxRecipients = s.o.MaxRecipients
	server.MaxLineLength = maxLine
	server.ReadTimeout, server.WriteTimeout = s.o.ReadTimeout, s.o.ReadTimeout
	server.EnableSMTPUTF8 = true // reports about such addresses come by it (RFC 6533)
	server.ErrorLog = silence{}

	served := make(chan error, 1)
	go func() { served <- server.Serve(s.listener) }()
	select {
	case err := <-served:
		s.listener.cut()
		return fmt.Errorf("inbound mail: %w", err)
	case <-ctx.Done():
	}
	s.listener.stopReading()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := server.Shutdown(drain)
	_ = s.listener.Close() // when ctx ended before Serve began, Shutdown did not know the listener
	s.listener.cut()
	if err = errors.Join(err, <-served); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("inbound mail: %w", err)
	}
	return nil
}

// recipient is whom a mail is for: a message, and what its sender may do to it.
type recipient struct {
	kind dispatcher.LinkKind
	id   vocab.MessageID
}

// recipientOf reads an address of RCPT TO. It says no to whatever we have not made.
func (s *MailServer) recipientOf(address string) (recipient, bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 || !strings.EqualFold(address[at+1:], s.o.Domain) {
		return recipient{}, false
	}
	kind := dispatcher.LinkBounce
	name, token, _ := strings.Cut(address[:at], "+")
	switch {
	case strings.EqualFold(name, "bounce"):
	case strings.EqualFold(name, "unsubscribe"):
		kind = dispatcher.LinkUnsubscribe
	default:
		return recipient{}, false
	}
	id, err := s.o.Links.Parse(kind, token)
	return recipient{kind, id}, err == nil
}

// mailSession is one SMTP connection; go-smtp calls it from one goroutine at a time.
type mailSession struct {
	server *MailServer
	begin  func() (context.Context, context.CancelFunc)
	from   string
	to     []recipient
}

var (
	errNobody = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such address here"}
	errAway   = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Not recorded, try again later"}
)

// Mail notes the envelope sender, which is empty for bounces.
func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt takes the recipients that we have made.
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	r, ok := s.server.recipientOf(to)
	if !ok {
		s.server.o.Counted(MailRefused)
		return errNobody
	}
	s.to = append(s.to, r)
	return nil
}

// Data acts on the mail; what it returns is the answer to the final dot. A mail that is not recorded for one of its recipients comes
// again for all: recording is idempotent.
func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err // also half a mail: nobody has been told that it was taken
	}
	ctx, cancel := s.begin()
	defer cancel()
	m, away := read(raw), false
	for _, to := range s.to {
		if s.server.take(ctx, s.from, to, m) != nil {
			away = true
		}
	}
	if away {
		return errAway // without the error: it is ours, and the sender needs only to know that it may come again
	}
	return nil
}

// Reset forgets the envelope.
func (s *mailSession) Reset() { s.from, s.to = "", nil }

// Logout has nothing to free.
func (s *mailSession) Logout() error { return nil }

// silence drops go-smtp's own log, which names peers and may hold what they sent.
type silence struct{}

// Printf drops a line.
func (silence) Printf(string, ...any) {}

// Println drops a line.
func (silence) Println(...any) {}
