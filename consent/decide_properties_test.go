package consent

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/vocab"
)

// suppressing are facts that speak against a message and never for one.
var suppressing = map[string]func(*Facts){
	"erased":               func(f *Facts) { f.Contact.Erased = true },
	"blocked":              func(f *Facts) { f.Contact.DataBlocked = true },
	"processing withdrawn": func(f *Facts) { f.Contact.ProcessingWithdrawn = true },
	"minor":                func(f *Facts) { f.Contact.Minor, f.Contact.GuardianConsented = true, false },
	"unregistered":         func(f *Facts) { f.PurposeRegistered = false },
	"no address":           func(f *Facts) { f.Address.Present = false },
	"invalid":              func(f *Facts) { f.Address.Valid = false },
	"bounced":              func(f *Facts) { f.Address.HardBounced = true },
	"reassigned":           func(f *Facts) { f.Address.Reassigned = true },
	"unverified":           func(f *Facts) { f.Address.Verified = false },
	"complained":           func(f *Facts) { f.Address.Complained = true },
	"stopped":              func(f *Facts) { f.Address.ChannelStopped = true },
	"manual":               func(f *Facts) { f.Address.Manual = true },
	"unsubscribed":         func(f *Facts) { f.UnsubscribedAll = true },
	"opted out":            func(f *Facts) { f.ServiceOptedOut = true },
	"withdrawn":            func(f *Facts) { f.Grant.State = Withdrawn },
	"refused":              func(f *Facts) { f.Grant.State = Refusal },
	"expired":              func(f *Facts) { f.Grant.ValidUntil = f.Now },
	"partner":              func(f *Facts) { f.Grant.PartnerNamed = false },
	"no trigger":           func(f *Facts) { f.Message.Trigger = false },
	"old trigger":          func(f *Facts) { f.Message.TriggerAge = time.Hour },
	"duplicate":            func(f *Facts) { f.Message.Duplicate = true },
	"over":                 func(f *Facts) { f.Message.NotAfter = f.Now },
	"no way out":           func(f *Facts) { f.Message.HasUnsubscribe = false },
	"sender":               func(f *Facts) { f.Message.SenderRegistered = false },
	"abroad":               func(f *Facts) { f.Message.RouteAbroad, f.Message.CrossBorderCovered = true, false },
	"locale":               func(f *Facts) { f.Message.LocaleApproved = false },
	"identifier":           func(f *Facts) { f.ForbiddenContent = true },
	"no guest":             func(f *Facts) { f.GuestListOnly, f.OnGuestList = true, false },
	"other channel":        func(f *Facts) { f.OtherChannel = true },
	"quiet":                func(f *Facts) { f.WindowOpen = false },
	"cap":                  func(f *Facts) { f.CapReached = true },
	"paused":               func(f *Facts) { f.PausedUntil = f.Now.Add(time.Hour) },
	"rate":                 func(f *Facts) { f.RateLimited = true },
	"campaign":             func(f *Facts) { f.CampaignPaused = true },
	"provider":             func(f *Facts) { f.ProviderPaused = true },
	"budget":               func(f *Facts) { f.BudgetExceeded = true },
}

// someFacts draws facts that are good but for a few, so that every verdict comes up often.
func someFacts(t *rapid.T) Facts {
	f := good(
		rapid.SampledFrom(append(vocab.Classes(), "", "promo")).Draw(t, "class"),
		rapid.SampledFrom(append(vocab.Channels(), "")).Draw(t, "channel"),
	)
	f.OtherChannel = rapid.Bool().Draw(t, "other channel")
	f.Grant.State = rapid.SampledFrom([]State{Granted, Granted, Granted, None, Pending, Withdrawn, Expired, Stale, Refusal, Lapsed, ""}).Draw(t, "state")
	f.Message.TriggerAge = time.Duration(rapid.IntRange(-5, 20).Draw(t, "trigger age, minutes")) * time.Minute
	later := func(name string) time.Time {
		hours := rapid.IntRange(-1, 5).Draw(t, name+", hours")
		if hours == 0 {
			return time.Time{}
		}
		return f.Now.Add(time.Duration(hours) * time.Hour)
	}
	f.Message.NotAfter, f.NextWindow, f.CapFreeAt = later("not after"), later("next window"), later("cap free")
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(suppressingNames()), 0, 3, rapid.ID).Draw(t, "bad facts") {
		suppressing[name](&f)
	}
	return f
}

