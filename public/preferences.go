package public

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// preferencesWait is how long a press waits for attempts that are open to close, so that the page names only what is really on its way.
const preferencesWait = 2 * time.Second

// What a press of a button on the preferences page says. There is no value that grants: whoever holds the link may be anybody
// the message was forwarded to.
const (
	stopOne   = "one"
	stopAll   = "all"
	stopPause = "pause"
)

// pauseDays is how long a pause lasts.
const pauseDays = 30

// sameOrigin lets browsers without Sec-Fetch-Site say where a form comes from; see security.
func sameOrigin() map[string]string { return map[string]string{"Referrer-Policy": "same-origin"} }

type preferencesView struct {
	To              string // masked
	Shared          bool
	UnsubscribedAll bool
	PausedUntil     time.Time // zero: no pause
	Action          string
	Object          string // path of the page to object
	On, Off         []choice
	Partners        []choice    // of On, on behalf of others
	Ask             *askView    // nil: there are no proofs here, or there is one
	Proved          *provedView // nil: nothing is proved
	Proof           string      // its token, which the forms bring along; empty: none
	Done            *doneView   // what the press just now has ended; nil if nothing
}

// WithPartners is the same view with the partners' messages as those that come.
func (v preferencesView) WithPartners() preferencesView {
	v.On = v.Partners
	return v
}

type doneView struct {
	What               string
	Agreed, Resumed    bool // it is on from now on
	At                 time.Time
	Until              time.Time // of a pause
	Canceled, OnTheWay int
	Receipt            string // path; may be empty
}

// choice is one grant as the page shows it.
type choice struct {
	Key   consent.GrantKey
	Name  string
	Topic string
	State string // the key of a text
	Since time.Time
	Until time.Time // exclusive; zero: no end
}

// preferences shows what the contact receives and what they have stopped.
func (p *pages) preferences(r *http.Request) (answer, error) {
	s, err := p.subject(r, dispatcher.LinkPreferences)
	if err != nil {
		return answer{lang: s.lang}, err
	}
	if s.to.Erased {
		return answer{lang: s.lang}, fault.Missing("contact_erased", "nothing about this contact is left")
	}
	return p.preferencesPage(r, s, nil)
}

// reduce ends one grant or every mailing of the contact.
func (p *pages) reduce(r *http.Request) (answer, error) {
	s, err := p.subject(r, dispatcher.LinkPreferences)
	if err != nil {
		return answer{lang: s.lang}, err
	}
	refused := answer{lang: s.lang}
	if err := p.origin.Check(r); err != nil {
		return refused, &fault.Error{Kind: fault.Forbidden, Code: "cross_origin", Detail: "the request comes from another site", Err: err}
	}
	if err := r.ParseForm(); err != nil {
		return refused, fault.InvalidField("", "form", "want a form")
	}
	p.carriedProof(r.Context(), &s, r.PostForm.Get("proof"))
	if r.PostForm.Get("stop") == stopPause {
		return p.pause(r, s)
	}
	event, what, err := p.reduction(s, r.PostForm)
	if err != nil {
		return refused, err
	}
	done, err := p.withdraw(r.Context(), dispatcher.Withdrawal{ContactID: s.message.ContactID, AddressID: s.message.AddressID, Event: event}, preferencesWait)
	if err != nil {
		return refused, err
	}
	// From here on the withdrawal stands. The page shows the grants as they are after it.
	if s.grants, err = p.Ledger.Grants(r.Context(), s.message.ContactID); err != nil {
		return refused, err
	}
	s.to.UnsubscribedAll = s.to.UnsubscribedAll || event.Scope == consent.ScopeAll
	return p.preferencesPage(r, s, &doneView{What: what, At: done.At, Canceled: len(done.Canceled), OnTheWay: len(done.InFlight), Receipt: p.receiptOf(r, s, done)})
}

// pause stops mailings for a while. Every other message comes as before.
func (p *pages) pause(r *http.Request, s subject) (answer, error) {
	now := p.Now()
	until, err := p.Pauses.Pause(r.Context(), consent.Event{
		Kind: consent.KindPaused, Scope: consent.ScopeAll, ContactID: s.message.ContactID, AddressID: s.message.AddressID,
		Source: consent.SourcePreferencePage, ActorKind: consent.ActorContact, ActorID: string(s.message.ContactID), Language: s.lang,
		Proof: consent.ProofLink, ProofRef: string(s.message.ID), At: now, ValidUntil: now.AddDate(0, 0, pauseDays),
	})
	if err != nil {
		return answer{lang: s.lang}, err
	}
	s.to.PausedUntil = until
	return p.preferencesPage(r, s, &doneView{At: now, Until: until})
}

