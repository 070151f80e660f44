package config

import (
	"fmt"

	"github.com/orleu/elshi/vocab"
)

// Retention is for how many calendar months the ledger keeps what is no longer needed for sending, by class. What has something left to do
// stays, and so does what had an attempt or a report within the months, and what is to a contact whose data are blocked by law. Consent
// events are kept for ever.
type Retention struct {
	// Messages is for how many months messages are kept with all that hangs on them; 0 means for ever, otherwise 3 to 1200, and at least 36
	// for legal and breach: claims may come for three years (Civil Code of Kazakhstan, article 178), and these messages are the answer.
	// Default {security: 12, transactional: 36, service: 36, marketing: 36, legal: 60, breach: 60}.
	Messages MonthsByClass `yaml:"messages"`
	// Content is for how many months it is kept what a message says: its data, attachments and the provider's words. The message itself, its
	// events and attempts stay. 0 means as long as the message, otherwise 1 to 1200, and at least 36 for legal and breach.
	// Default {security: 1, transactional: 12, service: 12, marketing: 12, legal: 36, breach: 36}.
	Content MonthsByClass `yaml:"content"`
	// EventsDays is for how many days the feed of events is kept, and with it the log of webhooks: 1 to 90. A reader whose cursor is older is
	// told so. Default 30.
	EventsDays int `yaml:"events_days"`
}

// MonthsByClass is a number of calendar months for each class.
type MonthsByClass struct {
	// Security is for one-time codes and sign-in alerts.
	Security int `yaml:"security"`
	// Transactional is for answers to what a contact did.
	Transactional int `yaml:"transactional"`
	// Service is for news about a service in use.
	Service int `yaml:"service"`
	// Marketing is for what needs a grant.
	Marketing int `yaml:"marketing"`
	// Legal is for what the law obliges the organisation to say.
	Legal int `yaml:"legal"`
	// Breach is for a leak of personal data.
	Breach int `yaml:"breach"`
}

// For returns the months of a class, 0 if there is no such class.
func (m MonthsByClass) For(c vocab.Class) int {
	switch c {
	case vocab.Security:
		return m.Security
	case vocab.Transactional:
		return m.Transactional
	case vocab.Service:
		return m.Service
	case vocab.Marketing:
		return m.Marketing
	case vocab.Legal:
		return m.Legal
	case vocab.Breach:
		return m.Breach
	}
	return 0
}

func defaultRetention() Retention {
	return Retention{
		EventsDays: 30,
		Messages:   MonthsByClass{Security: 12, Transactional: 36, Service: 36, Marketing: 36, Legal: 60, Breach: 60},
		Content:    MonthsByClass{Security: 1, Transactional: 12, Service: 12, Marketing: 12, Legal: 36, Breach: 36},
	}
}

// The bounds of retention in months.
const (
	leastMessages = 3  // caps look back a month, bounces count for three, and providers report late
	leastContent  = 1  // what waits longest goes within a month
	leastProof    = 36 // the general limitation period
	mostMonths    = 1200
)

// retention checks the months of each class.
func (k *checker) retention(r Retention) {
	for _, class := range vocab.Classes() {
		messages, content := r.Messages.For(class), r.Content.For(class)
		k.months("retention.messages."+string(class), "for ever", messages, max(leastMessages, proofMonths(class)))
		k.months("retention.content."+string(class), "as long as the message", content, max(leastContent, proofMonths(class)))
		k.want(messages == 0 || content <= messages, "retention.content."+string(class),
			fmt.Sprintf("must not be longer than retention.messages.%s (%d): what a message says goes with it", class, messages))
	}
}

func (k *checker) months(key, zero string, n, least int) {
	k.want(n == 0 || n >= least && n <= mostMonths, key, fmt.Sprintf("must be 0 (%s) or between %d and %d months, not %d", zero, least, mostMonths, n))
}

// proofMonths is for how long messages of a class must be there to answer a claim.
func proofMonths(c vocab.Class) int {
	switch c {
	case vocab.Legal, vocab.Breach:
		return leastProof
	case vocab.Security, vocab.Transactional, vocab.Service, vocab.Marketing:
		return 0
	}
	return 0
}
