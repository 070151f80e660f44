package dispatcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// ReceiptPurpose is what a receipt of a consent is mailed for. It is transactional: it answers what the contact has just done, so it wants
// no grant, goes to proven addresses alone, and ends with the consent to processing.
const ReceiptPurpose = vocab.Purpose("consent.receipt")

// ReceiptMail says which of their own acts contacts get a receipt of by mail. On the page that they pressed they find it in any case.
type ReceiptMail string

// The choices: a closed list.
const (
	ReceiptsOfGrants ReceiptMail = "grants" // what they agreed to; a mail after a no is what they said no to
	ReceiptsOfAll    ReceiptMail = "all"    // withdrawals, too
	ReceiptsOfNone   ReceiptMail = "none"
)

// receiptLedger is what a ReceiptMailer needs of the consent ledger. See store.Consents.
type receiptLedger interface {
	// Lead says whether the holder is the one who does the duty until the given time.
	Lead(ctx context.Context, duty, holder string, now, until time.Time) (bool, error)
	// Events returns the entries after a number in order, at most n of them. What is committed later comes later.
	Events(ctx context.Context, after int64, n int) ([]consent.Event, error)
	// ReceiptsMailed returns the number of the last entry that was dealt with.
	ReceiptsMailed(ctx context.Context) (int64, error)
	// KeepReceiptsMailed moves that number on; one that somebody else has moved stays.
	KeepReceiptsMailed(ctx context.Context, from, to int64) error
}

// receiptSubmitter takes messages in; a Submitter is one.
type receiptSubmitter interface {
	Submit(ctx context.Context, caller Caller, key *IdempotencyKey, requests []Request) (Submitted, error)
}

// ReceiptMailerOptions are what a ReceiptMailer is made of; all but Within, Zone and Language are required.
type ReceiptMailerOptions struct {
	Ledger    receiptLedger
	Submitter receiptSubmitter
	Links     *Links
	Purposes  *consent.Registry
	Mail      ReceiptMail
	// Within is how old an entry may be whose receipt is mailed: at most as long as idempotency keys are kept, which make it one mail. If
	// zero, 72 h.
	Within   time.Duration
	Zone     *time.Location // of the dates in the texts; nil: UTC
	Language vocab.Language // of contacts whose own is not known; empty: kk
	Now      func() time.Time
	Log      *slog.Logger
}

// ReceiptMailer mails contacts the receipts of what they have agreed to or ended themselves. It follows the consent ledger from where it was,
// so no crash loses a receipt, and the first entry of a press is the key of its mail, so none makes two. Any number may run, of which one
// works.
type ReceiptMailer struct {
	o    ReceiptMailerOptions
	name string // among the mailers
}

// NewReceiptMailer returns a ReceiptMailer.
func NewReceiptMailer(o ReceiptMailerOptions) *ReceiptMailer {
	defaultTo(&o.Within, 72*time.Hour)
	defaultTo(&o.Zone, time.UTC)
	defaultTo(&o.Language, vocab.Kazakh)
	return &ReceiptMailer{o, vocab.NewID("keeper")}
}

const (
	receiptDuty     = "receipts"
	receiptTick     = 5 * time.Second
	receiptSize     = 500
	receiptTemplate = "consent-receipt"
)

