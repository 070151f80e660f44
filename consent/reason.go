package consent

import (
	"slices"
	"strings"

	"github.com/orleu/elshi/vocab"
)

// Reason is why a message may not go, or may not go yet: an entry of a closed list. The zero Reason is none of them.
type Reason string

// OK is the reason of every allowed message.
const OK Reason = "ok"

// The reasons of the registry and of a contact's life-cycle.
const (
	PurposeUnregistered Reason = "purpose_unregistered"
	ContactErased       Reason = "contact_erased"
	DataBlocked         Reason = "data_blocked"
	ProcessingWithdrawn Reason = "processing_withdrawn"
)

// The reasons that lie in the address.
const (
	AddressMissing       Reason = "address_missing"
	AddressInvalid       Reason = "address_invalid"
	SuppressedHardBounce Reason = "suppressed_hard_bounce"
	AddressReassigned    Reason = "address_reassigned"
	AddressUnverified    Reason = "address_unverified"
)

// The reasons of suppression: somebody said stop.
const (
	SuppressedComplaint    Reason = "suppressed_complaint"
	ChannelStopped         Reason = "channel_stopped"
	UnsubscribedAll        Reason = "unsubscribed_all"
	ChannelStoppedUseOther Reason = "channel_stopped_use_other" // submit the other channel
	ComplainedUseOther     Reason = "complained_use_other"      // submit the other channel
	SuppressedManual       Reason = "suppressed_manual"
)

// MinorNoGuardian is the reason of minors whose guardian has not consented.
const MinorNoGuardian Reason = "minor_no_guardian"

// The reasons that say what the class lacks to stand on.
const (
	NoFreshRequest      Reason = "no_fresh_request"
	NoTrigger           Reason = "no_trigger"
	ServiceOptedOut     Reason = "service_opted_out"
	NoConsent           Reason = "no_consent"
	ConsentPending      Reason = "consent_pending"
	ConsentRefused      Reason = "consent_refused"
	ConsentWithdrawn    Reason = "consent_withdrawn"
	ConsentExpired      Reason = "consent_expired"
	ConsentStale        Reason = "consent_stale"
	PartnerNotConsented Reason = "partner_not_consented"
)

// The reasons that lie in the message itself.
const (
	Duplicate             Reason = "duplicate"
	MessageExpired        Reason = "message_expired"
	UnsubscribeMissing    Reason = "unsubscribe_missing"
	SenderUnregistered    Reason = "sender_unregistered"
	CrossBorderNotCovered Reason = "cross_border_not_covered"
	LocaleUnapproved      Reason = "locale_unapproved"
	ForbiddenIdentifier   Reason = "forbidden_identifier"
	NotOnGuestList        Reason = "not_on_guest_list"
)

// The reasons of timing. They hold a message; all others deny it.
const (
	QuietHours         Reason = "quiet_hours"
	FrequencyCap       Reason = "frequency_cap"
	ContactPaused      Reason = "contact_paused"
	RateLimit          Reason = "rate_limit"
	CampaignPaused     Reason = "campaign_paused"
	ProviderPaused     Reason = "provider_paused"
	ConsentUnavailable Reason = "consent_unavailable"
	BudgetExceeded     Reason = "budget_exceeded"
)

// timing is where Reasons turns from denying to holding.
var timing = []Reason{
	QuietHours, FrequencyCap, ContactPaused, RateLimit, CampaignPaused, ProviderPaused, ConsentUnavailable, BudgetExceeded,
}

// Reasons lists every reason in the fixed order: OK, then registry and life-cycle, address, suppression, minor, basis,
// message, timing. The first reason of this order that fails is a decision's primary one.
func Reasons() []Reason {
	return append([]Reason{
		OK,
		PurposeUnregistered, ContactErased, DataBlocked, ProcessingWithdrawn,
		AddressMissing, AddressInvalid, SuppressedHardBounce, AddressReassigned, AddressUnverified,
		SuppressedComplaint, ChannelStopped, UnsubscribedAll, ChannelStoppedUseOther, ComplainedUseOther, SuppressedManual,
		MinorNoGuardian,
		NoFreshRequest, NoTrigger, ServiceOptedOut, NoConsent, ConsentPending, ConsentRefused, ConsentWithdrawn,
		ConsentExpired, ConsentStale, PartnerNotConsented,
		Duplicate, MessageExpired, UnsubscribeMissing, SenderUnregistered, CrossBorderNotCovered, LocaleUnapproved,
		ForbiddenIdentifier, NotOnGuestList,
	}, timing...)
}

// Timing says whether the reason holds a message; every other reason except OK denies it.
func (r Reason) Timing() bool { return slices.Contains(timing, r) }

// aboutGrant says whether the reason is something that the contact said, or did not say in time.
func (r Reason) aboutGrant() bool {
	return slices.Contains([]Reason{
		ServiceOptedOut, NoConsent, ConsentPending, ConsentRefused, ConsentWithdrawn, ConsentExpired, ConsentStale,
	}, r)
}

// Sentence says the reason to a clerk in one sentence. A language tag may carry subtags ("ru-KZ"); a language that is not
// spoken here falls back to kk, then ru, then en. A reason outside the closed list is returned as it is.
func (r Reason) Sentence(lang vocab.Language) string {
	s, known := sentences[r]
	if !known {
		return string(r)
	}
	return s.in(lang)
}

// text is one text in the languages of Elshi's own words.
type text struct{ kk, ru, en string }

func (t text) in(lang vocab.Language) string {
	base, _, _ := strings.Cut(string(lang), "-")
	said := map[vocab.Language]string{vocab.Kazakh: t.kk, vocab.Russian: t.ru, vocab.English: t.en}
	for _, l := range append([]vocab.Language{vocab.Language(strings.ToLower(base))}, vocab.Languages()...) {
		if said[l] != "" {
			return said[l]
		}
	}
	return ""
}
