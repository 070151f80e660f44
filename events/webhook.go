package events

import "time"

type (
	// WebhookID names one webhook ("whk_…").
	WebhookID string
	// DeliveryID names the delivery of one event to one webhook ("whd_…").
	DeliveryID string
)

// The prefixes of ids.
const (
	WebhookPrefix  = "whk"
	DeliveryPrefix = "whd"
)

// Webhook is where events are sent.
type Webhook struct {
	ID             WebhookID
	URL            string
	Events         Patterns
	Description    string
	Enabled        bool
	DisabledReason DisabledReason // empty while it is enabled
	FailingSince   time.Time      // nothing has been delivered since; zero while it works
	OldUntil       time.Time      // until when the secret before signs as well; zero if there is none
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// DisabledReason is why a webhook is not used.
type DisabledReason string

// The reasons.
const (
	DisabledByOrder DisabledReason = "order"   // somebody said so
	DisabledGone    DisabledReason = "gone"    // the endpoint answered 410
	DisabledFailing DisabledReason = "failing" // nothing was delivered for FailingLimit
)

// SecretOverlap is how long the secret before signs beside the new one.
const SecretOverlap = 24 * time.Hour

// DeliveryState is how far a delivery is.
type DeliveryState string

// The states of a delivery.
const (
	Pending   DeliveryState = "pending" // is tried again at NextAt
	Delivered DeliveryState = "delivered"
	Dead      DeliveryState = "dead" // given up; by order it is tried anew
)

// Delivery is one event on its way to one webhook, as the log shows it.
type Delivery struct {
	ID          DeliveryID
	Webhook     WebhookID
	EventID     string
	EventType   Type
	EventAt     time.Time
	Place       Place // of the event in the feed; the zero Place is of a test
	State       DeliveryState
	Attempt     int  // made so far
	InLine      bool // what comes after it waits for it
	NextAt      time.Time
	AttemptedAt time.Time
	Duration    time.Duration // of the last attempt
	StatusCode  int           // of the last answer; 0: none came
	Error       ErrorClass    // of the last attempt; empty: it was delivered
	CreatedAt   time.Time
}

// ErrorClass is why an attempt failed: a closed list, and all that is kept of it. What the endpoint said is not kept.
type ErrorClass string

// The classes.
const (
	ErrorStatus   ErrorClass = "status"   // any other answer than 2xx; the code says which
	ErrorRedirect ErrorClass = "redirect" // 3xx, which is not followed
	ErrorGone     ErrorClass = "gone"     // 410: the webhook is disabled
	ErrorTimeout  ErrorClass = "timeout"
	ErrorDNS      ErrorClass = "dns"
	ErrorTLS      ErrorClass = "tls"
	ErrorConnect  ErrorClass = "connect"       // refused, unreachable, or broken off
	ErrorAddress  ErrorClass = "address"       // its name leads to an address that webhooks may not go to
	ErrorEvent    ErrorClass = "event_removed" // the event is no longer kept, so there is nothing to send
)

// ErrorClasses lists them.
func ErrorClasses() []ErrorClass {
	return []ErrorClass{
		ErrorStatus, ErrorRedirect, ErrorGone, ErrorTimeout, ErrorDNS, ErrorTLS, ErrorConnect, ErrorAddress, ErrorEvent,
	}
}
