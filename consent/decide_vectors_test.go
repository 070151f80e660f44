package consent

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orleu/elshi/vocab"
)

type vector struct {
	N     int    `json:"n"`
	Case  string `json:"case"`
	Given struct {
		Now               time.Time     `json:"now"`
		Class             vocab.Class   `json:"class"`
		Purpose           vocab.Purpose `json:"purpose"`
		Channel           vocab.Channel `json:"channel"`
		PurposeRegistered bool          `json:"purpose_registered"`
		Contact           struct {
			Erased              bool `json:"erased"`
			DataBlocked         bool `json:"data_blocked"`
			ProcessingWithdrawn bool `json:"processing_withdrawn"`
			Minor               bool `json:"minor"`
			GuardianConsented   bool `json:"guardian_consented"`
		} `json:"contact"`
		Address struct {
			Present        bool `json:"present"`
			Valid          bool `json:"valid"`
			HardBounced    bool `json:"hard_bounced"`
			Reassigned     bool `json:"reassigned"`
			Verified       bool `json:"verified"`
			Complained     bool `json:"complained"`
			ChannelStopped bool `json:"channel_stopped"`
		} `json:"address"`
		UnsubscribedAll bool `json:"unsubscribed_all"`
		ServiceOptedOut bool `json:"service_opted_out"`
		Consent         struct {
			State        State      `json:"state"`
			ValidUntil   *time.Time `json:"valid_until"`
			PartnerNamed bool       `json:"partner_named"`
		} `json:"consent"`
		Message struct {
			Trigger            bool       `json:"trigger"`
			TriggerAgeSeconds  int        `json:"trigger_age_seconds"`
			Duplicate          bool       `json:"duplicate"`
			NotAfter           *time.Time `json:"not_after"`
			HasUnsubscribe     bool       `json:"has_unsubscribe"`
			SenderRegistered   bool       `json:"sender_registered"`
			LocaleApproved     bool       `json:"locale_approved"`
			RouteAbroad        bool       `json:"route_abroad"`
			CrossBorderCovered bool       `json:"cross_border_covered"`
		} `json:"message"`
		OtherChannel bool       `json:"other_channel_available"`
		CapReached   bool       `json:"cap_reached"`
		RateLimited  bool       `json:"rate_limited"`
		WindowOpen   bool       `json:"window_open"`
		NextWindow   *time.Time `json:"next_window"`
	} `json:"given"`
	Want struct {
		Verdict Verdict  `json:"verdict"`
		Reason  Reason   `json:"reason"`
		All     []Reason `json:"all"`
	} `json:"want"`
}

func (v vector) facts() Facts {
	at := func(t *time.Time) time.Time {
		if t == nil {
			return time.Time{}
		}
		return *t
	}
	g := v.Given
	return Facts{
		Now: g.Now, Class: g.Class, Purpose: g.Purpose, Channel: g.Channel, PurposeRegistered: g.PurposeRegistered,
		Contact: ContactFacts(g.Contact),
		Address: AddressFacts{
			Present: g.Address.Present, Valid: g.Address.Valid, HardBounced: g.Address.HardBounced,
			Reassigned: g.Address.Reassigned, Verified: g.Address.Verified, Complained: g.Address.Complained,
			ChannelStopped: g.Address.ChannelStopped,
		},
		UnsubscribedAll: g.UnsubscribedAll,
		ServiceOptedOut: g.ServiceOptedOut,
		Grant: GrantFacts{
			State: g.Consent.State, ValidUntil: at(g.Consent.ValidUntil), PartnerNamed: g.Consent.PartnerNamed,
			Event: "cev_1",
		},
		Message: MessageFacts{
			Trigger: g.Message.Trigger, TriggerAge: time.Duration(g.Message.TriggerAgeSeconds) * time.Second,
			Duplicate: g.Message.Duplicate, NotAfter: at(g.Message.NotAfter), HasUnsubscribe: g.Message.HasUnsubscribe,
			SenderRegistered: g.Message.SenderRegistered, LocaleApproved: g.Message.LocaleApproved,
			RouteAbroad: g.Message.RouteAbroad, CrossBorderCovered: g.Message.CrossBorderCovered,
		},
		OtherChannel: g.OtherChannel, CapReached: g.CapReached, RateLimited: g.RateLimited,
		WindowOpen: g.WindowOpen, NextWindow: at(g.NextWindow),
	}
}

func vectors(t *testing.T) []vector {
	t.Helper()
	file, err := os.Open("testdata/decisions.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields() // a fact that is not handed on would be a test of nothing
	var all []vector
	if err := decoder.Decode(&all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 25 {
		t.Fatalf("only %d examples", len(all))
	}
	return all
}

func TestDecideAsTheWorkedExamplesSay(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Case, func(t *testing.T) {
			f := v.facts()
			want := Decision{Verdict: v.Want.Verdict, Reason: v.Want.Reason, All: v.Want.All, At: f.Now}
			switch v.Want.Verdict {
			case Allow:
				want.Basis = wantBasis(f)
			case Hold:
				want.Basis = wantBasis(f)
				if v.Want.Reason == QuietHours {
					want.Until = f.NextWindow
				}
			case Deny:
				want.Basis = deniedBasis(f, want.All)
			}
			if diff := cmp.Diff(want, Decide(f), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%d: Decide(%+v) mismatch (-want +got):\n%s", v.N, f, diff)
			}
		})
	}
}

func wantBasis(f Facts) Basis {
	return map[vocab.Class]Basis{
		vocab.Marketing:     {Kind: BasisGrant, Event: f.Grant.Event},
		vocab.Security:      {Kind: BasisRequest},
		vocab.Transactional: {Kind: BasisRequest},
		vocab.Service:       {Kind: BasisService},
		vocab.Legal:         {Kind: BasisObligation},
		vocab.Breach:        {Kind: BasisObligation},
	}[f.Class]
}

// ownWord are the denials for what the contact said, or did not say.
var ownWord = []Reason{ServiceOptedOut, NoConsent, ConsentPending, ConsentRefused, ConsentWithdrawn, ConsentExpired, ConsentStale}

// deniedBasis is no ground, but names the entry that a denial for the contact's own word rests on.
func deniedBasis(f Facts, all []Reason) Basis {
	for _, r := range all {
		if slices.Contains(ownWord, r) {
			return Basis{Event: f.Grant.Event}
		}
	}
	return Basis{}
}
