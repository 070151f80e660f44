package dispatcher

import (
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

// Sender is an identity that messages come from, with the provider that carries them.
type Sender struct {
	ID         vocab.SenderID
	Channel    vocab.Channel
	Provider   vocab.ProviderID
	From       string // email address, or SMS sender name or number
	Name       map[vocab.Language]string
	ReplyTo    string
	Classes    []vocab.Class   // empty: all
	Purposes   []vocab.Purpose // empty: all
	Default    bool
	Registered bool // SMS: the operators know the name; email: always
	Abroad     bool // its provider takes messages abroad
}

// serves says whether the sender may be used for the class and purpose.
func (s Sender) serves(class vocab.Class, purpose vocab.Purpose) bool {
	return (len(s.Classes) == 0 || slices.Contains(s.Classes, class)) &&
		(len(s.Purposes) == 0 || slices.Contains(s.Purposes, purpose))
}

// Gate asks consent.Decide with everything that is not in the ledger: registry, senders, calendar, caps. It is asked twice for every
// message, at intake and at claim, and is pure but for the time it is given.
type Gate struct {
	Purposes *consent.Registry
	Calendar *consent.Calendar
	Cap      consent.Cap
	Senders  map[vocab.SenderID]Sender
}

// At returns the decider of one moment. Candidates of one batch are decided in order: one that is allowed counts against the cap of
// the next one to the same contact, and a legal notice that is not denied makes the next one about the same version or case a
// duplicate.
func (g *Gate) At(now time.Time) Decider {
	return func(cs []Candidate) []consent.Decision {
		decisions := make([]consent.Decision, len(cs))
		allowed := map[vocab.ContactID][]consent.Sent{}
		told := map[notice]bool{}
		for i, c := range cs {
			m := c.Message
			f := g.facts(c, append(slices.Clone(c.Recent), allowed[m.ContactID]...), now)
			about := notice{m.ContactID, m.Purpose, m.Channel, m.TriggerID}
			f.Message.Duplicate = f.Message.Duplicate || told[about]
			decisions[i] = consent.Decide(f)
			if m.Class == vocab.Marketing && decisions[i].Verdict == consent.Allow {
				allowed[m.ContactID] = append(allowed[m.ContactID], consent.Sent{ID: m.ID, Channel: m.Channel, At: now})
			}
			if OncePerTrigger(m) && (decisions[i].Verdict == consent.Allow || decisions[i].Verdict == consent.Hold) {
				told[about] = true
			}
		}
		return decisions
	}
}

// notice is what a contact is told at most once by a channel.
type notice struct {
	contact vocab.ContactID
	purpose vocab.Purpose
	channel vocab.Channel
	trigger string
}

// OncePerTrigger says whether a contact gets at most one message of this purpose and channel for one trigger.
func OncePerTrigger(m Message) bool {
	return m.TriggerID != "" && (m.Class == vocab.Legal || m.Class == vocab.Breach)
}

// facts completes what the ledger looked up.
func (g *Gate) facts(c Candidate, recent []consent.Sent, now time.Time) consent.Facts {
	f, m := c.Facts, c.Message
	f.Now, f.Class, f.Purpose, f.Channel = now, m.Class, m.Purpose, m.Channel
	info, known := g.Purposes.Lookup(m.Purpose)
	f.PurposeRegistered = known && info.Class == m.Class
	sender, known := g.Senders[m.Sender]
	f.Message.SenderRegistered = known && (m.Channel == vocab.Email || sender.Registered || m.Mode == Test)
	f.Message.RouteAbroad = known && sender.Abroad && m.Mode != Test
	f.Message.HasUnsubscribe = m.HasUnsubscribe
	f.Message.LocaleApproved = m.LocaleApproved
	f.Message.NotAfter = m.NotAfter
	f.Message.Trigger = m.TriggerID != ""
	if !m.TriggerAt.IsZero() {
		f.Message.TriggerAge = now.Sub(m.TriggerAt)
	}
	f.OwnHours = g.Calendar.Own(m.Class, m.Channel)
	f.WindowOpen, f.NextWindow = g.Calendar.Window(m.Class, m.Channel, c.TimeZone, now)
	if m.Class == vocab.Marketing {
		full := g.Cap.Reached(m.Channel, recent, now)
		f.CapReached, f.CapFreeAt, f.CapEarlier = full.Reached, full.FreeAt, full.Earlier
	}
	return f
}