func suppressingNames() []string {
	all := make([]string, 0, len(suppressing))
	for name := range suppressing {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func TestASuppressingFactNeverHelpsAMessage(t *testing.T) {
	rank := map[Verdict]int{Deny: 0, Hold: 1, Allow: 2}
	rapid.Check(t, func(t *rapid.T) {
		f := someFacts(t)
		before := Decide(f)
		for name, suppress := range suppressing {
			worse := f
			suppress(&worse)
			if after := Decide(worse); rank[after.Verdict] > rank[before.Verdict] {
				t.Fatalf("%s turned %+v into %+v", name, before, after)
			}
		}
	})
}

func TestEveryDecisionIsWellFormed(t *testing.T) {
	order := map[Reason]int{}
	for i, r := range Reasons() {
		order[r] = i
	}
	rapid.Check(t, func(t *rapid.T) {
		f := someFacts(t)
		d := Decide(f)
		if diff := cmp.Diff(d, Decide(f)); diff != "" {
			t.Fatalf("the same facts decided twice:\n%s", diff)
		}
		if !d.At.Equal(f.Now) {
			t.Fatalf("decided at %v, asked at %v", d.At, f.Now)
		}
		if !slices.IsSortedFunc(d.All, func(a, b Reason) int { return order[a] - order[b] }) || len(slices.Compact(slices.Clone(d.All))) != len(d.All) {
			t.Fatalf("reasons out of order or twice: %v", d.All)
		}
		if len(d.All) > 0 && d.Reason != d.All[0] {
			t.Fatalf("%s is primary, %s is first", d.Reason, d.All[0])
		}
		switch d.Verdict {
		case Allow:
			if d.Reason != OK || len(d.All) != 0 || d.Basis.Kind == BasisNone || !d.Until.IsZero() {
				t.Fatalf("an allow with reasons, without a basis or with an end: %+v", d)
			}
			if (d.Basis.Kind == BasisGrant) != (f.Class == vocab.Marketing) || (d.Basis.Event != "") != (f.Class == vocab.Marketing) {
				t.Fatalf("%s stands on %+v", f.Class, d.Basis)
			}
		case Hold:
			for _, r := range d.All {
				if !r.Timing() {
					t.Fatalf("held although %s denies", r)
				}
			}
			if !d.Until.IsZero() && (!d.Until.After(f.Now) || !f.Message.NotAfter.IsZero() && !d.Until.Before(f.Message.NotAfter)) {
				t.Fatalf("held until %v, now %v, not after %v", d.Until, f.Now, f.Message.NotAfter)
			}
		case Deny:
			if d.Reason.Timing() || d.Basis != deniedBasis(f, d.All) || !d.Until.IsZero() {
				t.Fatalf("a denial with a basis, an end or for timing alone: %+v", d)
			}
		}
	})
}

func TestWhatTheLawDemandsGoesOut(t *testing.T) {
	// What a person can say or withhold never stops these classes; for legal that means: on some channel.
	said := []string{
		"processing withdrawn", "minor", "unverified", "complained", "stopped", "manual", "unsubscribed", "opted out", "withdrawn",
		"refused", "expired", "partner", "no way out", "cap",
	}
	rapid.Check(t, func(t *rapid.T) {
		class := rapid.SampledFrom([]vocab.Class{vocab.Legal, vocab.Breach, vocab.Security}).Draw(t, "class")
		f := good(class, rapid.SampledFrom(vocab.Channels()).Draw(t, "channel"))
		f.OtherChannel = class != vocab.Legal
		for _, name := range rapid.SliceOf(rapid.SampledFrom(said)).Draw(t, "said") {
			suppressing[name](&f)
		}
		if class != vocab.Security && rapid.Bool().Draw(t, "blocked") {
			f.Contact.DataBlocked = true
		}
		if class != vocab.Legal || f.Channel == vocab.Email {
			f.WindowOpen = rapid.Bool().Draw(t, "window")
		}
		if d := Decide(f); d.Verdict != Allow {
			t.Fatalf("%s by %s: %+v", class, f.Channel, d)
		}
	})
}
