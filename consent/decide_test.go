package consent

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orleu/elshi/vocab"
)

var monday = time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)

// good are facts that allow every class on the channel.
func good(class vocab.Class, channel vocab.Channel) Facts {
	return Facts{
		Now: monday, Class: class, Channel: channel, PurposeRegistered: true,
		Address: AddressFacts{Present: true, Valid: true, Verified: true},
		Grant:   GrantFacts{State: Granted, ValidUntil: monday.AddDate(1, 0, 0), PartnerNamed: true, Event: "cev_1"},
		Message: MessageFacts{Trigger: true, HasUnsubscribe: true, SenderRegistered: true, LocaleApproved: true},
		// Another channel is there, so that "other channel first" shows.
		OtherChannel: true, WindowOpen: true,
	}
}

// bad is one fact that speaks against a message, and what each class makes of it; a class that is not named ignores it.
type bad struct {
	name  string
	spoil func(*Facts)
	only  vocab.Channel // empty: on both
	want  map[vocab.Class]Reason
}

func every(r Reason) map[vocab.Class]Reason { return but(r) }

func but(r Reason, spared ...vocab.Class) map[vocab.Class]Reason {
	m := map[vocab.Class]Reason{}
	for _, c := range vocab.Classes() {
		m[c] = r
	}
	for _, c := range spared {
		delete(m, c)
	}
	return m
}

const (
	sec, tra, ser, leg, bre, mar = vocab.Security, vocab.Transactional, vocab.Service, vocab.Legal, vocab.Breach, vocab.Marketing
)

