package dispatcher

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/orleu/elshi/consent"
	"github.com/orleu/elshi/vocab"
)

func TestCoveredByClassAndScope(t *testing.T) {
	event := func(scope consent.Scope, change func(*consent.Event)) consent.Event {
		e := consent.Event{Kind: consent.KindWithdrawn, Scope: scope}
		if change != nil {
			change(&e)
		}
		return e
	}
	purpose := func(p vocab.Purpose) func(*consent.Event) { return func(e *consent.Event) { e.Purpose = p } }
	const (
		marketing, service = vocab.Marketing, vocab.Service
		transactional      = vocab.Transactional
	)
	tests := map[string]struct {
		event consent.Event
		want  []vocab.Class // covered, in the order of vocab.Classes
	}{
		"all":                            {event(consent.ScopeAll, nil), []vocab.Class{marketing}},
		"the channel":                    {event(consent.ScopeChannel, func(e *consent.Event) { e.Channel = vocab.Email }), []vocab.Class{marketing}},
		"another channel":                {event(consent.ScopeChannel, func(e *consent.Event) { e.Channel = vocab.SMS }), nil},
		"the address":                    {event(consent.ScopeAddress, func(e *consent.Event) { e.Channel = vocab.Email }), []vocab.Class{marketing}},
		"the marketing purpose":          {event(consent.ScopePurpose, purpose("news.company")), []vocab.Class{marketing}},
		"another marketing purpose":      {event(consent.ScopePurpose, purpose("offers.company")), nil},
		"the service purpose":            {event(consent.ScopePurpose, purpose("service.notice")), []vocab.Class{service}},
		"a transactional purpose":        {event(consent.ScopePurpose, purpose("request.reply")), nil},
		"a legal purpose":                {event(consent.ScopePurpose, purpose("legal.policy_change")), nil},
		"the topic":                      {event(consent.ScopeTopic, func(e *consent.Event) { e.Purpose, e.Topic = "news.company", "maths" }), []vocab.Class{marketing}},
		"another topic":                  {event(consent.ScopeTopic, func(e *consent.Event) { e.Purpose, e.Topic = "news.company", "art" }), nil},
		"a partner":                      {event(consent.ScopePartner, purpose("partner.acme")), nil},
		"processing":                     {event(consent.ScopeProcessing, nil), []vocab.Class{transactional, service, marketing}},
		"processing, by its name":        {event(consent.ScopeProcessing, purpose(consent.ProcessingCore)), []vocab.Class{transactional, service, marketing}},
		"another use of data":            {event(consent.ScopeProcessing, purpose(consent.EventRegistry)), nil},
		"an unknown scope counts as all": {event("invented", nil), []vocab.Class{marketing}},
		"a grant":                        {consent.Event{Kind: consent.KindGranted, Scope: consent.ScopeAll}, nil},
		"a grant of processing":          {consent.Event{Kind: consent.KindGranted, Scope: consent.ScopeProcessing}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var got []vocab.Class
			for _, class := range vocab.Classes() {
				m := mail(class)
				m.Topic = "maths"
				if Covered(tc.event, m) {
					got = append(got, class)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("classes covered by %+v (-want +got):\n%s", tc.event, diff)
			}
		})
	}
}

func TestIncludesIsWhatCoversSaysOfEveryGrant(t *testing.T) {
	purposes := []vocab.Purpose{"", "news.company", "offers.company", "partner.acme", "service.notice", consent.ProcessingCore, consent.EventRegistry}
	topics := []vocab.Topic{"", "maths", "art"}
	anyEvent := func(t *rapid.T, name string) consent.Event {
		return consent.Event{
			Kind:    rapid.SampledFrom([]consent.EventKind{consent.KindWithdrawn, consent.KindRefused, consent.KindGranted}).Draw(t, name+" kind"),
			Scope:   rapid.SampledFrom(append(consent.Scopes(), "invented")).Draw(t, name+" scope"),
			Purpose: rapid.SampledFrom(purposes).Draw(t, name+" purpose"),
			Channel: rapid.SampledFrom(append(vocab.Channels(), "")).Draw(t, name+" channel"),
			Topic:   rapid.SampledFrom(topics).Draw(t, name+" topic"),
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		earlier, e := anyEvent(t, "earlier"), anyEvent(t, "later")
		got := Includes(earlier, e)
		// A grant that neither names stands for all others.
		for _, purpose := range append(purposes[1:], "any.other") {
			for _, channel := range append(vocab.Channels(), "") {
				for _, topic := range append(topics, "other") {
					if consent.Covers(e, purpose, channel, topic) && !consent.Covers(earlier, purpose, channel, topic) && got {
						t.Fatalf("%+v includes %+v but does not cover %s %s %s", earlier, e, purpose, channel, topic)
					}
				}
			}
		}
		if e.Kind != consent.KindGranted && earlier.Kind != consent.KindGranted && earlier.Scope == e.Scope && earlier.Purpose == e.Purpose &&
			earlier.Channel == e.Channel && earlier.Topic == e.Topic && !got {
			t.Fatalf("%+v does not include its own repetition", e)
		}
	})
	for name, tc := range map[string]struct {
		earlier, e consent.Event
		want       bool
	}{
		"all, then a purpose":           {consent.Event{Scope: consent.ScopeAll}, consent.Event{Scope: consent.ScopePurpose, Purpose: "news.company"}, true},
		"a purpose, then all":           {consent.Event{Scope: consent.ScopePurpose, Purpose: "news.company"}, consent.Event{Scope: consent.ScopeAll}, false},
		"all, then a use of data":       {consent.Event{Scope: consent.ScopeAll}, consent.Event{Scope: consent.ScopeProcessing, Purpose: consent.EventRegistry}, false},
		"a purpose, then a topic of it": {consent.Event{Scope: consent.ScopePurpose, Purpose: "news.company"}, consent.Event{Scope: consent.ScopeTopic, Purpose: "news.company", Topic: "maths"}, true},
		"an address, then its channel": {
			consent.Event{Scope: consent.ScopeAddress, Channel: vocab.SMS}, consent.Event{Scope: consent.ScopeChannel, Channel: vocab.SMS}, true,
		},
		"one channel, then the other":      {consent.Event{Scope: consent.ScopeChannel, Channel: vocab.SMS}, consent.Event{Scope: consent.ScopeChannel, Channel: vocab.Email}, false},
		"the processing, then a partner":   {consent.Event{Scope: consent.ScopeProcessing, Purpose: consent.ProcessingCore}, consent.Event{Scope: consent.ScopePartner, Purpose: "partner.acme"}, true},
		"a topic, then another of the two": {consent.Event{Scope: consent.ScopeTopic, Topic: "maths"}, consent.Event{Scope: consent.ScopeTopic, Topic: "art"}, false},
	} {
		tc.earlier.Kind, tc.e.Kind = consent.KindWithdrawn, consent.KindWithdrawn
		if got := Includes(tc.earlier, tc.e); got != tc.want {
			t.Errorf("%s: got %t, want %t", name, got, tc.want)
		}
	}
}

