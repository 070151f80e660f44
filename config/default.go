package config

import (
	"log/slog"
	"time"

	"github.com/orleu/elshi/vocab"
)

// Default returns the settings of a working system in one process on loopback: SQLite, an in-process Redis and an inbox
// that catches everything. Each call returns a fresh value.
func Default() Config {
	return Config{
		Server: Server{
			Listen: "127.0.0.1:8080", PublicURL: "http://127.0.0.1:8080",
			ShutdownTimeout: 30 * time.Second, MaxBody: 5 << 20, RatePerSecond: 1000, RateBurst: 2000,
			TrustedProxies: []string{"127.0.0.0/8"},
		},
		DataDir:       "./data",
		Roles:         AllRoles(),
		Database:      Database{MaxConnections: 20},
		Org:           defaultOrg(),
		Languages:     vocab.Languages(),
		TimeZone:      "Asia/Almaty",
		DefaultRegion: "KZ",
		Providers:     defaultProviders(),
		Senders:       defaultSenders(),
		Dispatch:      defaultDispatch(),
		Consent:       defaultConsent(),
		Ledger:        Ledger{CheckpointInterval: time.Hour},
		SignUp:        defaultSignUp(),
		Idempotency:   Idempotency{Keep: 168 * time.Hour, Wait: 5 * time.Second},
		Retention:     defaultRetention(),
		Events:        Events{Messages: EventsOutcomes},
		Inbox:         Inbox{Mode: InboxAuto, Listen: "127.0.0.1:2525", Keep: 1000},
		Log:           Log{Level: slog.LevelInfo, Format: LogText},
		Metrics:       Metrics{Enabled: true},
	}
}

func defaultOrg() Org {
	return Org{
		Name: map[vocab.Language]string{
			vocab.Kazakh:  "«Өрлеу» біліктілікті арттыру ұлттық орталығы",
			vocab.Russian: "Национальный центр повышения квалификации «Өрлеу»",
			vocab.English: `National Center for Professional Development "Orleu"`,
		},
		ShortName: map[vocab.Language]string{vocab.Kazakh: "Өрлеу", vocab.Russian: "Өрлеу", vocab.English: "Orleu"},
	}
}

func defaultProviders() []Provider {
	email := Provider{ID: "inbox-email", Channel: vocab.Email, Driver: DriverInbox}
	email.setDefaults()
	sms := Provider{ID: "inbox-sms", Channel: vocab.SMS, Driver: DriverInbox}
	sms.setDefaults()
	return []Provider{email, sms}
}

func defaultSenders() []Sender {
	return []Sender{
		{
			ID: "default-email", Channel: vocab.Email, Provider: "inbox-email", From: "noreply@elshi.example",
			Name:    map[vocab.Language]string{vocab.Kazakh: "Өрлеу", vocab.Russian: "Өрлеу", vocab.English: "Orleu"},
			ReplyTo: "info@elshi.example", Default: true,
		},
		{ID: "default-sms", Channel: vocab.SMS, Provider: "inbox-sms", From: "ORLEU", Default: true, Registered: true},
	}
}

func defaultDispatch() Dispatch {
	const day = 24 * time.Hour
	return Dispatch{
		Lanes: Lanes{
			Email: ByLane{Urgent: 4, Transactional: 4, Bulk: 4},
			SMS:   ByLane{Urgent: 4, Transactional: 4, Bulk: 2},
		},
		BatchSize: 500, ClaimSize: 500,
		Lease: time.Minute, LeaseMargin: 5 * time.Second,
		FeederTick: time.Second, RingTimeout: 15 * time.Second, ReaperTick: 5 * time.Second,
		SocketTimeout: time.Minute,
		SettleEvery:   100 * time.Millisecond, SettleSize: 64,
		RetryDelays: []time.Duration{
			time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour,
		},
		GiveUp: ByClass{
			Security: 10 * time.Minute, Transactional: day, Service: day, Marketing: day, Legal: 5 * day, Breach: 5 * day,
		},
		NotAfter: ByClass{
			Security: 10 * time.Minute, Transactional: 14 * day, Service: 14 * day, Marketing: 8 * day, // longer than the cap, whose hold must be able to end
			Legal: 14 * day, Breach: 14 * day,
		},
		WithdrawWait: 5 * time.Second,
	}
}

func defaultConsent() Consent {
	return Consent{
		MarketingValidityMonths: 24,
		Receipts:                Receipts{Mail: ReceiptsOfGrants},
		Cap:                     Cap{Marketing: 2, SMS: 1, Period: 168 * time.Hour},
		QuietHours: QuietHours{
			SMS:            Window{From: 9 * 60, Until: 21 * 60, WorkingDays: true},
			MarketingEmail: Window{From: 8 * 60, Until: 21 * 60},
		},
		Holidays: []Date{
			{Month: time.January, Day: 1},
			{Month: time.January, Day: 2},
			{Month: time.January, Day: 7},
			{Month: time.March, Day: 8},
			{Month: time.March, Day: 21},
			{Month: time.March, Day: 22},
			{Month: time.March, Day: 23},
			{Month: time.May, Day: 1},
			{Month: time.May, Day: 7},
			{Month: time.May, Day: 9},
			{Month: time.July, Day: 6},
			{Month: time.August, Day: 30},
			{Month: time.October, Day: 25},
			{Month: time.December, Day: 16},
			{Year: 2026, Month: time.May, Day: 27}, // Kurban Ait
			{Year: 2027, Month: time.May, Day: 16}, // Kurban Ait
		},
	}
}
