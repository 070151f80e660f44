package consent

import (
	"slices"
	"time"

	"github.com/orleu/elshi/vocab"
)

// freshRequest is how old a security message's request may be, inclusive.
const freshRequest = 10 * time.Minute

// clockSkew is how far in the future a request may lie: two machines' clocks differ, but not by more.
const clockSkew = time.Minute

// Decide answers whether the message may go now. It is pure: the same facts give the same decision.
//
// Every failing reason is reported, in the order of Reasons, and the first is the primary one. A reason before timing
// denies; timing alone holds, until Decision.Until where that is known. A hold that would outlive MessageFacts.NotAfter
// denies with MessageExpired, and the timing reasons are reported after it. The zero Facts deny; so do an unknown class
// (PurposeUnregistered), an unknown channel (AddressMissing) and a missing clock (MessageExpired).
func Decide(f Facts) Decision {
	row, known := rules[f.Class]
	q := question{Facts: f, row: row, known: known, grant: OK}
	if row.needsGrant {
		q.grant = grantReason(f.Grant, f.Now)
	}
	d := Decision{Verdict: Allow, Reason: OK, At: f.Now}
	for _, c := range checks {
		if c.fails(&q) {
			d.All = append(d.All, c.reason)
		}
	}
	if len(d.All) == 0 {
		d.Basis = q.basis()
		return d
	}
	if capReached(&q) {
		d.Earlier = f.CapEarlier
	}
	if d.All[0].Timing() { // the order is fixed, so nothing but timing failed
		until := q.until()
		if f.Message.NotAfter.IsZero() || until.Before(f.Message.NotAfter) {
			d.Verdict, d.Reason, d.Until, d.Basis = Hold, d.All[0], until, q.basis()
			return d
		}
		d.All = slices.Insert(d.All, 0, MessageExpired)
	}
	d.Verdict, d.Reason = Deny, d.All[0]
	if slices.ContainsFunc(d.All, Reason.aboutGrant) {
		d.Basis.Event = q.Grant.Event // whoever asks why not is shown the entry, too
	}
	return d
}

// Unavailable is the decision when the facts cannot be read: not knowing is not a yes. It holds without a known end.
func Unavailable(now time.Time) Decision {
	return Decision{Verdict: Hold, Reason: ConsentUnavailable, All: []Reason{ConsentUnavailable}, At: now}
}

// question is the facts and the row of the table they are held against.
type question struct {
	Facts
	row   classRules
	known bool   // the class is one of the six
	grant Reason // what is wrong with the grant; OK where none is needed
}

func (q *question) basis() Basis {
	b := Basis{Kind: q.row.basis}
	if b.Kind == BasisGrant {
		b.Event = q.Grant.Event
	}
	return b
}

// until is the latest time that any hold is known to last; zero if none is known. A time that has passed is not news: it
// would only make the caller ask again at once.
func (q *question) until() (until time.Time) {
	if quietHours(q) {
		until = q.NextWindow
	}
	if capReached(q) && q.CapFreeAt.After(until) {
		until = q.CapFreeAt
	}
	if contactPaused(q) && q.PausedUntil.After(until) {
		until = q.PausedUntil
	}
	if !until.After(q.Now) {
		return time.Time{}
	}
	return until
}

