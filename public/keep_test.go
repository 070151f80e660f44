package public

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/fault"
	"github.com/orleu/elshi/vocab"
)

// Asked implements renewals: the house's newsletter asked about its grant.
func (h *house) Asked(_ context.Context, message vocab.MessageID) (consent.Event, error) {
	if h.messages[message].Class != vocab.Marketing {
		return consent.Event{}, fault.Missing("link_not_found", "this message asked about no consent")
	}
	return consent.Event{ID: eventID, Scope: consent.ScopePurpose, TextVersion: 3, TextHash: "sha256:ab", PolicyVersion: "2026-09"}, h.away
}

// Record implements renewals.
func (h *house) Record(_ context.Context, e consent.Event, _ string, _ bool) (consent.Event, consent.Grant, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away != nil {
		return e, consent.Grant{}, h.away
	}
	e.ID = "cev_renewed"
	h.recorded = append(h.recorded, e)
	for i := range h.grants {
		if k := h.grants[i].Key; k == (consent.GrantKey{Purpose: e.Purpose, Channel: e.Channel, Topic: e.Topic}) {
			h.grants[i].State = consent.Apply(k, h.grants[i].State, e)
		}
	}
	return e, consent.Grant{}, nil
}

func TestAGrantIsKeptByAPressAndNotByALook(t *testing.T) {
	h := newHouse(t)
	path := h.path("n", vocab.Marketing)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
		h.ask(t, method, path, "", "Accept", browser)
	}
	if len(h.recorded) != 0 {
		t.Fatalf("a look renewed: %+v", h.recorded)
	}
	page := h.ask(t, http.MethodGet, path+"?lang=en", "", "Accept", browser).Body.String()
	wantContains(t, page, "Your consent ends on 12 March 2028", "Keep until 24 November 2028", "a***@orleu.example", "If you press nothing")

	const form = "application/x-www-form-urlencoded"
	if got := h.ask(t, http.MethodPost, path, "", "Content-Type", form, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); got.Code != http.StatusForbidden {
		t.Errorf("another site's press: status %d", got.Code)
	}
	for range 2 { // the second press finds it renewed
		got := h.ask(t, http.MethodPost, path+"?lang=en", "", "Content-Type", form, "Accept", browser)
		if got.Code != http.StatusOK {
			t.Fatalf("status %d: %s", got.Code, got.Body)
		}
		wantContains(t, got.Body.String(), "Your consent is renewed", "until 24 November 2028")
	}
	m := h.message(vocab.Marketing)
	want := []consent.Event{{
		ID: "cev_renewed", Kind: consent.KindRenewed, ContactID: contactID, AddressID: addressID, Scope: consent.ScopePurpose, Purpose: m.Purpose,
		Channel: vocab.Email, Source: consent.SourceConfirmLink, ActorKind: consent.ActorContact, ActorID: string(contactID), Language: vocab.English,
		TextVersion: 3, TextHash: "sha256:ab", PolicyVersion: "2026-09", Proof: consent.ProofRenewalLink, ProofRef: string(m.ID), At: now,
		ValidUntil: now.AddDate(2, 0, 0),
	}}
	if diff := cmp.Diff(want, h.recorded); diff != "" {
		t.Errorf("what was recorded mismatch (-want +got):\n%s", diff)
	}
	if err := h.recorded[0].Check(); err != nil {
		t.Errorf("it may not be chained: %v", err)
	}
}

func TestALinkRevivesNoConsent(t *testing.T) {
	for name, change := range map[string]func(g *consent.Grant){
		"taken back":  func(g *consent.Grant) { g.State = consent.Withdrawn },
		"run out":     func(g *consent.Grant) { g.ValidUntil = now },
		"written out": func(g *consent.Grant) { g.State = consent.Expired },
		"stale":       func(g *consent.Grant) { g.State = consent.Stale },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			i := slices.IndexFunc(h.grants, func(g Grant) bool { return g.State.Event == eventID && g.Key.Purpose == "news.company" })
			change(&h.grants[i].State)
			got := h.ask(t, http.MethodPost, h.path("n", vocab.Marketing)+"?lang=en", "", "Content-Type", "application/x-www-form-urlencoded", "Accept", browser)
			if len(h.recorded) != 0 || !strings.Contains(got.Body.String(), "This consent cannot be renewed") || strings.Contains(got.Body.String(), "<form") {
				t.Errorf("recorded %+v, answered %d: %s", h.recorded, got.Code, got.Body)
			}
		})
	}
}

func TestOnlyAMessageThatAskedCanRenew(t *testing.T) {
	h := newHouse(t)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if got := h.ask(t, method, h.path("n", vocab.Service), "", "Accept", browser); got.Code != http.StatusNotFound {
			t.Errorf("%s for a message that asked for nothing: status %d", method, got.Code)
		}
	}
	h.away = fault.Away("ledger", context.DeadlineExceeded)
	if got := h.ask(t, http.MethodPost, h.path("n", vocab.Marketing), "", "Accept", browser); got.Code != http.StatusServiceUnavailable {
		t.Errorf("with the ledger away: status %d", got.Code)
	}
}
