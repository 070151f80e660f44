package public

import (
	"net/http"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/vocab"
)

// historySize is how many entries and how many messages the page shows; an export has all.
const historySize = 50

// historyView is what was agreed to, ended and sent.
type historyView struct {
	Narrow   bool // of the proved address alone, because several people read it
	Entries  []entryView
	Messages []messageView
	More     bool // there is more than is shown
}

// entryView is one entry of the consent ledger in words.
type entryView struct {
	At      time.Time
	What    string // the key of a text
	About   string // in words; empty: it says so itself
	Channel vocab.Channel
	Source  string // the key of a text
	Proof   string // the key of a text; may be empty
	Receipt string // path; may be empty
}

// messageView is one message, without what it said.
type messageView struct {
	At      time.Time
	Purpose string
	Topic   string
	Channel vocab.Channel
	State   string // the key of a text
}

// history returns what the page shows of the past. An address that several people read proves that one of them is here, and not which: they
// see what went to that address, which all of them could read, and what was agreed for its channel, which the page shows anyway. Nothing of
// the contact's other addresses.
func (p *pages) history(r *http.Request, s subject) (historyView, error) {
	view := historyView{Narrow: s.proven.shared}
	entries, err := p.Proofs.Records.Entries(r.Context(), s.message.ContactID, historySize+1)
	if err != nil {
		return view, err
	}
	messages, err := p.Proofs.Records.Messages(r.Context(), s.message.ContactID, historySize+1)
	if err != nil {
		return view, err
	}
	view.More = len(entries) > historySize || len(messages) > historySize
	for _, e := range entries[:min(len(entries), historySize)] {
		if !view.Narrow || e.AddressID == s.proven.AddressID || e.Channel == s.proven.Channel {
			view.Entries = append(view.Entries, p.entry(r, s.lang, e))
		}
	}
	for _, m := range messages[:min(len(messages), historySize)] {
		if view.Narrow && m.AddressID != s.proven.AddressID {
			continue
		}
		at := m.SentAt
		if at.IsZero() {
			at = m.CreatedAt
		}
		x := messageView{At: at, Purpose: p.purposeName(s.lang, m.Purpose), Channel: m.Channel, State: messageText(m.Status)}
		if m.Topic != "" {
			x.Topic = p.Purposes.TopicName(m.Purpose, m.Topic, s.lang)
		}
		view.Messages = append(view.Messages, x)
	}
	return view, nil
}

// entry says an entry of the ledger in words.
func (p *pages) entry(r *http.Request, lang vocab.Language, e consent.Event) entryView {
	view := entryView{At: e.At, What: eventText(e.Kind), Channel: e.Channel, Source: sourceText(e.Source)}
	switch {
	case e.Kind == consent.KindPaused || e.Kind == consent.KindResumed || e.Kind == consent.KindPolicyContinuedUse:
	case e.Purpose != "":
		view.Proof = proofText(e.Proof)
		view.About = p.consentName(lang, e.Purpose)
		if e.Topic != "" {
			view.About += " · " + p.Purposes.TopicName(e.Purpose, e.Topic, lang)
		}
	case e.Scope == consent.ScopeProcessing:
		view.About = say(lang, "about_processing")
	case e.Scope == consent.ScopeChannel || e.Scope == consent.ScopeAddress:
		view.About = say(lang, "about_channel")
	default:
		view.About = say(lang, "everything")
	}
	if p.Receipts != nil && e.ContactID != "" {
		view.Receipt = p.base + "/" + string(dispatcher.LinkReceipt) + "/" + p.Links.ReceiptToken(e.ID) + picked(r)
	}
	return view
}

// sourceText is the text for the way an entry came in.
func sourceText(source consent.Source) string {
	switch source {
	case consent.SourceAPI:
		return "source_api"
	case consent.SourcePreferencePage:
		return "source_preference_page"
	case consent.SourceConfirmLink:
		return "source_confirm_link"
	case consent.SourceSignUpForm:
		return "source_sign_up_form"
	case consent.SourceOperator:
		return "source_operator"
	case consent.SourceImport:
		return "source_import"
	case consent.SourceOneClick:
		return "source_one_click"
	case consent.SourceMailto:
		return "source_mailto"
	case consent.SourceSMSKeyword:
		return "source_sms_keyword"
	case consent.SourceComplaint:
		return "source_complaint"
	case consent.SourceMerge:
		return "source_merge"
	case consent.SourceSystem:
	}
	return "source_system"
}

// messageText is the text for how far a message is.
func messageText(status dispatcher.Status) string {
	switch status {
	case dispatcher.Scheduled, dispatcher.Queued, dispatcher.Held, dispatcher.Deferred, dispatcher.Sending:
		return "message_waits"
	case dispatcher.Sent, dispatcher.Unknown:
		return "message_sent"
	case dispatcher.Delivered:
		return "message_delivered"
	case dispatcher.Bounced, dispatcher.Undelivered, dispatcher.Failed, dispatcher.Expired:
		return "message_not_delivered"
	case dispatcher.Suppressed, dispatcher.Canceled:
	}
	return "message_not_sent"
}