// checks are the reasons in the order of Reasons, each with what makes it fail.
var checks = []struct {
	reason Reason
	fails  func(q *question) bool
}{
	{PurposeUnregistered, func(q *question) bool { return !q.PurposeRegistered || !q.known }},
	{ContactErased, func(q *question) bool { return q.Contact.Erased }},
	{DataBlocked, func(q *question) bool { return q.Contact.DataBlocked && !q.row.ignoresBlock }},
	{ProcessingWithdrawn, func(q *question) bool { return q.Contact.ProcessingWithdrawn && !q.row.ignoresProcessing }},

	{AddressMissing, addressMissing},
	{AddressInvalid, func(q *question) bool { return !addressMissing(q) && !q.Address.Valid }},
	{SuppressedHardBounce, func(q *question) bool { return q.Address.HardBounced }},
	{AddressReassigned, func(q *question) bool { return q.Address.Reassigned }},
	{AddressUnverified, func(q *question) bool {
		return !addressMissing(q) && !q.Address.Verified && !q.row.ignoresUnverified
	}},

	{SuppressedComplaint, func(q *question) bool { return q.Address.Complained && q.row.complaint == denies }},
	{ChannelStopped, func(q *question) bool { return q.Address.ChannelStopped && q.row.stop == denies }},
	{UnsubscribedAll, func(q *question) bool { return q.UnsubscribedAll && !q.row.ignoresUnsubscribe }},
	{ChannelStoppedUseOther, func(q *question) bool {
		return q.Address.ChannelStopped && q.row.stop == asksOthers && q.OtherChannel
	}},
	{ComplainedUseOther, func(q *question) bool {
		return q.Address.Complained && q.row.complaint == asksOthers && q.OtherChannel
	}},
	{SuppressedManual, func(q *question) bool { return q.Address.Manual && !q.row.ignoresManual }},

	{MinorNoGuardian, func(q *question) bool {
		return q.Contact.Minor && !q.Contact.GuardianConsented && !q.row.ignoresMinority
	}},

	{NoFreshRequest, func(q *question) bool { return q.row.needsFreshRequest && !freshlyAsked(q.Message) }},
	{NoTrigger, func(q *question) bool { return q.row.needsTrigger && !q.Message.Trigger }},
	{ServiceOptedOut, func(q *question) bool { return q.row.optOut && q.ServiceOptedOut }},
	{NoConsent, grantFails(NoConsent)},
	{ConsentPending, grantFails(ConsentPending)},
	{ConsentRefused, grantFails(ConsentRefused)},
	{ConsentWithdrawn, grantFails(ConsentWithdrawn)},
	{ConsentExpired, grantFails(ConsentExpired)},
	{ConsentStale, grantFails(ConsentStale)},
	{PartnerNotConsented, func(q *question) bool { return q.row.needsGrant && !q.Grant.PartnerNamed }},

	{Duplicate, func(q *question) bool { return q.Message.Duplicate }},
	{MessageExpired, func(q *question) bool {
		return q.Now.IsZero() || !q.Message.NotAfter.IsZero() && !q.Now.Before(q.Message.NotAfter)
	}},
	{UnsubscribeMissing, func(q *question) bool { return q.row.needsUnsubscribe && !q.Message.HasUnsubscribe }},
	// The sender name is an SMS matter: email's sender is proven by DKIM, not by a register.
	{SenderUnregistered, func(q *question) bool { return q.Channel == vocab.SMS && !q.Message.SenderRegistered }},
	{CrossBorderNotCovered, func(q *question) bool { return q.Message.RouteAbroad && !q.Message.CrossBorderCovered }},
	{LocaleUnapproved, func(q *question) bool { return !q.Message.LocaleApproved }},
	{ForbiddenIdentifier, func(q *question) bool { return q.ForbiddenContent }},
	{NotOnGuestList, func(q *question) bool { return q.GuestListOnly && !q.OnGuestList }},

	{QuietHours, quietHours},
	{FrequencyCap, capReached},
	{ContactPaused, contactPaused},
	{RateLimit, func(q *question) bool { return q.RateLimited }},
	{CampaignPaused, func(q *question) bool { return q.CampaignPaused }},
	{ProviderPaused, func(q *question) bool { return q.ProviderPaused }},
	{BudgetExceeded, func(q *question) bool { return q.BudgetExceeded }},
}

// addressMissing also holds for a channel that does not exist: nobody has an address on it.
func addressMissing(q *question) bool {
	return !q.Address.Present || !slices.Contains(vocab.Channels(), q.Channel)
}

func freshlyAsked(m MessageFacts) bool {
	return m.Trigger && m.TriggerAge <= freshRequest && m.TriggerAge >= -clockSkew
}

func quietHours(q *question) bool {
	return !q.WindowOpen && (waitsForMorning(q.Class, q.Channel) || q.OwnHours && mayWait(q.Class))
}

func capReached(q *question) bool { return q.CapReached && q.row.capped }

// contactPaused is about mailings: a pause is the contact's own, and says nothing about what they asked for or the law wants told.
func contactPaused(q *question) bool { return q.row.needsGrant && q.Now.Before(q.PausedUntil) }

func grantFails(with Reason) func(*question) bool {
	return func(q *question) bool { return q.grant == with }
}

// grantReason says what is wrong with the grant now; OK if nothing is.
func grantReason(g GrantFacts, now time.Time) Reason {
	switch g.State {
	case Granted:
		if !g.ValidUntil.IsZero() && !now.Before(g.ValidUntil) {
			return ConsentExpired // whether or not the ledger has got round to saying so
		}
		return OK
	case Pending:
		return ConsentPending
	case Withdrawn:
		return ConsentWithdrawn
	case Expired:
		return ConsentExpired
	case Stale:
		return ConsentStale
	case Refusal:
		return ConsentRefused
	case None, Lapsed: // a request that nobody answered is no consent
		return NoConsent
	}
	return NoConsent
}
