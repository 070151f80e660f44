package events_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/orleu/elshi/contacts"
	"github.com/orleu/elshi/events"
	"github.com/orleu/elshi/internal/testkit"
	"github.com/orleu/elshi/store"
	"github.com/orleu/elshi/vocab"
)

func TestEventsAreSentInOrderAndSignedForThePublishedLibrary(t *testing.T) {
	s := newScene(t, always(204))
	before := s.happen(t, 1)
	id, secret := s.webhook(t, "suppression.*")
	s.send(t, here)
	ids := s.happen(t, 30)
	got := s.arrive(t, 30)
	wantOrder(t, ids, got)
	if slices.Contains(got, before[0]) {
		t.Error("a webhook hears of what happened before it was made")
	}
	key, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range s.to.requests() {
		if err := key.VerifyIgnoringTimestamp(r.body, r.header); err != nil {
			t.Fatal(err)
		}
		if webhook := r.header.Get("webhook-id"); webhook != r.event.ID || seen[webhook] {
			t.Errorf("webhook-id %q of event %q", webhook, r.event.ID)
		}
		seen[r.event.ID] = true
		if r.header.Get("webhook-timestamp") != fmt.Sprint(monday.Unix()) || r.header.Get("Content-Type") != "application/json" {
			t.Errorf("headers %v", r.header)
		}
	}
	log := s.logged(t, id, func(d events.Delivery) bool { return d.EventID == s.to.requests()[29].event.ID })
	if len(log) != 30 || log[0].StatusCode != http.StatusNoContent || log[0].Error != "" || log[0].State != events.Delivered {
		t.Errorf("%d entries, the newest %+v", len(log), log[0])
	}
}

func TestOnlyWhatIsSubscribedToIsSent(t *testing.T) {
	s := newScene(t, always(200))
	s.webhook(t, "suppression.deleted", "contact.*")
	s.send(t, here)
	ids := s.happen(t, 3)
	if _, err := store.NewSuppressions(s.db).Lift(t.Context(), ids[1], contacts.Lift{By: "key_x", Reason: "asked for"}, s.clock()); err != nil {
		t.Fatal(err)
	}
	wantOrder(t, []vocab.SuppressionID{ids[1]}, s.arrive(t, 1))
}

func TestAnAttemptThatFailsIsMadeAgainBeforeWhatComesAfterIt(t *testing.T) {
	s := newScene(t, func(n int, _ request) int {
		if n <= 2 {
			return 500
		}
		return 200
	})
	id, _ := s.webhook(t, "*")
	s.send(t, here)
	ids := s.happen(t, 3)
	s.arrive(t, 1)
	d := s.logged(t, id, inState(events.Pending, 1))[0]
	if d.StatusCode != http.StatusInternalServerError || d.Error != events.ErrorStatus || !d.NextAt.Equal(monday.Add(5*time.Second)) || !d.InLine {
		t.Errorf("after the first attempt: %+v", d)
	}
	if x, err := s.webhooks.Get(t.Context(), id); err != nil || !x.FailingSince.Equal(monday) {
		t.Errorf("the webhook: %+v, %v", x, err)
	}
	s.wait(5 * time.Second)
	s.logged(t, id, inState(events.Pending, 2))
	s.wait(4 * time.Minute)
	s.wait(time.Minute)
	wantOrder(t, []vocab.SuppressionID{ids[0], ids[0], ids[0], ids[1], ids[2]}, s.arrive(t, 5))
	requests := s.to.requests()
	if requests[0].event.ID != requests[2].event.ID || !bytes.Equal(requests[0].body, requests[2].body) {
		t.Error("a retry has another id or body")
	}
	testkit.Eventually(t, 10*time.Second, func() error {
		if x, err := s.webhooks.Get(t.Context(), id); err != nil || !x.FailingSince.IsZero() {
			return errors.Join(err, fmt.Errorf("failing since %v", x.FailingSince))
		}
		return nil
	})
}

