package config

import (
	"time"

	"github.com/orleu/elshi/vocab"
)

// Dispatch is how the street moves messages.
type Dispatch struct {
	// Lanes is how many batches each lane of each channel sends at once in one process.
	// Default {email: {urgent: 4, transactional: 4, bulk: 4}, sms: {urgent: 4, transactional: 4, bulk: 2}}.
	Lanes Lanes `yaml:"lanes"`
	// BatchSize is how many messages one ring carries at most. Default 500.
	BatchSize int `yaml:"batch_size"`
	// ClaimSize is how many messages one claim permits at most; a provider's rate and pace make it smaller, so that what is claimed is sent
	// within about a second. Default 500.
	ClaimSize int `yaml:"claim_size"`
	// Lease is how long a claimed message belongs to its worker. Default 1m.
	Lease time.Duration `yaml:"lease"`
	// LeaseMargin is how long before the lease's end a worker begins no hand-over; it covers clocks that drift.
	// Default 5s.
	LeaseMargin time.Duration `yaml:"lease_margin"`
	// FeederTick is how often due messages are looked for. Default 1s.
	FeederTick time.Duration `yaml:"feeder_tick"`
	// RingTimeout is after how long a message that was rung for and not claimed is rung for again: a lost Redis costs no
	// more than this. Default 15s.
	RingTimeout time.Duration `yaml:"ring_timeout"`
	// ReaperTick is how often attempts whose lease has run out are looked for. Default 5s.
	ReaperTick time.Duration `yaml:"reaper_tick"`
	// SocketTimeout is the deadline of one read or write on a provider's connection. Default 1m.
	SocketTimeout time.Duration `yaml:"socket_timeout"`
	// SettleEvery is how long an outcome waits at most before it is written down. Default 100ms.
	SettleEvery time.Duration `yaml:"settle_every"`
	// SettleSize is how many outcomes are worth writing down at once; those that come meanwhile go together after them. Default 64.
	SettleSize int `yaml:"settle_size"`
	// RetryDelays is the wait before each automatic retry, ±20 %; the last repeats. Default [1m, 5m, 15m, 30m, 1h, 2h, 4h].
	RetryDelays []time.Duration `yaml:"retry_delays"`
	// GiveUp is how long after its first attempt a message of the class is retried.
	// Default {security: 10m, transactional: 24h, service: 24h, marketing: 24h, legal: 120h, breach: 120h}.
	GiveUp ByClass `yaml:"give_up"`
	// NotAfter is how long after intake a message of the class may still be sent when its request does not say.
	// Default {security: 10m, transactional: 336h, service: 336h, marketing: 192h, legal: 336h, breach: 336h}.
	NotAfter ByClass `yaml:"not_after"`
	// WithdrawWait is the longest that a withdrawal may be asked to wait for open attempts. Default 5s.
	WithdrawWait time.Duration `yaml:"withdraw_wait"`
}

// Lanes is a number for each lane of each channel.
type Lanes struct {
	// Email is for email.
	Email ByLane `yaml:"email"`
	// SMS is for SMS.
	SMS ByLane `yaml:"sms"`
}

// For returns the number for a lane of a channel, 0 if there is no such channel or lane.
func (l Lanes) For(c vocab.Channel, lane vocab.Lane) int {
	switch c {
	case vocab.Email:
		return l.Email.of(lane)
	case vocab.SMS:
		return l.SMS.of(lane)
	}
	return 0
}

// ByLane is a number for each lane.
type ByLane struct {
	// Urgent is for security and breach.
	Urgent int `yaml:"urgent"`
	// Transactional is for transactional, service and small legal sends.
	Transactional int `yaml:"transactional"`
	// Bulk is for marketing and large legal sends.
	Bulk int `yaml:"bulk"`
}

func (b ByLane) of(lane vocab.Lane) int {
	switch lane {
	case vocab.Urgent:
		return b.Urgent
	case vocab.Normal:
		return b.Transactional
	case vocab.Bulk:
		return b.Bulk
	}
	return 0
}

// ByClass is a duration for each class.
type ByClass struct {
	// Security is for one-time codes and sign-in alerts.
	Security time.Duration `yaml:"security"`
	// Transactional is for answers to what a contact did.
	Transactional time.Duration `yaml:"transactional"`
	// Service is for news about a service in use.
	Service time.Duration `yaml:"service"`
	// Marketing is for what needs a grant.
	Marketing time.Duration `yaml:"marketing"`
	// Legal is for what the law obliges the organisation to say.
	Legal time.Duration `yaml:"legal"`
	// Breach is for a leak of personal data.
	Breach time.Duration `yaml:"breach"`
}

// For returns the duration for a class, 0 if there is no such class.
func (b ByClass) For(c vocab.Class) time.Duration {
	switch c {
	case vocab.Security:
		return b.Security
	case vocab.Transactional:
		return b.Transactional
	case vocab.Service:
		return b.Service
	case vocab.Marketing:
		return b.Marketing
	case vocab.Legal:
		return b.Legal
	case vocab.Breach:
		return b.Breach
	}
	return 0
}

