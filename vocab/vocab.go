// Package vocab holds the words that every other package shares: classes, channels, languages, purposes and ids.
// It has no rules of its own; what a class means is decided in package consent.
package vocab

// Class is the set of rules a message lives under. A purpose has exactly one class and nobody chooses it per send.
// It is never a kind of error; that is a channels.Cause.
type Class string

// The six classes. The zero Class is no class: whoever decides on it denies.
const (
	Security      Class = "security"      // one-time codes and sign-in alerts; alive for ten minutes
	Transactional Class = "transactional" // the answer to something the contact did
	Service       Class = "service"       // news about a service in use; the contact may opt out
	Legal         Class = "legal"         // what the law obliges the organisation to say
	Breach        Class = "breach"        // a leak of personal data; any hour, any channel
	Marketing     Class = "marketing"     // only with a confirmed, unexpired grant
)

// Classes lists every class, in the order of the decision table.
func Classes() []Class {
	return []Class{Legal, Breach, Security, Transactional, Service, Marketing}
}

// Channel is a way to reach a contact.
type Channel string

// The channels that exist. A new one needs a home below package channels.
const (
	Email Channel = "email"
	SMS   Channel = "sms"
)

// Channels lists every channel.
func Channels() []Channel { return []Channel{Email, SMS} }

// Lane is a queue with its own workers and connections, so that stalled bulk never holds a one-time code.
type Lane string

// The three lanes of every channel.
const (
	Urgent Lane = "urgent" // security and breach
	Normal Lane = "transactional"
	Bulk   Lane = "bulk"
)

// Lanes lists every lane, the most urgent first.
func Lanes() []Lane { return []Lane{Urgent, Normal, Bulk} }

// Language is a BCP 47 tag (RFC 5646) such as "kk", "ru" or "en".
type Language string

// The languages Elshi itself speaks. Templates may have variants in others.
const (
	Kazakh  Language = "kk"
	Russian Language = "ru"
	English Language = "en"
)

// Languages lists the languages of Elshi's own texts in the order of fallback: kk, ru, en.
func Languages() []Language { return []Language{Kazakh, Russian, English} }

// Purpose is why we may write, for example "news.company": an entry of a closed registry.
type Purpose string

// Topic is what a contact picks inside a purpose; empty means the whole purpose.
type Topic string
