package public

import (
	"cmp"
	"net/http"
	"time"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/dispatcher"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

type whyView struct {
	Purpose         string
	Clause          string // of the privacy policy; may be empty
	Channel         vocab.Channel
	To              string // masked
	Basis           string // the key of a text
	Given           Ground // zero: it does not rest on a consent
	Confirmed       string // how it was confirmed, the key of a text; empty: nothing is known
	Withdrawn       time.Time
	Sent            time.Time // zero: not sent
	PolicyVersion   string
	Fixed           bool // it cannot be stopped
	Shared          bool
	UnsubscribedAll bool
	Paused          bool
	Stop, All       string // where the forms go; All is the preferences page
	Object, Report  string // paths of the pages with these claims
}

// why shows on what ground a message went out, from the decision that is stored with it.
func (p *pages) why(r *http.Request) (answer, error) {
	s, err := p.subject(r, dispatcher.LinkWhy)
	if err != nil {
		return answer{lang: s.lang}, err
	}
	m := s.message
	info, _ := p.Purposes.Lookup(m.Purpose)
	view := whyView{
		Purpose: p.purposeName(s.lang, m.Purpose), Clause: info.Clause, Channel: m.Channel, To: masked(s.to.Address),
		Basis: basisText(m.Decision.Basis.Kind), Withdrawn: s.stoppedSince(), Sent: m.SentAt, PolicyVersion: m.PolicyVersion,
		Fixed: !consent.Endable(m.Class), Shared: s.to.Shared, UnsubscribedAll: s.to.UnsubscribedAll,
		Paused: s.to.PausedUntil.After(p.Now()),
		Stop:   p.path(r, dispatcher.LinkUnsubscribe, m.ID), All: p.path(r, dispatcher.LinkPreferences, m.ID),
		Object: p.claimPath(r, claimObject, m.ID), Report: p.claimPath(r, claimReport, m.ID),
	}
	if event := m.Decision.Basis.Event; event != "" && m.Decision.Basis.Kind == consent.BasisGrant {
		view.Given, err = p.Ledger.Ground(r.Context(), event, s.lang)
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return answer{lang: s.lang}, err
		}
		view.Confirmed = proofText(view.Given.Proof)
		view.PolicyVersion = cmp.Or(view.Given.Policy, view.PolicyVersion) // that was in force when they agreed
	}
	return answer{view: "why", lang: s.lang, title: say(s.lang, "why_title"), data: view, header: sameOrigin()}, nil
}

// proofText is the text for what shows a consent.
func proofText(kind consent.ProofKind) string {
	switch kind {
	case consent.ProofDoubleOptIn:
		return "proof_double_opt_in"
	case consent.ProofOneTimeCode:
		return "proof_one_time_code"
	case consent.ProofSignedForm:
		return "proof_signed_form"
	case consent.ProofOperatorNote:
		return "proof_operator_note"
	case consent.ProofRenewalLink:
		return "proof_renewal_link"
	case consent.ProofNone, consent.ProofLink:
	}
	return ""
}

// basisText is the text for the ground of a decision.
func basisText(kind consent.BasisKind) string {
	switch kind {
	case consent.BasisGrant, consent.BasisRequest, consent.BasisService, consent.BasisObligation:
		return "basis_" + string(kind)
	case consent.BasisNone:
	}
	return "basis_none"
}
