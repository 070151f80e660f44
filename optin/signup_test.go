package optin_test

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/orleu/elshi/optin"
	"github.com/orleu/elshi/vocab"
)

var newsForm = optin.Form{
	ID: "frm_news", Slug: "news", AskName: true, Enabled: true,
	Boxes: []optin.Box{
		{Purpose: "news.company", Channel: vocab.Email}, {Purpose: "event.invite", Channel: vocab.Email, Topic: "maths"}, {Purpose: "event.invite", Channel: vocab.SMS},
	},
}

// person is a form as a person sends it: after five seconds, with everything ticked.
func (o *office) person() optin.SignUp {
	s := optin.SignUp{
		Form: newsForm, Email: " Aigul@Example.org ", Phone: "8 701 000 00 00", Name: " Айгүл ", Language: vocab.Kazakh, Token: o.FormToken(newsForm.ID, false),
		Client: netip.MustParseAddr("192.0.2.7"), UserAgent: "Mozilla",
	}
	for _, b := range newsForm.Boxes {
		s.Ticked = append(s.Ticked, optin.Tick{Box: b})
	}
	o.now = o.now.Add(5 * time.Second)
	return s
}

func (o *office) signUp(s optin.SignUp) optin.SignedUp {
	o.t.Helper()
	done, err := o.SignUp(o.t.Context(), s)
	if err != nil {
		o.t.Fatal(err)
	}
	return done
}

func TestAFormAsksEachAddressForWhatWasTicked(t *testing.T) {
	o := newOffice(t)
	done := o.signUp(o.person())
	if !done.Emailed || done.CodePage == "" || len(done.Lacks) > 0 || done.Stale {
		t.Errorf("answer %+v", done)
	}
	type asked struct {
		Channel vocab.Channel
		Lookup  string
		Address vocab.Address
		Name    string
		Wishes  []vocab.Purpose
	}
	var got []asked
	for _, d := range o.drafts {
		a := asked{d.Channel, d.Lookup, d.Address, d.Name, nil}
		for _, w := range d.Asked {
			a.Wishes = append(a.Wishes, w.Purpose)
		}
		got = append(got, a)
		if d.FormID != "frm_news" || d.Source != "sign_up_form" || d.Evidence != `{"ip":"192.0.2.7","user_agent":"Mozilla","form":"news"}` {
			t.Errorf("draft %+v", d)
		}
	}
	want := []asked{
		{vocab.Email, "aigul@example.org", "Aigul@example.org", "Айгүл", []vocab.Purpose{"news.company", "event.invite"}},
		{vocab.SMS, "+77010000000", "+77010000000", "Айгүл", []vocab.Purpose{"event.invite"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("asked mismatch (-want +got):\n%s", diff)
	}
}

func TestRobotsGetTheSameAnswerAndNothingIsSent(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*office, *optin.SignUp)
		want  optin.Outcome
	}{
		"in the trap":         {func(_ *office, s *optin.SignUp) { s.Trap = "buy" }, optin.Trapped},
		"too fast":            {func(o *office, _ *optin.SignUp) { o.now = o.now.Add(-2001 * time.Millisecond) }, optin.Hasty},
		"no token":            {func(_ *office, s *optin.SignUp) { s.Token = "" }, optin.Forged},
		"another form's":      {func(o *office, s *optin.SignUp) { s.Token = o.FormToken("frm_other", true) }, optin.Forged},
		"a token of a page":   {func(o *office, s *optin.SignUp) { s.Token = o.CodeToken("cnf_06gywnjy01xbs0938nkrkaydxw") }, optin.Forged},
		"many from one place": {func(o *office, _ *optin.SignUp) { o.counted["192.0.2.7"] = 30 }, optin.Crowded},
	} {
		t.Run(name, func(t *testing.T) {
			person, o := newOffice(t), newOffice(t)
			told := person.signUp(person.person())
			s := o.person()
			tc.spoil(o, &s)
			done := o.signUp(s)
			if diff := cmp.Diff(told, done, cmpopts.IgnoreFields(optin.SignedUp{}, "CodePage")); diff != "" || done.CodePage == "" {
				t.Errorf("answer mismatch (-a person's +the robot's):\n%s", diff)
			}
			if l, err := o.Open(done.CodePage); err != nil || !l.ByCode {
				t.Errorf("the robot's page opens %+v, %v", l, err)
			}
			if len(o.drafts)+len(o.sent) != 0 || o.became[tc.want] != 1 {
				t.Errorf("asked %+v, sent %+v, became %v", o.drafts, o.sent, o.became)
			}
		})
	}
}

func TestAFormThatWasOpenForTooLongIsShownAgain(t *testing.T) {
	o := newOffice(t)
	s := o.person()
	o.now = o.now.Add(2*time.Hour - 5*time.Second)
	if done := o.signUp(s); done.Stale || len(o.drafts) != 2 {
		t.Errorf("after two hours: %+v", done)
	}
	o.now = o.now.Add(time.Second)
	if done := o.signUp(s); !done.Stale || done.Emailed || len(o.drafts) != 2 || o.became[optin.Stale] != 1 {
		t.Errorf("a second later: %+v, became %v", done, o.became)
	}
}