var bads = []bad{
	{"purpose unregistered", func(f *Facts) { f.PurposeRegistered = false }, "", every(PurposeUnregistered)},
	{"erased", func(f *Facts) { f.Contact.Erased = true }, "", every(ContactErased)},
	{"data blocked", func(f *Facts) { f.Contact.DataBlocked = true }, "", but(DataBlocked, leg, bre)},
	{"processing withdrawn", func(f *Facts) { f.Contact.ProcessingWithdrawn = true }, "", but(ProcessingWithdrawn, leg, bre, sec)},
	{"address missing", func(f *Facts) { f.Address = AddressFacts{} }, "", every(AddressMissing)},
	{"unknown channel", func(f *Facts) { f.Channel = "pigeon" }, vocab.Email, every(AddressMissing)},
	{"address invalid", func(f *Facts) { f.Address.Valid = false }, "", every(AddressInvalid)},
	{"hard bounce", func(f *Facts) { f.Address.HardBounced = true }, "", every(SuppressedHardBounce)},
	{"reassigned", func(f *Facts) { f.Address.Reassigned = true }, "", every(AddressReassigned)},
	{"unproven", func(f *Facts) { f.Address.Verified = false }, "", but(AddressUnverified, leg, bre, sec)},
	{"complaint", func(f *Facts) { f.Address.Complained = true }, "", map[vocab.Class]Reason{
		ser: SuppressedComplaint, mar: SuppressedComplaint, leg: ComplainedUseOther,
	}},
	{"complaint, no other channel", func(f *Facts) { f.Address.Complained, f.OtherChannel = true, false }, "", map[vocab.Class]Reason{
		ser: SuppressedComplaint, mar: SuppressedComplaint,
	}},
	{"channel stopped", func(f *Facts) { f.Address.ChannelStopped = true }, "", map[vocab.Class]Reason{
		tra: ChannelStopped, ser: ChannelStopped, mar: ChannelStopped, leg: ChannelStoppedUseOther,
	}},
	{"channel stopped, no other channel", func(f *Facts) { f.Address.ChannelStopped, f.OtherChannel = true, false }, "", map[vocab.Class]Reason{
		tra: ChannelStopped, ser: ChannelStopped, mar: ChannelStopped,
	}},
	{"unsubscribed from all", func(f *Facts) { f.UnsubscribedAll = true }, "", map[vocab.Class]Reason{mar: UnsubscribedAll}},
	{"manual", func(f *Facts) { f.Address.Manual = true }, "", but(SuppressedManual, leg, bre, sec)},
	{"minor", func(f *Facts) { f.Contact.Minor = true }, "", map[vocab.Class]Reason{mar: MinorNoGuardian, ser: MinorNoGuardian}},
	{"minor with guardian", func(f *Facts) { f.Contact.Minor, f.Contact.GuardianConsented = true, true }, "", nil},
	{"no trigger", func(f *Facts) { f.Message.Trigger = false }, "", map[vocab.Class]Reason{sec: NoFreshRequest, tra: NoTrigger}},
	{"trigger 10 minutes old", func(f *Facts) { f.Message.TriggerAge = 10 * time.Minute }, "", nil},
	{"trigger older", func(f *Facts) { f.Message.TriggerAge = 10*time.Minute + 1 }, "", map[vocab.Class]Reason{sec: NoFreshRequest}},
	{"trigger from a clock slightly ahead", func(f *Facts) { f.Message.TriggerAge = -time.Minute }, "", nil},
	{"trigger from the future", func(f *Facts) { f.Message.TriggerAge = -time.Hour }, "", map[vocab.Class]Reason{sec: NoFreshRequest}},
	{"opted out of service", func(f *Facts) { f.ServiceOptedOut = true }, "", map[vocab.Class]Reason{ser: ServiceOptedOut}},
	{"no grant", func(f *Facts) { f.Grant.State = None }, "", map[vocab.Class]Reason{mar: NoConsent}},
	{"zero state", func(f *Facts) { f.Grant.State = "" }, "", map[vocab.Class]Reason{mar: NoConsent}},
	{"unknown state", func(f *Facts) { f.Grant.State = "GRANTED" }, "", map[vocab.Class]Reason{mar: NoConsent}},
	{"lapsed", func(f *Facts) { f.Grant.State = Lapsed }, "", map[vocab.Class]Reason{mar: NoConsent}},
	{"pending", func(f *Facts) { f.Grant.State = Pending }, "", map[vocab.Class]Reason{mar: ConsentPending}},
	{"refused", func(f *Facts) { f.Grant.State = Refusal }, "", map[vocab.Class]Reason{mar: ConsentRefused}},
	{"withdrawn", func(f *Facts) { f.Grant.State = Withdrawn }, "", map[vocab.Class]Reason{mar: ConsentWithdrawn}},
	{"expired", func(f *Facts) { f.Grant.State = Expired }, "", map[vocab.Class]Reason{mar: ConsentExpired}},
	{"stale", func(f *Facts) { f.Grant.State = Stale }, "", map[vocab.Class]Reason{mar: ConsentStale}},
	{"valid until now", func(f *Facts) { f.Grant.ValidUntil = f.Now }, "", map[vocab.Class]Reason{mar: ConsentExpired}},
	{"valid a moment longer", func(f *Facts) { f.Grant.ValidUntil = f.Now.Add(1) }, "", nil},
	{"valid without end", func(f *Facts) { f.Grant.ValidUntil = time.Time{} }, "", nil},
	{"partner not named", func(f *Facts) { f.Grant.PartnerNamed = false }, "", map[vocab.Class]Reason{mar: PartnerNotConsented}},
	{"duplicate", func(f *Facts) { f.Message.Duplicate = true }, "", every(Duplicate)},
	{"not after now", func(f *Facts) { f.Message.NotAfter = f.Now }, "", every(MessageExpired)},
	{"not after, a moment left", func(f *Facts) { f.Message.NotAfter = f.Now.Add(1) }, "", nil},
	{"no clock", func(f *Facts) { f.Now = time.Time{} }, "", every(MessageExpired)},
	{"no unsubscribe", func(f *Facts) { f.Message.HasUnsubscribe = false }, "", map[vocab.Class]Reason{mar: UnsubscribeMissing}},
	{"SMS sender unregistered", func(f *Facts) { f.Message.SenderRegistered = false }, vocab.SMS, every(SenderUnregistered)},
	{"email sender unregistered", func(f *Facts) { f.Message.SenderRegistered = false }, vocab.Email, nil},
	{"route abroad", func(f *Facts) { f.Message.RouteAbroad = true }, "", every(CrossBorderNotCovered)},
	{"route abroad, covered", func(f *Facts) { f.Message.RouteAbroad, f.Message.CrossBorderCovered = true, true }, "", nil},
	{"locale", func(f *Facts) { f.Message.LocaleApproved = false }, "", every(LocaleUnapproved)},
	{"identifier", func(f *Facts) { f.ForbiddenContent = true }, "", every(ForbiddenIdentifier)},
	{"not a guest", func(f *Facts) { f.GuestListOnly = true }, "", every(NotOnGuestList)},
	{"a guest", func(f *Facts) { f.GuestListOnly, f.OnGuestList = true, true }, "", nil},
	{"quiet, SMS", func(f *Facts) { f.WindowOpen = false }, vocab.SMS, but(QuietHours, sec, bre)},
	{"quiet, email", func(f *Facts) { f.WindowOpen = false }, vocab.Email, map[vocab.Class]Reason{mar: QuietHours}},
	{"cap", func(f *Facts) { f.CapReached = true }, "", map[vocab.Class]Reason{mar: FrequencyCap}},
	{"a pause that is over", func(f *Facts) { f.PausedUntil = f.Now }, "", nil},
	{"rate", func(f *Facts) { f.RateLimited = true }, "", every(RateLimit)},
	{"campaign paused", func(f *Facts) { f.CampaignPaused = true }, "", every(CampaignPaused)},
	{"provider paused", func(f *Facts) { f.ProviderPaused = true }, "", every(ProviderPaused)},
	{"budget", func(f *Facts) { f.BudgetExceeded = true }, "", every(BudgetExceeded)},
}

