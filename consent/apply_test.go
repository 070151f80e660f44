package consent

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/vocab"
)

var newsByEmail = GrantKey{Purpose: "news.company", Channel: vocab.Email}

// exact is an event about newsByEmail alone.
func exact(kind EventKind, source Source) Event {
	return Event{
		ID: "cev_2", Kind: kind, Source: source, Scope: ScopePurpose, Purpose: "news.company", Channel: vocab.Email,
		At: monday, ValidUntil: monday.AddDate(2, 0, 0),
	}
}

func TestStatesOfAGrant(t *testing.T) {
	states := []State{None, Pending, Granted, Withdrawn, Expired, Stale, Refusal, Lapsed}
	for _, tc := range []struct {
		event Event
		to    string // the new states, in the order of states; "-" for unchanged
	}{
		{exact(KindRequested, SourceSignUpForm), "pending pending - pending pending pending pending pending"},
		{exact(KindRequested, SourceSystem), "pending pending - - pending pending - pending"},
		{exact(KindGranted, SourcePreferencePage), "granted granted granted granted granted granted granted granted"},
		{exact(KindGranted, SourceOperator), "granted granted granted granted granted granted granted granted"},
		{exact(KindGranted, SourceSystem), "- - - - - - - -"},
		{exact(KindGranted, SourceSMSKeyword), "- - - - - - - -"}, // START lifts a stop and revives nothing
		{exact(KindGranted, SourceOneClick), "- - - - - - - -"},
		{exact(KindGranted, "rumour"), "- - - - - - - -"},
		{exact(KindConfirmed, SourceConfirmLink), "- granted - - - - - -"},
		{exact(KindConfirmed, SourceSystem), "- - - - - - - -"},
		{exact(KindImported, SourceImport), "granted - - - granted - - granted"},
		{exact(KindImported, SourceAPI), "granted - - - granted - - granted"},
		{exact(KindGranted, SourceImport), "granted - - - granted - - granted"},
		{exact(KindRenewed, SourcePreferencePage), "- - granted - granted granted - -"},
		{exact(KindRenewed, SourceImport), "- - - - - - - -"},
		{exact(KindRenewed, SourceSystem), "- - - - - - - -"},
		{exact(KindRefused, SourcePreferencePage), "refused refused withdrawn - withdrawn withdrawn - refused"},
		{exact(KindWithdrawn, SourceOneClick), "withdrawn refused withdrawn - withdrawn withdrawn - withdrawn"},
		{exact(KindWithdrawn, SourceComplaint), "withdrawn refused withdrawn - withdrawn withdrawn - withdrawn"},
		{exact(KindExpired, SourceSystem), "- - expired - - expired - -"},
		{exact(KindStale, SourceSystem), "- - stale - - - - -"},
		{exact(KindLapsed, SourceSystem), "- lapsed - - - - - -"},
		{exact(KindPolicyContinuedUse, SourceSystem), "- - - - - - - -"},
		{exact(KindPolicyContinuedUse, SourcePreferencePage), "- - - - - - - -"},
		{exact("maybe", SourcePreferencePage), "- - - - - - - -"},
	} {
		var got string
		for i, from := range states {
			before := Grant{State: from, Since: monday.Add(-time.Hour), Event: "cev_1", Objected: from == Withdrawn || from == Refusal}
			after := Apply(newsByEmail, before, tc.event)
			if i > 0 {
				got += " "
			}
			if cmp.Equal(before, after) {
				got += "-"
				continue
			}
			got += string(after.State)
			if after.Event != "cev_2" || !after.Since.Equal(monday) || (after.State == Granted) == after.ValidUntil.IsZero() {
				t.Errorf("%s by %s from %s: %+v", tc.event.Kind, tc.event.Source, from, after)
			}
		}
		if got != tc.to {
			t.Errorf("%s by %s\n got %s\nwant %s", tc.event.Kind, tc.event.Source, got, tc.to)
		}
	}
}

