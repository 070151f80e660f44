package public

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

// provedView is what the page shows behind a proof.
type provedView struct {
	Action    string
	Token     string
	Lang      vocab.Language // of the words that are shown
	To        string         // masked
	Channel   vocab.Channel
	Until     time.Time
	Note      string // the key of a text
	Offers    []offerView
	Pointless bool      // nothing can be agreed to: the contact's data may not be processed
	Others    []wayView // what else could be proved
	History   historyView
}

// offerView is a consent text with what can be agreed to on it.
type offerView struct {
	optin.Words

	Name    string
	Channel vocab.Channel
	Wishes  []wishView
}

// wishView is one button: one purpose on one channel, or one topic of it.
type wishView struct {
	Value string
	Topic string // its name; empty: the purpose by itself
}

// wishValue is what a button says: the grant, and the hash of the words beside it.
func wishValue(k consent.GrantKey, hash string) string {
	return strings.Join([]string{string(k.Purpose), string(k.Channel), string(k.Topic), hash}, "/")
}

// readWish reads what a button says; false if none of ours says so.
func readWish(value string) (consent.GrantKey, string, bool) {
	parts := strings.SplitN(value, "/", 4)
	if len(parts) != 4 {
		return consent.GrantKey{}, "", false
	}
	return consent.GrantKey{Purpose: vocab.Purpose(parts[0]), Channel: vocab.Channel(parts[1]), Topic: vocab.Topic(parts[2])}, parts[3], true
}

// agree grants what one button says. The words that it stood beside are named by their hash: if they are not those in force any more, the
// page shows the new ones and nothing is granted.
func (p *pages) agree(r *http.Request, s subject, form url.Values) (answer, error) {
	key, hash, known := readWish(form.Get("wish"))
	if !known {
		return answer{}, fault.InvalidField("/wish", "unknown", "want one of the buttons of the page")
	}
	if key.Channel != s.proven.Channel {
		return answer{}, fault.InvalidField("/wish", "channel", "a consent is for the channel of the address that was proved")
	}
	shown, spoken := spokenHere(form.Get("shown"))
	if !spoken {
		return answer{}, fault.InvalidField("/shown", "language", "want the language of the page")
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(r.Context()), storeTimeout, errLedgerSlow)
	defer cancel()
	done, err := p.Proofs.Prover.Grant(ctx, s.message.ContactID, optin.Agreement{
		Wish: optin.Wish{Purpose: key.Purpose, Topic: key.Topic, TextHash: hash}, Token: s.proven.token, Language: shown, Evidence: p.evidence(r),
	})
	if err != nil {
		return answer{}, err
	}
	var banner *doneView
	switch done.Outcome {
	case optin.Granted, optin.GrantStands:
		c := choice{Key: key, Name: p.purposeName(s.lang, key.Purpose), Topic: p.Purposes.TopicName(key.Purpose, key.Topic, s.lang)}
		banner = &doneView{Agreed: true, What: c.label(s.lang), At: done.At, Receipt: p.receiptOf(r, s, dispatcher.Withdrawn{Events: []vocab.ConsentEventID{done.Event}})}
		s.to.UnsubscribedAll = false // a new consent ends that, and revives no other
	case optin.NotProved:
		s.proven, s.ended = nil, true
	case optin.TextChanged:
		s.proven.note = "offer_changed"
	case optin.Pointless:
		s.proven.note = "offer_pointless"
	}
	// From here on the grant stands. The page shows the grants as they are after it.
	if s.grants, err = p.Ledger.Grants(ctx, s.message.ContactID); err != nil {
		return answer{}, err
	}
	return p.preferencesPage(r, s, banner)
}

// provedView returns what the page shows behind the proof.
func (p *pages) provedView(r *http.Request, s subject, have []consent.Preference) (*provedView, error) {
	view := &provedView{
		Action: p.proofPath(r, s), Token: s.proven.token, Lang: s.lang, To: masked(s.proven.Address), Channel: s.proven.Channel, Until: proofLeft(s.proven.Proof),
		Note: s.proven.note, Pointless: s.to.ProcessingWithdrawn,
	}
	texts, err := p.Proofs.Records.Texts(r.Context(), s.proven.Channel)
	if err != nil {
		return nil, err
	}
	for _, key := range p.Purposes.Grantable(have, s.proven.Channel) {
		words, written := texts[key.Purpose].Words[s.lang]
		if !written || view.Pointless {
			continue
		}
		last := len(view.Offers) - 1
		if last < 0 || view.Offers[last].Name != p.purposeName(s.lang, key.Purpose) {
			view.Offers = append(view.Offers, offerView{Words: words, Name: p.purposeName(s.lang, key.Purpose), Channel: key.Channel})
			last++
		}
		wish := wishView{Value: wishValue(key, texts[key.Purpose].Hash[s.lang])}
		if key.Topic != "" {
			wish.Topic = p.Purposes.TopicName(key.Purpose, key.Topic, s.lang)
		}
		view.Offers[last].Wishes = append(view.Offers[last].Wishes, wish)
	}
	for _, x := range s.to.Reach {
		if x.ID != s.proven.AddressID {
			view.Others = append(view.Others, s.way(x.Channel))
		}
	}
	view.History, err = p.history(r, s)
	return view, err
}
