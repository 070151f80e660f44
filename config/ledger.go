package config

import (
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (k *checker) ledger(c *Config) {
	l := c.Ledger
	k.want(l.CheckpointInterval >= time.Minute && l.CheckpointInterval <= 24*time.Hour, "ledger.checkpoint_interval", "must be between 1m and 24h")
	unfit := strings.ContainsFunc(l.Origin, func(r rune) bool { return r <= ' ' || r == '+' || r > '~' })
	k.want(!unfit && len(l.Origin) <= 200, "ledger.origin",
		strconv.Quote(l.Origin)+" cannot name a log; write a host and a path without spaces and plus signs, for example elshi.example.org/consent-ledger")
	if l.MailTo != "" {
		address, err := mail.ParseAddress(l.MailTo)
		k.want(err == nil && address.Address == l.MailTo, "ledger.mail_to", "is not an email address; write for example dpo@example.org")
	}
	k.want(l.MailLanguage == "" || slices.Contains(c.Languages, l.MailLanguage), "ledger.mail_language",
		strconv.Quote(string(l.MailLanguage))+" is not one of languages")
}
