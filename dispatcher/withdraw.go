package dispatcher

import (
	"context"
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/vocab"
)

// Withdrawal ends what somebody no longer wants. It concerns one contact, or everybody behind an address.
type Withdrawal struct {
	ContactID vocab.ContactID // empty: everybody behind AddressID
	AddressID vocab.AddressID // the address it came from; may be empty if ContactID is set
	// Writer is who it is about if nobody is behind AddressID any more: the contact of the message that somebody answers to.
	Writer vocab.ContactID
	// Message is the one whose link or mail address somebody used; may be empty. Its own events then say that they unsubscribed or complained.
	Message  vocab.MessageID
	Event    consent.Event // kind, scope, purpose, channel, topic, source, actor, language; the rest is filled in
	Evidence string        // what shows it, personal: kept beside the chain; may be empty
	// StopAddress also stops the address for its channel (SMS STOP, a complaint): a suppression's reason, or empty.
	StopAddress contacts.SuppressionReason
}

// Withdrawn is the acknowledgement of a withdrawal. That of one which said nothing new names the ledger's earlier entries and their time.
type Withdrawn struct {
	At       time.Time              // from then on nothing covered was handed over but InFlight; of several earlier entries the latest time
	Events   []vocab.ConsentEventID // the entries that say it, one per contact
	Canceled []vocab.MessageID      // waited and will not be sent
	InFlight []vocab.MessageID      // were being handed over at that moment and may still arrive
}

// Covered says whether a message may not be sent any more after the event. The end of one use of data, such as a registry, stops no
// message; the end of processing as such does.
func Covered(e consent.Event, m Message) bool {
	if e.Scope == consent.ScopeProcessing && consent.Covers(e, consent.ProcessingCore, m.Channel, m.Topic) {
		switch m.Class {
		case vocab.Transactional, vocab.Service, vocab.Marketing:
			return true
		case vocab.Legal, vocab.Breach, vocab.Security:
			return false
		}
	}
	switch m.Class {
	case vocab.Marketing:
		return consent.Covers(e, m.Purpose, m.Channel, m.Topic)
	case vocab.Service:
		return e.Scope == consent.ScopePurpose && consent.Covers(e, m.Purpose, m.Channel, m.Topic)
	case vocab.Transactional, vocab.Legal, vocab.Breach, vocab.Security:
		return false
	}
	return true
}

// Includes says whether an earlier withdrawal or refusal reaches every grant that e reaches, so that e takes nothing that the earlier one
// left. Other than for grants it does not speak: who unsubscribed from all has not opted out of a purpose that needs no grant.
func Includes(earlier, e consent.Event) bool {
	for _, x := range []consent.Event{earlier, e} {
		if x.Kind != consent.KindWithdrawn && x.Kind != consent.KindRefused {
			return false
		}
	}
	wide, narrow := reachOf(earlier), reachOf(e)
	return (wide.purpose == "" || wide.purpose == narrow.purpose) &&
		(wide.channel == "" || wide.channel == narrow.channel) &&
		(wide.topic == "" || wide.topic == narrow.topic) &&
		(!wide.messages || narrow.messages)
}

// reach is which grants a withdrawal takes; an empty field means all. It says field by field what consent.Covers says of one grant.
type reach struct {
	purpose  vocab.Purpose
	channel  vocab.Channel
	topic    vocab.Topic
	messages bool // no use of data is among them
}

func reachOf(e consent.Event) reach {
	isUse := slices.ContainsFunc(consent.ProcessingUses(), func(u consent.ProcessingUse) bool { return u.ID == e.Purpose })
	named := e.Purpose != "" && !isUse
	switch e.Scope {
	case consent.ScopeAll:
		return reach{messages: true}
	case consent.ScopeChannel, consent.ScopeAddress:
		return reach{channel: e.Channel, messages: true}
	case consent.ScopePurpose, consent.ScopePartner:
		return reach{purpose: e.Purpose, channel: e.Channel, messages: named}
	case consent.ScopeTopic:
		return reach{purpose: e.Purpose, channel: e.Channel, topic: e.Topic, messages: named}
	case consent.ScopeProcessing:
		if e.Purpose == consent.ProcessingCore {
			return reach{}
		}
		return reach{purpose: e.Purpose, messages: named}
	}
	return reach{}
}

// Covers says whether a message may not be sent any more after an event of the withdrawal: Covered, and what a stop of the address ends,
// which is whatever the gate denies to a stopped address.
func (w Withdrawal) Covers(e consent.Event, m Message) bool {
	if Covered(e, m) {
		return true
	}
	if w.StopAddress == "" || w.AddressID == "" || m.AddressID != w.AddressID {
		return false
	}
	switch m.Class {
	case vocab.Marketing, vocab.Service:
		return true
	case vocab.Transactional:
		return w.StopAddress != contacts.Complaint
	case vocab.Legal, vocab.Breach, vocab.Security:
		return false
	}
	return true
}

// withdrawLedger is what a Withdrawer needs.
type withdrawLedger interface {
	// Withdraw appends the event for every contact it concerns, updates the projection, cancels what waits and is covered, and reads
	// the open attempts; its commit is the moment from which nothing covered is handed over but those. A contact for whom the event
	// changes nothing gets no second one.
	Withdraw(ctx context.Context, w Withdrawal, now time.Time, covered func(consent.Event, Message) bool) (Withdrawn, error)
	// Open returns those of the messages that still have an open attempt.
	Open(ctx context.Context, ids []vocab.MessageID) ([]vocab.MessageID, error)
}

// Withdrawer records withdrawals.
type Withdrawer struct {
	ledger withdrawLedger
	now    func() time.Time
}

// NewWithdrawer returns a Withdrawer over the ledger.
func NewWithdrawer(ledger withdrawLedger, now func() time.Time) *Withdrawer {
	return &Withdrawer{ledger, now}
}

// openPoll is how often Withdraw looks whether the open attempts have closed.
const openPoll = 50 * time.Millisecond

// Withdraw records the withdrawal and then waits up to wait for covered attempts that are open to close. It returns the ones that have
// not as InFlight. After it has returned without an error, no covered message is handed over except those. If the wait is cut short
// by ctx or the ledger goes away meanwhile, the withdrawal stands all the same and InFlight names all that were open.
func (w *Withdrawer) Withdraw(ctx context.Context, x Withdrawal, wait time.Duration) (Withdrawn, error) {
	done, err := w.ledger.Withdraw(ctx, x, w.now(), x.Covers)
	if err != nil {
		return Withdrawn{}, err
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	tick := time.NewTicker(openPoll)
	defer tick.Stop()
	for len(done.InFlight) > 0 && wait > 0 {
		select {
		case <-ctx.Done():
			return done, nil
		case <-deadline.C:
			return done, nil
		case <-tick.C:
		}
		open, err := w.ledger.Open(ctx, done.InFlight)
		if err != nil {
			return done, nil // it is recorded; not knowing what has closed only names more than need be
		}
		done.InFlight = open
	}
	return done, nil
}
