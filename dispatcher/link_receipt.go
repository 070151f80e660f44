package dispatcher

import "github.com/orleu/elshi/vocab"

// ReceiptURL returns the address of the page with the receipt of an entry of the consent ledger. Whoever has it reads that receipt and
// nothing else; it is the same each time.
func (l *Links) ReceiptURL(id vocab.ConsentEventID) string {
	raw, err := vocab.ParseID(vocab.ConsentEventPrefix, string(id))
	return linksOf{l, raw, err == nil}.url(LinkReceipt)
}

// ReceiptToken returns the token of that page.
func (l *Links) ReceiptToken(id vocab.ConsentEventID) string {
	raw, err := vocab.ParseID(vocab.ConsentEventPrefix, string(id))
	return linksOf{l, raw, err == nil}.write(LinkReceipt, "")
}

// ParseReceipt returns the entry of such a token; see Open for its error.
func (l *Links) ParseReceipt(token string) (vocab.ConsentEventID, error) {
	raw, err := l.Open(LinkReceipt, token)
	if err != nil {
		return "", err
	}
	return vocab.ConsentEventID(vocab.FormatID(vocab.ConsentEventPrefix, raw)), nil
}