func TestAnEventThatIsNeverTakenStepsAsideAndIsGivenUpAtLast(t *testing.T) {
	var poison vocab.SuppressionID
	var mu sync.Mutex
	s := newScene(t, func(_ int, r request) int {
		mu.Lock()
		defer mu.Unlock()
		if poison == "" {
			poison = r.event.Data.SuppressionID
		}
		if r.event.Data.SuppressionID == poison {
			return 422
		}
		return 200
	})
	id, _ := s.webhook(t, "*")
	s.send(t, here)
	ids := s.happen(t, 2)
	last := func(attempt int, state events.DeliveryState) events.Delivery {
		t.Helper()
		var d events.Delivery
		testkit.Eventually(t, 10*time.Second, func() error {
			log, err := s.webhooks.Deliveries(t.Context(), id, "", 10)
			if err != nil || len(log) == 0 {
				return errors.Join(err, errors.New("nothing is logged"))
			}
			if d = log[len(log)-1]; d.Attempt != attempt || d.State != state {
				return fmt.Errorf("the first entry is %+v", d)
			}
			return nil
		})
		return d
	}
	delays := []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
	for i, delay := range delays {
		d := last(i+1, events.Pending)
		if got := d.NextAt.Sub(s.clock()); got != delay || d.InLine != (i < 2) {
			t.Errorf("after attempt %d it is tried again in %v, in line: %t", i+1, got, d.InLine)
		}
		if passed := slices.Contains(s.arrive(t, i+1), ids[1]); passed && i < 2 {
			t.Errorf("after attempt %d the next event has passed it", i+1)
		}
		s.wait(delay)
	}
	last(10, events.Dead)
	if n := len(s.arrive(t, 11)); n != 11 {
		t.Errorf("%d requests, want ten for the one and one for the other", n)
	}
	if x, err := s.webhooks.Get(t.Context(), id); err != nil || !x.Enabled {
		t.Errorf("a webhook that takes other events is disabled: %+v, %v", x, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if diff := cmp.Diff(map[string]int{"delivered": 1, "failed": 9, "dead": 1}, s.results); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

func TestWhatIsSaidOfAnEndpointThatDoesNotTakeIt(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		guard  events.Guard
		url    string
		want   events.ErrorClass
		code   int
	}{
		"too slow":                    {status: 0, guard: here, want: events.ErrorTimeout},
		"a redirect is not followed":  {status: 307, guard: here, want: events.ErrorRedirect, code: 307},
		"an error":                    {status: 503, guard: here, want: events.ErrorStatus, code: 503},
		"this machine is not public":  {status: 200, want: events.ErrorAddress},
		"a private one is not either": {status: 200, guard: here, url: "http://10.255.255.1:9/", want: events.ErrorAddress},
		"nobody listens":              {guard: here, url: "http://127.0.0.1:1/", want: events.ErrorConnect},
		"no TLS":                      {guard: here, url: "https", want: events.ErrorTLS},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, always(tc.status))
			url := tc.url
			switch url {
			case "":
				url = s.to.URL
			case "https":
				url = strings.Replace(s.to.URL, "http:", "https:", 1)
			}
			x, _, err := s.webhooks.Create(t.Context(), events.Webhook{URL: url, Events: events.Patterns{"*"}, Enabled: true}, s.clock())
			if err != nil {
				t.Fatal(err)
			}
			s.send(t, tc.guard)
			s.happen(t, 1)
			d := s.logged(t, x.ID, inState(events.Pending, 1))[0]
			if d.Error != tc.want || d.StatusCode != tc.code {
				t.Errorf("got %s %d, want %s %d", d.Error, d.StatusCode, tc.want, tc.code)
			}
			if n := len(s.to.requests()); n > 1 || tc.want == events.ErrorAddress && n > 0 {
				t.Errorf("%d requests came", n)
			}
		})
	}
}

func TestAnEndpointThatIsGoneOrFailsForDaysIsDisabledAndGoesOnWhereItStopped(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		want   events.DisabledReason
	}{
		"410":       {410, events.DisabledGone},
		"five days": {500, events.DisabledFailing},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			status := tc.status
			s := newScene(t, func(int, request) int {
				mu.Lock()
				defer mu.Unlock()
				return status
			})
			id, _ := s.webhook(t, "*")
			s.send(t, here)
			ids := s.happen(t, 1)
			s.logged(t, id, func(d events.Delivery) bool { return d.Attempt == 1 })
			if tc.want == events.DisabledFailing {
				s.wait(5 * 24 * time.Hour)
				s.logged(t, id, func(d events.Delivery) bool { return d.Attempt == 2 })
				s.wait(5 * time.Minute)
			}
			var x events.Webhook
			testkit.Eventually(t, 10*time.Second, func() error {
				var err error
				if x, err = s.webhooks.Get(t.Context(), id); err != nil || x.Enabled {
					return errors.Join(err, errors.New("it is enabled"))
				}
				return nil
			})
			if x.DisabledReason != tc.want || !strings.Contains(s.log.String(), string(tc.want)) {
				t.Errorf("disabled because of %q; the log says %s", x.DisabledReason, s.log.String())
			}
			later := s.happen(t, 1)
			mu.Lock()
			status = 200
			mu.Unlock()
			n := len(s.to.requests())
			s.wait(time.Hour)
			if _, err := s.webhooks.Update(t.Context(), id, s.clock(), func(x events.Webhook) (events.Webhook, error) {
				x.Enabled = true
				return x, nil
			}); err != nil {
				t.Fatal(err)
			}
			got := s.arrive(t, n+2)[n:]
			slices.Sort(got)
			wantOrder(t, []vocab.SuppressionID{ids[0], later[0]}, got)
		})
	}
}

// Nothing was delivered for days, because there was nothing to deliver or nobody who sent: one failure more is a moment's trouble.
func TestAQuietWebhookIsNotDisabledByAMomentsTrouble(t *testing.T) {
	s := newScene(t, func(n int, _ request) int {
		if n <= 2 {
			return 500
		}
		return 200
	})
	id, _ := s.webhook(t, "*")
	s.send(t, here)
	s.happen(t, 1)
	s.logged(t, id, func(d events.Delivery) bool { return d.Attempt == 1 })
	s.wait(9 * 24 * time.Hour)
	s.logged(t, id, func(d events.Delivery) bool { return d.Attempt == 2 })
	s.wait(5 * time.Minute)
	s.logged(t, id, inState(events.Delivered, 3))
	x, err := s.webhooks.Get(t.Context(), id)
	if err != nil || !x.Enabled || !x.FailingSince.IsZero() {
		t.Errorf("webhook %+v, %v", x, err)
	}
}

