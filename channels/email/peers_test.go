package email

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/internal/testkit"
)

// mailbox is a go-smtp backend that keeps what it gets.
type mailbox struct {
	mu         sync.Mutex
	user, pass string
	mails      []string
}

func (b *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &visit{b: b}, nil }

func (b *mailbox) all() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.mails, "\n")
}

type visit struct {
	b     *mailbox
	known bool
}

func (v *visit) AuthMechanisms() []string { return []string{sasl.Plain} }

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if user != v.b.user || pass != v.b.pass {
			return smtp.ErrAuthFailed
		}
		v.known = true
		return nil
	}), nil
}

func (v *visit) Mail(string, *smtp.MailOptions) error {
	if v.b.user != "" && !v.known {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user " + to}
	}
	return nil
}

func (v *visit) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.b.mu.Lock()
	defer v.b.mu.Unlock()
	v.b.mails = append(v.b.mails, string(text))
	return nil
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

// goSMTP runs a go-smtp server and returns its address.
func goSMTP(t testing.TB, b *mailbox, settings *tls.Config, implicit bool) string {
	t.Helper()
	server := smtp.NewServer(b)
	server.Domain, server.EnableSMTPUTF8, server.TLSConfig = "sink.example", true, settings
	server.AllowInsecureAuth, server.MaxRecipients = settings == nil, 1
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if implicit {
		listener = tls.NewListener(listener, settings)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-done; err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Errorf("go-smtp server: %v", err)
		}
	})
	return address
}

func TestGoSMTPServer(t *testing.T) {
	settings, roots := certificate(t)
	for _, mode := range []TLSMode{TLSNone, TLSStartTLS, TLSImplicit} {
		t.Run(string(mode), func(t *testing.T) {
			b := &mailbox{user: "elshi", pass: "correct-horse"}
			var serverTLS *tls.Config
			if mode != TLSNone {
				serverTLS = settings
			}
			s := newSender(t, goSMTP(t, b, serverTLS, mode == TLSImplicit), func(o *Options) {
				o.TLS, o.RootCAs, o.Username, o.Password = mode, roots, b.user, b.pass
				o.DotReplyTimeout = 10 * time.Second
			})
			var batch []channels.Message
			for n := range 45 {
				m := sample(n)
				if n%15 == 7 {
					m.To = "nobody@example.kz"
				}
				if n == 3 {
					m.To = "әсел@почта.қаз"
				}
				batch = append(batch, m)
			}
			receipts := sendAll(t, s, batch...)
			if err := s.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
			for n, m := range batch {
				want, times := channels.Accepted, 1
				if n%15 == 7 {
					want, times = channels.Refused, 0
				}
				got := receipts[m.ID]
				if got.Outcome != want || strings.Count(b.all(), "Message-ID: <"+m.Email.MessageID+">") != times {
					t.Errorf("message %d: %s with cause %q, want %s and the mail %d times", n, got.Outcome, cause(got), want, times)
				}
			}
		})
	}
}

