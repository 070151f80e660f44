package dispatcher

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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
