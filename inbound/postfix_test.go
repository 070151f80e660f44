package inbound_test

import (
	"fmt"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/vocab"
)

// A real Postfix takes our message, hears from the next server that there is no such mailbox, and reports that to the envelope sender. The
// next server for everything is this listener: it knows nobody but its own addresses, which is the refusal and the way back in one.
func TestPostfixBouncesToUs(t *testing.T) {
	w := newMailWorld(t, nil)
	postfix := testkit.StartPostfix(t, w.addr)
	p := w.reader(t)
	lost, ended := w.mailed(t, p, vocab.Transactional), w.mailed(t, w.reader(t), vocab.Marketing)
	send := func(from, to, raw string) {
		t.Helper()
		relay := fmt.Sprintf("127.0.0.1:%d", postfix.Port)
		if err := smtp.SendMail(relay, nil, from, []string{to}, []byte(strings.ReplaceAll(raw, "\n", "\r\n"))); err != nil {
			t.Fatal(err)
		}
	}
	send(bounceTo(lost), p.Addresses[0].Value.Reveal(), "From: news@elshi.example\nSubject: Жауап\n\nСәлем!\n")
	send("aigul@school.example", unsubscribeTo(ended), plainMail)
	for id, want := range map[vocab.MessageID]string{lost: "bounced", ended: "unsubscribed"} {
		testkit.Eventually(t, 30*time.Second, func() error {
			if line := fmt.Sprintf(`"message_id":%q,"result":%q`, id, want); !strings.Contains(w.log.String(), line) {
				return fmt.Errorf("the log does not say %s:\n%s\nPostfix says:\n%s", line, w.log, postfix.Log(t))
			}
			return nil
		})
	}
	w.wantMessage(t, lost, dispatcher.Bounced)
	w.wantStopped(t, p, contacts.HardBounce)
	if m, err := w.ledger.Get(w.ctx, lost); err != nil || m.LastCause != "no_such_mailbox" {
		t.Errorf("the cause is %q (%v), want no_such_mailbox", m.LastCause, err)
	}
}