func TestASecretIsChangedOverWithTwoSignatures(t *testing.T) {
	s := newScene(t, always(200))
	id, first := s.webhook(t, "*")
	_, second, err := s.webhooks.Rotate(t.Context(), id, s.clock())
	if err != nil {
		t.Fatal(err)
	}
	s.send(t, here)
	verifies := func(n int, secret string) bool {
		t.Helper()
		s.arrive(t, n)
		key, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		r := s.to.requests()[n-1]
		return key.VerifyIgnoringTimestamp(r.body, r.header) == nil
	}
	s.happen(t, 1)
	if !verifies(1, first) || !verifies(1, second) {
		t.Error("within a day both secrets are good")
	}
	s.wait(events.SecretOverlap)
	s.happen(t, 1)
	if verifies(2, first) || !verifies(2, second) {
		t.Error("after a day only the new secret is good")
	}
}

func TestNothingIsLostOrSentTwiceWhenAProcessStopsAndAnotherGoesOn(t *testing.T) {
	reached, release := make(chan struct{}), make(chan struct{})
	s := newScene(t, func(n int, _ request) int {
		if n == 3 {
			close(reached)
			<-release
		}
		return 200
	})
	s.webhook(t, "*")
	ids := s.happen(t, 10)
	stop, wait := s.sendFrom(t, s.webhooks, here)
	<-reached
	stop() // in the middle of the third
	close(release)
	wait()
	wantOrder(t, ids[:3], s.arrive(t, 3))
	s.send(t, here)
	wantOrder(t, ids, s.arrive(t, 10))
}

// killed is a store that can no longer be reached from the nth record on: as for a process that is killed after its request.
type killed struct {
	*store.Webhooks

	mu   sync.Mutex
	left int
}

func (k *killed) Record(ctx context.Context, id events.WebhookID, from, to events.Place, o events.Outcome) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.left--; k.left < 0 {
		return false, errors.New("no connection")
	}
	return k.Webhooks.Record(ctx, id, from, to, o)
}

func TestWhatAProcessCouldNotRecordIsSentAgainWithTheSameID(t *testing.T) {
	s := newScene(t, always(200))
	s.webhook(t, "*")
	ids := s.happen(t, 4)
	_, wait := s.sendFrom(t, &killed{Webhooks: s.webhooks, left: 2}, here)
	s.arrive(t, 3)
	wait()
	n := len(s.to.requests())
	for _, r := range s.to.requests()[2:] {
		if r.event.Data.SuppressionID != ids[2] {
			t.Errorf("%s was sent although the one before was not recorded", r.event.Data.SuppressionID)
		}
	}
	s.send(t, here)
	s.arrive(t, n+2)
	requests := s.to.requests()
	if requests[2].event.ID != requests[n].event.ID || requests[n+1].event.Data.SuppressionID != ids[3] {
		t.Errorf("it went on with %+v", requests[n:])
	}
}

func TestAnEventIsSentAgainByOrderWithItsOwnID(t *testing.T) {
	s := newScene(t, always(200))
	id, _ := s.webhook(t, "*")
	s.send(t, here)
	s.happen(t, 1)
	d := s.logged(t, id, inState(events.Delivered, 1))[0]
	if _, err := s.webhooks.Redeliver(t.Context(), id, d.ID, s.clock()); err != nil {
		t.Fatal(err)
	}
	s.arrive(t, 2)
	if log := s.logged(t, id, inState(events.Delivered, 1)); len(log) != 1 {
		t.Errorf("the log has %d entries", len(log))
	}
	if r := s.to.requests(); r[0].event.ID != r[1].event.ID || !bytes.Equal(r[0].body, r[1].body) {
		t.Error("it is another event")
	}
	if _, err := s.webhooks.Test(t.Context(), id, s.clock()); err != nil {
		t.Fatal(err)
	}
	s.arrive(t, 3)
	if r := s.to.requests()[2]; r.event.Type != events.Test || r.header.Get("webhook-id") != r.event.ID {
		t.Errorf("the test is %+v", r.event)
	}
	s.logged(t, id, func(d events.Delivery) bool { return d.EventType == events.Test && d.State == events.Delivered })
}

func TestAWebhookThatIsFarBehindGoesOnWithWhatIsKept(t *testing.T) {
	s := newScene(t, always(200))
	s.webhook(t, "*")
	s.happen(t, 3)
	s.wait(time.Hour)
	young := s.happen(t, 2)
	if _, err := store.NewLedger(s.db).ForgetEvents(t.Context(), s.clock(), 100); err != nil {
		t.Fatal(err)
	}
	s.send(t, here)
	wantOrder(t, young, s.arrive(t, 2))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.results["skipped"] != 1 {
		t.Errorf("counted %v", s.results)
	}
}
