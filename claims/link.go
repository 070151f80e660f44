package claims

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// MaxLinkText is how much a contact may write on a page that a personal link leads to, in characters.
const MaxLinkText = 1000

// FromLink is a claim by the button of a contact page, which a personal link leads to. The link is enough to take away, never to grant.
type FromLink struct {
	Message  dispatcher.Message // that the link travelled with
	Language vocab.Language     // of the page
	Text     string             // what the contact wrote; may be empty
}

// ObjectFromLink records the objection of whoever followed a personal link. Pressing the button again answers the same open claim and
// stops what came since. The error is fault.Invalid for a text that is too long or holds what may not be kept, and then nothing was done.
func (d *Desk) ObjectFromLink(ctx context.Context, l FromLink) (Claim, error) {
	base := consent.Event{
		Source: consent.SourcePreferencePage, ActorKind: consent.ActorContact, ActorID: string(l.Message.ContactID), Language: l.Language,
		Proof: consent.ProofLink, ProofRef: string(l.Message.ID),
	}
	x := l.claim(Objection)
	x.Withdrawal, x.Once = ObjectionEvents(d.Purposes, base), true
	return d.openFromLink(ctx, x)
}

// ComplainFromLink records that a message should not have come, by whoever followed its personal link. The transaction that opens the claim
// ends what a complaint by a feedback loop ends: the message's purpose for everybody behind its address, and the address for marketing and
// service. About one message there is one claim: pressing the button again answers the same. Its errors are those of ObjectFromLink.
func (d *Desk) ComplainFromLink(ctx context.Context, l FromLink) (Claim, error) {
	w := dispatcher.Complained(l.Message)
	w.Event.Language, w.Event.Proof, w.Event.ProofRef = l.Language, consent.ProofLink, string(l.Message.ID)
	x := l.claim(Complaint)
	x.Complaint = &w
	return d.openFromLink(ctx, x)
}

func (l FromLink) claim(kind Kind) New {
	return New{
		ContactID: l.Message.ContactID, Kind: kind, Via: ByLink, Language: l.Language, Text: l.Text, ActorKind: consent.ActorContact,
		ActorID: string(l.Message.ContactID),
	}
}

func (d *Desk) openFromLink(ctx context.Context, x New) (Claim, error) {
	if utf8.RuneCountInString(x.Text) > MaxLinkText {
		return Claim{}, fault.InvalidField("/text", "too_long", fmt.Sprintf("at most %d characters", MaxLinkText))
	}
	return d.Open(ctx, x)
}