// reachable waits until a server in another process takes connections.
func reachable(t testing.TB, address string) {
	t.Helper()
	testkit.Eventually(t, 15*time.Second, func() error {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

func TestPostfixSink(t *testing.T) {
	path := testkit.Need(t, testkit.SMTPSinkC)
	var privileges []string
	if os.Geteuid() == 0 {
		privileges = []string{"-u", "nobody"} // it does not want to stay root
	}
	t.Run("takes mail as it was written", func(t *testing.T) {
		folder := t.TempDir()
		for path, mode := range map[string]os.FileMode{folder: 0o777, filepath.Dir(folder): 0o711} {
			if err := os.Chmod(path, mode); err != nil { // nobody writes here
				t.Fatal(err)
			}
		}
		address, dump := fmt.Sprintf("127.0.0.1:%d", testkit.Free(t)), filepath.Join(folder, "mail")
		testkit.Start(t, testkit.Command{Path: path, Args: append(slices.Clone(privileges), "-d", dump+".", address, "100")})
		reachable(t, address)
		s := newSender(t, address, func(o *Options) { o.DotReplyTimeout = 10 * time.Second })
		batch := []channels.Message{marketing(), legal(), withAttachments()}
		for id, got := range sendAll(t, s, batch...) {
			if got.Outcome != channels.Accepted {
				t.Errorf("%s: %s with cause %q", id, got.Outcome, cause(got))
			}
		}
		_ = s.Close()
		files, err := filepath.Glob(dump + ".*")
		if err != nil || len(files) != len(batch) {
			t.Fatalf("smtp-sink wrote %d mails, want %d (%v)", len(files), len(batch), err)
		}
		var all strings.Builder
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
		for _, m := range batch {
			l, _ := compose(m)
			header, _, _ := strings.Cut(string(l.wire), "\r\n\r\n")
			header, _, _ = strings.Cut(header, "\r\nContent-") // what follows has random boundaries
			if !strings.Contains(strings.ReplaceAll(all.String(), "\r", ""), strings.ReplaceAll(header, "\r", "")) {
				t.Errorf("smtp-sink did not write the header of %s as it was sent", m.ID)
			}
		}
	})
	for _, tc := range []struct {
		name    string
		args    []string
		outcome channels.Outcome
		cause   channels.Cause
	}{
		{"refuses the recipient for now", []string{"-b", "450 4.2.2 full", "-r", "RCPT"}, channels.Refused, channels.MailboxFull},
		{"refuses the text for good", []string{"-B", "550 5.7.1 no", "-f", "."}, channels.Refused, channels.PolicyRefused},
		{"hangs up at DATA", []string{"-q", "DATA"}, channels.NotHandedOver, channels.Unreachable},
		{"hangs up after the dot", []string{"-q", "."}, channels.InDoubt, channels.ConnectionLost},
	} {
		t.Run(tc.name, func(t *testing.T) {
			address := fmt.Sprintf("127.0.0.1:%d", testkit.Free(t))
			testkit.Start(t, testkit.Command{Path: path, Args: slices.Concat(privileges, tc.args, []string{address, "100"})})
			reachable(t, address)
			s := newSender(t, address, func(o *Options) { o.DotReplyTimeout = 10 * time.Second })
			got := sendOne(t, s, sample(1))
			_ = s.Close()
			if got.Outcome != tc.outcome || cause(got) != tc.cause {
				t.Errorf("%s with %v, want %s with cause %q", got.Outcome, got.Err, tc.outcome, tc.cause)
			}
		})
	}
}

func TestAiosmtpd(t *testing.T) {
	path, address := testkit.Need(t, testkit.Aiosmtpd), fmt.Sprintf("127.0.0.1:%d", testkit.Free(t))
	process := testkit.Start(t, testkit.Command{
		Path: path, Args: []string{"-n", "-u", "-l", address, "-c", "aiosmtpd.handlers.Debugging", "stdout"},
		Env: []string{"PYTHONUNBUFFERED=1", "PYTHONUTF8=1"},
	})
	reachable(t, address)
	s := newSender(t, address, func(o *Options) { o.DotReplyTimeout = 10 * time.Second })
	toUTF8 := sample(9)
	toUTF8.To = "әсел@почта.қаз"
	batch := []channels.Message{marketing(), legal(), withAttachments(), toUTF8}
	for id, got := range sendAll(t, s, batch...) {
		if got.Outcome != channels.Accepted {
			t.Errorf("%s: %s with %v", id, got.Outcome, got.Err)
		}
	}
	_ = s.Close()
	testkit.Eventually(t, 10*time.Second, func() error {
		for _, m := range batch {
			if !strings.Contains(process.Stdout(), m.Email.MessageID) {
				return fmt.Errorf("aiosmtpd has not printed %s", m.ID)
			}
		}
		return nil
	})
	if !strings.Contains(process.Stdout(), "әсел@xn--80a1acny.xn--80ao21a") {
		t.Error("the address beyond ASCII did not arrive as it is")
	}
}