func TestOneBadFactMeansWhatTheTableSays(t *testing.T) {
	for _, b := range bads {
		for _, class := range vocab.Classes() {
			for _, channel := range vocab.Channels() {
				if b.only != "" && b.only != channel {
					continue
				}
				f := good(class, channel)
				b.spoil(&f)
				want := Decision{Verdict: Allow, Reason: OK, Basis: wantBasis(f), At: f.Now}
				if r, fails := b.want[class]; fails {
					want.Reason, want.All = r, []Reason{r}
					if r.Timing() {
						want.Verdict = Hold
					} else {
						want.Verdict, want.Basis = Deny, deniedBasis(f, want.All)
					}
				}
				if diff := cmp.Diff(want, Decide(f)); diff != "" {
					t.Errorf("%s, %s by %s: mismatch (-want +got):\n%s", b.name, class, channel, diff)
				}
			}
		}
	}
}

func TestDecideFailsClosed(t *testing.T) {
	if got := Decide(Facts{}); got.Verdict != Deny || got.Reason != PurposeUnregistered || got.Basis != (Basis{}) {
		t.Errorf("zero facts: %+v, want a denial without a basis", got)
	}
	want := Decision{Verdict: Deny, Reason: PurposeUnregistered, All: []Reason{PurposeUnregistered}, At: monday}
	if diff := cmp.Diff(want, Decide(good("promo", vocab.Email))); diff != "" {
		t.Errorf("an unknown class mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Decision{Verdict: Hold, Reason: ConsentUnavailable, All: []Reason{ConsentUnavailable}, At: monday}, Unavailable(monday)); diff != "" {
		t.Errorf("Unavailable mismatch (-want +got):\n%s", diff)
	}
}

func TestAContactsPauseHoldsMailingsAlone(t *testing.T) {
	for _, class := range vocab.Classes() {
		f := good(class, vocab.Email)
		f.PausedUntil = f.Now.Add(time.Hour)
		want := OK
		if class == vocab.Marketing {
			want = ContactPaused
		}
		if d := Decide(f); d.Reason != want {
			t.Errorf("%s: %s, want %s", class, d.Reason, want)
		}
	}
}

func TestHoldsLastUntilTheLatestKnownTime(t *testing.T) {
	morning, thursday := monday.Add(10*time.Hour), monday.AddDate(0, 0, 3)
	quiet := func(f *Facts) { f.WindowOpen, f.NextWindow = false, morning }
	capped := func(f *Facts) { f.CapReached, f.CapFreeAt = true, thursday }
	for _, tc := range []struct {
		name  string
		spoil []func(*Facts)
		want  Decision
	}{
		{"quiet hours", []func(*Facts){quiet}, Decision{Verdict: Hold, Until: morning, All: []Reason{QuietHours}}},
		{"both", []func(*Facts){quiet, capped}, Decision{Verdict: Hold, Until: thursday, All: []Reason{QuietHours, FrequencyCap}}},
		{
			"the contact's pause outlasts the rest",
			[]func(*Facts){quiet, capped, func(f *Facts) { f.PausedUntil = thursday.Add(1) }},
			Decision{Verdict: Hold, Until: thursday.Add(1), All: []Reason{QuietHours, FrequencyCap, ContactPaused}},
		},
		{
			"a pause has no end",
			[]func(*Facts){func(f *Facts) { f.CampaignPaused, f.NextWindow, f.CapFreeAt = true, morning, thursday }},
			Decision{Verdict: Hold, All: []Reason{CampaignPaused}},
		},
		{
			"a time that has passed is unknown",
			[]func(*Facts){func(f *Facts) { f.WindowOpen, f.NextWindow = false, f.Now }},
			Decision{Verdict: Hold, All: []Reason{QuietHours}},
		},
		{
			"ends at the hold's end",
			[]func(*Facts){quiet, func(f *Facts) { f.Message.NotAfter = morning }},
			Decision{Verdict: Deny, All: []Reason{MessageExpired, QuietHours}},
		},
		{
			"ends a moment after the hold",
			[]func(*Facts){quiet, func(f *Facts) { f.Message.NotAfter = morning.Add(1) }},
			Decision{Verdict: Hold, Until: morning, All: []Reason{QuietHours}},
		},
		{
			"ends before the later of two holds",
			[]func(*Facts){quiet, capped, func(f *Facts) { f.Message.NotAfter = morning.Add(1) }},
			Decision{Verdict: Deny, All: []Reason{MessageExpired, QuietHours, FrequencyCap}},
		},
		{
			"already over",
			[]func(*Facts){quiet, func(f *Facts) { f.Message.NotAfter = f.Now }},
			Decision{Verdict: Deny, All: []Reason{MessageExpired, QuietHours}},
		},
		{
			"denied anyway",
			[]func(*Facts){quiet, func(f *Facts) { f.Grant.State = Withdrawn }},
			Decision{Verdict: Deny, All: []Reason{ConsentWithdrawn, QuietHours}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := good(vocab.Marketing, vocab.Email)
			for _, spoil := range tc.spoil {
				spoil(&f)
			}
			tc.want.Reason, tc.want.At = tc.want.All[0], monday
			tc.want.Basis = deniedBasis(f, tc.want.All)
			if tc.want.Verdict == Hold {
				tc.want.Basis = wantBasis(f)
			}
			if diff := cmp.Diff(tc.want, Decide(f), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChecksKeepTheOrderOfReasons(t *testing.T) {
	want := Reasons()[1:]
	var got []Reason
	for _, c := range checks {
		got = append(got, c.reason)
	}
	// The gate itself never says consent_unavailable: who could not read the facts says it (Unavailable).
	isAway := cmpopts.IgnoreSliceElements(func(r Reason) bool { return r == ConsentUnavailable })
	if diff := cmp.Diff(want, got, isAway); diff != "" {
		t.Errorf("checks mismatch (-want +got):\n%s", diff)
	}
	if len(rules) != len(vocab.Classes()) {
		t.Errorf("%d classes have rules, want %d", len(rules), len(vocab.Classes()))
	}
}

func BenchmarkDecide(b *testing.B) {
	f := good(vocab.Marketing, vocab.Email)
	b.ReportAllocs()
	for b.Loop() {
		if Decide(f).Verdict != Allow {
			b.Fatal("not allowed")
		}
	}
}