func TestAFormThatOnlyHasItsButtonToPressIsPressedSooner(t *testing.T) {
	o := newOffice(t)
	s := o.person()
	s.Token = o.FormToken(newsForm.ID, true)
	o.now = o.now.Add(999 * time.Millisecond)
	if o.signUp(s); o.became[optin.Hasty] != 1 {
		t.Errorf("became %v", o.became)
	}
	o.now = o.now.Add(time.Millisecond)
	if o.signUp(s); o.became[optin.Sent] != 2 {
		t.Errorf("became %v", o.became)
	}
}

func TestWhatIsMissingInAForm(t *testing.T) {
	email, sms := optin.Tick{Box: newsForm.Boxes[0]}, optin.Tick{Box: newsForm.Boxes[2]}
	for name, tc := range map[string]struct {
		change func(*optin.SignUp)
		want   []optin.Lack
	}{
		"nothing ticked": {func(s *optin.SignUp) { s.Ticked = nil }, []optin.Lack{optin.LackTick}},
		"a box of another form": {func(s *optin.SignUp) {
			s.Ticked = []optin.Tick{{Box: optin.Box{Purpose: "ads.campaign", Channel: vocab.Email}}}
		}, []optin.Lack{optin.LackTick}},
		"no email":                  {func(s *optin.SignUp) { s.Email, s.Ticked = "", []optin.Tick{email} }, []optin.Lack{optin.LackEmail}},
		"no email and no box of it": {func(s *optin.SignUp) { s.Email, s.Ticked = "", []optin.Tick{sms} }, nil},
		"an email that is none":     {func(s *optin.SignUp) { s.Email = "aigul" }, []optin.Lack{optin.LackEmail}},
		"an identity number":        {func(s *optin.SignUp) { s.Name = "ИИН 900101300017" }, []optin.Lack{optin.LackName}},
		"a fixed line":              {func(s *optin.SignUp) { s.Phone = "+7 7172 57 46 00" }, []optin.Lack{optin.LackPhone}},
		"everything":                {func(s *optin.SignUp) { s.Email, s.Phone, s.Name = "", "", "a\nb" }, []optin.Lack{optin.LackName, optin.LackEmail, optin.LackPhone}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			s := o.person()
			tc.change(&s)
			done := o.signUp(s)
			if diff := cmp.Diff(tc.want, done.Lacks); diff != "" {
				t.Errorf("lacks mismatch (-want +got):\n%s", diff)
			}
			if (len(o.drafts) == 0) != (tc.want != nil) {
				t.Errorf("asked %+v", o.drafts)
			}
		})
	}
}

func TestATextThatChangedWhileTheFormWasOpenIsShownAgain(t *testing.T) {
	o := newOffice(t)
	s := o.person()
	s.Ticked = []optin.Tick{{Box: newsForm.Boxes[0], TextHash: "what stood there"}}
	if done := o.signUp(s); !done.Stale || len(o.drafts) != 0 {
		t.Errorf("answer %+v, asked %+v", done, o.drafts)
	}
}

func TestOnePlaceIsAnAddressOrANetwork(t *testing.T) {
	o := newOffice(t)
	for _, ip := range []string{"192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"} {
		s := o.person()
		s.Client = netip.MustParseAddr(ip)
		o.signUp(s)
	}
	want := map[string]int{"192.0.2.7": 2, "2001:db8::/64": 2, "2001:db8:0:1::/64": 1}
	if diff := cmp.Diff(want, o.counted); diff != "" {
		t.Errorf("counts mismatch (-want +got):\n%s", diff)
	}
	s := o.person()
	s.Client = netip.Addr{}
	if o.signUp(s); len(o.counted) != 3 || o.became[optin.Sent] != 12 {
		t.Errorf("nobody knows where it came from: counted %v, became %v", o.counted, o.became)
	}
}

func TestEveryAnswerTakesAsLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, outcome := range []optin.Outcome{optin.Sent, optin.Suppressed} {
			o := newOffice(t, func(o *optin.Options) { o.Level, o.Now = 400*time.Millisecond, time.Now })
			o.outcome = outcome
			begun := time.Now()
			o.ask(news())
			if took := time.Since(begun); took != 400*time.Millisecond {
				t.Errorf("%s took %v", outcome, took)
			}
			begun = time.Now()
			s := o.person()
			if o.signUp(s); time.Since(begun) != 400*time.Millisecond {
				t.Errorf("a form took %v", time.Since(begun))
			}
		}
	})
}

func TestAForm(t *testing.T) {
	if len(optin.Outcomes()) != len(slices.Compact(slices.Sorted(slices.Values(optin.Outcomes())))) {
		t.Error("an outcome stands twice")
	}
	if !newsForm.Has(vocab.SMS) || (optin.Form{}).Has(vocab.SMS) {
		t.Error("which channels a form has")
	}
}
