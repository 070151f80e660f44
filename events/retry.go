package events

import "time"

// delays are what the Standard Webhooks specification recommends between attempts; after the last the delivery is given up. Each is spread
// by ±20 %.
var delays = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// inLineAttempts is after how many failed attempts an event steps aside: what comes after it has waited for some five minutes then. So a
// moment's trouble changes no order, an event that its receiver cannot bear stops no other for ever, and an endpoint that is down is not
// asked about everything that it has missed.
const inLineAttempts = 3

// FailingLimit is for how long nothing was delivered when a webhook is disabled, by the next event that fails inLineAttempts times.
const FailingLimit = 5 * 24 * time.Hour

// attempted is how one attempt went.
type attempted struct {
	status   int
	class    ErrorClass // empty: it was delivered
	duration time.Duration
}

// Outcome is what one attempt means.
type Outcome struct {
	Delivery Delivery // as it is now; without an ID it is the first attempt at the next event in line
	Disable  DisabledReason
}

// outcomeOf says what an attempt means for a delivery that had made d.Attempt attempts before.
func outcomeOf(w Webhook, d Delivery, a attempted, now time.Time, jitter func(time.Duration) time.Duration) Outcome {
	d.Attempt++
	d.AttemptedAt, d.Duration, d.StatusCode, d.Error = now, a.duration, a.status, a.class
	d.NextAt = time.Time{}
	switch {
	case a.class == "":
		d.State, d.InLine = Delivered, false
		return Outcome{Delivery: d}
	case a.class == ErrorEvent || d.Attempt > len(delays):
		d.State, d.InLine = Dead, false
	default:
		d.State, d.NextAt = Pending, now.Add(jitter(delays[d.Attempt-1]))
		d.InLine = d.InLine && d.Attempt < inLineAttempts
	}
	o := Outcome{Delivery: d}
	switch {
	case a.class == ErrorEvent: // which is not the endpoint's fault
	case a.class == ErrorGone:
		o.Disable = DisabledGone
	case !w.FailingSince.IsZero() && now.Sub(w.FailingSince) >= FailingLimit && o.Delivery.Attempt >= inLineAttempts:
		// In all that time there may have been nothing to deliver: a moment's trouble after it is no more than that.
		o.Disable = DisabledFailing
	}
	return o
}
