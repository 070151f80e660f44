// Package public is the contacts' door: the pages that links in messages lead to, made on the server in kk, ru and en, without
// JavaScript and without a login. A link can only reduce what somebody receives, or renew what its message asked about; but for the one
// that was sent to confirm a sign-up it grants nothing new, and it shows no address in full. To grant, and to see a history, takes a proof
// that the reader holds the address: a code that goes there.
// The package decides what a press of a button means and never what may be sent: that is package consent's.
//
// It serves /u/{token} (RFC 8058 one-click), /p/{token} (preferences; below it /proof), /w/{token} (why; below it to object, and to report the
// message), /n/{token} (renew a grant), /c/{token} (confirm),
// /forms/{slug} (sign up), /r/{token} (receipt), /inbox (the catcher, for demonstrations),
// / and its own /assets. Tokens are credentials: they are never logged.
package public

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// ledger is what the pages read. Its methods are called by many requests at once. A fault of kind NotFound becomes the 404 page,
// one of kind Unavailable the 503 page: not knowing is never shown as "nothing there".
type ledger interface {
	// Message returns a message by its id; fault.NotFound if there is none.
	Message(ctx context.Context, id vocab.MessageID) (dispatcher.Message, error)
	// Recipient returns who the message went to.
	Recipient(ctx context.Context, m dispatcher.Message) (Recipient, error)
	// Grants returns the present grants of a contact in a fixed order; none is no error.
	Grants(ctx context.Context, contact vocab.ContactID) ([]Grant, error)
	// Ground returns what was agreed to by an entry of the consent ledger; fault.NotFound if there is none.
	Ground(ctx context.Context, id vocab.ConsentEventID, lang vocab.Language) (Ground, error)
}

// withdrawer records withdrawals; dispatcher.Withdrawer is one. After an answer without an error the withdrawal is committed.
type withdrawer interface {
	Withdraw(ctx context.Context, w dispatcher.Withdrawal, wait time.Duration) (dispatcher.Withdrawn, error)
}

// pauser records that a contact wants no mailings for a while, and returns until when. After an answer without an error it is committed.
type pauser interface {
	Pause(ctx context.Context, e consent.Event) (time.Time, error)
}

// Recipient is who a message went to, as far as the pages show it.
type Recipient struct {
	Address         vocab.Address // shown masked; empty if there is none any more
	Shared          bool          // more than one contact is behind the address
	UnsubscribedAll bool          // the contact has stopped every mailing
	PausedUntil     time.Time     // the contact wants no mailings before; zero: no pause

	Reach               []Reached // where the contact's messages go: one address for each channel that has any
	ProcessingWithdrawn bool      // no consent to mailings would bring any
	Erased              bool      // nothing about the contact is left
}

// Ground is what a contact agreed to.
type Ground struct {
	At       time.Time
	Proof    consent.ProofKind
	Words    string         // the statement they were shown; empty if none is kept here
	Full     string         // what the law asks for beside it: which data, for how long, how to withdraw
	Language vocab.Language // of the words
	Policy   string         // version of the privacy policy at that time; may be empty
}

// Grant is the present state of one grant of a contact.
type Grant struct {
	Key   consent.GrantKey
	State consent.Grant
}

// Options are what the pages are made of.
type Options struct {
	Ledger      ledger            // required
	Withdrawals withdrawer        // required
	Renewals    renewals          // required
	Claims      claimDesk         // required
	Pauses      pauser            // required
	Links       *dispatcher.Links // required; reads the tokens
	Receipts    receipts          // nil: there are no receipts, and no links to them
	Purposes    *consent.Registry // required
	Org         dispatcher.Org    // who writes; a name in at least one language is required
	PublicURL   string            // how browsers reach these pages, for example "https://elshi.example.org"; required
	Inbox       catcher           // nil: there is no /inbox
	OptIn       OptIn             // without Confirmations there is no /c and no /forms
	Proofs      Proofs            // without Prover a link can only reduce, and shows no history
	Zone        *time.Location    // of the times shown; nil: Asia/Almaty
	Now         func() time.Time  // required
	Log         *slog.Logger      // nil: nothing is logged
}