// Consent is the law's arithmetic. The defaults are what is known of Kazakhstan's rules.
type Consent struct {
	// MarketingValidityMonths is how long a marketing grant holds, in calendar months; reading renews nothing. Default 24.
	MarketingValidityMonths int `yaml:"marketing_validity_months"`
	// Cap is how many marketing messages one contact gets.
	Cap Cap `yaml:"cap"`
	// QuietHours are the windows outside which messages are held.
	QuietHours QuietHours `yaml:"quiet_hours"`
	// Holidays are no working days, each year (MM-DD) or once (YYYY-MM-DD); add the days off that the government moves and
	// Kurban Ait, which follows the moon.
	// Default [01-01, 01-02, 01-07, 03-08, 03-21, 03-22, 03-23, 05-01, 05-07, 05-09, 07-06, 08-30, 10-25, 12-16, 2026-05-27, 2027-05-16].
	Holidays []Date `yaml:"holidays"`
	// MovedWorkingDays are days of a weekend on which people work (YYYY-MM-DD). Default none.
	MovedWorkingDays []Date `yaml:"moved_working_days"`
	// Receipts are of what contacts agreed to or ended themselves.
	Receipts Receipts `yaml:"receipts"`
}

// Receipts are of what contacts agreed to or ended themselves. The page that they pressed shows each receipt in any case.
type Receipts struct {
	// Mail says which of them are mailed as well: grants, all (withdrawals too: contacts may take a mail after a no for one too many), or
	// none. Default grants.
	Mail ReceiptMail `yaml:"mail"`
}

// ReceiptMail says which receipts are mailed.
type ReceiptMail string

// The choices.
const (
	ReceiptsOfGrants ReceiptMail = "grants"
	ReceiptsOfAll    ReceiptMail = "all"
	ReceiptsOfNone   ReceiptMail = "none"
)

// Cap is how many marketing messages one contact gets.
type Cap struct {
	// Marketing is how many in a period, on all channels together. Default 2.
	Marketing int `yaml:"marketing"`
	// SMS is how many of those may be SMS. Default 1.
	SMS int `yaml:"sms"`
	// Period is the sliding period. Default 168h.
	Period time.Duration `yaml:"period"`
}

// QuietHours are the windows outside which messages are held.
type QuietHours struct {
	// SMS is for every SMS but one-time codes and breach notices, in time_zone.
	// Default {from: 09:00, until: 21:00, working_days: true, not_holidays: false}.
	SMS Window `yaml:"sms"`
	// MarketingEmail is for marketing email, in the contact's zone.
	// Default {from: 08:00, until: 21:00, working_days: false, not_holidays: false}.
	MarketingEmail Window `yaml:"marketing_email"`
	// Own are windows of one class on one channel instead of those; they also hold email that would otherwise go at any hour. Not for
	// security and breach, which never wait. Default none.
	Own []OwnWindow `yaml:"own"`
}

// OwnWindow is the window of one class on one channel.
type OwnWindow struct {
	// Class is marketing, service, transactional or legal. Default empty.
	Class vocab.Class `yaml:"class"`
	// Channel is email or sms. Default empty.
	Channel vocab.Channel `yaml:"channel"`
	// From is the first minute, HH:MM. Default 00:00.
	From Clock `yaml:"from"`
	// Until is the minute after the last, HH:MM; 24:00 is midnight. Default 24:00.
	Until Clock `yaml:"until"`
	// WorkingDays leaves out weekends and holidays, but not moved_working_days. Default false.
	WorkingDays bool `yaml:"working_days"`
	// NotHolidays leaves out holidays alone. Default false.
	NotHolidays bool `yaml:"not_holidays"`
	// ContactZone counts by the contact's clock instead of time_zone. Default false.
	ContactZone bool `yaml:"contact_zone"`
}

func (w *OwnWindow) setDefaults() { w.Until = 24 * 60 }

// Window is the part of a day in which messages may go out: From ≤ t < Until.
type Window struct {
	// From is the first minute, HH:MM.
	From Clock `yaml:"from"`
	// Until is the minute after the last, HH:MM; 24:00 is midnight.
	Until Clock `yaml:"until"`
	// WorkingDays leaves out weekends and holidays, but not moved_working_days.
	WorkingDays bool `yaml:"working_days"`
	// NotHolidays leaves out holidays alone.
	NotHolidays bool `yaml:"not_holidays"`
}

// HolidayDates writes Holidays as YYYY-MM-DD for each year from first to last, both included; days of a single year
// stand once, whatever the years.
func (c Consent) HolidayDates(first, last int) []string {
	var out []string
	for _, d := range c.Holidays {
		if d.Year != 0 {
			out = append(out, d.String())
			continue
		}
		for year := first; year <= last; year++ {
			at := time.Date(year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
			if at.Day() == d.Day { // 02-29 is not a day of every year
				out = append(out, at.Format(time.DateOnly))
			}
		}
	}
	return out
}