// Run mails at once and then every few seconds, until ctx ends. Errors are logged and tried again at the next tick.
func (m *ReceiptMailer) Run(ctx context.Context) error {
	tick := time.NewTicker(receiptTick)
	defer tick.Stop()
	for {
		if err := m.Mail(ctx); err != nil && ctx.Err() == nil {
			m.o.Log.LogAttrs(ctx, slog.LevelWarn, "receipts of consents wait", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Mail deals once with everything that was written into the ledger since the last time, if it is this one's turn.
func (m *ReceiptMailer) Mail(ctx context.Context) error {
	now := m.o.Now()
	leads, err := m.o.Ledger.Lead(ctx, receiptDuty, m.name, now, now.Add(3*receiptTick))
	if err != nil || !leads {
		return err
	}
	done, err := m.o.Ledger.ReceiptsMailed(ctx)
	if err != nil {
		return err
	}
	for {
		list, err := m.o.Ledger.Events(ctx, done, receiptSize)
		if err != nil || len(list) == 0 {
			return err
		}
		all := presses(list)
		if len(list) == receiptSize && len(all) > 1 {
			all = all[:len(all)-1] // the last one may go on behind the page
		}
		upTo, mailErr := m.mailAll(ctx, all, done)
		err = m.o.Ledger.KeepReceiptsMailed(ctx, done, upTo)
		if err = errors.Join(mailErr, err); err != nil {
			return fmt.Errorf("receipts after entry %d: %w", upTo, err)
		}
		done = upTo
	}
}

// mailAll mails the receipts of presses and returns the number of the last entry that was dealt with.
func (m *ReceiptMailer) mailAll(ctx context.Context, all []press, done int64) (int64, error) {
	for _, p := range all {
		if m.wanted(p) {
			if err := m.mail(ctx, p); err != nil {
				return done, err
			}
		}
		done = p[len(p)-1].Seq
	}
	return done, nil
}

// press is what one act of one contact wrote into the ledger: entries that follow each other.
type press []consent.Event

// presses cuts entries where another act begins. What one transaction writes stands together, because it holds the end of the chain.
func presses(list []consent.Event) []press {
	var all []press
	for i, e := range list {
		if i > 0 && sameAct(list[i-1], e) {
			all[len(all)-1] = append(all[len(all)-1], e)
		} else {
			all = append(all, press{e})
		}
	}
	return all
}

func sameAct(a, b consent.Event) bool {
	return a.ContactID == b.ContactID && a.ActorKind == b.ActorKind && a.ActorID == b.ActorID && a.Source == b.Source && a.At.Equal(b.At) &&
		said(a.Kind) == said(b.Kind)
}

// answerOf is what an entry says of what the contact wants.
type answerOf int

const (
	saysNothing answerOf = iota
	saysYes
	saysNo
)

func said(k consent.EventKind) answerOf {
	switch k {
	case consent.KindGranted, consent.KindConfirmed, consent.KindRenewed:
		return saysYes
	case consent.KindWithdrawn, consent.KindRefused:
		return saysNo
	case consent.KindRequested, consent.KindExpired, consent.KindLapsed, consent.KindStale, consent.KindImported, consent.KindPolicyContinuedUse,
		consent.KindPaused, consent.KindResumed, consent.KindMerged:
	}
	return saysNothing
}

// wanted says whether the receipt of a press is mailed. Whoever complained is not written to about it, and what others wrote down for
// somebody, by the thousand perhaps, is no act of theirs: that leaves a proof of a press.
func (m *ReceiptMailer) wanted(p press) bool {
	e := p[0]
	if e.ContactID == "" || e.ActorKind != consent.ActorContact || m.o.Now().Sub(e.At) >= m.o.Within {
		return false
	}
	yes := said(e.Kind) == saysYes && pressed(e.Proof)
	switch m.o.Mail {
	case ReceiptsOfGrants:
		return yes
	case ReceiptsOfAll:
		return yes || said(e.Kind) == saysNo && e.Source != consent.SourceComplaint
	case ReceiptsOfNone:
	}
	return false
}

// pressed says whether a proof is of something that the contact did on a page of ours.
func pressed(k consent.ProofKind) bool {
	switch k {
	case consent.ProofDoubleOptIn, consent.ProofOneTimeCode, consent.ProofRenewalLink, consent.ProofLink:
		return true
	case consent.ProofNone, consent.ProofSignedForm, consent.ProofOperatorNote:
	}
	return false
}

// mail submits the message of a press, by email: what was agreed to by SMS has its receipt on the page where the code was typed.
func (m *ReceiptMailer) mail(ctx context.Context, p press) error {
	e := p[0]
	lang := e.Language
	defaultTo(&lang, m.o.Language)
	var items []map[string]string
	for _, x := range p {
		if x.Channel != vocab.SMS {
			items = append(items, map[string]string{"name": m.nameOf(x, lang), "url": m.o.Links.ReceiptURL(x.ID)})
		}
	}
	if len(items) == 0 {
		return nil
	}
	data, err := json.Marshal(map[string]any{"receipt": map[string]any{
		"withdrawn": said(e.Kind) == saysNo, "on": e.At.In(m.o.Zone).Format(time.DateOnly), "items": items,
	}})
	if err != nil {
		return fmt.Errorf("receipt of %s: %w", e.ID, err)
	}
	out, err := m.o.Submitter.Submit(ctx, Caller{Mode: Live}, &IdempotencyKey{Route: "receipts", Token: string(e.ID), BodyHash: string(e.ID)}, []Request{{
		To: To{ContactID: e.ContactID}, Channel: vocab.Email, Purpose: ReceiptPurpose, Template: receiptTemplate, Language: lang, Data: data,
		TriggerID: string(e.ID), TriggerAt: e.At, Reference: string(e.ID),
	}})
	switch fault.KindOf(err) { //nolint:exhaustive // the others are tried again
	case fault.Invalid, fault.NotFound, fault.Forbidden: // it would be the same at the next tick, and hold up all that come after
		m.o.Log.LogAttrs(ctx, slog.LevelError, "a receipt cannot be mailed", slog.String("consent_event_id", string(e.ID)), slog.String("error", err.Error()))
		return nil
	}
	if err != nil {
		return fmt.Errorf("receipt of %s: %w", e.ID, err)
	}
	if wrong := out.Results[0].Problem; len(wrong) > 0 {
		m.o.Log.LogAttrs(ctx, slog.LevelError, "a receipt cannot be mailed", slog.String("consent_event_id", string(e.ID)),
			slog.String("code", wrong[0].Code), slog.String("detail", wrong[0].Detail))
	}
	return nil
}

// everything is what a contact ends who names no purpose.
var everything = map[vocab.Language]string{vocab.Kazakh: "Барлық таратылым", vocab.Russian: "Все рассылки", vocab.English: "Every mailing"}

// nameOf is what an entry is about, in the language.
func (m *ReceiptMailer) nameOf(e consent.Event, lang vocab.Language) string {
	purpose := e.Purpose
	if purpose == "" && e.Scope != consent.ScopeProcessing {
		return inLanguage(everything, lang)
	}
	defaultTo(&purpose, consent.ProcessingCore)
	if info, known := m.o.Purposes.Lookup(purpose); known {
		name := inLanguage(info.Names, lang)
		if e.Topic != "" {
			name += " · " + m.o.Purposes.TopicName(purpose, e.Topic, lang)
		}
		return name
	}
	for _, use := range consent.ProcessingUses() {
		if use.ID == purpose {
			return inLanguage(use.Names, lang)
		}
	}
	return string(purpose)
}