// reduction reads which button was pressed, and says it for the page.
func (p *pages) reduction(s subject, form url.Values) (consent.Event, string, error) {
	event := consent.Event{
		Kind: consent.KindWithdrawn, Source: consent.SourcePreferencePage, ActorKind: consent.ActorContact,
		ActorID: string(s.message.ContactID), Language: s.lang, Proof: consent.ProofLink, ProofRef: string(s.message.ID),
	}
	switch form.Get("stop") {
	case stopAll:
		event.Scope = consent.ScopeAll
		return event, say(s.lang, "everything"), nil
	case stopOne:
		key := consent.GrantKey{
			Purpose: vocab.Purpose(form.Get("purpose")), Channel: vocab.Channel(form.Get("channel")), Topic: vocab.Topic(form.Get("topic")),
		}
		on, off, _ := p.choices(s)
		for _, c := range slices.Concat(on, off) { // one that is off already was pressed twice
			if c.Key != key {
				continue
			}
			event.Scope, event.Purpose, event.Channel, event.Topic = consent.ScopePurpose, key.Purpose, key.Channel, key.Topic
			if key.Topic != "" {
				event.Scope = consent.ScopeTopic
			}
			return event, c.label(s.lang), nil
		}
	}
	return consent.Event{}, "", fault.InvalidField("/stop", "unknown", "want one of the buttons of the page")
}

func (c choice) label(lang vocab.Language) string {
	label := "«" + c.Name + "»"
	if lang == vocab.English {
		label = c.Name
	}
	if c.Topic != "" {
		label += " · " + c.Topic
	}
	return label + ", " + channelName(lang, c.Key.Channel)
}

func (p *pages) preferencesPage(r *http.Request, s subject, done *doneView) (answer, error) {
	on, off, all := p.choices(s)
	own, partners := []choice{}, []choice{}
	for _, c := range on {
		if _, partner := consent.PartnerOf(c.Key.Purpose); partner {
			partners = append(partners, c)
		} else {
			own = append(own, c)
		}
	}
	view := preferencesView{
		To: masked(s.to.Address), Shared: s.to.Shared, UnsubscribedAll: s.to.UnsubscribedAll, On: own, Off: off, Partners: partners, Done: done,
		Action: p.path(r, dispatcher.LinkPreferences, s.message.ID),
		Object: p.claimPath(r, claimObject, s.message.ID),
	}
	if s.to.PausedUntil.After(p.Now()) {
		view.PausedUntil = s.to.PausedUntil
	}
	a := answer{view: "preferences", lang: s.lang, title: say(s.lang, "prefs_title"), header: sameOrigin()}
	if s.ended {
		a.status = http.StatusForbidden
	}
	var err error
	if s.proven == nil {
		view.Ask = p.askView(r, s)
	} else {
		a.post = &postBack{p.plainProofPath(s), []hidden{{Name: "do", Value: proveOpen}, {Name: "proof", Value: s.proven.token}}}
		view.Proof = s.proven.token
		view.Proved, err = p.provedView(r, s, all)
	}
	a.data = view
	return a, err
}

// choices returns what comes and what does not, and both as they are kept. Service messages stand there on the channel of the message,
// also if the contact was never heard about them.
func (p *pages) choices(s subject) (on, off []choice, all []consent.Preference) {
	held := make([]consent.HeldGrant, len(s.grants))
	for i, g := range s.grants {
		held[i] = consent.HeldGrant{Key: g.Key, Grant: g.State}
	}
	all = p.Purposes.Preferences(held, []vocab.Channel{s.message.Channel}, p.Now())
	for _, x := range all {
		c := choice{
			Key: x.Key, Name: p.purposeName(s.lang, x.Key.Purpose), Topic: p.Purposes.TopicName(x.Key.Purpose, x.Key.Topic, s.lang),
			State: stateText(x.State), Since: x.Since, Until: x.Until,
		}
		if x.Comes {
			on = append(on, c)
		} else {
			off = append(off, c)
		}
	}
	return on, off, all
}

// stateText is the text for a state of a grant.
func stateText(s consent.State) string {
	switch s {
	case consent.Granted:
		return "state_granted"
	case consent.Pending:
		return "state_pending"
	case consent.Withdrawn:
		return "state_withdrawn"
	case consent.Refusal:
		return "state_refused"
	case consent.Expired:
		return "state_expired"
	case consent.Stale:
		return "state_stale"
	case consent.Lapsed:
		return "state_lapsed"
	case consent.None:
	}
	return "state_default"
}