func apply(k GrantKey, events ...Event) Grant {
	g := Grant{}
	for _, e := range events {
		g = Apply(k, g, e)
	}
	return g
}

func TestAnImportNeverBeatsANo(t *testing.T) {
	imported := exact(KindImported, SourceImport)
	expired := exact(KindExpired, SourceSystem)
	granted := exact(KindGranted, SourcePreferencePage)
	wide := Event{ID: "cev_w", Kind: KindWithdrawn, Scope: ScopeAll, Source: SourceOneClick, At: monday}
	for name, events := range map[string][]Event{
		"withdrawn before anything was granted": {wide, imported},
		"withdrawn":                             {granted, wide, imported},
		"refused":                               {exact(KindRequested, SourceAPI), exact(KindRefused, SourcePreferencePage), imported},
		"complained":                            {granted, exact(KindWithdrawn, SourceComplaint), imported},
		"withdrawn, given again, run out":       {wide, granted, expired, imported},
		"asked again by the program":            {wide, exact(KindRequested, SourceSystem), imported, exact(KindConfirmed, SourceConfirmLink)},
	} {
		if got := apply(newsByEmail, events...); got.State == Granted || !got.Objected {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := apply(newsByEmail, imported); got.State != Granted {
		t.Errorf("an import where nobody said no: %+v", got)
	}
	if got := apply(newsByEmail, wide, granted); got.State != Granted {
		t.Errorf("the contact's own yes after their no: %+v", got)
	}
}

func TestAConfirmationComesWithin72Hours(t *testing.T) {
	request, confirm := exact(KindRequested, SourceSignUpForm), exact(KindConfirmed, SourceConfirmLink)
	for wait, want := range map[time.Duration]State{0: Granted, 72*time.Hour - 1: Granted, 72 * time.Hour: Lapsed} {
		confirm.At = request.At.Add(wait)
		if got := apply(newsByEmail, request, confirm); got.State != want {
			t.Errorf("confirmed after %v: %s, want %s", wait, got.State, want)
		}
	}
}

func TestGrantsAreExact(t *testing.T) {
	granted := exact(KindGranted, SourcePreferencePage)
	for _, k := range []GrantKey{
		{"news.company", vocab.SMS, ""},
		{"news.company", vocab.Email, "maths"},
		{"offers.company", vocab.Email, ""},
		{"news.company", "", ""},
	} {
		if got := apply(k, granted); got != (Grant{}) {
			t.Errorf("a grant for %+v changed %+v: %+v", newsByEmail, k, got)
		}
	}
}

func TestWithdrawalsReachAsFarAsTheirScope(t *testing.T) {
	keys := []GrantKey{
		{"news.company", vocab.Email, ""},
		{"news.company", vocab.SMS, ""},
		{"news.company", vocab.Email, "maths"},
		{"offers.company", vocab.Email, "maths"},
		{"partner.acme", vocab.Email, ""},
		{ProcessingCore, "", ""},
		{EventRegistry, "", ""},
	}
	for _, tc := range []struct {
		name string
		w    Event
		want string // x: covered, in the order of keys
	}{
		{"all", Event{Scope: ScopeAll}, "xxxxx.."},
		{"channel", Event{Scope: ScopeChannel, Channel: vocab.SMS}, ".x....."},
		{"channel without one", Event{Scope: ScopeChannel}, "xxxxx.."},
		{"address", Event{Scope: ScopeAddress, Channel: vocab.Email, AddressID: "adr_1"}, "x.xxx.."},
		{"purpose", Event{Scope: ScopePurpose, Purpose: "news.company"}, "xxx...."},
		{"purpose on one channel", Event{Scope: ScopePurpose, Purpose: "news.company", Channel: vocab.Email}, "x.x...."},
		{"topic", Event{Scope: ScopeTopic, Purpose: "news.company", Topic: "maths"}, "..x...."},
		{"topic of every purpose", Event{Scope: ScopeTopic, Topic: "maths"}, "..xx..."},
		{"partner", Event{Scope: ScopePartner, Purpose: "partner.acme"}, "....x.."},
		{"a use of data", Event{Scope: ScopeProcessing, Purpose: EventRegistry}, "......x"},
		{"a use of data, as a purpose", Event{Scope: ScopePurpose, Purpose: EventRegistry}, "......x"},
		{"processing at all", Event{Scope: ScopeProcessing, Purpose: ProcessingCore}, "xxxxxxx"},
		{"processing", Event{Scope: ScopeProcessing}, "xxxxxxx"},
		{"an unknown scope", Event{Scope: "galaxy"}, "xxxxxxx"},
		{"no scope", Event{}, "xxxxxxx"},
	} {
		got := ""
		for _, k := range keys {
			tc.w.Kind = KindWithdrawn
			covered := Covers(tc.w, k.Purpose, k.Channel, k.Topic)
			if after := Apply(k, Grant{State: Granted}, tc.w); (after.State == Withdrawn) != covered {
				t.Errorf("%s: Covers says %v, Apply makes %s", tc.name, covered, after.State)
			}
			tc.w.Kind = KindGranted
			if Covers(tc.w, k.Purpose, k.Channel, k.Topic) {
				t.Errorf("%s: a grant covers like a withdrawal", tc.name)
			}
			if covered {
				got += "x"
			} else {
				got += "."
			}
		}
		if got != tc.want {
			t.Errorf("%s: covers %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestUnsubscribedFromAllEndsOnlyByTheContactsOwnGrant(t *testing.T) {
	all := Event{Kind: KindWithdrawn, Scope: ScopeAll, Source: SourceOneClick}
	if !ApplyUnsubscribed(false, all) || !ApplyUnsubscribed(true, all) {
		t.Error("a withdrawal of everything does not unsubscribe")
	}
	if ApplyUnsubscribed(false, exact(KindWithdrawn, SourceOneClick)) {
		t.Error("a narrow withdrawal unsubscribes from all")
	}
	for _, e := range []Event{
		exact(KindImported, SourceImport), exact(KindGranted, SourceImport), exact(KindGranted, SourceSystem), exact(KindRequested, SourceAPI),
		exact(KindGranted, SourceSMSKeyword), exact(KindPolicyContinuedUse, SourceAPI), exact(KindExpired, SourceSystem),
	} {
		if !ApplyUnsubscribed(true, e) {
			t.Errorf("%s by %s ends it", e.Kind, e.Source)
		}
	}
	if ApplyUnsubscribed(true, exact(KindGranted, SourcePreferencePage)) {
		t.Error("the contact's own grant does not end it")
	}
}

func TestAPauseTakesNothingAndEndsByItself(t *testing.T) {
	pause := func(days int, source Source) Event {
		return Event{Kind: KindPaused, Scope: ScopeAll, Source: source, At: monday, ValidUntil: monday.AddDate(0, 0, days)}
	}
	resume := func(source Source) Event {
		return Event{Kind: KindResumed, Scope: ScopeAll, Source: source, At: monday}
	}
	month, week := monday.AddDate(0, 0, 30), monday.AddDate(0, 0, 7)
	for _, tc := range []struct {
		name   string
		before time.Time
		e      Event
		want   time.Time
	}{
		{"paused", time.Time{}, pause(30, SourcePreferencePage), month},
		{"the later end counts", month, pause(7, SourcePreferencePage), month},
		{"prolonged", week, pause(30, SourceOneClick), month},
		{"ended by the contact", month, resume(SourcePreferencePage), time.Time{}},
		{"not ended by an import", month, resume(SourceImport), month},
		{"not ended by the program", month, resume(SourceSystem), month},
		{"a grant is not about it", month, exact(KindGranted, SourcePreferencePage), month},
	} {
		if got := ApplyPause(tc.before, tc.e); !got.Equal(tc.want) {
			t.Errorf("%s: paused until %v, want %v", tc.name, got, tc.want)
		}
	}
	granted := Grant{State: Granted, Since: monday, Event: "cev_1"}
	for _, e := range []Event{pause(30, SourcePreferencePage), resume(SourcePreferencePage)} {
		if got := Apply(GrantKey{Purpose: "news.company", Channel: vocab.Email}, granted, e); got != granted {
			t.Errorf("%s makes the grant %+v", e.Kind, got)
		}
		if Covers(e, "news.company", vocab.Email, "") || ApplyUnsubscribed(false, e) {
			t.Errorf("%s is taken for a withdrawal", e.Kind)
		}
	}
}

func TestOptingOutNamesThePurpose(t *testing.T) {
	out := Event{Kind: KindWithdrawn, Scope: ScopePurpose, Purpose: "service.notice", Source: SourcePreferencePage}
	bySMS := out
	bySMS.Channel = vocab.SMS
	back := out
	back.Kind = KindGranted
	for _, tc := range []struct {
		name   string
		before bool
		e      Event
		want   bool
	}{
		{"this purpose", false, out, true},
		{"this purpose on another channel", false, bySMS, false},
		{"all mailings", false, Event{Kind: KindWithdrawn, Scope: ScopeAll}, false},
		{"another purpose", false, exact(KindWithdrawn, SourceOneClick), false},
		{"back in", true, back, false},
		{"another purpose granted", true, exact(KindGranted, SourcePreferencePage), true},
	} {
		if got := ApplyOptOut(tc.before, tc.e, "service.notice", vocab.Email); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestMergingTakesTheIntersection(t *testing.T) {
	late := Grant{State: Granted, ValidUntil: monday.AddDate(2, 0, 0), Event: "cev_late"}
	early := Grant{State: Granted, ValidUntil: monday, Event: "cev_early"}
	endless := Grant{State: Granted, Event: "cev_endless"}
	never := Grant{}
	no := Grant{State: Withdrawn, Objected: true, Event: "cev_no"}
	again := Grant{State: Granted, Objected: true, ValidUntil: monday.AddDate(3, 0, 0), Event: "cev_again"}
	for _, tc := range []struct{ a, b, want Grant }{
		{late, early, early},
		{endless, late, late},
		{late, never, never},
		{late, no, no},
		{never, no, no},
		{Grant{State: Pending}, Grant{State: Lapsed}, Grant{State: Lapsed}},
		{late, again, Grant{State: Granted, ValidUntil: late.ValidUntil, Event: "cev_late", Objected: true}},
	} {
		for _, got := range []Grant{Intersect(tc.a, tc.b), Intersect(tc.b, tc.a)} {
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Intersect(%+v, %+v) mismatch (-want +got):\n%s", tc.a, tc.b, diff)
			}
		}
	}
}

func TestWhateverHappensAGrantRestsOnAYes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g, saidNo, lastNo, lastYes := Grant{}, false, -1, -1
		for i := range rapid.IntRange(0, 12).Draw(t, "events") {
			e := exact(rapid.SampledFrom(EventKinds()).Draw(t, "kind"), rapid.SampledFrom(Sources()).Draw(t, "source"))
			e.Scope = rapid.SampledFrom(Scopes()).Draw(t, "scope")
			e.At = monday.Add(time.Duration(i) * time.Hour)
			if rapid.IntRange(0, 3).Draw(t, "other purpose") == 0 {
				e.Purpose = "offers.company"
			}
			g = Apply(newsByEmail, g, e)
			if Covers(e, "news.company", vocab.Email, "") {
				saidNo = true
				if e.Source != SourceMerge { // what a merge repeats was said before, by the other contact
					lastNo = i
				}
			}
			own := ownAct(e) && (e.Kind == KindGranted || e.Kind == KindConfirmed || e.Kind == KindRenewed)
			if e.Purpose == "news.company" && (own || imported(e) && !saidNo) {
				lastYes = i
			}
			if g.State == Granted && lastYes <= lastNo {
				t.Fatalf("granted although the last no (event %d) came after the last yes (event %d)", lastNo, lastYes)
			}
			if g.Objected != saidNo {
				t.Fatalf("objected %v, but said no: %v", g.Objected, saidNo)
			}
		}
	})
}
