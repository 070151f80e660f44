package consent

import (
	"time"

	"github.com/orleu/elshi/vocab"
)

// Facts are all that Decide knows. The zero Facts deny: what nobody has looked up does not count as good news.
type Facts struct {
	Now               time.Time // the clock is an input
	Class             vocab.Class
	Purpose           vocab.Purpose
	Channel           vocab.Channel
	PurposeRegistered bool

	Contact          ContactFacts
	Address          AddressFacts
	UnsubscribedAll  bool
	PausedUntil      time.Time // the contact wants no mailings before; zero: no pause
	ServiceOptedOut  bool
	Grant            GrantFacts
	Message          MessageFacts
	OtherChannel     bool // another usable channel exists for this contact
	CampaignPaused   bool
	ProviderPaused   bool
	BudgetExceeded   bool
	CapReached       bool
	RateLimited      bool
	WindowOpen       bool              // quiet hours do not hold this class and channel now
	OwnHours         bool              // the organisation set hours for this very class and channel, which may wait for nothing by the table
	NextWindow       time.Time         // when they end; zero if WindowOpen or unknown
	CapFreeAt        time.Time         // when the frequency cap lets the next one through; zero if unknown
	CapEarlier       []vocab.MessageID // the messages that fill the frequency cap
	GuestListOnly    bool              // the API key may write to its guest list alone
	OnGuestList      bool
	ForbiddenContent bool // the data or the text holds an identifier of policy clause 2.2
}

// ContactFacts are the facts about the person.
type ContactFacts struct {
	Erased              bool
	DataBlocked         bool // the law blocks the contact's data
	ProcessingWithdrawn bool
	Minor               bool
	GuardianConsented   bool
}

// AddressFacts are the facts about the email address or number.
type AddressFacts struct {
	Present        bool
	Valid          bool
	HardBounced    bool
	Reassigned     bool // the number has a new owner since the contact gave it
	Verified       bool // the contact has proved that the address is theirs
	Complained     bool
	ChannelStopped bool // SMS STOP, or the email counterpart
	Manual         bool // an operator suppressed it
}

// GrantFacts are the facts about the contact's grant for exactly this purpose, channel, topic and partner.
type GrantFacts struct {
	State        State
	ValidUntil   time.Time // exclusive; zero: no end
	PartnerNamed bool      // the consent text named the partner; true for purposes without one
	Event        vocab.ConsentEventID
	Text         int // the version of the consent text that was agreed to; see Grant.Text
}

// MessageFacts are the facts about the message itself.
type MessageFacts struct {
	Trigger            bool          // there is a trigger id: a request, an order, an incident
	TriggerAge         time.Duration // since the trigger
	Duplicate          bool
	NotAfter           time.Time // zero: no end
	HasUnsubscribe     bool
	SenderRegistered   bool
	LocaleApproved     bool
	RouteAbroad        bool // only a foreign route is available
	CrossBorderCovered bool // the consent text covers a transfer abroad
}

// State is the state of a grant.
type State string

// The states of a grant . The zero State counts as None.
const (
	None      State = "none"
	Pending   State = "pending"
	Granted   State = "granted"
	Withdrawn State = "withdrawn"
	Expired   State = "expired"
	Stale     State = "stale"
	Refusal   State = "refused"
	Lapsed    State = "lapsed"
)
