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
	Partners        []choice  // of On, on behalf of others
	Done            *doneView // what the press just now has ended; nil if nothing
}

// WithPartners is the same view with the partners' messages as those that come.
func (v preferencesView) WithPartners() preferencesView {
	v.On = v.Partners
	return v
}

type doneView struct {
	What               string
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
	return p.preferencesPage(r, s, nil), nil
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
	return p.preferencesPage(r, s, &doneView{What: what, At: done.At, Canceled: len(done.Canceled), OnTheWay: len(done.InFlight), Receipt: p.receiptOf(r, s, done)}), nil
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
	return p.preferencesPage(r, s, &doneView{At: now, Until: until}), nil
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
		on, off := p.choices(s)
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

func (p *pages) preferencesPage(r *http.Request, s subject, done *doneView) answer {
	on, off := p.choices(s)
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
	return answer{
		view: "preferences", lang: s.lang, title: say(s.lang, "prefs_title"), header: sameOrigin(), data: view,
	}
}

// choices returns what comes and what does not. Service messages come without a grant, so a purpose of that class is there, on the
// channel of the message, also if the contact was never heard about it. Consents to uses of data are no messages and are left out.
func (p *pages) choices(s subject) (on, off []choice) {
	now := p.Now()
	seen := map[consent.GrantKey]bool{}
	for _, g := range s.grants {
		seen[g.Key] = true
		info, known := p.Purposes.Lookup(g.Key.Purpose)
		if g.Key.Channel == "" || known && !endable(info.Class) {
			continue
		}
		c := choice{
			Key: g.Key, Name: p.purposeName(s.lang, g.Key.Purpose), Topic: p.Purposes.TopicName(g.Key.Purpose, g.Key.Topic, s.lang), Since: g.State.Since,
		}
		comes := false
		switch g.State.State {
		case consent.Granted:
			if until := g.State.ValidUntil; !until.IsZero() && !now.Before(until) {
				c.State, c.Since = "state_expired", until // the ledger has not got round to writing it down
				break
			}
			c.State, c.Until, comes = "state_granted", g.State.ValidUntil, true
		case consent.Pending:
			c.State, comes = "state_pending", true
		case consent.None, "":
			if info.Class != vocab.Service {
				continue
			}
			c.State, comes = "state_default", true
		case consent.Withdrawn:
			c.State = "state_withdrawn"
		case consent.Refusal:
			c.State = "state_refused"
		case consent.Expired:
			c.State = "state_expired"
		case consent.Stale:
			c.State = "state_stale"
		case consent.Lapsed:
			c.State = "state_lapsed"
		}
		if comes {
			on = append(on, c)
		} else {
			off = append(off, c)
		}
	}
	for _, info := range p.Purposes.All() {
		key := consent.GrantKey{Purpose: info.ID, Channel: s.message.Channel}
		if info.Class == vocab.Service && !seen[key] {
			on = append(on, choice{Key: key, Name: inLanguage(info.Names, s.lang), State: "state_default"})
		}
	}
	return on, off
}
