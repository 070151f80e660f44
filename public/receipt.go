package public

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/proof"
	"github.com/orleu/elshi/vocab"
)

// receipts makes receipts of consents; proof.Receipts is one.
type receipts interface {
	// Issue returns the receipt for an entry of the consent ledger; fault.NotFound if there is none.
	Issue(ctx context.Context, id vocab.ConsentEventID) (proof.Signed, error)
	// Keys returns the public keys as a JWK set.
	Keys() []byte
}

type receiptView struct {
	proof.Receipt

	Event    proof.EventEntry // what the receipt is for
	Party    proof.Party
	Purposes []receiptPurpose
	File     string // path of the signed receipt
}

type receiptPurpose struct {
	proof.PurposeEntry

	Uses bool // the words come from a text, and say more than the name
}

// readReceipt returns the receipt that a link is about.
func (p *pages) readReceipt(r *http.Request) (proof.Signed, error) {
	id, err := p.Links.ParseReceipt(r.PathValue("token"))
	if err != nil {
		return proof.Signed{}, err
	}
	return p.Receipts.Issue(r.Context(), id)
}

// receipt shows what a contact may keep of one grant or withdrawal: no address, and the words as they were shown.
func (p *pages) receipt(r *http.Request) (answer, error) {
	signed, err := p.readReceipt(r)
	if err != nil {
		return answer{}, err
	}
	c := signed.Receipt
	lang := language(r, c.Processing.Language)
	view := receiptView{Receipt: c, Event: c.Events[len(c.Events)-1], File: p.base + "/" + string(dispatcher.LinkReceipt) + "/" + p.Links.ReceiptToken(vocab.ConsentEventID(c.ReceiptID)) + "/receipt.json"}
	if len(c.Parties) > 0 {
		view.Party = c.Parties[0]
	}
	for _, x := range c.Processing.Purposes {
		if x.Text == nil || x.Text.Language != lang {
			x.Name = p.consentName(lang, x.ID)
		}
		view.Purposes = append(view.Purposes, receiptPurpose{x, x.Text != nil})
	}
	return answer{view: "receipt", lang: lang, title: say(lang, receiptTitle(view.Event.Type)), data: view}, nil
}

// receiptFile serves the receipt with its signature, to be kept.
func (p *pages) receiptFile(r *http.Request) (answer, error) {
	signed, err := p.readReceipt(r)
	if err != nil {
		return answer{}, err
	}
	var content bytes.Buffer
	encoder := json.NewEncoder(&content)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(struct {
		Receipt proof.Receipt `json:"receipt"`
		JWS     string        `json:"jws"`
	}{signed.Receipt, signed.JWS}); err != nil {
		return answer{}, err
	}
	return answer{
		file:   &file{contentType: "application/json", content: content.Bytes()},
		header: map[string]string{"Content-Disposition": `attachment; filename="` + signed.Receipt.ReceiptID + `.json"`},
	}, nil
}

// keys serves the public keys that signatures are checked with.
func (p *pages) keys(*http.Request) (answer, error) {
	return answer{
		file:   &file{contentType: "application/jwk-set+json", content: p.Receipts.Keys()},
		header: map[string]string{"Cache-Control": "public, max-age=3600"},
	}, nil
}

// receiptOf returns the path of the receipt for what a withdrawal has written about the contact of the message, and not about others
// behind its address; "" if there is none. The withdrawal stands whatever happens here.
func (p *pages) receiptOf(r *http.Request, s subject, done dispatcher.Withdrawn) string {
	if p.Receipts == nil || !takesHTML(r) {
		return ""
	}
	for _, id := range done.Events {
		signed, err := p.Receipts.Issue(r.Context(), id)
		switch {
		case fault.KindOf(err) == fault.NotFound:
		case err != nil:
			p.Log.LogAttrs(r.Context(), slog.LevelWarn, "receipt not linked", slog.String("event_id", string(id)), slog.String("error", err.Error()))
		case signed.Receipt.PIIPrincipalID == string(s.message.ContactID):
			return p.receiptPath(r, id)
		}
	}
	return ""
}

// consentName returns the name of a purpose or of a use of data.
func (p *pages) consentName(lang vocab.Language, id vocab.Purpose) string {
	uses := consent.ProcessingUses()
	if i := slices.IndexFunc(uses, func(u consent.ProcessingUse) bool { return u.ID == id }); i >= 0 {
		return inLanguage(uses[i].Names, lang)
	}
	return p.purposeName(lang, id)
}

// receiptTitle is the text that says what a receipt is of.
func receiptTitle(kind consent.EventKind) string {
	switch kind {
	case consent.KindWithdrawn, consent.KindRefused:
		return "receipt_no"
	case consent.KindRequested, consent.KindGranted, consent.KindConfirmed, consent.KindRenewed, consent.KindImported:
		return "receipt_yes"
	case consent.KindExpired, consent.KindLapsed, consent.KindStale, consent.KindPolicyContinuedUse, consent.KindPaused, consent.KindResumed,
		consent.KindMerged:
	}
	return "receipt_other"
}

// eventText is the text for what happened to a consent.
func eventText(kind consent.EventKind) string {
	switch kind {
	case consent.KindRequested:
		return "event_requested"
	case consent.KindGranted:
		return "event_granted"
	case consent.KindConfirmed:
		return "event_confirmed"
	case consent.KindRefused:
		return "event_refused"
	case consent.KindWithdrawn:
		return "event_withdrawn"
	case consent.KindExpired:
		return "event_expired"
	case consent.KindLapsed:
		return "event_lapsed"
	case consent.KindStale:
		return "event_stale"
	case consent.KindRenewed:
		return "event_renewed"
	case consent.KindImported:
		return "event_imported"
	case consent.KindPaused:
		return "event_paused"
	case consent.KindResumed:
		return "event_resumed"
	case consent.KindMerged:
		return "event_merged"
	case consent.KindPolicyContinuedUse:
	}
	return "event_policy"
}