// openAttempts is a ledger that has recorded a withdrawal and whose attempts close one by one.
type openAttempts struct {
	open     []vocab.MessageID
	withdraw error
	asked    int
	after    func(asked int) error // before the ask-th look
}

func (o *openAttempts) Withdraw(context.Context, Withdrawal, time.Time, func(consent.Event, Message) bool) (Withdrawn, error) {
	return Withdrawn{InFlight: o.open}, o.withdraw
}

func (o *openAttempts) Open(_ context.Context, ids []vocab.MessageID) ([]vocab.MessageID, error) {
	o.asked++
	if err := o.after(o.asked); err != nil {
		return nil, err
	}
	var still []vocab.MessageID
	for _, id := range ids {
		for _, x := range o.open {
			if x == id {
				still = append(still, id)
			}
		}
	}
	return still, nil
}

func TestWithdrawWaitsForOpenAttempts(t *testing.T) {
	closing := func(o *openAttempts) func(int) error {
		return func(asked int) error {
			if asked%2 == 0 && len(o.open) > 0 {
				o.open = o.open[1:]
			}
			return nil
		}
	}
	tests := map[string]struct {
		wait  time.Duration
		after func(*openAttempts) func(int) error
		want  []vocab.MessageID
		took  time.Duration
	}{
		"all close":                   {5 * time.Second, closing, nil, 200 * time.Millisecond},
		"one does not before the end": {120 * time.Millisecond, closing, []vocab.MessageID{"b"}, 120 * time.Millisecond},
		"nobody waits":                {0, closing, []vocab.MessageID{"a", "b"}, 0},
		"the ledger goes away": {5 * time.Second, func(*openAttempts) func(int) error {
			return func(int) error { return errGone }
		}, []vocab.MessageID{"a", "b"}, 50 * time.Millisecond},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &openAttempts{open: []vocab.MessageID{"a", "b"}}
				o.after = tc.after(o)
				start := time.Now()
				got, err := NewWithdrawer(o, time.Now).Withdraw(t.Context(), Withdrawal{}, tc.wait)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.want, got.InFlight); diff != "" {
					t.Errorf("in flight (-want +got):\n%s", diff)
				}
				if took := time.Since(start); took != tc.took {
					t.Errorf("it took %v, want %v", took, tc.took)
				}
			})
		})
	}
}

func TestWithdrawEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 70*time.Millisecond)
		defer cancel()
		o := &openAttempts{open: []vocab.MessageID{"a"}, after: func(int) error { return nil }}
		got, err := NewWithdrawer(o, time.Now).Withdraw(ctx, Withdrawal{}, time.Hour)
		if err != nil || len(got.InFlight) != 1 {
			t.Errorf("the caller left: %v, %v; the withdrawal stands and names what is open", got, err)
		}
	})
}

func TestWithdrawThatIsNotRecordedIsAnError(t *testing.T) {
	o := &openAttempts{withdraw: errGone, open: []vocab.MessageID{"a"}}
	got, err := NewWithdrawer(o, time.Now).Withdraw(t.Context(), Withdrawal{}, time.Hour)
	if !errors.Is(err, errGone) || len(got.InFlight) > 0 || o.asked > 0 {
		t.Errorf("got %+v, %v after %d looks, want the error alone", got, err, o.asked)
	}
}