type pages struct {
	Options

	base   string // path of PublicURL, "" at the root of a host
	sets   map[vocab.Language]viewSet
	assets map[string]asset
	origin *http.CrossOriginProtection
}

// New returns the handler of the contact pages and of everything else that is not found: mount it last. It serves paths below
// the root; a prefix in PublicURL is the reverse proxy's to strip. The error names what is missing.
func New(o Options) (http.Handler, error) {
	if o.Ledger == nil || o.Withdrawals == nil || o.Renewals == nil || o.Pauses == nil || o.Claims == nil || o.Links == nil || o.Purposes == nil || o.Now == nil ||
		inLanguage(o.Org.Name, vocab.Kazakh) == "" {
		return nil, errors.New("contact pages: want Ledger, Withdrawals, Renewals, Pauses, Claims, Links, Purposes, Now and Org.Name")
	}
	at, err := url.Parse(o.PublicURL)
	if err != nil || at.Host == "" {
		return nil, errors.New(`contact pages: want a PublicURL such as "https://elshi.example.org"`)
	}
	if err := errors.Join(o.OptIn.check(), o.Proofs.check()); err != nil {
		return nil, err
	}
	if o.Zone == nil {
		if o.Zone, err = time.LoadLocation("Asia/Almaty"); err != nil {
			return nil, fmt.Errorf("contact pages: time zone: %w", err)
		}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &pages{Options: o, base: strings.TrimSuffix(at.Path, "/"), origin: http.NewCrossOriginProtection()}
	// A proxy may rewrite Host; the browser's Origin is still ours.
	if err := p.origin.AddTrustedOrigin(at.Scheme + "://" + at.Host); err != nil {
		return nil, fmt.Errorf("contact pages: public URL: %w", err)
	}
	if p.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if p.sets, err = p.loadViews(); err != nil {
		return nil, err
	}
	return p.observed(p.routes()), nil
}

// routes lists every path. Patterns carry no method, so that a page and not the mux answers a method that it does not know.
func (p *pages) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/u/{token}", p.route(p.askToStop, p.oneClick))
	mux.Handle("/p/{token}", p.route(p.preferences, p.reduce))
	if p.Proofs.Prover != nil {
		mux.Handle("/p/{token}/proof", p.route(p.preferences, p.proof))
	}
	mux.Handle("/n/{token}", p.route(p.keep, p.renew))
	mux.Handle("/w/{token}", p.route(p.why, nil))
	for _, claim := range []string{claimObject, claimReport} {
		mux.Handle("/w/{token}/"+claim, p.route(p.askToClaim(claim), p.claim(claim)))
	}
	if p.Receipts != nil {
		mux.Handle("/r/{token}", p.route(p.receipt, nil))
		mux.Handle("/r/{token}/receipt.json", p.route(p.receiptFile, nil))
		mux.Handle("/.well-known/elshi-keys.json", p.route(p.keys, nil))
	}
	if p.OptIn.Confirmations != nil {
		mux.Handle("/c/{token}", p.route(p.askToConfirm, p.confirm))
		mux.Handle("/forms/{slug}", p.route(p.form, p.signUp))
		mux.Handle("/forms/{slug}/review", p.route(p.form, p.review))
	}
	if p.Inbox != nil {
		mux.Handle("/inbox", p.route(p.inbox, nil))
		mux.Handle("/inbox/{id}", p.route(p.caught, nil))
		mux.Handle("/inbox/{id}/html", p.route(p.caughtHTML, nil))
		mux.Handle("/inbox/{id}/raw", p.route(p.caughtRaw, nil))
		mux.Handle("/inbox/{id}/files/{n}", p.route(p.caughtFile, nil))
	}
	mux.Handle("/{$}", p.route(p.landing, nil))
	mux.Handle("/assets/{file}", p.route(p.asset, nil))
	mux.Handle("/", p.route(p.nothingHere, p.nothingHere))
	return mux
}
