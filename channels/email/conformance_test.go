package email

import (
	"testing"
	"time"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/channels/channelstest"
)

func TestSenderKeepsTheChannelContract(t *testing.T) {
	channelstest.Run(t, func(t *testing.T) channelstest.Subject {
		t.Helper()
		const user, password = "elshi-relay-user", "correct-horse-battery"
		settings, roots := certificate(t)
		provider := newScripted(t, nil, func(s *scripted) {
			s.tls, s.user, s.pass = settings, user, password
			s.extensions = []string{"8BITMIME", "STARTTLS", "AUTH PLAIN LOGIN"}
		})
		return channelstest.Subject{
			Channel: newSender(t, provider.address, func(o *Options) {
				o.TLS, o.RootCAs, o.Username, o.Password = TLSStartTLS, roots, user, password
			}),
			Provider: provider, Message: sample, Now: time.Now, RefusedCause: channels.NoSuchMailbox,
			Secrets: []string{password},
		}
	})
}
