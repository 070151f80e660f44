package app

import (
	"time"

	"github.com/orleu/elshi/config"
	"github.com/orleu/elshi/dispatcher"
)

// receiptAge is how old an act may be whose receipt is mailed: later it would say nothing new.
const receiptAge = 72 * time.Hour

// newReceiptMailer mails contacts the receipts that the settings name.
func (a *App) newReceiptMailer(s *street) *dispatcher.ReceiptMailer {
	return dispatcher.NewReceiptMailer(dispatcher.ReceiptMailerOptions{
		Ledger: s.stores.consents, Submitter: s.submitter, Links: s.links, Purposes: s.gate.Purposes, Mail: receiptMail(a.cfg.Consent.Receipts.Mail),
		Within: min(receiptAge, a.cfg.Idempotency.Keep), Zone: a.cfg.Location(), Language: a.cfg.Languages[0], Now: a.now, Log: a.log,
	})
}

// receiptMail is which receipts are mailed, in the words of the settings.
func receiptMail(m config.ReceiptMail) dispatcher.ReceiptMail {
	switch m {
	case config.ReceiptsOfGrants:
		return dispatcher.ReceiptsOfGrants
	case config.ReceiptsOfAll:
		return dispatcher.ReceiptsOfAll
	case config.ReceiptsOfNone:
	}
	return dispatcher.ReceiptsOfNone
}
