package optin

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// SignUp is a form as it was sent in.
type SignUp struct {
	Form               Form
	Email, Phone, Name string // as typed
	Ticked             []Tick
	Trap               string // of the field that people do not see
	Token              string // of the hidden field
	Language           vocab.Language
	Client             netip.Addr // where it came from; the zero Addr: nobody knows
	UserAgent          string
}

// Tick is a box that was ticked.
type Tick struct {
	Box      Box
	TextHash string // of the text that stood beside it
}

// Lack is what has to be mended in a form before anything can be asked.
type Lack string

// The lacks: a closed list.
const (
	LackTick  Lack = "tick"  // no box is ticked
	LackEmail Lack = "email" // a box needs an email address and there is none, or what stands there is none
	LackPhone Lack = "phone"
	LackName  Lack = "name" // it is not a name
)

// SignedUp is what the page says to a sign-up. It is the same for people and for robots, for addresses that are known, unknown, and not
// to be written to.
type SignedUp struct {
	Lacks    []Lack // if any, the form is shown again with what was filled in
	Stale    bool   // it was open for too long, or a text has changed since: shown again, with a fresh token
	Emailed  bool   // "look into your mailbox"
	CodePage string // where to type the code; empty if no box is of SMS
}

// SignUp takes a form in and asks to confirm what was ticked: once for each address. It takes as long for anybody.
func (d *Desk) SignUp(ctx context.Context, s SignUp) (SignedUp, error) {
	defer d.level(ctx, d.now())
	verdict, err := d.judge(ctx, s)
	if err != nil {
		return SignedUp{}, err
	}
	if verdict == Stale {
		d.Observer.SignedUp(Stale)
		return SignedUp{Stale: true}, nil
	}
	requests, lacks := d.requests(s)
	if len(lacks) > 0 {
		d.Observer.SignedUp(Incomplete)
		return SignedUp{Lacks: lacks}, nil
	}
	done := SignedUp{}
	if verdict != "" {
		d.Observer.SignedUp(verdict)
	}
	for _, r := range requests {
		_, reply := d.newID(r.Channel)
		if verdict == "" {
			reply, err = d.ask(ctx, r)
			if fault.KindOf(err) == fault.Conflict {
				d.Observer.SignedUp(Stale)
				return SignedUp{Stale: true}, nil
			}
			if err != nil {
				return SignedUp{}, err
			}
		}
		if r.Channel == vocab.Email {
			done.Emailed = true
		} else {
			done.CodePage = reply.CodePage
		}
	}
	return done, nil
}

// requests reads what was ticked, for each channel, and finds what is missing.
func (d *Desk) requests(s SignUp) ([]Request, []Lack) {
	wishes := map[vocab.Channel][]Wish{}
	for _, t := range s.Ticked {
		w := Wish{t.Box.Purpose, t.Box.Topic, t.TextHash}
		if slices.Contains(s.Form.Boxes, t.Box) && !slices.Contains(wishes[t.Box.Channel], w) {
			wishes[t.Box.Channel] = append(wishes[t.Box.Channel], w)
		}
	}
	var lacks []Lack
	if len(wishes) == 0 {
		lacks = append(lacks, LackTick)
	}
	base := Request{
		Language: s.Language, FormID: s.Form.ID, Source: consent.SourceSignUpForm, Caller: dispatcher.Caller{Mode: dispatcher.Live},
		Evidence: Evidence{UserAgent: s.UserAgent, Form: s.Form.Slug},
	}
	if s.Client.IsValid() {
		base.Evidence.IP = s.Client.Unmap().String()
	}
	if s.Form.AskName {
		base.Name = strings.TrimSpace(s.Name)
		if !isName(base.Name) {
			lacks = append(lacks, LackName)
		}
	}
	var requests []Request
	if len(wishes[vocab.Email]) > 0 {
		r := base
		var err error
		r.Channel, r.Wishes = vocab.Email, wishes[vocab.Email]
		r.Value, r.Lookup, err = contacts.ParseEmail(s.Email)
		if err != nil || len(consent.RefuseForbiddenEmail("", s.Email)) > 0 {
			lacks = append(lacks, LackEmail)
		}
		requests = append(requests, r)
	}
	if len(wishes[vocab.SMS]) > 0 {
		r := base
		var err error
		r.Channel, r.Wishes = vocab.SMS, wishes[vocab.SMS]
		if r.Value, _, err = contacts.ParsePhone(s.Phone, d.Region); err != nil {
			lacks = append(lacks, LackPhone)
		}
		r.Lookup = r.Value.Reveal()
		requests = append(requests, r)
	}
	return requests, lacks
}

// isName says whether a name may be kept: none is fine.
func isName(name string) bool {
	return utf8.ValidString(name) && utf8.RuneCountInString(name) <= contacts.MaxName && !strings.ContainsFunc(name, unicode.IsControl) &&
		len(consent.RefuseForbidden("", name)) == 0
}
