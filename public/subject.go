package public

import (
	"context"
	"net/http"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// subject is what a link is about: the message it travelled with and who that went to.
type subject struct {
	message dispatcher.Message
	to      Recipient
	grants  []Grant
	lang    vocab.Language

	proven *proven // nil: the link is all there is
	ended  bool    // a proof was brought that holds no more, or is none
}

// subject reads everything that the pages show about a link. Its language is set as soon as it is known, also beside an error.
func (p *pages) subject(r *http.Request, kind dispatcher.LinkKind) (subject, error) {
	id, err := p.Links.Parse(kind, r.PathValue("token"))
	if err != nil {
		return subject{}, err
	}
	s := subject{}
	if s.message, err = p.Ledger.Message(r.Context(), id); err != nil {
		return s, err
	}
	s.lang = language(r, s.message.Language)
	if s.to, err = p.Ledger.Recipient(r.Context(), s.message); err != nil {
		return s, err
	}
	s.grants, err = p.Ledger.Grants(r.Context(), s.message.ContactID)
	return s, err
}

// stoppedSince returns since when the contact has refused what the message is about; the zero time if they have not.
func (s subject) stoppedSince() time.Time {
	for _, g := range s.grants {
		if g.Key == (consent.GrantKey{Purpose: s.message.Purpose, Channel: s.message.Channel, Topic: s.message.Topic}) && saidNo(g.State.State) {
			return g.State.Since
		}
	}
	return time.Time{}
}

// saidNo says whether a grant ended by the contact's own no.
func saidNo(s consent.State) bool {
	switch s {
	case consent.Withdrawn, consent.Refusal:
		return true
	case consent.None, consent.Pending, consent.Granted, consent.Expired, consent.Stale, consent.Lapsed:
		return false
	}
	return false
}

// fixedReason is the text that says why messages of a class cannot be ended.
func fixedReason(c vocab.Class) string {
	switch c {
	case vocab.Legal:
		return "fixed_legal"
	case vocab.Breach:
		return "fixed_breach"
	case vocab.Security:
		return "fixed_security"
	case vocab.Transactional:
		return "fixed_transactional"
	case vocab.Marketing, vocab.Service:
	}
	return "fixed_else"
}

// withdraw records a withdrawal. It does not end with the request: a mail provider that hangs up early still meant it.
func (p *pages) withdraw(ctx context.Context, w dispatcher.Withdrawal, wait time.Duration) (dispatcher.Withdrawn, error) {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), storeTimeout, errLedgerSlow)
	defer cancel()
	return p.Withdrawals.Withdraw(ctx, w, wait)
}

// path returns the path of another page about the same message, in the language that the reader picked.
func (p *pages) path(r *http.Request, kind dispatcher.LinkKind, id vocab.MessageID) string {
	return p.base + "/" + string(kind) + "/" + p.Links.Token(kind, id) + picked(r)
}
