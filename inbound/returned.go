package inbound

import (
	"context"
	"log/slog"
	"strings"

	"github.com/orleu/elshi/channels"
	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// MailResult is what one mail came to for one of its recipients.
type MailResult string

// What a mail comes to: a closed list, for metrics.
const (
	MailBounced      MailResult = "bounced"      // the message will not arrive
	MailDelivered    MailResult = "delivered"    // the message has arrived
	MailUnsubscribed MailResult = "unsubscribed" // a purpose ended
	MailComplained   MailResult = "complained"   // a purpose ended and its address is suppressed
	MailIgnored      MailResult = "ignored"      // it changed nothing: an auto-reply, a delay, the same report again
	MailRefused      MailResult = "refused"      // no such recipient
	MailAway         MailResult = "away"         // it could not be recorded and may come again
)

// MailResults lists every result.
func MailResults() []MailResult {
	return []MailResult{MailBounced, MailDelivered, MailUnsubscribed, MailComplained, MailIgnored, MailRefused, MailAway}
}

// take acts on a mail for one recipient and says so. An error means that the mail must come again.
func (s *MailServer) take(ctx context.Context, from string, to recipient, m mailing) error {
	result, err := s.act(ctx, from, to, m)
	if fault.KindOf(err) == fault.NotFound {
		result, err = MailIgnored, nil // the message or everybody behind its address is gone: there is nothing left to change
	}
	if err != nil {
		s.o.Counted(MailAway)
		s.o.Log.LogAttrs(ctx, slog.LevelWarn, "mail not recorded; it may come again", slog.String("message_id", string(to.id)),
			slog.String("error", err.Error()))
		return err
	}
	s.o.Counted(result)
	s.o.Log.LogAttrs(ctx, slog.LevelInfo, "mail taken", slog.String("message_id", string(to.id)), slog.String("result", string(result)))
	return nil
}

// act decides what a mail means. A complaint counts at both kinds of address, for it goes wherever its sender found one; everything else
// only at its own.
func (s *MailServer) act(ctx context.Context, from string, to recipient, m mailing) (MailResult, error) {
	switch {
	case m.complaint:
		return s.complain(ctx, to.id, m)
	case to.kind == dispatcher.LinkBounce && m.bounce != nil:
		return s.bounce(ctx, to.id, m.bounce)
	case to.kind == dispatcher.LinkUnsubscribe && from != "" && !m.automatic && m.bounce == nil:
		return s.unsubscribe(ctx, from, to.id, m)
	}
	return MailIgnored, nil
}

// bounce records a report on delivery. The token has shown which message it is about and that its sender has seen that message's
// envelope; the addresses in the report show nothing and are not looked at.
func (s *MailServer) bounce(ctx context.Context, id vocab.MessageID, d *delivery) (MailResult, error) {
	late, changes := dispatcher.Late(vocab.Email, "", d.report(s.o.Now()))
	if !changes {
		return MailIgnored, nil
	}
	late.MessageID = id
	_, changed, err := s.o.Ledger.RecordReport(ctx, late)
	if err != nil || !changed {
		return MailIgnored, err
	}
	if late.Next == dispatcher.Delivered {
		return MailDelivered, nil
	}
	if late.Cause == channels.OurAuthentication || late.Cause == channels.PolicyRefused {
		// The stream is not stopped: whoever once had a message from us could make us fall silent by forging such a bounce.
		s.o.Log.LogAttrs(ctx, slog.LevelError, "a bounce says that receivers refuse this installation", slog.String("message_id", string(id)),
			slog.String("cause", string(late.Cause)))
	}
	return MailBounced, nil
}

// unsubscribe ends what one-click ends (RFC 2369), whatever the mail says.
func (s *MailServer) unsubscribe(ctx context.Context, from string, id vocab.MessageID, m mailing) (MailResult, error) {
	msg, err := s.o.Ledger.Get(ctx, id)
	if err != nil {
		return MailIgnored, err
	}
	w := withdrawalOf(msg)
	if !dispatcher.Covered(w.Event, msg) {
		return MailIgnored, nil // of a class that nobody can end
	}
	w.Evidence = evidence("mail from "+from, m.id)
	return MailUnsubscribed, s.withdraw(ctx, w)
}

// complain ends the purpose and suppresses the address for what a complaint stops (domain section 6), also if the message was of a class
// that goes on.
func (s *MailServer) complain(ctx context.Context, id vocab.MessageID, m mailing) (MailResult, error) {
	msg, err := s.o.Ledger.Get(ctx, id)
	if err != nil {
		return MailIgnored, err
	}
	w := dispatcher.Complained(msg)
	w.Evidence = evidence("feedback report", m.id)
	return MailComplained, s.withdraw(ctx, w)
}

// withdrawalOf ends the message's purpose on its channel for everybody behind its address.
func withdrawalOf(m dispatcher.Message) dispatcher.Withdrawal {
	return dispatcher.Withdrawal{
		AddressID: m.AddressID, Writer: m.ContactID, Message: m.ID,
		Event: consent.Event{
			Kind: consent.KindWithdrawn, Scope: consent.ScopePurpose, Purpose: m.Purpose, Channel: m.Channel, Source: consent.SourceMailto,
			ActorKind: consent.ActorContact, ActorID: string(m.ContactID), Language: m.Language,
		},
	}
}

func (s *MailServer) withdraw(ctx context.Context, w dispatcher.Withdrawal) error {
	_, err := s.o.Withdrawals.Withdraw(ctx, w, 0)
	return err
}

// maxEvidence bounds what a stranger may add to the ledger, in bytes.
const maxEvidence = 500

// evidence is what shows a withdrawal: personal, and kept where erasure reaches it.
func evidence(what, messageID string) string {
	if messageID != "" {
		what += ", Message-ID " + messageID
	}
	what = strings.ReplaceAll(what, "\x00", "")
	return strings.ToValidUTF8(what[:min(len(what), maxEvidence)], "\uFFFD")
}
